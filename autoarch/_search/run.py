"""Run a search: baseline, probe, eligible families, trials, refit.

``run_search`` takes canonical data and returns the attributes of a fitted estimator that do not depend on how X came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from autoarch._core.checks import seed_of
from autoarch._core.progress import Progress
from autoarch._core.quiet import quiet
from autoarch._data.target import Target
from autoarch._search.baseline import baseline_job
from autoarch._search.eligible import Settings, able_families, with_imports
from autoarch._search.ensemble import Chosen, choose, fit_members
from autoarch._search.estimate import fold_scores, honest_estimate
from autoarch._search.evaluate import evaluate
from autoarch._search.job import TrainingData, TrialResult
from autoarch._search.leaderboard import leaderboard, never_tried, stopped_by, warn_about
from autoarch._search.loop import History, Past, Search
from autoarch._search.memory import CachedEvaluate, cached, fingerprint, scorer_key, versions
from autoarch._search.policy import Policy
from autoarch._search.refit import as_kept, reserved_seconds
from autoarch._search.scoring import Scorer, fitted_temperature
from autoarch._search.splits import SearchSplits
from autoarch._search.study import new_study
from autoarch.exceptions import NoModelError
from autoarch.families.base import Family, Problem
from autoarch.locality.layout_choice import AS_GIVEN, UNORDERED, LayoutSearch, measure
from autoarch.locality.report import LocalityReport

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
    """The winner, fitted, the attributes that tell what the search found out, and its state."""

    pipeline: Pipeline
    attributes: dict[str, Any]
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
    settings, target, weight, seed = request.settings, request.target, request.sample_weight, request.seed
    budget = settings.budget
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
            progress.say("importing torch")
            able, slow = with_imports(settings.families, able, budget, settings.chosen_by_user, request.problem.device)
            progress.say("probing the layout")
            report, probed = probe(request)
            problem = with_findings(request.problem, report)
            asked = [family for family in settings.families if family.name not in slow]
            able, left_out = able_families(asked, problem)
            promising, hopeless = promising_families(able, report, problem, settings.chosen_by_user)
            if past is None:
                history = History(settings.ensemble_size, interrupted=not probed)
                policy = _policy(request, promising, problem, report)
                past = Past(seed, baseline, report, policy, new_study(seed), history)
            search = Search(
                promising,
                problem,
                data,
                past,
                budget,
                progress,
                reserve=lambda so_far: reserved_seconds(so_far.leaders, so_far.size, promising, data, budget),
                n_jobs=settings.n_jobs,
                evaluator=_evaluator(request),
                patience=settings.patience,
            )
            if probed:
                search.run()
            history = search.history
            best = _winner(history, baseline)
            progress.say(f"fitting the best ({best.family}) on all rows")
            estimate = _estimate(best, search)
            chosen = choose(best, search)
            pipeline, fitted_on = _fitted(best, chosen, search)
    finally:
        progress.close()
    warn_about(history, best, baseline)
    temperature = 1.0
    if target.classes is not None:
        temperature = fitted_temperature(chosen.predictions, target.values, target.classes, weight)
    skipped = left_out | slow | hopeless | never_tried(search)
    attributes = {
        "layout_": problem.layout,
        "locality_": replace(
            report,
            fold_scores=fold_scores(best, data, seed),
            space=request.splits.evidence,
            skipped=(*report.skipped, *request.splits.skipped),
        ),
        "study_": past.study,
        "leaderboard_": leaderboard([baseline, *history.results], skipped, baseline_won=best is baseline),
        "best_family_": best.family,
        "best_score_": best.score if len(chosen.members) == 1 else data.scorer.score(chosen.predictions),
        "estimated_score_": estimate[0],
        "estimated_score_std_error_": estimate[1],
        "ensemble_": chosen.table(),
        "temperature_": temperature,
        "stopped_by_": stopped_by(search),
        "splits_": request.splits.plan.description,
        "fitted_on_": fitted_on,
    }
    return SearchResult(pipeline, attributes, past)


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
    splits = list(request.splits.plan.splits)
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


def _estimate(best: TrialResult, search: Search) -> tuple[float, float]:
    seconds = np.inf if search.budget.seconds is None else _ESTIMATE_SHARE * search.budget.seconds
    history = search.history
    judged = history.results if best is history.best else [best]
    try:
        return honest_estimate(judged, search.data, search.past.seed, seconds, history.size)
    except (KeyboardInterrupt, ValueError):  # a score may be undefined on a sample of the rows
        return float("nan"), float("nan")


def _fitted(best: TrialResult, chosen: Chosen, search: Search) -> tuple[Pipeline, str]:
    """Fit the members on all rows; after Ctrl-C nothing long is begun any more."""
    if search.history.interrupted and best.models:
        return as_kept(best, search.data, " (the search was interrupted)")
    try:
        return fit_members(chosen, search)
    except KeyboardInterrupt:
        if not best.models:
            raise
        search.history.interrupted = True
        return as_kept(best, search.data, " (the refit was interrupted)")


def probe(request: Request) -> tuple[LocalityReport, bool]:
    """Run the probe; return its report, and False if the user interrupted it."""
    if request.past is not None:
        return request.past.report, True
    budget, memory, problem = request.settings.budget, request.settings.memory, request.problem
    seconds = None if budget.seconds is None else _PROBE_SHARE * budget.seconds
    short = budget.seconds is not None and budget.seconds < _STATISTICS_ONLY
    y = None if short else request.target.codes
    arguments = {
        "task": problem.task,
        "categorical": problem.categorical,
        "seed": seed_of(request.seed),
        "search": request.layouts,
    }
    key = "" if memory is None else fingerprint(request.X, y, problem, seconds, arguments, versions())
    began = budget.elapsed
    try:
        report: LocalityReport = cached(memory, _probe_key, key, (request.X, y, problem.layout, seconds, arguments))
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
