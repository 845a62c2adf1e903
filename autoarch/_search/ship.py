"""Data on the way to workers of a cluster: sent to each of them once, however many steps it does.

joblib's own processes share memory. Dask and Ray would send the data with each call of joblib or with each step, so the
data are put where these keep what workers fetch when they first need it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autoarch._search.jobs import Job, TrainingData
from autoarch._search.steps import StepResult

Evaluate = Callable[[TrainingData, Job], StepResult]

_here: dict[str, TrainingData] = {}  # what this worker has fetched last


def is_ray(backend: Any) -> bool:
    """Return whether a backend of joblib is that of Ray."""
    return type(backend).__module__.startswith("ray.")


def ready_for(backend: Any, evaluator: Evaluate, data: TrainingData) -> tuple[Callable[[Any, Job], StepResult], Any]:
    """Return what joblib is to call on a worker, and its first argument."""
    if type(backend).__module__ == "joblib._dask":
        return Resolving(evaluator), backend.client.scatter(data, broadcast=True, hash=False)
    if not is_ray(backend):
        return evaluator, data
    import ray

    backend.supports_return_generator = True  # it is a pool of joblib's, which gives no results early, but can
    return Fetching(evaluator), ray.put(data)


class Resolving:
    """An evaluator for Dask, which leaves the future itself in the place of data when it repeats a lost step."""

    def __init__(self, evaluator: Evaluate):
        self.evaluator = evaluator

    def __call__(self, data: Any, job: Job) -> StepResult:
        return self.evaluator(data if isinstance(data, TrainingData) else data.result(), job)


class Fetching:
    """An evaluator that fetches the data where it runs."""

    def __init__(self, evaluator: Evaluate):
        self.evaluator = evaluator

    def __call__(self, reference: Any, job: Job) -> StepResult:
        import ray

        if reference.hex() not in _here:
            _here.clear()
            _here[reference.hex()] = ray.get(reference)
        return self.evaluator(_here[reference.hex()], job)
