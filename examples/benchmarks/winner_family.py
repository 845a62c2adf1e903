"""How often the family that a search chooses is the best one on rows that nobody has seen, or within a point of it.

    python winner_family.py --data DIR --budget 60 --out winner_family.jsonl
    python winner_family.py digits wine --budget 20

After each search the best candidate of every family, among those that were judged on all splits, is fitted once on all
training rows and scored on the test rows; so is the winner, so that nothing but the choice is compared. Of a family
that the search has left out, or has judged on no more than some splits, it is the first default. Results that ``--out``
has already are not computed again.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch.families.registry import resolve_families
from family_defaults import Case
from ledger import Ledger
from tasks import load, names

POINT = 0.01


def main() -> None:
    """Run what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--data", nargs="+", default=[], metavar="DIR")
    parser.add_argument("--budget", type=float, default=60.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--out", default="winner_family.jsonl")
    arguments = parser.parse_args()
    folders, ledger = [Path(folder) for folder in arguments.data], Ledger(arguments.out)
    for seed in arguments.seeds:
        for name in arguments.names or names(folders):
            run = {"data": name, "seed": seed, "budget": arguments.budget}
            if not ledger.has(**run):
                case = Case(load(name, folders), np.iinfo(np.int64).max)
                ledger.add(run | judged(case, arguments.budget, seed))
                print(ledger.rows[-1], flush=True)
    show(pd.DataFrame(ledger.rows))


def judged(case: Case, budget: float, seed: int) -> dict[str, Any]:
    """The search's score on the test rows, its family, and the score of the best candidate of each family."""
    task = case.task
    estimator = AutoArchClassifier if task.classification else AutoArchRegressor
    model = estimator(time_budget=budget, random_state=seed, verbose=0).fit(task.X, task.y)
    found = {"layout": model.layout_, "verdict": model.locality_.used.verdict}  # y may have told the order of columns
    case.problem = replace(case.problem, **found)
    tried = model.leaderboard_[model.leaderboard_["status"] == "ok"].sort_values("score", ascending=False)
    best = tried[tried["family"] != "baseline"].drop_duplicates("family")
    chosen = {row.family: row.params for row in best.itertuples()}
    for family, _, params in case.candidates("auto", 1):
        chosen.setdefault(family.name, params)
    scores = {name: case.fit(resolve_families([name])[0], params, seed)["score"] for name, params in chosen.items()}
    return {
        "score": round(float(model.score(task.X_test, task.y_test)), 4),
        "n_test": len(task.y_test),
        "winner": model.best_family_,
        "families": scores,
    }


def show(rows: pd.DataFrame) -> None:
    """What choosing another family would have brought, by data set, and how often that is at most a point."""
    table = pd.DataFrame(list(rows["families"]), index=rows["data"])
    winner = [families.get(name, np.nan) for families, name in zip(rows["families"], rows["winner"], strict=True)]
    behind = table.max(axis=1).to_numpy() - np.array(winner)
    table.insert(0, "winner", rows["winner"].to_numpy())
    table["behind the best"] = behind
    print(table.round(4).to_string())
    known = behind[~np.isnan(behind)]
    print(f"within a point of the best family: {np.mean(known <= POINT):.2f} of {len(known)}, mean {known.mean():.4f}")


if __name__ == "__main__":
    main()
