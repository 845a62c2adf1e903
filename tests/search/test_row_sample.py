"""Large X: a sample of the rows is fitted, predictions come block by block, and nothing is converted as a whole."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.model_selection import KFold

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch._data.containers import is_sliced, take_rows, to_plain
from autoarch._search import row_sample
from autoarch._search.row_sample import GivenRows, blocks_of, rows_to_read
from autoarch.exceptions import AutoArchWarning, InputError

pytestmark = pytest.mark.usefixtures("probe_without_labels")

N, MOST = 600, 200
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 5)).astype(np.float32)
Y = np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)]
QUICK = {"time_budget": None, "n_trials": 1, "families": "linear", "random_state": 0}


class Sliced:
    """An array on the disk, as zarr and h5py have it: a shape, a type, and slices of rows."""

    def __init__(self, values, chunks=None):
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.largest = 0
        if chunks:
            self.chunks = chunks

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        part = self.values[rows]
        self.largest = max(self.largest, len(part))
        return part.copy()

    def __array__(self, *args, **kwargs):
        raise AssertionError("it must not be converted as a whole")


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
    """Data of a test are as large as a search holds three times."""
    monkeypatch.setattr(row_sample, "MOST_VALUES", 5 * MOST)
    monkeypatch.setattr(row_sample, "_FEWEST_ROWS", 10)
    monkeypatch.setattr(row_sample, "_PREDICTED_VALUES", 500)


def read(y, n):
    """As the classifier reads y."""
    return AutoArchClassifier()._read_target(y, n)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((MOST, 5), None), ((MOST + 1, 5), MOST), ((900, 2, 10), 50), ((30, 9_000), 10), ((10, 9_000), None)],
)
def test_rows_are_as_many_as_the_values_allow(shape, expected):
    """All where they fit, a few in any case."""
    assert rows_to_read(np.broadcast_to(0.0, shape)) == expected
    assert rows_to_read([[0.0]]) is None


def test_a_sample_keeps_every_class_and_what_belongs_to_its_rows():
    """Rare classes have two rows; weights, groups and the user's own splits are those of the rows taken."""
    y = np.array(["common"] * (N - 2) + ["rare"] * 2)
    groups, weight = np.arange(N) // 2, np.arange(N) + 1.0

    sample = GivenRows(X, y, weight, groups, KFold(3)).sampled(read, "classification")

    rows = (sample.sample_weight - 1).astype(int)
    assert len(rows) == MOST
    np.testing.assert_array_equal(sample.X, X[rows])
    np.testing.assert_array_equal(sample.y, y[rows])
    np.testing.assert_array_equal(sample.groups, groups[rows])
    assert (sample.y == "rare").sum() == 2
    assert [rows[valid].max() < end for (_, valid), end in zip(sample.cv, (200, 400, 600), strict=True)] == [True] * 3
    assert sorted(np.concatenate([valid for _, valid in sample.cv])) == list(range(MOST))


def test_weights_of_another_length_are_refused():
    """Before any row is taken."""
    with pytest.raises(InputError, match=r"expected \(600,\)"):
        AutoArchClassifier(**QUICK).fit(X, Y, sample_weight=np.ones(N - 1))
    with pytest.raises(InputError, match="inconsistent numbers of samples"):
        AutoArchClassifier(**QUICK).fit(X, Y[:-1])


def test_it_is_said_that_rows_were_sampled():
    """By a warning, and in the attributes."""
    with pytest.warns(AutoArchWarning, match="a random sample of 200 of the 600 rows"):
        model = AutoArchClassifier(**QUICK).fit(X, Y)
    assert "a random sample of 200 of the 600 rows" in model.fitted_on_
    assert "a random sample of 200 of the 600 rows" in model.splits_


@pytest.mark.parametrize("chunks", [None, (7, 5)])
def test_what_is_sliced_is_never_read_as_a_whole(chunks, monkeypatch):
    """The model is that of the array, whatever the chunks; no block is larger than it may be."""
    monkeypatch.setattr("autoarch._data.containers._BLOCK_BYTES", 10 * 5 * 4)
    whole, stored = AutoArchClassifier(**QUICK, verbose=0).fit(X, Y), Sliced(X, chunks)
    model = AutoArchClassifier(**QUICK, verbose=0).fit(stored, Y)
    np.testing.assert_array_equal(model.predict_proba(stored), whole.predict_proba(X))
    assert stored.largest <= 10


def test_rows_of_what_is_sliced_come_in_the_order_asked_for():
    """Sorted or not; tables, frames and arrays of numpy are not taken for such."""
    rows = np.array([5, 3, 3, 599, 0])
    np.testing.assert_array_equal(take_rows(Sliced(X), rows), X[rows])
    np.testing.assert_array_equal(to_plain(Sliced(X)), X)
    assert not any(map(is_sliced, (X, pd.DataFrame(X), pd.Series(X[:, 0]), [1.0], np.ma.masked_array(X))))


@pytest.mark.parametrize("kind", [AutoArchClassifier, AutoArchRegressor])
def test_blocks_predict_what_all_rows_do(kind, monkeypatch):
    """In labels, probabilities and numbers, for arrays and frames."""
    frame = pd.DataFrame(X, columns=list("abcde")).assign(kind=pd.Categorical(RNG.choice(["u", "v"], N)))
    model = kind(**QUICK, verbose=0).fit(frame, Y if kind is AutoArchClassifier else X[:, 0])
    assert len(blocks_of(frame, 2)) > 5 < len(blocks_of(frame, 250))
    methods = ["predict", *(["predict_proba"] if kind is AutoArchClassifier else [])]
    parts = [getattr(model, method)(frame) for method in methods]
    monkeypatch.setattr(row_sample, "_PREDICTED_VALUES", 10**9)
    for method, part in zip(methods, parts, strict=True):
        whole = getattr(model, method)(frame)
        assert (whole == part).all() if part.dtype.kind == "U" else np.allclose(whole, part, rtol=1e-6)


def test_a_block_says_where_an_error_is_and_warns_once():
    """Names are the matter of the first block, values of each."""
    model = AutoArchClassifier(**QUICK, verbose=0).fit(pd.DataFrame(X, columns=list("abcde")), Y)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.predict(X)
    assert sum("valid feature names" in str(warning.message) for warning in caught) == 1
    bad = X.copy()
    bad[333, 2] = np.inf
    with pytest.raises(InputError, match=r"begins with row 300 of X.*row 33, column 2"):
        model.predict(pd.DataFrame(bad, columns=list("abcde")))


@pytest.mark.parametrize("kind", [sparse.coo_array, sparse.csc_matrix, sparse.csr_array, np.ma.masked_array])
def test_blocks_of_any_container_are_those_of_the_array(kind):
    """Matrices without rows to take are brought to what has them."""
    model = AutoArchClassifier(**QUICK, verbose=0).fit(X, Y)
    np.testing.assert_array_equal(model.predict(kind(X)), model.predict(X))


@pytest.mark.parametrize(
    "endless", [lambda: np.broadcast_to(np.float32(0), (10**12, 5)), lambda: sparse.coo_array((10**12, 5))]
)
def test_rows_that_no_memory_holds_are_refused(endless):
    """By their number, for a sample and for predictions."""
    model = AutoArchClassifier(**QUICK, verbose=0).fit(X, Y)
    for call in (model.predict, lambda rows: model.fit(rows, Y)):
        with pytest.raises(InputError, match=r"GiB of memory are free|inconsistent numbers"):
            call(endless())


def test_tables_of_pyarrow_are_read_like_frames():
    """Columns of numbers and of categories, as X, and an array as y."""
    pyarrow = pytest.importorskip("pyarrow")
    frame = pd.DataFrame(X, columns=list("abcde")).assign(kind=pd.Categorical(RNG.choice(["u", "v"], N)))
    table = pyarrow.Table.from_pandas(frame)
    model = AutoArchClassifier(**QUICK, verbose=0).fit(table, pyarrow.array(Y))
    same = AutoArchClassifier(**QUICK, verbose=0).fit(frame, Y)
    np.testing.assert_array_equal(model.predict_proba(table), same.predict_proba(frame))


def test_a_saved_estimator_holds_no_rows():
    """Whatever the family, but for those that predict from rows."""
    some = RNG.normal(size=(60, 36)).astype(np.float32)
    for family in ("linear", "tree", "kernels"):
        settings = {**QUICK, "families": family, "layout": (6, 6), "verbose": 0}
        saved = pickle.dumps(AutoArchClassifier(**settings).fit(some[:25], some[:25, 0] > 0))
        for row in (some[3], some[3].astype(np.float64)):
            assert row.tobytes() not in saved
            assert row[:8].tobytes() not in saved
