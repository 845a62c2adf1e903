"""Regular lattices behind points: found where they are, and only there."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import lattice_points

from autoarch._data.points import Places
from autoarch.geo.lattice import find_lattice


@given(lattice_points())
def test_a_lattice_is_found_whatever_its_angle_steps_and_gaps(drawn):
    """Points are whole cells of it, and neighbours on the one are neighbours on the other."""
    cells, points, steps = drawn

    lattice = find_lattice(Places(points))

    assert lattice is not None
    np.testing.assert_allclose(sorted(lattice.steps), sorted(steps), rtol=1e-4)
    found = lattice.cells(points)
    np.testing.assert_allclose(found, np.round(found), atol=1e-3)
    whole = np.round(found)
    np.testing.assert_array_equal(
        np.abs(whole[:, None] - whole[None]).sum(axis=-1), np.abs(cells[:, None] - cells[None]).sum(axis=-1)
    )


@given(st.integers(10, 300), st.integers(0, 1000), st.sampled_from([None, 3]))
def test_scattered_points_are_no_lattice(n, seed, decimals):
    """Not even when their coordinates are rounded: the fine lattice that these lie on is nearly empty."""
    points = np.random.default_rng(seed).uniform(size=(n, 2))

    assert find_lattice(Places(points if decimals is None else points.round(decimals))) is None


def test_rounded_coordinates_of_a_lattice_still_are_one():
    """Thirds of a degree, written with two digits."""
    column, row = (part.ravel() for part in np.meshgrid(np.arange(40), np.arange(30)))

    lattice = find_lattice(Places(np.round(np.column_stack([column, row]) / 3, 2)))

    np.testing.assert_allclose(lattice.steps, 1 / 3, rtol=1e-3)


def test_columns_of_degrees_close_around_the_globe():
    """The first column is next to the last."""
    longitude, latitude = (part.ravel() for part in np.meshgrid(np.arange(-180, 180, 10.0), np.arange(-80, 81, 10.0)))

    lattice = find_lattice(Places(np.column_stack([longitude, latitude]), geographic=True))

    assert lattice.around == 36
    east, west = lattice.whole_cells(np.array([[-180.0, 0.0], [170.0, 0.0]]))
    assert (east - west)[0] % 36 == 1


def test_a_region_across_the_date_line_is_one_piece():
    """Longitudes are cut open where there are no points."""
    longitude, latitude = (part.ravel() for part in np.meshgrid(np.arange(176, 185) % 360, np.arange(5)))
    longitude = np.where(longitude > 180, longitude - 360, longitude)

    lattice = find_lattice(Places(np.column_stack([longitude, latitude]).astype(float), geographic=True))

    assert np.ptp(lattice.cells(np.column_stack([longitude, latitude]))[:, 0]) == pytest.approx(8)


@pytest.mark.parametrize(
    "points",
    [
        pytest.param(np.zeros((0, 2)), id="none"),
        pytest.param(np.zeros((20, 2)), id="one-place"),
        pytest.param(np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]]), id="a-handful"),
    ],
)
def test_few_places_are_no_lattice(points):
    """Chance would make one of them."""
    assert find_lattice(Places(points)) is None


def test_a_line_is_a_lattice_of_one_row():
    """One coordinate is constant."""
    x = np.arange(30.0)

    lattice = find_lattice(Places(np.column_stack([2 * x, 0 * x])))

    np.testing.assert_array_equal(lattice.whole_cells(np.column_stack([2 * x, 0 * x]))[:, 1], 0)
