"""The models inside an estimator, and from the columns that each of them sees back to those of X.

Gradients and the paths of trees say something of what a model sees: scaled, imputed, encoded columns. Each step that is
known here has a matrix that hands the share of an output column back to the columns it was made of.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from autoarch._base import BaseAutoArch
from autoarch._data.canonical import Canonicaliser
from autoarch._training.scalers import GridScaler, RobustClip, ToFloat32
from autoarch.explain.model import Subject

_ONE_TO_ONE = (
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustClip,
    RobustScaler,
    StandardScaler,
    ToFloat32,
)


class UntraceableError(Exception):
    """Why what a model sees cannot be handed back to columns of X; caught within this room."""


@dataclass(frozen=True, eq=False)
class Member:
    """One model, the steps before it, and its share in the answer."""

    model: Any
    steps: tuple[Any, ...]
    weight: float

    def sees(self, given: Any) -> Any:
        """Rows as the model takes them."""
        for step in self.steps:
            given = step.transform(given)
        return given.toarray() if sparse.issparse(given) else given


@dataclass(frozen=True, eq=False)
class Attribution:
    """What each member says of each column of X, and the outputs that the parts add up to.

    Parameters
    ----------
    parts : ndarray of shape (members, n, p)
        One map per member.
    weights : ndarray of shape (members,)
        Shares of the members, which sum to 1.
    outputs, base_outputs : ndarray of shape (n,)
        Mean outputs for the rows and for what stood in for them.
    units : str
        Of the parts.
    """

    parts: np.ndarray
    weights: np.ndarray
    outputs: np.ndarray
    base_outputs: np.ndarray
    units: str


def members_of(subject: Subject) -> list[Member]:
    """The models that are averaged or vote, or the only one.

    Of an ensemble that is not ours nobody knows how it makes one answer of many; it counts as one model.
    """
    return _unfold(subject.model, (), 1.0, own=subject.own)


def _unfold(model: Any, steps: tuple[Any, ...], weight: float, own: bool) -> list[Member]:
    if isinstance(model, BaseAutoArch):
        return _unfold(model.best_estimator_, steps, weight, own=True)
    if isinstance(model, Pipeline):
        before = tuple(step for _, step in model.steps[:-1] if step is not None and not isinstance(step, str))
        return _unfold(model[-1], steps + before, weight, own)
    parts: list[Any] = []
    if own and isinstance(model, (VotingClassifier, VotingRegressor)):
        weights = np.ones(len(model.estimators_)) if model.weights is None else np.asarray(model.weights, dtype=float)
        parts = list(zip(model.estimators_, weights / weights.sum(), strict=True))
    elif own and hasattr(model, "models_"):
        parts = [(part, 1.0 / len(model.models_)) for part in model.models_]
    if not parts:
        return [Member(model, steps, weight)]
    return [member for part, share in parts for member in _unfold(part, steps, weight * share, own)]


def is_net(model: Any) -> bool:
    """Whether a model is a net of skorch; a fitted one has loaded it."""
    skorch = sys.modules.get("skorch")
    return skorch is not None and isinstance(model, skorch.NeuralNet)


def back(member: Member, subject: Subject) -> sparse.csr_matrix:
    """Shares of shape (columns that the model sees, columns of X as the user knows them).

    Raises
    ------
    UntraceableError
        If a step is not known here.
    """
    n = subject.pool.n_columns
    shares = sparse.identity(n, format="csr")
    for step in member.steps:
        shares = _shares(step, shares.shape[0]) @ shares
    owners = subject.columns.owners(n)
    known = np.flatnonzero(owners >= 0)
    named = sparse.csr_matrix((np.ones(len(known)), (known, owners[known])), shape=(n, len(subject.columns)))
    return sparse.csr_matrix(shares @ named)


def _shares(step: Any, n: int) -> sparse.csr_matrix:
    if isinstance(step, _ONE_TO_ONE) or (isinstance(step, FunctionTransformer) and step.func is None):
        return sparse.identity(n, format="csr")
    for kind, shares in _KNOWN.items():
        if isinstance(step, kind):
            return shares(step, n)
    raise UntraceableError(f"the step {type(step).__name__} makes new columns")


def _picked(columns: np.ndarray, n: int) -> sparse.csr_matrix:
    """One output for each of ``columns``; none of the n inputs for -1."""
    known = np.flatnonzero(columns >= 0)
    return sparse.csr_matrix((np.ones(len(known)), (known, columns[known])), shape=(len(columns), n))


def _of_canonical(step: Canonicaliser, n: int) -> sparse.csr_matrix:
    if step.kind_ == "frame" or (step.channels == "last" and len(step.cell_shape_) == 3):
        raise UntraceableError("columns are encoded or moved inside of a pipeline")
    return sparse.identity(n, format="csr")


def _of_imputer(step: SimpleImputer, n: int) -> sparse.csr_matrix:
    kept = np.arange(n)
    if not step.keep_empty_features:
        kept = np.flatnonzero([not (isinstance(value, float) and np.isnan(value)) for value in step.statistics_])
    flags = step.indicator_.features_ if step.add_indicator else np.empty(0, dtype=int)
    return _picked(np.concatenate([kept, flags]).astype(int), n)


def _of_one_hot(step: OneHotEncoder, n: int) -> sparse.csr_matrix:
    names = getattr(step, "feature_names_in_", [f"x{place}" for place in range(n)])
    places = {name: str(place) for place, name in enumerate(names)}
    naming = copy(step).set_params(feature_name_combiner=lambda name, _: places.get(name, name))
    return _picked(naming.get_feature_names_out().astype(int), n)


def _of_transformer(step: ColumnTransformer, n: int) -> sparse.csr_matrix:
    n_out = max((part.stop for part in step.output_indices_.values()), default=0)
    shares = sparse.lil_matrix((n_out, n))
    for name, inner, columns in step.transformers_:
        part = step.output_indices_[name]
        if part.start == part.stop:
            continue
        taken = _picked(_places(step, columns, n), n)
        shares[part] = taken if inner == "passthrough" else _shares(inner, taken.shape[0]) @ taken
    return sparse.csr_matrix(shares)


def _places(step: ColumnTransformer, columns: Any, n: int) -> np.ndarray:
    """Numbers of columns that were named by number, by name, or by a mask or slice of either."""
    told = [columns.start, columns.stop] if isinstance(columns, slice) else np.atleast_1d(columns)
    if any(isinstance(name, str) for name in told):
        return np.atleast_1d(pd.Series(np.arange(n), index=step.feature_names_in_).loc[columns])
    return np.atleast_1d(np.arange(n)[columns])


def _of_pipeline(step: Pipeline, n: int) -> sparse.csr_matrix:
    shares = sparse.identity(n, format="csr")
    for _, inner in step.steps:
        shares = _shares(inner, shares.shape[0]) @ shares
    return shares


def _of_grid(step: GridScaler, n: int) -> sparse.csr_matrix:
    """Cells, then whether one is missing (whose share its channels divide among them), then columns beside the grid."""
    channels, height, width = step.layout.shape
    cells = step.layout.columns
    parts = [_picked(cells, n)]
    if step.masked_:
        of_places = sparse.hstack([sparse.identity(height * width)] * channels) / channels
        parts.append(of_places @ parts[0])
    planes = [*step.planes_.numbers, *(column for column, _ in step.planes_.levels)]
    if planes:
        parts.append(_picked(np.repeat(np.array(planes, dtype=int), height * width), n))
    return sparse.csr_matrix(sparse.vstack(parts))


_KNOWN: dict[type, Callable[[Any, int], sparse.csr_matrix]] = {
    Canonicaliser: _of_canonical,
    ColumnTransformer: _of_transformer,
    GridScaler: _of_grid,
    OneHotEncoder: _of_one_hot,
    Pipeline: _of_pipeline,
    SimpleImputer: _of_imputer,
}
