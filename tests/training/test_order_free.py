"""Summaries without an order: what they ignore, what they keep, and that nothing upsets them."""

import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import SEEDS

from autoarch import Layout
from autoarch._training.order_free import SYMMETRIES, OrderFreeSummaries, n_summaries

SETS = [("exchangeable_rows",), ("exchangeable_columns",), ("exchangeable_rows", "exchangeable_columns")]


def summaries(grids, *symmetries):
    """Of grids (n, H, W), in double precision."""
    layout = Layout(*grids.shape[1:])
    return OrderFreeSummaries(layout, symmetries).fit_transform(grids.reshape(len(grids), -1))


def relations(rng, n, side):
    """Symmetric matrices."""
    values = rng.normal(size=(n, side, side))
    return values + values.transpose(0, 2, 1)


@given(st.integers(1, 9), st.integers(1, 9), SEEDS)
@settings(max_examples=15, deadline=None)
def test_the_order_of_exchangeable_lines_is_ignored(height, width, seed):
    """Each sample's own permutation changes nothing."""
    rng = np.random.default_rng(seed)
    grids = rng.normal(size=(4, height, width))
    rows = np.stack([grid[rng.permutation(height)] for grid in grids])
    columns = np.stack([grid[:, rng.permutation(width)] for grid in grids])

    for symmetries, changed in (SETS[0], rows), (SETS[1], columns):
        made = summaries(grids, *symmetries)
        assert np.isfinite(made).all()
        np.testing.assert_allclose(summaries(changed, *symmetries), made, atol=1e-7)


@given(st.integers(2, 12), SEEDS)
@settings(max_examples=15, deadline=None)
def test_the_names_of_the_things_in_a_relation_are_ignored(side, seed):
    """Rows and columns permuted together."""
    rng = np.random.default_rng(seed)
    grids = relations(rng, 3, side)
    order = rng.permutation(side)

    made = summaries(grids, "symmetric")

    assert np.isfinite(made).all()
    np.testing.assert_allclose(summaries(grids[:, order][:, :, order], "symmetric"), made, atol=1e-7)


def test_of_a_relation_both_spectra_are_among_them():
    """Eigenvalues of the matrix, by its side, and of its normalised Laplacian, less 1 and negated."""
    weights = np.abs(relations(np.random.default_rng(0), 2, 6))
    degrees = weights.sum(axis=2)
    laplacian = np.eye(6) - weights / np.sqrt(degrees[:, :, None] * degrees[:, None, :])

    made = summaries(weights, "symmetric")

    for values in (np.linalg.eigvalsh(weights) / 6, 1 - np.linalg.eigvalsh(laplacian)):
        assert all(np.isclose(row, value).any() for row, some in zip(made, values, strict=True) for value in some)
    for degree in degrees[0] / 6:
        assert np.isclose(made[0], degree).any()


def test_of_a_set_moments_and_correlations_of_its_places_are_among_them():
    """Over the rows, in the order of the columns."""
    grids = np.random.default_rng(0).normal(size=(3, 20, 4))

    made = summaries(grids, "exchangeable_rows")

    for grid, row in zip(grids, made, strict=True):
        expected = [*grid.mean(0), *grid.std(0), *grid.max(0), *np.median(grid, 0), *np.corrcoef(grid.T)[0, 1:]]
        assert all(np.isclose(row, value).any() for value in expected)


def test_transitivity_of_triangles_and_stars():
    """Every path over two links of a triangle is closed, none of a star."""
    triangle, star = np.zeros((2, 4, 4))
    triangle[:3, :3], star[0, 1:], star[1:, 0] = 1 - np.eye(3), 1, 1

    made = summaries(np.stack([triangle, star]), "symmetric")

    place = np.flatnonzero(np.isclose(made[0], 1.0) & np.isclose(made[1], 0.0))
    assert len(place)


@pytest.mark.parametrize("symmetries", [*SETS, ("symmetric",)])
@settings(max_examples=5, deadline=None)
@given(seed=SEEDS)
def test_a_row_is_summed_up_alone(symmetries, seed):
    """Bit for bit, whatever stands beside it, in any order."""
    rng = np.random.default_rng(seed)
    grids = relations(rng, 8, 7)
    grids[3, 2] = np.nan
    rows = rng.permutation(8)[:3]

    made = summaries(grids, *symmetries)

    np.testing.assert_array_equal(summaries(grids[rows], *symmetries), made[rows])
    np.testing.assert_array_equal(summaries(grids[rows[:1]], *symmetries), made[rows[:1]])


@pytest.mark.parametrize("unit", [1e-300, 1e-30, 1e30, 1e300])
@pytest.mark.parametrize("symmetries", [*SETS, ("symmetric",)])
def test_no_unit_is_too_small_or_too_large(symmetries, unit):
    """Summaries carry the unit of the cells, or none."""
    grids = relations(np.random.default_rng(0), 5, 6) / 100

    made, scaled = summaries(grids, *symmetries), summaries(grids * unit, *symmetries)

    same, times = np.isclose(scaled, made, rtol=1e-6), np.isclose(scaled / unit, made, rtol=1e-6)
    assert (same | times).all() and np.isfinite(scaled).all()


@pytest.mark.parametrize("symmetries", [*SETS, ("symmetric",)])
def test_what_is_missing_or_constant_upsets_nothing(symmetries):
    """No warning, and nothing missing but where nothing is known; constant cells do not correlate by rounding."""
    grids = relations(np.random.default_rng(0), 5, 6)
    grids[0], grids[1, 2], grids[1, :, 2], grids[2], grids[3] = np.nan, np.nan, np.nan, 0.1, 0.0

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = summaries(grids, *symmetries)

    assert np.isfinite(made[2:]).all()
    assert np.isnan(made[0]).any() and np.isfinite(made[1]).mean() > 0.7
    assert np.abs(made[2]).max() < 1.5


def test_a_padded_bag_counts_the_lines_that_it_has():
    """Mean and greatest value of a place over those."""
    bag = np.array([[1.0, 10.0], [3.0, 30.0], [np.nan, np.nan]])[None]

    made = summaries(bag, "exchangeable_rows")

    assert all(np.isclose(made[0], value).any() for value in (2.0, 20.0, 3.0, 30.0))


@given(st.integers(1, 2), st.integers(1, 40), st.integers(1, 40), st.sampled_from([*SETS, ("symmetric",)]))
@settings(max_examples=15, deadline=None)
def test_columns_beside_the_grid_and_cells_stay_on_demand(channels, height, width, symmetries):
    """An id in front of the grid is kept; the number of summaries is known beforehand, and bounded."""
    n_cells = channels * height * width
    layout = Layout(height, width, channels=channels, order=tuple(range(1, n_cells + 1)), n_columns=n_cells + 1)
    X = np.random.default_rng(0).normal(size=(2, n_cells + 1)).astype(np.float32)

    made, both = (OrderFreeSummaries(layout, symmetries, keep).fit_transform(X) for keep in (False, True))

    np.testing.assert_array_equal(made[:, 0], X[:, 0])
    np.testing.assert_array_equal(both, np.concatenate([X, made[:, 1:]], axis=1))
    assert made.dtype == X.dtype
    assert made.shape[1] == n_summaries(layout, symmetries) + 1 <= 1_000 * channels


def test_it_is_saved_with_its_parameters():
    """Through pickle."""
    X = np.random.default_rng(0).normal(size=(3, 16))
    step = OrderFreeSummaries(Layout(4, 4), SYMMETRIES).fit(X)

    np.testing.assert_array_equal(pickle.loads(pickle.dumps(step)).transform(X), step.transform(X))
