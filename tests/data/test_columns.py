"""Columns of a table: which kind each one is, and the numbers it becomes."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest

from autoarch._data.columns import Category, Date, Duration, Number
from autoarch._data.kinds import learn_kinds
from autoarch._data.table_encoder import TableCoder
from autoarch.exceptions import InputError, InputTypeError

NAN = np.nan
DAYS = ["2020-01-01", "2020-03-02", None]


def learn(values, **options):
    """Coder of a single column named "it"."""
    column = values if isinstance(values, pd.Series) else pd.Series(values, **options)
    return learn_kinds(column.to_frame(), ["it"])[0]


def encode(coder, values, **options):
    """Encoded values as a list of rows, or of numbers where a row has one."""
    column = values if isinstance(values, pd.Series) else pd.Series(values, **options)
    block = coder.encode(column)
    assert block.dtype == np.float64
    assert block.shape == (len(column), len(coder.names_out()))
    return block[:, 0].tolist() if block.shape[1] == 1 else block.tolist()


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        pytest.param(pd.Series([1, 2, None]), [1, 2, NAN], id="floats"),
        pytest.param(pd.Series([1, None], dtype="Int64"), [1, NAN], id="nullable-integers"),
        pytest.param(pd.Series([True, None], dtype="boolean"), [1, NAN], id="nullable-booleans"),
        pytest.param(pd.Series([True, False, None], dtype=object), [1, 0, NAN], id="boolean-objects"),
        pytest.param(pd.Series([1, 2.5, pd.NA], dtype=object), [1, 2.5, NAN], id="number-objects"),
        pytest.param(pd.Series(["1", " 2.5", None]), [1, 2.5, NAN], id="spelled-numbers"),
        pytest.param(pd.Series(["1", None], dtype="string"), [1, NAN], id="spelled-in-a-string-column"),
        pytest.param(pd.Series([decimal.Decimal("0.5"), None]), [0.5, NAN], id="decimals"),
        pytest.param(pd.Series([None, None], dtype=object), [NAN, NAN], id="nothing"),
        pytest.param(pd.Series([0.0, 2.0], dtype="Sparse[float64]"), [0, 2], id="sparse"),
    ],
)
def test_what_converts_to_numbers_is_numbers(column, expected):
    """Whatever type holds them."""
    coder = learn(column)

    assert isinstance(coder, Number)
    np.testing.assert_array_equal(encode(coder, column), expected)


@pytest.mark.parametrize("alias", ["int64", "float32", "bool", "decimal"])
def test_arrow_numbers_are_numbers(alias):
    """Columns read from a parquet file with arrow types need no conversion."""
    arrow = pytest.importorskip("pyarrow")
    kind = arrow.decimal128(9, 2) if alias == "decimal" else arrow.type_for_alias(alias)
    one = {"bool": True, "decimal": decimal.Decimal(1)}.get(alias, 1)
    column = pd.Series([one, None], dtype=pd.ArrowDtype(kind))

    coder = learn(column)

    assert isinstance(coder, Number)
    np.testing.assert_array_equal(encode(coder, column), [1, NAN])


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(pd.Series(["b", "a", None, "b"]), id="strings"),
        pytest.param(pd.Series(["b", "a", None, "b"], dtype=object), id="objects"),
        pytest.param(pd.Series(["b", "a", None, "b"], dtype="string"), id="string-column"),
        pytest.param(pd.Series(["b", "a", None, "b"], dtype="category"), id="category"),
    ],
)
def test_words_are_categories(column):
    """Levels are sorted, missing ones have no code, unseen ones neither."""
    coder = learn(column)

    assert coder == Category("it", ("a", "b"))
    assert coder.cardinality == 2
    np.testing.assert_array_equal(encode(coder, column), [1, 0, NAN, 1])
    np.testing.assert_array_equal(encode(coder, ["z", "a"]), [NAN, 0])
    np.testing.assert_array_equal(encode(coder, ["a", "z"], dtype="category"), [0, NAN])
    np.testing.assert_array_equal(encode(coder, [None, None], dtype=object), [NAN, NAN])


def test_arrow_strings_are_categories():
    """Plain and dictionary-encoded text."""
    arrow = pytest.importorskip("pyarrow")
    for kind in (arrow.string(), arrow.dictionary(arrow.int32(), arrow.string())):
        column = pd.Series(["b", "a", None], dtype=pd.ArrowDtype(kind))
        np.testing.assert_array_equal(encode(learn(column), column), [1, 0, NAN])


def test_a_category_of_numbers_stays_a_category():
    """The user said so; a later plain column of the same numbers is understood."""
    column = pd.Series([30, 10, 30]).astype("category")
    coder = learn(column)

    assert isinstance(coder, Category)
    np.testing.assert_array_equal(encode(coder, column), [1, 0, 1])
    np.testing.assert_array_equal(encode(coder, [10, 20, 30]), [0, NAN, 1])


def test_an_ordered_category_keeps_its_order_and_forgets_absent_levels():
    """Codes follow the user's order of those levels that occur."""
    kind = pd.CategoricalDtype(["low", "never", "high"], ordered=True)

    assert learn(["high", "low"], dtype=kind).levels == ("low", "high")


def test_levels_do_not_depend_on_the_order_of_rows():
    """Equal data in another order give equal codes."""
    values = ["c", 3, "a", 1.5, "b", True]

    assert learn(values, dtype=object) == learn(values[::-1], dtype=object)


def test_every_level_has_a_code_however_many():
    """None is thrown together with others; one that is new has none."""
    shops = [f"shop {i}" for i in range(900)]
    coder = learn(shops * 3)

    assert coder.cardinality == 900
    assert encode(coder, ["shop 7", "new"])[0] == coder.levels.index("shop 7")
    np.testing.assert_array_equal(encode(coder, ["new"]), [NAN])


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(pd.Series(pd.to_datetime(DAYS)), id="datetime"),
        pytest.param(pd.Series(pd.to_datetime(DAYS)).dt.tz_localize("Asia/Tokyo"), id="with-time-zone"),
        pytest.param(pd.Series(pd.to_datetime(DAYS)).astype("datetime64[s]"), id="in-seconds"),
        pytest.param(pd.Series([datetime.date(2020, 1, 1), datetime.date(2020, 3, 2), None]), id="date-objects"),
        pytest.param(
            pd.Series([datetime.datetime(2020, 1, 1), datetime.datetime(2020, 3, 2), None], dtype=object),
            id="datetime-objects",
        ),
        pytest.param(pd.Series(DAYS), id="iso-text"),
        pytest.param(pd.Series(["2020-01-01 00:00", "2020-03-02T00:00:00", None]), id="iso-text-with-hours"),
        pytest.param(pd.Series(pd.PeriodIndex(DAYS, freq="D")), id="periods"),
    ],
)
def test_dates_become_days_and_the_fields_that_vary(column):
    """Year and hour are constant here, so they are left out."""
    coder = learn(column)

    assert isinstance(coder, Date)
    assert coder.names_out() == ["it.days", "it.month", "it.day_of_week"]
    np.testing.assert_array_equal(encode(coder, column), [[0, 1, 2], [61, 3, 0], [NAN] * 3])
    np.testing.assert_array_equal(encode(coder, [None], dtype=object), [[NAN] * 3])


def test_arrow_dates_are_dates():
    """Timestamps and days of arrow."""
    arrow = pytest.importorskip("pyarrow")
    for kind in (arrow.timestamp("us"), arrow.date32()):
        values = [None if day is None else datetime.datetime.fromisoformat(day) for day in DAYS]
        column = pd.Series(values, dtype=pd.ArrowDtype(arrow.timestamp("us"))).astype(pd.ArrowDtype(kind))
        coder = learn(column)
        np.testing.assert_array_equal(encode(coder, column)[:2], [[0, 1, 2], [61, 3, 0]])


def test_hours_are_read_off_the_wall_clock_of_the_training_table():
    """A later table in another time zone means the same moments."""
    tokyo = pd.Series(pd.to_datetime(["2020-01-01 08:00", "2020-01-01 20:30"])).dt.tz_localize("Asia/Tokyo")
    coder = learn(tokyo)

    assert coder.names_out() == ["it.days", "it.hour"]
    assert [row[1] for row in encode(coder, tokyo)] == [8, 20]
    assert encode(coder, tokyo.dt.tz_convert("UTC")) == encode(coder, tokyo)


@pytest.mark.parametrize("words", [["2020-13-01", "2020-01-01"], ["2020-01-01", "soon"], ["2020", "x"]])
def test_text_that_is_no_date_throughout_is_a_category(words):
    """A date must be a date in every row."""
    assert isinstance(learn(words), Category)


def test_time_spans_become_seconds():
    """Of timedelta columns and of objects."""
    for dtype in ("timedelta64[ns]", object):
        column = pd.Series([datetime.timedelta(minutes=1), None], dtype=dtype)
        coder = learn(column)
        assert isinstance(coder, Duration)
        np.testing.assert_array_equal(encode(coder, column), [60, NAN])


def test_arrow_time_spans_become_seconds():
    """Of arrow, too."""
    arrow = pytest.importorskip("pyarrow")
    column = pd.Series([datetime.timedelta(minutes=1), None], dtype=pd.ArrowDtype(arrow.duration("us")))

    np.testing.assert_array_equal(encode(learn(column), column), [60, NAN])


@pytest.mark.parametrize("value", [{}, {"a": 1}, [], [1], np.zeros(2)], ids=repr)
def test_containers_inside_a_column_are_refused(value):
    """The message names the column and the type."""
    with pytest.raises(InputTypeError, match=f"'it' of X holds a {type(value).__name__}"):
        learn([value, "a"], dtype=object)


def test_complex_columns_are_refused():
    """Also among objects, and in the column of a table that held numbers in fit."""
    for values in ([1j, 2], pd.Series([1j, 2], dtype=object)):
        with pytest.raises(InputError, match="Complex data not supported"):
            learn(values)
    with pytest.raises(InputError, match="Complex data not supported"):
        Number("it").encode(pd.Series([1j]))


@pytest.mark.parametrize(
    ("coder", "values", "message"),
    [
        pytest.param(Number("it"), ["abc"], "'it' of X should hold numbers", id="words-for-numbers"),
        pytest.param(Number("it"), pd.to_datetime(["2020-01-01"]), "should hold numbers", id="dates-for-numbers"),
        pytest.param(Date("it", pd.Timestamp(0), ()), [5], "should hold dates", id="numbers-for-dates"),
        pytest.param(Date("it", pd.Timestamp(0), ()), ["soon"], "should hold dates", id="words-for-dates"),
        pytest.param(Duration("it"), ["abc"], "should hold time spans", id="words-for-spans"),
    ],
)
def test_a_column_that_changed_its_kind_is_refused(coder, values, message):
    """The message names the column and what it held in fit."""
    with pytest.raises(InputError, match=message):
        coder.encode(pd.Series(values))


def test_numbers_are_read_off_a_later_category():
    """Types that hold the same numbers are interchangeable."""
    assert encode(Number("it"), pd.Series([1.5, 2.5], dtype="category")) == [1.5, 2.5]


def test_a_table_drops_what_says_nothing():
    """Constant and all-missing columns go; a constant with gaps stays, for its gaps may matter."""
    frame = pd.DataFrame(
        {"word": ["x", "y"], "same": 1, "none": NAN, "gap": ["z", None], "when": pd.to_datetime(["2020-01-01"] * 2)}
    )

    table, values = TableCoder.learn(frame, learn_kinds(frame, list(frame)))

    assert table.dropped == ("same", "none", "when")
    assert table.names_out() == ["word", "gap"]
    assert table.categories() == {0: 2, 1: 1}
    np.testing.assert_array_equal(values, [[0, 0], [1, NAN]])
    np.testing.assert_array_equal(table.encode(frame), values)


def test_many_numbers_keep_their_constants():
    """They may be the border of a picture, whose other cells would lose their places."""
    frame = pd.DataFrame({f"pixel{i}": [float(i % 4), float(i % 4 + i % 3)] for i in range(16)} | {"word": ["x", "y"]})

    table, values = TableCoder.learn(frame, learn_kinds(frame, list(frame)))

    assert table.dropped == () and values.shape == (2, 17)


def test_a_table_knows_which_output_columns_are_codes():
    """A date takes several output columns and moves the others along, whatever the names."""
    frame = pd.DataFrame([["2020-01-01", "a", 1.0], ["2021-05-01", "b", 2.0]], columns=["same", "same", "same"])

    table, values = TableCoder.learn(frame, learn_kinds(frame, list(frame)))

    assert values.shape == (2, 6)
    assert table.categories() == {4: 2}


def test_a_table_in_which_nothing_varies_is_refused():
    """There is nothing to learn from."""
    frame = pd.DataFrame({"a": ["x", "x"], "b": [None, None]})

    with pytest.raises(InputError, match="Each of the 2 columns of X is constant or has no value"):
        TableCoder.learn(frame, learn_kinds(frame, ["a", "b"]))
