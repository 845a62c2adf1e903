"""Candidates that may be averaged with the leader: which rows that is decided by, and who is still to predict them.

A mean is chosen by what its members predict of common rows. It gains most by what differs most from the leader: another
family, another kind of trees.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence

import numpy as np

from autoarch._data.row_splits import SplitPlan
from autoarch._search.compare import Comparison, additive_scores, eligible
from autoarch._search.steps import Candidate

ENOUGH_ROWS, ENOUGH_UNITS = 2_000, 10  # left out, to tell whether a mean of candidates is better than one of them
_ALIKE = 6  # candidates of one kind, beyond which they are of no use for a mean


def n_common_splits(order: Sequence[int], plan: SplitPlan) -> int:
    """Return how many of the splits, in that order, have rows enough to choose members by; all if they ask for more."""
    if len(set(plan.estimands)) > 1:
        return len(order)
    units = plan.units.get(plan.estimands[0])
    seen = np.empty(0, dtype=np.intp)
    for n_splits, split in enumerate(order, start=1):
        seen = np.union1d(seen, plan.splits[split][1])
        if len(seen) >= ENOUGH_ROWS and (units is None or len(np.unique(units[seen])) >= ENOUGH_UNITS):
            return n_splits
    return len(order)


def companions(
    candidates: Sequence[Candidate],
    leader: Candidate,
    weights: Sequence[float],
    n_members: int,
    splits: Collection[int],
    seconds_of: Callable[[Candidate], float],
    most: float,
) -> list[Candidate]:
    """Select the best candidate of each kind that has not seen all of the common splits, as far as time allows.

    Parameters
    ----------
    candidates : sequence of Candidate
        Of the search.
    leader : Candidate
        Who leads, and is a companion of nobody.
    weights : sequence of float
        Of the splits.
    n_members : int
        Candidates that the final model may consist of.
    splits : collection of int
        On which members are chosen.
    seconds_of : callable
        Seconds of the steps that a candidate lacks.
    most : float
        Seconds that all of these may take together.
    """
    judged = [c for c in eligible(candidates) if c.number >= 0 and not c.cut and c is not leader]
    estimate = additive_scores([leader, *judged], weights)
    compared = Comparison(judged, leader, weights)
    kinds, found = {kind_of(leader)}, []
    for candidate in sorted(judged, key=lambda c: (-estimate[c.number], c.number)):
        done, lag = set(splits) <= set(candidate.steps), compared.of(candidate)
        able = candidate.status == "open" and lag is not None and not lag.behind and seconds_of(candidate) <= most
        if kind_of(candidate) in kinds or not (done or able):
            continue
        kinds.add(kind_of(candidate))
        if not done:
            most -= seconds_of(candidate)
            found.append(candidate)
        if len(kinds) >= n_members:
            break
    return found


def few_alike(ranked: Sequence[Candidate]) -> list[Candidate]:
    """Select the first candidates of each kind, so that many that are alike leave room for others."""
    seen: Counter[tuple[str, ...]] = Counter()
    found = []
    for candidate in ranked:
        seen[kind_of(candidate)] += 1
        if seen[kind_of(candidate)] <= _ALIKE:
            found.append(candidate)
    return found


def kind_of(candidate: Candidate) -> tuple[str, ...]:
    """Family of a candidate, which of its kinds of models it is, and what this reads."""
    return candidate.family, *(str(candidate.params.get(name, "")) for name in ("kind", "view"))
