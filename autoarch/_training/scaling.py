"""Scalers that scikit-learn lacks: over whole grids, and for tables with heavy tails.

Imports: numpy, scikit-learn, ``autoarch._data.layout``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from autoarch._data.layout import Layout

_LARGEST = 10.0  # standard deviations; what lies beyond carries no more news for a net and endangers its training


class GridScaler(TransformerMixin, BaseEstimator):
    """Scale flat rows and shape them into ``(n, channels, height, width)`` float32 grids.

    Missing cells become 0, which is the mean; where cells were missing at fit, one more channel says which.

    Parameters
    ----------
    shape : tuple of int
        Channels, height and width behind the columns.
    scaling : {"global", "cell"}, default="global"
        One mean and deviation per channel, which keeps the differences between cells, or one per cell.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (channels, height, width) or (channels, 1, 1)
        What is subtracted from each cell and what it is divided by.
    masked_ : bool
        Whether a mask channel is appended.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._training.scaling import GridScaler
    >>> GridScaler(shape=(1, 2, 2)).fit_transform(np.array([[0.0, 1, 2, 3], [4, 5, 6, 7]])).shape
    (2, 1, 2, 2)
    """

    def __init__(self, shape: tuple[int, int, int], scaling: str = "global"):
        self.shape = shape
        self.scaling = scaling

    def fit(self, X: np.ndarray, y: Any = None) -> GridScaler:
        """Learn mean and deviation of each channel or cell."""
        missing = np.isnan(X)
        self.masked_ = bool(missing.any())
        grid = self._grid(np.where(missing, np.nan, X) if self.masked_ else X)
        axes = (0,) if self.scaling == "cell" else (0, 2, 3)
        with np.errstate(all="ignore"):
            if self.masked_:
                mean, variance = _nan_moments(grid, axes)
            else:
                mean = grid.mean(axis=axes, keepdims=True, dtype=np.float64)
                variance = grid.var(axis=axes, keepdims=True, dtype=np.float64)
        scale = np.sqrt(variance[0])
        self.mean_ = mean[0]
        self.scale_ = np.where(scale > 1e-12 * np.maximum(1.0, np.abs(self.mean_)), scale, 1.0)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the scaled grids, with the mask as last channel where one was learned."""
        check_is_fitted(self)
        grid = (self._grid(X) - self.mean_.astype(X.dtype)) / self.scale_.astype(X.dtype)
        grid = np.clip(grid, -_LARGEST, _LARGEST, out=grid).astype(np.float32, copy=False)
        missing = np.isnan(grid)
        if not self.masked_:
            return np.nan_to_num(grid, copy=False) if missing.any() else grid
        grid[missing] = 0.0
        mask = missing.any(axis=1, keepdims=True).astype(np.float32)
        return np.concatenate([grid, mask], axis=1)

    def _grid(self, X: np.ndarray) -> np.ndarray:
        channels, height, width = self.shape
        return Layout(height, width, channels).to_grid(X)


def _nan_moments(grid: np.ndarray, axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance over what is there; 0 and 1 where nothing is (numpy's nan functions would warn)."""
    there = ~np.isnan(grid)
    count = np.maximum(there.sum(axis=axes, keepdims=True), 1)
    mean = np.where(there, grid, 0.0).sum(axis=axes, keepdims=True, dtype=np.float64) / count
    squares = np.where(there, (grid - mean) ** 2, 0.0).sum(axis=axes, keepdims=True, dtype=np.float64)
    return mean, squares / count


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
    >>> from autoarch._training.scaling import RobustClip
    >>> RobustClip().fit_transform(np.array([[0.0], [1.0], [2.0], [1e9]])).max() <= 3
    True
    """

    def fit(self, X: np.ndarray, y: Any = None) -> RobustClip:
        """Learn median and spread of each column."""
        low, self.median_, high = np.quantile(X, [0.25, 0.5, 0.75], axis=0)
        spread = (high - low) / 1.349  # a normal's interquartile range in standard deviations
        whole = (X.max(axis=0) - X.min(axis=0)) / 2
        spread = np.where(spread > 0, spread, whole)
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
    >>> from autoarch._training.scaling import ToFloat32
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
