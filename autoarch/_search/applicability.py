"""Tell rows that lie within what the splits have tested, by distances to training rows, weighted by importance.

A score says nothing of rows that are unlike all that were judged. How far a row lies from its nearest training row is
measured in the columns that the model looks at; the limit is how far validation rows lay from the training rows of
their split [1]_.

References
----------
.. [1] H. Meyer, E. Pebesma, "Predicting into unknown space? Estimating the area of applicability of spatial prediction
   models", Methods in Ecology and Evolution 12, 1620-1633, 2021.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

from autoarch._core.quiet import warn_user
from autoarch._data.row_splits import SplitPlan
from autoarch._report.text import listed

_MOST_ROWS, _MOST_VALUES = 5_000, 2**21  # that are kept of the training rows
_MOST_COLUMNS, _WEIGHED_ROWS = 200, 300  # whose importance is measured, on so many rows
_WHISKER = 1.5  # interquartile ranges beyond the upper quartile that are still inside
FEWEST_TO_COMPARE = 100  # rows that are told from the training rows
_COMPARED = 1_000
_DRIFT = 0.6  # area under the curve from which on rows are said to differ
_MOST_NAMED, _CLEAR = 3, 0.1  # columns by which they do, and the least difference of their distributions
_TO_DO = "Judge on rows like these where their labels are known, or fit on such rows as well."


@dataclass(frozen=True, eq=False)
class Tested:
    """Training rows, and the split that each was left out by.

    Parameters
    ----------
    rows : ndarray of shape (n, p)
        Canonical values of a sample; NaN where missing.
    fold : ndarray of shape (n,)
        Number of the split that judged each row; -1 for none.
    categorical : tuple of int
        Columns that hold codes.
    """

    rows: np.ndarray
    fold: np.ndarray
    categorical: tuple[int, ...]

    @classmethod
    def of(cls, X: np.ndarray, plan: SplitPlan, categorical: Collection[int], seed: int) -> Tested:
        """Keep a sample of the training rows; of several estimands, the splits of the last one."""
        fold = np.full(len(X), -1)
        for number, (_, valid) in enumerate(plan.splits):
            if plan.estimands[number] == plan.estimands[-1]:
                fold[valid] = number
        n = max(2, min(_MOST_ROWS, _MOST_VALUES // max(1, X.shape[1])))
        rows = np.sort(np.random.default_rng(seed).permutation(len(X))[:n])
        return cls(np.array(X[rows], dtype=np.float32), fold[rows], tuple(categorical))

    def judge(self, new: np.ndarray, predict: Callable[[np.ndarray], np.ndarray], names: Sequence[str]) -> pd.DataFrame:
        """Measure how far new rows lie outside of what was tested; warn where many can be told from training rows.

        Parameters
        ----------
        new : ndarray of shape (m, p)
            Canonical values.
        predict : callable
            Numbers, or probabilities, of canonical values.
        names : sequence of str
            Of the p columns.

        Returns
        -------
        DataFrame
            ``dissimilarity``: distance to the nearest training row over the usual one between two training rows.
            ``inside``: whether it is no larger than in the splits. ``attrs["drift"]`` holds a sentence, for many rows.
        """
        weights = self._importance(predict)
        known, asked = (self._scaled(values, weights) for values in (self.rows, new))
        rng = np.random.default_rng(0)
        one, other = (known[rng.integers(len(known), size=2_000)] for _ in range(2))
        usual = max(float(np.linalg.norm(one - other, axis=1).mean()), 1e-12)
        nearest = NearestNeighbors(n_neighbors=1).fit(known).kneighbors(asked)[0][:, 0] / usual
        table = pd.DataFrame({"dissimilarity": nearest, "inside": nearest <= self._limit(known) / usual})
        if len(new) >= FEWEST_TO_COMPARE:
            auc = _told_apart(known, asked)
            table.attrs["drift"] = f"These rows cannot be told from the training rows (AUC {auc:.2f})."
            if auc >= _DRIFT:
                by = listed(self._moved(new, weights > 0, names))
                table.attrs["drift"] = (
                    f"These rows can be told from the training rows (AUC {auc:.2f}{by and f', most by {by}'}): scores "
                    "of the latter may not hold for them."
                )
                warn_user(f"{table.attrs['drift']} {_TO_DO}")
        return table

    def _moved(self, new: np.ndarray, seen: np.ndarray, names: Sequence[str]) -> list[str]:
        """Columns, among those that the model looks at, whose values differ most between new rows and training rows."""
        apart = np.zeros(len(seen))
        for column in np.flatnonzero(seen):
            apart[column] = _apart(self.rows[:, column], new[:, column])
        largest = np.argsort(-apart, kind="stable")[:_MOST_NAMED]
        return [repr(str(names[column])) for column in largest if apart[column] > max(_CLEAR, apart.max() / 2)]

    def _limit(self, known: np.ndarray) -> float:
        """Longest usual distance between a row that was judged and the nearest row that trained for it."""
        found = []
        for number in np.unique(self.fold[self.fold >= 0]):
            left_out, trained = known[self.fold == number], known[self.fold != number]
            if len(trained):
                found.append(NearestNeighbors(n_neighbors=1).fit(trained).kneighbors(left_out)[0][:, 0])
        if not found:
            return np.inf
        low, high = np.quantile(np.concatenate(found), [0.25, 0.75])
        return float(high + _WHISKER * (high - low))

    def _importance(self, predict: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Weights of the columns: the change of predictions where one is permuted; equal where there are very many."""
        p = self.rows.shape[1]
        if p > _MOST_COLUMNS:
            return np.ones(p)
        rng = np.random.default_rng(0)
        some = self.rows[rng.permutation(len(self.rows))[:_WEIGHED_ROWS]]
        usual, order = predict(some), rng.permutation(len(some))
        weights = np.zeros(p)
        for column in range(p):
            changed = some.copy()
            changed[:, column] = some[order, column]
            weights[column] = float(np.sqrt(np.square(predict(changed) - usual).mean()))
        return weights / weights.max() if weights.max() > 0 else np.ones(p)

    def _scaled(self, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Coordinates in which distance counts: numbers in units of spread, codes as different or the same."""
        blocks = []
        for column in np.flatnonzero(weights > 0):
            known = self.rows[:, column]
            cells = np.asarray(values[:, column], dtype=np.float64)
            if column in self.categorical:
                n_codes = int(np.nanmax(known, initial=0)) + 1
                block = (cells[:, None] == np.arange(n_codes)) / np.sqrt(2)
            else:
                middle, spread = np.nanmean(known), np.nanstd(known)
                block = np.nan_to_num((cells - middle) / max(float(spread), 1e-12))[:, None]
            blocks.append(weights[column] * block)
        return np.concatenate(blocks, axis=1) if blocks else np.zeros((len(values), 1))


def _apart(known: np.ndarray, asked: np.ndarray) -> float:
    """Largest difference of the shares of rows up to a value, and of those that are missing."""
    missing = np.isnan(known), np.isnan(asked)
    share = abs(float(missing[0].mean() - missing[1].mean()))
    one, other = known[~missing[0]], np.asarray(asked[~missing[1]], dtype=known.dtype)
    return max(share, float(ks_2samp(one, other, method="asymp").statistic)) if len(one) and len(other) else share


def _told_apart(known: np.ndarray, asked: np.ndarray) -> float:
    """Area under the curve of telling rows from training rows, by splines of each column."""
    rng = np.random.default_rng(0)
    parts = [part[rng.permutation(len(part))[:_COMPARED]] for part in (known, asked)]
    rows, new = np.concatenate(parts), np.repeat([0, 1], [len(part) for part in parts])
    model: Any = make_pipeline(
        StandardScaler(), SplineTransformer(n_knots=4, degree=2), LogisticRegression(C=0.1, max_iter=300)
    )
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    told = cross_val_predict(model, rows, new, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(new, told))
