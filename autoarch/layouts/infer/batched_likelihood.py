"""All grids that one number of columns could be, measured together for many orders of the columns.

The figures are those of ``likelihood`` for the neighbours in the grid, arranged so that a null distribution costs one
look-up and one product of matrices per lag.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np

from autoarch.layouts.infer.hypotheses import Hypothesis
from autoarch.layouts.infer.pseudo_likelihood import RIDGE, lag_and_pairs, to_explained

LINKS = (
    {"across": 1},
    {"across": 2},
    {"down": 1},
    {"down": 2},
    {"down": 1, "across": 1},
    {"down": 1, "across": -1},
)


class Measured(NamedTuple):
    """Figures of every order and every grid, each of shape (orders, grids).

    Parameters
    ----------
    across, down, both : ndarray
        What the neighbours along one axis, or both, explain.
    like_across, like_down : ndarray
        Mean product of direct neighbours; 0 where there are none.
    """

    across: np.ndarray
    down: np.ndarray
    both: np.ndarray
    like_across: np.ndarray
    like_down: np.ndarray


class Rivals:
    """Grids that compete for the same columns.

    Parameters
    ----------
    grids : list of Hypothesis
        All of the same number of columns.
    """

    def __init__(self, grids: list[Hypothesis]):
        self.grids = grids
        p = grids[0].n_columns
        pairs: dict[int, list[tuple[int, int, np.ndarray]]] = defaultdict(list)
        edges = np.zeros((2, len(grids), p), dtype=np.float32)
        for k, grid in enumerate(grids):
            for slot, steps in enumerate(LINKS):
                found = lag_and_pairs(grid, steps)
                if found is not None:
                    inside = np.zeros(grid.sides, dtype=np.float32)
                    inside[found[1]] = 1.0
                    pairs[found[0]].append((slot, k, inside.ravel()))
            for a, axis in enumerate(("across", "down")):
                ends = edges[a, k].reshape(grid.sides)
                along = np.moveaxis(ends, grid.axes.index(axis), 0)
                along[0] += 1.0
                along[-1] += 1.0
        sides = np.array([(grid.width, grid.height) for grid in grids], dtype=float).T
        self._counts = np.maximum((sides - 1) / sides * p, 1.0)  # pairs of direct neighbours
        self._edges = edges.reshape(-1, p).T
        self._pairs = {
            lag: (
                np.array([slot for slot, _, _ in members]),
                np.array([k for _, k, _ in members]),
                np.stack([inside for _, _, inside in members], axis=1)[: p - lag],
            )
            for lag, members in pairs.items()
        }

    def measure(self, products: np.ndarray, orders: np.ndarray) -> Measured:
        """Measure all grids for all orders.

        Parameters
        ----------
        products : ndarray of shape (p, p)
            Mean product of each pair of columns.
        orders : ndarray of shape (orders, p)
            Orders in which to read the columns.
        """
        own = np.diagonal(products)[orders]
        total = own.sum(axis=1, dtype=np.float64)[:, None]
        sums = self._sums(products, orders)
        ends = (own @ self._edges).reshape(len(orders), 2, -1)
        first = (2 * total - ends[:, 0] + 2 * sums[1]) * (1 + RIDGE) + 1e-9
        second = (2 * total - ends[:, 1] + 2 * sums[3]) * (1 + RIDGE) + 1e-9
        crossed = 2 * (sums[4] + sums[5])
        right, below = 2 * sums[0], 2 * sums[2]
        determinant = np.maximum(first * second - crossed**2, 1e-9)
        both = (second * right**2 - 2 * crossed * right * below + first * below**2) / determinant
        saved = right**2 / first, below**2 / second, both
        across, down, together = (to_explained(one, total) for one in saved)
        return Measured(across, down, together, sums[0] / self._counts[0], sums[2] / self._counts[1])

    def _sums(self, products: np.ndarray, orders: np.ndarray) -> np.ndarray:
        """Sums over pairs of cells, of shape (links, orders, grids)."""
        sums = np.zeros((len(LINKS), len(orders), len(self.grids)))
        for lag, (slots, members, inside) in self._pairs.items():
            values = products[orders[:, : orders.shape[1] - lag], orders[:, lag:]]
            sums[slots, :, members] = (values @ inside).T
        return sums
