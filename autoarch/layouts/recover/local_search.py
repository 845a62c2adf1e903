"""Small repairs of a layout: columns trade places as long as that explains more.

Two kinds. ``reassign`` takes cells of which no two touch and redistributes all their columns at once, best for the
summed affinity to the neighbours, which stay. ``swap_nearby`` trades columns that touch, where the pseudo-likelihood
gains.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from autoarch.layouts.recover.neighbour_likelihood import KING, around_cells, explained, neighbours

MOST_REASSIGNED = 600  # cells at a time; an assignment costs the cube
NEARBY = ((0, 1), (1, 0), (1, 1), (1, -1))
LEAST_GAIN = 1e-4  # nats, over both cells and their neighbours; less is rounding


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
    """Trade columns that touch while the pseudo-likelihood gains; many trades a round, none touching.

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
    height, width = cells.shape
    near = neighbours(height, width, KING)
    pairs = _pairs_nearby(height, width)
    touched = np.concatenate([pairs, near[pairs[:, 0]], near[pairs[:, 1]]], axis=1)
    touched = _without_repeats(touched)
    for _ in range(rounds):
        gains = _gains(flat, C, near, pairs, touched)
        settled = np.zeros(flat.size + 1, bool)  # the last one stands for "no cell"
        traded = False
        for k in np.argsort(-gains, kind="stable"):
            if gains[k] <= LEAST_GAIN:
                break
            if not settled[:-1][touched[k][touched[k] >= 0]].any():
                settled[touched[k]] = True
                settled[-1] = False
                flat[pairs[k]] = flat[pairs[k][::-1]]
                traded = True
        if not traded:
            break
    return flat.reshape(cells.shape)


def _pairs_nearby(height: int, width: int) -> np.ndarray:
    near = neighbours(height, width, NEARBY)
    cell, k = np.nonzero(near >= 0)
    return np.stack([cell, near[cell, k]], axis=1)


def _without_repeats(rows: np.ndarray) -> np.ndarray:
    """Sorted rows in which every repeated number but one is -1."""
    rows = np.sort(rows, axis=1)
    rows[:, 1:][rows[:, 1:] == rows[:, :-1]] = -1
    return rows


def _gains(flat: np.ndarray, C: np.ndarray, near: np.ndarray, pairs: np.ndarray, touched: np.ndarray) -> np.ndarray:
    """What each trade adds to the information that cells and their neighbours share."""
    before = explained(C, flat, around_cells(flat, near))
    before = np.append(before, 0.0)[touched].sum(axis=1)
    valid = touched >= 0
    cell = touched[valid]
    first, second = (np.broadcast_to(pairs[:, [side]], touched.shape)[valid] for side in (0, 1))
    items = _after(flat, cell, first, second)
    around = _after(flat, near[cell], first[:, None], second[:, None])
    after = np.zeros(touched.shape)
    after[valid] = explained(C, items, around)
    return after.sum(axis=1) - before


def _after(flat: np.ndarray, cell: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Items of cells once ``first`` and ``second`` have traded; -1 beyond the edge."""
    seen = np.where(cell == first, second, np.where(cell == second, first, cell))
    return np.where(cell >= 0, flat[np.maximum(seen, 0)], -1)
