"""How nets on grids are trained, whether their weights are random or pretrained: defaults, space and settings.

Imports: ``autoarch.families``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autoarch.families.base import Params, Problem
from autoarch.families.netparts import batch_rows, epochs

if TYPE_CHECKING:
    import optuna

LARGEST_BATCH = 128
TRAINING: Params = {
    "lr": 1e-2,
    "decay": 3e-2,
    "smoothing": 0.05,
    "shift": 0,
    "cutout": 0.0,
    "noise": 0.0,
    "mixup": 0.0,
}


def suggested_training(trial: optuna.Trial) -> Params:
    """Sample rate, regularisation and augmentation."""
    return {
        "lr": trial.suggest_float("cnn.lr", 1e-3, 3e-2, log=True),
        "decay": trial.suggest_float("cnn.decay", 1e-4, 0.3, log=True),
        "smoothing": trial.suggest_float("cnn.smoothing", 0.0, 0.15),
        "shift": trial.suggest_int("cnn.shift", 0, 2),
        "cutout": trial.suggest_float("cnn.cutout", 0.0, 0.5),
        "noise": trial.suggest_float("cnn.noise", 0.0, 0.5),
        "mixup": trial.suggest_float("cnn.mixup", 0.0, 0.4),
    }


def suggested_effort(trial: optuna.Trial) -> float:
    """Sample the length of the training."""
    return trial.suggest_float("cnn.effort", 0.5, 4.0, log=True)


def training_settings(params: Params, problem: Problem, sides: tuple[int, ...]) -> dict[str, Any]:
    """What the skorch net is told of all this; grids move along the ``sides`` that are longer than 1."""
    loss = {"criterion__label_smoothing": params["smoothing"]} if problem.classification else {}
    return {
        "shift": tuple(params["shift"] * (side > 1) for side in sides),
        "cutout": params["cutout"],
        "noise": params["noise"],
        "mixup": params["mixup"],
        "max_epochs": epochs(problem.n_samples, params["effort"]),
        "batch_size": batch_rows(problem.n_samples, largest=LARGEST_BATCH),
        "lr": params["lr"],
        "optimizer__weight_decay": params["decay"],
        **loss,
    }


def lengths(n_rows: int, steps: int | None = None) -> tuple[int, int, int]:
    """Rows in a batch, steps in an epoch, and epochs of the usual training or of one of so many steps."""
    batch = batch_rows(n_rows, largest=LARGEST_BATCH)
    per_epoch = max(1, round(n_rows / batch))
    return batch, per_epoch, epochs(n_rows, 1.0) if steps is None else max(1, round(steps / per_epoch))
