"""Settings that families of nets share: the skorch class for the task, epochs, batches, rates and augmentation."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from autoarch._training.time_limited import LEAST_SHARE
from autoarch.families.base import Params, Problem, Trial

_PASSES = 3  # forward, backward to inputs and to weights
DENSE = (2e-3, 0.0, 1.6e10)  # seconds of a training step and of a row in it; multiplications in a second of a core
CONVOLUTIONS = (2.5e-3, 2e-5, 6e10)  # rows are augmented, and large products are quick


def epochs(n_samples: int, effort: float) -> int:
    """Passes over the data at an ``effort`` of 1: 38 for 200 rows, 20 for 1,000, 11 for 5,000, 4 for 60,000."""
    return max(2, round(effort * np.clip(20 * (n_samples / 1000) ** -0.4, 4, 60)))


def batch_rows(n_samples: int, *, largest: int, per_epoch: int = 40) -> int:
    """A power of two that makes some ``per_epoch`` batches of the rows, so that few rows still give many steps."""
    return int(2 ** np.clip(np.round(np.log2(max(n_samples, 1) / per_epoch)), 4, np.log2(largest)))


def training_seconds(
    n_rows: int, n_epochs: int, batch: int, products: float, costs: tuple[float, float, float] = DENSE
) -> float:
    """Estimate the seconds of a training on a core from the products of one row's forward pass."""
    step, row, pace = costs
    return n_epochs * (n_rows / batch * step + n_rows * (row + _PASSES * products / pace))


def make_net(problem: Problem, module: Any, **settings: Any) -> BaseEstimator:
    """The skorch class for the task around ``module``."""
    from autoarch._training.device import resolve_device
    from autoarch._training.loop import ArrayNetClassifier, ArrayNetLabels, ArrayNetRegressor

    of_labels = ArrayNetLabels if problem.several_labels else ArrayNetClassifier
    net = of_labels if problem.classification else ArrayNetRegressor
    return net(module, device=resolve_device(problem.device), least_share=LEAST_SHARE, **settings)


LARGEST_BATCH = 128
TRAINING = {"lr": 1e-2, "decay": 3e-2, "smoothing": 0.05, "shift": 0, "cutout": 0.0, "noise": 0.0, "mixup": 0.0}
_MIRRORS = ("mirror_columns", "mirror_rows")  # upside down, left to right


def mirrors(problem: Problem) -> bool:
    """Tell whether samples may be mirrored or turned, as likely and with the same label."""
    return not {*_MIRRORS, "turn"}.isdisjoint(problem.symmetries)


def most_shift(problem: Problem) -> int:
    """Cells by which samples may be shifted: none where shifted ones are unlikely, or labelled differently."""
    return 0 if "not shift" in problem.symmetries else 2


def closed_axes(problem: Problem) -> tuple[bool, bool]:
    """Tell whether a column, and a row, closes on itself."""
    return "circular_columns" in problem.symmetries, "circular_rows" in problem.symmetries


def suggest_training(trial: Trial, name: str, problem: Problem) -> Params:
    """Sample rate, regularisation and augmentation of the family ``name``."""
    mirrored = {"mirror": trial.suggest_categorical(f"{name}.mirror", [True, False])} if mirrors(problem) else {}
    return {
        "lr": trial.suggest_float(f"{name}.lr", 1e-3, 3e-2, log=True),
        "decay": trial.suggest_float(f"{name}.decay", 1e-4, 0.3, log=True),
        "smoothing": trial.suggest_float(f"{name}.smoothing", 0.0, 0.15),
        "shift": trial.suggest_int(f"{name}.shift", 0, most_shift(problem)),
        "cutout": trial.suggest_float(f"{name}.cutout", 0.0, 0.5),
        "noise": trial.suggest_float(f"{name}.noise", 0.0, 0.5),
        "mixup": trial.suggest_float(f"{name}.mixup", 0.0, 0.4),
        **mirrored,
    }


def suggest_effort(trial: Trial, name: str) -> float:
    """Sample the length of the training."""
    return trial.suggest_float(f"{name}.effort", 0.5, 4.0, log=True)


def training_settings(params: Params, problem: Problem, sides: tuple[int, ...]) -> dict[str, Any]:
    """Arguments of the skorch net; grids move along the ``sides`` that are longer than 1."""
    from autoarch._training.augment import Augmentation

    known = problem.symmetries if params.get("mirror", False) else ()
    augmentation = Augmentation(
        shift=(params["shift"] * (sides[0] > 1), params["shift"] * (sides[1] > 1)),
        mirror=(_MIRRORS[0] in known, _MIRRORS[1] in known),
        turn="turn" in known,
        cutout=params["cutout"],
        noise=params["noise"],
        wrap=closed_axes(problem),
    )
    loss = (
        {"criterion__label_smoothing": params["smoothing"]}
        if problem.classification and not problem.several_labels
        else {}
    )
    return {
        "augmentation": augmentation,
        "mixup": params["mixup"],
        "lr": params["lr"],
        "max_epochs": epochs(problem.n_samples, params["effort"]),
        "batch_size": batch_rows(problem.n_samples, largest=LARGEST_BATCH),
        "optimizer__weight_decay": params["decay"],
        **loss,
    }


def lengths(n_rows: int, steps: int | None = None) -> tuple[int, int, int]:
    """Rows in a batch, steps in an epoch, and epochs of the usual training or of one of so many steps."""
    batch = batch_rows(n_rows, largest=LARGEST_BATCH)
    per_epoch = max(1, round(n_rows / batch))
    return batch, per_epoch, epochs(n_rows, 1.0) if steps is None else max(1, round(steps / per_epoch))
