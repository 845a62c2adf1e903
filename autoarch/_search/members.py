"""Fit the members of the final model on all rows: each once, then again with other seeds while the time lasts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.pipeline import Pipeline

from autoarch._search.averages import FoldEnsembleClassifier, FoldEnsembleLabels, FoldEnsembleRegressor, voting
from autoarch._search.importances import IMPORTANCE_SHARE
from autoarch._search.loop import Search
from autoarch._search.refit import final_predict_seconds, kept_for_questions, refit, refit_seconds
from autoarch._search.steps import Candidate
from autoarch._search.whole import MOST_SEEDS, another_seed, averages_seeds_beside
from autoarch._training.time_limited import is_complete

ESTIMATE_SHARE = 0.02  # of the budget that estimating the score may take
QUICK = 0.3  # seconds for 1,000 rows, which nobody minds
_LEEWAY = 1.5  # times the seconds of a member that must be left for it to be fitted with another seed


@dataclass(frozen=True, eq=False)
class FinalModel:
    """A fitted model, and what it consists of.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted, on canonical values.
    how : str
        In words, what it was fitted on.
    members : tuple of int
        Places of the members that are in it.
    n_models : int
        Models that predict, of all seeds of all members; 1 where a single member is in it.
    """

    pipeline: Pipeline
    how: str
    members: tuple[int, ...] = (0,)
    n_models: int = 1


@dataclass(eq=False)
class _Fitted:
    """A member with its models, what they were fitted on in words, its weight and place, and seconds of the first."""

    candidate: Candidate
    models: list[Pipeline]
    how: str
    weight: float
    place: int
    seconds: float


def fit_members(members: Sequence[tuple[Candidate, float]], search: Search) -> FinalModel:
    """Fit each member on all rows. Members that run out of time or memory are dropped, never the first.

    Parameters
    ----------
    members : sequence of pairs
        Candidates and their weights, the largest first.
    search : Search
        In which they were chosen.
    """
    data, fitted = search.data, _fitted_once(members, search)
    classes = data.scorer.classes
    # A model of one split's rows may have missed a class.
    whole = classes is None or data.n_targets > 1
    able = [member for member in fitted if whole or len(member.models[0].classes_) == len(classes)]
    if len(able) < 2:
        only = (able or fitted)[0]
        return FinalModel(only.models[0], only.how, (only.place,))
    _fit_more_seeds(able, search)
    models = [(model, member.weight / len(member.models)) for member in able for model in member.models]
    pipelines, votes = zip(*models, strict=True)
    how = "; ".join(dict.fromkeys(member.how for member in able))
    pipeline = voting(pipelines, classes, votes, data.n_targets)
    return FinalModel(pipeline, how, tuple(member.place for member in able), len(pipelines))


def _fitted_once(members: Sequence[tuple[Candidate, float]], search: Search) -> list[_Fitted]:
    """Fit each member once, in its part of the time that is left; those that fail are left out, never all of them."""
    fitted: list[_Fitted] = []
    expected = [refit_seconds(member, search) for member, _ in members]
    for place, (member, weight) in enumerate(members):
        left = search.budget.left - IMPORTANCE_SHARE * (search.budget.seconds or 0.0)
        if not search.budget.unlimited:
            left *= max(expected[place], 1e-3) / max(sum(expected[place:]), 1e-3)
        if place and not search.models.of(member) and left < expected[place]:
            continue
        began = time.monotonic()
        try:
            pipeline, how = refit(member, search, left, alone=len(members) == 1)
        except Exception:
            if place == len(members) - 1 and not fitted:
                raise
            continue
        fitted.append(_Fitted(member, [pipeline], how, weight, place, time.monotonic() - began))
    return fitted


def _is_new(member: _Fitted, search: Search) -> bool:
    """Return whether the model of a member was fitted anew, in full, and is not that of a split or of folds."""
    model = member.models[0]
    if not is_complete(model[-1]):
        return False
    on_folds = isinstance(model[-1], (FoldEnsembleClassifier, FoldEnsembleRegressor, FoldEnsembleLabels))
    return not on_folds and all(kept is not model for kept in search.models.of(member.candidate))


def _fit_more_seeds(members: Sequence[_Fitted], search: Search) -> None:
    """Fit members with further seeds while the time lasts, those first that have the most weight for each model.

    Only what is random, and was fitted anew on all rows; predictions stay as quick as they have to be.
    """
    able = [m for m in members if averages_seeds_beside(m.candidate, search) and _is_new(m, search)]
    spent = sum(final_predict_seconds(member.candidate, search) for member in members)
    most = min(QUICK, search.max_predict_seconds or np.inf)
    for_rest = max(kept_for_questions(member.candidate, search) for member in members)
    for_rest += (IMPORTANCE_SHARE + ESTIMATE_SHARE) * (search.budget.seconds or 0.0)
    while able and not search.budget.unlimited and not search.interrupted:
        member = max(able, key=lambda one: one.weight / len(one.models))
        left, each = search.budget.left - for_rest, search.predict_seconds(member.candidate)
        timely = left >= _LEEWAY * member.seconds and len(member.models) < MOST_SEEDS and spent + each <= most
        model = another_seed(member.candidate, search, left, len(member.models)) if timely else None
        if model is None:
            able.remove(member)
            continue
        member.models.append(model)
        spent += each
    for member in members:
        member.how += f", {len(member.models)} seeds" if len(member.models) > 1 else ""
