"""Judge one candidate on the splits: a pure function of data and job, so that any worker can run it.

A candidate that raises, gives no finite score or runs out of memory is a result like any other. One that is so far
behind the best after some splits that the rest cannot save it is stopped.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from autoarch._core.clock import Deadline
from autoarch._core.quiet import quiet
from autoarch._search.job import Job, TrainingData, TrialResult
from autoarch._search.scoring import Predictions
from autoarch._training.device import load
from autoarch._training.time_limited import is_complete, share_done
from autoarch.families.base import Family, Params, Problem

_HOPELESS = 3.0  # standard errors behind the best after one split; 2 from the second on
_FLOOR = 1e-3  # differences below are not worth stopping for
_MOMENT = 0.5  # seconds that any step may take
_FOR_TRAINING = 0.85  # of the time for a split; the rest is for its predictions and scores


def evaluate(data: TrainingData, job: Job) -> TrialResult:
    """Fit and score ``job`` on each split, until it is done, hopeless, broken or out of time."""
    started = time.monotonic()
    result = TrialResult(number=job.number, family=job.family.name, params=job.params)
    try:
        with quiet():
            job, loading = _load_packages(job)
            started += loading
            _judge_splits(data, job, result)
    except MemoryError:
        result.status, result.reason = "failed", "out of memory"
    except Exception as error:  # a candidate may fail in any way; the search goes on
        result.status, result.reason = "failed", f"{type(error).__name__}: {error}"
    result.seconds = time.monotonic() - started
    result.late = job.deadline.over
    return result


def _load_packages(job: Job) -> tuple[Job, float]:
    """Load what the family needs in a fresh worker, and extend the deadline by the seconds that it takes."""
    seconds = load(job.family.needs.packages, job.problem.device)
    if seconds < _MOMENT or job.deadline.unlimited:
        return job, seconds
    return replace(job, deadline=Deadline(min(job.deadline.left + seconds, job.latest.left))), seconds


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
) -> Pipeline:
    """Build a candidate's pipeline and fit it, the last step by the family's own way of keeping the deadline."""
    steps = family.build(params, problem, seed)
    steps[-1][1].set_params(**(learned or {}))
    for name, transformer in steps[:-1]:
        _check_step_fits(name, transformer, len(X), deadline)
        X = transformer.fit_transform(X, y)
    name, model = steps[-1]
    steps[-1] = (name, family.fit(model, X, y, sample_weight=sample_weight, deadline=deadline, seed=seed))
    return Pipeline(steps)


def _check_step_fits(name: str, transformer: BaseEstimator, n_rows: int, deadline: Deadline) -> None:
    """Refuse a step that cannot stop half-way, and says that it takes longer than there is time."""
    seconds = getattr(transformer, "seconds_per_row", 0.0) * n_rows
    if not deadline.unlimited and seconds > max(deadline.left, _MOMENT):
        raise TimeoutError(
            f"step {name!r} takes about {seconds:.0f} s for {n_rows} rows, {deadline.left:.1f} s are left"
        )


def _judge_splits(data: TrainingData, job: Job, result: TrialResult) -> None:
    splits = data.splits[: job.n_splits]
    result.estimands, result.weights = data.plan.estimands[: len(splits)], data.plan.weight_of
    for done, (train, valid) in enumerate(splits):
        train = _capped(train, job, data.y)
        began = time.monotonic()
        deadline = job.deadline.share(_FOR_TRAINING / (len(splits) - done))
        weight = None if data.sample_weight is None else data.sample_weight[train]
        rows = data.X[train], data.y[train], weight
        model = fit_steps(job.family, job.params, job.problem, job.seed, *rows, deadline)
        result.fit_seconds.append(time.monotonic() - began)
        result.cut |= not is_complete(model[-1])
        result.share_done = min(result.share_done, share_done(model[-1]))
        predictions = Predictions(valid, predict_values(model, data.X[valid], data.scorer.classes))
        score = data.scorer.score(predictions)
        if not np.isfinite(score):
            raise ValueError(f"the score on split {done + 1} of {len(splits)} is {score}")
        result.scores.append(score)
        result.ties.append(data.scorer.tie_break(predictions))
        result.predictions.append(predictions)
        result.models.append(model)
        if done + 1 < len(splits) and (reason := _reason_to_stop(result.scores, job)):
            result.status, result.reason = "pruned", f"{reason} after {done + 1} of {len(splits)} splits"
            return
    if len(set(result.estimands)) > 1:
        for estimand in result.weights:
            result.pooled[estimand] = data.scorer.score(Predictions.joined(result.predictions_of(estimand)))
    result.learned = job.family.learned([model[-1] for model in result.models])
    kept = data.n_folds if job.family.averages_folds else 0
    del result.models[max(kept, 1) :]  # one is kept for a refit that comes too late; the others would fill the memory


def _capped(train: np.ndarray, job: Job, y: np.ndarray) -> np.ndarray:
    if job.most_rows is None or len(train) <= job.most_rows:
        return train
    chosen = np.random.default_rng(job.seed).permutation(train)[: job.most_rows]
    if job.problem.classification:  # no class may be lost by the cut
        _, first = np.unique(y[train], return_index=True)
        chosen = np.union1d(chosen, train[first])
    return np.sort(chosen)


def _reason_to_stop(scores: list[float], job: Job) -> str:
    """Return the reason to skip the rest of the splits, or an empty string."""
    if job.deadline.over:
        return "out of time"
    if len(job.best_scores) < len(scores):
        return ""
    best = np.asarray(job.best_scores)
    behind = best[: len(scores)] - np.asarray(scores)
    spread = float(np.std(behind if len(scores) > 2 else best)) / np.sqrt(len(scores))
    threshold = _HOPELESS if len(scores) == 1 else 2.0
    if behind.mean() > max(threshold * spread, _FLOOR):
        return f"{np.mean(scores):.4g} against the best candidate's {best[: len(scores)].mean():.4g}"
    return ""


def predict_values(model: BaseEstimator, X: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
    """Predict numbers, or probabilities with a column for each of ``classes``.

    Raises
    ------
    ValueError
        If a model of labels gives no probabilities, or a prediction is not finite.
    """
    if classes is None:
        values = np.asarray(model.predict(X), dtype=np.float64)
        if not np.isfinite(values).all():
            raise ValueError(f"{np.sum(~np.isfinite(values))} of {len(values)} predictions are not finite")
        return values
    if not hasattr(model, "predict_proba"):
        last = model[-1] if isinstance(model, Pipeline) else model
        raise ValueError(f"{type(last).__name__} has no predict_proba; wrap it in CalibratedClassifierCV")
    return aligned(np.asarray(model.predict_proba(X), dtype=np.float64), model.classes_, classes)


def aligned(proba: np.ndarray, seen: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Add columns of 0 for the classes that a fold has not seen.

    Raises
    ------
    ValueError
        If a probability is not finite.
    """
    if not np.isfinite(proba).all():
        raise ValueError(f"{np.sum(~np.isfinite(proba).all(axis=1))} of {len(proba)} rows have no finite probabilities")
    if len(seen) == len(classes):
        return proba
    full = np.zeros((len(proba), len(classes)))
    full[:, np.searchsorted(classes, seen)] = proba
    return full
