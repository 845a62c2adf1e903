"""The middle of large grids, where that is all that a model should read."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

_LARGE_SIDE = 48  # cells of the shorter side of a grid whose middle may be worth a look


def is_large(sides: tuple[int, int]) -> bool:
    """Tell whether half of each side still makes a picture."""
    return min(sides) >= _LARGE_SIDE


def middle_of(side: int) -> slice:
    """The middle half of the cells along a side.

    Examples
    --------
    >>> from autoarch._training.grid_middle import middle_of
    >>> list(range(9))[middle_of(9)]
    [2, 3, 4, 5, 6]
    """
    return slice(side // 4, side - side // 4)


class GridMiddle(TransformerMixin, BaseEstimator):
    """Keep the middle half of the rows and of the columns of grids.

    Attributes
    ----------
    sides_ : tuple of int
        Height and width of the grids.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._training.grid_middle import GridMiddle
    >>> GridMiddle().fit_transform(np.zeros((5, 1, 64, 50))).shape
    (5, 1, 32, 26)
    """

    def fit(self, X: Any, y: Any = None) -> GridMiddle:
        """Learn the sides."""
        self.sides_ = tuple(X.shape[2:])
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the cells in the middle, as an array of their own."""
        rows, columns = self.kept
        return np.ascontiguousarray(X[:, :, rows, columns])

    @property
    def kept(self) -> tuple[slice, slice]:
        """Rows and columns that are kept."""
        height, width = self.sides_
        return middle_of(height), middle_of(width)
