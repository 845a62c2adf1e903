"""Decisions of the scheduler on tables of invented losses and seconds: nothing is fitted here."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from autoarch._search.compare import SET_ASIDE
from autoarch._search.entrants import Limits
from autoarch._search.scheduler import Scheduler
from autoarch._search.steps import Candidate, Judgement, StepResult, Work
from autoarch._search.untimed import LAG
from search.oracle import MOST_STEPS, PROBLEM, Invented, Nature, World, play, worlds

BUDGETS = st.floats(0.5, 20)
TRIALS = st.integers(1, 8)


def even(n):
    """Weights of equal splits."""
    return (1 / n,) * n


def world_of(*families, n_splits=5, **changes):
    """Families given as pairs of name and nature, at a second each; equal splits in their order."""
    return World(
        tuple(Invented(name, nature_cost, 2) for name, nature_cost, _ in families),
        {name: nature for name, _, nature in families},
        tuple(range(n_splits)),
        even(n_splits),
        **changes,
    )


def mean_on(candidate, splits, weights):
    """Weighted mean score on some splits."""
    return float(np.average([candidate.steps[s].score for s in splits], weights=[weights[s] for s in splits]))


# Time


@settings(max_examples=25)
@given(world=worlds(), budget=BUDGETS, patience=st.none() | st.integers(1, 10), n_members=st.integers(1, 5))
def test_no_more_is_spent_than_there_is(world, budget, patience, n_members):
    """No turn may take longer than what is left, nor is one of a family that was timed expected to; there is an end."""
    played = play(world, budget, patience=patience, n_members=n_members)

    assert len(played.results) < MOST_STEPS
    assert played.spent <= budget + 0.05
    for turn, left, expected, known in played.expected:
        assert turn.seconds <= left
        assert expected <= left + 1e-9 or not known


@settings(max_examples=25)
@given(world=worlds(), budget=BUDGETS, n_jobs=st.integers(1, 3), n_members=st.integers(1, 5))
def test_no_step_is_done_twice(world, budget, n_jobs, n_members):
    """What was judged or broke is never fitted again, whatever its splits and however many run at a time."""
    played = play(world, budget, n_jobs=n_jobs, n_members=n_members)

    ended = [(r.number, r.split) for r in played.results if r.status != "paused"]
    assert len(ended) == len(set(ended))


@settings(max_examples=25)
@given(world=worlds(), budget=BUDGETS)
def test_a_cheap_family_always_has_a_turn(world, budget):
    """Whatever the others do: a family whose steps take a fiftieth of the time is tried."""
    cheap = Invented("cheap", budget / 50, 1)
    world = replace(world, families=(*world.families, cheap), natures={**world.natures, "cheap": Nature()})

    assert "cheap" in {family for family, *_ in play(world, budget).turns}


@settings(max_examples=25)
@given(world=worlds(), budget=st.floats(0.5, 5), kept=st.floats(0, 2), spare=st.floats(0, 2))
def test_no_more_is_spent_than_there_is_with_what_is_kept(world, budget, kept, spare):
    """Time that is kept for a refit and its seeds may be used, and no more than that."""
    assert play(world, budget, kept=kept, spare=spare).spent <= budget + kept + spare + 0.05


def test_what_is_kept_for_a_refit_is_for_families_that_were_not_tried():
    """Whoever was tried goes on within the time of the search."""
    world = world_of(("linear", 0.5, Nature()), ("tree", 5.0, Nature(ending="cut")))
    played = play(world, 1.2, kept=1.0)

    beyond = [turn.family for turn, left, *_ in played.expected if turn.seconds > left]
    assert beyond == ["tree"]
    assert played.spent <= 2.2


def judged(scheduler, number, family, splits, n_wrong=10):
    """A candidate that erred in so many of 60 rows of each of some splits, at a second each."""
    candidate, losses = Candidate(number, family, {"default": 0}), np.repeat([1.0, 0.0], [n_wrong, 60 - n_wrong])
    for split in splits:
        scheduler.begin(candidate, split)
        result = StepResult(number, split, judgement=Judgement(1 - losses.mean(), -losses.mean(), losses))
        result.work = Work(rows=100, seconds=1.0, fit_seconds=1.0)
        scheduler.learn(candidate, result)
    return candidate


@pytest.mark.parametrize(("n_wrong", "goes_on"), [(10, True), (16, False)])
def test_time_for_seeds_may_go_to_a_candidate_that_is_level_with_the_leader(n_wrong, goes_on):
    """Half of it, and not to who is behind by more than the error of the difference."""
    scheduler = Scheduler(even(3), timed=True)
    judged(scheduler, 0, "first", (0, 1, 2))
    rival = judged(scheduler, 1, "second", (0,), n_wrong)

    assert scheduler.next(0.1, 0.0, 1.0) is None
    turn = scheduler.next(0.1, 0.0, 4.0)
    assert (turn is not None and turn.candidate is rival and turn.split == 1) == goes_on


def test_time_for_seeds_may_go_to_the_first_turn_of_a_family():
    """Which may be better than any number of seeds."""
    world = world_of(("first", 1.0, Nature()), ("second", 5.0, Nature()), n_splits=3)
    world.families[1].anytime = False
    scheduler = Scheduler(world.weights, timed=True)
    scheduler.enter(world.families, PROBLEM, {})
    scheduler.next(20.0)
    judged(scheduler, 0, "first", (0, 1, 2))

    assert scheduler.next(0.1, 0.0, 8.0).family == "second"


@pytest.mark.parametrize(("symmetries", "first"), [((), "cells"), (("differences",), "net")])
def test_chances_order_the_first_round_where_cells_as_they_are_tell_little(symmetries, first):
    """Else seconds alone do."""
    scheduler = Scheduler(even(3), timed=True)
    problem = replace(PROBLEM, symmetries=symmetries)
    scheduler.enter([Invented("cells", 2.0), Invented("net", 3.0)], problem, {"cells": 0.1, "net": 0.9})

    assert scheduler.next(20.0).family == first


@pytest.mark.parametrize(
    ("verdict", "left", "first"),
    [("2d", 8.0, "net"), ("2d", 20.0, "cells"), ("none", 8.0, "cells"), ("", 8.0, "cells")],
)
def test_the_likeliest_family_comes_first_on_grids_without_the_time_for_all(verdict, left, first):
    """It may take more than half of the time then."""
    scheduler = Scheduler(even(3), timed=True)
    families = [Invented("cells", 4.0), Invented("net", 6.0)]
    scheduler.enter(families, replace(PROBLEM, verdict=verdict), {"cells": 0.1, "net": 0.9}, left)

    turn = scheduler.next(left)

    assert turn.family == first
    assert (turn.seconds > left / 2) == (first == "net")


def test_the_cheapest_family_comes_first_whatever_its_odds():
    """Then the dearer ones, while there is time for them."""
    world = world_of(("dear", 5.0, Nature()), ("cheap", 0.1, Nature()), ("usual", 1.0, Nature()), n_splits=1)

    turns = [family for family, *_ in play(world, 12.0).turns if family != "baseline"]

    assert turns[:3] == ["cheap", "usual", "dear"]


def test_a_family_that_turns_out_slow_is_not_begun_again_without_the_time():
    """Its first step took ten times what was thought, which is what its next one is expected to take."""
    world = world_of(("slow", 1.0, Nature(0.9, stretch=10.0)), ("quick", 1.0, Nature(0.8)), n_splits=1)

    played = play(world, 30.0)

    slow = [left for turn, left, *_ in played.expected if turn.family == "slow"]
    assert min(slow[1:], default=10.0) > 8.0


# Comparison


@settings(max_examples=25)
@given(world=worlds(), budget=BUDGETS)
def test_nobody_better_with_all_of_its_steps_is_passed_over(world, budget):
    """Whoever has every split of the winner has no better mean on them; so for the leader."""
    scheduler = play(world, budget).scheduler

    for best in (scheduler.winner, scheduler.leader):
        for rival in scheduler.candidates:
            if best is not None and set(best.steps) <= set(rival.steps):
                assert mean_on(rival, best.splits, world.weights) <= mean_on(best, best.splits, world.weights) + 1e-12


@settings(max_examples=25)
@given(world=worlds(endings=["whole"]), n_trials=TRIALS)
def test_who_waits_at_the_end_is_three_standard_errors_behind(world, n_trials):
    """Without a clock everybody else was judged on every split."""
    scheduler = play(world, n_trials=n_trials).scheduler

    behind = scheduler.behind()
    for candidate in scheduler.candidates:
        if len(candidate.steps) < len(world.weights):
            assert behind[candidate.number].standardised <= -SET_ASIDE


def test_large_budgets_find_the_best():
    """Over many worlds the winner was judged on nearly all splits, and is hardly worse than the best that was begun."""
    lost, spread, judged = [], [], []
    for seed in range(20):
        natures = [("a", 1.0, Nature(0.75)), ("b", 2.0, Nature(0.78)), ("c", 0.5, Nature(0.7, 0.06))]
        world = world_of(*natures, seed=seed)
        scheduler = play(world, 60.0).scheduler
        trials = [candidate for candidate in scheduler.candidates if candidate.number >= 0]
        accuracies = [world.accuracy(candidate) for candidate in trials]
        judged.append(len(scheduler.winner.steps))
        lost.append(max(accuracies) - world.accuracy(scheduler.winner))
        spread.append(np.std(accuracies))
    assert np.mean(judged) > 4.5 and min(judged) >= 3
    assert np.mean(lost) < 0.5 * np.mean(spread)


def test_whoever_leads_is_judged_on_more_splits_before_newcomers_begin():
    """Of ten seconds at a second each, most are for the further splits of the one that leads by far."""
    world = world_of(("good", 1.0, Nature(0.6)), ("bad", 1.0, Nature(0.6)), known={0: 0.9})

    scheduler = play(world, 10.0).scheduler

    assert scheduler.winner.number == 0
    assert len(scheduler.winner.steps) >= 3


def test_cheap_splits_of_the_leader_come_before_a_dear_newcomer():
    """The newcomer may take more than it was given, and then there would be no time even for what takes a moment."""
    world = world_of(("cheap", 0.01, Nature()), ("dear", 1.5, Nature(stretch=3.0, ending="late")), known={0: 0.9})

    played = play(world, 4.0)

    assert played.spent > 4.0 and "dear" in {family for family, *_ in played.turns}
    assert len(played.scheduler.winner.steps) == 5


@pytest.mark.parametrize(
    ("verdict", "odds", "expected"),
    [("2d", 0.7, ["net", "net", "trees"]), ("2d", 0.3, ["net", "trees"]), ("none", 0.7, ["net", "trees"])],
)
def test_a_dear_family_waits_for_another_default_of_the_likeliest_one_on_grids(verdict, odds, expected):
    """One more, where cells have a structure and it costs no more."""
    scheduler = Scheduler(even(3), timed=True)
    families = [Invented("net", 1.0, 3), Invented("trees", 4.0, 1)]
    scheduler.enter(families, replace(PROBLEM, verdict=verdict), {"net": odds, "trees": 1 - odds}, 60.0)

    turns = []
    for number in range(len(expected)):
        turn = scheduler.next(12.0)
        turns.append(turn.family)
        judged(scheduler, number, turn.family, range(3))

    assert turns == expected


# Splits


@settings(max_examples=25)
@given(world=worlds(), budget=st.none() | BUDGETS, n_trials=TRIALS)
def test_fewer_splits_are_the_first_of_the_same(world, budget, n_trials):
    """In the order of the plan."""
    for candidate in play(world, budget, n_trials).scheduler.candidates:
        assert set(candidate.steps) == set(world.order[: len(candidate.steps)])


# Limits


@settings(max_examples=25)
@given(world=worlds(endings=["whole", "cut", "paused"]), n_trials=TRIALS, n_jobs=st.integers(1, 3))
def test_as_many_candidates_are_begun_as_are_allowed(world, n_trials, n_jobs):
    """A candidate counts when its first step begins; baselines do not count."""
    played = play(world, n_trials=n_trials, n_jobs=n_jobs)

    assert played.scheduler.n_started == n_trials
    assert len({number for number, _ in played.steps if number >= 0}) == n_trials
    assert played.scheduler.out_of_trials


@settings(max_examples=20)
@given(world=worlds(), n_trials=st.integers(1, 4), more=st.integers(1, 4))
def test_a_search_that_goes_on_begins_as_many_more(world, n_trials, more):
    """Limits are raised, and what was begun stays counted."""
    assume(any(nature.ending != "fails" for nature in world.natures.values()))
    scheduler = play(world, n_trials=n_trials).scheduler
    scheduler.limits = Limits(scheduler.n_started + more)

    turn = scheduler.next()

    assert turn is not None and not scheduler.out_of_trials


@given(worlds(endings=("whole", "fails")), TRIALS, st.integers(2, 9), st.data())
def test_without_a_clock_candidates_do_not_depend_on_who_is_first(world, n_trials, n_jobs, data):
    """Whatever the number of workers and the order in which their steps end, the same steps are done."""
    one = play(world, n_trials=n_trials)
    many = play(world, n_trials=n_trials, n_jobs=n_jobs, ends=lambda n: data.draw(st.integers(0, n - 1)))

    assert sorted(map(repr, one.turns)) == sorted(map(repr, many.turns))


@pytest.mark.parametrize("patience", [1, 3, 8])
def test_patience_ends_the_search_when_nothing_gets_better(patience):
    """So many candidates after the best one, the first, and no more; those begun are still judged."""
    world = world_of(("good", 0.1, Nature(0.6)), ("bad", 1.0, Nature(0.6)), n_splits=3, known={0: 0.97})

    scheduler = play(world, n_trials=60, patience=patience).scheduler

    assert scheduler.leader.number == 0 and len(scheduler.leader.steps) == 3
    assert scheduler.out_of_patience and not scheduler.out_of_trials
    assert scheduler.n_started == patience + LAG  # what ended before the last ones is all that a decision knows


def test_a_family_that_only_fails_is_left_alone():
    """After two candidates with one reason, and the others use the time."""
    world = world_of(("broken", 0.1, Nature(ending="fails")), ("fine", 1.0, Nature()))

    played = play(world, 60.0)

    assert sum(family == "broken" for family, *_ in played.turns) == 2
    assert played.scheduler.entrants["broken"].common_failure == "broken on purpose"
    assert played.scheduler.entrants["fine"].common_failure is None
    assert played.spent > 50


# Without a clock


@settings(max_examples=20)
@given(world=worlds(), n_trials=TRIALS, haste=st.floats(0.01, 100), patience=st.none() | st.integers(2, 10))
def test_without_a_clock_seconds_decide_nothing(world, n_trials, haste, patience):
    """The same turns in the same order, however long steps take."""
    usual, other = (play(world, n_trials=n_trials, patience=patience, haste=speed) for speed in (1.0, haste))

    assert usual.turns == other.turns
    assert all(np.isinf(turn.seconds) for turn, *_ in usual.expected)


# Pauses


def test_a_candidate_that_was_too_slow_keeps_its_scores_and_goes_on():
    """It needed more seconds than it had; once there are more, it goes on where it stopped."""
    scheduler = Scheduler(even(3), timed=True)
    scheduler.enter([Invented("a", 1.0)], PROBLEM, {})
    scheduler.limits = Limits(0)
    candidate = Candidate(0, "a", {})
    for split, seconds in enumerate([1.0, 30.0]):
        scheduler.begin(candidate, split)
        result = StepResult(0, split, "ok" if split == 0 else "paused", work=Work(seconds=seconds))
        result.judgement = None if split else Judgement(0.5, 0.0, np.array([0.0, 1.0]))
        scheduler.learn(candidate, result)

    assert scheduler.next(20.0) is None
    turn = scheduler.next(100.0)

    assert (turn.candidate, turn.split) == (candidate, 1)
    assert candidate.scores == [0.5]


def test_what_makes_do_with_any_time_is_tried_and_what_does_not_is_not():
    """Three seconds for a family of ten: worth it where a cut training is worth something."""
    world = world_of(("usual", 0.2, Nature()), ("dear", 10.0, Nature(ending="cut")), n_splits=1)
    assert "dear" in {family for family, *_ in play(world, 3.0).turns}
    world.families[1].anytime = False
    assert "dear" not in {family for family, *_ in play(world, 3.0).turns}


class TwoKinds(Invented):
    """A family of two kinds of models, of which the second takes twenty times as long."""

    def defaults(self, problem):
        return [{"kind": "quick"}, {"kind": "dear"}]

    def nominal_seconds(self, params, problem):
        return 20.0 if params["kind"] == "dear" else 1.0


def test_a_dear_kind_of_a_family_that_had_its_turn_is_tried_in_half_of_the_time():
    """How long the quick kind took tells little of it; that it can do with any time is enough to try it."""
    scheduler = Scheduler(even(1), timed=True)
    scheduler.enter([TwoKinds("trees", openings=2)], PROBLEM, {})
    turn = scheduler.next(30.0)
    assert turn.default == {"kind": "quick"}
    candidate = Candidate(0, "trees", turn.default)
    scheduler.begin(candidate, 0)
    judged = Judgement(0.5, 0.0, np.array([0.0, 1.0]))
    scheduler.learn(candidate, StepResult(0, 0, "ok", work=Work(seconds=1.0), judgement=judged))

    turn = scheduler.next(12.0)

    assert (turn.default, turn.seconds) == ({"kind": "dear"}, 6.0)
