"""Candidates that may be averaged with the leader: which rows that is decided by, and who is still to predict them.

A mean is chosen by what its members predict of common rows. It gains most by what differs most from the leader: another
family, another kind of trees.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np

from autoarch._data.row_splits import SplitPlan
from autoarch._search.compare import Comparison, additive_scores, eligible
from autoarch._search.steps import Candidate

ENOUGH_ROWS = 2_000  # left out, to tell whether a mean of candidates is better than one of them


def n_common_splits(order: Sequence[int], plan: SplitPlan) -> int:
    """Return how many of the splits, in that order, have rows enough to choose members by; all if they ask for more."""
    rows = np.cumsum([len(plan.splits[split][1]) for split in order])
    if len(set(plan.estimands)) > 1:
        return len(order)
    return min(len(order), 1 + int(np.searchsorted(rows, ENOUGH_ROWS)))


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
    judged = [c for c in eligible(candidates) if c.number >= 0 and not c.cut]
    estimate = additive_scores([leader, *(c for c in judged if c is not leader)], weights)
    best = {kind_of(leader): leader}
    for candidate in sorted(judged, key=lambda c: (-estimate[c.number], c.number)):
        best.setdefault(kind_of(candidate), candidate)
    compared = Comparison([*best.values()], leader, weights)
    found: list[Candidate] = []
    for candidate in list(best.values())[1:n_members]:
        lag = compared.of(candidate)
        seconds = seconds_of(candidate)
        if lag is None or lag.behind or set(splits) <= set(candidate.steps) or seconds > most:
            continue
        most -= seconds
        found.append(candidate)
    return found


def kind_of(candidate: Candidate) -> tuple[str, ...]:
    """Family of a candidate, which of its kinds of models it is, and what this reads."""
    return candidate.family, *(str(candidate.params.get(name, "")) for name in ("kind", "view"))
