"""Correlations between cells of a grid, as pure functions on ``(n, C, H, W)`` arrays.

``standardise`` and ``clip_tails`` first, then ``cell_correlations`` (one matrix for all cells) and
``line_correlations`` (one per axis); ``lag_means`` and ``lag_r2`` read them. Nothing here knows of nulls or p-values:
see ``permutation_tests``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

MAX_ROWS = 1_000  # more rows move no figure by more than a few thousandths
MAX_LAG = 3
MAX_CELLS = 1_600  # above this, the matrix of all pairs is taken on tiles
TILE_CELLS = 144
N_TILES = 9
MAX_PRODUCTS = 1e9  # multiplications spent on one correlation matrix: about 0.05 s
MAX_LINE = 512  # longer lines are read in pieces
MOST_DEVIATIONS = 3.0  # of a single value from its cell's mean, lest a few samples decide alone
N_CLIPS = 3  # each shrinks the spread by which the next one clips


def standardise(grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre and scale every cell over the samples; missing values become 0, the mean.

    Parameters
    ----------
    grid : ndarray of shape (n, C, H, W)
        Values; NaN is missing.

    Returns
    -------
    scaled : ndarray of shape (n, C, H, W), float32
        Mean 0 and variance 1 per cell over its observed samples; constant cells are 0 throughout.
    active : ndarray of shape (C, H, W), bool
        Cells that vary.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._statistics.correlations import standardise
    >>> scaled, active = standardise(np.array([[1.0, 5.0], [3.0, 5.0]]).reshape(2, 1, 1, 2))
    >>> scaled.ravel().tolist(), active.ravel().tolist()
    ([-1.0, 0.0, 1.0, 0.0], [True, False])
    """
    values = grid.astype(np.float64)
    missing = np.isnan(values)
    values[missing] = 0.0
    largest = np.maximum(values.max(axis=0, initial=0.0), -values.min(axis=0, initial=0.0))
    values *= 1.0 / np.where(largest > 1e-300, largest, 1.0)  # squares of 1e200 would overflow
    present = np.maximum((~missing).sum(axis=0), 1)
    values -= values.sum(axis=0) / present
    values[missing] = 0.0
    spread = np.sqrt(np.einsum("n...,n...->...", values, values) / present)
    # Rounding is relative to the cell's largest value, which is now 1.
    active = spread > 16 * float(np.finfo(grid.dtype if grid.dtype.kind == "f" else np.float64).eps)
    values *= np.where(active, 1.0 / np.where(active, spread, 1.0), 0.0)
    return values.astype(np.float32), active


def clip_tails(scaled: np.ndarray) -> np.ndarray:
    """Pull the few values far from their cell's mean to three deviations, and standardise again, several times.

    Parameters
    ----------
    scaled : ndarray of shape (n, C, H, W), float32
        From ``standardise``. Cells of two values come back as they are, up to rounding.

    Returns
    -------
    ndarray of shape (n, C, H, W), float32

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._statistics.correlations import clip_tails
    >>> values = np.array([-1.0] * 15 + [1.0] * 15 + [0.0, 100.0])
    >>> scaled = (values - values.mean()) / values.std()
    >>> round(float(np.abs(clip_tails(scaled.reshape(-1, 1, 1, 1).astype(np.float32))).max()), 1)
    5.3
    """
    clipped = scaled
    for _ in range(N_CLIPS):
        far = np.nonzero(np.abs(clipped).max(axis=0, initial=0.0) > MOST_DEVIATIONS)
        if not len(far[0]):
            break
        clipped = clipped if clipped is not scaled else scaled.copy()
        cells: Any = (slice(None), *far)
        part = clipped[cells]
        at_mean = part == 0.0  # missing values among them
        part = np.clip(part, -MOST_DEVIATIONS, MOST_DEVIATIONS)
        part -= part.mean(axis=0)
        part[at_mean] = 0.0
        clipped[cells] = part / np.maximum(np.sqrt(np.square(part).mean(axis=0)), 1e-6)
    return clipped


@dataclass(frozen=True)
class CellCorrelations:
    """Correlations between every pair of the cells chosen, averaged over channels.

    Parameters
    ----------
    signed, unsigned : ndarray of shape (m, m), float32
        Mean over channels of the correlation, and of its size.
    row, column : ndarray of shape (m,)
        Where each chosen cell stands.
    n_samples : int
        Samples behind each correlation.
    """

    signed: np.ndarray
    unsigned: np.ndarray
    row: np.ndarray
    column: np.ndarray
    n_samples: int

    def __len__(self) -> int:
        """Count the cells chosen."""
        return len(self.row)

    def numbered(self, border: int = 0) -> np.ndarray:
        """Number of the cell at each place of the grid, -1 where none was chosen, inside a border of such places."""
        sides = self.row.max(initial=-1) + 1 + 2 * border, self.column.max(initial=-1) + 1 + 2 * border
        numbers = np.full(sides, -1)
        numbers[self.row + border, self.column + border] = np.arange(len(self))
        return numbers


def cell_correlations(scaled: np.ndarray, active: np.ndarray) -> CellCorrelations:
    """Correlate all pairs of varying cells, or on large grids the cells of a few tiles spread evenly over the grid.

    Correlations are taken within the same channel and averaged over the channels in which both cells vary.
    """
    row, column = np.nonzero(_tiles(np.asarray(active.any(axis=0))))
    m = len(row)
    channels = _spread_out(scaled.shape[1], 8)
    n = int(np.clip(MAX_PRODUCTS / max(1, m * m * len(channels)), 100, MAX_ROWS))
    part = scaled[:n][:, :, row, column]
    signed, unsigned, counted = np.zeros((3, m, m), dtype=np.float32)
    for channel in channels:
        product = part[:, channel].T @ part[:, channel] / np.float32(max(1, len(part)))
        varies = active[channel][row, column].astype(np.float32)
        signed += product
        unsigned += np.abs(product)
        counted += np.outer(varies, varies)
    counted = np.maximum(counted, 1.0)
    return CellCorrelations(signed / counted, unsigned / counted, row, column, len(part))


def _tiles(usable: np.ndarray) -> np.ndarray:
    """Keep every usable cell of a small grid; of a large one only those in some tiles, as square as the grid allows."""
    if np.count_nonzero(usable) <= MAX_CELLS:
        return usable
    height, width = usable.shape
    tile_height = min(height, 12)
    tile_width = min(width, TILE_CELLS // tile_height)
    tile_height = min(height, TILE_CELLS // tile_width)
    down, across = height // tile_height, width // tile_width
    lattice = usable[: down * tile_height, : across * tile_width].reshape(down, tile_height, across, tile_width)
    filled = lattice.sum(axis=(1, 3)).ravel()
    fair = np.nonzero(2 * filled >= filled.max())[0]  # empty corners hold no information
    chosen = fair[_spread_out(len(fair), ceil(N_TILES * TILE_CELLS / filled[fair].mean()))]
    inside = np.zeros((down, 1, across, 1), dtype=bool)
    inside[chosen // across, 0, chosen % across, 0] = True
    kept = np.zeros_like(usable)
    kept[: down * tile_height, : across * tile_width] = (lattice & inside).reshape(down * tile_height, -1)
    return kept


def _spread_out(length: int, most: int) -> np.ndarray:
    """At most ``most`` of ``range(length)``, evenly spaced."""
    return np.unique(np.linspace(0, length - 1, min(length, most)).round().astype(int))


def line_correlations(scaled: np.ndarray, active: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlate the cells within each row of the grid, averaged over rows and channels; transpose for the other axis.

    Returns
    -------
    signed, unsigned : ndarray of shape (W, W)
        Entry (j, k): mean over rows of the correlation between columns j and k, and of its size. Columns that never
        vary are left out; of lines longer than 512 cells the middle is taken.
    """
    n, channels, height, width = scaled.shape
    lines, varies = scaled.reshape(n, channels * height, width), active.reshape(channels * height, width)
    columns = np.nonzero(varies.any(axis=0))[0]
    columns = columns[(len(columns) - min(len(columns), MAX_LINE)) // 2 :][:MAX_LINE]
    rows = np.nonzero(varies.any(axis=1))[0]
    rows = rows[_spread_out(len(rows), max(1, int(MAX_PRODUCTS / 4 / max(1.0, 200.0 * len(columns) ** 2))))]
    n = int(np.clip(MAX_PRODUCTS / 4 / max(1.0, len(rows) * len(columns) ** 2), min(n, 200), n))
    part = np.ascontiguousarray(lines[:n][:, rows][:, :, columns].transpose(1, 2, 0))
    products = np.matmul(part, part.transpose(0, 2, 1)) / np.float32(max(1, n))
    both = varies[np.ix_(rows, columns)].astype(np.float32)
    counted = np.maximum(both.T @ both, 1.0)
    return products.sum(axis=0) / counted, np.abs(products).sum(axis=0) / counted


def lag_means(matrix: np.ndarray, most: int = MAX_LAG) -> tuple[float, ...]:
    """Mean entry of each off-diagonal 1, 2, ...: the correlogram of a line (0 where the line is too short)."""
    return tuple(float(np.diagonal(matrix, lag).mean()) if lag < len(matrix) else 0.0 for lag in range(1, most + 1))


def mean_off_diagonal(matrix: np.ndarray) -> float:
    """Mean over all ordered pairs of different cells; 0 for fewer than two cells."""
    m = len(matrix)
    return float((matrix.sum(dtype=np.float64) - np.trace(matrix)) / (m * (m - 1))) if m > 1 else 0.0


def lag_r2(correlations: CellCorrelations) -> float:
    """Share of the variation among correlations that displacement alone explains, corrected for sampling noise.

    Adjusted R2 of regressing the entries of the correlation matrix on the factor (rows apart, columns apart). It is
    near 1 where a pattern means the same wherever it stands, near 0 where order carries nothing. Sampling adds
    about (1 - r^2)^2 / (n - 1) to the variance of an entry; that much is taken from the denominator, which keeps at
    least a fifth of what it was so that pure noise stays near 0.

    Returns
    -------
    float
        At most 1; slightly negative values mean "nothing".
    """
    m = len(correlations)
    if m < 3 or correlations.n_samples < 3:
        return 0.0
    first, second = np.triu_indices(m, 1)
    entries = correlations.signed[first, second].astype(np.float64)
    row, column = correlations.row, correlations.column
    span = 2 * int(np.ptp(column)) + 1
    down = row[second] - row[first]  # never negative: cells are listed row by row
    key = down * span + (column[second] - column[first] + span // 2)
    pairs = np.bincount(key)
    freedom, total = len(entries) - np.count_nonzero(pairs), entries.var(ddof=1)
    if freedom < 1 or total <= 1e-12:
        return 0.0
    means = np.bincount(key, weights=entries) / np.maximum(pairs, 1)
    within = ((entries - means[key]) ** 2).sum() / freedom
    noise = float(((1.0 - np.minimum(entries**2, 1.0)) ** 2).mean()) / (correlations.n_samples - 1)
    return float(np.clip((total - within) / max(total - noise, total / 5), -1.0, 1.0))
