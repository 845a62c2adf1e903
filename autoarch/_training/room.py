"""Fits that find room in memory, and the time for what comes before them.

Trees take more than the data where rows or classes are many: ``fit_forest`` grows fewer of them, on part of the rows.
Scalers and encoders look at no clock and may widen the rows: ``preparable_rows`` says how many they can be given.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from autoarch._core.clock import Deadline
from autoarch._training.time_limited import class_first_order, fit_growing, n_outputs

MOST_BYTES = 2**27  # of all trees of a forest; of folds, several are kept
_PER_NODE, _PER_OUTPUT = 72, 8  # bytes of a node, and of the mean or the share of each class in it
_FEWEST_TREES = 20  # that find room before each tree is given fewer rows,
_ROWS_PER_CLASS = 5  # but no fewer than that
_SMALL = 2_000_000  # values of X, up to which rows are not timed,
_TIMED_ROWS = 1_000
_SHARE = 0.4  # of the time left may go to the preparation
_MOST_PREPARED = 2**28  # bytes of the rows when they are prepared,
_MOST_OF_TALL = 2**27  # and of what solvers make of them in double precision where a column has enough rows:
_ENOUGH = 1_000  # more of them add little. On 1,000,000 x 50 a third of the rows scores .91 as all do, in 400 MB less
_DOUBLE = 8


def fit_forest(
    model: BaseEstimator,
    X: np.ndarray,
    y: np.ndarray,
    sample_weight: np.ndarray | None,
    deadline: Deadline,
    *,
    first: int,
    seed: int,
) -> BaseEstimator:
    """Grow a forest while the time lasts and its trees find room.

    Where twenty trees of all rows would find none, each tree is grown on a random part of the rows.
    """
    share = share_of_rows(len(X), n_outputs(y), model.min_samples_leaf)
    if share < 1:
        model.set_params(bootstrap=True, max_samples=share)
    limits: dict[str, Any] = {"first": first, "seed": seed, "most": trees_that_fit}
    return fit_growing(model, "n_estimators", X, y, sample_weight, deadline, **limits)


def share_of_rows(n_rows: int, outputs: int, leaf_rows: int) -> float:
    """Share of the rows that each of twenty trees may be grown on.

    Examples
    --------
    >>> from autoarch._training.room import share_of_rows
    >>> share_of_rows(10_000, 2, 1)
    1.0
    >>> round(share_of_rows(1_000_000, 2, 1), 3)
    0.038
    """
    nodes = MOST_BYTES / _FEWEST_TREES / _bytes_of_node(outputs)
    return min(1.0, max(nodes * leaf_rows / 2, _ROWS_PER_CLASS * outputs) / n_rows)


def trees_with_room(n_rows: int, outputs: int) -> int:
    """Number of trees of so many rows for which there is room, should every row have a leaf of its own."""
    return max(1, int(MOST_BYTES / (2 * n_rows * _bytes_of_node(outputs))))


def _bytes_of_node(outputs: int) -> int:
    return _PER_NODE + _PER_OUTPUT * outputs


def trees_that_fit(model: Any) -> int:
    """Number of trees for which there is room, by those that a forest has."""
    nodes = float(np.mean([tree.tree_.node_count for tree in model.estimators_]))
    return max(1, int(MOST_BYTES / nodes / _bytes_of_node(len(getattr(model, "classes_", [0])))))


def preparable_rows(
    transformers: Sequence[BaseEstimator],
    X: np.ndarray,
    y: np.ndarray,
    deadline: Deadline,
    seed: int,
    rows: np.ndarray | None = None,
) -> np.ndarray | None:
    """Return which of the rows (default: all) can be prepared in a part of the time and find room then; None for all.

    A few rows are prepared first, in clones of the transformers.
    """
    n = len(X) if rows is None else len(rows)
    if not transformers or n * X[0].size < _SMALL or n < 2 * _TIMED_ROWS:
        return None
    order = class_first_order(y, seed) if rows is None else rows[class_first_order(y[rows], seed)]
    few = order[:_TIMED_ROWS]
    began = time.monotonic()
    prepared: Any = X[few]
    for transformer in transformers:
        prepared = clone(transformer).fit_transform(prepared, y[few])
    each = (time.monotonic() - began) / len(few)
    room = (
        _rows_with_room(prepared) if isinstance(prepared, np.ndarray) else np.inf
    )  # else computed when they are taken
    most = min(room, np.inf if deadline.unlimited else _SHARE * deadline.left / max(each, 1e-9))
    return np.sort(order[: max(_TIMED_ROWS, int(most))]) if most < n else None


def _rows_with_room(prepared: np.ndarray) -> float:
    """Rows like these for which there is room."""
    wide = max(prepared[0].size, 1)
    tall = max(_MOST_OF_TALL / (_DOUBLE * wide), _ENOUGH * wide)
    return min(_MOST_PREPARED / (prepared.itemsize * wide), tall)
