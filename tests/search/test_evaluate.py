"""One candidate on one split: its score, failures, ends for want of time."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

from autoarch._core.clock import Deadline
from autoarch._data.row_splits import SplitPlan
from autoarch._search.evaluate import aligned, evaluate
from autoarch._search.scoring import Scorer
from autoarch._search.steps import Job, TrainingData
from autoarch.families import Family, Problem
from autoarch.families.registry import resolve_families

rng = np.random.default_rng(0)
X = rng.normal(size=(100, 3))
y = np.where(X[:, 0] > 0, "up", "down")
PLAN = SplitPlan(
    tuple((np.delete(np.arange(100), rows), rows) for rows in np.split(np.arange(100), 5)), "5 folds", "kfold"
)
PROBLEM = Problem("classification", 100, 3, n_classes=2, smallest_class=40)


class Given(Family):
    """A family around one model."""

    name = "given"

    def __init__(self, model):
        self.model = model

    def suggest(self, trial, problem):
        return {}

    def build(self, params, problem, seed):
        from sklearn.base import clone

        return [("model", clone(self.model))]


class Broken(DummyClassifier):
    """A model that cannot be fitted."""

    def fit(self, X, y, sample_weight=None):
        raise MemoryError if self.strategy == "memory" else ArithmeticError("no such luck")


class NaNs(DummyClassifier):
    """A model whose probabilities are no numbers."""

    def predict_proba(self, X):
        return np.full((len(X), 2), np.nan)


def judged(model, split=0, deadline=None, weight=None):
    """The result of one step."""
    family = model if isinstance(model, Family) else Given(model)
    data = TrainingData(X, y, weight, PLAN, Scorer(None, "classification", X, y, classes=np.unique(y)))
    return evaluate(data, Job(0, split, family, {}, PROBLEM, 0, deadline or Deadline()))


def test_a_good_candidate_is_scored_on_its_split():
    """The losses of its rows make up the score, and what was done for it is told."""
    result = judged(DecisionTreeClassifier(random_state=0), split=3)
    judgement = result.judgement
    assert (result.status, result.split, result.late) == ("ok", 3, False)
    assert judgement.score == pytest.approx(1 - judgement.losses.mean()) and judgement.score > 0.9
    np.testing.assert_array_equal(judgement.predictions.rows, np.arange(60, 80))
    assert (result.work.rows, result.work.cut) == (80, False)
    assert 0 < result.work.fit_seconds < result.work.seconds and result.work.predict_seconds > 0
    np.testing.assert_allclose(result.model.predict_proba(X[60:80]), judgement.predictions.values)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        pytest.param(Broken(), "ArithmeticError: no such luck", id="raises"),
        pytest.param(Broken(strategy="memory"), "out of memory", id="memory"),
        pytest.param(NaNs(), "no finite probabilities", id="nan"),
    ],
)
def test_a_broken_candidate_is_a_result_with_a_reason(model, reason):
    """Nothing a model does ends the search."""
    result = judged(model)
    assert result.judgement is None and result.status == "failed"
    assert reason in result.reason


def test_columns_are_aligned_to_all_classes():
    """A class that a fold has not seen gets probability 0."""
    proba = aligned(np.array([[0.25, 0.75]]), np.array(["a", "c"]), np.array(["a", "b", "c"]))
    np.testing.assert_array_equal(proba, [[0.25, 0.0, 0.75]])


class Slow(FunctionTransformer):
    """A step that cannot be stopped half-way, and takes a second for each row."""

    seconds_per_row = 1.0


class Slowly(Given):
    """A family that begins with such a step."""

    def build(self, params, problem, seed):
        return [("slow", Slow()), *super().build(params, problem, seed)]


def test_a_step_that_would_take_too_long_is_not_begun():
    """It waits, and says how many seconds it needs; without a clock it has all of them."""
    hurried = judged(Slowly(DummyClassifier()), deadline=Deadline(30.0))
    assert (hurried.status, hurried.judgement) == ("paused", None)
    assert hurried.work.seconds == 80.0 and "about 80.0 s" in hurried.reason
    assert judged(Slowly(DummyClassifier())).status == "ok"


class Late(DummyClassifier):
    """A stranger's model, which gives up when its own time is over."""

    def fit(self, X, y, sample_weight=None):
        raise TimeoutError("too late")


def test_a_timeout_of_a_stranger_is_a_pause_that_needs_some_seconds():
    """It is not taken for a step that costs nothing."""
    result = judged(Late(), deadline=Deadline(30.0))
    assert (result.status, result.reason) == ("paused", "too late")
    assert result.work.seconds > 0


def test_what_ends_after_its_deadline_is_marked():
    """Another time it could come out otherwise."""
    family = resolve_families("tree")[0]
    result = judged(family, deadline=Deadline(0.0))
    assert result.late
