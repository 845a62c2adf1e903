"""Numbers and labels at points, read as one matrix."""

import numpy as np
import pandas as pd
import pytest

from autoarch.exceptions import InputError
from autoarch.geo.values import read_attributes, read_values


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        pytest.param(["a", "b", None, "a"] * 5, True, id="words"),
        pytest.param([True, False] * 10, True, id="truth-values"),
        pytest.param([0, 1, 2, 3] * 5, True, id="codes"),
        pytest.param([0.0, 1.0, np.nan, 1.0] * 5, True, id="whole-floats"),
        pytest.param(np.arange(20), False, id="counts"),
        pytest.param(np.linspace(0, 1, 20), False, id="numbers"),
        pytest.param(pd.Series([1.5, None] * 10, dtype="Float64"), False, id="nullable"),
        pytest.param(pd.Series(["x", "y"] * 10, dtype="category"), True, id="category"),
        pytest.param(np.eye(20)[:, :3], False, id="several-columns"),
    ],
)
def test_labels_are_told_from_numbers(values, labels):
    """Words, truth values and few whole numbers are classes; missing values are marked."""
    read = read_values(values, 20)

    assert (read.codes is not None) == labels
    assert np.isnan(read.matrix).any(axis=1).tolist() == (~read.present).tolist()
    if labels:
        assert (read.matrix[read.present].sum(axis=1) == 1).all()


def test_words_are_no_numbers_where_numbers_are_asked_for():
    """The error names what holds them."""
    with pytest.raises(InputError, match="y holds no numbers"):
        read_values(["a", "b"], 2, labels=False, name="y")


def test_attributes_are_the_numbers_beside_the_coordinates():
    """At variance 1, gaps at the mean; constant and empty columns and words are no attributes."""
    table = pd.DataFrame({"lon": [0.0, 1, 2, 3], "a": [1.0, 5, np.nan, 3], "lat": 1.0, "b": "x", "c": 2, "d": np.nan})

    read = read_attributes(table, (0, 2))

    np.testing.assert_allclose(read.matrix[:, 0], np.array([-2, 2, 0, 0]) / np.sqrt(2))
    assert read.matrix.shape == (4, 1)
    assert read_attributes(table[["lon", "lat"]], (0, 1)) is None
