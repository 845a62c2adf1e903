"""Folds follow from how the rows hang together, unless the user decides."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch._data.time_splits import LATER_ROWS, later_splits, stretch_splits
from autoarch.exceptions import AutoArchWarning, InputError, ParameterError

pytestmark = pytest.mark.usefixtures("probe_without_labels")

LINEAR = {"time_budget": None, "n_trials": 1, "families": "linear", "random_state": 0}
QUIET = {**LINEAR, "verbose": 0}


def patients(seed=0, k=40, each=15):
    """Visits of patients whose label no other patient tells of."""
    rng = np.random.default_rng(seed)
    who = rng.integers(k, size=k * each)
    X = pd.DataFrame(rng.normal(size=(k, 20))[who] + 0.2 * rng.normal(size=(len(who), 20))).add_prefix("c")
    y = rng.integers(0, 2, k)[who] ^ (rng.uniform(size=len(who)) < 0.05)
    return X.assign(patient=np.char.add("p", who.astype(str))), y, who


def drifting(n=600, seed=0):
    """A label that drifts with a date, rows in any order."""
    rng = np.random.default_rng(seed)
    t = rng.uniform(size=n)
    X = pd.DataFrame(rng.normal(size=(n, 3)), columns=list("abc"))
    X["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(900 * t, unit="h")
    return X, X["a"].to_numpy() + 3 * t + 0.3 * rng.normal(size=n), t


def test_groups_that_are_found_decide_the_folds_and_one_warning_says_how_to_decide_otherwise():
    """New patients are predicted by chance, whatever random folds promise."""
    X, y, _ = patients()
    with pytest.warns(AutoArchWarning) as told:
        found = AutoArchClassifier(**LINEAR).fit(X, y)
    assert len(told) == 1
    assert "40 groups, named by 'patient'" in str(told[0].message)
    assert "rows='independent'" in str(told[0].message)
    assert "groups of 'patient'" in found.splits_
    assert found.rows_.found == ("groups",)
    assert found.estimated_score_ < 0.7


def test_scores_answer_the_hard_question_first_and_the_easy_one_by_the_winner():
    """New patients score by chance, new visits of known ones far better; the report says so in a sentence."""
    X, y, _ = patients()
    model = AutoArchClassifier(**QUIET).fit(X, y)
    assert list(model.scores_.columns) == ["question", "score", "std_error", "n_units", "how"]
    groups, rows = model.scores_.itertuples(index=False)
    assert (groups.question, rows.question) == ("new groups", "new rows")
    assert (groups.score, groups.std_error) == (model.estimated_score_, model.estimated_score_std_error_)
    assert groups.n_units == 40
    assert rows.score > groups.score + 2 * (rows.std_error + groups.std_error)
    assert model.rows_.in_short.startswith("The 600 rows are 40 groups, one for each 'patient'; new groups will score")
    assert "new rows of known groups" in model.rows_.in_short
    assert model.rows_.in_short in model.summary_ and "expected on new groups" in model.summary_


def test_the_standard_error_is_that_of_groups_where_their_scores_differ():
    """Half of the patients can be told, the others cannot: twenty patients are no thousand rows."""
    rng = np.random.default_rng(3)
    who = np.repeat(np.arange(20), 50)
    sick, clear = rng.integers(0, 2, 1000), rng.uniform(size=20)[who] > 0.5
    X = rng.normal(size=(1000, 4))
    X[:, 0] += 3 * (sick - 0.5) * clear
    model = AutoArchClassifier(**QUIET).fit(X, sick, groups=who)
    of_rows = np.sqrt(model.estimated_score_ * (1 - model.estimated_score_) / 1000)
    assert model.estimated_score_std_error_ > 2 * of_rows


def test_rows_that_are_said_to_be_independent_are_asked_nothing():
    """Then folds are random, nothing is told, and the score is that of known patients."""
    X, y, _ = patients()
    with warnings.catch_warnings():
        warnings.simplefilter("error", AutoArchWarning)
        model = AutoArchClassifier(**LINEAR, rows="independent").fit(X, y)
    assert model.splits_ == "5 folds, stratified by class"
    assert model.rows_.evidence == ()
    assert model.estimated_score_ > 0.8


@pytest.mark.parametrize("given", ["groups", "cv", "time"])
def test_what_the_user_says_wins(given):
    """Groups, splitters and a column of time are used as they are, without a warning."""
    X, y, who = patients()
    X["visit"] = np.arange(len(X))
    parameters = {"cv": {"cv": KFold(3)}, "time": {"time": "visit"}}.get(given, {})
    with warnings.catch_warnings():
        warnings.simplefilter("error", AutoArchWarning)
        model = AutoArchClassifier(**LINEAR, **parameters).fit(X, y, groups=who // 2 if given == "groups" else None)
    said = {"groups": "5 folds, whole groups", "cv": "KFold", "time": "by 'visit'"}
    assert said[given] in model.splits_
    assert "groups of" not in model.splits_


def test_a_label_that_drifts_is_judged_on_later_rows():
    """The estimate is that of later rows, where random folds know both sides."""
    X, y, _ = drifting()
    model = AutoArchRegressor(**QUIET).fit(X, y)
    assert model.rows_.found == ("time",)
    assert "judged on later ones, by 'day'" in model.splits_


def test_cv_time_takes_the_only_date_or_the_order_of_the_rows():
    """No test has to find that time matters."""
    X, y, _ = drifting(200)
    assert "by 'day'" in AutoArchRegressor(**QUIET, cv="time").fit(X, y).splits_
    plain = X.drop(columns="day").to_numpy()
    assert "by the order of the rows" in AutoArchRegressor(**QUIET, cv="time").fit(plain, y).splits_


def test_copies_stay_on_one_side():
    """A row that was repeated is not judged by its copy."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 5)), rng.integers(0, 2, 300)
    rows = rng.permutation(np.r_[np.arange(300), rng.integers(0, 300, 300)])
    model = AutoArchClassifier(**QUIET | {"families": "tree"}).fit(X[rows], y[rows])
    assert "copies" in model.splits_
    assert model.estimated_score_ < 0.65
    assert list(model.scores_["question"]) == ["new rows"]


def test_a_place_is_never_parted_by_a_random_fold():
    """Rows of one station are on one side of all folds."""
    rng = np.random.default_rng(1)
    where = np.repeat(np.arange(60), 6)
    X = pd.DataFrame({"x": rng.uniform(size=60)[where], "y": rng.uniform(size=60)[where], "a": rng.normal(size=360)})
    y = np.sin(6 * X["x"]) + X["y"] + 0.1 * X["a"]
    model = AutoArchRegressor(**QUIET, coordinates=("x", "y")).fit(X, y)
    assert "random places, each with all of its rows" in model.splits_


def test_places_that_repeat_stay_together_where_labels_are_not_alike_nearby():
    """Declared coordinates say which rows are of one place."""
    rng = np.random.default_rng(4)
    where = np.repeat(np.arange(60), 5)
    X = pd.DataFrame({"x": rng.uniform(size=60)[where], "y": rng.uniform(size=60)[where], "a": rng.normal(size=300)})
    model = AutoArchRegressor(**QUIET, coordinates=("x", "y")).fit(X, X["a"] + 0.3 * rng.normal(size=300))
    assert "the rows of a place are one group" in model.splits_
    assert list(model.scores_["question"]) == ["new places in between", "same places"]
    assert model.scores_["n_units"].iloc[0] == 60


def test_a_map_that_nobody_declared_is_one_more_question():
    """Folds stay random, and the winner says what it scores where nothing is known nearby."""
    rng = np.random.default_rng(5)
    X = pd.DataFrame({"lon": rng.uniform(0, 10, 500), "lat": rng.uniform(40, 50, 500), "a": rng.normal(size=500)})
    y = np.sin(2 * X["lon"]) + np.cos(2 * X["lat"]) + 0.1 * X["a"]
    model = AutoArchRegressor(**QUIET | {"families": "tree"}).fit(X, y)
    assert list(model.scores_["question"]) == ["new rows", "new places"]
    between, away = model.scores_["score"]
    assert between > away + 0.1
    assert "blocks of the map" in model.scores_["how"].iloc[1]


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        pytest.param({"rows": "dependent"}, ParameterError, "rows='dependent'", id="rows"),
        pytest.param({"time": "dya"}, ParameterError, "Did you mean 'day'", id="no-column"),
        pytest.param({"time": "same"}, InputError, "1 different values", id="one-time"),
    ],
)
def test_what_makes_no_sense_is_refused(parameters, error, message):
    """The message says what came, and what would do."""
    X, y, _ = drifting(60)
    with pytest.raises(error, match=message):
        AutoArchRegressor(**QUIET, **parameters).fit(X.assign(same=1.0), y)


def test_later_splits_train_on_what_comes_before():
    """Rows of one time are not parted, and the first split trains on half of the rows."""
    rng = np.random.default_rng(2)
    times = rng.integers(0, 40, 400)
    plan = later_splits(rng.normal(size=400), times, task="regression")
    assert plan.estimands == (LATER_ROWS,) * 5
    for train, valid in plan.splits:
        assert times[train].max() < times[valid].min()
        assert len(train) >= 180


def test_stretches_are_held_out_whole():
    """Each fold holds two stretches; a group that is judged does not train."""
    position, groups = np.arange(300), np.arange(300) // 50
    plan = stretch_splits(np.arange(300) % 2, position, task="classification", groups=groups)
    for train, valid in plan.splits:
        assert (np.diff(valid) > 1).sum() <= 1
        assert not set(groups[train]) & set(groups[valid])
