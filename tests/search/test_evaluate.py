"""One candidate on the splits: scores, failures, early ends."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

from autoarch._core.clock import Deadline
from autoarch._data.row_splits import SplitPlan
from autoarch._search.evaluate import aligned, evaluate
from autoarch._search.job import Job, TrainingData
from autoarch._search.scoring import Scorer
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


def run(model, **job):
    data = TrainingData(X, y, None, PLAN, Scorer(None, "classification", X, y, classes=np.unique(y)))
    return evaluate(data, Job(0, Given(model), {}, PROBLEM, 0, job.pop("deadline", Deadline()), **job))


def test_a_good_candidate_is_scored_on_every_split():
    """Scores agree with the folds, predictions cover each row once."""
    result = run(DecisionTreeClassifier(random_state=0))
    assert (result.status, len(result.scores)) == ("ok", 5)
    assert result.score > 0.9
    assert sorted(np.concatenate([p.rows for p in result.predictions])) == list(range(100))


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
    result = run(model)
    assert result.status == "failed"
    assert reason in result.reason


def test_a_hopeless_candidate_is_stopped():
    """After one split far behind a steady rival the rest is not computed."""
    result = run(DummyClassifier(), best_scores=(0.95, 0.96, 0.95, 0.94, 0.95))
    assert (result.status, len(result.scores)) == ("pruned", 1)
    assert "against the best candidate's 0.95 after 1 of 5 splits" in result.reason


def test_a_near_rival_is_judged_to_the_end():
    """A candidate within the noise is not stopped."""
    scores = run(DecisionTreeClassifier(random_state=0)).scores
    result = run(DecisionTreeClassifier(random_state=0), best_scores=tuple(s + 0.001 for s in scores))
    assert result.status == "ok"


def test_columns_are_aligned_to_all_classes():
    """A class that a fold has not seen gets probability 0."""
    proba = aligned(np.array([[0.25, 0.75]]), np.array(["a", "c"]), np.array(["a", "b", "c"]))
    np.testing.assert_array_equal(proba, [[0.25, 0.0, 0.75]])


def net_result(**job):
    family = resolve_families("mlp")[0]
    data = TrainingData(X, y, None, PLAN, Scorer(None, "classification", X, y, classes=np.unique(y)))
    params = {**family.smoke_params(PROBLEM), "effort": 1.0}
    return evaluate(data, Job(0, family, params, PROBLEM, 0, Deadline(), **job))


def test_a_net_that_stays_below_the_bar_is_ended_at_its_rung():
    """No split is finished, and the reason names the rung and the bar."""
    result = net_result(thresholds={0.5: 2.0})
    assert (result.status, result.scores, list(result.rungs)) == ("pruned", [], [0.25, 0.5])
    assert "after 50% of its training" in result.reason and "had 2" in result.reason


def test_a_net_that_passes_its_rungs_is_the_net_that_it_would_be_without():
    """Being judged on the way changes nothing."""
    free, raced = net_result(), net_result(thresholds={0.25: 0.0, 0.5: 0.0})
    assert raced.rungs == free.rungs and len(raced.rungs) == 2
    assert raced.scores == free.scores


def test_a_step_that_would_take_too_long_is_not_begun():
    """A transformer cannot be stopped half-way; one that says what it takes is refused in time."""

    class Slow(FunctionTransformer):
        seconds_per_row = 1.0

    class Slowly(Given):
        def build(self, params, problem, seed):
            return [("slow", Slow()), *super().build(params, problem, seed)]

    data = TrainingData(X, y, None, PLAN, Scorer(None, "classification", X, y, classes=np.unique(y)))
    family = Slowly(DummyClassifier())
    hurried = evaluate(data, Job(0, family, {}, PROBLEM, 0, Deadline(30.0)))
    assert hurried.status == "failed" and "'slow' takes about 80 s for 80 rows" in hurried.reason
    assert evaluate(data, Job(0, family, {}, PROBLEM, 0, Deadline())).status == "ok"
