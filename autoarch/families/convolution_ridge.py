"""Ridge on features of random convolutions, whose fit ends in time.

Under a deadline, a block of rows is timed first, and as many kernels are taken as all rows can be given; then features
are computed block by block while there is time for the ridge, whose cost follows from its size.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import gen_batches

from autoarch._core.clock import Deadline, TooSlowError
from autoarch._data.layout import Layout
from autoarch._statistics import random_convolutions
from autoarch._statistics.random_convolutions import Block
from autoarch._statistics.ridge import fit_ridge, operations_per_second, ridge_operations
from autoarch._training.device import device_here
from autoarch._training.interval_quantiles import IntervalQuantiles
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
_SEEN_ROWS = 2_000  # of pictures that are computed when they are taken, for the kernels
_TIMED_ROWS = 32  # whose features say how long those of the others take
_FEW_ROWS, _FEW_KERNELS = 500, 64  # the least that is worth a model where time is short
_PER_OUTPUT = 4e-7  # seconds that the choice of a temperature takes for each row and class
_SHARE = 0.95  # of the time left that is planned for
_TRIAL_SHARE = 0.05  # of the time left, that trying an accelerator may take
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
        device: str = "cpu",
        quantiles: Sequence[str] = (),
        coarse: bool = False,
    ):
        self.n_kernels = n_kernels
        self.features = features
        self.seed = seed
        self.whole = whole
        self.parts = parts
        self.device = device
        self.quantiles = quantiles
        self.coarse = coarse

    def _learn(self, X: Any, y: np.ndarray, targets: np.ndarray, sample_weight: Any, deadline: Deadline) -> np.ndarray:
        """Fit the ridge, on fewer kernels and then on fewer rows where time is short; return the rows in order."""
        if deadline.unlimited:
            X = X[:]  # pictures that are computed when they are taken become an array
        some = np.linspace(0, len(X) - 1, min(len(X), _SEEN_ROWS)).astype(np.intp)
        seen = X if isinstance(X, np.ndarray) else X[some]
        self.pools_ = tuple(name for name in BLOCKS[self.features] if name != "cells")
        self.cells_ = self._choose_cells(seen, len(X))
        self._n_quantiles = quantiles_step(X.shape[1:], self.quantiles).n_quantiles if self.quantiles else 0
        self.n_rounds_fitted_ = self.n_kernels
        self._draw(seen, affordable_kernels(self.n_kernels, self.features, len(X), self._n_quantiles))
        self.device_ = self._quickest_device(seen, deadline)
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
        n_kernels = random_convolutions.whole_groups(n_kernels, X.shape[2], X.shape[3], self.whole, self.coarse)
        rng = np.random.default_rng(self.seed)
        self.banks_ = random_convolutions.random_banks(X, rng, n_kernels, self.whole, self.parts, self.coarse)

    def _quickest_device(self, X: np.ndarray, deadline: Deadline) -> str:
        """The accelerator that was asked for, where it is here and, as far as a clock runs, takes less time."""
        device, self._n_timed = device_here(self.device), _TIMED_ROWS
        if device == "cpu" or deadline.unlimited:
            return device

        def seconds_on(place: str, rows: np.ndarray) -> float:
            began, self.device_ = time.monotonic(), place
            self._responses(rows)
            return (time.monotonic() - began) / len(rows)

        cpu, rows = seconds_on("cpu", X[:_TIMED_ROWS]), X[:_ROWS_AT_A_TIME]
        if cpu * len(rows) > _TRIAL_SHARE * deadline.left:  # as long as that it may take on the accelerator, too
            rows = rows[: max(_TIMED_ROWS, int(_TRIAL_SHARE * deadline.left / cpu))]
        if seconds_on(device, rows) >= cpu:
            return "cpu"
        self._n_timed = len(rows)
        return device

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
        return n_kernels * per_kernel(self.features) + len(self.cells_) + self._n_quantiles

    def _kernels_in_time(self, X: Any, order: np.ndarray, n_targets: int, deadline: Deadline) -> int:
        """Kernels whose features, and the ridge on them, can be computed before the deadline for all rows.

        Raises
        ------
        TooSlowError
            If the fewest kernels take too long on a few rows.
        """
        drawn, few = self._n_drawn, order[: self._n_timed]
        began, some = time.monotonic(), X[few]
        self._responses(some)
        pace = Pace((time.monotonic() - began) / (len(few) * drawn), operations_per_second())
        beside = self._quantile_seconds(X, few[:_TIMED_ROWS], deadline)

        def seconds(n_rows: int, n_kernels: int) -> float:
            features = n_rows * (n_kernels * pace.kernel + beside)
            return features + pace.ridge(n_rows, self._n_features(n_kernels), n_targets)

        fewest, fewest_rows = min(_FEW_KERNELS, drawn), min(len(order), _FEW_ROWS)
        if fewest_rows == _FEW_ROWS and seconds(_FEW_ROWS, fewest) > deadline.left:
            raise TooSlowError(seconds(len(order), drawn), deadline.left)
        return largest(lambda kernels: seconds(len(order), kernels) <= _SHARE * deadline.left, fewest, drawn)

    def _quantile_seconds(self, X: Any, rows: np.ndarray, deadline: Deadline) -> float:
        """Seconds that the quantiles of a row take: timed, or as they are expected to be where that would take long."""
        if not self.quantiles:
            return 0.0
        expected = quantiles_step(X.shape[1:], self.quantiles).seconds_per_row
        if expected * len(rows) > _TRIAL_SHARE * deadline.left:
            return expected
        began = time.monotonic()
        self._quantiles(X[rows])
        return (time.monotonic() - began) / len(rows)

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
        parts = [*self._responses(X), *self._quantiles(X)]
        return [*parts, X.reshape(len(X), -1)[:, self.cells_]] if len(self.cells_) else parts

    def _responses(self, X: np.ndarray) -> tuple[np.ndarray, ...]:
        """Pooled responses, on the CPU once the device has no memory for them."""
        X, where = np.ascontiguousarray(X, dtype=np.float32), self._where()
        try:
            return random_convolutions.pooled_features(X, self.banks_, lambda: None, self.pools_, where)
        except RuntimeError:
            if where == "cpu":
                raise
            self.device_ = "cpu"
            return random_convolutions.pooled_features(X, self.banks_, lambda: None, self.pools_)

    def _quantiles(self, X: np.ndarray) -> list[np.ndarray]:
        X = np.ascontiguousarray(X, dtype=np.float32)
        return [quantiles_step(X.shape[1:], self.quantiles).of_grids(X)] if self.quantiles else []

    def _where(self) -> str:
        """Name the device of the features: that of the fit, the CPU once it is not here any more."""
        return device_here(getattr(self, "device_", "cpu"))

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


def quantiles_step(shape: Sequence[int], axes: Sequence[str]) -> IntervalQuantiles:
    """The step whose quantiles of grids of that shape (channels, height, width) are features beside the responses."""
    channels, height, width = shape
    return IntervalQuantiles(Layout(height, width, channels), tuple(axes))


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


def affordable_kernels(n_kernels: int, features: str, n_rows: int, beside: int = 0) -> int:
    """Kernels that so many rows allow, whatever the time, with so many features beside theirs."""
    if n_rows <= _MANY_ROWS:
        return n_kernels
    room = min(_MOST_FEATURES, _MOST_VALUES // n_rows)
    return min(n_kernels, max(room - beside, room // 2) // per_kernel(features))


def affords_quantiles(n_quantiles: int, n_rows: int) -> bool:
    """Tell whether so many quantiles leave half of the features to the kernels."""
    return n_rows <= _MANY_ROWS or n_quantiles <= min(_MOST_FEATURES, _MOST_VALUES // n_rows) // 2
