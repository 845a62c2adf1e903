"""Dense nets: smooth functions of many columns at once, whatever their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.preprocessing import StandardScaler

from autoarch._training.scalers import CodeChannels, GridScaler
from autoarch._training.table_scalers import RobustClip, ToFloat32
from autoarch.families import categories, landmarks, preprocessing
from autoarch.families.base import Family, Needs, Params, Problem, Steps, Trial
from autoarch.families.landmarks import N_FOLDS, SMALL_ROWS, Check, Losses, Sample
from autoarch.families.net_settings import batch_rows, epochs, make_net, training_seconds

_MODULE = ("units", "layers", "dropout", "members", "norm", "sigma")  # parameters of the module as they are
_WIDE = 200  # columns; there, and on grids, many small steps pay
_EMBEDDING = 4  # values that a number becomes
_MOST_EMBEDDED = 200  # columns of numbers; with more, embedding them costs more than the rest of the net
_STEPS, _BATCH, _HIDDEN, _DROPOUT, _PEAK_RATE = 150, 64, 128, 0.2, 0.01  # of the landmark
_MOST_INPUTS = 1_200  # of the landmark; more are rotated into as many as there are rows


class MLP(Family):
    """Several dense nets in one on scaled columns, numbers embedded, categories one-hot."""

    name = "mlp"
    needs = Needs(packages=("torch", "skorch"))
    averages_folds = True
    title, landmark_title = "an MLP", "a small MLP"
    landmark_offset = 0.09
    prior_odds = (0.15, 0.20, 0.25)

    def scalings(self, problem: Problem) -> list[str]:
        """Scalings on offer; one scale for the whole grid where every column is a cell of one."""
        layout = problem.layout
        if layout is None or layout.is_bare_line or len(layout.foreign):
            return ["robust", "cell"]
        scalings = ["cell", "robust", "global"]
        return ["codes", *scalings] if "codes" in problem.symmetries else scalings

    def defaults(self, problem: Problem) -> Sequence[Params]:
        """Few large batches with and without norms, many small ones, then a larger net; many first on wide data."""
        first, second, *_ = self.scalings(problem)
        base = {"scaling": first, "units": 256, "layers": 2, "members": 4, "norm": True, "sigma": 0.3, "dropout": 0.1}
        base |= {"lr": 2e-3, "decay": 1e-2, "batches": 10, "effort": 1.0, **categories.usual_view(problem)}
        base |= preprocessing.spatial_default(problem)
        busy: Params = {**base, "batches": 40, "lr": 3e-3, "effort": 2.0}
        calm: Params = {**base, "norm": False, **preprocessing.spatial_default(problem, 1)}
        large: Params = {**base, "units": 512, "layers": 3, "members": 2, "dropout": 0.3, "scaling": second}
        large |= preprocessing.spatial_default(problem, 2)
        wide = problem.verdict != "none" or problem.n_features > _WIDE
        defaults = [busy, base, large, calm] if wide else [base, calm, busy, large]
        return preprocessing.with_order_free(defaults, [{**base, "scaling": "robust"}], problem)

    def smoke_params(self, problem: Problem) -> Params:
        """One narrow layer."""
        small = {"units": 16, "layers": 1, "members": 2, "dropout": 0.0, "lr": 1e-2, "scaling": "cell"}
        return {**self.defaults(problem)[0], **small}

    def suggest(self, trial: Trial, problem: Problem) -> Params:
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
            **preprocessing.suggest_spatial(trial, self.name, problem),
            **preprocessing.suggest_view(trial, self.name, problem, categories.views(problem)),
        }

    def build(self, params: Params, problem: Problem, seed: int) -> Steps:
        """Scale, encode, cast, then the net."""
        from autoarch._training.table_net import TableNet

        on_grid = params["scaling"] in ("codes", "global") and problem.layout is not None
        naming, problem = ([], problem) if on_grid else categories.naming_steps(params, problem)
        prepare, problem = preprocessing.spatial_steps(params, problem, seed)
        summaries, problem = preprocessing.view_steps(params, problem)
        prepare += summaries
        n_numbers = len(problem.numeric) if len(problem.numeric) <= _MOST_EMBEDDED else 0
        if params["scaling"] in ("codes", "global") and problem.layout is not None:
            scaler = CodeChannels if params["scaling"] == "codes" else GridScaler
            prepare, n_numbers = [*prepare, ("scale", scaler(problem.layout))], 0
        else:
            scaler = RobustClip() if params["scaling"] == "robust" else StandardScaler(copy=False)
            crossed, problem = categories.crossed_steps(params, problem, seed)
            prepare = [*categories.tidy_steps(problem), *naming, *prepare, *crossed]
            prepare += [("prepare", categories.table_encoder(problem, scaler)), ("cast", ToFloat32())]
        net = make_net(
            problem,
            TableNet,
            seed=seed,
            max_epochs=epochs(problem.n_samples, params["effort"]),
            batch_size=batch_rows(problem.n_samples, largest=256, per_epoch=params["batches"]),
            lr=params["lr"],
            optimizer__weight_decay=params["decay"],
            module__n_numbers=n_numbers,
            **({"module__outputs": "labels" if problem.several_labels else "numbers"} if problem.n_targets > 1 else {}),
            **{f"module__{name}": params[name] for name in _MODULE},
        )
        return [*prepare, ("model", net)]

    def nominal_seconds(self, params: Params, problem: Problem) -> float:
        """Estimate by the products of the layers."""
        summing = preprocessing.view_seconds(params, problem) + categories.crossing_seconds(params)
        _, problem = preprocessing.view_steps(params, problem)
        n, units, n_numbers = problem.n_samples, params["units"], len(problem.numeric)
        _, problem = categories.crossed_steps(params, problem, 0)
        inputs = categories.n_encoded(problem) + (_EMBEDDING - 1) * n_numbers * (n_numbers <= _MOST_EMBEDDED)
        products = params["members"] * units * (inputs + (params["layers"] - 1) * units + problem.n_outputs)
        batch = batch_rows(n, largest=256, per_epoch=params["batches"])
        return summing + training_seconds(n, epochs(n, params["effort"]), batch, products)

    def landmark(self, sample: Sample, check: Check) -> Losses:
        """Train a small net, under both scalings where every column is a cell; ridge is what a net can always do."""
        inputs = [sample.overall, sample.per_column] if sample.all_cells else [sample.expanded]
        steps = _STEPS if len(sample) >= SMALL_ROWS else _STEPS // 2
        nets = [landmarks.losses_of(output, sample) for output in _out_of_fold(inputs, sample, check, steps)]
        variants = [*nets, landmarks.ridge_losses(sample.products, sample)]
        return {self.name: landmarks.best_variant(variants, sample.folds)}

    def landmark_seconds(self, sample: Sample) -> float:
        """Estimate by the products of a forward pass, six times for all passes."""
        nets = N_FOLDS * (2 if sample.all_cells else 1)
        products = _STEPS * _BATCH * _HIDDEN * (min(sample.expanded.shape[1], _MOST_INPUTS) + _HIDDEN)
        return 0.5 + 6 * nets * products / 2e10


def _out_of_fold(inputs: list[np.ndarray], sample: Sample, check: Check, steps: int) -> np.ndarray:
    """Scores of every row, (inputs, n, classes or 1), by a small net that was trained on the other folds.

    Two hidden layers of 128 with batch normalisation and dropout. The folds and scalings are independent models held
    in batched matrices, so that a step costs little more than that of one model.
    """
    import torch
    from torch.nn import functional

    generator = torch.Generator().manual_seed(sample.seed)
    names = np.unique(sample.folds)
    trains = [torch.from_numpy(np.nonzero(sample.folds != name)[0]) for name in names]
    lengths = torch.tensor([len(rows) for rows in trains])
    table = torch.nn.utils.rnn.pad_sequence(trains, batch_first=True)
    data = torch.from_numpy(np.stack([_rotated(values) for values in inputs]))
    wanted = torch.from_numpy(sample.target if sample.n_classes else sample.target.astype(np.float32))
    which = torch.arange(len(inputs)).repeat_interleave(len(names))
    models = len(which)
    weights = _initial_weights(models, data.shape[2], max(1, sample.n_classes), generator)
    optimiser = torch.optim.AdamW(weights, lr=_PEAK_RATE, weight_decay=1e-2, fused=True)
    batch = min(_BATCH, int(lengths.min()))
    with torch.enable_grad():
        for step in range(steps):
            check()
            for group in optimiser.param_groups:
                group["lr"] = _PEAK_RATE * min(1.0, (step + 1) / 15) * (1 - step / steps)
            picks = (torch.rand(len(names), batch, generator=generator, device="cpu") * lengths[:, None]).long()
            rows = table.gather(1, picks).repeat(len(inputs), 1)
            answer = _forward(data[which[:, None], rows], weights, generator)
            if sample.n_classes:
                loss = functional.cross_entropy(answer.flatten(0, 1), wanted[rows].flatten())
            else:
                loss = functional.mse_loss(answer[..., 0], wanted[rows])
            optimiser.zero_grad()
            (models * loss).backward()  # the sum over models, so that they do not share a step size
            optimiser.step()
    out = np.empty((len(inputs), len(sample), max(1, sample.n_classes)), dtype=np.float32)
    with torch.no_grad():
        for model in range(models):
            check()
            source, fold = divmod(model, len(names))
            one = [w[model : model + 1] for w in weights]
            test = np.nonzero(sample.folds == names[fold])[0]
            training, held_out = (data[source][rows][None] for rows in (trains[fold], torch.from_numpy(test)))
            for layer in range(2):  # the training rows' own statistics, then the same for the rows held out
                training, held_out = (torch.bmm(part, one[3 * layer]) for part in (training, held_out))
                moments = training[0].mean(0), training[0].var(0, unbiased=False)
                training, held_out = (_normalise(part, one, layer, moments) for part in (training, held_out))
            out[source, test] = (held_out @ one[-2] + one[-1])[0].numpy()
    return out


def _rotated(values: np.ndarray) -> np.ndarray:
    """Rows of very many columns in coordinates of the space that they span, scaled to a mean square of 1.

    Nothing is lost: a first layer with Gaussian weights starts alike in any coordinates.
    """
    if values.shape[1] <= _MOST_INPUTS:
        return values
    squares, axes = np.linalg.eigh((values @ values.T).astype(np.float64))
    scores = axes * np.sqrt(np.maximum(squares, 0.0))
    return (scores / max(float(np.sqrt((scores**2).mean())), 1e-12)).astype(np.float32)


def _initial_weights(models: int, n_inputs: int, n_outputs: int, generator: Any) -> list[Any]:
    """He-scaled matrices with batch-norm gain and shift for two hidden layers, and a linear top."""
    import torch

    weights = []
    for fan_in in (n_inputs, _HIDDEN):
        matrix = torch.randn(models, fan_in, _HIDDEN, generator=generator, dtype=torch.float32) * (2.0 / fan_in) ** 0.5
        weights += [matrix, torch.ones_like(matrix[:, :1]), torch.zeros_like(matrix[:, :1])]
    top = torch.randn(models, _HIDDEN, n_outputs, generator=generator, dtype=torch.float32) * _HIDDEN**-0.5
    weights += [top, torch.zeros_like(top[:, :1])]
    return [w.requires_grad_() for w in weights]


def _normalise(values: Any, weights: list[Any], layer: int, moments: Any = (None, None)) -> Any:
    """Batch-normalise (models, rows, units), each model by itself, by its own rows or given moments; then ReLU."""
    import torch
    from torch.nn import functional

    models, rows, units = values.shape
    side_by_side = values.transpose(0, 1).reshape(rows, models * units)
    mean, variance = moments
    gain, shift = weights[3 * layer + 1].flatten(), weights[3 * layer + 2].flatten()
    normal = functional.batch_norm(side_by_side, mean, variance, gain, shift, training=mean is None)
    return torch.relu(normal).reshape(rows, models, units).transpose(0, 1)


def _forward(values: Any, weights: list[Any], generator: Any) -> Any:
    """Scores of a training batch, shape (models, batch, outputs), with dropout."""
    import torch

    for layer in range(2):
        values = _normalise(torch.bmm(values, weights[3 * layer]), weights, layer)
        values = (
            values * (torch.rand(values.shape, generator=generator, device="cpu") >= _DROPOUT) * (1 / (1 - _DROPOUT))
        )
    return values @ weights[-2] + weights[-1]
