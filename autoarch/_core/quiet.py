"""Keep the libraries below from talking to the user and from fighting over cores; leave their settings as they were."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

import numpy as np

from autoarch._core.threads import uninterrupted
from autoarch.exceptions import AutoArchWarning

P = ParamSpec("P")
T = TypeVar("T")
_BETWEEN = (__name__.partition(".")[0], "sklearn", "contextlib")  # packages whose lines no user can change
_TALKATIVE = ("optuna", "lightgbm", "skorch")
# Read when torch is first imported and when a worker starts. Threads that wait by spinning for long cost nothing on an
# idle machine and everything on a busy one (with another process on one of two cores a small net trained 3 to 30 times
# slower); threads that never spin cost up to 3 times on an idle one. A thousand rounds come within a fifth of both.
_ENVIRONMENT = {"PYTHONWARNINGS": "ignore", "GOMP_SPINCOUNT": "1000"}
_SET_BY_TORCH = ("TORCHINDUCTOR_", "TRITON_")  # variables that its first optimizer leaves in the environment


_lock = threading.Lock()
_depth = _calls = 0
_outermost, _outermost_call = ExitStack(), ExitStack()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()  # another thread of the parent may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def warn_user(message: str, category: type[Warning] = AutoArchWarning) -> None:
    """Issue a warning at the first line that led here from outside of this package and of scikit-learn."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _BETWEEN:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


@contextmanager
def quiet(*libraries: str) -> Iterator[None]:
    """Silence warnings and the loggers of the stack inside the block, also in workers that start there.

    ``libraries`` are imported before: one that sets up its logger while being imported would undo the silence.

    Warning filters are the whole process's, so overlapping blocks in several threads share one change: the first one
    to come makes it, the last one to leave takes it back.
    """
    global _depth
    for library in libraries:
        importlib.import_module(library)
    entered = False
    try:
        with uninterrupted(), _lock:
            if _depth == 0:
                _outermost.enter_context(_silence())
            _depth += 1
            entered = True
        with np.errstate(all="ignore"):
            yield
    finally:
        with uninterrupted(), _lock:
            _depth -= entered
            if entered and _depth == 0:
                _outermost.close()


def filters_kept(call: Callable[P, T]) -> Callable[P, T]:
    """Decorate a public call, so that warning filters are what they were when the last of those in all threads ends.

    scikit-learn, pandas and numpy change them for moments. Threads that do so at the same time take each other's
    changes for what was there before, and leave them.
    """

    @wraps(call)
    def kept(*args: P.args, **kwargs: P.kwargs) -> T:
        global _calls
        entered = False
        try:
            with uninterrupted(), _lock:
                if _calls == 0:
                    _outermost_call.enter_context(warnings.catch_warnings())
                _calls += 1
                entered = True
            return call(*args, **kwargs)
        finally:
            with uninterrupted(), _lock:
                _calls -= entered
                if entered and _calls == 0:
                    _outermost_call.close()

    return kept


@contextmanager
def _silence() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    levels = [logger.level for logger in loggers]
    unset = {key: value for key, value in _ENVIRONMENT.items() if key not in os.environ}
    known = set(os.environ)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.environ.update(unset)
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
            for key in set(os.environ) - known:
                if key in unset or key.startswith(_SET_BY_TORCH):
                    os.environ.pop(key, None)


@contextmanager
def global_random_state_kept() -> Iterator[None]:
    """Give numpy's global random state back as it was: the user's own splitters may draw from it."""
    state = np.random.get_state()  # noqa: NPY002 - the state in question is the legacy one
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
