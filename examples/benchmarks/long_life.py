"""Many fits in one process, and the same fit in several: what grows, and what differs.

    python long_life.py                      # 500 small fits; some ten minutes
    python long_life.py --fits 100
    python long_life.py --repeat             # the same seed in three processes, and with one and two threads

Printed are tables in Markdown. The first: resident memory, threads and open files after so many fits, and the growth
since the first 50 fits. The second: for each data set whether the predictions of three processes are the same to the
last bit, whether one and two threads fit the same candidates, and by how much their predictions differ.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

SHOWN = 50  # fits between two rows of the table; after the first so many nothing should grow
PROCESSES = 3


def data(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Small sets: a table of labels, one of numbers, grids, and a table large enough for two threads."""
    rng = np.random.default_rng(0)
    n, shape = {"labels": (80, (5,)), "numbers": (80, (5,)), "grids": (60, (6, 6)), "large": (30_000, (30,))}[name]
    X = rng.normal(size=(n, *shape)).astype(np.float32)
    flat = X.reshape(n, -1)
    level = flat[:, 0] + flat[:, 1] * flat[:, 2] + 0.3 * rng.normal(size=n)
    return X, level if name == "numbers" else (level > 0).astype(int)


def fitted(name: str, n_trials: int) -> Any:
    """A search without a clock."""
    from autoarch import AutoArchClassifier, AutoArchRegressor

    X, y = data(name)
    kind = AutoArchRegressor if name == "numbers" else AutoArchClassifier
    return kind(time_budget=None, n_trials=n_trials, random_state=0, verbose=0).fit(X, y)


def state() -> tuple[float, int, int]:
    """Resident memory in MB without what the C library keeps for later, threads, and open files of this process."""
    gc.collect()
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "malloc_trim"):
        library.malloc_trim(0)
    facts = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(facts["VmRSS"].split()[0]) / 1024, int(facts["Threads"]), len(os.listdir("/proc/self/fd"))


def live(n_fits: int) -> None:
    """Fit again and again, and print what the process holds."""
    print("| fits | memory, MB | since 50 fits | threads | open files |\n| --- | --- | --- | --- | --- |")
    names, settled = ("labels", "numbers", "grids"), 0.0
    for fit in range(1, n_fits + 1):
        name = names[fit % len(names)]
        fitted(name, 3).predict(data(name)[0])
        if fit % SHOWN == 0:
            memory, threads, files = state()
            settled = settled or memory
            print(f"| {fit} | {memory:.1f} | {memory / settled - 1:+.1%} | {threads} | {files} |", flush=True)


def repeated(name: str) -> dict[str, Any]:
    """Candidates and predictions of one fit."""
    model = fitted(name, 6)
    method = "predict_proba" if hasattr(model, "predict_proba") else "predict"
    answers = getattr(model, method)(data(name)[0])
    params = [sorted(one.items()) for one in model.leaderboard_.sort_values("family")["params"]]
    return {"candidates": sorted(json.dumps(one, default=str) for one in params), "answers": answers.tolist()}


def compare(names: Sequence[str]) -> None:
    """Fit the same in several processes and print whether they agree."""
    print("| data | three processes | candidates with one and two threads | largest difference |")
    print("| --- | --- | --- | --- |")
    for name in names:
        runs = [_in_process(name, 1) for _ in range(PROCESSES)]
        other = _in_process(name, 2)
        same = all(run == runs[0] for run in runs)
        alike = runs[0]["candidates"] == other["candidates"]
        difference = np.abs(np.array(runs[0]["answers"]) - np.array(other["answers"])).max()
        words = "identical" if same else "differ", "the same" if alike else "differ"
        print(f"| {name} | {words[0]} | {words[1]} | {difference:.1e} |", flush=True)


def _in_process(name: str, threads: int) -> dict[str, Any]:
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    command = [sys.executable, __file__, "--one", name]
    done = subprocess.run(command, env={**os.environ, **limits}, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Choose what to measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fits", type=int, default=500)
    parser.add_argument("--repeat", nargs="*", metavar="DATA", help="all of labels, numbers, grids, large, or some")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(repeated(arguments.one)))
    elif arguments.repeat is not None:
        compare(arguments.repeat or ["labels", "numbers", "grids", "large"])
    else:
        live(arguments.fits)


if __name__ == "__main__":
    main()
