"""What it does to errors that training rows look around as rows to predict do, on random rows and on blocks of the map.

    python spatial_views.py --data DIR
    python spatial_views.py --data DIR --only sacramento --models boosting --rows 6000

``DIR`` holds tables as described in the documentation's page "Benchmark data"; those whose entry in ``datasets.json``
names ``coordinates`` are used. A quarter of the rows at random, or the first fold of ``SpatialBlockKFold``, is left
out.

``boosting`` reads the columns alone, with turned coordinates, or with those and means over neighbours
(``SpatialFeatures``); errors are over those of the columns alone. ``kernels`` are random convolutions on pictures of
the neighbourhood with the labels in them, for which half of the training rows hide what is near
(``hide_within="some"``);
errors are over those where none does. An error is a share of wrong labels, or of unexplained variance.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import ShuffleSplit
from sklearn.pipeline import make_pipeline

from autoarch._data.coordinates import coordinate_columns
from autoarch.families.preprocessing import NeighborhoodPictures
from autoarch.families.random_convolutions import RandomConvolutionClassifier, RandomConvolutionRegressor
from autoarch.geo import SpatialBlockKFold, SpatialFeatures, read_places
from spatial_folds import Table, table_by_table

MODELS = ("boosting", "kernels")
VIEWS = (("columns", "turned", "neighbours"), ("whole", "hidden"))  # of either, what the others are compared with first
LEAST_OF_CLASS = 20  # rows; rarer classes are left out, so that each is trained in each fold


def main() -> None:
    """Measure each table and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=Path, metavar="DIR")
    parser.add_argument("--only", nargs="*", default=None, metavar="NAME")
    parser.add_argument("--models", nargs="*", default=MODELS, choices=MODELS)
    parser.add_argument("--splits", type=int, default=3, help="of each kind and table")
    parser.add_argument("--rows", type=int, default=1_200, help="of a table, at most")
    arguments = parser.parse_args()
    found = table_by_table(arguments, measure, ratios)
    print(f"\n## geometric mean over the tables\n{ratios(found)}")


def measure(table: Table, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """One row per split, model and view."""
    X, y = table.X.to_numpy(np.float64), table.y
    if table.classification:
        common = np.isin(y, np.flatnonzero(np.bincount(y) >= LEAST_OF_CLASS))
        X, y = X[common], y[common]
    at = coordinate_columns(table.X, table.coordinates)
    geographic = read_places(table.X, table.coordinates).geographic
    found = []
    for seed in range(arguments.splits):
        blocks = SpatialBlockKFold(at, geographic=geographic, random_state=seed)
        ways = {"random": ShuffleSplit(1, test_size=0.25, random_state=seed), "blocks": blocks}
        for way, splitter in ways.items():
            train, test = next(iter(splitter.split(X, y)))
            for (model, view), pipeline in pipelines(table.classification, at, geographic).items():
                if model not in arguments.models:
                    continue
                predicted = pipeline.fit(X[train], y[train]).predict(X[test])
                wrong = predicted != y[test] if table.classification else np.square(predicted - y[test]) / y.var()
                row = {"table": table.name, "way": way, "seed": seed, "model": model, "view": view}
                found.append({**row, "error": float(wrong.mean())})
    return found


def pipelines(classification: bool, at: tuple[int, int], geographic: bool) -> dict[tuple[str, str], Any]:
    """By model and view; the first view of a model is what the others are compared with."""
    task = "classification" if classification else "regression"
    boosting = HistGradientBoostingClassifier if classification else HistGradientBoostingRegressor
    convolutions = RandomConvolutionClassifier if classification else RandomConvolutionRegressor
    trees = boosting(early_stopping=False, random_state=0)
    features = {"geographic": geographic, "target_type": task}
    pictures = {"geographic": geographic, "target_lag": task}
    return {
        ("boosting", "columns"): trees,
        ("boosting", "turned"): make_pipeline(SpatialFeatures(at, neighbors=(), **features), trees),
        ("boosting", "neighbours"): make_pipeline(SpatialFeatures(at, **features), trees),
        ("kernels", "whole"): make_pipeline(NeighborhoodPictures(at, **pictures), convolutions()),
        ("kernels", "hidden"): make_pipeline(NeighborhoodPictures(at, hide_within="some", **pictures), convolutions()),
    }


def ratios(rows: pd.DataFrame) -> str:
    """Errors over those of the first view of each model, as geometric means over splits and tables."""
    errors = np.log(rows.groupby(["way", "model", "view", "table"], sort=False)["error"].mean()).unstack("view")
    shown = {view: errors[view] - errors[first] for first, *views in VIEWS if first in errors for view in views}
    return np.exp(pd.DataFrame(shown).groupby(["way", "model"], sort=False).mean()).round(2).to_string()


if __name__ == "__main__":
    main()
