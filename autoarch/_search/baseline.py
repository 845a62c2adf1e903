"""The model that is there after the first second, whatever happens later.

Imports: scikit-learn, ``autoarch.families``, ``autoarch._search``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

from autoarch._search.job import Job
from autoarch._training.deadline import Deadline
from autoarch.families.base import Family, Params, Problem, Steps

if TYPE_CHECKING:
    import optuna

_ROWS = 2000
_TREES = 30
BASELINE_NUMBER = -1


class Baseline(Family):
    """A small forest on few rows: no scaling, no encoding, missing cells as they are."""

    name = "baseline"

    def suggest(self, trial: optuna.Trial, problem: Problem) -> Params:
        """There is nothing to choose."""
        return {}

    def build(self, params: Params, problem: Problem, seed: int) -> Steps:
        """A forest of thirty trees."""
        forest = ExtraTreesClassifier if problem.classification else ExtraTreesRegressor
        return [("model", forest(n_estimators=_TREES, random_state=seed))]


def baseline_job(problem: Problem, seed: int) -> Job:
    """Judge the baseline on the first split, trained on 2,000 rows at most."""
    return Job(
        BASELINE_NUMBER, Baseline(), {}, problem, seed, Deadline(), most_rows=_ROWS, n_splits=1
    )
