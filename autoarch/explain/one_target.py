"""One of several targets of an estimator, as an estimator of that one alone."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.pipeline import Pipeline

from autoarch._core.checks import did_you_mean, shown
from autoarch._data.containers import to_plain
from autoarch._training.labels import label_pairs
from autoarch._training.time_limited import undecided
from autoarch.exceptions import ParameterError
from autoarch.families.several_targets import EachTargetClassifier, EachTargetRegressor


def one_target(estimator: Any, target: Any, y: Any, method: str) -> tuple[Any, Any, Any]:
    """An estimator of one of several targets, the class whose probability is explained, and its column of y.

    Where each target has a model of its own, that is the model, so that methods for its kind can read it.

    Raises
    ------
    ParameterError
        If ``target`` is none of them.
    """
    names, n = list(estimator._target_names), estimator.n_targets_
    place = names.index(target) if isinstance(target, str) and target in names else target
    whole = isinstance(place, (int, np.integer)) and not isinstance(place, bool)
    if not whole or not 0 <= place < n:
        known = f"a name out of {names_of_targets(estimator)} or " if names else ""
        raise ParameterError(
            f"target={shown(target)} was given, and the estimator predicts {n} targets; expected the one that is "
            f"explained: {known}a number from 0 to {n - 1}.{did_you_mean(target, names)}"
        )
    canonical, *steps, (name, model) = estimator.best_estimator_.steps
    bare, single = undecided(model), copy(estimator)
    own = bare.estimators_[place] if isinstance(bare, (EachTargetClassifier, EachTargetRegressor)) else None
    if isinstance(own, Pipeline):
        inner = [(f"{name}_{step}", part) for step, part in own.steps]
        single.best_estimator_ = Pipeline([canonical, *steps, *inner])
    else:
        kind = OneLabel if hasattr(estimator, "classes_") else OneNumber
        single.best_estimator_ = Pipeline([canonical, *steps, (name, kind(bare, int(place)))])
    single.n_targets_, explained = 1, None
    if hasattr(estimator, "classes_"):
        single.classes_ = estimator.classes_[place]
        explained = None if method == "permutation" else single.classes_[1]
    if y is not None:
        values = np.asarray(to_plain(y))
        y = values[:, place] if values.ndim == 2 and values.shape[1] == n else values
    return single, explained, y


def names_of_targets(estimator: Any) -> list[str]:
    """Names of the columns of y; their places where they had none."""
    return list(estimator._target_names) or [str(place) for place in range(estimator.n_targets_)]


class _OneTarget(BaseEstimator):
    def __init__(self, estimator: Any, place: int):
        self.estimator = estimator
        self.place = place

    def fit(self, X: Any, y: Any = None) -> Any:
        """Leave the fitted model as it is."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True


class OneNumber(RegressorMixin, _OneTarget):
    """One of several numbers that a fitted model predicts.

    Parameters
    ----------
    estimator : estimator
        Fitted on several numbers.
    place : int
        Which of them.
    """

    def predict(self, X: Any) -> np.ndarray:
        """Numbers of shape (n,)."""
        return np.asarray(self.estimator.predict(X))[:, self.place]


class OneLabel(ClassifierMixin, _OneTarget):
    """One of several labels that a fitted model predicts.

    Parameters
    ----------
    estimator : estimator
        Fitted on several labels.
    place : int
        Which of them.
    """

    classes_ = np.arange(2)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of shape (n, 2)."""
        return label_pairs(self.estimator, X)[self.place]

    def predict(self, X: Any) -> np.ndarray:
        """Zero or one."""
        return self.predict_proba(X).argmax(axis=1)
