"""Who is tried next: every default first, then whoever may still win."""

from collections import Counter

import pytest

from autoarch._core.clock import Budget
from autoarch._search.job import TrialResult
from autoarch._search.policy import Policy
from autoarch.families import Problem
from autoarch.families.registry import resolve_families

PROBLEM = Problem("classification", 500, 6, n_classes=2, smallest_class=200)
FAMILIES = resolve_families(["linear", "tree", "mlp"])


def test_the_most_promising_family_comes_first_and_gets_the_most_time():
    """The probe orders the first round and shares out its time, and forbids nobody."""
    policy = Policy(FAMILIES, PROBLEM, {"linear": 0.02, "tree": 0.08, "mlp": 0.9}, seed=0)
    turns = [policy.next() for _ in FAMILIES]
    assert [turn.family.name for turn in turns] == ["mlp", "tree", "linear"]
    assert all(turn.default is not None for turn in turns)
    assert policy.share["mlp"] > 0.6
    assert min(policy.share.values()) > 0.1


def test_what_the_probe_does_not_recommend_comes_later_and_rarely():
    """It is not forbidden; a linear model is always among the first."""
    waited = []
    for seed in range(200):
        policy = Policy(FAMILIES, PROBLEM, {"linear": 0.1, "tree": 0.1, "mlp": 0.8}, seed, recommended=["mlp"])
        first = [policy.next().family.name for _ in range(2)]
        assert sorted(first) == ["linear", "mlp"]
        for name in first:
            policy.learn(TrialResult(0, name, {}, scores=[0.9, 0.91], seconds=1.0))
        later = [policy.next().family.name for _ in range(60)]
        waited.append(later.index("tree") if "tree" in later else 60)
    assert 6 < sum(waited) / len(waited) < 14  # a chance of one in ten each time


def test_families_that_nobody_recommends_are_tried_all_the_same():
    """A probe that has nothing to say, or only something about families that were not asked for."""
    policy = Policy(FAMILIES[1:], PROBLEM, {"tree": 0.02, "mlp": 0.08, "cnn": 0.9}, seed=0, recommended=["cnn"])
    assert {policy.next().family.name for _ in range(2)} == {"tree", "mlp"}


def test_a_family_that_is_far_behind_is_hardly_tried_again():
    """Later trials go to the family that leads."""
    policy = Policy(FAMILIES, PROBLEM, {}, seed=0)
    for _ in FAMILIES:
        name = policy.next().family.name
        scores = {"linear": [0.6, 0.61], "tree": [0.9, 0.91], "mlp": [0.62, 0.6]}[name]
        policy.learn(TrialResult(0, name, {}, scores=scores, seconds=3.0 if name == "tree" else 1.0))
    drawn = Counter(policy.next().family.name for _ in range(50))
    assert drawn["tree"] > 45
    assert policy.next(left=2.0).family.name != "tree"
    assert policy.next(left=0.5) is None


@pytest.mark.parametrize("charged", [0.0, 70.0])
def test_cached_seconds_count(charged):
    """What a cache saves is charged, so that a cached search ends where the first one ended."""

    budget = Budget(60.0, None)
    budget.charge(charged)
    assert budget.too_late_for_a_trial(0.0) == (charged > 60)


def test_a_threshold_is_what_half_of_the_family_reached_once_there_are_enough():
    """Each family has thresholds of its own, and none while few trainings have come to a rung."""
    policy = Policy(FAMILIES, PROBLEM, {}, seed=0)
    for number, score in enumerate([0.25, 0.75, 0.5, 1.0]):
        assert policy.thresholds("mlp") == {}
        rungs = {0.25: score, **({0.5: score} if number else {})}
        policy.learn(TrialResult(number, "mlp", {}, status="pruned", rungs=rungs))
    assert policy.thresholds("mlp") == {0.25: 0.625}
    assert policy.thresholds("tree") == {}
