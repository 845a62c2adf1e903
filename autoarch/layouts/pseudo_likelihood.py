"""Candidate grids of a row of columns, and the pseudo-likelihood that they are compared by.

A grid is scored by the pseudo-likelihood of a stationary Gaussian field: every cell is regressed on the sum of its
neighbours across, the sum of those below and above, and the sum of the other channels of its place, with the same
coefficients everywhere. The normal equations need nothing but mean products of columns a few fixed lags apart.

References: J. Besag, "Statistical analysis of non-lattice data", The Statistician 24, 179-195, 1975.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import prod

import numpy as np

from autoarch._data.layout import Layout

MOST_CHANNELS = 12
FEWEST_LINES = 4  # three rows of cells are better described as channels ...
SMALL_SIDE = 3  # ... unless the whole grid is about as small as that
SMALL_GRID = 5
DENSE_COLUMNS = 2_500  # with more, products are taken lag by lag
RIDGE = 1e-3
NEIGHBOURS = ("across", "down")
ALL_PREDICTORS = ("across", "down", "between")


class Grid(Layout):
    """A layout of columns in the order in which they stand, with the names of its axes.

    Examples
    --------
    >>> from autoarch.layouts.pseudo_likelihood import Grid
    >>> grid = Grid(height=8, width=10, channels=3, channels_last=True)
    >>> [grid.step(axis) for axis in ("down", "across", "between")]
    [30, 3, 1]
    """

    @property
    def axes(self) -> tuple[str, str, str]:
        """Names of the axes of a row reshaped to ``sides``."""
        return ("down", "across", "between") if self.channels_last else ("between", "down", "across")

    @property
    def sides(self) -> tuple[int, ...]:
        """Shape that turns a row of columns into the grid."""
        return tuple(self.along(axis) for axis in self.axes)

    def along(self, axis: str) -> int:
        """Cells along one of ``axes``."""
        return {"down": self.height, "across": self.width, "between": self.channels}[axis]

    def step(self, axis: str) -> int:
        """Columns from a cell to the next one along an axis."""
        return prod(self.sides[self.axes.index(axis) + 1 :])

    @property
    def is_line(self) -> bool:
        """Return whether there is only one row."""
        return self.height == 1


def list_grids(n_columns: int) -> list[Grid]:
    """List every grid and every line that takes exactly ``n_columns``.

    A grid of H x W cells flattened column by column is one of W x H flattened row by row, so it is not listed twice.

    Examples
    --------
    >>> from autoarch.layouts.pseudo_likelihood import list_grids
    >>> [grid.shape for grid in list_grids(20)]  # those with channels twice: channels first, channels last
    [(1, 1, 20), (1, 4, 5), (1, 5, 4), (2, 1, 10), (2, 1, 10), (4, 1, 5), (4, 1, 5), (5, 1, 4), (5, 1, 4)]
    """
    found = []
    for channels in range(1, MOST_CHANNELS + 1):
        cells, rest = divmod(n_columns, channels)
        orders = (False, True) if channels > 1 else (False,)
        heights = [h for h in range(1, cells + 1) if cells % h == 0] if not rest and cells >= FEWEST_LINES else []
        for height in heights:
            shorter, longer = sorted((height, cells // height))
            small = shorter == SMALL_SIDE and longer <= SMALL_GRID
            if height == 1 or shorter >= FEWEST_LINES or small:
                found += [Grid(height, cells // height, channels, channels_last=last) for last in orders]
    return found


class LagProducts:
    """Mean products of columns a fixed number of places apart, each computed once.

    Parameters
    ----------
    scaled : ndarray of shape (n, p)
        Standardised columns.
    """

    def __init__(self, scaled: np.ndarray):
        self._n_rows, self.n_columns = max(1, len(scaled)), scaled.shape[1]
        self.dense = self.n_columns <= DENSE_COLUMNS
        self._values = scaled.T @ scaled / np.float32(self._n_rows) if self.dense else np.ascontiguousarray(scaled.T)
        self._known: dict[int, np.ndarray] = {}

    def __call__(self, lag: int) -> np.ndarray:
        """Mean product of each column and the one ``lag`` places on; 0 where there is none."""
        if lag not in self._known:
            if self.dense:
                found = np.diagonal(self._values, lag)
            else:
                found = np.einsum("pn,pn->p", self._values[: self.n_columns - lag], self._values[lag:]) / self._n_rows
            self._known[lag] = np.pad(found, (0, lag))
        return self._known[lag]


def lag_and_pairs(grid: Grid, steps: Mapping[str, int]) -> tuple[int, tuple[slice, ...]] | None:
    """Columns between two cells ``steps`` apart, and the first cell of each such pair; None if there is none.

    Examples
    --------
    >>> from autoarch.layouts.pseudo_likelihood import Grid, lag_and_pairs
    >>> lag_and_pairs(Grid(height=4, width=5), {"down": 1, "across": -1})
    (4, (slice(0, 1, None), slice(0, 3, None), slice(1, 5, None)))
    """
    moves, sides = [steps.get(axis, 0) for axis in grid.axes], grid.sides
    lag = sum(grid.step(axis) * move for axis, move in zip(grid.axes, moves, strict=True))
    if lag < 0:
        lag, moves = -lag, [-move for move in moves]
    if any(abs(move) >= side for move, side in zip(moves, sides, strict=True)):
        return None
    return lag, tuple(slice(max(0, -move), side - max(0, move)) for move, side in zip(moves, sides, strict=True))


def pair_sum(products: LagProducts, grid: Grid, **steps: int) -> float:
    """Sum of mean products over all pairs of cells ``steps`` apart, as ``down=1, across=-1``."""
    found = lag_and_pairs(grid, steps)
    return 0.0 if found is None else float(products(found[0]).reshape(grid.sides)[found[1]].sum())


def variogram(products: LagProducts, grid: Grid, **steps: int) -> float:
    """Half the mean squared difference between cells ``steps`` apart; infinite where there are none."""
    found = lag_and_pairs(grid, steps)
    if found is None:
        return float("inf")
    lag, inside = found
    own = products(0)
    halves = ((own + np.roll(own, -lag)) / 2 - products(lag)).astype(np.float64)
    return float(halves.reshape(grid.sides)[inside].mean())


def information(explained: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Minus the log of the share of variance that is left, -log(1 - R2)."""
    return -np.log(np.clip(1.0 - explained / np.maximum(total, 1e-12), 1e-9, 1.0))


class NormalEquations:
    """Normal equations of one grid; ``information`` solves them for any choice of predictors.

    Parameters
    ----------
    products : LagProducts
        Products of columns.
    grid : Grid
        Grid in question.
    predictors : collection of str
        Sums of cells to prepare; "between" comes last.
    """

    def __init__(self, products: LagProducts, grid: Grid, predictors: Collection[str] = ALL_PREDICTORS):
        self.names = tuple(axis for axis in predictors if grid.along(axis) > 1)
        self._total = float(products(0).sum(dtype=np.float64))
        k = len(self.names)
        self._right, self._left = np.zeros(k), np.zeros((k, k))
        for i, axis in enumerate(self.names):
            side = grid.along(axis)
            most = side if axis == "between" else 2  # of channels, all pairs count as neighbours
            self._right[i] = 2 * sum(pair_sum(products, grid, **{axis: step}) for step in range(1, most))
            if axis == "between":  # sum of squares of the summed neighbours
                self._left[i, i] = (side - 1) * self._total + (side - 2) * self._right[i]
            else:
                cells = products(0).reshape(grid.sides)
                edges = np.take(cells, (0, side - 1), axis=grid.axes.index(axis)).sum(dtype=np.float64)
                self._left[i, i] = 2 * self._total - float(edges) + 2 * pair_sum(products, grid, **{axis: 2})
            for j, other in enumerate(self.names[:i]):  # sum of products of the summed neighbours along two axes
                crossed = [pair_sum(products, grid, **{other: 1, axis: step}) for step in range(1 - most, most) if step]
                self._left[i, j] = self._left[j, i] = 2 * sum(crossed)

    def information(self, predictors: Collection[str] = ALL_PREDICTORS) -> float:
        """Minus the log of the share of variance that these predictors leave; 0 where they explain nothing."""
        chosen = [i for i, axis in enumerate(self.names) if axis in predictors]
        if not chosen:
            return 0.0
        left, right = self._left[np.ix_(chosen, chosen)], self._right[chosen]
        ridged = left + np.diag(RIDGE * np.diagonal(left) + 1e-9)
        return float(information(right @ np.linalg.solve(ridged, right), np.asarray(self._total)))
