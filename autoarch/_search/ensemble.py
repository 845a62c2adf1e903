"""The final model: the winner or several candidates together, fitted on all rows, and the score to expect of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from autoarch._core.clock import Deadline
from autoarch._core.failures import describe
from autoarch._search.averages import FoldEnsembleClassifier, FoldEnsembleLabels, FoldEnsembleRegressor, voting
from autoarch._search.companions import few_alike
from autoarch._search.compare import hopeless, row_variance, winner_of
from autoarch._search.estimate import honest_estimate, n_units, standard_error
from autoarch._search.evaluate import evaluate_on
from autoarch._search.floor import constant_for_estimate, constant_instead, is_constant
from autoarch._search.importances import IMPORTANCE_SHARE
from autoarch._search.jobs import TrainingData
from autoarch._search.loop import Search
from autoarch._search.refit import (
    EXTRA_SHARE,
    MOST_SEEDS,
    another_seed,
    as_kept,
    averages_seeds_beside,
    extra_seconds,
    final_predict_seconds,
    in_its_place,
    job_on_all_rows,
    refit,
    refit_seconds,
)
from autoarch._search.row_folds import NEW_PLACES, NEW_REGIONS
from autoarch._search.scoring import Predictions
from autoarch._search.selection import blended, helps, select
from autoarch._search.steps import Candidate
from autoarch._training.time_limited import is_complete
from autoarch.exceptions import NoModelError
from autoarch.rows import QuestionScore

CONTENDERS = 30  # candidates further down have no place in an ensemble
AUTO_SIZE = 5
_LONGEST_PREDICTION = 3.0  # times that of the winner, beyond
_QUICK = 0.3  # seconds for 1,000 rows, which nobody minds
_LEEWAY = 1.5  # times the seconds of a member that must be left for it to be fitted with another seed
_ESTIMATE_SHARE = 0.02  # of the budget that estimating the score may take
_SELECTION_SHARE = 0.02  # of the budget that choosing members may take


def contenders(best: Candidate, search: Search) -> list[Candidate]:
    """Return candidates that were judged on every split of the best one, that one first, then by rank."""
    return _contenders(best, search, best.splits)[:CONTENDERS]


def likely_members(best: Candidate, search: Search, splits: Sequence[int]) -> list[Candidate]:
    """Return candidates that were judged on these splits, the best one first, then by rank; few that are alike."""
    return few_alike(_contenders(best, search, splits))[:CONTENDERS]


def _contenders(best: Candidate, search: Search, splits: Sequence[int]) -> list[Candidate]:
    others = [c for c in search.scheduler.ranking() if c is not best and c.status != "excluded"]
    able = [c for c in others if set(splits) <= set(c.steps) and _has_predictions(c, splits)]
    return [best] if best.status == "excluded" else [best, *able]


def _has_predictions(candidate: Candidate, splits: Sequence[int]) -> bool:
    return all(candidate.steps[split].predictions is not None for split in splits)


@dataclass(frozen=True, eq=False)
class Chosen:
    """Members of the final model, and their joint out-of-fold predictions.

    Parameters
    ----------
    members : tuple of pairs
        Candidates and their weights, the largest first.
    predictions : Predictions
        Of the validation rows.
    scores : tuple of float
        Of each member alone.
    splits : tuple of int
        On which these predictions were made: those that all members have seen.
    """

    members: tuple[tuple[Candidate, float], ...]
    predictions: Predictions
    scores: tuple[float, ...]
    splits: tuple[int, ...]

    @classmethod
    def alone(cls, best: Candidate, data: TrainingData) -> Chosen:
        """The winner as the only member."""
        return cls(((best, 1.0),), best.predictions_on(best.splits), (data.score(best),), best.splits)

    def table(self) -> pd.DataFrame:
        """Family, parameters, score alone and weight of each member."""
        rows = [
            (member.family, member.params, score, weight)
            for (member, weight), score in zip(self.members, self.scores, strict=True)
        ]
        return pd.DataFrame(rows, columns=["family", "params", "score", "weight"])


def choose(best: Candidate, search: Search, size: int | str) -> Chosen:
    """Choose the winner alone or, where several are allowed, members that score better together.

    Several must be better than the winner on rows that had no say in choosing them, too.
    """
    data, budget = search.data, search.budget
    alone = Chosen.alone(best, data)
    most = members_allowed(best, search, size)
    common = _common_splits(best, search)
    rivals = likely_members(best, search, common)
    if most == 1 or len(rivals) < 2:
        return alone
    parts = [candidate.predictions_on(common) for candidate in rivals]
    until = -np.inf if budget.seconds is None else budget.left - _SELECTION_SHARE * budget.seconds
    if size == "auto" and not helps(parts, data.scorer, most, lambda: budget.left < until):
        return alone
    shares = select(parts, data.scorer, most, lambda: budget.left < until)
    shares = _quick_enough(shares, rivals, search)
    if len(shares) == 1:
        return alone
    members = sorted(((rivals[place], share) for place, share in shares.items()), key=lambda member: -member[1])
    scores = tuple(data.score(member) for member, _ in members)
    splits = tuple(s for s in best.splits if all(s in m.steps and _has_predictions(m, (s,)) for m, _ in members))
    predictions = [member.predictions_on(splits) for member, _ in members]
    weights = {place: share for place, (_, share) in enumerate(members)}
    return Chosen(tuple(members), blended(predictions, weights), scores, splits)


def _common_splits(best: Candidate, search: Search) -> tuple[int, ...]:
    """First of the splits of the winner, whose rows are enough to choose members by; sorted, as estimands are."""
    scheduler = search.scheduler
    first = [split for split in scheduler.order[: scheduler.limits.n_common] if split in best.steps]
    return tuple(sorted(first)) or best.splits


def members_allowed(best: Candidate, search: Search, size: int | str) -> int:
    """Return how many candidates the final model may consist of; the winner alone where seeds of a net do better."""
    if size == 1 or is_constant(best):
        return 1
    return search.scheduler.limits.members_beside(search.family(best.family))


def _quick_enough(shares: dict[int, float], rivals: Sequence[Candidate], search: Search) -> dict[int, float]:
    """Drop members, the lightest first, until predicting takes no more than the user or a multiple of the winner says.

    The winner stays. Without a clock that is looked at only where the user sets a limit.
    """
    if search.budget.unlimited and search.max_predict_seconds is None:
        return shares
    seconds = {place: final_predict_seconds(rivals[place], search) for place in {0, *shares}}
    most = min(max(_LONGEST_PREDICTION * seconds[0], _QUICK), search.max_predict_seconds or np.inf)
    kept = dict(sorted(shares.items(), key=lambda item: (item[0] != 0, -item[1])))
    while len(kept) > 1 and sum(seconds[place] for place in kept) > most:
        kept.popitem()
    total = sum(kept.values())
    return {place: share / total for place, share in kept.items()} if total else {0: 1.0}


def fit_members(chosen: Chosen, search: Search) -> tuple[Pipeline, str]:
    """Fit each member on all rows. Members that run out of time or memory are dropped, never the first.

    Returns
    -------
    pipeline : Pipeline
        Fitted, on canonical values.
    how : str
        In words, what it was fitted on.
    """
    data, alone = search.data, len(chosen.members) == 1
    fitted: list[_Fitted] = []
    expected = [refit_seconds(member, search) for member, _ in chosen.members]
    for place, (member, weight) in enumerate(chosen.members):
        left = search.budget.left - IMPORTANCE_SHARE * (search.budget.seconds or 0.0)
        if not search.budget.unlimited:
            left *= max(expected[place], 1e-3) / max(sum(expected[place:]), 1e-3)
        if place and not search.models.of(member) and left < expected[place]:
            continue
        began = time.monotonic()
        try:
            pipeline, how = refit(member, search, left, alone=alone)
        except Exception:
            if place == len(chosen.members) - 1 and not fitted:
                raise
            continue
        fitted.append(_Fitted(member, [pipeline], how, weight, time.monotonic() - began))
    classes = data.scorer.classes
    # A model of one split's rows may have missed a class.
    whole = classes is None or data.n_targets > 1
    able = [member for member in fitted if whole or len(member.models[0].classes_) == len(classes)]
    if len(able) < 2:
        only = (able or fitted)[0]
        return only.models[0], only.how
    _fit_more_seeds(able, search)
    models = [(model, member.weight / len(member.models)) for member in able for model in member.models]
    pipelines, votes = zip(*models, strict=True)
    return voting(pipelines, classes, votes, data.n_targets), "; ".join(dict.fromkeys(member.how for member in able))


@dataclass(eq=False)
class _Fitted:
    """A member with its models, what they were fitted on in words, its weight, and the seconds of the first one."""

    candidate: Candidate
    models: list[Pipeline]
    how: str
    weight: float
    seconds: float


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
    most = min(_QUICK, search.max_predict_seconds or np.inf)
    for_rest = max(extra_seconds(member.candidate, search) for member in members)
    for_rest += (IMPORTANCE_SHARE + _ESTIMATE_SHARE) * (search.budget.seconds or 0.0)
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


def winner_of_search(search: Search) -> Candidate:
    """Return the candidate to hand over; an excluded one where there is no other, or the other was hardly trained.

    A constant where the winner is behind it.
    """
    winner, candidates = search.scheduler.winner, search.scheduler.candidates
    excluded = [c for c in candidates if c.status == "excluded"]
    fallback = winner_of([replace(c, status="open") for c in excluded], search.scheduler.weights)
    if fallback is not None:
        fallback = next(c for c in excluded if c.number == fallback.number)
        if winner is None or (winner.cut and hopeless(winner, fallback, search.scheduler.weights)):
            return fallback
    if winner is not None:
        return (None if search.interrupted else constant_instead(winner, search)) or winner
    raise NoModelError(no_model(failures(search)))


def failures(search: Search) -> list[str]:
    """Reasons for which something failed, the first one first."""
    broken = [f"{name}: {why}" for name, why in search.troubles.items()]
    return broken + [f"{c.family}: {c.reason}" for c in search.scheduler.candidates if c.reason]


def no_model(reasons: Sequence[str]) -> str:
    """The message where nothing could be fitted."""
    return f"no candidate could be fitted. The first reasons: {'; '.join(reasons[:3])}"


def finish(
    best: Candidate, search: Search, size: int | str
) -> tuple[tuple[float, float], Chosen, tuple[Pipeline, str]]:
    """Estimate the score, choose members and fit them; after Ctrl-C nothing long is begun any more."""
    data, budget = search.data, search.budget
    search.progress.say(f"fitting the best ({best.family}) on all rows")
    seconds = np.inf if budget.seconds is None else _ESTIMATE_SHARE * budget.seconds
    chosen = Chosen.alone(best, data)
    try:
        chosen = choose(best, search, size)
        n_members = len(chosen.members)
        judged = contenders(best, search) if n_members == 1 else likely_members(best, search, chosen.splits)
        estimate = honest_estimate(judged, data, search.past.seed, seconds, n_members, chosen.splits)
        if (constant := constant_for_estimate(best, search, chosen.splits, *estimate)) is not None:
            best, chosen = constant, Chosen.alone(constant, data)
            estimate = honest_estimate([constant], data, search.past.seed, seconds)
    except KeyboardInterrupt:
        search.interrupted = True
        estimate = data.score(best), float(np.sqrt(row_variance(best.steps[best.splits[0]].losses, 1.0)))
    return estimate, *_fitted(best, chosen, search)


def easier_scores(best: Candidate, search: Search) -> list[QuestionScore]:
    """Score the winner on the easier questions of the plan, one split each; NaN where the time is too short."""
    data, found = search.data, []
    for question, split in data.plan.extra.items():
        left = search.budget.left if search.budget.unlimited else EXTRA_SHARE * (search.budget.seconds or 0.0)
        deadline = Deadline(None if np.isinf(left) else max(0.0, min(left, search.budget.left)))
        score, error, n, how = np.nan, np.nan, len(split[1]), "for want of time, not asked"
        if not search.interrupted and extra_seconds(best, search) <= deadline.left:
            job = replace(job_on_all_rows(search, best, deadline), seed=search.past.seed)
            result = in_its_place(search, best, evaluate_on, job, split)
            if result.judgement is not None and result.judgement.predictions is not None:
                threshold = data.scorer.threshold_of(best.predictions_on(best.splits))  # not that of these very rows
                part = data.scorer.decided(result.judgement.predictions, threshold)
                rng = np.random.default_rng(search.past.seed)
                score, error = data.scorer.score_or_nan(part), standard_error(part, data, question, rng)
                n, on_blocks = n_units(part, data, question), question in (NEW_PLACES, NEW_REGIONS)
                how = f"the winner on one split of {'blocks of the map' if on_blocks else 'random rows'}"
            else:
                how = f"not known: {result.reason}"
        found.append(QuestionScore(question, score, error, n, how))
    return found


def _fitted(best: Candidate, chosen: Chosen, search: Search) -> tuple[Chosen, tuple[Pipeline, str]]:
    """Fit what was chosen; if that breaks, the next best candidate that can be had."""
    alone = Chosen.alone(best, search.data)
    if search.interrupted and search.models.of(best):
        return alone, as_kept(best, search, " (the search was interrupted)")
    try:
        return chosen, fit_members(chosen, search)
    except KeyboardInterrupt:
        if not search.models.of(best):
            raise
        search.interrupted = True
        return alone, as_kept(best, search, " (the refit was interrupted)")
    except Exception as error:
        for candidate in search.scheduler.ranking():
            if search.models.of(candidate):
                why = f" (the refit of {best.family} broke: {type(error).__name__}: {error})"
                return Chosen.alone(candidate, search.data), as_kept(candidate, search, why)
        reasons = [f"{best.family}: the refit broke: {describe(error)}"]
        raise NoModelError(no_model([*reasons, *failures(search)])) from error
