"""Means over the nearest training rows: of their labels, by inverse distance, and of their attributes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autoarch._data.points import Places

FOR_ATTRIBUTES = 16  # neighbours whose attributes are averaged
_CHUNK = 20_000  # rows whose neighbours are held in memory at a time,
_VALUES = 12_000_000  # or as many as have so many values around them, some hundred megabytes
_SOFT = 0.1  # of the distance to the last neighbour, which keeps the weight of the nearest one finite


@dataclass(frozen=True, eq=False)
class Nearby:
    """What is known at training rows.

    Parameters
    ----------
    places : Places of length n
        Where they are.
    targets : ndarray of shape (n, q)
        Labels as numbers.
    attributes : ndarray of shape (n, p)
        NaN where missing.
    neighbors : tuple of int
        How many near rows labels are averaged over.
    """

    places: Places
    targets: np.ndarray
    attributes: np.ndarray
    neighbors: tuple[int, ...]

    @property
    def n_columns(self) -> int:
        """Columns of ``around``."""
        if not self.neighbors:
            return 0
        return len(self.neighbors) * (self.targets.shape[1] + 1) + self.attributes.shape[1]

    @property
    def dtype(self) -> np.dtype:
        """Type of ``around``, which tells apart what ``targets`` and ``attributes`` do."""
        return np.result_type(self.targets, self.attributes)

    def around(self, places: Places, seen: np.ndarray | None = None) -> np.ndarray:
        """Means over the nearest of the rows that are seen, and the distance to the last of them."""
        if not self.neighbors:
            return np.empty((len(places), 0), dtype=self.dtype)
        seen = np.arange(len(self.places)) if seen is None else seen
        tree = self.places.take(seen).tree()
        most = min(max(*self.neighbors, FOR_ATTRIBUTES), len(seen))
        points = places.space
        around_each = most * max(1, self.targets.shape[1]) + FOR_ATTRIBUTES * self.attributes.shape[1]
        chunk = min(_CHUNK, max(1, _VALUES // around_each))
        parts = []
        for first in range(0, len(points), chunk):
            distance, near = tree.query(points[first : first + chunk], k=np.arange(1, most + 1))
            parts.append(self._means(places.distance(distance), seen[near]))
        return np.concatenate(parts)

    def _means(self, distance: np.ndarray, near: np.ndarray) -> np.ndarray:
        columns = []
        for k in self.neighbors:
            k = min(k, near.shape[1])
            last = distance[:, k - 1 : k]
            weight = 1 / (distance[:, :k] + _SOFT * last + np.finfo(np.float32).tiny)
            weight /= weight.sum(axis=1, keepdims=True)
            columns += [np.einsum("nk,nkc->nc", weight, self.targets[near[:, :k]]), np.log1p(last)]
        present = self.attributes[near[:, :FOR_ATTRIBUTES]]
        known = ~np.isnan(present)
        count = known.sum(axis=1)
        total = np.where(known, present, 0).sum(axis=1)
        columns.append(np.divide(total, count, out=np.full(total.shape, np.nan, total.dtype), where=count > 0))
        return np.concatenate(columns, axis=1, dtype=self.dtype)
