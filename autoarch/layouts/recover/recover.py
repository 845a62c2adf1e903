"""Recover the layout of shuffled columns, or refuse: the entrance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from autoarch._data.layout import Layout
from autoarch.layouts.recover import channels, ruin_and_recreate
from autoarch.layouts.recover.partial_correlation import Affinity, opinions
from autoarch.layouts.recover.prepare import Columns, prepare_columns
from autoarch.layouts.recover.region_growing import fill, grow
from autoarch.layouts.recover.ruin_and_recreate import Effort, Found
from autoarch.layouts.recover.seriation import arrange_line
from autoarch.layouts.recover.shapes import Shape, asked_shape, colour_shapes, sides_that_fit
from autoarch.layouts.recover.split_half import agreement, expected_share


def complete(cells: np.ndarray, columns: Columns) -> np.ndarray:
    """Column of X in each cell, every column placed.

    Parameters
    ----------
    cells : ndarray of int, shape (channels, H, W)
        Active item of each cell, -1 for none.
    columns : Columns
        What the items are.

    Returns
    -------
    ndarray of int, flat
        -1 for cells beyond the number of columns.
    """
    if len(columns.numbers) > columns.n_active and len(cells) == 1 and (cells >= 0).any():
        cells = _beside_their_like(cells[0], columns)[None]
    order = np.append(columns.numbers, -1)[cells].ravel()
    absent = np.setdiff1d(np.concatenate([columns.numbers, columns.constant]), order)
    empty = np.flatnonzero(order < 0)
    order[empty[: len(absent)]] = absent
    return order


def _beside_their_like(cells: np.ndarray, columns: Columns) -> np.ndarray:
    """Near-constant columns grow around the rest by plain correlation: partial ones of so few values mean little."""
    height, width = cells.shape
    C = columns.rare_correlations()
    affinity = Affinity(C - np.eye(len(C), dtype=C.dtype))
    return fill(grow(affinity, cells, height, width, 0.0), C)


FEWEST_COLUMNS = 16  # that vary; fewer can be laid out in any way
LEAST_SCORE = {"grid": 0.6, "line": 0.9}  # tables reach 0.5 and 0.83; a column of a line has fewer wrong places
CLEARLY_MORE = 1.02  # times what a line explains; a folded line explains as much as a straight one,
AS_MUCH = 0.9  # but where halves of the rows fold it in the same way, it is a grid with one smooth axis
HALF_EFFORT = 0.25
MOST_IMPROVED = 2  # shapes; the best one begins best or second best


@dataclass(frozen=True)
class LayoutRecovery:
    """What ``recover_layout`` found.

    Parameters
    ----------
    order : ndarray of int
        Column of each cell, channel by channel and row by row; -1 for an empty cell.
    layout : Layout or None
        The same as a layout; None where it is not to be believed.
    score : float
        Share of neighbouring cells, from 0 to 1, that are expected to be true neighbours. No labels are used.
    accepted : bool
        Whether the layout is to be believed.
    seconds : float
        What it took.
    kind : {"grid", "line", "none"}
        Whether a grid or a line explains the columns better; "none" where there are too few columns to tell.
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
    >>> from autoarch.layouts.recover.recover import recover_layout
    >>> X = load_digits().data[:, np.random.default_rng(0).permutation(64)]
    >>> found = recover_layout(X, (8, 8), random_state=0)
    >>> found.accepted, found.layout.shape
    (True, (1, 8, 8))
    """
    started = perf_counter()
    rng = np.random.default_rng(check_random_state(random_state).randint(2**31 - 1, size=4))
    columns = prepare_columns(X, rng)
    n_columns = len(columns.numbers) + len(columns.constant)
    asked = None if shape is None else asked_shape(shape, n_columns)
    found = _Search(columns, n_columns, asked, rng, effort).run()
    order = complete(found.cells, columns)
    accepted = found.kind != "none" and found.score >= LEAST_SCORE[found.kind]
    layout = None
    if accepted:
        channels, height, width = found.cells.shape
        layout = Layout(
            height,
            width,
            channels,
            origin="recovered",
            order=tuple(order.tolist()),
            n_columns=n_columns,
            confidence=found.score,
        )
    return LayoutRecovery(
        order=order,
        layout=layout,
        score=found.score,
        accepted=accepted,
        seconds=perf_counter() - started,
        kind=found.kind,
        shape=found.cells.shape,
        likelihood=found.likelihood,
        line_likelihood=found.line_likelihood,
    )


@dataclass(frozen=True)
class _Outcome:
    """Cells (channels, H, W) with the numbers of active items, and how they came about."""

    cells: np.ndarray
    kind: str
    likelihood: float
    line_likelihood: float
    score: float = 0.0


class _Search:
    """The steps of ``recover_layout`` on columns that are ready."""

    def __init__(
        self, columns: Columns, n_columns: int, asked: Shape | None, rng: np.random.Generator, effort: float
    ) -> None:
        self.n_rows, self.n_active, self.n_columns = len(columns.values), columns.n_active, n_columns
        self.asked, self.rng, self.effort = asked, rng, effort
        self._columns = columns

    def run(self) -> _Outcome:
        """Arrange all rows, compare with a line, then see whether halves of the rows agree."""
        if self.n_active < FEWEST_COLUMNS:
            return self._refused("none")
        C, *halves = self._columns.halved_correlations(self.rng)
        affinities = opinions(C, self.n_rows)
        line = arrange_line(C, affinities, self._line_length())
        for shapes in self._hypotheses(C):
            grid = self._best(C, affinities, shapes)
            if grid is None:
                continue
            several = shapes[0][0] > 1
            clear = several or grid.likelihood > CLEARLY_MORE * line.likelihood
            if clear or grid.likelihood > AS_MUCH * line.likelihood:
                outcome = self._judged(grid, halves, line)
                least = LEAST_SCORE["grid"] if clear else LEAST_SCORE["line"]
                if outcome.score >= least or (clear and (self.asked is not None or not several)):
                    return outcome
        if self.asked is not None and 1 not in self.asked[1:]:
            return self._refused("line", line.likelihood)
        return self._judged(line, halves, line)

    def _refused(self, kind: str, line_likelihood: float = 0.0) -> _Outcome:
        return _Outcome(np.full(self.asked or (1, 1, self.n_columns), -1), kind, 0.0, line_likelihood)

    def _line_length(self) -> int:
        return max(self.asked[1:]) if self.asked is not None and 1 in self.asked[1:] else self.n_columns

    def _hypotheses(self, C: np.ndarray) -> list[list[Shape]]:
        """Shapes with as many channels each, the likeliest number first."""
        if self.asked is not None:
            return [] if 1 in self.asked[1:] else [[self.asked]]
        found = colour_shapes(C, self.n_columns), [(1, *sides) for sides in sides_that_fit(self.n_columns)]
        return [shapes for shapes in found if shapes]

    def _best(self, C: np.ndarray, affinities: list[Affinity], shapes: list[Shape]) -> Found | None:
        """The layout of the shape that explains the columns best; shapes that begin badly are not worth improving."""
        begun = [self._begun(C, affinities, shape, self._effort()) for shape in shapes]
        ranked = sorted((one for one in begun if one is not None), key=lambda one: -one.likelihood)
        improved = [self._improved(C, affinities, one, self._effort()) for one in ranked[:MOST_IMPROVED]]
        return max(improved, key=lambda one: one.likelihood, default=None)

    def _judged(self, found: Found, halves: list[np.ndarray], line: Found) -> _Outcome:
        cells = found.cells.reshape(-1, *found.cells.shape[-2:])
        again = [self._again(half, cells.shape) for half in halves]
        first, second = (one if one is not None else np.full(cells.shape, -1) for one in again)
        kind = "line" if 1 in cells.shape[1:] else "grid"
        return _Outcome(cells, kind, found.likelihood, line.likelihood, expected_share(agreement(first, second)))

    def _effort(self, share: float = 1.0) -> Effort:
        return Effort.of(self.n_active, share=share * self.effort)

    def _begun(self, C: np.ndarray, affinities: list[Affinity], shape: Shape, effort: Effort) -> Found | None:
        if shape[0] > 1:
            return channels.arrange_colour(C, self.n_rows, shape, self.rng, effort)
        return ruin_and_recreate.first_layouts(C, affinities, shape[1:], self.rng, effort)

    def _improved(self, C: np.ndarray, affinities: list[Affinity], found: Found, effort: Effort) -> Found:
        if found.cells.ndim > 2:  # of several channels: arranged and improved in one
            return found
        return ruin_and_recreate.improve(C, affinities, found, self.rng, effort)

    def _again(self, C: np.ndarray, shape: Shape) -> np.ndarray | None:
        """The layout that a part of the rows gives, in the shape that all of them gave."""
        affinities = opinions(C, self.n_rows // 2)
        if 1 in shape[1:]:
            return arrange_line(C, affinities, max(shape[1:])).cells
        effort = self._effort(HALF_EFFORT)
        found = self._begun(C, affinities, shape, effort)
        return None if found is None else self._improved(C, affinities, found, effort).cells
