"""Models that are kept while a search runs: the leader's in any case, others as memory allows."""

import pickle

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

from autoarch._search import kept_models
from autoarch._search.kept_models import KeptModels, size_of
from autoarch._search.scheduler import Scheduler
from autoarch._search.scoring import Predictions
from autoarch._search.steps import Candidate, Judgement, StepResult
from search.oracle import PROBLEM, Invented

N_SPLITS = 2


class Weights(FunctionTransformer):
    """A step that holds an array."""

    def __init__(self, values=None):
        super().__init__()
        self.values = values


def searched(scores, memory=1e12, n_members=1, monkeypatch=None):
    """Kept models and the scheduler after candidates with these scores, each with a model of a megabyte a split."""
    monkeypatch.setattr(kept_models, "free_memory", lambda: memory)
    kept, scheduler = KeptModels(n_members), Scheduler((0.5, 0.5), timed=True)
    scheduler.enter([Invented("a")], PROBLEM, {})
    for number, score in enumerate(scores):
        candidate = Candidate(number, "a", {})
        for split in range(N_SPLITS):
            losses = np.where(np.arange(100) < 100 * score, 0.0, 1.0)
            part = Predictions(np.arange(100), np.zeros(100))
            scheduler.begin(candidate, split)
            scheduler.learn(candidate, StepResult(number, split, judgement=Judgement(score, 0.0, losses, part)))
            kept.add(number, split, make_pipeline(Weights(np.zeros(125_000)), "passthrough"))
        kept.tidy(scheduler, [])
    return kept, scheduler


def numbers(kept, scheduler):
    """Candidates of which every model is there."""
    return {c.number for c in scheduler.candidates if len(kept.of(c)) == N_SPLITS}


def test_models_of_the_best_are_kept(monkeypatch):
    """The leader, the members, and five more; those that come later displace the worst."""
    kept, scheduler = searched(np.linspace(0.9, 0.8, 12), monkeypatch=monkeypatch)
    assert numbers(kept, scheduler) == set(range(6))
    kept, scheduler = searched(np.linspace(0.8, 0.9, 12), n_members=3, monkeypatch=monkeypatch)
    assert numbers(kept, scheduler) == set(range(4, 12))


@pytest.mark.parametrize(("megabytes", "n_kept"), [(0.001, 1), (21, 2), (32, 3), (1_000, 6)])
def test_memory_bounds_what_is_kept_but_for_the_leader(megabytes, n_kept, monkeypatch):
    """A fifth of what is free, at two megabytes a candidate."""
    kept, scheduler = searched(np.linspace(0.9, 0.8, 8), 1e6 * megabytes, monkeypatch=monkeypatch)
    assert numbers(kept, scheduler) == set(range(n_kept))


def test_models_are_given_by_split(monkeypatch):
    """In their order, as far as they were kept; nothing of a stranger."""
    kept, scheduler = searched([0.9], monkeypatch=monkeypatch)
    best = scheduler.candidates[0]
    assert kept.of(best, [1]) == kept.of(best)[1:]
    assert kept.of(best, [5]) == kept.of(Candidate(7, "a", {})) == []


def test_a_step_that_runs_keeps_its_candidates_models(monkeypatch):
    """However far down it stands."""
    kept, scheduler = searched(np.linspace(0.9, 0.8, 6), monkeypatch=monkeypatch)
    last = Candidate(6, "a", {})
    scheduler.begin(last, 0)
    scheduler.learn(last, StepResult(6, 0, judgement=Judgement(0.5, 0.0, np.ones(100))))
    kept.add(6, 0, make_pipeline(Weights(np.zeros(9)), "passthrough"))
    kept.tidy(scheduler, [6])
    assert len(kept.of(last)) == 1
    kept.tidy(scheduler, [])
    assert kept.of(last) == []


def test_predictions_of_beaten_candidates_are_forgotten(monkeypatch):
    """Memory stays flat over a long search; contenders keep theirs, and so do scores."""
    scores = [0.9, *np.full(89, 0.3)]
    _, scheduler = searched(scores, monkeypatch=monkeypatch)
    held = [c.number for c in scheduler.candidates if c.steps[0].predictions is not None]
    assert 0 in held and 50 <= len(held) <= 70
    assert all(len(candidate.scores) == N_SPLITS for candidate in scheduler.candidates)


def test_the_size_of_a_model_is_nearly_that_of_its_pickle():
    """Arrays are counted, not copied; what does not pickle counts nothing."""
    X = np.random.default_rng(0).normal(size=(500, 5))
    model = make_pipeline(Weights(np.zeros(10_000)), DecisionTreeClassifier()).fit(X, X[:, 0] > 0)
    assert size_of(model) == pytest.approx(len(pickle.dumps(model, protocol=5)), rel=0.05)
    assert size_of(make_pipeline(FunctionTransformer(lambda X: X))) == 0
