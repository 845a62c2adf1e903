"""Canonicaliser: any accepted X becomes one float matrix and a layout."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from scipy import sparse
from scipy.ndimage import gaussian_filter
from sklearn import config_context
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks
from strategies import arrays, tables

from autoarch import Layout
from autoarch._data import containers
from autoarch._data.canonical import Canonicaliser
from autoarch.datasets import load_digits_grid
from autoarch.exceptions import AutoArchWarning, InputError, InputTypeError, LayoutError, ParameterError

RNG = np.random.default_rng(0)
FLAT = RNG.integers(-99, 99, size=(6, 4)) / 4  # exact in every type, also when spelled


@parametrize_with_checks([Canonicaliser()])
def test_it_is_a_scikit_learn_transformer(estimator, check):
    """It passes scikit-learn's own checks."""
    check(estimator)


def test_the_output_is_an_array_whatever_the_configuration():
    """The models behind it read arrays, also where scikit-learn is told to pass frames along."""
    with config_context(transform_output="pandas"):
        assert type(Canonicaliser().fit_transform(FLAT)) is np.ndarray


# ---- arrays


@given(X=arrays())
def test_any_array_becomes_a_float_matrix_of_its_values(X):
    """One row per sample, in C order, equal to the input as far as the output's type can hold it."""
    given_X = X.copy(order="K")

    canonical = Canonicaliser(layout=None).fit(X)
    values = canonical.transform(X)

    assert values.shape == (len(X), X[0].size)
    assert values.flags.c_contiguous
    assert values.dtype == canonical.dtype_
    np.testing.assert_array_equal(values, X.reshape(len(X), -1).astype(values.dtype))
    np.testing.assert_array_equal(X, given_X)
    assert canonical.n_features_in_ == X.shape[1]
    assert canonical.cell_shape_ == X.shape[1:]
    assert canonical.has_missing_ == np.isnan(X.astype(np.float64)).any()
    assert len(canonical.feature_names_out_) == values.shape[1]


@given(X=arrays())
def test_canonicalising_twice_changes_nothing(X):
    """A canonical matrix is its own canonical form."""
    values = Canonicaliser(layout=None).fit_transform(X)

    again = Canonicaliser().fit_transform(values)

    assert again.dtype == values.dtype
    np.testing.assert_array_equal(again, values)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        *[(t, "float32") for t in ("bool", "int8", "uint8", "int16", "uint16", "float16", "float32")],
        *[(t, "float64") for t in ("int32", "uint32", "int64", "uint64", "float64", "longdouble", "object")],
    ],
)
def test_flat_columns_are_float32_only_where_that_is_exact(dtype, expected):
    """Half the memory, but never at the cost of a digit."""
    assert Canonicaliser().fit_transform(np.eye(3).astype(dtype)).dtype == expected


@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_grids_are_float32(dtype):
    """Pictures feed nets, which compute in float32."""
    assert Canonicaliser().fit_transform(np.ones((2, 3, 3), dtype)).dtype == np.float32


def test_the_type_of_the_output_is_settled_in_fit():
    """A model sees the type that it was trained on, whatever the type of new rows."""
    wide, narrow = Canonicaliser().fit(FLAT), Canonicaliser().fit(FLAT.astype(np.float32))

    assert wide.transform(FLAT.astype(np.float32)).dtype == np.float64
    assert narrow.transform(FLAT).dtype == np.float32


@pytest.mark.parametrize(
    ("shape", "layout", "channels", "expected", "kind"),
    [
        pytest.param((5, 6), "auto", "first", Layout(1, 6, origin="shape"), "flat", id="flat-is-a-line"),
        pytest.param((5, 6), (2, 3), "first", Layout(2, 3), "flat", id="flat-declared"),
        pytest.param((5, 12), (2, 2, 3), "first", Layout(2, 3, 2), "flat", id="flat-declared-channels"),
        pytest.param((5, 6), Layout(3, 2), "first", Layout(3, 2), "flat", id="a-Layout-itself"),
        pytest.param((5, 6), None, "first", None, "flat", id="flat-none"),
        pytest.param((5, 4, 3), "auto", "first", Layout(4, 3, origin="shape"), "grid", id="matrices"),
        pytest.param((5, 4, 3), (2, 2, 3), "first", Layout(2, 3, 2), "grid", id="matrices-reshaped"),
        pytest.param((5, 4, 3), None, "first", None, "grid", id="matrices-none"),
        pytest.param((5, 2, 4, 3), "auto", "first", Layout(4, 3, 2, origin="shape"), "grid", id="channels-first"),
        pytest.param((5, 4, 3, 2), "auto", "last", Layout(4, 3, 2, origin="shape"), "grid", id="channels-last"),
        pytest.param((5, 8, 5, 3), (8, 5, 3), "first", Layout(5, 3, 8), "grid", id="really-8-channels"),
    ],
)
def test_the_layout_comes_from_the_shape_or_the_user(shape, layout, channels, expected, kind):
    """The shape of X decides, unless a layout is declared."""
    canonical = Canonicaliser(layout=layout, channels=channels).fit(np.zeros(shape))

    assert canonical.layout_ == expected
    assert canonical.kind_ == kind


def test_channels_last_moves_the_channels_to_the_front():
    """Both conventions give the same matrix."""
    X = RNG.normal(size=(3, 2, 4, 5))

    first = Canonicaliser().fit_transform(X)
    last = Canonicaliser(channels="last").fit_transform(np.moveaxis(X, 1, -1))

    np.testing.assert_array_equal(first, last)


@pytest.mark.parametrize("layout", [(2, 3), (4, 4), (3, 2, 2)])
def test_a_layout_of_other_cells_is_refused(layout):
    """Neither flat nor shaped input is bent to a layout that does not fit."""
    for X in (np.zeros((5, 8)), np.zeros((5, 2, 4))):
        with pytest.raises(LayoutError, match="has 8 columns"):
            Canonicaliser(layout=layout).fit(X)


def test_what_looks_like_channels_last_is_not_guessed():
    """The message names the parameter that says so."""
    with pytest.raises(LayoutError, match='channels="last"'):
        Canonicaliser().fit(np.zeros((4, 8, 8, 3)))


@pytest.mark.parametrize("bands", [5, 12, 15])
def test_equal_sides_in_front_look_like_channels_last_whatever_the_number_of_bands(bands):
    """Noise says nothing about the channels, the shape does; a declared layout is an answer."""
    X = RNG.normal(size=(40, 16, 16, bands))

    with pytest.raises(LayoutError, match='channels="last"'):
        Canonicaliser().fit(X)
    assert Canonicaliser(layout=(16, 16, bands)).fit(X).layout_ == Layout(16, bands, 16)
    assert Canonicaliser(channels="last").fit(X).layout_ == Layout(16, 16, bands, origin="shape")


def test_values_tell_channels_first_from_last():
    """Smooth sides that are read as channels are warned of; smooth pictures in 16 channels are read without a word."""
    smooth = gaussian_filter(RNG.normal(size=(60, 18, 20, 24)), (0, 1.2, 1.2, 0))
    first = gaussian_filter(RNG.normal(size=(60, 16, 16, 12)), (0, 0, 1.2, 1.2))

    with pytest.warns(AutoArchWarning, match='pass channels="last"'):
        Canonicaliser().fit(smooth)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Canonicaliser().fit(first).layout_ == Layout(16, 12, 16, origin="shape")
        Canonicaliser(channels="last").fit(smooth)


def _letters(kind):
    codes = RNG.integers(0, 4, (50, 12))
    array = np.array(list("ACGT"))[codes]
    frame = pd.DataFrame(array, columns=[f"p{i}" for i in range(12)])
    return codes, {"array": array, "objects": array.astype(object), "lists": array.tolist(), "frame": frame}[kind]


@pytest.mark.parametrize("kind", ["array", "objects", "lists", "frame"])
@pytest.mark.parametrize("layout", ["auto", (3, 4)])
def test_cells_of_letters_become_a_channel_for_each(kind, layout):
    """One channel of 0 and 1 for each letter, on the cells as declared or on one line."""
    codes, X = _letters(kind)

    canonical = Canonicaliser(layout=layout)
    values = canonical.fit_transform(X)

    sides = (1, 12) if layout == "auto" else layout
    assert canonical.layout_.shape == (4, *sides)
    np.testing.assert_array_equal(values.reshape(50, 4, 12), np.eye(4)[codes].transpose(0, 2, 1))
    np.testing.assert_array_equal(canonical.transform(X), values)
    assert canonical.feature_names_out_[12] == ("p0=C" if kind == "frame" else "x0=C")
    assert [list(block) for block in canonical.blocks_[:2]] == [[0, 12, 24, 36], [1, 13, 25, 37]]
    assert not canonical.undeclared_


def test_missing_letters_are_nan_and_unknown_ones_are_none_of_the_known():
    """A letter that was not there in fit is no reason to refuse a row."""
    _, X = _letters("objects")
    canonical = Canonicaliser().fit(X)
    changed = X[:1].copy()
    changed[0, :2] = None, "N"

    values = canonical.transform(changed).reshape(4, 12)

    assert np.isnan(values[:, 0]).all()
    assert (values[:, 1] == 0).all()
    with pytest.raises(InputError, match="letters"):
        canonical.transform(np.ones((2, 12), dtype=object))


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(pd.DataFrame(RNG.choice(["y", "n"], (40, 12))), id="yes and no"),
        pytest.param(
            pd.DataFrame({f"c{i}": RNG.choice(list("abcdefghi")[i % 4 :: 4], 40) for i in range(9)}), id="own sets"
        ),
        pytest.param(pd.DataFrame(RNG.choice(["low", "mid", "top"], (40, 12))), id="words"),
        pytest.param(pd.DataFrame(RNG.choice(list("xob"), (40, 4))), id="few columns"),
    ],
)
def test_columns_of_categories_stay_categories(frame):
    """Without a declared layout, columns are cells only where they are many and share several letters."""
    canonical = Canonicaliser().fit(frame)

    assert canonical.layout_ is None
    assert len(canonical.categorical_) == frame.shape[1]


def _clouded(hole, *, channels=4):
    """Smooth channels around 2,000, of which clouds hide a third of the cells."""
    X = gaussian_filter(RNG.normal(size=(60, channels, 16, 16)), (0, 0, 1.2, 1.2)) * 1_000 + 2_000
    cloud = gaussian_filter(RNG.normal(size=(60, 1, 16, 16)), (0, 0, 2, 2))
    return np.where(cloud > np.quantile(cloud, 0.7), hole, X)


@pytest.mark.parametrize("hole", [-9999, 9.96921e36, -999.0, 1e20, 65_535])
@pytest.mark.parametrize("flat", [False, True])
def test_a_value_that_stands_for_not_measured_is_read_as_missing(hole, flat):
    """It is remembered for new rows, where it may fill all cells, and survives pickle."""
    X = _clouded(hole)
    X = X.reshape(len(X), -1) if flat else X

    canonical = Canonicaliser().fit(X)
    again = pickle.loads(pickle.dumps(canonical)).transform(np.full_like(X[:1], hole))

    assert canonical.has_missing_
    np.testing.assert_array_equal(np.isnan(canonical.transform(X)), X.reshape(len(X), -1) == hole)
    assert np.isnan(again).all()
    assert f"{hole:g}" in str(canonical.sentinels_[0])
    assert (hole == X).any()  # X itself is left alone


def test_a_channel_may_have_a_value_of_its_own_for_not_measured():
    """In another channel the same number is a measurement."""
    X = _clouded(-9999, channels=2)
    X[:, 1] = RNG.normal(-9000, 900, X[:, 1].shape).round()
    X[0, 1, 0, 0] = -9999

    canonical = Canonicaliser().fit(X)
    values = canonical.transform(X).reshape(X.shape)

    assert np.isnan(values[:, 0]).any()
    assert not np.isnan(values[:, 1]).any()


@pytest.mark.parametrize("mixed", [True, False])
def test_nines_far_from_all_else_in_a_single_column_are_read_as_missing(mixed):
    """And said; not where they may be measurements, nor in other columns."""
    rows = np.arange(100)
    X = pd.DataFrame(RNG.normal(50, 10, (100, 3)), columns=["a", "b", "c"])
    X.loc[rows % 20 == 0, "b"] = -999.0
    X["c"] = np.where(rows % 20 == 0, 99.0, RNG.uniform(0, 95, 100))
    X = X.assign(colour=np.where(rows % 3, "red", "blue")) if mixed else X

    canonical = Canonicaliser().fit(X)
    values = canonical.transform(X.assign(a=-999.0))

    assert [(fill.value, fill.channels) for fill in canonical.fills_] == [(-999.0, (1,))]
    np.testing.assert_array_equal(np.isnan(values).any(axis=1), rows % 20 == 0)
    said = canonical.findings(canonical.transform(X), rows, classification=False)
    assert "-999 in 5.0% of column 'b'" in " ".join(said)


def test_a_ground_far_below_is_named_and_kept():
    """0 may be what was measured: nobody but the user knows."""
    canonical = Canonicaliser().fit(_clouded(0))

    assert not canonical.has_missing_
    assert "replace it by NaN" in str(canonical.sentinels_[0])


@pytest.mark.parametrize(
    "X",
    [
        pytest.param(load_digits_grid()[0].astype(float), id="digits"),
        pytest.param(RNG.poisson(0.3, (200, 10, 10)).astype(float), id="counts"),
        pytest.param(RNG.integers(0, 2, (200, 10, 10)) * 255.0, id="black and white"),
        pytest.param(np.eye(5)[RNG.integers(0, 5, (200, 12))], id="one-hot"),
        pytest.param(np.maximum(RNG.normal(size=(200, 10, 10)), 0), id="rectified"),
        pytest.param(np.clip(RNG.normal(120, 100, (200, 10, 10)), 0, 255).round(), id="saturated"),
        pytest.param(RNG.standard_cauchy((200, 10, 10)), id="heavy tails"),
        pytest.param(np.column_stack([RNG.normal(size=(200, 5)), RNG.integers(0, 2, 200) * 9999]), id="one column"),
        pytest.param(np.where(RNG.random((200, 6)) < 0.5, -1.0, 1.0), id="signs"),
    ],
)
def test_values_at_the_edge_of_others_are_measurements(X):
    """Backgrounds, counts, codes and limits of a sensor are not touched."""
    canonical = Canonicaliser().fit(X)

    assert canonical.sentinels_ == ()
    assert not canonical.has_missing_


def test_an_unknown_place_of_the_channels_is_refused():
    """A misspelled parameter is answered with the known values."""
    with pytest.raises(ParameterError, match="Did you mean 'last'"):
        Canonicaliser(channels="lastt").fit(FLAT)


@pytest.mark.parametrize(
    "convert",
    [
        pytest.param(lambda X: X.tolist(), id="list"),
        pytest.param(lambda X: tuple(map(tuple, X)), id="tuple"),
        pytest.param(np.asfortranarray, id="fortran"),
        pytest.param(lambda X: X.astype(object), id="objects"),
        pytest.param(lambda X: X.astype(str).astype(object), id="objects-that-spell-numbers"),
        pytest.param(sparse.csr_matrix, id="csr-matrix"),
        pytest.param(sparse.coo_array, id="coo-array"),
        pytest.param(sparse.lil_array, id="lil-array"),
        pytest.param(pd.DataFrame, id="frame-of-numbers"),
        pytest.param(lambda X: pd.DataFrame(X).astype("Float64"), id="nullable-frame"),
        pytest.param(lambda X: pd.DataFrame(X).astype(object), id="frame-of-objects"),
        pytest.param(lambda X: pd.DataFrame(X).astype(str), id="frame-of-strings-that-spell-numbers"),
        pytest.param(lambda X: pd.DataFrame(X).astype(pd.SparseDtype("float64")), id="sparse-frame"),
        pytest.param(np.ma.masked_array, id="masked"),
    ],
)
def test_containers_of_the_same_numbers_give_the_same_matrix(convert):
    """It is the numbers that count."""
    canonical = Canonicaliser().fit(convert(FLAT))

    assert canonical.kind_ == "flat"
    np.testing.assert_array_equal(canonical.transform(convert(FLAT)), FLAT)


def test_masked_cells_are_missing():
    """A mask is taken seriously, also over integers."""
    X = np.ma.masked_array([[1, 2], [3, 4]], mask=[[False, True], [False, False]])

    np.testing.assert_array_equal(Canonicaliser().fit_transform(X), [[1, np.nan], [3, 4]])


@pytest.mark.parametrize("nothing", [None, np.nan, pd.NA], ids=repr)
def test_missing_objects_are_missing_cells(nothing):
    """However an object array says 'nothing', the cell is NaN."""
    canonical = Canonicaliser()

    values = canonical.fit_transform(np.array([[1, nothing], [2, 3]], dtype=object))

    assert canonical.has_missing_
    np.testing.assert_array_equal(values, [[1, np.nan], [2, 3]])


def test_memory_maps_are_read_and_left_alone(tmp_path):
    """Workers receive their data as read-only maps of a file."""
    np.save(tmp_path / "X.npy", FLAT)
    X = np.load(tmp_path / "X.npy", mmap_mode="r")

    values = Canonicaliser().fit_transform(X)

    assert type(values) is np.ndarray
    np.testing.assert_array_equal(values, FLAT)


def test_tensors_are_taken_off_the_graph():
    """A torch tensor is accepted with its gradient, its layout and its own float type."""
    torch = pytest.importorskip("torch")
    X = torch.arange(12.0).reshape(4, 3)

    for tensor in (X.clone().requires_grad_(), X.to_sparse(), X.bfloat16(), X.int()):
        np.testing.assert_array_equal(Canonicaliser().fit_transform(tensor), X.numpy())


def test_a_sparse_matrix_too_large_for_memory_is_refused_before_it_is_made(monkeypatch):
    """The message says how much memory it would have taken."""
    monkeypatch.setattr(containers, "free_bytes", lambda: 2**20)

    with pytest.raises(InputError, match=r"74\.5 GiB.*TruncatedSVD"):
        Canonicaliser().fit(sparse.csr_matrix((10_000, 1_000_000)))


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        pytest.param(np.ones(3), InputError, "Expected 2D array, got 1D array instead[^$]*Reshape your data", id="1-d"),
        pytest.param(7, InputError, "got scalar array instead", id="scalar"),
        pytest.param(pd.Series([1, 2]), InputError, "Expected a 2-dimensional container", id="series"),
        pytest.param(np.ones((2, 2, 2, 2, 2)), InputError, "dim 5, while dim <= 4", id="5-d"),
        pytest.param(np.ones((0, 3)), InputError, r"0 sample\(s\)", id="no-rows"),
        pytest.param(np.ones((1, 3)), InputError, r"1 sample\(s\)", id="one-row"),
        pytest.param(np.ones((12, 0)), InputError, r"0 feature\(s\) \(shape=\(12, 0\)\)", id="no-columns"),
        pytest.param(np.ones((12, 0, 3)), InputError, r"0 feature\(s\)", id="no-columns-in-a-grid"),
        pytest.param(pd.DataFrame(index=range(3)), InputError, r"0 feature\(s\)", id="no-columns-in-a-frame"),
        pytest.param(pd.DataFrame({"a": []}), InputError, r"0 sample\(s\)", id="no-rows-in-a-frame"),
        pytest.param(np.ones((3, 2)) * 1j, InputError, "Complex data not supported", id="complex"),
        pytest.param(pd.DataFrame({"a": [1j, 2]}), InputError, "Complex data not supported", id="complex-frame"),
        pytest.param([[1, 2], [3]], InputError, "inhomogeneous", id="ragged"),
        pytest.param([["a", "b"], ["c", "d"]], InputError, "pandas DataFrame", id="text"),
        pytest.param(
            np.array([["a"], [1]], object), InputError, "could not convert string.*\\n.*DataFrame", id="words"
        ),
        pytest.param(np.array([[{}], [1]], object), InputTypeError, "argument must be .* string.* number", id="dict"),
        pytest.param(np.zeros((3, 2), "M8[s]"), InputTypeError, "expected numbers", id="dates-in-an-array"),
        pytest.param(np.array([[1, np.inf], [0, 1]]), InputError, "infinity or a value too large.*row 0", id="inf"),
        pytest.param(np.full((2, 1, 1), 1e300), InputError, "too large for dtype..float32", id="large-in-float32"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(X, error, message):
    """The errors are ours, and keep the phrases that scikit-learn's users and checks know."""
    with pytest.raises(error, match=message):
        Canonicaliser().fit(X)


def test_a_sparse_vector_is_refused():
    """Only scipy's newer versions have one."""
    X = sparse.coo_array(np.ones(3))
    if X.ndim == 2:
        pytest.skip("this scipy makes a matrix of it")
    with pytest.raises(InputError, match="Expected 2D input"):
        Canonicaliser().fit(X)


@pytest.mark.parametrize(
    ("fitted", "given_shape", "message"),
    [
        pytest.param((6, 4), (2, 3), "X has 3 features, but Forest is expecting 4 features as input", id="columns"),
        pytest.param((6, 4, 5), (2, 4, 6), r"shape \(n, 4, 6\), but Forest is expecting \(n, 4, 5\)", id="width"),
        pytest.param((6, 4, 5), (2, 4), r"expecting \(n, 4, 5\)", id="flat-for-grid"),
    ],
)
def test_new_rows_must_have_the_fitted_shape(fitted, given_shape, message):
    """The message names the estimator that the user called, not this step inside it."""
    canonical = Canonicaliser().with_estimator_name("Forest").fit(np.zeros(fitted))

    with pytest.raises(InputError, match=message):
        canonical.transform(np.zeros(given_shape))


def test_it_speaks_for_its_estimator_after_pickling():
    """A saved pipeline still names the estimator in its messages."""
    canonical = pickle.loads(pickle.dumps(Canonicaliser().with_estimator_name(Layout(1, 1)).fit(FLAT)))

    with pytest.raises(InputError, match="but Layout is expecting"):
        canonical.transform(FLAT[:, :2])


# ---- frames


@given(frame=tables())
@settings(max_examples=40)
def test_a_table_of_any_kinds_becomes_finite_or_missing_numbers(frame):
    """Whatever the columns hold, the matrix holds numbers and NaN, and is described column by column."""
    canonical = clone(Canonicaliser()).fit(frame)
    values = canonical.transform(frame)

    assert canonical.kind_ == "frame"
    assert canonical.layout_ is None
    assert values.dtype == np.float64
    assert values.flags.c_contiguous
    assert values.shape == (len(frame), len(canonical.get_feature_names_out()))
    assert not np.isinf(values).any()
    assert canonical.n_features_in_ == frame.shape[1]
    for column, k in zip(canonical.categorical_, canonical.cardinalities_, strict=True):
        assert set(values[:, column][~np.isnan(values[:, column])]) <= set(range(k))


@given(frame=tables())
@settings(max_examples=40)
def test_columns_are_matched_by_name_and_rows_do_not_meet(frame):
    """Reordered columns and reordered rows give the same rows."""
    canonical = Canonicaliser().fit(frame)
    values = canonical.transform(frame)

    np.testing.assert_array_equal(canonical.transform(frame[frame.columns[::-1]]), values)
    np.testing.assert_array_equal(canonical.transform(frame.iloc[::-1]), values[::-1])
    np.testing.assert_array_equal(canonical.transform(frame.iloc[:1]), values[:1])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(canonical)).transform(frame), values)


def test_a_numeric_frame_is_flat():
    """Booleans and integers beside floats are numbers; the layout may be declared."""
    frame = pd.DataFrame({"a": [1.5, 2.5], "b": [True, False], "c": np.array([1, 2], np.int8)})

    canonical = Canonicaliser(layout=(1, 3)).fit(frame)

    assert canonical.kind_ == "flat"
    assert canonical.layout_ == Layout(1, 3)
    assert canonical.feature_names_out_ == ["a", "b", "c"]
    np.testing.assert_array_equal(canonical.transform(frame), [[1.5, 1, 1], [2.5, 0, 2]])


def test_numbers_keep_constant_and_empty_columns():
    """Cells of a grid keep their places; only in tables of mixed kinds is a column dropped."""
    constant = np.column_stack([np.ones(3), np.full(3, np.nan), np.arange(3)])

    assert Canonicaliser().fit_transform(constant).shape == (3, 3)
    assert Canonicaliser().fit_transform(pd.DataFrame(constant)).shape == (3, 3)


def test_a_layout_cannot_be_declared_over_words():
    """The message names the columns in question."""
    frame = pd.DataFrame({"size": [1, 2], "colour": ["red", "blue"]})

    with pytest.raises(LayoutError, match=r"'colour' \(category\)"):
        Canonicaliser(layout=(1, 2)).fit(frame)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        pytest.param(["a", "x"], "unseen at fit time:\n- x\n.*yet now missing:\n- b\n$", id="renamed"),
        pytest.param(["a", "b", "x"], "unseen at fit time:\n- x\n$", id="more"),
        pytest.param(["a"], "yet now missing:\n- b\n$", id="fewer"),
    ],
)
def test_missing_and_unseen_names_are_listed(names, message):
    """The message lists them in scikit-learn's words."""
    canonical = Canonicaliser().fit(pd.DataFrame({"a": [1, 2], "b": [3, 4]}))

    with pytest.raises(InputError, match="The feature names should match.*\n.*" + message):
        canonical.transform(pd.DataFrame(1, index=[0], columns=names))


@pytest.mark.parametrize(
    ("fitted", "new"),
    [
        pytest.param(pd.DataFrame(FLAT, columns=list("abcd")), FLAT, id="names-only-in-fit"),
        pytest.param(FLAT, pd.DataFrame(FLAT, columns=list("abcd")), id="names-only-later"),
    ],
)
def test_names_on_one_side_only_are_warned_about(fitted, new):
    """Positions count then, as in scikit-learn, and in its words."""
    canonical = Canonicaliser().fit(fitted)

    with pytest.warns(AutoArchWarning, match="fitted with"):
        values = canonical.transform(new)

    np.testing.assert_array_equal(values, FLAT)


def test_names_of_the_first_fit_are_forgotten_in_the_second():
    """A canonicaliser can be fitted again, on data of another kind."""
    canonical = Canonicaliser().fit(pd.DataFrame({"a": ["x", "y"], "b": [1, 2]})).fit(FLAT)

    assert not hasattr(canonical, "feature_names_in_")
    np.testing.assert_array_equal(canonical.transform(FLAT), FLAT)


def test_names_of_several_types_are_refused():
    """scikit-learn refuses them too, and says how to make them strings."""
    with pytest.raises(InputTypeError, match="Feature names are only supported if all"):
        Canonicaliser().fit(pd.DataFrame([[1, 2], [3, 4]], columns=["a", 0]))


def test_a_mixed_table_is_read_by_position_when_it_comes_as_an_array():
    """Tools that strip the names of a table do not break the pipeline."""
    frame = pd.DataFrame({"a": ["x", "y", "x"], "b": [1.0, 2.0, 4.0]})
    canonical = Canonicaliser().fit(frame)

    for rows in (frame.to_numpy(), frame.to_numpy().tolist()):
        with pytest.warns(AutoArchWarning, match="does not have valid feature names"):
            np.testing.assert_array_equal(canonical.transform(rows), canonical.transform(frame))


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_a_mixed_table_checks_the_shape_of_new_rows():
    """Neither too few columns nor a table without rows pass."""
    frame = pd.DataFrame({"a": ["x", "y", "x"], "b": [1.0, 2.0, 4.0]})
    canonical = Canonicaliser().fit(frame)

    with pytest.raises(InputError, match="X has 1 features"):
        canonical.transform(frame[["a"]].to_numpy())
    with pytest.raises(InputError, match=r"0 sample\(s\)"):
        canonical.transform(frame.iloc[:0])
    with pytest.raises(InputError, match="Reshape your data"):
        canonical.transform(np.ones(2))


def test_a_polars_frame_is_read_like_a_pandas_frame():
    """All kinds of columns, with nulls, and without a detour over arrow."""
    pl = pytest.importorskip("polars")
    plain = {"n": [1, None, 3], "b": [True, False, None], "w": ["x", None, "y"], "f": [0.5, 1.5, None]}
    days = pd.to_datetime(["2020-01-01", "2021-05-01", None])
    ours = pd.DataFrame(plain | {"d": days, "u": days - days[0], "c": pd.Categorical(["p", "q", None])})
    theirs = pl.DataFrame(plain).with_columns(
        d=pl.Series([*list(days.astype(object))[:2], None]).cast(pl.Datetime),
        u=pl.Series([0, 486, None], dtype=pl.Int64) * pl.duration(days=1),
        c=pl.Series(["p", "q", None], dtype=pl.Categorical),
    )

    canonical = Canonicaliser().fit(theirs)

    assert list(canonical.feature_names_in_) == list(ours)
    np.testing.assert_array_equal(canonical.transform(theirs), Canonicaliser().fit_transform(ours))
    np.testing.assert_array_equal(canonical.transform(ours), canonical.transform(theirs))
    with pytest.raises(InputTypeError, match="collect"):
        Canonicaliser().fit(theirs.lazy())


def test_the_typical_row_is_one_that_could_be():
    """Means of what is there, the most frequent category, and the fields of one and the same date."""
    days = pd.to_datetime(["2024-01-01", "2024-02-10", "2024-12-31"])
    X = pd.DataFrame({"a": [1.0, None, 3.0], "kind": ["x", "y", "y"], "day": days})
    canonical = Canonicaliser().fit(X)

    row = dict(zip(canonical.feature_names_out_, canonical.centre_, strict=True))

    assert (row["a"], row["kind"], row["day.days"], row["day.day_of_week"]) == (2.0, 1.0, 40.0, 5.0)
    assert [block.tolist() for block in canonical.blocks_[:2]] == [[0], [1]]
