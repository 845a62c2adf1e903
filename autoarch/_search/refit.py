"""The winner on all rows, when there is time; else the model that the search has fitted already.

Imports: numpy, scikit-learn, ``autoarch._search``.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from autoarch._search.evaluate import fit_steps
from autoarch._search.folds import fold_ensemble
from autoarch._search.job import TrainingData, TrialResult
from autoarch._search.loop import refit_seconds
from autoarch._search.quiet import quiet
from autoarch._training.deadline import Deadline
from autoarch.families.base import Family, Problem

_WORTH_IT = 0.8  # of the time that the fit on a split took; with less, a refit would be worse than that fit


def refit(
    result: TrialResult, family: Family, problem: Problem, data: TrainingData, left: float, seed: int
) -> tuple[Pipeline, str]:
    """Fit a candidate on all rows, in the seconds that are left.

    Returns
    -------
    pipeline : Pipeline
        Fitted, on canonical values.
    how : str
        In words, what it was fitted on.
    """
    if len(result.models) > 1:
        return as_kept(result, data)
    kept = result.models[0] if result.models else None
    expected = refit_seconds(result, data)
    if kept is not None and left < _WORTH_IT * (float(np.mean(result.fit_seconds)) if result.cut else expected):
        return kept, f"the rows of the first split ({left:.1f} s were left, a refit needs {expected:.1f} s)"
    deadline = Deadline(None if np.isinf(left) else max(left, 0.0))
    try:
        with quiet():
            fitted = fit_steps(
                family, result.params, problem, seed, data.X, data.y, data.sample_weight, deadline, result.learned
            )
    except Exception as error:
        if kept is None:
            raise
        return kept, f"the rows of the first split (the refit broke: {type(error).__name__}: {error})"
    return fitted, "all rows"


def as_kept(result: TrialResult, data: TrainingData) -> tuple[Pipeline, str]:
    """What the search has fitted already: the models of all folds, or that of the first split; and which it is."""
    if len(result.models) > 1:
        return fold_ensemble(result.models, data.judge.classes), f"{len(result.models)} folds, averaged"
    return result.models[0], "the rows of the first split"


def changed_params(pipeline: Pipeline) -> dict[str, Any]:
    """Parameters of each step that differ from its class's defaults, as ``set_params`` of the pipeline takes them."""
    changed: dict[str, Any] = {}
    for name, step in pipeline.steps:
        defaults = _defaults(type(step))
        for key, value in step.get_params(deep=False).items():
            if isinstance(value, Pipeline):
                changed |= {f"{name}__{key}__{inner}": given for inner, given in changed_params(value).items()}
            if key.startswith("_") or _is_part(value) or _same(value, defaults.get(key)):
                continue
            changed[f"{name}__{key}"] = value
    return changed


def _defaults(kind: type) -> dict[str, Any]:
    """Default of each parameter, those that a class hands on to its parents included."""
    defaults: dict[str, Any] = {}
    for parent in reversed(kind.__mro__):
        if "__init__" in vars(parent):
            parameters = inspect.signature(vars(parent)["__init__"]).parameters
            defaults |= {k: p.default for k, p in parameters.items() if p.default is not inspect.Parameter.empty}
    return defaults


def _is_part(value: Any) -> bool:
    """Whether a value is a piece of the machine (an estimator, a list of them, a class), not a setting."""
    nested = isinstance(value, (list, tuple)) and any(isinstance(item, (list, tuple)) for item in value)
    return isinstance(value, (BaseEstimator, type)) or nested


def _same(value: Any, default: Any) -> bool:
    try:
        return bool(value is default or value == default)
    except ValueError:
        return False
