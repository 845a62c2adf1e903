"""Fit scikit-learn models that grow by rounds, trees or iterations, and stop growing at a deadline.

scikit-learn looks at no clock while it fits. Models with ``warm_start`` can be grown in steps instead, each as long as
the time left allows at the speed measured so far, so that a deadline is overrun by one small step at most.

Imports: numpy, scikit-learn, ``autoarch._training.deadline``.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from autoarch._training.deadline import Deadline

PROBE_ROWS = 1000  # rows of the timed fit that decides how many rows a model without steps can afford


def fit_growing(
    model: BaseEstimator,
    size: str,
    X: np.ndarray,
    y: np.ndarray,
    sample_weight: np.ndarray | None,
    deadline: Deadline,
    *,
    first: int,
) -> BaseEstimator:
    """Fit ``model``, raising its parameter ``size`` from ``first`` to the value it has, while the time lasts.

    The model is left with ``size`` at what was reached, so that its parameters tell the truth about it.
    """
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    target = getattr(model, size)
    if deadline.unlimited or target <= first:
        return model.fit(X, y, **weights)
    was_warm = model.warm_start
    reached, pace = 0, None
    goal = first
    while reached < target:
        started = time.monotonic()
        model.set_params(**{size: goal, "warm_start": True}).fit(X, y, **weights)
        seconds = time.monotonic() - started
        if _stopped_by_itself(model, goal):
            break
        pace = max(seconds / (goal - reached), 1e-6)
        reached = goal
        affordable = int(0.7 * deadline.left / pace)
        if affordable < 1:
            break
        goal = min(target, reached + min(affordable, 4 * reached))
    return model.set_params(warm_start=was_warm)


def _stopped_by_itself(model: BaseEstimator, goal: int) -> bool:
    """Early stopping or convergence ended the fit before ``goal``."""
    n_iter = getattr(model, "n_iter_", None)
    return n_iter is not None and int(np.max(n_iter)) < goal


def fit_affordable_rows(
    model: BaseEstimator,
    X: np.ndarray,
    y: np.ndarray,
    sample_weight: np.ndarray | None,
    deadline: Deadline,
    seed: int,
) -> BaseEstimator:
    """Fit a model that has no steps, on as many rows as a timed fit on a few says that the deadline allows."""
    if deadline.unlimited or len(X) <= 2 * PROBE_ROWS:
        return model.fit(X, y, **_weights(sample_weight))
    order = _class_first_order(y, seed)
    few = order[:PROBE_ROWS]
    started = time.monotonic()
    small = clone(model).fit(X[few], y[few], **_weights(sample_weight, few))
    seconds = max(time.monotonic() - started, 1e-3)
    affordable = int(PROBE_ROWS * 0.6 * deadline.left / seconds)  # the cost is taken as linear in the rows
    if affordable <= 2 * PROBE_ROWS:
        return small
    rows = np.sort(order[:affordable])
    return model.fit(X[rows], y[rows], **_weights(sample_weight, rows))


def _class_first_order(y: np.ndarray, seed: int) -> np.ndarray:
    """A random order of rows that begins with one row of each label, so that no class is lost by cutting it."""
    order = np.random.default_rng(seed).permutation(len(y))
    if y.dtype.kind == "f":
        return order
    _, first = np.unique(y[order], return_index=True)
    return np.concatenate([order[first], np.delete(order, first)])


def _weights(sample_weight: np.ndarray | None, rows: Any = slice(None)) -> dict[str, np.ndarray]:
    return {} if sample_weight is None else {"sample_weight": sample_weight[rows]}
