"""Scaled differences of neighbouring cells, for grids whose level wanders from sample to sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autoarch._data.layout import Layout
from autoarch._training.scalers import GridScaler

AXES = {"columns": 2, "rows": 3}  # of grids (n, channels, height, width)


def neighbour_differences(grid: np.ndarray, axes: Sequence[str]) -> np.ndarray:
    """Differences to the next cell along each axis, as channels; 0 for the last cell of a line."""
    made = [np.diff(grid, axis=AXES[axis], append=np.take(grid, [-1], AXES[axis])) for axis in axes]
    return np.concatenate(made, axis=1)


class DifferenceScaler(GridScaler):
    """Shape flat rows into grids of differences between each cell and the next one, each channel under one scale.

    Along every axis there is a channel of differences for each channel of the grid. The last cell of a line has no next
    one: its difference is 0, as is one with a missing cell. A mask of missing cells and the columns beside the grid
    follow, as in :class:`autoarch._training.scalers.GridScaler`.

    Parameters
    ----------
    layout : Layout
        Cells behind the columns.
    axes : tuple of str, default=("rows",)
        "rows" for the next cell along a row, "columns" for that along a column, or both.
    keep_cells : bool, default=False
        Whether the scaled cells come before the differences.
    categorical : tuple of int, default=()
        Columns that hold codes of categories; they are no cells.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch import Layout
    >>> from autoarch._training.difference_scaler import DifferenceScaler
    >>> X = np.array([[0.0, 1, 3, 2], [70, 71, 73, 72]])  # the same steps on two levels
    >>> grids = DifferenceScaler(Layout(1, 4)).fit_transform(X)
    >>> bool((grids[0] == grids[1]).all())
    True
    """

    def __init__(
        self,
        layout: Layout,
        axes: tuple[str, ...] = ("rows",),
        keep_cells: bool = False,
        categorical: tuple[int, ...] = (),
    ):
        super().__init__(layout, "global", categorical)
        self.axes = axes
        self.keep_cells = keep_cells

    def fit(self, X: np.ndarray, y: Any = None) -> DifferenceScaler:
        """Learn the scale of the differences, which cells are missing, and what stands beside the grid."""
        super().fit(X)
        cells = self.mean_, self.scale_
        found = neighbour_differences(self.layout.to_grid(X), self.axes)
        there = ~np.isnan(found)
        count = np.maximum(there.sum(axis=(0, 2, 3)), 1)
        mean = np.where(there, found, 0.0).sum(axis=(0, 2, 3), dtype=np.float64) / count
        squares = np.where(there, (found - mean[:, None, None]) ** 2, 0.0).sum(axis=(0, 2, 3), dtype=np.float64)
        self.mean_ = np.zeros((len(mean), 1, 1))  # a step of 0 stays one
        self.scale_ = np.sqrt(squares / count + mean**2)[:, None, None]
        self.scale_[self.scale_ == 0] = 1.0
        if self.keep_cells:
            both = zip(cells, (self.mean_, self.scale_), strict=True)
            self.mean_, self.scale_ = (np.concatenate(parts) for parts in both)
        return self

    @property
    def sources(self) -> np.ndarray:
        """Columns of both cells of each difference, shape (2, cells of all channels); -1 for a cell that has none."""
        cells = self.layout.columns.reshape(1, *self.layout.shape)
        pairs = [np.concatenate([cells, cells])] if self.keep_cells else []
        for axis in self.axes:
            side = cells.shape[AXES[axis]]
            following = np.take(cells, np.minimum(np.arange(1, side + 1), side - 1), AXES[axis])
            pairs.append(np.concatenate([cells, following]))
        return np.concatenate(pairs, axis=1).reshape(2, -1)

    def _cells(self, grid: np.ndarray) -> np.ndarray:
        found = neighbour_differences(grid, self.axes)
        return super()._cells(np.concatenate([grid, found], axis=1) if self.keep_cells else found)
