"""The final model: the winner or several candidates together, fitted on all rows, and the score to expect of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from autoarch._core.clock import Deadline
from autoarch._core.failures import describe
from autoarch._search.companions import few_alike
from autoarch._search.compare import hopeless, row_variance, winner_of
from autoarch._search.estimate import honest_estimate, n_units, standard_error
from autoarch._search.evaluate import evaluate_on
from autoarch._search.floor import constant_for_estimate, constant_instead, is_constant
from autoarch._search.jobs import TrainingData
from autoarch._search.loop import Search
from autoarch._search.members import ESTIMATE_SHARE, QUICK, FinalModel, fit_members
from autoarch._search.refit import (
    EXTRA_SHARE,
    as_kept,
    extra_seconds,
    final_predict_seconds,
)
from autoarch._search.row_folds import NEW_PLACES, NEW_REGIONS
from autoarch._search.scoring import Predictions
from autoarch._search.selection import blended, helps, select
from autoarch._search.steps import Candidate
from autoarch._search.whole import in_its_place, job_on_all_rows
from autoarch.exceptions import NoModelError
from autoarch.rows import QuestionScore

CONTENDERS = 30  # candidates further down have no place in an ensemble
AUTO_SIZE = 5
_LONGEST_PREDICTION = 3.0  # times that of the winner, beyond
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

    @classmethod
    def of(cls, members: Sequence[tuple[Candidate, float]], best: Candidate, data: TrainingData) -> Chosen:
        """Several members, the one with the largest weight first, on those splits of the winner that all have seen."""
        total, ordered = sum(share for _, share in members), sorted(members, key=lambda member: -member[1])
        shares = tuple((member, share / total) for member, share in ordered)
        splits = tuple(s for s in best.splits if all(s in m.steps and _has_predictions(m, (s,)) for m, _ in shares))
        weights = {place: share for place, (_, share) in enumerate(shares)}
        predictions = blended([member.predictions_on(splits) for member, _ in shares], weights)
        return cls(shares, predictions, tuple(data.score(member) for member, _ in shares), splits)

    def without_dropped(self, final: FinalModel, best: Candidate, data: TrainingData) -> Chosen:
        """The choice without members that are not in the final model."""
        kept = [self.members[place] for place in final.members]
        if len(kept) == len(self.members):
            return self
        return Chosen.alone(kept[0][0], data) if len(kept) == 1 else Chosen.of(kept, best, data)

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
    return Chosen.of([(rivals[place], share) for place, share in shares.items()], best, data)


def members_now(search: Search, size: int | str) -> list[Candidate]:
    """Candidates that would be chosen if the search ended now, the one with the largest weight first."""
    return [member for member, _ in choose(winner_of_search(search), search, size).members]


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
    most = min(max(_LONGEST_PREDICTION * seconds[0], QUICK), search.max_predict_seconds or np.inf)
    kept = dict(sorted(shares.items(), key=lambda item: (item[0] != 0, -item[1])))
    while len(kept) > 1 and sum(seconds[place] for place in kept) > most:
        kept.popitem()
    total = sum(kept.values())
    return {place: share / total for place, share in kept.items()} if total else {0: 1.0}


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


def finish(best: Candidate, search: Search, size: int | str) -> tuple[tuple[float, float], Chosen, FinalModel]:
    """Estimate the score, choose members and fit them; after Ctrl-C nothing long is begun any more.

    What is estimated is what was fitted: without the members that the time or the memory was too short for.
    """
    data = search.data
    search.progress.say(f"fitting the best ({best.family}) on all rows")
    chosen = Chosen.alone(best, data)
    try:
        chosen = choose(best, search, size)
        estimate = _estimate(best, chosen, search)
        if (constant := constant_for_estimate(best, search, chosen.splits, *estimate)) is not None:
            best, chosen = constant, Chosen.alone(constant, data)
            estimate = _estimate(best, chosen, search)
    except KeyboardInterrupt:
        search.interrupted = True
        estimate = _at_once(best, data)
    planned = chosen
    chosen, final = _fitted(best, chosen, search)
    if chosen is not planned:
        first = chosen.members[0][0] if len(chosen.members) == 1 else best
        estimate = _at_once(first, data) if search.interrupted else _estimate(first, chosen, search)
    return estimate, chosen, final


def _estimate(best: Candidate, chosen: Chosen, search: Search) -> tuple[float, float]:
    """Score to expect of what was chosen, and its standard error."""
    n_members, budget = len(chosen.members), search.budget
    judged = contenders(best, search) if n_members == 1 else likely_members(best, search, chosen.splits)
    seconds = np.inf if budget.seconds is None else ESTIMATE_SHARE * budget.seconds
    return honest_estimate(judged, search.data, search.past.seed, seconds, n_members, chosen.splits)


def _at_once(best: Candidate, data: TrainingData) -> tuple[float, float]:
    """Score of the winner as it was judged, and the error that its losses on one split tell of."""
    return data.score(best), float(np.sqrt(row_variance(best.steps[best.splits[0]].losses, 1.0)))


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


def _fitted(best: Candidate, chosen: Chosen, search: Search) -> tuple[Chosen, FinalModel]:
    """Fit what was chosen; if that breaks, the next best candidate that can be had."""
    alone = chosen if len(chosen.members) == 1 else Chosen.alone(best, search.data)
    if search.interrupted and search.models.of(best):
        return alone, FinalModel(*as_kept(best, search, " (the search was interrupted)"))
    try:
        final = fit_members(chosen.members, search)
        return chosen.without_dropped(final, best, search.data), final
    except KeyboardInterrupt:
        if not search.models.of(best):
            raise
        search.interrupted = True
        return alone, FinalModel(*as_kept(best, search, " (the refit was interrupted)"))
    except Exception as error:
        for candidate in search.scheduler.ranking():
            if search.models.of(candidate):
                why = f" (the refit of {best.family} broke: {type(error).__name__}: {error})"
                return Chosen.alone(candidate, search.data), FinalModel(*as_kept(candidate, search, why))
        reasons = [f"{best.family}: the refit broke: {describe(error)}"]
        raise NoModelError(no_model([*reasons, *failures(search)])) from error
