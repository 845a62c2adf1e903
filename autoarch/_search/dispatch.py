"""Jobs of a search on the engine that joblib has been told of: one after the other, in processes, on a cluster.

joblib's own processes share memory. Dask and Ray would send the data with each call of joblib or with each step, so the
data are put where these keep what workers fetch when they first need it: once, however many steps a worker does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import joblib
from joblib.parallel import BACKENDS, get_active_backend

from autoarch._core.failures import describe
from autoarch._core.threads import usable_cores
from autoarch._search.jobs import Job, TrainingData
from autoarch._search.loop import Search
from autoarch._search.steps import StepResult
from autoarch._search.untimed import LAG

_WORKER_SECONDS = 3.0  # in which a process imports what it needs, on an idle core
_MOST_FOR_WORKERS = 0.25  # of the time that is left may go to that
_MOST_RESTARTS = 2  # of a pool whose workers die

Evaluate = Callable[[TrainingData, Job], StepResult]

_here: dict[str, TrainingData] = {}  # what this worker has fetched last


class Dispatch:
    """Steps of a search, fitted where and as many at a time as ``n_jobs`` and joblib's backend say.

    Parameters
    ----------
    search : Search
        It gives out jobs and is told of their results.
    """

    def __init__(self, search: Search):
        self.search = search

    def run(self) -> None:
        """Search until nothing is left to do or no time to do it in."""
        search, restarts = self.search, 0
        n_jobs = search.n_jobs
        while True:
            try:
                self._run_pool(n_jobs)
                break
            except Exception as error:  # a worker of another backend that died, a result that does not pickle
                restarts += 1
                if restarts == 1:  # its steps need not be what killed it
                    search.take_back()
                    continue
                search.give_up(f"its worker broke: {describe(error)}", killed=True)
                n_jobs = 1  # what killed a worker, memory most likely, has less company then
                search.workers.for_all = True  # and does not run here
                if restarts > _MOST_RESTARTS:
                    break

    def _run_pool(self, n_jobs: int | None) -> None:
        search = self.search
        search.at_once = joblib.effective_n_jobs(n_jobs)  # Dask's loop, which could tell, waits for our lock later
        if search.at_once == 1 or self._too_short_for_workers(n_jobs):
            for job in search.jobs():
                search.tell(search.evaluator(search.data, job))
            return
        if not search.scheduler.timed:  # no more are ever under way
            n_jobs = min(search.at_once, LAG)
        how: dict[str, Any] = {"return_as": "generator_unordered", "pre_dispatch": "n_jobs", "batch_size": 1}
        evaluator: Callable[[Any, Job], StepResult] = search.evaluator
        data: Any = search.data
        if isinstance(get_active_backend()[0], BACKENDS["loky"]) and search.workers.possible:
            n_jobs = search.at_once
            search.workers.for_all, how["backend"] = True, "threading"  # each thread waits for a process of ours
            search.workers.start(n_jobs)
        else:
            evaluator, data = ready_for(get_active_backend()[0], evaluator, data)
        with joblib.Parallel(n_jobs=n_jobs, **how) as parallel:
            done = -1
            while search.n_attempts != done:  # steps that waited for others in flight have their turn
                done = search.n_attempts
                answers = parallel(joblib.delayed(evaluator)(data, job) for job in search.jobs())
                try:
                    for result in answers:
                        with search.lock:
                            search.tell(result)
                finally:
                    search.workers.stop()
                    answers.close()
        search.workers.for_all = False

    def _too_short_for_workers(self, n_jobs: int | None) -> bool:
        """Return whether processes would take too much of the time to start, or the backend gives no results early."""
        search, backend = self.search, get_active_backend()[0]
        if not (backend.supports_return_generator or is_ray(backend)):
            return True
        if not search.scheduler.timed or not isinstance(backend, BACKENDS["loky"]):
            return False
        starting = _WORKER_SECONDS * search.at_once / usable_cores() / search.machine.pace
        too_short = starting > _MOST_FOR_WORKERS * search.budget.left
        if too_short:
            search.progress.event(f"one step at a time: n_jobs={n_jobs} processes take about {starting:.1f} s to start")
            search.n_jobs = search.machine.n_jobs = search.at_once = 1  # which has all cores
        return too_short


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
