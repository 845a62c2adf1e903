"""What a fitted estimator promises about its end: the estimate, what it was fitted on, what was kept, what is told."""

import warnings

import numpy as np
import pytest
from optuna.trial import TrialState
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch._core.progress import Progress
from autoarch.exceptions import AutoArchWarning, SearchInterruptedWarning
from autoarch.families import Family

pytestmark = pytest.mark.usefixtures("probe_without_labels")

QUICK = {"time_budget": None, "n_trials": 1, "random_state": 0, "verbose": 0, "layout": None}
X, y = load_iris(return_X_y=True)


class Given(Family):
    """A family around one model, whose training is what ``fitted`` makes of it."""

    name = "given"

    def suggest(self, trial, problem):
        return {}

    def build(self, params, problem, seed):
        return [("model", LogisticRegression())]

    def fit(self, model, X, y, *, sample_weight, deadline, seed):
        return self.fitted(model.fit(X, y), len(X))

    def fitted(self, model, n_rows):
        return model


class Half(Given):
    """A family that can afford half of the rows."""

    def fitted(self, model, n_rows):
        model.n_rows_fitted_ = n_rows // 2
        return model


class FewRows(Given):
    """A family that has time for ten rows in the end."""

    def fitted(self, model, n_rows):
        model.n_rows_fitted_ = 10 if n_rows == 150 else n_rows
        return model


class Hardly(Given):
    """A family whose last training comes to a fifth of its schedule."""

    def fitted(self, model, n_rows):
        model.share_done_ = 0.2 if n_rows == 150 else 1.0
        return model


class Unlucky(Given):
    """A family whose last fit learns nothing, and does not know it."""

    def fitted(self, model, n_rows):
        return DummyClassifier().fit(X, y) if n_rows == 150 else model


class Broken(Given):
    """A family whose last fit breaks."""

    def fitted(self, model, n_rows):
        if n_rows == 150:
            raise ArithmeticError("no such luck")
        return model


@pytest.mark.parametrize(
    ("family", "why"),
    [
        pytest.param(FewRows, "the refit saw 10 rows", id="rows"),
        pytest.param(Hardly, "the refit did 20% of its training", id="schedule"),
        pytest.param(Unlucky, "the refit was worse on rows that it was trained on", id="worse"),
        pytest.param(Broken, "the refit broke: ArithmeticError: no such luck", id="broke"),
    ],
)
def test_a_refit_that_falls_short_gives_way_to_the_folds(family, why):
    """The mean of their models is handed over, and the reason told."""
    clf = AutoArchClassifier(families=family, **QUICK).fit(X, y)

    assert clf.fitted_on_ == f"5 folds, averaged (120 rows each) ({why})"
    assert len(clf.best_estimator_[-1].models_) == 5
    assert clf.score(X, y) > 0.9


@pytest.mark.parametrize(("family", "words"), [(Given, "all 150 rows"), (Half, "75 of 150 rows")])
def test_it_tells_how_many_rows_the_final_model_has_seen(family, words):
    """Not "all" where a model could afford a part of them; the leaderboard has those of the folds."""
    clf = AutoArchClassifier(families=family, **QUICK).fit(X, y)

    assert clf.fitted_on_ == words
    assert clf.leaderboard_["rows"].iloc[0] == (120 if family is Given else 60)


@pytest.mark.parametrize("scoring", ["roc_auc", "neg_log_loss", "balanced_accuracy", None])
def test_an_estimate_is_a_number_however_few_the_rows(scoring):
    """Its error is wide, and wider than with many."""
    fewest, few, many = (
        AutoArchClassifier(families="linear", scoring=scoring, **QUICK).fit(X[50:][::step], y[50:][::step])
        for step in (16, 9, 1)
    )
    for clf in (fewest, few, many):
        assert np.isfinite(clf.estimated_score_) and np.isfinite(clf.best_score_)
    assert min(fewest.estimated_score_std_error_, few.estimated_score_std_error_) > many.estimated_score_std_error_ > 0


def test_an_estimate_of_numbers_is_a_number():
    """R2 of six rows."""
    reg = AutoArchRegressor(families="linear", **QUICK).fit(X[:6], X[:6, 0] + X[:6, 1] ** 2)
    assert np.isfinite([reg.estimated_score_, reg.estimated_score_std_error_]).all()


def test_splits_without_a_score_are_pooled_and_the_user_is_told():
    """Patients of one label each leave folds with a single class, on which there is no area under a curve."""
    rng = np.random.default_rng(0)
    patient = np.repeat(np.arange(10), 12)
    labels = (patient % 3 == 0).astype(int)
    rows = rng.normal(size=(120, 4)) + labels[:, None]
    clf = AutoArchClassifier(families="linear", scoring="roc_auc", **QUICK)

    with pytest.warns(AutoArchWarning, match="scoring=roc_auc is undefined on the validation rows") as told:
        clf.fit(rows, labels, groups=patient)

    assert len(told) == 1 and "time" not in str(told[0].message)
    assert clf.estimated_score_ > 0.7
    assert "undefined" in clf.splits_
    assert set(clf.leaderboard_.loc[clf.leaderboard_["family"] == "linear", "status"]) == {"ok"}


class Interrupted(Given):
    """A family during whose third fit the user presses Ctrl-C."""

    name = "interrupted"

    def __init__(self, after):
        self.after, self.n_fits = after, 0

    def fitted(self, model, n_rows):
        self.n_fits += 1
        if self.n_fits > self.after:
            raise KeyboardInterrupt
        return model


@pytest.mark.parametrize(
    ("after", "winner", "words"),
    [
        pytest.param(0, "baseline", "of the first split (the search was interrupted)", id="baseline"),
        pytest.param(2, "interrupted", "2 folds, averaged (120 rows each) (the search was interrupted)", id="splits"),
    ],
)
def test_ctrl_c_keeps_what_was_done(after, winner, words):
    """The baseline, or the splits that a candidate has finished."""
    clf = AutoArchClassifier(families=Interrupted(after), **QUICK)
    with pytest.warns(SearchInterruptedWarning, match="interrupted"):
        clf.fit(X, y)

    assert (clf.best_family_, clf.stopped_by_) == (winner, "interrupt")
    assert clf.fitted_on_.endswith(words)
    assert clf.score(X, y) > 0.9 and np.isfinite(clf.estimated_score_)


class Failing(Given):
    """A family whose models never fit, and which tries two of them at first."""

    name = "failing"

    def defaults(self, problem):
        return [{}, {"other": True}]

    def openings(self, problem):
        return 2

    def fit(self, model, X, y, *, sample_weight, deadline, seed):
        raise ArithmeticError("broken on purpose")


def test_a_family_that_always_fails_for_one_reason_is_named_once():
    """With its reason, and no word of the clock; a family that does its work is not."""
    clf = AutoArchClassifier(families=[Failing, "linear"], **{**QUICK, "n_trials": 4})
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        clf.fit(X, y)

    (message,) = [str(each.message) for each in told if issubclass(each.category, AutoArchWarning)]
    assert message.count("failing: ArithmeticError: broken on purpose") == 1
    assert "time" not in message and "linear" not in message


class Hopeless(Given):
    """A family that knows nothing."""

    name = "hopeless"

    def fitted(self, model, n_rows):
        return DummyClassifier(strategy="prior").fit(X[:50], y[:50])


def test_a_candidate_far_behind_waits_and_optuna_learns_nothing_from_it():
    """It ends as pruned, with a value for each split that it has seen; the winner as complete, with all of them."""
    rows, labels = np.tile(X, (3, 1)), np.tile(y, 3)
    clf = AutoArchClassifier(families=["linear", Hopeless], **{**QUICK, "n_trials": 2}).fit(rows, labels)

    by_family = {trial.params["family"]: trial for trial in clf.study_.trials}
    behind, best = by_family["hopeless"], by_family["linear"]
    assert behind.state == TrialState.PRUNED and len(behind.intermediate_values) < 5
    assert best.state == TrialState.COMPLETE and sorted(best.intermediate_values) == [0, 1, 2, 3, 4]
    assert best.value == pytest.approx(np.mean(list(best.intermediate_values.values())))
    row = clf.leaderboard_.set_index("family").loc["hopeless"]
    assert (row["status"], row["splits"]) == ("paused", len(behind.intermediate_values))
    assert "set aside" in row["reason"] and "standard errors" in row["reason"]


def test_candidates_that_predict_too_slowly_are_excluded_but_for_the_last():
    """The reason names the parameter; there is always a model."""
    clf = AutoArchClassifier(families=["linear", Given], max_predict_seconds=1e-9, **{**QUICK, "n_trials": 2})
    board = clf.fit(X, y).leaderboard_

    assert "excluded" in set(board["status"])
    assert board["reason"].str.contains("max_predict_seconds=1e-09").any()
    assert clf.predict(X).shape == (150,)
    assert len(clf.ensemble_) == 1


def test_the_line_counts_candidates_where_no_clock_runs():
    """As many as were begun, of as many as are allowed."""
    seen = []

    class Watched(Progress):
        """Note what the bar would show at the end of each step."""

        def end_step(self, *args, **facts):
            super().end_step(*args, **facts)
            seen.append((self.budget.n_asked, self.budget.n_trials))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("autoarch._search.run.Progress", Watched)
        AutoArchClassifier(**{**QUICK, "n_trials": 3}, families="linear", cv=2).fit(X, y)
    assert seen[-1] == (3, 3)


def test_no_workers_are_started_where_that_takes_the_time(monkeypatch):
    """A short budget is for fits; a search without a clock starts them."""
    started = []

    def start(*args, **kwargs):
        started.append(kwargs)
        raise RuntimeError("no workers here")

    monkeypatch.setattr("autoarch._search.dispatch.joblib.Parallel", start)
    settings = {"n_trials": 1, "families": ["linear"], "n_jobs": 2, "random_state": 0, "verbose": 0, "layout": None}
    AutoArchClassifier(2.0, **settings).fit(X, y)
    assert not started
    AutoArchClassifier(None, **settings).fit(X, y)
    assert started
