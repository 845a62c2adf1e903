"""What a column is, as a person would read it: numbers, dates and times in text, text, and what has no news."""

import numpy as np
import pandas as pd
import pytest

from autoarch._data.canonical import Canonicaliser
from autoarch._data.columns import Category, Date, Duration, Number, Several
from autoarch._data.dates import DateStyle
from autoarch._data.findings import copies_among, suspected_leaks
from autoarch._data.kinds import learn_kinds, notes_on
from autoarch._data.number_text import NumberStyle
from autoarch._data.text_view import Serial, Text
from autoarch.exceptions import AutoArchWarning, InputTypeError

NAN = np.nan


def learn(values):
    """Coder of a single column named "it"."""
    return learn_kinds(pd.DataFrame({"it": values}), ["it"])[0]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param(["1.5", "?", "n/a", "-", "2"], [1.5, NAN, NAN, NAN, 2], id="odd-cells"),
        pytest.param(["1,5", "2,75", "1.000,5"], [1.5, 2.75, 1000.5], id="decimal-commas"),
        pytest.param(["1,234", "12,000", "500"], [1234, 12000, 500], id="thousands"),
        pytest.param(["0,123", "0,456"], [0.123, 0.456], id="no-thousand-begins-with-zero"),
        pytest.param(["1 234.5", "1'234", "9"], [1234.5, 1234, 9], id="other-thousands"),
        pytest.param(["1.234.567", "12.000"], [1234567, 12000], id="points-between-thousands"),
        pytest.param(["€ 3.50", "4.00 €", "€1,200.00"], [3.5, 4, 1200], id="currency-before-and-behind"),
        pytest.param(["USD 5", "7 USD"], [5, 7], id="code-of-a-currency"),
        pytest.param(["12 %", "7%"], [12, 7], id="percent"),
        pytest.param(["<5", "7", ">= 80", "~6"], [5, 7, 80, 6], id="limits"),
        pytest.param(["5 kg", "300 g", "2kg"], [5, 0.3, 2], id="units-of-one-kind"),
        pytest.param(["5 min", "2 h"], [300, 7200], id="units-of-time"),
        pytest.param(["1.5k", "2M", "300"], [1500, 2e6, 300], id="thousand-and-million"),
        pytest.param(["72 bpm", "80 bpm"], [72, 80], id="a-unit-nobody-knows"),
        pytest.param(["(1,234)", "-5", "\u22123"], [-1234, -5, -3], id="negative"),
        pytest.param(["10-20", "20-30", "65+"], [15, 25, 65], id="ranges"),
        pytest.param(["1st", "2nd", "3rd", "4th"], [1, 2, 3, 4], id="ordinals"),
        pytest.param(["1e-3", "2E+2"], [0.001, 200], id="scientific"),
    ],
)
def test_numbers_are_read_however_text_writes_them(texts, expected):
    """One style for the whole column, which later rows are read in, too."""
    coder = learn(texts)

    assert isinstance(coder, (Number, Duration))
    np.testing.assert_allclose(coder.encode(pd.Series(texts))[:, 0], expected)
    np.testing.assert_allclose(coder.encode(pd.Series(texts[-1:])), [expected[-1:]])


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(["10", "11", "A1", "B2"], id="codes"),
        pytest.param(["10A", "11B", "12C"], id="seats"),
        pytest.param(["USD 5", "EUR 6"], id="two-currencies"),
        pytest.param(["Group 1", "Group 2"], id="names-with-numbers"),
        pytest.param(["1.2.3", "x.y", "1"], id="versions"),
        pytest.param(["5 kg", "6 m"], id="units-of-two-kinds"),
    ],
)
def test_codes_are_no_numbers(texts):
    """What has letters of its own in many cells stays a category."""
    assert isinstance(learn(texts), Category)


def test_words_among_many_numbers_keep_their_meaning():
    """They are missing as numbers, and have a column of codes."""
    texts = [f"{n}.5" for n in range(60)] + ["LOW"] * 8 + ["HIGH"] * 8
    coder = learn(texts)

    assert isinstance(coder, Several) and coder.names_out() == ["it", "it.word"]
    np.testing.assert_array_equal(coder.encode(pd.Series(["3.5", "HIGH", "LOW"])), [[3.5, NAN], [NAN, 0], [NAN, 1]])


FORMATS = ["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d.%m.%Y", "%d.%m.%y", "%m/%d/%y", "%y-%m-%d", "%d-%b-%y"]
FORMATS += ["%d %b %Y", "%B %d, %Y", "%d. %B %Y", "%a, %d %b %Y", "%Y%m%d", "%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M %p"]
FORMATS += ["%Y-%m-%dT%H:%M:%SZ", "%a %b %d %H:%M:%S %Y"]


@pytest.mark.parametrize("form", FORMATS)
def test_dates_are_read_in_any_unambiguous_format(form):
    """The columns are those of the same dates as datetimes."""
    dates = pd.Series(pd.date_range("2021-11-03 10:20:30", periods=80, freq="9D"))
    texts = dates.dt.strftime(form)
    coder, plain = learn(texts), learn(pd.to_datetime(texts, format=form).dt.tz_localize(None))

    assert isinstance(coder, Date)
    np.testing.assert_allclose(
        coder.encode(texts), plain.encode(pd.to_datetime(texts, format=form).dt.tz_localize(None))
    )
    np.testing.assert_allclose(coder.encode(texts[:1]), coder.encode(texts)[:1])


def test_one_cell_decides_what_the_others_of_a_column_mean():
    """Where none does, the month stands first, and a sentence says so."""
    style = DateStyle.learn(["03/04/2021", "25/04/2021"])
    unsure = pd.DataFrame({"it": ["03/04/2021", "05/06/2021"]})

    assert style.order == "dmy" and style.certain
    assert style.read(["03/04/2021"])[0] == pd.Timestamp(2021, 4, 3)
    coder = learn_kinds(unsure, ["it"])[0]
    assert coder.style.order == "mdy" and not coder.style.certain
    assert "month day year, which no cell contradicts" in notes_on(unsure, [coder])[0]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_whole_numbers_that_count_since_1970_are_dates(unit):
    """Also in a table of numbers alone; new rows may be dates."""
    dates = pd.Series(pd.date_range("2021-01-03", periods=50, freq="37h"))
    stamps = dates.astype(f"datetime64[{unit}]").astype("int64")
    canonical = Canonicaliser()

    X = canonical.fit_transform(pd.DataFrame({"at": stamps, "x": np.arange(50.0)}))

    assert (
        canonical.feature_names_out_
        == ["at.days", "at.year", "at.month", "at.day_of_week", "at.hour", "x"][: len(canonical.feature_names_out_)]
        or "at.day_of_week" in canonical.feature_names_out_
    )
    np.testing.assert_allclose(canonical.transform(pd.DataFrame({"at": dates, "x": np.arange(50.0)})), X)


def test_large_whole_numbers_are_no_dates():
    """Neither identities beyond the years of clocks nor all columns of a table."""
    assert isinstance(learn(np.arange(50) + 5_000_000_000), Number)
    frame = pd.DataFrame(np.arange(200).reshape(50, 4) * 90_000 + 1_500_000_000)
    assert Canonicaliser().fit(frame).kind_ == "flat"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param(["14:30", "02:10"], [52200, 7800], id="times"),
        pytest.param(["2:30 PM", "11:10 am"], [52200, 40200], id="halves-of-the-day"),
        pytest.param(["1:02:10", "59:30"], [3730, 3570], id="hours-and-minutes-beside-minutes"),
        pytest.param(["1h 30m", "45m"], [5400, 2700], id="spans"),
        pytest.param(["PT1H30M", "PT5M"], [5400, 300], id="iso-spans"),
        pytest.param(["2 days 03:00:00", "1 days 00:00:01"], [183600, 86401], id="spans-of-pandas"),
    ],
)
def test_times_and_spans_become_seconds(texts, expected):
    """As objects of their own do."""
    np.testing.assert_array_equal(learn(texts).encode(pd.Series(texts))[:, 0], expected)


@pytest.mark.parametrize("kind", [int, float, "category", object])
def test_labels_are_matched_by_meaning(kind):
    """Codes that come as numbers in a later table are those of fit."""
    coder = learn(["10", "11", "A1", "10", "11"])
    later = pd.Series(["10", "11"]).astype(int).astype(kind)

    np.testing.assert_array_equal(coder.encode(later)[:, 0], [0, 1])
    np.testing.assert_array_equal(coder.encode(pd.Series([" a1 "]))[:, 0], [2])


def test_labels_that_may_be_two_are_neither():
    """A number that two codes write is not guessed at."""
    coder = learn(["07", "7", "x", "07", "7", "x"])

    np.testing.assert_array_equal(coder.encode(pd.Series(["7", "7.0"]))[:, 0], [coder.levels.index("7"), NAN])


def test_a_column_of_which_nothing_is_known_is_named():
    """Labels, numbers and dates; a single odd row is no news."""
    frame = pd.DataFrame({"shop": ["a", "b"] * 10, "cost": ["1,5", "2,5"] * 10, "n": range(20)})
    canonical = Canonicaliser().fit(frame)

    with pytest.warns(AutoArchWarning, match="'shop' of X holds nearly nothing that is known: 20 of 20"):
        canonical.transform(frame.assign(shop="other"))
    with pytest.warns(AutoArchWarning, match="'cost' of X holds nearly nothing"):
        canonical.transform(frame.assign(cost="dear"))
    assert np.isnan(canonical.transform(frame[:1].assign(shop="other"))).sum() == 1


def test_text_is_read_by_what_it_is_about():
    """Rows with the same words are near each other; one column more is the length."""
    rng = np.random.default_rng(0)
    about = rng.integers(0, 2, 120)
    words = np.array([["engine", "wheel", "brake", "clutch"], ["apple", "cherry", "lemon", "plum"]])
    texts = [f"{' '.join(rng.choice(words[topic], 3, replace=False))} {n}" for n, topic in enumerate(about)]
    coder = learn(texts)

    assert isinstance(coder, Text)
    X = coder.encode(pd.Series(texts))[:, 1:]
    centres = np.stack([X[about == topic].mean(axis=0) for topic in (0, 1)])
    nearest = np.square(X[:, None] - centres).sum(axis=2).argmin(axis=1)
    assert (nearest == about).mean() > 0.98
    assert np.isnan(coder.encode(pd.Series([None], dtype=object))).all()


def test_identities_become_their_numbers():
    """One column, and one more for what stands before them where that varies; no letters of theirs are counted."""
    texts = [f"{'north' if n % 3 else 'south'}-{n:04d}" for n in range(60)]
    coder = learn(texts)

    assert isinstance(coder, Serial) and coder.names_out() == ["it.number", "it.prefix"]
    np.testing.assert_array_equal(
        coder.encode(pd.Series(["north-0007", "west-12", "x", None])), [[7, 0], [12, NAN], [NAN, NAN], [NAN, NAN]]
    )
    assert learn([f"u{n}" for n in range(60)]).names_out() == ["it.number"]


def test_a_column_of_arrays_is_an_array():
    """Side columns are refused by name, as are arrays of several shapes."""
    pictures = np.random.default_rng(0).normal(size=(8, 5, 5))
    frame = pd.DataFrame({"picture": list(pictures)})
    canonical = Canonicaliser()

    np.testing.assert_allclose(canonical.fit_transform(frame), pictures.reshape(8, 25), rtol=1e-6)
    assert canonical.layout_.height == 5
    np.testing.assert_allclose(canonical.transform(frame[:2]), pictures[:2].reshape(2, 25), rtol=1e-6)
    with pytest.raises(InputTypeError, match=r"'picture' of X holds a ndarray.*numpy.stack\(X\['picture'\]\)"):
        Canonicaliser().fit(frame.assign(side=1.0))
    with pytest.raises(InputTypeError, match="X holds arrays of the shapes"):
        Canonicaliser().fit(pd.DataFrame({"picture": [np.zeros(3), np.zeros((4, 4))]}))


def test_idle_columns_are_named_by_their_reason():
    """Constant, empty, and copies."""
    X = np.random.default_rng(0).normal(size=(9, 5))
    X[:, 1], X[:, 2], X[:, 4] = 3, NAN, X[:, 0]

    assert copies_among(X, list("abcde")) == [
        "'c' has no value at all",
        "'b' has one value throughout",
        "'e' has the values of an earlier one",
    ]


def test_columns_that_tell_y_are_suspected():
    """A monotone copy, a code that determines y, an identity that is sorted by it; none that is merely good."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=200)
    good = y + 0.01 * rng.normal(size=200)
    assert suspected_leaks(np.column_stack([np.exp(y), good]), y, ["copy", "good"], classification=False) == ["copy"]

    labels = rng.integers(0, 2, 200)
    X = np.column_stack([10 * labels + rng.integers(0, 9, 200), labels + rng.normal(size=200), np.arange(200)])
    X = np.column_stack([X, np.argsort(np.argsort(labels + rng.random(200)))])
    found = suspected_leaks(X, labels, ["code", "good", "row", "sorted"], classification=True, categorical=(0,))
    assert found == ["code", "sorted"]


def test_styles_do_not_depend_on_the_order_of_rows():
    """Equal cells in another order are read alike."""
    texts = ["1,234", "2,5", "7 kg", "9 kg"]

    assert NumberStyle.learn(texts) == NumberStyle.learn(texts[::-1])
