"""Errors on several targets against a search for each target at the same total time.

python several_targets.py --seconds 30
python several_targets.py --data ../data --seconds 60

Generated tables, and arrays of a folder: every .npz there with ``X`` and a matrix ``y`` of numbers or indicators. Each
is split 70/30; ``together`` is one search on all targets, ``apart`` is scikit-learn's MultiOutput wrapper around the
same estimator, each target with its part of the seconds. Errors are mean RMSE in units of each target's deviation, or
the share of wrong labels, (errors + .5) / (labels + 1). The last line is the geometric mean of the ratios.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.datasets import load_linnerud, make_multilabel_classification, make_regression
from sklearn.model_selection import train_test_split
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor

from autoarch import AutoArchClassifier, AutoArchRegressor

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


def main() -> None:
    """Print a line for each data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", metavar="DIR", help="folder with .npz files")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
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
