"""Several candidates as one model: chosen greedily by what they predicted of rows that they were not fitted on.

References
----------
.. [1] R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes, "Ensemble selection from libraries of models", ICML 2004.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from autoarch._core.clock import Budget
from autoarch._search.job import TrainingData, TrialResult
from autoarch._search.loop import History
from autoarch._search.refit import refit, refit_seconds, voting
from autoarch._search.scoring import Predictions, Scorer, fitted_temperature
from autoarch.families.base import Family, Problem

CONTENDERS = 30  # candidates further down have no place in an ensemble
ROUNDS = 5  # of adding a member, per member allowed


@dataclass(frozen=True, eq=False)
class Member:
    """A candidate and its weight."""

    result: TrialResult
    weight: float


def contenders(results: Sequence[TrialResult], most: int = CONTENDERS) -> list[TrialResult]:
    """Return candidates that were judged on every split, best first."""
    judged = [result for result in results if result.status == "ok" and result.predictions]
    return sorted(judged, key=lambda result: result.key, reverse=True)[:most]


def select(
    parts: Sequence[Predictions], scorer: Scorer, size: int, over: Callable[[], bool] = lambda: False
) -> dict[int, float]:
    """Select members greedily; return their positions and weights, which sum to 1.

    The best one alone is where it starts; then whichever candidate helps most is added, again and again and the same
    one more than once if need be, while that helps the score, or the tie-break at an equal score.

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
    counts = {0: 1}
    total = parts[0].values.copy()
    best = _key(Predictions(parts[0].rows, total), scorer)
    for n_votes in range(2, ROUNDS * size + 2):
        if over():
            break
        allowed = range(len(parts)) if len(counts) < size else list(counts)
        keys = {
            place: _key(Predictions(parts[0].rows, (total + parts[place].values) / n_votes), scorer)
            for place in allowed
        }
        place = max(keys, key=lambda candidate: keys[candidate])
        if keys[place] <= best:
            break
        best, total = keys[place], total + parts[place].values
        counts[place] = counts.get(place, 0) + 1
    n_votes = sum(counts.values())
    return {place: count / n_votes for place, count in counts.items()}


def _key(predictions: Predictions, scorer: Scorer) -> tuple[float, float]:
    return scorer.score(predictions), scorer.tie_break(predictions)


def blended(parts: Sequence[Predictions], shares: dict[int, float]) -> Predictions:
    """Average predictions of the same rows by weight."""
    values = sum(share * parts[place].values for place, share in shares.items())
    return Predictions(parts[0].rows, np.asarray(values))


_SELECTION_SHARE = 0.02  # of the budget that choosing members may take


@dataclass(frozen=True, eq=False)
class Chosen:
    """Members of the final model, and their joint out-of-fold predictions.

    Parameters
    ----------
    members : tuple of Member
        By weight, largest first.
    predictions : Predictions
        Of the validation rows.
    """

    members: tuple[Member, ...]
    predictions: Predictions

    def table(self) -> pd.DataFrame:
        """Family, parameters, score alone and weight of each member."""
        return pd.DataFrame(
            [
                {"family": m.result.family, "params": m.result.params, "score": m.result.score, "weight": m.weight}
                for m in self.members
            ]
        )


def choose(best: TrialResult, history: History, data: TrainingData, budget: Budget) -> Chosen:
    """Choose the winner alone or, where several are allowed, members that score better together."""
    alone = Chosen((Member(best, 1.0),), Predictions.joined(best.predictions))
    if history.size == 1 or best is not history.best:
        return alone
    results = contenders(history.results)
    parts = [Predictions.joined(result.predictions) for result in results]
    until = -np.inf if budget.seconds is None else budget.left - _SELECTION_SHARE * budget.seconds
    shares = select(parts, data.scorer, history.size, lambda: budget.left < until)
    members = sorted((Member(results[place], share) for place, share in shares.items()), key=lambda m: -m.weight)
    return Chosen(tuple(members), blended(parts, shares))


def fit_members(
    chosen: Chosen,
    families: Mapping[str, Family],
    problem: Problem,
    data: TrainingData,
    budget: Budget,
    seed: int,
) -> tuple[Pipeline, str]:
    """Fit each member on all rows. Members that run out of time or memory are dropped, never the first.

    Returns
    -------
    pipeline : Pipeline
        Fitted, on canonical values.
    how : str
        In words, what it was fitted on.
    """
    fitted: list[tuple[Pipeline, str]] = []
    votes: list[float] = []
    expected = [refit_seconds(member.result, data) for member in chosen.members]
    for place, member in enumerate(chosen.members):
        left = budget.left
        if not budget.unlimited:
            left *= expected[place] / sum(expected[place:])
        if place and not member.result.models and left < expected[place]:
            continue
        try:
            family, alone = families[member.result.family], len(chosen.members) == 1
            fitted.append(refit(member.result, family, problem, data, left, seed, alone=alone))
            votes.append(member.weight)
        except Exception:
            if place == len(chosen.members) - 1 and not fitted:
                raise
    return _united(fitted, votes, data)


def _united(fitted: Sequence[tuple[Pipeline, str]], votes: Sequence[float], data: TrainingData) -> tuple[Pipeline, str]:
    classes = data.scorer.classes
    able = [  # a model of one split's rows may have missed a class
        place for place, (pipeline, _) in enumerate(fitted) if classes is None or len(pipeline.classes_) == len(classes)
    ]
    if len(able) < 2:
        return fitted[able[0] if able else 0]
    how = list(dict.fromkeys(fitted[place][1] for place in able))
    return voting([fitted[place][0] for place in able], classes, [votes[place] for place in able]), "; ".join(how)


def temperature_of(chosen: Chosen, data: TrainingData) -> float:
    """Fit the temperature of the probabilities; 1 for numbers."""
    if data.scorer.classes is None:
        return 1.0
    return fitted_temperature(chosen.predictions, data.y, data.scorer.classes, data.sample_weight)
