"""A line instead of a grid: the order in which each column resembles the next."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh

from autoarch.layouts.recover.local_search import swap_nearby
from autoarch.layouts.recover.neighbour_likelihood import pseudo_likelihood
from autoarch.layouts.recover.partial_correlation import Affinity
from autoarch.layouts.recover.region_growing import fill, grow
from autoarch.layouts.recover.ruin_and_recreate import Found

STEPS = (1, -1, 2, -2, 3, -3, 4, -4)  # as many neighbours as in a grid, so that the likelihoods compare
LINE = tuple((0, step) for step in STEPS)
MOST_SPECTRAL = 1_000  # columns; eigenvectors cost the cube
MOST_REVERSALS = 100
LEAST_GAIN = 1e-4  # of summed affinity; less is rounding


def arrange_line(C: np.ndarray, affinities: list[Affinity], length: int) -> Found:
    """The best order of all columns that spectra and growth find.

    Parameters
    ----------
    C : ndarray of shape (p, p)
        Correlations.
    affinities : list of Affinity
        Between the columns.
    length : int
        Cells of the line, at least p.

    Returns
    -------
    Found
        With ``cells`` of shape (1, length).

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch.layouts.recover.partial_correlation import opinions
    >>> shuffled = np.array([3, 0, 4, 1, 2])
    >>> C = 0.8 ** abs(np.subtract.outer(shuffled, shuffled)).astype(np.float32)
    >>> order = shuffled[arrange_line(C, opinions(C, 100), 5).cells[0]]
    >>> order.tolist() in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0])
    True
    """
    orders = [_grown(C, affinity) for affinity in affinities]
    if len(C) <= MOST_SPECTRAL:
        shared = np.stack([affinity.direct for affinity in affinities]).mean(axis=0)
        orders += [_spectral(shared), _spectral(np.maximum(C, 0.0) ** 4)]
        best = max((_rated(order[None], C) for order in orders), key=lambda found: found.likelihood)
        orders = [best.cells[0], _uncrossed(best.cells[0], shared)]
    best = max((_rated(order[None], C) for order in orders), key=lambda found: found.likelihood)
    traded = _rated(swap_nearby(best.cells, C, rounds=5), C)
    best = max(best, traded, key=lambda found: found.likelihood)
    cells = np.full((1, length), -1)
    cells[:, : len(C)] = best.cells
    return Found(cells, best.likelihood)


def _rated(cells: np.ndarray, C: np.ndarray) -> Found:
    return Found(cells, pseudo_likelihood(cells, C, LINE))


def _grown(C: np.ndarray, affinity: Affinity) -> np.ndarray:
    """Both ends grow from the strongest pair."""
    pair = np.unravel_index(int(affinity.signed.argmax()), C.shape)
    start = np.array([pair]) if len(C) > 1 else np.zeros((1, 1), int)
    return fill(grow(affinity, start, 1, len(C), 0.0), C)[0]


def _spectral(A: np.ndarray) -> np.ndarray:
    """By the second eigenvector of the normalised Laplacian."""
    p = len(A)
    if p < 3:
        return np.arange(p)
    A = A + 1e-4 * A.mean() + 1e-12  # links the parts of a graph that falls apart
    scale = 1.0 / np.sqrt(A.sum(axis=1, dtype=np.float64))
    _, vectors = eigh(A * scale[:, None] * scale, subset_by_index=[p - 2, p - 2])
    return np.argsort(vectors[:, 0] * scale, kind="stable")


def _uncrossed(order: np.ndarray, A: np.ndarray) -> np.ndarray:
    """Reverse stretches of the line while that strengthens its links, the best first."""
    order, p = order.copy(), len(order)
    B = np.pad(A[np.ix_(order, order)], 1)  # beyond both ends there is nothing to link to
    backwards = np.tril(np.full((p, p), -np.inf, np.float32), -1)
    for _ in range(MOST_REVERSALS):
        # Reversing i..j links what was before i to j, and i to what was after j.
        link = np.diag(B, 1)
        gain = B[:p, 1:-1] + B[1:-1, 2:] - link[:p, None] - link[None, 1:] + backwards
        i, j = np.unravel_index(int(gain.argmax()), gain.shape)
        if gain[i, j] <= LEAST_GAIN:
            break
        order[i : j + 1] = order[i : j + 1][::-1]
        B[i + 1 : j + 2] = B[i + 1 : j + 2][::-1].copy()
        B[:, i + 1 : j + 2] = B[:, i + 1 : j + 2][:, ::-1].copy()
    return order
