"""From columns with categories and missing cells to the dense, scaled floats that linear models and nets want."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from autoarch.families.base import Problem

_MOST_LEVELS = 50  # further levels of a category share one column


def table_encoder(problem: Problem, scaler: BaseEstimator) -> ColumnTransformer:
    """Impute medians (with indicators where cells are missing) and scale; one column per level of a category."""
    strategy = "median" if problem.has_missing else "mean"  # of a complete column, where the mean is found far faster
    impute = SimpleImputer(strategy=strategy, add_indicator=problem.has_missing, keep_empty_features=True)
    parts: list[tuple[str, BaseEstimator, Any]] = []
    if problem.numeric:
        columns = partial(_numeric, categorical=problem.categorical)
        parts.append(("numeric", make_pipeline(impute, scaler), columns))
    if problem.categorical:
        one_hot = OneHotEncoder(handle_unknown="ignore", max_categories=_MOST_LEVELS, sparse_output=False)
        parts.append(("categorical", one_hot, list(problem.categorical)))
    return ColumnTransformer(parts)


def _numeric(X: np.ndarray, categorical: tuple[int, ...]) -> list[int]:
    """Columns of numbers: means of labels among them are as many as the labels that a fold has."""
    return sorted(set(range(X.shape[1])) - set(categorical))
