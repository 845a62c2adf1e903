"""Short budgets on busy cores: autoarch beside simple models under the same load, and whether the clock is kept.

    python busy.py --data DIR                        # twelve sets, 3 to 60 s, beside b = 0, 1, 2 busy processes
    python busy.py --data DIR --sets digits8x8 credit_g --budgets 5 20 --busy 0 2
    python busy.py --report-only --busy 4            # the tables, from the results

Every run is a process of its own on the same cores as the busy ones, which are started before it and ended after it.
Runs that the results file has already are not repeated. Simple models know no budget, and load changes nothing of them
but their seconds: they run alone, and have a file of their own (``--rivals``), which serves several versions of
autoarch. A fit is ended after three budgets. Run it on a machine that does nothing else: ``others`` of a row is the
share of the cores that was taken before it began.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from busy_tables import admitted, show
from ledger import Ledger
from rivals import SYSTEMS as RIVALS
from run import THREADS, run
from tasks import names

SETS = (  # three images, three matrices with locality, three wide tables, three tables, two of them with places
    "digits8x8",
    "mnist5k",
    "texture_patches",
    "letter_sounds",
    "japanese_vowels",
    "landsat_patches",
    "mdrr_descriptors",
    "thrombin_ecfp",
    "bfi_survey",
    "credit_g",
    "california_housing",
    "storm_status",
)
BUDGETS = (3.0, 5.0, 10.0, 20.0, 60.0)
RIVAL_LIMIT = 60.0  # seconds alone, the longest budget; three times as many beside busy processes

LOOP = """
import os, sys
import numpy as np
parent, matrix = int(sys.argv[1]), np.ones((200, 200))
print("ready", flush=True)
while os.getppid() == parent:  # where the benchmark was killed, nobody else ends this
    if sys.argv[2] == "python":
        sum(k * k for k in range(300_000))
    else:
        for _ in range(50):
            matrix @ matrix
"""


def main(argv: list[str] | None = None) -> int:
    """Run what is missing in the results files, then print the tables."""
    arguments = _parse(argv)
    ledger, rivals = Ledger(arguments.out), Ledger(arguments.rivals)
    if not arguments.report_only:
        for number in (signal.SIGINT, signal.SIGTERM):  # as an error, in the background too, so that all is ended
            signal.signal(number, lambda number, _: sys.exit(128 + number))
        _pin(arguments.cores)
        measure(arguments, ledger, rivals)
    same = {"cores": arguments.cores, "rows": arguments.rows}
    rows = [row for row in [*ledger.rows, *rivals.rows] if all(row[name] == value for name, value in same.items())]
    asked = {"data": arguments.sets, "budget": arguments.budgets, "busy": arguments.busy, "seed": arguments.seeds}
    ours = [
        row
        for row in rows
        if row["system"] == "autoarch" and all(not values or row[name] in values for name, values in asked.items())
    ]
    print(show(ours, [row for row in rows if row["system"] in RIVALS]))
    return 0


def measure(arguments: argparse.Namespace, ledger: Ledger, rivals: Ledger) -> None:
    """Run each rival alone and autoarch in every cell, and, where asked, the rivals that count under load as well."""
    folders = [Path(folder).resolve() for folder in arguments.data]
    here = names(folders)
    common = {"cores": arguments.cores, "rows": arguments.rows}
    for name in arguments.sets or [name for name in SETS if name in here] or here:
        for seed in arguments.seeds:
            case = {"data": name, "seed": seed, **common}
            alone = {rival: _recorded(rivals, {"system": rival, "busy": 0, **case}, folders) for rival in RIVALS}
            counted = [rival for rival in RIVALS if any(admitted(alone[rival], s) for s in arguments.budgets)]
            for busy in arguments.busy:
                for rival in counted if arguments.rivals_under_load else []:
                    _recorded(rivals, {"system": rival, "busy": busy, **case}, folders)
                for budget in arguments.budgets:
                    _recorded(ledger, {"system": "autoarch", "budget": budget, "busy": busy, **case}, folders)


def _recorded(ledger: Ledger, key: dict[str, Any], folders: list[Path]) -> dict[str, Any]:
    """Return the row of a run from the file, or run it."""
    found = ledger.find(**key)
    if found is not None:
        return found
    job = key | {"folders": [str(folder) for folder in folders], "python": sys.executable, "losses": True}
    if key["system"] == "autoarch":
        job |= {"limit": 3 * key["budget"], "imports": ["autoarch.estimators"]}
    else:
        job |= {"limit": RIVAL_LIMIT if key["busy"] == 0 else 3 * RIVAL_LIMIT, "budget": None}
    others = taken()
    with busy_processes(key["busy"]):
        row = key | {"others": others} | run(job)
    ledger.add(row)
    label = f"{key['system']} {key.get('budget', '')} b={key['busy']} {key['data']} seed {key['seed']}"
    result = f"{row['score']:.4f}" if "score" in row else row["reason"]
    print(f"{label}: {row['status']} {result} in {row.get('fit_seconds', '?')} s", flush=True)
    return row


@contextmanager
def busy_processes(number: int) -> Iterator[None]:
    """Keep as many processes busy, on the cores of this one: plain Python and products of matrices by turns."""
    environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
    processes = []
    try:
        for which in range(number):
            command = [sys.executable, "-c", LOOP, str(os.getpid()), ("python", "numpy")[which % 2]]
            options = {"env": environment, "stdout": subprocess.PIPE, "start_new_session": True}
            processes.append(subprocess.Popen(command, **options))
        for process in processes:
            if not process.stdout.readline():
                raise RuntimeError("A busy process ended at its start.")
        yield
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
            process.stdout.close()


def taken(seconds: float = 0.3) -> float | None:
    """Share of the cores of this process that is in use now, where the system can tell."""
    if not Path("/proc/stat").is_file():
        return None
    before = _ticks()
    time.sleep(seconds)
    spent = _ticks() - before
    return round(float(1 - spent[3:5].sum() / max(spent.sum(), 1)), 2)  # idle, and waiting for the disk


def _ticks() -> np.ndarray:
    """Ticks that the cores of this process have spent so far in each of their states."""
    lines = (line.split() for line in Path("/proc/stat").read_text(encoding="utf-8").splitlines())
    mine = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    return np.sum([[int(ticks) for ticks in line[1:9]] for line in lines if line[0] in mine], axis=0)


def _pin(cores: int) -> None:
    """Keep this process, and all that it starts, to the first ``cores`` of its cores."""
    if not hasattr(os, "sched_setaffinity"):
        raise SystemExit("This system cannot pin processes to cores, so busy ones would not be in the way.")
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) < cores:
        raise SystemExit(f"--cores {cores}: this process may use {len(mine)}.")
    os.sched_setaffinity(0, mine[:cores])


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=[], metavar="DIR", help="folders of .npz and .parquet files")
    parser.add_argument("--sets", nargs="+", help="data sets (default: twelve development sets, or all there are)")
    parser.add_argument("--budgets", type=float, nargs="+", default=list(BUDGETS), help="seconds for fit")
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 1, 2], help="busy processes beside a run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--cores", type=int, default=2, help="cores that all processes share")
    parser.add_argument("--rows", type=int, help="training rows to keep (default: all)")
    parser.add_argument("--out", default="busy.jsonl")
    parser.add_argument("--rivals", default="busy_rivals.jsonl", metavar="FILE", help="runs of the simple models")
    parser.add_argument("--rivals-under-load", action="store_true", help="run the rivals beside busy processes as well")
    parser.add_argument("--report-only", action="store_true", help="run nothing")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
