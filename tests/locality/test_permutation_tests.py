"""The permutation tests: their size, their power, and that each axis is tested by itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoarch import Layout
from autoarch._statistics import correlations, permutation_tests
from autoarch.datasets import load_digits_grid, make_alternating_texture, make_textures
from autoarch.locality.grid_statistics import measure_grid


def _axis_p(X, seed=0):
    """P-values along rows and along columns, not adjusted."""
    scaled, active = correlations.standardise(X[:, None])
    both = (scaled, active), (scaled.swapaxes(2, 3), active.swapaxes(1, 2))
    return [
        permutation_tests.line_p(*correlations.line_correlations(*one), np.random.default_rng(seed))[0] for one in both
    ]


def _p(X, seed=0):
    """P-value of the verdict."""
    return min(permutation_tests.hochberg(dict(enumerate(_axis_p(X, seed)))).values())


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


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (2, 2), (5, 5)])
def test_grids_with_a_handful_of_lines_prove_nothing(shape):
    """Too few orders: no test and no verdict, however strong the dependence."""
    X = np.random.default_rng(0).normal(size=(50, *shape)).cumsum(axis=2)

    grid = measure_grid(X.reshape(50, -1), Layout(*shape), np.random.default_rng(0))[0]

    assert (grid.p_value, grid.verdict, grid.testable) == (1.0, "none", False)


@given(p_values=st.dictionaries(st.sampled_from(["rows", "columns"]), st.floats(0, 1), min_size=1))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p_values):
    """Adjusted p-values lie between the p-value and twice that, and at most 1."""
    adjusted = permutation_tests.holm(p_values)

    assert list(adjusted) == list(p_values)
    assert all(p <= adjusted[name] <= min(1.0, max(2 * p, *p_values.values())) for name, p in p_values.items())
    ranked = sorted(p_values, key=p_values.get)
    assert [adjusted[name] for name in ranked] == sorted(adjusted.values())


@given(p_values=st.dictionaries(st.sampled_from(["rows", "columns"]), st.floats(0, 1), min_size=1))
def test_the_step_up_form_is_never_above_holm_and_lets_two_pass_at_the_level(p_values):
    """Both axes pass at the level itself; one alone needs half of it, as with Holm."""
    adjusted, holm = permutation_tests.hochberg(p_values), permutation_tests.holm(p_values)

    assert list(adjusted) == list(p_values)
    assert all(p <= adjusted[name] <= holm[name] for name, p in p_values.items())
    assert max(adjusted.values()) == max(p_values.values())


def test_cells_of_a_line_are_told_from_neighbours():
    """Lines that share an effect stand out under permuted cells, whatever their order."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 8, 8)) + rng.normal(size=(200, 8, 1))
    cells = correlations.cell_correlations(*correlations.standardise(X[:, None]))

    together = permutation_tests.compare_orders(cells, rng).together

    assert together["rows"][0] > 0.4
    assert together["rows"][1] <= 0.01 < together["columns"][1]
