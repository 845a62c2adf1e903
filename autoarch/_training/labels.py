"""Probabilities of several labels: a list with an array of shape (n, 2) for each, as scikit-learn's forests give them.

Inside of a search they are one matrix, of the probabilities of having each label.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone

_EVEN = 0.5


def two_columns(proba: np.ndarray, classes: Any) -> np.ndarray:
    """Probabilities that a row has a label not, and has it, where a model may have seen one of both only."""
    proba = np.asarray(proba, dtype=np.float64)
    if proba.ndim == 2 and proba.shape[1] == 2:
        return proba
    has = np.full(len(proba), float(np.asarray(classes)[0] == 1))
    return np.column_stack([1.0 - has, has])


def label_pairs(model: Any, X: Any) -> list[np.ndarray]:
    """Probabilities of shape (n, 2) of each label, however a model gives them: a list as forests do, or a matrix."""
    found = model.predict_proba(X)
    if isinstance(found, list):
        return [two_columns(proba, classes) for proba, classes in zip(found, model.classes_, strict=True)]
    return pairs(np.asarray(found, dtype=np.float64))


def pairs(having: np.ndarray) -> list[np.ndarray]:
    """Probabilities as a list of (n, 2) from those of having each label, of shape (n, k)."""
    return [np.column_stack([1.0 - column, column]) for column in having.T]


def having(found: Sequence[np.ndarray]) -> np.ndarray:
    """Probabilities of having each label, of shape (n, k), from a list of (n, 2)."""
    return np.column_stack([proba[:, 1] for proba in found])


def classes_of(y: Any) -> list[np.ndarray]:
    """Classes of each label of indicators (n, k), as forests list them."""
    return [np.arange(2)] * np.shape(y)[1]


def likeliest(found: Sequence[np.ndarray]) -> np.ndarray:
    """Indicators of shape (n, k) of the labels that are likelier than not."""
    return np.column_stack([proba.argmax(axis=1) for proba in found])


def has_labels(proba: np.ndarray, threshold: Any) -> np.ndarray:
    """Indicators of labels by the probabilities of having them; at one half a row has none that is as likely as not."""
    above = np.where(np.asarray(threshold) == _EVEN, proba > _EVEN, proba >= threshold)
    return np.asarray(above, dtype=np.int64)


class LabelThresholds(ClassifierMixin, BaseEstimator):
    """Decide on each of several labels by a threshold of its own.

    Parameters
    ----------
    estimator : estimator
        Gives the probabilities.
    thresholds : sequence of float
        Probabilities from which on a row has each label.
    """

    def __init__(self, estimator: BaseEstimator, thresholds: Any):
        self.estimator = estimator
        self.thresholds = thresholds

    def fit(self, X: Any, y: Any, **fit_params: Any) -> Self:
        """Fit a clone of the estimator; the thresholds stay as they are."""
        self.estimator_ = clone(self.estimator).fit(X, y, **fit_params)
        self.classes_ = self.estimator_.classes_
        return self

    def predict_proba(self, X: Any) -> list[np.ndarray]:
        """Probabilities of shape (n, 2) of each label."""
        return label_pairs(self.estimator_, X)

    def predict(self, X: Any) -> np.ndarray:
        """Indicators of shape (n, k)."""
        return has_labels(having(self.predict_proba(X)), np.asarray(self.thresholds))
