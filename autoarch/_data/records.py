"""Copies of rows, and longer records or larger pictures that rows were cut from: connected components of overlaps.

Each row has a place in its record, so that records too long for one fold can be cut, and rows that do not overlap be
chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

_MOST_SHARE = 0.1  # of all rows in one group; longer records are cut
_CURVE_ROWS = (300, 2_000)  # whose nearest row is looked for, and among which
_NEAR = 0.01  # squared correlation that the nearest row of a curve lacks, at most,
_FALL = 7.5  # and factor by which it falls with four times as many rows: 16 on a curve, 4 on a surface,
_CLOSE = 10.0  # or how little it is, in units of the square of a share of the curve: rounding ends the fall


@dataclass(frozen=True, eq=False)
class Windows:
    """Groups of rows that overlap.

    Parameters
    ----------
    groups : ndarray of shape (n,)
        Codes from 0; rows of one record, or of one part of a long record, share one.
    n_records : int
        Records of two rows or more.
    share : float
        Of the rows, those that overlap another one.
    record : ndarray of shape (n,)
        Code of the record of each row.
    place : ndarray of shape (n, 2)
        Cell of its record, down and across, at which each row begins.
    sides : tuple of int
        Height and width of a row.
    """

    groups: np.ndarray
    n_records: int
    share: float
    record: np.ndarray
    place: np.ndarray
    sides: tuple[int, int]

    @classmethod
    def of(
        cls, pairs: np.ndarray, shift: np.ndarray, copy_of: np.ndarray, sides: tuple[int, int], *, least: float
    ) -> Windows | None:
        """Connect pairs of rows that overlap to records; None where less than a share ``least`` of the rows overlap.

        Parameters
        ----------
        pairs, shift : ndarray of shape (pairs, 2)
            Distinct rows that overlap, and cells down and across by which the second begins after the first.
        copy_of : ndarray of shape (n,)
            Distinct row that each row is a copy of.
        sides : tuple of int
            Height and width of a row.
        least : float
            Share of the distinct rows.
        """
        n = int(copy_of.max()) + 1
        both = np.vstack([pairs, pairs[:, ::-1]])
        first, second = both.astype(np.int32).T  # all that graphs of older versions of scipy take
        graph = csr_array((np.ones(len(both)), (first, second)), shape=(n, n))
        record = connected_components(graph, directed=False)[1]
        sizes = np.bincount(record)
        share = float((sizes[record] > 1).mean())
        if share < least:
            return None
        place = _places(record, pairs, shift)
        groups = _cut_long_records(record, place)
        if groups.max() == 0:
            return None
        return cls(groups[copy_of], int((sizes > 1).sum()), share, record[copy_of], place[copy_of], sides)

    def __str__(self) -> str:
        records = "one longer record" if self.n_records == 1 else f"{self.n_records} longer records"
        return f"{self.share:.0%} of the rows are overlapping windows of {records}"

    @property
    def apart(self) -> np.ndarray:
        """Rows of which no two overlap, as many as a walk through each record finds; sorted."""
        taken: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
        height, width = self.sides
        apart = []
        for row in np.lexsort((self.place[:, 1], self.place[:, 0], self.record)).tolist():
            record, (top, left) = int(self.record[row]), self.place[row].tolist()
            box = top // height, left // width  # no more than four rows that are apart begin in and around a box
            near = [(record, box[0] + down, box[1] + across) for down, across in product((-1, 0, 1), repeat=2)]
            others = [place for key in near for place in taken.get(key, ())]
            if all(abs(top - down) >= height or abs(left - across) >= width for down, across in others):
                taken.setdefault((record, *box), []).append((top, left))
                apart.append(row)
        return np.sort(np.array(apart, dtype=np.intp))

    def lie_on_one_curve(self, rows: np.ndarray, distinct: np.ndarray, seed: int) -> bool:
        """Tell whether rows differ in one parameter and meet by chance: a sine with a phase of its own in each row.

        Then every row lies close to others cell by cell, the closer the more rows there are, though they are no copies.
        Two rows of one record that begin at different cells are not compared: a smooth record is like itself nearby.

        Parameters
        ----------
        rows : ndarray of shape (k, p)
            Cells of distinct rows, the mean of each line taken off.
        distinct : ndarray of shape (k,)
            Which rows these are.
        seed : int
            Of the rows that are compared.
        """
        rng = np.random.default_rng(seed)
        record, place = self.record[distinct], self.place[distinct]
        linked = np.flatnonzero(np.bincount(record)[record] > 1)
        ours = rng.permutation(linked)[: _CURVE_ROWS[0]]
        others = rng.permutation(len(rows))[: _CURVE_ROWS[1]]
        others = others[: len(others) // 4 * 4]
        scaled = rows / np.maximum(np.sqrt(np.square(rows).sum(axis=1, keepdims=True)), 1e-300)
        apart = 1.0 - np.square(scaled[ours] @ scaled[others].T)
        moved = np.abs(place[ours, None] - place[others])
        overlap = (moved > 0).any(axis=2) & (moved < self.sides).all(axis=2)
        apart[(overlap & (record[ours, None] == record[others])) | (ours[:, None] == others)] = np.inf
        in_quarters = apart.reshape(len(ours), 4, -1).min(axis=2, initial=np.inf)
        nearest, among_fewer = (float(np.median(part)) for part in (in_quarters.min(axis=1), in_quarters))
        return nearest < _NEAR and (among_fewer > _FALL * nearest or nearest < _CLOSE / len(others) ** 2)


def first_of_copies(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First row of each set of equal rows, in order, and for each row the position of its own in that list."""
    return first_of_equal(hashes_of(X))


def hashes_of(X: np.ndarray) -> np.ndarray:
    """One whole number for each row; those of equal rows are equal."""
    values = np.ascontiguousarray(X, dtype=np.float64) + 0.0  # one zero only
    bits = values.view(np.uint64)
    bits ^= bits >> np.uint64(29)
    factors = np.random.default_rng(0).integers(1, 2**63, size=X.shape[1], dtype=np.uint64) | np.uint64(1)
    bits *= factors
    bits ^= bits >> np.uint64(32)
    return bits.sum(axis=1)


def first_of_equal(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First place of each number, in order, and for each place the position of its own in that list."""
    _, first, copy_of = np.unique(hashes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[copy_of]


def _places(record: np.ndarray, edges: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Cell of its record at which each row begins, counted from the first row of the record."""
    n = len(record)
    starts = np.unique(record, return_index=True)[1]
    ends = np.concatenate([edges, edges[:, ::-1], np.column_stack([np.full(len(starts), n), starts])])
    moved = np.concatenate([shift, -shift, np.zeros((len(starts), 2), dtype=shift.dtype)])
    order = np.lexsort((ends[:, 1], ends[:, 0]))
    ends, moved = ends[order], moved[order]
    first, second = ends.astype(np.int32).T  # all that graphs of older versions of scipy take
    rooted = csr_array((np.ones(len(ends)), (first, second)), shape=(n + 1, n + 1))
    rows, before = (found.astype(np.int64) for found in breadth_first_order(rooted, n, directed=True))
    steps = moved[np.searchsorted(ends[:, 0] * (n + 1) + ends[:, 1], before[rows[1:]] * (n + 1) + rows[1:])]
    place = np.zeros((n + 1, 2), dtype=np.int64)
    for row, step in zip(rows[1:].tolist(), steps, strict=True):
        place[row] = place[before[row]] + step
    return place[:n]


def _cut_long_records(record: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Records as groups; those with too many rows cut into neighbourhoods of the record."""
    most = max(2, int(_MOST_SHARE * len(record)))
    groups = record.copy()
    for long in np.flatnonzero(np.bincount(record) > most):
        rows = np.flatnonzero(record == long)
        for part in _halves(rows, place[rows], most)[1:]:
            groups[part] = groups.max() + 1
    return groups


def _halves(rows: np.ndarray, place: np.ndarray, most: int) -> list[np.ndarray]:
    """Cut along the longer side of the record until no part has more than ``most`` rows."""
    if len(rows) <= most:
        return [rows]
    order = np.argsort(place[:, int(np.ptp(place, axis=0).argmax())], kind="stable")
    return [half for side in np.split(order, [len(rows) // 2]) for half in _halves(rows[side], place[side], most)]
