"""A learning rate that rises, falls and reaches 0 when the steps or the time end, whichever comes first."""

from __future__ import annotations

import math
import time

from autoarch._core.clock import Deadline

_WARM_UP = 0.2  # share of the training in which the learning rate rises


def one_cycle(progress: float) -> float:
    """Factor of the learning rate, rising from 0.05 to 1 and falling to 0 along cosines."""
    if progress < _WARM_UP:
        return 0.05 + 0.95 * 0.5 * (1 - math.cos(math.pi * progress / _WARM_UP))
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - _WARM_UP) / (1 - _WARM_UP))))


class Schedule:
    """Where a training stands between its start and the end of its steps or of its time.

    A training that is cut off in mid-flight is worth little; one whose learning rate has come down is a model. So the
    schedule is stretched over whatever ends first, and a short time gives a short but whole training.
    """

    def __init__(self, n_steps: int, deadline: Deadline):
        self.n_steps = n_steps
        self.step = 0
        self._began = time.monotonic()
        self._limit = math.inf if deadline.unlimited else max(deadline.left, 1e-9)

    @property
    def progress(self) -> float:
        """From 0 to 1 and beyond; a function of the step alone where there is no deadline."""
        by_steps = self.step / self.n_steps
        return by_steps if math.isinf(self._limit) else max(by_steps, (time.monotonic() - self._began) / self._limit)

    @property
    def over(self) -> bool:
        """Whether to stop; one step is always taken."""
        return self.step > 0 and self.progress >= 1

    @property
    def share_done(self) -> float:
        """Of the steps."""
        return self.step / self.n_steps
