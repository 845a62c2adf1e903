"""Scalers in front of convolutions: flat rows as scaled grids."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from autoarch._data.layout import Layout

_LARGEST = 10.0  # standard deviations; what lies beyond carries no more news for a net and endangers its training
_FLAT = 1e-6  # of the mean of a sample: deviations below are those of rounding
_MOST_PLANES = 16  # each is one more channel of the first convolution
_MOST_LEVELS = 8  # of one category
MOST_CODES = 16  # of the cells of a channel
_BLOCK_VALUES = 2**23  # whose squares are summed at a time


class GridScaler(TransformerMixin, BaseEstimator):
    """Scale flat rows and shape them into ``(n, channels, height, width)`` float32 grids.

    Missing cells become 0, which is the mean; where cells were missing at fit, one more channel says which. Columns
    that belong to no cell, the first 16 of them, follow as channels that are constant over the grid: a number scaled
    by itself, a category as one channel per frequent level.

    Parameters
    ----------
    layout : Layout
        Cells behind the columns.
    scaling : {"global", "cell"}, default="global"
        One mean and deviation per channel, which keeps the differences between cells, or one per cell.
    categorical : tuple of int, default=()
        Columns that hold codes of categories; they are no cells.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (channels, height, width) or (channels, 1, 1)
        What is subtracted from each cell and what it is divided by.
    masked_ : bool
        Whether a mask channel is appended.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch import Layout
    >>> from autoarch._training.scalers import GridScaler
    >>> GridScaler(Layout(2, 2)).fit_transform(np.array([[0.0, 1, 2, 3], [4, 5, 6, 7]])).shape
    (2, 1, 2, 2)
    """

    _largest = _LARGEST
    _fill: Any = 0.0  # scaled value of a missing cell

    def __init__(self, layout: Layout, scaling: str = "global", categorical: tuple[int, ...] = ()):
        self.layout = layout
        self.scaling = scaling
        self.categorical = categorical

    def fit(self, X: np.ndarray, y: Any = None) -> GridScaler:
        """Learn mean and deviation of each channel or cell, and of the columns beside the grid."""
        grid = self.layout.to_grid(X)
        missing = np.isnan(grid)
        self.masked_ = bool((missing & (self.layout.columns >= 0).reshape(self.layout.shape)).any())
        axes = (0,) if self.scaling == "cell" else (0, 2, 3)
        grid = self._to_scale(grid)
        with np.errstate(all="ignore"):
            if missing.any():
                mean, variance = _nan_moments(grid, axes)
            else:
                mean, variance = _moments(grid, axes)
        scale = np.sqrt(variance[0])
        self.mean_ = mean[0]
        self.scale_ = np.where(scale > 1e-12 * np.abs(self.mean_), scale, 1.0)  # less is rounding
        self.planes_ = _Planes(X, self.layout.foreign, self.categorical)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the scaled grids, then the mask where one was learned, then the planes."""
        check_is_fitted(self)
        given = self.layout.to_grid(X)
        grid = self._cells(given)
        parts = [grid]
        if self.masked_:
            parts.append(np.isnan(given).any(axis=1, keepdims=True).astype(np.float32))
        if len(self.planes_):
            planes = self.planes_.of(X)[:, :, None, None]
            parts.append(np.broadcast_to(planes, (*planes.shape[:2], *grid.shape[2:])))
        return grid if len(parts) == 1 else np.concatenate(parts, axis=1)

    @property
    def sources(self) -> np.ndarray:
        """Column of each cell of the channels that are cells; -1 for a cell that has none."""
        return self.layout.columns

    def _to_scale(self, grid: np.ndarray) -> np.ndarray:
        """Return what is scaled in the place of cells."""
        return grid

    def _cells(self, grid: np.ndarray) -> np.ndarray:
        """Scaled cells, what is missing filled."""
        grid = self._to_scale(grid) - self.mean_.astype(grid.dtype)
        grid /= self.scale_.astype(grid.dtype)
        grid = np.clip(grid, -self._largest, self._largest, out=grid).astype(np.float32, copy=False)
        missing = np.isnan(grid)
        if missing.any():
            grid[missing] = np.broadcast_to(self._fill, grid.shape)[missing]
        return grid


class CodeChannels(GridScaler):
    """Shape flat rows into grids with one channel for each code that the cells of a channel held at fit.

    A code that was not there at fit, and a missing cell, are 0 in all of these channels. A mask of missing cells and
    the columns beside the grid follow, as in :class:`autoarch._training.scalers.GridScaler`.

    Parameters
    ----------
    layout : Layout
        Cells behind the columns.
    categorical : tuple of int, default=()
        Columns that hold codes of categories; they are no cells.

    Attributes
    ----------
    codes_ : ndarray of shape (channels, 1, 1)
        Code that each channel stands for; of a grid's channel the most frequent ones, 16 at most.
    cell_channels_ : ndarray of shape (channels,)
        Channel of the grid that each is made from.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch import Layout
    >>> from autoarch._training.scalers import CodeChannels
    >>> CodeChannels(Layout(1, 3)).fit_transform(np.array([[0.0, 2.0, 2.0], [2.0, 1.0, 0.0]]))[0, :, 0]
    array([[1., 0., 0.],
           [0., 0., 0.],
           [0., 1., 1.]], dtype=float32)
    """

    def __init__(self, layout: Layout, categorical: tuple[int, ...] = ()):
        super().__init__(layout, "global", categorical)

    def fit(self, X: np.ndarray, y: Any = None) -> CodeChannels:
        """Learn the codes, and what stands beside the grid."""
        super().fit(X)
        codes: list[float] = []
        channels: list[int] = []
        for channel, cells in enumerate(self.layout.to_grid(X).swapaxes(0, 1)):
            levels, counts = np.unique(cells[~np.isnan(cells)], return_counts=True)
            frequent = np.sort(levels[np.argsort(-counts, kind="stable")[:MOST_CODES]]) if len(levels) else np.zeros(1)
            codes.extend(frequent.tolist())
            channels.extend([channel] * len(frequent))
        self.codes_ = np.array(codes)[:, None, None]
        self.cell_channels_ = np.array(channels, dtype=np.intp)
        self.mean_, self.scale_ = np.zeros_like(self.codes_), np.ones_like(self.codes_)
        return self

    @property
    def sources(self) -> np.ndarray:
        """Column of each cell of the channels."""
        cells = self.layout.columns.reshape(self.layout.channels, -1)
        return cells[self.cell_channels_].ravel()

    def _cells(self, grid: np.ndarray) -> np.ndarray:
        return (grid[:, self.cell_channels_] == self.codes_.astype(grid.dtype)).astype(np.float32)


class SourceScaler(GridScaler):
    """Shape flat rows into grids and scale them by the statistics of other data.

    Missing cells become the mean, and the columns beside the grid follow as planes, as in
    :class:`autoarch._training.scalers.GridScaler`.

    Parameters
    ----------
    layout : Layout
        Cells behind the columns.
    mean, scale : ndarray of shape (channels, height, width) or (channels, 1, 1), or None
        What the net was trained with: cell by cell where the sides are the same, else of each channel, or of all
        channels where their number differs. None leaves the values as they are.
    categorical : tuple of int, default=()
        Columns that hold codes of categories.
    """

    def __init__(self, layout: Layout, mean: Any = None, scale: Any = None, categorical: tuple[int, ...] = ()):
        super().__init__(layout, "global", categorical)
        self.mean = mean
        self.scale = scale

    def fit(self, X: np.ndarray, y: Any = None) -> SourceScaler:
        """Learn which cells are missing and what stands beside the grid; the scale is given."""
        super().fit(X)
        if self.mean is None or self.scale is None:
            self._fill = self.mean_
            self.mean_, self.scale_ = np.zeros_like(self.mean_), np.ones_like(self.scale_)
            self._largest = np.inf
            return self
        mean, scale = self.mean, self.scale
        if mean.shape[1:] not in ((1, 1), self.layout.shape[1:]):
            mean, scale = (part[:, None, None] for part in channel_moments(mean, scale))
        if len(mean) != self.layout.channels:
            mean, scale = mean.mean(0, keepdims=True), scale.mean(0, keepdims=True)
        self.mean_, self.scale_ = mean, scale
        return self


class SampleScaler(GridScaler):
    """Scale each channel of each sample by its own mean and deviation, for levels and gains that mean nothing.

    What follows is as in :class:`autoarch._training.scalers.GridScaler`. A channel whose cells are all the same becomes
    0.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch import Layout
    >>> from autoarch._training.scalers import SampleScaler
    >>> grids = SampleScaler(Layout(2, 2)).fit_transform(np.array([[0.0, 1, 2, 3], [10, 30, 50, 70]]))
    >>> bool(np.allclose(grids[0], grids[1]))
    True
    """

    def fit(self, X: np.ndarray, y: Any = None) -> SampleScaler:
        """Learn which cells are missing, what the scaled cells are like, and what stands beside the grid."""
        super().fit(self._each_scaled(X))
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the scaled grids, then the mask where one was learned, then the planes."""
        return super().transform(self._each_scaled(X))

    def _each_scaled(self, X: np.ndarray) -> np.ndarray:
        X = X.copy()
        for columns in self.layout.columns.reshape(self.layout.channels, -1):
            there = columns[columns >= 0]
            mean, variance = _nan_moments(X[:, there], (1,))
            scale = np.sqrt(variance)
            varies = scale > _FLAT * np.abs(mean)
            X[:, there] = np.where(varies, (X[:, there] - mean) / np.where(varies, scale, 1.0), 0.0 * X[:, there])
        return X


class _Planes:
    """Columns beside the grid as planes: scaled numbers, and levels of categories as 0 or 1."""

    def __init__(self, X: np.ndarray, foreign: np.ndarray, categorical: tuple[int, ...]):
        self.numbers = np.setdiff1d(foreign, categorical)[:_MOST_PLANES]
        self.mean, variance = (part[0] for part in _nan_moments(X[:, self.numbers], (0,)))
        self.scale = np.where(variance > 0, np.sqrt(variance), 1.0)
        levels: list[tuple[int, float]] = []
        for column in np.intersect1d(foreign, categorical):
            codes, counts = np.unique(X[:, column][~np.isnan(X[:, column])], return_counts=True)
            frequent = codes[np.argsort(-counts, kind="stable")[:_MOST_LEVELS]]
            levels += [(int(column), float(code)) for code in frequent]
        self.levels = levels[: _MOST_PLANES - len(self.numbers)]

    def __len__(self) -> int:
        return len(self.numbers) + len(self.levels)

    def of(self, X: np.ndarray) -> np.ndarray:
        """One value per row and plane; a missing number is its mean, a missing category none of the levels."""
        numbers = np.clip((X[:, self.numbers] - self.mean) / self.scale, -_LARGEST, _LARGEST)
        flags = [X[:, column] == code for column, code in self.levels]
        return np.column_stack([np.nan_to_num(numbers), *flags]).astype(np.float32)


def _moments(values: np.ndarray, axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance in double precision; of many values block by block, because numpy would copy them all."""
    mean = values.mean(axis=axes, keepdims=True, dtype=np.float64)
    if values.size <= _BLOCK_VALUES:
        return mean, values.var(axis=axes, keepdims=True, dtype=np.float64)
    squares = np.zeros_like(mean)
    for rows in gen_batches(len(values), max(1, _BLOCK_VALUES * len(values) // values.size)):
        squares += ((values[rows] - mean) ** 2).sum(axis=axes, keepdims=True)
    return mean, squares * (mean.size / values.size)


def _nan_moments(values: np.ndarray, axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance over what is there; 0 and 1 where nothing is (numpy's nan functions would warn)."""
    there = ~np.isnan(values)
    count = np.maximum(there.sum(axis=axes, keepdims=True), 1)
    mean = np.where(there, values, 0.0).sum(axis=axes, keepdims=True, dtype=np.float64) / count
    squares = np.where(there, (values - mean) ** 2, 0.0).sum(axis=axes, keepdims=True, dtype=np.float64)
    return mean, squares / count


def channel_moments(mean: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each channel, from those of its cells."""
    level = mean.mean(axis=(1, 2))
    return level, np.sqrt((scale**2 + (mean - level[:, None, None]) ** 2).mean(axis=(1, 2)))
