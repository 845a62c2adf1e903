"""Plain models of the raw cells that every way to use a pretrained net has to beat: the floor of ``check_transfer``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.feature_selection import SelectKBest, f_classif, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from autoarch._core.clock import Deadline
from autoarch._search.predicted import aligned
from autoarch._training.room import fit_forest
from autoarch._training.time_limited import fit_growing

_ROWS, _VALUES = 2_000, 4_000_000  # that are learned from: so many values, or so many rows where that is more
CONSTANT, LINEAR, FOREST, BOOSTING = REFERENCES = ("constant", "linear", "forest", "boosting")
_STRENGTHS = (0.01, 0.1, 1.0)  # of the linear model's weights, LogisticRegression's C
_TREES = 50
_ROUNDS, _FEWEST_ROUNDS, _SCREENED = 50, 10, 64
_LEAF_ROWS, _FEW_LEAF_ROWS, _FEW_ROWS = 20, 5, 500

Predict = Callable[[np.ndarray], np.ndarray]


def predictor(model: Any, inputs: Predict, classes: np.ndarray | None) -> Predict:
    """Turn flat rows into numbers, or probabilities of ``classes``, by a model of what ``inputs`` makes of them."""
    if classes is None:
        return lambda rows: model.predict(inputs(rows))
    return lambda rows: aligned(model.predict_proba(inputs(rows)), model.classes_, classes)


def fit_reference(
    name: str, X: np.ndarray, y: np.ndarray, classes: np.ndarray | None, *, seconds: float | None, seed: int
) -> Predict:
    """Fit a constant or a quick plain model of flat rows as they are, on 4,000,000 values at most, or 2,000 rows.

    Boosting sees the 64 columns that differ most with y, so that few cells among many are found in time.
    """
    most = max(_ROWS, _VALUES // X.shape[1])
    if len(X) > most:
        rows = np.random.default_rng(seed).permutation(len(X))[:most]
        X, y = X[rows], y[rows]
    read = make_pipeline(SimpleImputer(keep_empty_features=True))
    if name == BOOSTING:
        screen = SelectKBest(f_regression if classes is None else f_classif, k=min(_SCREENED, X.shape[1]))
        read.steps.append(("screen", screen))
    cells = read.fit(X, y).transform(X)
    if name == CONSTANT:
        model: Any = (DummyRegressor() if classes is None else DummyClassifier(strategy="prior")).fit(cells, y)
    elif name == LINEAR:
        model = linear_head(cells, y, classification=classes is not None, seed=seed)
    else:
        n_classes, given = 0 if classes is None else len(classes), (cells, y, None, Deadline(seconds))
        if name == FOREST:
            model = fit_forest(_forest(n_classes, seed), *given, first=2, seed=seed)
        else:
            model = fit_growing(_boosting(n_classes, len(X), seed), "max_iter", *given, first=2, seed=seed)
    return predictor(model, read.transform, classes)


def _forest(n_classes: int, seed: int) -> BaseEstimator:
    if n_classes:
        return ExtraTreesClassifier(_TREES, random_state=seed)
    return ExtraTreesRegressor(_TREES, max_features=1 / 3, random_state=seed)


def _boosting(n_classes: int, n_rows: int, seed: int) -> BaseEstimator:
    kind = HistGradientBoostingClassifier if n_classes else HistGradientBoostingRegressor
    rounds = _ROUNDS if n_classes <= 2 else max(_FEWEST_ROUNDS, 3 * _ROUNDS // n_classes)
    leaf_rows = _FEW_LEAF_ROWS if n_rows < _FEW_ROWS else _LEAF_ROWS
    size = {"max_iter": rounds, "max_leaf_nodes": 4, "min_samples_leaf": leaf_rows, "learning_rate": 0.2}
    return kind(**size, early_stopping=False, random_state=seed)


def linear_head(features: np.ndarray, y: np.ndarray, *, classification: bool, seed: int) -> Any:
    """A linear model of standardised features; its strength is chosen on a fifth of the rows."""
    if not classification:
        return make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 5, 13))).fit(features, y)
    order = np.random.default_rng(seed).permutation(len(y))
    held_out, rest = order[: len(y) // 5], order[len(y) // 5 :]

    model = make_pipeline(StandardScaler(), LogisticRegression(C=_STRENGTHS[1], max_iter=200))
    if len(held_out) and len(np.unique(y[rest])) > 1:
        model = GridSearchCV(model, {"logisticregression__C": _STRENGTHS}, cv=[(rest, held_out)])
    return model.fit(features, y)
