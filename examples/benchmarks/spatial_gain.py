"""What a search with ``coordinates`` brings over the same search without, on random rows and on blocks of the map.

    python spatial_gain.py --data DIR --out spatial_gain.jsonl
    python spatial_gain.py --data DIR --only sacramento --budget 30 --repeats 5 --rows 2500

``DIR`` holds tables as described in the documentation's page "Benchmark data"; those whose entry in ``datasets.json``
names ``coordinates`` are used. In each repeat other rows are left out: 30 % at random, and one of four folds of
``SpatialBlockKFold`` with the strip around it. An error is a share of wrong labels, or of unexplained variance; the
bias is ``estimated_score_`` less the score on the rows left out. Where a table has nothing but the two coordinates and
classes, nearest neighbours tuned by cross-validation are there too. Results that ``--out`` has already are not computed
again.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neighbors import KNeighborsClassifier

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch.exceptions import AutoArchWarning
from autoarch.geo import SpatialBlockKFold
from ledger import Ledger
from spatial_folds import Table, tables

BLOCK_FOLDS = 4
TUNED = {"n_neighbors": [1, 3, 5, 10, 15, 20, 30, 40, 60, 80, 120], "weights": ["uniform", "distance"]}


def main() -> None:
    """Run what is missing, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path, metavar="DIR")
    parser.add_argument("--only", nargs="*", default=None, metavar="NAME")
    parser.add_argument("--ways", nargs="*", default=["random", "blocks"], choices=["random", "blocks"])
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of each search")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rows", type=int, default=2_500, help="of a table, at most")
    parser.add_argument("--out", default="spatial_gain.jsonl")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", AutoArchWarning)  # of narrowed buffers
    ledger, asked = Ledger(arguments.out), {"budget": arguments.budget, "rows": arguments.rows}
    for seed in range(arguments.repeats):
        for table in tables(arguments.data, arguments.only, arguments.rows):
            for way in arguments.ways:
                run = {"data": table.name, "way": way, "seed": seed, **asked}
                if not ledger.has(**run):
                    ledger.add(run | compared(table, way, arguments.budget, seed))
                    print(ledger.rows[-1], flush=True)
    show(pd.DataFrame([row for row in ledger.rows if all(row[name] == value for name, value in asked.items())]))


def compared(table: Table, way: str, budget: float, seed: int) -> dict[str, Any]:
    """Errors and estimates of the two searches, fitted to the same rows."""
    train, test = split(table, way, seed)
    X, y, X_test, y_test = table.X.iloc[train], table.y[train], table.X.iloc[test], table.y[test]
    estimator = AutoArchClassifier if table.classification else AutoArchRegressor
    found: dict[str, Any] = {}
    for name, coordinates in (("with", table.coordinates), ("without", None)):
        model = estimator(time_budget=budget, coordinates=coordinates, random_state=seed, verbose=0).fit(X, y)
        score = float(model.score(X_test, y_test))
        found |= {name: 1 - score, f"bias_{name}": float(model.estimated_score_) - score}
        found |= {f"family_{name}": model.best_family_, f"judged_{name}": int(model.leaderboard_.status.eq("ok").sum())}
    if table.classification and set(table.X.columns) == set(table.coordinates):
        tuned = GridSearchCV(KNeighborsClassifier(), TUNED, cv=5).fit(X, y)
        found["nearest"] = 1 - float(tuned.score(X_test, y_test))
    return found


def split(table: Table, way: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to fit to and rows to score on."""
    if way == "random":
        strata = table.y if table.classification and np.bincount(table.y).min() > 1 else None
        train, test = train_test_split(np.arange(len(table.y)), test_size=0.3, random_state=seed, stratify=strata)
        return train, test
    y = table.y.astype(str) if table.classification else table.y
    folds = SpatialBlockKFold(table.coordinates, BLOCK_FOLDS, random_state=seed).split(table.X, y)
    return list(folds)[seed % BLOCK_FOLDS]


def show(rows: pd.DataFrame) -> None:
    """Ratios of errors with 95 % intervals over the repeats, and the mean bias with its standard error."""
    rows = rows.assign(ratio=np.log(rows["with"] / rows["without"]))
    for way, found in rows.groupby("way", sort=False):
        groups = found.groupby("data", sort=False)
        means, squares = groups["ratio"].mean(), groups["ratio"].sem() ** 2
        reach = groups["ratio"].sem() * t.ppf(0.975, groups.size() - 1)
        table = pd.DataFrame({"ratio": np.exp(means), "from": np.exp(means - reach), "to": np.exp(means + reach)})
        table = table.join(groups[[c for c in ("bias_with", "bias_without", "nearest", "with") if c in found]].mean())
        mean, error = means.mean(), 1.96 * float(np.sqrt(squares.sum())) / len(means)
        print(f"\n## {way}\n{table.round(3).to_string()}")
        print(f"geometric mean {np.exp(mean):.3f} ({np.exp(mean - error):.3f} to {np.exp(mean + error):.3f})")
        for name in ("bias_with", "bias_without"):
            print(f"{name} {found[name].mean():+.3f} ± {found[name].sem():.3f} over {len(found)} splits")


if __name__ == "__main__":
    main()
