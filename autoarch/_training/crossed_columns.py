"""Columns made of several others: sums, differences, products and ratios, and target means of pairs of categories.

A tree splits on one column at a time, so that it needs many leaves for a ratio. Which combinations are worth a column
is asked of quick boosting on a sample of the rows: first which columns count, then which combinations of these do.

References
----------
.. [1] The idea and its size are those of AutoGluon's arithmetic features and target encoding of crossed categories.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.utils.validation import check_is_fitted

from autoarch._training.time_limited import class_first_order

MOST_CROSSED, _ROWS_EACH = 40, 100  # columns that are made, and rows for each: of few rows many gain by luck
_ROWS, _CLASS_TREES = 3_000, 60  # of the sample, and trees of all classes together
_ROUNDS, _LEAVES = 30, 8
_PAIRED, _TRIPLED, _CATEGORIES = 10, 4, 6  # columns that count most: combined in pairs and triples, crossed
_ALIKE = 30.0  # times the spread of one column, that another may have to be added to it
_MOST_LEVELS = 5_000  # of a pair of categories
_FEWEST_VALUES = 3  # of a column that is combined
_LEAST_SHARE = 0.2  # of the mean gain of a column, that a combination must have

Made = tuple[str, tuple[int, ...]]


class CrossedColumns(TransformerMixin, BaseEstimator):
    """Append combinations of columns that boosting on a sample finds useful.

    Parameters
    ----------
    categorical : sequence of int, default=()
        Columns that hold codes.
    means : estimator or None, default=None
        Encoder of categories by the target, each row by the others, for pairs of categories; None for no pairs.
    seed : int, default=0
        Of the sample.

    Attributes
    ----------
    made_ : list of (str, tuple of int)
        Operations on columns.
    crosses_ : list of (int, int)
        Pairs of categories.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._training.crossed_columns import CrossedColumns
    >>> X = np.random.default_rng(0).uniform(1, 9, (400, 4))
    >>> CrossedColumns().fit(X, X[:, 0] / X[:, 2]).made_[0]
    ('ratio', (0, 2))
    """

    def __init__(self, categorical: Sequence[int] = (), means: Any = None, seed: int = 0):
        self.categorical = categorical
        self.means = means
        self.seed = seed

    def fit(self, X: np.ndarray, y: np.ndarray) -> CrossedColumns:
        """Choose the combinations."""
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Choose the combinations and append them, target means of each row by the other rows."""
        X, y = np.asarray(X), np.asarray(y)
        rows = np.sort(class_first_order(y, self.seed)[:_ROWS])
        some, target = np.asarray(X[rows], dtype=np.float64), y[rows]
        codes = set(self.categorical)
        self.levels_ = {column: 1 + int(np.nanmax(X[:, column], initial=0)) for column in self.categorical}
        gains = _gains(some, target, self.seed)
        order = np.argsort(-gains, kind="stable")
        numbers = [int(j) for j in order if j not in codes and _varies(some[:, j])]
        levelled = [int(j) for j in order if j in codes][: _CATEGORIES if self.means is not None else 0]
        made = _candidates(numbers, some)
        pairs = combinations(sorted(levelled), 2)
        crosses = [(i, j) for i, j in pairs if self.levels_[i] * self.levels_[j] <= _MOST_LEVELS]
        parts = [some, _made(some, made)]
        if crosses:
            means = clone(self.means).fit_transform(self._codes(some, crosses), target)
            parts.append(means)
        self.made_: list[Made] = []
        self.crosses_: list[tuple[int, int]] = []
        self.encoder_: Any = None
        if made or crosses:
            self._choose(np.hstack(parts), target, some.shape[1], made, crosses)
        parts = [X, _made(X, self.made_)]
        if self.crosses_:
            self.encoder_ = clone(self.means)
            parts.append(self.encoder_.fit_transform(self._codes(X, self.crosses_), y))
        return np.hstack(parts)

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Append the combinations."""
        check_is_fitted(self, "made_")
        X = np.asarray(X)
        parts = [X, _made(X, self.made_)]
        if self.encoder_ is not None:
            parts.append(self.encoder_.transform(self._codes(X, self.crosses_)))
        return np.hstack(parts)

    def _choose(
        self, X: np.ndarray, y: np.ndarray, n_given: int, made: list[Made], crosses: list[tuple[int, int]]
    ) -> None:
        """Keep the combinations whose gain is worth a column, the best first."""
        gains = _gains(X, y, self.seed)
        least = _LEAST_SHARE * gains.mean()
        width = max(1, (X.shape[1] - n_given - len(made)) // max(1, len(crosses)))  # columns of each pair
        starts = n_given + len(made) + width * np.arange(len(crosses))
        of_crosses = np.array([gains[start : start + width].sum() for start in starts])
        every = np.concatenate([gains[n_given : n_given + len(made)], of_crosses])
        most = int(np.clip(len(y) // _ROWS_EACH, 1, MOST_CROSSED))
        best = [int(i) for i in np.argsort(-every, kind="stable")[:most] if every[i] > least]
        self.made_ = [made[i] for i in best if i < len(made)]
        self.crosses_ = [crosses[i - len(made)] for i in best if i >= len(made)]

    def _codes(self, X: np.ndarray, crosses: Sequence[tuple[int, int]]) -> np.ndarray:
        """One code for each pair of categories, NaN where one is missing or was not seen."""
        found = np.full((len(X), len(crosses)), np.nan)
        for place, (i, j) in enumerate(crosses):
            first, second = np.asarray(X[:, i], dtype=np.float64), np.asarray(X[:, j], dtype=np.float64)
            known = (first < self.levels_[i]) & (second < self.levels_[j])
            found[:, place] = np.where(known, first * self.levels_[j] + second, np.nan)
        return found


def _varies(column: np.ndarray) -> bool:
    return len(np.unique(column[np.isfinite(column)])) >= _FEWEST_VALUES


def _gains(X: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """Gains of the splits on each column in quick boosting."""
    settings: dict[str, Any] = {
        "learning_rate": 0.2,
        "max_leaf_nodes": _LEAVES,
        "early_stopping": False,
        "l2_regularization": 1.0,
    }
    settings |= {"min_samples_leaf": 10 if len(y) >= 200 else 4, "random_state": seed}
    n_classes = 1 if y.dtype.kind == "f" else len(np.unique(y))
    rounds = _ROUNDS if n_classes <= 2 else max(3, min(_ROUNDS, _CLASS_TREES // n_classes))
    kind = HistGradientBoostingRegressor if y.dtype.kind == "f" else HistGradientBoostingClassifier
    model = kind(max_iter=rounds, **settings).fit(X, y)
    gains = np.zeros(X.shape[1])
    for trees in model._predictors:
        for tree in trees:
            splits = tree.nodes[~tree.nodes["is_leaf"].astype(bool)]
            np.add.at(gains, splits["feature_idx"], np.maximum(splits["gain"], 0.0))
    return gains


def _candidates(numbers: Sequence[int], X: np.ndarray) -> list[Made]:
    """Combinations of the columns that count most; only columns of like spread are added to each other."""
    spreads = np.nanstd(np.where(np.isfinite(X), X, np.nan), axis=0)
    found: list[Made] = []
    for pair in combinations(sorted(numbers[:_PAIRED]), 2):
        low, high = sorted(spreads[list(pair)])
        found += [("product", pair), ("ratio", pair), ("ratio", pair[::-1])]
        if high <= _ALIKE * low:
            found += [("sum", pair), ("difference", pair)]
    for triple in combinations(sorted(numbers[:_TRIPLED]), 3):
        low, *_, high = sorted(spreads[list(triple)])
        found += [("product", triple)]
        found += [("share", (triple[i], *(j for j in triple if j != triple[i]))) for i in range(3)]
        if high <= _ALIKE * low:
            found += [("sum", triple)]
    return found


def _made(X: np.ndarray, made: Sequence[Made]) -> np.ndarray:
    """The combinations of some rows; missing where they have no finite value."""
    found = np.empty((len(X), len(made)))
    with np.errstate(all="ignore"):
        for place, (operation, columns) in enumerate(made):
            first, *others = (np.asarray(X[:, j], dtype=np.float64) for j in columns)
            if operation == "sum":
                value = first + sum(others)
            elif operation == "difference":
                value = first - others[0]
            else:
                rest = np.prod(others, axis=0)
                value = first * rest if operation == "product" else first / rest
            found[:, place] = np.where(np.isfinite(value), value, np.nan)
    return found
