"""Whether explanations show the true cause: hit rates on planted causes, and deletion and insertion on pictures.

python explain_truth.py                                    # planted causes, and scikit-learn's digits
python explain_truth.py --data DIR --names fashion_mnist   # also pictures of DIR, in the format of benchmark-data.md

Planted causes: each family is fitted on 1,000 grids of 12 x 12 cells (``make_planted``). Where it has learned the rule
(an accuracy of 0.95 or more on 400 others), 100 of these are explained by every method that can. A hit is a row whose
true cells stand above all others; of a texture, one whose highest value lies in the square that holds it.

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
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import ShuffleSplit

import tasks
from autoarch import AutoArchClassifier
from autoarch.datasets import make_planted
from autoarch.exceptions import ParameterError
from autoarch.explain import Explanation, explain

FAMILIES = ("linear", "tree", "mlp", "cnn", "kernels")
TAKEN = {"cell": {"by": "cell"}, "pair": {"by": "cell"}, "row": {"by": "row"}, "texture": {"patch": 5}}
STEPS = 20  # of deletion and insertion
LEARNED = 0.95
MOST_ROWS, MOST_EXPLAINED = 5_000, 100


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with .npz files")
    parser.add_argument("--names", nargs="*", default=[], help="which of them")
    parser.add_argument("--families", nargs="*", default=list(FAMILIES), choices=FAMILIES)
    parser.add_argument("--causes", nargs="*", default=list(TAKEN), choices=list(TAKEN))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
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
