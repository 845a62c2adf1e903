"""The probability from which on the second class is predicted, where a score of labels asks for another than one half.

Candidates are compared with a threshold of their own, chosen on the rows that they are judged on; the estimate of the
score chooses it on other rows than those that it decides on. A threshold is applied by moving probabilities, so that
whatever predicts the likeliest class decides as it should.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit, logit
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import Pipeline

DEFAULT = 0.5
_MOST_TRIED = 16  # quantiles of the probabilities, and of those of the second class
_ASKED = 500  # rows on which a score is asked
_LEAST = 1e-6  # probability
_LEAST_GAIN = 1e-9


def best_threshold(
    proba: np.ndarray, second: np.ndarray, score: Callable[[float], float], most_tried: int = _MOST_TRIED
) -> float:
    """Threshold with the best score, the middle one of a few good neighbours; one half where none is better.

    Parameters
    ----------
    proba : ndarray of shape (n,)
        Of the second class.
    second : ndarray of bool of shape (n,)
        Rows that are of it.
    score : callable
        Score of the labels that a threshold gives; NaN where it is undefined.
    most_tried : int
        Quantiles of the probabilities that are tried, and of those of the second class.
    """
    shares = (np.arange(most_tried) + 0.5) / most_tried
    parts = [part for part in (proba, proba[second]) if len(part)]
    tried = np.unique(np.r_[DEFAULT, np.concatenate([np.quantile(part, shares) for part in parts])])
    tried = np.clip(tried, _LEAST, 1 - _LEAST)
    scores = np.nan_to_num(np.array([score(each) for each in tried]), nan=-np.inf)
    smooth = np.array([np.mean(scores[max(0, i - 1) : i + 2]) for i in range(len(scores))])  # single peaks are luck
    best = int(np.argmax(smooth))
    default = int(np.searchsorted(tried, DEFAULT))
    better = scores[best] > scores[default] + _LEAST_GAIN and smooth[best] > smooth[default]
    return float(tried[best]) if better else DEFAULT


def moved(proba: np.ndarray, threshold: float) -> np.ndarray:
    """Probabilities of two classes, moved so that one half is where the threshold was.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._search.threshold import moved
    >>> moved(np.array([[0.8, 0.2]]), 0.2)
    array([[0.5, 0.5]])
    """
    if threshold == DEFAULT:
        return proba
    odds = logit(np.clip(proba[:, 1], _LEAST / 10, 1 - _LEAST / 10)) - logit(threshold)
    second = np.where(proba[:, 1] >= threshold, np.maximum(expit(odds), DEFAULT + 1e-12), expit(odds))
    return np.column_stack([1.0 - second, second])


def at_temperature(threshold: Any, temperature: float) -> Any:
    """Threshold of probabilities at a temperature, which decides as ``threshold`` does of those at temperature 1."""
    if np.ndim(threshold):
        return np.array([at_temperature(float(each), temperature) for each in threshold])
    return threshold if threshold == DEFAULT else float(expit(logit(threshold) / temperature))


def with_threshold(pipeline: Pipeline, threshold: float) -> Pipeline:
    """Let the last step of a fitted pipeline predict labels by a threshold of its probabilities."""
    if threshold == DEFAULT:
        return pipeline
    *steps, (name, model) = pipeline.steps
    label = model.classes_[1]
    positive = label.item() if isinstance(label, np.generic) else label
    decided = FixedThresholdClassifier(model, threshold=threshold, pos_label=positive, response_method="predict_proba")
    decided.estimator_ = model
    return Pipeline([*steps, (name, decided)])


def depends_on_labels(function: Any, name: str, score: Callable[[np.ndarray, float], float]) -> bool:
    """Return whether a score of two classes looks at labels alone, so that one half may not be the best threshold.

    Parameters
    ----------
    function : callable
        The scorer.
    name : str
        Its name. Accuracy is left alone: probabilities that are right decide it best at one half.
    score : callable
        Score of probabilities of the second class, which are handed over, by a threshold; it may raise.
    """
    of_scikit_learn = getattr(getattr(function, "_score_func", None), "__name__", "")
    if "accuracy" in (name, of_scikit_learn.removesuffix("_score")):
        return False
    proba = (np.arange(_ASKED) + 0.5) * 0.618 % 1.0
    try:
        of_labels = len({round(score(proba, each), 12) for each in (0.2, 0.5, 0.8)}) > 1
        return of_labels and round(score(proba, 0.5), 12) == round(score(0.25 + proba / 2, 0.5), 12)
    except Exception:  # of the user's own scorer, too
        return False
