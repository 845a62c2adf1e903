"""Summaries of a grid that stay the same in whatever order its lines stand: for bags, panels and relations.

Where the lines of a grid are exchangeable, a cell means nothing by itself: the same instance, station or node stands in
another line of the next sample. What is left are functions of the set of lines, as for bags of instances [1]_; where
rows and columns are the same things, functions of the graph: degrees, spectra, triangles [2]_.

References
----------
.. [1] M. Zaheer et al., "Deep sets", NeurIPS 2017.
.. [2] N. de Lara, E. Pineau, "A simple baseline algorithm for graph classification", NeurIPS workshop on relational
   representation learning 2018.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from autoarch._data.layout import Layout
from autoarch._training.grid_summaries import Summaries, mean_of_known

SYMMETRIES = ("exchangeable_rows", "exchangeable_columns", "symmetric")  # for which these summaries are made
VIEWS = ("order-free", "cells and order-free")
_PER_CELL, _PER_PAIR = 3e-7, 3e-8  # seconds, for each cell and for each pair of lines or places
_POINTS = np.linspace(0.0, 1.0, 9)  # quantiles of many values,
_FEW_POINTS = np.array([0.0, 0.5, 1.0])  # and of the values of a line or a place
_MOST_PLACES = 150  # that are summed up one by one; lines of more cells only as a whole
_MOST_PAIRS = 16  # places whose correlations stand one by one; those of more only by their quantiles
_MOST_EIGENVALUES = 32  # half of them the greatest, half the least
_LARGEST_SIDE = 200  # of matrices of pairs, and of those whose eigenvalues are computed
_ROUNDING = 1e-9  # of a mean; no deviation is smaller
_BATCH_VALUES = 500_000


class OrderFreeSummaries(Summaries):
    """Replace the cells of flat rows by summaries that do not depend on the order of the lines, or add these.

    Of the whole grid: moments and quantiles. Of a set of lines that are exchangeable: moments and quantiles of each
    place over the lines, the distribution over the lines of what each line is like (its moments, quantiles and
    roughness), distances between lines, correlations of places, and the spectrum of their covariance. Of a symmetric
    relation: the distribution of the degrees and of each thing's other values, the spectra of the matrix and of its
    normalised Laplacian, triangles and shared neighbours. Columns that belong to no cell stay as they are.

    Parameters
    ----------
    layout : Layout
        Cells behind the columns.
    symmetries : tuple of str, default=("exchangeable_rows", "exchangeable_columns")
        "exchangeable_rows", "exchangeable_columns" or "symmetric"; the last, which needs a square, implies both.
    keep_cells : bool, default=False
        Whether the columns stay in front of the summaries.

    Attributes
    ----------
    n_features_in_ : int
        Columns.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch import Layout
    >>> from autoarch._training.order_free import OrderFreeSummaries
    >>> X = np.array([[1.0, 2, 3, 5, 4, 0], [4.0, 0, 1, 2, 3, 5]])  # the same three lines of two cells
    >>> made = OrderFreeSummaries(Layout(3, 2), ("exchangeable_rows",)).fit_transform(X)
    >>> bool(np.allclose(made[0], made[1]))
    True
    """

    def __init__(
        self,
        layout: Layout,
        symmetries: tuple[str, ...] = ("exchangeable_rows", "exchangeable_columns"),
        keep_cells: bool = False,
    ):
        self.layout = layout
        self.symmetries = symmetries
        self.keep_cells = keep_cells

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the summaries, after the columns or after those of them that belong to no cell."""
        check_is_fitted(self)
        kept = np.arange(X.shape[1])
        if not self.keep_cells:
            kept = np.setdiff1d(kept, self.layout.columns)
        parts = list(gen_batches(len(X), max(1, _BATCH_VALUES // self.layout.n_columns)))
        with np.errstate(all="ignore"):  # a line without a single value has no mean
            made = [self._summaries(X[part]) for part in parts]
        return np.concatenate([X[:, kept], np.concatenate(made)], axis=1, dtype=X.dtype)

    @property
    def seconds_per_row(self) -> float:
        """Seconds that the summaries of one row take, about."""
        height, width = self.layout.height, self.layout.width
        pairs = (
            0 if min(height, width) == 1 else sum(side * side / 2 for side in (height, width) if side <= _LARGEST_SIDE)
        )
        return self.layout.channels * (_PER_CELL * height * width + _PER_PAIR * pairs)

    def _summaries(self, X: np.ndarray) -> np.ndarray:
        """Summaries, channel by channel: those with the unit of the cells, of cells scaled to at most 1, times it."""
        grid = self.layout.to_grid(X).astype(np.float64).reshape(-1, self.layout.height, self.layout.width)
        unit = np.fmax.reduce(np.abs(grid), axis=(1, 2))
        unit[~(unit > 0)] = 1.0
        grid = grid / unit[:, None, None]
        with_unit, bare = zip(*self._blocks(grid), strict=True)
        made = np.concatenate([np.concatenate(with_unit, axis=1) * unit[:, None], *bare], axis=1)
        return made.reshape(len(X), -1)

    def _blocks(self, grid: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Pairs of summaries in the unit of the cells, and without a unit."""
        yield _of_values(grid)
        if "symmetric" in self.symmetries and self.layout.height == self.layout.width:
            yield from _of_relation(grid)
            return
        if self.symmetries != ("exchangeable_columns",):
            yield from _of_set(grid)
        if self.symmetries != ("exchangeable_rows",):
            yield from _of_set(np.ascontiguousarray(grid.transpose(0, 2, 1)))


@lru_cache(maxsize=64)
def n_summaries(layout: Layout, symmetries: tuple[str, ...]) -> int:
    """Columns that the summaries of a grid take."""
    row = np.zeros((1, layout.n_columns))
    return OrderFreeSummaries(layout, symmetries).fit_transform(row).shape[1] - len(layout.foreign)


def _of_values(grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of all cells together."""
    values = grid.reshape(len(grid), -1)
    mean, deviation = _mean_and_deviation(values, axis=1)
    scores = (values - mean[:, None]) / _varying(deviation, mean)[:, None]
    squares = scores * scores
    moments = mean_of_known(squares * scores, axis=1), mean_of_known(squares * squares, axis=1)
    shape = np.column_stack([*moments, np.isnan(values).mean(axis=1)])
    return np.column_stack([mean, deviation, _quantiles(values, _POINTS)]), shape


def _of_set(grid: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of exchangeable lines, which stand along the second axis."""
    n, n_lines, n_places = grid.shape
    nothing = np.empty((n, 0))
    mean, deviation = _mean_and_deviation(grid, axis=1)
    if n_places <= _MOST_PLACES:
        places = _quantiles(grid.transpose(0, 2, 1), _FEW_POINTS)
        yield np.concatenate([mean, deviation, places.reshape(n, -1)], axis=1), nothing
    changes = mean_of_known(np.abs(np.diff(grid, axis=2)), axis=2) if n_places > 1 else np.zeros((n, n_lines))
    yield _over_lines(grid, changes), nothing
    if min(n_lines, n_places) == 1:  # distances and correlations of single cells say no more than the cells
        return
    centred = np.nan_to_num(grid - mean[:, None])
    scores = centred / _varying(deviation, mean)[:, None]
    yield _between_lines(centred), _between_places(scores)
    squares = centred @ centred.transpose(0, 2, 1) if n_lines < n_places else centred.transpose(0, 2, 1) @ centred
    if squares.shape[1] <= _LARGEST_SIDE:
        spectrum = np.sqrt(np.maximum(np.linalg.eigvalsh(squares), 0.0) / (n_lines * n_places))
        yield spectrum[:, ::-1][:, : _MOST_EIGENVALUES // 2], nothing


def _of_relation(grid: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of a matrix whose rows and columns are the same things."""
    n, side, _ = grid.shape
    nothing = np.empty((n, 0))
    one_sided = np.sqrt(mean_of_known((grid - grid.transpose(0, 2, 1)) ** 2, axis=(1, 2)))
    diagonal = _mean_and_deviation(np.diagonal(grid, axis1=1, axis2=2), axis=1)
    yield np.column_stack([one_sided, *diagonal]), nothing
    yield _over_lines(grid), nothing
    if side < 2 or side > _LARGEST_SIDE:
        return
    known = np.where(np.isnan(grid), mean_of_known(grid, axis=(1, 2))[:, None, None], grid)
    matrix = np.nan_to_num(known + known.transpose(0, 2, 1)) / 2
    paths = matrix @ matrix / side  # over two links
    triangles = np.cbrt((paths * matrix).mean(axis=2))  # roots, which have the unit of the cells
    shared = _above_diagonal(paths)
    shared = np.sign(shared) * np.sqrt(np.abs(shared))
    yield np.concatenate([_distribution(triangles), _distribution(shared)], axis=1), nothing
    yield _between_lines(matrix), _links(matrix)
    degrees = np.sqrt(np.abs(matrix).sum(axis=2))
    inverse = 1.0 / np.where(degrees > 0, degrees, 1.0)
    normalised = matrix * inverse[:, :, None] * inverse[:, None, :]  # 1 less the eigenvalues of the Laplacian
    yield _outermost(np.linalg.eigvalsh(matrix) / side), _outermost(np.linalg.eigvalsh(normalised))


def _over_lines(grid: np.ndarray, *others: np.ndarray) -> np.ndarray:
    """Distribution over the lines of the mean, deviation and quantiles of each, and of ``others``."""
    each = [*_mean_and_deviation(grid, axis=2), *np.moveaxis(_quantiles(grid, _FEW_POINTS), 2, 0), *others]
    return np.concatenate([_distribution(values) for values in each], axis=1)


def _between_lines(lines: np.ndarray) -> np.ndarray:
    """Distribution of the distances between lines, and of those to the nearest one."""
    n, side, n_places = lines.shape
    if side < 2 or side > _LARGEST_SIDE:
        return np.empty((n, 0))
    products = lines @ lines.transpose(0, 2, 1) / n_places
    squares = np.diagonal(products, axis1=1, axis2=2)
    distances = np.sqrt(np.maximum(squares[:, :, None] + squares[:, None, :] - 2 * products, 0.0))
    distances[:, range(side), range(side)] = np.inf
    between, nearest = _distribution(_above_diagonal(distances)), _distribution(distances.min(axis=2))
    return np.concatenate([between, nearest], axis=1)


def _between_places(scores: np.ndarray) -> np.ndarray:
    """Correlations of the places over the lines, one by one or their distribution."""
    n, n_lines, n_places = scores.shape
    if n_places < 2 or n_places > _LARGEST_SIDE:
        return np.empty((n, 0))
    pairs = _above_diagonal(scores.transpose(0, 2, 1) @ scores / n_lines)
    return pairs if n_places <= _MOST_PAIRS else _distribution(pairs)


def _links(matrix: np.ndarray) -> np.ndarray:
    """Transitivity, and how much alike the degrees of linked things are; of what lies above the least value."""
    beyond = matrix - matrix.min(axis=(1, 2), keepdims=True)
    beyond[:, range(matrix.shape[1]), range(matrix.shape[1])] = 0.0
    degrees = beyond.sum(axis=2)
    total = degrees.sum(axis=1)
    two_links = beyond @ beyond
    closed = (two_links * beyond).sum(axis=(1, 2))
    open_or_closed = two_links.sum(axis=(1, 2)) - np.trace(two_links, axis1=1, axis2=2)
    mean = (degrees * degrees).sum(axis=1) / total  # of the degrees at the ends of a link
    centred = degrees - mean[:, None]
    variance = (degrees * centred * centred).sum(axis=1) / total
    alike = (centred[:, None, :] @ beyond @ centred[:, :, None])[:, 0, 0] / total
    alike = np.where(variance > (_ROUNDING * mean) ** 2, alike / variance, 0.0)
    return np.nan_to_num(np.column_stack([closed / open_or_closed, alike]))


def _above_diagonal(matrices: np.ndarray) -> np.ndarray:
    """Values above the diagonal, line by line; in the order in memory that sums of a row alone have."""
    n, side, _ = matrices.shape
    return np.take(matrices.reshape(n, -1), np.flatnonzero(np.triu(np.ones((side, side)), 1)), axis=1)


def _outermost(values: np.ndarray) -> np.ndarray:
    """The greatest and the least of sorted values."""
    if values.shape[1] <= _MOST_EIGENVALUES:
        return values
    return np.concatenate([values[:, : _MOST_EIGENVALUES // 2], values[:, -_MOST_EIGENVALUES // 2 :]], axis=1)


def _distribution(values: np.ndarray) -> np.ndarray:
    """Mean, standard deviation and quantiles along the last axis, those of few values being the sorted values."""
    points = _POINTS if values.shape[-1] > len(_POINTS) else np.linspace(0.0, 1.0, values.shape[-1])
    mean, deviation = _mean_and_deviation(values, axis=-1)
    return np.concatenate([mean[..., None], deviation[..., None], _quantiles(values, points)], axis=-1)


def _varying(deviation: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Deviations to divide by; infinite where they are those of rounding."""
    return np.where(deviation > _ROUNDING * np.abs(mean), deviation, np.inf)


def _mean_and_deviation(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the values that are there."""
    mean = mean_of_known(values, axis)
    return mean, np.sqrt(mean_of_known((values - np.expand_dims(mean, axis)) ** 2, axis))


def _quantiles(values: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Quantiles along the last axis of the values that are there, as a new last axis."""
    ordered = np.sort(values, axis=-1)  # missing ones last
    last = np.maximum(np.sum(~np.isnan(values), axis=-1, keepdims=True) - 1, 0)
    places = points * last
    below = np.floor(places).astype(np.intp)
    low = np.take_along_axis(ordered, below, axis=-1)
    high = np.take_along_axis(ordered, np.minimum(below + 1, last), axis=-1)
    return low + (high - low) * (places - below)
