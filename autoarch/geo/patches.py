"""Pictures of what lies around rows, filled when they are asked for.

``Rows`` is what must be known of a table, as arrays. ``Known`` adds rows up by place. ``Patches`` looks like an array
of pictures and computes those that are taken from it, so that a training loop can draw batches from a million rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.spatial import cKDTree

from autoarch.geo.links import Finder, Links
from autoarch.geo.window import Spots, Window

_HIDE_SOME = 0.5  # of the rows of fit
_CHUNK = 100_000  # rows whose links are held while their pictures are filled,
_LINKS = 20_000_000  # or as many rows as have that many links, some two hundred megabytes
_BLOCK = 4096  # rows filled at once; the sums of their cells are some ten megabytes per channel


@dataclass(frozen=True, eq=False)
class Rows:
    """Where rows are, and their attributes.

    Parameters
    ----------
    spots : Spots
        Places and layers.
    values : ndarray of shape (n, p)
        Numbers, and codes of categories; NaN is missing.
    categories : dict of int to int
        Columns that hold codes 0, 1, ..., and how many codes each.
    """

    spots: Spots
    values: np.ndarray
    categories: dict[int, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: slice) -> Rows:
        """Some of the rows."""
        return Rows(self.spots.take(rows), self.values[rows], self.categories)

    @cached_property
    def channels(self) -> np.ndarray:
        """Numbers as they are, each code as a column of 0 and 1 that is NaN where the category is missing."""
        if not self.categories:
            return self.values
        parts = []
        for column, values in enumerate(self.values.T):
            codes = np.arange(self.categories.get(column, 0))
            one_hot = np.where(np.isnan(values)[:, None], np.nan, values[:, None] == codes)
            parts.append(one_hot if column in self.categories else values[:, None])
        return np.concatenate(parts, axis=1)


@dataclass(frozen=True, eq=False)
class Known:
    """Sums and counts of what is known at each place.

    Parameters
    ----------
    spots : Spots
        Distinct places.
    sums : ndarray of shape (places, channels)
        Of the values that are not missing.
    counts : ndarray of shape (places, channels)
        How many these are.
    """

    spots: Spots
    sums: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, window: Window, spots: Spots, values: np.ndarray) -> Known:
        """Add up rows by place; NaN is missing."""
        there = ~np.isnan(values)
        return cls(spots, np.where(there, values, 0.0), there.astype(np.float64)).merged(window)

    def merged(self, window: Window) -> Known:
        """The same with each place once, and places that lie together side by side, which memory likes."""
        keys = window.keys(self.spots)
        place = pd.DataFrame(keys).groupby([0, 1, 2], sort=False).ngroup().to_numpy()
        n_places = int(place.max(initial=-1)) + 1
        first = np.unique(place, return_index=True)[1]
        order = cKDTree(keys[first]).indices
        rank = np.empty_like(order)
        rank[order] = np.arange(n_places)
        to_place = coo_array(
            (np.ones(len(place)), (rank[place], np.arange(len(place)))), shape=(n_places, len(place))
        ).tocsr()
        return Known(self.spots.take(first[order]), to_place @ self.sums, to_place @ self.counts)

    def joined(self, window: Window, others: Known) -> Known:
        """Both together."""
        sums, counts = (np.concatenate(pair) for pair in ((self.sums, others.sums), (self.counts, others.counts)))
        return Known(self.spots.joined(others.spots), sums, counts).merged(window)

    def weighted(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """What is averaged: rows within a cell, or places around it, each of these with its mean."""
        if window.method in ("idw", "nearest"):
            return np.divide(self.sums, self.counts, out=np.zeros_like(self.sums), where=self.counts > 0), self.there
        return self.sums, self.counts

    @property
    def there(self) -> np.ndarray:
        """1.0 where something is known, else 0.0."""
        return (self.counts > 0).astype(np.float64)


class Patches:
    """Pictures of rows, ``(n, channels, size, size)``, computed when rows are taken.

    What array libraries ask of an array is there: ``shape``, ``dtype``, ``len``, ``[rows]`` with an integer, a slice, a
    mask or positions, and ``numpy.asarray`` for all of them.

    Parameters
    ----------
    finder : Finder
        Of the known places.
    known : Known
        What is known there: the channels of the rows, then those that only neighbours show, such as labels.
    rows : Rows
        Rows that get pictures.
    hide_within : float or ndarray of shape (n,), default=0.0
        Known places no farther from the row than this are left out.
    dtype : dtype, default=float32
        Of the pictures.
    """

    ndim = 4

    def __init__(
        self,
        finder: Finder,
        known: Known,
        rows: Rows,
        hide_within: float | np.ndarray = 0.0,
        dtype: Any = np.float32,
    ):
        self.dtype = np.dtype(dtype)
        self.links: Links = finder.links(rows.spots, hide_within)
        self._window = finder.window
        self._own = rows.channels
        self._sums, self._counts = (part.astype(self.dtype) for part in known.weighted(finder.window))
        if (self._counts == self._counts[:, :1]).all():
            self._counts = self._counts[:, :1].copy()  # nothing is missing: one division serves all channels

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Rows, channels, lines of cells from north to south, cells from west to east."""
        return len(self._own), self._sums.shape[1], self._window.size, self._window.size

    def __len__(self) -> int:
        return len(self._own)

    @property
    def n_alone(self) -> int:
        """Rows around which nothing is known."""
        return int((self.links.count == 0).sum())

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
        for start in range(0, len(rows), _BLOCK):
            self._fill(rows[start : start + _BLOCK], out[start : start + _BLOCK])
        return out

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[:].astype(self.dtype if dtype is None else dtype, copy=False)

    def _fill(self, rows: np.ndarray, out: np.ndarray) -> None:
        owner, cell, place, weight = self.links.of(rows)
        cells = self._window.size**2
        shape = (len(rows) * cells, len(self._sums))
        weight = np.ones(len(owner), self.dtype) if weight is None else weight
        links = coo_array((weight, (owner * cells + cell, place)), shape=shape)
        with np.errstate(invalid="ignore"):  # 0 / 0 is NaN: nothing is known of this cell
            means = (links @ self._sums) / (links @ self._counts)
        means = means.reshape(len(rows), cells, -1)
        n_own = self._own.shape[1]
        means[:, self._window.centre, :n_own] = self._own[rows]
        out[...] = means.transpose(0, 2, 1).reshape(out.shape)


def in_pieces(
    finder: Finder, known: Known, rows: Rows, hidden: np.ndarray, dtype: Any, step: int = 1
) -> Iterator[Patches]:
    """Patches of as many rows at a time as memory likes, a multiple of ``step``."""
    per_row = max(1.0, float(finder.per_row(rows.spots).mean()))
    many = max(1, int(min(_CHUNK, _LINKS / per_row)) // step) * step
    for start in range(0, len(rows), many):
        part = slice(start, start + many)
        yield Patches(finder, known, rows.take(part), hidden[part], dtype)


def hidden_distances(n: int, hide_within: float | str, reach: float) -> np.ndarray:
    """How far around each row of fit known places are left out; "some" is the same whenever it is asked for."""
    if hide_within != "some":
        return np.full(n, float(hide_within))
    rng = np.random.default_rng(0)
    return np.where(rng.random(n) < _HIDE_SOME, rng.uniform(0.0, reach, n), 0.0)
