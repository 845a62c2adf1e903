"""Large grids with a quarter of their cells: the middle alone, or means of squares."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

EXTENTS = {"middle": "the middle half of each side", "means": "means of 2 x 2 cells"}  # instead of the whole grid
_LARGE_SIDE = 48  # cells of the shorter side of a grid of which a quarter may be worth a look
SQUARE = 2  # cells along those whose means are taken


def is_large(sides: tuple[int, ...]) -> bool:
    """Tell whether a quarter of the cells still makes a picture."""
    return min(sides) >= _LARGE_SIDE


def middle_of(side: int) -> slice:
    """The middle half of the cells along a side.

    Examples
    --------
    >>> from autoarch._training.grid_extents import middle_of
    >>> list(range(9))[middle_of(9)]
    [2, 3, 4, 5, 6]
    """
    return slice(side // 4, side - side // 4)


def sides_of(extent: str, sides: tuple[int, ...]) -> tuple[int, ...]:
    """Height and width of what is left of a grid."""
    if extent == "middle":
        return tuple(side - 2 * (side // 4) for side in sides)
    return tuple(-(-side // SQUARE) for side in sides)


class GridExtent(TransformerMixin, BaseEstimator):
    """Keep the middle half of the rows and of the columns of grids, or the means of squares of 2 x 2 cells.

    Parameters
    ----------
    extent : {"middle", "means"}, default="middle"
        Which of both. Of an odd number of lines the last one is its own mean.

    Attributes
    ----------
    sides_ : tuple of int
        Height and width of the grids.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._training.grid_extents import GridExtent
    >>> GridExtent().fit_transform(np.zeros((5, 1, 64, 50))).shape
    (5, 1, 32, 26)
    >>> GridExtent("means").fit_transform(np.arange(6.0).reshape(1, 1, 2, 3)).tolist()
    [[[[2.0, 3.5]]]]
    """

    def __init__(self, extent: str = "middle"):
        self.extent = extent

    def fit(self, X: Any, y: Any = None) -> GridExtent:
        """Learn the sides."""
        self.sides_ = tuple(X.shape[2:])
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the cells, or means, as an array of their own."""
        height, width = self.sides_
        if self.extent == "middle":
            return np.ascontiguousarray(X[:, :, middle_of(height), middle_of(width)])
        rims = [(0, 0), (0, 0), *((0, -side % SQUARE) for side in self.sides_)]
        whole = np.pad(X, rims, mode="edge") if np.any(rims) else X
        down, across = sides_of(self.extent, self.sides_)
        return whole.reshape(*X.shape[:2], down, SQUARE, across, SQUARE).mean((3, 5), dtype=X.dtype)
