"""Calibration of probabilities: one temperature, fitted on left-out predictions."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from autoarch._search.scoring import Predictions
from autoarch._training.labels import having, pairs

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
        Labels of all rows; of several, indicators of shape (n, k).
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
    values, half_of = predictions.values, np.arange(len(rows)) % 2
    if y.ndim == 2:  # each label of a row is a case of its own; those of a row stay together
        k = y.shape[1]
        values, codes = np.column_stack([1.0 - values.ravel(), values.ravel()]), codes.ravel()
        weight, half_of = np.repeat(weight, k), np.repeat(half_of, k)
    logs = np.log(np.maximum(values, _LEAST))
    halves = [half_of == half for half in (0, 1)]
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
    >>> from autoarch._search.calibration import tempered
    >>> tempered(np.array([[0.8, 0.2]]), 2.0).round(3)
    array([[0.667, 0.333]])
    """
    if temperature == 1.0:
        return proba
    return np.exp(log_softmax(np.log(np.maximum(proba, _LEAST)) / temperature, axis=1))


def tempered_labels(proba: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities of having each of several labels, of shape (n, k), at another temperature."""
    if temperature == 1.0:
        return proba
    return having([tempered(pair, temperature) for pair in pairs(proba)])
