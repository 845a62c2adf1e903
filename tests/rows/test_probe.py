"""What ``probe_rows`` names, and what it does not."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from autoarch import RowReport, probe_rows
from autoarch._data.canonical import Canonicaliser
from autoarch.exceptions import InputError, ParameterError
from autoarch.rows.copies import find_copies


def patients(rng, k=30, each=20, noise=0.5):
    """Rows of patients that share features and a label."""
    who = rng.integers(k, size=k * each)
    X = pd.DataFrame(rng.normal(size=(k, 6))[who] + noise * rng.normal(size=(len(who), 6)), columns=list("abcdef"))
    return X, rng.integers(0, 2, k)[who], np.char.add("p", who.astype(str))


def stations(rng, k=50, days=15):
    """Days at stations that no column names."""
    where = np.repeat(np.arange(k), days)
    X = pd.DataFrame({"east": rng.uniform(size=k), "north": rng.uniform(size=k), "height": rng.integers(0, 900, k)})
    X = X.iloc[where].reset_index(drop=True)
    X["temp"] = rng.normal(size=len(X))
    return X, rng.normal(size=k)[where] + X["temp"].to_numpy() + 0.3 * rng.normal(size=len(X)), where


def same_groups(one, other):
    """Whether two codings part the rows alike."""
    return len(set(zip(one, other, strict=True))) == len(set(one)) == len(set(other))


def test_a_column_that_names_patients_is_named_and_its_levels_are_the_groups():
    """Other columns tell who a row belongs to: that is a leak in random folds."""
    X, y, who = patients(np.random.default_rng(0))
    report = probe_rows(X.assign(patient=who), y, random_state=0)
    assert report.found == ("groups",)
    assert same_groups(report.groups, who)
    assert "'patient'" in str(report)
    assert "new groups" in str(report)


@pytest.mark.parametrize("visit", [pytest.param(False, id="repeats"), pytest.param(True, id="with-a-visit")])
def test_an_index_may_name_groups(visit):
    """The subject of a row often stands in the index, alone or in front of the number of a visit."""
    X, y, who = patients(np.random.default_rng(1))
    names = [f"{each}_{row}.png" for row, each in enumerate(who)] if visit else who
    report = probe_rows(X.set_index(pd.Index(names, name="subject")), y, random_state=0)
    assert same_groups(report.groups, who)
    assert report.of("groups").name == ("the start of " if visit else "") + "the index 'subject'"


def test_a_strong_categorical_feature_is_no_group():
    """A shop with an effect of its own is a good feature: no other column tells which shop a row is of."""
    rng = np.random.default_rng(2)
    shop, X = rng.integers(40, size=1500), pd.DataFrame(rng.normal(size=(1500, 4)), columns=list("abcd"))
    y = 2 * rng.normal(size=40)[shop] + X["a"] + 0.3 * rng.normal(size=1500)
    assert probe_rows(X.assign(shop=np.char.add("s", shop.astype(str))), y, random_state=0).found == ()


def test_cities_whose_features_differ_are_no_groups_where_the_label_follows_the_features():
    """Then the nearest row of another city serves as well."""
    rng = np.random.default_rng(3)
    city = rng.integers(50, size=2000)
    X = pd.DataFrame(rng.normal(size=(2000, 4)) + rng.normal(size=(50, 4))[city], columns=list("abcd"))
    y = X["a"] + X["b"] + 0.3 * rng.normal(size=2000)
    assert probe_rows(X.assign(city=np.char.add("c", city.astype(str))), y, random_state=0).found == ()


def test_stations_without_a_name_are_found_by_what_is_constant_in_them():
    """Two measurements that are constant within groups betray these."""
    X, y, where = stations(np.random.default_rng(4))
    report = probe_rows(X, y, random_state=0)
    assert report.found == ("groups",)
    assert same_groups(report.groups, where)


def test_a_whole_number_whose_neighbours_are_alike_is_a_quantity():
    """Ages repeat as names do."""
    rng = np.random.default_rng(5)
    age = rng.integers(20, 80, 1500)
    X = pd.DataFrame({"age": age, "pay": age + 5 * rng.normal(size=1500), "weight": 0.5 * age + rng.normal(size=1500)})
    assert probe_rows(X, np.sin(age / 5) + 0.2 * rng.normal(size=1500), random_state=0).found == ()


def test_pixels_of_a_scrambled_picture_name_no_groups():
    """Each has few whole numbers that the others betray, but all of them are readings of one kind."""
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(1)
    rows = rng.permutation(len(X))[:600]

    assert probe_rows(X[rows][:, rng.permutation(64)], y[rows], random_state=0).found == ()


def test_copies_of_a_rare_class_are_found_and_grouped():
    """So does a sampler that repeats rows."""
    rng = np.random.default_rng(6)
    X, y = rng.normal(size=(500, 6)), rng.integers(0, 2, 500)
    rows = rng.permutation(np.r_[np.arange(500), rng.integers(0, 50, 300)])
    report = probe_rows(X[rows], y[rows], random_state=0)
    assert report.found == ("copies",)
    assert same_groups(report.groups, rows)


@pytest.mark.parametrize(
    ("written", "offset"),
    [
        pytest.param(lambda rows: rows.astype(np.float32), 0.0, id="float32"),
        pytest.param(lambda rows: rows.astype(np.float32), 1e4, id="float32-far-from-zero"),
        pytest.param(lambda rows: rows.astype(np.float16), 0.0, id="float16"),
        pytest.param(lambda rows: rows * (1 + 1e-3 * np.sin(1e6 * rows)), 0.0, id="augmented"),
    ],
)
def test_copies_are_found_through_small_noise(written, offset):
    """Two files that share rows were written with different digits."""
    X = np.random.default_rng(7).normal(size=(400, 10)) + offset
    found = find_copies(np.r_[X, written(X[:100])], 0)
    assert found.n >= 97
    assert found.excess > 0.15


@pytest.mark.parametrize("n_factors", [pytest.param(1, id="all-columns-say-the-same"), pytest.param(3, id="density")])
def test_rows_that_are_near_where_rows_are_dense_are_no_copies(n_factors):
    """Near pairs of a density grow with the distance; those of copies do not."""
    rng = np.random.default_rng(13)
    X = rng.normal(size=(600, n_factors)) @ rng.normal(size=(n_factors, 4)) + 1e-4 * rng.normal(size=(600, 4))
    assert find_copies(X, 0) is None


@pytest.mark.parametrize(
    ("values", "share"),
    [pytest.param((3,) * 5, [0.6, 0.3, 0.1], id="most-are-equal"), pytest.param((5, 5, 5, 5, 10), None, id="a-tenth")],
)
def test_equal_rows_of_few_distinct_values_are_no_structure(values, share):
    """Among 1,000 rows of five columns with few values many are equal to another one."""
    rng = np.random.default_rng(8)
    X = np.stack([rng.choice(n, size=1000, p=share) for n in values], axis=1)
    report = probe_rows(X, rng.integers(0, 2, 1000), random_state=0)
    assert report.found == ()
    assert report.groups is None
    assert "by chance" in str(report)


def test_windows_are_named():
    """Overlapping windows of a record hang together, whatever the order of the rows."""
    rng = np.random.default_rng(9)
    X = np.lib.stride_tricks.sliding_window_view(np.cumsum(rng.normal(size=600)), 30)[rng.permutation(500)]
    report = probe_rows(X / X[:, -1:], rng.integers(0, 2, 500), random_state=0)
    assert report.found == ("windows",)


@pytest.mark.parametrize("drift", [pytest.param(3.0, id="drifts"), pytest.param(0.0, id="says-nothing")])
def test_a_date_matters_where_the_label_drifts_with_it(drift):
    """And not where it says nothing."""
    rng = np.random.default_rng(10)
    X, t = pd.DataFrame(rng.normal(size=(800, 4)), columns=list("abcd")), rng.uniform(size=800)
    y = X["a"] + drift * t + 0.3 * rng.normal(size=800)
    report = probe_rows(
        X.assign(day=pd.Timestamp("2024-01-01") + pd.to_timedelta(900 * t, unit="h")), y, random_state=0
    )
    assert report.found == (("time",) if drift else ())
    assert (report.order is not None) == bool(drift)


def test_neighbours_in_the_order_of_the_rows_are_found_but_not_a_sorted_file():
    """A file that is sorted by its label looks ordered, and says nothing about time."""
    rng = np.random.default_rng(11)
    walk = rng.normal(size=(900, 6))
    for row in range(1, 900):
        walk[row] += 0.97 * walk[row - 1]
    X, y = walk[:, :5] + 0.3 * rng.normal(size=(900, 5)), walk[:, 5]
    assert probe_rows(X, y, random_state=0).found == ("time",)
    rows = rng.permutation(900)
    assert probe_rows(X[rows], y[rows], random_state=0).found == ()
    rows = np.argsort(y)
    assert probe_rows(X[rows], y[rows], random_state=0).found == ()


def test_features_that_wander_off_are_asked_about_the_order_and_a_nearly_sorted_one_is_not():
    """A walk ends far from where it began, and is not sorted by it."""
    rng = np.random.default_rng(14)
    walk = np.cumsum(rng.normal(size=(900, 3)), axis=0)
    walk[:, 0] += 0.15 * np.arange(900)  # more than .8 of rank correlation with the order
    y = walk[:, 2] + 0.1 * rng.normal(size=900)
    assert probe_rows(walk[:, :2], y, random_state=0).found == ("time",)
    X = rng.normal(size=(900, 3))
    X[:, 0] = np.sort(X[:, 0]) + 0.02 * rng.normal(size=900)
    assert probe_rows(X, X @ [1, 1, 0], random_state=0).of("time") is None


def test_labels_that_are_alike_nearby_are_named_and_repeated_places_alone_are_not():
    """Rows at one place are alike because they are the same place."""
    rng = np.random.default_rng(12)
    X = pd.DataFrame({"x": rng.uniform(size=500), "y": rng.uniform(size=500), "a": rng.normal(size=500)})
    y = np.sin(8 * X["x"]) + X["y"] + 0.1 * rng.normal(size=500)
    assert "space" in probe_rows(X, y, coordinates=("x", "y"), random_state=0).found
    X, y, _ = stations(rng)
    assert probe_rows(X, y, coordinates=("east", "north"), random_state=0).found == ("groups",)


def test_known_groups_are_reported_and_not_looked_for():
    """What the user says wins."""
    X, y, who = patients(np.random.default_rng(13))
    report = probe_rows(X, y, groups=who, random_state=0)
    assert report.found == ()
    assert same_groups(report.groups, who)


def test_a_report_is_a_table_a_text_and_a_view():
    """One row for each question that was asked."""
    X, y, who = patients(np.random.default_rng(14))
    report = probe_rows(X.assign(patient=who), y, random_state=0)
    table = report.to_frame()
    assert list(table["question"]) == ["copies", "windows", "groups", "time"]
    assert table.set_index("question").loc["groups", "p_value"] < 1e-3
    assert "groups" in report._repr_html_()
    assert isinstance(report, RowReport)


def test_the_same_seed_gives_the_same_answer():
    """Samples and permutations follow from the seed."""
    X, y, who = patients(np.random.default_rng(15))
    one, other = (probe_rows(X.assign(patient=who), y, random_state=3).to_frame() for _ in range(2))
    pd.testing.assert_frame_equal(one, other)


def test_words_of_several_letters_may_name_groups_and_codes_that_begin_alike_do_not():
    """Names of farms are read as text; codes of rows start with what says nothing."""
    X, y, who = patients(np.random.default_rng(15))
    farms = [f"farm {['north', 'south', 'east', 'west'][len(each) % 4]} of {each[1:]} oaks" for each in who]
    report = probe_rows(X.assign(farm=farms), y, random_state=0)
    assert same_groups(report.groups, who)
    rng = np.random.default_rng(15)
    codes = [f"{rng.integers(10, 60)}-{row}" for row in range(len(X))]
    X = pd.DataFrame(rng.normal(size=(len(X), 3)), index=codes)
    assert probe_rows(X, X[0], random_state=0).found == ()


def test_names_of_many_levels_keep_their_levels():
    """More levels than the canonical matrix tells apart."""
    rng = np.random.default_rng(16)
    X, y, who = patients(rng, k=400, each=6, noise=0.2)
    report = probe_rows(X.assign(user=who), y, random_state=0)
    assert len(set(report.groups)) == len(set(who))


def test_a_time_that_is_no_column_is_an_error():
    """The message names a column that was meant."""
    X = pd.DataFrame({"when": [1.0, 2.0, np.nan], "a": [1, 2, 3]})
    with pytest.raises(ParameterError, match="Did you mean 'when'"):
        probe_rows(X, [0, 1, 0], time="wen")
    with pytest.raises(InputError, match="1 rows have no time"):
        probe_rows(X, [0, 1, 0], time="when")


def test_columns_of_a_grid_are_no_names():
    """Cells of a picture repeat their values."""
    X = np.random.default_rng(17).integers(0, 12, size=(300, 8, 8))
    assert Canonicaliser().fit_transform(X).shape == (300, 64)
    assert probe_rows(X, np.arange(300) % 2, random_state=0).found == ()


def test_groups_that_some_columns_tell_are_found_among_many_that_tell_nothing():
    """Near rows are looked for in the columns that betray the level, too."""
    rng = np.random.default_rng(18)
    X, y, who = patients(rng, k=40, each=20, noise=1.0)
    noise = pd.DataFrame(rng.normal(size=(len(X), 16))).add_prefix("n")
    assert probe_rows(X.join(noise).assign(patient=who), y, random_state=0).found == ("groups",)


def test_a_number_of_a_model_is_no_group_where_the_brand_is_all_that_tells():
    """A brand is a coarser name of what the number names."""
    rng = np.random.default_rng(19)
    model = rng.integers(80, size=2000)
    X = pd.DataFrame({"brand": np.char.add("b", (model // 8).astype(str)), "power": rng.integers(60, 300, 80)[model]})
    X["distance"] = rng.integers(0, 200_000, 2000)
    y = 2 * rng.normal(size=80)[model] - X["distance"] / 5e4 + 0.3 * rng.normal(size=2000)
    assert probe_rows(X, y, random_state=0).found == ()


def test_copies_are_found_beside_a_column_that_numbers_the_rows():
    """A row number tells rows apart that are equal in all that was measured."""
    rng = np.random.default_rng(20)
    X, y = pd.DataFrame(rng.normal(size=(500, 5)), columns=list("abcde")), rng.integers(0, 2, 500)
    rows = rng.permutation(np.r_[np.arange(500), rng.integers(0, 500, 200)])
    table = X.iloc[rows].reset_index(drop=True)
    for numbers in (np.arange(700), [f"r{i}" for i in range(700)]):
        assert probe_rows(table.assign(number=numbers), y[rows], random_state=0).found == ("copies",)


def test_a_row_of_zeros_that_is_frequent_is_no_copy():
    """Half of the people bought nothing: that is a value of the table."""
    rng = np.random.default_rng(21)
    X = np.where(rng.random((1500, 1)) < 0.5, 0, rng.integers(0, 4, size=(1500, 9)))
    report = probe_rows(X, (X.sum(axis=1) + 3 * rng.normal(size=1500) > 8).astype(int), random_state=0)
    assert report.found == ()
    assert report.of("copies").effect < 0.03


@pytest.mark.parametrize(
    ("name", "times", "found"),
    [
        pytest.param("year", lambda t: 1990 + np.sort(30 * t).astype(int), ("time",), id="years-in-order"),
        pytest.param("year", lambda t: 1990 + (30 * t).astype(int), (), id="years-of-construction"),
        pytest.param("time", lambda t: 100 * t, ("time",), id="even-times"),
        pytest.param("time", lambda t: np.exp(3 * t), (), id="a-duration"),
        pytest.param("size", lambda t: 100 * t, (), id="another-number"),
    ],
)
def test_numbers_are_times_where_they_are_called_so_and_look_like_it(name, times, found):
    """A label that drifts with a year is no matter of a feature; one that follows a duration is."""
    rng = np.random.default_rng(22)
    X, t = pd.DataFrame(rng.normal(size=(900, 4)), columns=list("abcd")), rng.uniform(size=900)
    if (np.diff(times(t)) >= 0).all():
        t = np.sort(t)
    y = X["a"] + 3 * t + 0.3 * rng.normal(size=900)
    assert probe_rows(X.assign(**{name: times(t)}), y, random_state=0).found == found


def test_what_comes_and_goes_with_the_seasons_is_found():
    """Coarse parts of the time are alike; fine ones are not."""
    rng = np.random.default_rng(23)
    X, t = pd.DataFrame(rng.normal(size=(1500, 4)), columns=list("abcd")), rng.uniform(size=1500)
    y = X["a"] + 2 * np.sin(20 * t) + 0.3 * rng.normal(size=1500)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(1000 * t, unit="D")
    report = probe_rows(X.assign(day=days), y, random_state=0)
    assert report.found == ("time",)
    assert not report.drifts


def test_a_file_that_goes_through_a_map_is_not_asked_about_time():
    """Rows that follow each other are places close to each other."""
    rng = np.random.default_rng(24)
    lon = np.sort(rng.uniform(0, 10, 800))
    X = pd.DataFrame({"lon": lon, "lat": rng.uniform(40, 41, 800), "a": rng.normal(size=800)})
    y = np.sin(lon) + 0.2 * rng.normal(size=800)
    report = probe_rows(X, y, random_state=0)
    assert report.found == ("space",)
    assert report.of("time") is None
