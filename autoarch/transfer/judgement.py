"""What became of a net that goes on, by the estimator's own score, on rows that were held out of a first training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from autoarch._core.clock import Deadline
from autoarch._search.estimate import bootstrap_error
from autoarch._search.evaluate import aligned, fit_steps
from autoarch._search.scoring import Judge, Predictions, tempered
from autoarch.families.base import Problem
from autoarch.families.registry import resolve_families

_HELD_OUT = 0.2  # of the rows, to judge on
_FEWEST = 10  # rows of which a fifth can be held out
_RIVALS = ("linear", "tree")

Rows = tuple[np.ndarray, np.ndarray]
Train = Callable[[Rows, "Rows | None"], Pipeline]


def joined(new: Rows, old: Rows | None) -> Rows:
    """New rows, then old ones."""
    return new if old is None else (np.concatenate([new[0], old[0]]), np.concatenate([new[1], old[1]]))


def judged(
    estimator: Any, train: Train, new: Rows, old: Rows | None, labels: np.ndarray | None, seed: int
) -> dict[str, Any]:
    """Scores before and after, and what quick rivals do on the same rows; nothing for few rows.

    Parameters
    ----------
    estimator : AutoArchClassifier or AutoArchRegressor
        As it was.
    train : callable
        Makes a trained pipeline of new and old rows.
    new, old : pair of ndarray
        Rows as the models see them, with labels or numbers; no old ones without rehearsal.
    labels : ndarray or None
        Old and new ones, sorted; None for numbers.
    seed : int
        Of what is held out and of the rivals.
    """
    if any(len(rows[1]) < _FEWEST for rows in (new, old) if rows is not None):
        return {}
    train_new, test_new = _split(new, labels, seed)
    train_old, test_old = (None, None) if old is None else _split(old, labels, seed)
    X, y = joined(test_new, test_old)
    judge = Judge(estimator.scoring, "regression" if labels is None else "classification", X, y, classes=labels)
    tuned = train(train_new, train_old)
    before = _said(estimator.best_estimator_[1:], X, labels, estimator.temperature_ if labels is not None else 1.0)
    after = _said(tuned, X, labels)
    place = np.arange(len(y))
    kinds = {"new": place[: len(test_new[1])], "old": place[len(test_new[1]) :]}
    scores: dict[str, Any] = {"metric": judge.name}
    for kind, rows in kinds.items():
        if len(rows):
            scores[f"{kind}_before"] = _score(judge, before, rows)
            scores[f"{kind}_after"] = _score(judge, after, rows)
    if test_old is not None:
        scores["rivals"] = _rivals(judge, after, joined(train_new, train_old), labels, seed)
    return scores


def _split(rows: Rows, labels: np.ndarray | None, seed: int) -> tuple[Rows, Rows]:
    X, y = rows
    enough = labels is not None and np.unique(y, return_counts=True)[1].min() * _HELD_OUT >= 1
    parts = train_test_split(X, y, test_size=_HELD_OUT, random_state=seed, stratify=y if enough else None)
    return (parts[0], parts[2]), (parts[1], parts[3])


def _said(model: Any, X: np.ndarray, labels: np.ndarray | None, temperature: float = 1.0) -> np.ndarray:
    if labels is None:
        return model.predict(X)
    return aligned(tempered(model.predict_proba(X), temperature), model.classes_, labels)


def _score(judge: Judge, said: np.ndarray, rows: np.ndarray) -> float:
    """NaN where the score cannot be told from these rows, such as an area under a curve of one class."""
    try:
        return judge.score(Predictions(rows, said[rows]))
    except ValueError:
        return float("nan")


def _rivals(
    judge: Judge, after: np.ndarray, train: Rows, labels: np.ndarray | None, seed: int
) -> dict[str, tuple[float, float]]:
    """Leads of quick models of other families over the tuned net, with standard errors over the rows."""
    X, y = train
    seen = None if labels is None else np.unique(y)
    problem = Problem(
        task="regression" if labels is None else "classification",
        n_samples=len(X),
        n_features=X.shape[1],
        n_classes=0 if seen is None else len(seen),
        smallest_class=0 if seen is None else int(np.unique(y, return_counts=True)[1].min()),
        has_missing=bool(np.isnan(X).any()),
    )
    rows = np.arange(len(after))
    leads = {}
    for family in resolve_families(_RIVALS):
        rival = fit_steps(family, family.defaults(problem)[0], problem, seed, X, y, None, Deadline())
        said = _said(rival, judge.X, labels)
        lead = _score(judge, said, rows) - _score(judge, after, rows)
        error = bootstrap_error(
            Predictions(rows, said), judge, np.random.default_rng(seed), over=Predictions(rows, after)
        )
        leads[family.name] = (lead, error)
    return leads
