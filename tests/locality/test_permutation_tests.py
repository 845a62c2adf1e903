"""The permutation tests: their size, their power, and that each axis is tested by itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoarch._statistics import correlations, permutation_tests
from autoarch.datasets import load_digits_grid, make_alternating_texture, make_textures


def _p(X, seed=0):
    """P-value of the whole layout of X (n, H, W)."""
    scaled, active = correlations.standardise(X[:, None])
    return permutation_tests.compare_orders(
        correlations.cell_correlations(scaled, active), np.random.default_rng(seed)
    ).p_value


def _axis_p(X, seed=0):
    """P-values along rows and along columns, not adjusted."""
    scaled, active = correlations.standardise(X[:, None])
    both = (scaled, active), (scaled.swapaxes(2, 3), active.swapaxes(1, 2))
    return [
        permutation_tests.line_p(*correlations.line_correlations(*one), np.random.default_rng(seed))[0] for one in both
    ]


def test_p_values_are_uniform_where_order_means_nothing():
    """Over 200 shuffles of real pictures about one in twenty p-values is below 0.05, whole and axes alike."""
    digits = load_digits_grid()[0].reshape(-1, 64)
    rng = np.random.default_rng(0)
    whole, axes = [], []
    for seed in range(200):
        X = digits[rng.choice(len(digits), 60, replace=False)][:, rng.permutation(64)].reshape(-1, 8, 8)
        whole.append(_p(X, seed))
        axes.append(_axis_p(X, seed))

    assert 0.01 <= np.mean(np.array(whole) <= 0.05) <= 0.10
    assert np.mean(np.array(whole) <= 0.01) <= 0.03
    assert (np.mean(np.array(axes) <= 0.05, axis=0) <= 0.10).all()
    assert 0.4 < np.mean(whole) < 0.6


@pytest.mark.parametrize(
    "X",
    [
        pytest.param(load_digits_grid()[0][:20], id="digits"),
        pytest.param(make_textures(20, (8, 8), random_state=0)[0], id="smooth"),
        pytest.param(make_alternating_texture(20, (8, 8), random_state=0)[0], id="alternating"),
    ],
)
def test_twenty_rows_are_enough_for_clear_layouts(X):
    """Smooth and alternating grids are seen alike."""
    assert _p(X) <= 0.01


@pytest.mark.parametrize("axis", [1, 2])
def test_only_the_axis_that_was_shuffled_dies(axis):
    """Whole lines are the null: shuffled cells would reject the dead axis too."""
    digits = load_digits_grid()[0][:300]
    rng = np.random.default_rng(3)
    dead, alive = [], []
    for seed in range(20):
        p_rows, p_columns = _axis_p(np.take(digits, rng.permutation(8), axis=axis), seed)
        dead.append(p_rows if axis == 2 else p_columns)
        alive.append(p_columns if axis == 2 else p_rows)

    assert np.mean(np.array(dead) <= 0.01) <= 0.1
    assert max(alive) <= 0.01


def test_a_mirror_image_is_as_ordered_as_the_original():
    """With six lines all 360 orders are listed; the given one and its mirror count once."""
    X = np.random.default_rng(0).normal(size=(200, 6, 6)).cumsum(axis=2)

    assert _axis_p(X)[0] == pytest.approx(1 / 360)
    assert _axis_p(X[:, :, ::-1])[0] == pytest.approx(1 / 360)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (2, 2)])
def test_grids_with_a_handful_of_cells_prove_nothing(shape):
    """Too few orders: the p-value stays large however strong the dependence."""
    X = np.random.default_rng(0).normal(size=(50, 1, 1)) + 0.1 * np.random.default_rng(1).normal(size=(50, *shape))

    assert _p(X) > 0.1


@given(p_values=st.dictionaries(st.sampled_from(["rows", "columns"]), st.floats(0, 1), min_size=1))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p_values):
    """Adjusted p-values lie between the p-value and twice that, and at most 1."""
    adjusted = permutation_tests.holm(p_values)

    assert list(adjusted) == list(p_values)
    assert all(p <= adjusted[name] <= min(1.0, max(2 * p, *p_values.values())) for name, p in p_values.items())
    ranked = sorted(p_values, key=p_values.get)
    assert [adjusted[name] for name in ranked] == sorted(adjusted.values())
