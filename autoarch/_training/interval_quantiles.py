"""Quantiles of intervals of a grid, of its changes and of its spectrum, for trees.

A tree splits on one cell at a time, so that a pattern that stands elsewhere in each row is out of its reach. Quantiles
of intervals at several sizes, on a few representations of a series, make forests of extremely randomised trees as
accurate as the best methods for series in a fraction of their time [1]_; these are the same for grids, whose intervals
are parts of both sides.

References
----------
.. [1] A. Dempster, D. F. Schmidt, G. I. Webb, "QUANT: a minimalist interval method for time series classification",
   Data Mining and Knowledge Discovery 38, 2377-2402, 2024.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise, product

import numpy as np
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from autoarch._data.layout import Layout
from autoarch._training.difference_scaler import AXES
from autoarch._training.grid_summaries import Summaries

_DEPTH = 6  # times that an interval is halved, at most, the whole counted
_PER_QUANTILE = 4  # cells of an interval for each of its quantiles
_MOST_QUANTILES, _MOST_OF_PART = 100, 16  # of an interval of a line, and of a part of both sides,
_LEAST_QUANTILES = 4  # and of either where there are many lines
_MOST_FEATURES = 6_000  # finer intervals that would exceed it are left out
_BATCH_VALUES = 4_000_000
_PER_VALUE = 6e-8  # seconds that a cell takes in each representation and each level

ROUNDING = 1e-12  # of a sum or mean; less than that is rounding, and must not differ between machines

Region = tuple[slice, slice]


class IntervalQuantiles(Summaries):
    """Replace the cells of flat rows by quantiles of intervals along the axes whose order matters.

    Of each channel and, where only one axis has an order, of each line along it: the values, their first and second
    differences along the line and the amplitudes of its oscillations; of a grid with two such axes the values and
    the differences along both. Each of them is cut into intervals, the whole, halves, quarters, ... and those between,
    and of each interval there is a quantile for every four cells, up to a hundred, every other one less the interval's
    mean. A missing cell is the mean of its line. Columns that belong to no cell stay as they are, before the quantiles.

    Parameters
    ----------
    layout : Layout
        Cells behind the columns.
    axes : tuple of str, default=("rows",)
        "rows" where cells along a row stand in an order, "columns" where those along a column do, or both.

    Attributes
    ----------
    n_features_in_ : int
        Columns.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch import Layout
    >>> from autoarch._training.interval_quantiles import IntervalQuantiles
    >>> IntervalQuantiles(Layout(1, 8)).fit_transform(np.arange(16.0).reshape(2, 8)).shape
    (2, 52)
    """

    def __init__(self, layout: Layout, axes: tuple[str, ...] = ("rows",)):
        self.layout = layout
        self.axes = axes

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the columns beside the grid and the quantiles."""
        check_is_fitted(self)
        return np.concatenate([X[:, self.layout.foreign], self.of_grids(self.layout.to_grid(X))], axis=1)

    def of_grids(self, grids: np.ndarray) -> np.ndarray:
        """Return the quantiles of grids of shape (n, channels, height, width)."""
        per_row = max(1, self.layout.n_columns * 8)
        batches = gen_batches(len(grids), max(1, _BATCH_VALUES // per_row))
        return np.concatenate([self._quantiles(grids[rows]) for rows in batches])

    @property
    def n_quantiles(self) -> int:
        """Columns that the quantiles of a grid take."""
        return n_quantiles(self.layout, self.axes)

    @property
    def seconds_per_row(self) -> float:
        """Seconds that the quantiles of one row take, about."""
        return _PER_VALUE * self.layout.channels * self.layout.height * self.layout.width * 4 * 2 * _DEPTH

    def _quantiles(self, grids: np.ndarray) -> np.ndarray:
        views = representations(filled(grids, self.axes), self.axes)
        found = []
        for values, regions in zip(views, regions_of_views(self), strict=True):
            found += [_of_interval(values[:, :, down, across]).reshape(len(grids), -1) for down, across in regions]
        return np.concatenate(found, axis=1).astype(grids.dtype, copy=False)


def filled(grid: np.ndarray, axes: Sequence[str]) -> np.ndarray:
    """Grids (n, lines, height, width) in double precision, one cell wide along an axis without an order, none missing.

    Where both axes have an order, a line is a whole channel.
    """
    lines = grid.astype(np.float64)
    if "columns" not in axes:
        lines = lines.reshape(len(lines), -1, 1, lines.shape[3])
    elif "rows" not in axes:
        lines = np.ascontiguousarray(lines.swapaxes(2, 3)).reshape(len(lines), -1, lines.shape[2], 1)
    missing = np.isnan(lines)
    if missing.any():
        count = np.maximum((~missing).sum(axis=(2, 3), keepdims=True), 1)
        mean = np.where(missing, 0.0, lines).sum(axis=(2, 3), keepdims=True) / count
        lines = np.where(missing, mean, lines)
    return lines


def representations(lines: np.ndarray, axes: Sequence[str]) -> Iterator[np.ndarray]:
    """Values, differences along each axis and, along a single one, second differences and the spectrum."""
    yield lines
    places = [AXES[axis] for axis in axes if lines.shape[AXES[axis]] > 1]
    for place in places:
        yield np.diff(lines, axis=place)
    if len(places) == 1:
        if lines.shape[places[0]] > 2:
            yield np.diff(lines, n=2, axis=places[0])
        frequencies = np.arange(1, lines.shape[places[0]] // 2 + 1)  # 0 is the level, which the values tell
        spectrum = np.take(np.abs(np.fft.rfft(lines, axis=places[0])), frequencies, axis=places[0])
        yield np.where(spectrum > ROUNDING * np.abs(lines).sum(axis=places[0], keepdims=True), spectrum, 0.0)


def _of_interval(values: np.ndarray) -> np.ndarray:
    """Quantiles (n, lines, k) of parts (n, lines, height, width), every other one less the mean."""
    flat = np.sort(values.reshape(*values.shape[:2], -1), axis=-1)
    low, share = quantile_places(flat.shape[2], values.shape[1], min(values.shape[2:]) > 1)
    found = flat[:, :, low]
    found += share * (flat[:, :, np.minimum(low + 1, flat.shape[2] - 1)] - found)
    if len(low) > 1:
        mean = flat.mean(axis=-1, keepdims=True)
        less = found[:, :, 1::2] - mean
        found[:, :, 1::2] = np.where(np.abs(less) > ROUNDING * np.abs(mean), less, 0.0)
    return found


def quantile_places(n_cells: int, n_lines: int, of_part: bool) -> tuple[np.ndarray, np.ndarray]:
    """Places of quantiles among sorted cells: the cell below, and the share of the way to the next one."""
    most = max(_LEAST_QUANTILES, min(_MOST_QUANTILES, _MOST_FEATURES // (8 * n_lines)))
    count = min(1 + (n_cells - 1) // _PER_QUANTILE, most, _MOST_OF_PART if of_part else most)
    places = np.linspace(0.0, n_cells - 1, count) if count > 1 else np.array([(n_cells - 1) / 2])
    low = np.floor(places).astype(np.intp)
    return low, places - low


def regions_of_views(step: IntervalQuantiles) -> list[list[Region]]:
    """Regions of each representation of a grid."""
    depth = depth_of(step.layout, step.axes)
    views = representations(filled(np.zeros((1, *step.layout.shape)), step.axes), step.axes)
    return [list(regions(values.shape[2:], depth)) for values in views]


@lru_cache(maxsize=64)
def depth_of(layout: Layout, axes: tuple[str, ...]) -> int:
    """Levels of intervals that the sides and the number of features allow."""
    return next((depth for depth in range(_DEPTH, 1, -1) if _count(layout, axes, depth) <= _MOST_FEATURES), 1)


@lru_cache(maxsize=64)
def n_quantiles(layout: Layout, axes: tuple[str, ...]) -> int:
    """Columns that the quantiles of a grid take."""
    return _count(layout, axes, depth_of(layout, axes))


def _count(layout: Layout, axes: tuple[str, ...], depth: int) -> int:
    lines = filled(np.zeros((1, *layout.shape)), axes)
    total = 0
    for values in representations(lines, axes):
        for down, across in regions(values.shape[2:], depth):
            sides = down.stop - down.start, across.stop - across.start
            total += values.shape[1] * len(quantile_places(sides[0] * sides[1], values.shape[1], min(sides) > 1)[0])
    return total


def regions(sides: Sequence[int], depth: int) -> Iterator[Region]:
    """Parts of both sides at each level, those shifted by half a part, and strips along the whole of one side."""
    height, width = sides
    for level in range(depth):
        if 2**level > max(height, width):
            return
        cuts = [_intervals(side, level) for side in (height, width)]
        yield from product(cuts[0][0], cuts[1][0])
        if level == 0:
            continue
        shifted = [moved if side > 1 else whole for (whole, moved), side in zip(cuts, (height, width), strict=True)]
        yield from product(*shifted)
        if min(height, width) > 1:
            yield from ((interval, slice(0, width)) for interval in cuts[0][0])
            yield from ((slice(0, height), interval) for interval in cuts[1][0])


def _intervals(side: int, level: int) -> tuple[list[slice], list[slice]]:
    """Intervals of a side that is halved so many times, and those between them."""
    pieces = min(side, 2**level)
    edges = np.linspace(0, side, pieces + 1).astype(int)
    step = int(np.ceil(np.median(np.diff(edges)) / 2))
    whole = [slice(*ends) for ends in pairwise(edges)]
    between = whole[:-1] if np.median(np.diff(edges)) > 1 else []
    return whole, [slice(one.start + step, min(side, one.stop + step)) for one in between]
