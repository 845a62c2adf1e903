"""What ``probe_rows`` names, and what it does not."""

import numpy as np
import pandas as pd
import pytest

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


def test_an_index_that_repeats_may_name_groups():
    """The subject of a row often stands in the index."""
    X, y, who = patients(np.random.default_rng(1))
    report = probe_rows(X.set_index(pd.Index(who, name="subject")), y, random_state=0)
    assert same_groups(report.groups, who)
    assert "index 'subject'" in report.of("groups").name


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


def test_copies_of_a_rare_class_are_found_and_grouped():
    """So does a sampler that repeats rows."""
    rng = np.random.default_rng(6)
    X, y = rng.normal(size=(500, 6)), rng.integers(0, 2, 500)
    rows = rng.permutation(np.r_[np.arange(500), rng.integers(0, 50, 300)])
    report = probe_rows(X[rows], y[rows], random_state=0)
    assert report.found == ("copies",)
    assert same_groups(report.groups, rows)


def test_copies_are_found_through_the_noise_of_float32():
    """Two files that share rows were written with different digits."""
    X = np.random.default_rng(7).normal(size=(400, 8))
    found = find_copies(np.r_[X, X[:100].astype(np.float32)], 0)
    assert found.n == 100


def test_equal_rows_of_few_distinct_values_are_no_structure():
    """Among 1,000 rows of five columns with three values each most are equal to another one."""
    rng = np.random.default_rng(8)
    X = rng.choice(3, size=(1000, 5), p=[0.6, 0.3, 0.1])
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
