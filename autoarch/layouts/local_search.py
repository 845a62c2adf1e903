"""Likelihood of a layout, and small repairs that raise it.

For a field in which a cell depends on its neighbours alone, the mean of ``-log(1 - R2) / 2`` over cells is its
pseudo-likelihood up to a constant. It needs no affinity, so layouts grown from different affinities compare; measured
on pictures, it is larger for the true layout than for any that was found, whatever the noise. Eight neighbours tell
more than four: with four, pairs that resemble each other from afar were sometimes preferred to the truth.

``reassign`` takes cells of which no two touch and redistributes all their columns at once, best for the summed affinity
to the neighbours, which stay. ``swap_nearby`` swaps columns that touch, where the pseudo-likelihood gains.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.optimize import linear_sum_assignment

ROOK = ((0, 1), (1, 0), (0, -1), (-1, 0))
KING = (*ROOK, (1, 1), (1, -1), (-1, 1), (-1, -1))
NEARBY = ((0, 1), (1, 0), (1, 1), (1, -1))
RIDGE = 0.001  # keeps near-copies of a column from deciding the sign of the rest
LEAST_LEFT = 1e-4  # share of a column's variance that is never explained: columns may be copies of each other
MOST_REASSIGNED = 600  # cells at a time; an assignment costs the cube
LEAST_GAIN = 1e-4  # nats, over both cells and their neighbours; less is rounding
Offsets = tuple[tuple[int, int], ...]


@lru_cache(maxsize=64)  # one search needs the same box hundreds of times
def neighbours(height: int, width: int, offsets: Offsets = ROOK) -> np.ndarray:
    """Flat number of each cell's neighbours, (cells, offsets); -1 beyond the edge."""
    reach = int(np.abs(offsets).max())
    padded = np.pad(np.arange(height * width).reshape(height, width), reach, constant_values=-1)
    corners = reach + np.array(offsets)
    found = np.stack([padded[top : top + height, left : left + width].ravel() for top, left in corners], axis=1)
    found.setflags(write=False)
    return found


def around_cells(cells: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Items in the neighbouring cells ``near`` of a flat layout; -1 where there is none."""
    return np.where(near >= 0, cells[np.maximum(near, 0)], -1)


def information(C: np.ndarray, items: np.ndarray, around: np.ndarray) -> np.ndarray:
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
    >>> from autoarch.layouts.local_search import information
    >>> C = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> information(C, np.array([0, 2, -1]), np.array([[1, 2], [0, -1], [0, 1]])).round(1)
    array([0.8, 0. , 0. ])
    """
    present = (around >= 0) & (items >= 0)[:, None]
    other, item = np.where(present, around, 0), np.maximum(items, 0)
    blocks = C[other[:, :, None], other[:, None, :]] * (present[:, :, None] & present[:, None, :])
    k = np.arange(around.shape[1])
    blocks[:, k, k] = 1.0 + RIDGE
    shared = np.where(present, C[item[:, None], other], 0.0)
    weights = np.linalg.solve(blocks, shared[..., None])[..., 0]
    return 0.5 * np.log(1.0 / np.maximum(1.0 - (weights * shared).sum(axis=1), LEAST_LEFT))


def pseudo_likelihood(cells: np.ndarray, C: np.ndarray, offsets: Offsets = KING) -> float:
    """Information that the neighbours of an item have about it, mean over items of a layout (H, W)."""
    flat = cells.ravel()
    placed = np.flatnonzero(flat >= 0)
    near = neighbours(*cells.shape, offsets)
    return float(information(C, flat[placed], around_cells(flat, near[placed])).sum() / max(len(placed), 1))


def reassign(cells: np.ndarray, affinity: np.ndarray, rounds: int, rng: np.random.Generator) -> np.ndarray:
    """Redistribute the columns of random sets of cells of which no two share a side.

    Parameters
    ----------
    cells : ndarray of int, shape (H, W)
        A layout, -1 for empty cells.
    affinity : ndarray of shape (p, p)
        Signed affinity of columns that share a side.
    rounds : int
        Sets to draw.
    rng : Generator
        Draws them.
    """
    flat = cells.ravel().copy()
    near = neighbours(*cells.shape)
    for _ in range(rounds):
        luck = rng.random(flat.size)
        alone = np.flatnonzero((luck > np.where(near >= 0, luck[near], -1.0).max(axis=1)) & (flat >= 0))
        chosen = np.sort(alone[np.argsort(luck[alone], kind="stable")[-MOST_REASSIGNED:]])
        items = flat[chosen]
        around = around_cells(flat, near[chosen])
        fit = (affinity[around[:, :, None], items] * (around >= 0)[:, :, None]).sum(axis=1)
        cell, item = linear_sum_assignment(-fit)
        if fit[cell, item].sum() > np.trace(fit) + LEAST_GAIN:
            flat[chosen[cell]] = items[item]
    return flat.reshape(cells.shape)


def swap_nearby(cells: np.ndarray, C: np.ndarray, rounds: int) -> np.ndarray:
    """Swap columns that touch while the pseudo-likelihood gains; many swaps a round, none touching.

    Parameters
    ----------
    cells : ndarray of int, shape (H, W)
        A layout, -1 for empty cells.
    C : ndarray of shape (p, p)
        Correlations.
    rounds : int
        At most so many; each starts from a full list of gains.
    """
    flat = cells.ravel().copy()
    near, nearby = neighbours(*cells.shape, KING), neighbours(*cells.shape, NEARBY)
    cell, k = np.nonzero(nearby >= 0)
    pairs = np.stack([cell, nearby[cell, k]], axis=1)
    touched = np.sort(np.concatenate([pairs, near[pairs[:, 0]], near[pairs[:, 1]]], axis=1), axis=1)
    touched[:, 1:][touched[:, 1:] == touched[:, :-1]] = -1  # repeats
    valid = touched >= 0
    first, second = (np.broadcast_to(pairs[:, [side]], touched.shape)[valid] for side in (0, 1))
    here = _swapped(touched[valid], first, second)
    around = _swapped(near[touched[valid]], first[:, None], second[:, None])
    after = np.zeros(touched.shape)
    for _ in range(rounds):
        before = np.append(information(C, flat, around_cells(flat, near)), 0.0)[touched].sum(axis=1)
        after[valid] = information(C, flat[here], around_cells(flat, around))
        gains = after.sum(axis=1) - before
        settled = np.zeros(flat.size + 1, bool)  # the last one stands for "no cell"
        for swap in np.argsort(-gains, kind="stable"):
            if gains[swap] <= LEAST_GAIN:
                break
            if not settled[touched[swap]].any():
                settled[touched[swap]] = True
                settled[-1] = False
                flat[pairs[swap]] = flat[pairs[swap][::-1]]
        if not settled.any():
            break
    return flat.reshape(cells.shape)


def _swapped(cells: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cells that the items of ``cells`` come from once those of ``first`` and ``second`` are swapped."""
    return np.where(cells == first, second, np.where(cells == second, first, cells))
