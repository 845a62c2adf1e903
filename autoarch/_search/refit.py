"""Fit the winner on all rows when there is time; else keep the model that the search has fitted already."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import Bunch

from autoarch._core.clock import Budget, Deadline
from autoarch._core.quiet import quiet
from autoarch._search.evaluate import aligned, fit_steps
from autoarch._search.job import TrainingData, TrialResult
from autoarch._training.time_limited import is_complete, share_done
from autoarch.families.base import Family, Problem

MOST_SEEDS = 5
_LEEWAY = 1.3  # times the seconds of the first fit that must be left for another, where it cannot be shortened
_WORTH_IT = 0.8  # of the time that the fit on a split took; with less, a refit would be worse than that fit
_SHORT = 0.75  # of the first fit's seconds, in which a net with the next seed is trained nearly as well
_MOMENT = 0.05  # seconds around every refit
_REFIT_SHARE = 0.4  # of the budget at most is kept back for the refit,
_SEEDS_SHARE = 0.35  # and for fitting the winner with more than one seed


class _FoldEnsemble(BaseEstimator):
    _splitter: type
    models_: list[Any]

    def __init__(self, estimator: BaseEstimator, n_folds: int = 5, random_state: int | None = 0):
        self.estimator = estimator
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: np.ndarray) -> Any:
        """Fit all models."""
        splitter = self._splitter(self.n_folds, shuffle=True, random_state=self.random_state)
        self.models_ = [clone(self.estimator).fit(X[rows], y[rows]) for rows, _ in splitter.split(X, y)]
        if isinstance(self, ClassifierMixin):
            self.classes_ = np.unique(y)
        return self


class FoldEnsembleClassifier(ClassifierMixin, _FoldEnsemble):
    """The mean probabilities of models that were each fitted on all folds but one.

    Parameters
    ----------
    estimator : estimator
        Fitted on each selection of folds.
    n_folds : int, default=5
        Folds, stratified by class.
    random_state : int or None, default=0
        Seed of the folds.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from autoarch._search.refit import FoldEnsembleClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> len(FoldEnsembleClassifier(DecisionTreeClassifier(), n_folds=3).fit(X, y).models_)
    3
    """

    _splitter = StratifiedKFold

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return probabilities in the order of ``classes_``, 0 in a fold that has not seen a class."""
        parts = [aligned(model.predict_proba(X), model.classes_, self.classes_) for model in self.models_]
        return np.mean(parts, axis=0)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return labels as ``fit`` got them."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class FoldEnsembleRegressor(RegressorMixin, _FoldEnsemble):
    """The mean of models that were each fitted on all folds but one.

    Parameters
    ----------
    estimator, n_folds, random_state
        As for :class:`FoldEnsembleClassifier`.
    """

    _splitter = KFold

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return values in the units of y."""
        return np.mean([model.predict(X) for model in self.models_], axis=0)


def fold_ensemble(models: Sequence[Pipeline], classes: np.ndarray | None) -> Pipeline:
    """Average pipelines that the search has fitted on its folds."""
    kind = FoldEnsembleRegressor if classes is None else FoldEnsembleClassifier
    ensemble: Any = kind(clone(models[0]), len(models))
    if classes is not None:
        ensemble.classes_ = classes
    ensemble.models_ = list(models)
    return Pipeline([("model", ensemble)])


def voting(
    pipelines: Sequence[Pipeline], classes: np.ndarray | None, weights: Sequence[float] | None = None
) -> Pipeline:
    """Average pipelines that are fitted on all rows already, by scikit-learn's voting, which can be fitted again.

    Fits of one candidate with several seeds have no weights, different candidates have.
    """
    names = [f"{place}_{type(pipeline[-1]).__name__.lower()}" for place, pipeline in enumerate(pipelines)]
    members = list(zip(names, pipelines, strict=True))
    weights = None if weights is None else list(weights)
    if classes is None:
        vote = VotingRegressor(members, weights=weights)
    else:
        vote = VotingClassifier(members, voting="soft", weights=weights)
        vote.le_ = LabelEncoder().fit(classes)
        vote.classes_ = vote.le_.classes_
    vote.estimators_ = list(pipelines)
    vote.named_estimators_ = Bunch(**dict(members))
    return Pipeline([("model", vote)])


def reserved_seconds(
    leaders: Sequence[TrialResult], size: int, families: Sequence[Family], data: TrainingData, budget: Budget
) -> float:
    """Seconds that the refit of the best candidates will need, in part at least."""
    if budget.unlimited:
        return 0.0
    most = _REFIT_SHARE * (budget.seconds or 0.0)
    if not leaders:
        return most / 2
    once = sum(refit_seconds(leader, data) for leader in leaders)
    averaged = {family.name for family in families if averages_seeds(family, data)}
    if size == 1 and leaders[0].family in averaged:
        once = max(once, min(MOST_SEEDS * once, _SEEDS_SHARE * (budget.seconds or 0.0)))
    return min(most, once)


def averages_seeds(family: Family, data: TrainingData) -> bool:
    """Return whether the winner is fitted with several seeds: its family asks for it, or no folds cover all rows."""
    return family.averages_seeds or (family.averages_folds and not data.n_folds)


def refit_seconds(result: TrialResult, data: TrainingData) -> float:
    """Estimate the seconds of a fit on all rows from those of the fits on the splits."""
    if len(result.models) > 1:  # those of all folds, which need no refit
        return _MOMENT
    rows = np.mean([len(train) for train, _ in data.splits])
    seconds = float(np.mean(result.fit_seconds)) / max(result.share_done, 0.02)
    return 1.2 * seconds * len(data.y) / float(rows) + _MOMENT


def refit(
    result: TrialResult, family: Family, problem: Problem, data: TrainingData, left: float, seed: int, *, alone: bool
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
    expected = refit_seconds(result, data)
    if result.models and left < _WORTH_IT * (float(np.mean(result.fit_seconds)) if result.cut else expected):
        return as_kept(result, data, f" ({left:.1f} s were left, a refit needs {expected:.1f} s)")
    deadline = Deadline(None if np.isinf(left) else max(left, 0.0))

    def fitted(number: int, until: Deadline) -> Pipeline:
        whole = data.X, data.y, data.sample_weight
        return fit_steps(family, result.params, problem, seed + number, *whole, until, result.learned)

    began = time.monotonic()
    try:
        with quiet():
            first = fitted(0, deadline)
    except Exception as error:
        if not result.models:
            raise
        return as_kept(result, data, f" (the refit broke: {type(error).__name__}: {error})")
    models = [first]
    if alone and not deadline.unlimited and averages_seeds(family, data):
        models += _more_seeds(fitted, deadline, time.monotonic() - began, shortens=hasattr(first[-1], "share_done_"))
    if len(models) == 1:
        return first, "all rows"
    return voting(models, data.scorer.classes), f"all rows, {len(models)} seeds, averaged"


def _more_seeds(
    fitted: Callable[[int, Deadline], Pipeline], deadline: Deadline, seconds: float, *, shortens: bool
) -> list[Pipeline]:
    """Fit as many further seeds as the time allows; errors and interrupts end this quietly.

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
                trained = share_done(model[-1]) >= _SHORT / 2  # a busy machine may leave next to nothing
                if not (trained if shortens else is_complete(model[-1])):
                    break
                models.append(model)
    except (Exception, KeyboardInterrupt):
        return models
    return models


def as_kept(result: TrialResult, data: TrainingData, why: str = "") -> tuple[Pipeline, str]:
    """Return what the search has fitted already, in a model and in words: all folds, or the first split."""
    if len(result.models) > 1:
        return fold_ensemble(result.models, data.scorer.classes), f"{len(result.models)} folds, averaged{why}"
    return result.models[0], f"the rows of the first split{why}"


def changed_params(pipeline: Pipeline) -> dict[str, Any]:
    """Parameters of each step that differ from its class's defaults, as ``set_params`` of the pipeline takes them."""
    changed: dict[str, Any] = {}
    for name, step in pipeline.steps:
        defaults = _defaults(type(step))
        for key, value in step.get_params(deep=False).items():
            parts = [(f"{name}__{key}", value)]
            if key == "estimators":  # of a vote, whose members are reached by their own names
                parts = [(f"{name}__{member}", pipeline) for member, pipeline in value]
            for prefix, part in parts:
                if isinstance(part, Pipeline):
                    changed |= {f"{prefix}__{inner}": given for inner, given in changed_params(part).items()}
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
    """Return whether a value is a component (an estimator, a list of them, a class) rather than a setting."""
    nested = isinstance(value, (list, tuple)) and any(isinstance(item, (list, tuple)) for item in value)
    return isinstance(value, (BaseEstimator, type)) or nested


def _same(value: Any, default: Any) -> bool:
    try:
        return bool(value is default or value == default)
    except ValueError:
        return False
