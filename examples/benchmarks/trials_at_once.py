"""One trial at a time with all threads, or several trials with one thread each: which brings more in the same seconds.

    python trials_at_once.py --data DIR --budget 40 --out trials_at_once.jsonl
    python trials_at_once.py digits wine --budget 20 --jobs 1 2 4

Run it on a quiet machine. Each search is a fresh process, as its threads are set when the first net is trained. Results
that ``--out`` has already are not computed again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from ledger import Ledger
from tasks import load, names


def main() -> None:
    """Run what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--data", nargs="+", default=[], metavar="DIR")
    parser.add_argument("--budget", type=float, default=40.0)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="trials_at_once.jsonl")
    parser.add_argument("--only", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    folders = [Path(folder) for folder in arguments.data]
    if arguments.only:
        print(json.dumps(searched(arguments.names[0], folders, arguments.budget, arguments.jobs[0], arguments.seed)))
        return
    ledger = Ledger(arguments.out)
    for name in arguments.names or names(folders):
        for jobs in arguments.jobs:
            key = {"data": name, "jobs": jobs, "budget": arguments.budget, "seed": arguments.seed}
            if ledger.has(**key):
                continue
            command = [sys.executable, __file__, name, "--only", "--jobs", str(jobs), "--budget", str(arguments.budget)]
            command += ["--seed", str(arguments.seed), *(["--data", *arguments.data] if arguments.data else [])]
            answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
            ledger.add(key | json.loads(answer))
            print(ledger.rows[-1], flush=True)
    table = pd.DataFrame(ledger.rows).pivot_table(index="data", columns="jobs", values=["score", "best", "judged"])
    print(table.round(4).to_string())


def searched(name: str, folders: list[Path], budget: float, jobs: int, seed: int) -> dict[str, Any]:
    """Score on the test rows, best score on the folds, number of candidates that were judged on all of them."""
    from autoarch import AutoArchClassifier, AutoArchRegressor

    task = load(name, folders)
    estimator = AutoArchClassifier if task.classification else AutoArchRegressor
    model = estimator(time_budget=budget, n_jobs=jobs, random_state=seed, verbose=0).fit(task.X, task.y)
    return {
        "score": float(model.score(task.X_test, task.y_test)),
        "best": float(model.best_score_),
        "judged": int((model.leaderboard_["status"] == "ok").sum()),
        "family": model.best_family_,
    }


if __name__ == "__main__":
    main()
