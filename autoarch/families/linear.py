"""Linear models: the floor that everything else must beat, and often the best of all on wide, short data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from autoarch._core.clock import Deadline
from autoarch._training.scalers import RobustClip
from autoarch._training.time_limited import fit_affordable_rows, fit_growing
from autoarch.families import spatial_steps
from autoarch.families.base import Family, Needs, Params, Problem, Steps
from autoarch.families.preprocessing import table_encoder

if TYPE_CHECKING:
    import optuna

_ITERATIONS = 200
_MIXED = {"penalty": "elasticnet"} if LogisticRegression().penalty == "l2" else {}  # needed before scikit-learn 1.8


class Linear(Family):
    """Logistic regression, ridge or an elastic net on scaled, one-hot encoded columns."""

    name = "linear"
    needs = Needs()

    def defaults(self, problem: Problem) -> Sequence[Params]:
        """A light and a strong penalty, robust scaling, few slopes; the penalty weighs against the sum over rows."""
        near, bare = spatial_steps.first(problem), spatial_steps.first(problem, 2)
        return [
            {"penalty": 1.0, "scaling": "standard", "sparsity": 0.0, **near},
            {"penalty": 30.0, "scaling": "standard", "sparsity": 0.0, **near},
            {"penalty": 1.0, "scaling": "robust", "sparsity": 0.0, **bare},
            {"penalty": 10.0, "scaling": "standard", "sparsity": 0.7, **near},
        ]

    def suggest(self, trial: optuna.Trial, problem: Problem) -> Params:
        """Sample the penalty, its kind and the scaling."""
        return {
            "sparsity": trial.suggest_categorical("linear.sparsity", [0.0, 0.3, 0.7, 0.95]),
            "penalty": trial.suggest_float("linear.penalty", 1e-3, 1e4, log=True),
            "scaling": trial.suggest_categorical("linear.scaling", ["standard", "robust"]),
            **spatial_steps.suggested(trial, self.name, problem),
        }

    def build(self, params: Params, problem: Problem, seed: int) -> Steps:
        """Scale and encode, then a linear model; ``sparsity`` is the share of the penalty that sets slopes to zero."""
        scaler = RobustClip() if params["scaling"] == "robust" else StandardScaler()
        model: BaseEstimator
        sparsity = params["sparsity"]
        if problem.classification:
            sparse = {"solver": "saga", "l1_ratio": sparsity, "random_state": seed, **_MIXED} if sparsity else {}
            model = LogisticRegression(C=1.0 / params["penalty"], max_iter=_ITERATIONS, **sparse)
        elif sparsity:
            model = ElasticNet(alpha=params["penalty"] / problem.n_samples, l1_ratio=sparsity, random_state=seed)
        else:
            model = Ridge(alpha=params["penalty"], random_state=seed)
        steps, problem = spatial_steps.spatial_steps(params, problem, seed)
        return [*steps, ("prepare", table_encoder(problem, scaler)), ("model", model)]

    def fit(
        self,
        model: BaseEstimator,
        X: np.ndarray,
        y: np.ndarray,
        *,
        sample_weight: np.ndarray | None,
        deadline: Deadline,
        seed: int,
    ) -> BaseEstimator:
        """Iterate until converged or out of time."""
        if isinstance(model, LogisticRegression):
            return fit_growing(model, "max_iter", X, y, sample_weight, deadline, first=5, seed=seed, per_call=True)
        if isinstance(model, ElasticNet):  # a weight on absolute slopes has a unit: that of y
            model = clone(model).set_params(alpha=model.alpha * max(float(np.std(y)), 1e-12))
        return fit_affordable_rows(model, X, y, sample_weight, deadline, seed)
