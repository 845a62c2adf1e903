"""Scaled pictures of neighbourhoods, as nets take them."""

import numpy as np
import pytest

from autoarch.geo import pictures
from autoarch.geo.pictures import NeighborhoodPictures

rng = np.random.default_rng(0)
X = np.column_stack([rng.uniform(0, 5, size=(80, 2)), rng.normal(size=80), rng.integers(0, 3, 80)])
X[3, 2] = np.nan
Y = rng.normal(size=80)
STEP = {"coordinates": (0, 1), "target_lag": "regression", "categorical": (3,)}


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 1.7e9), (1e60, 0.0)])
def test_large_values_with_small_differences_are_told_apart(scale, shift):
    """Attributes and labels in any unit, from any zero, give the same pictures."""
    other = X.copy()
    other[:, 2] = scale * X[:, 2] + shift

    expected, found = (
        NeighborhoodPictures(**STEP).fit_transform(table, y) for table, y in ((X, Y), (other, scale * Y + shift))
    )

    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_channels_are_scaled_and_the_last_marks_the_unknown():
    """Means are 0, deviations 1; cells of which nothing is known hold zeros and a mark."""
    grid = NeighborhoodPictures(**STEP).fit_transform(X, Y)

    assert grid.shape == (80, 1 + 3 + 1 + 1, 9, 9)
    known = grid[:, -1] == 0
    assert 0 < known.mean() < 1
    assert (grid[:, :-1].transpose(0, 2, 3, 1)[~known] == 0).all()
    np.testing.assert_allclose([grid[:, 0][known].mean(), grid[:, 0][known].std()], [0.0, 1.0], atol=0.1)


def test_many_pictures_are_filled_when_they_are_taken(monkeypatch):
    """Pictures that do not fit into memory are the same, piece by piece."""
    whole = NeighborhoodPictures(**STEP).fit_transform(X, Y)
    monkeypatch.setattr(pictures, "_MOST_VALUES", 100)
    step = NeighborhoodPictures(**STEP)

    pieces = step.fit_transform(X, Y)

    assert not isinstance(pieces, np.ndarray)
    np.testing.assert_array_equal(pieces[[5, 2, 70]], whole[[5, 2, 70]])
    np.testing.assert_array_equal(step.transform(X)[np.arange(4)], whole[:4])
