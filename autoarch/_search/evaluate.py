"""Fit and score one candidate on one split: a pure function of data and job, so that any worker can run it.

A candidate that raises, gives no finite score or runs out of memory or time is a result like any other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline

from autoarch._core.clock import Deadline, TooSlowError
from autoarch._core.failures import describe
from autoarch._core.quiet import quiet
from autoarch._core.threads import limited
from autoarch._data.row_splits import Split, SplitPlan
from autoarch._search.jobs import Job, TrainingData
from autoarch._search.predicted import predict_values
from autoarch._search.scoring import Predictions
from autoarch._search.steps import Judgement, StepResult, Work
from autoarch._training.device import is_on_accelerator, load
from autoarch._training.room import preparable_rows
from autoarch._training.time_limited import is_complete, share_done, work_done
from autoarch.families.base import Family, Params, Problem, Steps
from autoarch.families.objective import Objective, own_params, wrapped
from autoarch.families.several_targets import (
    EachTargetClassifier,
    EachTargetRegressor,
    first_of_each,
    of_one_target,
    on_targets,
)

OUT_OF_MEMORY = "out of memory"
_MOMENT = 0.5  # seconds that any step may take
_SIZES = ("n_estimators", "max_iter", "iterations", "n_kernels")  # parameters that bound the rounds of a model
_ALMOST = 0.99  # share of a training that was ended
_MUCH_MORE = 2.0  # times what a step has taken that was out of time: it needs that at least, if nothing better is known
_FOR_TRAINING = 0.85  # of the time for a step; the rest is for its predictions and scores


def evaluate(data: TrainingData, job: Job) -> StepResult:
    """Fit ``job`` on the training rows of its split and score it on the others."""
    started = time.monotonic()
    result = StepResult(job.number, job.split)
    loading = 0.0
    try:
        with _ready(job) as (job, loading):
            _judge(data, job, result)
    except MemoryError:
        result.status, result.reason = "failed", OUT_OF_MEMORY
    except TimeoutError as late:
        result.status, result.reason = "paused", str(late)
        spent = time.monotonic() - started - loading
        result.work = Work(seconds=max(getattr(late, "needed", _MUCH_MORE * spent), spent))
    except Exception as error:  # a candidate may fail in any way; the search goes on
        result.status, result.reason = "failed", describe(error)
    if result.status != "paused":
        result.work = replace(result.work, seconds=time.monotonic() - started - loading)
    result.late = job.deadline.over
    return result


def evaluate_on(data: TrainingData, job: Job, split: Split) -> StepResult:
    """Fit ``job`` on the training rows of a split that is not among those of the search, and score it on the others."""
    result = evaluate(replace(data, plan=SplitPlan((split,), "", "user")), replace(job, split=0))
    result.model = None
    return result


@contextmanager
def _ready(job: Job) -> Iterator[tuple[Job, float]]:
    """Load what the family needs, then limit threads: a library is limited only where it was loaded before."""
    with quiet():
        job, seconds = _load_packages(job)
        with limited(job.threads):
            yield job, seconds


def _load_packages(job: Job) -> tuple[Job, float]:
    """Load what the family needs in a fresh worker, and extend the deadline by the seconds that it takes."""
    seconds = load(job.family.needs.packages, job.problem.device)
    if seconds < _MOMENT or job.deadline.unlimited:
        return job, seconds
    return replace(job, deadline=Deadline(min(job.deadline.left + seconds, job.latest.left))), seconds


def _judge(data: TrainingData, job: Job, result: StepResult) -> None:
    train, valid = data.splits[job.split]
    began = time.monotonic()
    whole, deadline = (data.X, data.y, data.sample_weight), job.deadline.share(_FOR_TRAINING)
    model = fit_steps(job.family, job.params, job.problem, job.seed, *whole, deadline, rows=train)
    fitted = time.monotonic()
    predictions = Predictions(valid, predict_values(model, data.X[valid], data.scorer.classes, data.y.shape[1:]))
    predicted = time.monotonic() - fitted
    decided = data.scorer.decided(predictions)
    score = data.scorer.split_score(decided)
    if not np.isfinite(score):
        raise ValueError(f"the score on split {job.split + 1} of {len(data.splits)} is {score}")
    losses = data.scorer.unit_losses(decided)
    result.judgement = Judgement(score, data.scorer.tie_break(predictions), losses, predictions)
    rows, rounds = work_done(model[-1])
    share = share_done(model[-1])
    if not is_complete(model[-1]):
        share = min(share, _share_of_plan(job, rounds, (rows or len(train)) / len(train)))
    result.work = Work(
        rows=rows or len(train),
        rounds=rounds,
        share_done=share,
        fit_seconds=fitted - began,
        predict_seconds=1000 * predicted / len(valid),
    )
    result.model = model


def _share_of_plan(job: Job, rounds: int, share_of_rows: float) -> float:
    """Share of its training that a model has gone through which the deadline ended: of its rows and of its rounds."""
    planned = job.family.build(own_params(job.params), job.problem, job.seed)[-1][1].get_params()
    most = next((planned[name] for name in _SIZES if planned.get(name)), 0)
    return min(_ALMOST, share_of_rows * (rounds / most if rounds and most else 1.0))


def fit_steps(
    family: Family,
    params: Params,
    problem: Problem,
    seed: int,
    X: np.ndarray,
    y: np.ndarray,
    sample_weight: np.ndarray | None,
    deadline: Deadline,
    learned: Any = None,
    rows: np.ndarray | None = None,
) -> Pipeline:
    """Build a candidate's pipeline and fit it, the last step by the family's own way of keeping the deadline.

    ``rows`` are those of X to fit on, by default all; they are taken once it is known how many there is room for.
    """
    steps = _built(family, params, problem, seed, learned)
    own = first_of_each(steps, params, problem) if y.ndim == 2 else len(steps)
    if own == len(steps):
        fit_last = partial(_fit_model, family, params, problem.objective, seed)
    else:
        steps = _built(family, params, of_one_target(problem), seed, learned)
        fit_last = partial(_fit_each, family, params, problem, seed)
        steps = [*steps[:own], ("model", Pipeline(steps[own:]))]
    return _fit_in_order(steps, fit_last, X, y, sample_weight, deadline, seed, rows)


def _built(family: Family, params: Params, problem: Problem, seed: int, learned: Any) -> Steps:
    """Steps of a candidate, with the parameters of the last one that earlier fits have settled."""
    steps = family.build(own_params(params), problem, seed)
    for _, step in steps:
        if hasattr(step, "set_output"):  # whatever the user wants to see of his own transformers
            step.set_output(transform="default")
    steps[-1][1].set_params(**(learned or {}))
    return steps


def _fit_in_order(
    steps: Steps,
    fit_last: Callable[..., Any],
    X: Any,
    y: np.ndarray,
    weight: Any,
    deadline: Deadline,
    seed: int,
    rows: np.ndarray | None = None,
) -> Pipeline:
    """Fit steps one after the other, on fewer rows where these take too long, the last one by ``fit_last``."""
    fewer = preparable_rows([transformer for _, transformer in steps[:-1]], X, y, deadline, seed, rows)
    taken = rows if fewer is None else fewer
    if taken is not None:
        X, y, weight = X[taken], y[taken], None if weight is None else weight[taken]
    for _, transformer in steps[:-1]:
        _check_step_fits(transformer, len(X), deadline)
        X = transformer.fit_transform(X, y)
    name, model = steps[-1]
    fitted = fit_last(model, X, y, weight, deadline)
    if fewer is not None:
        fitted.complete_, fitted.n_rows_fitted_ = False, work_done(fitted)[0] or len(fewer)
    return Pipeline([*steps[:-1], (name, fitted)])


def _fit_model(
    family: Family,
    params: Params,
    objective: Objective,
    seed: int,
    model: BaseEstimator,
    X: Any,
    y: np.ndarray,
    weight: Any,
    deadline: Deadline,
) -> BaseEstimator:
    """Fit the last step, by the family's own way of keeping the deadline, on y or what it is transformed to."""
    on_target = on_targets(model, params, objective, y) or wrapped(model, params, objective)
    if on_target is None:
        return family.fit(model, X, y, sample_weight=weight, deadline=deadline, seed=seed)
    return on_target.fit_by(partial(family.fit, deadline=deadline, seed=seed), model, X, y, weight)


def _fit_each(
    family: Family,
    params: Params,
    problem: Problem,
    seed: int,
    template: Pipeline,
    X: Any,
    y: np.ndarray,
    weight: Any,
    deadline: Deadline,
) -> BaseEstimator:
    """Fit steps on each of several targets, in equal parts of the time."""
    n = y.shape[1]
    goals = problem.objective.each or (problem.objective,) * n

    def one(column: np.ndarray, left: int) -> Pipeline:
        fit_last = partial(_fit_model, family, params, goals[n - left], seed)
        share = deadline.share(1 / left)
        try:
            return _fit_in_order(clone(template).steps, fit_last, X, column, weight, share, seed)
        except TooSlowError as late:
            raise TooSlowError(late.needed * n, deadline.left) from late

    kind = EachTargetClassifier if problem.classification else EachTargetRegressor
    return kind(clone(template)).fit_by(one, y)


def fit_whole(data: TrainingData, job: Job, learned: Any) -> Pipeline:
    """Fit the candidate of a job on all rows."""
    with _ready(job) as (job, _):
        whole = data.X, data.y, data.sample_weight
        return fit_steps(job.family, job.params, job.problem, job.seed, *whole, job.deadline, learned)


def fit_seeds(data: TrainingData, job: Job, learned: Any, seeds: Sequence[int]) -> list[Pipeline]:
    """Fit a net on all rows with several seeds at once, on an accelerator; none where that takes longer than apart."""
    whole, prepared = (data.X, data.y, data.sample_weight), []

    def keep(model: BaseEstimator, *rows: Any) -> BaseEstimator:
        prepared.append(rows)
        return model

    with _ready(job) as (job, _):
        built = [_built(job.family, job.params, job.problem, seed, learned) for seed in seeds]
        if not is_on_accelerator(built[0][-1][1]) or _is_wrapped(built[0], job, data.y):
            return []
        pipelines = [
            _fit_in_order(steps, keep, *whole, job.deadline, seed) for steps, seed in zip(built, seeds, strict=True)
        ]
        from autoarch._training.together import fit_together

        inputs, (_, y, weight, _) = [rows[0] for rows in prepared], prepared[0]
        done = len(y) == len(data.y) and fit_together([p[-1] for p in pipelines], inputs, y, weight, job.deadline)
    return pipelines if done else []


def _is_wrapped(steps: Steps, job: Job, y: np.ndarray) -> bool:
    """Return whether the last step is fitted in a way of its own, on another y or on each of several targets."""
    model, objective = steps[-1][1], job.problem.objective
    if type(job.family).fit is not Family.fit or (
        y.ndim == 2 and first_of_each(steps, job.params, job.problem) < len(steps)
    ):
        return True
    return (on_targets(model, job.params, objective, y) or wrapped(model, job.params, objective)) is not None


def predict_rows(data: TrainingData, job: Job, models: Sequence[BaseEstimator], rows: np.ndarray) -> list[np.ndarray]:
    """Predictions of each model for some rows."""
    with _ready(job):
        return [predict_values(model, data.X[rows], data.scorer.classes, data.y.shape[1:]) for model in models]


def _check_step_fits(transformer: BaseEstimator, n_rows: int, deadline: Deadline) -> None:
    """Refuse a step that cannot stop half-way, and says that it takes longer than there is time."""
    seconds = getattr(transformer, "seconds_per_row", 0.0) * n_rows
    if not deadline.unlimited and seconds > max(deadline.left, _MOMENT):
        raise TooSlowError(seconds, deadline.left)
