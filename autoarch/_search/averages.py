"""Several fits of one candidate as one model, whose mean errs less than one of them.

The models of all folds have each seen most of the rows, and are there when the search ends. Where candidates were
judged on a single holdout, and for nets on grids, the winner is fitted on all rows with several seeds instead.

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

MOST_SEEDS = 5


class _MeanClassifier(ClassifierMixin):
    models_: list[Any]
    classes_: np.ndarray

    def fit(self, X: np.ndarray, y: np.ndarray) -> Any:
        """Fit all models."""
        self.classes_ = np.unique(y)
        self.models_ = self._fit_models(X, y)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probabilities in the order of ``classes_``."""
        parts = [aligned(model.predict_proba(X), model.classes_, self.classes_) for model in self.models_]
        return np.mean(parts, axis=0)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Labels as ``fit`` got them."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class _MeanRegressor(RegressorMixin):
    models_: list[Any]

    def fit(self, X: np.ndarray, y: np.ndarray) -> Any:
        """Fit all models."""
        self.models_ = self._fit_models(X, y)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Values in the units of y."""
        return np.mean([model.predict(X) for model in self.models_], axis=0)


class _Folds(BaseEstimator):
    _splitter: type

    def __init__(self, estimator: BaseEstimator, n_folds: int = 5, random_state: int | None = 0):
        self.estimator = estimator
        self.n_folds = n_folds
        self.random_state = random_state

    def _fit_models(self, X: np.ndarray, y: np.ndarray) -> list[Any]:
        splitter = self._splitter(self.n_folds, shuffle=True, random_state=self.random_state)
        return [clone(self.estimator).fit(X[rows], y[rows]) for rows, _ in splitter.split(X, y)]


class _Seeds(BaseEstimator):
    def __init__(self, estimator: BaseEstimator, n_models: int = 3, random_state: int = 0):
        self.estimator = estimator
        self.n_models = n_models
        self.random_state = random_state

    def _fit_models(self, X: np.ndarray, y: np.ndarray) -> list[Any]:
        return [
            reseeded(clone(self.estimator), self.random_state + number).fit(X, y) for number in range(self.n_models)
        ]


def reseeded(estimator: BaseEstimator, seed: int) -> BaseEstimator:
    """The same estimator with another seed, wherever one of its parts takes one."""
    names = [name for name in estimator.get_params() if name.rpartition("__")[2] in ("random_state", "seed")]
    return estimator.set_params(**dict.fromkeys(names, seed))


class FoldEnsembleClassifier(_MeanClassifier, _Folds):
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
    >>> from autoarch._search.averages import FoldEnsembleClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> len(FoldEnsembleClassifier(DecisionTreeClassifier(), n_folds=3).fit(X, y).models_)
    3
    """

    _splitter = StratifiedKFold


class FoldEnsembleRegressor(_MeanRegressor, _Folds):
    """The mean of models that were each fitted on all folds but one.

    Parameters
    ----------
    estimator, n_folds, random_state
        As for :class:`FoldEnsembleClassifier`.
    """

    _splitter = KFold


class SeedEnsembleClassifier(_MeanClassifier, _Seeds):
    """The mean probabilities of models that were fitted on the same rows with different seeds.

    Parameters
    ----------
    estimator : estimator
        What is fitted.
    n_models : int, default=3
        How often.
    random_state : int, default=0
        Seed of the first; the others count up.
    """


class SeedEnsembleRegressor(_MeanRegressor, _Seeds):
    """The mean of models that were fitted on the same rows with different seeds.

    Parameters
    ----------
    estimator, n_models, random_state
        As for :class:`SeedEnsembleClassifier`.
    """


def fold_ensemble(models: Sequence[Pipeline], classes: np.ndarray | None) -> Pipeline:
    """Pipelines that the search has fitted on its folds, as one."""
    kind = FoldEnsembleRegressor if classes is None else FoldEnsembleClassifier
    return _as_one(kind(clone(models[0]), len(models)), models, classes)


def seed_ensemble(models: Sequence[Pipeline], classes: np.ndarray | None, seed: int) -> Pipeline:
    """Pipelines fitted on all rows with seeds from ``seed`` on, as one."""
    kind = SeedEnsembleRegressor if classes is None else SeedEnsembleClassifier
    return _as_one(kind(clone(models[0]), len(models), seed), models, classes)


def _as_one(ensemble: Any, models: Sequence[Pipeline], classes: np.ndarray | None) -> Pipeline:
    if classes is not None:
        ensemble.classes_ = classes
    ensemble.models_ = list(models)
    return Pipeline([("model", ensemble)])
