"""Errors on several targets against a search for each target at the same total time.

python several_targets.py --seconds 30
python several_targets.py --data ../data --seconds 60
python several_targets.py --times

Generated tables, and arrays of a folder: every .npz there with ``X`` and a matrix ``y`` of numbers or indicators. Each
is split 70/30; ``together`` is one search on all targets, ``apart`` is scikit-learn's MultiOutput wrapper around the
same estimator, each target with its part of the seconds. Errors are mean RMSE in units of each target's deviation, or
the share of wrong labels, (errors + .5) / (labels + 1). The last line is the geometric mean of the ratios.

``--times`` fits the first default of each family that shares its work on all targets and on the first alone: seconds of
the processor, the least of three.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.datasets import load_linnerud, make_multilabel_classification, make_regression
from sklearn.metrics import get_scorer
from sklearn.model_selection import train_test_split
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor

from autoarch import AutoArchClassifier, AutoArchRegressor, Layout
from autoarch._core.clock import Deadline
from autoarch._search.evaluate import fit_steps
from autoarch.families import Problem
from autoarch.families.kernels import Kernels
from autoarch.families.linear import Linear
from autoarch.families.mlp import MLP
from autoarch.families.objective import objective_of
from autoarch.families.several_targets import n_fits
from autoarch.families.svm import SVM
from autoarch.families.tree import Tree

Task = tuple[str, np.ndarray, np.ndarray]


def tasks(folder: str | None, seed: int) -> Iterator[Task]:
    """Name, X and y of each data set."""
    X, y = make_regression(800, 20, n_informative=8, n_targets=5, noise=20.0, random_state=seed)
    yield "linear, 5 numbers", X, y
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (1_000, 8))
    waves = np.sin(3 * X[:, :4]) * X[:, 4:] + X[:, :4] ** 2
    yield "waves, 4 numbers", X, waves + 0.1 * rng.normal(size=waves.shape)
    yield ("make_multilabel, 5 labels", *make_multilabel_classification(1_000, 20, n_classes=5, random_state=seed))
    yield ("linnerud, 3 numbers", *load_linnerud(return_X_y=True))
    for path in sorted(Path(folder).glob("*.npz")) if folder else ():
        with np.load(path) as arrays:
            if {"X", "y"} <= set(arrays) and arrays["y"].ndim == 2 and arrays["y"].shape[1] > 1:
                yield path.stem, arrays["X"], arrays["y"]


def error(y: np.ndarray, predicted: np.ndarray, *, labels: bool) -> float:
    """Share of wrong labels, or the mean RMSE in units of the deviation of each target."""
    if labels:
        return float(((y != predicted).sum() + 0.5) / (y.size + 1))
    return float(np.mean(np.sqrt(((y - predicted) ** 2).mean(axis=0)) / y.std(axis=0)))


def show_times(seed: int) -> None:
    """Print the seconds of five targets over those of one, by family."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(1_000, 64))
    numbers = X[:, :5] * X[:, 5:10] + X[:, 10:15] + 0.3 * rng.normal(size=(1_000, 5))
    print(f"{'family':10} {'y':8} {'five':>6} {'one':>6} {'ratio':>6}")
    for labels in (False, True):
        scorer = get_scorer("f1_macro" if labels else "r2")
        y = (numbers > 0).astype(np.int64) if labels else numbers
        for family in (Linear(), Tree(), MLP(), SVM(), Kernels()):
            layout = Layout(8, 8) if family.needs.grid else None
            problem = Problem("classification" if labels else "regression", *X.shape, layout=layout)
            if labels:
                problem = replace(problem, n_classes=2, smallest_class=450)
            several = replace(problem, objective=objective_of(scorer, y, classification=labels))
            shared = (p for p in family.defaults(several) if n_fits(family.build(p, several, 0), p, several) == 1)
            params = next(shared, None)
            if params is None:
                continue
            seconds = {}
            for name, target, seen in (("five", y, several), ("one", y[:, 0], problem)):
                each = []
                for _ in range(3):
                    began = time.process_time()
                    fit_steps(family, params, seen, 0, X, target, None, Deadline())
                    each.append(time.process_time() - began)
                seconds[name] = min(each)
            five, one = seconds["five"], seconds["one"]
            kind = "labels" if labels else "numbers"
            print(f"{family.name:10} {kind:8} {five:6.2f} {one:6.2f} {five / one:6.2f}", flush=True)


def main() -> None:
    """Print a line for each data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", metavar="DIR", help="folder with .npz files")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--times", action="store_true", help="seconds of several targets against one, by family")
    arguments = parser.parse_args()
    if arguments.times:
        show_times(arguments.seed)
        return
    ratios = []
    print(f"{'data':28} {'together':>9} {'apart':>9} {'ratio':>6} {'seconds':>8}")
    for name, X, y in tasks(arguments.data, arguments.seed):
        labels = bool(np.isin(y, (0, 1)).all())
        train, test, known, truth = train_test_split(X, y, test_size=0.3, random_state=arguments.seed)
        ours, wrapper = (
            (AutoArchClassifier, MultiOutputClassifier) if labels else (AutoArchRegressor, MultiOutputRegressor)
        )
        settings = {"random_state": arguments.seed, "verbose": 0}
        began = time.monotonic()
        together = ours(arguments.seconds, **settings).fit(train, known)
        seconds = time.monotonic() - began
        apart = wrapper(ours(arguments.seconds / y.shape[1], **settings)).fit(train, known)
        errors = [error(truth, model.predict(test), labels=labels) for model in (together, apart)]
        ratios.append(errors[0] / errors[1])
        print(f"{name:28} {errors[0]:9.4f} {errors[1]:9.4f} {ratios[-1]:6.3f} {seconds:8.1f}", flush=True)
    print(f"geometric mean of ratios {np.exp(np.mean(np.log(ratios))):.3f}")


if __name__ == "__main__":
    main()
