"""Samples that are changed: how much worse the landmark of the CNN does on them, row by row.

The landmark is trained on samples as they are. Every row, and its changed copy, is predicted by a ridge on all other
rows, which costs one inverse for all. Where a change turns copies of a sample into each other (mirror images, quarter
turns), the landmark reads all of them, so that its random kernels prefer none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from autoarch._statistics.random_convolutions import Features
from autoarch._statistics.ridge import LeftOut, gram
from autoarch._training.difference_scaler import neighbour_differences
from autoarch._training.log_scaler import logarithms, units_of
from autoarch.families.landmarks import Check, Sample, row_scores

Copies = list[list[np.ndarray]]  # features of changed rows, by kind
MARGIN = 0.01  # of the landmark's score: what an invariance may cost
UPPER = 1.645  # standard errors to the upper 95 % limit
APART = 1 / 8  # weight of what tells copies apart, where that proves to be noise
SHORT = 6  # cells of a side along which nothing is shifted
PART_OF_SIDE = 32  # samples are shifted by one cell or by such a part of the side
ORDERS, ORDERS_DRAWN = 4, 100  # of the values, with which theirs is compared
ONE_ROW = 0.25  # squared deviation added to those of all rows: that none changes is no proof that none would
KINDS = ((0,), (1,), (0, 1, 2))  # parts of the features: placed; anywhere; both, and the cells themselves
ANYWHERE, CELLS = 1, 2


def mean_and_error(differences: np.ndarray) -> tuple[float, float]:
    """Mean over rows and its standard error, which is above 0 even where all differences are equal."""
    mean = float(differences.mean())
    return mean, float(np.sqrt(np.square(differences - mean).sum() + ONE_ROW) / len(differences))


@dataclass(frozen=True, eq=False)
class Fall:
    """Fall of each row's score, with its squared error as it is, and the penalty of the ridge."""

    falls: np.ndarray
    errors: np.ndarray
    alpha: float

    def or_shrunk(self, shrunk: Fall) -> np.ndarray:
        """Prefer falls of a landmark that gives less weight to what is in question, where that is no clear loss.

        It predicts rows that are left out no worse, by a standard error, and the fall is not clearly above the margin:
        then what it gives less weight to is noise, which would only blur the fall.
        """
        (loss, noise), (fall, error) = mean_and_error(shrunk.errors - self.errors), mean_and_error(self.falls)
        return shrunk.falls if loss <= noise and fall - error <= MARGIN else self.falls


class ChangedSamples:
    """Falls of each row's score where rows are changed; ``cells`` (n, C, H, W) are their values as they were given."""

    def __init__(self, sample: Sample, cells: np.ndarray, check: Check):
        assert sample.layout is not None
        self.sample, self.cells, self.check = sample, cells, check
        self.grid = np.nan_to_num(sample.layout.to_grid(sample.overall))  # a cell without a column is the mean

    @cached_property
    def features(self) -> Features:
        """Features of the grids as they are."""
        return Features.learn(self.grid, self.sample.seed, self.check)

    @cached_property
    def fits(self) -> list[LeftOut]:
        """The ridge on each kind of features."""
        return self._fits(self.features)

    def _fits(self, features: Features) -> list[LeftOut]:
        return [self._fit(features.kernel(kind, features.parts)) for kind in KINDS]

    def _fit(self, kernel: np.ndarray) -> LeftOut:
        self.check()
        return LeftOut.fit(kernel, self.sample.targets)

    @cached_property
    def best(self) -> int:
        """The kind of features that predicts best; those that know no place, where they are no standard error worse."""
        best = min(range(len(KINDS)), key=lambda kind: self.fits[kind].error)
        errors = [self._errors(self.fits[kind]) for kind in (ANYWHERE, best)]
        loss, error = mean_and_error(errors[0] - errors[1])
        return ANYWHERE if loss <= error else best

    @property
    def _kind(self) -> tuple[int, ...]:
        return KINDS[self.best]

    @cached_property
    def lead(self) -> tuple[float, float]:
        """Lead of the landmark over a constant, and its standard error."""
        score, error = mean_and_error(row_scores(self.sample, self.fits[self.best].outputs)[0])
        return score - self.sample.constant_score, error

    def falls(self, name: str) -> np.ndarray:
        """Fall of each row's score for a symmetry."""
        if name == "place_free":
            return self._without_place()
        if name == "shift":
            return self._shifted()
        if name == "turn":
            copies = [np.rot90(self.grid, quarters, (2, 3)) for quarters in (1, 2, 3)]
        else:
            copies = [np.flip(self.grid, 3 if name == "mirror_rows" else 2)]
        return self._fall_of_group([self.features.parts, *(self.features.of(copy, self.check) for copy in copies)])

    def _without_place(self) -> np.ndarray:
        """Compare the better landmark that knows places with the one that does not; places weigh less where noise."""
        placed = min((kind for kind in range(len(KINDS)) if kind != ANYWHERE), key=lambda k: self.fits[k].error)
        kinds = [self.features.kernel(KINDS[kind], self.features.parts) for kind in (placed, ANYWHERE)]
        alpha = self.fits[ANYWHERE].alpha
        shrunk = LeftOut.fit(APART * kinds[0] + (1 - APART) * kinds[1], self.sample.targets, alpha)
        fits = (self.fits[ANYWHERE], self.fits[placed], shrunk)
        without, *others = (row_scores(self.sample, fit.outputs)[0] for fit in fits)
        falls = [Fall(other - without, self._errors(fit), alpha) for other, fit in zip(others, fits[1:], strict=True)]
        return falls[0].or_shrunk(falls[1])

    def _shifted(self) -> np.ndarray:
        """Train on the middle of each grid, test on two opposite parts beside it: true cells, no rim that none has."""
        steps, n = shift_steps(self.grid.shape[2:]), len(self.grid)
        middle = _cut(self.grid, steps, np.zeros((n, 2), dtype=int))
        features = Features.learn(middle, self.sample.seed, self.check)
        down, across = ((-step, 0, step) if step else (0,) for step in steps)
        moves = np.array([(i, j) for i in down for j in across if i or j])
        chosen = np.random.default_rng([self.sample.seed, 4]).integers(len(moves), size=n)
        parts = [features.of(_cut(self.grid, steps, sign * moves[chosen]), self.check) for sign in (1, -1)]
        products = [self._products([some], [features.parts]) for some in (features.parts, *parts)]
        return self._fall(products).falls

    def _fall_of_group(self, copies: Copies) -> np.ndarray:
        """Compare rows as they are with changed ones, where the change makes one of the copies of another.

        The landmark reads all copies side by side, so that no kernel leans to one side by chance. What tells the copies
        of a row apart weighs less where that is noise.
        """
        products = [self._products(copies[turns:] + copies[:turns], copies) for turns in range(len(copies))]
        found, alike = self._fall(products), np.mean(products, axis=0)
        apart = [APART * product + (1 - APART) * alike for product in products]
        return found.or_shrunk(self._fall(apart, found.alpha))

    def _fall(self, products: list[np.ndarray], alpha: float | None = None) -> Fall:
        """Fall of each row's score, to either side; products of rows as they are come first, then of changed ones."""
        self.check()
        fit = LeftOut.fit(products[0], self.sample.targets, alpha)
        sides = products[1:2] if len(products) == 2 else [products[1], products[-1]]
        before, *after = row_scores(self.sample, fit.outputs, *(fit.of_changed(side) for side in sides))
        return Fall(np.asarray(before - np.mean(after, axis=0)), self._errors(fit), fit.alpha)

    def _errors(self, fit: LeftOut) -> np.ndarray:
        return np.asarray(np.square(fit.outputs - self.sample.targets).mean(axis=1))

    def _products(self, some: Copies, others: Copies) -> np.ndarray:
        """Inner products of rows: means over copies and kinds of features; of cells they are alike for all copies."""
        products = []
        for kind in self._kind:
            pairs = list(zip(some, others, strict=True))[: 1 if kind == CELLS else None]
            products.append(np.mean([one[kind] @ other[kind].T for one, other in pairs], axis=0, dtype=np.float64))
        return np.asarray(np.mean(products, axis=0))

    def lead_of_levels(self, axes: Sequence[str]) -> tuple[float, float]:
        """Lead over a constant of the levels that wander, and its standard error."""
        return lead_of_levels(self.sample, self.grid, axes)

    def differenced(self, axes: Sequence[str]) -> np.ndarray:
        """Gain of each row's score where differences of neighbours along these axes are read instead of the cells."""
        found = np.nan_to_num(neighbour_differences(self.cells.astype(np.float32), axes))
        found /= np.maximum(np.sqrt(np.square(found).mean(axis=(0, 2, 3), keepdims=True)), np.finfo(np.float32).tiny)
        fits = self._fits(Features.learn(found, self.sample.seed, self.check))
        own, best = self.fits[self.best], min(fits, key=lambda fit: fit.error)
        return row_scores(self.sample, best.outputs)[0] - row_scores(self.sample, own.outputs)[0]

    def in_logarithms(self) -> np.ndarray:
        """Gain of each row's score where logarithms of the cells are read instead of the cells."""
        cells = self.cells.astype(np.float64)
        found = logarithms(cells, units_of(cells))
        there = ~np.isnan(found)
        count = np.maximum(there.sum(axis=(0, 2, 3), keepdims=True), 1)
        found -= np.where(there, found, 0.0).sum(axis=(0, 2, 3), keepdims=True) / count
        found = np.where(there, found, 0.0)
        found /= np.maximum(np.sqrt(np.square(found).sum(axis=(0, 2, 3), keepdims=True) / count), 1e-12)
        fits = self._fits(Features.learn(found.astype(np.float32), self.sample.seed, self.check))
        return self._best_scores(fits) - self._best_scores(self.fits)

    def coded(self) -> np.ndarray:
        """Gain of each row's score by a channel for each value over the values as numbers."""
        levels = np.unique(self.cells[~np.isnan(self.cells)])
        channels = np.concatenate([self.cells == level for level in levels], axis=1).astype(np.float32)
        fits = self._fits(Features.learn(channels, self.sample.seed, self.check))
        return self._best_scores(fits) - self._best_scores(self.fits)

    def ordered(self) -> np.ndarray:
        """Gain of each row's score by the order of the values over other orders, drawn at random, of the same ones."""
        levels = np.unique(self.cells[~np.isnan(self.cells)])
        places = np.searchsorted(levels, np.nan_to_num(self.cells, nan=levels[0]))
        others = []
        for order in other_orders(len(levels), np.random.default_rng([self.sample.seed, 5])):
            values = np.where(np.isnan(self.cells), np.nan, order[places])
            values = np.nan_to_num((values - np.nanmean(values)) / np.nanstd(values)).astype(np.float32)
            others.append(self._best_scores(self._fits(Features.learn(values, self.sample.seed, self.check))))
        return np.asarray(self._best_scores(self.fits) - np.mean(others, axis=0))

    def _best_scores(self, fits: list[LeftOut]) -> np.ndarray:
        return np.asarray(row_scores(self.sample, min(fits, key=lambda fit: fit.error).outputs)[0])


def lead_of_levels(sample: Sample, grid: np.ndarray, axes: Sequence[str]) -> tuple[float, float]:
    """Lead over a constant of a ridge on the means of lines along these axes, and its standard error."""
    means = [grid.mean(axis=3 if axis == "rows" else 2).reshape(len(grid), -1) for axis in axes]
    levels = np.concatenate(means, axis=1, dtype=np.float64)
    levels = (levels - levels.mean(axis=0)) / np.maximum(levels.std(axis=0), 1e-12)
    fit = LeftOut.fit(gram(np.concatenate([levels, np.square(levels)], axis=1)), sample.targets)
    score, error = mean_and_error(row_scores(sample, fit.outputs)[0])
    return score - sample.constant_score, error


def other_orders(n_levels: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Orders of so many values in which neighbours lie far apart, no two of them alike or reversed: a few of many."""
    drawn = [tuple(rng.permutation(n_levels).tolist()) for _ in range(ORDERS_DRAWN)]
    different = sorted({min(order, order[::-1]) for order in drawn} - {tuple(range(n_levels))})
    different.sort(key=lambda order: -int(np.abs(np.diff(order)).sum()))
    return [np.array(order) for order in different[:ORDERS]]


def shift_steps(sides: Sequence[int]) -> tuple[int, ...]:
    """Cells by which samples are shifted down or up, and right or left."""
    return tuple(max(1, round(side / PART_OF_SIDE)) if side >= SHORT else 0 for side in sides)


def _cut(grid: np.ndarray, rim: Sequence[int], moves: np.ndarray) -> np.ndarray:
    """The grids without a rim, each cut out at a place of its own."""
    sides = [side - 2 * width for side, width in zip(grid.shape[2:], rim, strict=True)]
    windows = np.lib.stride_tricks.sliding_window_view(grid, sides, axis=(2, 3))
    return windows[np.arange(len(grid)), :, rim[0] + moves[:, 0], rim[1] + moves[:, 1]]
