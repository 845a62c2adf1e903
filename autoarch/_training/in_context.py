"""Models that learn nothing in ``fit`` and read their training rows, the context, again whenever they predict.

Their fit is quick whatever the rows and tells nothing about the time that they need, so the deadline is kept by what
they have to read: a fit and a prediction on few rows are timed, with one of the views of the table whose answers they
average, and as many views and rows are taken as fit and prediction of the split can afford together.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone

from autoarch._core.clock import Deadline
from autoarch._training.time_limited import class_first_order

_BATCH_ROWS = 2_048  # predicted at a time: bounds the memory; each batch reads the whole context again
_FEW = (32, 128)  # rows of the context of the two timed trials, and rows that each predicts
_RATIO = _FEW[1] / _FEW[0]
_TRIAL_SHARE = 0.2  # of the time left that the second one may take
_GROWTH = 1.2  # of the cost with the rows where there was no second one: attention grows with their square, others less
_SHARE = 0.8  # of the time left for fit and prediction; how their cost grows is only known roughly


class _InContext(BaseEstimator):
    def __init__(self, estimator: BaseEstimator, n_rows: int = 0, context_rows: int | None = None, seed: int = 0):
        self.estimator = estimator
        self.n_rows = n_rows
        self.context_rows = context_rows
        self.seed = seed

    def fit(self, X: np.ndarray, y: np.ndarray) -> _InContext:
        """Load the weights and keep the context.

        Raises
        ------
        FileNotFoundError
            If the weights are gone.
        """
        weights = Path(self.estimator.model_path)
        if not weights.is_file():  # where the package would begin to download them
            raise FileNotFoundError(f"the weights {weights} are gone; put them back, or leave the family out")
        if self.context_rows is not None and self.context_rows < len(X):
            rows = np.sort(class_first_order(y, self.seed)[: self.context_rows])
            X, y = X[rows], y[rows]
        self.context_ = X, y  # of which a file of the model consists
        self.estimator_ = clone(self.estimator).fit(X, y)
        return self

    def _in_batches(self, predict: Any, X: np.ndarray) -> np.ndarray:
        return np.concatenate([predict(X[i : i + _BATCH_ROWS]) for i in range(0, len(X), _BATCH_ROWS)])


class InContextClassifier(ClassifierMixin, _InContext):
    """Predict labels from a context of limited size, in batches.

    Parameters
    ----------
    estimator : estimator
        A classifier with the parameter ``model_path``, which names a file on this disk.
    n_rows : int, default=0
        Rows of the whole table: those that are not in a fit will be predicted after it.
    context_rows : int or None, default=None
        Rows of the context at most, of every class two at least; None for all.
    seed : int, default=0
        Which rows those are.
    """

    @property
    def classes_(self) -> np.ndarray:
        """Labels in the order of the probabilities."""
        return self.estimator_.classes_

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probabilities in the order of ``classes_``."""
        return self._in_batches(self.estimator_.predict_proba, X)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The most probable labels."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class InContextRegressor(RegressorMixin, _InContext):
    """Predict numbers from a context of limited size, in batches; parameters as for ``InContextClassifier``."""

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Means of what the model holds possible."""
        return self._in_batches(self.estimator_.predict, X)


def fit_affordable_context(model: _InContext, X: np.ndarray, y: np.ndarray, deadline: Deadline) -> BaseEstimator:
    """Fit with as many views and as large a context as let fit and prediction end before the deadline.

    Views are halved until the whole context can be afforded; with a single one left, the context is cut. Where they
    had to be fewer, the parameters of ``model`` say how many were left, and ``complete_`` is False.

    Raises
    ------
    TimeoutError
        If the context would be smaller than those that were tried.
    """
    before = model.context_rows, model.estimator.n_estimators
    to_predict = min(len(X), max(0, model.n_rows - len(X)))
    # After a fit on all rows nothing waits for a prediction, and few rows are not timed
    if to_predict and not deadline.unlimited and (pace := _pace(model, X, y, deadline)) is not None:
        most = min(len(X), model.context_rows or len(X))
        views = model.estimator.n_estimators
        while (rows := pace.context(views, to_predict, deadline)) < most and views > 1:
            views //= 2
        if rows < min(pace.rows, most):
            raise TimeoutError(f"a context of {pace.rows} rows is all that could be afforded, of {len(X)}")
        model.set_params(estimator__n_estimators=views)
        if rows < most:
            model.set_params(context_rows=rows)
    fitted = model.fit(X, y)
    fitted.complete_ = before == (model.context_rows, model.estimator.n_estimators)
    fitted.n_rows_fitted_ = min(len(X), model.context_rows or len(X))
    fitted.n_rounds_fitted_ = model.estimator.n_estimators
    return fitted


@dataclass(frozen=True)
class _Pace:
    """Seconds that a fit takes, and a prediction of as many rows as the context has, with a single view."""

    rows: int
    fit: float
    prediction: float
    growth: float  # of the prediction's cost with the rows, as an exponent

    def context(self, views: int, to_predict: int, deadline: Deadline) -> int:
        """Rows of the largest context with which ``to_predict`` rows can be predicted in time."""
        batches = math.ceil(to_predict / _BATCH_ROWS)
        seconds = max(0.0, _SHARE * deadline.left - self.fit) / (views * batches)
        return int(2 * self.rows * (seconds / self.prediction) ** (1 / self.growth) - to_predict / batches)


def _pace(model: _InContext, X: np.ndarray, y: np.ndarray, deadline: Deadline) -> _Pace | None:
    """Time the model on few rows, or on fewer where it is slow; nothing is timed where there are no more than few.

    Raises
    ------
    TimeoutError
        If even these take too long.
    """
    order = class_first_order(y, model.seed)
    timed: list[_Pace] = []
    for n_rows in _FEW:
        if n_rows > len(X) / 2 or (timed and _RATIO * timed[0].prediction > _TRIAL_SHARE * deadline.left):
            break
        few = order[:n_rows]
        trial = clone(model).set_params(context_rows=None, estimator__n_estimators=1)
        began = time.monotonic()
        trial.fit(X[few], y[few])
        fitted = time.monotonic()
        trial.predict(X[few])
        prediction = max(time.monotonic() - fitted, 1e-3)
        growth = math.log(prediction / timed[0].prediction, _RATIO) if timed else _GROWTH
        timed.append(_Pace(n_rows, fitted - began, prediction, float(np.clip(growth, 1.0, 2.0))))
        if deadline.over:
            raise TimeoutError(f"a context of {n_rows} rows took {time.monotonic() - began:.1f} s, too long")
    return timed[-1] if timed else None
