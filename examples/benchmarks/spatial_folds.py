"""How far the score of random folds, and that of folds over space, is from the score at places not seen.

    python spatial_folds.py --data DIR
    python spatial_folds.py --data DIR --only sacramento --splits 30 --seed 100

``DIR`` holds tables as described in the documentation's page "Benchmark data"; those whose entry in ``datasets.json``
names ``coordinates`` are used. Again and again, squares of the map with about a fifth of the rows are held out together
with a strip around them. On the other rows the score of a fixed model is estimated by random folds and by
``SpatialBlockKFold`` as it comes; then the model is fitted to them and scored on what was held out. The bias is the
estimate less that score: above 0 is optimistic.

Squares are as wide as the target is alike over the whole table, at most a fifth of the extent; the strip is ``--strip``
times as wide. Scores are accuracy, or the share of the variance of all rows that is explained.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import json
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from autoarch.exceptions import AutoArchWarning
from autoarch.geo import Places, SpatialBlockKFold, fit_variogram, read_places

HELD_OUT = 0.2  # share of the rows, as in one of five folds
WIDEST = 5  # squares across the map, at least
LEAST_HELD, LEAST_TRAINED = 30, 100  # rows; other draws are repeated


@dataclass(frozen=True)
class Table:
    """All rows of one data set."""

    name: str
    X: pd.DataFrame
    y: np.ndarray
    coordinates: list[str]
    classification: bool


def main() -> None:
    """Measure each table and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path, metavar="DIR")
    parser.add_argument("--only", nargs="*", default=None, metavar="NAME")
    parser.add_argument("--splits", type=int, default=24, help="outer splits of each table")
    parser.add_argument("--rows", type=int, default=1_500, help="of a table, at most")
    parser.add_argument("--strip", type=float, default=0.5, help="width of the strip, in sides of a square")
    parser.add_argument("--kind", choices=("blocks", "clusters"), default="blocks", help="of SpatialBlockKFold")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    every = table_by_table(arguments, measure, summary)
    print(f"\n## bias, mean over the tables\n{over_tables(every)}")


def table_by_table(
    arguments: argparse.Namespace,
    measure: Callable[[Table, argparse.Namespace], list[dict[str, Any]]],
    describe: Callable[[pd.DataFrame], Any],
) -> pd.DataFrame:
    """Measure each table that is asked for, print what was found of it, and return all rows."""
    warnings.simplefilter("ignore", AutoArchWarning)  # of narrowed buffers
    found: list[dict[str, Any]] = []
    for table in tables(arguments.data, arguments.only, arguments.rows):
        found += measure(table, arguments)
        shown = pd.DataFrame(found)
        print(f"\n## {table.name}, {len(table.X)} rows\n{describe(shown[shown.table == table.name])}", flush=True)
    return pd.DataFrame(found)


def tables(folder: Path, only: list[str] | None, n_rows: int) -> Iterator[Table]:
    """Tables with coordinates; words become codes, long tables a sample."""
    for about in json.loads((folder / "datasets.json").read_text(encoding="utf-8"))["datasets"]:
        path = folder / f"{about['name']}.parquet"
        if not about.get("coordinates") or not path.is_file() or (only and about["name"] not in only):
            continue
        frame = pd.read_parquet(path).drop(columns=[about["split_column"]] if about.get("split_column") else [])
        frame = frame.sample(min(n_rows, len(frame)), random_state=0).reset_index(drop=True)
        y = frame.pop(about.get("target", "target")).to_numpy()
        task = about.get("task")
        classification = not task.startswith("regr") if task else y.dtype.kind != "f"
        for name in frame.columns[[kind.kind not in "iufb" for kind in frame.dtypes]]:
            frame[name] = pd.factorize(frame[name])[0]
        y = pd.factorize(y, sort=True)[0] if classification else y.astype(np.float64)
        yield Table(about["name"], frame, y, about["coordinates"], classification)


def measure(table: Table, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """One row per outer split, model and way to estimate."""
    places = read_places(table.X, table.coordinates)
    reach = fit_variogram(places, table.y, labels=table.classification, random_state=0).range
    extent = np.ptp(places.space, axis=0).max()
    side = min(np.inf if reach is None else reach, extent / WIDEST)
    found = []
    for seed, (train, test) in enumerate(outer_splits(places, side, arguments), start=arguments.seed):
        X, y = table.X.iloc[train].reset_index(drop=True), table.y[train]
        spatial = SpatialBlockKFold(table.coordinates, kind=arguments.kind, random_state=seed)
        started = time.process_time()
        ways = {"random": list(KFold(shuffle=True, random_state=seed).split(X)), "spatial": list(spatial.split(X, y))}
        seconds = time.process_time() - started
        for model in ("boosting", "neighbours"):
            truth = score(table, model, table.X, table.y, train, test)
            for way, splits in ways.items():
                estimate = float(np.mean([score(table, model, X, y, *split) for split in splits]))
                row = {"table": table.name, "model": model, "way": way, "seed": seed, "seconds": seconds}
                found.append({**row, "estimate": estimate, "truth": truth, "bias": estimate - truth})
    return found


def outer_splits(places: Places, side: float, arguments: argparse.Namespace) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows outside and inside of random squares; east and north are measured from a random row."""
    rng, done = np.random.default_rng(arguments.seed), 0
    while done < arguments.splits:
        middle = places.take(np.full(1, rng.integers(len(places))))
        flat = middle.offsets(places.points[None])[0]
        cells = np.unique(np.floor(flat / side + rng.random(2)), axis=0, return_inverse=True)[1].reshape(-1)
        held = np.zeros(len(places), dtype=bool)
        for cell in rng.permutation(cells.max() + 1):
            if (held | (cells == cell)).mean() <= 1.25 * HELD_OUT:
                held |= cells == cell
        if held.sum() < LEAST_HELD:
            continue
        straight = places.take(np.flatnonzero(held)).tree().query(places.space)[0]
        train = ~held & (places.distance(straight) >= arguments.strip * side)
        if train.sum() >= LEAST_TRAINED:
            done += 1
            yield np.flatnonzero(train), np.flatnonzero(held)


def score(table: Table, model: str, X: pd.DataFrame, y: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    """Accuracy, or the share of the variance explained, on the test rows."""
    if model == "neighbours":
        X = X[table.coordinates]
        fitted = KNeighborsClassifier(10) if table.classification else KNeighborsRegressor(10)
    else:
        kind = HistGradientBoostingClassifier if table.classification else HistGradientBoostingRegressor
        fitted = kind(max_iter=30, learning_rate=0.15, early_stopping=False, random_state=0)
    predicted = fitted.fit(X.iloc[train], y[train]).predict(X.iloc[test])
    if table.classification:
        return float((predicted == y[test]).mean())
    return float(1 - np.square(predicted - y[test]).mean() / table.y.var())


def summary(rows: pd.DataFrame) -> str:
    """Scores and biases with standard errors over the outer splits, one line per model and way."""
    grouped = rows.groupby(["model", "way"])
    shown = grouped[["truth", "estimate", "bias"]].mean()
    shown["se"] = grouped["bias"].sem()
    return shown.round(3).to_string()


def over_tables(rows: pd.DataFrame) -> str:
    """Mean bias of each way over tables and models, and its standard error over the seeds and over the tables."""
    each = rows.groupby(["way", "table", "model"])["bias"].mean()
    seeds = rows.groupby(["way", "table", "seed"])["bias"].mean().groupby(["way", "table"]).sem()
    shown = each.groupby("way").mean().to_frame("bias")
    shown["se_splits"] = seeds.groupby("way").agg(lambda part: np.sqrt(np.square(part).sum()) / len(part))
    shown["se_tables"] = each.groupby(["way", "table"]).mean().groupby("way").sem()
    return shown.round(3).to_string()


if __name__ == "__main__":
    main()
