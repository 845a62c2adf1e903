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

from autoarch._core.checks import seed_of
from autoarch._core.clock import Budget
from autoarch._core.progress import Progress
from autoarch._core.quiet import quiet
from autoarch._data.layout import Layout
from autoarch._data.target import Target
from autoarch._search.baseline import Baseline, baseline_job
from autoarch._search.eligible import Settings, able_families, with_imports
from autoarch._search.ensemble import Chosen, choose, fit_members, temperature_of
from autoarch._search.estimate import fold_scores, honest_estimate
from autoarch._search.evaluate import evaluate
from autoarch._search.job import TrainingData, TrialResult
from autoarch._search.leaderboard import leaderboard, never_tried, stopped_by, warn_about
from autoarch._search.loop import History, Search
from autoarch._search.memory import CachedEvaluate, Past, cached, fingerprint, scorer_key, versions
from autoarch._search.policy import Policy
from autoarch._search.refit import as_kept, reserved_seconds
from autoarch._search.scoring import Scorer
from autoarch._search.splits import SearchSplits
from autoarch._search.study import new_study
from autoarch.exceptions import NoModelError
from autoarch.families.base import Family, Problem
from autoarch.locality.layout_choice import AS_GIVEN, UNORDERED, LayoutSearch, measure
from autoarch.locality.report import LocalityReport

if TYPE_CHECKING:
    import optuna

_ESTIMATE_SHARE = 0.02
_BASELINE_SHARE = 0.05
_PROBE_SHARE = 0.1  # of the time budget at most
_STATISTICS_ONLY = 20.0  # seconds of budget below which landmarks are too dear
_LEAST_CHANCE = 0.03  # chance of winning below which a family that nobody asked for is left out


@dataclass(frozen=True, eq=False)
class Request:
    """Data, problem and settings of one search.

    Parameters
    ----------
    settings : Settings
        What is searched, and for how long.
    X : ndarray of shape (n, p)
        Canonical values.
    target : Target
        What is learned.
    sample_weight : ndarray of shape (n,) or None
        Weights, those of the classes included.
    problem : Problem
        What families are told.
    splits : SearchSplits
        Rows on which candidates are judged, and what was found out about the rows.
    seed : int
        Everything random follows from it.
    layouts : LayoutSearch
        Whether the probe may look for other layouts of the columns than the one in ``problem``.
    past : Past or None
        An earlier search on the same problem, to go on with.
    """

    settings: Settings
    X: np.ndarray
    target: Target
    sample_weight: np.ndarray | None
    problem: Problem
    splits: SearchSplits
    seed: int
    layouts: LayoutSearch = AS_GIVEN
    past: Past | None = None


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
    warn_about(history, best, baseline)
    return SearchResult(
        pipeline=pipeline,
        fitted_on=fitted_on,
        best=best,
        history=history,
        leaderboard=leaderboard(
            [baseline, *history.results],
            {**left_out, **slow, **hopeless, **never_tried(promising, history)},
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
        stopped_by=stopped_by(search, history, budget),
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


def probe(request: Request) -> tuple[LocalityReport, bool]:
    """Run the probe; return its report, and False if the user interrupted it."""
    if request.past is not None:
        return request.past.report, True
    seconds = None
    report: LocalityReport
    y: np.ndarray | None = request.target.codes
    budget, memory = request.settings.budget, request.settings.memory
    if budget.seconds is not None:
        seconds = _PROBE_SHARE * budget.seconds
        y = None if budget.seconds < _STATISTICS_ONLY else y
    problem = request.problem
    arguments = {
        "task": problem.task,
        "categorical": problem.categorical,
        "seed": seed_of(request.seed),
        "search": request.layouts,
    }
    key = "" if memory is None else fingerprint(request.X, y, problem, seconds, arguments, versions())
    began = budget.elapsed
    try:
        report = cached(memory, _probe_key, key, (request.X, y, problem.layout, seconds, arguments))
        budget.charge(report.seconds - (budget.elapsed - began))
        return report, True
    except KeyboardInterrupt:
        return LocalityReport.of(measure(request.X[:2], None, task=problem.task)), False


def _probe_key(key: str, payload: tuple[Any, ...]) -> LocalityReport:
    X, y, layout, seconds, arguments = payload
    return LocalityReport.of(measure(X, layout, y=y, seconds=seconds, **arguments))


def with_findings(problem: Problem, report: LocalityReport) -> Problem:
    """Add the verdict of the probe, and the layout that it holds for, to the problem."""
    used = report.used
    return replace(problem, verdict=used.verdict, layout=problem.layout if used.layout is None else used.layout)


def promising_families(
    able: Sequence[Family], report: LocalityReport, problem: Problem, chosen_by_user: bool
) -> tuple[list[Family], dict[str, str]]:
    """Leave out convolutions that neither the shape of X nor the probe speaks for, and say so."""
    report = report.used
    line = problem.layout is not None and problem.layout.is_bare_line
    if chosen_by_user or not line or report.p_value is None or report.verdict != "none":
        return list(able), {}
    chance = report.family_probabilities.get("cnn", 1.0)
    others = [family for family in able if not family.needs.grid]
    if not others or (chance > _LEAST_CHANCE and UNORDERED not in report.skipped):
        return list(able), {}
    why = f"no order was found in the columns (p = {report.p_value:.2g}); families=[{{!r}}, ...] includes it"
    return others, {family.name: why.format(family.name) for family in able if family.needs.grid}
