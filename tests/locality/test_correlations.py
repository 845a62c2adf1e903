"""The neighbour statistics: agreement with their definitions, and what must leave them alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoarch._statistics import correlations
from autoarch.datasets import load_digits_grid, make_alternating_texture, make_textures
from autoarch.locality.correlogram import moran_and_geary


def _measure(X):
    """Lag R2, Moran's I and Geary's C of an array (n, H, W) or (n, C, H, W)."""
    scaled, active = correlations.standardise(X if X.ndim == 4 else X[:, None])
    return correlations.lag_r2(correlations.cell_correlations(scaled, active)), *moran_and_geary(scaled)


@settings(max_examples=20)
@given(scale=st.floats(0.01, 100), shift=st.floats(-50, 50), negative=st.booleans())
def test_statistics_ignore_units(scale, shift, negative):
    """Multiplying every value by a number other than zero and adding another changes nothing."""
    X = make_textures(40, (6, 7), random_state=0)[0].astype(float)

    changed = _measure((-scale if negative else scale) * X + shift)

    np.testing.assert_allclose(changed, _measure(X), atol=1e-4)


def test_transposing_the_grid_swaps_the_axes():
    """Rows become columns: the statistics of the whole stay, those of the axes change places."""
    X = np.random.default_rng(1).normal(size=(80, 1, 7, 9)).cumsum(axis=3)
    scaled, active = correlations.standardise(X)
    turned, turned_active = correlations.standardise(X.swapaxes(2, 3))

    np.testing.assert_allclose(_measure(X), _measure(X.swapaxes(2, 3)), atol=1e-5)
    np.testing.assert_allclose(
        correlations.line_correlations(scaled.swapaxes(2, 3), active.swapaxes(1, 2))[1],
        correlations.line_correlations(turned, turned_active)[1],
        atol=1e-5,
    )


def test_correlations_are_those_of_numpy():
    """The matrix of all cells agrees with ``np.corrcoef``, and the one along rows with its mean over rows."""
    X = np.random.default_rng(2).normal(size=(60, 1, 3, 4)).cumsum(axis=3)
    expected = np.corrcoef(X.reshape(60, -1), rowvar=False)
    scaled, active = correlations.standardise(X)

    cells = correlations.cell_correlations(scaled, active)
    signed, unsigned = correlations.line_correlations(scaled, active)

    np.testing.assert_allclose(cells.signed, expected, atol=1e-5)
    blocks = np.stack([expected[4 * row : 4 * row + 4, 4 * row : 4 * row + 4] for row in range(3)])
    np.testing.assert_allclose(signed, blocks.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(unsigned, np.abs(blocks).mean(axis=0), atol=1e-5)


def test_channels_are_compared_with_themselves_only():
    """Independent channels over the same smooth field structure do not dilute each other."""
    one, other = (make_textures(100, (8, 8), random_state=seed)[0] for seed in (0, 1))

    both = _measure(np.stack([one, other], axis=1))

    assert both == pytest.approx(np.mean([_measure(one), _measure(other)], axis=0), abs=0.05)


def test_lag_r2_is_high_for_stationary_fields_and_low_for_shuffled_ones():
    """Textures look alike at every cell; digits only in part; noise has no structure to explain."""
    digits = load_digits_grid()[0]
    noise = np.random.default_rng(0).normal(size=(100, 8, 8))

    assert _measure(make_textures(200, (12, 12), random_state=0)[0])[0] > 0.9
    assert 0.3 < _measure(digits[:1000])[0] < 0.5
    assert abs(_measure(noise)[0]) < 0.1


def test_lag_r2_hardly_depends_on_the_number_of_rows():
    """Sampling noise is taken out: 60 rows say about the same as 1,000."""
    digits = load_digits_grid()[0]

    assert _measure(digits[:60])[0] == pytest.approx(_measure(digits[:1000])[0], abs=0.08)


def test_alternation_is_invisible_to_morans_i_and_plain_to_sizes():
    """Neighbours of opposite sign are dependent: the size of their correlation says so."""
    X, _ = make_alternating_texture(150, (8, 8), random_state=0)
    scaled, active = correlations.standardise(X[:, None])
    signed, unsigned = correlations.line_correlations(scaled, active)

    assert moran_and_geary(scaled)[0] < 0 < 1 < moran_and_geary(scaled)[1]
    assert correlations.lag_means(signed)[0] < -0.4
    assert correlations.lag_means(unsigned)[0] > 0.4


@pytest.mark.parametrize(
    "X",
    [
        pytest.param(np.ones((10, 1, 4, 4)), id="constant"),
        pytest.param(np.full((10, 1, 4, 4), np.nan), id="missing"),
        pytest.param(np.random.default_rng(0).normal(size=(10, 1, 4, 4)) * 1e300, id="huge"),
        pytest.param(np.random.default_rng(0).normal(size=(10, 1, 4, 4)) * 1e-300, id="tiny"),
        pytest.param(np.arange(160, dtype=np.float32).reshape(10, 1, 4, 4) + 1e30, id="float32-extreme"),
        pytest.param(np.random.default_rng(0).normal(size=(3, 1, 1, 1)), id="one-cell"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_odd_values_give_finite_numbers_without_warnings(X):
    """Nothing overflows, nothing divides by zero."""
    scaled, active = correlations.standardise(X)

    assert np.isfinite(scaled).all()
    assert np.isfinite(_measure(X)).all()
    assert all(np.isfinite(part).all() for part in correlations.line_correlations(scaled, active))


def test_missing_cells_are_left_out_of_mean_and_spread():
    """A column standardises to the same observed values whether or not others of its values are missing."""
    column = np.array([1.0, 2.0, 4.0, np.nan, np.nan]).reshape(5, 1, 1, 1)

    scaled, _ = correlations.standardise(column)

    np.testing.assert_allclose(scaled[:3], correlations.standardise(column[:3])[0], atol=1e-6)
    assert scaled[3:].tolist() == [[[[0.0]]], [[[0.0]]]]


@pytest.mark.parametrize("shape", [(64, 64), (1, 5000), (3000, 2), (7, 900)])
def test_large_grids_are_read_in_tiles(shape):
    """The matrix of all pairs stays small, and every tile keeps neighbours together."""
    usable = np.ones(shape, dtype=bool)

    kept = correlations._tiles(usable)

    assert 1_000 <= kept.sum() <= correlations.MAX_CELLS
    longer = kept if shape[1] > 1 else kept.T
    assert (longer[:, 1:] & longer[:, :-1]).sum() > 0.4 * kept.sum()


def test_tiles_leave_empty_corners_aside():
    """A grid whose left half is constant is read on the right."""
    usable = np.ones((80, 80), dtype=bool)
    usable[:, :40] = False

    assert correlations._tiles(usable).sum() > 1_000
