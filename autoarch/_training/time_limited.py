"""Trainings that end in time: models that grow by rounds, the schedule of a net, and pruning at rungs.

scikit-learn looks at no clock while it fits. Models with ``warm_start`` can be grown in steps instead
(:func:`fit_growing`), each as long as the time left allows at the speed measured so far, so that a deadline is overrun
by one small step at most. Nets stretch their learning rate over the time instead (:class:`Schedule`).
:func:`is_complete` and :func:`share_done` read what a model reports of a fit that was cut.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone

from autoarch._core.clock import Deadline

RUNGS = (0.25, 0.5)  # of a training; later there is little left to save
PROBE_ROWS = 500  # rows of the timed fit that decides how many rows can be afforded
_SMALL = 200_000  # values of X times outputs that any model fits in a moment
_WARM_UP = 0.2  # share of the training in which the learning rate rises
_MEASURABLE = 0.05  # seconds; of shorter fits the overhead says nothing about the growth of the cost


def is_complete(model: Any) -> bool:
    """Return whether the model, not the time, ended its training; True for models without ``complete_``."""
    return getattr(model, "complete_", True)


def share_done(model: Any) -> float:
    """Share of its planned steps that a model was trained for, its ``share_done_``.

    Only models have it whose schedule is stretched over the time, so that even a short training is a whole one.
    """
    return getattr(model, "share_done_", 1.0)


def fit_growing(
    model: BaseEstimator,
    size: str,
    X: np.ndarray,
    y: np.ndarray,
    sample_weight: np.ndarray | None,
    deadline: Deadline,
    *,
    first: int,
    seed: int,
    per_call: bool = False,
) -> BaseEstimator:
    """Fit ``model``, raising its parameter ``size`` from ``first`` to the value it has, while the time lasts.

    The model is left with ``size`` at what was reached, so that its parameters describe it, and with the attribute
    ``complete_``. Where even the first step would take too long on all rows, fewer are used. With ``per_call`` a warm
    start counts ``size`` anew, as solvers count iterations.
    """
    target = getattr(model, size)
    if deadline.unlimited or target <= first:
        return _fitted(model, X, y, sample_weight, complete=True)
    rows_alone = {"early_stopping": False} if "early_stopping" in model.get_params() else {}  # few rows spare none
    timed = clone(model).set_params(**{size: first}, **rows_alone)
    rows = _affordable_rows(timed, X, y, sample_weight, deadline, seed, share=0.3)
    every_row = len(rows) == len(X)
    if not every_row:
        model.set_params(**rows_alone)
        X, y, sample_weight = X[rows], y[rows], None if sample_weight is None else sample_weight[rows]
    was_warm = model.warm_start
    reached, step, done = 0, first, False
    while not done:
        limit = step if per_call else reached + step
        started = time.monotonic()
        _fitted(model.set_params(**{size: limit, "warm_start": True}), X, y, sample_weight, complete=False)
        pace = max((time.monotonic() - started) / step, 1e-6)
        reached += step
        done = reached >= target or int(np.max(getattr(model, "n_iter_", limit))) < limit  # early stopping, convergence
        affordable = int(0.7 * deadline.left / pace)
        if affordable < 1:
            break
        step = min(target - reached, affordable, 4 * reached)
    model.complete_ = done and every_row
    return model.set_params(**{size: reached, "warm_start": was_warm})


def _fitted(model: Any, X: np.ndarray, y: np.ndarray, weight: Any, rows: Any = slice(None), *, complete: bool) -> Any:
    fitted = model.fit(X[rows], y[rows], **({} if weight is None else {"sample_weight": weight[rows]}))
    fitted.complete_ = complete
    return fitted


def fit_affordable_rows(
    model: BaseEstimator, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None, deadline: Deadline, seed: int
) -> BaseEstimator:
    """Fit a model that has no steps, on as many rows as a timed fit on a few says that the deadline allows."""
    rows = _affordable_rows(clone(model), X, y, sample_weight, deadline, seed, share=0.6)
    complete = len(rows) == len(X)
    return _fitted(model, X, y, sample_weight, slice(None) if complete else rows, complete=complete)


def _affordable_rows(
    model: BaseEstimator, X: np.ndarray, y: np.ndarray, sample_weight: Any, deadline: Deadline, seed: int, share: float
) -> np.ndarray:
    """Rows on which ``model`` can be fitted in a share of the time left, estimated by two timed fits on few.

    Raises
    ------
    TimeoutError
        If the time is too short even for the few rows.
    """
    n_outputs = 1 if y.dtype.kind == "f" else len(np.unique(y))
    if deadline.unlimited or len(X) < 2 * PROBE_ROWS or X.size * n_outputs < _SMALL:
        return np.arange(len(X))
    order = class_first_order(y, seed)
    seconds = []
    for n_rows in (PROBE_ROWS // 2, PROBE_ROWS):
        started = time.monotonic()
        _fitted(model, X, y, sample_weight, order[:n_rows], complete=False)
        seconds.append(max(time.monotonic() - started, 1e-3))
        if seconds[-1] > deadline.left:
            raise TimeoutError(f"{n_rows} of {len(X)} rows took {seconds[-1]:.1f} s, {max(0, deadline.left):.1f} left")
    exponent = np.clip(np.log2(seconds[1] / seconds[0]), 1.0, 2.5) if seconds[1] > _MEASURABLE else 1.0
    affordable = PROBE_ROWS * (share * deadline.left / seconds[1]) ** (1 / exponent)
    return np.sort(order[: int(np.clip(affordable, PROBE_ROWS, len(X)))])


def class_first_order(y: np.ndarray, seed: int) -> np.ndarray:
    """A random order of rows that begins with two of each label, so that no class is lost by cutting it."""
    order = np.random.default_rng(seed).permutation(len(y))
    if y.dtype.kind == "f":
        return order
    seen_before = pd.Series(y[order]).groupby(y[order]).cumcount().to_numpy()
    return order[np.argsort(seen_before >= 2, kind="stable")]


def one_cycle(progress: float) -> float:
    """Factor of the learning rate, rising from 0.05 to 1 and falling to 0 along cosines."""
    if progress < _WARM_UP:
        return 0.05 + 0.95 * 0.5 * (1 - math.cos(math.pi * progress / _WARM_UP))
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - _WARM_UP) / (1 - _WARM_UP))))


class Schedule:
    """Progress of a training between its start and the end of its steps or of its time.

    A training that is cut off early is worth little; one whose learning rate has come down is a model. So the
    schedule is stretched over whatever ends first, and a short time gives a short but whole training.
    """

    def __init__(self, n_steps: int, deadline: Deadline):
        self.n_steps, self.step = n_steps, 0
        self._began = time.monotonic()
        self._limit = max(deadline.left, 1e-9)  # infinite without a limit

    @property
    def progress(self) -> float:
        """Progress from 0 to 1 and beyond; a function of the step alone where there is no deadline."""
        return max(self.step / self.n_steps, (time.monotonic() - self._began) / self._limit)

    @property
    def over(self) -> bool:
        """Return whether the training is to stop; one step is always taken."""
        return self.step > 0 and self.progress >= 1


class PrunedError(Exception):
    """A training was ended at a rung; the message says by how much it was behind."""


class SuccessiveHalving:
    """The rungs of one training, asynchronous and by stopping [1]_: a training that goes on keeps its weights.

    No training waits for others to reach a rung, and nothing is trained twice.

    Parameters
    ----------
    thresholds : mapping of float to float
        Scores that must be reached at rungs; rungs without one are only recorded.
    X : ndarray of shape (n, p)
        Rows to score on, as the first step of the pipeline takes them.
    score : callable
        Score of a model, its last step, on transformed rows.

    References
    ----------
    .. [1] L. Li et al., "A system for massively parallel hyperparameter tuning", MLSys 2020.
    """

    def __init__(self, thresholds: Mapping[float, float], X: np.ndarray, score: Callable[[Any, np.ndarray], float]):
        self.thresholds, self.score = thresholds, score
        self.scores: dict[float, float] = {}
        self._values = X

    def enter(self, transformers: Sequence[BaseEstimator]) -> SuccessiveHalving:
        """Take the rows through the fitted steps before the model."""
        for transformer in transformers:
            self._values = transformer.transform(self._values)
        return self

    def due(self, progress: float) -> bool:
        """Tell whether a training that has come so far is at a rung that was not scored."""
        return len(self.scores) < len(RUNGS) and progress >= RUNGS[len(self.scores)]

    def judge(self, model: BaseEstimator) -> None:
        """Score the model at its rung.

        Raises
        ------
        PrunedError
            If it does not reach the threshold.
        """
        rung = RUNGS[len(self.scores)]
        score = self.scores[rung] = self.score(model, self._values)
        if score < self.thresholds.get(rung, -np.inf):
            raise PrunedError(
                f"{score:.4g} after {rung:.0%} of its training, half of its family had {self.thresholds[rung]:.4g}"
            )


def averaged_models(model: Any) -> list[Any]:
    """Return the pipelines of folds or seeds whose mean a model is; empty for any other model."""
    if getattr(model, "weights", ()) is None:  # a vote of different candidates has weights
        return list(model.estimators_)
    return list(getattr(model, "models_", ()))
