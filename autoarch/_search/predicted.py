"""Predictions of a fitted model as arrays that are compared: checked, and with a column for each class."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from autoarch._training.labels import having, label_pairs


def predict_values(
    model: BaseEstimator, X: np.ndarray, classes: np.ndarray | None, targets: tuple[int, ...] = ()
) -> np.ndarray:
    """Predict numbers, or probabilities with a column for each of ``classes``; of several labels, of having each.

    ``targets`` is the shape of what is predicted of a row: empty for a single target.

    Raises
    ------
    ValueError
        If a model of labels gives no probabilities, or a prediction is not finite.
    """
    if classes is None:
        values = np.asarray(model.predict(X), dtype=np.float64)
        _check_shape(values, (len(X), *targets))
        if not np.isfinite(values).all():
            raise ValueError(f"{np.sum(~np.isfinite(values))} of {len(values)} predictions are not finite")
        return values
    if not hasattr(model, "predict_proba"):
        last = model[-1] if isinstance(model, Pipeline) else model
        raise ValueError(f"{type(last).__name__} has no predict_proba; wrap it in CalibratedClassifierCV")
    if targets:
        values = having(label_pairs(model, X))
        _check_shape(values, (len(X), *targets))
        return aligned(values, np.arange(targets[0]), np.arange(targets[0]))
    proba = np.asarray(model.predict_proba(X), dtype=np.float64)
    _check_shape(proba, (len(X), len(model.classes_)))
    return aligned(proba, model.classes_, classes)


def _check_shape(values: np.ndarray, expected: tuple[int, ...]) -> None:
    if values.shape != expected:
        raise ValueError(f"its predictions have the shape {values.shape}, expected was {expected}")


def aligned(proba: np.ndarray, seen: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Add columns of 0 for the classes that a fold has not seen.

    Raises
    ------
    ValueError
        If a probability is not finite.
    """
    if not np.isfinite(proba).all():
        raise ValueError(f"{np.sum(~np.isfinite(proba).all(axis=1))} of {len(proba)} rows have no finite probabilities")
    if len(seen) == len(classes):
        return proba
    full = np.zeros((len(proba), len(classes)))
    full[:, np.searchsorted(classes, seen)] = proba
    return full
