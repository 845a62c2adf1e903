"""Several candidates as one model: chosen greedily by what they predicted of rows that they were not fitted on.

Imports: numpy, scikit-learn, ``autoarch._search``.

References
----------
.. [1] R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes, "Ensemble selection from libraries of models", ICML 2004.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import Bunch

from autoarch._search.job import TrialResult
from autoarch._search.scoring import Judge, Predictions

CONTENDERS = 30  # candidates further down have no place in an ensemble
ROUNDS = 5  # of adding a member, per member allowed


@dataclass(frozen=True, eq=False)
class Member:
    """A candidate and its share of the vote."""

    result: TrialResult
    weight: float


def contenders(results: Sequence[TrialResult], most: int = CONTENDERS) -> list[TrialResult]:
    """Candidates judged on every split, best first."""
    judged = [result for result in results if result.status == "ok" and result.predictions]
    return sorted(judged, key=lambda result: result.key, reverse=True)[:most]


def select(
    parts: Sequence[Predictions], judge: Judge, size: int, over: Callable[[], bool] = lambda: False
) -> dict[int, float]:
    """Places of the chosen and their shares, which sum to 1.

    The best one alone is where it starts; then whichever candidate helps most is added, again and again and the same
    one more than once if need be, while that helps the score, or the tie-break at an equal score.

    Parameters
    ----------
    parts : sequence of Predictions
        Of the same rows, best candidate first.
    judge : Judge
        Who scores.
    size : int
        Different candidates at most.
    over : callable
        Asked before each round whether the time is up.
    """
    counts = {0: 1}
    total = parts[0].values.copy()
    best = _key(Predictions(parts[0].rows, total), judge)
    for n_votes in range(2, ROUNDS * size + 2):
        if over():
            break
        allowed = range(len(parts)) if len(counts) < size else list(counts)
        keys = {
            place: _key(Predictions(parts[0].rows, (total + parts[place].values) / n_votes), judge) for place in allowed
        }
        place = max(keys, key=lambda candidate: keys[candidate])
        if keys[place] <= best:
            break
        best, total = keys[place], total + parts[place].values
        counts[place] = counts.get(place, 0) + 1
    n_votes = sum(counts.values())
    return {place: count / n_votes for place, count in counts.items()}


def _key(predictions: Predictions, judge: Judge) -> tuple[float, float]:
    return judge.score(predictions), judge.tie_break(predictions)


def blended(parts: Sequence[Predictions], shares: dict[int, float]) -> Predictions:
    """The weighted mean of predictions of the same rows."""
    values = sum(share * parts[place].values for place, share in shares.items())
    return Predictions(parts[0].rows, np.asarray(values))


def voting(pipelines: Sequence[Pipeline], weights: Sequence[float], classes: np.ndarray | None) -> Pipeline:
    """scikit-learn's voting over pipelines that are fitted already; it can be cloned and fitted like any other."""
    names = [f"{place}_{type(pipeline[-1]).__name__.lower()}" for place, pipeline in enumerate(pipelines)]
    members = list(zip(names, pipelines, strict=True))
    if classes is None:
        vote = VotingRegressor(members, weights=list(weights))
    else:
        vote = VotingClassifier(members, voting="soft", weights=list(weights))
        vote.le_ = LabelEncoder().fit(classes)
        vote.classes_ = vote.le_.classes_
    vote.estimators_ = list(pipelines)
    vote.named_estimators_ = Bunch(**dict(members))
    return Pipeline([("model", vote)])
