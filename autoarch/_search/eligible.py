"""Prepare a search: check its settings, run the probe, and select the families that are eligible."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from joblib import Memory

from autoarch._core.checks import check_budget, check_choice, check_whole
from autoarch._core.clock import Budget
from autoarch._data.target import Target
from autoarch._search.memory import Past, as_memory, cached, fingerprint, versions
from autoarch._search.scoring import resolve_scorer
from autoarch._search.splits import SearchSplits
from autoarch._training.device import check_device, load
from autoarch.exceptions import ParameterError
from autoarch.families.base import Family, Problem
from autoarch.families.registry import resolve_families
from autoarch.locality import AS_GIVEN, UNORDERED, LayoutSearch, LocalityReport, probe_values

_PROBE_SHARE = 0.1  # of the time budget at most
_STATISTICS_ONLY = 20.0  # seconds of budget below which landmarks are too dear
_LEAST_CHANCE = 0.03  # chance of winning below which a family that nobody asked for is left out
_IMPORTS = {"torch": 8.0, "tabpfn": 20.0, "tabicl": 20.0}  # seconds of budget below which the 2 to 4 are better spent


@dataclass(frozen=True, eq=False)
class Settings:
    """Parameters of an estimator that say what is searched and for how long, checked.

    Parameters
    ----------
    families : list of Family
        Those that were asked for.
    chosen_by_user : bool
        Whether they were named, so that none is left out for want of promise.
    scoring : str, callable or None
        As in scikit-learn.
    budget : Budget
        Seconds and trials.
    n_jobs : int or None
        Trials at a time.
    memory : Memory or None
        Where results are kept between fits.
    verbose : int
        What is shown.
    ensemble_size : int
        Candidates that the final model may consist of.
    patience : int or None
        Trials without a better one after which to stop.
    """

    families: list[Family]
    chosen_by_user: bool
    scoring: Any
    budget: Budget
    n_jobs: int | None
    memory: Memory | None
    verbose: int
    ensemble_size: int = 1
    patience: int | None = None

    @classmethod
    def of(cls, estimator: Any, task: str) -> Settings:
        """Check the parameters that need no data, from the moment on at which the budget begins.

        Raises
        ------
        ParameterError
            If a parameter makes no sense.
        """
        budget = Budget(estimator.time_budget, estimator.n_trials)
        check_budget(estimator.time_budget, estimator.n_trials)
        check_choice("channels", estimator.channels, ("first", "last"))
        verbose = check_whole("verbose", int(estimator.verbose), least=0)
        size = check_whole("ensemble_size", estimator.ensemble_size, least=1)
        if estimator.patience is not None:
            check_whole("patience", estimator.patience, least=1)
        check_device(estimator.device)
        resolve_scorer(estimator.scoring, task)
        asked = estimator.families
        return cls(
            families=resolve_families(asked),
            chosen_by_user=not (isinstance(asked, str) and asked == "auto"),
            scoring=estimator.scoring,
            budget=budget,
            n_jobs=estimator.n_jobs,
            memory=as_memory(estimator.memory),
            verbose=verbose,
            ensemble_size=size,
            patience=estimator.patience,
        )


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


def able_families(
    families: Sequence[Family], problem: Problem, *, layout_may_come: bool = False
) -> tuple[list[Family], dict[str, str]]:
    """Select the families that can serve, with a reason for each other; raise if none can and no layout may be found.

    Raises
    ------
    ParameterError
        If no family can serve.
    """
    able, left_out = [], {}
    for family in families:
        reason = family.unfit_for(problem)
        if reason is None:
            able.append(family)
        else:
            left_out[family.name] = reason
    if not able and not (layout_may_come and any(family.needs.grid for family in families)):
        reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise ParameterError(
            f"none of the families {[family.name for family in families]} can serve this problem ({reasons}). "
            "Pass families='auto', or a layout if the columns are cells of a grid."
        )
    return able, left_out


def with_imports(
    families: Sequence[Family], able: list[Family], budget: Budget, chosen_by_user: bool, device: str = "cpu"
) -> tuple[list[Family], dict[str, str]]:
    """Import what families need; leave out those whose import would take too much of the budget."""
    left_out: dict[str, str] = {}
    for package, least in _IMPORTS.items():
        others = [family for family in able if package not in family.needs.packages]
        if len(others) == len(able):
            continue
        short = budget.seconds is not None and budget.seconds < least
        if short and package not in sys.modules and not chosen_by_user and others:
            reason = f"importing {package} would take too much of {budget.seconds:g} s; allow {least:g} s or more"
        else:
            reason = _import(package, optional=bool(others))
        if reason:
            able = others
            left_out |= {family.name: reason for family in families if package in family.needs.packages}
    roomy = budget.seconds is None or budget.seconds >= _IMPORTS["torch"]
    if roomy and any("skorch" in family.needs.packages for family in able):
        with suppress(Exception):  # the first net's trial will say so
            load(["skorch"], device)
    return able, left_out


def _import(package: str, *, optional: bool) -> str:
    """Import a package; return the reason if that fails, else an empty string."""
    try:
        importlib.import_module(package)
    except Exception as error:  # it may not agree with the other packages here
        if not optional:
            raise
        return f"importing {package} failed: {type(error).__name__}: {error}"
    return ""


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
        "random_state": request.seed,
        "search": request.layouts,
    }
    key = "" if memory is None else fingerprint(request.X, y, problem, seconds, arguments, versions())
    began = budget.elapsed
    try:
        report = cached(memory, _probe_key, key, (request.X, y, problem.layout, seconds, arguments))
        budget.charge(report.seconds - (budget.elapsed - began))
        return report, True
    except KeyboardInterrupt:
        return probe_values(request.X[:2], None, task=problem.task, random_state=request.seed), False


def _probe_key(key: str, payload: tuple[Any, ...]) -> LocalityReport:
    X, y, layout, seconds, arguments = payload
    return probe_values(X, layout, y=y, seconds=seconds, **arguments)


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
