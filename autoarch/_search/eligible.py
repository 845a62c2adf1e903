"""Prepare a search: check its settings, run the probe, and select the families that are eligible."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from joblib import Memory

from autoarch._core.checks import check_budget, check_choice, check_whole
from autoarch._core.clock import Budget
from autoarch._search.memory import as_memory
from autoarch._search.scoring import resolve_scorer
from autoarch._training.device import check_device, load
from autoarch.exceptions import ParameterError
from autoarch.families.base import Family, Problem
from autoarch.families.registry import resolve_families

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


def able_families(
    families: Sequence[Family], problem: Problem, *, layout_may_come: bool = False
) -> tuple[list[Family], dict[str, str]]:
    """Select the families that can serve, with a reason for each other; raise if none can and no layout may be found.

    Raises
    ------
    ParameterError
        If no family can serve.
    """
    reasons = {family.name: family.unfit_for(problem) for family in families}
    left_out = {name: reason for name, reason in reasons.items() if reason is not None}
    able = [family for family in families if family.name not in left_out]
    if not able and not (layout_may_come and any(family.needs.grid for family in families)):
        why = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise ParameterError(
            f"none of the families {[family.name for family in families]} can serve this problem ({why}). "
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
