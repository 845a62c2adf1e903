"""Growth of a lattice from a few placed columns: the column that fits best anywhere on the frontier is placed next.

Two agreeing neighbours are needed to be sure of a column, so wrong links (a picture's left border resembles its right
one) do little harm. Only cells on the frontier are held, each with its scores of all columns; the best column of a cell
is looked up again only when one of its neighbours was placed or its best column was.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.ndimage import binary_dilation
from scipy.optimize import linear_sum_assignment

from autoarch.layouts.partial_correlation import Affinity, strongest

SIDES = ((0, 1), (0, -1), (1, 0), (-1, 0))
CORNERS = ((1, 1), (1, -1), (-1, 1), (-1, -1))
MOST_UNPLACED = 1_500  # for the assignment problem
Cell = tuple[int, int]


def seeds(affinity: Affinity, most: int) -> list[np.ndarray]:
    """Disjoint 2 x 2 squares to grow from, the clearest first.

    A square is a cycle of four columns, each among the strongest links of the next; it is clear when its weakest side
    is strong and its diagonals weak.
    """
    A = affinity.direct
    mutual = np.zeros(A.shape, bool)
    np.put_along_axis(mutual, strongest(A, 4), True, axis=1)
    mutual &= mutual.T & (A > 0)
    links = [set(np.flatnonzero(row).tolist()) for row in mutual]
    squares = []
    for a, linked in enumerate(links):
        for b, d in combinations(sorted(linked), 2):
            for c in (c for c in links[b] & links[d] if c > a):
                sides = min(A[a, b], A[b, c], A[c, d], A[d, a])
                squares.append((float(sides - 0.5 * max(A[a, c], A[b, d])), a, b, c, d))
    chosen: list[np.ndarray] = []
    for _, a, b, c, d in sorted(squares, key=lambda square: -square[0]):
        if len(chosen) < most and not np.isin((a, b, c, d), chosen).any():
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
        self._neighbours = [(*step, affinity.direct, np.float32(1.0)) for step in SIDES]
        if corner_weight:
            self._neighbours += [(*step, affinity.diagonal, np.float32(corner_weight)) for step in CORNERS]
        self._side = side = 2 * max(height, width) + 2  # leaves a rim of free cells, whichever way the layout grows
        rows, columns = (one - one.min() + (side - np.ptp(one)) // 2 for one in np.nonzero(start >= 0))
        self.items = np.full((side, side), -1)
        self.items[rows, columns] = start[start >= 0]
        self._box = [int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())]
        self._placed = np.zeros(len(affinity.signed), np.float32)
        self._placed[start[start >= 0]] = -np.inf
        self._scores: dict[Cell, np.ndarray] = {}
        self.best: dict[Cell, tuple[float, int]] = {}
        for row, column in np.argwhere(binary_dilation(self.items >= 0, np.ones((3, 3))) & (self.items < 0)).tolist():
            self._open((row, column))

    def _open(self, cell: Cell) -> None:
        """Score all columns for a free cell beside placed ones."""
        if not self.fits(cell):
            return
        scores = np.zeros(len(self._placed), np.float32)
        for down, right, A, weight in self._neighbours:
            item = self.items[cell[0] + down, cell[1] + right]
            if item >= 0:
                scores += weight * A[item]
        self._scores[cell] = scores
        self._look_up(cell)

    def _look_up(self, cell: Cell) -> None:
        scores = self._scores[cell] + self._placed
        item = int(scores.argmax())
        self.best[cell] = float(scores[item]), item

    def fits(self, cell: Cell) -> bool:
        """Return whether the layout would still fit its box with this cell, upright or lying."""
        top, bottom, left, right = self._box_with(cell)
        tall, wide = bottom - top + 1, right - left + 1
        return (tall <= self.height and wide <= self.width) or (tall <= self.width and wide <= self.height)

    def _box_with(self, cell: Cell) -> list[int]:
        top, bottom, left, right = self._box
        return [min(top, cell[0]), max(bottom, cell[0]), min(left, cell[1]), max(right, cell[1])]

    def close(self, cell: Cell) -> None:
        """Give a cell up; boxes only grow, so it will never fit again."""
        del self._scores[cell], self.best[cell]

    def place(self, item: int, cell: Cell) -> None:
        """Put a column into a free cell of the frontier."""
        self.items[cell] = item
        self._placed[item] = -np.inf
        self.close(cell)
        self._box = self._box_with(cell)
        stale = {other for other, (_, best) in self.best.items() if best == item}
        for down, right, A, weight in self._neighbours:
            other = cell[0] + down, cell[1] + right
            if other in self._scores:
                self._scores[other] += weight * A[item]
                stale.add(other)
            elif self.items[other] < 0:
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
    """Put columns that growth did not place into the empty cells, each near columns that it correlates with."""
    flat = cells.ravel().copy()
    left = np.setdiff1d(np.arange(len(C)), flat)[:MOST_UNPLACED]
    empty, full = np.flatnonzero(flat < 0), np.flatnonzero(flat >= 0)
    if len(left) and len(empty):
        squared = ((np.argwhere(cells < 0)[:, None] - np.argwhere(cells >= 0)) ** 2).sum(axis=2)
        fit = C[np.ix_(left, flat[full])] @ np.exp(-squared / 2.0).T
        which, cell = linear_sum_assignment(-fit)
        flat[empty[cell]] = left[which]
    return flat.reshape(cells.shape)
