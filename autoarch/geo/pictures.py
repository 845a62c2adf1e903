"""Neighbourhoods as scaled pictures, for nets: whole where they fit into memory, else filled batch by batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.preprocessing import StandardScaler
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from autoarch._data.points import Rows
from autoarch.geo.neighborhood import NeighborhoodGrid
from autoarch.geo.patches import Patches

_LARGEST = 10.0  # standard deviations
_SAMPLE = 5_000  # pictures that means and deviations are learned from
_BLOCK = 4096  # pictures that are scaled at once
_MOST_VALUES = 2**26  # of all pictures, that are kept at once: 256 MiB


@dataclass(frozen=True, eq=False)
class Pictures:
    """Scaled pictures that are computed when rows of them are taken; the last channel says where nothing is known.

    Parameters
    ----------
    patches : Patches
        The pictures as they are.
    mean, scale : ndarray of shape (channels, 1, 1)
        What is subtracted from each channel and what it is divided by.
    """

    patches: Patches
    mean: np.ndarray
    scale: np.ndarray

    ndim = 4
    dtype = np.dtype(np.float32)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Rows, channels, height, width."""
        n, channels, height, width = self.patches.shape
        return n, channels + 1, height, width

    @property
    def size(self) -> int:
        """Values in all of them."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Pictures of some rows; what is not known is 0, which is the mean."""
        grid = np.clip((self.patches[rows] - self.mean) / self.scale, -_LARGEST, _LARGEST)
        unknown = np.isnan(grid).all(axis=1, keepdims=True)
        return np.concatenate([np.nan_to_num(grid, copy=False), unknown], axis=1, dtype=self.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        out = np.empty(self.shape, dtype or self.dtype)
        for rows in gen_batches(len(self), _BLOCK):
            out[rows] = self[rows]
        return out


class NeighborhoodPictures(NeighborhoodGrid):
    """:class:`NeighborhoodGrid` with every channel scaled, and one more for cells of which nothing is known.

    ``context``, ``output`` and ``dtype`` are of no consequence.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (channels, 1, 1)
        Of each channel.
    """

    seconds_per_row = 4e-5  # on one core, to find neighbours; a search does not begin what takes longer than it has

    def fit(self, X: Any, y: Any = None) -> NeighborhoodPictures:
        """Learn what is known where, and the scale of each channel."""
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Fit, and return the pictures of the training rows, none of which shows its own label."""
        rows = self._fit(X, y)
        patches = self._exact(rows, self._hidden(rows, True))
        some = np.linspace(0, len(patches) - 1, min(len(patches), _SAMPLE)).astype(int)
        channels = patches[some].transpose(0, 2, 3, 1).reshape(-1, patches.shape[1])
        with np.errstate(invalid="ignore"):  # a channel may be missing throughout
            scaler = StandardScaler().fit(channels)
        self.mean_, self.scale_ = scaler.mean_[:, None, None], scaler.scale_[:, None, None]
        return self._pictures(patches)

    def transform(self, X: Any) -> Any:
        """The pictures of rows, what lies around them taken from the training rows; empty ones cause no warning."""
        check_is_fitted(self)
        return self._pictures(self._exact(self._read(X), 0.0))

    def _exact(self, rows: Rows, hidden: float | np.ndarray) -> Patches:
        """Pictures in double precision, which tells large values with small differences apart."""
        return Patches(self._known, rows, hidden, np.float64)

    def _pictures(self, patches: Patches) -> np.ndarray | Pictures:
        pictures = Pictures(patches, self.mean_, self.scale_)
        return pictures if pictures.size > _MOST_VALUES else np.asarray(pictures)
