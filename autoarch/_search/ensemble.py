"""Several candidates as one model: chosen greedily by what they predicted of rows that they were not fitted on.

References
----------
.. [1] R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes, "Ensemble selection from libraries of models", ICML 2004.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from autoarch._search.baseline import Baseline
from autoarch._search.job import TrialResult
from autoarch._search.loop import Search
from autoarch._search.refit import refit, refit_seconds, voting
from autoarch._search.scoring import Predictions, Scorer

CONTENDERS = 30  # candidates further down have no place in an ensemble
ROUNDS = 5  # of adding a member, per member allowed


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
    members : tuple of pairs
        Candidates and their weights, the largest first.
    predictions : Predictions
        Of the validation rows.
    """

    members: tuple[tuple[TrialResult, float], ...]
    predictions: Predictions

    def table(self) -> pd.DataFrame:
        """Family, parameters, score alone and weight of each member."""
        rows = [(result.family, result.params, result.score, weight) for result, weight in self.members]
        return pd.DataFrame(rows, columns=["family", "params", "score", "weight"])


def choose(best: TrialResult, search: Search) -> Chosen:
    """Choose the winner alone or, where several are allowed, members that score better together."""
    history, budget = search.history, search.budget
    alone = Chosen(((best, 1.0),), Predictions.joined(best.predictions))
    if history.size == 1 or best is not history.best:
        return alone
    results = contenders(history.results)
    parts = [Predictions.joined(result.predictions) for result in results]
    until = -np.inf if budget.seconds is None else budget.left - _SELECTION_SHARE * budget.seconds
    shares = select(parts, search.data.scorer, history.size, lambda: budget.left < until)
    members = sorted(((results[place], share) for place, share in shares.items()), key=lambda member: -member[1])
    return Chosen(tuple(members), blended(parts, shares))


def fit_members(chosen: Chosen, search: Search) -> tuple[Pipeline, str]:
    """Fit each member on all rows. Members that run out of time or memory are dropped, never the first.

    Returns
    -------
    pipeline : Pipeline
        Fitted, on canonical values.
    how : str
        In words, what it was fitted on.
    """
    families = {family.name: family for family in [*search.families, Baseline()]}
    data, alone = search.data, len(chosen.members) == 1
    fitted: list[tuple[Pipeline, str, float]] = []
    expected = [refit_seconds(result, data) for result, _ in chosen.members]
    for place, (result, weight) in enumerate(chosen.members):
        left = search.budget.left
        if not search.budget.unlimited:
            left *= expected[place] / sum(expected[place:])
        if place and not result.models and left < expected[place]:
            continue
        try:
            family = families[result.family]
            fitted.append((*refit(result, family, search.problem, data, left, search.past.seed, alone=alone), weight))
        except Exception:
            if place == len(chosen.members) - 1 and not fitted:
                raise
    classes = data.scorer.classes
    # A model of one split's rows may have missed a class.
    able = [model for model in fitted if classes is None or len(model[0].classes_) == len(classes)]
    if len(able) < 2:
        return (able or fitted)[0][:2]
    pipelines, how, votes = zip(*able, strict=True)
    return voting(pipelines, classes, votes), "; ".join(dict.fromkeys(how))
