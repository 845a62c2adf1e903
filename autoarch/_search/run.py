"""Run a search: baseline, probe, eligible families, trials, refit.

``run_search`` takes canonical data and returns facts; the estimators turn them into attributes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from autoarch._core.clock import Budget
from autoarch._core.progress import Progress
from autoarch._core.quiet import quiet, warn_user
from autoarch._data.layout import Layout
from autoarch._search.baseline import Baseline, baseline_job
from autoarch._search.eligible import Request, able_families, probe, promising_families, with_findings, with_imports
from autoarch._search.ensemble import Chosen, choose, fit_members, temperature_of
from autoarch._search.estimate import fold_scores, honest_estimate, leaderboard
from autoarch._search.evaluate import evaluate
from autoarch._search.job import TrainingData, TrialResult
from autoarch._search.loop import History, Search
from autoarch._search.memory import CachedEvaluate, Past, fingerprint, scorer_key, versions
from autoarch._search.policy import Policy
from autoarch._search.refit import as_kept, reserved_seconds
from autoarch._search.scoring import Scorer
from autoarch._search.study import new_study
from autoarch.exceptions import NoModelError, SearchInterruptedWarning
from autoarch.families.base import Family, Problem
from autoarch.locality import LocalityReport

if TYPE_CHECKING:
    import optuna

_ESTIMATE_SHARE = 0.02
_BASELINE_SHARE = 0.05


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The winner, fitted, and all that the search found out."""

    pipeline: Pipeline
    fitted_on: str
    best: TrialResult
    history: History
    leaderboard: pd.DataFrame
    estimate: tuple[float, float]
    locality: LocalityReport
    layout: Layout | None
    study: optuna.Study
    stopped_by: str
    members: pd.DataFrame
    score: float
    temperature: float
    past: Past


def run_search(request: Request) -> SearchResult:
    """Probe, search and refit.

    Raises
    ------
    ParameterError
        If no family that was asked for can serve.
    NoModelError
        If not even the baseline could be fitted.
    """
    settings, target, weight = request.settings, request.target, request.sample_weight
    budget, seed = settings.budget, request.seed
    progress = Progress(settings.verbose, budget)
    scorer = Scorer(settings.scoring, request.problem.task, request.X, target.values, weight, target.classes)
    data = TrainingData(request.X, target.values, weight, request.splits.plan, scorer)
    able, _ = able_families(settings.families, request.problem, layout_may_come=request.layouts.infer)
    try:
        with quiet("optuna"):
            data.scorer.check(data.splits[0][1])
            past = request.past
            deadline = budget.deadline(fraction=_BASELINE_SHARE)
            baseline = evaluate(data, baseline_job(request.problem, seed, deadline)) if past is None else past.baseline
            progress.say("importing torch", urgent=True)
            able, slow = with_imports(settings.families, able, budget, settings.chosen_by_user, request.problem.device)
            progress.say("probing the layout", urgent=True)
            report, probed = probe(request)
            problem = with_findings(request.problem, report)
            asked = [family for family in settings.families if family.name not in slow]
            able, left_out = able_families(asked, problem)
            promising, hopeless = promising_families(able, report, problem, settings.chosen_by_user)
            search = Search(
                promising,
                problem,
                data,
                _policy(request, promising, problem, report) if past is None else past.policy,
                new_study(seed) if past is None else past.study,
                budget,
                seed=seed,
                progress=progress,
                reserve=lambda so_far: reserved_seconds(so_far.leaders, so_far.size, promising, data, budget),
                n_jobs=settings.n_jobs,
                evaluator=_evaluator(request),
                patience=settings.patience,
                size=settings.ensemble_size,
                history=None if past is None else past.history,
            )
            history = search.run() if probed else History(interrupted=True)
            best = _winner(history, baseline)
            progress.say(f"fitting the best ({best.family}) on all rows", urgent=True)
            judged = history.results if best is history.best else [best]
            estimate = _estimate(judged, data, budget, seed, history.size)
            chosen = choose(best, history, data, budget)
            pipeline, fitted_on = _fitted(best, chosen, promising, problem, data, history, budget, seed)
    finally:
        progress.close()
    _warn(history, best, baseline)
    return SearchResult(
        pipeline=pipeline,
        fitted_on=fitted_on,
        best=best,
        history=history,
        leaderboard=leaderboard(
            [baseline, *history.results],
            {**left_out, **slow, **hopeless, **_never_reached(promising, history)},
            baseline_won=best is baseline,
        ),
        estimate=estimate,
        locality=replace(
            report,
            fold_scores=fold_scores(best, data, seed),
            space=request.splits.evidence,
            skipped=(*report.skipped, *request.splits.skipped),
        ),
        layout=problem.layout,
        study=search.study,
        stopped_by=_stopped_by(search, history, budget),
        members=chosen.table(),
        score=best.score if len(chosen.members) == 1 else data.scorer.score(chosen.predictions),
        temperature=temperature_of(chosen, data),
        past=Past(seed, baseline, report, search.policy, search.study, history),
    )


def _policy(request: Request, families: Sequence[Family], problem: Problem, report: LocalityReport) -> Policy:
    recommended = None if request.settings.chosen_by_user else report.recommended_families
    chances = report.family_probabilities
    if problem.coordinates is not None:  # the probe has seen no neighbourhoods
        chances.pop("cnn", None)
    return Policy(families, problem, chances, request.seed, recommended=recommended)


def _evaluator(request: Request) -> Any:
    score = scorer_key(request.settings.scoring)
    memory = request.settings.memory
    if memory is None or score is None:
        return evaluate
    splits = [(train, valid) for train, valid in request.splits.plan.splits]
    key = fingerprint(request.X, request.target.values, request.sample_weight, splits, score, versions())
    return CachedEvaluate(memory, key)


def _winner(history: History, baseline: TrialResult) -> TrialResult:
    best = history.best or history.partial
    if best is not None and not (best.cut and baseline.status == "ok" and _clearly_behind(best, baseline)):
        return best
    if baseline.status == "ok":
        return baseline
    reasons = [result.reason for result in [baseline, *history.results] if result.status == "failed"]
    raise NoModelError(f"no candidate could be fitted. The first reasons: {'; '.join(reasons[:3])}")


def _clearly_behind(result: TrialResult, baseline: TrialResult) -> bool:
    """Return whether a cut trial is worse than the baseline on the first split, by more than splits differ."""
    return baseline.score - result.scores[0] > 2 * float(np.std(result.scores))


def _estimate(
    results: Sequence[TrialResult], data: TrainingData, budget: Budget, seed: int, size: int
) -> tuple[float, float]:
    seconds = np.inf if budget.seconds is None else _ESTIMATE_SHARE * budget.seconds
    try:
        return honest_estimate(results, data, seed, seconds, size)
    except (KeyboardInterrupt, ValueError):  # a score may be undefined on a sample of the rows
        return float("nan"), float("nan")


def _fitted(
    best: TrialResult,
    chosen: Chosen,
    families: Sequence[Family],
    problem: Problem,
    data: TrainingData,
    history: History,
    budget: Budget,
    seed: int,
) -> tuple[Pipeline, str]:
    """Fit the members on all rows; after Ctrl-C nothing long is begun any more."""
    if history.interrupted and best.models:
        return _kept(best, data, "the search was interrupted")
    by_name: Mapping[str, Family] = {family.name: family for family in [*families, Baseline()]}
    try:
        return fit_members(chosen, by_name, problem, data, budget, seed)
    except KeyboardInterrupt:
        if not best.models:
            raise
        history.interrupted = True
        return _kept(best, data, "the refit was interrupted")


def _kept(best: TrialResult, data: TrainingData, why: str) -> tuple[Pipeline, str]:
    pipeline, how = as_kept(best, data)
    return pipeline, f"{how} ({why})"


def _warn(history: History, best: TrialResult, baseline: TrialResult) -> None:
    if history.interrupted:
        warn_user(
            f"The search was interrupted after {len(history.results)} trials; the best candidate so far, "
            f"{best.family}, was kept.",
            SearchInterruptedWarning,
        )
    elif best is history.partial:
        warn_user(
            f"The time was too short to judge any candidate on every split; {best.family}, judged on "
            f"{len(best.scores)}, was kept. Allow more seconds, or ask for fewer splits with cv.",
        )
    elif best is baseline and history.best is None and history.results:
        reasons = "; ".join(f"{r.family}: {r.reason}" for r in history.results[:3])
        warn_user(
            f"None of the {len(history.results)} trials gave a model, so the baseline was kept. The first reasons: "
            f"{reasons}.",
        )


def _stopped_by(search: Search, history: History, budget: Budget) -> str:
    if history.interrupted:
        return "interrupt"
    if search.out_of_patience and not budget.trials_spent:
        return "patience"
    cut = any(result.cut or "out of time" in result.reason for result in history.results[search.n_before :])
    return "n_trials" if budget.trials_spent and not cut else "time_budget"


def _never_reached(families: Sequence[Family], history: History) -> dict[str, str]:
    tried = {result.family for result in history.results}
    return {family.name: "the search ended before it was tried" for family in families if family.name not in tried}
