"""Scalers: standard scores over grids, masks where cells were missing, bounded tails."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from autoarch._training.scaling import GridScaler, RobustClip


@given(seed=st.integers(0, 1000))
def test_scaling_per_cell_agrees_with_scikit_learn(seed):
    """Without missing cells it is StandardScaler, shaped."""
    X = np.random.default_rng(seed).normal(3.0, 2.0, size=(30, 12))
    grid = GridScaler((2, 2, 3), scaling="cell").fit_transform(X)
    assert grid.shape == (30, 2, 2, 3)
    np.testing.assert_allclose(grid.reshape(30, 12), StandardScaler().fit_transform(X), atol=1e-5)


def test_global_scaling_keeps_the_differences_between_cells():
    """One mean and deviation per channel."""
    X = np.array([[0.0, 10.0], [0.0, 10.0], [2.0, 8.0]])
    grid = GridScaler((1, 1, 2)).fit_transform(X)
    np.testing.assert_allclose(grid[0, 0, 0], [-grid[0, 0, 0, 1], grid[0, 0, 0, 1]], atol=1e-6)


def test_missing_cells_become_the_mean_and_are_marked():
    """NaN turns into 0 and one more channel says where."""
    X = np.array([[1.0, np.nan, 3.0, 4.0], [5.0, 6.0, 7.0, np.nan]])
    grid = GridScaler((1, 2, 2)).fit_transform(X)
    assert grid.shape == (2, 2, 2, 2)
    np.testing.assert_array_equal(grid[0, 1], [[0, 1], [0, 0]])
    assert grid[0, 0, 0, 1] == 0


def test_cells_missing_only_at_predict_time_are_imputed():
    """A grid that was complete at fit grows no channel later."""
    scaler = GridScaler((1, 1, 2)).fit(np.array([[1.0, 2.0], [3.0, 4.0]]))
    grid = scaler.transform(np.array([[np.nan, 2.0]]))
    assert grid.shape == (1, 1, 1, 2)
    assert grid[0, 0, 0, 0] == 0


@pytest.mark.parametrize("scaling", ["global", "cell"])
def test_constant_and_all_missing_cells_give_finite_grids(scaling):
    """No division by zero, no NaN, no warning."""
    X = np.array([[1.0, np.nan, 2.0], [1.0, np.nan, 5.0]])
    assert np.isfinite(GridScaler((1, 1, 3), scaling=scaling).fit_transform(X)).all()


@given(scale=st.floats(1e-3, 1e6), offset=st.floats(-1e6, 1e6))
def test_robust_clip_ignores_units(scale, offset):
    """The result does not change under a*x + b, and stays within three."""
    x = np.random.default_rng(0).standard_cauchy(size=(50, 1))
    plain, moved = RobustClip().fit_transform(x), RobustClip().fit_transform(scale * x + offset)
    np.testing.assert_allclose(moved, plain, atol=1e-4)
    assert np.abs(plain).max() <= 3
