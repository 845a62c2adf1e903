"""Run systems on data sets within a budget: one process per run, one JSON line per result, tables at the end.

    python run.py                                             # every system on scikit-learn's bundled sets, 60 s
    python run.py --data DIR --systems autoarch hgb --budget 30 --seeds 0 1 --out results.jsonl
    python run.py digits wine --budget 10
    python run.py --systems autoarch autogluon --python autogluon=ag/bin/python    # a peer, where it is installed

The budget covers ``fit``; starting and predicting come on top, and a run is ended after three budgets and three
minutes. Runs that the results file has already are not repeated.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ledger import Ledger
from peers import MODULES as PEERS
from rivals import SYSTEMS as RIVALS
from tables import read, show
from tasks import names

HERE = Path(__file__).resolve().parent
OWN = ("autoarch", "lightgbm", "hgb", "cnn", "notebook")  # as in systems.py, which takes seconds to import
SYSTEMS = (*OWN, *RIVALS, *PEERS)
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def main(argv: list[str] | None = None) -> int:
    """Run what is missing in the results file, then print the tables."""
    arguments = _parse(argv)
    ledger = Ledger(arguments.out)
    done = {_key(row) for row in ledger.rows}
    jobs = [job for job in plan(arguments) if _key(job) not in done]
    for number, job in enumerate(jobs, start=1):
        row = {**job, **run(job)}
        ledger.add({key: value for key, value in row.items() if key not in ("folders", "python")})
        score = f"{row['score']:.4f}" if "score" in row else row["reason"]
        label = f"{job['system']} on {job['data']}, seed {job['seed']}"
        print(f"[{number}/{len(jobs)}] {label}: {row['status']} {score} in {row.get('fit_seconds', '?')} s", flush=True)
    rows = read([ledger.path])
    print(show(rows[rows["budget"] == arguments.budget]))
    return 0


def plan(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Every run that was asked for."""
    folders = [Path(folder) for folder in arguments.data]
    for name in arguments.names or names(folders):
        for seed in arguments.seeds:
            for system in arguments.systems:
                job = {"system": system, "data": name, "budget": arguments.budget, "seed": seed}
                job |= {"python": arguments.python.get(system, sys.executable)}
                yield {**job, "cores": arguments.cores, "folders": [str(folder.resolve()) for folder in folders]}


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Run one job in a process of its own and return what it wrote, or why it wrote nothing.

    With ``limit`` in the job its ``fit`` is ended after that many seconds, and the number of threads is left to it.
    """
    limit = job.get("limit")
    environment = {name: value for name, value in os.environ.items() if name not in THREADS}
    if limit is None:
        environment |= dict.fromkeys(THREADS, str(job["cores"]))
    with tempfile.TemporaryDirectory() as scratch:
        answer, messages = Path(scratch) / "answer.json", Path(scratch) / "messages"
        command = [job["python"], str(HERE / "worker.py"), json.dumps(job), str(answer)]
        with messages.open("wb") as file:
            code = _wait(command, (limit or 3 * job["budget"]) + 180, cwd=scratch, env=environment, stderr=file)
        if limit is not None and code == -getattr(signal, "SIGALRM", 0):
            return {"status": "killed", "fit_seconds": limit, "reason": f"fit took more than {limit:g} s"}
        if code is None:
            return {"status": "killed", "reason": "the limit and three minutes were not enough"}
        if answer.is_file():
            return json.loads(answer.read_text(encoding="utf-8"))
        last = (messages.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["no message"])[-1]
    return {"status": "failed", "reason": f"exit {code}: {last}"[:500]}


def _wait(command: list[str], seconds: float, **options: Any) -> int | None:
    """Return the exit status, or None after ``seconds``; nothing that the command started is left, also on Ctrl-C."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True, **options)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["system"], row["data"], row["budget"], row["seed"]


def _interpreter(text: str) -> tuple[str, str]:
    system, _, path = text.partition("=")
    if system not in SYSTEMS or not Path(path).is_file():
        raise argparse.ArgumentTypeError(f"{text!r}: expected SYSTEM=PATH, a system and its Python")
    return system, str(Path(path).absolute())  # not resolved: the link is what makes it an environment


class _Merge(argparse.Action):
    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
        setattr(namespace, self.dest, {**getattr(namespace, self.dest), **dict(values)})


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="data sets (default: all)")
    parser.add_argument("--data", nargs="+", default=[], metavar="DIR", help="folders of .npz and .parquet files")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(OWN))
    parser.add_argument(
        "--python",
        type=_interpreter,
        nargs="+",
        action=_Merge,
        default={},
        metavar="SYSTEM=PATH",
        help="the Python of the environment that a system was installed into",
    )
    parser.add_argument("--budget", type=float, default=60.0, help="seconds for fit")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--cores", type=int, default=2, help="cores that every run is pinned to")
    parser.add_argument("--out", default="results.jsonl")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
