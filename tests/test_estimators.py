"""The two estimators from outside: inputs, attributes, repeatability, faults."""

import io
import os
import pickle
import warnings
from contextlib import redirect_stderr, redirect_stdout
from inspect import signature

import numpy as np
import pandas as pd
import pytest
from quick import QuickCNN, QuickTree
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import DataConversionWarning
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline
from threadpoolctl import ThreadpoolController, threadpool_limits

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch.exceptions import AutoArchWarning, ParameterError, SearchInterruptedWarning
from autoarch.families import Family
from autoarch.locality.grid_statistics import Measurements

QUICK = {"time_budget": None, "n_trials": 2, "random_state": 0, "verbose": 0}
LINEAR = {**QUICK, "n_trials": 1, "families": "linear"}


quick_probe = pytest.mark.usefixtures("probe_without_labels")


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return X, np.array(["setosa", "versicolor", "virginica"])[y]


@pytest.fixture(scope="module")
def fitted(iris):
    return AutoArchClassifier(**QUICK, families=["linear", QuickTree]).fit(*iris)


def test_the_attributes_tell_what_was_found(fitted, iris):
    """Everything that the class documents is there and agrees with the rest."""
    X, y = iris
    table = fitted.leaderboard_
    assert set(table["family"]) == {"baseline", "linear", "tree"}
    assert fitted.best_family_ in {"linear", "tree"}
    winner = table[table["family"] == fitted.best_family_].iloc[0]
    assert fitted.ensemble_["score"].iloc[0] == winner["score"]
    assert abs(fitted.best_score_ - winner["score"]) <= 2 * fitted.estimated_score_std_error_
    assert abs(fitted.estimated_score_ - fitted.best_score_) < 0.1
    assert 0 < fitted.estimated_score_std_error_ < 0.1
    assert fitted.stopped_by_ == "n_trials"
    assert set(fitted.fitted_on_.split("; ")) <= {"all 150 rows", "5 folds, averaged (120 rows each)"}
    assert table.columns[:4].tolist() == ["rank", "family", "params", "score"]
    assert set(table.loc[table["family"] != "baseline", "splits"]) == {5}
    assert set(table.loc[table["family"] != "baseline", "rows"]) == {120}
    assert not table["cut"].any()
    assert len(fitted.study_.trials) == 2
    assert list(fitted.classes_) == ["setosa", "versicolor", "virginica"]
    assert fitted.n_features_in_ == 4
    assert fitted.score(X, y) > 0.9


def test_the_best_estimator_is_a_pipeline_on_the_users_data(fitted, iris):
    """It predicts the same labels from the same X, and takes its own parameters back."""
    X, y = iris
    np.testing.assert_array_equal(fitted.best_estimator_.predict(X), fitted.predict(X))
    fitted.best_estimator_.set_params(**fitted.best_params_)
    again = clone(fitted.best_estimator_).set_params(**fitted.best_params_).fit(X, y)
    assert again.score(X, y) > 0.9
    assert hasattr(fitted.best_estimator_[-1], "predict_proba")


def test_one_seed_one_result(fitted, iris):
    """Without a clock, seed and data decide; the user's random state is not touched."""
    X, y = iris
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    again = clone(fitted).fit(X, y)
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    boards = [model.leaderboard_.drop(columns=["seconds", "predict_seconds", "params"]) for model in (again, fitted)]
    pd.testing.assert_frame_equal(*boards)


def test_pickle_keeps_the_predictions(fitted, iris):
    """A fitted estimator travels whole."""
    X, _ = iris
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(X), fitted.predict_proba(X))


def as_frame(X):
    return pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])])


@quick_probe
@pytest.mark.parametrize(
    "convert",
    [
        pytest.param(lambda X: X.tolist(), id="list"),
        pytest.param(np.asfortranarray, id="fortran"),
        pytest.param(sparse.csr_array, id="sparse"),
        pytest.param(as_frame, id="frame"),
        pytest.param(lambda X: X.reshape(-1, 2, 2), id="n-H-W"),
        pytest.param(lambda X: X.reshape(-1, 1, 2, 2), id="n-C-H-W"),
        pytest.param(lambda X: X.astype(np.float16), id="float16"),
    ],
)
def test_every_form_of_x_is_taken(convert, iris):
    """The same numbers in another form give a model as good."""
    X, y = iris
    clf = AutoArchClassifier(**LINEAR).fit(convert(X), y)
    assert clf.score(convert(X), y) > 0.9


@pytest.mark.parametrize("family", ["tree", "mlp", "linear"])
def test_a_mixed_table_with_holes(family):
    """Categories, dates, flags and missing values; unseen categories and other column orders at predict time."""
    rng = np.random.default_rng(0)
    n = 120
    colour = rng.choice(["red", "green", "blue"], size=n)
    X = pd.DataFrame(
        {
            "colour": pd.Categorical(colour),
            "size": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
            "flag": rng.random(n) < 0.5,
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(900, size=n), unit="D"),
            "empty": np.nan,
        }
    )
    y = np.where(colour == "red", "stop", "go")
    clf = AutoArchClassifier(**{**QUICK, "n_trials": 1}, families=family, cv=2).fit(X, y)
    assert clf.score(X, y) > 0.95
    new = X[X.columns[::-1]].assign(colour="violet")
    assert set(clf.predict(new)) <= {"stop", "go"}
    np.testing.assert_array_equal(clf.predict(X[X.columns[::-1]]), clf.predict(X))
    with pytest.raises(ValueError, match="size"):
        clf.predict(X.drop(columns="size"))


def test_a_declared_layout_is_used():
    """Flat columns become the grid that the user names, and the cnn family sees it."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 12)), np.arange(60) % 2
    clf = AutoArchClassifier(**{**QUICK, "n_trials": 1}, families=QuickCNN, layout=(3, 4)).fit(X, y)
    assert clf.layout_.shape == (1, 3, 4)
    assert clf.best_estimator_[-1].input_shape_ == (1, 3, 4)
    with pytest.raises(ValueError, match="layout"):
        AutoArchClassifier(**QUICK, families="cnn", layout=None).fit(X, y)


@quick_probe
def test_a_family_that_cannot_serve_is_listed_with_its_reason(iris):
    """Nothing is left out in silence."""
    X, y = iris
    table = AutoArchClassifier(**QUICK, families=["linear", "cnn"], layout=None).fit(X, y).leaderboard_
    left_out = table[table["status"] == "skipped"].iloc[0]
    assert left_out["family"] == "cnn"
    assert "layout" in left_out["reason"]


@quick_probe
def test_a_regressor_searches_by_r2_and_takes_weights():
    """Weights and groups go where they belong."""
    X, y = load_diabetes(return_X_y=True)
    reg = AutoArchRegressor(**LINEAR, cv=GroupKFold(3))
    reg.fit(X, y, sample_weight=np.linspace(0.1, 1, len(y)), groups=np.arange(len(y)) % 7)
    assert 0.3 < reg.best_score_ < 0.6
    assert reg.predict(X[:3]).shape == (3,)


class Failing(Family):
    """A family whose models never fit."""

    name = "failing"

    def suggest(self, trial, problem):
        return {}

    def build(self, params, problem, seed):
        return [("model", FailingModel())]


class FailingModel(DummyClassifier):
    """Raises at once."""

    def fit(self, X, y, sample_weight=None):
        raise ArithmeticError("broken on purpose")


class Interrupting(Failing):
    """A family during whose first fit the user presses Ctrl-C."""

    name = "interrupting"

    def build(self, params, problem, seed):
        raise KeyboardInterrupt


@quick_probe
def test_failing_trials_are_recorded_and_the_search_goes_on(iris):
    """The reason stands in the leaderboard; the others win."""
    X, y = iris
    clf = AutoArchClassifier(**{**QUICK, "n_trials": 3}, families=[Failing(), "linear"]).fit(X, y)
    failed = clf.leaderboard_[clf.leaderboard_["status"] == "failed"]
    assert "broken on purpose" in failed.iloc[0]["reason"]
    assert clf.best_family_ == "linear"


@quick_probe
def test_when_every_trial_fails_the_baseline_stays(iris):
    """There is always a model, and a warning that says why it is this one."""
    X, y = iris
    clf = AutoArchClassifier(**QUICK, families=[Failing()])
    with pytest.warns(AutoArchWarning, match="broken on purpose"):
        clf.fit(X, y)
    assert clf.best_family_ == "baseline"
    assert clf.score(X, y) > 0.9


@quick_probe
def test_ctrl_c_keeps_the_best_so_far(iris):
    """The estimator is usable and says that it was interrupted."""
    X, y = iris
    clf = AutoArchClassifier(**{**QUICK, "n_trials": 5}, families=["linear", Interrupting()])
    with pytest.warns(SearchInterruptedWarning, match="interrupted"):
        clf.fit(X, y)
    assert clf.stopped_by_ == "interrupt"
    assert clf.score(X, y) > 0.8
    assert "interrupted by the user" in set(clf.leaderboard_["reason"])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        pytest.param({"time_budget": None, "n_trials": None}, "n_trials", id="no-end"),
        pytest.param({"time_budget": -1}, "time_budget", id="negative"),
        pytest.param({"n_trials": 0}, "n_trials", id="no-trial"),
        pytest.param({"families": "forest"}, "families", id="family"),
        pytest.param({"scoring": "acc"}, "accuracy|scoring", id="scoring"),
        pytest.param({"cv": 1}, "cv", id="one-fold"),
        pytest.param({"channels": "middle"}, "channels", id="channels"),
        pytest.param({"layout": (3, 3)}, "Grids that fit", id="layout"),
        pytest.param({"random_state": "x"}, "random_state", id="seed"),
    ],
)
def test_a_bad_parameter_is_named_before_any_work(parameters, message, iris):
    """What came, what was expected."""
    with pytest.raises(ValueError, match=message):
        AutoArchClassifier(**{**QUICK, **parameters}).fit(*iris)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda X, y: (X, y[:-1]), "inconsistent", id="length"),
        pytest.param(lambda X, y: (X, np.full(len(y), "a")), "class", id="one-class"),
        pytest.param(lambda X, y: (X[:1], y[:1]), "1", id="one-row"),
        pytest.param(lambda X, y: (np.where(X > 5, np.inf, X), y), "infinity", id="infinite"),
        pytest.param(lambda X, y: (X + 1j, y), "omplex", id="complex"),
        pytest.param(lambda X, y: (X[None, None, None], y), "dim|5", id="five-d"),
        pytest.param(lambda X, y: (X, np.arange(2 * len(y)).reshape(-1, 2)), "MultiOutputClassifier", id="two-columns"),
        pytest.param(lambda X, y: (X, np.where(np.arange(len(y)) == 3, np.nan, 1.0)), "NaN", id="nan-label"),
    ],
)
def test_bad_data_are_refused_at_the_door(change, message, iris):
    """A clear error before any long work."""
    with pytest.raises((ValueError, TypeError), match=message):
        AutoArchClassifier(**QUICK).fit(*change(*iris))


@quick_probe
def test_a_column_of_labels_is_ravelled_with_a_warning(iris):
    """As scikit-learn does."""
    X, y = iris
    with pytest.warns(DataConversionWarning):
        AutoArchClassifier(**LINEAR).fit(X, y[:, None])


def test_other_shapes_at_predict_time_are_refused(fitted, iris):
    """Wrong counts and cells raise in scikit-learn's words."""
    X, _ = iris
    with pytest.raises(ValueError, match="3 features, but AutoArchClassifier is expecting 4"):
        fitted.predict(X[:, :3])


def test_silence_and_no_stray_files(iris, tmp_path, monkeypatch):
    """verbose=0 prints nothing, warns of nothing, leaves nothing behind."""
    monkeypatch.chdir(tmp_path)
    out, err = io.StringIO(), io.StringIO()
    with warnings.catch_warnings(), redirect_stdout(out), redirect_stderr(err):
        warnings.simplefilter("error")
        clf = AutoArchClassifier(**{**QUICK, "n_trials": 4}, cv=2).fit(iris[0][::3], iris[1][::3])
        clf.predict_proba(iris[0])
    assert (out.getvalue(), err.getvalue(), os.listdir(tmp_path)) == ("", "", [])


class _Witness(DummyClassifier):
    """A model that tells what was set while it predicted."""

    def predict(self, X):
        """Remember."""
        self.filters = list(warnings.filters)
        self.threads = {pool.get_num_threads() for pool in ThreadpoolController().lib_controllers}
        return super().predict(X)


@quick_probe
def test_predicting_touches_no_warning_filter_and_limits_threads_of_long_calls_only(iris, monkeypatch):
    """A short call finds the libraries as the user left them, and so does everybody after a long one."""
    clf = AutoArchClassifier(**LINEAR).fit(*iris)
    witness = _Witness().fit(*iris)
    clf.best_estimator_ = Pipeline([clf.best_estimator_.steps[0], ("model", witness)])
    monkeypatch.setattr("autoarch._base.threads_that_pay", lambda work, cells: 1)
    with threadpool_limits(2), warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        filters = list(warnings.filters)
        for n_rows, threads in ((150, {2}), (50_000, {1}), (150, {2})):
            clf.predict(np.ones((n_rows, 4)))
            assert (witness.filters, witness.threads) == (filters, threads)


def test_memory_spares_the_second_fit(iris, tmp_path, monkeypatch):
    """Probe and trials come from the cache; the result is the same."""
    X, y = iris
    clf = AutoArchClassifier(**QUICK, families=["linear", QuickTree], memory=str(tmp_path))
    first = clone(clf).fit(X, y)
    import autoarch._search.memory as cache

    def never(*args):
        raise AssertionError("a trial was computed twice")

    monkeypatch.setattr(cache, "evaluate", never)
    second = clone(clf).fit(X, y)
    np.testing.assert_array_equal(second.predict_proba(X), first.predict_proba(X))


@pytest.mark.slow
def test_several_workers_find_a_model(iris):
    """Trials run over joblib's backend."""
    X, y = iris
    clf = AutoArchClassifier(**{**QUICK, "n_trials": 3}, families=["linear", QuickTree], n_jobs=2).fit(X, y)
    assert set(clf.leaderboard_["status"]) <= {"ok", "paused", "excluded"}
    assert clf.score(X, y) > 0.9


@quick_probe
def test_class_weights_move_the_decision():
    """Errors on a heavy class count for more."""
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    X = rng.normal(size=(200, 2)) + 0.5 * y[:, None]
    plain = AutoArchClassifier(**LINEAR).fit(X, y)
    heavy = AutoArchClassifier(**LINEAR, class_weight={0: 20, 1: 1}).fit(X, y)
    assert (heavy.predict(X) == 0).mean() > (plain.predict(X) == 0).mean() + 0.2
    with pytest.raises(ParameterError):
        AutoArchClassifier(**LINEAR, class_weight="even").fit(X, y)


@quick_probe
def test_a_time_budget_ends_the_search(iris):
    """The clock alone is enough, and stopped_by_ says that it was the clock."""
    clf = AutoArchClassifier(time_budget=2, families="linear", random_state=0, verbose=0).fit(*iris)
    assert clf.stopped_by_ == "time_budget"


class Stumbling(Failing):
    """A family that cannot even suggest."""

    name = "stumbling"

    def suggest(self, trial, problem):
        raise ZeroDivisionError("nothing to suggest")


@quick_probe
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_family_that_cannot_suggest_is_a_failed_trial(iris, n_jobs):
    """A stranger's mistake does not end the search, whoever runs the trials."""
    clf = AutoArchClassifier(**{**QUICK, "n_trials": 3}, families=[Stumbling(), "linear"], n_jobs=n_jobs).fit(*iris)
    assert clf.best_family_ == "linear"
    assert "nothing to suggest" in " ".join(clf.leaderboard_["reason"])


@quick_probe
def test_families_that_the_budget_did_not_reach_are_listed(iris):
    """With one trial for two families the other one stands in the leaderboard with its reason."""
    clf = AutoArchClassifier(**{**QUICK, "n_trials": 1}, families=["linear", QuickTree]).fit(*iris)
    skipped = clf.leaderboard_[clf.leaderboard_["status"] == "skipped"]
    assert list(skipped["reason"]) == ["the search ended before it was tried"]


def test_a_device_that_is_not_there_is_named(iris):
    """A typo is not found out trial by trial."""
    with pytest.raises(ParameterError, match="cdua"):
        AutoArchClassifier(**QUICK, device="cdua").fit(*iris)


@quick_probe
def test_ctrl_c_in_the_refit_keeps_a_model(iris, monkeypatch):
    """The model of the first split is kept, with a warning."""
    import autoarch._search.whole as whole

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(whole, "fit_whole", interrupt)
    with pytest.warns(SearchInterruptedWarning):
        clf = AutoArchClassifier(**LINEAR).fit(*iris)
    assert "interrupted" in clf.fitted_on_
    assert clf.score(*iris) > 0.9


def test_ctrl_c_in_the_probe_keeps_the_baseline(monkeypatch):
    """Flat columns and all families: what the probe did not say leaves no family out."""
    import autoarch._search.run as run

    calls = []

    def interrupt_once(*args, **kwargs):
        calls.append(args)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return Measurements()

    monkeypatch.setattr(run, "measure", interrupt_once)
    X = np.random.default_rng(0).normal(size=(60, 20))
    y = (X[:, 0] > 0).astype(int)
    with pytest.warns(SearchInterruptedWarning):
        clf = AutoArchClassifier(**QUICK).fit(X, y)
    assert clf.best_family_ == "baseline"
    assert clf.predict(X).shape == (60,)


def test_a_search_that_a_simple_model_leads_goes_on():
    """Each row has copies nearby, so the nearest row is right, before and after."""
    rng = np.random.default_rng(0)
    X = np.repeat(10 * rng.normal(size=(20, 4)), 6, axis=0) + 1e-3 * rng.normal(size=(120, 4))
    y = np.repeat(np.arange(20) % 2, 6)
    alone = {"n_trials": 1, "rows": "independent", "random_state": 0, "verbose": 0}
    clf = AutoArchClassifier(time_budget=None, warm_start=True, **alone).fit(X, y)
    assert clf.best_family_ == "baseline"
    assert clf.fit(X, y).best_family_ == "baseline" and clf.score(X, y) == 1.0


@quick_probe
def test_an_ensemble_votes_and_is_listed(iris):
    """Its members are in a table, its pipeline can be fitted again, its probabilities are those that it gives."""
    X, y = iris
    clf = AutoArchClassifier(
        n_trials=8, time_budget=None, families=["linear", QuickTree], ensemble_size=3, random_state=0
    )
    clf.set_params(verbose=0).fit(X, y)
    assert 1 <= len(clf.ensemble_) <= 3
    assert clf.ensemble_["weight"].sum() == pytest.approx(1)
    assert clf.best_score_ >= clf.leaderboard_["score"].iloc[0] - clf.estimated_score_std_error_
    again = clone(clf.best_estimator_).set_params(**clf.best_params_).fit(X, y)
    np.testing.assert_array_equal(again.predict(X), clf.predict(X))
    np.testing.assert_array_equal(clf.predict_proba(X).argmax(axis=1), np.searchsorted(clf.classes_, clf.predict(X)))


@quick_probe
def test_patience_ends_a_search_that_finds_nothing_better(iris):
    """And the estimator says that it did."""
    X, y = iris
    clf = AutoArchClassifier(n_trials=60, time_budget=None, families="linear", patience=4, random_state=0, verbose=0)
    clf.fit(X, y)
    assert clf.stopped_by_ == "patience"
    assert len(clf.study_.trials) < 60
    with pytest.raises(ValueError, match="patience"):
        AutoArchClassifier(patience=0).fit(X, y)
    with pytest.raises(ValueError, match="ensemble_size"):
        AutoArchClassifier(ensemble_size=0).fit(X, y)


def test_both_estimators_take_the_same_parameters():
    """The regressor has all parameters of the classifier but two, in the same order with the same defaults."""
    classifier = dict(signature(AutoArchClassifier).parameters)
    del classifier["class_weight"], classifier["threshold"]
    assert list(classifier.items()) == list(signature(AutoArchRegressor).parameters.items())


@pytest.mark.parametrize("kind", [AutoArchClassifier, AutoArchRegressor])
def test_a_parameter_is_kept_as_it_was_given(kind):
    """Every parameter of the signature reaches the attribute of its name, untouched."""
    given = {name: object() for name in signature(kind).parameters}
    assert all(getattr(kind(**given), name) is value for name, value in given.items())
