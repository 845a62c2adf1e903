"""Permutation tests of the axes of a grid.

``shifted_p`` shifts every row (or every column) of the grid cyclically by a random amount. That keeps all that a series
has, and breaks what only a grid has; the choice of the grid is repeated in every draw. ``ordered_p`` then tests whether
the rows stand in an order at all, and ``line_p`` whether the columns of a table do. ``BatchedLikelihood`` is
the pseudo-likelihood of neighbours, arranged so that a draw costs one look-up and one product of matrices per lag.
"""

from __future__ import annotations

from collections import defaultdict, namedtuple

import numpy as np

from autoarch._statistics.permutation_tests import every_order, max_t_p, studentise
from autoarch.layouts.pseudo_likelihood import RIDGE, Grid, information, lag_and_pairs, list_grids

N_DRAWS = 99
BATCH = 33  # a test that cannot become significant any more ends after a batch
MOST_CELLS = 900  # larger grids are tested on a piece
N_ORDERS = 199
FEW_LINES = 5
CONSTANT = 1e-6  # variance of a cell that never varies; such cells keep their places in every draw: that the others
# stand together is no order among them
PAIRS = ({"across": 1}, {"across": 2}, {"down": 1}, {"down": 2}, {"down": 1, "across": 1}, {"down": 1, "across": -1})


# Information that the neighbours along one axis, or both, have about a cell, and the mean product of direct neighbours,
# 0 where there are none; each of shape (orders, grids).
Likelihoods = namedtuple("Likelihoods", ("across", "down", "both", "product_across", "product_down"))


class BatchedLikelihood:
    """Pseudo-likelihood of all grids that one number of columns could be, for many orders of the columns.

    Parameters
    ----------
    grids : list of Grid
        All of the same number of columns.
    products : ndarray of shape (p, p)
        Mean product of each pair of columns.
    """

    def __init__(self, grids: list[Grid], products: np.ndarray):
        self.grids, self._products = grids, products
        p = grids[0].n_columns
        pairs: dict[int, list[tuple[int, int, np.ndarray]]] = defaultdict(list)
        edges = np.zeros((2, len(grids), p), dtype=np.float32)
        for k, grid in enumerate(grids):
            for slot, steps in enumerate(PAIRS):
                found = lag_and_pairs(grid, steps)
                if found is not None:
                    first = np.zeros(grid.sides, dtype=np.float32)
                    first[found[1]] = 1.0
                    pairs[found[0]].append((slot, k, first.ravel()))
            places = dict(zip(grid.axes, np.indices(grid.sides).reshape(3, p), strict=True))
            for a, axis in enumerate(("across", "down")):
                np.add(places[axis] == 0, places[axis] == grid.along(axis) - 1, out=edges[a, k], dtype=np.float32)
        sides = np.array([(grid.width, grid.height) for grid in grids], dtype=float).T
        self._counts = np.maximum((sides - 1) / sides * p, 1.0)  # pairs of direct neighbours
        self._edges = edges.reshape(-1, p).T
        self._pairs = {
            lag: (list(slots), list(members), np.stack(first, axis=1)[: p - lag])
            for lag, (slots, members, first) in ((lag, zip(*found, strict=True)) for lag, found in pairs.items())
        }

    def measure(self, orders: np.ndarray) -> Likelihoods:
        """Measure all grids for all orders.

        Parameters
        ----------
        orders : ndarray of shape (orders, p)
            Orders in which to read the columns.
        """
        sums = np.zeros((len(PAIRS), len(orders), len(self.grids)))  # over pairs of cells
        for lag, (slots, members, first) in self._pairs.items():
            values = self._products[orders[:, : orders.shape[1] - lag], orders[:, lag:]]
            sums[slots, :, members] = (values @ first).T
        own = np.diagonal(self._products)[orders]
        total = own.sum(axis=1, dtype=np.float64)[:, None]
        ends = (own @ self._edges).reshape(len(orders), 2, -1)
        beside = (2 * total - ends[:, 0] + 2 * sums[1]) * (1 + RIDGE) + 1e-9
        below = (2 * total - ends[:, 1] + 2 * sums[3]) * (1 + RIDGE) + 1e-9
        crossed = 2 * (sums[4] + sums[5])
        right_beside, right_below = 2 * sums[0], 2 * sums[2]
        determinant = np.maximum(beside * below - crossed**2, 1e-9)
        both = below * right_beside**2 - 2 * crossed * right_beside * right_below + beside * right_below**2
        explained = right_beside**2 / beside, right_below**2 / below, both / determinant
        across, down, together = (information(one, total) for one in explained)
        return Likelihoods(across, down, together, sums[0] / self._counts[0], sums[2] / self._counts[1])


def shifted_p(scaled: np.ndarray, grid: Grid, axis: str, rng: np.random.Generator) -> float:
    """P-value of "the cells along this axis are not aligned".

    Parameters
    ----------
    scaled : ndarray of shape (n, p)
        Standardised columns, in the order of ``grid``.
    grid : Grid
        The grid in question.
    axis : {"down", "across"}
        "down" shifts whole rows against each other, "across" whole columns.
    rng : Generator
        Source of the shifts.

    Returns
    -------
    float
        Share of the draws, the given alignment among them, that look at least as aligned: the best grid is as far ahead
        of the best lines that know no neighbours along ``axis``, or cells along it are as alike.
    """
    piece, products = _middle(scaled, grid)
    rivals = BatchedLikelihood(list_grids(piece.n_columns), products)
    statistics = _statistics(rivals, piece, np.arange(piece.n_columns)[None], axis)
    varying = np.diag(products) > CONSTANT
    p_value = 0.0
    while len(statistics) <= N_DRAWS and p_value <= 1 / len(statistics):
        orders = np.stack([_shifted(piece, axis, rng, varying) for _ in range(BATCH)])
        statistics = np.vstack([statistics, _statistics(rivals, piece, orders, axis)])
        p_value = max_t_p(studentise(statistics))
    return p_value


def _statistics(rivals: BatchedLikelihood, tested: Grid, orders: np.ndarray, axis: str) -> np.ndarray:
    """Lead of the best grid over the best lines across the axis under test, and similarity of cells along that axis.

    A line of one grid may run along the other axis of another, so each direction has its own range of lags.
    """
    measured = rivals.measure(orders)
    in_rows = [2 * grid.step("across") <= tested.step("down") for grid in rivals.grids]
    between_rows = [2 * grid.step("down") > tested.step("down") and not grid.is_line for grid in rivals.grids]
    if axis == "down":
        lines, similar = measured.across[:, in_rows], measured.product_down[:, between_rows]
    else:
        lines, similar = measured.down[:, between_rows], measured.product_across[:, in_rows]
    return np.column_stack([measured.both.max(axis=1) - lines.max(axis=1), np.abs(similar).max(axis=1)])


def _middle(scaled: np.ndarray, grid: Grid) -> tuple[Grid, np.ndarray]:
    """One channel of the middle of the grid, and the mean products of its cells, averaged over the channels.

    Relations between channels would hide those between neighbours: they do not change when rows are shifted.
    """
    height = min(grid.height, max(int(MOST_CELLS**0.5), MOST_CELLS // grid.width))
    width = min(grid.width, MOST_CELLS // height)
    top, left = (grid.height - height) // 2, (grid.width - width) // 2
    cells = scaled.reshape(len(scaled), *grid.sides)
    cells = np.moveaxis(cells, [1 + grid.axes.index(axis) for axis in ("between", "down", "across")], (1, 2, 3))
    channels = cells[:, :, top : top + height, left : left + width].reshape(len(scaled), grid.channels, -1)
    products = sum(channel.T @ channel for channel in channels.swapaxes(0, 1))
    return Grid(height, width), products / np.float32(len(scaled) * grid.channels)


def _shifted(grid: Grid, axis: str, rng: np.random.Generator, varying: np.ndarray) -> np.ndarray:
    """Order of columns after a cyclic shift by a random amount of the cells that vary in each row (or each column)."""
    cells = np.arange(grid.n_columns).reshape(grid.height, grid.width)
    lines = cells if axis == "down" else cells.T
    if varying.all():
        starts = rng.integers(lines.shape[1], size=(len(lines), 1))
        moved = np.take_along_axis(lines, (np.arange(lines.shape[1]) + starts) % lines.shape[1], axis=1)
    else:
        moved = lines.copy()
        for line in moved:
            places = np.flatnonzero(varying[line])
            if len(places):
                line[places] = line[np.roll(places, rng.integers(len(places)))]
    return (moved if axis == "down" else moved.T).ravel()


def ordered_p(scaled: np.ndarray, grid: Grid, lines: str, rng: np.random.Generator) -> float:
    """P-value of "these lines stand in no order": whole rows (or columns) of cells are permuted.

    Parameters
    ----------
    scaled : ndarray of shape (n, p)
        Standardised columns, in the order of ``grid``.
    grid : Grid
        The grid in question.
    lines : {"rows", "columns"}
        Lines to permute.
    rng : Generator
        Source of the orders; of fewer than six lines all orders are tried.

    Returns
    -------
    float
        Share of the orders, the given one among them, in which cells are predicted from their neighbours at least as
        well, or are as like (or unlike) them. A reversed order is the same order.
    """
    piece, products = _middle(scaled, grid)
    cells = np.arange(piece.n_columns).reshape(piece.height, piece.width)
    axis = 0 if lines == "rows" else 1
    places = np.flatnonzero((np.diag(products) > CONSTANT).reshape(cells.shape).any(axis=1 - axis))
    if len(places) <= FEW_LINES:
        drawn = every_order(len(places))
    else:
        drawn = np.vstack([np.arange(len(places)), *(rng.permutation(len(places)) for _ in range(N_ORDERS))])
    numbers = np.tile(np.arange(cells.shape[axis]), (len(drawn), 1))
    numbers[:, places] = places[drawn]
    orders = np.stack([np.take(cells, order, axis=axis).ravel() for order in numbers])
    measured = BatchedLikelihood([piece], products).measure(orders)
    similar = (measured.product_down if lines == "rows" else measured.product_across)[:, 0]
    return max_t_p(studentise(np.column_stack([measured.both[:, 0], np.abs(similar - similar.mean())])))


def line_p(scaled: np.ndarray, rng: np.random.Generator) -> float:
    """P-value of "the order of the columns carries nothing", for series of any number of channels.

    Columns are permuted; the number of channels and their order are chosen anew in every draw. Of more than 900
    columns the middle is read.
    """
    start = max(0, (scaled.shape[1] - MOST_CELLS) // 2)
    values = scaled[:, start : start + MOST_CELLS]
    p = values.shape[1]
    products = values.T @ values / np.float32(max(1, len(values)))
    rivals = [grid for grid in list_grids(p) if grid.is_line]
    places = np.flatnonzero(np.diag(products) > CONSTANT)
    orders = np.tile(np.arange(p), (N_DRAWS + 1, 1))
    for order in orders[1:]:
        order[places] = rng.permutation(places)
    strongest = BatchedLikelihood(rivals, products).measure(orders).across.max(axis=1)
    return float(np.mean(strongest >= strongest[0]))
