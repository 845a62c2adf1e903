"""Means of fitted models: of folds, of seeds, and of different candidates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import Bunch

from autoarch._search.evaluate import aligned


class _FoldEnsemble(BaseEstimator):
    _splitter: type
    models_: list[Any]

    def __init__(self, estimator: BaseEstimator, n_folds: int = 5, random_state: int | None = 0):
        self.estimator = estimator
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: np.ndarray) -> Any:
        """Fit all models."""
        splitter = self._splitter(self.n_folds, shuffle=True, random_state=self.random_state)
        self.models_ = [clone(self.estimator).fit(X[rows], y[rows]) for rows, _ in splitter.split(X, y)]
        if isinstance(self, ClassifierMixin):
            self.classes_ = np.unique(y)
        return self


class FoldEnsembleClassifier(ClassifierMixin, _FoldEnsemble):
    """The mean probabilities of models that were each fitted on all folds but one.

    Parameters
    ----------
    estimator : estimator
        Fitted on each selection of folds.
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

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities in the order of ``classes_``, 0 in a fold that has not seen a class."""
        parts = [aligned(model.predict_proba(X), model.classes_, self.classes_) for model in self.models_]
        return np.mean(parts, axis=0)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return labels as ``fit`` got them."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class FoldEnsembleRegressor(RegressorMixin, _FoldEnsemble):
    """The mean of models that were each fitted on all folds but one.

    Parameters
    ----------
    estimator, n_folds, random_state
        As for :class:`FoldEnsembleClassifier`.
    """

    _splitter = KFold

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return values in the units of y."""
        return np.mean([model.predict(X) for model in self.models_], axis=0)


def fold_ensemble(models: Sequence[Pipeline], classes: np.ndarray | None) -> Pipeline:
    """Average pipelines that the search has fitted on its folds."""
    kind = FoldEnsembleRegressor if classes is None else FoldEnsembleClassifier
    ensemble: Any = kind(clone(models[0]), len(models))
    if classes is not None:
        ensemble.classes_ = classes
    ensemble.models_ = list(models)
    return Pipeline([("model", ensemble)])


def voting(
    pipelines: Sequence[Pipeline], classes: np.ndarray | None, weights: Sequence[float] | None = None
) -> Pipeline:
    """Average pipelines that are fitted on all rows already, by scikit-learn's voting, which can be fitted again.

    Fits of one candidate with several seeds have no weights, different candidates have.
    """
    names = [f"{place}_{type(pipeline[-1]).__name__.lower()}" for place, pipeline in enumerate(pipelines)]
    members = list(zip(names, pipelines, strict=True))
    weights = None if weights is None else list(weights)
    if classes is None:
        vote = VotingRegressor(members, weights=weights)
    else:
        vote = VotingClassifier(members, voting="soft", weights=weights)
        vote.le_ = LabelEncoder().fit(classes)
        vote.classes_ = vote.le_.classes_
    vote.estimators_ = list(pipelines)
    vote.named_estimators_ = Bunch(**dict(members))
    return Pipeline([("model", vote)])
