"""Every scorer of scikit-learn that suits a task, each with a search of its own, against the best constant answer.

    python scorers.py                                  # three tasks, 10 s for each scorer
    python scorers.py --tasks binary --only f1 roc_auc

The tasks are generated tables of 900 rows, with a category and missing cells: two classes (a quarter of the rows has
the second), four classes with words as labels, and a positive number with a long tail. A scorer suits a task where it
gives a finite score for a constant answer, and is one of labels or of numbers as the task is. ``reached`` is the score
on 300 rows which the search has not seen, ``expected`` its own estimate, and ``constant`` that of the best of the
constants that scikit-learn's dummies give, on the same rows.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import get_scorer, get_scorer_names

from autoarch import AutoArchClassifier, AutoArchRegressor

ROWS, TRAINED = 900, 600
_BEST = 1.0  # where a constant has it, as in recall, there is nothing to gain
TASKS = ("binary", "several classes", "number")


def table(task: str, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Columns and what is to be predicted."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(ROWS, 5)), columns=list("abcde")).assign(colour=rng.choice(["red", "blue"], ROWS))
    signal = X["a"] + X["b"] * X["c"] + (X["colour"] == "red") + rng.logistic(scale=0.5, size=ROWS)
    X = X.mask(rng.random(X.shape) < 0.03)
    if task == "number":
        return X, np.exp(signal.to_numpy() / 4)
    shares = [0.75] if task == "binary" else [0.5, 0.8, 0.95]
    codes = np.digitize(signal, np.quantile(signal, shares))
    return X, codes if task == "binary" else np.array(["one", "two", "three", "four"])[codes]


def constants(task: str, X: Any, y: np.ndarray) -> list[Any]:
    """Answers that look at no column."""
    if task == "number":
        ranks = [DummyRegressor(strategy="quantile", quantile=level) for level in (0.1, 0.25, 0.5, 0.75, 0.9)]
        return [dummy.fit(X, y) for dummy in (DummyRegressor(), *ranks)]
    each = [DummyClassifier(strategy="constant", constant=label) for label in np.unique(y)]
    return [dummy.fit(X, y) for dummy in (DummyClassifier(strategy="prior"), *each)]


def suiting(task: str) -> list[str]:
    """Scorers of labels, or of numbers, that have a finite value for a constant."""
    of_labels, of_numbers = set(_finite("several classes")), set(_finite("number"))
    other = of_labels if task == "number" else of_numbers - of_labels
    return [name for name in _finite(task) if name not in other]


def _finite(task: str) -> Iterator[str]:
    X, y = table(task, 0)
    constant = constants(task, X, y)[0]
    for name in sorted(get_scorer_names()):
        try:
            if np.isfinite(get_scorer(name)(constant, X, y)):
                yield name
        except (ValueError, TypeError, AttributeError):
            continue


def main() -> None:
    """Print a line for each scorer of each task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=TASKS, choices=TASKS)
    parser.add_argument("--only", nargs="+", help="scorers by name")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    failed, below, n = [], [], 0
    print(f"{'task':16} {'scorer':36} {'reached':>9} {'constant':>9} {'expected':>9} winner")
    for task in arguments.tasks:
        X, y = table(task, arguments.seed)
        kind = AutoArchRegressor if task == "number" else AutoArchClassifier
        answers = constants(task, X[:TRAINED], y[:TRAINED])
        for name in suiting(task):
            if arguments.only and name not in arguments.only:
                continue
            n, scorer = n + 1, get_scorer(name)
            floor = max(scorer(answer, X[TRAINED:], y[TRAINED:]) for answer in answers)
            try:
                model = kind(arguments.seconds, scoring=name, random_state=arguments.seed, verbose=0)
                reached = scorer(model.fit(X[:TRAINED], y[:TRAINED]), X[TRAINED:], y[TRAINED:])
            except Exception as error:
                failed.append(f"{task}, {name}: {type(error).__name__}: {error}")
                continue
            if not (reached > floor or reached == floor == _BEST):
                below.append(f"{task}, {name}")
            numbers = f"{reached:9.4f} {floor:9.4f} {model.estimated_score_:9.4f}"
            print(f"{task:16} {name:36} {numbers} {model.best_family_}", flush=True)
    print(f"{n} searches, {len(failed)} failed, {len(below)} no better than a constant")
    for line in (*failed, *below):
        print(line)


if __name__ == "__main__":
    main()
