"""Columns of a table that are coordinates, and names that sound like it."""

import numpy as np
import pandas as pd
import pytest

from autoarch._data.canonical import Canonicaliser
from autoarch._data.coordinates import resembles_coordinates
from autoarch.exceptions import InputError

N = 30


def table(**columns):
    return pd.DataFrame({"kind": ["a", "b", "c"] * 10, "same": [1.0] * N, **columns})


def test_columns_are_found_behind_those_that_were_dropped():
    """A constant column is gone from the matrix; the coordinates are where they have moved."""
    X = table(when=pd.date_range("2020", periods=N), lon=np.linspace(0, 1, N), lat=np.linspace(5, 6, N))
    canonical = Canonicaliser(coordinates=("lon", "lat"))
    values = canonical.fit_transform(X)

    np.testing.assert_allclose(canonical.map_columns_.places(values).points, X[["lon", "lat"]].to_numpy())
    assert canonical.layout_ is None


@pytest.mark.parametrize(
    ("X", "coordinates", "message"),
    [
        pytest.param(np.ones((9, 2)), (0, 1), "same in all 9 rows", id="one-place"),
        pytest.param(np.random.default_rng(0).normal(size=(9, 4, 4)), (0, 1), "one row per place", id="a-grid"),
        pytest.param(table(x=range(N), y=range(N)), ("x", "same"), "is 1 in all rows", id="a-constant"),
    ],
)
def test_what_is_no_map_is_refused(X, coordinates, message):
    """The error says what is wrong with the coordinates."""
    with pytest.raises(InputError, match=message):
        Canonicaliser(coordinates=coordinates).fit(X)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(("Latitude", "Longitude"), ("Longitude", "Latitude"), id="degrees"),
        pytest.param(("x", "y"), ("x", "y"), id="a-plane"),
        pytest.param(("UTM_x", "UTM_y"), ("UTM_x", "UTM_y"), id="utm"),
        pytest.param(("width", "height"), None, id="others"),
    ],
)
def test_names_sound_like_coordinates(names, expected):
    """Upper case, underscores and the order do not matter."""
    X = pd.DataFrame(np.random.default_rng(0).uniform(size=(N, 2)), columns=names)
    assert resembles_coordinates(X) == expected


def test_few_values_are_no_coordinates():
    """A flag that is called x is a flag."""
    assert resembles_coordinates(pd.DataFrame({"x": [0, 1] * 15, "y": [0, 1] * 15})) is None
