"""Several columns per cell: find the channels of each cell, lay out the cells, then tell the channels apart.

Channels of one cell are tied to each other more closely than to any neighbour, and all to all, which cells of a grid
never are: a grid has no triangles.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np

from autoarch.layouts.recover.neighbour_likelihood import neighbours
from autoarch.layouts.recover.partial_correlation import opinions, partial_correlations, strongest
from autoarch.layouts.recover.ruin_and_recreate import Effort, Found, first_layouts, improve

SWEEPS = 10


def align_channels(R: np.ndarray, groups: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Order of the columns, channel by channel.

    Parameters
    ----------
    R : ndarray of shape (p, p)
        Partial correlations of columns.
    groups : ndarray of int, shape (q, channels)
        Columns of each item.
    cells : ndarray of int, shape (H, W)
        Item of each cell, -1 for none.

    Returns
    -------
    ndarray of int, shape (channels, H, W)
        Column of each cell, -1 for none. Which channel comes first is arbitrary.
    """
    aligned = _Alignment(R, groups, cells)
    waiting = set(np.flatnonzero(aligned.items >= 0).tolist())
    clear: dict[int, tuple[float, np.ndarray]] = {}
    while waiting:  # the clearest cell first: a wrong choice would be passed on
        cell = max(clear, key=lambda c: clear[c][0]) if clear else min(waiting, key=aligned.off_centre)
        aligned.order[cell] = clear.pop(cell)[1] if cell in clear else groups[aligned.items[cell]]
        waiting.discard(cell)
        for other in aligned.near[cell]:
            if int(other) in waiting:
                clear[int(other)] = aligned.choice(int(other))
    aligned.settle()
    return aligned.order.T.reshape(groups.shape[1], *cells.shape)


class _Alignment:
    """Columns of each cell by channel, while they are being found."""

    def __init__(self, R: np.ndarray, groups: np.ndarray, cells: np.ndarray) -> None:
        self.R, self.groups, self.items = R, groups, cells.ravel()
        self.near = neighbours(*cells.shape)
        self.order = np.full((cells.size, groups.shape[1]), -1)
        self._orders = np.array(list(permutations(range(groups.shape[1]))))
        self._channels = np.arange(groups.shape[1])
        self._middle = (cells.shape[0] - 1) / 2, (cells.shape[1] - 1) / 2
        self._width = cells.shape[1]

    def off_centre(self, cell: int) -> float:
        """Squared distance from the middle."""
        row, column = divmod(cell, self._width)
        return float((row - self._middle[0]) ** 2 + (column - self._middle[1]) ** 2)

    def choice(self, cell: int) -> tuple[float, np.ndarray]:
        """How much better the best permutation of a cell is than the next, and its columns by channel."""
        group = self.groups[self.items[cell]]
        around = self.order[self.near[cell][self.near[cell] >= 0]]
        around = around[around[:, 0] >= 0]
        ties = self.R[around[:, :, None], group].sum(axis=0)
        fits = ties[self._channels, self._orders].sum(axis=1)
        best = int(fits.argmax())
        return float(fits[best] - np.partition(fits, -2)[-2]), group[self._orders[best]]

    def settle(self) -> None:
        """Repeat every choice, now with all neighbours there, until none changes."""
        for _ in range(SWEEPS):
            before = self.order.copy()
            for cell in np.flatnonzero(self.items >= 0):
                self.order[cell] = self.choice(int(cell))[1]
            if (before == self.order).all():
                break


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
