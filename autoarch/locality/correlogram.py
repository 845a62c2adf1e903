"""How dependence fades with distance, and where on the grid neighbours agree."""

from __future__ import annotations

import numpy as np

from autoarch._statistics.correlations import CellCorrelations, lag_means


def moran_and_geary(scaled: np.ndarray) -> tuple[float, float]:
    """Moran's I and Geary's C, averaged over samples and channels.

    Parameters
    ----------
    scaled : ndarray of shape (n, C, H, W)
        From ``standardise``.

    Returns
    -------
    morans_i : float
        Above 0 where neighbours are alike, below 0 where they alternate; 0 where nothing varies.
    gearys_c : float
        Below 1 where neighbours are alike, above 1 where they alternate; 1 where nothing varies.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch.locality.correlogram import moran_and_geary
    >>> checks = np.indices((4, 4)).sum(axis=0) % 2 * 2.0 - 1.0
    >>> moran_and_geary(checks[None, None])
    (-1.0, 1.875)
    """
    n_cells = scaled.shape[2] * scaled.shape[3]
    down, across = scaled[:, :, 1:], scaled[:, :, :, 1:]
    n_pairs = down[0, 0].size + across[0, 0].size if len(scaled) else 0
    if n_pairs == 0:
        return 0.0, 1.0
    centred = scaled - scaled.mean(axis=(2, 3), dtype=np.float64, keepdims=True).astype(scaled.dtype)
    energy = np.einsum("nchw,nchw->nc", centred, centred)
    together = np.einsum("nchw,nchw->nc", centred[:, :, 1:], centred[:, :, :-1])
    together += np.einsum("nchw,nchw->nc", centred[:, :, :, 1:], centred[:, :, :, :-1])
    # (a - b)^2 summed over pairs is the energy times the neighbours that each cell has, less 2ab
    neighbours = _n_neighbours(*scaled.shape[2:]).astype(scaled.dtype)
    apart = np.einsum("nchw,nchw,hw->nc", centred, centred, neighbours) - 2 * together
    some = energy > 1e-9
    if not some.any():
        return 0.0, 1.0
    morans_i = n_cells / n_pairs * (together[some] / energy[some])
    gearys_c = (n_cells - 1) / (2 * n_pairs) * (apart[some] / energy[some])
    return float(morans_i.mean(dtype=np.float64)), float(gearys_c.mean(dtype=np.float64))


def _n_neighbours(height: int, width: int) -> np.ndarray:
    """Rook neighbours that each cell of the lattice has."""
    counts = np.zeros((height, width))
    counts[1:] += 1
    counts[:-1] += 1
    counts[:, 1:] += 1
    counts[:, :-1] += 1
    return counts


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
