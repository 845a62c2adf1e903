"""Do 90 % intervals and sets hold the truth of nine in ten rows that fit never saw?

    python interval_coverage.py --data DIR              # test rows of every data set of a folder
    python interval_coverage.py --data DIR --independent    # the same, where nothing is asked about rows
    python interval_coverage.py --data DIR --blocks     # whole blocks of the map, of those with coordinates
    python interval_coverage.py --data DIR --blocks --matched    # with folds whose distances are those of these blocks

Trees and linear models on 2,400 rows at most. Blocks: the places in 20 clusters, eight of them held out, three times;
coordinates are declared, so that fit holds out blocks as well. The bound is what as many rows allow: .9 less two
standard errors of the test rows and of the left-out rows.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans

import tasks
from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch.geo import SpatialBlockKFold

SETTINGS = {"time_budget": None, "n_trials": 2, "families": ["linear", "tree"], "layout": None, "random_state": 0}
MOST_ROWS, MOST_TESTED = 2_400, 6_000
N_BLOCKS, HELD_OUT, DRAWS = 20, 8, 3


def main() -> None:
    """Print a line for each data set, and the means over them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--independent", action="store_true")
    parser.add_argument("--blocks", action="store_true")
    parser.add_argument("--matched", action="store_true")
    parser.add_argument("--only", nargs="*")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    for facts in json.loads((arguments.data / "datasets.json").read_text())["datasets"]:
        name = facts["name"]
        if not (arguments.data / facts["file"]).exists() or (arguments.only and name not in arguments.only):
            continue
        if arguments.blocks:
            draws = range(DRAWS if facts.get("coordinates") else 0)
            rows += [of_blocks(arguments.data, facts, draw, matched=arguments.matched) for draw in draws]
        else:
            asked = "independent" if arguments.independent else "auto"
            rows.append(of_rows(tasks.fewer(tasks.load(name, [arguments.data]), MOST_ROWS), asked))
    table = pd.DataFrame(rows)
    for kind, part in table.groupby("kind"):
        of_sets = part.groupby("name")["covered"].mean()
        below = int((part["covered"] < part["least"]).sum())
        print(f"{kind}: mean coverage {of_sets.mean():.3f} of {len(of_sets)} data sets, below the bound {below}")


def of_rows(task: tasks.Task, rows: str) -> dict[str, Any]:
    """Coverage of the test rows of a data set."""
    X, X_test = (part if hasattr(part, "iloc") else part.reshape(len(part), -1) for part in (task.X, task.X_test))
    model = fitted(task.classification, X, task.y, groups=task.groups, rows=rows)
    X_test, y_test = X_test[:MOST_TESTED], task.y_test[:MOST_TESTED]
    held, size = covered(model, X_test, y_test)
    return told(task.name, task.classification, held, size, len(X))


def of_blocks(folder: Path, facts: dict[str, Any], draw: int, *, matched: bool = False) -> dict[str, Any]:
    """Coverage of the rows of whole blocks of the map."""
    table = pd.read_parquet(folder / facts["file"])
    table = table.drop(columns=[*filter(None, [facts.get("split_column")])])
    table = table.sample(frac=1, random_state=draw)[: MOST_ROWS + MOST_TESTED].reset_index(drop=True)
    y, numbers, where = table.pop("target").to_numpy(), "regression" in facts["task"], list(facts["coordinates"])
    points = table[where].to_numpy(dtype=float)
    block = KMeans(N_BLOCKS, n_init=1, random_state=draw).fit_predict(points / points.std())
    test = np.isin(block, np.random.default_rng(draw).permutation(N_BLOCKS)[:HELD_OUT])
    train = np.flatnonzero(~test)[:MOST_ROWS]
    known = np.ones(len(y), dtype=bool) if numbers else np.isin(y, np.unique(y[train]))  # classes that fit has seen
    test = np.flatnonzero(test & known)
    folds = SpatialBlockKFold(where, predict_at=table.iloc[test][where], random_state=0) if matched else "auto"
    model = fitted(not numbers, table.iloc[train], y[train], coordinates=where, cv=folds)
    held, size = covered(model, table.iloc[test], y[test])
    shares = pd.Series(held).groupby(block[test]).mean()
    spread = f", over blocks {shares.min():.2f} to {shares.max():.2f} (mean {shares.mean():.3f})"
    return told(facts["name"], not numbers, held, size, len(train), spread)


def fitted(classes: bool, X: Any, y: np.ndarray, *, groups: np.ndarray | None = None, **settings: Any) -> Any:
    """A search."""
    kind = AutoArchClassifier if classes else AutoArchRegressor
    return kind(**SETTINGS, **settings, verbose=0).fit(X, y, groups=groups)


def covered(model: Any, X: Any, y: np.ndarray) -> tuple[np.ndarray, float]:
    """Which rows are held, and the mean width of intervals in deviations of y, or size of sets."""
    if isinstance(model, AutoArchRegressor):
        low, high = model.predict_interval(X).T
        return (low <= y) & (y <= high), float((high - low).mean() / y.std())
    chosen = model.predict_set(X)
    return chosen[np.arange(len(y)), np.searchsorted(model.classes_, y)], float(chosen.sum(axis=1).mean())


def told(name: str, classes: bool, held: np.ndarray, size: float, n: int, spread: str = "") -> dict[str, Any]:
    """Print a line."""
    least, share = 0.9 - 2 * np.sqrt(0.09 / len(held) + 0.09 / n), float(held.mean())
    kind = "sets" if classes else "intervals"
    mark = "! " if share < least else "  "
    print(f"{mark}{name:<20} {kind:<10} {share:.3f} (at least {least:.3f}), size {size:.2f}{spread}", flush=True)
    return {"name": name, "kind": kind, "covered": share, "least": least}


if __name__ == "__main__":
    main()
