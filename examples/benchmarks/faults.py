"""Inject faults into `fit`, one at a time, and print the seconds that it takes and what is left over.

    python faults.py                       # all of them, some 20 minutes; a table in Markdown
    python faults.py --budget 10 "hang in fit" "Ctrl-C"   # those whose names hold these words

Each fault runs in a fresh process. Wanted: `fit` ends within 1.1 times its budget plus 5 s, with an estimator that can
be used or one error that names the reasons, and 10 s after its end no process, thread or file of it is left.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from autoarch import AutoArchClassifier
from autoarch.exceptions import AutoArchError
from autoarch.families import Family

MARK = "AUTOARCH_FAULT"  # variable by which the processes of one fault are known
X, y = load_iris(return_X_y=True)
ROWS = len(X)


def error() -> None:
    """Raise one."""
    raise ValueError("injected")


def loop() -> None:
    """Hang in Python."""
    while True:
        pass


def sleep() -> None:
    """Hang in the system."""
    time.sleep(1e6)


def die() -> None:
    """Leave without a word."""
    os._exit(3)


def killed() -> None:
    """Be killed."""
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> None:
    """Leave as scripts do."""
    sys.exit(3)


def no_memory() -> None:
    """Run out of memory."""
    raise MemoryError


class Model(LogisticRegression):
    """A model whose predictions are what ``wrong`` makes of them."""

    def __init__(self, wrong: Callable | None = None):
        super().__init__()
        self.wrong = wrong

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """As logistic regression, or wrong."""
        proba = super().predict_proba(X)
        return proba if self.wrong is None else self.wrong(proba)


class Faulty(Family):
    """A family that does ``fault`` in ``where``."""

    name = "faulty"

    def __init__(self, where: str, fault: Callable):
        self.where, self.fault = where, fault

    def _maybe(self, where: str) -> None:
        if where == self.where:
            self.fault()

    def unfit_for(self, problem):
        """Ask, or break."""
        self._maybe("unfit_for")
        return super().unfit_for(problem)

    def defaults(self, problem):
        """One, or break."""
        self._maybe("defaults")
        return [{"strength": 1.0}]

    def suggest(self, trial, problem):
        """Sample, or break."""
        self._maybe("suggest")
        return {"strength": trial.suggest_float("faulty.strength", 0.1, 10.0)}

    def build(self, params, problem, seed):
        """Build, or break."""
        self._maybe("build")
        return [("model", Model(self._wrong if self.where == "predict" else None))]

    def fit(self, model, X, y, **how):
        """Fit, or break."""
        if self.where == "refit" and len(X) == ROWS:
            self.fault()
        self._maybe("fit")
        return model.fit(X, y)

    def _wrong(self, proba):
        return self.fault(proba) if self.fault in (with_nan, with_shape) else self.fault()


def with_nan(proba: np.ndarray) -> np.ndarray:
    """Predict nothing."""
    return np.full_like(proba, np.nan)


def with_shape(proba: np.ndarray) -> np.ndarray:
    """Predict too few rows."""
    return proba[:-1]


def fitted(budget: float, **changes) -> AutoArchClassifier:
    """An estimator that was fitted within the budget."""
    settings = {"time_budget": budget, "random_state": 0, "verbose": 0, "families": ["linear", "tree"]}
    return AutoArchClassifier(**{**settings, **changes}).fit(X, y)


FAULTS: dict[str, Callable[[float], object]] = {}


def _of_families() -> Iterator[tuple[str, Callable[[float], object]]]:
    kinds = {"error": error, "SystemExit": leave, "MemoryError": no_memory, "hang in a loop": loop, "hang": sleep}
    there = {"os._exit": die, "kill -9": killed}
    predictions = {"NaN": with_nan, "wrong shape": with_shape}
    for where in ("unfit_for", "defaults", "suggest", "build", "fit", "predict", "refit"):
        own = where in ("unfit_for", "defaults", "suggest")
        found = kinds | ({} if own else there) | (predictions if where == "predict" else {})
        for kind, fault in found.items():
            for n_jobs in (None,) if own or where == "build" else (None, 2):
                families = [Faulty(where, fault)] if where == "refit" else [Faulty(where, fault), "linear", "tree"]
                name = f"{kind} in {where} of a family" + (f", n_jobs={n_jobs}" if n_jobs else "")
                yield name, lambda b, f=families, n=n_jobs: fitted(b, families=f, n_jobs=n)


def _patched(target: str, fault: Callable, **changes) -> Callable[[float], object]:
    def run(budget: float) -> object:
        from unittest.mock import patch

        with patch(target, side_effect=lambda *args, **kwargs: fault()):
            return fitted(budget, **changes)

    return run


def _mine(budget: float, **changes) -> object:
    return fitted(budget, families=[Faulty("nowhere", error), "linear"], **changes)


def _without_processes(budget: float) -> object:
    sys.executable = "/bin/false"
    return _mine(budget)


def _full_disk(budget: float) -> object:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    return _mine(budget)


def _jumping_clock(budget: float) -> object:
    from unittest.mock import patch

    real, rng = time.time, np.random.default_rng(0)
    with patch("time.time", lambda: real() + rng.normal(0, 1e5)):
        return _mine(budget)


def _in_thread(budget: float, n: int = 1) -> object:
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(_mine(budget))) for _ in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found[-1] if len(found) == n else None


def _in_joblib(backend: str) -> Callable[[float], object]:
    def run(budget: float) -> object:
        import joblib
        from joblib.externals.loky import get_reusable_executor

        found = joblib.Parallel(n_jobs=2, backend=backend)(joblib.delayed(_mine)(budget) for _ in range(2))
        get_reusable_executor().shutdown(wait=True)
        return found[-1]

    return run


def _in_pool(method: str) -> Callable[[float], object]:
    def run(budget: float) -> object:
        import multiprocessing

        fitted(budget)  # a forked child inherits what a fit has left in the process
        with multiprocessing.get_context(method).Pool(1) as pool:
            return pool.apply(_mine, (budget,))

    return run


def _in_loop(budget: float) -> object:
    import asyncio

    async def run() -> object:
        return _mine(budget)

    return asyncio.run(run())


def _in_fork(family: str) -> Callable[[float], object]:
    def run(budget: float) -> object:
        found = fitted(budget, families=[family], layout=(2, 2) if family in ("cnn", "kernels") else None)
        found.predict(X)
        child = os.fork()
        if child == 0:
            os._exit(0 if (found.predict(X) == y).mean() > 0.5 else 1)
        return found if os.waitpid(child, 0)[1] == 0 else None

    return run


def _too_large(budget: float) -> object:
    greedy = Faulty("fit", lambda: [np.ones(10**6) for _ in range(10**6)])
    return fitted(budget, families=["linear", greedy], memory_limit=5e8)


FAULTS |= dict(_of_families())
for kind, fault in {"error": error, "MemoryError": no_memory}.items():
    FAULTS[f"{kind} in the probe"] = _patched("autoarch._search.run.measure", fault)
    FAULTS[f"{kind} in every fit"] = _patched("autoarch._search.evaluate.fit_steps", fault)
    FAULTS[f"{kind} in the refit"] = _patched("autoarch._search.whole.fit_whole", fault, families=["linear"])
FAULTS |= {
    "no process can be started": _without_processes,
    "full disk": _full_disk,
    "clock that jumps": _jumping_clock,
    "in a thread": _in_thread,
    "two fits at once": lambda budget: _in_thread(budget, 2),
    "inside joblib, threads": _in_joblib("threading"),
    "inside joblib, processes": _in_joblib("loky"),
    "inside a forked pool": _in_pool("fork"),
    "inside a spawned pool": _in_pool("spawn"),
    "inside an event loop": _in_loop,
    "more memory than memory_limit": _too_large,
    **{f"predict in a forked child, {name}": _in_fork(name) for name in ("linear", "tree", "mlp", "cnn", "kernels")},
}
PLACES = {  # of a fit without another fault
    "no HOME": {"HOME": None},
    "HOME that is missing": {"HOME": "/nonexistent"},
    "TMPDIR that is missing": {"TMPDIR": "/nonexistent"},
    "TMPDIR that cannot be written": {"TMPDIR": "/proc"},
}
SIGNALS: dict[str, tuple[int, tuple[float, ...], int | None]] = {}  # signal, seconds after the beginning, n_jobs
for n_jobs in (None, 2):
    also = f", n_jobs={n_jobs}"
    for after in (0.2, 0.6, 1.0, 2.0, 4.0):
        SIGNALS[f"Ctrl-C after {after:g} s{also}"] = signal.SIGINT, (after,), n_jobs
    SIGNALS[f"Ctrl-C twice{also}"] = signal.SIGINT, (4.0, 0.1), n_jobs
    SIGNALS[f"Ctrl-C while refitting{also}"] = signal.SIGINT, (), n_jobs
    SIGNALS[f"SIGTERM{also}"] = signal.SIGTERM, (4.0,), n_jobs
    SIGNALS[f"kill -9 of the parent{also}"] = signal.SIGKILL, (4.0,), n_jobs


def child(name: str, budget: float) -> None:
    """Run one fault, and print what came of it and when."""
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which shells turn off in the background
    began = time.monotonic()
    print("begins", flush=True)
    found: object = None
    try:
        if name in FAULTS:
            found = FAULTS[name](budget)
        elif "refitting" in name:
            import autoarch._search.ensemble as module

            real = module.fit_members
            module.fit_members = lambda *args: (signal.raise_signal(signal.SIGINT), real(*args))[1]
            found = fitted(budget, n_jobs=SIGNALS[name][2])
        else:
            found = _mine(budget, n_jobs=SIGNALS[name][2]) if name in SIGNALS else _mine(budget)
        score = (found.predict(X) == y).mean()
        outcome = f"{found.best_family_}, {found.stopped_by_}" if score > 0.3 else "a useless estimator"
    except (AutoArchError, KeyboardInterrupt) as error:
        outcome = f"{type(error).__name__} {str(error)[:80]}".strip()
    except BaseException as error:
        outcome = f"RAW {type(error).__name__} {str(error)[:80]}"
    seconds = time.monotonic() - began
    time.sleep(1.0)  # in which a pool of threads that was told to end does so
    names = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    print(json.dumps({"seconds": seconds, "outcome": outcome, "threads": names}), flush=True)


def left_over(mark: str) -> list[str]:
    """Processes that carry the mark, but for those that tidy up after joblib and end with their parent."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:60])
        except OSError:
            continue
    return found


def measure(name: str, budget: float) -> dict:
    """Run one fault in a process of its own; send it signals, and look at what is left."""
    mark = f"{os.getpid()}-{time.monotonic()}"
    with tempfile.TemporaryDirectory() as folder:
        changes = {"TMPDIR": folder, MARK: mark, **PLACES.get(name, {})}
        environment = {key: value for key, value in {**os.environ, **changes}.items() if value is not None}
        before = set(os.listdir("/dev/shm"))
        command = [sys.executable, __file__, "--child", name, "--budget", str(budget)]
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True)
        process.stdout.readline()
        number, waits, _ = SIGNALS.get(name, (0, (), None))
        began = time.monotonic()
        for wait in waits:
            time.sleep(wait)
            process.send_signal(number)
        try:
            lines = process.communicate(timeout=4 * budget + 120)[0].splitlines()
        except subprocess.TimeoutExpired:
            process.kill()
            lines = []
        ended = time.monotonic()
        result = json.loads(lines[-1]) if lines else {"seconds": ended - began, "outcome": f"exit {process.returncode}"}
        while (left := left_over(mark)) and time.monotonic() < ended + 10:
            time.sleep(0.2)
        result["gone"] = time.monotonic() - ended
        result["left"] = left + sorted(set(os.listdir("/dev/shm")) - before) + os.listdir(folder)
    return result


def main() -> None:
    """Run the faults that were asked for and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--budget", type=float, default=12.0)
    parser.add_argument("--child")
    asked = parser.parse_args()
    if asked.child:
        child(asked.child, asked.budget)
        return
    print(f"`fit` on iris, `time_budget={asked.budget:g}`\n")
    print("| fault | seconds | came of it | threads left | left 10 s after its end |")
    print("| --- | --- | --- | --- | --- |")
    for name in [*FAULTS, "nothing", *PLACES, *SIGNALS]:
        if not asked.names or any(part in name for part in asked.names):
            found = measure(name, asked.budget)
            threads = ", ".join(found.get("threads", [])) or "nothing"
            left = ", ".join(found["left"]) or f"nothing (gone after {found['gone']:.1f} s)"
            print(f"| {name} | {found['seconds']:.1f} | {found['outcome']} | {threads} | {left} |", flush=True)


if __name__ == "__main__":
    main()
