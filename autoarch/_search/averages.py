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

from autoarch._search.predicted import aligned
from autoarch._training.labels import classes_of, having, label_pairs, likeliest, pairs


class _FoldEnsemble(BaseEstimator):
    _splitter: type
    models_: list[Any]
    classes_: Any

    def __init__(
        self,
        estimator: BaseEstimator,
        n_folds: int = 5,
        random_state: int | None = 0,
        fold_members: Sequence[BaseEstimator] | None = None,
        fold_rows: np.ndarray | None = None,
        n_fold_rows: int = 0,
    ):
        self.estimator = estimator
        self.n_folds = n_folds
        self.random_state = random_state
        self.fold_members = fold_members
        self.fold_rows = fold_rows
        self.n_fold_rows = n_fold_rows

    def fit(self, X: np.ndarray, y: Any) -> Any:
        """Fit all models; on as many rows as the search had, on its own folds."""
        y = np.asarray(y)  # labels of a Series have an index of their own
        members = self.fold_members or [self.estimator] * self.n_folds
        self.models_ = [
            clone(member).fit(X[rows], y[rows]) for member, rows in zip(members, self._folds(X, y), strict=True)
        ]
        if isinstance(self, ClassifierMixin) and y.ndim == 1:
            self.classes_ = np.unique(y)
        return self

    def _folds(self, X: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
        """Training rows of each model."""
        if self.fold_rows is not None and len(X) == self.n_fold_rows:
            masks = np.unpackbits(self.fold_rows, axis=1, count=self.n_fold_rows)
            if (
                not isinstance(self, ClassifierMixin)
                or y.ndim == 2
                or all(len(np.unique(y[rows == 1])) > 1 for rows in masks)
            ):
                return [np.flatnonzero(rows) for rows in masks]
        splitter = self._splitter(self.n_folds, shuffle=True, random_state=self.random_state)
        return [rows for rows, _ in splitter.split(X, y)]


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
    fold_members : sequence of estimators or None, default=None
        One for each fold, where their parameters differ; by default each is ``estimator``.
    fold_rows : ndarray of uint8 or None, default=None
        Training rows of each fold as packed bits, for data of ``n_fold_rows`` rows; other data are split anew.
    n_fold_rows : int, default=0
        Number of rows that ``fold_rows`` are for.

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
    estimator, n_folds, random_state, fold_members, fold_rows, n_fold_rows
        As for :class:`FoldEnsembleClassifier`.
    """

    _splitter = KFold

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return values in the units of y."""
        return np.mean([model.predict(X) for model in self.models_], axis=0)


class FoldEnsembleLabels(ClassifierMixin, _FoldEnsemble):
    """The mean probabilities of several labels, of models that were each fitted on all folds but one.

    Parameters
    ----------
    estimator, n_folds, random_state, fold_members, fold_rows, n_fold_rows
        As for :class:`FoldEnsembleClassifier`.
    """

    _splitter = KFold

    def fit(self, X: np.ndarray, y: Any) -> Any:
        """Fit all models; on as many rows as the search had, on its own folds."""
        super().fit(X, y)
        self.classes_ = classes_of(y)
        return self

    def predict_proba(self, X: np.ndarray) -> list[np.ndarray]:
        """Return probabilities of shape (n, 2) of each label."""
        return pairs(np.mean([having(label_pairs(model, X)) for model in self.models_], axis=0))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return indicators of shape (n, k)."""
        return likeliest(self.predict_proba(X))


class _Mean(BaseEstimator):
    def __init__(self, estimators: Sequence[tuple[str, BaseEstimator]], weights: Sequence[float] | None = None):
        self.estimators = estimators
        self.weights = weights

    def fit(self, X: np.ndarray, y: Any) -> Any:
        """Fit a clone of each model."""
        self.estimators_ = [clone(model).fit(X, y) for _, model in self.estimators]
        if isinstance(self, ClassifierMixin):
            self.classes_ = classes_of(y)
        return self


class MeanOfTargets(RegressorMixin, _Mean):
    """The mean of what models predict of several numbers, as scikit-learn's voting takes it of one.

    Parameters
    ----------
    estimators : list of (str, estimator)
        The models.
    weights : sequence of float or None, default=None
        Of the models.
    """

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return numbers of shape (n, k)."""
        return np.average([model.predict(X) for model in self.estimators_], axis=0, weights=self.weights)


class MeanOfLabels(ClassifierMixin, _Mean):
    """The mean of the probabilities that models give to several labels.

    Parameters
    ----------
    estimators : list of (str, estimator)
        The models.
    weights : sequence of float or None, default=None
        Of the models.
    """

    def predict_proba(self, X: np.ndarray) -> list[np.ndarray]:
        """Return probabilities of shape (n, 2) of each label."""
        parts = [having(label_pairs(model, X)) for model in self.estimators_]
        return pairs(np.average(parts, axis=0, weights=self.weights))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return indicators of shape (n, k)."""
        return likeliest(self.predict_proba(X))


def fold_ensemble(
    models: Sequence[Pipeline],
    classes: np.ndarray | None,
    folds: Sequence[np.ndarray] | None = None,
    n_rows: int = 0,
    n_targets: int = 1,
) -> Pipeline:
    """Average pipelines that the search has fitted on its folds, of ``n_rows`` rows; a clone fits the same again."""
    of_labels = FoldEnsembleClassifier if n_targets == 1 else FoldEnsembleLabels
    kind = FoldEnsembleRegressor if classes is None else of_labels
    masks = None
    if folds is not None:
        bits = np.zeros((len(folds), n_rows), dtype=np.uint8)
        for fold, rows in enumerate(folds):
            bits[fold, rows] = 1
        masks = np.packbits(bits, axis=1)
    members = [clone(model) for model in models]
    ensemble: Any = kind(members[0], len(models), fold_members=members, fold_rows=masks, n_fold_rows=n_rows)
    if classes is not None:
        ensemble.classes_ = classes if n_targets == 1 else [classes] * n_targets
    ensemble.models_ = list(models)
    return Pipeline([("model", ensemble)])


def voting(
    pipelines: Sequence[Pipeline],
    classes: np.ndarray | None,
    weights: Sequence[float] | None = None,
    n_targets: int = 1,
) -> Pipeline:
    """Average pipelines that are fitted on all rows already, by scikit-learn's voting, which can be fitted again.

    Fits of one candidate with several seeds have no weights, different candidates have.
    """
    names = [f"{place}_{type(pipeline[-1]).__name__.lower()}" for place, pipeline in enumerate(pipelines)]
    members = list(zip(names, pipelines, strict=True))
    weights = None if weights is None else list(weights)
    if n_targets > 1:
        vote: Any = (MeanOfTargets if classes is None else MeanOfLabels)(members, weights)
        if classes is not None:
            vote.classes_ = [classes] * n_targets
        vote.estimators_ = list(pipelines)
        return Pipeline([("model", vote)])
    if classes is None:
        vote = VotingRegressor(members, weights=weights)
    else:
        vote = VotingClassifier(members, voting="soft", weights=weights)
        vote.le_ = LabelEncoder().fit(classes)
        vote.classes_ = vote.le_.classes_
    vote.estimators_ = list(pipelines)
    vote.named_estimators_ = Bunch(**dict(members))
    return Pipeline([("model", vote)])
