"""What the probe saves: the same search with it and without it, on the same splits.

    python probe_pays.py --data DIR --budget 60 --out probe_pays.jsonl
    python probe_pays.py digits wine --budget 20

Without the probe all families are equally likely and no time is spent on it. Both searches see the same splits, so
their validation scores compare: how long does each take to reach the score that the other one ends with?
"""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch._search import run as search
from autoarch.locality import LocalityReport
from ledger import Ledger
from tasks import Task, load, names

CLOSE = 0.0005  # scores nearer than this are the same


class Blind(LocalityReport):
    """A report of nothing: every family is as likely as any other."""

    @property
    def family_probabilities(self) -> dict[str, float]:
        """Equal shares."""
        return dict.fromkeys(("cnn", "mlp", "tree", "linear"), 0.25)


def main() -> None:
    """Run what is missing in the results, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--data", nargs="+", default=[], metavar="DIR")
    parser.add_argument("--budget", type=float, default=60.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--out", default="probe_pays.jsonl")
    arguments = parser.parse_args()
    folders, ledger = [Path(folder) for folder in arguments.data], Ledger(arguments.out)
    for name in arguments.names or names(folders):
        for seed in arguments.seeds:
            run = {"data": name, "seed": seed, "budget": arguments.budget}
            if not ledger.has(**run):
                found = compare(load(name, folders), arguments.budget, seed)
                ledger.add(run | found)
                print(
                    f"{name}: {found['seconds_with']:.1f} s with, {found['seconds_without']:.1f} s without", flush=True
                )
    show(pd.DataFrame(ledger.rows))


def compare(task: Task, budget: float, seed: int) -> dict[str, Any]:
    """Both searches, and when each has the score that both reach in the end."""
    curves, tests = {}, {}
    for kind in ("with", "without"):
        estimator = AutoArchClassifier if task.classification else AutoArchRegressor
        blind = mock.patch.object(search, "probe", return_value=(Blind(), True))
        with blind if kind == "without" else nullcontext():
            model = estimator(time_budget=budget, random_state=seed, verbose=0).fit(task.X, task.y)
        curves[kind] = curve(model, budget)
        tests[kind] = float(model.score(task.X_test, task.y_test))
    common = min(scores[-1] for _, scores in curves.values()) - CLOSE
    seconds = {kind: float(times[np.argmax(scores >= common)]) for kind, (times, scores) in curves.items()}
    return {
        "grid": task.is_grid or (len(task.shape) == 1 and task.kind in ("a", "b")),
        **{f"seconds_{kind}": seconds[kind] for kind in curves},
        **{f"test_{kind}": tests[kind] for kind in curves},
    }


def curve(model: Any, budget: float) -> tuple[np.ndarray, np.ndarray]:
    """Seconds since the start of ``fit`` at the end of each trial, and the best score so far."""
    trials = [trial for trial in model.study_.trials if trial.value is not None and trial.datetime_complete]
    ends = np.array([trial.datetime_complete.timestamp() for trial in trials])
    started = model.study_.trials[0].datetime_start.timestamp() - model.locality_.seconds
    order = np.argsort(ends)
    return ends[order] - started, np.maximum.accumulate(np.array([trials[place].value for place in order]))


def show(rows: pd.DataFrame) -> None:
    """Ratios of the seconds, and differences of the test scores."""
    rows["ratio"] = rows["seconds_with"] / rows["seconds_without"]
    rows["difference"] = rows["test_with"] - rows["test_without"]
    print(rows.round(4).to_string(index=False))
    for grid, part in rows.groupby("grid"):
        ratio, difference = part["ratio"].median(), part["difference"].mean()
        print(f"{'grids' if grid else 'others'}, {len(part)}: median ratio {ratio:.2f}, test score {difference:+.4f}")


if __name__ == "__main__":
    main()
