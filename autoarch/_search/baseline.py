"""The simplest models: a family that is there after the first second, and references for what costs more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

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
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from autoarch._core.clock import Deadline
from autoarch._search.evaluate import aligned
from autoarch._training.time_limited import class_first_order, fit_growing
from autoarch.families.base import Family, Params, Problem, Steps
from autoarch.families.preprocessing import table_encoder

if TYPE_CHECKING:
    import optuna

KINDS = ("constant", "forest", "nearest")
_ROWS = 2_000  # of the forest at most
_VALUES = 4_000_000  # of X that it looks at, at most
_TREES = 30
_FLOOR = 0.1  # seconds that the forest has even where none are left
_PRODUCTS, _OVERHEAD = 1e10, 20  # multiplications in a second, of distances between rows, and more for each distance
_PREDICTED = 0.43  # rows to predict for one that is learned from: 30 % and 70 % of the table
_NEAREST_SECONDS = 1.0  # in which the nearest rows are found, at most
_FEWEST_ROWS = 100

CONSTANT, LINEAR, FOREST, BOOSTING = REFERENCES = ("constant", "linear", "forest", "boosting")
_STRENGTHS = (0.01, 0.1, 1.0)  # of the linear model's weights, LogisticRegression's C
_REFERENCE_TREES = 50
_ROUNDS, _FEWEST_ROUNDS, _SCREENED = 50, 10, 64
_LEAF_ROWS, _FEW_LEAF_ROWS, _FEW_ROWS = 20, 5, 500

Predict = Callable[[np.ndarray], np.ndarray]


class Baseline(Family):
    """A constant, a small forest on few rows, and the nearest row: what every other family has to beat."""

    name = "baseline"

    def defaults(self, problem: Problem) -> Sequence[Params]:
        """All there is, cheapest first; distances of scaled columns, of columns as they are, or both.

        Cells of a grid have one unit, and scaling would blow up those that hardly vary. Other columns may have any.
        """
        layout = problem.layout
        grid = layout is not None and not layout.is_bare_line and not len(layout.foreign)
        found: list[Params] = [{"kind": "constant"}, {"kind": "forest"}, {"kind": "nearest", "scaled": not grid}]
        return found if grid or problem.categorical else [*found, {"kind": "nearest", "scaled": False}]

    def suggest(self, trial: optuna.Trial, problem: Problem) -> Params:
        """Sample the kind, and whether columns are scaled."""
        kind = trial.suggest_categorical("baseline.kind", list(KINDS))
        scaled = trial.suggest_categorical("baseline.scaled", [True, False])
        return {"kind": kind, "scaled": scaled} if kind == "nearest" else {"kind": kind}

    def build(self, params: Params, problem: Problem, seed: int) -> Steps:
        """Constants and forests read columns as they are; distances are those of scaled columns, one-hot encoded.

        Scaling is a part of that model, not a step before it, so that it is learned from no more rows than are used.
        """
        if params["kind"] == "constant":
            return [("model", DummyClassifier(strategy="prior") if problem.classification else DummyRegressor())]
        if params["kind"] == "forest":
            forest = ExtraTreesClassifier if problem.classification else ExtraTreesRegressor
            return [("model", forest(n_estimators=_TREES, max_features="sqrt", random_state=seed))]
        scaler = StandardScaler() if params["scaled"] else FunctionTransformer()
        neighbors = KNeighborsClassifier if problem.classification else KNeighborsRegressor
        return [("model", make_pipeline(table_encoder(problem, scaler), neighbors(n_neighbors=1)))]

    def nominal_seconds(self, params: Params, problem: Problem) -> float:
        """Estimate by the kind, for the nearest row by the distances; what each costs is limited."""
        if params["kind"] != "nearest":
            return {"constant": 0.02, "forest": 0.1}[params["kind"]]
        n, p = problem.n_samples, problem.n_features
        return 0.02 + min(_NEAREST_SECONDS, _PREDICTED * n * n * (p + _OVERHEAD) / _PRODUCTS)

    def fit(
        self,
        model: BaseEstimator,
        X: np.ndarray,
        y: np.ndarray,
        *,
        sample_weight: np.ndarray | None,
        deadline: Deadline,
        seed: int,
    ) -> BaseEstimator:
        """Fit on as many rows as take a second at most; the forest tree by tree while the time lasts."""
        if isinstance(model, (DummyClassifier, DummyRegressor)):
            model.fit(X, y, sample_weight=sample_weight)
            model.complete_, model.n_rows_fitted_ = True, len(X)
            return model
        nearest = isinstance(model, Pipeline)
        most = _neighbors(X, _NEAREST_SECONDS) if nearest else min(_ROWS, _VALUES // X.shape[1])
        now = most if deadline.unlimited or not nearest else min(most, _neighbors(X, max(0.0, deadline.left)))
        order = class_first_order(y, seed)
        if sample_weight is not None and (sample_weight > 0).any():
            order = order[sample_weight[order] > 0]
        rows = np.sort(order[: max(_FEWEST_ROWS, now)])
        if nearest:  # which has no use for weights
            model.fit(X[rows], y[rows])
            model.complete_, model.n_rows_fitted_ = len(rows) == min(len(order), max(_FEWEST_ROWS, most)), len(rows)
            return model
        weight = None if sample_weight is None else sample_weight[rows]
        until = deadline if deadline.unlimited else Deadline(max(deadline.left, _FLOOR))
        return fit_growing(model, "n_estimators", X[rows], y[rows], weight, until, first=1, seed=seed)


def _neighbors(X: np.ndarray, seconds: float) -> int:
    """Rows among which the nearest can be found in so many seconds, for all that are to be predicted."""
    return int(seconds * _PRODUCTS / (_PREDICTED * len(X) * (X.shape[1] + _OVERHEAD)))


def predictor(model: Any, inputs: Predict, classes: np.ndarray | None) -> Predict:
    """Turn flat rows into numbers, or probabilities of ``classes``, by a model of what ``inputs`` makes of them."""
    if classes is None:
        return lambda rows: model.predict(inputs(rows))
    return lambda rows: aligned(model.predict_proba(inputs(rows)), model.classes_, classes)


def fit_reference(
    name: str, X: np.ndarray, y: np.ndarray, classes: np.ndarray | None, *, seconds: float | None, seed: int
) -> Predict:
    """Fit a constant or a quick plain model of flat rows as they are, on 4,000,000 values or 2,000 rows at most.

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
        kind = _forest if name == FOREST else _boosting
        plain, size = kind(0 if classes is None else len(classes), len(X), seed)
        model = fit_growing(plain, size, cells, y, None, Deadline(seconds), first=2, seed=seed)
    return predictor(model, read.transform, classes)


def _forest(n_classes: int, n_rows: int, seed: int) -> tuple[BaseEstimator, str]:
    if n_classes:
        return ExtraTreesClassifier(_REFERENCE_TREES, random_state=seed), "n_estimators"
    return ExtraTreesRegressor(_REFERENCE_TREES, max_features=1 / 3, random_state=seed), "n_estimators"


def _boosting(n_classes: int, n_rows: int, seed: int) -> tuple[BaseEstimator, str]:
    kind = HistGradientBoostingClassifier if n_classes else HistGradientBoostingRegressor
    rounds = _ROUNDS if n_classes <= 2 else max(_FEWEST_ROUNDS, 3 * _ROUNDS // n_classes)
    leaf_rows = _FEW_LEAF_ROWS if n_rows < _FEW_ROWS else _LEAF_ROWS
    size = {"max_iter": rounds, "max_leaf_nodes": 4, "min_samples_leaf": leaf_rows, "learning_rate": 0.2}
    return kind(**size, early_stopping=False, random_state=seed), "max_iter"


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
