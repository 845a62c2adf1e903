"""What is compared: autoarch, and what one would write without it.

Each system is a function ``(task, budget, seed, cores) -> (predict, note)``; the clock runs while it is called. One
that does not apply by its nature raises ``NotApplicableError``, so that it is not ranked there.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupShuffleSplit, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

import peers
import rivals
from peers import Predict
from tasks import Task


class NotApplicableError(Exception):
    """The system cannot take this data by its nature."""


def autoarch(task: Task, budget: float, seed: int, cores: int) -> tuple[Predict, str]:
    """The package, with nothing but a budget and a seed."""
    from autoarch import AutoArchClassifier, AutoArchRegressor

    estimator = AutoArchClassifier if task.classification else AutoArchRegressor
    model = estimator(time_budget=budget, random_state=seed, verbose=0).fit(task.X, task.y, groups=task.groups)
    return model.predict, f"{model.best_family_} {model.best_params_}; stopped by {model.stopped_by_}"


def lightgbm(task: Task, budget: float, seed: int, cores: int) -> tuple[Predict, str]:
    """At most 1000 trees, stopped early on 15 % of the rows."""
    import lightgbm as lgb

    kind = lgb.LGBMClassifier if task.classification else lgb.LGBMRegressor
    model = kind(n_estimators=1000, learning_rate=0.05, n_jobs=cores, random_state=seed, verbose=-1)
    X, (train, valid) = categories(task.X), holdout(task, seed)
    stop = lgb.early_stopping(50, verbose=False)
    model.fit(take(X, train), task.y[train], eval_set=[(take(X, valid), task.y[valid])], callbacks=[stop])
    return lambda X: model.predict(categories(X, like=task.X)), f"{model.best_iteration_} rounds"


def hgb(task: Task, budget: float, seed: int, cores: int) -> tuple[Predict, str]:
    """scikit-learn's histogram gradient boosting with early stopping."""
    kind = HistGradientBoostingClassifier if task.classification else HistGradientBoostingRegressor
    trees = kind(max_iter=500, learning_rate=0.06, early_stopping=True, random_state=seed)
    model = make_pipeline(encoder(task.X, for_trees=True), trees).fit(flat(task.X), task.y)
    return lambda X: model.predict(flat(X)), f"{trees.n_iter_} rounds"


def cnn(task: Task, budget: float, seed: int, cores: int) -> tuple[Predict, str]:
    """A convolutional net as one writes it in torch by hand."""
    if not task.is_grid:
        raise NotApplicableError("a row is no matrix")
    from plain_cnn import PlainCNN  # not every environment has torch

    train, valid = holdout(task, seed)
    net = PlainCNN(task.n_classes, seconds=0.9 * budget, seed=seed, threads=cores)
    net.fit(task.X[train], task.y[train], task.X[valid], task.y[valid])
    return net.predict, net.note


def notebook(task: Task, budget: float, seed: int, cores: int) -> tuple[Predict, str]:
    """One Optuna study over the same families with one holdout, as many notebooks have it."""
    import optuna

    warnings.filterwarnings("ignore")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    began = time.monotonic()
    train, valid = holdout(task, seed, share=0.2)
    families = ["linear", "tree", "mlp", *(["cnn"] if task.is_grid else [])]
    best: dict[str, Any] = {"error": np.inf}

    def objective(trial: Any) -> float:
        family = trial.suggest_categorical("family", families)
        if family == "cnn":
            left = 0.9 * budget - (time.monotonic() - began)
            model = _suggest_cnn(trial, task, min(left, 0.4 * budget), seed, cores)
            model.fit(task.X[train], task.y[train], task.X[valid], task.y[valid])
            predict = model.predict
        else:
            model = _suggest_table_model(trial, family, task, seed)
            model.fit(flat(take(task.X, train)), task.y[train])
            predict = lambda X, model=model: model.predict(flat(X))  # noqa: E731
        wrong = predict(take(task.X, valid)) - task.y[valid]
        error = float(np.mean(wrong != 0) if task.classification else np.mean(wrong**2))
        if error < best["error"]:
            best.update(error=error, predict=predict, note=f"{family} {trial.params}")
        return error

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, timeout=0.8 * budget, catch=(Exception,))
    if "predict" not in best:
        raise RuntimeError("no trial finished")
    return best["predict"], f"{best['note']}, {len(study.trials)} trials"


def _suggest_cnn(trial: Any, task: Task, seconds: float, seed: int, cores: int) -> Any:
    from plain_cnn import PlainCNN

    return PlainCNN(
        task.n_classes,
        seconds=max(1.0, seconds),
        seed=seed,
        threads=cores,
        width=trial.suggest_categorical("cnn_width", [16, 32, 48]),
        dropout=trial.suggest_float("cnn_dropout", 0.0, 0.5),
        lr=trial.suggest_float("cnn_lr", 5e-4, 1e-2, log=True),
    )


def _suggest_table_model(trial: Any, family: str, task: Task, seed: int) -> Any:
    if family == "linear":
        strength = trial.suggest_float("linear_strength", 1e-3, 1e3, log=True)
        model = LogisticRegression(C=strength, max_iter=500) if task.classification else Ridge(alpha=strength)
    elif family == "tree":
        kind = HistGradientBoostingClassifier if task.classification else HistGradientBoostingRegressor
        model = kind(
            max_iter=trial.suggest_int("tree_rounds", 50, 500, log=True),
            learning_rate=trial.suggest_float("tree_lr", 0.01, 0.3, log=True),
            max_leaf_nodes=trial.suggest_int("tree_leaves", 7, 63, log=True),
            l2_regularization=trial.suggest_float("tree_l2", 1e-3, 30, log=True),
            random_state=seed,
        )
    else:
        kind = MLPClassifier if task.classification else MLPRegressor
        model = kind(
            (trial.suggest_int("mlp_units", 32, 512, log=True),) * trial.suggest_int("mlp_layers", 1, 3),
            alpha=trial.suggest_float("mlp_alpha", 1e-6, 1e-1, log=True),
            learning_rate_init=trial.suggest_float("mlp_lr", 3e-4, 1e-2, log=True),
            early_stopping=True,
            max_iter=100,
            random_state=seed,
        )
    return make_pipeline(encoder(task.X, for_trees=family == "tree"), model)


def flat(X: Any) -> Any:
    """``(n, p)`` floats of an array; a DataFrame stays what it is."""
    return X if hasattr(X, "columns") else np.asarray(X, dtype=np.float32).reshape(len(X), -1)


def take(X: Any, rows: np.ndarray) -> Any:
    """Rows of an array or of a DataFrame."""
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]


def holdout(task: Task, seed: int, share: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
    """Training and validation rows: no group on both sides, classes in proportion where that can be."""
    rows = np.arange(len(task.y))
    if task.groups is not None:
        return next(GroupShuffleSplit(1, test_size=share, random_state=seed).split(rows, groups=task.groups))
    possible = task.classification and np.bincount(task.y)[np.unique(task.y)].min() > 1
    possible = possible and share * len(rows) >= task.n_classes
    return tuple(train_test_split(rows, test_size=share, random_state=seed, stratify=task.y if possible else None))


def categories(X: Any, like: Any = None) -> Any:
    """What LightGBM takes: floats, or a DataFrame whose text columns are categories (those of ``like``)."""
    if not hasattr(X, "columns"):
        return flat(X)
    text = X.select_dtypes(exclude=["number", "bool", "category", "datetime"]).columns
    dates = X.select_dtypes(include=["datetime"]).columns
    levels = {name: (X if like is None else like)[name].astype("category").dtype for name in text}
    return X.astype(levels).assign(**{name: X[name].astype("int64") for name in dates})


def encoder(X: Any, *, for_trees: bool) -> Any:
    """Codes and untouched numbers for trees; one-hot columns and imputed, scaled numbers for everything else."""
    numbers = "passthrough" if for_trees else make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
    if not hasattr(X, "columns"):
        return numbers
    codes = (
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)
        if for_trees
        else OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=50, sparse_output=False)
    )
    other = make_column_selector(dtype_exclude="number")
    return ColumnTransformer(
        [("numbers", numbers, make_column_selector(dtype_include="number")), ("codes", codes, other)]
    )


SYSTEMS: dict[str, Callable[[Task, float, int, int], tuple[Predict, str]]] = {
    "autoarch": autoarch,
    "lightgbm": lightgbm,
    "hgb": hgb,
    "cnn": cnn,
    "notebook": notebook,
    **rivals.SYSTEMS,
    **peers.SYSTEMS,
}
