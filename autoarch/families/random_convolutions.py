"""Ridge on features of random convolutions, whose fit ends in time.

Under a deadline, a block of rows is timed first, and as many kernels are taken as all rows can be given; then features
are computed block by block while there is time for the ridge, whose cost follows from its size.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import gen_batches

from autoarch._core.clock import Deadline, TooSlowError
from autoarch._statistics import random_convolutions
from autoarch._statistics.random_convolutions import Block
from autoarch._statistics.ridge import fit_ridge, operations_per_second, ridge_operations
from autoarch._training.labels import classes_of, pairs
from autoarch._training.time_limited import MAY_HALVE, class_first_order, largest

BLOCKS = {
    "all": ("placed", "anywhere", "winners", "cells"),
    "patterns": ("anywhere", "winners"),  # what there is, wherever it stands
    "places": ("placed", "winners", "cells"),
}
_MANY_ROWS = 3_000  # from which on the features, not the rows, must be few enough for an eigendecomposition,
_MOST_FEATURES = 3_000  # or
_MOST_VALUES = 60_000_000  # rows x features, of 8 bytes
_ROWS_AT_A_TIME = 2_048
_TEMPERATURES = (-3.0, 5.0)  # natural logarithms
_SEEN_ROWS = 2_000  # of pictures that are computed when they are taken, for the kernels
_TIMED_ROWS = 32  # whose features say how long those of the others take
_FEW_ROWS, _FEW_KERNELS = 500, 64  # the least that is worth a model where time is short
_PER_OUTPUT = 4e-7  # seconds that the choice of a temperature takes for each row and class
_SHARE = 0.95  # of the time left that is planned for
_LOOKS = 20  # at the clock while the features are computed, at least


@dataclass(frozen=True)
class Pace:
    """Seconds of a row's features for each kernel, and operations of a product of matrices in a second."""

    kernel: float
    operations: float

    def ridge(self, n_rows: int, n_features: int, n_targets: int) -> float:
        """Seconds of the ridge and the temperature."""
        return ridge_operations(n_rows, n_features, n_targets) / self.operations + n_rows * n_targets * _PER_OUTPUT

    def least_ridge(self, n_rows: int, n_features: int, n_targets: int) -> float:
        """Seconds of what nothing can stop, with room for a pace that halves meanwhile."""
        operations = ridge_operations(n_rows, n_features, n_targets, n_penalties=1)
        return MAY_HALVE * (operations / self.operations + n_rows * n_targets * _PER_OUTPUT)


class RandomConvolutions(BaseEstimator):
    def __init__(
        self,
        n_kernels: int = 256,
        features: str = "all",
        seed: int = 0,
        whole: int | None = None,
        parts: Sequence[int] = (),
    ):
        self.n_kernels = n_kernels
        self.features = features
        self.seed = seed
        self.whole = whole
        self.parts = parts

    def _learn(self, X: Any, y: np.ndarray, targets: np.ndarray, sample_weight: Any, deadline: Deadline) -> np.ndarray:
        """Fit the ridge, on fewer kernels and then on fewer rows where time is short; return the rows in order."""
        if deadline.unlimited:
            X = X[:]  # pictures that are computed when they are taken become an array
        some = np.linspace(0, len(X) - 1, min(len(X), _SEEN_ROWS)).astype(np.intp)
        seen = X if isinstance(X, np.ndarray) else X[some]
        self.pools_ = tuple(name for name in BLOCKS[self.features] if name != "cells")
        self.cells_ = self._choose_cells(seen, len(X))
        self.n_rounds_fitted_ = self.n_kernels
        self._draw(seen, affordable_kernels(self.n_kernels, self.features, len(X)))
        order, drawn = class_first_order(y, self.seed), self._n_drawn
        order = order[: max(_FEW_ROWS, _MOST_VALUES // self._n_features(drawn))]
        if deadline.unlimited:
            rows = np.sort(order)
            raw = self._raw(X if len(rows) == len(X) else X[rows])
        else:
            kernels = self._kernels_in_time(X, order, targets.shape[1], deadline)
            if kernels < drawn:
                self._draw(seen, kernels)
                self.n_rounds_fitted_ = self.n_kernels * kernels // drawn
            rows, raw = self._raw_in_time(X, order, targets.shape[1], deadline)
        self.n_rows_fitted_ = len(rows)
        self.blocks_ = [Block.learn(part) for part in raw]
        scaled = self._scaled(raw)
        self.n_features_in_ = int(np.prod(X.shape[1:]))
        weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)[rows]
        self.ridge_ = fit_ridge(scaled, targets[rows], weight, deadline)
        whole = len(rows) == len(X) and self.n_rounds_fitted_ == self.n_kernels
        self.complete_ = whole and self.ridge_.settled
        return rows

    def _draw(self, X: np.ndarray, n_kernels: int) -> None:
        n_kernels = random_convolutions.whole_groups(n_kernels, X.shape[2], X.shape[3], self.whole)
        rng = np.random.default_rng(self.seed)
        self.banks_ = random_convolutions.random_banks(X, rng, n_kernels, self.whole, self.parts)

    @property
    def _n_drawn(self) -> int:
        return sum(len(bank.weights) for bank in self.banks_)

    def _choose_cells(self, X: np.ndarray, n_rows: int) -> np.ndarray:
        varying = np.ptp(X.reshape(*X.shape[:2], -1), axis=2).max(axis=0) > 0
        cells = np.ones(X.shape[1:], bool)
        cells[~varying, 1:] = cells[~varying, :, 1:] = False  # of a channel that is constant over the grid, one cell
        if len(self.parts) > 1:
            cells[self.parts[0] : sum(self.parts)] = False  # the same cells once more
        most_cells = _MOST_FEATURES if n_rows <= _MANY_ROWS else _MOST_FEATURES // 3
        wanted = "cells" in BLOCKS[self.features] and cells.sum() <= most_cells
        return np.flatnonzero(cells.ravel()) if wanted else np.empty(0, np.intp)

    def _n_features(self, n_kernels: int) -> int:
        return n_kernels * per_kernel(self.features) + len(self.cells_)

    def _kernels_in_time(self, X: Any, order: np.ndarray, n_targets: int, deadline: Deadline) -> int:
        """Kernels whose features, and the ridge on them, can be computed before the deadline for all rows.

        Raises
        ------
        TooSlowError
            If the fewest kernels take too long on a few rows.
        """
        drawn, few = self._n_drawn, order[:_TIMED_ROWS]
        began = time.monotonic()
        self._raw(X[few])
        pace = Pace((time.monotonic() - began) / (len(few) * drawn), operations_per_second())

        def seconds(n_rows: int, n_kernels: int) -> float:
            return n_rows * n_kernels * pace.kernel + pace.ridge(n_rows, self._n_features(n_kernels), n_targets)

        fewest, fewest_rows = min(_FEW_KERNELS, drawn), min(len(order), _FEW_ROWS)
        if fewest_rows == _FEW_ROWS and seconds(_FEW_ROWS, fewest) > deadline.left:
            raise TooSlowError(seconds(len(order), drawn), deadline.left)
        return largest(lambda kernels: seconds(len(order), kernels) <= _SHARE * deadline.left, fewest, drawn)

    def _raw_in_time(
        self, X: Any, order: np.ndarray, n_targets: int, deadline: Deadline
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Features of as many rows as can be computed, with time for the ridge left, and these rows in order."""
        features, fewest = self._n_features(self._n_drawn), min(len(order), _FEW_ROWS)
        pace, parts, done = Pace(0.0, operations_per_second()), [], 0
        size, per_row = _TIMED_ROWS, 0.0
        while done < len(order):
            following = min(len(order), done + size)
            needed = per_row * size + pace.ridge(following, features, n_targets)
            if done >= fewest and needed > deadline.left:
                break
            began = time.monotonic()
            parts.append(self._raw(X[order[done:following]]))
            per_row = max(time.monotonic() - began, 1e-6) / (following - done)
            slice_rows = int(deadline.left / (_LOOKS * per_row))
            done, size = following, int(np.clip(slice_rows, _TIMED_ROWS // 2, min(2 * size, _ROWS_AT_A_TIME)))
        pace = Pace(0.0, operations_per_second())
        left = deadline.left
        rows = largest(lambda rows: pace.least_ridge(rows, features, n_targets) <= left, min(fewest, done), done)
        kinds = list(zip(*parts, strict=True))
        parts.clear()  # so that each kind of features goes when it has been joined
        place = np.argsort(np.argsort(order[:rows]))
        return np.sort(order[:rows]), [_joined(kinds.pop(0), place) for _ in range(len(kinds))]

    def _raw(self, X: np.ndarray) -> list[np.ndarray]:
        X = np.ascontiguousarray(X, dtype=np.float32)
        parts = list(random_convolutions.pooled_features(X, self.banks_, lambda: None, self.pools_))
        return [*parts, X.reshape(len(X), -1)[:, self.cells_]] if len(self.cells_) else parts

    def _scaled(self, raw: list[np.ndarray]) -> np.ndarray:
        """Scaled features of all kinds side by side; ``raw`` is emptied, so that there are never two copies of all."""
        ends = np.cumsum([0, *(len(block.kept) for block in self.blocks_)])
        scaled = np.empty((len(raw[0]), ends[-1]), np.float32)
        for block, start, end in zip(self.blocks_, ends, ends[1:], strict=False):
            scaled[:, start:end] = block.of(raw.pop(0))
        return scaled

    def _forget_rows(self) -> None:
        """Drop what is known of each training row, which no prediction needs."""
        self.ridge_ = replace(self.ridge_, left_out=np.empty((0, self.ridge_.coef.shape[1])))

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
    whole : {0, 1} or None, default=None
        The axis, down or across, whose lines are read as channels of one line.
    parts : sequence of int, default=()
        Numbers of channels, the first ones, that show the same cells in several ways; a kernel reads one of them.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from autoarch.families.random_convolutions import RandomConvolutionClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> grids = (X.reshape(-1, 1, 8, 8) / 16).astype("float32")
    >>> model = RandomConvolutionClassifier(n_kernels=24).fit(grids[:300], y[:300])
    >>> bool(model.score(grids[300:], y[300:]) > 0.9)
    True
    """

    classes_: Any

    def fit(
        self, X: np.ndarray, y: np.ndarray, sample_weight: Any = None, deadline: Deadline | None = None
    ) -> RandomConvolutionClassifier:
        """Fit on grids of shape (n, channels, height, width), on fewer kernels or rows where a deadline needs it."""
        if np.ndim(y) == 2:
            return self._fit_labels(X, np.asarray(y), sample_weight, deadline or Deadline())
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        targets = np.where(codes[:, None] == np.arange(len(self.classes_)), 1.0, -1.0)
        rows = self._learn(X, codes, targets, sample_weight, deadline or Deadline())
        left_out, codes = self.ridge_.left_out, codes[rows]
        weights = None if sample_weight is None else np.asarray(sample_weight)[rows]

        def loss(log_temperature: float) -> float:
            logs = log_softmax(np.exp(log_temperature) * left_out, axis=1)[np.arange(len(codes)), codes]
            return -float(np.average(logs, weights=weights))

        return self._settled(loss)

    def _fit_labels(
        self, X: np.ndarray, y: np.ndarray, sample_weight: Any, deadline: Deadline
    ) -> RandomConvolutionClassifier:
        """Fit on indicators of several labels, each a target of the ridge and a logistic curve of it."""
        self.classes_ = classes_of(y)
        signs = np.where(y == 1, 1.0, -1.0)
        rows = self._learn(X, y, signs, sample_weight, deadline)
        margins, weights = signs[rows] * self.ridge_.left_out, None
        if sample_weight is not None:
            weights = np.asarray(sample_weight)[rows]

        def loss(log_temperature: float) -> float:
            return -float(np.average(log_expit(np.exp(log_temperature) * margins).mean(axis=1), weights=weights))

        return self._settled(loss)

    def _settled(self, loss: Callable[[float], float]) -> RandomConvolutionClassifier:
        """Take the temperature whose logarithm has the least loss, and forget the rows."""
        self.temperature_ = float(np.exp(minimize_scalar(loss, bounds=_TEMPERATURES, method="bounded").x))
        self._forget_rows()
        return self

    def predict_proba(self, X: np.ndarray) -> Any:
        """Probabilities in the order of ``classes_``; of several labels a list with an array for each."""
        outputs = self.outputs(X)
        if not isinstance(self.classes_, list):
            return self.from_outputs(outputs)
        return pairs(expit(self.temperature_ * outputs))

    def from_outputs(self, outputs: np.ndarray) -> np.ndarray:
        """Probabilities from the outputs of the ridge."""
        return softmax(self.temperature_ * outputs, axis=-1)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Labels as ``fit`` got them."""
        if isinstance(self.classes_, list):
            return (self.outputs(X) > 0).astype(np.int64)
        return self.classes_[self.outputs(X).argmax(axis=1)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = tags.classifier_tags.multi_label = True
        return tags


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
    whole : {0, 1} or None, default=None
        The axis, down or across, whose lines are read as channels of one line.
    parts : sequence of int, default=()
        Numbers of channels, the first ones, that show the same cells in several ways; a kernel reads one of them.
    """

    def fit(
        self, X: np.ndarray, y: np.ndarray, sample_weight: Any = None, deadline: Deadline | None = None
    ) -> RandomConvolutionRegressor:
        """Fit on grids of shape (n, channels, height, width), on fewer kernels or rows where a deadline needs it."""
        y = np.asarray(y, dtype=np.float64)
        if y.ndim == 2:
            spread = y.std(axis=0)
            self.y_scale_: Any = np.where(spread > 0, spread, 1.0)
            self.y_range_: tuple[Any, Any] = y.min(axis=0), y.max(axis=0)
        else:
            self.y_scale_ = float(y.std()) or 1.0
            self.y_range_ = float(y.min()), float(y.max())
        targets = (y / self.y_scale_).reshape(len(y), -1)
        self._learn(X, y, targets, sample_weight, deadline or Deadline())
        self._forget_rows()
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Values in the units of y, at most half the range of those seen beyond them."""
        values = self.from_outputs(self.outputs(X))
        return values if np.ndim(self.y_scale_) else values[:, 0]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def from_outputs(self, outputs: np.ndarray) -> np.ndarray:
        """Values from the outputs of the ridge."""
        low, high = self.y_range_
        return np.clip(outputs * self.y_scale_, low - (high - low) / 2, high + (high - low) / 2)


def _joined(parts: Sequence[np.ndarray], place: np.ndarray) -> np.ndarray:
    """Join parts, as far as their rows have a place, each row in its place, without a copy on the way."""
    joined, done = np.empty((len(place), *parts[0].shape[1:]), parts[0].dtype), 0
    for part in parts:
        places = place[done : done + len(part)]
        joined[places] = part[: len(places)]
        done += len(part)
    return joined


def per_kernel(features: str) -> int:
    """Features of one kernel."""
    return sum(random_convolutions.PER_KERNEL.get(pool, 0) for pool in BLOCKS[features])


def affordable_kernels(n_kernels: int, features: str, n_rows: int) -> int:
    """Kernels that so many rows allow, whatever the time."""
    if n_rows <= _MANY_ROWS:
        return n_kernels
    return min(n_kernels, min(_MOST_FEATURES, _MOST_VALUES // n_rows) // per_kernel(features))
