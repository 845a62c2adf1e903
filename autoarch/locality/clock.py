"""A limit in seconds that long work can ask about.

Imports: nothing.
"""

from __future__ import annotations

from time import monotonic


class OutOfTimeError(Exception):
    """The limit was reached inside a landmark."""


class Clock:
    """Seconds left of an optional limit; without one it never runs out and nothing depends on it.

    Parameters
    ----------
    seconds : float or None
        The limit, counted from now.
    """

    def __init__(self, seconds: float | None) -> None:
        self._started = monotonic()
        self._end = None if seconds is None else self._started + seconds

    @property
    def limited(self) -> bool:
        """Whether there is a limit."""
        return self._end is not None

    def elapsed(self) -> float:
        """Seconds since the start."""
        return monotonic() - self._started

    def left(self) -> float:
        """Seconds until the limit; infinite without one."""
        return float("inf") if self._end is None else self._end - monotonic()

    def check(self) -> None:
        """Raise ``OutOfTimeError`` when the limit has passed."""
        if self._end is not None and monotonic() > self._end:
            raise OutOfTimeError
