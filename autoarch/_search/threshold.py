"""The probability from which on the second class is predicted, where a score of labels asks for another than one half.

Candidates are compared with a threshold of their own, chosen on the rows that they are judged on; the estimate of the
score chooses it on other rows than those that it decides on. A threshold is applied by moving probabilities, so that
whatever predicts the likeliest class decides as it should.

A threshold takes dozens of scores, and each takes scikit-learn milliseconds to check and to count. Scores that depend
on counts of who was taken for what alone are therefore computed here for all thresholds at once, by the definitions in
scikit-learn's user guide.
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
_FEWEST_DECIDED = 5  # rows on either side: of the surest rows alone, new ones may have none
Counts = np.ndarray  # of shape (..., 2, 2): rows of each class, by what they were taken for
ByCounts = Callable[[Counts], np.ndarray]
_KNOWN = frozenset(("average", "beta", "pos_label"))  # parameters of metrics


def best_threshold(
    proba: np.ndarray,
    second: np.ndarray,
    scores_of: Callable[[np.ndarray], np.ndarray],
    most_tried: int = _MOST_TRIED,
) -> float:
    """Threshold with the best score, the middle one of a few good neighbours; one half where none is better.

    Parameters
    ----------
    proba : ndarray of shape (n,)
        Of the second class.
    second : ndarray of bool of shape (n,)
        Rows that are of it.
    scores_of : callable
        Scores of the labels that each of several thresholds gives; NaN where they are undefined.
    most_tried : int
        Quantiles of the probabilities that are tried, and of those of the second class.
    """
    shares = (np.arange(most_tried) + 0.5) / most_tried
    parts = [part for part in (proba, proba[second]) if len(part)]
    tried = np.unique(np.r_[DEFAULT, np.concatenate([np.quantile(part, shares) for part in parts])])
    tried = np.clip(tried, _LEAST, 1 - _LEAST)
    n_above = len(proba) - np.searchsorted(np.sort(proba), tried)
    few = np.minimum(n_above, len(proba) - n_above) < min(_FEWEST_DECIDED, len(proba) // 2)
    tried = tried[~few | (tried == DEFAULT)]
    scores = np.nan_to_num(scores_of(tried), nan=-np.inf)
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


def score_by_counts(scorer: Any, classes: np.ndarray) -> ByCounts | None:
    """A scorer of scikit-learn as a function of counts, both classes being there; None for any other scorer.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.metrics import get_scorer
    >>> from autoarch._search.threshold import score_by_counts
    >>> score_by_counts(get_scorer("recall"), np.array([0, 1]))(np.array([[5, 0], [1, 3]])).item()
    0.75
    """
    metric = getattr(getattr(scorer, "_score_func", None), "__name__", "")
    given = getattr(scorer, "_kwargs", {})
    if not _KNOWN.issuperset(given):
        return None
    found = _WHOLE.get(metric) if not given else None
    if metric in _OF_A_CLASS:
        found = _averaged(metric, given, classes)
    sign = getattr(scorer, "_sign", 1)
    return None if found is None else lambda counts: sign * found(np.asarray(counts, dtype=np.float64))


def threshold_counts(proba: np.ndarray, second: np.ndarray, weight: np.ndarray | None, tried: np.ndarray) -> Counts:
    """Counts for each of some thresholds from which on the second class is predicted; at one half from beyond it on.

    Parameters
    ----------
    proba : ndarray of shape (n,)
        Of the second class.
    second : ndarray of bool of shape (n,)
        Rows that are of it.
    weight : ndarray of shape (n,) or None
        Of the rows.
    tried : ndarray
        The thresholds.
    """
    order = np.argsort(proba, kind="stable")
    weights = np.ones(len(proba)) if weight is None else weight[order]
    below = [np.r_[0.0, np.cumsum(weights * part)] for part in (~second[order], second[order])]
    ranked = proba[order]
    places = np.where(tried == 0.5, np.searchsorted(ranked, tried, "right"), np.searchsorted(ranked, tried, "left"))
    return np.stack([np.stack([part[places], part[-1] - part[places]], axis=-1) for part in below], axis=-2)


def _averaged(metric: str, given: dict[str, Any], classes: np.ndarray) -> ByCounts | None:
    """A score of each class, of the positive one or averaged over both."""
    average = given.get("average", "binary")
    positive = np.flatnonzero(classes == given.get("pos_label", 1)) if average == "binary" else np.arange(1)
    if average not in ("binary", "macro", "weighted", "micro") or len(positive) != 1:
        return None
    share, beta = _OF_A_CLASS[metric], float(given.get("beta", 1.0))

    def score(counts: Counts) -> np.ndarray:
        right, true, predicted = _by_class(counts)
        if average == "micro":
            right, true, predicted = (part.sum(axis=-1, keepdims=True) for part in (right, true, predicted))
        each = _ratio(*share(right, true, predicted, beta))
        if average == "binary":
            return each[..., positive[0]]
        weights = true if average == "weighted" else np.ones_like(each)
        return (each * weights).sum(axis=-1) / weights.sum(axis=-1)

    return score


def _by_class(counts: Counts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of each class that are right, that are of it, and that were taken for it."""
    return np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1), counts.sum(axis=-2)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """The ratio, 0 where nothing is below."""
    return np.divide(above, below, out=np.zeros(np.broadcast_shapes(above.shape, below.shape)), where=below > 0)


def _balanced(counts: Counts) -> np.ndarray:
    right, true, _ = _by_class(counts)
    return _ratio(right, true).mean(axis=-1)


def _correlation(counts: Counts) -> np.ndarray:
    _, true, predicted = _by_class(counts)
    covariance = counts[..., 0, 0] * counts[..., 1, 1] - counts[..., 0, 1] * counts[..., 1, 0]
    return _ratio(covariance, np.sqrt(true.prod(axis=-1) * predicted.prod(axis=-1)))


def _kappa(counts: Counts) -> np.ndarray:
    _, true, predicted = _by_class(counts)
    total = counts.sum(axis=(-2, -1))
    wrong, by_chance = counts[..., 0, 1] + counts[..., 1, 0], (true * predicted[..., ::-1]).sum(axis=-1) / total
    return 1.0 - _ratio(wrong, by_chance)


_WHOLE: dict[str, ByCounts] = {
    "balanced_accuracy_score": _balanced,
    "matthews_corrcoef": _correlation,
    "cohen_kappa_score": _kappa,
}
_OF_A_CLASS: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {
    "f1_score": lambda right, true, predicted, _: (2 * right, true + predicted),
    "fbeta_score": lambda right, true, predicted, beta: ((1 + beta**2) * right, beta**2 * true + predicted),
    "precision_score": lambda right, true, predicted, _: (right, predicted),
    "recall_score": lambda right, true, predicted, _: (right, true),
    "jaccard_score": lambda right, true, predicted, _: (right, true + predicted - right),
}
