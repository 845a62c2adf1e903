"""Report on an estimator that was trained further: scores on rows held out of a first training, and the conclusion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from autoarch._core.clock import Deadline
from autoarch._search.calibration import tempered
from autoarch._search.estimate import bootstrap_error
from autoarch._search.evaluate import fit_steps
from autoarch._search.predicted import aligned, predict_values
from autoarch._search.scoring import Predictions, Scorer
from autoarch.families.base import Problem
from autoarch.families.registry import resolve_families
from autoarch.transfer.comparison import named

_HELD_OUT = 0.2  # of the rows, to score on
_FEWEST = 10  # rows of which a fifth can be held out
_RIVALS = ("linear", "tree")
_SURE = 2.0  # standard errors by which a rival must be better for a new search to pay
Rows = tuple[np.ndarray, np.ndarray]
Train = Callable[[Rows, "Rows | None"], Pipeline]


@dataclass(frozen=True)
class FineTuning:
    """Result of training an estimator further on new rows.

    Scores are those of the estimator's ``scoring``, on rows that were held out of a first training; the final one takes
    all rows.

    Parameters
    ----------
    n_new, n_rehearsed : int
        Rows that were new, and old ones that were trained along.
    new_classes : tuple
        Labels that the estimator did not know.
    new_before, new_after : float
        Score on new rows; NaN where they were too few to hold some out.
    old_before, old_after : float
        Score on rehearsal rows; NaN without them.
    rivals : mapping of str to tuple of float
        How much better than the fine-tuned net quick models of other families are on all held-out rows, and the
        standard error; None where they were not compared.
    metric : str
        What the scores are; greater is better.
    seconds : float
        Everything together.
    """

    n_new: int
    n_rehearsed: int
    new_classes: tuple[Any, ...] = ()
    new_before: float = float("nan")
    new_after: float = float("nan")
    old_before: float = float("nan")
    old_after: float = float("nan")
    rivals: Mapping[str, tuple[float, float]] | None = None
    metric: str = "accuracy"
    seconds: float = 0.0

    @property
    def search_pays(self) -> bool | None:
        """True if a quick model of another family is better already, so that a new search pays; None if unknown."""
        if not self.rivals:
            return None
        return any(gain > _SURE * error for gain, error in self.rivals.values())

    @property
    def sentences(self) -> tuple[str, ...]:
        """Gain on new rows, loss on old ones, and a recommendation about a new search."""
        lines = [f"{self.n_new} new rows, {self.n_rehearsed} old ones rehearsed."]
        if self.new_classes:
            lines.append(f"New classes: {', '.join(map(str, self.new_classes))}.")
        pairs = {"new": (self.new_before, self.new_after), "old": (self.old_before, self.old_after)}
        for kind, (before, after) in pairs.items():
            if np.isfinite(after):
                lines.append(f"On {kind} rows {named(self.metric)} {before:.3f} before, {after:.3f} after.")
        if not np.isfinite(self.old_after):
            few = "too few rows, or rows that have no such score"
            reason = few if self.n_rehearsed else "pass rehearsal=(X_old, y_old)"
            lines.append(f"What was forgotten is not known: {reason}.")
        if self.search_pays and self.rivals:
            name, (gain, error) = max(self.rivals.items(), key=lambda item: item[1][0])
            lines.append(f"A new search would pay: a quick {name} model is better by {gain:.3f} ± {error:.3f}.")
        elif self.search_pays is False:
            lines.append("No quick model of another family is better; a new search is not needed for that.")
        return tuple(lines)

    def __str__(self) -> str:
        return "\n".join(self.sentences)


def joined(new: Rows, old: Rows | None) -> Rows:
    """New rows, then old ones."""
    return new if old is None else (np.concatenate([new[0], old[0]]), np.concatenate([new[1], old[1]]))


def held_out_scores(
    estimator: Any, train: Train, new: Rows, old: Rows | None, labels: np.ndarray | None, seed: int
) -> dict[str, Any]:
    """Scores before and after, and those of quick models of other families on the same rows; nothing for few rows.

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
    scorer = Scorer(estimator.scoring, "regression" if labels is None else "classification", X, y, classes=labels)
    model = estimator.best_estimator_[1:]
    if labels is None:
        before = model.predict(X)
    else:
        before = aligned(tempered(model.predict_proba(X), estimator.temperature_), model.classes_, labels)
    after = predict_values(train(train_new, train_old), X, labels)
    is_new = np.arange(len(y)) < len(test_new[1])
    scores: dict[str, Any] = {"metric": scorer.name}
    for kind, rows in (("new", np.flatnonzero(is_new)), ("old", np.flatnonzero(~is_new))):
        if len(rows):
            scores[f"{kind}_before"] = _score(scorer, before, rows)
            scores[f"{kind}_after"] = _score(scorer, after, rows)
    if test_old is not None:
        scores["rivals"] = _rivals(scorer, after, joined(train_new, train_old), labels, seed)
    return scores


def _split(rows: Rows, labels: np.ndarray | None, seed: int) -> tuple[Rows, Rows]:
    X, y = rows
    enough = labels is not None and np.unique(y, return_counts=True)[1].min() * _HELD_OUT >= 1
    parts = train_test_split(X, y, test_size=_HELD_OUT, random_state=seed, stratify=y if enough else None)
    return (parts[0], parts[2]), (parts[1], parts[3])


def _score(scorer: Scorer, predicted: np.ndarray, rows: np.ndarray) -> float:
    """NaN where these rows have no score, such as an area under a curve of one class."""
    try:
        return scorer.score(Predictions(rows, predicted[rows]))
    except ValueError:
        return float("nan")


def _rivals(
    scorer: Scorer, after: np.ndarray, train: Rows, labels: np.ndarray | None, seed: int
) -> dict[str, tuple[float, float]]:
    """Leads of quick models of other families over the tuned net, with standard errors over the rows."""
    X, y = train
    counts = [] if labels is None else np.unique(y, return_counts=True)[1].tolist()
    problem = Problem(
        task="regression" if labels is None else "classification",
        n_samples=len(X),
        n_features=X.shape[1],
        n_classes=len(counts),
        smallest_class=min(counts, default=0),
        has_missing=bool(np.isnan(X).any()),
    )
    rows = np.arange(len(after))
    leads = {}
    for family in resolve_families(_RIVALS):
        rival = fit_steps(family, family.defaults(problem)[0], problem, seed, X, y, None, Deadline())
        predicted = predict_values(rival, scorer.X, labels)
        lead = _score(scorer, predicted, rows) - _score(scorer, after, rows)
        pair = Predictions(rows, predicted), Predictions(rows, after)
        leads[family.name] = (lead, bootstrap_error(pair[0], scorer, np.random.default_rng(seed), over=pair[1]))
    return leads
