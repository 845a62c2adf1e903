"""Steps in front of models of tables: columns that say nothing set aside, gaps filled, categories as numbers.

A category is read as its codes, a column for each level, means of the target (each row by the other rows) or counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, TargetEncoder

from autoarch._training.crossed_columns import MOST_CROSSED, CrossedColumns
from autoarch._training.table_scalers import LevelCounts, WithheldColumns
from autoarch.families.base import Params, Problem, Steps, Trial

MOST_CODED = 254  # codes of a category, as many as histogram trees tell apart
_MOST_LEVELS = 50  # further levels of a category share one column
_TAKES_SPLITTERS = TargetEncoder().random_state == "deprecated"  # from scikit-learn 1.9 on
_MOST_COMBINED, _FEWEST_COMBINED = 150, 200  # columns, and rows, of a table whose columns are combined
_MANY_ROWS = 2_000  # with labels, from which combinations gain more than they mislead
_MOST_CROSSED_CLASSES, _CROSSING = 10, 0.7  # of which pairs of categories have means; seconds to choose combinations
_MEAN_FOLDS = 5  # in which target means are computed, each from the others


def table_encoder(problem: Problem, scaler: BaseEstimator, categories: str = "means") -> ColumnTransformer:
    """Impute medians (with indicators where cells are missing) and scale; one column per level of a category.

    Where a category has many levels, rare ones share a column, and cross-fitted means of the target and counts stand
    beside them. With ``"levels"`` as ``categories`` each level has a column of a sparse matrix instead.
    """
    strategy = "median" if problem.has_missing else "mean"  # of a complete column, where the mean is found far faster
    # Columns are copied when they are taken from X, so they may be changed
    impute = SimpleImputer(strategy=strategy, add_indicator=problem.has_missing, keep_empty_features=True, copy=False)
    parts: list[tuple[str, BaseEstimator, Any]] = []
    if problem.numeric:
        columns = partial(_numeric, categorical=problem.categorical)
        parts.append(("numeric", make_pipeline(impute, scaler), columns))
    every = categories == "levels"
    if problem.categorical:
        most = {} if every else {"max_categories": _MOST_LEVELS}
        one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=every, **most)
        parts.append(("categorical", one_hot, list(problem.categorical)))
    if not every and (large := many_levels(problem)):
        parts += [
            (name, make_pipeline(step, StandardScaler(copy=False)), large) for name, step in _beside_codes(problem)
        ]
    return ColumnTransformer(parts, sparse_threshold=1.0 if every else 0.3)


def many_levels(problem: Problem, more_than: int = _MOST_LEVELS) -> list[int]:
    """Categorical columns with many levels."""
    pairs = zip(problem.categorical, problem.cardinalities, strict=True)
    return [column for column, levels in pairs if levels > more_than]


def target_means(problem: Problem) -> BaseEstimator:
    """Encoder of categories by the target, each row by the others."""
    n_folds = int(np.clip(problem.n_samples // (2 * max(1, problem.n_classes)), 2, _MEAN_FOLDS))
    kind = "auto" if problem.classification else "continuous"
    if _TAKES_SPLITTERS:
        splitter = StratifiedKFold if problem.classification else KFold
        seeded = {"cv": splitter(n_folds, shuffle=True, random_state=0)}
    else:
        seeded = {"cv": n_folds, "random_state": 0}
    return TargetEncoder(target_type=kind, **seeded)


def _beside_codes(problem: Problem) -> list[tuple[str, BaseEstimator]]:
    """Encoders of categories by the target and by their frequency."""
    return [("means", target_means(problem)), ("counts", LevelCounts())]


def _n_beside_codes(problem: Problem) -> int:
    """Columns that these make of a category: a mean, or one for each class, and a count."""
    return 1 + (problem.n_classes if problem.n_classes > 2 else 1)


def tidy_steps(problem: Problem) -> Steps:
    """The step that sets aside columns that say nothing; of the cells of a grid only those without any value."""
    layout = problem.layout
    grid = layout is not None and not (layout.is_bare_line and problem.verdict == "none")
    return [("withhold", WithheldColumns(only_empty=grid))]


def naming_steps(params: Params, problem: Problem) -> tuple[Steps, Problem]:
    """Target means of columns of whole numbers that name things, beside the numbers; on tables of a single target."""
    layout = problem.layout
    table = layout is None or (layout.is_bare_line and problem.verdict == "none")
    few = problem.n_targets == 1 and problem.n_classes <= _MOST_CROSSED_CLASSES
    if not (problem.naming and table and few and params.get("view", "cells") in ("cells", "crossed")):
        return [], problem
    every: tuple[str, Any, Any] = ("kept", "passthrough", partial(_numeric, categorical=()))
    parts = [every, ("means", target_means(problem), list(problem.naming))]
    n_means = len(problem.naming) * (_n_beside_codes(problem) - 1)
    return [("naming", ColumnTransformer(parts))], replace(problem, n_features=problem.n_features + n_means)


def means_steps(params: Params, problem: Problem) -> tuple[Steps, Problem]:
    """Target means and counts of categories for trees: beside the codes where ``params`` ask for it.

    In place of codes where they are more than histogram trees tell apart.
    """
    replaced = many_levels(problem, MOST_CODED)
    meant = many_levels(problem, 2) if params.get("categories") == "means" else replaced
    if not meant:
        return [], problem
    kept = [column for column in range(problem.n_features) if column not in set(replaced)]
    categorical = [column for column in problem.categorical if column not in set(replaced)]
    parts: list[tuple[str, Any, Any]] = [("kept", "passthrough", partial(_numeric, categorical=tuple(replaced)))]
    parts += [(name, step, meant) for name, step in _beside_codes(problem)]
    levels = dict(zip(problem.categorical, problem.cardinalities, strict=True))
    seen = replace(
        problem,
        n_features=len(kept) + len(meant) * _n_beside_codes(problem),
        categorical=tuple(np.searchsorted(kept, categorical).tolist()),
        cardinalities=tuple(levels[column] for column in categorical),
    )
    return [("means", ColumnTransformer(parts))], seen


def can_cross(problem: Problem) -> bool:
    """Tell whether there are quantities, not cells, enough rows to choose combinations of them, and not too many."""
    few = 2 <= problem.n_features <= _MOST_COMBINED and problem.n_samples >= _FEWEST_COMBINED
    return few and problem.verdict == "none"


def crosses_pay(problem: Problem) -> bool:
    """Tell whether combinations are worth an early turn: of few rows with labels they mislead."""
    return can_cross(problem) and (not problem.classification or problem.n_samples >= _MANY_ROWS)


def views(problem: Problem) -> list[str]:
    """The columns as they are and, on tables, with combinations of them."""
    return ["cells", *(["crossed"] if can_cross(problem) else [])]


def usual_view(problem: Problem) -> Params:
    """The view of the columns as they are, where others are on offer."""
    return {"view": "cells"} if len(views(problem)) > 1 else {}


def crossed_steps(params: Params, problem: Problem, seed: int) -> tuple[Steps, Problem]:
    """The step that appends combinations of columns, where ``params`` ask for it, and at most how many there are."""
    if params.get("view") != "crossed":
        return [], problem
    encoder = target_means(problem) if problem.n_classes <= _MOST_CROSSED_CLASSES else None
    step = CrossedColumns(problem.categorical, encoder, seed)
    return [("crossed", step)], replace(problem, n_features=problem.n_features + MOST_CROSSED)


def crossing_seconds(params: Params) -> float:
    """Estimate the seconds in which they are chosen."""
    return _CROSSING if params.get("view") == "crossed" else 0.0


def suggest_categories(trial: Trial, name: str, problem: Problem, choices: Sequence[str]) -> Params:
    """Sample how the family ``name`` reads categories, where there is a choice."""
    least = 2 if "codes" in choices else _MOST_LEVELS
    if not many_levels(problem, least):
        return {}
    return {"categories": trial.suggest_categorical(f"{name}.categories", list(choices))}


def _numeric(X: np.ndarray, categorical: tuple[int, ...]) -> list[int]:
    """Columns of numbers: means of labels among them are as many as the labels that a fold has."""
    return sorted(set(range(X.shape[1])) - set(categorical))


def n_encoded(problem: Problem) -> int:
    """Columns that ``table_encoder`` makes, at most."""
    gaps = len(problem.numeric) if problem.has_missing else 0
    beside = _n_beside_codes(problem) * len(many_levels(problem))
    coded = sum(min(levels, _MOST_LEVELS) for levels in problem.cardinalities) + beside
    return len(problem.numeric) + gaps + coded
