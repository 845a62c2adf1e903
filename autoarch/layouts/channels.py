"""Several columns per cell: find the channels of each cell, lay out the cells, then tell the channels apart.

Channels of one cell are linked to each other more strongly than to any neighbour, and all to all, which cells of a grid
never are: a grid has no triangles.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from math import isqrt, prod

import numpy as np

from autoarch._data.layout import Layout
from autoarch.exceptions import LayoutError
from autoarch.layouts.local_search import neighbours
from autoarch.layouts.partial_correlation import partial_correlations, strongest, to_correlations
from autoarch.layouts.ruin_and_recreate import Arrangement, Arranger

Shape = tuple[int, int, int]  # channels, height, width
NARROWEST = 4  # cells; narrower grids cannot be told from lines
LONGEST = 8  # times the shorter side
# Numbers of channels that are tried where no shape is given, and the least ``separation`` for each; any grid can be cut
# into pairs.
CLEAR_SEPARATION = {3: 0.7, 4: 0.7, 2: 2.0}
MOST_CELLS_PER_COLUMN = 16  # of a given shape
RIDGES = (0.1, 0.01)
SWEEPS = 10


def check_shape(shape: Sequence[int]) -> Shape:
    """Read ``(H, W)`` or ``(C, H, W)``.

    Raises
    ------
    LayoutError
        If it is no such tuple, or a line of several channels.
    """
    layout = Layout.of(shape)
    if layout.channels > 1 and min(layout.height, layout.width) == 1:
        raise LayoutError(
            f"shape={tuple(shape)} is a line of several channels; these are recovered on grids only. Pass "
            "(height, width) or (channels, height, width) with both sides above one, or leave shape out."
        )
    return layout.shape


def fitting_shape(shape: Shape, n_columns: int) -> Shape:
    """Return a shape that has a cell for each column, and not so many more that the grid would be all but empty.

    Raises
    ------
    LayoutError
        If it has fewer or far more cells than X has columns.
    """
    cells = prod(shape)
    if cells < n_columns:
        Layout.of(shape, n_columns=n_columns)
    if cells > MOST_CELLS_PER_COLUMN * n_columns:
        raise LayoutError(
            f"shape={shape} has {cells:,} cells for the {n_columns} columns of X; expected at most "
            f"{MOST_CELLS_PER_COLUMN} times as many cells as columns. Pass smaller sides, or leave shape out."
        )
    return shape


def candidate_sides(n_cells: int) -> list[tuple[int, int]]:
    """Height and width, the squarest first; the width is the longer.

    Examples
    --------
    >>> from autoarch.layouts.channels import candidate_sides
    >>> candidate_sides(48)
    [(6, 8), (4, 12)]
    """
    shortest = range(isqrt(n_cells), NARROWEST - 1, -1)
    return [(h, n_cells // h) for h in shortest if n_cells % h == 0 and n_cells <= LONGEST * h * h]


def candidate_colour_shapes(C: np.ndarray, n_columns: int) -> list[Shape]:
    """Grids of several channels, where the columns clearly fall into groups; else none.

    Parameters
    ----------
    C : ndarray of shape (p, p)
        Correlations of the columns that vary.
    n_columns : int
        Of all columns.
    """
    links = partial_correlations(C, 0.1)
    for channels, clear in CLEAR_SEPARATION.items():
        sides = candidate_sides(n_columns // channels) if n_columns % channels == 0 else []
        if sides and separation(links, channels) > clear:
            return [(channels, *side) for side in sides]
    return []


def channel_groups(A: np.ndarray, channels: int) -> np.ndarray:
    """Split columns into groups that are strongly linked, all to all.

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
        taken = np.zeros(len(free), bool)
        for k in np.argsort(-_weakest_link(B, members), kind="stable"):
            if not taken[members[k]].any():
                taken[members[k]] = True
                groups.append(free[members[k]])
        free = free[~taken]
    return np.array(groups)


def _weakest_link(A: np.ndarray, members: np.ndarray) -> np.ndarray:
    itself = np.diag(np.full(members.shape[1], np.inf, A.dtype))
    return (A[members[:, :, None], members[:, None, :]] + itself).min(axis=(1, 2))


def separation(A: np.ndarray, channels: int) -> float:
    """Weakest link inside a group against the strongest to a column outside, median over groups; above 1 if clear."""
    groups = channel_groups(A, channels)
    outside = A[groups].copy()
    outside[np.arange(len(groups))[:, None, None], np.arange(channels)[None, :, None], groups[:, None, :]] = -np.inf
    return float(np.median(_weakest_link(A, groups) / np.maximum(outside.max(axis=(1, 2)), 1e-6)))


def arrange_channels(columns: Arranger, n_rows: int, shape: Shape) -> Arrangement | None:
    """The best layout with ``shape`` (channels, height, width); None where none could be grown.

    Returns
    -------
    Arrangement
        With ``cells`` of shape (channels, height, width) and the likelihood of the sums over channels.
    """
    links = max((partial_correlations(columns.C, ridge) for ridge in RIDGES), key=lambda R: separation(R, shape[0]))
    groups = channel_groups(links, shape[0])
    summed = columns.C[groups].sum(axis=1)[:, groups].sum(axis=2)  # over the columns of each group
    cells = Arranger(to_correlations(summed), n_rows, columns.rng, columns.effort)
    found = cells.best([shape[1:]])
    return None if found is None else found._replace(cells=align_channels(links, groups, found.cells))


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
    items, near = cells.ravel(), neighbours(*cells.shape)
    aligned = np.full((cells.size, groups.shape[1]), -1)
    channels, orders = np.arange(groups.shape[1]), np.array(list(permutations(range(groups.shape[1]))))

    def best_order(cell: int) -> tuple[float, np.ndarray]:
        """Lead of the best permutation of a cell over the next, and its columns by channel."""
        group, around = groups[items[cell]], aligned[near[cell][near[cell] >= 0]]
        links = R[around[around[:, 0] >= 0][:, :, None], group].sum(axis=0)
        fits = links[channels, orders].sum(axis=1)
        return float(np.diff(np.partition(fits, -2)[-2:])[0]), group[orders[fits.argmax()]]

    down, across = (np.arange(side) - (side - 1) / 2 for side in cells.shape)
    off_centre = np.add.outer(down**2, across**2).ravel()
    waiting = set(np.flatnonzero(items >= 0).tolist())
    clear: dict[int, tuple[float, np.ndarray]] = {}
    while waiting:  # the clearest cell first: a wrong choice would be passed on
        cell = max(clear, key=lambda c: clear[c][0]) if clear else min(waiting, key=off_centre.__getitem__)
        aligned[cell] = clear.pop(cell)[1] if cell in clear else groups[items[cell]]
        waiting.discard(cell)
        clear |= {other: best_order(other) for other in near[cell].tolist() if other in waiting}
    for _ in range(SWEEPS):  # every choice again, now with all neighbours in place
        before = aligned.copy()
        for cell in np.flatnonzero(items >= 0).tolist():
            aligned[cell] = best_order(cell)[1]
        if (before == aligned).all():
            break
    return aligned.T.reshape(groups.shape[1], *cells.shape)
