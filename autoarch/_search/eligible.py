"""What comes before the first trial: who can serve, who is worth it, and what the probe says."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from joblib import Memory

from autoarch._core.clock import Budget
from autoarch._data.row_splits import SplitPlan
from autoarch._search.memory import cached, fingerprint, versions
from autoarch._training.device import load
from autoarch.exceptions import ParameterError
from autoarch.families.base import Family, Problem
from autoarch.locality import AS_GIVEN, UNORDERED, LayoutSearch, LocalityReport, probe_values

if TYPE_CHECKING:
    from autoarch._search.memory import Past

_PROBE_SHARE = 0.1  # of the time budget at most
_STATISTICS_ONLY = 20.0  # seconds of budget below which landmarks are too dear
_FAINT_HOPE = 0.03  # chance of winning below which a family that nobody asked for is left out
_IMPORTS = {"torch": 8.0, "tabpfn": 20.0, "tabicl": 20.0}  # seconds of budget below which the 2 to 4 are better spent


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
    layouts : LayoutSearch
        Whether the probe may look for other layouts of the columns than the one in ``problem``.
    ensemble_size : int
        Candidates that the final model may consist of.
    patience : int or None
        Trials without a better one after which to stop.
    past : Past or None
        An earlier search on the same problem, to go on with.
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
    layouts: LayoutSearch = AS_GIVEN
    ensemble_size: int = 1
    patience: int | None = None
    past: Past | None = None


def able_families(
    families: Sequence[Family], problem: Problem, *, layout_may_come: bool = False
) -> tuple[list[Family], dict[str, str]]:
    """Those that can serve, and why the others cannot; it is an error if none can, unless the probe may find a layout.

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
    """Load now what is foreseen, or leave families out of a budget that their import would eat up."""
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
    """Why it cannot be imported, or nothing."""
    try:
        importlib.import_module(package)
    except Exception as error:  # it may not agree with the other packages here
        if not optional:
            raise
        return f"importing {package} failed: {type(error).__name__}: {error}"
    return ""


def probe(request: Request) -> tuple[LocalityReport, bool]:
    """The report, and False if the user interrupted before landmarks could be measured."""
    if request.past is not None:
        return request.past.report, True
    seconds = None
    report: LocalityReport
    y: np.ndarray | None = request.codes
    if request.budget.seconds is not None:
        seconds = _PROBE_SHARE * request.budget.seconds
        y = None if request.budget.seconds < _STATISTICS_ONLY else y
    problem = request.problem
    arguments = {
        "task": problem.task,
        "categorical": problem.categorical,
        "random_state": request.seed,
        "search": request.layouts,
    }
    key = "" if request.memory is None else fingerprint(request.X, y, problem, seconds, arguments, versions())
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


def with_findings(problem: Problem, report: LocalityReport) -> Problem:
    """What families are told once the probe has spoken: the verdict, and the layout that it holds for."""
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
    if not others or (chance > _FAINT_HOPE and UNORDERED not in report.skipped):
        return list(able), {}
    why = f"no order was found in the columns (p = {report.p_value:.2g}); families=[{{!r}}, ...] includes it"
    return others, {family.name: why.format(family.name) for family in able if family.needs.grid}
