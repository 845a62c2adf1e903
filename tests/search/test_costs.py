"""Seconds that steps are expected to take."""

import sys

import pytest

from autoarch._search.costs import Costs
from autoarch._search.steps import Candidate, Judgement, StepResult, Work
from autoarch.families import Needs
from search.oracle import PROBLEM, Invented


class Raising(Invented):
    """A family that does not know its cost."""

    def nominal_seconds(self, params, problem):
        raise ZeroDivisionError


def costs(*families, timed=True):
    """Costs of some families."""
    known = Costs(timed=timed)
    known.enter(families, PROBLEM)
    return known


def step(known, family, seconds, status="ok", split=0, candidate=None, **work):
    """A step of a candidate, learned."""
    candidate = candidate or Candidate(0, family, {})
    candidate.work[split] = Work(seconds=seconds, **work)
    if status == "ok":
        candidate.steps[split] = Judgement(0.5, 0.0, [])
    known.learn(candidate, StepResult(candidate.number, split, status, work=candidate.work[split]))
    return candidate


def test_nominal_costs_are_calibrated_by_steps():
    """By the median of its own, so that one hiccup does not count; halfway to those of others while it has none."""
    known = costs(Invented("a", 1.0), Invented("b", 3.0))
    assert known.of_first_step("a", {}) == 1.0 and not known.known("a")
    for seconds in (2.0, 2.0, 90.0):
        step(known, "a", seconds)
    assert known.of_first_step("a", {}) == pytest.approx(2.0)
    assert known.of_first_step("b", {}) == pytest.approx(3.0 * 2.0**0.5) and not known.known("b")
    step(known, "b", 3.0)
    assert known.of_first_step("b", {}) == pytest.approx(3.0)


def test_each_kind_of_model_has_a_calibration_of_its_own():
    """A forest is not as dear as boosting: while it is untimed, it counts halfway to what its family took."""
    known = costs(Invented("trees", 1.0), Invented("other", 1.0))
    step(known, "trees", 4.0, candidate=Candidate(0, "trees", {"kind": "boosting"}))
    assert known.of_first_step("trees", {"kind": "boosting"}) == pytest.approx(4.0)
    assert known.of_first_step("trees", {"kind": "forest"}) == pytest.approx(2.0)
    assert known.known("trees") and not known.known("trees", {"kind": "forest"})
    step(known, "trees", 1.5, candidate=Candidate(1, "trees", {"kind": "forest"}))
    assert known.of_first_step("trees", {"kind": "forest"}) == pytest.approx(1.5)
    assert known.of_first_step("trees", {"kind": "boosting"}) == pytest.approx(4.0)


def test_a_slower_machine_makes_every_step_dearer():
    """What was measured at half the pace costs half on an idle core, and twice at half the pace again."""
    known = costs(Invented("a", 1.0))
    candidate = step(known, "a", 4.0, pace=0.5)
    assert known.of_next_step(candidate) == known.of_first_step("a", {}) == pytest.approx(2.0)
    known.pace = 0.25
    assert known.of_next_step(candidate) == pytest.approx(8.0)


def test_a_shortened_step_tells_what_a_whole_one_takes():
    """Another step of the candidate is shortened as well, a new candidate's is not; what was found too slow counts."""
    known = costs(Invented("a", 1.0))
    candidate = step(known, "a", 2.0, share_done=0.5)
    assert known.of_next_step(candidate) == pytest.approx(2.0)
    assert known.of_first_step("a", {}) == pytest.approx(4.0)
    known = costs(Invented("a", 1.0))
    step(known, "a", 7.0, status="paused")
    assert known.of_first_step("a", {}) == pytest.approx(7.0)


def test_a_failure_tells_nothing_of_seconds():
    """It may end at once."""
    known = costs(Invented("a", 1.0))
    step(known, "a", 0.01, status="failed")
    assert known.of_first_step("a", {}) == 1.0 and not known.known("a")


def test_without_a_clock_seconds_are_not_looked_at():
    """Nominal costs remain."""
    known = costs(Invented("a", 1.0), timed=False)
    candidate = step(known, "a", 50.0)
    assert known.of_first_step("a", {}) == known.of_next_step(candidate) == 1.0


def test_a_family_that_does_not_know_its_cost_is_taken_for_a_second():
    """A plug-in's mistake ends nothing."""
    known = costs(Raising("a"), Invented("b", float("nan")), Invented("c", -1.0))
    assert known.of_first_step("a", {}) == 1.0
    assert 0 < known.of_first_step("b", {}) < 1 and 0 < known.of_first_step("c", {}) < 1


def test_imports_are_part_of_a_first_step_until_they_are_done(monkeypatch):
    """Of packages that take seconds; none without a clock."""
    family = Invented("net", 1.0)
    family.needs = Needs(packages=("torch",))
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert costs(family).of_first_step("net", {}) > 1.0
    assert costs(family, timed=False).of_first_step("net", {}) == 1.0
    monkeypatch.setitem(sys.modules, "torch", sys)
    assert costs(family).of_first_step("net", {}) == 1.0
