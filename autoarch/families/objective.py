"""Read what the score asks of predictions of numbers: a loss that follows it, a transformed target, the domain of y.

``objective_of`` reads it off the scorer and y. Where means of y are not what the score wants, every family is offered
``targets`` of which the search chooses, as the parameter ``target``: the matching loss where a model has it
(``"loss"``), logarithms, ranks, or y as it is. ``OnTarget`` fits a model on them and predicts in the units of y.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import ndtri
from scipy.stats import skew
from sklearn.base import BaseEstimator, RegressorMixin, clone

_LOSSES = {
    "mean_absolute_error": "absolute",
    "median_absolute_error": "absolute",
    "d2_absolute_error_score": "absolute",
    "mean_pinball_loss": "quantile",
    "d2_pinball_score": "quantile",
    "mean_poisson_deviance": "poisson",
    "mean_gamma_deviance": "gamma",
    "mean_tweedie_deviance": "tweedie",
    "d2_tweedie_score": "tweedie",
    "mean_squared_log_error": "squared log",
    "root_mean_squared_log_error": "squared log",
    "mean_absolute_percentage_error": "percentage",
    "max_error": "max",
}
_OF_LABELS = frozenset(("f1_score", "precision_score", "recall_score", "jaccard_score", "fbeta_score", "hamming_loss"))
_OF_LABELS |= {"balanced_accuracy_score", "cohen_kappa_score", "matthews_corrcoef", "class_likelihood_ratios"}
_LINKED = ("poisson", "gamma", "tweedie")  # losses of means of positive numbers
_OF_MEANS = ("squared", *_LINKED)
_SKEWED, _LESS = 2.0, 3.0  # skewness of y, and how much less that of its logarithm must be
_KNOTS = 1_000  # of ranks
_REPORTED: dict[str, Callable[[Sequence[Any]], Any]] = {
    "complete_": all,
    "n_rows_fitted_": min,
    "n_rounds_fitted_": min,
    "share_done_": min,
}
_LEAST_SCALE, _MOST_SCALE, _MOST_OFFSET = 1e-4, 1e8, 1e5  # of y; models have absolute tolerances
_NEAR_ZERO = 1e-3  # of the smallest y above zero: the least prediction where 0 has no finite score
_MOST_CONSTANTS = 5  # classes of which each is tried as a constant answer
_BEYOND = 10.0  # times the largest y, where predictions end that came through an exponential


@dataclass(frozen=True)
class Objective:
    """Goal of predictions: what they are scored by, and what y is like.

    Parameters
    ----------
    loss : str, default="squared"
        "squared", "absolute", "quantile", "poisson", "gamma", "tweedie", "squared log", "percentage" or "max"; of
        labels "labels" where the score looks at the most probable ones, as F1 does.
    level : float, default=0.5
        The quantile, or the power of Tweedie's deviance.
    low : float, default=-inf
        Least prediction that has a score.
    positive : {"no", "or zero", "yes"}, default="no"
        Whether y is.
    skewed : bool, default=False
        Whether y has a long tail that its logarithm has not.
    offset, scale : float
        What y is brought to numbers around 1 by, where its unit is far from that.
    each : tuple of Objective, default=()
        That of each of several targets, whose common facts stand here.
    """

    loss: str = "squared"
    level: float = 0.5
    low: float = -np.inf
    positive: str = "no"
    skewed: bool = False
    offset: float = 0.0
    scale: float = 1.0
    each: tuple[Objective, ...] = ()

    @property
    def native(self) -> str:
        """The loss that a model should minimise: of a mean of skewed numbers that of their logarithm's kin."""
        if self.loss == "squared" and self.skewed:
            return "gamma" if self.positive == "yes" else "poisson"
        return self.loss

    @property
    def ways(self) -> tuple[str, ...]:
        """Targets on offer, the most promising first; the one and only where it is y as it is."""
        logarithm = () if self.positive == "no" else ("log",)
        if self.loss in ("absolute", "quantile"):
            return ("loss", "ranks", *(logarithm if self.skewed else ()), "plain")
        if self.loss in _LINKED:
            return ("loss", *logarithm, "plain")
        if self.loss == "squared log":
            return ("log", "plain")
        if self.loss == "percentage":
            return ("loss", *logarithm, "ranks", "plain")
        return ("plain", "loss", "log") if self.loss == "squared" and self.skewed else ("plain",)


def objective_of(scorer: Callable[..., Any], y: np.ndarray, *, classification: bool) -> Objective:
    """Read the objective off a scorer of scikit-learn and y; a scorer of another kind counts as squared error."""
    function = getattr(getattr(scorer, "_score_func", None), "__name__", "")
    if classification:
        of_labels = Objective("labels" if function in _OF_LABELS else "squared")
        return of_labels if y.ndim == 1 else replace(of_labels, each=(of_labels,) * y.shape[1])
    if y.ndim == 2:
        each = tuple(objective_of(scorer, column, classification=False) for column in y.T)
        least = min((part.positive for part in each), key=("no", "or zero", "yes").index)
        low, skewed = min(part.low for part in each), all(part.skewed for part in each)
        return replace(each[0], low=low, positive=least, skewed=skewed, offset=0.0, scale=1.0, each=each)
    loss, given = _LOSSES.get(function, "squared"), getattr(scorer, "_kwargs", {})
    level = float(given.get("alpha", 0.5)) if loss == "quantile" else float(given.get("power", 0.0))
    if loss == "tweedie" and level in (0.0, 1.0, 2.0):
        loss = {0.0: "squared", 1.0: "poisson", 2.0: "gamma"}[level]
    smallest = float(y.min())
    positive = "yes" if smallest > 0 else "or zero" if smallest == 0 else "no"
    low, above = -np.inf, y[y > 0]
    if positive != "no" and loss in _LINKED and len(above):
        low = _NEAR_ZERO * float(above.min())
    elif loss == "squared log":
        low = 0.0
    skewed = bool(positive != "no" and _is_skewed(y))
    offset, scale = 0.0, 1.0
    spread, middle = float(np.std(y)), float(np.mean(y))
    far = not _LEAST_SCALE < spread < _MOST_SCALE or abs(middle) > _MOST_OFFSET * spread
    if far and spread > 0 and loss not in (*_LINKED, "squared log", "percentage"):
        offset, scale = middle, spread
    return Objective(loss, level, low, positive, skewed, offset, scale)


def _is_skewed(y: np.ndarray) -> bool:
    positive = y[y > 0]
    if len(positive) < 3 or np.ptp(y) == 0 or np.ptp(positive) == 0:
        return False
    with np.errstate(all="ignore"):
        plain, logarithm = float(skew(y)), float(skew(np.log1p(y / np.median(positive))))
    return plain > _SKEWED and abs(logarithm) * _LESS < plain


def targets(family: Any, params: dict[str, Any], problem: Any) -> tuple[str, ...]:
    """Targets on offer to one candidate of a family; empty where there is no choice."""
    ways = problem.objective.ways
    if not family.follows(problem.objective.native, params, problem):
        ways = tuple(way for way in ways if way != "loss")
    return ways if len(ways) > 1 else ()


def with_targets(family: Any, problem: Any) -> list[dict[str, Any]]:
    """Defaults of a family, each with the likeliest target; the first one, after round one, with the others as well."""
    defaults = list(family.defaults(problem))
    ways = [targets(family, params, problem) for params in defaults]
    found = [{**params, "target": some[0]} if some else params for params, some in zip(defaults, ways, strict=True)]
    others = [{**defaults[0], "target": way} for way in ways[0][1:]] if defaults else []
    first = max(1, family.openings(problem))
    return [*found[:first], *others, *found[first:]]


def suggest_target(trial: Any, family: Any, params: dict[str, Any], problem: Any) -> dict[str, Any]:
    """Add the target to parameters that were sampled."""
    ways = problem.objective.ways
    if len(ways) == 1:
        return params
    way = trial.suggest_categorical(f"{family.name}.target", list(ways))
    able = targets(family, params, problem)
    return {**params, "target": way if way in able else able[0]} if able else params


class OnTarget(RegressorMixin, BaseEstimator):
    """A model of a transformed target, whose predictions come back in the units and in the domain of y.

    Parameters
    ----------
    regressor : estimator
        What is fitted.
    way : {"plain", "loss", "log", "ranks"}, default="plain"
        The target.
    objective : Objective
        What predictions are scored by.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyRegressor
    >>> from autoarch.families.objective import Objective, OnTarget
    >>> y = np.array([1.0, 10.0, 100.0])
    >>> model = OnTarget(DummyRegressor(), "log", Objective("absolute", positive="yes")).fit(np.zeros((3, 1)), y)
    >>> model.predict(np.zeros((1, 1))).round(6)
    array([10.])
    """

    def __init__(self, regressor: BaseEstimator, way: str = "plain", objective: Objective | None = None):
        self.regressor = regressor
        self.way = way
        self.objective = objective

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> OnTarget:
        """Fit a clone of the model."""

        def plainly(model: Any, X: Any, target: np.ndarray, *, sample_weight: Any) -> Any:
            return model.fit(X, target, **({} if sample_weight is None else {"sample_weight": sample_weight}))

        return self.fit_by(plainly, clone(self.regressor), X, np.asarray(y, dtype=np.float64), sample_weight)

    def fit_by(self, fit: Callable[..., Any], model: Any, X: Any, y: np.ndarray, sample_weight: Any) -> OnTarget:
        """Have ``fit(model, X, target, sample_weight=...)`` fit the model, and take over what it reports of that."""
        goal = self.goal
        if goal.loss == "percentage" and self.way == "loss":
            each = 1.0 / np.maximum(np.abs(y), np.finfo(float).tiny ** 0.5)
            sample_weight = each / each.mean() * (1.0 if sample_weight is None else sample_weight)
        target = self.learn(y)
        self.regressor_ = fit(model, X, target, sample_weight=sample_weight)
        self.settle(y, target, self.regressor_.predict(X) if self.corrects else target, sample_weight)
        take_over(self, (self.regressor_,))
        return self

    def learn(self, y: np.ndarray) -> np.ndarray:
        """Learn the transformation from y, and return the target that a model is fitted on."""
        self.ends_ = float(np.min(y)), float(np.max(y))
        self.unit_ = 1.0 if self.goal.loss == "squared log" else float(np.median(y[y > 0])) if (y > 0).any() else 1.0
        if self.way == "ranks":
            self.values_ = np.quantile(y, np.linspace(0, 1, min(_KNOTS, len(y))))
            self.scores_ = ndtri((np.arange(len(self.values_)) + 0.5) / len(self.values_))
        return self._forward(y)

    def settle(self, y: np.ndarray, target: np.ndarray, reached: np.ndarray, sample_weight: Any) -> None:
        """Learn what predictions are corrected by from those that a model gives of its training rows."""
        goal = self.goal
        self.factor_, self.shift_ = 1.0, 0.0
        if not self.corrects:
            return
        if self.way == "log" and goal.loss in _OF_MEANS:  # back to means, which lie above medians
            expected = float(np.average(self._backward(reached), weights=sample_weight))
            factor = float(np.average(y, weights=sample_weight)) / expected if expected > 0 else 1.0
            self.factor_ = float(np.clip(factor, 0.5, 5.0)) if np.isfinite(factor) else 1.0
        if goal.loss == "quantile":
            self.shift_ = float(np.quantile(target - reached, goal.level))

    @property
    def corrects(self) -> bool:
        """Return whether those of the training rows correct predictions, which takes as long as predicting them."""
        loss = self.goal.loss
        return (self.way == "log" and loss in _OF_MEANS) or (loss == "quantile" and self.way != "loss")

    def predict(self, X: Any) -> np.ndarray:
        """Numbers in the units of y, where the score is defined."""
        return self.in_units(self.regressor_.predict(X))

    def in_units(self, found: Any) -> np.ndarray:
        """Numbers in the units of y from what the model predicts."""
        found = np.asarray(found, dtype=float) + self.shift_
        low, high = self.bounds
        values = self.factor_ * self._backward(found)
        return np.clip(np.nan_to_num(values, nan=self.ends_[0], posinf=high, neginf=low), low, high)

    @property
    def goal(self) -> Objective:
        """Objective that predictions are scored by."""
        return self.objective or Objective()

    @property
    def bounds(self) -> tuple[float, float]:
        """Between which predictions lie."""
        through_exponential = self.way == "log" or (self.way == "loss" and self.goal.native in _LINKED)
        bounded = through_exponential and self.ends_[1] > 0
        return self.goal.low, _BEYOND * self.ends_[1] if bounded else np.inf

    @property
    def unit_exponential(self) -> float | None:
        """Factor of the exponential less one where the target is a logarithm; None for the exponential alone."""
        whole = self.goal.positive == "yes" and self.goal.loss != "squared log"
        return None if whole else self.unit_

    def _forward(self, y: np.ndarray) -> np.ndarray:
        if self.way == "log":
            unit = self.unit_exponential
            return np.log(y) if unit is None else np.log1p(y / unit)
        if self.way == "ranks":
            return _interpolated(y, self.values_, self.scores_)
        return (y - self.goal.offset) / self.goal.scale

    def _backward(self, values: np.ndarray) -> np.ndarray:
        if self.way == "log":
            with np.errstate(over="ignore"):
                unit = self.unit_exponential
                return np.exp(values) if unit is None else np.expm1(values) * unit
        if self.way == "ranks":
            return np.interp(values, self.scores_, self.values_)
        return values * self.goal.scale + self.goal.offset


def wrapped(model: BaseEstimator, params: dict[str, Any], objective: Objective) -> OnTarget | None:
    """The model on the target that ``params`` name, or in the unit or the domain that y asks for; None otherwise."""
    way = params.get("target", "plain")
    plain = way == "plain" and objective.scale == 1.0 and objective.low == -np.inf
    return None if plain else OnTarget(model, way, objective)


def take_over(model: Any, fitted: Sequence[Any]) -> None:
    """Have a model report of its training what its parts do: the worst of them."""
    for name, of_all in _REPORTED.items():
        found = [getattr(part, name) for part in fitted if hasattr(part, name)]
        if found:
            setattr(model, name, of_all(found))


def bare_model(model: Any) -> Any:
    """The model that was fitted, without the target around it."""
    return model.regressor_ if isinstance(model, OnTarget) else model


def own_params(params: dict[str, Any]) -> dict[str, Any]:
    """Parameters as a family knows them, without a target that it has no part in."""
    return {key: value for key, value in params.items() if key != "target" or value == "loss"}


def _interpolated(y: np.ndarray, values: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Scores of y; of equal values the middle one."""
    distinct, first = np.unique(values, return_index=True)
    last = np.append(first[1:], len(values)) - 1
    return np.interp(y, distinct, (scores[first] + scores[last]) / 2)


def constant_target(objective: Objective) -> dict[str, Any]:
    """Parameter of the constant that the score prefers to the mean, if it does."""
    return {} if objective.loss in ("squared", "labels") else {"target": objective.ways[0]}


def constant_labels(objective: Objective, n_classes: int) -> Sequence[dict[str, Any]]:
    """Parameters of constants that the score may prefer to the shares of the classes: each class alone."""
    most = _MOST_CONSTANTS if objective.loss == "labels" else 0
    return [{"label": label} for label in range(n_classes if n_classes <= most else 0)]
