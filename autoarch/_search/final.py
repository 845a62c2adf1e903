"""From the results of a search to one fitted model: the winner, or several that vote, and its temperature.

Imports: numpy, pandas, scikit-learn, ``autoarch._search``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from autoarch._search.budget import Budget
from autoarch._search.calibrate import fitted_temperature
from autoarch._search.ensemble import Member, blended, contenders, select, voting
from autoarch._search.job import TrainingData, TrialResult
from autoarch._search.loop import History, refit_seconds
from autoarch._search.refit import refit
from autoarch._search.scoring import Predictions
from autoarch.families.base import Family, Problem

_SELECTION_SHARE = 0.02  # of the budget that choosing members may take


@dataclass(frozen=True, eq=False)
class Chosen:
    """Who makes up the final model, and what they together said of rows that they had not seen.

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
    """The winner alone or, where several are allowed, those that do better together."""
    alone = Chosen((Member(best, 1.0),), Predictions.joined(best.predictions))
    if history.size == 1 or best is not history.best:
        return alone
    results = contenders(history.results)
    parts = [Predictions.joined(result.predictions) for result in results]
    until = -np.inf if budget.seconds is None else budget.left - _SELECTION_SHARE * budget.seconds
    shares = select(parts, data.judge, history.size, lambda: budget.left < until)
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
    """Fit each on all rows; those for which the time or the memory does not last have no vote, the first one has.

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
    classes = data.judge.classes
    able = [  # a model of one split's rows may have missed a class
        place for place, (pipeline, _) in enumerate(fitted) if classes is None or len(pipeline.classes_) == len(classes)
    ]
    if len(able) < 2:
        return fitted[able[0] if able else 0]
    how = list(dict.fromkeys(fitted[place][1] for place in able))
    return voting([fitted[place][0] for place in able], [votes[place] for place in able], classes), "; ".join(how)


def temperature_of(chosen: Chosen, data: TrainingData) -> float:
    """What the probabilities are to be cooled by; 1 for numbers."""
    if data.judge.classes is None:
        return 1.0
    return fitted_temperature(chosen.predictions, data.y, data.judge.classes, data.sample_weight)
