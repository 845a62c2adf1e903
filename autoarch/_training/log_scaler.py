"""Scaled logarithms of cells, for grids whose values have long tails, such as powers, counts and concentrations."""

from __future__ import annotations

from typing import Any

import numpy as np

from autoarch._data.layout import Layout
from autoarch._training.scalers import GridScaler

LONG = 1 / 3  # tails hold a twelfth of the squared deviations of a normal distribution, a quarter of an exponential one
_LOOKED_AT = 200_000  # cells of a channel
_LARGEST = 0.01  # share of the cells that are the tails


def share_of_tails(grid: np.ndarray) -> float:
    """Share of all squared deviations that the hundredth of the cells holds that deviates most.

    That of the channel of a grid (n, C, H, W) where it is largest; NaN is missing.
    """
    return max((_share(cells) for cells in _some_of_each(grid)), default=0.0)


def _share(cells: np.ndarray) -> float:
    if not len(cells):
        return 0.0
    apart = np.abs(cells - np.median(cells))
    squares = np.sort(np.square(apart / max(float(apart.max()), 1e-300)))
    return float(squares[-max(1, round(_LARGEST * len(squares))) :].sum() / max(float(squares.sum()), 1e-300))


def _some_of_each(grid: np.ndarray) -> list[np.ndarray]:
    """Cells of each channel that are there, those of rows at equal distances where there are many."""
    rows = max(1, _LOOKED_AT // max(1, int(np.prod(grid.shape[2:]))))
    some = grid[:: max(1, -(-len(grid) // rows))].astype(np.float64).swapaxes(0, 1)
    return [channel[np.isfinite(channel)] for channel in some]


def units_of(grid: np.ndarray) -> np.ndarray:
    """Median size of the cells of each channel that are not 0, shape (C, 1, 1); 1 where there are none."""
    sizes = [np.abs(cells[cells != 0]) for cells in _some_of_each(grid)]
    return np.array([float(np.median(each)) if len(each) else 1.0 for each in sizes])[:, None, None]


def logarithms(grid: np.ndarray, units: np.ndarray) -> np.ndarray:
    """``log(1 + |x| / unit)`` of each cell, with its sign."""
    return np.copysign(np.log1p(np.abs(grid) / units.astype(grid.dtype)), grid)


class LogScaler(GridScaler):
    """Shape flat rows into grids of logarithms, each channel under one mean and deviation.

    A value x becomes ``sign(x) log(1 + |x| / u)``, where u is the median size of the cells of its channel: nearly
    linear below u, a logarithm above, and the same in any unit. A mask of missing cells and the columns beside the grid
    follow, as in :class:`autoarch._training.scalers.GridScaler`.

    Parameters
    ----------
    layout : Layout
        Cells behind the columns.
    categorical : tuple of int, default=()
        Columns that hold codes of categories; they are no cells.

    Attributes
    ----------
    units_ : ndarray of shape (channels, 1, 1)
        Median size of the cells of each channel.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch import Layout
    >>> from autoarch._training.log_scaler import LogScaler
    >>> X = np.array([[0.0, 1, 10, 1000], [1, 0, 100, 1]])
    >>> grids = LogScaler(Layout(1, 4)).fit_transform(X)
    >>> bool(np.allclose(grids, LogScaler(Layout(1, 4)).fit_transform(1e-9 * X), atol=1e-5))
    True
    """

    def __init__(self, layout: Layout, categorical: tuple[int, ...] = ()):
        super().__init__(layout, "global", categorical)

    def fit(self, X: np.ndarray, y: Any = None) -> LogScaler:
        """Learn the unit, mean and deviation of each channel, and what stands beside the grid."""
        self.units_ = units_of(self.layout.to_grid(X))
        super().fit(X)
        return self

    def _to_scale(self, grid: np.ndarray) -> np.ndarray:
        return logarithms(grid, self.units_)
