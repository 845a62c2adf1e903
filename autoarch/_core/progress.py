"""The one line that a user sees while the search runs."""

from __future__ import annotations

import multiprocessing
import sys
import threading
import time
from typing import Any

from autoarch._core.clock import Budget

_EVERY = 0.2  # seconds between two updates of the line


class Progress:
    """Rewrite one line on stderr: trials, time left, the best so far.

    With ``verbose=1`` the line is shown to people only: in a terminal or a notebook, and not from inside another
    search or a worker. ``verbose=2`` prints a line for each trial wherever it runs.
    """

    def __init__(self, verbose: int, budget: Budget):
        self.budget = budget
        self.by_trial = verbose >= 2
        self.live = verbose == 1 and _somebody_watches()
        self._shown = 0.0
        self._width = 0

    def say(self, what: str, *, urgent: bool = False) -> None:
        """Show what is going on, unless the line was renewed a moment ago."""
        now = time.monotonic()
        if not self.live or (now - self._shown < _EVERY and not urgent):
            return
        left = "" if self.budget.unlimited else f", {max(0.0, self.budget.left):.0f} s left"
        line = f"autoarch: {what}{left}"
        sys.stderr.write("\r" + line.ljust(self._width))
        sys.stderr.flush()
        self._shown, self._width = now, len(line)

    def trial(self, line: str) -> None:
        """Print a finished trial when every trial is wanted."""
        if self.by_trial:
            sys.stderr.write(f"autoarch: {self.budget.elapsed:6.1f} s  {line}\n")

    def close(self) -> None:
        """Wipe the line."""
        if self.live and self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()


def _somebody_watches() -> bool:
    nested = multiprocessing.parent_process() is not None or threading.current_thread() is not threading.main_thread()
    return not nested and (sys.stderr.isatty() or _in_notebook())


def _in_notebook() -> bool:
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")
