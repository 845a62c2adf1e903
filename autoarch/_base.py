"""The steps of ``fit`` that the classifier and the regressor share, and the attributes that it sets."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import replace
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from autoarch._core.callbacks import CallbackSupport, FitTasks, with_callbacks
from autoarch._core.checks import own_errors
from autoarch._core.pace import threads_that_pay
from autoarch._core.quiet import filters_kept, quiet, warn_user
from autoarch._core.threads import limited
from autoarch._data.canonical import Canonicaliser
from autoarch._data.containers import indexable, take_rows
from autoarch._data.target import Target
from autoarch._export.mixin import KeptModel
from autoarch._search.applicability import Tested
from autoarch._search.conformal import LeftOut, LeftOutTargets
from autoarch._search.eligible import Identity, Settings, same_search
from autoarch._search.journal import Journal
from autoarch._search.refit import changed_params
from autoarch._search.row_sample import GivenRows, blocks_of
from autoarch._search.run import Request, SearchResult, run_search
from autoarch._search.splits import plan_search
from autoarch._training.labels import having
from autoarch._views.mixin import ShownModel
from autoarch.exceptions import InputError
from autoarch.families.base import Problem
from autoarch.families.fine_tuned import FineTuned
from autoarch.geo.lattice import find_lattice
from autoarch.locality import LayoutSearch
from autoarch.locality.probe import with_values_read

IN_MEMORY_ONLY = ("left_out_predictions_", "_tested")  # rows of the training data, or as many numbers
_LONG_CALL = 0.05  # seconds; shorter ones are not worth a limit of threads


class BaseAutoArch(CallbackSupport, KeptModel, ShownModel, BaseEstimator, metaclass=ABCMeta):
    """Fit by probing, searching and refitting; predict with the winner. What y is, the subclasses say."""

    _task: str
    _left_out: LeftOut | LeftOutTargets | None
    _tested: Tested
    _facts: dict[str, Any]
    feature_importances_: np.ndarray
    left_out_predictions_: np.ndarray
    class_weight: Mapping[Any, float] | str | None = None  # a parameter of the classifier alone

    def __init__(self, **parameters: Any):
        for name, value in parameters.items():
            setattr(self, name, value)

    @abstractmethod
    def _read_target(self, y: Any, n_samples: int) -> Target:
        """Check y and read it as labels or as numbers."""

    @with_callbacks
    @filters_kept
    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Probe X, search, and fit the winner.

        Parameters
        ----------
        X : array-like of shape (n, p), (n, H, W) or (n, C, H, W), DataFrame or sparse matrix
            Rows to learn from. Missing cells are allowed.
        y : array-like of shape (n,) or (n, k)
            Labels (strings, integers or booleans), or numbers for a regression. Several targets are columns of numbers,
            or indicators of labels that a row has or has not.
        sample_weight : array-like of shape (n,) or None
            Weights of the rows, in training and in the score.
        groups : array-like of shape (n,) or None
            Rows of one group are never split between training and validation.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        InputError
            If X or y cannot be learned from; before any work starts.
        ParameterError
            If a parameter makes no sense.
        """
        settings = Settings.of(self, self._task)
        tasks = FitTasks(self, X, y)
        canonical = Canonicaliser(self.layout, self.channels, self.coordinates).with_estimator_name(self)
        given = GivenRows(X, y, sample_weight, groups, self.cv).sampled(self._read_target, self._task)
        values = canonical.fit_transform(given.X)
        target = self._read_target(given.y, len(values))
        weight = target.weights(given.sample_weight, self.class_weight)
        past = getattr(self, "_past", None) if self.warm_start else None
        kept = {"kept": self.warm_start, "stored": settings.storage is not None}
        identity = Identity.of(values, target.values, weight, **kept)
        seed = identity.seed(self.random_state, past)
        problem = replace(self._describe(values, canonical, target), objective=settings.objective(target))
        if self.pretrained is not None:
            settings.families.append(FineTuned(self.pretrained).for_layout(problem))
        asked = {"cv": given.cv, "groups": given.groups, "time": self.time, "rows": self.rows}
        asked |= {"task": self._task, "seconds": settings.seconds_for_rows}
        splits = plan_search(given.X, values, target.codes, canonical, **asked, seed=seed)
        told = target.codes if target.n_targets == 1 else target.values
        said = canonical.findings(values, told, classification=target.classes is not None)
        warned = [message for message in (given.warning, *said, *splits.warnings) if message]
        for message in warned if self.verbose else ():
            warn_user(message)
        rest = {"splits": splits.plan.splits, "problem": problem, "random_state": seed}
        key = identity.key(self.get_params(deep=False), settings.families, **rest)
        with closing(Journal.opened(settings.storage, key, settings.memory)) as journal:
            past = None if journal.on else same_search(past, key)
            layouts = self._layouts_to_try(canonical)
            request = Request(settings, values, target, weight, problem, splits, seed, layouts, past, tasks, journal)
            request = replace(request, blocks=canonical.blocks_)
            found = run_search(request)
        self._set_fitted(canonical, target, found, given)
        self._facts |= {"warnings": warned, "seconds": settings.budget.elapsed}
        if self.warm_start:
            self._past = replace(found.past, key=key)
        tasks.close()
        return self

    @filters_kept
    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the mean accuracy of a classifier, the R2 of a regressor.

        Of several labels all must be right; of several numbers it is the mean of their R2.

        Parameters
        ----------
        X : array-like of the cells, or DataFrame with the columns, that ``fit`` saw
            Rows to predict.
        y : array-like of shape (n,) or (n, k)
            Their labels or numbers.
        sample_weight : array-like of shape (n,) or None
            Weights of the rows.

        Returns
        -------
        float
            The score.
        """
        kind: Any = RegressorMixin if self._task == "regression" else ClassifierMixin
        with own_errors(reading="y"):
            return float(kind.score(self, X, y, sample_weight))

    @filters_kept
    def applicability(self, X: Any) -> pd.DataFrame:
        """Measure how far rows lie outside of what the splits of ``fit`` have tested.

        Parameters
        ----------
        X : array-like of the cells, or DataFrame with the columns, that ``fit`` saw
            Rows to predict.

        Returns
        -------
        DataFrame
            One row for each row of X. ``dissimilarity`` is the distance to the nearest training row, in columns
            weighted by what the model looks at, over the usual one between training rows. ``inside`` says whether
            validation rows lay as far from the rows of their training. For 100 rows and more, ``attrs["drift"]`` says
            how well X can be told from the training rows, and by which columns; a warning does where it can.
        """
        check_is_fitted(self, "best_estimator_")
        if not hasattr(self, "_tested"):
            raise InputError(
                "Training rows, from which distances are measured, stay in memory and are in no file or pickle. Call "
                "applicability where the estimator was fitted."
            )
        model = self.best_estimator_[1:]

        def predict(values: np.ndarray) -> np.ndarray:
            found = model.predict_proba(values) if self._task == "classification" else model.predict(values)
            return having(found) if isinstance(found, list) else found / unit

        numbers = self._task == "regression" and self.n_targets_ > 1  # each in a unit of its own
        unit = np.maximum(model.predict(self._tested.rows).std(axis=0), 1e-300) if numbers else 1.0
        with own_errors(reading="X"):
            values = self.best_estimator_[0].transform(X)
        return self._tested.judge(values, predict, self.best_estimator_[0].feature_names_out_)

    def _known(self) -> Any:
        """Predictions of left-out rows, of several targets of each; an InputError where there are none."""
        check_is_fitted(self, "best_estimator_")
        if self._left_out is None:
            raise InputError(
                "No rows were left out in fit (splits_ says which rows candidates were judged on), so the size of "
                "errors is not known. Fit on more rows of each class, or pass a cv that holds rows out."
            )
        return self._left_out

    def __getstate__(self) -> dict[str, Any]:
        """State of the estimator, without what stays in memory only."""
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name not in IN_MEMORY_ONLY}

    def _describe(self, values: np.ndarray, canonical: Canonicaliser, target: Target) -> Problem:
        where = canonical.map_columns_
        if where is not None:
            where = replace(where, on_lattice=find_lattice(where.places(values)) is not None)
        return Problem(
            task=self._task,
            n_samples=len(values),
            n_features=values.shape[1],
            n_classes=target.n_classes,
            smallest_class=target.smallest_class,
            layout=canonical.layout_,
            categorical=canonical.categorical_,
            cardinalities=canonical.cardinalities_,
            has_missing=canonical.has_missing_,
            device=self.device,
            coordinates=where,
        )

    def _layouts_to_try(self, canonical: Canonicaliser) -> LayoutSearch:
        """Flat columns may be read as a grid, an order that shows nothing may be changed; a declared one stands."""
        undeclared = isinstance(self.layout, str) and self.coordinates is None
        return LayoutSearch(infer=canonical.undeclared_, recover=undeclared, names=canonical.column_names_)

    def _set_fitted(self, canonical: Canonicaliser, target: Target, found: SearchResult, given: GivenRows) -> None:
        """Set fitted attributes from the result; ``given`` says which rows were read, if not all."""
        for name in ("feature_names_in_", "_past", "decision_threshold_", "feature_importances_"):
            self.__dict__.pop(name, None)
        self.n_features_in_ = canonical.n_features_in_
        if hasattr(canonical, "feature_names_in_"):
            self.feature_names_in_ = canonical.feature_names_in_
        if target.classes is not None:
            self.classes_ = target.classes if target.n_targets == 1 else [target.classes] * target.n_targets
        self.n_targets_, self._target_names = target.n_targets, target.names
        report = with_values_read(
            found.attributes["locality_"], canonical.sentinels_, canonical.letters_, canonical.sizes_
        )
        for name, value in (found.attributes | {"locality_": report}).items():
            setattr(self, name, value)
        if "feature_importances_" in vars(self):
            self.feature_importances_ = canonical.in_shape_of_row(self.feature_importances_)
        self.left_out_predictions_ = given.in_full(self.left_out_predictions_)
        if given.note:
            for name in ("splits_", "fitted_on_"):
                setattr(self, name, f"{getattr(self, name)}; {given.note}")
        self._predict_seconds = found.seconds_per_call, found.seconds_per_row
        self.best_estimator_ = Pipeline([("canonical", canonical), *found.pipeline.steps])
        self.best_params_ = changed_params(self.best_estimator_)

    @filters_kept
    def _predictions(self, method: str, X: Any) -> Any:
        """Call the winner, of a large X block by block, a long call with the threads that pay at this moment."""
        check_is_fitted(self, "best_estimator_")
        canonical, predict = self.best_estimator_[0], getattr(self.best_estimator_[1:], method)
        with own_errors(reading="X"):
            blocks = blocks_of(X, len(getattr(self, "classes_", ())))
            X = indexable(X) if blocks else X
        values = None if blocks else canonical.transform(X)
        n = len(values) if values is not None else blocks[-1].stop
        per_call, per_row = getattr(self, "_predict_seconds", (0.0, 0.0))
        size = n * len(canonical.centre_)
        long = per_call + per_row * n >= _LONG_CALL
        with limited(threads_that_pay("prediction", size)) if long else nullcontext():
            if values is not None:
                return predict(values)
            return _joined([predict(values) for values in self._converted(X, blocks)])

    def _converted(self, X: Any, blocks: Sequence[slice]) -> Iterator[np.ndarray]:
        """Canonical values of one block after the other; what there is to warn about names, the first one says."""
        for place, rows in enumerate(blocks):
            try:
                with quiet() if place else nullcontext(), own_errors(reading="X"):
                    values = self.best_estimator_[0].transform(take_rows(X, rows))
            except InputError as error:
                if not place:
                    raise
                where = f"in the block of rows that begins with row {rows.start:,} of X"
                raise type(error)(f"{where}, counted from there: {error}") from error
            yield values

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.input_tags.three_d_array = True
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags


def _joined(parts: Sequence[Any]) -> Any:
    """Predictions of several blocks of rows; lists, with an array for each label, array by array."""
    if isinstance(parts[0], list):
        return [np.concatenate(column) for column in zip(*parts, strict=True)]
    return np.concatenate(parts)
