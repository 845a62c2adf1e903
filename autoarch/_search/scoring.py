"""Scores computed from stored predictions, so that one set of predictions serves every question asked of it.

A trial's predictions on its validation rows are kept. Scorers want an estimator: ``StoredPredictions`` stands in for
it and returns what was stored, whatever rows it is asked for.

Imports: numpy, scikit-learn.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer, get_scorer_names, log_loss, mean_squared_error

from autoarch._checks import did_you_mean
from autoarch.exceptions import ParameterError

_DEFAULTS = {"classification": "accuracy", "regression": "r2"}


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a candidate said of some rows.

    Parameters
    ----------
    rows : ndarray of int
        Row numbers in the training data.
    values : ndarray
        Predicted numbers, or probabilities in the order of the classes.
    """

    rows: np.ndarray
    values: np.ndarray

    @staticmethod
    def joined(parts: list[Predictions]) -> Predictions:
        """Predictions of several folds as one."""
        return Predictions(
            np.concatenate([part.rows for part in parts]), np.concatenate([part.values for part in parts])
        )

    def at(self, positions: np.ndarray) -> Predictions:
        """The predictions at some positions (not row numbers)."""
        return Predictions(self.rows[positions], self.values[positions])


class StoredPredictions(BaseEstimator):
    """An estimator that returns stored predictions."""

    def __init__(self, values: np.ndarray):
        self.values = values

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def _stored(self, X: Any) -> np.ndarray:
        if len(X) != len(self.values):
            raise ValueError(f"predictions of {len(self.values)} rows are stored, {len(X)} were asked for")
        return self.values

    def predict(self, X: Any) -> np.ndarray:
        """Numbers as stored."""
        return self._stored(X)


class _StoredClassifier(ClassifierMixin, StoredPredictions):
    def __init__(self, values: np.ndarray, classes: np.ndarray):
        super().__init__(values)
        self.classes = classes

    @property
    def classes_(self) -> np.ndarray:
        return self.classes

    def predict_proba(self, X: Any) -> np.ndarray:
        return self._stored(X)

    def predict(self, X: Any) -> np.ndarray:
        return self.classes[self._stored(X).argmax(axis=1)]


class _StoredRegressor(RegressorMixin, StoredPredictions):
    pass


class Judge:
    """Scores predictions by the user's scorer, and by log-loss or mean squared error when that ties.

    Parameters
    ----------
    scoring : str, callable or None
        As in scikit-learn; None is accuracy or R2.
    task : {"classification", "regression"}
        What is learned.
    X : ndarray of shape (n, p)
        Rows, handed to scorers that look at them.
    y : ndarray of shape (n,)
        Labels as the user gave them, or numbers.
    sample_weight : ndarray of shape (n,) or None
        Weights of the rows, for scorers that take them.
    classes : ndarray or None
        Sorted labels.
    """

    def __init__(
        self,
        scoring: str | Callable[..., float] | None,
        task: str,
        X: np.ndarray,
        y: np.ndarray,
        sample_weight: np.ndarray | None = None,
        classes: np.ndarray | None = None,
    ):
        self.scorer = resolve_scorer(scoring, task)
        self.name = scoring if isinstance(scoring, str) else _DEFAULTS[task] if scoring is None else str(scoring)
        self.X, self.y, self.sample_weight, self.classes = X, y, sample_weight, classes
        self._weighted = sample_weight is not None and _takes_weights(self.scorer)

    def score(self, predictions: Predictions) -> float:
        """The user's score, greater is better."""
        rows, values = predictions.rows, predictions.values
        estimator = (
            _StoredRegressor(values) if self.classes is None else _StoredClassifier(values, self.classes)
        )
        weights = {"sample_weight": self.sample_weight[rows]} if self._weighted else {}  # type: ignore[index]
        return float(self.scorer(estimator, self.X[rows], self.y[rows], **weights))

    def tie_break(self, predictions: Predictions) -> float:
        """Negative log-loss or mean squared error, greater is better."""
        rows, values = predictions.rows, predictions.values
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        if self.classes is None:
            return -float(mean_squared_error(self.y[rows], values, sample_weight=weight))
        return -float(log_loss(self.y[rows], values, labels=self.classes, sample_weight=weight))


def resolve_scorer(scoring: str | Callable[..., float] | None, task: str) -> Callable[..., float]:
    """Return the scorer that ``scoring`` names.

    Raises
    ------
    ParameterError
        If it is neither a known name nor callable.
    """
    if scoring is None:
        scoring = _DEFAULTS[task]
    if callable(scoring):
        return scoring
    names = get_scorer_names()
    if not isinstance(scoring, str) or scoring not in names:
        raise ParameterError(
            f"scoring={scoring!r} is not known; expected None, a callable (estimator, X, y), or one of the names of "
            f"sklearn.metrics.get_scorer_names().{did_you_mean(scoring, names)}"
        )
    return get_scorer(scoring)


def _takes_weights(scorer: Any) -> bool:
    function = getattr(scorer, "_score_func", scorer)
    try:
        return "sample_weight" in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
