"""Summaries of a grid for trees: means, spreads, extremes and roughness of its parts, lines and columns.

A tree splits on one cell at a time, so that a pattern that stands elsewhere in each row is out of its reach. Statistics
of intervals make boosting and forests strong on series [1]_; these are the same for regions of a grid, at several
sizes.

References
----------
.. [1] H. Deng, G. Runger, E. Tuv, M. Vladimir, "A time series forest for classification and feature extraction",
   Information Sciences 239, 142-153, 2013.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from autoarch._data.layout import Layout

VIEWS = ("cells", "summaries", "both")
_PARTS = (1, 2, 4, 8, 16)  # along each side, the coarsest first
_LEAST_SIDE = 2  # cells of a part along a side that is cut
FEWEST_CELLS = 16  # of a grid that is worth summaries
_MOST_FEATURES = 600  # of all parts; finer cuts that would exceed it are left out
_BATCH_ROWS = 1_000


class Summaries(TransformerMixin, BaseEstimator):
    """Something made of the cells of each row alone."""

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Remember the number of columns; nothing is learned."""
        self.n_features_in_ = X.shape[1]
        return self


class GridSummaries(Summaries):
    """Replace the cells of flat rows by summaries of the grid's parts, or add these.

    For each part of the grid (the whole, halves, quarters, ... along both sides) and each channel: mean, standard
    deviation, least and greatest value, and the mean absolute difference to the next cell across and below. For each
    line of cells and each column: mean and standard deviation. Columns that belong to no cell stay as they are.

    Parameters
    ----------
    layout : Layout
        Cells behind the columns.
    view : {"cells", "summaries", "both"}, default="both"
        "cells" changes nothing.

    Attributes
    ----------
    n_features_in_ : int
        Columns.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch import Layout
    >>> from autoarch._training.grid_summaries import GridSummaries
    >>> GridSummaries(Layout(1, 4), view="summaries").fit_transform(np.array([[1.0, 1, 3, 5]])).shape
    (1, 15)
    """

    def __init__(self, layout: Layout, view: str = "both"):
        self.layout = layout
        self.view = view

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the summaries, after the cells or instead of them."""
        check_is_fitted(self)
        if self.view == "cells":
            return X
        with np.errstate(all="ignore"):  # a part without a single value has no mean
            made = np.concatenate([self._summaries(X[i : i + _BATCH_ROWS]) for i in range(0, len(X), _BATCH_ROWS)])
        return np.concatenate([X if self.view == "both" else X[:, self.layout.foreign], made], axis=1)

    def _summaries(self, X: np.ndarray) -> np.ndarray:
        grid = self.layout.to_grid(X)
        changes = [np.abs(np.diff(grid, axis=axis, append=np.nan)) for axis in (3, 2) if grid.shape[axis] > 1]
        plain, for_missing = (
            (np.mean, np.std, np.min, np.max),
            (mean_of_known, _deviation, np.fmin.reduce, np.fmax.reduce),
        )
        functions = for_missing if np.isnan(grid).any() else plain
        found: list[np.ndarray] = []
        for part in parts(self.layout):
            found += [function(grid[part], axis=(2, 3)) for function in functions]
            found += [mean_of_known(change[part], axis=(2, 3)) for change in changes]
        if len(changes) == 2:  # lines and columns of several cells
            found += [function(grid, axis=axis).reshape(len(X), -1) for axis in (2, 3) for function in functions[:2]]
        return np.concatenate(found, axis=1).astype(X.dtype, copy=False)


def mean_of_known(values: np.ndarray, axis: Any, keepdims: bool = False) -> np.ndarray:
    """Mean of the values that are there; numpy's own warns where there are none, and a warning is no use to anybody."""
    count = np.sum(~np.isnan(values), axis=axis, keepdims=keepdims)
    return np.nansum(values, axis=axis, keepdims=keepdims) / count


def _deviation(values: np.ndarray, axis: Any) -> np.ndarray:
    """Standard deviation of the values that are there."""
    return np.sqrt(mean_of_known((values - mean_of_known(values, axis, keepdims=True)) ** 2, axis))


def n_summaries(layout: Layout) -> int:
    """Number of summaries of a grid."""
    sides = [side for side in (layout.height, layout.width) if side > 1]
    lines = 2 * sum(sides) if len(sides) == 2 else 0
    return layout.channels * (sum(4 + len(sides) for _ in parts(layout)) + lines)


def parts(layout: Layout) -> Iterator[tuple[slice, ...]]:
    """Regions of the grid at all sizes, as slices of ``(n, channels, height, width)``."""
    count = 0
    for pieces in _PARTS:
        down, across = (min(pieces, max(1, side // _LEAST_SIDE)) for side in (layout.height, layout.width))
        count += layout.channels * down * across * 6
        if pieces > 1 and (count > _MOST_FEATURES or max(down, across) < pieces):
            return
        rows = np.linspace(0, layout.height, down + 1).astype(int)
        columns = np.linspace(0, layout.width, across + 1).astype(int)
        for vertical, horizontal in product(pairwise(rows), pairwise(columns)):
            yield slice(None), slice(None), slice(*vertical), slice(*horizontal)
