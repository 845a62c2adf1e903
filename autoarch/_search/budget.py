"""One clock for a whole ``fit``: seconds, trials, and the time kept back for the refit.

Imports: ``autoarch._training.deadline``.
"""

from __future__ import annotations

import math
import time

from autoarch._training.deadline import Deadline

_MARGIN = 0.15  # seconds kept back for what comes after the refit
_LEAST_SLICE = 0.02  # of the budget; a trial with less time says nothing


class Budget:
    """Seconds and trials that a fit may still spend.

    Results that a cache returns at once are charged the seconds that they took when they were computed, so that a
    cached search makes the same decisions as the first one.
    """

    def __init__(self, seconds: float | None, n_trials: int | None, *, started: float):
        self.seconds = seconds
        self.n_trials = n_trials
        self.started = started
        self.n_asked = 0
        self._charged = 0.0

    @property
    def unlimited(self) -> bool:
        """Whether no decision may depend on the clock."""
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

    def too_late_for_a_trial(self, keep: float) -> bool:
        """Whether what is left beside the ``keep`` seconds is too short for another trial."""
        return not self.unlimited and self.left - keep < max(0.05, _LEAST_SLICE * (self.seconds or 0.0))

    @property
    def trials_spent(self) -> bool:
        """Whether all trials that were allowed have been asked for."""
        return self.n_trials is not None and self.n_asked >= self.n_trials
