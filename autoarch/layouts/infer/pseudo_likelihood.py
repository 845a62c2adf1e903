"""How well each cell is predicted from the cells that a hypothesis puts beside it.

A grid is judged by the pseudo-likelihood of a stationary Gaussian field: every cell is regressed on the sum of its
neighbours across, the sum of those below and above, and the sum of the other channels of its place, with the same
coefficients everywhere. The normal equations need nothing but mean products of columns a few fixed lags apart.

References: J. Besag, "Statistical analysis of non-lattice data", The Statistician 24, 179-195, 1975.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from autoarch.layouts.infer.hypotheses import Hypothesis

DENSE_COLUMNS = 2_500  # with more, products are taken lag by lag
RIDGE = 1e-3
NEIGHBOURS = ("across", "down")
EVERYTHING = ("across", "down", "between")


class Lags:
    """Mean products of columns a fixed number of places apart, each computed once.

    Parameters
    ----------
    scaled : ndarray of shape (n, p)
        Standardised columns.
    """

    def __init__(self, scaled: np.ndarray):
        n, self.n_columns = scaled.shape
        self.dense = self.n_columns <= DENSE_COLUMNS
        self._values = scaled.T @ scaled / np.float32(max(1, n)) if self.dense else np.ascontiguousarray(scaled.T)
        self._known: dict[int, np.ndarray] = {}

    def __call__(self, lag: int) -> np.ndarray:
        """Mean product of each column and the one ``lag`` places on; 0 where there is none."""
        if lag not in self._known:
            found = np.zeros(self.n_columns, dtype=np.float32)
            end = max(0, self.n_columns - lag)
            if self.dense:
                found[:end] = np.diagonal(self._values, lag)
            else:
                found[:end] = np.einsum("pn,pn->p", self._values[:end], self._values[lag:]) / self._values.shape[1]
            self._known[lag] = found
        return self._known[lag]


def lag_and_pairs(grid: Hypothesis, steps: Mapping[str, int]) -> tuple[int, tuple[slice, ...]] | None:
    """How many places apart cells ``steps`` apart stand, and the first cell of each such pair; None if there is none.

    Examples
    --------
    >>> from autoarch.layouts.infer.hypotheses import Hypothesis
    >>> from autoarch.layouts.infer.pseudo_likelihood import lag_and_pairs
    >>> lag_and_pairs(Hypothesis(channels=1, height=4, width=5), {"down": 1, "across": -1})
    (4, (slice(0, 1, None), slice(0, 3, None), slice(1, 5, None)))
    """
    moves = [steps.get(axis, 0) for axis in grid.axes]
    lag = sum(getattr(grid, axis) * move for axis, move in zip(grid.axes, moves, strict=True))
    if lag < 0:
        lag, moves = -lag, [-move for move in moves]
    if any(abs(move) >= side for move, side in zip(moves, grid.sides, strict=True)):
        return None
    ranges = zip(moves, grid.sides, strict=True)
    return lag, tuple(slice(max(0, -move), side - max(0, move)) for move, side in ranges)


def links(lags: Lags, grid: Hypothesis, **steps: int) -> float:
    """Sum of mean products over all pairs of cells ``steps`` apart, as ``down=1, across=-1``."""
    found = lag_and_pairs(grid, steps)
    return 0.0 if found is None else float(lags(found[0]).reshape(grid.sides)[found[1]].sum())


def roughness(lags: Lags, grid: Hypothesis, **steps: int) -> float:
    """Half the mean squared difference between cells ``steps`` apart: a variogram; infinite where there are none."""
    found = lag_and_pairs(grid, steps)
    if found is None:
        return float("inf")
    lag, inside = found
    own, end = lags(0), grid.n_columns - lag
    halves = np.zeros(grid.n_columns)
    halves[:end] = (own[:end] + own[lag:]) / 2 - lags(lag)[:end]
    return float(halves.reshape(grid.sides)[inside].mean())


def to_explained(saved: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Minus the log of the share of variance that is left."""
    return -np.log(np.clip(1.0 - saved / np.maximum(total, 1e-12), 1e-9, 1.0))


class Equations:
    """Normal equations of one hypothesis; ``explained`` solves them for any choice of neighbours.

    Parameters
    ----------
    lags : Lags
        Products of columns.
    grid : Hypothesis
        Grid in question.
    neighbours : iterable of str
        Which to prepare; "between" comes last.
    """

    def __init__(self, lags: Lags, grid: Hypothesis, neighbours: Iterable[str] = EVERYTHING):
        self.names = tuple(axis for axis in neighbours if grid.along(axis) > 1)
        self._lags, self._grid = lags, grid
        self._total = float(lags(0).sum(dtype=np.float64))
        k = len(self.names)
        self._right, self._left = np.zeros(k), np.zeros((k, k))
        for i, axis in enumerate(self.names):
            self._right[i] = 2 * self._pairs(axis)
            self._left[i, i] = self._square(axis, self._right[i])
            for j, other in enumerate(self.names[:i]):
                self._left[i, j] = self._left[j, i] = self._cross(axis, other)

    def explained(self, neighbours: Iterable[str] = EVERYTHING) -> float:
        """Minus the log of the share of variance that these neighbours leave; 0 where they say nothing."""
        wanted = set(neighbours)
        chosen = [i for i, axis in enumerate(self.names) if axis in wanted]
        if not chosen:
            return 0.0
        left, right = self._left[np.ix_(chosen, chosen)], self._right[chosen]
        stiff = left + np.diag(RIDGE * np.diagonal(left) + 1e-9)
        return float(to_explained(right @ np.linalg.solve(stiff, right), np.asarray(self._total)))

    def _pairs(self, axis: str) -> float:
        """Pairs of direct neighbours; of channels, all pairs."""
        steps = range(1, self._grid.channels) if axis == "between" else (1,)
        return sum(links(self._lags, self._grid, **{axis: step}) for step in steps)

    def _square(self, axis: str, pairs: float) -> float:
        """Sum of squares of the summed neighbours."""
        side = self._grid.along(axis)
        if axis == "between":
            return (side - 1) * self._total + (side - 2) * pairs
        cells = self._lags(0).reshape(self._grid.sides)
        edges = np.take(cells, (0, side - 1), axis=self._grid.axes.index(axis)).sum(dtype=np.float64)
        return 2 * self._total - float(edges) + 2 * links(self._lags, self._grid, **{axis: 2})

    def _cross(self, axis: str, other: str) -> float:
        """Sum of products of the summed neighbours along two axes."""
        if axis == "between":
            most = self._grid.channels
            steps = [step for step in range(1 - most, most) if step]
            return 2 * sum(links(self._lags, self._grid, **{other: 1, axis: step}) for step in steps)
        return 2 * sum(links(self._lags, self._grid, **{axis: 1, other: step}) for step in (1, -1))
