"""Kernel machines: smooth boundaries in a moment, often far ahead of everything else on small tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from autoarch._training.kernel_machine import KernelFeatures, KernelMachineClassifier, KernelMachineRegressor
from autoarch._training.scalers import GridScaler
from autoarch._training.table_scalers import RobustClip
from autoarch.families import categories, linear, preprocessing
from autoarch.families.base import Array, Family, Params, Problem, Steps, Trial

_EXACT_ROWS, _USUAL_ROWS = 20_000, 5_000  # up to which every row may be compared with every other, and is by default
_MOST_CLASSES = 50  # each of which is told from each other
_MOST_FEATURES, _MOST_VALUES = 500, 30_000_000  # of kernels around some rows, and their values
_MOST_PRODUCTS = 2e9  # between rows of a grid that is worth it beside what reads cells as such
_FITS = 2.4  # those on folds included
_PER_PRODUCT, _PER_PAIR = 3e-10, 4e-8  # seconds of a kernel between two rows: for each column, and of the solver
_PASSES = 60  # over the features


class SVM(Family):
    """Support vector machines of Gaussians or products; of many rows a linear model of kernels around some."""

    name = "svm"
    anytime = True

    def kernels(self, problem: Problem) -> list[str]:
        """Kernels on offer, the most promising first: products first on wide data, features alone of many rows."""
        if problem.n_samples > _EXACT_ROWS or problem.n_classes > _MOST_CLASSES:
            return ["features"]
        exact = ["linear", "rbf"] if _is_wide(problem) else ["rbf", "linear"]
        return [*exact, "features"] if problem.n_samples <= _USUAL_ROWS else ["features", *exact]

    def scalings(self, problem: Problem) -> list[str]:
        """Scalings on offer; one scale for the whole grid where every column is a cell of one."""
        layout = problem.layout
        cells = layout is not None and not layout.is_bare_line and not len(layout.foreign)
        return ["global", "standard", "robust"] if cells else ["standard", "robust"]

    def unpromising_for(self, problem: Problem) -> str | None:
        """Give a reason on large grids, whose cells say more together."""
        n, p = problem.n_samples, problem.n_features
        if problem.layout is None or problem.verdict == "none" or n * min(n, _EXACT_ROWS) * p <= _MOST_PRODUCTS:
            return None
        return "flat cells of so many grids take longer than they are worth"

    def defaults(self, problem: Problem) -> Sequence[Params]:
        """A usual and a larger cost, robust scaling, wider Gaussians; another kernel."""
        near, bare = preprocessing.spatial_default(problem), preprocessing.spatial_default(problem, 2)
        kernel, *others = self.kernels(problem)
        first, *scalings = self.scalings(problem)
        base: Params = {"kernel": kernel, "cost": _COSTS[kernel], "scaling": first, **_shape(kernel), **near}
        found = [base]
        found += [{**_with(base, other), "cost": _COSTS[other]} for other in others if other != "features"]
        found += [{**base, "scaling": other} for other in scalings]
        found += [{**base, "cost": 5 * base["cost"], **bare}, {**base, "cost": base["cost"] / 10}]
        if "gamma" in base:
            found += [{**base, "gamma": 0.3, "cost": 5 * base["cost"]}, {**base, "gamma": 3.0}]
        if not problem.classification:
            found = [{**params, "epsilon": 0.1} if params["kernel"] != "features" else params for params in found]
        return preprocessing.with_order_free(found, [base], problem, self.openings(problem))

    def openings(self, problem: Problem) -> int:
        """On wide data both kernels: they take a moment."""
        return 2 if _is_wide(problem) and problem.n_samples <= _USUAL_ROWS else 1

    def follows(self, loss: str, params: Params, problem: Problem) -> bool:
        """Return whether it is an exact machine for numbers, whose loss is all but that of medians."""
        return not problem.classification and params["kernel"] != "features" and loss in ("absolute", "percentage")

    def suggest(self, trial: Trial, problem: Problem) -> Params:
        """Sample the kernel, its width, the cost of residuals, and the scaling."""
        kernel = trial.suggest_categorical("svm.kernel", self.kernels(problem))
        params: Params = {"kernel": kernel, "cost": trial.suggest_float("svm.cost", 1e-3, 1e3, log=True)}
        params["scaling"] = trial.suggest_categorical("svm.scaling", self.scalings(problem))
        if kernel != "linear":
            params["gamma"] = trial.suggest_float("svm.gamma", 0.03, 10.0, log=True)
        if kernel != "features" and not problem.classification:
            params["epsilon"] = trial.suggest_float("svm.epsilon", 0.01, 0.5, log=True)
        spatial = preprocessing.suggest_spatial(trial, self.name, problem)
        return {**params, **spatial, **preprocessing.suggest_view(trial, self.name, problem)}

    def build(self, params: Params, problem: Problem, seed: int) -> Steps:
        """Scale and encode, then the machine; or kernels around some rows and a linear model."""
        on_grid = params["scaling"] == "global" and problem.layout is not None
        naming, problem = ([], problem) if on_grid else categories.naming_steps(params, problem)
        steps, problem = preprocessing.spatial_steps(params, problem, seed)
        summaries, problem = preprocessing.view_steps(params, problem)
        steps += summaries
        if params["scaling"] == "global" and problem.layout is not None:
            steps += [("scale", GridScaler(problem.layout))]
        else:
            scaler = RobustClip() if params["scaling"] == "robust" else StandardScaler(copy=False)
            steps = [
                *categories.tidy_steps(problem),
                *naming,
                *steps,
                ("prepare", categories.table_encoder(problem, scaler)),
            ]
        if params["kernel"] != "features":
            return [*steps, ("model", self._machine(params, problem, seed))]
        features = KernelFeatures(_n_features(problem), params["gamma"], seed)
        return [*steps, ("kernels", features), ("model", _linear_model(params["cost"], problem, seed))]

    def _machine(self, params: Params, problem: Problem, seed: int) -> BaseEstimator:
        settings = {"kernel": params["kernel"], "cost": params["cost"], "gamma": params.get("gamma", 1.0), "seed": seed}
        if problem.classification:
            return KernelMachineClassifier(**settings)
        epsilon = 0.0 if params.get("target") == "loss" else params["epsilon"]
        return KernelMachineRegressor(**settings, epsilon=epsilon)

    def fit(self, model: BaseEstimator, X: Array, y: Array, **limits: Any) -> BaseEstimator:
        """Fit on the rows that there is time for, or iterate as a linear model does."""
        if isinstance(model, (LogisticRegression, Ridge)):
            return linear.Linear().fit(model, X, y, **limits)
        return super().fit(model, X, y, **limits)

    def nominal_seconds(self, params: Params, problem: Problem) -> float:
        """Estimate by the kernels between rows, or by the products of a linear model of them."""
        summing = 0.01 + preprocessing.view_seconds(params, problem)
        _, problem = preprocessing.view_steps(params, problem)
        n, p = problem.n_samples, categories.n_encoded(problem)
        if params["kernel"] != "features":
            return summing + _FITS * n * n * (p * _PER_PRODUCT / _FITS + _PER_PAIR)
        m = _n_features(problem)
        solving = _PASSES * max(1, problem.n_classes) if problem.classification else m
        return summing + n * m * (p + m + solving) * _PER_PRODUCT


_COSTS = {"rbf": 3.0, "linear": 0.1, "features": 3.0}


def _shape(kernel: str) -> Params:
    return {} if kernel == "linear" else {"gamma": 1.0}


def _with(params: Params, kernel: str) -> Params:
    """The parameters with another kernel."""
    kept = {name: value for name, value in params.items() if name != "gamma"}
    return {**kept, "kernel": kernel, **_shape(kernel)}


def _is_wide(problem: Problem) -> bool:
    return problem.n_features > problem.n_samples


def _n_features(problem: Problem) -> int:
    return int(np.clip(_MOST_VALUES // max(1, problem.n_samples), 100, _MOST_FEATURES))


def _linear_model(cost: float, problem: Problem, seed: int) -> BaseEstimator:
    if problem.classification:
        return LogisticRegression(C=cost, max_iter=200)
    return Ridge(alpha=1.0 / (2 * cost), random_state=seed)
