"""Dense nets: smooth functions of many columns at once, whatever their order.

Imports: scikit-learn, ``autoarch.families``; torch and skorch only when a net is built.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sklearn.preprocessing import StandardScaler

from autoarch._training.grids import GridScaler
from autoarch._training.scaling import RobustClip, ToFloat32
from autoarch.families.base import Needs, Params, Problem, Steps
from autoarch.families.netparts import NetFamily, batch_rows, epochs, make_net
from autoarch.families.tables import table_encoder

if TYPE_CHECKING:
    import optuna


class MLP(NetFamily):
    """Fully connected nets on scaled columns, categories one-hot."""

    name = "mlp"
    needs = Needs(packages=("torch", "skorch"))

    def scalings(self, problem: Problem) -> list[str]:
        """One scale for the whole grid is on offer where every column is a cell of one."""
        whole = problem.layout is not None and not len(problem.layout.foreign)
        return ["cell", "robust", "global"] if whole else ["robust", "cell"]

    def defaults(self, problem: Problem) -> Sequence[Params]:
        """A mid-sized net under each scaling, then a wider one with more dropout."""
        base = {"units": 256, "layers": 2, "dropout": 0.15, "lr": 3e-3, "decay": 1e-2, "effort": 2.0}
        wide = {"units": 512, "layers": 3, "dropout": 0.3, "lr": 2e-3, "decay": 3e-2, "effort": 4.0}
        scalings = self.scalings(problem)
        return [*({**base, "scaling": scaling} for scaling in scalings), {**wide, "scaling": scalings[0]}]

    def smoke_params(self, problem: Problem) -> Params:
        """One narrow layer."""
        return {"scaling": "cell", "units": 16, "layers": 1, "dropout": 0.0, "lr": 1e-2, "decay": 1e-4, "effort": 1.0}

    def suggest(self, trial: optuna.Trial, problem: Problem) -> Params:
        """Sample scaling, size and regularisation."""
        return {
            "scaling": trial.suggest_categorical("mlp.scaling", self.scalings(problem)),
            "units": trial.suggest_int("mlp.units", 32, 512, log=True),
            "layers": trial.suggest_int("mlp.layers", 1, 4),
            "dropout": trial.suggest_float("mlp.dropout", 0.0, 0.5),
            "lr": trial.suggest_float("mlp.lr", 5e-4, 2e-2, log=True),
            "decay": trial.suggest_float("mlp.decay", 1e-4, 0.3, log=True),
            "effort": trial.suggest_float("mlp.effort", 0.5, 8.0, log=True),
        }

    def build(self, params: Params, problem: Problem, seed: int) -> Steps:
        """Scale, encode, cast, then the net."""
        from autoarch._training.modules import DenseNet

        prepare: Steps
        if params["scaling"] == "global" and problem.layout is not None:
            prepare = [("scale", GridScaler(problem.layout))]
        else:
            scaler = RobustClip() if params["scaling"] == "robust" else StandardScaler()
            prepare = [("prepare", table_encoder(problem, scaler)), ("cast", ToFloat32())]
        net = make_net(
            problem,
            DenseNet,
            seed=seed,
            max_epochs=epochs(problem.n_samples, params["effort"]),
            batch_size=batch_rows(problem.n_samples, largest=256),
            lr=params["lr"],
            optimizer__weight_decay=params["decay"],
            module__units=params["units"],
            module__layers=params["layers"],
            module__dropout=params["dropout"],
        )
        return [*prepare, ("model", net)]
