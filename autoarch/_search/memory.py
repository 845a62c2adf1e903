"""Results of earlier fits, kept by joblib where the user's ``memory`` says.

The key holds what a result depends on: data, split, candidate, fidelity, seed and versions. A training that the clock
cut short depends on timing, so it is not cached, nor is a failure.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pickle import PicklingError
from typing import Any

import joblib

from autoarch._core.paths import check_folder
from autoarch._search.evaluate import evaluate
from autoarch._search.jobs import Job, TrainingData
from autoarch._search.private_store import private_memory
from autoarch._search.steps import StepResult

Evaluate = Callable[[TrainingData, Job], StepResult]
_MODELS = ("lightgbm", "xgboost", "catboost", "tabpfn", "tabicl")
_PACKAGES = ("autoarch", "numpy", "scikit-learn", "torch", "skorch", *_MODELS)


class _NotForKeepingError(Exception):
    """Carries a result past the cache."""


def as_memory(memory: str | joblib.Memory | None) -> joblib.Memory | None:
    """Turn the parameter ``memory`` into a joblib.Memory, or None for no cache.

    Raises
    ------
    ParameterError
        If it is neither of them, nor the path of a folder that can be.
    """
    if isinstance(memory, joblib.Memory):
        memory = memory.location  # one that is as silent as we are
    return None if memory is None else private_memory(str(check_folder("memory", memory)))


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
    """``evaluate``, or what takes its place, behind a joblib.Memory; picklable, so that workers share the cache."""

    def __init__(self, memory: joblib.Memory, data_key: str, evaluate: Evaluate = evaluate):
        self.memory = memory
        self.data_key = data_key
        self.evaluate = evaluate

    def __call__(self, data: TrainingData, job: Job) -> StepResult:
        try:
            key = fingerprint(self.data_key, job.family.cache_key(), job.params, job.problem, job.seed, job.split)
        except (PicklingError, AttributeError, TypeError):  # a family that does not pickle has no key
            return self.evaluate(data, job)
        result: StepResult = cached(self.memory, _evaluate, key, (self.evaluate, data, job))
        result.number = job.number
        return result


def _evaluate(key: str, payload: tuple[Evaluate, TrainingData, Job]) -> StepResult:
    evaluate, data, job = payload
    result = evaluate(data, job)
    if result.status != "ok" or result.work.cut or result.late:
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
