"""Settings of a search, checked; the families that are eligible; and whether it goes on with an earlier search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import uuid4

import numpy as np
from joblib import Memory

from autoarch._core.checks import (
    check_budget,
    check_choice,
    check_flag,
    check_jobs,
    check_positive,
    check_seconds,
    check_seed,
    check_verbose,
    check_whole,
    did_you_mean,
    seed_of,
    shown,
)
from autoarch._core.clock import Budget
from autoarch._core.quiet import warn_user
from autoarch._data.target import Target
from autoarch._search.loop import Past
from autoarch._search.memory import as_memory, fingerprint, scorer_key, versions
from autoarch._search.plug_ins import fault_of, faulty, guarded
from autoarch._search.scoring import resolve_scorer
from autoarch._search.storage import StorageChoice, told_of
from autoarch._training.device import check_device
from autoarch.exceptions import ParameterError
from autoarch.families.base import Family, Problem
from autoarch.families.objective import Objective, objective_of
from autoarch.families.registry import resolve_families

_ROWS_SHARE = 0.05  # of the budget


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
    ensemble_size : int or "auto"
        Candidates that the final model may consist of.
    max_predict_seconds : float or None
        Wall time that predicting 1,000 rows may take.
    patience : int or None
        Trials without a better one after which to stop.
    trial_timeout : float or None
        Seconds that a step may take at most.
    memory_limit : float or None
        Bytes that a search may take, or a share of what is free.
    storage : StorageChoice or None
        Where what is done is written, for later fits and other processes.
    threshold : float, "auto" or "default"
        Probability from which on the second of two classes is predicted.
    """

    families: list[Family]
    chosen_by_user: bool
    scoring: Any
    budget: Budget
    n_jobs: int | None
    memory: Memory | None
    verbose: int
    ensemble_size: int | str = "auto"
    max_predict_seconds: float | None = None
    patience: int | None = None
    trial_timeout: float | None = None
    memory_limit: float | None = None
    storage: StorageChoice | None = None
    threshold: float | str = "default"

    @property
    def seconds_for_rows(self) -> float | None:
        """Seconds that questions about the rows may take; None for any."""
        return None if self.budget.seconds is None else _ROWS_SHARE * self.budget.seconds

    def objective(self, target: Target) -> Objective:
        """Read off what predictions of a target are scored by."""
        classification = target.classes is not None
        scorer = resolve_scorer(self.scoring, "classification" if classification else "regression")
        return objective_of(scorer, target.values, classification=classification)

    @classmethod
    def of(cls, estimator: Any, task: str) -> Settings:
        """Check the parameters that need no data, from the moment on at which the budget begins.

        Raises
        ------
        ParameterError
            If a parameter makes no sense.
        """
        check_budget(estimator.time_budget, estimator.n_trials)
        seconds = estimator.time_budget
        budget = Budget(None if seconds is None else float(seconds), estimator.n_trials)
        check_choice("channels", estimator.channels, ("first", "last"))
        verbose = check_verbose(estimator.verbose)
        size = estimator.ensemble_size
        if not (isinstance(size, str) and size == "auto"):
            size = check_whole("ensemble_size", size, least=1, absent="'auto' for several where they prove better")
        most = estimator.max_predict_seconds
        if most is not None:
            most = check_seconds("max_predict_seconds", most, absent="None for any")
        for name, check in (("trial_timeout", check_seconds), ("memory_limit", check_positive)):
            if getattr(estimator, name) is not None:
                check(name, getattr(estimator, name), absent="None for any")
        if estimator.patience is not None:
            check_whole("patience", estimator.patience, least=1, absent="None for no limit")
        check_flag("warm_start", estimator.warm_start)
        check_jobs(estimator.n_jobs)
        check_seed(estimator.random_state)
        check_device(estimator.device)
        resolve_scorer(estimator.scoring, task)
        asked = estimator.families
        return cls(
            families=guarded(resolve_families(asked), estimator.time_budget),
            chosen_by_user=not (isinstance(asked, str) and asked == "auto"),
            scoring=estimator.scoring,
            budget=budget,
            n_jobs=estimator.n_jobs,
            memory=as_memory(estimator.memory),
            verbose=verbose,
            ensemble_size=size,
            max_predict_seconds=most,
            patience=estimator.patience,
            trial_timeout=estimator.trial_timeout,
            memory_limit=estimator.memory_limit,
            storage=StorageChoice.of(estimator.storage),
            threshold=_checked_threshold(getattr(estimator, "threshold", "default")),
        )


def _checked_threshold(threshold: Any) -> float | str:
    """Return a threshold; a ParameterError says what it may be."""
    if isinstance(threshold, str) and threshold in ("auto", "default"):
        return threshold
    number = isinstance(threshold, (float, np.floating))
    if not number or not 0.0 < threshold < 1.0:
        raise ParameterError(
            f"threshold={shown(threshold)} was given; expected 'auto', 'default' or a probability between 0 and 1."
            f"{did_you_mean(threshold, ['auto', 'default'])}"
        )
    return float(threshold)


def able_families(
    families: Sequence[Family], problem: Problem, *, layout_may_come: bool = False
) -> tuple[list[Family], dict[str, str]]:
    """Select the families that can serve, with a reason for each other; raise if none can and no layout may be found.

    One that breaks when it is asked is left out like one that cannot serve; a simple model stands in for it.

    Raises
    ------
    ParameterError
        If no family can serve.
    """
    reasons = {family.name: family.unfit_for(problem) or fault_of(family, problem) for family in families}
    left_out = {name: reason for name, reason in reasons.items() if reason is not None}
    able = [family for family in families if family.name not in left_out]
    broken = [name for name in left_out if faulty(families, name)]
    if not able and not broken and not (layout_may_come and any(family.needs.grid for family in families)):
        why = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise ParameterError(
            f"none of the families {[family.name for family in families]} can serve this problem ({why}). "
            "Pass families='auto', or a layout if the columns are cells of a grid."
        )
    return able, left_out


# Parameters that say how long and how to search and what to make of it, not what; and two whose seed and family are
# compared instead.
_LIMITS = ("time_budget", "n_trials", "patience", "ensemble_size", "max_predict_seconds", "trial_timeout")
_MEANS = ("n_jobs", "memory", "memory_limit", "storage", "verbose", "warm_start")
_FREE = (*_LIMITS, *_MEANS, "random_state", "pretrained")


@dataclass(frozen=True, eq=False)
class Identity:
    """The subject of a search, as far as another one may be the same.

    Parameters
    ----------
    data : dict of str to str
        Hashes of X, y and weights; none where nobody asks for them.
    stored : bool
        Whether another process must find it.
    """

    data: Mapping[str, str]
    stored: bool

    @classmethod
    def of(cls, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None, *, kept: bool, stored: bool) -> Self:
        """Hash the data of a search that is ``kept`` for another fit or ``stored`` for other processes."""
        return cls(_hashed({"X": X, "y": y, "sample_weight": sample_weight}) if kept or stored else {}, stored)

    def seed(self, random_state: Any, past: Past | None) -> int:
        """Return an integer seed: where ``random_state`` names none, that of the earlier search or one for the data.

        A RandomState is advanced; for None a fresh seed is drawn where nothing is stored, and the global state is left
        alone.
        """
        if random_state is not None and not isinstance(random_state, np.random.RandomState):
            return int(random_state)
        if random_state is None and past is not None:
            return past.seed
        if random_state is None and self.stored:
            return int(fingerprint(sorted(self.data.items())), 16) % (2**31 - 1)
        return seed_of(random_state)

    def key(self, parameters: Mapping[str, Any], families: Sequence[Family], **rest: Any) -> dict[str, str]:
        """Hash, by name, the data, every parameter that changes the problem, and the rest of what it depends on."""
        if not self.data:
            return {}
        rest |= {"families": [family.cache_key() for family in families], "versions": versions()}
        kept = {name: value for name, value in parameters.items() if name not in (*_FREE, *self.data, *rest)}
        return {**_hashed({**kept, **rest}), **self.data}


def _hashed(parts: Mapping[str, Any]) -> dict[str, str]:
    """Hash values by their names; one that cannot be hashed is like no other."""
    found = {}
    for name, value in parts.items():
        try:
            known = scorer_key(value) if name == "scoring" else value
            found[name] = uuid4().hex if name == "scoring" and known is None else fingerprint(known)
        except Exception:  # what does not pickle; of the splits, the rows are compared
            found[name] = "" if name == "cv" else uuid4().hex
    return found


def same_search(past: Past | None, key: Mapping[str, str]) -> Past | None:
    """Return the past if it is that of this search; else None, with a warning that says what is new."""
    if past is None:
        return None
    changed = [name for name in key if key[name] != past.key.get(name)]
    if not changed:
        return past
    told = ", ".join(told_of(changed))
    warn_user(f"warm_start=True, but {told} changed since the last fit: the search begins anew.")
    return None
