"""Tell what a search is doing: to Python's logging, to people who watch, and to scikit-learn's callbacks."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import sys
import threading
import warnings
from collections.abc import Mapping
from typing import Any

from autoarch._core.callbacks import FitTasks
from autoarch._core.clock import Budget

_EVERY = 1.0  # seconds between two drawings of the bar
_WIDTH = 12  # characters of the bar in a terminal; the rest of the line is for words

_log = logging.getLogger(__name__.partition(".")[0])
_log.addHandler(logging.NullHandler())  # else Python prints the warnings of a logger that nobody has set up


class Progress:
    """Take the events of a search, one method each.

    All of them become records of the logger ``autoarch``, with the facts as attributes. ``verbose=1`` shows one line
    with a bar to people only: in a terminal or a notebook, and not from inside another search or a worker.
    ``verbose=2`` prints a line for each finished step wherever it runs.

    A thread of its own draws the line, so that it also ticks while a long step runs and no step waits for a terminal.
    It starts with the first event and ends in ``close``.
    """

    def __init__(self, verbose: int, budget: Budget, tasks: FitTasks | None = None):
        self.budget = budget
        self.tasks = tasks
        self.by_step = verbose >= 2
        self.live = verbose == 1 and _somebody_watches()
        self._doing = self._best = ""
        self._bar: Any = None
        self._ended = threading.Event()
        self._ticker: threading.Thread | None = None
        if self.live:
            _tqdm()  # before Optuna imports it without silencing it

    @property
    def stop_requested(self) -> bool:
        """Return whether one of scikit-learn's callbacks wants the search to end."""
        return self.tasks is not None and self.tasks.stop_requested

    def say(self, what: str) -> None:
        """Show what is going on."""
        self._record(logging.DEBUG, "activity", what)
        self._show(what)

    def event(self, message: str) -> None:
        """Tell whatever has no method of its own."""
        self._record(logging.INFO, "event", message)
        self._print(message)

    def begin_step(self, family: str, params: Mapping[str, Any], split: int, n_splits: int) -> None:
        """Tell that a candidate begins with a split; splits count from 1."""
        facts = {"family": family, "params": dict(params), "split": split, "n_splits": n_splits}
        self._record(logging.DEBUG, "step_begins", f"{named(family, params)}: split {split} of {n_splits}", **facts)
        if self.tasks is not None:
            self.tasks.begin(family, params, split, n_splits)
        self._show(f"{family}, split {split} of {n_splits}")

    def end_step(
        self, family: str, params: Mapping[str, Any], split: int, n_splits: int, score: float, seconds: float
    ) -> None:
        """Tell the score of a candidate on a split."""
        facts = {"family": family, "params": dict(params), "split": split, "n_splits": n_splits}
        message = f"{named(family, params)}: {score:.5g} (split {split} of {n_splits}), {seconds:.1f} s"
        self._record(logging.INFO, "step_ends", message, **facts, score=score, seconds=seconds)
        self._print(message)
        if self.tasks is not None:
            self.tasks.end(family, params, split)

    def fail(self, family: str, params: Mapping[str, Any], reason: str) -> None:
        """Tell that a candidate is broken."""
        self._leave(logging.WARNING, "failed", family, params, reason)

    def pause(self, family: str, params: Mapping[str, Any], reason: str) -> None:
        """Tell that a candidate is set aside, maybe for later."""
        self._leave(logging.INFO, "paused", family, params, reason)

    def best(self, family: str, score: float) -> None:
        """Tell that there is a new best candidate."""
        self._record(logging.INFO, "best", f"best so far: {family}, {score:.5g}", family=family, score=score)
        self._best = f"best {score:.4g} ({family})"

    def tick(self) -> None:
        """Draw the bar with the time of now."""
        if self._ended.is_set() or self._bar is None:
            return
        done, total, clock = self._spent()
        try:
            self._bar.n, self._bar.total = done, total
            self._bar.set_description_str(" | ".join(filter(None, (clock, self._best, self._doing))), refresh=False)
            with self._bar.get_lock():  # tqdm's own way keeps the lock when drawing fails
                self._bar.refresh(nolock=True)
        except Exception:  # a closed stream, a lost widget: no reason to end a search
            self._ended.set()

    def close(self) -> None:
        """End the line and wipe it; nothing is shown any more."""
        self._ended.set()
        if self._ticker is not None:
            self._ticker.join()
        if self._bar is not None:
            with contextlib.suppress(Exception):  # see tick
                self._bar.total = self._bar.n  # a notebook paints the bar red where it is not full
                self._bar.close()
        self._ticker = self._bar = None

    def _leave(self, level: int, event: str, family: str, params: Mapping[str, Any], reason: str) -> None:
        message = f"{named(family, params)}: {event}: {reason}"
        self._record(level, event, message, family=family, params=dict(params), reason=reason)
        self._print(message)
        if self.tasks is not None:
            self.tasks.end(family, params)

    def _record(self, level: int, event: str, message: str, **facts: Any) -> None:
        _log.log(level, message, extra={"event": event, **facts}, stacklevel=3)

    def _print(self, message: str) -> None:
        if self.by_step and sys.stderr is not None:
            sys.stderr.write(f"autoarch: {self.budget.elapsed:6.1f} s  {message}\n")

    def _show(self, what: str) -> None:
        self._doing = what
        if self.live and self._ticker is None and not self._ended.is_set():
            try:
                self._bar = _new_bar(self._spent()[1])
            except Exception:  # see tick
                self.live = False
                return
            self._ticker = threading.Thread(target=self._keep_ticking, name="autoarch-progress", daemon=True)
            self._ticker.start()

    def _keep_ticking(self) -> None:
        self.tick()
        while not self._ended.wait(_EVERY):
            self.tick()

    def _spent(self) -> tuple[float, float | None, str]:
        """Return what is spent of what there is, for the bar and in words."""
        budget, elapsed = self.budget, self.budget.elapsed
        if budget.seconds is not None:
            return min(elapsed, budget.seconds), budget.seconds, f"{elapsed:.0f} of {budget.seconds:.0f} s"
        if budget.n_trials is not None:
            words = f"candidate {budget.n_asked} of {budget.n_trials}, {elapsed:.0f} s"
            return min(budget.n_asked, budget.n_trials), budget.n_trials, words
        return elapsed, None, f"{elapsed:.0f} s"


def named(family: str, params: Mapping[str, Any]) -> str:
    """Name a candidate by its family and its parameters."""
    return " ".join([family, *(f"{name}={_short(value)}" for name, value in params.items())])


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _tqdm() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tqdm warns where a notebook has no ipywidgets, and writes text there
        from tqdm.auto import tqdm
    return tqdm


def _new_bar(total: float | None) -> Any:
    tqdm = _tqdm()

    class Bar(tqdm):  # type: ignore[misc, valid-type]  # known at run time only
        monitor_interval = 0  # else tqdm starts a thread of its own, for bars that nobody refreshes

    widget = any(base.__module__ == "tqdm.notebook" for base in tqdm.__mro__)
    bar = "" if total is None else "{bar}" if widget else f"|{{bar:{_WIDTH}}}|"
    return Bar(total=total, bar_format=f"autoarch {bar} {{desc}}", leave=False, dynamic_ncols=True, file=sys.stderr)


def _somebody_watches() -> bool:
    nested = multiprocessing.parent_process() is not None or threading.current_thread() is not threading.main_thread()
    return not nested and ((sys.stderr is not None and sys.stderr.isatty()) or _in_notebook())


def _in_notebook() -> bool:
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")
