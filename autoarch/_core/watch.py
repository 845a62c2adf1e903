"""Watch the steps of a search from a thread of its own, and end those that take too much memory or never stop."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from autoarch._core.hangs import StuckError, raise_in
from autoarch._core.memory import free_bytes, used_bytes

_EVERY = 0.05  # seconds between two looks
_PATIENCE = 1.0  # seconds after which a step that was told to end is told again
_PAUSE = 1.0  # seconds between two looks from which on the whole process must have been stopped
_SPARED = 0.1  # of what is free, where the user names no limit: other processes have a life too


@dataclass(eq=False)
class Step:
    """Bytes that were taken before a step and at most beyond these, when it must be over, and when it was told so."""

    before: float
    ends: float
    peak: float = 0.0
    told: float = -math.inf


class Watch:
    """Watch what this process and its workers take, and how long its steps last.

    Parameters
    ----------
    limit : float or None
        Bytes beyond what this process holds now; a number up to 1 is a share of what is free, None most of that.
    workers : callable
        Process ids of the workers.
    end : callable
        Ends a worker, given its id and a reason.

    Attributes
    ----------
    allowed : float
        Bytes beyond those of the beginning, infinite if nothing is known.
    """

    def __init__(self, limit: float | None, workers: Callable[[], list[int]], end: Callable[[int, str], Any]):
        share = 1.0 - _SPARED if limit is None else limit
        self.before = used_bytes()
        self.allowed = math.inf if not self.before else share * free_bytes() if share <= 1 else share
        self._workers, self._end = workers, end
        self._steps: dict[int, Step] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="autoarch-watch", daemon=True)
        self._thread.start()

    @property
    def left(self) -> float:
        """Bytes that may still be taken."""
        return self.allowed - self._taken()

    @contextmanager
    def step(self, seconds: float = math.inf) -> Iterator[Step]:
        """A step of this thread, in which an error is raised where it takes too much memory or too many seconds."""
        thread = threading.get_ident()
        step = Step(self._taken(), time.monotonic() + seconds)
        with self._lock:
            self._steps[thread] = step
        try:
            yield step
        finally:
            try:
                self._forget(thread)
            except (MemoryError, StuckError):  # it came just now
                self._forget(thread)
                raise

    def _forget(self, thread: int) -> None:
        with self._lock:
            step = self._steps.pop(thread, None)
            if step is not None and step.told > -math.inf:
                raise_in(thread, None)  # one that is under way would come too late

    def close(self) -> None:
        """End the watch."""
        self._over.set()
        self._thread.join()

    def _taken(self) -> float:
        if math.isinf(self.allowed):
            return 0.0
        return used_bytes() - self.before + sum(used_bytes(worker) for worker in self._workers())

    def _watch(self) -> None:
        last = time.monotonic()
        while not self._over.wait(_EVERY):
            taken, now = self._taken(), time.monotonic()
            stopped, last = (now - last if now - last > _PAUSE else 0.0), now
            with self._lock:
                for thread, step in self._steps.items():
                    step.peak = max(step.peak, taken - step.before)
                    step.ends += stopped
                    if now > step.ends:
                        _tell(thread, step, StuckError)
            if taken > self.allowed:
                self._end_largest()

    def _end_largest(self) -> None:
        """End the worker that takes most, or the step of this process where that takes more."""
        taken = {worker: used_bytes(worker) for worker in self._workers()}
        largest = max(taken, key=lambda worker: taken[worker], default=0)
        with self._lock:
            if self._steps and used_bytes() - self.before > taken.get(largest, 0.0):
                _tell(*next(reversed(self._steps.items())), MemoryError)
                return
        if largest:
            self._end(largest, f"it took more memory than the {self.allowed / 2**20:,.0f} MiB that there are")


def _tell(thread: int, step: Step, error: type[Exception]) -> None:
    """Raise an error in the thread of a step, unless that has just been done."""
    if time.monotonic() > step.told + _PATIENCE:
        step.told = time.monotonic()
        raise_in(thread, error)
