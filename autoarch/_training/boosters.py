"""Boosting with a deadline inside training: scikit-learn's, and LightGBM, XGBoost and CatBoost under one roof."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from autoarch._core.clock import Deadline
from autoarch._core.imports import require
from autoarch._training.time_limited import n_outputs, with_affordable_rows

NAMES = ("lightgbm", "xgboost", "catboost")
_L2_OF_VALUES, _ROWS_OF_L2 = 1e-3, 4.0  # for numbers, and in rows for labels

LOSSES = {  # of scikit-learn's boosting and of LightGBM, by what a score asks for
    "absolute": ("absolute_error", "regression_l1"),
    "percentage": ("absolute_error", "regression_l1"),  # with weights
    "quantile": ("quantile", "quantile"),
    "poisson": ("poisson", "poisson"),
    "tweedie": ("poisson", "tweedie"),
    "gamma": ("gamma", "gamma"),
}


def weight_on_leaves(n_classes: int) -> float:
    """Weight on the squares of a leaf's values: as much as rows weigh there that have not been learned yet.

    Rows whose class is as good as sure weigh next to nothing; with no other weight their leaves jump, and of classes
    with few rows all that was learned is lost. Numbers (no classes) do not need it.
    """
    if not n_classes:
        return _L2_OF_VALUES
    chance = 1.0 / max(2, n_classes)
    return _ROWS_OF_L2 * chance * (1.0 - chance)


def histogram_loss(loss: str, level: float) -> dict[str, Any]:
    """Parameters of scikit-learn's boosting for a loss of an objective."""
    return {"loss": LOSSES[loss][0], **({"quantile": level} if loss == "quantile" else {})}


def lightgbm_loss(loss: str, level: float) -> dict[str, Any]:
    """Parameters of LightGBM for a loss of an objective, at a quantile or a power."""
    named = {"quantile": {"alpha": level}, "tweedie": {"tweedie_variance_power": level}}
    return {"objective": LOSSES[loss][1], **named.get(loss, {})}


def build(params: dict[str, Any], classification: bool, seed: int, rounds: int) -> BaseEstimator:
    """Make the booster that ``params["kind"]`` names."""
    name, leaf_rows, l2 = params["kind"], params["leaf_rows"], params["l2"]
    common = {"n_estimators": rounds, "colsample_bytree": params["columns"], "reg_lambda": l2, "random_state": seed}
    if name == "lightgbm":
        prefix, settings = "LGBM", {**common, "num_leaves": params["leaves"], "min_child_samples": leaf_rows}
        settings |= {"deterministic": True, "force_row_wise": True, "verbosity": -1}
        settings |= {"n_jobs": 0}  # as many threads as OpenMP is set to; by default it takes all cores past any limit
    elif name == "xgboost":
        prefix, settings = "XGB", {**common, "max_leaves": params["leaves"], "min_child_weight": leaf_rows / 4}
        settings |= {"grow_policy": "lossguide", "max_depth": 0, "verbosity": 0}
    else:
        depth = int(np.clip(round(np.log2(params["leaves"])), 2, 8))
        prefix, settings = "CatBoost", {"iterations": rounds, "depth": depth, "min_data_in_leaf": leaf_rows}
        settings |= {"rsm": params["columns"], "l2_leaf_reg": max(l2, 1e-3), "random_seed": seed}
        settings |= {"allow_writing_files": False, "verbose": False}
    model = getattr(_package(name), prefix + ("Classifier" if classification else "Regressor"))
    booster = model(learning_rate=params["rate"], **settings)
    # XGBoost takes no labels but codes, CatBoost returns them in a column
    return CodedClassifier(booster) if classification and name != "lightgbm" else booster


def _package(name: str) -> Any:
    return require(name, extra="boost", purpose=f"the {name} candidate")


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

            class Stop(_package("xgboost.callback").TrainingCallback):  # type: ignore[misc]
                def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
                    return deadline.over

            inner.set_params(callbacks=[Stop()])
        else:
            arguments["callbacks"] = [_Stop(deadline)]
    fitted = model.fit(X, y, **arguments)
    if package == "xgboost":
        inner.set_params(callbacks=None)
    fitted.complete_ = not deadline.over
    fitted.n_rows_fitted_, fitted.n_rounds_fitted_ = len(X), _rounds(inner)
    return fitted


def _rounds(booster: Any) -> int:
    """Rounds that a fitted booster has, by the name that each package gives them."""
    for name in ("n_estimators_", "tree_count_"):
        if hasattr(booster, name):
            return int(getattr(booster, name))
    return int(booster.get_booster().num_boosted_rounds())


def fit_histogram_boosting(
    model: Any, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None, deadline: Deadline, seed: int
) -> BaseEstimator:
    """Fit scikit-learn's boosting in one go, looking at the clock in every round, where it does not stop early.

    Its scorer is asked after each round and told no score, so that it costs nothing: it always improves until the time
    is up. Where that is too short for all rounds, the learning rate is raised, and left at what it was raised to;
    otherwise the trees are those of a plain fit. A warm start instead would bin the columns again at each call.
    """
    every_row = True
    if deadline.unlimited:
        model.fit(X, y, sample_weight=sample_weight)
    else:
        if _first_round(X, y) > _BEGINNING * deadline.left:
            given = (X, y, sample_weight, deadline, seed)
            X, y, sample_weight, every_row = with_affordable_rows(model, "max_iter", 1, *given)
        own = {name: getattr(model, name) for name in _STOPPING}
        paced = _WhileTime(deadline, model.learning_rate, model.max_iter)
        model.set_params(**dict(zip(_STOPPING, (True, None, paced, 1), strict=True)))
        model.fit(X, y, sample_weight=sample_weight).set_params(**own)
        model.do_early_stopping_, model.train_score_, model._scorer = False, np.empty(0), None  # no clock in files
    model.complete_ = every_row and model.n_iter_ == model.max_iter
    model.n_rows_fitted_, model.n_rounds_fitted_ = len(X), model.n_iter_
    return model.set_params(max_iter=model.n_iter_)


def _first_round(X: np.ndarray, y: np.ndarray) -> float:
    """Seconds in which columns are binned and one round is done at half the pace of an idle core, or sooner."""
    return _PER_VALUE * X.size * (1 + n_outputs(y) / _CLASSES)


def checked_in_every_round(model: BaseEstimator, check: Callable[[], None]) -> BaseEstimator:
    """Scikit-learn's boosting without early stopping, with a call of ``check``, which may raise, after each round."""

    def scorer(*args: Any, **kwargs: Any) -> float:
        check()
        return 0.0

    patience = model.max_iter + 1  # so that no score ends it
    return model.set_params(**dict(zip(_STOPPING, (True, None, scorer, patience), strict=True)))


_PER_VALUE, _CLASSES = 4e-7, 20  # seconds for each value of X; classes that double them
_BEGINNING = 0.3  # of the time may go to the first round; where it might be more, rows are timed
_FIRST_LOOK = 5  # rounds, after which it is foreseen how many there is time for
_FORESEEN = 0.9  # of the time left is counted on
_STEEPNESS = 0.65  # the rate grows with the rounds that are missing to this power
_MOST_RATE = {1: 0.3, 2: 0.15}  # with one tree in each round, and with one for each class
_STOPPING = ("early_stopping", "validation_fraction", "scoring", "n_iter_no_change")


class _WhileTime:
    """Scorer that improves with every call until the time is up, and raises the rate where that is too short.

    So many rounds as there is time for are foreseen from those done, after a few of them and whenever their number has
    doubled. Of boosting that is cut the first part is left, which has hardly learned; fewer rounds at a larger rate
    learn nearly as much (docs/experiments.md).

    Parameters
    ----------
    deadline : Deadline
        When it ends.
    rate : float
        Learning rate of the whole training.
    planned : int
        Rounds of the whole training.
    """

    def __init__(self, deadline: Deadline, rate: float, planned: int):
        self.deadline, self.rate, self.planned = deadline, rate, planned
        self.rounds, self.learned, self.began = -1, 0.0, 0.0
        self.look = _FIRST_LOOK

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        self.rounds += 1
        if self.rounds == 0:  # before the first round, with the columns binned
            self.began = time.monotonic()
            return 0.0
        self.learned += estimator.learning_rate
        if self.rounds == self.look < self.planned:
            self.look *= 2
            most = _MOST_RATE[min(estimator.n_trees_per_iteration_, 2)]
            estimator.learning_rate = self._rate(time.monotonic() - self.began, max(most, self.rate))
        return -np.inf if self.deadline.over else float(self.rounds)

    def _rate(self, seconds: float, most: float) -> float:
        """Learning rate for the rounds that there is still time for, after so many seconds."""
        affordable = _FORESEEN * self.deadline.left / (seconds / self.rounds)
        following = max(1.0, min(affordable, self.planned - self.rounds))
        total = self.rounds + following
        if total >= self.planned:
            return self.rate
        amount = self.rate * (self.planned / total) ** _STEEPNESS * total
        return float(np.clip((amount - self.learned) / following, self.rate, most))


class _Stop:
    """Callback that ends a training between two rounds: LightGBM calls it, CatBoost its ``after_iteration``."""

    def __init__(self, deadline: Deadline):
        self.deadline = deadline

    def __call__(self, env: Any) -> None:
        if self.deadline.over:
            raise _package("lightgbm.callback").EarlyStopException(env.iteration, env.evaluation_result_list)

    def after_iteration(self, info: Any) -> bool:
        return not self.deadline.over
