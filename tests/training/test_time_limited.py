"""Models that grow in steps: the same as in one go, and cut at a deadline."""

import copy
import pickle
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge

from autoarch._core.clock import Deadline, TooSlowError
from autoarch._training import time_limited
from autoarch._training.boosters import _WhileTime, fit_histogram_boosting
from autoarch._training.time_limited import (
    Schedule,
    class_first_order,
    fit_affordable_rows,
    fit_growing,
    largest,
    work_done,
)

X, y = make_classification(n_samples=300, n_features=8, random_state=0)


class Steps:
    """A clock that a step of a training moves by some seconds, and the deadline that reads it."""

    unlimited = False

    def __init__(self, monkeypatch, seconds):
        self.now, self.end = 0.0, seconds
        monkeypatch.setattr(time_limited.time, "monotonic", lambda: self.now)

    @property
    def left(self):
        return self.end - self.now

    def run(self, schedule, seconds):
        """Take steps until the end, the first two of them slow."""
        while not schedule.over:
            self.now += 5 * seconds if schedule.step < 2 else seconds
            schedule.advance()
        return schedule.step / schedule.n_steps


@pytest.mark.parametrize(
    ("model", "size"),
    [
        pytest.param(HistGradientBoostingClassifier(max_iter=30, early_stopping=False), "max_iter", id="boosting"),
        pytest.param(ExtraTreesClassifier(n_estimators=30, random_state=0), "n_estimators", id="forest"),
    ],
)
def test_growing_in_steps_gives_the_model_of_one_go(model, size):
    """With time enough, steps change nothing: warm starts continue where they stopped."""
    whole = clone(model).fit(X, y)
    grown = fit_growing(clone(model), size, X, y, None, Deadline(1e6), first=5, seed=0)
    assert getattr(grown, size) == 30
    np.testing.assert_allclose(grown.predict_proba(X), whole.predict_proba(X), atol=1e-12)


def test_no_time_gives_the_first_step_and_says_so():
    """The parameter shows how far the model got."""
    model = fit_growing(
        ExtraTreesClassifier(n_estimators=500, random_state=0),
        "n_estimators",
        X,
        y,
        None,
        Deadline(0.0),
        first=5,
        seed=0,
    )
    assert model.n_estimators == len(model.estimators_) == 5


@pytest.mark.parametrize("n_classes", [2, 3])
def test_boosting_that_looks_at_the_clock_is_the_boosting_of_a_plain_fit(n_classes):
    """The same trees and parameters; only the time decides how many."""
    rng = np.random.default_rng(0)
    labels, weight = np.arange(300) % n_classes, rng.uniform(0.5, 2, size=300)
    model = HistGradientBoostingClassifier(max_iter=20, early_stopping=False, max_features=0.5, random_state=0)
    whole = clone(model).fit(X, labels, sample_weight=weight)
    grown = fit_histogram_boosting(clone(model), X, labels, weight, Deadline(1e6), 0)
    np.testing.assert_array_equal(grown.predict_proba(X), whole.predict_proba(X))
    assert grown.get_params() == whole.get_params()
    assert (grown.complete_, work_done(grown)) == (True, (300, 20))
    cut = pickle.loads(pickle.dumps(fit_histogram_boosting(clone(model), X, labels, weight, Deadline(0.0), 0)))
    assert (cut.complete_, work_done(cut), cut.max_iter) == (False, (300, 1), 1)
    assert cut.get_params() == {**model.get_params(), "max_iter": 1}


@pytest.mark.parametrize("n_classes", [2, 3])
def test_boosting_learns_faster_where_the_time_is_short(n_classes):
    """With fewer rounds than planned at a larger rate, within limits; with time for all of them nothing changes."""
    labels = np.arange(300) % n_classes
    model = HistGradientBoostingClassifier(max_iter=400, learning_rate=0.02, early_stopping=False)

    class Left(Deadline):
        left = 0.0

    def last_rate(seconds):
        Left.left = seconds
        scorer = _WhileTime(Left(1.0), 0.02, 400)
        booster = copy.copy(model)
        booster.n_trees_per_iteration_ = n_classes - 1
        rates = []
        for _ in range(8):
            scorer(booster, X, labels)
            rates.append(booster.learning_rate)
        assert rates[:4] == [0.02] * 4
        return rates[-1]

    assert last_rate(1e6) == 0.02  # so many seconds
    assert last_rate(0.0) == (0.3 if n_classes == 2 else 0.15)


@given(
    rate=st.floats(0.01, 0.3),
    planned=st.integers(20, 1000),
    rounds=st.integers(1, 19),
    seconds=st.floats(1e-3, 10),
    left=st.floats(0, 10),
    more=st.floats(0, 10),
)
def test_the_rate_falls_with_the_time_that_is_left(rate, planned, rounds, seconds, left, more):
    """It is never below that of the whole training, nor above the most."""

    class Left(Deadline):
        left = 0.0

    scorer = _WhileTime(Left(1.0), rate, planned)
    scorer.rounds, scorer.learned = rounds, rounds * rate
    Left.left = left
    short = scorer._rate(seconds, 0.3)
    Left.left = left + more
    long = scorer._rate(seconds, 0.3)

    assert rate <= long <= short + 1e-12 and short <= 0.3 + 1e-12


class Slow:
    """A model whose calls cost an overhead and whose rounds take their time, on a clock of its own."""

    warm_start = False

    def __init__(self, clock, target, overhead, each):
        self.clock, self.size, self.overhead, self.each = clock, target, overhead, each
        self.calls, self.reached = 0, 0

    def __sklearn_clone__(self):
        return copy.copy(self)

    def get_params(self, deep=True):
        return {}

    def set_params(self, **params):
        vars(self).update(params)
        return self

    def fit(self, X, y):
        self.calls += 1
        self.clock.now += self.overhead + self.each * (self.size - self.reached)
        self.reached = self.size
        return self


@given(
    target=st.integers(2, 1_000),
    overhead=st.floats(0.0, 5.0),
    each=st.floats(0.01, 1.0),
    limit=st.floats(0.0, 500.0),
)
def test_slices_end_in_time_and_are_few(target, overhead, each, limit):
    """Whatever a call and a round cost: with time for twice the work everything is done, in few calls."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        clock = Steps(monkeypatch, limit)
        model = fit_growing(Slow(clock, target, overhead, each), "size", X, y, None, clock, first=1, seed=0)
        first = overhead + each
        assert clock.now <= max(limit, first) + 1e-6
        assert model.complete_ == (model.reached == target) and work_done(model) == (300, model.reached)
        if limit > 2.1 * (each * target + 6 * overhead):
            assert model.complete_ and model.calls <= 4


def test_a_model_that_cannot_begin_says_what_all_of_its_rounds_need(monkeypatch):
    """Not only the first one, which was timed on few rows."""
    clock = Steps(monkeypatch, 0.5)
    model = Slow(clock, target=101, overhead=0.0, each=1.0)
    with pytest.raises(TooSlowError, match=r"needs about 155\.0 s") as told:  # 1 s for 250 rows; 0.3 s for each round
        fit_growing(model, "size", np.zeros((1250, 200)), np.zeros(1250), None, clock, first=1, seed=0)
    assert told.value.needed == pytest.approx(5 * (1 + 0.3 * 100))


def test_growing_stops_when_the_model_has_converged():
    """A solver that is done is not called again."""
    model = fit_growing(LogisticRegression(max_iter=500), "max_iter", X, y, None, Deadline(1e6), first=100, seed=0)
    assert model.n_iter_[0] < 100


class SecondsLeft:
    """A deadline that stands still."""

    unlimited = False
    left = 2.0


def test_rows_are_cut_when_all_would_take_too_long(monkeypatch):
    """Where all rows cannot be afforded some are taken, and every class is among them."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(5000, 30)), np.r_[np.zeros(4998, int), 1, 1]

    class Counting(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            self.n_rows_ = len(X)
            return super().fit(X, y, sample_weight)

    ticks = iter(range(100))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))  # each timed fit takes a second
    cut = fit_affordable_rows(Counting(), X, y, None, SecondsLeft(), seed=0)
    monkeypatch.undo()
    whole = fit_affordable_rows(Counting(), X, y, None, Deadline(), seed=0)
    assert (cut.n_rows_, whole.n_rows_) == (600, 5000)  # 500 rows a second, 0.6 of 2 s
    assert list(cut.classes_) == [0, 1]
    assert (cut.complete_, whole.complete_) == (False, True)


@given(labels=st.lists(st.integers(0, 4), min_size=1, max_size=40), seed=st.integers(0, 99))
def test_an_order_of_rows_begins_with_two_of_each_label(labels, seed):
    """All rows are in it once, and however few are taken from it, no class is lost before it has two rows."""
    labels = np.array(labels)
    order = class_first_order(labels, seed)
    counts = np.minimum(np.bincount(labels), 2)
    assert sorted(order) == list(range(len(labels)))
    np.testing.assert_array_equal(np.bincount(labels[order[: counts.sum()]]), counts)


@given(n_steps=st.integers(1, 50), done=st.integers(1, 60))
def test_a_schedule_without_a_deadline_counts_steps(n_steps, done):
    """Progress is a function of the steps alone, and ends with the last one."""
    schedule = Schedule(n_steps, Deadline())
    assert not schedule.over
    schedule.step = done
    assert schedule.progress == done / n_steps
    assert schedule.over == (done >= n_steps)


@pytest.mark.parametrize(
    ("limit", "share"), [(400.0, 1.0), (60.0, 0.52), (30.0, 0.22)], ids=["enough", "compressed", "too-slow"]
)
def test_a_training_that_would_be_cut_to_a_stump_ends_early(monkeypatch, limit, share):
    """Below the named share after a few steps, with the seconds of the whole; else the schedule is compressed."""
    clock = Steps(monkeypatch, limit)
    schedule = Schedule(100, clock, least_share=0.25)
    if share > 0.25:
        assert clock.run(schedule, 1.0) == pytest.approx(share, abs=0.01)
        return
    with pytest.raises(TooSlowError, match=r"needs about 100\.0 s, 30\.0 s were left") as told:
        clock.run(schedule, 1.0)
    assert told.value.needed == pytest.approx(100.0) and clock.now < 20


def test_a_training_without_time_ends_at_its_first_step(monkeypatch):
    """One step tells how long all of them take."""
    clock = Steps(monkeypatch, 0.0)
    with pytest.raises(TooSlowError) as told:
        clock.run(Schedule(10, clock, least_share=0.25), 1.0)
    assert (told.value.needed, clock.now) == (50.0, 5.0)


def test_an_error_about_time_survives_pickle():
    """Workers of other processes hand it on with its seconds."""
    error = pickle.loads(pickle.dumps(TooSlowError(12.0, -1.0)))
    assert (error.needed, error.left, str(error)) == (12.0, -1.0, "needs about 12.0 s, 0.0 s were left")


@given(limit=st.integers(-5, 60), fewest=st.integers(0, 30), more=st.integers(0, 30))
def test_the_largest_affordable_number_is_found(limit, fewest, more):
    """The same as by trying all of them."""
    numbers = range(fewest, fewest + more + 1)
    expected = max((n for n in numbers if n <= limit), default=fewest)
    assert largest(lambda number: number <= limit, fewest, fewest + more) == expected


def test_a_model_cut_by_time_says_so():
    """Whoever kept a cut model for a finished one would cache it or misread its rounds."""
    cut = fit_growing(HistGradientBoostingClassifier(), "max_iter", X, y, None, Deadline(0.0), first=2, seed=0)
    done = fit_growing(HistGradientBoostingClassifier(), "max_iter", X, y, None, Deadline(), first=2, seed=0)
    assert (cut.complete_, done.complete_) == (False, True)


def test_iterations_of_a_solver_are_counted_over_all_calls():
    """A solver that counts anew at each warm start ends with the sum of what it was allowed."""
    model = fit_growing(
        LogisticRegression(max_iter=60, tol=0.0, solver="saga", random_state=0),
        "max_iter",
        X,
        y,
        None,
        Deadline(1e6),
        first=5,
        seed=0,
        per_call=True,
    )
    assert model.max_iter == 60


def test_too_little_time_for_a_few_rows_is_an_error_with_figures():
    """A model that could not even be timed is a failure that says how long it took."""
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(1200, 200))
    with pytest.raises(TooSlowError, match=r"needs about .* s, 0\.0 s were left"):
        fit_affordable_rows(Ridge(), wide, wide[:, 0], None, Deadline(-1.0), seed=0)


def test_boosting_with_many_classes_is_timed_on_few_rows():
    """Early stopping's own split, which would not find every class among few rows, is left out of the timing."""
    rng = np.random.default_rng(0)
    wide, labels = rng.normal(size=(2400, 20)), np.arange(2400) % 60
    model = HistGradientBoostingClassifier(max_iter=3, early_stopping=True)
    fitted = fit_growing(model, "max_iter", wide, labels, None, Deadline(1e6), first=1, seed=0)
    assert (fitted.complete_, fitted.early_stopping, len(fitted.classes_)) == (True, True, 60)
