"""Hand over a constant where no candidate is better than one."""

from __future__ import annotations

import numpy as np

from autoarch._search.baseline import Baseline
from autoarch._search.compare import SET_ASIDE, Comparison
from autoarch._search.evaluate import evaluate_on
from autoarch._search.loop import Search
from autoarch._search.steps import Candidate
from autoarch._search.whole import in_its_place, job_on_all_rows


def is_constant(candidate: Candidate) -> bool:
    """Return whether a candidate looks at no column."""
    return candidate.family == Baseline.name and candidate.params.get("kind") == "constant"


def constant_instead(winner: Candidate, search: Search) -> Candidate | None:
    """Return the best constant where the winner is behind it.

    Constants take part where the user named no families. They are judged on all splits of the winner first, unless it
    is far ahead on those that they have seen.
    """
    constants = [c for c in search.scheduler.candidates if is_constant(c) and c.steps and c.status == "open"]
    weights = search.scheduler.weights
    if not constants or is_constant(winner) or all(_lead(winner, c, weights) >= SET_ASIDE for c in constants):
        return None
    for constant in constants:
        _judge_where(constant, winner, search)
    able = [c for c in constants if set(winner.steps) <= set(c.steps)]
    if not able or any(winner.steps[split].predictions is None for split in winner.splits):
        return None
    best = max(able, key=lambda c: (np.average(_scores(c, winner), weights=_shares(winner, weights)), c.tie))
    return best if _lead(winner, best, weights) < 0 else None


def constant_for_estimate(
    winner: Candidate, search: Search, splits: tuple[int, ...], expected: float, error: float
) -> Candidate | None:
    """Return the best constant where it is ahead of what is expected of the winner by more than a standard error.

    Both on the same ``splits``.

    The winner of many may owe its lead to luck, which a constant does not; within the error the winner stays, whose
    probabilities tell more. Of numbers a single row may decide both; and splits are compared where they ask the same
    question.
    """
    plan = search.data.plan
    if (
        is_constant(winner)
        or search.data.scorer.classes is None
        or len({plan.estimands[split] for split in splits}) > 1
    ):
        return None
    able = [c for c in search.scheduler.candidates if is_constant(c) and c.status == "open"]
    able = [c for c in able if set(splits) <= set(c.steps)]
    scorer = search.data.scorer
    scores = [scorer.score_or_nan(scorer.decided(c.predictions_on(splits))) for c in able]
    scores = [score if np.isfinite(score) else -np.inf for score in scores]
    return able[int(np.argmax(scores))] if able and max(scores) > expected + error else None


def _judge_where(constant: Candidate, winner: Candidate, search: Search) -> None:
    """Judge a constant on the splits of the winner that it has not seen."""
    for split in sorted(set(winner.steps) - set(constant.steps)):
        job = job_on_all_rows(search, constant, search.budget.deadline())
        result = in_its_place(search, constant, evaluate_on, job, search.data.splits[split])
        if result.judgement is None:
            return
        constant.steps[split], constant.work[split] = result.judgement, result.work
        search.scheduler.changed()


def _scores(constant: Candidate, winner: Candidate) -> list[float]:
    return [constant.steps[split].score for split in winner.splits]


def _shares(winner: Candidate, weights: tuple[float, ...]) -> list[float]:
    return [weights[split] for split in winner.splits]


def _lead(winner: Candidate, constant: Candidate, weights: tuple[float, ...]) -> float:
    """Standard errors by which the winner is ahead of a constant, on the splits that both have seen."""
    lead = Comparison([winner], constant, weights).of(winner)
    return 0.0 if lead is None else lead.standardised
