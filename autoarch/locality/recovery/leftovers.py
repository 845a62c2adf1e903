"""Columns that hardly vary, or never, go last: into the cells that the others left.

Imports: numpy, ``affinity``, ``columns``, ``growth``.
"""

from __future__ import annotations

import numpy as np

from autoarch.locality.recovery.affinity import Affinity
from autoarch.locality.recovery.columns import Columns
from autoarch.locality.recovery.growth import fill, grow


def complete(cells: np.ndarray, columns: Columns) -> np.ndarray:
    """Column of X in each cell, every column placed.

    Parameters
    ----------
    cells : ndarray of int, shape (channels, H, W)
        Active item of each cell, -1 for none.
    columns : Columns
        What the items are.

    Returns
    -------
    ndarray of int, flat
        -1 for cells beyond the number of columns.
    """
    if len(columns.numbers) > columns.n_active and len(cells) == 1 and (cells >= 0).any():
        cells = _beside_their_like(cells[0], columns)[None]
    order = np.append(columns.numbers, -1)[cells].ravel()
    absent = np.setdiff1d(np.concatenate([columns.numbers, columns.constant]), order)
    empty = np.flatnonzero(order < 0)
    order[empty[: len(absent)]] = absent
    return order


def _beside_their_like(cells: np.ndarray, columns: Columns) -> np.ndarray:
    """Near-constant columns grow around the rest by plain correlation: partial ones of so few values mean little."""
    height, width = cells.shape
    C = columns.rare_correlations()
    affinity = Affinity(C - np.eye(len(C), dtype=C.dtype))
    return fill(grow(affinity, cells, height, width, 0.0), C)
