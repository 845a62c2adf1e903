"""Simple models with scikit-learn's defaults: what one has after a line of code and a second or two.

They have the form of the systems of ``systems.py``, and know no budget.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline

from peers import Predict
from tasks import Task


def logistic(task: Task, budget: float, seed: int, cores: int) -> tuple[Predict, str]:
    """Logistic regression, or ridge regression, on standardised columns."""
    return _fitted(task, LogisticRegression(max_iter=1000) if task.classification else Ridge())


def boosting(task: Task, budget: float, seed: int, cores: int) -> tuple[Predict, str]:
    """Histogram gradient boosting."""
    kind = HistGradientBoostingClassifier if task.classification else HistGradientBoostingRegressor
    return _fitted(task, kind(random_state=seed), for_trees=True)


def extra_trees(task: Task, budget: float, seed: int, cores: int) -> tuple[Predict, str]:
    """200 extremely randomised trees."""
    kind = ExtraTreesClassifier if task.classification else ExtraTreesRegressor
    return _fitted(task, kind(n_estimators=200, n_jobs=cores, random_state=seed))


def nearest(task: Task, budget: float, seed: int, cores: int) -> tuple[Predict, str]:
    """Nearest neighbour, on standardised columns where a row is no matrix."""
    kind = KNeighborsClassifier if task.classification else KNeighborsRegressor
    return _fitted(task, kind(n_neighbors=1), scaled=not task.is_grid)


def _fitted(task: Task, model: Any, *, for_trees: bool = False, scaled: bool = True) -> tuple[Predict, str]:
    from systems import encoder, flat

    prepare = encoder(task.X, for_trees=for_trees) if scaled else SimpleImputer(keep_empty_features=True)
    pipeline = make_pipeline(prepare, model).fit(flat(task.X), task.y)
    return lambda X: pipeline.predict(flat(X)), repr(model)


SYSTEMS: dict[str, Callable[[Task, float, int, int], tuple[Predict, str]]] = {
    "logistic": logistic,
    "boosting": boosting,
    "extra_trees": extra_trees,
    "nearest": nearest,
}
