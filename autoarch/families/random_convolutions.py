"""Random convolutions and ridge: seconds on a CPU, and often the best on few samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import gen_batches

from autoarch._statistics import random_convolutions
from autoarch._statistics.ridge import RidgeFit, fit_ridge
from autoarch.families import preprocessing
from autoarch.families.base import Array, Family, Needs, Params, Problem, Steps, Trial

BLOCKS = {
    "all": ("placed", "anywhere", "winners", "cells"),
    "patterns": ("anywhere", "winners"),  # what there is, wherever it stands
    "places": ("placed", "winners", "cells"),
}
_MANY_ROWS = 3_000  # from which on the features, not the rows, must be few enough for an eigendecomposition,
_MOST_FEATURES = 3_000  # or
_MOST_VALUES = 60_000_000  # rows x features, of 8 bytes
_ROWS_AT_A_TIME = 2_048
_LARGEST = 10.0  # standard deviations
_FLOOR = 0.05  # of the typical deviation in a block: features that hardly vary would be blown up
_TEMPERATURES = (-3.0, 5.0)  # natural logarithms


@dataclass(frozen=True, eq=False)
class Block:
    """Selection, centre and scale of the features of one kind, which together weigh as much as any other kind."""

    kept: np.ndarray
    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def learn(cls, features: np.ndarray) -> Block:
        spread = features.std(axis=0)
        kept = np.flatnonzero(spread > 1e-9)
        if not len(kept):
            return cls(kept, spread[kept], spread[kept])
        spread = np.maximum(spread[kept], _FLOOR * np.median(spread[kept]))
        return cls(kept, features[:, kept].mean(axis=0), spread * np.sqrt(len(kept)))

    def of(self, features: np.ndarray) -> np.ndarray:
        scaled = (features[:, self.kept] - self.mean) / self.scale
        limit = _LARGEST / float(np.sqrt(max(1, len(self.kept))))
        return np.clip(scaled, -limit, limit, out=scaled)


class RandomConvolutions(BaseEstimator):
    def __init__(self, n_kernels: int = 256, features: str = "all", seed: int = 0):
        self.n_kernels = n_kernels
        self.features = features
        self.seed = seed

    def _learn(self, X: np.ndarray, targets: np.ndarray, sample_weight: Any) -> RidgeFit:
        self.pools_ = tuple(name for name in BLOCKS[self.features] if name != "cells")
        n_kernels = random_convolutions.whole_groups(self._affordable_kernels(len(X)), *X.shape[2:])
        self.banks_ = random_convolutions.random_banks(X, np.random.default_rng(self.seed), n_kernels)
        varying = np.ptp(X.reshape(*X.shape[:2], -1), axis=2).max(axis=0) > 0
        cells = np.ones(X.shape[1:], bool)
        cells[~varying, 1:] = cells[~varying, :, 1:] = False  # of a channel that is constant over the grid, one cell
        most_cells = _MOST_FEATURES if len(X) <= _MANY_ROWS else _MOST_FEATURES // 3
        wanted = "cells" in BLOCKS[self.features] and cells.sum() <= most_cells
        self.cells_ = np.flatnonzero(cells.ravel()) if wanted else np.empty(0, np.intp)
        raw = self._raw(X)
        self.blocks_ = [Block.learn(part) for part in raw]
        scaled = self._scaled(raw)
        del raw
        self.n_features_in_ = int(np.prod(X.shape[1:]))
        weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        self.ridge_ = fit_ridge(scaled.astype(np.float64), targets, weight)
        return self.ridge_

    def _affordable_kernels(self, n_rows: int) -> int:
        if n_rows <= _MANY_ROWS:
            return self.n_kernels
        most = min(_MOST_FEATURES, _MOST_VALUES // n_rows)
        return min(self.n_kernels, most // sum(random_convolutions.PER_KERNEL[pool] for pool in self.pools_))

    def _raw(self, X: np.ndarray) -> list[np.ndarray]:
        X = np.ascontiguousarray(X, dtype=np.float32)
        parts = list(random_convolutions.pooled_features(X, self.banks_, lambda: None, self.pools_))
        return [*parts, X.reshape(len(X), -1)[:, self.cells_]] if len(self.cells_) else parts

    def _scaled(self, raw: list[np.ndarray]) -> np.ndarray:
        return np.concatenate([block.of(part) for block, part in zip(self.blocks_, raw, strict=True)], axis=1)

    def outputs(self, X: np.ndarray) -> np.ndarray:
        """Outputs of the ridge, (n, targets)."""
        batches = gen_batches(len(X), _ROWS_AT_A_TIME)
        return np.concatenate([self.ridge_.predict(self._scaled(self._raw(X[rows]))) for rows in batches])


class RandomConvolutionClassifier(ClassifierMixin, RandomConvolutions):
    """Ridge on random convolutions of grids, one target per class; its left-out rows calibrate the probabilities.

    Parameters
    ----------
    n_kernels : int, default=256
        Kernels, rounded to whole groups that compete; fewer where so many rows would cost too much memory or time.
    features : {"all", "patterns", "places"}, default="all"
        "patterns": whether and how often a pattern occurs; "places": where, and the cells themselves; or all that.
    seed : int, default=0
        Seed of the kernels.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from autoarch.families.random_convolutions import RandomConvolutionClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> grids = X.reshape(-1, 1, 8, 8) / 16
    >>> model = RandomConvolutionClassifier(n_kernels=24).fit(grids[:300], y[:300])
    >>> bool(model.score(grids[300:], y[300:]) > 0.9)
    True
    """

    def fit(self, X: np.ndarray, y: np.ndarray, sample_weight: Any = None) -> RandomConvolutionClassifier:
        """Fit on grids of shape (n, channels, height, width)."""
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        targets = np.where(codes[:, None] == np.arange(len(self.classes_)), 1.0, -1.0)
        left_out = self._learn(X, targets, sample_weight).left_out

        def loss(log_temperature: float) -> float:
            logs = log_softmax(np.exp(log_temperature) * left_out, axis=1)[np.arange(len(codes)), codes]
            return -float(np.average(logs, weights=sample_weight))

        self.temperature_ = float(np.exp(minimize_scalar(loss, bounds=_TEMPERATURES, method="bounded").x))
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probabilities in the order of ``classes_``."""
        return self.from_outputs(self.outputs(X))

    def from_outputs(self, outputs: np.ndarray) -> np.ndarray:
        """Probabilities from the outputs of the ridge."""
        return softmax(self.temperature_ * outputs, axis=-1)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Labels as ``fit`` got them."""
        return self.classes_[self.outputs(X).argmax(axis=1)]


class RandomConvolutionRegressor(RegressorMixin, RandomConvolutions):
    """Ridge on random convolutions of grids.

    Parameters
    ----------
    n_kernels : int, default=256
        Kernels, as for :class:`RandomConvolutionClassifier`.
    features : {"all", "patterns", "places"}, default="all"
        Features of their responses.
    seed : int, default=0
        Seed of the kernels.
    """

    def fit(self, X: np.ndarray, y: np.ndarray, sample_weight: Any = None) -> RandomConvolutionRegressor:
        """Fit on grids of shape (n, channels, height, width)."""
        y = np.asarray(y, dtype=np.float64)
        self.y_scale_ = float(y.std()) or 1.0
        self.y_range_ = float(y.min()), float(y.max())
        self._learn(X, y[:, None] / self.y_scale_, sample_weight)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Values in the units of y, at most half the range of those seen beyond them."""
        return self.from_outputs(self.outputs(X))[:, 0]

    def from_outputs(self, outputs: np.ndarray) -> np.ndarray:
        """Values from the outputs of the ridge."""
        low, high = self.y_range_
        return np.clip(outputs * self.y_scale_, low - (high - low) / 2, high + (high - low) / 2)


_MOMENT_ROWS, _MOMENT_VALUES = 1_500, 2_000_000  # of X, up to which a fit takes a second or two and is not timed first


class Kernels(Family):
    """Features of random convolutions, as in ROCKET and Hydra but on grids as well as on lines, and ridge on them."""

    name = "kernels"
    needs = Needs(grid=True, packages=("torch",))
    averages_seeds = True

    def defaults(self, problem: Problem) -> Sequence[Params]:
        """All features; of places, with neighbours hidden and not; many patterns, many places; the other scaling."""
        around = preprocessing.neighborhood_default(problem)
        base = {"kernels": 256, "features": "all", "scaling": "global", **around}
        variants: list[Params] = [{"features": "patterns", "kernels": 1024}, {"features": "places", "kernels": 512}]
        variants = [{"hidden": False}, *variants] if around else [*variants, {"scaling": "cell"}]
        return [base, *({**base, **variant} for variant in variants)]

    def smoke_params(self, problem: Problem) -> Params:
        """A few kernels."""
        return {**self.defaults(problem)[0], "kernels": 32}

    def suggest(self, trial: Trial, problem: Problem) -> Params:
        """Sample the number of kernels, their features and the scaling."""
        return {
            "kernels": trial.suggest_int("kernels.kernels", 64, 1024, log=True),
            "features": trial.suggest_categorical("kernels.features", list(BLOCKS)),
            "scaling": trial.suggest_categorical("kernels.scaling", ["global", "cell"]),
            **preprocessing.suggest_neighborhood(trial, self.name, problem),
        }

    def build(self, params: Params, problem: Problem, seed: int) -> Steps:
        """Make grids, then convolve and fit."""
        model = RandomConvolutionClassifier if problem.classification else RandomConvolutionRegressor
        ridge = model(n_kernels=params["kernels"], features=params["features"], seed=seed)
        return [preprocessing.grid_step(params, problem), ("model", ridge)]

    def fit(self, model: BaseEstimator, X: Array, y: Array, **limits: Any) -> BaseEstimator:
        """Fit small data at once: trials on few rows to find out what can be afforded would cost as much."""
        if len(X) <= _MOMENT_ROWS and X.size <= _MOMENT_VALUES:
            return model.fit(X, y, sample_weight=limits["sample_weight"])
        return super().fit(model, X, y, **limits)
