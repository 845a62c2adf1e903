"""Facts that a fit leaves behind for its report: few numbers about the data and the errors on left-out rows, no rows.

They are plain lists, small whatever the size of the data, so that files may hold them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import auc, confusion_matrix, roc_curve

from autoarch._data.target import Target

_MOST_CLASSES, _MOST_CURVES = 30, 8  # in the table of errors, and with a curve each
_POINTS, _BINS, _BARS = 80, 10, 24
_FEWEST, _MOST_ROWS = 10, 20_000  # left-out rows that tell, and that are enough


def fit_facts(values: np.ndarray, target: Target, left_out: np.ndarray, threshold: Any) -> dict[str, Any]:
    """Describe the data and the errors of a fit.

    Parameters
    ----------
    values : ndarray of shape (n, p)
        Canonical values.
    target : Target
        What was learned.
    left_out : ndarray of shape (n,) or (n, n_classes)
        Left-out predictions, NaN where there are none.
    threshold : float or None
        Probability from which on the second of two classes is predicted.
    """
    facts: dict[str, Any] = {
        "rows": len(values),
        "missing": float(np.isnan(values).mean()),
        "target": _target_facts(target),
    }
    known = np.flatnonzero(~np.isnan(left_out).reshape(len(left_out), -1).any(axis=1))
    if target.values.ndim != 1 or left_out.ndim > 2 or len(known) < _FEWEST:
        return facts
    known = known[:: max(1, len(known) // _MOST_ROWS)]
    facts["left_out_rows"] = len(known)
    if target.classes is None:
        return facts | {"residuals": _residuals(left_out[known], target.codes[known])}
    return facts | _errors_of_labels(left_out[known], target.codes[known], threshold)


def _target_facts(target: Target) -> dict[str, Any]:
    if target.values.ndim != 1:
        return {}
    if target.classes is None:
        names = ("least", "lower quartile", "median", "upper quartile", "greatest")
        return dict(zip(names, map(float, np.quantile(target.codes, [0, 0.25, 0.5, 0.75, 1])), strict=True))
    counts = np.bincount(target.codes, minlength=target.n_classes)[:_MOST_CLASSES]
    return {str(label): int(count) for label, count in zip(target.classes, counts, strict=False)}


def _errors_of_labels(proba: np.ndarray, codes: np.ndarray, threshold: Any) -> dict[str, Any]:
    n_classes = proba.shape[1]
    decided = proba.argmax(axis=1)
    if n_classes == 2 and isinstance(threshold, (float, np.floating)):
        decided = (proba[:, 1] >= threshold).astype(int)
    found: dict[str, Any] = {}
    if n_classes <= _MOST_CLASSES:
        found["confusion"] = confusion_matrix(codes, decided, labels=range(n_classes)).tolist()
    shown = [1] if n_classes == 2 else np.argsort(-np.bincount(codes, minlength=n_classes), kind="stable")
    found["roc"] = [
        {"class": int(one), **_curve(codes == one, proba[:, one])}
        for one in shown[:_MOST_CURVES]
        if 0 < (codes == one).sum() < len(codes)
    ]
    said, right = (proba[:, 1], codes == 1) if n_classes == 2 else (proba.max(axis=1), decided == codes)
    parts = np.array_split(np.argsort(said, kind="stable"), min(_BINS, len(said)))
    found["calibration"] = [[float(said[p].mean()), float(right[p].mean()), len(p)] for p in parts]
    return found


def _curve(truth: np.ndarray, score: np.ndarray) -> dict[str, Any]:
    false, true, _ = roc_curve(truth, score)
    places = np.unique(np.linspace(0, len(false) - 1, _POINTS).round().astype(int))
    points = np.column_stack([false, true])[places]
    return {"area": float(auc(false, true)), "points": points.round(4).tolist()}


def _residuals(predicted: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    error = truth - predicted
    parts = np.array_split(np.argsort(predicted, kind="stable"), min(2 * _BINS, max(1, len(error) // 5)))
    bands = [[float(predicted[p].mean()), *map(float, np.quantile(error[p], [0.1, 0.5, 0.9]))] for p in parts]
    low, high = np.quantile(error, [0.005, 0.995])
    counts, edges = np.histogram(np.clip(error, low, high), _BARS, (low, high) if high > low else None)
    return {"bands": bands, "counts": counts.tolist(), "edges": [float(edge) for edge in edges]}
