"""Steps in front of models of tables: columns that say nothing set aside, tails bounded, units that float32 holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from autoarch._data.findings import is_copy

LARGEST_FLOAT = 1e30  # in units of the spread; float32 ends at 3e38
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


class WithheldColumns(TransformerMixin, BaseEstimator):
    """Set columns to 0 that say nothing in the rows of ``fit``, so that later values of them have no say either.

    Parameters
    ----------
    only_empty : bool, default=False
        Set aside columns without any value alone. By default also those that are constant, and copies of others.

    Attributes
    ----------
    withheld_ : ndarray of int
        Columns that are set aside.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._training.table_scalers import WithheldColumns
    >>> X = np.array([[1.0, 5.0, np.nan, 1.0], [2.0, 5.0, np.nan, 2.0]])
    >>> WithheldColumns().fit(X).transform(np.array([[3.0, 6.0, 7.0, 4.0]]))
    array([[3., 0., 0., 0.]])
    """

    def __init__(self, only_empty: bool = False):
        self.only_empty = only_empty

    def fit(self, X: np.ndarray, y: Any = None) -> WithheldColumns:
        """Find the columns."""
        self.n_features_in_ = X.shape[1]
        with np.errstate(invalid="ignore"):
            low, high = np.fmin.reduce(X, axis=0), np.fmax.reduce(X, axis=0)
        withheld = np.isnan(low)
        if not self.only_empty:
            withheld |= (low == high) & ~np.isnan(X.sum(axis=0, dtype=np.float64))
            withheld |= is_copy(X, low, high)
        self.withheld_ = np.flatnonzero(withheld)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Rows as they are but for these columns; X itself where there are none."""
        check_is_fitted(self)
        if not len(self.withheld_):
            return X
        X = np.array(X)
        X[:, self.withheld_] = 0.0
        return X

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Names are unchanged."""
        return input_features


class SmallUnits(TransformerMixin, BaseEstimator):
    """Centre columns on the median and divide them by their spread, so that float32 tells their values apart.

    Forests read float32: of numbers around 1e9 it holds no fractions, and beyond 3e38 none at all. Missing cells stay.

    Parameters
    ----------
    together : bool, default=False
        Divide all columns by one number, so that they keep the units that they have to each other.
    double : bool, default=False
        Return double precision all the same, which distances between long rows take a hundredth of the time in.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._training.table_scalers import SmallUnits
    >>> SmallUnits().fit_transform(np.array([[1e9], [1e9 + 1], [1e9 + 2]])).ravel()
    array([-2.,  0.,  2.], dtype=float32)
    """

    def __init__(self, together: bool = False, double: bool = False):
        self.together = together
        self.double = double

    def fit(self, X: np.ndarray, y: Any = None) -> SmallUnits:
        """Learn median and spread of each column."""
        with np.errstate(all="ignore"):
            least, low, middle, high, most = quantiles_of_known(X, (0.0, 0.25, 0.5, 0.75, 1.0))
            spread, whole = (high - low) / 2, most / 2 - least / 2
        self.n_features_in_ = X.shape[1]
        self.centre_ = middle
        spread = np.where(spread > 0, spread, whole)
        spread = np.where(spread > 0, spread, 1.0)
        self.spread_ = np.full_like(spread, np.median(spread)) if self.together else spread
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Scale and cast; what float32 does not hold becomes the largest that it does."""
        check_is_fitted(self)
        with np.errstate(over="ignore"):
            scaled = (np.asarray(X, dtype=np.float64) - self.centre_) / self.spread_
        held = np.clip(scaled, -LARGEST_FLOAT, LARGEST_FLOAT)
        return held if self.double else held.astype(np.float32)

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Names are unchanged."""
        return input_features


def quantiles_of_known(X: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Quantiles of the cells of each column that are not missing, (levels, columns); 0 where all are.

    As ``np.nanquantile`` computes them, which calls itself for each column.
    """
    ordered = np.sort(X, axis=0)  # missing cells come last
    last = np.maximum((~np.isnan(X)).sum(axis=0) - 1, 0)
    columns = np.arange(X.shape[1])
    found = np.empty((len(levels), X.shape[1]))
    for place, level in enumerate(levels):
        below = np.floor(level * last).astype(np.intp)
        share = level * last - below
        low, high = (ordered[np.minimum(row, last), columns] for row in (below, below + 1))
        step = high - low
        found[place] = np.where(share < 0.5, low + step * share, high - step * (1.0 - share))
    return np.where(np.isnan(ordered[0]), 0.0, found)


class LevelCounts(TransformerMixin, BaseEstimator):
    """Count how often the level of a category occurs in the rows of ``fit``, as the logarithm of one more.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._training.table_scalers import LevelCounts
    >>> np.exp(LevelCounts().fit_transform(np.array([[0.0], [0.0], [1.0]]))).round().ravel()
    array([3., 3., 2.])
    """

    def fit(self, X: np.ndarray, y: Any = None) -> LevelCounts:
        """Count the codes of each column."""
        self.n_features_in_ = X.shape[1]
        self.counts_ = [np.bincount(column[~np.isnan(column)].astype(np.intp)) for column in np.asarray(X).T]
        self.missing_ = np.isnan(X).sum(axis=0)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Look the codes up; one that was not there has occurred 0 times."""
        check_is_fitted(self)
        out = np.empty(X.shape)
        for place, (column, counts) in enumerate(zip(np.asarray(X).T, self.counts_, strict=True)):
            codes = np.where(np.isnan(column), len(counts) + 1, np.minimum(column, len(counts))).astype(np.intp)
            out[:, place] = np.concatenate([counts, [0, self.missing_[place]]])[codes]
        return np.log1p(out)

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Names are unchanged."""
        return input_features
