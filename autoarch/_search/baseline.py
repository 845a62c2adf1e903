"""The simplest models: a family that is there after the first second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from autoarch._core.clock import Deadline
from autoarch._training.room import fit_forest
from autoarch._training.table_scalers import SmallUnits
from autoarch._training.time_limited import class_first_order
from autoarch.families.base import Family, Params, Problem, Steps
from autoarch.families.categories import table_encoder
from autoarch.families.objective import constant_labels, constant_target

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


class Baseline(Family):
    """A constant, a small forest on few rows, and the nearest row: what every other family has to beat."""

    name = "baseline"

    def defaults(self, problem: Problem) -> Sequence[Params]:
        """All there is, cheapest first; distances of scaled columns, of columns as they are, or both.

        Cells of a grid have one unit, and scaling would blow up those that hardly vary. Other columns may have any.
        """
        layout = problem.layout
        grid = layout is not None and not layout.is_bare_line and not len(layout.foreign)
        constant = {"kind": "constant", **constant_target(problem.objective)}
        found: list[Params] = [constant, {"kind": "forest"}, {"kind": "nearest", "scaled": not grid}]
        if not grid and not problem.categorical:
            found.append({"kind": "nearest", "scaled": False})
        labels = constant_labels(problem.objective, problem.n_classes)
        return [*found, *({"kind": "constant", **label} for label in labels)]

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
            return [("model", _constant(params, problem))]
        if params["kind"] == "forest":
            forest = ExtraTreesClassifier if problem.classification else ExtraTreesRegressor
            trees = forest(n_estimators=_TREES, max_features="sqrt", random_state=seed)
            return [("model", make_pipeline(SmallUnits(), trees))]
        neighbors = (KNeighborsClassifier if problem.classification else KNeighborsRegressor)(n_neighbors=1)
        if params["scaled"]:
            return [("model", make_pipeline(table_encoder(problem, StandardScaler(copy=False)), neighbors))]
        units = SmallUnits(together=True, double=True)
        return [("model", make_pipeline(units, table_encoder(problem, FunctionTransformer()), neighbors))]

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
            if model.strategy == "constant":  # a class by its number, or the middle between the ends of y
                classes = np.unique(y)
                number = isinstance(model, DummyRegressor)
                value = np.ptp(y) / 2 + y.min() if number else classes[model.constant % len(classes)]
                if y.ndim == 2:  # of labels that all rows have, or none, what they are
                    value = np.where((y == value).any(axis=0), value, y[0])
                model.set_params(constant=value)
            model.fit(X, y, sample_weight=sample_weight)
            model.complete_, model.n_rows_fitted_ = True, len(X)
            return model
        nearest = isinstance(model[-1], (KNeighborsClassifier, KNeighborsRegressor))
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
        trees = fit_forest(model[-1], model[0].fit_transform(X[rows]), y[rows], weight, until, first=1, seed=seed)
        for name in ("complete_", "n_rows_fitted_", "n_rounds_fitted_"):
            setattr(model, name, getattr(trees, name))
        return model


def _constant(params: Params, problem: Problem) -> BaseEstimator:
    """The shares of the classes or a class alone; of numbers the mean, or what the score asks for instead."""
    if problem.classification:
        one = {"strategy": "constant", "constant": params["label"]} if "label" in params else {"strategy": "prior"}
        return DummyClassifier(**one)
    objective = problem.objective
    if objective.loss == "max":
        return DummyRegressor(strategy="constant")
    if params.get("target") == "loss" and objective.loss in ("absolute", "percentage"):
        return DummyRegressor(strategy="median")
    if params.get("target") == "loss" and objective.loss == "quantile":
        return DummyRegressor(strategy="quantile", quantile=objective.level)
    return DummyRegressor()


def _neighbors(X: np.ndarray, seconds: float) -> int:
    """Rows among which the nearest can be found in so many seconds, for all that are to be predicted."""
    return int(seconds * _PRODUCTS / (_PREDICTED * len(X) * (X.shape[1] + _OVERHEAD)))
