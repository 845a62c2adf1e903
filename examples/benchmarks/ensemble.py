"""Several models against the winner alone, after one and the same search: does ``ensemble_size="auto"`` pay?

    python ensemble.py --data DIR --budget 20 --seeds 0 1 2

Each search ends twice, each time in the seconds that were left to it: with several members where they are better
together, and with its winner alone. A line for each run, then the mean over sets of the ratio of their errors. Searches
that choose no members count as 1.
"""

from __future__ import annotations

import argparse
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch._search import run as search_run
from tasks import Task, load, names


def both_ends(task: Task, budget: float, seed: int) -> tuple[float, float, int]:
    """Errors on the test rows of what ``"auto"`` and the winner alone come to, and the number of members."""
    alone: list[Pipeline] = []
    finish = search_run.finish

    def twice(best: Any, search: Any, size: Any) -> Any:
        left = search.budget.left
        found = finish(best, search, size)
        if len(found[1].members) > 1:
            search.budget.seconds += left - search.budget.left
            alone.append(finish(best, search, 1)[2][0])
        return found

    kind = AutoArchClassifier if task.classification else AutoArchRegressor
    search_run.finish = twice
    try:
        model = kind(time_budget=budget, random_state=seed, verbose=0).fit(task.X, task.y, groups=task.groups)
    finally:
        search_run.finish = finish
    auto = error(task, model.predict(task.X_test))
    n_members = len(model.ensemble_)
    if not alone:
        return auto, auto, n_members
    model.best_estimator_ = Pipeline([model.best_estimator_.steps[0], *alone[0].steps])
    return auto, error(task, model.predict(task.X_test)), n_members


def error(task: Task, predicted: np.ndarray) -> float:
    """Share of wrong labels, half a row more, or the root of the mean squared error."""
    if task.classification:
        return float((np.sum(predicted != task.y_test) + 0.5) / (len(task.y_test) + 1))
    return float(np.sqrt(np.mean((predicted - task.y_test) ** 2)))


def main() -> None:
    """Run all sets and seeds and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="data sets (default: all)")
    parser.add_argument("--data", nargs="+", default=[], metavar="DIR", help="folders of .npz and .parquet files")
    parser.add_argument("--budget", type=float, default=20.0, help="seconds for fit")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    folders = [Path(folder) for folder in arguments.data]
    logs: dict[int, list[float]] = {seed: [] for seed in arguments.seeds}
    for name in arguments.names or names(folders):
        for seed in arguments.seeds:
            auto, winner, n_members = both_ends(load(name, folders), arguments.budget, seed)
            logs[seed].append(math.log(auto / winner))
            print(f"{name:20s} seed {seed} members {n_members} ratio {auto / winner:.3f}", flush=True)
    for seed, values in logs.items():
        print(f"seed {seed}: geometric mean of {len(values)} ratios {math.exp(np.mean(values)):.4f}")
    together = np.concatenate([np.array(values) for values in logs.values()])
    spread = together.std(ddof=1) / math.sqrt(len(together)) if len(together) > 1 else float("nan")
    print(f"all: {math.exp(together.mean()):.4f}, within a factor {math.exp(1.645 * spread):.4f} (one-sided 95 %)")


if __name__ == "__main__":
    main()
