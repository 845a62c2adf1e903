"""Scores computed from stored predictions, so that one set of predictions serves every score.

A trial's predictions on its validation rows are kept. Scorers take an estimator: ``StoredPredictions``
acts as one and returns what was stored.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer, get_scorer_names, log_loss, mean_squared_error

from autoarch._core.checks import did_you_mean
from autoarch.exceptions import ParameterError

_DEFAULTS = {"classification": "accuracy", "regression": "r2"}


@dataclass(frozen=True, eq=False)
class Predictions:
    """Out-of-fold predictions of a candidate.

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
        """Join the predictions of several folds."""
        rows, values = ([getattr(part, name) for part in parts] for name in ("rows", "values"))
        return Predictions(np.concatenate(rows), np.concatenate(values))

    def at(self, positions: np.ndarray) -> Predictions:
        """Select the predictions at some positions (not row numbers)."""
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
        self.classes = self.classes_ = classes

    def predict_proba(self, X: Any) -> np.ndarray:
        return self._stored(X)

    def predict(self, X: Any) -> np.ndarray:
        return self.classes[self._stored(X).argmax(axis=1)]


class _StoredRegressor(RegressorMixin, StoredPredictions):
    pass


class Scorer:
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
        self.function = resolve_scorer(scoring, task)
        self.name = scoring if isinstance(scoring, str) else _DEFAULTS[task] if scoring is None else str(scoring)
        self.X, self.y, self.sample_weight, self.classes = X, y, sample_weight, classes
        self._weighted = sample_weight is not None and _takes_weights(self.function)
        self._blind = hasattr(self.function, "_score_func")  # scikit-learn's own look at X through the estimator alone

    def score(self, predictions: Predictions) -> float:
        """Compute the user's score, greater is better."""
        try:
            return self._score(predictions, self.classes)
        except ValueError:  # some classes may be missing among the rows, as rare ones may be
            there = np.isin([] if self.classes is None else self.classes, self.y[predictions.rows])
            if not 2 <= there.sum() < len(there):
                raise
            some = predictions.values[:, there] + 1e-12  # given that the class is one of those that are there
            among = Predictions(predictions.rows, some / some.sum(axis=1, keepdims=True))
            return self._score(among, self.classes[there])  # type: ignore[index]

    def _score(self, predictions: Predictions, classes: np.ndarray | None) -> float:
        rows, values = predictions.rows, predictions.values
        estimator = _StoredRegressor(values) if classes is None else _StoredClassifier(values, classes)
        weights = {"sample_weight": self.sample_weight[rows]} if self._weighted else {}  # type: ignore[index]
        X = rows[:, None] if self._blind else self.X[rows]
        return float(self.function(estimator, X, self.y[rows], **weights))

    def check(self, rows: np.ndarray, values: np.ndarray | None = None) -> None:
        """Score predictions, by default such that know nothing, so that a score that cannot work is found out at once.

        Raises
        ------
        ParameterError
            If the scorer raises or gives no finite number.
        """
        try:
            score = self.score(Predictions(rows, self._knowing_nothing(len(rows)) if values is None else values))
        except Exception as error:
            raise ParameterError(
                f"scoring={self.name} does not work here: {type(error).__name__}: {error}. Scorers see predict and, "
                "for classes, predict_proba; pass one that fits the labels and the number of classes."
            ) from error
        if not np.isfinite(score):
            raise ParameterError(
                f"scoring={self.name} is {score} on the {len(rows)} rows of the first split. Pass another score, or cv "
                "with more rows to judge on."
            )

    def _knowing_nothing(self, n: int) -> np.ndarray:
        if self.classes is None:
            return np.full(n, float(np.mean(self.y)))
        return np.full((n, len(self.classes)), 1.0 / len(self.classes))

    def tie_break(self, predictions: Predictions) -> float:
        """Compute the negative log-loss or mean squared error, greater is better."""
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


_RANGE = (-2.5, 2.5)  # natural logarithms of the temperature
_LEAST = 1e-6  # probability
_LEAST_ROWS = 20


def fitted_temperature(
    predictions: Predictions, y: np.ndarray, classes: np.ndarray, sample_weight: np.ndarray | None
) -> float:
    """The temperature that lowers the log-loss of predictions of rows that were left out, or 1.

    It must lower it on the other half of the rows, either half being tried: else the probabilities are left alone. One
    more row is counted as wrong than was, in equal parts for all classes: where every row is right, nothing else would
    keep the probabilities from being driven to 0 and 1.

    Parameters
    ----------
    predictions : Predictions
        Probabilities in the order of ``classes``.
    y : ndarray of shape (n,)
        Labels of all rows.
    classes : ndarray
        Sorted labels.
    sample_weight : ndarray of shape (n,) or None
        Weights of all rows.

    Returns
    -------
    float
        Above 1 where the probabilities are too sure of themselves.
    """
    rows = predictions.rows
    if len(rows) < _LEAST_ROWS:
        return 1.0
    codes = np.searchsorted(classes, y[rows])
    weight = np.ones(len(rows)) if sample_weight is None else sample_weight[rows]
    logs = np.log(np.maximum(predictions.values, _LEAST))
    halves = [np.arange(len(rows)) % 2 == half for half in (0, 1)]
    with_it = without = 0.0
    for half in halves:
        temperature = _best(logs[half], codes[half], weight[half])
        with_it += _loss(temperature, logs[~half], codes[~half], weight[~half])
        without += _loss(1.0, logs[~half], codes[~half], weight[~half])
    return _best(logs, codes, weight) if with_it < without else 1.0


def _best(logs: np.ndarray, codes: np.ndarray, weight: np.ndarray) -> float:
    found = minimize_scalar(lambda log: _loss(np.exp(log), logs, codes, weight), bounds=_RANGE, method="bounded")
    return float(np.exp(found.x))


def _loss(temperature: float, logs: np.ndarray, codes: np.ndarray, weight: np.ndarray) -> float:
    cooled = log_softmax(logs / temperature, axis=1)
    of_any = cooled.mean(axis=1) @ weight / max(weight.sum(), 1e-12)
    return -float(cooled[np.arange(len(codes)), codes] @ weight + of_any * weight.mean())


def tempered(proba: np.ndarray, temperature: float) -> np.ndarray:
    """The same probabilities at another temperature; which is largest does not change.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._search.scoring import tempered
    >>> tempered(np.array([[0.8, 0.2]]), 2.0).round(3)
    array([[0.667, 0.333]])
    """
    if temperature == 1.0:
        return proba
    return np.exp(log_softmax(np.log(np.maximum(proba, _LEAST)) / temperature, axis=1))
