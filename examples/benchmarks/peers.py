"""AutoML systems and tuned nets to compare with, each in the environment that it was installed into.

Their requirements exclude one another, so none is a dependency here. Make an environment for each and name its Python::

    python -m venv ag && ag/bin/pip install autogluon.tabular[all] pyarrow
    python run.py --systems autoarch autogluon --python autogluon=ag/bin/python

All get their own defaults and the budget as their own time limit; ``realmlp``, ``tabm`` and ``catboost`` have none and
train for a fixed length.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np

from tasks import Task

Predict = Callable[[Any], np.ndarray]
MODULES = {  # imported before the clock starts
    "autogluon": "autogluon.tabular",
    "autogluon_best": "autogluon.tabular",
    "autogluon_v150": "autogluon.tabular",
    "catboost": "catboost",
    "flaml": "flaml",
    "lightautoml": "lightautoml.automl.presets.tabular_presets",
    "mljar": "supervised",
    "tpot": "tpot",
    "realmlp": "pytabkit",
    "realmlp_hpo": "pytabkit",
    "tabm": "pytabkit",
    "xgboost": "xgboost",
}


def autogluon(task: Task, budget: float, seed: int, cores: int, presets: str | None = None) -> tuple[Predict, str]:
    """The default preset."""
    from autogluon.tabular import TabularPredictor

    settings = {} if presets is None else {"presets": presets, "dynamic_stacking": False}
    if presets is not None and budget < 300:  # starting ray would take the time
        settings["ag_args_ensemble"] = {"fold_fitting_strategy": "sequential_local"}
    predictor = TabularPredictor(
        "target", problem_type=_problem(task), path=tempfile.mkdtemp(prefix="autogluon"), verbosity=0
    )
    predictor.fit(_table(task.X, task.y), time_limit=budget, num_cpus=cores, num_gpus=0, **settings)
    return lambda X: predictor.predict(_table(X)).to_numpy(), predictor.model_best


def autogluon_best(task: Task, budget: float, seed: int, cores: int) -> tuple[Predict, str]:
    """The preset best_quality."""
    return autogluon(task, budget, seed, cores, presets="best_quality")


def autogluon_v150(task: Task, budget: float, seed: int, cores: int) -> tuple[Predict, str]:
    """The preset best_quality_v150, for machines without a GPU."""
    return autogluon(task, budget, seed, cores, presets="best_quality_v150")


def catboost(task: Task, budget: float, seed: int, cores: int) -> tuple[Predict, str]:
    """CatBoost as it comes, categories as such."""
    import catboost

    def read(X: Any) -> Any:
        table = _table(X)
        return table.assign(**{name: table[name].astype(str) for name in table.columns.difference(numbers)})

    numbers = _table(task.X).select_dtypes("number").columns
    kind = catboost.CatBoostClassifier if task.classification else catboost.CatBoostRegressor
    model = kind(thread_count=cores, random_seed=seed, verbose=False, allow_writing_files=False)
    X = read(task.X)
    model.fit(X, task.y, cat_features=list(X.columns.difference(numbers)))
    return lambda X: np.ravel(model.predict(read(X))), f"{model.tree_count_} trees"


def flaml(task: Task, budget: float, seed: int, cores: int) -> tuple[Predict, str]:
    """Its default families."""
    from flaml import AutoML

    model = AutoML()
    kind = "classification" if task.classification else "regression"
    model.fit(_table(task.X), task.y, task=kind, time_budget=budget, n_jobs=cores, seed=seed, verbose=0)
    return lambda X: model.predict(_table(X)), f"{model.best_estimator} {model.best_config}"


def lightautoml(task: Task, budget: float, seed: int, cores: int) -> tuple[Predict, str]:
    """The preset for tables."""
    from lightautoml.automl.presets.tabular_presets import TabularAutoML
    from lightautoml.tasks import Task as Kind

    kind = Kind({"regression": "reg"}.get(_problem(task), _problem(task)))
    model = TabularAutoML(kind, timeout=int(budget), cpu_limit=cores, gpu_ids=None, reader_params={"n_jobs": cores})
    model.fit_predict(_table(task.X, task.y), roles={"target": "target"})

    def predict(X: Any) -> np.ndarray:
        values = model.predict(_table(X)).data
        if not task.classification:
            return values[:, 0]
        if values.shape[1] == 1:
            return (values[:, 0] > 0.5).astype(int)
        codes = model.reader.class_mapping
        labels = np.arange(values.shape[1]) if codes is None else np.array(sorted(codes, key=codes.get))
        return labels[values.argmax(axis=1)]

    return predict, " ".join(model.create_model_str_desc().split())


def mljar(task: Task, budget: float, seed: int, cores: int) -> tuple[Predict, str]:
    """The mode Compete; with another number of jobs than -1 it drops its nets, so the process must be pinned."""
    from supervised import AutoML

    kind = {"binary": "binary_classification", "multiclass": "multiclass_classification"}
    model = AutoML(
        results_path=tempfile.mkdtemp(prefix="mljar"),
        mode="Compete",
        total_time_limit=int(budget),
        ml_task=kind.get(_problem(task), "regression"),
        n_jobs=-1,
        random_state=seed,
        verbose=0,
    )
    model.fit(_table(task.X), task.y)
    return lambda X: model.predict(_table(X)).astype(task.y.dtype), f"{len(model.get_leaderboard())} models"


def tpot(task: Task, budget: float, seed: int, cores: int) -> tuple[Predict, str]:
    """Linear pipelines, judged on five folds."""
    import tpot as package

    from systems import encoder

    kind = package.TPOTClassifier if task.classification else package.TPOTRegressor
    minutes = 0.9 * budget / 60
    model = kind(
        search_space="linear",
        cv=5,
        max_time_mins=minutes,
        max_eval_time_mins=max(minutes / 3, 1 / 12),
        n_jobs=cores,
        random_state=seed,
        verbose=0,
    )
    prepare = encoder(_table(task.X), for_trees=False)
    model.fit(np.asarray(prepare.fit_transform(_table(task.X)), dtype=float), task.y)
    return lambda X: model.predict(np.asarray(prepare.transform(_table(X)), dtype=float)), str(model.fitted_pipeline_)


def realmlp(task: Task, budget: float, seed: int, cores: int) -> tuple[Predict, str]:
    """RealMLP with its tuned defaults."""
    return _pytabkit("RealMLP_TD", task, seed, cores)


def realmlp_hpo(task: Task, budget: float, seed: int, cores: int) -> tuple[Predict, str]:
    """RealMLP with its own search."""
    return _pytabkit("RealMLP_HPO", task, seed, cores, time_limit_s=0.9 * budget)


def tabm(task: Task, budget: float, seed: int, cores: int) -> tuple[Predict, str]:
    """TabM with its defaults."""
    return _pytabkit("TabM_D", task, seed, cores)


def xgboost(task: Task, budget: float, seed: int, cores: int) -> tuple[Predict, str]:
    """At most 1000 trees, stopped early on 15 % of the rows."""
    import xgboost as xgb

    from systems import categories, holdout, take

    kind = xgb.XGBClassifier if task.classification else xgb.XGBRegressor
    settings = {"n_estimators": 1000, "learning_rate": 0.05, "early_stopping_rounds": 50, "enable_categorical": True}
    model = kind(**settings, n_jobs=cores, random_state=seed)
    X, (train, valid) = categories(task.X), holdout(task, seed)
    model.fit(take(X, train), task.y[train], eval_set=[(take(X, valid), task.y[valid])], verbose=False)
    return lambda X: model.predict(categories(X, like=task.X)), f"{model.best_iteration + 1} rounds"


def _pytabkit(name: str, task: Task, seed: int, cores: int, **settings: Any) -> tuple[Predict, str]:
    """Nets of pytabkit refuse missing numbers: the median of the training rows takes their place."""
    import pytabkit

    kind = getattr(pytabkit, f"{name}_{'Classifier' if task.classification else 'Regressor'}")
    X = _table(task.X)
    numbers = X.select_dtypes("number").columns
    medians = X[numbers].median().fillna(0.0).to_dict()
    texts = [column for column in X.columns if column not in numbers]
    model = kind(device="cpu", random_state=seed, n_threads=cores, **settings)
    model.fit(X.fillna(medians), task.y, cat_col_names=texts or None)
    return lambda X: model.predict(_table(X).fillna(medians)), name


def _problem(task: Task) -> str:
    return "regression" if not task.classification else "binary" if task.n_classes == 2 else "multiclass"


def _table(X: Any, y: np.ndarray | None = None) -> Any:
    """A DataFrame with names that are strings, and the target in its last column."""
    import pandas as pd

    from systems import flat

    values = flat(X)
    table = values if hasattr(X, "columns") else pd.DataFrame(values, columns=[f"x{k}" for k in range(values.shape[1])])
    return table if y is None else table.assign(target=y)


SYSTEMS: dict[str, Callable[[Task, float, int, int], tuple[Predict, str]]] = {
    "autogluon": autogluon,
    "autogluon_best": autogluon_best,
    "autogluon_v150": autogluon_v150,
    "catboost": catboost,
    "flaml": flaml,
    "lightautoml": lightautoml,
    "mljar": mljar,
    "tpot": tpot,
    "realmlp": realmlp,
    "realmlp_hpo": realmlp_hpo,
    "tabm": tabm,
    "xgboost": xgboost,
}
