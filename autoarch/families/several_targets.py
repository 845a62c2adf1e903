"""Models of several targets: one for all of them where it can be, else one for each.

A model shares its work where its tags say that it takes several targets at once and no step in front of it reads y.
``OnTargets`` brings numbers to one scale for it, since it weighs errors of all targets alike. For any other,
``EachTargetRegressor`` and ``EachTargetClassifier`` hold a fit of the remaining steps for each target.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from autoarch._training.labels import classes_of, likeliest, two_columns
from autoarch.families.base import Params, Problem, Steps
from autoarch.families.objective import Objective, OnTarget, take_over


def shares_targets(model: Any, *, labels: bool) -> bool:
    """Tell whether a model can be fitted on several targets at once.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression, Ridge
    >>> from autoarch.families.several_targets import shares_targets
    >>> shares_targets(Ridge(), labels=False), shares_targets(LogisticRegression(), labels=True)
    (True, False)
    """
    tags = get_tags(model[-1] if isinstance(model, Pipeline) else model)
    if not labels:
        return bool(tags.target_tags.multi_output)
    return tags.classifier_tags is not None and bool(tags.classifier_tags.multi_label)


def first_of_each(steps: Steps, params: Params, problem: Problem) -> int:
    """Place of the first step that each of several targets has for itself; behind the last one where none has."""
    *before, (_, model) = steps
    reading = [place for place, (_, step) in enumerate(before) if _reads_target(step)]
    if reading:
        return reading[0]
    weighted = params.get("target") == "loss" and problem.objective.loss == "percentage"  # by each target's own size
    shared = shares_targets(model, labels=problem.classification) and not weighted
    return len(steps) if shared else len(steps) - 1


def _reads_target(step: Any) -> bool:
    """Tell whether a transformer, or any part of it, learns from y: it requires y, or has a setting for its kind."""
    parts = [step, *(part for part in step.get_params(deep=True).values() if isinstance(part, BaseEstimator))]
    return any(hasattr(part, "target_type") or get_tags(part).target_tags.required for part in parts)


def n_fits(steps: Steps, params: Params, problem: Problem) -> int:
    """Number of fits that several targets take: one, or one for each."""
    return 1 if first_of_each(steps, params, problem) == len(steps) else problem.n_targets


class OnTargets(RegressorMixin, BaseEstimator):
    """One model of several targets, each of them transformed by itself, whose predictions come back in their units.

    Parameters
    ----------
    regressor : estimator
        What is fitted.
    way : {"plain", "log", "ranks"}, default="plain"
        The targets: to one scale, their logarithms or ranks.
    objectives : sequence of Objective, default=()
        What predictions of each target are scored by.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from autoarch.families.several_targets import OnTargets
    >>> X = np.arange(4.0)[:, None]
    >>> OnTargets(LinearRegression()).fit(X, np.column_stack([X, 1e6 * X])).predict(X[3:]).round(3).tolist()
    [[3.0, 3000000.0]]
    """

    def __init__(self, regressor: BaseEstimator, way: str = "plain", objectives: Sequence[Objective] = ()):
        self.regressor = regressor
        self.way = way
        self.objectives = objectives

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit a clone of the model."""

        def plainly(model: Any, X: Any, target: np.ndarray, *, sample_weight: Any) -> Any:
            return model.fit(X, target, **({} if sample_weight is None else {"sample_weight": sample_weight}))

        return self.fit_by(plainly, clone(self.regressor), X, np.asarray(y, dtype=np.float64), sample_weight)

    def fit_by(self, fit: Callable[..., Any], model: Any, X: Any, y: np.ndarray, sample_weight: Any) -> Self:
        """Have ``fit(model, X, targets, sample_weight=...)`` fit the model, and take over what it reports of that."""
        goals = self.objectives or [Objective()] * y.shape[1]
        middle, spread = y.mean(axis=0), y.std(axis=0)
        scales = zip(middle.tolist(), np.where(spread > 0, spread, 1.0).tolist(), strict=True)
        goals = [replace(goal, offset=low, scale=unit) for goal, (low, unit) in zip(goals, scales, strict=True)]
        self.parts_ = [OnTarget(None, self.way, goal) for goal in goals]
        targets = np.column_stack([part.learn(column) for part, column in zip(self.parts_, y.T, strict=True)])
        self.regressor_ = fit(model, X, targets, sample_weight=sample_weight)
        reached = self._reached(X) if any(part.corrects for part in self.parts_) else targets
        for part, true, target, found in zip(self.parts_, y.T, targets.T, reached.T, strict=True):
            part.settle(true, target, found, sample_weight)
        take_over(self, (self.regressor_,))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Numbers of shape (n, k), in the units of y."""
        columns = zip(self.parts_, self._reached(X).T, strict=True)
        return np.column_stack([part.in_units(column) for part, column in columns])

    def _reached(self, X: Any) -> np.ndarray:
        return np.asarray(self.regressor_.predict(X), dtype=np.float64).reshape(-1, len(self.parts_))


def on_targets(model: BaseEstimator, params: Params, objective: Objective, y: np.ndarray) -> OnTargets | None:
    """The model on the targets that ``params`` name; None where y is not several numbers."""
    numbers = y.ndim == 2 and y.dtype.kind == "f"
    return OnTargets(model, params.get("target", "plain"), objective.each) if numbers else None


def of_one_target(problem: Problem) -> Problem:
    """The problem of each target alone."""
    return replace(problem, objective=replace(problem.objective, each=()))


class _EachTarget(BaseEstimator):
    estimators_: list[Any]

    def __init__(self, estimator: BaseEstimator):
        self.estimator = estimator

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit a clone of the steps on each column of y."""
        weights = {} if sample_weight is None else {"model__sample_weight": sample_weight}
        return self.fit_by(lambda column, _: clone(self.estimator).fit(X, column, **weights), np.asarray(y))

    def fit_by(self, fit: Callable[[np.ndarray, int], Any], y: np.ndarray) -> Self:
        """Have ``fit(column, targets_left)`` fit the steps on each column of y, and take over what they report."""
        n = y.shape[1]
        self.estimators_ = [fit(column, n - place) for place, column in enumerate(y.T)]
        take_over(self, [steps[-1] for steps in self.estimators_ if isinstance(steps, Pipeline)])
        return self


class EachTargetRegressor(RegressorMixin, _EachTarget):
    """Steps that are fitted for each of several targets.

    Parameters
    ----------
    estimator : Pipeline
        The steps, whose last one is named "model".
    """

    def predict(self, X: Any) -> np.ndarray:
        """Numbers of shape (n, k)."""
        return np.column_stack([model.predict(X) for model in self.estimators_])


class EachTargetClassifier(ClassifierMixin, _EachTarget):
    """Steps that are fitted for each of several labels; one that all rows have, or none, takes no model.

    Parameters
    ----------
    estimator : Pipeline
        The steps, whose last one is named "model".
    """

    def fit_by(self, fit: Callable[[np.ndarray, int], Any], y: np.ndarray) -> Self:
        """Have ``fit`` fit the steps on each column of y that varies."""

        def one(column: np.ndarray, left: int) -> Any:
            if (column == column[0]).all():
                return DummyClassifier(strategy="prior").fit(np.zeros((len(column), 1)), column)
            return fit(column, left)

        self.classes_ = classes_of(y)
        super().fit_by(one, y)
        return self

    def predict_proba(self, X: Any) -> list[np.ndarray]:
        """Probabilities of shape (n, 2) of each label."""
        return [two_columns(model.predict_proba(X), model.classes_) for model in self.estimators_]

    def predict(self, X: Any) -> np.ndarray:
        """Indicators of shape (n, k)."""
        return likeliest(self.predict_proba(X))
