"""Rows that are windows of longer records are detected whatever their level and scale, and other rows are not."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_sample_images
from sklearn.metrics import adjusted_rand_score

from autoarch import AutoArchClassifier
from autoarch._data.layout import Layout
from autoarch._data.overlaps import find_windows, independent_rows
from autoarch.datasets import load_digits_grid, make_textures
from autoarch.exceptions import AutoArchWarning


def _windows(n_records, length, width, stride, seed=0, channels=1):
    """Windows (n, channels * width) of random walks, in random order, and the record of each."""
    rng = np.random.default_rng(seed)
    records = np.cumsum(rng.normal(size=(n_records, channels, length)), axis=-1)
    cut = np.lib.stride_tricks.sliding_window_view(records, width, axis=-1)[:, :, ::stride]
    X = np.moveaxis(cut, 2, 1).reshape(-1, channels * width)
    record = np.repeat(np.arange(n_records), cut.shape[2])
    order = rng.permutation(len(X))
    return X[order], record[order]


def _moved_shapes():
    """The same shape in many places of an even ground, which is no longer record."""
    rng = np.random.default_rng(0)
    shape, X = rng.random((6, 6)), np.zeros((300, 16, 16))
    for row, (i, j) in zip(X, rng.integers(1, 9, (300, 2)), strict=True):
        row[i : i + 6, j : j + 6] = shape
    return X.reshape(300, -1)


def _curves(change=lambda X: X, seed=0):
    """Sines that differ in phase, in size and in level: two rows agree up to whole cells by chance."""
    rng = np.random.default_rng(seed)
    phase, size, level = rng.uniform(0, 7, (500, 1)), rng.lognormal(size=(500, 1)), rng.normal(size=(500, 1))
    return change(level + size * np.sin(2 * np.pi * np.arange(40) / 17 + phase))


@given(st.integers(2, 12), st.integers(20, 60), st.integers(1, 10), st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_windows_of_a_record_form_a_group(n_records, width, stride, seed):
    """Groups hold rows of one record at any stride; a record of more than a tenth of the rows may be cut."""
    X, record = _windows(n_records, 120, width, stride, seed)

    found = find_windows(X, Layout(1, width), seed=0)

    assert found.n_records == n_records
    assert found.share == 1
    for group in np.unique(found.groups):
        assert len(np.unique(record[found.groups == group])) == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda X: (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True), id="standardised"),
        pytest.param(lambda X: X / X[:, -1:], id="divided by the last value"),
        pytest.param(lambda X: X / X[:, :1] - 1, id="change against the first value"),
        pytest.param(lambda X: X - X.mean(axis=1, keepdims=True), id="without the mean"),
        pytest.param(lambda X: np.diff(X, axis=1), id="differenced"),
        pytest.param(lambda X: X.astype(np.float32), id="float32"),
        pytest.param(lambda X: np.round(X, 1), id="one decimal"),
    ],
)
@pytest.mark.parametrize("walk", [True, False], ids=["walk", "noise"])
def test_windows_are_found_whatever_was_done_to_each(change, walk):
    """Rows in any order, each with a level and a scale of its own; those that are apart cover the record once."""
    rng = np.random.default_rng(0)
    record = rng.normal(size=430)
    X = np.lib.stride_tricks.sliding_window_view(record.cumsum() if walk else record, 31)
    order = rng.permutation(len(X))
    X = change(X[order] + 100.0)

    found = find_windows(X, Layout(1, X.shape[1]), seed=0)

    assert found.share == 1
    assert found.n_records == 1
    assert np.diff(np.sort(order[found.apart])).min() >= X.shape[1]
    assert len(found.apart) >= 430 // 31 - 1


@pytest.mark.parametrize("layout", [Layout(12, 12), Layout(12, 12, channels=2)], ids=["grey", "two channels"])
def test_patches_of_noise_are_found_whatever_was_done_to_each(layout):
    """Each channel of each patch is standardised; patches that are apart share no cell of the picture."""
    rng = np.random.default_rng(0)
    picture = rng.normal(size=(layout.channels, 48, 48))
    corners = rng.integers(0, 36, (300, 2))
    X = np.array([picture[:, i : i + 12, j : j + 12] for i, j in corners])
    X = (X - X.mean(axis=(2, 3), keepdims=True)) / X.std(axis=(2, 3), keepdims=True)

    found = find_windows(X.reshape(300, -1), layout, seed=0)

    assert found.share > 0.95
    assert len(found.apart) >= 6
    for one, other in itertools.combinations(corners[found.apart], 2):
        assert np.abs(one - other).max() >= 12


def test_time_along_the_columns_and_sensors_of_different_scale():
    """Windows of (n, time, sensors), each sensor standardised by itself."""
    rng = np.random.default_rng(0)
    X = np.lib.stride_tricks.sliding_window_view(rng.normal(size=(400, 6)).cumsum(axis=0), 40, axis=0)[::5]
    X = (X - X.mean(axis=2, keepdims=True)) / X.std(axis=2, keepdims=True)

    found = find_windows(X.swapaxes(1, 2).reshape(len(X), -1), Layout(40, 6), seed=0)

    assert found.share == 1
    assert len(found.apart) == 10


def test_copies_of_windows_belong_to_their_record():
    """Copies neither hide the overlaps nor count as overlaps; of each set one may be among the rows that are apart."""
    X, record = _windows(3, 100, 30, 10)
    X, record = np.repeat(X, 6, axis=0), np.repeat(record, 6)

    found = find_windows(X, Layout(1, 30), seed=0)
    kept, sentence = independent_rows(X, Layout(1, 30), seed=0)

    assert found.n_records == 3
    assert all(len(np.unique(record[found.record == code])) == 1 for code in np.unique(found.record))
    assert len(kept) == 9
    assert sentence.startswith("120 of the 144 rows are copies of others and 100% of the rows are overlapping windows")


def test_a_few_codes_repeat_without_being_copies():
    """Equal rows of four columns of three levels are what chance gives."""
    X = np.random.default_rng(0).integers(0, 3, (500, 4)).astype(float)

    assert independent_rows(X, Layout(1, 4), seed=0) == (None, "")


def test_short_records_are_groups():
    """Twenty records of six windows each, of three sensors whose rows are lines of a grid."""
    X, record = _windows(20, 80, 30, 10, channels=3)

    found = find_windows(X, Layout(3, 30), seed=0)

    assert adjusted_rand_score(record, found.groups) == 1


def test_one_record_is_cut_into_neighbourhoods():
    """Rows of a group stand close to each other, and no group has more than a tenth of all rows."""
    series = np.cumsum(np.random.default_rng(0).normal(size=1_000))
    X = np.lib.stride_tricks.sliding_window_view(series, 40)
    order = np.random.default_rng(1).permutation(len(X))

    found = find_windows(X[order], Layout(1, 40), seed=0)

    assert found.n_records == 1
    assert np.bincount(found.groups).max() <= len(X) / 10
    for group in np.unique(found.groups):
        assert np.ptp(order[found.groups == group]) == np.sum(found.groups == group) - 1


def test_patches_of_two_photographs():
    """Patches in colour, shifted along both axes: no group holds patches of both photographs."""
    patches, photograph = [], []
    for number, image in enumerate(load_sample_images().images):
        for top in range(0, 120, 6):
            for left in range(0, 160, 6):
                patches.append(image[top : top + 12, left : left + 12].transpose(2, 0, 1).ravel().astype(float))
                photograph.append(number)
    photograph = np.array(photograph)

    found = find_windows(np.array(patches), Layout(12, 12, channels=3), seed=0)

    assert found.share > 0.9
    large = np.flatnonzero(np.bincount(found.groups) > 5)
    assert len(large) >= 10
    for group in large:
        assert len(np.unique(photograph[found.groups == group])) == 1


@pytest.mark.parametrize(
    ("X", "layout"),
    [
        (np.random.default_rng(0).normal(size=(400, 50)), Layout(1, 50)),
        (np.random.default_rng(0).integers(0, 4, size=(2_000, 60)).astype(float), Layout(1, 60)),
        (np.random.default_rng(0).integers(0, 2, size=(1_000, 144)).astype(float), Layout(12, 12)),
        (load_digits_grid()[0].reshape(-1, 64).astype(float), Layout(8, 8)),
        (load_digits_grid()[0].reshape(-1, 64).astype(float), Layout(1, 64)),
        (make_textures(300, (16, 16), random_state=0)[0].reshape(300, -1), Layout(16, 16)),
        (np.repeat(np.random.default_rng(0).normal(size=(40, 50)), 5, axis=0), Layout(1, 50)),
        (np.zeros((50, 64)), Layout(8, 8)),
        (np.full((50, 64), np.nan), Layout(8, 8)),
        (np.random.default_rng(0).normal(size=(50, 6)), Layout(1, 6)),
        (np.random.default_rng(0).normal(size=(50, 30)), None),
        (np.random.default_rng(0).integers(0, 10, size=(1_000, 40)) / 10, Layout(1, 40)),
        (np.random.default_rng(0).normal(size=(1_000, 40)).argsort(axis=1).astype(float), Layout(1, 40)),
        (np.random.default_rng(0).normal(size=(500, 2)) @ np.array([np.ones(40), np.arange(40.0)]), Layout(1, 40)),
        (np.exp(-np.arange(40.0) * np.random.default_rng(0).uniform(0.01, 0.3, (500, 1))), None),
        (_moved_shapes(), Layout(16, 16)),
        (_curves(), Layout(1, 40)),
        (_curves(lambda X: X.astype(np.float32)), Layout(1, 40)),
        (np.exp(-np.square(np.arange(40.0) - np.random.default_rng(0).uniform(10, 30, (500, 1))) / 32), Layout(1, 40)),
        (np.square(np.arange(40.0) - np.random.default_rng(0).uniform(0, 40, (500, 1))), Layout(1, 40)),
    ],
    ids=[
        *("noise", "four letters", "bits", "digits", "flat digits", "textures", "repeated rows"),
        *("constant", "missing", "short", "no layout", "one decimal", "ranks", "straight lines", "decay"),
        "one shape in many places",
        *("sines", "sines in single precision", "peaks", "parabolas"),
    ],
)
def test_other_rows_are_no_windows(X, layout):
    """Few values and constant background agree by chance; equal rows share their cells at the same place."""
    assert find_windows(X, layout, seed=0) is None


def test_folds_keep_records_together():
    """A warning names the records, and so does ``splits_``."""
    X, record = _windows(12, 80, 30, 5)

    with pytest.warns(AutoArchWarning, match="100% of the rows are overlapping windows of 12 longer records"):
        clf = AutoArchClassifier(None, n_trials=1, families="linear", random_state=0).fit(X, record % 2)

    assert clf.splits_.startswith("5 folds, whole groups")
    assert "12 longer records" in clf.splits_


@pytest.mark.parametrize("given", ["groups", "cv"])
def test_declared_groups_and_splitters_are_kept(given):
    """Groups and splitters are used as they are."""
    X, record = _windows(6, 80, 30, 5)
    cv, groups = (5, np.arange(len(X)) % 7) if given == "groups" else ([(np.arange(30), np.arange(30, 60))], None)

    clf = AutoArchClassifier(None, n_trials=1, families="linear", cv=cv, random_state=0, verbose=0)
    clf.fit(X, record % 2, groups=groups)

    assert "windows" not in clf.splits_
