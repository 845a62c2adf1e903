"""Layout of shuffled columns, or the statement that there is none.

Any columns can be laid out so that neighbours resemble each other, so resemblance proves nothing, not even on new rows.
But where there is no grid the arrangement is arbitrary, and two halves of the rows, each by itself, arrange it
differently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from autoarch._core.checks import check_positive, check_seed, own_errors, shown
from autoarch._core.quiet import filters_kept
from autoarch._data.containers import to_plain
from autoarch._data.layout import Layout
from autoarch.exceptions import ParameterError
from autoarch.layouts.channels import (
    Shape,
    arrange_channels,
    candidate_colour_shapes,
    candidate_sides,
    check_shape,
    fitting_shape,
)
from autoarch.layouts.partial_correlation import Affinity, Columns, prepare_columns, to_correlations
from autoarch.layouts.region_growing import fill, grow
from autoarch.layouts.ruin_and_recreate import Arrangement, Arranger

FEWEST_TO_RECOVER = 49  # columns; fewer give a scrambled order too little to go by
FEWEST_COLUMNS = 16  # that vary; fewer can be laid out in any way
LEAST_SCORE = {"grid": 0.6, "line": 0.9}  # tables reach 0.5 and 0.83; a column of a line has fewer wrong places
CLEARLY_MORE = 1.02  # times what a line explains; a folded line explains as much as a straight one,
AS_MUCH = 0.9  # but where halves of the rows fold it in the same way, it is a grid with one smooth axis
USUAL_COLUMNS = 1_000  # with more, there are fewer growths and repairs
MOST_EFFORT = 100  # times the usual search
HALF_EFFORT = 0.25  # where the result is only compared


@dataclass(frozen=True)
class LayoutRecovery:
    """Result of ``recover_layout``.

    Parameters
    ----------
    order : ndarray of int
        Column of each cell, channel by channel and row by row; -1 for an empty cell.
    layout : Layout or None
        The same as a layout; None where it is not accepted.
    score : float
        Share of neighbouring cells, from 0 to 1, that are expected to be true neighbours. No labels are used.
    accepted : bool
        True if halves of the rows agree on the layout.
    seconds : float
        Time taken.
    kind : {"grid", "line", "none"}
        What explains the columns better; "none" where there are too few columns to tell.
    shape : tuple of int
        Channels, height, width of the cells in ``order``.
    likelihood : float
        Information, in nats, that its neighbours have about a column, on average.
    line_likelihood : float
        The same for the best line, each column with four on either side.
    """

    order: np.ndarray
    layout: Layout | None
    score: float
    accepted: bool
    seconds: float
    kind: str
    shape: Shape
    likelihood: float
    line_likelihood: float


@filters_kept
def recover_layout(
    X: Any, shape: Sequence[int] | None = None, random_state: Any = None, *, effort: float = 1.0
) -> LayoutRecovery:
    """Find the grid behind columns that stand in no order.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_columns)
        Real numbers, NaN where a cell is missing. Constant and near-constant columns are placed last.
    shape : tuple of int, optional
        ``(height, width)`` or ``(channels, height, width)`` with at least as many cells as columns. Default: found.
    random_state : int, RandomState instance or None, default=None
        Seed of the search. The given order of the columns plays no part.
    effort : float, default=1.0
        Share of the usual search; less is faster and finds a little less.

    Returns
    -------
    LayoutRecovery
        Up to turning and mirroring, which nothing in the data tells apart.

    Raises
    ------
    InputError
        If X is no table of real numbers, or has fewer than two rows.
    LayoutError
        If ``shape`` has fewer cells than X has columns.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from autoarch.layouts.recover import recover_layout
    >>> X = load_digits().data[:, np.random.default_rng(0).permutation(64)]
    >>> found = recover_layout(X, (8, 8), random_state=0)
    >>> found.accepted, found.layout.shape
    (True, (1, 8, 8))
    """
    started = perf_counter()
    check_seed(random_state)
    if check_positive("effort", effort) > MOST_EFFORT:
        raise ParameterError(
            f"effort={shown(effort)} was given; expected at most {MOST_EFFORT} times the usual search."
        )
    sides = None if shape is None else check_shape(shape)
    rng = np.random.default_rng(check_random_state(random_state).randint(2**31 - 1, size=4))
    with own_errors(reading="X"):
        columns = prepare_columns(to_plain(X), rng)
    search = _Search(columns, sides, rng, effort)
    kind, found, score = search.run()
    cells = found.cells.reshape(-1, *found.cells.shape[-2:])
    order = complete(cells, columns)
    accepted = kind != "none" and score >= LEAST_SCORE[kind]
    channels, height, width = cells.shape
    recovered = Layout(height, width, channels, "recovered", False, tuple(order.tolist()), search.n_columns, score)
    layout = recovered if accepted else None
    seconds, likelihoods = perf_counter() - started, (found.likelihood, search.line_likelihood)
    return LayoutRecovery(order, layout, score, accepted, seconds, kind, cells.shape, *likelihoods)


class _Search:
    """Steps of ``recover_layout`` on prepared columns."""

    def __init__(self, columns: Columns, shape: Shape | None, rng: np.random.Generator, effort: float):
        self.columns, self.rng = columns, rng
        self.n_columns = len(columns.numbers) + len(columns.constant)
        self.shape = None if shape is None else fitting_shape(shape, self.n_columns)
        self.n_rows, self.effort = len(columns.values), effort * min(1.0, USUAL_COLUMNS / max(columns.n_active, 1))
        self.line_likelihood = 0.0

    def run(self) -> tuple[str, Arrangement, float]:
        """Arrange all rows, compare with a line, then with halves of the rows; return kind, arrangement and score."""
        refused = Arrangement(np.full(self.shape or (1, 1, self.n_columns), -1), 0.0)
        if self.columns.n_active < FEWEST_COLUMNS:
            return "none", refused, 0.0
        C, *halves = self.columns.halved_correlations(self.rng)
        arranger = Arranger(C, self.n_rows, self.rng, self.effort)
        wants_grid = self.shape is not None and 1 not in self.shape[1:]
        line = arranger.line(self.n_columns if self.shape is None or wants_grid else max(self.shape[1:]))
        self.line_likelihood = line.likelihood
        for shapes in filter(None, self._candidate_shapes(C)):
            grid = self._best(arranger, shapes)
            if grid is None:
                continue
            several = shapes[0][0] > 1
            clear = several or grid.likelihood > CLEARLY_MORE * line.likelihood
            if clear or grid.likelihood > AS_MUCH * line.likelihood:
                score = self._split_half_score(grid, halves)
                if score >= LEAST_SCORE["grid" if clear else "line"] or (clear and (wants_grid or not several)):
                    return "grid", grid, score
        return ("line", refused, 0.0) if wants_grid else ("line", line, self._split_half_score(line, halves))

    def _candidate_shapes(self, C: np.ndarray) -> list[list[Shape]]:
        """Shapes with as many channels each, the likeliest number first."""
        if self.shape is not None:
            return [] if 1 in self.shape[1:] else [[self.shape]]
        return [candidate_colour_shapes(C, self.n_columns), [(1, *sides) for sides in candidate_sides(self.n_columns)]]

    def _best(self, arranger: Arranger, shapes: list[Shape]) -> Arrangement | None:
        """The layout of the shape that explains the columns best."""
        if shapes[0][0] == 1:
            return arranger.best([shape[1:] for shape in shapes])
        found = [arrange_channels(arranger, self.n_rows, shape) for shape in shapes]
        return max((one for one in found if one is not None), key=lambda one: one.likelihood, default=None)

    def _split_half_score(self, found: Arrangement, halves: list[np.ndarray]) -> float:
        """Share of true pairs to expect in each of two layouts from halves of the rows, given their agreement."""
        shape = (1, *found.cells.shape)[-3:]
        again = []
        for half in halves:
            arranger = Arranger(half, self.n_rows // 2, self.rng, HALF_EFFORT * self.effort)
            one = arranger.line(max(shape[1:])) if 1 in shape[1:] else self._best(arranger, [shape])
            again.append(np.full(shape, -1) if one is None else one.cells)
        return float(np.sqrt(agreement(*again)))


def neighbour_pairs(cells: np.ndarray) -> np.ndarray:
    """Pairs of items that share a side in a layout (..., H, W), as sorted numbers that mean the same in any layout."""
    item = cells.astype(np.int64)
    first = np.concatenate([item[..., :-1].ravel(), item[..., :-1, :].ravel()])
    second = np.concatenate([item[..., 1:].ravel(), item[..., 1:, :].ravel()])
    low, high = np.sort([first, second], axis=0)
    return np.sort((low << 32 | high)[low >= 0])


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Share of neighbouring pairs that two layouts have in common; turning or mirroring one changes nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch.layouts.recover import agreement
    >>> grid = np.arange(6).reshape(2, 3)
    >>> agreement(grid, grid.T[::-1])
    1.0
    """
    one, other = neighbour_pairs(first), neighbour_pairs(second)
    return len(np.intersect1d(one, other, assume_unique=True)) / max(len(one), len(other), 1)


def complete(cells: np.ndarray, columns: Columns) -> np.ndarray:
    """Column of X in each cell, every column placed.

    Near-constant columns grow around the rest by plain correlation: partial ones of so few values mean little.

    Parameters
    ----------
    cells : ndarray of int, shape (channels, H, W)
        Active item of each cell, -1 for none.
    columns : Columns
        The columns behind the items.

    Returns
    -------
    ndarray of int, flat
        -1 for cells beyond the number of columns.
    """
    if len(columns.numbers) > columns.n_active and len(cells) == 1 and (cells >= 0).any():
        C, (height, width) = to_correlations(columns.values.T @ columns.values), cells.shape[1:]
        cells = fill(grow(Affinity(C - np.eye(len(C), dtype=C.dtype)), cells[0], height, width, 0.0), C)
    order = np.append(columns.numbers, -1)[cells].ravel()
    absent = np.setdiff1d(np.concatenate([columns.numbers, columns.constant]), order)
    order[np.flatnonzero(order < 0)[: len(absent)]] = absent
    return order
