"""A fitted estimator and X as one question: rows in, one column of numbers per class out.

An estimator of autoarch is asked behind the step that reads X: whatever X was, its columns are numbers there. Any other
estimator is asked with X as it came.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax
from sklearn.base import is_classifier, is_clusterer
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from autoarch._base import BaseAutoArch
from autoarch._core.checks import check_choice, own_errors
from autoarch._data.canonical import Canonicaliser
from autoarch._data.containers import to_plain
from autoarch._data.layout import Layout
from autoarch._search.evaluate import aligned
from autoarch.exceptions import InputError, InputTypeError, ParameterError
from autoarch.explain.column_map import Columns, grid_of, of_canonical, of_plain
from autoarch.explain.rows import Numbers, Pool, Table, alike, read_any

Read = Callable[[Any], Pool]


@dataclass(frozen=True, eq=False)
class Subject:
    """What is explained.

    Parameters
    ----------
    pool : Pool
        X, as the model behind ``answers`` takes it.
    read : callable
        Makes a pool of other rows like X.
    answers : callable
        From rows to (n, classes), or (n, 1) for numbers.
    says : str
        What the answers are: "probability", "decision function", "vote" or "prediction".
    classes : ndarray or None
        Labels.
    columns : Columns
        Names and places of the columns.
    model : object
        The steps behind the pool.
    temperature : float
        What logarithms of probabilities are divided by.
    centre : Pool or None
        One typical row of the training data, where it is known.
    own : bool
        Whether the steps are those of autoarch.
    models : str
        Of an ensemble, how many of its models are asked; empty where that is all.
    table : DataFrame or None
        X, where it holds more than numbers.
    """

    pool: Pool
    read: Read
    answers: Callable[[Any], np.ndarray]
    says: str
    classes: np.ndarray | None
    columns: Columns
    model: Any
    temperature: float = 1.0
    centre: Pool | None = None
    own: bool = False
    models: str = ""
    table: pd.DataFrame | None = None

    @property
    def sample(self) -> Any:
        """The rows for pictures: a table as it came, else what stands first for each of the names."""
        if self.table is not None or isinstance(self.pool, Table):
            return self.table
        first = np.array([block[0] if len(block) else -1 for block in self.columns.blocks])
        return np.where(first >= 0, self.pool.values[:, np.maximum(first, 0)], np.nan)

    @property
    def task(self) -> str:
        """What was learned."""
        return "regression" if self.classes is None else "classification"


def narrowed(subject: Subject, most: int) -> Subject:
    """The same question to the first ``most`` models of folds or seeds, which have learned the same task alike."""
    ensemble = subject.model[-1] if subject.own else None
    models = getattr(ensemble, "models_", [])
    if len(models) <= most:
        return subject
    fewer: Any = copy(ensemble)
    fewer.models_ = models[:most]
    model = Pipeline([*subject.model.steps[:-1], (subject.model.steps[-1][0], fewer)])
    answers = _own_answers(model, subject.classes, subject.temperature)
    return replace(subject, model=model, answers=answers, models=f"{most} of {len(models)} models")


@dataclass(frozen=True)
class Scale:
    """From answers to the number that is explained.

    Parameters
    ----------
    words : str
        What it is.
    floor : float
        Of probabilities in log-odds, 0 where the answers are taken as they are.
    """

    words: str
    floor: float = 0.0

    def of(self, answers: np.ndarray, target: np.ndarray) -> np.ndarray:
        """One number per row, for the column ``target`` of its answers."""
        own = answers[np.arange(len(answers)), target]
        if not self.floor:
            return own
        others = np.where(np.arange(answers.shape[1]) == target[:, None], 0.0, answers).sum(axis=1)
        return np.log(np.maximum(own, self.floor)) - np.log(np.maximum(others, self.floor))


def find_scale(asked: str, subject: Subject, said: np.ndarray) -> Scale:
    """The scale that is asked for.

    "auto" is log-odds, in which very sure answers still differ, unless the model says 0 and 1 in plain words, as votes
    do: there one vote more would be worth as much as all the others.

    Raises
    ------
    ParameterError
        If there are no probabilities to take the odds of.
    """
    check_choice("scale", asked, ("auto", "probability", "log-odds"))
    if subject.says != "probability":
        if asked == "log-odds":
            raise ParameterError(f"scale='log-odds' needs probabilities, and there is a {subject.says}. Leave it out.")
        return Scale("prediction, in units of y" if subject.classes is None else f"{subject.says} of the target")
    if asked == "probability" or (asked == "auto" and not said.all()):
        return Scale("probability of the target")
    return Scale("log-odds of the target", floor=float(said[said > 0].min()))


def ask(estimator: Any, X: Any, layout: Any) -> Subject:
    """Read estimator and X.

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
    pipeline = estimator.best_estimator_ if isinstance(estimator, BaseAutoArch) else estimator
    if isinstance(pipeline, Pipeline) and isinstance(pipeline[0], Canonicaliser) and len(pipeline) > 1:
        return _ask_own(estimator, pipeline, X, layout)
    return _ask_any(estimator, X, layout)


def _ask_own(estimator: Any, pipeline: Pipeline, X: Any, layout: Any) -> Subject:
    canonical, model = pipeline[0], pipeline[1:]
    values = canonical.transform(X)
    own = getattr(estimator, "layout_", canonical.layout_)
    columns = of_canonical(canonical, grid_of(layout, own, values.shape[1]))
    classes, temperature = getattr(estimator, "classes_", None), getattr(estimator, "temperature_", 1.0)
    shape = (values.shape[1],)
    centre = canonical.centre_.astype(values.dtype)[None]
    return Subject(
        pool=Numbers(values, shape),
        read=lambda rows: Numbers(canonical.transform(rows), shape),
        answers=_own_answers(model, classes, temperature),
        says="prediction" if classes is None else "probability",
        classes=classes,
        columns=columns,
        model=model,
        temperature=temperature,
        table=_table(X, canonical) if canonical.kind_ == "frame" else None,
        centre=Numbers(centre, shape),
        own=True,
    )


def _table(X: Any, canonical: Canonicaliser) -> pd.DataFrame | None:
    X = to_plain(X)
    if not isinstance(X, pd.DataFrame):
        return None
    return X[list(canonical.feature_names_in_)] if hasattr(canonical, "feature_names_in_") else X


def _own_answers(model: Any, classes: np.ndarray | None, temperature: float) -> Callable[[Any], np.ndarray]:
    if classes is None:
        return _quietly(_column_of(model.predict))

    def answers(rows: Any) -> np.ndarray:
        return aligned(tempered(model.predict_proba(rows), temperature), model.classes_, classes)

    return _quietly(answers)


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities at another temperature.

    ``predict_proba`` takes all that is under a millionth for that; here such answers must still differ.
    """
    logs = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
    return softmax(logs / temperature, axis=1)


def _ask_any(estimator: Any, X: Any, layout: Any) -> Subject:
    pool = read_any(X)
    if isinstance(pool, Table):
        names = [str(name) for name in pool.frame.columns]
        shape: tuple[int, ...] = (pool.n_columns,)
    else:
        shape = pool.shape
        names = ["x" + "_".join(map(str, cell)) for cell in np.ndindex(*shape)]
    own = Layout.of(shape, origin="shape") if len(shape) in (2, 3) else None
    classes = np.asarray(estimator.classes_) if is_classifier(estimator) else None
    says, answers = _answers_of(estimator, classes)
    columns = of_plain(names, shape, grid_of(layout, own, pool.n_columns))
    table = pool.frame if isinstance(pool, Table) else None
    read = lambda rows: alike(read_any(rows), pool)  # noqa: E731  # a field of the question
    return Subject(pool, read, _quietly(answers), says, classes, columns, estimator, table=table)


def _answers_of(estimator: Any, classes: np.ndarray | None) -> tuple[str, Callable[[Any], np.ndarray]]:
    if is_clusterer(estimator):
        raise InputTypeError(
            f"estimator is a {type(estimator).__name__}, whose predictions are numbers of clusters; expected a fitted "
            "classifier or regressor. Fit a classifier on the clusters to explain them."
        )
    if classes is None:
        return "prediction", _column_of(estimator.predict)
    if hasattr(estimator, "predict_proba"):
        return "probability", estimator.predict_proba
    if hasattr(estimator, "decision_function"):
        return "decision function", lambda rows: _both_sides(np.asarray(estimator.decision_function(rows)))
    return "vote", lambda rows: (np.asarray(estimator.predict(rows))[:, None] == classes).astype(float)


def _both_sides(decision: np.ndarray) -> np.ndarray:
    """A binary decision as one column for either class."""
    return np.column_stack([-decision, decision]) if decision.ndim == 1 else decision


def _column_of(predict: Callable[[Any], Any]) -> Callable[[Any], np.ndarray]:
    def column(rows: Any) -> np.ndarray:
        said = np.asarray(predict(rows), dtype=np.float64).reshape(len(rows), -1)
        if said.shape[1] != 1:
            raise InputError(
                f"The estimator predicts {said.shape[1]} numbers for each row; pass one that predicts a single one, "
                "such as one of the estimators_ of a MultiOutputRegressor."
            )
        return said

    return column


def _quietly(answers: Callable[[Any], np.ndarray]) -> Callable[[Any], np.ndarray]:
    """Ask without the warnings on column names that arrays no longer carry, and check what comes back."""

    def ask(rows: Any) -> np.ndarray:
        with warnings.catch_warnings(), own_errors():
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            said = answers(rows)
        if not isinstance(said, np.ndarray) or said.ndim != 2:
            raise InputError("The estimator predicts several labels for each row; pass one that predicts a single one.")
        return said

    return ask
