"""Long tables as grids, and back."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from autoarch.exceptions import AutoArchWarning, InputError, ParameterError
from autoarch.geo import LongToGrid


@given(st.integers(0, 1000), st.integers(1, 4), st.integers(1, 3), st.integers(2, 6), st.integers(2, 6), st.booleans())
def test_grids_survive_the_trip_to_a_long_table_and_back(seed, n, bands, height, width, shuffled):
    """Whatever the order of the rows, with cells left out."""
    rng = np.random.default_rng(seed)
    grids = rng.normal(size=(n, bands, height, width)).astype(np.float32)
    grids[rng.random(grids.shape) < 0.2] = np.nan
    grids[:, :, [0, -1], [0, -1]] = 1.0
    grids[0] = 1.0  # a full one shows which lines there are
    sample, band, row, column = np.nonzero(~np.isnan(grids))
    table = pd.DataFrame(
        {"sample": sample, "band": band, "row": 5 + 2 * row, "column": column / 4, "value": grids[~np.isnan(grids)]}
    )
    if shuffled:
        table = table.sample(frac=1, random_state=seed)

    transformer = LongToGrid(band="band").fit(table)
    found = transformer.transform(table)

    np.testing.assert_array_equal(found, grids[transformer.samples_])
    back = transformer.inverse_transform(found)
    order = ["sample", "band", "row", "column"]
    expected = table.sort_values(order, ignore_index=True)[[*order, "value"]]
    pd.testing.assert_frame_equal(
        back.sort_values(order, ignore_index=True)[[*order, "value"]], expected, check_dtype=False
    )


def table_of(**columns):
    """One sample, unless it is given."""
    return pd.DataFrame({"sample": 0, "value": 1.0, **columns})


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([0, 10, 30], (0, 10, 20, 30), id="a-gap"),
        pytest.param([0.1, 0.2, 0.3], (0.1, 0.2, 0.3), id="fractions"),
        pytest.param([1, 10, 100], (1, 10, 100), id="irregular"),
        pytest.param(["C", "A", "B"], ("A", "B", "C"), id="words"),
        pytest.param([7, 7, 7], (7,), id="constant"),
    ],
)
def test_lines_are_the_values_and_the_steps_between(rows, expected):
    """Numbers in their order, words in theirs."""
    axis = LongToGrid().fit(table_of(row=rows, column=[0, 1, 2])).rows_

    assert axis.levels == pytest.approx(expected) if isinstance(expected[0], float) else axis.levels == expected


def test_irregular_coordinates_are_binned():
    """A cell per row of a sample; a given shape is kept."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"sample": np.repeat(np.arange(5), 100), "value": 1.0})
    table["row"], table["column"] = rng.uniform(size=(2, 500))

    assert LongToGrid().fit(table).shape_ == (1, 10, 10)
    grids = LongToGrid(shape=(4, 3), aggregate="sum").fit_transform(table)
    assert grids.shape == (5, 1, 4, 3)
    np.testing.assert_array_equal(grids.sum(axis=(1, 2, 3)), 100)


@pytest.mark.parametrize(
    ("aggregate", "expected"), [("mean", 2), ("sum", 4), ("min", 1), ("max", 3), ("first", 3), ("last", 1)]
)
def test_several_rows_for_a_cell_are_aggregated(aggregate, expected):
    """Missing values do not count."""
    table = table_of(row=[0, 0, 0, 1], column=0, value=[3, np.nan, 1, np.nan])

    grid = LongToGrid(aggregate=aggregate).fit_transform(table)[0, 0, :, 0]

    np.testing.assert_array_equal(grid, [expected, np.nan])


def test_labels_follow_the_samples():
    """From one label per row, or from a mapping, in the order of the grids."""
    table = table_of(sample=["b", "a", "b", "c"], row=[0, 1, 1, 0], column=0)
    transformer = LongToGrid().fit(table)

    assert transformer.align(table, [1, 2, 1, 3]).tolist() == [1, 2, 3]
    assert transformer.align(table, {"a": 2, "b": 1, "c": 3}).tolist() == [1, 2, 3]
    assert transformer.samples_.tolist() == ["b", "a", "c"]
    assert transformer.align(table[1:2], [2]).tolist() == [2]
    with pytest.raises(InputError, match="several labels for the sample 'b'"):
        transformer.align(table, [1, 2, 3, 4])
    with pytest.raises(InputError, match="no label for the sample 'c'"):
        transformer.align(table, {"a": 2, "b": 1})
    with pytest.raises(InputError, match="a label for each row"):
        transformer.align(table, [1, 2, 3])


def test_what_lies_outside_is_left_out_with_a_warning():
    """Rows, columns and bands that fit has not seen."""
    table = table_of(row=[0, 1], column=[0, 1], band="red")
    transformer = LongToGrid(band="band").fit(table)

    with pytest.warns(AutoArchWarning, match="3 of 4 rows"):
        grids = transformer.transform(
            table_of(row=[0, 9, 0, 1], column=[0, 0, -3, 1], band=["red", "red", "red", "blue"])
        )

    assert np.isfinite(grids).sum() == 1


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        pytest.param({"row": "line"}, ParameterError, "row names the column 'line'", id="unknown"),
        pytest.param({"row": "column"}, ParameterError, "twice", id="twice"),
        pytest.param({"shape": "square"}, ParameterError, "two whole numbers, or 'auto'", id="shape"),
        pytest.param({"shape": 3}, ParameterError, "height, width", id="one-side"),
        pytest.param({"shape": (0, 3)}, ParameterError, "at least 1", id="no-rows"),
        pytest.param({"aggregate": "average"}, ParameterError, "expected one of 'mean'", id="aggregate"),
        pytest.param({"row": "word", "shape": (5, 2)}, InputError, "holds no numbers", id="words-in-intervals"),
        pytest.param({"row": "hole"}, InputError, "missing or infinite in 1 of 3 rows", id="missing"),
        pytest.param({"value": "word"}, InputError, "should hold numbers", id="words-as-values"),
    ],
)
def test_tables_and_parameters_that_make_no_grid_are_refused(change, error, message):
    """The error names the column or the parameter."""
    table = table_of(row=[0, 1, 2], column=[0, 1, 2], word=["a", "b", "c"], hole=[0, np.nan, 1])
    with pytest.raises(error, match=message):
        LongToGrid(**change).fit(table)


def test_arrays_and_clones_and_pickles_work():
    """Columns by position; the way back wants the shape of the way there."""
    X = np.array([[0.0, 0, 0, 5], [0, 0, 1, 6], [1, 1, 1, 7]])
    transformer = clone(LongToGrid(0, 1, 2, 3)).fit(X)

    np.testing.assert_array_equal(pickle.loads(pickle.dumps(transformer)).transform(X)[0, 0, 0], [5, 6])
    np.testing.assert_array_equal(transformer.inverse_transform(transformer.transform(X)).to_numpy(), X)
    with pytest.raises(InputError, match="expects what transform gives"):
        transformer.inverse_transform(np.zeros((2, 2)))


def test_tables_by_position_get_their_names_back():
    """The long table that comes back has the columns of the one that was given."""
    table = pd.DataFrame({"plate": [1, 1], "row": [0, 1], "column": [0, 1], "heat": [5.0, 6.0]})
    to_grids = LongToGrid(0, 1, 2, 3)

    back = to_grids.inverse_transform(to_grids.fit_transform(table))

    pd.testing.assert_frame_equal(back, table, check_dtype=False)


def test_words_in_an_order_keep_it():
    """Lines follow an ordered category, not the alphabet."""
    depth = pd.Categorical(["top", "middle", "bottom"], ["top", "middle", "bottom"], ordered=True)
    table = pd.DataFrame({"sample": 0, "row": depth, "column": 0, "value": [1.0, 2.0, 3.0]})

    assert LongToGrid().fit_transform(table)[0, 0, :, 0].tolist() == [1.0, 2.0, 3.0]


def test_infinite_values_and_missing_labels_are_refused():
    """Both are named by their row."""
    table = pd.DataFrame({"sample": [0, 1], "row": 0, "column": 0, "value": [1.0, np.inf]})
    with pytest.raises(InputError, match="row 1, column 'value'"):
        LongToGrid().fit(table)
    with pytest.raises(InputError, match="no label in row 1"):
        LongToGrid().align(table.assign(value=0), ["a", None])
