"""LightGBM, XGBoost and CatBoost under one roof: the same parameters, and a deadline inside training."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from autoarch._core.clock import Deadline
from autoarch._core.imports import require

Params = dict[str, Any]
NAMES = ("lightgbm", "xgboost", "catboost")


def build(params: Params, classification: bool, seed: int, rounds: int) -> BaseEstimator:
    """Make the booster that ``params["kind"]`` names."""
    builders = {"lightgbm": _lightgbm, "xgboost": _xgboost, "catboost": _catboost}
    return builders[params["kind"]](params, classification, seed, rounds)


def _package(name: str) -> Any:
    return require(name, extra="boost", purpose=f"the {name} candidate")


def _lightgbm(params: Params, classification: bool, seed: int, rounds: int) -> BaseEstimator:
    package = _package("lightgbm")
    model = package.LGBMClassifier if classification else package.LGBMRegressor
    return model(
        n_estimators=rounds,
        learning_rate=params["rate"],
        num_leaves=params["leaves"],
        min_child_samples=params["leaf_rows"],
        colsample_bytree=params["columns"],
        reg_lambda=params["l2"],
        random_state=seed,
        deterministic=True,
        force_row_wise=True,
        verbosity=-1,
    )


def _xgboost(params: Params, classification: bool, seed: int, rounds: int) -> BaseEstimator:
    package = _package("xgboost")
    settings = {
        "n_estimators": rounds,
        "learning_rate": params["rate"],
        "max_leaves": params["leaves"],
        "grow_policy": "lossguide",
        "max_depth": 0,
        "min_child_weight": params["leaf_rows"] / 4,
        "colsample_bytree": params["columns"],
        "reg_lambda": params["l2"],
        "random_state": seed,
        "verbosity": 0,
    }
    if classification:
        return CodedClassifier(package.XGBClassifier(**settings))
    return package.XGBRegressor(**settings)


def _catboost(params: Params, classification: bool, seed: int, rounds: int) -> BaseEstimator:
    package = _package("catboost")
    model = package.CatBoostClassifier if classification else package.CatBoostRegressor
    booster = model(
        iterations=rounds,
        learning_rate=params["rate"],
        depth=int(np.clip(round(np.log2(params["leaves"])), 2, 8)),
        min_data_in_leaf=params["leaf_rows"],
        rsm=params["columns"],
        l2_leaf_reg=max(params["l2"], 1e-3),
        random_seed=seed,
        allow_writing_files=False,
        verbose=False,
    )
    return CodedClassifier(booster) if classification else booster  # its labels come in a column


class CodedClassifier(ClassifierMixin, BaseEstimator):
    """Give codes to a classifier that takes no other labels, and labels back.

    Parameters
    ----------
    estimator : estimator
        A classifier that wants 0, 1, ..., k - 1.
    """

    def __init__(self, estimator: BaseEstimator):
        self.estimator = estimator

    def fit(self, X: np.ndarray, y: np.ndarray, **fit_params: Any) -> CodedClassifier:
        """Encode y and fit."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.estimator_ = self.estimator.fit(X, codes, **fit_params)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probabilities in the order of ``classes_``."""
        return self.estimator_.predict_proba(X)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Labels as ``fit`` got them."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def fit(
    model: BaseEstimator, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None, deadline: Deadline
) -> BaseEstimator:
    """Fit, stopping between two rounds when the time is up; ``complete_`` is False if it was."""
    inner = getattr(model, "estimator", model)
    package = type(inner).__module__.partition(".")[0]
    arguments: dict[str, Any] = {} if sample_weight is None else {"sample_weight": sample_weight}
    if not deadline.unlimited:
        if package == "xgboost":
            inner.set_params(callbacks=[_xgboost_stop(deadline)])
        else:
            arguments["callbacks"] = [_LightgbmStop(deadline) if package == "lightgbm" else _CatboostStop(deadline)]
    fitted = model.fit(X, y, **arguments)
    if package == "xgboost":
        inner.set_params(callbacks=None)
    fitted.complete_ = not deadline.over
    return fitted


class _LightgbmStop:
    order = 0
    before_iteration = False

    def __init__(self, deadline: Deadline):
        self.deadline = deadline

    def __call__(self, env: Any) -> None:
        if self.deadline.over:
            raise _package("lightgbm.callback").EarlyStopException(env.iteration, env.evaluation_result_list)


class _CatboostStop:
    def __init__(self, deadline: Deadline):
        self.deadline = deadline

    def after_iteration(self, info: Any) -> bool:
        return not self.deadline.over


def _xgboost_stop(deadline: Deadline) -> Any:
    class Stop(_package("xgboost.callback").TrainingCallback):  # type: ignore[misc]
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            return deadline.over

    return Stop()
