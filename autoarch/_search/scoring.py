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
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer, get_scorer_names, mean_squared_error

from autoarch._core.checks import did_you_mean, shown
from autoarch._search.label_thresholds import label_thresholds, moved_labels
from autoarch._search.threshold import (
    DEFAULT,
    best_threshold,
    depends_on_labels,
    moved,
    score_by_counts,
    threshold_counts,
)
from autoarch._training.labels import has_labels, pairs
from autoarch.exceptions import ParameterError

_UNITS = ("r2", "neg_mean_squared_error", "neg_root_mean_squared_error", "neg_mean_absolute_error")
_LEAST = 1e-6  # probability
_FEWEST_UNITS = 5  # with fewer, nothing is known of their spread
_BLOCKS = 10  # of rows, on each of which a score that is no mean over rows is computed
SPREAD = 0.6180339887498949  # deals row numbers evenly to blocks, without a seed
_OF_ONE_LABEL = ("neg_log_loss", "d2_log_loss_score")  # scikit-learn does not say no, but takes labels for classes
_DEFAULTS = {"classification": "accuracy", "regression": "r2"}


@dataclass(frozen=True, eq=False)
class Predictions:
    """Out-of-fold predictions of a candidate.

    Parameters
    ----------
    rows : ndarray of int
        Row numbers in the training data.
    values : ndarray
        Predicted numbers, (n,) or (n, k); probabilities in the order of the classes; of several labels, those of having
        each, (n, k).
    """

    rows: np.ndarray
    values: np.ndarray

    @staticmethod
    def joined(parts: list[Predictions]) -> Predictions:
        """Join the predictions of several folds; those of a single one are not copied."""
        if len(parts) == 1:
            return parts[0]
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
        self.classes = classes
        self.classes_: Any = classes
        self.threshold = DEFAULT  # of two classes

    def predict_proba(self, X: Any) -> np.ndarray:
        return self._stored(X)

    def predict(self, X: Any) -> np.ndarray:
        if self.threshold != DEFAULT:
            return self.classes[(self._stored(X)[:, 1] >= self.threshold).astype(int)]
        return self.classes[self._stored(X).argmax(axis=1)]


class _StoredLabels(_StoredClassifier):
    """Several labels, whose probabilities of having each are stored."""

    def __init__(self, values: np.ndarray, classes: np.ndarray):
        super().__init__(values, classes)
        self.classes_: Any = [classes] * values.shape[1]

    def predict_proba(self, X: Any) -> Any:
        return pairs(self._stored(X))

    def predict(self, X: Any) -> np.ndarray:
        return has_labels(self._stored(X), self.threshold)


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
    y : ndarray of shape (n,) or (n, k)
        Labels as the user gave them, or numbers; of several targets, numbers or indicators.
    sample_weight : ndarray of shape (n,) or None
        Weights of the rows, for scorers that take them.
    classes : ndarray or None
        Sorted labels.
    threshold : float, "auto" or "default", default="default"
        Probability from which on the second of two classes is predicted; "auto" chooses it where the score asks for it.
    """

    def __init__(
        self,
        scoring: str | Callable[..., float] | None,
        task: str,
        X: np.ndarray,
        y: np.ndarray,
        sample_weight: np.ndarray | None = None,
        classes: np.ndarray | None = None,
        threshold: float | str = "default",
    ):
        self.function = resolve_scorer(scoring, task)
        self.name = scoring if isinstance(scoring, str) else _DEFAULTS[task] if scoring is None else shown(scoring)
        self.several_labels = classes is not None and y.ndim == 2
        self.X, self.y, self.sample_weight = X, y, sample_weight
        self.classes: Any = np.arange(2) if self.several_labels else classes
        if self.several_labels and self.name in _OF_ONE_LABEL:
            raise ParameterError(
                f"scoring={self.name!r} takes the labels of a row for classes that exclude each other, and y has "
                f"{y.shape[1]} labels. Pass a score of several labels, such as 'f1_macro' or 'roc_auc'."
            )
        self.units: np.ndarray | None = None  # codes of what is independent, where rows are not
        self.reference_variance: Any = None  # of y, for R2 where splits are too alike within to have their own
        self._weighted = sample_weight is not None and _takes_weights(self.function)
        self._blind = hasattr(self.function, "_score_func")  # scikit-learn's own look at X through the estimator alone
        self.fixed = DEFAULT if isinstance(threshold, str) else float(threshold)
        if not isinstance(threshold, str) and (classes is None or len(classes) != 2):
            n_classes = 0 if classes is None else len(classes)
            raise ParameterError(
                f"threshold={threshold:g} was given, and y has {n_classes} classes; a threshold is for two. Pass "
                "threshold='auto'."
            )
        self.tunes = threshold == "auto" and classes is not None and len(classes) == 2 and self._asks_for_threshold()
        self.counts_labels = classes is not None and not self.tunes and self.name == "accuracy"
        one_label = self.tunes and not self.several_labels
        self._by_counts = score_by_counts(self.function, classes) if one_label and classes is not None else None

    def _asks_for_threshold(self) -> bool:
        assert self.classes is not None
        classes = self.classes

        def score(proba: np.ndarray, threshold: float) -> float:
            stored = np.column_stack([1.0 - proba, proba])
            if self.several_labels:
                stored = np.column_stack([np.roll(proba, label) for label in range(self.y.shape[1])])
            estimator = self._stored(stored[: len(self.y)], classes)
            estimator.threshold = threshold
            X = self.X[: len(proba)]
            return float(self.function(estimator, X, self.y[: len(proba)]))

        return depends_on_labels(self.function, self.name, score)

    def threshold_of(self, predictions: Predictions) -> Any:
        """Probability from which on the second class is predicted, chosen on these rows where the score asks for it.

        Of several labels, one for each.
        """
        if not self.tunes or self.classes is None:
            return self.fixed
        if self.several_labels:
            return label_thresholds(
                predictions.values,
                self.y[predictions.rows] == 1,
                lambda each: self.score_or_nan(self.decided(predictions, each)),
            )
        rows, proba = predictions.rows, predictions.values[:, 1]
        second = self.y[rows] == self.classes[1]
        counted = second.any() and not second.all()

        def scores_of(thresholds: np.ndarray) -> np.ndarray:
            if self._by_counts is None or not counted:
                return np.array([self.score_or_nan(self.decided(predictions, each)) for each in thresholds])
            return self._by_counts(threshold_counts(proba, second, self._weights_of(rows), thresholds))

        return best_threshold(proba, second, scores_of)

    def decided(self, predictions: Predictions, threshold: Any = None) -> Predictions:
        """Predictions whose likeliest class is that which the threshold decides for, by default their own."""
        if not self.tunes and self.fixed == DEFAULT:
            return predictions
        threshold = self.threshold_of(predictions) if threshold is None else threshold
        move = moved_labels if self.several_labels else moved
        return Predictions(predictions.rows, move(predictions.values, threshold))

    def score(self, predictions: Predictions) -> float:
        """Compute the user's score, greater is better."""
        try:
            return self._score(predictions, self.classes)
        except ValueError:  # some classes may be missing among the rows, as rare ones may be
            there = np.isin([] if self.classes is None else self.classes, self.y[predictions.rows])
            if self.several_labels or not 2 <= there.sum() < len(there):
                raise
            some = predictions.values[:, there] + 1e-12  # given that the class is one of those that are there
            among = Predictions(predictions.rows, some / some.sum(axis=1, keepdims=True))
            return self._score(among, self.classes[there])

    def split_score(self, predictions: Predictions) -> float:
        """Compute the score by which candidates are compared on one split."""
        if self.name != "r2" or self.reference_variance is None:
            return self.score(predictions)
        rows = predictions.rows
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        errors = mean_squared_error(self.y[rows], predictions.values, sample_weight=weight, multioutput="raw_values")
        return 1.0 - float(np.mean(errors / np.maximum(self.reference_variance, 1e-300)))

    def _score(self, predictions: Predictions, classes: np.ndarray | None) -> float:
        rows, values = predictions.rows, predictions.values
        weight = self._weights_of(rows)
        if self._by_counts is not None:
            second = self.y[rows] == self.classes[1]
            if second.any() and not second.all():
                cells = np.bincount(2 * second + values.argmax(axis=1), weight, minlength=4)
                return float(self._by_counts(cells.reshape(2, 2)))
        estimator = self._stored(values, classes)
        weights = {} if weight is None else {"sample_weight": weight}
        X = rows[:, None] if self._blind else self.X[rows]
        return float(self.function(estimator, X, self.y[rows], **weights))

    def _weights_of(self, rows: np.ndarray) -> np.ndarray | None:
        """Weights of rows, where the scorer takes them."""
        return self.sample_weight[rows] if self._weighted and self.sample_weight is not None else None

    def _stored(self, values: np.ndarray, classes: np.ndarray | None) -> StoredPredictions:
        """An estimator that predicts as stored."""
        if classes is None:
            return _StoredRegressor(values)
        return (_StoredLabels if self.several_labels else _StoredClassifier)(values, classes)

    def unit_losses(self, predictions: Predictions) -> np.ndarray:
        """Losses of independent units whose mean, its sign turned, is the score up to a constant.

        Units are rows where the score is a mean over rows, or groups of these that depend on each other; else blocks of
        rows, NaN where a block's score is undefined.
        """
        losses, n = self._row_losses(predictions), len(predictions.rows)
        unit = predictions.rows if self.units is None else self.units[predictions.rows]
        if losses is not None:
            weight = None if self.sample_weight is None else self.sample_weight[predictions.rows]
            losses = losses if weight is None else losses * weight / max(float(weight.mean()), 1e-300)
            sums = losses if self.units is None else per_unit(losses, unit)
            return losses if len(sums) < _FEWEST_UNITS else sums
        blocks = np.array_split(np.argsort(unit * SPREAD % 1.0, kind="stable"), min(_BLOCKS, n))
        return np.array([-self.score_or_nan(predictions.at(block)) for block in blocks])

    def _row_losses(self, predictions: Predictions) -> np.ndarray | None:
        rows, values = predictions.rows, predictions.values
        y = self.y[rows]
        if self.several_labels:  # all labels of a row must be right
            wrong = has_labels(values, DEFAULT) != y
            return wrong.any(axis=1).astype(np.float32) if self.name == "accuracy" else None
        if self.name in ("accuracy", "neg_log_loss") and self.classes is not None:
            codes = np.searchsorted(self.classes, y)
            if self.name == "accuracy":
                return (values.argmax(axis=1) != codes).astype(np.float32)
            return -np.log(np.maximum(values[np.arange(len(rows)), codes], _LEAST)).astype(np.float32)
        if self.classes is not None or self.name not in _UNITS:
            return None
        error = np.asarray(values - y, dtype=np.float64)
        squares = error**2
        unit = {
            "r2": np.var(y, axis=0) if self.reference_variance is None else self.reference_variance,
            "neg_mean_squared_error": 1.0,
            "neg_root_mean_squared_error": 2 * np.sqrt(squares.mean(axis=0)),
        }
        absolute = self.name == "neg_mean_absolute_error"
        losses = np.abs(error) if absolute else squares / np.maximum(unit[self.name], 1e-300)
        return losses if losses.ndim == 1 else losses.mean(axis=1)

    def score_or_nan(self, predictions: Predictions) -> float:
        """Compute the score; NaN where the rows lack what it needs (two classes, two rows)."""
        try:
            return self.score(predictions)
        except ValueError:
            return float("nan")

    def defined_on(self, rows: np.ndarray) -> bool:
        """Return whether predictions of these rows, such as know nothing, have a finite score."""
        try:
            return bool(np.isfinite(self.score(Predictions(rows, self._knowing_nothing(len(rows))))))
        except Exception:  # of the user's own scorer, too
            return False

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
        if self.classes is None or self.several_labels:
            return np.full((n, *self.y.shape[1:]), np.mean(self.y, axis=0))
        return np.full((n, len(self.classes)), 1.0 / len(self.classes))

    def tie_break(self, predictions: Predictions) -> float:
        """Compute the negative log-loss or mean squared error; of several targets their mean, in units of deviation."""
        rows, values = predictions.rows, predictions.values
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        if self.several_labels:
            right = np.where(self.y[rows] == 1, values, 1.0 - values)
            return float(np.average(np.log(np.maximum(right, _LEAST)).mean(axis=1), weights=weight))
        if self.classes is None:
            errors = mean_squared_error(self.y[rows], values, sample_weight=weight, multioutput="raw_values")
            unit = np.maximum(np.var(self.y, axis=0), 1e-300) if self.y.ndim == 2 else 1.0
            return -float(np.mean(errors / unit))
        right = values[np.arange(len(rows)), np.searchsorted(self.classes, self.y[rows])] / values.sum(axis=1)
        return float(np.average(np.log(np.maximum(right, _LEAST)), weights=weight))


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
            f"scoring={shown(scoring)} is not known; expected None, a callable (estimator, X, y), or one of the names "
            f"of sklearn.metrics.get_scorer_names().{did_you_mean(scoring, names)}"
        )
    return get_scorer(scoring)


def _takes_weights(scorer: Any) -> bool:
    function = getattr(scorer, "_score_func", scorer)
    try:
        return "sample_weight" in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def per_unit(losses: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Sums of the losses of each unit of rows, scaled so that their mean is that of the rows."""
    codes = np.unique(units, return_inverse=True)[1]
    sums = np.bincount(codes, weights=losses)
    return sums * (len(sums) / max(len(losses), 1))
