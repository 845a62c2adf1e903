"""A point in time that survives the trip to another process.

Imports: the standard library.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autoarch._training.race import Race


class Deadline:
    """Seconds left from now on, ``None`` for no limit.

    Monotonic clocks of two processes need not agree, so a pickled deadline carries the seconds that were left and the
    time of day when they end; whichever is shorter holds where it is unpickled.

    A training that is one of many also learns here of the race that it is in; that does not travel.
    """

    race: Race | None = None

    def __init__(self, seconds: float | None = None):
        self._end = math.inf if seconds is None else time.monotonic() + seconds

    @property
    def unlimited(self) -> bool:
        """Whether there is no limit, so that nothing may depend on the clock."""
        return math.isinf(self._end)

    @property
    def left(self) -> float:
        """Seconds left, negative once over."""
        return self._end - time.monotonic()

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return not self.unlimited and self.left <= 0

    def share(self, fraction: float) -> Deadline:
        """A deadline after this fraction of the time that is left."""
        return Deadline(None if self.unlimited else max(0.0, self.left) * fraction)

    def __getstate__(self) -> dict[str, Any]:
        return {"left": None if self.unlimited else self.left, "ends": time.time() + self.left}

    def __setstate__(self, state: dict[str, Any]) -> None:
        left = state["left"]
        self.__init__(None if left is None else min(left, state["ends"] - time.time()))  # type: ignore[misc]
