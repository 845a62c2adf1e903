"""Which known places lie in which cell of the picture around a row, and how much each of them weighs there.

``Finder`` is asked, ``Links`` is the answer: a few bytes for each place in each picture. A place that a row stands on
itself is never linked. So a row that was there in ``fit`` has the same picture as a new row at its place, and no label
comes back to the row that it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from autoarch.geo.window import Spots, Window

_NEAREST = 8  # places that "idw" draws on: as many as a cell has neighbours
_PAIRS = 2_000_000  # of rows and places in one block of work, about 200 MB
_MOST_ROWS = 20_000  # of one block
_SAME_PLACE = 1e-12  # of the largest coordinate: rounding errors, and no more, since an origin may be far away
_PROBES = 200  # rows whose places are counted before blocks are cut

Found = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]  # row of the block, cell, place, weight


@dataclass(frozen=True, eq=False)
class Links:
    """For row i the entries from ``first[i]`` on, ``count[i]`` of them: cell, place, and weight unless all weigh 1."""

    first: np.ndarray
    count: np.ndarray
    cell: np.ndarray
    place: np.ndarray
    weight: np.ndarray | None

    def of(self, rows: np.ndarray) -> Found:
        """The links of some rows, each with the position of its row among them."""
        count = self.count[rows]
        owner = np.repeat(np.arange(len(rows)), count)
        entry = np.arange(len(owner)) + np.repeat(self.first[rows] - (np.cumsum(count) - count), count)
        return owner, self.cell[entry], self.place[entry], None if self.weight is None else self.weight[entry]


class Finder:
    """Finds known places around rows.

    Parameters
    ----------
    window : Window
        What the pictures look like.
    known : Spots
        Distinct places.
    """

    def __init__(self, window: Window, known: Spots):
        self.window = window
        self.known = known
        self._space = known.places.space
        self._same_place = _SAME_PLACE * float(np.abs(self._space).max(initial=0.0))
        self._reach = self._search_radius()
        self._layered = len(np.unique(known.layer)) > 1
        around = 0 if window.lattice is None or window.lattice.around < window.size else window.lattice.around
        self._boxsize = [around, 0, 0][: 2 + self._layered] if around else None
        self._tree = cKDTree(self._coordinates(known), boxsize=self._boxsize)

    def links(self, rows: Spots, hide_within: float | np.ndarray = 0.0) -> Links:
        """Known places in the pictures of rows, without those no farther than ``hide_within`` from each row."""
        hidden = np.maximum(self.known.places.straight(np.broadcast_to(hide_within, len(rows))), self._same_place)
        first, count = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.int32)
        parts: list[tuple[np.ndarray, ...]] = [(np.zeros(0, np.int16), np.zeros(0, np.int32), np.zeros(0, np.float32))]
        done = 0
        for block in self._blocks(rows):
            owner, cell, place, weight = self._found(rows.take(block), hidden[block])
            order = np.argsort(owner.astype(np.uint16), kind="stable")  # as few bits are sorted by counting
            count[block] = np.bincount(owner, minlength=len(block))
            first[block] = done + np.cumsum(count[block]) - count[block]
            done += len(owner)
            parts.append((cell[order].astype(np.int16), place[order].astype(np.int32), _float32(weight, order)))
        cells, places, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
        return Links(first, count, cells, places, weights if len(weights) == len(places) else None)

    def per_row(self, rows: Spots) -> np.ndarray:
        """About how many places are looked at for some of the rows, evenly drawn."""
        if self.window.method in ("idw", "nearest"):
            return np.array([self.window.size**2 * 2 * self._drawn])
        if self.window.local:
            return np.array([self._near])
        probes = self._coordinates(rows.take(slice(None, None, max(1, len(rows) // _PROBES))))
        return self._tree.query_ball_point(probes, self._reach, p=self._norm, return_length=True)

    def _search_radius(self) -> float:
        """How far, in the coordinates of the tree, a place in the picture of a row can be."""
        half = self.window.size / 2
        if self.window.method == "lattice":
            return half
        half *= self.window.cell_size
        if self.window.method == "bin" and not self._globe:
            return half
        return self.known.places.straight(half * np.sqrt(2))

    @property
    def _globe(self) -> bool:
        return self.known.places.geographic

    def _coordinates(self, spots: Spots) -> np.ndarray:
        """Where the tree has them: cells of the lattice, or space; layers lie farther apart than any search goes."""
        lattice = self.window.lattice
        where = spots.places.space if lattice is None else lattice.whole_cells(spots.places.points)
        return np.column_stack([where, 4 * self._reach * spots.layer]) if self._layered else where

    def _blocks(self, rows: Spots) -> Iterator[np.ndarray]:
        """Rows that lie together, as many as have about two million links."""
        if not len(rows):
            return
        order = cKDTree(self._coordinates(rows), boxsize=self._boxsize).indices
        most = self.per_row(rows.take(order)).max()
        step = int(np.clip(_PAIRS // max(most, 1), 1, _MOST_ROWS))
        for start in range(0, len(order), step):
            yield order[start : start + step]

    def _found(self, rows: Spots, hidden: np.ndarray) -> Found:
        coordinates = self._coordinates(rows)
        nearest = self._nearest(coordinates) if self.window.local else None
        sides = np.full(len(rows), self.window.cell_size) if nearest is None else self._sides(*nearest)
        if self.window.method in ("idw", "nearest"):
            return self._drawn_on(rows, sides, hidden)
        owner, place = self._neighbours(coordinates) if nearest is None else _pairs(*nearest)
        east, north, straight = rows.places.pair_offsets(owner, self._space, place)
        if self.window.lattice is None:
            east, north = east / sides[owner], north / sides[owner]
        else:
            east, north = self._steps(coordinates, owner, place)
        half = self.window.size / 2
        seen = (np.abs(east) < half) & (np.abs(north) < half) & (straight > hidden[owner])
        column = (east + half).astype(np.int32)
        cell = (self.window.size - 1 - (north + half).astype(np.int32)) * self.window.size + column
        if self.window.lattice is not None:  # a new row may stand a little off its lattice point
            seen &= cell != self.window.centre
        return owner[seen], cell[seen], place[seen], None

    @property
    def _norm(self) -> float:
        return 2.0 if self._globe and self.window.lattice is None else np.inf

    @property
    def _near(self) -> int:
        """Places in the circle around a picture whose cells hold one each."""
        return int(min(np.ceil(np.pi / 2 * self.window.size**2), len(self.known)))

    @property
    def _drawn(self) -> int:
        return 1 if self.window.method == "nearest" else _NEAREST

    def _nearest(self, coordinates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Straight distances to the places nearest to each row, and which they are; infinite where there are fewer."""
        straight, place = self._tree.query(coordinates, k=self._near, distance_upper_bound=self._reach)
        return straight.reshape(len(coordinates), -1), place.reshape(len(coordinates), -1)

    def _sides(self, straight: np.ndarray, place: np.ndarray) -> np.ndarray:
        """Sides of the cells of each row such that its circle of nearest places goes around the picture."""
        sides = self.known.places.distance(straight[:, -1]) * np.sqrt(2) / self.window.size
        return np.where((sides > 0) & np.isfinite(straight[:, -1]), sides, self.window.cell_size)

    def _neighbours(self, coordinates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of row and place that may be in the picture."""
        pairs = cKDTree(coordinates, boxsize=self._boxsize).sparse_distance_matrix(
            self._tree, self._reach, p=self._norm, output_type="ndarray"
        )
        return pairs["i"], pairs["j"]

    def _steps(self, coordinates: np.ndarray, owner: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Steps of the lattice from row to place, the short way around the globe."""
        along, up = (self._tree.data[:, i][place] - coordinates[:, i][owner] for i in range(2))
        if self._boxsize is not None:
            turn = self._boxsize[0]
            along = (along + turn / 2) % turn - turn / 2
        return along, up

    def _drawn_on(self, rows: Spots, sides: np.ndarray, hidden: np.ndarray) -> Found:
        """The nearest visible places of every cell; none that is farther than half the side of the picture."""
        cells = self.window.size**2
        centres = rows.places.around(sides[:, None, None] * self.window.offsets()).reshape(len(rows) * cells, -1)
        if self._layered:
            centres = np.column_stack([centres, np.repeat(4 * self._reach * rows.layer, cells)])
        reach = sides * self.window.size / 2
        parts, pending, asked = [], np.arange(len(centres)), self._drawn + 1
        while len(pending):
            straight, place = self._tree.query(centres[pending], k=asked, distance_upper_bound=self._reach)
            straight, place = straight.reshape(len(pending), -1), place.reshape(len(pending), -1)
            seen = np.isfinite(straight)
            seen &= self.known.places.distance(straight) <= reach[pending // cells, None]
            line, _ = np.nonzero(seen)
            owner = pending[line] // cells
            seen[seen] = rows.places.pair_offsets(owner, self._space, place[seen])[2] > hidden[owner]
            enough = np.cumsum(seen, axis=1)
            complete = (enough[:, -1] >= self._drawn) | np.isinf(straight[:, -1]) | (asked >= len(self.known))
            drawn = seen & (enough <= self._drawn) & complete[:, None]
            parts.append((pending[np.nonzero(drawn)[0]], place[drawn], straight[drawn]))
            pending, asked = pending[~complete], 4 * asked
        spot, place, straight = (np.concatenate(part) for part in zip(*parts, strict=True))
        owner, cell = np.divmod(spot, cells)
        near = self.known.places.distance(straight) / sides[owner]
        return owner, cell, place, 1 / np.maximum(near, 1e-6) ** 2 if self._drawn > 1 else None


def _pairs(straight: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    there = np.isfinite(straight)
    return np.nonzero(there)[0], place[there]


def _float32(weight: np.ndarray | None, order: np.ndarray) -> np.ndarray:
    return np.zeros(0, np.float32) if weight is None else weight[order].astype(np.float32)
