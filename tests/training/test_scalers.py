"""Scaled grids: standard scores, masks of missing cells, planes for columns outside; and tables with bounded tails."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from autoarch import Layout
from autoarch._training.difference_scaler import DifferenceScaler
from autoarch._training.log_scaler import LogScaler
from autoarch._training.scalers import CodeChannels, GridScaler
from autoarch._training.table_scalers import RobustClip, SmallUnits, quantiles_of_known

SCRAMBLED = Layout(2, 2, order=(3, 0, 5, 1), n_columns=6)  # columns 2 and 4 are no cells


@given(seed=st.integers(0, 1000))
def test_scaling_per_cell_agrees_with_scikit_learn(seed):
    """Without missing cells it is StandardScaler, shaped."""
    X = np.random.default_rng(seed).normal(3.0, 2.0, size=(30, 12))
    grid = GridScaler(Layout(2, 3, 2), scaling="cell").fit_transform(X)
    assert grid.shape == (30, 2, 2, 3)
    np.testing.assert_allclose(grid.reshape(30, 12), StandardScaler().fit_transform(X), atol=1e-5)


def test_global_scaling_keeps_the_differences_between_cells():
    """One mean and deviation per channel."""
    X = np.array([[0.0, 10.0], [0.0, 10.0], [2.0, 8.0]])
    grid = GridScaler(Layout(1, 2, 1)).fit_transform(X)
    np.testing.assert_allclose(grid[0, 0, 0], [-grid[0, 0, 0, 1], grid[0, 0, 0, 1]], atol=1e-6)


@given(seed=st.integers(0, 1000), channels=st.integers(1, 2))
def test_codes_become_channels_row_by_row(seed, channels):
    """A cell is 1 in the channel of its code alone; codes that fit has not seen, and missing ones, are 0 throughout."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 4, (30, channels * 6)).astype(float)
    layout = Layout(2, 3, channels)
    scaler = CodeChannels(layout).fit(X)
    rows = np.where(rng.random(X.shape) < 0.1, np.nan, X)
    rows[0, 0] = 7.0

    grids = scaler.transform(rows)

    np.testing.assert_array_equal(grids, np.concatenate([scaler.transform(row[None]) for row in rows]))
    known = np.isin(layout.to_grid(rows), range(4))
    for channel in range(channels):
        own = grids[:, scaler.cell_channels_ == channel]
        np.testing.assert_array_equal(own.sum(axis=1), known[:, channel])
    columns = scaler.sources.reshape(grids.shape[1:])
    assert (rows[:, columns][grids == 1] == np.broadcast_to(scaler.codes_, grids.shape)[grids == 1]).all()


@given(seed=st.integers(0, 1000), power=st.integers(-13, 13))
def test_logarithms_hang_on_no_unit(seed, power):
    """Row by row, in the order of the values, with their sign; missing cells have a mask."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(20, 24)) * rng.lognormal(0.0, 3.0, size=(20, 24))
    X[rng.random(X.shape) < 0.1] = np.nan
    scaler = LogScaler(Layout(3, 4, 2)).fit(X)

    grids = scaler.transform(X)

    np.testing.assert_allclose(LogScaler(Layout(3, 4, 2)).fit_transform(X * 10.0**power), grids, atol=1e-4)
    np.testing.assert_array_equal(grids, np.concatenate([scaler.transform(row[None]) for row in X]))
    first, cells = grids[:, 0].ravel(), Layout(3, 4, 2).to_grid(X)[:, 0].ravel()
    there = ~np.isnan(cells)
    assert (np.diff(first[there][np.argsort(cells[there])]) >= 0).all()
    assert grids.shape[1] == 3 and (grids[:, 2].ravel()[~there] == 1).all()


@given(seed=st.integers(0, 1000), axes=st.sampled_from([("rows",), ("columns",), ("rows", "columns")]))
def test_differences_are_those_of_the_cells_that_they_name(seed, axes):
    """Row by row; whatever level a sample has, and 0 where a cell has no next one or misses it."""
    X = np.random.default_rng(seed).normal(size=(20, 24)).astype(np.float32)
    scaler = DifferenceScaler(Layout(3, 4, 2), axes).fit(X)
    rows = X.copy()
    rows[0, 5] = np.nan

    grids = scaler.transform(rows)

    assert grids.shape == (20, 2 * len(axes), 3, 4)
    first, second = scaler.sources
    wanted = np.nan_to_num(rows[:, second] - rows[:, first]) / np.repeat(scaler.scale_.ravel(), 12)
    np.testing.assert_allclose(grids.reshape(20, -1), wanted, atol=1e-5)
    np.testing.assert_array_equal(grids, np.concatenate([scaler.transform(row[None]) for row in rows]))
    np.testing.assert_allclose(scaler.transform(rows + np.float32(50)), grids, atol=1e-3)


def test_missing_cells_become_the_mean_and_are_marked():
    """NaN turns into 0 and one more channel says where."""
    X = np.array([[1.0, np.nan, 3.0, 4.0], [5.0, 6.0, 7.0, np.nan]])
    grid = GridScaler(Layout(2, 2, 1)).fit_transform(X)
    assert grid.shape == (2, 2, 2, 2)
    np.testing.assert_array_equal(grid[0, 1], [[0, 1], [0, 0]])
    assert grid[0, 0, 0, 1] == 0


def test_cells_missing_only_at_predict_time_are_imputed():
    """A grid that was complete at fit grows no channel later."""
    scaler = GridScaler(Layout(1, 2, 1)).fit(np.array([[1.0, 2.0], [3.0, 4.0]]))
    grid = scaler.transform(np.array([[np.nan, 2.0]]))
    assert grid.shape == (1, 1, 1, 2)
    assert grid[0, 0, 0, 0] == 0


@pytest.mark.parametrize("scaling", ["global", "cell"])
def test_constant_and_all_missing_cells_give_finite_grids(scaling):
    """No division by zero, no NaN, no warning."""
    X = np.array([[1.0, np.nan, 2.0], [1.0, np.nan, 5.0]])
    assert np.isfinite(GridScaler(Layout(1, 3, 1), scaling=scaling).fit_transform(X)).all()


def test_columns_are_laid_out_in_the_order_of_the_layout():
    """The scaled grid of shuffled columns is that of the columns put in order."""
    X = np.random.default_rng(0).normal(size=(20, 6))
    grid = GridScaler(SCRAMBLED, scaling="cell").fit_transform(X)
    np.testing.assert_allclose(grid[:, 0].reshape(20, 4), StandardScaler().fit_transform(X)[:, [3, 0, 5, 1]], atol=1e-5)


def test_columns_outside_the_grid_become_planes():
    """A number is scaled by itself; a category gets a plane per level; both are constant over the grid."""
    X = np.random.default_rng(0).normal(size=(30, 6))
    X[:, 2] = 1e6 * X[:, 2] + 1e9  # an id must not drown the cells
    X[:, 4] = np.arange(30) % 3
    grid = GridScaler(SCRAMBLED, categorical=(4,)).fit_transform(X)
    assert grid.shape == (30, 1 + 1 + 3, 2, 2)
    np.testing.assert_allclose(grid[:, 1, 0, 0], StandardScaler().fit_transform(X[:, [2]])[:, 0], atol=1e-4)
    np.testing.assert_array_equal(
        grid[:, 2:, 1, 1].argmax(axis=1), np.argsort(np.argsort([0, 1, 2]))[X[:, 4].astype(int)]
    )
    assert (np.ptp(grid[:, 1:], axis=(2, 3)) == 0).all()


def test_an_unknown_level_and_a_missing_number_are_zero_planes():
    """Neither is an error, and neither is taken for anything else."""
    X = np.random.default_rng(0).normal(size=(30, 6))
    X[:, 4] = np.arange(30) % 2
    scaler = GridScaler(SCRAMBLED, categorical=(4,)).fit(X)
    row = X[:1].copy()
    row[0, 2], row[0, 4] = np.nan, 7
    assert not scaler.transform(row)[0, 1:].any()


def test_holes_of_a_layout_are_zero_and_need_no_mask():
    """A cell without a column is no missing value."""
    layout = Layout(2, 2, order=(2, 0, 1, -1), n_columns=3)
    X = np.random.default_rng(0).normal(size=(10, 3))
    for scaling in ("cell", "global"):
        grid = GridScaler(layout, scaling=scaling).fit_transform(X)
        assert grid.shape == (10, 1, 2, 2) and np.isfinite(grid).all() and not grid[:, 0, 1, 1].any()


def test_a_scaler_can_be_cloned():
    """Its parameters are left as they came."""
    scaler = GridScaler(SCRAMBLED, categorical=(4,))
    assert clone(scaler).layout == SCRAMBLED


@given(scale=st.floats(1e-3, 1e6), offset=st.floats(-1e6, 1e6))
def test_robust_clip_ignores_units(scale, offset):
    """The result does not change under a*x + b, and stays within three."""
    x = np.random.default_rng(0).standard_cauchy(size=(50, 1))
    plain, moved = RobustClip().fit_transform(x), RobustClip().fit_transform(scale * x + offset)
    np.testing.assert_allclose(moved, plain, atol=1e-4)
    assert np.abs(plain).max() <= 3


@given(n=st.integers(1, 12), p=st.integers(1, 6), seed=st.integers(0, 10_000), missing=st.floats(0, 1))
def test_quantiles_of_known_cells_are_those_of_numpy(n, p, seed, missing):
    """Whatever is missing; 0 where a column has no value."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    X[rng.random(X.shape) < missing] = np.nan
    levels = (0.0, 0.25, 0.5, 0.9, 1.0)
    expected = np.nanquantile(np.where(np.isnan(X).all(axis=0), 0.0, X), levels, axis=0)
    np.testing.assert_allclose(quantiles_of_known(X, levels), expected, rtol=1e-12, atol=1e-15)


def test_small_units_may_stay_in_double_precision():
    """The same values, not rounded."""
    X = np.random.default_rng(0).normal(size=(20, 3)) + 1e9
    single, double = (SmallUnits(double=double).fit_transform(X) for double in (False, True))
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(double.astype(np.float32), single)
