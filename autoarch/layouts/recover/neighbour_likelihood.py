"""How well each cell is explained by its neighbours: the yardstick that layouts are chosen by.

For a field in which a cell depends on its neighbours alone, the mean of ``-log(1 - R2) / 2`` over cells is its
pseudo-likelihood up to a constant. It needs no affinity, so layouts grown from different affinities compare; measured
on pictures, it is larger for the true layout than for any that was found, whatever the noise. Eight neighbours tell
more than four: with four, pairs that resemble each other from afar were sometimes preferred to the truth.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

ROOK = ((0, 1), (1, 0), (0, -1), (-1, 0))
KING = (*ROOK, (1, 1), (1, -1), (-1, 1), (-1, -1))
RIDGE = 0.001  # keeps near-copies of a column from deciding the sign of the rest
LEAST_LEFT = 1e-4  # share of a column's variance that is never explained: columns may be copies of each other
Offsets = tuple[tuple[int, int], ...]


@lru_cache(maxsize=64)  # one search asks for the same box hundreds of times
def neighbours(height: int, width: int, offsets: Offsets = ROOK) -> np.ndarray:
    """Flat number of each cell's neighbours, (cells, offsets); -1 beyond the edge."""
    row, column = np.divmod(np.arange(height * width), width)
    found = np.full((height * width, len(offsets)), -1)
    for k, (down, right) in enumerate(offsets):
        inside = (row + down >= 0) & (row + down < height) & (column + right >= 0) & (column + right < width)
        found[inside, k] = ((row + down) * width + column + right)[inside]
    found.setflags(write=False)
    return found


def explained(C: np.ndarray, items: np.ndarray, around: np.ndarray) -> np.ndarray:
    """Information, in nats, that columns around an item have about it.

    Parameters
    ----------
    C : ndarray of shape (p, p)
        Correlations.
    items : ndarray of int, shape (m,)
        Columns; -1 for none.
    around : ndarray of int, shape (m, k)
        Columns around each; -1 for none.

    Returns
    -------
    ndarray of shape (m,)
        Zero where there is no item or nothing around it.

    Examples
    --------
    >>> import numpy as np
    >>> C = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> explained(C, np.array([0, 2, -1]), np.array([[1, 2], [0, -1], [0, 1]])).round(1)
    array([0.8, 0. , 0. ])
    """
    there = (around >= 0) & (items >= 0)[:, None]
    who, item = np.where(there, around, 0), np.maximum(items, 0)
    blocks = C[who[:, :, None], who[:, None, :]] * (there[:, :, None] & there[:, None, :])
    k = np.arange(around.shape[1])
    blocks[:, k, k] = 1.0 + RIDGE
    shared = np.where(there, C[item[:, None], who], 0.0)
    weights = np.linalg.solve(blocks, shared[..., None])[..., 0]
    return 0.5 * np.log(1.0 / np.maximum(1.0 - (weights * shared).sum(axis=1), LEAST_LEFT))


def around_cells(cells: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Items in the neighbouring cells ``near`` of a flat layout; -1 where there is none."""
    return np.where(near >= 0, cells[np.maximum(near, 0)], -1)


def pseudo_likelihood(cells: np.ndarray, C: np.ndarray, offsets: Offsets = KING) -> float:
    """Information that the neighbours of an item have about it, mean over items of a layout (H, W)."""
    flat = cells.ravel()
    placed = np.flatnonzero(flat >= 0)
    height, width = cells.shape
    near = neighbours(height, width, offsets)
    return float(explained(C, flat[placed], around_cells(flat, near[placed])).sum() / max(len(placed), 1))
