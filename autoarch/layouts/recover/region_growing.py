"""Grow a lattice from a few placed columns: always place next what fits best, wherever that is.

Two agreeing neighbours are needed to be sure of a column, so wrong links (a picture's left border resembles its right
one) do little harm. Only cells on the frontier are held, each with its scores of all columns; the best column of a cell
is looked up again only when one of its neighbours came or its favourite went.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.optimize import linear_sum_assignment

from autoarch.layouts.recover.partial_correlation import Affinity, strongest

SIDES = ((0, 1), (0, -1), (1, 0), (-1, 0))
CORNERS = ((1, 1), (1, -1), (-1, 1), (-1, -1))
MOST_LEFTOVERS = 1_500  # for the assignment problem
Cell = tuple[int, int]


def seeds(affinity: Affinity, most: int) -> list[np.ndarray]:
    """Disjoint 2 x 2 squares to grow from, the clearest first.

    A square is a cycle of four mutual favourites; it is clear when its weakest side is strong and its diagonals weak.
    """
    A = affinity.direct
    favourite = np.zeros(A.shape, bool)
    np.put_along_axis(favourite, strongest(A, 4), True, axis=1)
    favourite &= favourite.T & (A > 0)
    links = [set(np.flatnonzero(row).tolist()) for row in favourite]
    squares = []
    for a, mine in enumerate(links):
        for b, d in combinations(sorted(mine), 2):
            for c in links[b] & links[d]:
                if c > a:
                    sides = min(A[a, b], A[b, c], A[c, d], A[d, a])
                    squares.append((float(sides - 0.5 * max(A[a, c], A[b, d])), a, b, c, d))
    squares.sort(key=lambda square: -square[0])
    used: set[int] = set()
    chosen: list[np.ndarray] = []
    for _, a, b, c, d in squares:
        if len(chosen) == most:
            break
        if used.isdisjoint((a, b, c, d)):
            used.update((a, b, c, d))
            chosen.append(np.array([[a, b], [d, c]]))
    return chosen


def grow(affinity: Affinity, start: np.ndarray, height: int, width: int, corner_weight: float) -> np.ndarray:
    """Place columns around a start, best first, until the box is full or nothing fits.

    Parameters
    ----------
    affinity : Affinity
        Between all columns.
    start : ndarray of int, shape (h, w)
        Columns placed beforehand, -1 elsewhere; not empty.
    height, width : int
        Box that the layout must keep within, upright or lying.
    corner_weight : float
        Weight of a placed diagonal neighbour against one that shares a side.

    Returns
    -------
    ndarray of int, shape (height, width)
        Column of each cell, -1 where none fitted.
    """
    canvas = _Canvas(affinity, start, height, width, corner_weight)
    while canvas.best:
        cell = max(canvas.best, key=canvas.best.__getitem__)
        score, item = canvas.best[cell]
        if score <= 0:
            break
        if canvas.fits(cell):
            canvas.place(item, cell)
        else:
            canvas.close(cell)
    return canvas.cut()


class _Canvas:
    """A layout that grows in any direction inside a box, with its frontier."""

    def __init__(self, affinity: Affinity, start: np.ndarray, height: int, width: int, corner_weight: float) -> None:
        self.height, self.width = height, width
        self._weighted = [(SIDES, affinity.direct, 1.0)]
        if corner_weight:
            self._weighted.append((CORNERS, affinity.diagonal, corner_weight))
        long = max(height, width)
        rows, columns = np.nonzero(start >= 0)
        top, left, tall, wide = int(rows.min()), int(columns.min()), int(np.ptp(rows)), int(np.ptp(columns))
        self._side = 2 * long + 2  # leaves a rim of free cells on every side, whichever way the layout grows
        down, right = (self._side - tall) // 2, (self._side - wide) // 2
        self.items = np.full((self._side, self._side), -1)
        self.items[rows - top + down, columns - left + right] = start[rows, columns]
        self._box = [down, down + tall, right, right + wide]
        self._gone = np.zeros(len(affinity.signed), np.float32)
        self._gone[start[rows, columns]] = -np.inf
        self._scores: dict[Cell, np.ndarray] = {}
        self.best: dict[Cell, tuple[float, int]] = {}
        for cell in self._rim():
            self._open(cell)

    def _rim(self) -> list[Cell]:
        placed = np.pad(self.items >= 0, 1)
        near = np.zeros(self.items.shape, bool)
        for down, right in SIDES + CORNERS:
            near |= placed[1 + down : self._side + 1 + down, 1 + right : self._side + 1 + right]
        return [(int(r), int(c)) for r, c in np.argwhere(near & (self.items < 0))]

    def _open(self, cell: Cell) -> None:
        """Score all columns for a free cell beside placed ones."""
        if not self.fits(cell):
            return
        scores = np.zeros(len(self._gone), np.float32)
        for steps, A, weight in self._weighted:
            for down, right in steps:
                if self._inside(cell, down, right):
                    item = self.items[cell[0] + down, cell[1] + right]
                    if item >= 0:
                        scores += np.float32(weight) * A[item]
        self._scores[cell] = scores
        self._look_up(cell)

    def _inside(self, cell: Cell, down: int, right: int) -> bool:
        return 0 <= cell[0] + down < self._side and 0 <= cell[1] + right < self._side

    def _look_up(self, cell: Cell) -> None:
        scores = self._scores[cell] + self._gone
        item = int(scores.argmax())
        self.best[cell] = float(scores[item]), item

    def fits(self, cell: Cell) -> bool:
        """Whether the layout would still fit its box with this cell, upright or lying."""
        top, bottom, left, right = self._box
        tall = max(bottom, cell[0]) - min(top, cell[0]) + 1
        wide = max(right, cell[1]) - min(left, cell[1]) + 1
        return (tall <= self.height and wide <= self.width) or (tall <= self.width and wide <= self.height)

    def close(self, cell: Cell) -> None:
        """Give a cell up; boxes only grow, so it will never fit again."""
        del self._scores[cell], self.best[cell]

    def place(self, item: int, cell: Cell) -> None:
        """Put a column into a free cell of the frontier."""
        self.items[cell] = item
        self._gone[item] = -np.inf
        self.close(cell)
        top, bottom, left, right = self._box
        self._box = [min(top, cell[0]), max(bottom, cell[0]), min(left, cell[1]), max(right, cell[1])]
        stale = {other for other, (_, favourite) in self.best.items() if favourite == item}
        for steps, A, weight in self._weighted:
            for down, right in steps:
                other = cell[0] + down, cell[1] + right
                if other in self._scores:
                    self._scores[other] += np.float32(weight) * A[item]
                    stale.add(other)
                elif self._inside(cell, down, right) and self.items[other] < 0:
                    self._open(other)
        for other in stale:
            self._look_up(other)

    def cut(self) -> np.ndarray:
        """The box, upright."""
        items, (top, bottom, left, right) = self.items, self._box
        if bottom - top >= self.height or right - left >= self.width:
            items, top, left = items.T, left, top
        top, left = min(top, self._side - self.height), min(left, self._side - self.width)
        return items[top : top + self.height, left : left + self.width].copy()


def fill(cells: np.ndarray, C: np.ndarray) -> np.ndarray:
    """Put columns that growth left over into the empty cells, each near columns that it correlates with."""
    flat = cells.ravel().copy()
    left = np.setdiff1d(np.arange(len(C)), flat)[:MOST_LEFTOVERS]
    empty, full = np.flatnonzero(flat < 0), np.flatnonzero(flat >= 0)
    if len(left) and len(empty):
        where = np.stack(np.divmod(np.arange(flat.size), cells.shape[1]), axis=1)
        squared = ((where[empty][:, None] - where[full]) ** 2).sum(axis=2)
        fit = C[np.ix_(left, flat[full])] @ np.exp(-squared / 2.0).T
        which, cell = linear_sum_assignment(-fit)
        flat[empty[cell]] = left[which]
    return flat.reshape(cells.shape)
