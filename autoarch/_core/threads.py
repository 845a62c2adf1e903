"""Limit the threads of the numerical libraries inside a block, and give back what was there before.

Two kinds of settings are met. BLAS as numpy and scipy bring it keeps one number for the whole process: while blocks of
several threads are open, the smallest of their limits holds, and the last one to leave restores. OpenMP (boosting,
torch) and MKL keep one number for each thread: each thread's own outermost block saves and restores it.

A limit never raises a number that the user has set lower.

The threads of an OpenMP pool do not survive ``os.fork``, and GNU's OpenMP waits for them for ever. In a forked child of
a process that has used this module, OpenMP therefore has one thread, which needs no pool.

What is set has to be given back whatever happens: ``uninterrupted`` holds back Ctrl-C for that moment.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import joblib
from threadpoolctl import ThreadpoolController

_lock = threading.RLock()  # collecting garbage may close a forgotten block while another one is being opened
_innermost: dict[int, int] = {}  # by thread, the limit of the innermost block that it has open
_of_process: dict[str, int] = {}  # by file, the numbers before the first block of all threads


class _OfThread(threading.local):
    """Hold the limits of the blocks that this thread has open, and its own numbers from before them."""

    def __init__(self) -> None:
        self.limits: tuple[int, ...] = ()
        self.before: dict[str, int] = {}
        self.mkl: int | None = None


_of_thread = _OfThread()


def usable_cores() -> int:
    """Count the cores that this process may use, by its affinity and the quota of its container."""
    return joblib.cpu_count()


@contextmanager
def limited(n: int) -> Iterator[None]:
    """Limit BLAS, OpenMP and, where it is imported, torch to n threads for what the calling thread does inside.

    Blocks nest: the inner limit holds inside, the outer one again after. A library that is loaded inside a block is
    limited from the next block on.
    """
    if n < 1:
        raise ValueError(f"n={n}; expected a number of threads, 1 or more.")
    outer = _of_thread.limits
    try:
        _of_thread.limits = (*outer, n)
        _apply()
        yield
    finally:  # whatever of the above an interrupt has left undone
        with uninterrupted():
            _of_thread.limits = outer
            _apply()


def _apply() -> None:
    """Set all pools to what the open blocks ask for, and to what they were where no block is open."""
    own = _of_thread
    with _lock:
        if own.limits:
            _innermost[threading.get_ident()] = own.limits[-1]
        else:
            _innermost.pop(threading.get_ident(), None)
        if (torch := sys.modules.get("torch")) is not None and hasattr(torch, "get_num_threads"):
            torch.get_num_threads()  # a thread's first call of torch sets its OpenMP, which must not come later
        pools = _pools(len(sys.modules))
        kinds = (
            ([pool for pool in pools if _is_shared(pool)], _of_process, min(_innermost.values(), default=None)),
            ([pool for pool in pools if not _is_shared(pool)], own.before, own.limits[-1] if own.limits else None),
        )
        for members, before, limit in kinds:
            if limit is not None:  # read all before any is set: two of them can be names for one number
                before |= {pool.filepath: pool.get_num_threads() for pool in members if pool.filepath not in before}
            for pool in members:
                if pool.filepath in before:
                    _set(pool, before[pool.filepath] if limit is None else min(limit, before[pool.filepath]))
            if limit is None:
                before.clear()
        _set_mkl_of_torch(own)


def _after_fork() -> None:
    """Leave the forking thread, all that there is in a child, with one thread of OpenMP and locks that nobody holds."""
    global _lock
    _lock = threading.RLock()
    own = _of_thread
    others = [thread for thread in _innermost if thread != threading.get_ident()]
    for thread in others:
        del _innermost[thread]
    for pool in _known[1]:
        if not _is_shared(pool):
            _set(pool, 1)
            if pool.filepath in own.before:
                own.before[pool.filepath] = 1
    if _known[1] and (setter := _mkl_setter() if "torch" in sys.modules else None) is not None:
        setter(1)
        own.mkl = own.mkl and 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

_known: tuple[int, list[Any]] = (-1, [])


def _pools(n_modules: int) -> list[Any]:
    """List the loaded libraries with threads; looking for them takes milliseconds, so only after an import."""
    global _known
    if _known[0] != n_modules:
        _known = n_modules, ThreadpoolController().lib_controllers
    return _known[1]


def _is_shared(pool: Any) -> bool:
    """Tell whether the library keeps one number for all threads of the process."""
    if pool.user_api == "openmp":
        return pool.prefix == "vcomp"
    return pool.internal_api != "mkl" and getattr(pool, "threading_layer", None) != "openmp"


def _set(pool: Any, n: int) -> None:
    """Set a number; newer versions of threadpoolctl let only one thread do so until it gives up the control."""
    give_up = getattr(pool, "clear_controlling_thread", None)
    if give_up is not None:
        give_up(force=True)
    pool.set_num_threads(n)
    if give_up is not None:
        give_up(force=True)


def _set_mkl_of_torch(own: _OfThread) -> None:
    """Limit the MKL inside torch, which follows OpenMP only until somebody calls ``torch.set_num_threads``."""
    setter = _mkl_setter() if "torch" in sys.modules else None
    if setter is None:
        return
    if own.limits:
        if own.mkl is None:
            own.mkl = setter(own.limits[-1])
        setter(min(own.limits[-1], own.mkl) if own.mkl else 0)  # 0: it follows OpenMP
    elif own.mkl is not None:
        setter(own.mkl)
        own.mkl = None


@cache
def _mkl_setter() -> Callable[[int], int] | None:
    """MKL's function that sets the number of the calling thread and returns the one before, where torch exports it."""
    for path in Path(sys.modules["torch"].__file__ or "").parent.glob("lib/*torch_cpu.*"):
        library = ctypes.CDLL(str(path), mode=getattr(os, "RTLD_NOLOAD", ctypes.DEFAULT_MODE))
        return getattr(library, "MKL_Set_Num_Threads_Local", None)
    return None


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let an interrupt of the user come after the block, not inside it; the handler stays the one that was set."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    came: list[tuple[Any, ...]] = []
    signal.signal(signal.SIGINT, lambda *told: came.append(told))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            handler(*came[0])
