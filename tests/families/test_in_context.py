"""Models that work when they predict: the deadline cuts their views, then their context."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

from autoarch._core.clock import Deadline
from autoarch._training.in_context import InContextClassifier, fit_affordable_context

X = np.random.default_rng(0).normal(size=(1_000, 4))
y = np.r_[np.zeros(998, int), 1, 1]


class Clock:
    """Seconds that pass only where something works."""

    now = 0.0


class Slow(ClassifierMixin, BaseEstimator):
    """A model whose predictions take a millisecond per view and per row of context and prediction."""

    def __init__(self, model_path, n_estimators=8):
        self.model_path = model_path
        self.n_estimators = n_estimators

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.rows_ = len(X)
        return self

    def predict_proba(self, X):
        Clock.now += 1e-3 * self.n_estimators * (self.rows_ + len(X))
        self.batches_ = [*getattr(self, "batches_", []), len(X)]
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


class SecondsLeft:
    """A deadline by that clock."""

    unlimited = False

    def __init__(self, seconds):
        self.end = Clock.now + seconds

    @property
    def left(self):
        return self.end - Clock.now

    @property
    def over(self):
        return self.left <= 0


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A model with weights, of a table with 1,250 rows, 250 of which are to be predicted."""
    monkeypatch.setattr(time, "monotonic", lambda: Clock.now)
    (tmp_path / "weights").touch()
    return InContextClassifier(Slow(tmp_path / "weights"), n_rows=1_250)


@pytest.mark.parametrize(
    ("seconds", "views", "least"),
    [
        pytest.param(20.0, 8, 1_000, id="enough"),
        pytest.param(8.0, 4, 1_000, id="fewer-views"),
        pytest.param(1.2, 1, 300, id="smaller-context"),
    ],
)
def test_fit_and_prediction_end_in_time(model, seconds, views, least):
    """Views are halved first; then rows are left out, of every class two are kept."""
    deadline = SecondsLeft(seconds)
    fitted = fit_affordable_context(model, X, y, deadline)
    fitted.predict(X[:250])
    assert deadline.left > 0
    assert fitted.estimator_.n_estimators == views
    assert fitted.estimator_.rows_ >= least and list(fitted.classes_) == [0, 1]
    assert fitted.complete_ == (views == 8)


def test_without_a_deadline_nothing_is_timed(model):
    """Nothing may depend on the clock then."""
    began = Clock.now
    fitted = fit_affordable_context(model, X, y, Deadline())
    assert (fitted.estimator_.rows_, fitted.complete_, Clock.now) == (1_000, True, began)


def test_a_fit_on_all_rows_is_not_timed(model):
    """Nothing of the table is left to be predicted within the budget."""
    began = Clock.now
    fit_affordable_context(model.set_params(n_rows=1_000), X, y, SecondsLeft(0.1))
    assert Clock.now == began


def test_too_little_time_is_an_error_with_figures(model):
    """A context that says nothing is not worth a trial."""
    with pytest.raises(TimeoutError, match="of 32 rows"):
        fit_affordable_context(model, X, y, SecondsLeft(0.05))
    with pytest.raises(TimeoutError, match="all that could be afforded, of 1000"):
        fit_affordable_context(model, X, y, SecondsLeft(0.3))


def test_predictions_come_in_batches(model):
    """However many rows there are, the memory is bounded."""
    fitted = model.fit(X, y)
    assert fitted.predict(np.zeros((5_000, 4))).shape == (5_000,)
    assert fitted.estimator_.batches_ == [2_048, 2_048, 904]
