"""Whether to believe a layout: do two halves of the rows, each by itself, tell the same one?

Any columns can be laid out so that neighbours resemble each other, so resemblance proves nothing, not even on new rows.
But where there is no grid the arrangement is arbitrary, and halves of the rows arrange it differently.
"""

from __future__ import annotations

import numpy as np


def neighbour_pairs(cells: np.ndarray) -> np.ndarray:
    """Pairs of items that share a side in a layout (..., H, W), as sorted numbers that mean the same in any layout."""
    item = cells.astype(np.int64)
    pairs = []
    for first, second in ((item[..., :-1], item[..., 1:]), (item[..., :-1, :], item[..., 1:, :])):
        both = (first >= 0) & (second >= 0)
        low, high = np.minimum(first, second)[both], np.maximum(first, second)[both]
        pairs.append(low << 32 | high)
    return np.sort(np.concatenate(pairs))


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Share of neighbouring pairs that two layouts have in common; turning or mirroring one changes nothing.

    Examples
    --------
    >>> import numpy as np
    >>> grid = np.arange(6).reshape(2, 3)
    >>> agreement(grid, grid.T[::-1])
    1.0
    """
    one, other = neighbour_pairs(first), neighbour_pairs(second)
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / max(len(one), len(other), 1)


def expected_share(agreed: float) -> float:
    """Share of true pairs to expect in each of two independent layouts that have a share ``agreed`` in common."""
    return float(np.sqrt(agreed))
