"""The order of a search: probe, families, baseline, trials, refit.

``run_search`` takes canonical data and returns facts; the estimators turn them into attributes.

Imports: numpy, pandas, scikit-learn, ``autoarch.locality``, ``autoarch.families``, ``autoarch._search``.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from joblib import Memory
from sklearn.pipeline import Pipeline

from autoarch._data.splits import SplitPlan
from autoarch._search import outcome
from autoarch._search.baseline import Baseline, baseline_job
from autoarch._search.budget import Budget
from autoarch._search.cache import CachedEvaluate, cached, fingerprint, scorer_key, versions
from autoarch._search.evaluate import evaluate
from autoarch._search.job import TrainingData, TrialResult
from autoarch._search.loop import History, Search
from autoarch._search.policy import Policy
from autoarch._search.progress import Progress
from autoarch._search.quiet import quiet
from autoarch._search.refit import refit
from autoarch._search.scoring import Judge
from autoarch._search.study import new_study
from autoarch.exceptions import AutoArchWarning, NoModelError, ParameterError, SearchInterruptedWarning
from autoarch.families.base import Family, Problem
from autoarch.locality import LocalityReport, probe_values

if TYPE_CHECKING:
    import optuna

_PROBE_SHARE = 0.1  # of the time budget at most
_ESTIMATE_SHARE = 0.02
_BASELINE_SHARE = 0.05
_TORCH_SECONDS = 8.0  # of budget below which the two or so that the import of torch takes are better spent
_STATISTICS_ONLY = 20.0  # seconds of budget below which landmarks are too dear
_FAINT_HOPE = 0.03  # chance of winning below which a family that nobody asked for is left out


@dataclass(frozen=True, eq=False)
class Request:
    """All that a search needs to know, checked.

    Parameters
    ----------
    X : ndarray of shape (n, p)
        Canonical values.
    y : ndarray of shape (n,)
        Labels as the user gave them, or numbers.
    codes : ndarray of shape (n,)
        Codes of the labels, or the numbers again.
    classes : ndarray or None
        Sorted labels; None for a regression.
    sample_weight : ndarray of shape (n,) or None
        Weights, those of the classes included.
    problem : Problem
        What families are told.
    families : sequence of Family
        Those that were asked for.
    chosen_by_user : bool
        Whether they were named, so that none is left out for want of promise.
    plan : SplitPlan
        On which rows candidates are judged.
    scoring : str, callable or None
        As in scikit-learn.
    budget : Budget
        Seconds and trials.
    seed : int
        Everything random follows from it.
    n_jobs : int or None
        Trials at a time.
    memory : Memory or None
        Where results are kept between fits.
    verbose : int
        What is shown.
    """

    X: np.ndarray
    y: np.ndarray
    codes: np.ndarray
    classes: np.ndarray | None
    sample_weight: np.ndarray | None
    problem: Problem
    families: Sequence[Family]
    chosen_by_user: bool
    plan: SplitPlan
    scoring: Any
    budget: Budget
    seed: int
    n_jobs: int | None
    memory: Memory | None
    verbose: int


@dataclass(frozen=True, eq=False)
class Found:
    """What a search came to."""

    pipeline: Pipeline
    fitted_on: str
    best: TrialResult
    history: History
    leaderboard: pd.DataFrame
    estimate: tuple[float, float]
    locality: LocalityReport
    study: optuna.Study
    stopped_by: str


def run_search(request: Request) -> Found:
    """Probe, search and refit.

    Raises
    ------
    ParameterError
        If no family that was asked for can serve.
    NoModelError
        If not even the baseline could be fitted.
    """
    importlib.import_module("optuna")  # sets up its logger, which could not be silenced before
    budget, seed = request.budget, request.seed
    progress = Progress(request.verbose, budget)
    data = TrainingData(
        request.X,
        request.y,
        request.sample_weight,
        request.plan.splits,
        Judge(request.scoring, request.problem.task, request.X, request.y, request.sample_weight, request.classes),
    )
    able, left_out = _able(request)
    try:
        with quiet():
            data.judge.check(data.splits[0][1])
            baseline = evaluate(data, baseline_job(request.problem, seed, budget.deadline(fraction=_BASELINE_SHARE)))
            progress.say("importing torch", urgent=True)
            able, slow = _with_torch(able, budget, request.chosen_by_user)
            progress.say("probing the layout", urgent=True)
            report, probed = _probe(request)
            problem = replace(request.problem, verdict=report.verdict)
            promising, hopeless = _promising(able, report, problem, request.chosen_by_user)
            search = Search(
                promising,
                problem,
                data,
                Policy(promising, problem, report.family_probabilities, seed),
                new_study(seed),
                budget,
                seed=seed,
                progress=progress,
                n_jobs=request.n_jobs,
                evaluator=_evaluator(request),
            )
            history = search.run() if probed else History(interrupted=True)
            best = _winner(history, baseline)
            progress.say(f"fitting the best ({best.family}) on all rows", urgent=True)
            estimate = _estimate([best] if best is baseline else history.results, data, budget, seed)
            pipeline, fitted_on = _final(best, promising, problem, data, history, budget, seed)
    finally:
        progress.close()
    _warn(history, best, baseline)
    return Found(
        pipeline=pipeline,
        fitted_on=fitted_on,
        best=best,
        history=history,
        leaderboard=outcome.leaderboard(
            [baseline, *history.results], {**left_out, **slow, **hopeless, **_never_reached(promising, history)}
        ),
        estimate=estimate,
        locality=report,
        study=search.study,
        stopped_by=_stopped_by(history, budget),
    )


def _able(request: Request) -> tuple[list[Family], dict[str, str]]:
    able, left_out = [], {}
    for family in request.families:
        reason = family.unfit_for(request.problem)
        if reason is None:
            able.append(family)
        else:
            left_out[family.name] = reason
    if not able:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise ParameterError(
            f"none of the families {[family.name for family in request.families]} can serve this problem ({reasons}). "
            "Pass families='auto', or a layout if the columns are cells of a grid."
        )
    return able, left_out


def _with_torch(able: list[Family], budget: Budget, chosen_by_user: bool) -> tuple[list[Family], dict[str, str]]:
    """Import torch now, where it is foreseen, or leave nets out of a budget that its import would eat up."""
    nets = [family.name for family in able if "torch" in family.needs.packages]
    if not nets:
        return able, {}
    short = budget.seconds is not None and budget.seconds < _TORCH_SECONDS
    if short and "torch" not in sys.modules and not chosen_by_user and len(nets) < len(able):
        reason = f"importing torch would take too much of {budget.seconds:g} s; allow {_TORCH_SECONDS:g} s or more"
        return [family for family in able if family.name not in nets], dict.fromkeys(nets, reason)
    importlib.import_module("torch")
    return able, {}


def _probe(request: Request) -> tuple[LocalityReport, bool]:
    """The report, and False if the user interrupted before landmarks could be measured."""
    seconds = None
    report: LocalityReport
    y: np.ndarray | None = request.codes
    if request.budget.seconds is not None:
        seconds = _PROBE_SHARE * request.budget.seconds
        y = None if request.budget.seconds < _STATISTICS_ONLY else y
    problem = request.problem
    arguments = {"task": problem.task, "categorical": problem.categorical, "random_state": request.seed}
    key = "" if request.memory is None else fingerprint(request.X, y, problem, request.seed, seconds, versions())
    began = request.budget.elapsed
    try:
        report = cached(request.memory, _probe_key, key, (request.X, y, problem.layout, seconds, arguments))
        request.budget.charge(report.seconds - (request.budget.elapsed - began))
        return report, True
    except KeyboardInterrupt:
        return probe_values(request.X[:2], None, task=problem.task, random_state=request.seed), False


def _probe_key(key: str, payload: tuple[Any, ...]) -> LocalityReport:
    X, y, layout, seconds, arguments = payload
    return probe_values(X, layout, y=y, seconds=seconds, **arguments)


def _promising(
    able: Sequence[Family], report: LocalityReport, problem: Problem, chosen_by_user: bool
) -> tuple[list[Family], dict[str, str]]:
    """Leave out convolutions that neither the shape of X nor the probe speaks for, and say so."""
    hopeless: dict[str, str] = {}
    layout = problem.layout
    chance = report.family_probabilities.get("cnn", 1.0)
    a_line = layout is not None and layout.height == 1 and layout.channels == 1 and layout.origin == "shape"
    if not chosen_by_user and a_line and report.verdict == "none" and chance <= _FAINT_HOPE and len(able) > 1:
        hopeless["cnn"] = (
            f"no order was found in the columns (p = {report.p_value:.2g}) and the probe gives it a chance of "
            f"{chance:.0%}; families=['cnn', ...] includes it"
        )
    return [family for family in able if family.name not in hopeless], hopeless


def _evaluator(request: Request) -> Any:
    score = scorer_key(request.scoring)
    if request.memory is None or score is None:
        return evaluate
    splits = [(train, valid) for train, valid in request.plan.splits]
    key = fingerprint(request.X, request.y, request.sample_weight, splits, score, versions())
    return CachedEvaluate(request.memory, key)


def _winner(history: History, baseline: TrialResult) -> TrialResult:
    if history.best is not None:
        return history.best
    if baseline.status == "ok":
        return baseline
    reasons = [result.reason for result in [baseline, *history.results] if result.status == "failed"]
    raise NoModelError(f"no candidate could be fitted. The first reasons: {'; '.join(reasons[:3])}")


def _estimate(results: Sequence[TrialResult], data: TrainingData, budget: Budget, seed: int) -> tuple[float, float]:
    seconds = np.inf if budget.seconds is None else _ESTIMATE_SHARE * budget.seconds
    try:
        return outcome.honest_estimate(results, data, seed, seconds)
    except (KeyboardInterrupt, ValueError):  # a score may be undefined on a sample of the rows
        return float("nan"), float("nan")


def _final(
    best: TrialResult,
    families: Sequence[Family],
    problem: Problem,
    data: TrainingData,
    history: History,
    budget: Budget,
    seed: int,
) -> tuple[Pipeline, str]:
    """The winner on all rows; after Ctrl-C nothing long is begun any more."""
    if history.interrupted and best.models:
        return best.models[0], "the rows of the first split (the search was interrupted)"
    by_name: Mapping[str, Family] = {family.name: family for family in [*families, Baseline()]}
    try:
        return refit(best, by_name[best.family], problem, data, budget, seed)
    except KeyboardInterrupt:
        if not best.models:
            raise
        history.interrupted = True
        return best.models[0], "the rows of the first split (the refit was interrupted)"


def _warn(history: History, best: TrialResult, baseline: TrialResult) -> None:
    if history.interrupted:
        warnings.warn(
            f"The search was interrupted after {len(history.results)} trials; the best candidate so far, "
            f"{best.family}, was kept.",
            SearchInterruptedWarning,
            stacklevel=5,
        )
    elif best is baseline and history.results:
        reasons = "; ".join(f"{r.family}: {r.reason}" for r in history.results[:3])
        warnings.warn(
            f"None of the {len(history.results)} trials gave a model, so the baseline was kept. The first reasons: "
            f"{reasons}.",
            AutoArchWarning,
            stacklevel=5,
        )


def _stopped_by(history: History, budget: Budget) -> str:
    if history.interrupted:
        return "interrupt"
    cut = any(result.cut or "out of time" in result.reason for result in history.results)
    return "n_trials" if budget.trials_spent and not cut else "time_budget"


def _never_reached(families: Sequence[Family], history: History) -> dict[str, str]:
    tried = {result.family for result in history.results}
    return {family.name: "the search ended before its turn" for family in families if family.name not in tried}
