"""The models of all folds as one: each has seen most of the rows, and their mean errs less than one of them.

Imports: numpy, scikit-learn, ``autoarch._search.evaluate``.

References
----------
.. [1] M. J. van der Laan, E. C. Polley, A. E. Hubbard, "Super learner", Statistical Applications in Genetics and
   Molecular Biology 6, 2007; on averages over subsamples A. Buja, W. Stuetzle, "Observations on bagging", Statistica
   Sinica 16, 323-351, 2006.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline

from autoarch._search.evaluate import aligned


class _FoldEnsemble(BaseEstimator):
    def __init__(self, estimator: BaseEstimator, n_folds: int = 5, random_state: int | None = 0):
        self.estimator = estimator
        self.n_folds = n_folds
        self.random_state = random_state

    def _fit_folds(self, splitter: Any, X: np.ndarray, y: np.ndarray) -> None:
        self.models_ = [clone(self.estimator).fit(X[rows], y[rows]) for rows, _ in splitter.split(X, y)]


class FoldEnsembleClassifier(ClassifierMixin, _FoldEnsemble):
    """The mean probabilities of models that were each fitted on all folds but one.

    Parameters
    ----------
    estimator : estimator
        What is fitted on each selection of folds.
    n_folds : int, default=5
        Folds, stratified by class.
    random_state : int or None, default=0
        Seed of the folds.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from autoarch._search.folds import FoldEnsembleClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> len(FoldEnsembleClassifier(DecisionTreeClassifier(), n_folds=3).fit(X, y).models_)
    3
    """

    def fit(self, X: np.ndarray, y: np.ndarray) -> FoldEnsembleClassifier:
        """Fit one model per fold."""
        self.classes_ = np.unique(y)
        self._fit_folds(StratifiedKFold(self.n_folds, shuffle=True, random_state=self.random_state), X, y)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probabilities in the order of ``classes_``."""
        parts = [aligned(model.predict_proba(X), model.classes_, self.classes_) for model in self.models_]
        return np.mean(parts, axis=0)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Labels as ``fit`` got them."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class FoldEnsembleRegressor(RegressorMixin, _FoldEnsemble):
    """The mean of models that were each fitted on all folds but one.

    Parameters
    ----------
    estimator, n_folds, random_state
        As for :class:`FoldEnsembleClassifier`.
    """

    def fit(self, X: np.ndarray, y: np.ndarray) -> FoldEnsembleRegressor:
        """Fit one model per fold."""
        self._fit_folds(KFold(self.n_folds, shuffle=True, random_state=self.random_state), X, y)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Values in the units of y."""
        return np.mean([model.predict(X) for model in self.models_], axis=0)


def fold_ensemble(models: Sequence[Pipeline], classes: np.ndarray | None) -> Pipeline:
    """Pipelines that the search has fitted on its folds, as one."""
    single = clone(models[0])
    vote: BaseEstimator
    if classes is None:
        vote = FoldEnsembleRegressor(single, len(models))
    else:
        vote = FoldEnsembleClassifier(single, len(models))
        vote.classes_ = classes
    vote.models_ = list(models)
    return Pipeline([("model", vote)])
