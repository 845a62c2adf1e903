"""Do stated errors of the score hold on rows that fit never saw?

    python row_errors.py                   # estimate against the truth over data sets drawn anew, six kinds
    python row_errors.py --folds           # of one model on five folds, without a search and unwidened

Independent rows (300 of two classes, 200 of numbers, 400 with one of the second class in ten, by F1 and its macro mean)
and 40 groups of 15 rows, whose members share features and a part of the label; six candidates, linear models and trees.
The truth is the score of the handed-over model on 6,000 new rows, or on 500 new groups.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, get_scorer, r2_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from autoarch import AutoArchClassifier, AutoArchRegressor

SETTINGS = {"time_budget": None, "n_trials": 6, "layout": None, "random_state": 0, "verbose": 0}
KINDS = ("rows, classes", "rows, numbers", "groups, classes", "groups, numbers", "rows, f1", "rows, f1_macro")
SCORES = {"classes": "accuracy", "numbers": "r2"}
Rows = tuple[np.ndarray, np.ndarray, np.ndarray | None]


def main() -> None:
    """Print a line for each kind of data."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=25)
    parser.add_argument("--only", nargs="*", default=KINDS)
    parser.add_argument("--folds", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    one = on_folds if arguments.folds else errors
    for kind in arguments.only:
        told = pd.DataFrame([one(kind, draw) for draw in range(arguments.draws)], columns=["apart", "error"])
        z = told["apart"] / told["error"]
        print(
            f"{kind:<16} mean difference {told['apart'].mean():+.3f}, its deviation {told['apart'].std():.3f}, stated "
            f"error {told['error'].mean():.3f}, root mean square in stated errors {np.sqrt(np.mean(z**2)):.2f}",
            flush=True,
        )


def drawn(kind: str, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Rows to learn from, and new ones."""
    groups, what = kind.split(", ")
    weights = np.random.default_rng(5).normal(size=6)
    if groups == "groups":
        return tuple(of_groups(rng, k, weights, what == "classes") for k in (40, 500))
    n, share = {"classes": (300, 0.5), "numbers": (200, None)}.get(what, (400, 0.1))
    return tuple(of_rows(rng, rows, weights, share) for rows in (n, 6_000))


def on_folds(kind: str, draw: int) -> tuple[float, float]:
    """Estimate minus truth of a linear model, and the error that bootstrap samples of units give, unwidened."""
    rng, classes = np.random.default_rng([11, draw]), kind.endswith("classes")
    (X, y, who), (Z, z, _) = drawn(kind, rng)
    unit = np.arange(len(y)) if who is None else who
    model, score = (LogisticRegression(), accuracy_score) if classes else (Ridge(), r2_score)
    left_out = cross_val_predict(model, X, y, groups=unit, cv=GroupKFold(5, shuffle=True, random_state=0))
    rows = [np.flatnonzero(unit == each) for each in np.unique(unit)]
    k, scores = len(rows), []
    for _ in range(60):
        some = np.concatenate([rows[each] for each in rng.integers(k, size=k)])
        scores.append(score(y[some], left_out[some]))
    error = np.std(scores, ddof=1) * np.sqrt(k / (k - 1))
    return score(y, left_out) - score(z, model.fit(X, y).predict(Z)), error


def errors(kind: str, draw: int) -> tuple[float, float]:
    """Estimate minus truth of one data set, and the stated error."""
    what = kind.split(", ")[1]
    (X, y, who), (Z, z, _) = drawn(kind, np.random.default_rng([7, draw]))
    kind_of, scoring = AutoArchRegressor if what == "numbers" else AutoArchClassifier, SCORES.get(what, what)
    model = kind_of(families=["linear", "tree"], scoring=scoring, **SETTINGS).fit(X, y, groups=who)
    return model.estimated_score_ - get_scorer(scoring)(model, Z, z), model.estimated_score_std_error_


def of_rows(rng: np.random.Generator, n: int, weights: np.ndarray, share: float | None) -> Rows:
    """Independent rows, with numbers or a share of the second class."""
    X = rng.normal(size=(n, 6))
    score = X @ weights / np.linalg.norm(weights) + rng.normal(size=n)
    return X, score if share is None else (score > np.sqrt(2) * norm.isf(share)).astype(int), None


def of_groups(rng: np.random.Generator, k: int, weights: np.ndarray, classes: bool) -> Rows:
    """Groups of 15 rows."""
    who = np.repeat(np.arange(k), 15)
    X = 0.7 * (rng.normal(size=(k, 6))[who] + rng.normal(size=(len(who), 6)))
    noise = 0.7 * (rng.normal(size=k)[who] + rng.normal(size=len(who)))
    score = X @ weights + np.linalg.norm(weights) * noise
    return X, (score > 0).astype(int) if classes else score, who


if __name__ == "__main__":
    main()
