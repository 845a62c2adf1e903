"""Measure what this machine gives at this moment, and decide how many threads pay for a piece of work.

Processor time over wall time of the process is no measure of either: threads that wait for each other by spinning count
as working. So a fixed kernel on one thread is timed, and one product of matrices on one thread and on all.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Literal

import numpy as np

from autoarch._core.threads import limited, usable_cores

Work = Literal["boosting", "convolutions", "dense net", "algebra", "prediction"]

# Values for each thread from which another one pays, found on two idle cores. Below, threads wait for each other longer
# than they work, also on an idle machine.
_VALUES_PER_THREAD: dict[Work, int] = {
    "boosting": 100_000,  # rows x columns: two threads gain 0.4 at 2,500, 0.9 at 50,000, 1.05 at 100,000, 1.7 at 10**6
    "convolutions": 8_000,  # cells of a batch: 1.3 at 16,000
    "dense net": 200_000,  # cells of a batch: 0.3 at 1,300, 0.6 at 5,000
    "algebra": 2_000_000,  # multiplications: 0.95 at 900,000, 1.9 at 7,000,000
    "prediction": 50_000,  # rows x columns
}
_LEAST_SHARE = 0.85  # of one core; below, others wait for our cores, and every thread would wait for the slowest
_LEAST_GAIN = 1.25  # of all threads over one; with less, one thread takes as long and leaves the cores to others
_KERNEL_PASSES, _KERNEL_RUNS, _KERNEL_SECONDS = 4_000, 5, 0.1  # some 10 ms each
_SIDE, _PRODUCTS, _TURNS = 256, 4, 7  # of the matrices: some 3 ms a turn
_MOST_SECONDS = 0.1  # of these turns: threads that wait for each other have said enough by then
_FRESH_SECONDS = 5.0  # for which a measured gain is relied on

_measured: tuple[int, float, float] = (0, 0.0, 1.0)  # threads, when, gain
_best_kernel = float("inf")  # processor seconds of the quickest run of the kernel so far in this process


def share_of_core() -> float:
    """Measure the share of an idle core that one thread gets at this moment, in (0, 1]; takes 0.1 s, more if busy.

    The wall time of a fixed kernel is compared with the least processor time that it has ever taken in this process. So
    waiting for a core counts, and so does a core that has become slower since (by heat, or by its second hyperthread).
    """
    global _best_kernel
    values = np.linspace(0.1, 1.0, 4096)  # fits into the innermost cache
    out = np.empty_like(values)
    _kernel(values, out, _KERNEL_PASSES // 10)
    walls: list[float] = []
    while len(walls) < _KERNEL_RUNS or sum(walls) < _KERNEL_SECONDS:
        wall, own = time.perf_counter(), time.thread_time()
        _kernel(values, out, _KERNEL_PASSES)
        own = time.thread_time() - own
        walls.append(time.perf_counter() - wall)
        if own > 0:
            _best_kernel = min(_best_kernel, own)
    return min(1.0, _best_kernel / median(walls))


def _kernel(values: np.ndarray, out: np.ndarray, passes: int) -> None:
    for _ in range(passes):
        np.multiply(values, values, out=out)
        np.add(out, values, out=out)


def gain_of_threads(n: int) -> float:
    """Measure by what factor n threads of BLAS are faster at this moment than one is; takes 20 ms, 0.1 s if busy."""
    matrix = np.random.default_rng(0).normal(size=(_SIDE, _SIDE))
    out = np.empty_like(matrix)
    seconds: dict[int, list[float]] = {1: [], n: []}
    started = time.perf_counter()
    for turn in range(_TURNS + 1):
        for threads, taken in seconds.items():
            with limited(threads):
                began = time.perf_counter()
                for _ in range(_PRODUCTS if turn else 1):  # the first ones only wake the threads
                    np.matmul(matrix, matrix, out=out)
                taken.append(time.perf_counter() - began)
        if turn and time.perf_counter() - started > _MOST_SECONDS:
            break
    return median(seconds[1][1:]) / median(seconds[n][1:])


def threads_by_size(work: Work, values: int) -> int:
    """Count the threads that pay on an idle machine for work on so many values; the same at every call."""
    return max(1, min(usable_cores(), values // _VALUES_PER_THREAD[work]))


def threads_that_pay(work: Work, values: int, share: float | None = None) -> int:
    """Decide how many threads pay at this moment: one, or as many as the work is large enough for.

    Parameters
    ----------
    work : {"boosting", "convolutions", "dense net", "algebra", "prediction"}
        Kind of the work.
    values : int
        Its size: rows x columns for boosting and predictions, the cells of a batch for nets, multiplications for
        algebra.
    share : float or None, default=None
        What ``share_of_core`` has just measured; None relies on the product of matrices alone.

    Returns
    -------
    int
        Pass it to ``limited``.
    """
    n = threads_by_size(work, values)
    if n == 1 or (share is not None and share < _LEAST_SHARE):
        return 1
    return n if _recent_gain(n) >= _LEAST_GAIN else 1


def threads_of_training(cells: int, time_budget: float | None) -> int:
    """Decide for convolutional nets on batches of so many cells; without a budget, nothing depends on measurements."""
    decide = threads_by_size if time_budget is None else threads_that_pay
    return decide("convolutions", cells)


def _recent_gain(n: int) -> float:
    """Take the gain of n threads that was measured a moment ago, so that many calls in a row measure once."""
    global _measured
    known, when, gain = _measured
    if known != n or time.monotonic() - when > _FRESH_SECONDS:
        gain = gain_of_threads(n)
        _measured = n, time.monotonic(), gain
    return gain
