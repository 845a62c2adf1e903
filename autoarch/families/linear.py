"""Linear models: what everything else must beat, and often the best of all on wide, short data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import ElasticNet, LogisticRegression, QuantileRegressor, Ridge, TweedieRegressor
from sklearn.preprocessing import StandardScaler

from autoarch._training.table_scalers import RobustClip
from autoarch._training.time_limited import fit_affordable_rows, fit_growing
from autoarch.families import categories, preprocessing
from autoarch.families.base import Array, Family, Params, Problem, Steps, Trial
from autoarch.families.landmarks import Check, Losses, Sample, ridge_losses

_ITERATIONS = 200
_QUANTILE_VALUES = 40_000  # of X, encoded, on which quantile regression takes seconds
_PASSES, _SPARSE_PASSES = 60, 300  # over the values until a solver has converged, usually
_PER_PREPARED, _PER_PRODUCT, _PER_STEP = 4e-8, 3e-10, 1e-9  # seconds for each value; those of a sparse solver
_PER_CHANCE = 2e-8  # seconds for the probability of a class
_MIXED = {"penalty": "elasticnet"} if LogisticRegression().penalty == "l2" else {}  # needed before scikit-learn 1.8


class Linear(Family):
    """Logistic regression, ridge or an elastic net on scaled, one-hot encoded columns."""

    name = "linear"
    anytime = True
    title = landmark_title = "a linear model"
    prior_odds = (0.10, 0.15, 0.20)

    def defaults(self, problem: Problem) -> Sequence[Params]:
        """A light and a strong penalty, robust scaling, few slopes; the penalty weighs against the sum over rows.

        On tables combinations of columns come before all but the first.
        """
        near, bare = preprocessing.spatial_default(problem), preprocessing.spatial_default(problem, 2)
        light: Params = {
            "penalty": 1.0,
            "scaling": "standard",
            "sparsity": 0.0,
            **near,
            **categories.usual_view(problem),
        }
        strong = {**light, "penalty": 30.0}
        robust = {**light, "scaling": "robust", **bare}
        few = {**light, "penalty": 10.0, "sparsity": 0.7}
        # Of many summaries few count: on 18 kinds of lines in no order (800 rows) mean accuracy is 0.03 above that of
        # all slopes under the same penalty, between 0.02 below and 0.13 above
        fewest = {**few, "penalty": 30.0}
        levels: list[Params] = []
        if categories.many_levels(problem):
            levels = [{**light, "categories": "levels"}]
            for params in (light, strong, robust, few, fewest):
                params["categories"] = "means"
        crossed = [{**robust, **near, "view": "crossed"}] if categories.crosses_pay(problem) else []
        found, summed = [light, *levels, *crossed, strong, robust, few], [fewest, strong, few]
        return preprocessing.with_order_free(found, summed, problem, self.openings(problem))

    def openings(self, problem: Problem) -> int:
        """The cells and, where their lines stand in no order, summaries with few slopes and under a strong penalty.

        Of categories with many levels both their target means and a slope for each level.
        """
        if preprocessing.opens_without_order(problem):
            return 3
        return 2 if categories.many_levels(problem) else 1

    def follows(self, loss: str, params: Params, problem: Problem) -> bool:
        """Return whether it is a generalised linear model, or a quantile regression on few values."""
        if problem.classification or params["sparsity"]:
            return False
        if loss in ("absolute", "percentage", "quantile"):
            return problem.n_samples * categories.n_encoded(problem) <= _QUANTILE_VALUES
        return loss in ("poisson", "gamma", "tweedie")

    def suggest(self, trial: Trial, problem: Problem) -> Params:
        """Sample the penalty, its kind and the scaling."""
        return {
            "sparsity": trial.suggest_categorical("linear.sparsity", [0.0, 0.3, 0.7, 0.95]),
            "penalty": trial.suggest_float("linear.penalty", 1e-3, 1e4, log=True),
            "scaling": trial.suggest_categorical("linear.scaling", ["standard", "robust"]),
            **preprocessing.suggest_spatial(trial, self.name, problem),
            **preprocessing.suggest_view(trial, self.name, problem, categories.views(problem)),
            **categories.suggest_categories(trial, self.name, problem, ("means", "levels")),
        }

    def build(self, params: Params, problem: Problem, seed: int) -> Steps:
        """Scale and encode, then a linear model; ``sparsity`` is the share of the penalty that sets slopes to zero."""
        scaler = RobustClip() if params["scaling"] == "robust" else StandardScaler(copy=False)
        model: BaseEstimator
        sparsity, loss = params["sparsity"], params.get("target") == "loss"
        if problem.classification:
            sparse = {"solver": "saga", "l1_ratio": sparsity, "random_state": seed, **_MIXED} if sparsity else {}
            model = LogisticRegression(C=1.0 / params["penalty"], max_iter=_ITERATIONS, **sparse)
        elif loss:
            model = _following(problem, params["penalty"] / problem.n_samples)
        elif sparsity:
            model = ElasticNet(alpha=params["penalty"] / problem.n_samples, l1_ratio=sparsity, random_state=seed)
        else:
            model = Ridge(alpha=params["penalty"], random_state=seed)
        naming, problem = categories.naming_steps(params, problem)
        steps, problem = preprocessing.spatial_steps(params, problem, seed)
        summaries, problem = preprocessing.view_steps(params, problem)
        crossed, problem = categories.crossed_steps(params, problem, seed)
        encoder = categories.table_encoder(problem, scaler, params.get("categories", "means"))
        steps = [*categories.tidy_steps(problem), *naming, *steps, *summaries, *crossed]
        return [*steps, ("prepare", encoder), ("model", model)]

    def fit(self, model: BaseEstimator, X: Array, y: Array, **limits: Any) -> BaseEstimator:
        """Iterate until converged or out of time."""
        if isinstance(model, LogisticRegression):
            return _in_double(fit_growing(model, "max_iter", X, y, first=5, per_call=True, **limits))
        if isinstance(model, ElasticNet):  # a weight on absolute slopes has a unit: that of y
            model = clone(model).set_params(alpha=model.alpha * max(float(np.std(y)), 1e-12))
        return _in_double(fit_affordable_rows(model, X, y, **limits))

    def nominal_seconds(self, params: Params, problem: Problem) -> float:
        """Estimate by the passes over the encoded values, or the products of columns."""
        summing = preprocessing.view_seconds(params, problem) + categories.crossing_seconds(params)
        _, problem = preprocessing.view_steps(params, problem)
        _, problem = categories.crossed_steps(params, problem, 0)
        n, p = problem.n_samples, categories.n_encoded(problem)
        preparing = 0.005 + n * p * _PER_PREPARED + summing
        if problem.classification:
            n_columns = problem.n_classes if problem.n_classes > 2 else 1
            if params["sparsity"]:
                return preparing + _SPARSE_PASSES * n * n_columns * p * _PER_STEP
            return preparing + _PASSES * n * n_columns * (p * _PER_PRODUCT + _PER_CHANCE)
        return preparing + n * p * (_PASSES if params["sparsity"] else min(n, p)) * _PER_PRODUCT

    def landmark(self, sample: Sample, check: Check) -> Losses:
        """Ridge on scaled columns, indicators for categories."""
        return {self.name: ridge_losses(sample.products, sample)}

    def landmark_seconds(self, sample: Sample) -> float:
        """One matrix of inner products and one inverse."""
        n, p = sample.expanded.shape
        return 0.02 + sample.solving_seconds + n * n * p / 1e10


def _following(problem: Problem, alpha: float) -> BaseEstimator:
    """The linear model whose loss is that of the objective."""
    loss, level = problem.objective.native, problem.objective.level
    if loss in ("absolute", "percentage", "quantile"):
        return QuantileRegressor(quantile=level if loss == "quantile" else 0.5, alpha=alpha, solver="highs")
    power = {"poisson": 1.0, "gamma": 2.0}.get(loss, level)
    return TweedieRegressor(power=power, alpha=alpha, link="log", max_iter=_ITERATIONS)


def _in_double(model: Any) -> BaseEstimator:
    """Have a fitted model predict in float64: sums of float32 depend on how many rows are multiplied at once."""
    model.coef_, model.intercept_ = (np.asarray(part, dtype=np.float64) for part in (model.coef_, model.intercept_))
    return model
