"""A fitted estimator and X as one object: rows in, one column of numbers per class out.

An estimator of autoarch predicts behind the step that reads X: whatever X was, its columns are numbers there. Any other
estimator gets X as it came.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax
from sklearn.base import is_classifier, is_clusterer
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from autoarch._core.checks import own_errors
from autoarch._core.progress import Progress
from autoarch._data.containers import to_plain
from autoarch._data.layout import Layout
from autoarch._search.predicted import aligned
from autoarch._training.scalers import GridScaler
from autoarch._training.time_limited import averaged_models
from autoarch.exceptions import InputError, InputTypeError
from autoarch.explain.column_map import Columns, Partition
from autoarch.explain.pullback import Member, members_of, own_pipeline
from autoarch.explain.rows import ArrayRows, FrameRows, Rows, find_background, read_rows, with_columns_of


@dataclass(frozen=True, eq=False)
class WrappedModel:
    """A fitted model and the rows that are explained.

    Parameters
    ----------
    rows : ArrayRows or FrameRows
        X, as ``predict`` takes it.
    read : callable
        Reads other rows like X.
    classes : ndarray or None
        Labels.
    columns : Columns
        Names and cells of the columns.
    estimator : object
        The steps behind the reading of X.
    sample : ndarray of shape (n, p) or DataFrame
        The rows under the names of X, for pictures.
    temperature : float
        Divisor of logarithms of probabilities.
    mean_row : ArrayRows or None
        One typical row of the training data, where it is known.
    own : bool
        True where the steps are those of autoarch.
    models : str
        How many models of an ensemble are used; empty for all.
    coded : tuple of int
        Encoded columns that hold codes.
    """

    rows: Rows
    read: Callable[[Any], Rows]
    classes: np.ndarray | None
    columns: Columns
    estimator: Any
    sample: Any
    temperature: float = 1.0
    mean_row: Rows | None = None
    own: bool = False
    models: str = ""
    coded: tuple[int, ...] = ()

    @property
    def output(self) -> str:
        """Kind of the predictions: "probability", "decision function", "vote" or "prediction"."""
        if self.classes is None:
            return "prediction"
        if hasattr(self.estimator, "predict_proba"):
            return "probability"
        return "decision function" if hasattr(self.estimator, "decision_function") else "vote"

    @cached_property
    def predictions(self) -> np.ndarray:
        """Predictions of the rows as they are."""
        return self.predict(self.rows.data)

    def predict(self, rows: Any) -> np.ndarray:
        """Probabilities, decisions or votes, with a column for each class, or numbers as (n, 1).

        Raises
        ------
        InputError
            If the estimator rejects the rows, or predicts several numbers or labels for each.
        """
        with warnings.catch_warnings(), own_errors():  # arrays no longer carry the names of columns
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            predictions = self._predicted(rows)
        if not isinstance(predictions, np.ndarray) or predictions.ndim != 2:
            raise InputError("The estimator predicts several labels for each row; pass one that predicts a single one.")
        return predictions

    def _predicted(self, rows: Any) -> Any:
        estimator, classes = self.estimator, self.classes
        if classes is None:
            predicted = np.asarray(estimator.predict(rows), dtype=np.float64).reshape(len(rows), -1)
            if predicted.shape[1] != 1:
                raise InputError(
                    f"The estimator predicts {predicted.shape[1]} numbers for each row; pass one that predicts a "
                    "single one, such as one of the estimators_ of a MultiOutputRegressor."
                )
            return predicted
        if self.own:
            return aligned(self.with_temperature(estimator.predict_proba(rows)), estimator.classes_, classes)
        if self.output == "probability":
            return estimator.predict_proba(rows)
        if self.output == "decision function":
            decision = np.asarray(estimator.decision_function(rows))
            return np.column_stack([-decision, decision]) if decision.ndim == 1 else decision
        return (np.asarray(estimator.predict(rows))[:, None] == classes).astype(float)

    def with_temperature(self, probabilities: np.ndarray) -> np.ndarray:
        """Probabilities at the temperature of the estimator.

        ``predict_proba`` raises smaller ones to a millionth; here such predictions must still differ.
        """
        logs = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
        return softmax(logs / self.temperature, axis=1)

    def members(self) -> list[Member]:
        """The models that are averaged or vote, or the only one."""
        return members_of(self.estimator, own=self.own)

    def limited_to(self, most: int) -> WrappedModel:
        """The first ``most`` models of folds or seeds, which have learned the same task alike."""
        models = averaged_models(self.estimator[-1]) if self.own else []
        if len(models) <= most:
            return self
        fewer: Any = copy(self.estimator[-1])
        setattr(fewer, "estimators_" if hasattr(fewer, "estimators_") else "models_", models[:most])
        estimator = Pipeline([*self.estimator.steps[:-1], (self.estimator.steps[-1][0], fewer)])
        return replace(self, estimator=estimator, models=f"{most} of {len(models)} models")


@dataclass(frozen=True, eq=False)
class Query:
    """Parameters of an explanation; those that only some methods use are as they were given.

    Parameters
    ----------
    model : WrappedModel
        Model and rows.
    partition : Partition
        Parts that are removed at once.
    target : ndarray of int of shape (n,)
        Column of the predictions that is explained.
    n_repeats : int
        Draws.
    rng : Generator
        Draws them.
    progress : Progress
        Shows how far it is.
    y, scoring, scale, baseline, background : object
        As given to :func:`~autoarch.explain.explain`.
    """

    model: WrappedModel
    partition: Partition
    target: np.ndarray
    n_repeats: int
    rng: np.random.Generator
    progress: Progress
    y: Any
    scoring: Any
    scale: Any
    baseline: Any
    background: Any

    def find_background(self, *, affordable: bool) -> tuple[Rows, str, int]:
        """The rows that replace removed values, in words, and the number of draws: one where there is a single row."""
        given = self.model.rows, self.model.read, self.model.mean_row, self.baseline, self.background
        rows, words = find_background(*given, affordable)
        return rows, words, self.n_repeats if len(rows) > 1 else 1

    def target_among(self, seen: Any) -> np.ndarray:
        """Columns of the outputs of a member that has seen some classes; -1 where the target is none of them."""
        if self.model.classes is None:
            return self.target
        return pd.Index(np.asarray(seen).tolist()).get_indexer(self.model.classes[self.target].tolist())


def wrap_model(estimator: Any, X: Any, layout: Any) -> WrappedModel:
    """Wrap an estimator together with X.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    InputTypeError
        If it is none.
    InputError, LayoutError
        If X or the layout does not fit it.
    """
    if not hasattr(estimator, "predict"):
        raise InputTypeError(
            f"estimator is a {type(estimator).__name__}, which has no predict; expected a fitted AutoArchClassifier or "
            "AutoArchRegressor, or any other fitted scikit-learn estimator or Pipeline."
        )
    check_is_fitted(estimator)
    if is_clusterer(estimator):
        raise InputTypeError(
            f"estimator is a {type(estimator).__name__}, whose predictions are numbers of clusters; expected a fitted "
            "classifier or regressor. Fit a classifier on the clusters to explain them."
        )
    pipeline = own_pipeline(estimator)
    return _wrap_any(estimator, X, layout) if pipeline is None else _wrap_own(estimator, pipeline, X, layout)


def _wrap_own(estimator: Any, pipeline: Pipeline, X: Any, layout: Any) -> WrappedModel:
    canonical, model = pipeline[0], pipeline[1:]
    values = canonical.transform(X)
    sample, names = None, canonical.feature_names_out_
    if canonical.kind_ == "frame":
        names = getattr(canonical, "feature_names_in_", [f"x{column}" for column in range(len(canonical.blocks_))])
        sample = to_plain(X)
    own_layout = getattr(estimator, "layout_", canonical.layout_)
    if own_layout is not None and own_layout.is_bare_line and not _reads_grids(model):
        own_layout = None  # the mere row of the columns
    owners, blocks = np.empty(values.shape[1], dtype=int), canonical.blocks_
    for column, block in enumerate(blocks):
        owners[block] = column
    columns = Columns.on_layout(names, owners, canonical.cell_shape_, layout, own_layout)
    if isinstance(sample, pd.DataFrame):
        sample = sample[list(names)] if hasattr(canonical, "feature_names_in_") else sample
    else:
        first = np.array([block[0] if len(block) else -1 for block in blocks])
        sample = np.where(first >= 0, values[:, np.maximum(first, 0)], np.nan)
    classes, temperature = getattr(estimator, "classes_", None), getattr(estimator, "temperature_", 1.0)
    mean_row = ArrayRows(canonical.centre_.astype(values.dtype)[None])

    def read(others: Any) -> Rows:
        return ArrayRows(canonical.transform(others))

    encoded, coded = ArrayRows(values), canonical.categorical_
    return WrappedModel(encoded, read, classes, columns, model, sample, temperature, mean_row, own=True, coded=coded)


def _reads_grids(model: Pipeline) -> bool:
    """Tell whether neighbours on the layout matter to the model."""
    return any(isinstance(step, GridScaler) for member in members_of(model, own=True) for step in member.steps)


def _wrap_any(estimator: Any, X: Any, layout: Any) -> WrappedModel:
    rows = read_rows(X)
    if isinstance(rows, FrameRows):
        names, shape, sample = list(rows.data.columns), (rows.n_columns,), rows.data
    else:
        shape, sample = rows.data.shape[1:], rows.values.astype(float)
        names = ["x" + "_".join(map(str, cell)) for cell in np.ndindex(*shape)]
    own_layout = Layout.of(shape, origin="shape") if len(shape) in (2, 3) else None
    if own_layout is not None and own_layout.is_bare_line:
        own_layout = None
    columns = Columns.on_layout(names, np.arange(rows.n_columns), shape, layout, own_layout)
    classes = np.asarray(estimator.classes_) if is_classifier(estimator) else None

    def read(others: Any) -> Rows:
        return with_columns_of(rows, read_rows(others))

    return WrappedModel(rows, read, classes, columns, estimator, sample)
