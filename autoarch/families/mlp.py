"""Dense nets: smooth functions of many columns at once, whatever their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sklearn.preprocessing import StandardScaler

from autoarch._training.scalers import GridScaler, RobustClip, ToFloat32
from autoarch.families import spatial_steps
from autoarch.families.base import Needs, Params, Problem, Steps
from autoarch.families.net_settings import NetFamily, batch_rows, epochs, make_net
from autoarch.families.preprocessing import table_encoder

if TYPE_CHECKING:
    import optuna


_WIDE = 200  # columns; there, and on grids, many small steps pay
_MOST_EMBEDDED = 200  # columns of numbers; with more, embedding them costs more than the rest of the net


class MLP(NetFamily):
    """Several dense nets in one on scaled columns, numbers embedded, categories one-hot."""

    name = "mlp"
    needs = Needs(packages=("torch", "skorch"))
    averages_folds = True

    def scalings(self, problem: Problem) -> list[str]:
        """One scale for the whole grid is on offer where every column is a cell of one."""
        layout = problem.layout
        if layout is None or layout.is_bare_line or len(layout.foreign):
            return ["robust", "cell"]
        return ["cell", "robust", "global"]

    def defaults(self, problem: Problem) -> Sequence[Params]:
        """Few large batches with and without norms, many small ones, then a larger net; many first on wide data."""
        first, second, *_ = self.scalings(problem)
        base = {
            "scaling": first,
            "units": 256,
            "layers": 2,
            "members": 4,
            "norm": True,
            "sigma": 0.3,
            "dropout": 0.1,
            "lr": 2e-3,
            "decay": 1e-2,
            "batches": 10,
            "effort": 1.0,
            **spatial_steps.first(problem),
        }
        busy: Params = {**base, "batches": 40, "lr": 3e-3, "effort": 2.0}
        calm: Params = {**base, "norm": False, **spatial_steps.first(problem, 1)}
        large: Params = {**base, "units": 512, "layers": 3, "members": 2, "dropout": 0.3, "scaling": second}
        large |= spatial_steps.first(problem, 2)
        wide = problem.verdict != "none" or problem.n_features > _WIDE
        return [busy, base, large, calm] if wide else [base, calm, busy, large]

    def smoke_params(self, problem: Problem) -> Params:
        """One narrow layer."""
        small = {"units": 16, "layers": 1, "members": 2, "dropout": 0.0, "lr": 1e-2, "scaling": "cell"}
        return {**self.defaults(problem)[0], **small}

    def suggest(self, trial: optuna.Trial, problem: Problem) -> Params:
        """Sample scaling, size, regularisation and the length of the training."""
        return {
            "scaling": trial.suggest_categorical("mlp.scaling", self.scalings(problem)),
            "units": trial.suggest_int("mlp.units", 64, 512, log=True),
            "layers": trial.suggest_int("mlp.layers", 1, 4),
            "members": trial.suggest_int("mlp.members", 1, 8, log=True),
            "norm": trial.suggest_categorical("mlp.norm", [True, False]),
            "sigma": trial.suggest_float("mlp.sigma", 0.03, 1.0, log=True),
            "dropout": trial.suggest_float("mlp.dropout", 0.0, 0.5),
            "lr": trial.suggest_float("mlp.lr", 5e-4, 2e-2, log=True),
            "decay": trial.suggest_float("mlp.decay", 1e-4, 0.3, log=True),
            "batches": trial.suggest_int("mlp.batches", 5, 60, log=True),
            "effort": trial.suggest_float("mlp.effort", 0.5, 6.0, log=True),
            **spatial_steps.suggested(trial, self.name, problem),
        }

    def build(self, params: Params, problem: Problem, seed: int) -> Steps:
        """Scale, encode, cast, then the net."""
        from autoarch._training.table_net import TableNet

        prepare, problem = spatial_steps.spatial_steps(params, problem, seed)
        n_numbers = len(problem.numeric) if len(problem.numeric) <= _MOST_EMBEDDED else 0
        if params["scaling"] == "global" and problem.layout is not None:
            prepare, n_numbers = [*prepare, ("scale", GridScaler(problem.layout))], 0
        else:
            scaler = RobustClip() if params["scaling"] == "robust" else StandardScaler()
            prepare += [("prepare", table_encoder(problem, scaler)), ("cast", ToFloat32())]
        net = make_net(
            problem,
            TableNet,
            seed=seed,
            max_epochs=epochs(problem.n_samples, params["effort"]),
            batch_size=batch_rows(problem.n_samples, largest=256, per_epoch=params["batches"]),
            lr=params["lr"],
            optimizer__weight_decay=params["decay"],
            module__units=params["units"],
            module__layers=params["layers"],
            module__dropout=params["dropout"],
            module__members=params["members"],
            module__norm=params["norm"],
            module__n_numbers=n_numbers,
            module__sigma=params["sigma"],
        )
        return [*prepare, ("model", net)]
