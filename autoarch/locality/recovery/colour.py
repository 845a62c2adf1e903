"""Several columns per cell: find the channels of each cell, lay out the cells, then tell the channels apart.

Channels of one cell are tied to each other more closely than to any neighbour, and all to all, which cells of a grid
never are: a grid has no triangles.

Imports: numpy, ``affinity``, ``channels``, ``search``.
"""

from __future__ import annotations

import numpy as np

from autoarch.locality.recovery.affinity import opinions, partial_correlations, strongest
from autoarch.locality.recovery.channels import align_channels
from autoarch.locality.recovery.search import Effort, Found, first_layouts, improve

SHRINKAGES = (0.1, 0.01)
CLEAR_TIE = {2: 2.0, 3: 0.7, 4: 0.7}  # by channels: least ``closeness`` of groups; any grid can be cut into pairs


def channel_groups(A: np.ndarray, channels: int) -> np.ndarray:
    """Split columns into groups that are strongly tied, all to all.

    Parameters
    ----------
    A : ndarray of shape (p, p)
        Affinity.
    channels : int
        Columns per group, at least two.

    Returns
    -------
    ndarray of int, shape (p // channels, channels)
        The clearest groups first.
    """
    free = np.arange(len(A))
    groups: list[np.ndarray] = []
    while len(free) >= channels:
        B = A[np.ix_(free, free)]
        members = np.concatenate([np.arange(len(free))[:, None], strongest(B, channels - 1)], axis=1)
        weakest = _weakest_tie(B, members)
        taken = np.zeros(len(free), bool)
        for k in np.argsort(-weakest, kind="stable"):
            if not taken[members[k]].any():
                taken[members[k]] = True
                groups.append(free[members[k]])
        free = free[~taken]
    return np.array(groups)


def _weakest_tie(A: np.ndarray, members: np.ndarray) -> np.ndarray:
    inside = A[members[:, :, None], members[:, None, :]]
    k = np.arange(members.shape[1])
    inside[:, k, k] = np.inf
    return inside.min(axis=(1, 2))


def closeness(A: np.ndarray, channels: int) -> float:
    """Weakest tie inside a group against the strongest to a column outside, median over groups; above 1 if clear."""
    groups = channel_groups(A, channels)
    outside = A[groups].copy()
    outside[np.arange(len(groups))[:, None, None], np.arange(channels)[None, :, None], groups[:, None, :]] = -np.inf
    return float(np.median(_weakest_tie(A, groups) / np.maximum(outside.max(axis=(1, 2)), 1e-6)))


def arrange_colour(
    C: np.ndarray, n_rows: int, shape: tuple[int, int, int], rng: np.random.Generator, effort: Effort
) -> Found | None:
    """The best layout with ``shape`` (channels, height, width); None where none could be grown.

    Returns
    -------
    Found
        With ``cells`` of shape (channels, height, width) and the likelihood of the sums over channels.
    """
    channels, *sides = shape
    tie = max((partial_correlations(C, shrinkage) for shrinkage in SHRINKAGES), key=lambda R: closeness(R, channels))
    groups = channel_groups(tie, channels)
    grey = _group_correlations(C, groups)
    affinities = opinions(grey, n_rows)
    found = first_layouts(grey, affinities, (sides[0], sides[1]), rng, effort)
    if found is None:
        return None
    found = improve(grey, affinities, found, rng, effort)
    return Found(align_channels(tie, groups, found.cells), found.likelihood)


def _group_correlations(C: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Correlations of the sums over groups."""
    sums = C[groups].sum(axis=1)[:, groups].sum(axis=2)
    scale = 1.0 / np.sqrt(np.maximum(np.diag(sums), 1e-6))
    grey = (sums * scale[:, None] * scale).astype(np.float32)
    np.fill_diagonal(grey, 1.0)
    return grey
