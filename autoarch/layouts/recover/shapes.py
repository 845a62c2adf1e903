"""Which grids a number of columns could be."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt, prod

import numpy as np

from autoarch._data.layout import Layout
from autoarch.exceptions import LayoutError
from autoarch.layouts.recover.channels import CLEAR_TIE, closeness
from autoarch.layouts.recover.partial_correlation import partial_correlations

Shape = tuple[int, int, int]  # channels, height, width
NARROWEST = 4  # cells; narrower grids cannot be told from lines
LONGEST = 8  # times the shorter side
CHANNELS = (3, 4, 2)  # that are tried where nobody says how many there are


def asked_shape(shape: Sequence[int], n_columns: int) -> Shape:
    """Read ``(H, W)`` or ``(C, H, W)``; there may be more cells than columns.

    Raises
    ------
    LayoutError
        If it is no such tuple or has fewer cells than X has columns.
    """
    layout = Layout.of(shape)
    if prod(layout.shape) < n_columns:
        Layout.of(shape, n_columns=n_columns)
    channels, height, width = layout.shape
    if channels > 1 and min(height, width) == 1:
        raise LayoutError(
            f"shape={tuple(shape)} is a line of several channels; these are recovered on grids only. Pass "
            "(height, width) or (channels, height, width) with both sides above one, or leave shape out."
        )
    return layout.shape


def sides_that_fit(n_cells: int) -> list[tuple[int, int]]:
    """Height and width, the squarest first; the width is the longer.

    Examples
    --------
    >>> sides_that_fit(48)
    [(6, 8), (4, 12)]
    """
    shortest = range(isqrt(n_cells), NARROWEST - 1, -1)
    return [(h, n_cells // h) for h in shortest if n_cells % h == 0 and n_cells <= LONGEST * h * h]


def colour_shapes(C: np.ndarray, n_columns: int) -> list[Shape]:
    """Grids of several channels, where the columns clearly fall into groups; else none.

    Parameters
    ----------
    C : ndarray of shape (p, p)
        Correlations of the columns that vary.
    n_columns : int
        Of all columns.
    """
    ties = partial_correlations(C, 0.1)
    for channels in CHANNELS:
        sides = sides_that_fit(n_columns // channels) if n_columns % channels == 0 else []
        if sides and closeness(ties, channels) > CLEAR_TIE[channels]:
            return [(channels, *side) for side in sides]
    return []
