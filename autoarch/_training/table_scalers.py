"""Scalers in front of nets on tables: columns with bounded tails, as float32."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

_LARGEST = 10.0  # standard deviations; what lies beyond carries no more news for a net and endangers its training


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
    >>> from autoarch._training.table_scalers import RobustClip
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
    >>> from autoarch._training.table_scalers import ToFloat32
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
