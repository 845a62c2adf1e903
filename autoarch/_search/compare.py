"""Comparison of candidates that were judged on different splits: an additive model, and paired differences.

A score is taken as the sum of what the candidate and what the split contributes, fitted by weighted least squares to
the steps done; where all candidates have seen the same splits that is the mean. The error of a difference between two
candidates has two parts: rows (paired losses on common rows), and fits (a training differs from fold to fold), whose
variance is pooled over all pairs because one pair has too few splits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

from autoarch._search.steps import Candidate

SET_ASIDE = 3.0  # standard errors: looks are repeated
_PRIOR_SPLITS = 2.0  # on which the variance of fits is taken to equal that of the rows, before any is seen
_ENOUGH = 0.5  # of the splits of another one; a leader that has seen fewer must be ahead by up to a standard error
_FLOOR = 1e-6  # standard errors are never smaller


@dataclass(frozen=True)
class Difference:
    """A candidate's score minus another's, on the splits that both have seen.

    Parameters
    ----------
    mean, error : float
        The difference and its standard error.
    n_splits : int
        Common splits.
    """

    mean: float
    error: float
    n_splits: int

    @property
    def standardised(self) -> float:
        """The difference in standard errors."""
        return self.mean / self.error

    @property
    def behind(self) -> bool:
        """Return whether the candidate is so far behind that it is set aside."""
        return self.standardised <= -SET_ASIDE

    @property
    def expected_gain(self) -> float:
        """Mean of what the candidate would be better by, where it is better at all."""
        z = self.standardised
        return self.error * (z * float(ndtr(z)) + math.exp(-z * z / 2) / math.sqrt(2 * math.pi))


def additive_scores(candidates: Sequence[Candidate], weights: Sequence[float]) -> dict[int, float]:
    """Estimate each candidate's score over all splits from those that it was judged on.

    Parameters
    ----------
    candidates : sequence of Candidate
        With at least one step each.
    weights : sequence of float
        Of the splits, which sum to 1.

    Returns
    -------
    dict of int to float
        By number.
    """
    if not candidates:
        return {}
    scores = np.full((len(candidates), len(weights)), np.nan)
    for row, candidate in enumerate(candidates):
        for split, step in candidate.steps.items():
            scores[row, split] = step.score
    seen = ~np.isnan(scores)
    filled = np.where(seen, scores, 0.0)
    part = seen * np.asarray(weights, dtype=float)
    total = part.sum(axis=1, keepdims=True)
    # Weighted least squares with the candidates eliminated: L b = r, where L is a graph Laplacian of the splits
    laplacian = np.diag(part.sum(axis=0)) - part.T @ (part / total)
    wanted = (part * (filled - (part * filled).sum(axis=1, keepdims=True) / total)).sum(axis=0)
    effect = np.linalg.pinv(laplacian, hermitian=True) @ wanted
    own = (part * (filled - effect)).sum(axis=1) / total[:, 0]
    mean_effect = float(np.dot(weights, effect) / sum(weights))
    return {candidate.number: float(a) + mean_effect for candidate, a in zip(candidates, own, strict=True)}


class Comparison:
    """Differences of candidates from one of them, with errors that share one variance of fits.

    Parameters
    ----------
    candidates : sequence of Candidate
        With at least one step each.
    leader : Candidate
        Whom they are compared with.
    weights : sequence of float
        Of the splits.
    """

    def __init__(self, candidates: Sequence[Candidate], leader: Candidate, weights: Sequence[float]):
        self._pairs = {c.number: _pair(c, leader) for c in candidates if c is not leader}
        self._weights = np.asarray(weights)
        self._fit_to_row = _fit_to_row(self._pairs.values())

    def of(self, candidate: Candidate) -> Difference | None:
        """Return the difference from the leader, None where they have no split in common."""
        splits, means, variances = self._pairs[candidate.number]
        if not len(splits):
            return None
        share = self._weights[splits] / self._weights[splits].sum()
        variance = float(np.sum(share**2 * variances) * (1.0 + self._fit_to_row))
        return Difference(float(share @ means), max(math.sqrt(variance), _FLOOR), len(splits))


_LARGEST = 1e100  # of a difference of losses; the squares of larger ones are no numbers
Pair = tuple[np.ndarray, np.ndarray, np.ndarray]


def _pair(candidate: Candidate, leader: Candidate) -> Pair:
    """Common splits, the difference on each, and the variance of its mean over the rows."""
    splits = [split for split in candidate.splits if split in leader.steps]
    means = [candidate.steps[split].score - leader.steps[split].score for split in splits]
    variances = [
        row_variance(candidate.steps[split].losses - leader.steps[split].losses, abs(mean))
        for split, mean in zip(splits, means, strict=True)
    ]
    return np.array(splits, dtype=int), np.array(means), np.array(variances)


def row_variance(losses: np.ndarray, scale: float) -> float:
    """Variance of the mean loss of independent units, one more of which is counted at the largest deviation.

    Without it a score that happens to be the same for every row seen would be taken as exact.
    """
    known = losses[np.isfinite(losses)]
    n, scale = len(known), min(scale, _LARGEST)
    if n < 2:
        return max(scale, 1e-2) ** 2
    spread = known - known.mean()
    largest = min(max(float(np.abs(spread).max()), scale, 1e-9), _LARGEST)
    return float((spread @ spread + largest**2) / n / (n - 1))


def _fit_to_row(pairs: Iterable[Pair]) -> float:
    """Variance of a difference between splits beyond that of their rows, over the latter, pooled over pairs."""
    excess, freedom = _PRIOR_SPLITS, _PRIOR_SPLITS
    for _, means, variances in pairs:
        if len(means) > 1 and variances.mean() > 0:
            ratio = float(np.var(means, ddof=1) / variances.mean()) - 1.0
            excess += (len(means) - 1) * min(max(ratio, 0.0), 10.0)
            freedom += len(means) - 1
    return excess / freedom


def eligible(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Select candidates that were judged and are not excluded."""
    return [candidate for candidate in candidates if candidate.steps and candidate.status != "excluded"]


def leader_of(candidates: Sequence[Candidate], weights: Sequence[float]) -> Candidate | None:
    """Return the best candidate: by the additive model, unless one with all of its steps has a better mean there."""
    judged = eligible(candidates)
    if not judged:
        return None
    estimate = additive_scores(judged, weights)
    best = max(judged, key=lambda candidate: (estimate[candidate.number], candidate.tie))
    while True:
        rivals = [c for c in judged if c is not best and set(best.steps) <= set(c.steps)]
        better = [c for c in rivals if _key_on(c, best.splits, weights) > _key_on(best, best.splits, weights)]
        if not better:
            return best
        best = max(better, key=lambda c: (len(c.steps), _key_on(c, best.splits, weights)))


def winner_of(candidates: Sequence[Candidate], weights: Sequence[float]) -> Candidate | None:
    """Return the candidate to hand over: the leader, unless it has seen few of the splits of another and leads by luck.

    The fewer it has seen, the more it must be ahead: by nothing with half of them, by a standard error with none.
    """
    best = leader_of(candidates, weights)
    if best is None:
        return None
    fuller = leader_of([c for c in eligible(candidates) if len(c.steps) > len(best.steps)], weights)
    if fuller is None:
        return best
    lead = Comparison([best], fuller, weights).of(best)
    wanted = max(0.0, 1.0 - len(best.steps) / (_ENOUGH * len(fuller.steps)))
    return best if lead is None or lead.standardised >= wanted else fuller


def hopeless(candidate: Candidate, other: Candidate, weights: Sequence[float]) -> bool:
    """Return whether a candidate is so far behind another that it is set aside."""
    lag = Comparison([candidate], other, weights).of(candidate)
    return lag is not None and lag.behind


def _key_on(candidate: Candidate, splits: Sequence[int], weights: Sequence[float]) -> tuple[float, float]:
    share = [weights[split] for split in splits]
    steps = [candidate.steps[split] for split in splits]
    scores, ties = ([getattr(step, name) for step in steps] for name in ("score", "tie"))
    return float(np.average(scores, weights=share)), float(np.average(ties, weights=share))


class Standings:
    """Candidates of a search, compared on the splits that they have seen.

    Parameters
    ----------
    weights : sequence of float
        Of the splits.
    """

    def __init__(self, weights: Sequence[float]):
        self.weights = tuple(weights)
        self.candidates: list[Candidate] = []
        self._known: dict[str, Any] = {}

    def changed(self) -> None:
        """Forget who leads: a candidate has done a step, or may be chosen no more."""
        self._known.clear()

    def exclude(self, candidate: Candidate, reason: str) -> None:
        """Let a candidate be chosen no more."""
        candidate.status, candidate.reason = "excluded", reason
        self.changed()

    def is_settled(self, candidate: Candidate) -> bool:
        """Return whether one that is far behind will not go on."""
        return True

    def _once(self, name: str, found: Callable[[], Any]) -> Any:
        """Compute what is asked for at every turn no more often than there are results."""
        if name not in self._known:
            self._known[name] = found()
        return self._known[name]

    @property
    def leader(self) -> Candidate | None:
        """The best candidate so far, however few its splits."""
        leader: Candidate | None = self._once("leader", lambda: leader_of(self.candidates, self.weights))
        return leader

    @property
    def winner(self) -> Candidate | None:
        """The candidate that would be handed over now."""
        winner: Candidate | None = self._once("winner", lambda: winner_of(self.candidates, self.weights))
        return winner

    def ranking(self) -> list[Candidate]:
        """Judged candidates, best first; the winner is the first one. Excluded ones where there are no others."""
        ranked: list[Candidate] = self._once("ranking", self._ranked)
        return ranked

    def _ranked(self) -> list[Candidate]:
        judged = eligible(self.candidates) or [candidate for candidate in self.candidates if candidate.steps]
        estimate, winner = additive_scores(judged, self.weights), self.winner
        return sorted(judged, key=lambda c: (c is not winner, -estimate[c.number], -c.tie))

    def behind(self) -> dict[int, Difference]:
        """Return how far each candidate that is set aside is behind the winner."""
        winner = self.winner
        if winner is None:
            return {}
        judged = eligible(self.candidates)
        compared = Comparison(judged, winner, self.weights)
        found = {c.number: compared.of(c) for c in judged if c is not winner}
        return {number: lag for number, lag in found.items() if lag is not None and lag.behind}

    @property
    def starved(self) -> bool:
        """Return whether candidates that may still be best wait for splits."""
        behind, n = self.behind(), len(self.weights)
        trials = [c for c in self.candidates if c.number >= 0 and c.status == "open"]
        return any(len(c.steps) < n for c in trials if c.number not in behind)
