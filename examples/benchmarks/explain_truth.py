"""Whether explanations show the true cause: hit rates on planted causes, and deletion and insertion on pictures.

python explain_truth.py                                    # planted causes, and scikit-learn's digits
python explain_truth.py --fields 32 64                     # spots in fields of 32 x 32 and 64 x 64 cells alone
python explain_truth.py --fields 32 --models cnn --noises smooth --explained 20    # some of them
python explain_truth.py --data DIR --names fashion_mnist   # also pictures of DIR, in the format of benchmark-data.md

Planted causes: each family is fitted on 1,000 grids of 12 x 12 cells (``make_planted``). Where it has learned the rule
(an accuracy of 0.95 or more on 400 others), 100 of these are explained by every method that can. A hit is a row whose
true cells stand above all others; of a texture, one whose highest value lies in the square that holds it.

Fields: each model is fitted on 400 fields of noise, white or smooth, with a spot of 8 x 8 cells, always at the same
place or at another one in each field, that carries the label: it is brighter or not, has either sign, bears a fixed
pattern or none, or stripes across or down. Where it has learned the rule, rightly predicted fields are explained whose
prediction hangs on the spot: without it the probability is lower by 0.1 or more (a model that looks for stripes across
says "down" wherever it finds none, and then no place is the cause). A hit is one whose highest cell lies on the spot or
at most two cells beside it; "chance" is the share of such cells, and "apart" that of rows in which patches of two sizes
disagree.

Pictures: cells are replaced by their training mean, the most important first ("deletion") or last, which read backwards
is "insertion". Shown are the areas under the mean probability of the predicted class; a good explanation has a low
deletion and a high insertion. "random" is a random order.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter
from sklearn.model_selection import ShuffleSplit
from sklearn.pipeline import Pipeline

import tasks
from autoarch import AutoArchClassifier
from autoarch._data.canonical import Canonicaliser
from autoarch.datasets import make_planted
from autoarch.exceptions import ParameterError
from autoarch.explain import Explanation, explain
from autoarch.families.base import Problem
from autoarch.families.registry import resolve_families

FAMILIES = ("linear", "tree", "mlp", "cnn", "kernels")
TAKEN = {"cell": {"by": "cell"}, "pair": {"by": "cell"}, "row": {"by": "row"}, "texture": {"patch": 5}}
STEPS = 20  # of deletion and insertion
LEARNED, LEAST_EFFECT = 0.95, 0.1
MOST_ROWS, MOST_EXPLAINED = 5_000, 100
SPOTS, PLACES, NOISES = ("rise", "sign", "pattern", "stripes"), ("one place", "any place"), ("white", "smooth")
SPOT, NEAR = 8, 2  # cells
MODELS: dict[str, tuple[str, dict[str, Any]]] = {  # family, and parameters that differ from its defaults
    "linear": ("linear", {}),
    "boosting, cells": ("tree", {"kind": "boosting", "view": "cells", "rate": 0.1, "amount": 6.0}),
    "boosting, both": ("tree", {"kind": "boosting", "view": "both", "rate": 0.1, "amount": 6.0}),
    "forest, cells": ("tree", {"kind": "forest", "view": "cells"}),
    "forest, summaries": ("tree", {"kind": "forest", "view": "summaries"}),
    "neighbors": ("neighbors", {}),
    "mlp": ("mlp", {}),
    "cnn": ("cnn", {}),
    "kernels": ("kernels", {}),
}


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with .npz files")
    parser.add_argument("--names", nargs="*", default=[], help="which of them")
    parser.add_argument("--families", nargs="*", default=list(FAMILIES), choices=FAMILIES)
    parser.add_argument("--causes", nargs="*", default=list(TAKEN), choices=list(TAKEN))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fields", nargs="*", default=[], type=int, help="sides of fields with a spot")
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=list(MODELS), help="of these fields")
    parser.add_argument("--spots", nargs="*", default=list(SPOTS), choices=SPOTS, help="in these fields")
    parser.add_argument("--places", nargs="*", default=list(PLACES), choices=PLACES, help="of the spots")
    parser.add_argument("--noises", nargs="*", default=list(NOISES), choices=NOISES, help="of these fields")
    parser.add_argument("--explained", type=int, default=MOST_EXPLAINED, help="rows of each field, at most")
    arguments = parser.parse_args()
    if arguments.fields:
        on_fields(arguments)
        return
    settings = {"time_budget": None, "n_trials": 1, "cv": ShuffleSplit(1, random_state=0), "verbose": 0}
    make = partial(AutoArchClassifier, random_state=arguments.seed, **settings)
    rows = [row for cause in arguments.causes for row in planted(cause, arguments.families, make, arguments.seed)]
    if rows:
        table = pd.DataFrame(rows)
        print(table.pivot(index=["cause", "family", "accuracy"], columns="method", values="hits").round(2).to_string())
    folders = [] if arguments.data is None else [arguments.data]
    for name in ["digits", *arguments.names]:
        task = tasks.load(name, folders if name in arguments.names else [])
        found = [row for family in arguments.families for row in on_pictures(task, family, make, arguments.seed)]
        print(f"\n{name}\n{pd.DataFrame(found).round(3).to_string(index=False)}")


def make_field(
    spot: str, place: str, noise: str, side: int, n_rows: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Fields (n, side, side), labels, the first row and column of each spot, and the fields without it."""
    rng, fixed = np.random.default_rng(seed), np.random.default_rng(side)
    y, X = rng.integers(0, 2, n_rows), rng.normal(size=(n_rows, side, side))
    if noise == "smooth":
        X = gaussian_filter(X, (0, 2, 2))
        X /= X.std()
    pattern = fixed.choice([-2.0, 2.0], size=(SPOT, SPOT))
    stripes = 2.0 * np.where(np.arange(SPOT) % 4 < 2, 1.0, -1.0) * np.ones((SPOT, 1))
    shapes = {
        "rise": (np.zeros((SPOT, SPOT)), np.full((SPOT, SPOT), 2.5)),
        "sign": (np.full((SPOT, SPOT), -2.5), np.full((SPOT, SPOT), 2.5)),
        "pattern": (np.zeros((SPOT, SPOT)), pattern),
        "stripes": (stripes, stripes.T),
    }
    last = side - SPOT + 1
    at = (
        rng.integers(0, last, size=(n_rows, 2))
        if place == "any place"
        else np.tile(fixed.integers(2, last - 2, 2), (n_rows, 1))
    )
    bare = X.astype(np.float32)
    for row, (top, left) in enumerate(at):
        X[row, top : top + SPOT, left : left + SPOT] += shapes[spot][y[row]]
    return X.astype(np.float32), y, at, bare


def on_fields(asked: argparse.Namespace) -> None:
    """Print the share of hits for each model and method, and each kind of field."""
    found: list[dict[str, Any]] = []
    for side, spot, place, noise, name in product(asked.fields, asked.spots, asked.places, asked.noises, asked.models):
        X, y, _, _ = make_field(spot, place, noise, side, 400, asked.seed)
        new, labels, at, bare = make_field(spot, place, noise, side, 200, asked.seed + 1_000)
        model = fitted(name, X, y)
        right = model.predict(new) == labels
        if right.mean() < LEARNED:
            continue
        with_spot, without = (model.predict_proba(each)[np.arange(len(labels)), labels] for each in (new, bare))
        shown = np.flatnonzero(right & (with_spot - without > LEAST_EFFECT))[: asked.explained]
        default = explain(model, new[shown], random_state=asked.seed, verbose=0)
        explained_by = {"default": default, default.method: default}
        for method in ("occlusion", "gradients", "gradcam", "shap"):
            if method != default.method:
                explained_by[method] = explained(model, new[shown], {"method": method}, asked.seed)
        hits = {
            method: spot_hits(explanation.grid.sum(axis=1), at[shown])
            for method, explanation in explained_by.items()
            if explanation is not None
        }
        field = {"side": side, "field": f"{spot}, {place}, {noise}", "model": name, "rows": len(shown)}
        found.append({**field, **hits, "apart": float(default.sizes_disagree.mean())})
        print(pd.DataFrame(found[-1:]).round(2).to_string(index=False, header=False), flush=True)
    table = pd.DataFrame(found)
    shares = ["default", "occlusion", "gradients", "gradcam", "shap", "apart"]
    for rows in (["side", "model"], ["side", "field"]):
        there = [share for share in shares if share in table]
        print("\n", table.groupby(rows)[there].agg(["mean", "min"]).round(2).to_string())
    print("\nchance", {side: round(((SPOT + 2 * NEAR) / side) ** 2, 2) for side in asked.fields})


def fitted(name: str, X: np.ndarray, y: np.ndarray) -> Pipeline:
    """The default of a family with some parameters changed, as a search would hand it out."""
    first = Canonicaliser().fit(X)
    family, changed = resolve_families([MODELS[name][0]])[0], MODELS[name][1]
    counts = np.bincount(y)
    problem = Problem(
        "classification", len(X), X[0].size, len(counts), int(counts.min()), layout=first.layout_, verdict="2d"
    )
    params = next(one for one in family.defaults(problem) if one.get("kind") == changed.get("kind"))
    return Pipeline([("canonical", first), *family.build({**params, **changed}, problem, 0)]).fit(X, y)


def spot_hits(maps: np.ndarray, at: np.ndarray) -> float:
    """Share of maps whose highest cell (the first of several) lies on the spot or near it."""
    highest = np.column_stack(np.unravel_index(maps.reshape(len(maps), -1).argmax(axis=1), maps.shape[1:]))
    near = (np.maximum(at - highest, highest - at - SPOT + 1) <= NEAR).all(axis=1)
    return float(np.mean(near & (np.ptp(maps, axis=(1, 2)) > 0)))


def methods(taken: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every way to explain, by name."""
    return {
        "rows": {"method": "occlusion", "baseline": "rows", **taken},
        "mean": {"method": "occlusion", "baseline": "mean", **taken},
        "gradients": {"method": "gradients"},
        "gradcam": {"method": "gradcam"},
        "shap": {"method": "shap"},
    }


def planted(cause: str, families: list[str], make: Callable[..., Any], seed: int) -> list[dict[str, Any]]:
    """One row per family that has learned the rule and method that can explain it."""
    X, y, truth = make_planted(1_400, (12, 12), cause=cause, random_state=seed)
    found = []
    for family in families:
        model = make(families=family).fit(X[:1_000], y[:1_000])
        accuracy = model.score(X[1_000:], y[1_000:])
        if accuracy < LEARNED:
            continue
        for method, settings in methods(TAKEN[cause]).items():
            explanation = explained(model, X[1_000 : 1_000 + MOST_EXPLAINED], settings, seed)
            if explanation is not None:
                hits = hit_rate(explanation, truth[1_000 : 1_000 + MOST_EXPLAINED], cause)
                found.append({"cause": cause, "family": family, "accuracy": accuracy, "method": method, "hits": hits})
    return found


def explained(model: Any, X: np.ndarray, settings: dict[str, Any], seed: int) -> Explanation | None:
    """The explanation, or None where the method does not fit the model."""
    try:
        return explain(model, X, random_state=seed, verbose=0, **settings)
    except ParameterError:
        return None


def hit_rate(explanation: Explanation, truth: np.ndarray, cause: str) -> float:
    """Share of rows whose true cells stand above all others; of a texture, whose highest cell is a true one."""
    values = explanation.values[:, 0]
    if cause == "texture":
        pairs = zip(values, truth, strict=True)
        return float(np.mean([at.max() > 0 and where[at == at.max()].any() for at, where in pairs]))
    if cause == "row":
        values, truth = values.sum(axis=2), truth.any(axis=2)
    pairs = zip(np.abs(values), truth, strict=True)
    return float(np.mean([at[where].min() > at[~where].max() for at, where in pairs]))


def on_pictures(task: Any, family: str, make: Callable[..., Any], seed: int) -> list[dict[str, Any]]:
    """One row per method: areas under deletion and insertion."""
    X = np.asarray(task.X, dtype=np.float32)[:MOST_ROWS]
    model = make(families=family).fit(X, task.y[: len(X)])
    new = np.asarray(task.X_test, dtype=np.float32)[:MOST_EXPLAINED]
    mean, accuracy = X.mean(axis=0).ravel(), model.score(task.X_test, task.y_test)
    orders = {"random": np.argsort(np.random.default_rng(seed).uniform(size=(len(new), new[0].size)), axis=1)}
    seconds = {"random": 0.0}
    for method, settings in methods({}).items():
        started = time.monotonic()
        explanation = explained(model, new, settings, seed)
        if explanation is not None:
            orders[method] = np.argsort(-explanation.by_name, axis=1, kind="stable")
            seconds[method] = time.monotonic() - started
    areas = {
        method: (area(model, new, order, mean), area(model, new, order[:, ::-1], mean))
        for method, order in orders.items()
    }
    return [
        {
            "family": family,
            "accuracy": accuracy,
            "method": method,
            "deletion": first,
            "insertion": last,
            "seconds": seconds[method],
        }
        for method, (first, last) in areas.items()
    ]


def area(model: Any, X: np.ndarray, order: np.ndarray, mean: np.ndarray) -> float:
    """Mean probability of the predicted class over the steps in which cells are replaced by their mean."""
    proba = model.predict_proba(X)
    target, flat, curve = proba.argmax(axis=1), X.reshape(len(X), -1).copy(), []
    for cells in np.array_split(order, STEPS, axis=1):
        curve.append(proba[np.arange(len(X)), target].mean())
        np.put_along_axis(flat, cells, mean[cells], axis=1)
        proba = model.predict_proba(flat.reshape(X.shape))
    return float(np.mean(curve))


if __name__ == "__main__":
    main()
