"""End code that does not end by itself: in another thread of this process, wherever Python code runs there.

Code that waits inside the system or a compiled library for ever is left behind as a daemon thread, with the error
waiting for it. A library that holds Python's lock all the while cannot be helped from inside the process.
"""

from __future__ import annotations

import _thread
import contextvars
import ctypes
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_TRIES, _BETWEEN = 10, 0.05  # code that catches everything is told again, so many times, so many seconds apart


class HangError(TimeoutError):
    """A call did not return in time and was ended."""


class StuckError(RuntimeError):
    """A step of this process went on when its time had long been over, and was ended."""

    def __str__(self) -> str:
        return "it did not stop at its deadline"


class _EndedError(BaseException):
    """Raised inside a thread that is to end; no ``except Exception`` holds it up."""


class _SettledError(BaseException):
    """Raised by a thread in itself, so that the interpreter looks for errors of other threads no longer."""


def raise_in(thread_id: int, error: type[BaseException] | None) -> None:
    """Raise an error in a thread, at the next line of Python that it runs; None takes back one that is to come."""
    _set_error(thread_id, error)
    with suppress(RuntimeError):  # no thread can be started
        _thread.start_new_thread(_settle, ())


def _set_error(thread_id: int, error: type[BaseException] | None) -> None:
    value = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), value)


def _settle() -> None:
    """Lower the flag of the process that an error is to come in some thread; a thread that wakes raises its own again.

    Python 3.11 lowers it only where such an error arrives. Raised for good (one was taken back, or its thread waits in
    the system), any function that a debugger or a measurement of coverage follows repeats its first instruction for
    ever. A thread of its own, for signals interrupt the main one, and a bare one, for others may be followed as well.
    """
    try:
        _set_error(_thread.get_ident(), _SettledError)
        for _ in range(_TRIES):  # at whose next turn it arrives
            pass
    except _SettledError:
        pass


def call_within(seconds: float | None, function: Callable[..., Any], *args: Any) -> Any:
    """Call a function that may hang, and end it after so many seconds; None calls it without a limit.

    Raises
    ------
    HangError
        If it did not return in time.
    """
    if seconds is None:
        return function(*args)
    answer: list[Any] = []
    context = contextvars.copy_context()

    def answering() -> None:
        try:
            answer[:] = [context.run(function, *args), None]
        except _EndedError:
            pass
        except BaseException as error:  # SystemExit too, which is the caller's to judge
            answer[:] = [None, error]

    thread = threading.Thread(target=answering, name="autoarch-call", daemon=True)
    thread.start()
    try:
        thread.join(seconds)
    finally:
        _end(thread)
    if not answer:
        raise HangError(f"it did not return within {seconds:.3g} s")
    value, error = answer
    if error is not None:
        raise error
    return value


def _end(thread: threading.Thread) -> None:
    for _ in range(_TRIES):
        if not thread.is_alive() or thread.ident is None:
            return
        raise_in(thread.ident, _EndedError)
        time.sleep(_BETWEEN)
