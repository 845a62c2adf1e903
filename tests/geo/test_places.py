"""Coordinates by name or position, and distances on a plane and on the globe."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.metrics.pairwise import haversine_distances

from autoarch._data.coordinates import coordinate_columns, read_places
from autoarch._data.points import EARTH_RADIUS_KM, Places
from autoarch.exceptions import InputError, ParameterError

DEGREES = st.tuples(st.floats(-180, 360), st.floats(-90, 90))


@given(st.lists(DEGREES, min_size=2, max_size=8))
def test_distances_on_the_globe_agree_with_haversine(points):
    """Straight lines through the globe, turned into arcs, are great-circle distances."""
    places = Places(np.array(points), geographic=True)
    space = places.space
    straight = np.linalg.norm(space[:, None] - space[None], axis=-1)

    expected = EARTH_RADIUS_KM * haversine_distances(np.radians(np.array(points)[:, ::-1]))

    np.testing.assert_allclose(places.distance(straight), expected, atol=0.5)  # half a kilometre near the antipode


def test_the_date_line_and_a_pole_are_places_like_any_other():
    """Neighbours across them are near, to the right side."""
    places = Places(np.array([[179.9, 0.0], [0.0, 89.9]]), geographic=True)
    others = np.array([[[-179.9, 0.0]], [[180.0, 89.9]]])

    offsets = places.offsets(others)[:, 0]

    degree = np.pi * EARTH_RADIUS_KM / 180
    np.testing.assert_allclose(offsets, [[0.2 * degree, 0.0], [0.0, 0.2 * degree]], atol=1e-3)


@given(st.floats(0, 20_000))
def test_straight_undoes_distance(kilometres):
    """A radius on the map has a radius in space."""
    globe = Places(np.zeros((1, 2)), geographic=True)

    assert globe.distance(globe.straight(kilometres)) == pytest.approx(kilometres, abs=1e-6, rel=1e-6)


@pytest.mark.parametrize(
    ("coordinates", "expected"),
    [
        pytest.param(("x", "y"), (1, 2), id="names"),
        pytest.param((1, -1), (1, 2), id="positions"),
        pytest.param(("y", "x"), (2, 1), id="their-order-counts"),
    ],
)
def test_columns_are_named_or_counted(coordinates, expected):
    """Names and positions find the same columns."""
    assert coordinate_columns(pd.DataFrame({"a": [0], "x": [1], "y": [2]}), coordinates) == expected


@pytest.mark.parametrize("names", [("Latitude", "Longitude"), ("lat_deg", "lon_deg"), ("lat1", "lng1")])
@pytest.mark.parametrize("by_name", [True, False])
def test_latitude_first_is_understood_by_its_name(names, by_name):
    """Names that say which is which are put in order, and mean degrees, also where columns are counted."""
    table = pd.DataFrame([[52.5, 13.4]], columns=list(names))

    places = read_places(table, names if by_name else (0, 1))

    assert places.geographic
    np.testing.assert_array_equal(places.points, [[13.4, 52.5]])


@pytest.mark.parametrize(
    ("table", "coordinates", "message"),
    [
        pytest.param({"lon": [1.0], "lat": [95.0]}, ("lon", "lat"), "swapped", id="swapped"),
        pytest.param({"lon": [4e5], "lat": [5e6]}, ("lon", "lat"), "geographic=False", id="metres"),
        pytest.param({"lon": [400.0], "lat": [5.0]}, ("lon", "lat"), "0 to 360", id="longitude"),
        pytest.param({"x": [1.0, np.nan], "y": [1.0, 2.0]}, ("x", "y"), "missing in 1 of 2 rows", id="missing"),
        pytest.param({"x": [1.0, np.inf], "y": [1.0, 2.0]}, ("x", "y"), "infinite", id="infinite"),
        pytest.param({"x": ["a"], "y": [1.0]}, ("x", "y"), "holds no numbers", id="words"),
        pytest.param({"x": pd.to_datetime(["2020-01-01"]), "y": [1.0]}, ("x", "y"), "datetime64", id="dates"),
        pytest.param({"x": pd.array([1, None], "Int64"), "y": [1.0, 2]}, ("x", "y"), "missing in 1", id="nullable"),
        pytest.param({"x": [1e160], "y": [1.0]}, ("x", "y"), "larger units", id="huge"),
    ],
)
def test_impossible_places_are_refused(table, coordinates, message):
    """The error names the coordinate and says what to do."""
    with pytest.raises(InputError, match=message):
        read_places(pd.DataFrame(table), coordinates)


@pytest.mark.parametrize(
    ("coordinates", "message"),
    [
        pytest.param(("lon", "y"), "columns are 'x', 'y'", id="unknown"),
        pytest.param(("x", "x"), "twice", id="twice"),
        pytest.param("xy", "two columns", id="a-string"),
        pytest.param((0, 5), "from 0 to 1", id="position"),
    ],
)
def test_coordinates_must_be_two_columns(coordinates, message):
    """A parameter that names no pair of columns is refused."""
    with pytest.raises(ParameterError, match=message):
        read_places(pd.DataFrame({"x": [1.0], "y": [2.0]}), coordinates)


@pytest.mark.parametrize(
    "points",
    [
        pytest.param([[1e160, 0.0], [0.0, 1e160]], id="huge"),
        pytest.param([[np.nan, 0.0]], id="missing"),
        pytest.param([0.0, 1.0], id="one-axis"),
        pytest.param([[0.0, 1.0, 2.0]], id="three-coordinates"),
    ],
)
def test_places_are_pairs_of_numbers_that_can_be_measured(points):
    """Squares that overflow would crash the search for neighbours."""
    with pytest.raises(InputError):
        Places(np.array(points))


@pytest.mark.parametrize("kind", ["float32", "object", "str", "sparse", "list"])
def test_coordinates_come_in_many_types(kind):
    """Numbers are numbers, however a table stores them."""
    points = np.array([[1.5, 2.0], [0.0, 4.25], [3.0, 0.0]])
    given = {"sparse": csr_array, "list": np.ndarray.tolist}.get(kind, lambda array: pd.DataFrame(array).astype(kind))

    np.testing.assert_array_equal(read_places(given(points), (1, 0)).points, points[:, ::-1])
