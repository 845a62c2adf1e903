"""How dependence fades with distance, and where on the grid neighbours agree.

Imports: numpy, ``statistics``.
"""

from __future__ import annotations

import numpy as np

from autoarch.locality.statistics import CellCorrelations, lag_means

LONGEST = 32  # steps; beyond, every correlogram is flat or the whole grid
WIDEST_MAP = 48  # sides of the map of neighbours that a report keeps


def along_a_line(signed: np.ndarray, unsigned: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean correlation and mean size at distance 1, 2, ... from ``line_correlations``."""
    most = min(LONGEST, len(signed) - 1)
    return lag_means(signed, most), lag_means(unsigned, most)


def along_diagonals(correlations: CellCorrelations) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean correlation and mean size at 1, 2, ... steps along both diagonals, as far as cells stand so."""
    number = correlations.numbered()
    height, width = number.shape
    signed, sizes = [], []
    for lag in range(1, min(LONGEST, height - 1, width - 1) + 1):
        falling = number[:-lag, :-lag], number[lag:, lag:]
        rising = number[:-lag, lag:], number[lag:, :-lag]
        first, second = (np.concatenate([a.ravel(), b.ravel()]) for a, b in zip(falling, rising, strict=True))
        both = (first >= 0) & (second >= 0)
        if not both.any():
            break
        signed.append(float(correlations.signed[first[both], second[both]].mean()))
        sizes.append(float(correlations.unsigned[first[both], second[both]].mean()))
    return tuple(signed), tuple(sizes)


def neighbour_map(scaled: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Mean correlation of each cell with its rook neighbours, over channels.

    Returns
    -------
    ndarray of shape (H, W), or smaller
        NaN where a cell or all its neighbours never vary. Sides above 48 cells are averaged in blocks.
    """
    n, _, height, width = scaled.shape
    total, count = np.zeros((2, height, width))
    for across in (False, True):
        one = (slice(None),) * (3 if across else 2)
        first, second = scaled[(*one, slice(1, None))], scaled[(*one, slice(None, -1))]
        products = np.einsum("nchw,nchw->chw", first, second) / n
        both = active[(*one[1:], slice(1, None))] & active[(*one[1:], slice(None, -1))]
        summed, pairs = np.where(both, products, 0.0).sum(axis=0), both.sum(axis=0)
        for side in (slice(1, None), slice(None, -1)):
            place = (slice(None), side) if across else (side, slice(None))
            total[place] += summed
            count[place] += pairs
    return in_blocks(np.where(count > 0, total, 0.0), count)


def in_blocks(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Ratio of two sums, taken over blocks of cells where a side is too long to show."""
    for axis, side in enumerate(total.shape):
        if side > WIDEST_MAP:
            starts = np.linspace(0, side, WIDEST_MAP, endpoint=False).astype(int)
            total, count = (np.add.reduceat(part, starts, axis=axis) for part in (total, count))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
