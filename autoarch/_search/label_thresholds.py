"""The probabilities from which on a row has each of several labels, where the score asks for other than one half."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit, logit
from sklearn.pipeline import Pipeline

from autoarch._search.threshold import DEFAULT, best_threshold
from autoarch._training.labels import LabelThresholds

_MOST_SCORES, _FEWEST_TRIED = 60, 3  # of all labels together, and thresholds of each
_NEAR = 1e-7  # to 0 and 1


def label_thresholds(proba: np.ndarray, labels: np.ndarray, score: Callable[[np.ndarray], float]) -> np.ndarray:
    """Threshold of each label, chosen one after the other, the others being as they are by then.

    Parameters
    ----------
    proba : ndarray of shape (n, k)
        Of having each label.
    labels : ndarray of bool of shape (n, k)
        Whether rows have them.
    score : callable
        Score of the labels that thresholds give; NaN where it is undefined.
    """
    chosen = np.full(proba.shape[1], DEFAULT)
    most_tried = max(_FEWEST_TRIED, min(16, _MOST_SCORES // (2 * proba.shape[1])))
    for label in range(proba.shape[1]):

        def with_each(thresholds: np.ndarray, label: int = label) -> np.ndarray:
            return np.array([score(np.where(np.arange(len(chosen)) == label, each, chosen)) for each in thresholds])

        chosen[label] = best_threshold(proba[:, label], labels[:, label], with_each, most_tried)
    return chosen


def moved_labels(proba: np.ndarray, threshold: Any) -> np.ndarray:
    """Probabilities of having each label, moved so that one half is where the thresholds were.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._search.label_thresholds import moved_labels
    >>> moved_labels(np.array([[0.2, 0.6]]), np.array([0.2, 0.5])).round(3)
    array([[0.5, 0.6]])
    """
    threshold = np.broadcast_to(np.asarray(threshold, dtype=np.float64), proba.shape)
    odds = expit(logit(np.clip(proba, _NEAR, 1 - _NEAR)) - logit(threshold))
    moved = np.where(proba >= threshold, np.maximum(odds, DEFAULT + 1e-12), np.minimum(odds, DEFAULT))
    return np.where(threshold == DEFAULT, proba, moved)


def with_label_thresholds(pipeline: Pipeline, thresholds: np.ndarray) -> Pipeline:
    """Let the last step of a fitted pipeline predict labels by thresholds of their probabilities."""
    if (thresholds == DEFAULT).all():
        return pipeline
    *steps, (name, model) = pipeline.steps
    decided = LabelThresholds(model, thresholds.tolist())
    decided.estimator_, decided.classes_ = model, model.classes_
    return Pipeline([*steps, (name, decided)])
