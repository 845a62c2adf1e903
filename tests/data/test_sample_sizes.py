"""Samples that come one by one are stacked, padded or resized; the same sample alone and among others."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoarch import AutoArchClassifier
from autoarch._data.canonical import Canonicaliser
from autoarch._data.sample_sizes import resize
from autoarch.exceptions import InputError, InputTypeError

RNG = np.random.default_rng(0)
SERIES = [np.arange(float(length)) for length in (5, 8, 6)]
PICTURES = [RNG.normal(size=shape) for shape in ((6, 9), (8, 7), (7, 8))]


def objects(samples):
    """The samples in an array of objects."""
    out = np.empty(len(samples), dtype=object)
    out[:] = samples
    return out


@pytest.mark.parametrize("contain", [list, objects, pd.Series, lambda samples: pd.DataFrame({"cells": samples})])
def test_equal_samples_are_one_array_in_any_container(contain):
    """A list, an array of objects and a table of one column read as the array does."""
    X = RNG.normal(size=(4, 3, 5))
    np.testing.assert_array_equal(Canonicaliser().fit_transform(contain(list(X))), Canonicaliser().fit_transform(X))


@pytest.mark.parametrize("contain", [list, tuple, objects, lambda samples: pd.DataFrame({"cells": samples})])
def test_shorter_series_are_padded_with_missing_cells(contain):
    """To the longest; what is longer later is cut, and said so."""
    step = Canonicaliser().fit(contain(SERIES))
    values = step.transform(contain(SERIES))
    assert values.shape == (3, 8)
    assert np.isnan(values[0, 5:]).all()
    np.testing.assert_array_equal(values[2, :6], SERIES[2])
    assert "from 5 to 8 cells" in str(step.sizes_)
    with pytest.warns(UserWarning, match="1 of 2 samples are longer"):
        later = step.transform(contain([np.arange(11.0), np.arange(8.0)]))
    np.testing.assert_array_equal(later[0], later[1])


def test_pictures_of_different_sides_are_resized():
    """To the median sides; a sample is the same alone, and constant pictures stay what they are."""
    step = Canonicaliser()
    values = step.fit_transform(PICTURES)
    assert step.cell_shape_ == (7, 8)
    np.testing.assert_array_equal(step.transform(PICTURES[1:2]), values[1:2])
    assert np.allclose(step.transform([np.full((30, 3), 4.0)]), 4.0)
    assert "each was resized to 7 x 8" in str(step.sizes_)


def test_one_very_long_series_does_not_make_all_others_mostly_missing():
    """Then all are resized."""
    step = Canonicaliser().fit([np.arange(10.0)] * 9 + [np.arange(100.0)])
    assert step.cell_shape_ == (10,)


def test_letters_are_padded_too():
    """Sequences of letters of different lengths: what is not there is missing in all channels."""
    step = Canonicaliser()
    values = step.fit_transform([np.array(list(text)) for text in ("ACGTACGTA", "TTACGGACGTAC", "GGGACCATAC")])
    assert step.letters_.levels == tuple("ACGT")
    assert np.isnan(values.reshape(3, 4, 12)[0, :, 9:]).all()


@pytest.mark.parametrize(
    ("samples", "error", "words"),
    [
        ([np.zeros(3), np.zeros((3, 3))], InputTypeError, "as many axes"),
        ([np.zeros((1, 4, 4)), np.zeros((3, 4, 4))], InputError, "1 to 3 channels"),
        ([np.zeros(3), np.zeros(0)], InputError, "empty sample"),
    ],
)
def test_what_cannot_be_brought_to_one_size_is_refused(samples, error, words):
    """With what came and what was expected."""
    with pytest.raises(error, match=words):
        Canonicaliser().fit(samples)


def test_other_samples_than_those_of_fit_are_refused():
    """Of another size where fit had one; of other axes where fit had several."""
    with pytest.raises(InputTypeError, match="expected one shape, as in fit"):
        Canonicaliser().fit(list(np.zeros((3, 4, 4)))).transform([np.zeros((4, 4)), np.zeros((5, 4))])
    with pytest.raises(InputError, match="expected 1 axes"):
        Canonicaliser().fit(SERIES).transform([np.zeros((4, 4))])


@pytest.mark.usefixtures("probe_without_labels")
@pytest.mark.parametrize(
    "contain", [pd.Series, lambda rows: pd.DataFrame({"s": rows}), lambda rows: pd.DataFrame({"s": map(list, rows)})]
)
def test_a_search_reads_a_column_of_lines(contain):
    """The rows are looked at as those of the array are."""
    X = RNG.normal(size=(60, 12))
    once = {"time_budget": None, "n_trials": 1, "families": "linear", "random_state": 0, "verbose": 0}
    y = (X[:, 0] > 0).astype(int)
    model = AutoArchClassifier(**once).fit(contain(list(X)), y)
    np.testing.assert_array_equal(model.predict(contain(list(X))), AutoArchClassifier(**once).fit(X, y).predict(X))


def test_a_search_reads_samples_of_different_lengths():
    """From fit to predict, with a warning that says how."""
    X = [np.sin(np.arange(RNG.integers(20, 30)) / (2 + row % 2)) for row in range(40)]
    y = np.arange(40) % 2
    clf = AutoArchClassifier(time_budget=None, n_trials=1, families="linear", random_state=0)
    with pytest.warns(UserWarning, match="padded at the end with missing cells"):
        clf.fit(X, y)
    assert clf.score(X, y) > 0.9
    assert any("different sizes" in note for note in clf.locality_.notes)


@given(
    sample=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    slope=st.floats(-3, 3),
)
def test_resizing_stays_within_the_values_and_keeps_flips(sample, shape, slope):
    """No new extremes, and a mirrored picture becomes the mirrored result."""
    picture = np.add.outer(slope * np.arange(sample[0]), np.arange(sample[1]) ** 2.0)
    out = resize(picture, shape)
    assert out.shape == shape
    assert out.min() >= picture.min() - 1e-9
    assert out.max() <= picture.max() + 1e-9
    np.testing.assert_allclose(resize(picture[::-1, ::-1], shape), out[::-1, ::-1], atol=1e-9)
