"""Pictures of what lies around rows, computed when they are taken.

``Known`` adds rows up by place and finds which places lie in which cell of the picture around a row. A place that a row
stands on itself is never linked to it. So a row that was there in ``fit`` has the same picture as a new row at its
place, and no label comes back to the row that it belongs to. ``Patches`` looks like an array of pictures and computes
those that are taken from it, so that a training loop can draw batches from a million rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, vstack
from scipy.spatial import cKDTree
from sklearn.utils import gen_batches

from autoarch._data.points import Places, Rows
from autoarch.geo.lattice import Window

_NEAREST = 8  # places that "idw" draws on: as many as a cell has neighbours
_PAIRS = 2_000_000  # of rows and places in one block of work, about 200 MB
_MOST_ROWS = 20_000  # of one block
_SAME_PLACE = 1e-12  # of the largest coordinate: rounding errors, and no more, since an origin may be far away
_PROBES = 200  # rows whose places are counted before blocks are cut
_BLOCK = 4096  # rows filled at once; the sums of their cells are some ten megabytes per channel


class Known:
    """Sums and counts of what is known at each place, and a tree that finds places around rows.

    Parameters
    ----------
    window : Window
        Cells of the pictures.
    places, layer : Places, ndarray
        Where rows are; equal ones are one place here.
    sums, counts : ndarray of shape (n, channels)
        Of the rows: values that are not missing, and how many these are.
    """

    def __init__(self, window: Window, places: Places, layer: np.ndarray, sums: np.ndarray, counts: np.ndarray):
        keys = np.column_stack([window.positions(places), layer])
        place = pd.DataFrame(keys).groupby([0, 1, 2], sort=False).ngroup().to_numpy()
        first = np.unique(place, return_index=True)[1]
        order = first[cKDTree(keys[first]).indices]  # places that lie together stand together: for the cache
        self.sums, self.counts = (
            pd.DataFrame(part).groupby(place).sum().to_numpy()[place[order]] for part in (sums, counts)
        )
        self.window, self.places, self.layer = window, places.take(order), layer[order]
        self._space = self.places.space
        self._same_place = _SAME_PLACE * float(np.abs(self._space).max(initial=0.0))
        self._norm, self._reach = self._search_radius()
        around = 0 if window.lattice is None or window.lattice.around < window.size else window.lattice.around
        self._boxsize = [around, 0, 0][: 2 + window.layered] if around else None
        self._tree = cKDTree(self._coordinates(self.places, self.layer), boxsize=self._boxsize)

    @classmethod
    def of(cls, window: Window, rows: Rows) -> Known:
        """Add up the values of rows by place."""
        there = ~np.isnan(rows.values)
        return cls(window, rows.places, rows.layer, np.where(there, rows.values, 0.0), there.astype(np.float64))

    def joined(self, rows: Rows) -> Known:
        """Add the attributes of other rows, whose labels are not known."""
        n_labels = self.sums.shape[1] - rows.values.shape[1]
        values = np.pad(rows.values, ((0, 0), (0, n_labels)), constant_values=np.nan)
        others = Known.of(self.window, Rows(rows.places, rows.layer, values))
        points = np.concatenate([self.places.points, others.places.points])
        layer, sums, counts = (
            np.concatenate([getattr(self, name), getattr(others, name)]) for name in ("layer", "sums", "counts")
        )
        return Known(self.window, Places(points, self.places.geographic), layer, sums, counts)

    def per_row(self, rows: Rows) -> np.ndarray:
        """Count the places that are compared with each of some rows, evenly drawn."""
        probes = rows.take(slice(None, None, max(1, len(rows) // _PROBES)))
        coordinates = self._coordinates(probes.places, probes.layer)
        counts = self._tree.query_ball_point(coordinates, self._reach, p=self._norm, return_length=True)
        return np.minimum(counts, self._n_local) if self.window.local else counts

    def links(self, rows: Rows, hide_within: float | np.ndarray = 0.0) -> tuple[csr_array, np.ndarray]:
        """Weights of the places in the cells of pictures, without those no farther than ``hide_within`` from the row.

        Returns
        -------
        links : csr_array of shape (n, size * size * places)
            Rows that lie together stand together.
        position : ndarray of shape (n,)
            Of each row in it.
        """
        coordinates = self._coordinates(rows.places, rows.layer)
        hidden = np.maximum(self.places.straight(np.broadcast_to(hide_within, len(rows))), self._same_place)
        order = cKDTree(coordinates, boxsize=self._boxsize).indices
        step = int(np.clip(_PAIRS // max(self.per_row(rows.take(order)).max(), 1), 1, _MOST_ROWS))
        matrices = []
        for block in (order[rows_of] for rows_of in gen_batches(len(order), step)):
            owner, cell, place, weight = self._found(rows.take(block), coordinates[block], hidden[block])
            at = (owner, cell.astype(np.int64) * len(self.places) + place)
            shape = (len(block), self.window.size**2 * len(self.places))
            matrices.append(csr_array((weight, at), shape=shape))
        return vstack(matrices, format="csr"), np.argsort(order)

    def _search_radius(self) -> tuple[float, float]:
        """Norm of the coordinates of the tree, and how far in it a place in the picture of a row can be."""
        half = self.window.size / 2
        if self.window.lattice is not None:
            return np.inf, half
        half *= self.window.cell_size
        if self.window.method == "bin" and not self.places.geographic:
            return np.inf, half
        return 2.0 if self.places.geographic else np.inf, float(self.places.straight(half * np.sqrt(2)))

    @property
    def _n_local(self) -> int:
        """Places in the circle around a picture whose cells hold one each."""
        return int(min(np.ceil(np.pi / 2 * self.window.size**2), len(self.places)))

    def _coordinates(self, places: Places, layer: np.ndarray) -> np.ndarray:
        """Positions in the tree: cells of the lattice, or space; layers lie farther apart than any search goes."""
        where = places.space if self.window.lattice is None else self.window.positions(places)
        return np.column_stack([where, 4 * self._reach * layer]) if self.window.layered else where

    def _found(self, rows: Rows, coordinates: np.ndarray, hidden: np.ndarray) -> tuple[np.ndarray, ...]:
        """Row, cell, place and weight of each link."""
        window, half = self.window, self.window.size / 2
        sides = np.full(len(rows), window.cell_size)
        if window.local:
            nearest = np.arange(1, self._n_local + 1)
            straight, near = self._tree.query(coordinates, k=nearest, distance_upper_bound=self._reach)
            circle = self.places.distance(straight[:, -1]) * np.sqrt(2) / window.size
            sides = np.where((circle > 0) & np.isfinite(straight[:, -1]), circle, window.cell_size)
        if window.method in ("idw", "nearest"):
            return self._interpolated(rows, coordinates, sides, hidden)
        if window.local:
            owner, place = np.nonzero(np.isfinite(straight))[0], near[np.isfinite(straight)]
        else:
            tree = cKDTree(coordinates, boxsize=self._boxsize)
            pairs = tree.sparse_distance_matrix(self._tree, self._reach, p=self._norm, output_type="ndarray")
            owner, place = pairs["i"], pairs["j"]
        east, north, straight = rows.places.pair_offsets(owner, self._space, place)
        if window.lattice is None:
            east, north = east / sides[owner], north / sides[owner]
        else:
            east, north = (self._tree.data[:, i][place] - coordinates[:, i][owner] for i in range(2))
            if self._boxsize is not None:  # the short way around the globe
                east = (east + self._boxsize[0] / 2) % self._boxsize[0] - self._boxsize[0] / 2
        seen = (np.abs(east) < half) & (np.abs(north) < half) & (straight > hidden[owner])
        cell = (window.size - 1 - (north + half).astype(np.int32)) * window.size + (east + half).astype(np.int32)
        if window.lattice is not None:  # a new row may stand a little off its lattice point
            seen &= cell != window.size**2 // 2
        return owner[seen], cell[seen], place[seen], np.ones(seen.sum(), np.int8)

    def _interpolated(
        self, rows: Rows, coordinates: np.ndarray, sides: np.ndarray, hidden: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        """The nearest visible places of every cell; none that is farther than half the side of the picture."""
        k = np.arange(1, 2 if self.window.method == "nearest" else _NEAREST + 1)
        half = self.window.size / 2 * sides
        centres = rows.places.around(sides[:, None, None] * self.window.offsets())
        candidates = self._tree.query_ball_point(coordinates, self.places.straight((1 + np.sqrt(2)) * half))
        parts = []
        for row, near in enumerate(np.array(each, dtype=np.int64) for each in candidates):
            near = near[np.linalg.norm(self._space[near] - rows.places.space[row], axis=1) > hidden[row]]
            straight, nth = cKDTree(self._space[near]).query(centres[row], k=k)
            distance = self.places.distance(straight)
            seen = np.isfinite(straight) & (distance <= half[row])
            cell = np.nonzero(seen)[0]
            parts.append((np.full(len(cell), row), cell, near[nth[seen]], distance[seen] / sides[row]))
        owner, cell, place, distance = (np.concatenate(part) for part in zip(*parts, strict=True))
        return owner, cell, place, 1 / np.maximum(distance, 1e-6) ** 2 if len(k) > 1 else np.ones(len(owner), np.int8)


class Patches:
    """Pictures of rows, ``(n, channels, size, size)``, computed when rows are taken.

    Array libraries find what they need: ``shape``, ``dtype``, ``len``, ``[rows]`` with an integer, a slice, a mask or
    positions, and ``numpy.asarray`` for all of them.

    Parameters
    ----------
    known : Known
        What is known around: the channels of the rows, then those that only neighbours show, such as labels.
    rows : Rows
        Rows that get pictures.
    hide_within : float or ndarray of shape (n,), default=0.0
        Known places no farther from the row than this are left out.
    dtype : dtype, default=float32
        Of the pictures.
    """

    ndim = 4

    def __init__(
        self, known: Known, rows: Rows, hide_within: float | np.ndarray = 0.0, dtype: Any = np.float32
    ) -> None:
        self.dtype = np.dtype(dtype)
        self._size, self._own = known.window.size, rows.values
        self._links, self._position = known.links(rows, hide_within)
        sums, counts = known.sums, known.counts
        if known.window.method in ("idw", "nearest"):  # places are averaged, each with its mean, not rows
            sums, counts = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0), np.sign(counts)
        if (counts == counts[:, :1]).all():
            counts = counts[:, :1]  # nothing is missing: one division serves all channels
        self._sums, self._counts = sums.astype(self.dtype), counts.astype(self.dtype)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Rows, channels, lines of cells from north to south, cells from west to east."""
        return len(self._own), self._sums.shape[1], self._size, self._size

    def __len__(self) -> int:
        return len(self._own)

    @property
    def n_alone(self) -> int:
        """Rows around which nothing is known."""
        return int((np.diff(self._links.indptr) == 0).sum())

    def __getitem__(self, rows: Any) -> np.ndarray:
        chosen = np.arange(len(self))[rows]
        if chosen.ndim == 0:
            return self[chosen[None]][0]
        if chosen.ndim > 1:
            raise IndexError(f"rows of patches are taken by one axis of positions; got shape {chosen.shape}.")
        return self.fill(np.empty((len(chosen), *self.shape[1:]), dtype=self.dtype), chosen)

    def fill(self, out: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Write the pictures of all or some rows into ``out`` and return it."""
        rows = np.arange(len(self)) if rows is None else rows
        for block in gen_batches(len(rows), _BLOCK):
            some = rows[block]
            links = self._links[self._position[some]].reshape(len(some) * self._size**2, -1)
            with np.errstate(invalid="ignore"):  # 0 / 0 is NaN: nothing is known of this cell
                means = (links @ self._sums) / (links @ self._counts)
            means = means.reshape(len(some), self._size**2, -1)
            means[:, self._size**2 // 2, : self._own.shape[1]] = self._own[some]
            out[block] = means.transpose(0, 2, 1).reshape(len(some), *self.shape[1:])
        return out

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[:].astype(self.dtype if dtype is None else dtype, copy=False)
