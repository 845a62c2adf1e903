"""Results of earlier fits, kept by joblib where the user's ``memory`` says.

The key holds what a result depends on: data, split, candidate, fidelity, seed and versions. A training that the clock
cut short depends on timing, so it is not cached, nor is a failure.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pickle import PicklingError
from typing import Any

import joblib
import numpy as np

from autoarch._core.checks import check_whole, seed_of
from autoarch._core.quiet import warn_user
from autoarch._search.evaluate import evaluate
from autoarch._search.job import Job, TrainingData, TrialResult
from autoarch._search.loop import Past

_MODELS = ("lightgbm", "xgboost", "catboost", "tabpfn", "tabicl")
_PACKAGES = ("autoarch", "numpy", "scikit-learn", "torch", "skorch", *_MODELS)


class _NotForKeepingError(Exception):
    """Carries a result past the cache."""


def as_memory(memory: str | joblib.Memory | None) -> joblib.Memory | None:
    """Turn the parameter ``memory`` into a joblib.Memory, or None for no cache."""
    if isinstance(memory, joblib.Memory):
        memory = memory.location  # one that is as silent as we are
    return None if memory is None else joblib.Memory(memory, verbose=0)


def fingerprint(*parts: Any) -> str:
    """A hash of data or parameters."""
    return str(joblib.hash(list(parts)))


def scorer_key(scoring: Any) -> Any:
    """Return what identifies a score, or None where nothing does and results must not be cached."""
    if scoring is None or isinstance(scoring, str):
        return scoring or "default"
    function = getattr(scoring, "_score_func", scoring)
    name = (getattr(function, "__module__", ""), getattr(function, "__qualname__", ""))
    settings = str(sorted((key, value) for key, value in vars(scoring).items() if key not in ("_score_func", "_sign")))
    sign = getattr(scoring, "_sign", 1)
    if getattr(sys.modules.get(name[0]), name[1], None) is function and name[0] != "__main__":
        return *name, sign, settings  # a name that others can import tells enough
    code = getattr(function, "__code__", None)
    return None if code is None or function.__closure__ else (*name, sign, settings, code.co_code, str(code.co_consts))


def versions() -> tuple[tuple[str, str], ...]:
    """Installed versions that results depend on."""
    found = []
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            found.append((package, version(package)))
    return tuple(found)


class CachedEvaluate:
    """``evaluate`` behind a joblib.Memory; picklable, so that workers share the cache."""

    def __init__(self, memory: joblib.Memory, data_key: str):
        self.memory = memory
        self.data_key = data_key

    def __call__(self, data: TrainingData, job: Job) -> TrialResult:
        fidelity = (job.best_scores, sorted(job.thresholds.items()), job.most_rows, job.n_splits)
        try:
            key = fingerprint(self.data_key, job.family.cache_key(), job.params, job.problem, job.seed, *fidelity)
        except (PicklingError, AttributeError, TypeError):  # a family that does not pickle has no key
            return evaluate(data, job)
        result: TrialResult = cached(self.memory, _evaluate, key, (data, job))
        result.number = job.number
        return result


def _evaluate(key: str, payload: tuple[TrainingData, Job]) -> TrialResult:
    result = evaluate(*payload)
    if result.status == "failed" or result.cut or result.late:
        raise _NotForKeepingError(result)
    return result


def cached(memory: joblib.Memory | None, function: Callable[[str, Any], Any], key: str, payload: Any) -> Any:
    """Call ``function(key, payload)``, through ``memory`` where there is one, which looks at the key alone."""
    if memory is None:
        return function(key, payload)
    try:
        return memory.cache(function, ignore=["payload"])(key, payload)
    except _NotForKeepingError as kept_out:
        return kept_out.args[0]


# Parameters that say how long and how to search, not what; and two whose seed and family are compared instead.
_LIMITS = ("time_budget", "n_trials", "patience")
_FREE = (*_LIMITS, "n_jobs", "memory", "verbose", "warm_start", "random_state", "pretrained")


def search_seed(random_state: Any, past: Past | None) -> int:
    """Return an integer seed: that of the earlier search where ``random_state`` names none.

    A RandomState is advanced; for None a fresh seed is drawn, and the global state is left alone.
    """
    if random_state is not None and not isinstance(random_state, np.random.RandomState):
        return check_whole("random_state", random_state, least=0)
    return seed_of(random_state) if past is None else past.seed


def search_key(parameters: Mapping[str, Any], data: Mapping[str, Any], seed: int) -> dict[str, str]:
    """Hash, by name, the data and every parameter that changes the problem."""
    kept = {name: value for name, value in parameters.items() if name not in (*_FREE, *data)}
    return {name: fingerprint(value) for name, value in {**kept, **data, "random_state": seed}.items()}


def same_search(past: Past | None, key: Mapping[str, str]) -> Past | None:
    """Return the past if it is that of this search; else None, with a warning that says what is new."""
    if past is None:
        return None
    changed = [name for name in key if key[name] != past.key.get(name)]
    if not changed:
        past.history.interrupted, past.history.fruitless = False, 0
        return past
    told = [name for name in changed if name not in ("problem", "splits")] or changed  # these follow from the others
    warn_user(f"warm_start=True, but {', '.join(told)} changed since the last fit: the search begins anew.")
    return None
