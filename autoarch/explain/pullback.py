"""Models inside an estimator, and the pullback from the columns that each of them sees to those of X.

Gradients and the paths of trees attribute the output to the inputs of a model: scaled, imputed, encoded columns. Each
step that is known here has a matrix that hands the share of an output column back to the columns it was made of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.stats import rankdata
from sklearn import preprocessing
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline

from autoarch._data.canonical import Canonicaliser
from autoarch._training.grid_extents import SQUARE, GridExtent, sides_of
from autoarch._training.scalers import GridScaler
from autoarch._training.table_scalers import LevelCounts, RobustClip, SmallUnits, ToFloat32, WithheldColumns
from autoarch._training.time_limited import undecided

_ONE_TO_ONE: tuple[type, ...] = (preprocessing.MaxAbsScaler, preprocessing.MinMaxScaler, preprocessing.RobustScaler)
_ONE_TO_ONE += (preprocessing.StandardScaler, preprocessing.PowerTransformer, preprocessing.QuantileTransformer)
_ONE_TO_ONE += (Canonicaliser, RobustClip, ToFloat32, WithheldColumns, SmallUnits, LevelCounts)


class UntraceableError(Exception):
    """Reason why attributions to what a model sees cannot be pulled back to columns of X; caught within this room."""


@dataclass(frozen=True, eq=False)
class Member:
    """One model, the steps before it, and its weight in the prediction."""

    model: Any
    steps: tuple[Any, ...]
    weight: float

    def inputs(self, rows: Any) -> Any:
        """Rows as the model sees them."""
        for step in self.steps:
            rows = step.transform(rows)
        return rows.toarray() if sparse.issparse(rows) else rows


@dataclass(frozen=True, eq=False)
class Attribution:
    """Values of one method, before repeats and models are averaged.

    Parameters
    ----------
    parts : ndarray of shape (repeats or members, n, p)
        One map for each of them.
    units : str
        Unit of the parts.
    outputs, base_outputs : ndarray of shape (n,)
        Mean outputs for the rows and for the baseline; None where the method knows none of the latter.
    weights : ndarray of shape (repeats or members,) or None
        Their shares, which sum to 1; None for equal ones.
    by : str
        Parts that were removed at once; empty where none is.
    baseline : str
        Values that replaced them, in words.
    models : str
        How many models of an ensemble were used; empty for all.
    by_size : mapping from (int, int) to ndarray of shape (n, p)
        Mean map of the patches of each size; empty where there was one size.
    """

    parts: np.ndarray
    units: str
    outputs: np.ndarray
    base_outputs: np.ndarray | None = None
    weights: np.ndarray | None = None
    by: str = ""
    baseline: str = ""
    models: str = ""
    by_size: Mapping[tuple[int, int], np.ndarray] = field(default_factory=dict)

    def averaged(self) -> dict[str, Any]:
        """Fields of an explanation: mean map, its standard errors, mean rank correlation of two global maps."""
        n, errors, stability = len(self.parts), None, None
        weights = np.full(n, 1.0 / n) if self.weights is None else self.weights
        mean = np.tensordot(weights, self.parts, axes=1)
        if n > 1:
            variance = np.tensordot(weights, (self.parts - mean) ** 2, axes=1)
            lost = np.square(weights).sum()  # 1 / n where all count alike
            errors = np.sqrt(variance * lost / max(1.0 - lost, 1e-12))
            ranks = rankdata(np.abs(self.parts).mean(axis=1), axis=1)
            if np.ptp(ranks, axis=1).all():
                stability = float(np.corrcoef(ranks)[np.triu_indices(n, 1)].mean())
        return {"by_name": mean, "std_error_by_name": errors, "stability": stability, "n_repeats": n}


def own_pipeline(estimator: Any) -> Pipeline | None:
    """The pipeline of autoarch that an estimator has fitted, or that it is; None for others."""
    pipeline = getattr(estimator, "best_estimator_", estimator)
    own = isinstance(pipeline, Pipeline) and len(pipeline) > 1 and isinstance(pipeline[0], Canonicaliser)
    if not own:
        return None
    *steps, (name, model) = pipeline.steps
    bare = undecided(model)
    return pipeline if bare is model else Pipeline([*steps, (name, bare)])


def members_of(model: Any, *, own: bool, steps: tuple[Any, ...] = (), weight: float = 1.0) -> list[Member]:
    """The models that are averaged or vote, or the only one.

    How an ensemble that is not ours combines its models is unknown; it counts as one model.
    """
    if not isinstance(model, Pipeline) and own_pipeline(model) is not None:
        return members_of(own_pipeline(model), own=True, steps=steps, weight=weight)
    if isinstance(model, Pipeline):
        before = tuple(step for _, step in model.steps[:-1] if step is not None and not isinstance(step, str))
        return members_of(undecided(model[-1]), own=own, steps=steps + before, weight=weight)
    voting = isinstance(model, (VotingClassifier, VotingRegressor))
    parts = getattr(model, "estimators_" if voting else "models_", ()) if own else ()
    if not parts:
        return [Member(model, steps, weight)]
    weights = np.asarray(model.weights if voting and model.weights is not None else np.ones(len(parts)), dtype=float)
    return [
        member
        for part, share in zip(parts, weights / weights.sum(), strict=True)
        for member in members_of(part, own=own, steps=steps, weight=weight * share)
    ]


def pull_back(steps: Sequence[Any], owners: np.ndarray, n_names: int) -> sparse.csr_matrix:
    """Shares of shape (columns that a model behind these steps sees, names of X).

    Parameters
    ----------
    steps : sequence of transformers
        Fitted.
    owners : ndarray of int
        For each column before the first step, the index of the name that it represents.
    n_names : int
        Names.

    Raises
    ------
    UntraceableError
        If a step is not known here.
    """
    shares = _picked(owners, n_names)
    for step in steps:
        shares = _of_step(step, shares.shape[0]) @ shares
    return shares


@singledispatch
def _of_step(step: Any, n: int) -> sparse.csr_matrix:
    if isinstance(step, Pipeline):
        return pull_back([inner for _, inner in step.steps], np.arange(n), n)
    if isinstance(step, Canonicaliser) and (
        step.kind_ == "frame" or (step.channels == "last" and len(step.cell_shape_) == 3)
    ):
        raise UntraceableError("columns are encoded or moved inside of a pipeline")
    if isinstance(step, _ONE_TO_ONE) or (isinstance(step, preprocessing.FunctionTransformer) and step.func is None):
        return sparse.identity(n, format="csr")
    raise UntraceableError(f"the step {type(step).__name__} makes new columns")


def _picked(columns: np.ndarray, n: int) -> sparse.csr_matrix:
    """One output for each of ``columns``; none of the n inputs for -1."""
    known = np.flatnonzero(columns >= 0)
    return sparse.csr_matrix((np.ones(len(known)), (known, columns[known])), shape=(len(columns), n))


@_of_step.register(SimpleImputer)
def _of_imputer(step: SimpleImputer, n: int) -> sparse.csr_matrix:
    kept = np.arange(n)
    if not step.keep_empty_features:
        kept = np.flatnonzero([not (isinstance(value, float) and np.isnan(value)) for value in step.statistics_])
    flags = step.indicator_.features_ if step.add_indicator else np.empty(0, dtype=int)
    return _picked(np.concatenate([kept, flags]).astype(int), n)


@_of_step.register(preprocessing.OneHotEncoder)
def _of_one_hot(step: preprocessing.OneHotEncoder, n: int) -> sparse.csr_matrix:
    names = getattr(step, "feature_names_in_", [f"x{place}" for place in range(n)])
    places = {name: str(place) for place, name in enumerate(names)}
    naming = copy(step).set_params(feature_name_combiner=lambda name, _: places.get(name, name))
    return _picked(naming.get_feature_names_out().astype(int), n)


@_of_step.register(preprocessing.TargetEncoder)
def _of_means(step: preprocessing.TargetEncoder, n: int) -> sparse.csr_matrix:
    """One mean of each column, or one for each class."""
    each = len(step.classes_) if step.target_type_ == "multiclass" else 1
    return _picked(np.repeat(np.arange(n), each), n)


@_of_step.register(ColumnTransformer)
def _of_transformer(step: ColumnTransformer, n: int) -> sparse.csr_matrix:
    parts = [sparse.csr_matrix((0, n))]
    for name, inner, columns in step.transformers_:
        if step.output_indices_[name].stop > step.output_indices_[name].start:
            taken = _picked(_places(step, columns, n), n)
            parts.append(taken if inner == "passthrough" else _of_step(inner, taken.shape[0]) @ taken)
    return sparse.csr_matrix(sparse.vstack(parts))


def _places(step: ColumnTransformer, columns: Any, n: int) -> np.ndarray:
    """Numbers of columns that were named by number, by name, or by a mask or slice of either."""
    given = [columns.start, columns.stop] if isinstance(columns, slice) else np.atleast_1d(columns)
    if any(isinstance(name, str) for name in given):
        return np.atleast_1d(pd.Series(np.arange(n), index=step.feature_names_in_).loc[columns])
    return np.atleast_1d(np.arange(n)[columns])


@_of_step.register(GridScaler)
def _of_grid(step: GridScaler, n: int) -> sparse.csr_matrix:
    """Cells, then whether one is missing (whose share its channels divide among them), then columns beside the grid.

    A difference of two cells shares between both.
    """
    channels, height, width = step.layout.shape
    sources = np.atleast_2d(step.sources)
    parts = [sum(_picked(columns, n) for columns in sources) / len(sources)]
    if step.masked_:
        cells = _picked(step.layout.columns, n)
        parts.append(sparse.hstack([sparse.identity(height * width)] * channels) / channels @ cells)
    planes = [*step.planes_.numbers, *(column for column, _ in step.planes_.levels)]
    if planes:
        parts.append(_picked(np.repeat(np.array(planes, dtype=int), height * width), n))
    return sparse.csr_matrix(sparse.vstack(parts))


@_of_step.register(GridExtent)
def _of_extent(step: GridExtent, n: int) -> sparse.csr_matrix:
    """Cells of the middle, or squares whose cells share alike."""
    cells = np.arange(n).reshape(1, -1, *step.sides_)
    if step.extent == "middle":
        return _picked(step.transform(cells).ravel(), n)
    channels, rows, columns = np.unravel_index(cells.ravel(), cells.shape[1:])
    down, across = sides_of(step.extent, step.sides_)
    squares = (channels * down + rows // SQUARE) * across + columns // SQUARE
    return sparse.csr_matrix((1.0 / np.bincount(squares)[squares], (squares, cells.ravel())))
