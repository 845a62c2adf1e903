"""Candidates that are averaged with the leader: by which rows they are chosen, and who is still to predict them."""

from itertools import pairwise

import numpy as np
import pytest

from autoarch._data.row_splits import SplitPlan
from autoarch._search.companions import ENOUGH_ROWS, companions, n_common_splits
from autoarch._search.ensemble import likely_members
from autoarch._search.entrants import Limits
from autoarch._search.scheduler import Scheduler
from autoarch._search.scoring import Predictions
from autoarch._search.steps import Candidate, Judgement, StepResult, Work
from search.oracle import PROBLEM, Invented

WEIGHTS = (1 / 3,) * 3


def judged(number, family, accuracy, splits, kind="", *, share_done=1.0, rows=60):
    """A candidate that was right about so many of the rows of each of some splits."""
    candidate = Candidate(number, family, {"kind": kind})
    losses = (np.random.default_rng(number).permutation(rows) >= accuracy * rows).astype(float)
    for split in splits:
        predictions = Predictions(np.arange(rows), np.column_stack([losses, 1 - losses]))
        candidate.steps[split] = Judgement(1 - losses.mean(), -losses.mean(), losses, predictions)
        candidate.work[split] = Work(rows=100, seconds=1.0, fit_seconds=1.0, share_done=share_done)
    return candidate


def chosen(candidates, most=100.0, n_members=5):
    """Numbers of the companions of the first candidate, at a second for all that each lacks."""
    found = companions(candidates, candidates[0], WEIGHTS, n_members, (0, 1, 2), lambda candidate: 1.0, most)
    return [candidate.number for candidate in found]


def test_the_best_of_each_kind_goes_on_beside_the_leader():
    """One of each, the better ones first; not who has predicted all rows, was shortened, or is far behind."""
    candidates = [
        judged(0, "linear", 0.80, (0, 1, 2)),
        judged(1, "tree", 0.78, (0,), "boosting"),
        judged(2, "tree", 0.70, (0,), "boosting"),
        judged(3, "tree", 0.75, (0, 1, 2), "forest"),
        judged(4, "mlp", 0.79, (0,)),
        judged(5, "svm", 0.81, (0,), share_done=0.5),
        judged(6, "kernels", 0.05, (0,)),
    ]

    assert chosen(candidates) == [4, 1]
    assert chosen(candidates, most=1.5) == [4]
    assert chosen(candidates, n_members=2) == [4]


@pytest.mark.parametrize(
    ("sizes", "estimands", "expected"),
    [
        ([ENOUGH_ROWS] * 3, ("rows",) * 3, 1),
        ([ENOUGH_ROWS - 1] * 3, ("rows",) * 3, 2),
        ([50] * 3, ("rows",) * 3, 3),
        ([ENOUGH_ROWS] * 2, ("rows", "regions"), 2),
    ],
)
def test_as_many_splits_choose_members_as_have_rows_enough(sizes, estimands, expected):
    """The first one of many rows, all of few; and all where they answer different questions."""
    ends = np.cumsum([0, *sizes])
    splits = tuple((np.arange(5), np.arange(*bounds)) for bounds in pairwise(ends))
    plan = SplitPlan(splits, "", "user", estimands=estimands)

    assert n_common_splits(range(len(sizes)), plan) == expected


def test_few_units_need_more_splits():
    """However many rows each of them has."""
    rows = np.arange(9 * ENOUGH_ROWS).reshape(3, -1)
    for n_units, expected in ((12, 3), (36, 1)):
        units = {"new groups": np.arange(rows.size) // (rows.size // n_units)}
        splits = tuple((np.arange(5), valid) for valid in rows)
        plan = SplitPlan(splits, "", "user", estimands=("new groups",) * 3, units=units)

        assert n_common_splits((0, 1, 2), plan) == expected


def test_companions_are_judged_before_newcomers_are_begun():
    """Once the leader has its splits; and not where it stands alone."""
    families = [Invented("good", 1.0, 9), Invented("other", 1.0, 1)]
    for n_members, expected in ((5, "other"), (1, "good")):
        scheduler = Scheduler(WEIGHTS, timed=True)
        scheduler.limits = Limits(n_members=n_members)
        scheduler.enter(families, PROBLEM, {"good": 0.9, "other": 0.1})
        for number, (name, accuracy, splits) in enumerate([("good", 0.9, (0, 1, 2)), ("other", 0.75, (0,))]):
            scheduler.next(100.0)
            done, candidate = judged(number, name, accuracy, splits), Candidate(number, name, {"default": number})
            for split in splits:
                scheduler.begin(candidate, split)
                scheduler.learn(
                    candidate, StepResult(number, split, judgement=done.steps[split], work=done.work[split])
                )
        turn = scheduler.next(100.0)

        assert turn.family == expected
        assert (turn.candidate is None) == (n_members == 1)


def test_many_that_are_alike_leave_room_for_others():
    """Fifty linear models rank before a net, which is among those that members are chosen of."""
    candidates = [judged(number, "linear", 0.9, (0,)) for number in range(50)] + [judged(50, "mlp", 0.8, (0,))]
    scheduler = Scheduler(WEIGHTS, timed=False)
    scheduler.candidates = candidates
    search = type("Search", (), {"scheduler": scheduler})()

    found = likely_members(scheduler.winner, search, (0,))

    assert candidates[50] in found
    assert 2 < len(found) < 30
