"""The winner on all rows, when there is time; else the model that the search has fitted already.

Imports: numpy, scikit-learn, ``autoarch._search``.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from autoarch._search.averages import MOST_SEEDS, fold_ensemble, seed_ensemble
from autoarch._search.evaluate import fit_steps
from autoarch._search.job import TrainingData, TrialResult
from autoarch._search.loop import averages_seeds, refit_seconds
from autoarch._search.quiet import quiet
from autoarch._training.deadline import Deadline
from autoarch.families.base import Family, Problem

_LEEWAY = 1.3  # times the seconds of the first fit that must be left for another, where it cannot be shortened
_WORTH_IT = 0.8  # of the time that the fit on a split took; with less, a refit would be worse than that fit
_SHORT = 0.75  # of the first fit's seconds, in which a net with the next seed is trained nearly as well


def refit(
    result: TrialResult,
    family: Family,
    problem: Problem,
    data: TrainingData,
    left: float,
    seed: int,
    *,
    alone: bool = True,
) -> tuple[Pipeline, str]:
    """Fit a candidate on all rows, in the seconds that are left.

    One that is ``alone`` is fitted with more seeds where a clock runs, the time lasts and its family averages.

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

    def fitted(number: int, until: Deadline) -> Pipeline:
        whole = data.X, data.y, data.sample_weight
        return fit_steps(family, result.params, problem, seed + number, *whole, until, result.learned)

    began = time.monotonic()
    try:
        with quiet():
            first = fitted(0, deadline)
    except Exception as error:
        if kept is None:
            raise
        return kept, f"the rows of the first split (the refit broke: {type(error).__name__}: {error})"
    models = [first]
    if alone and not deadline.unlimited and averages_seeds(family, data):
        models += _more_seeds(fitted, deadline, time.monotonic() - began, shortens=hasattr(first[-1], "share_done_"))
    if len(models) == 1:
        return first, "all rows"
    return seed_ensemble(models, data.judge.classes, seed), f"all rows, {len(models)} seeds, averaged"


def _more_seeds(
    fitted: Callable[[int, Deadline], Pipeline], deadline: Deadline, seconds: float, *, shortens: bool
) -> list[Pipeline]:
    """As many as the time allows; none is worth an error, or a wait that the user has ended.

    Nets, whose training ``shortens`` to what time there is, share the rest of it.
    """
    models: list[Pipeline] = []
    try:
        with quiet():
            for number in range(1, MOST_SEEDS):
                still = min(int(deadline.left / ((_SHORT if shortens else _LEEWAY) * seconds)), MOST_SEEDS - number)
                if still < 1:
                    break
                model = fitted(number, deadline.share(1 / still) if shortens else deadline)
                trained = (
                    getattr(model[-1], "share_done_", 1.0) >= _SHORT / 2
                )  # a busy machine may leave next to nothing
                if not (trained if shortens else getattr(model[-1], "complete_", True)):
                    break
                models.append(model)
    except (Exception, KeyboardInterrupt):
        return models
    return models


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
