"""Quantiles of intervals: what they are of simple grids, what they leave alone, and that each row has its own."""

from __future__ import annotations

import numpy as np
import pytest

from autoarch import Layout
from autoarch._training.interval_quantiles import IntervalQuantiles, n_quantiles

GRIDS = [
    (Layout(1, 50), ("rows",)),
    (Layout(50, 1), ("columns",)),
    (Layout(3, 20, 2), ("rows",)),
    (Layout(20, 3, 2), ("columns",)),
    (Layout(9, 12, 2), ("rows", "columns")),
    (Layout(1, 2), ("rows",)),
]


def test_a_short_line_has_the_quantiles_that_one_can_count():
    """Of the whole its median, of both halves and what is between them theirs; then of differences and spectrum."""
    made = IntervalQuantiles(Layout(1, 4)).fit_transform(np.array([[1.0, 2, 4, 9]]))[0]

    values = [3.0, 1.5, 6.5, 3.0, 1, 2, 4, 9]
    differences = [2.0, 1.0, 3.5, 2.0]
    assert made[: len(values) + len(differences)].tolist() == values + differences
    assert made[-1] == pytest.approx(abs(1 - 2 + 4 - 9))  # the highest frequency


def test_every_other_quantile_is_less_the_mean():
    """So that the level of a part and its shape stand side by side."""
    line = np.arange(9.0)[None]
    low, high = (IntervalQuantiles(Layout(1, 9)).fit_transform(line + level)[0] for level in (0, 100))

    assert low[:3].tolist() == [0.0, 0.0, 8.0] and high[:3].tolist() == [100.0, 0.0, 108.0]


@pytest.mark.parametrize(("layout", "axes"), GRIDS, ids=str)
def test_a_row_alone_has_the_same_quantiles(layout, axes):
    """To the last bit, whatever rows stand beside it; their number is known beforehand."""
    X = np.random.default_rng(0).normal(size=(7, layout.n_columns)).astype(np.float32)
    X[3] = 0.1
    step = IntervalQuantiles(layout, axes).fit(X)

    made = step.transform(X)

    assert made.shape == (7, n_quantiles(layout, axes)) and made.dtype == np.float32
    np.testing.assert_array_equal(made, np.concatenate([step.transform(row[None]) for row in X]))
    flat = made[3]
    assert set(np.unique(flat[flat < 0.09])) <= {0.0}  # no rounding of differences, means or the spectrum


def test_lines_along_an_axis_are_read_alike_whatever_the_axis():
    """The columns of a grid are the rows of its transpose."""
    grid = np.random.default_rng(0).normal(size=(5, 6, 10))

    rows = IntervalQuantiles(Layout(6, 10)).fit_transform(grid.reshape(5, -1))
    columns = IntervalQuantiles(Layout(10, 6), ("columns",)).fit_transform(grid.swapaxes(1, 2).reshape(5, -1))

    np.testing.assert_array_equal(rows, columns)


def test_missing_cells_are_the_mean_of_their_line_and_other_columns_stay():
    """Those beside the grid come first, as they are, NaN and all; a line without a single value is 0."""
    layout = Layout(2, 8, order=(0, *range(2, 17)), n_columns=17)
    X = np.random.default_rng(0).normal(size=(3, 17))
    X[0, [1, 4]] = np.nan
    X[1, 9:] = np.nan
    filled = X.copy()
    filled[0, 4] = np.nanmean(X[0, [0, *range(2, 9)]])
    filled[1, 9:] = 0
    step = IntervalQuantiles(layout).fit(X)

    made = step.transform(X)

    np.testing.assert_array_equal(made[:, 0], X[:, 1])
    np.testing.assert_allclose(made[:, 1:], step.transform(filled)[:, 1:])


@pytest.mark.parametrize("layout", [Layout(1, 20_000), Layout(64, 64, 3), Layout(40, 500)], ids=str)
def test_large_grids_have_fewer_levels(layout):
    """So that a forest has some thousands of columns, not a hundred thousand."""
    axes = ("rows",) if layout.height == 1 else ("rows", "columns")

    assert n_quantiles(layout, axes) <= 6_000
    assert IntervalQuantiles(layout, axes).fit_transform(np.zeros((2, layout.n_columns))).max() == 0
