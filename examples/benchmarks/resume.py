"""A search that is killed at two thirds of its time, and one that two processes share: what is lost, what it costs.

    python resume.py                       # 60 s, killed at 40 s, on digits and on a table; minutes
    python resume.py --seconds 15          # a shorter one
    python resume.py --storage postgresql://user@host/db

Each fit is a process of its own. The one that is killed (``kill -9``) is called again with the same budget; steps are
told apart by what the log of both says. The table has the steps that were done before the kill, those of them that were
done again, the candidates and the score in the end beside a fit that was never killed, the seconds of a step that the
storage took, and what lies in its folder.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

FIT = """
import json, logging, sys, time
from sklearn.datasets import load_breast_cancer, load_digits
from autoarch import AutoArchClassifier

name, seconds, storage, out = sys.argv[1], float(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4]
X, y = (load_digits if name == "digits" else load_breast_cancer)(return_X_y=True)
X, y, X_test, y_test = X[::2], y[::2], X[1::2], y[1::2]

class Steps(logging.Handler):
    def emit(self, record):
        if getattr(record, "event", "") in ("step_begins", "step_ends"):
            step = [record.event, record.family, str(record.params), record.split]
            steps.write(json.dumps(step) + "\\n")
            steps.flush()

steps = open(out, "a")
logger = logging.getLogger("autoarch")
logger.setLevel(logging.DEBUG)
logger.addHandler(Steps())
began = time.monotonic()
print("begins", flush=True)
model = AutoArchClassifier(time_budget=seconds, storage=storage, random_state=0, verbose=0).fit(X, y)
took = time.monotonic() - began
board = model.leaderboard_
tried = int((board.status != "skipped").sum())
print(json.dumps({"took": took, "candidates": tried, "best": model.best_score_, "test": model.score(X_test, y_test)}))
"""


def begin(name: str, seconds: float, storage: Any, out: Path) -> subprocess.Popen[str]:
    """Start a fit; return its process once the fit has begun."""
    command = [sys.executable, "-c", FIT, name, str(seconds), json.dumps(storage), str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **THREADS})
    assert process.stdout is not None
    process.stdout.readline()
    return process


def end(process: subprocess.Popen[str]) -> dict[str, float]:
    """Wait for a fit, and return what it says."""
    answer, _ = process.communicate()
    found: dict[str, float] = json.loads(answer.splitlines()[-1])
    return found


def steps_of(path: Path, event: str) -> list[tuple[Any, ...]]:
    """Steps that a fit has begun or ended."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [tuple(line[1:]) for line in lines if line[0] == event]


def killed(name: str, seconds: float, storage: Any, folder: Path) -> list[Any]:
    """Row of a fit that is killed at two thirds of its time and called again."""
    alone = end(begin(name, seconds, None, folder / "alone"))
    first = begin(name, seconds, storage, folder / "first")
    time.sleep(seconds * 2 / 3)
    first.send_signal(signal.SIGKILL)
    first.wait()
    again = end(begin(name, seconds, storage, folder / "again"))
    done, repeated = steps_of(folder / "first", "step_ends"), steps_of(folder / "again", "step_begins")
    lost = sum(step in repeated for step in done[:-1])  # the last one may have ended in the moment of the kill
    scores = [f"{answer['test']:.4f} ({answer['candidates']})" for answer in (alone, again)]
    return [name, len(done), lost, *scores, f"{again['took']:.1f}"]


def shared(name: str, seconds: float, storage: Any, folder: Path) -> list[Any]:
    """Row of a fit that two processes share."""
    both = [begin(name, seconds, storage, folder / part) for part in ("one", "two")]
    answers = [end(process) for process in both]
    ended = [steps_of(folder / part, "step_ends") for part in ("one", "two")]
    twice = len({step for step in ended[0] if step[0] != "baseline"} & set(ended[1]))
    return [name, *map(len, ended), twice, *(f"{answer['test']:.4f}" for answer in answers)]


def markdown(titles: list[str], rows: list[list[Any]]) -> str:
    """Return a table."""
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in (titles, ["---"] * len(titles), *rows)]
    return "\n".join(lines)


def main() -> None:
    """Run the fits and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--sets", nargs="+", default=["digits", "breast_cancer"], choices=["digits", "breast_cancer"])
    parser.add_argument("--storage", help="URL of a storage (default: journal files in a temporary folder)")
    arguments = parser.parse_args()
    kills, pairs = [], []
    for name in arguments.sets:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            os.chdir(folder)
            first = arguments.storage or str(folder / "killed.journal")
            second = arguments.storage or str(folder / "shared.journal")
            unique = f"{name}-{time.time():.0f}"
            kills.append(killed(name, arguments.seconds, [first, f"killed-{unique}"], folder))
            pairs.append(shared(name, arguments.seconds, [second, f"shared-{unique}"], folder))
            sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file() and "killed" in str(file)]
            kills[-1].append(f"{sum(sizes) / 1e6:.1f}")
            os.chdir("/")
    seconds = arguments.seconds
    print(f"Killed at {seconds * 2 / 3:.0f} of {seconds:.0f} s and called again with {seconds:.0f} s\n")
    titles = ["data", "steps before the kill", "of these done again", "accuracy (candidates), never killed"]
    print(markdown([*titles, "killed and called again", "seconds of the second call", "MB on disk"], kills))
    print(f"\nTwo processes on one storage, {seconds:.0f} s each\n")
    titles = ["data", "steps of one", "of the other", "done twice", "accuracy of one", "of the other"]
    print(markdown(titles, pairs))


if __name__ == "__main__":
    main()
