"""Greedy selection of members by what they predicted of rows that they were not fitted on.

References
----------
.. [1] R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes, "Ensemble selection from libraries of models", ICML 2004.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from autoarch._search.compare import row_variance
from autoarch._search.scoring import SPREAD, Predictions, Scorer

ROUNDS = 5  # of adding a member, per member allowed


def select(
    parts: Sequence[Predictions], scorer: Scorer, size: int, over: Callable[[], bool] = lambda: False
) -> dict[int, float]:
    """Select members greedily; return their positions and weights, which sum to 1.

    The best one alone is where it starts; then whichever candidate helps most is added, again and again and the same
    one more than once if need be, while that helps. Counts of right labels hardly tell means apart, so under accuracy
    probabilities decide, unless the mean has fewer right labels than the best one alone by more than a standard error.

    Parameters
    ----------
    parts : sequence of Predictions
        Of the same rows, best candidate first.
    scorer : Scorer
        Scores predictions.
    size : int
        Different candidates at most.
    over : callable
        Called before each round; True ends the selection.
    """
    shares = _greedy(parts, scorer, size, over)
    if scorer.counts_labels and _is_more_than_chance(_lost(blended(parts, shares), parts[0], scorer)):
        return _greedy(parts, scorer, size, over, by_score=True)
    return shares


def _greedy(
    parts: Sequence[Predictions], scorer: Scorer, size: int, over: Callable[[], bool], *, by_score: bool = False
) -> dict[int, float]:
    counts = {0: 1}
    total = parts[0].values.copy()
    best = _key(Predictions(parts[0].rows, total), scorer, by_score=by_score)
    for n_votes in range(2, ROUNDS * size + 2):
        if over():
            break
        allowed = range(len(parts)) if len(counts) < size else list(counts)
        keys = {
            place: _key(Predictions(parts[0].rows, (total + parts[place].values) / n_votes), scorer, by_score=by_score)
            for place in allowed
        }
        place = max(keys, key=lambda candidate: keys[candidate])
        if keys[place] <= best:
            break
        best, total = keys[place], total + parts[place].values
        counts[place] = counts.get(place, 0) + 1
    n_votes = sum(counts.values())
    return {place: count / n_votes for place, count in counts.items()}


def _lost(mean: Predictions, alone: Predictions, scorer: Scorer) -> np.ndarray:
    """Losses of a mean over those of a candidate alone, by rows or units."""
    worse: np.ndarray = scorer.unit_losses(scorer.decided(mean)) - scorer.unit_losses(scorer.decided(alone))
    return worse


def _is_more_than_chance(lost: np.ndarray) -> bool:
    """Return whether losses differ by more than the standard error of their difference."""
    return bool(np.mean(lost) > np.sqrt(row_variance(lost, 0.0)))


def _key(predictions: Predictions, scorer: Scorer, *, by_score: bool = False) -> tuple[float, float]:
    """Score and tie-break; the latter alone where probabilities decide, as good ones have a good threshold too."""
    if scorer.tunes or (scorer.counts_labels and not by_score):
        return scorer.tie_break(predictions), 0.0
    predictions = scorer.decided(predictions)
    return scorer.score(predictions), scorer.tie_break(predictions)


def blended(parts: Sequence[Predictions], shares: dict[int, float]) -> Predictions:
    """Average predictions of the same rows by weight."""
    values = sum(share * parts[place].values for place, share in shares.items())
    return Predictions(parts[0].rows, np.asarray(values))


def helps(parts: Sequence[Predictions], scorer: Scorer, size: int, over: Callable[[], bool]) -> bool:
    """Return whether members that are chosen on either half of the rows beat a single one on the other half.

    The single one is the best on the rows that members are chosen on, too: the best of hundreds on all rows owes part
    of its lead to luck on either half.
    """
    n = len(parts[0].rows)
    order = np.argsort(parts[0].rows * SPREAD % 1.0, kind="stable")
    halves = order[: n // 2], order[n // 2 :]
    together, single, lost = [], [], []
    for chosen_on, judged_on in (halves, halves[::-1]):
        try:
            seen = [part.at(chosen_on) for part in parts]
            first = max(range(len(parts)), key=lambda place: _key(seen[place], scorer, by_score=True))
            ordered = [first, *(place for place in range(len(parts)) if place != first)]
            shares = select([seen[place] for place in ordered], scorer, size, over)
            judged = [parts[place].at(judged_on) for place in ordered]
            mean = blended(judged, shares)
            lost.append(_lost(mean, judged[0], scorer) if scorer.counts_labels else np.zeros(1))
            together.append(_key(mean, scorer, by_score=True))
            single.append(_key(judged[0], scorer, by_score=True))
        except ValueError:  # a score may be undefined on half of few rows
            return False
    if _is_more_than_chance(np.concatenate(lost)):
        return False
    gain = tuple(np.mean(together, axis=0) - np.mean(single, axis=0))
    return max(gain) > 0.0 if scorer.counts_labels else gain > (0.0, 0.0)
