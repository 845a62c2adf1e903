"""Linear models: the floor that everything else must beat, and often the best of all on wide, short data.

Imports: scikit-learn, ``autoarch.families``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from autoarch._training.deadline import Deadline
from autoarch._training.growing import fit_affordable_rows, fit_growing
from autoarch._training.scaling import RobustClip
from autoarch.families.base import Family, Needs, Params, Problem, Steps
from autoarch.families.tables import table_encoder

if TYPE_CHECKING:
    import optuna

_ITERATIONS = 200


class Linear(Family):
    """Logistic regression or ridge on scaled, one-hot encoded columns."""

    name = "linear"
    needs = Needs()

    def defaults(self, problem: Problem) -> Sequence[Params]:
        """A light and a strong penalty, and robust scaling; the penalty weighs against the sum over rows."""
        return [
            {"penalty": 1.0, "scaling": "standard"},
            {"penalty": 30.0, "scaling": "standard"},
            {"penalty": 1.0, "scaling": "robust"},
        ]

    def suggest(self, trial: optuna.Trial, problem: Problem) -> Params:
        """Sample the penalty and the scaling."""
        return {
            "penalty": trial.suggest_float("linear.penalty", 1e-3, 1e4, log=True),
            "scaling": trial.suggest_categorical("linear.scaling", ["standard", "robust"]),
        }

    def build(self, params: Params, problem: Problem, seed: int) -> Steps:
        """Scale and encode, then logistic regression or ridge."""
        scaler = RobustClip() if params["scaling"] == "robust" else StandardScaler()
        model: BaseEstimator
        if problem.classification:
            model = LogisticRegression(C=1.0 / params["penalty"], max_iter=_ITERATIONS)
        else:
            model = Ridge(alpha=params["penalty"], random_state=seed)
        return [("prepare", table_encoder(problem, scaler)), ("model", model)]

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
        return fit_affordable_rows(model, X, y, sample_weight, deadline, seed)
