"""Scalers in front of nets: flat rows as scaled grids, and columns of a table with bounded tails as float32."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from autoarch._data.layout import Layout

_LARGEST = 10.0  # standard deviations; what lies beyond carries no more news for a net and endangers its training
_MOST_PLANES = 16  # each is one more channel of the first convolution
_MOST_LEVELS = 8  # of one category


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
        with np.errstate(all="ignore"):
            if missing.any():
                mean, variance = _nan_moments(grid, axes)
            else:
                mean, variance = (of(axis=axes, keepdims=True, dtype=np.float64) for of in (grid.mean, grid.var))
        scale = np.sqrt(variance[0])
        self.mean_ = mean[0]
        self.scale_ = np.where(scale > 1e-12 * np.maximum(1.0, np.abs(self.mean_)), scale, 1.0)
        self.planes_ = _Planes(X, self.layout.foreign, self.categorical)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the scaled grids, then the mask where one was learned, then the planes."""
        check_is_fitted(self)
        grid = (self.layout.to_grid(X) - self.mean_.astype(X.dtype)) / self.scale_.astype(X.dtype)
        grid = np.clip(grid, -self._largest, self._largest, out=grid).astype(np.float32, copy=False)
        parts = [grid]
        missing = np.isnan(grid)
        if missing.any():
            grid[missing] = np.broadcast_to(self._fill, grid.shape)[missing]
        if self.masked_:
            parts.append(missing.any(axis=1, keepdims=True).astype(np.float32))
        if len(self.planes_):
            planes = self.planes_.of(X)[:, :, None, None]
            parts.append(np.broadcast_to(planes, (*planes.shape[:2], *grid.shape[2:])))
        return grid if len(parts) == 1 else np.concatenate(parts, axis=1)


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


class RobustClip(TransformerMixin, BaseEstimator):
    """Centre on the median, scale by the interquartile range and clip smoothly, as RealMLP does [1]_.

    ``x -> z / sqrt(1 + (z / 3) ** 2)`` with ``z = (x - median) / iqr * 1.349`` maps outliers into ``(-3, 3)``.
    Columns whose quartiles coincide are scaled by their range instead.

    References
    ----------
    .. [1] D. Holzmueller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on
       tabular data", NeurIPS 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._training.scalers import RobustClip
    >>> bool(RobustClip().fit_transform(np.array([[0.0], [1.0], [2.0], [1e9]])).max() <= 3)
    True
    """

    def fit(self, X: np.ndarray, y: Any = None) -> RobustClip:
        """Learn median and spread of each column."""
        low, self.median_, high = np.quantile(X, [0.25, 0.5, 0.75], axis=0)
        iqr, whole = (high - low) / 1.349, (X.max(axis=0) - X.min(axis=0)) / 2  # a normal's quartiles are 1.349 apart
        spread = np.where(iqr > 0, iqr, whole)
        self.spread_ = np.where(spread > 0, spread, 1.0)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Scale and clip."""
        check_is_fitted(self)
        z = (X - self.median_) / self.spread_
        return z / np.sqrt(1.0 + (z / 3.0) ** 2)

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Names are unchanged."""
        return input_features


class ToFloat32(TransformerMixin, BaseEstimator):
    """The last step before a net: contiguous float32.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._training.scalers import ToFloat32
    >>> ToFloat32().fit_transform(np.ones((1, 2))).dtype
    dtype('float32')
    """

    def fit(self, X: np.ndarray, y: Any = None) -> ToFloat32:
        """Remember the width, so that the step counts as fitted."""
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Cast."""
        return np.ascontiguousarray(X, dtype=np.float32)
