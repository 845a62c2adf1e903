"""Tell the channels of neighbouring cells apart once the cells are laid out.

With all else held fixed, columns of one channel in neighbouring cells are tied positively and columns of two channels
negatively, so each cell takes the permutation that suits its neighbours.

Imports: numpy, ``likelihood``.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np

from autoarch.locality.recovery.likelihood import neighbours

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
