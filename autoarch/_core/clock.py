"""Read one clock: a deadline that survives the trip to another process, and the budget of a whole ``fit``."""

from __future__ import annotations

import math
import time
import uuid
from functools import cache
from pathlib import Path
from typing import Any

_MARGIN = 0.15  # seconds kept back for what comes after the refit


class OutOfTimeError(Exception):
    """The limit was reached inside a step that can be ended."""


class TooSlowError(TimeoutError):
    """A step was ended as soon as it could be foreseen that too little of it would be done in time.

    Parameters
    ----------
    needed : float
        Seconds that the whole step takes at the pace that was measured.
    left : float
        Seconds that were left.

    Examples
    --------
    >>> from autoarch._core.clock import TooSlowError
    >>> print(TooSlowError(12.0, 1.5))
    needs about 12.0 s, 1.5 s were left
    """

    def __init__(self, needed: float, left: float):
        super().__init__(needed, left)  # both, so that the error survives the trip from another process
        self.needed, self.left = needed, left

    def __str__(self) -> str:
        return f"needs about {self.needed:.1f} s, {max(0.0, self.left):.1f} s were left"


class Deadline:
    """Seconds left from now on, ``None`` for no limit, on which nothing may then depend.

    A pickled deadline carries the seconds that were left and, for processes of the same machine, the moment at which
    they end by its monotonic clock. The time of day is never asked: it may be set while a search runs.
    """

    def __init__(self, seconds: float | None = None):
        self._started = time.monotonic()
        self._end = math.inf if seconds is None else self._started + seconds

    @property
    def unlimited(self) -> bool:
        """Return whether there is no limit, so that nothing may depend on the clock."""
        return math.isinf(self._end)

    @property
    def elapsed(self) -> float:
        """Seconds since the deadline was set."""
        return time.monotonic() - self._started

    @property
    def left(self) -> float:
        """Seconds left, negative once over, infinite without a limit."""
        return self._end - time.monotonic()

    @property
    def over(self) -> bool:
        """Return whether the time is up."""
        return not self.unlimited and self.left <= 0

    def check(self) -> None:
        """Raise ``OutOfTimeError`` once the time is up."""
        if self.over:
            raise OutOfTimeError

    def share(self, fraction: float) -> Deadline:
        """A deadline after this fraction of the time that is left."""
        return Deadline(None if self.unlimited else max(0.0, self.left) * fraction)

    def __getstate__(self) -> dict[str, Any]:
        return {"left": None if self.unlimited else self.left, "ends": self._end, "machine": _machine()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        left = state["left"]
        if left is not None and state["machine"] == _machine():
            left = min(left, state["ends"] - time.monotonic())
        self.__init__(left)  # type: ignore[misc]


@cache
def _machine() -> str:
    """Name what has one monotonic clock: a machine since its last start, or nothing but this process."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text()
    except OSError:
        return str(uuid.uuid4())


class Budget:
    """Seconds and trials that a fit may still spend.

    Results that a cache returns at once are charged the seconds that they took when they were computed, so that a
    cached search makes the same decisions as the first one.
    """

    def __init__(self, seconds: float | None = None, n_trials: int | None = None):
        self.seconds = seconds
        self.n_trials = n_trials
        self.started = time.monotonic()
        self.n_asked = 0
        self._charged = 0.0

    @property
    def unlimited(self) -> bool:
        """Return whether no decision may depend on the clock."""
        return self.seconds is None

    @property
    def elapsed(self) -> float:
        """Seconds since ``fit`` began, with what was charged."""
        return time.monotonic() - self.started + self._charged

    @property
    def left(self) -> float:
        """Seconds left to work, infinite without a time budget."""
        return math.inf if self.seconds is None else self.seconds - _MARGIN - self.elapsed

    def charge(self, seconds: float) -> None:
        """Count seconds that were saved by a cache as if they had been spent."""
        self._charged += max(0.0, seconds)

    def deadline(self, *, keep: float = 0.0, fraction: float = 1.0) -> Deadline:
        """A deadline after ``fraction`` of what is left when ``keep`` seconds are kept back."""
        return Deadline(None if self.unlimited else max(0.0, self.left - keep) * fraction)
