"""What a grid's axes would look like if the rows of cells, or the columns, were not aligned.

``shifted_p`` moves every row (or every column) of the grid round by a random amount. That keeps all that a series has,
and breaks what only a grid has; the choice of the grid is repeated in every draw. ``ordered_p`` then asks whether the
rows stand in an order at all, and ``line_p`` whether the columns of a table do.
"""

from __future__ import annotations

import numpy as np

from autoarch._statistics.permutation_tests import every_order, max_t_p, studentise
from autoarch.layouts.infer.batched_likelihood import Rivals
from autoarch.layouts.infer.hypotheses import Hypothesis, hypotheses

N_DRAWS = 99
BATCH = 33  # a test that cannot become significant any more ends after a batch
MOST_CELLS = 900  # larger grids are tested on a piece
N_ORDERS = 199
FEW_LINES = 5
STILL = 1e-6  # variance of a cell that never varies; such cells keep their places in every draw: that the others stand
# together is no order among them


def shifted_p(scaled: np.ndarray, grid: Hypothesis, axis: str, rng: np.random.Generator) -> float:
    """P-value of "the cells along this axis are not aligned".

    Parameters
    ----------
    scaled : ndarray of shape (n, p)
        Standardised columns, in the order of ``grid``.
    grid : Hypothesis
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
    piece, products = _piece(scaled, grid)
    rivals = Rivals(hypotheses(piece.n_columns))
    statistics = _statistics(rivals, piece, products, np.arange(piece.n_columns)[None], axis)
    varying = np.diag(products) > STILL
    p_value = 0.0
    while len(statistics) <= N_DRAWS and p_value <= 1 / len(statistics):
        orders = np.stack([_shifted(piece, axis, rng, varying) for _ in range(BATCH)])
        statistics = np.vstack([statistics, _statistics(rivals, piece, products, orders, axis)])
        p_value = max_t_p(studentise(statistics))
    return p_value


def _statistics(rivals: Rivals, tested: Hypothesis, products: np.ndarray, orders: np.ndarray, axis: str) -> np.ndarray:
    """Lead of the best grid over the best lines across the axis under test, and likeness of cells along that axis.

    A line of one grid may run along the other axis of another, so each direction has its own range of lags.
    """
    measured = rivals.measure(products, orders)
    in_rows = [2 * grid.across <= tested.down for grid in rivals.grids]
    between_rows = [2 * grid.down > tested.down and not grid.is_line for grid in rivals.grids]
    if axis == "down":
        lines, like = measured.across[:, in_rows], measured.like_down[:, between_rows]
    else:
        lines, like = measured.down[:, between_rows], measured.like_across[:, in_rows]
    return np.column_stack([measured.both.max(axis=1) - lines.max(axis=1), np.abs(like).max(axis=1)])


def _piece(scaled: np.ndarray, grid: Hypothesis) -> tuple[Hypothesis, np.ndarray]:
    """One channel of the middle of the grid, and the mean products of its cells, averaged over the channels.

    Relations between channels would hide those between neighbours: they do not change when rows are shifted.
    """
    height, width = grid.height, grid.width
    if height * width > MOST_CELLS:
        side = int(MOST_CELLS**0.5)
        height = min(height, max(side, MOST_CELLS // width))
        width = min(width, MOST_CELLS // height)
    top, left = (grid.height - height) // 2, (grid.width - width) // 2
    cells = scaled.reshape(len(scaled), *grid.sides)
    cells = np.moveaxis(cells, [1 + grid.axes.index(axis) for axis in ("between", "down", "across")], (1, 2, 3))
    channels = cells[:, :, top : top + height, left : left + width].reshape(len(scaled), grid.channels, -1)
    products = np.zeros((height * width, height * width), dtype=np.float32)
    for channel in range(grid.channels):
        products += channels[:, channel].T @ channels[:, channel]
    return Hypothesis(1, height, width), products / np.float32(len(scaled) * grid.channels)


def _shifted(grid: Hypothesis, axis: str, rng: np.random.Generator, varying: np.ndarray) -> np.ndarray:
    """Order of columns after moving the cells that vary in each row (or each column) round by a random amount."""
    cells = np.arange(grid.n_columns).reshape(grid.height, grid.width)
    if not varying.all():
        moved, alive = cells.copy(), varying.reshape(cells.shape)
        for line, varies in zip(*((moved, alive) if axis == "down" else (moved.T, alive.T)), strict=True):
            places = np.flatnonzero(varies)
            if len(places):
                line[places] = line[np.roll(places, rng.integers(len(places)))]
        return moved.ravel()
    if axis == "down":
        moved = np.arange(grid.width) + rng.integers(grid.width, size=(grid.height, 1))
        return np.take_along_axis(cells, moved % grid.width, axis=1).ravel()
    moved = np.arange(grid.height)[:, None] + rng.integers(grid.height, size=grid.width)
    return np.take_along_axis(cells, moved % grid.height, axis=0).ravel()


def ordered_p(scaled: np.ndarray, grid: Hypothesis, axis: str, rng: np.random.Generator) -> float:
    """P-value of "the lines along this axis stand in no order": whole rows (or columns) of cells are permuted.

    Parameters
    ----------
    scaled : ndarray of shape (n, p)
        Standardised columns, in the order of ``grid``.
    grid : Hypothesis
        The grid in question.
    axis : {"down", "across"}
        "down" permutes rows, "across" columns.
    rng : Generator
        Source of the orders; of fewer than six lines all orders are tried.

    Returns
    -------
    float
        Share of the orders, the given one among them, in which cells are predicted from their neighbours at least as
        well, or are as like (or unlike) them. A reversed order is the same order.
    """
    piece, products = _piece(scaled, grid)
    cells = np.arange(piece.n_columns).reshape(piece.height, piece.width)
    varying = (np.diag(products) > STILL).reshape(cells.shape).any(axis=1 if axis == "down" else 0)
    places = np.flatnonzero(varying)
    if len(places) <= FEW_LINES:
        drawn = every_order(len(places))
    else:
        drawn = np.vstack([np.arange(len(places)), *(rng.permutation(len(places)) for _ in range(N_ORDERS))])
    lines = np.tile(np.arange(piece.along(axis)), (len(drawn), 1))
    lines[:, places] = places[drawn]
    orders = np.stack([np.take(cells, order, axis=0 if axis == "down" else 1).ravel() for order in lines])
    measured = Rivals([piece]).measure(products, orders)
    like = (measured.like_down if axis == "down" else measured.like_across)[:, 0]
    return max_t_p(studentise(np.column_stack([measured.both[:, 0], np.abs(like - like.mean())])))


def line_p(scaled: np.ndarray, rng: np.random.Generator) -> float:
    """P-value of "the order of the columns carries nothing", for series of any number of channels.

    Columns are permuted; the number of channels and their order are chosen anew in every draw. Of more than 900
    columns the middle is read.
    """
    start = max(0, (scaled.shape[1] - MOST_CELLS) // 2)
    values = scaled[:, start : start + MOST_CELLS]
    p = values.shape[1]
    products = values.T @ values / np.float32(max(1, len(values)))
    rivals = [grid for grid in hypotheses(p) if grid.is_line]
    if not rivals:
        return 1.0

    places = np.flatnonzero(np.diag(products) > STILL)
    orders = np.tile(np.arange(p), (N_DRAWS + 1, 1))
    for order in orders[1:]:
        order[places] = rng.permutation(places)
    strongest = Rivals(rivals).measure(products, orders).across.max(axis=1)
    return float(np.mean(strongest >= strongest[0]))
