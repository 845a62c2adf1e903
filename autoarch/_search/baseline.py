"""The model that is there after the first second, whatever happens later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

from autoarch._core.clock import Deadline
from autoarch._search.job import Job
from autoarch._training.time_limited import fit_growing
from autoarch.families.base import Family, Params, Problem, Steps

if TYPE_CHECKING:
    import optuna

_ROWS = 2000
_VALUES = 4_000_000  # of X that are looked at, at most
_TREES = 30
BASELINE_NUMBER = -1


class Baseline(Family):
    """A small forest on few rows: no scaling, no encoding, missing cells as they are."""

    name = "baseline"

    def suggest(self, trial: optuna.Trial, problem: Problem) -> Params:
        """Suggest nothing: there is nothing to choose."""
        return {}

    def build(self, params: Params, problem: Problem, seed: int) -> Steps:
        """A forest of thirty trees."""
        forest = ExtraTreesClassifier if problem.classification else ExtraTreesRegressor
        return [("model", forest(n_estimators=_TREES, max_features="sqrt", random_state=seed))]

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
        """Fit tree by tree while the time lasts."""
        return fit_growing(model, "n_estimators", X, y, sample_weight, deadline, first=1, seed=seed)


def baseline_job(problem: Problem, seed: int, deadline: Deadline) -> Job:
    """Judge the baseline on the first split, trained on 2,000 rows at most, fewer where they are very wide."""
    most_rows = max(100, min(_ROWS, _VALUES // problem.n_features))
    return Job(BASELINE_NUMBER, Baseline(), {}, problem, seed, deadline, most_rows=most_rows, n_splits=1)
