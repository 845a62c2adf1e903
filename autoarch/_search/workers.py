"""Processes for steps that may hang, die or kill: watched, ended in time, replaced, and never left behind.

A worker is a fresh interpreter with a pipe to this process. It imports no torch unless a family does, has its own group
of processes, so that what it starts ends with it, and ends by itself once its parent is gone. Families of others always
run here, and all families do where several steps run at a time.
"""

from __future__ import annotations

import math
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Any

from autoarch._core.clock import Deadline
from autoarch._core.failures import describe
from autoarch._core.hangs import StuckError
from autoarch._core.memory import give_back
from autoarch._core.watch import Step, Watch
from autoarch._search.evaluate import OUT_OF_MEMORY, evaluate
from autoarch._search.jobs import Job, TrainingData
from autoarch._search.plug_ins import bare
from autoarch._search.steps import StepResult, Work
from autoarch._search.worker import CallError, EndedError, NoWorkerError, Payload, Worker
from autoarch._search.worker_process import POSIX
from autoarch._training.device import load
from autoarch.families.base import Family, is_foreign

_GRACE_SECONDS, _GRACE_SHARE = 1.0, 0.1  # beyond a deadline, and the share of its seconds if that is more
_ENDED = "the search has ended, and its processes with it"
_LATE_SECONDS = 1.0  # beyond the moment at which the search itself ends
_IDLE_SECONDS = 10.0  # of a process that a worker of another backend has started
_MOMENT = 0.01
_MUCH_LATER, _LOADING_SECONDS = 2.0, 15.0  # times the time of a step in this process, and more, until it is ended
_COPIES = 1.0  # of its training rows that the leanest step holds


class Workers:
    """Workers with the data of one search; a callable that takes the place of ``evaluate``.

    Parameters
    ----------
    data : TrainingData
        What candidates are fitted on, sent to each worker once.
    memory_limit : float or None
        As the user gives it.
    idle : float, default=0.0
        Seconds without a step after which a process ends by itself, 0 for never.

    Attributes
    ----------
    for_all : bool
        Whether every family runs in workers, not only those of others.
    trouble : str
        Why not even a first process could be started, so that all runs in this one.
    """

    def __init__(self, data: TrainingData, memory_limit: float | None = None, idle: float = 0.0):
        self.data, self.idle = data, idle
        self.name = uuid.uuid4().hex
        self.watch = Watch(memory_limit, self._processes, self._end_for_memory)
        self._peaks: dict[str, float] = {}
        self.for_all = False
        self.trouble = ""
        self._free: SimpleQueue[Worker | str] = SimpleQueue()  # workers, and reasons why one could not be started
        self._hired: set[Worker] = set()
        self._hiring: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._payload: Payload | None = None
        self._closed = self._proven = False
        self._busy = 0

    def __reduce__(self) -> Any:
        return Elsewhere, (self.name,)

    def start(self, n: int) -> None:
        """Begin to start processes until there are ``n``, and return at once."""
        for _ in range(0 if self.trouble else n - len(self._hiring)):
            self._hire()

    def _hire(self) -> None:
        with self._lock:
            if self._closed:  # nobody may wait for one that never comes
                self._free.put(_ENDED)
                return
            thread = threading.Thread(target=self._hired_one, name="autoarch-worker", daemon=True)
            thread.start()
            self._hiring.append(thread)

    def _hired_one(self) -> None:
        worker = None
        try:
            with self._lock:
                if self._closed:
                    self._free.put(_ENDED)
                    return
                if self._payload is None:
                    self._payload = Payload(self.data)
                worker = Worker(self._payload, self.idle)
                self._hired.add(worker)
            worker.greet()
            self._proven = True
            self._free.put(worker)
        except Exception as error:
            if worker is not None:
                self._dismiss(worker)
            self._free.put(f"no process could be started: {describe(error)}")

    def isolates(self, family: Family) -> bool:
        """Return whether a family is fitted in a worker."""
        return self.possible and (self.for_all or is_foreign(bare(family)))

    @property
    def possible(self) -> bool:
        """Return whether there are processes to be had: not on Windows, nor where the first one did not start."""
        return POSIX and not self.trouble

    def __call__(self, data: TrainingData, job: Job) -> StepResult:
        """Fit and score a job as ``evaluate`` does; what hangs, dies or takes too much memory is a failure."""
        failed = StepResult(job.number, job.split, "failed")
        if why_not := self._too_large(job):
            failed.reason = why_not
            return failed
        began, result = time.monotonic(), failed
        try:
            with self.step(job) as step:
                result = self.call(evaluate, job) if self.isolates(job.family) else evaluate(data, job)
            if result.status == "ok" and step.peak:
                self._peaks[job.family.name] = min(step.peak, self._peaks.get(job.family.name, step.peak))
        except MemoryError:
            failed.reason = OUT_OF_MEMORY
        except StuckError as error:
            failed.reason = describe(error)
        except SystemExit as error:
            if not is_foreign(bare(job.family)):  # the user's handler of a signal may raise it at any time
                raise
            failed.reason = describe(error)
        except NoWorkerError as error:
            if not self._proven:  # nothing has killed one: this system has no processes to give
                self.trouble = self.trouble or str(error)
                return self(data, job)
            failed.reason = str(error)
        except TimeoutError as error:
            failed.status, failed.reason = "paused", str(error)
        except EndedError as error:
            failed.reason, failed.killed = str(error), True
        except CallError as error:
            failed.reason = str(error)
        if result is failed:
            failed.work = Work(seconds=time.monotonic() - began)
        if result.reason == OUT_OF_MEMORY:
            give_back()
        return result

    def step(self, job: Job) -> AbstractContextManager[Step]:
        """Watch over a step; one of this process may take all the time that there is, and a little more."""
        left = job.latest.left
        if math.isinf(left):
            left = _MUCH_LATER * job.deadline.left + _LOADING_SECONDS
        return self.watch.step(math.inf if self.isolates(job.family) else left + _LATE_SECONDS)

    def _too_large(self, job: Job) -> str:
        """Return why a step is not even begun: for want of memory, if it needs as much as its family did before."""
        nothing = job.number < 0 or math.isinf(self.watch.allowed)
        least = 0.0 if nothing else _COPIES * self.data.X[:1].nbytes * len(self.data.splits[job.split][0])
        need = max(least, self._peaks.get(job.family.name, 0.0))
        if nothing or need <= (left := self.watch.left):
            return ""
        return f"it needs about {need / 2**20:,.0f} MiB of memory, {max(0.0, left) / 2**20:,.0f} MiB are left"

    def _processes(self) -> list[int]:
        return [worker.process.pid for worker in list(self._hired)]

    def _end_for_memory(self, process: int, reason: str) -> None:
        for worker in list(self._hired):
            if worker.process.pid == process:
                worker.why = reason
                worker.process.kill()

    def call(self, function: Callable[..., Any], job: Job, *args: Any) -> Any:
        """Call ``function(data, job, *args)`` in a worker, until a grace after the deadline of the job.

        The seconds until a worker is there and has loaded what the family needs come on top of the deadline, not of
        the latest moment that the job names.

        Raises
        ------
        NoWorkerError
            If no process can be started.
        TimeoutError
            If none is there in time.
        EndedError, CallError
            As ``Worker.call`` does.
        """
        worker, waited = self._take(job.latest)
        with self._lock:
            self._busy += 1
        try:
            return self._called(worker, waited, function, job, *args)
        except CallError:
            self._free.put(worker)
            raise
        except EndedError:
            self._dismiss(worker)
            self._hire()
            raise
        except BaseException:  # Ctrl-C: whatever it does is of no use any more
            self._dismiss(worker)
            raise
        finally:
            with self._lock:
                self._busy -= 1

    def _called(self, worker: Worker, waited: float, function: Callable[..., Any], job: Job, *args: Any) -> Any:
        last = job.latest.left + _LATE_SECONDS
        waited += worker.call(_load, job.family.needs.packages, job.problem.device, seconds=last)
        deadline, last = job.deadline, job.latest.left + _LATE_SECONDS
        if not deadline.unlimited:
            deadline = Deadline(max(0.0, min(deadline.left + waited, job.latest.left)))
        grace = max(_GRACE_SECONDS, _GRACE_SHARE * deadline.left)
        job = replace(job, family=bare(job.family), deadline=deadline)
        answer = worker.call(function, job, *args, seconds=min(deadline.left + grace, last))
        self._free.put(worker)
        return answer

    def _take(self, latest: Deadline) -> tuple[Worker, float]:
        began = time.monotonic()
        if not self._hired and not any(thread.is_alive() for thread in self._hiring):
            self._hire()
        try:
            worker = self._free.get(timeout=None if latest.unlimited else max(_LATE_SECONDS, latest.left))
        except Empty:
            raise TimeoutError("no process was ready for it") from None
        if isinstance(worker, str):
            raise NoWorkerError(worker)
        if worker.process.poll() is not None:  # it was idle for too long
            self._dismiss(worker)
            self._hire()
            return self._take(latest)
        return worker, time.monotonic() - began

    def _dismiss(self, worker: Worker) -> None:
        worker.end(kindly=False)
        with self._lock:
            self._hired.discard(worker)

    def stop(self, *, starting: bool = False) -> None:
        """End the processes that are busy, and those that are still starting; those who wait for them are told."""
        idle = []
        with suppress(Empty):
            while True:
                idle.append(self._free.get_nowait())
        with self._lock:
            for worker in self._hired.difference(idle):
                if worker.ready or starting:
                    worker.process.kill()
        for item in idle:
            self._free.put(item)

    def close(self) -> None:
        """End all processes and the watch of memory; nothing of them is left."""
        self.watch.close()
        with self._lock:
            self._closed, self.for_all = True, False
        self.stop(starting=True)
        for thread in self._hiring:
            thread.join()
        ends = time.monotonic() + _LATE_SECONDS
        while self._busy and time.monotonic() < ends:  # other threads are putting theirs away
            time.sleep(_MOMENT)
        for worker in list(self._hired):
            worker.end(kindly=True)
        self._hired.clear()
        if self._payload is not None:
            self._payload.close()


class Elsewhere:
    """``Workers`` in a process of another backend of joblib: that one starts a process for what may hang or die.

    Parameters
    ----------
    name : str
        Of the search; its process ends when another search comes, or after a while without a step.
    """

    _here: Workers | None = None
    _lock = threading.Lock()

    def __init__(self, name: str):
        self.name = name

    def __call__(self, data: TrainingData, job: Job) -> StepResult:
        """As ``Workers`` does."""
        if not is_foreign(bare(job.family)):
            return evaluate(data, job)
        with Elsewhere._lock:
            if Elsewhere._here is None or Elsewhere._here.name != self.name:
                if Elsewhere._here is not None:
                    Elsewhere._here.close()
                Elsewhere._here = Workers(data, math.inf, _IDLE_SECONDS)
                Elsewhere._here.name = self.name
            workers = Elsewhere._here
        return workers(data, job)


def _load(data: TrainingData, packages: tuple[str, ...], device: str) -> float:
    return load(packages, device)
