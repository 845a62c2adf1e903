"""Trainings that end in time: models that grow by rounds, and the schedule of a net.

scikit-learn looks at no clock while it fits. Models with ``warm_start`` can be grown in steps instead
(:func:`fit_growing`), each as long as the time left allows at the speed measured so far, so that a deadline is overrun
by one small step at most. Nets stretch their learning rate over the time instead (:class:`Schedule`).
:func:`is_complete` and :func:`share_done` read what a model reports of a fit that was cut.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import FixedThresholdClassifier

from autoarch._core.clock import Deadline, TooSlowError
from autoarch._training.labels import LabelThresholds

LEAST_SHARE = 0.25  # of the steps of a net; its schedule compressed further, it is no rival to one that had its time
PROBE_ROWS = 500  # rows of the timed fit that decides how many rows can be afforded
_MORE_ROWS, _TRIAL_SHARE = 3, 0.05  # rows of the next timed fit, times those before, and its share of the time
_SMALL = 200_000  # values of X times outputs that any model fits in a moment
_WARM_UP = 0.2  # share of the training in which the learning rate rises
_MEASURABLE = 0.05  # seconds; of shorter fits the overhead says nothing about the growth of the cost
MAY_HALVE = 2.0  # the pace of a machine while something runs that nothing can stop
_GROWTH, _LEAST_GROWTH = 20, 0.05  # of a model in one slice, times what it has already
_PER_ROUND, _USUAL_ROUNDS = 0.3, 300  # of the first fit's seconds that each further round costs; rounds that are done
_UNTIMED_STEPS, _TIMED_STEPS = 3, 5  # of a net: the first ones are slower than those that follow


def is_complete(model: Any) -> bool:
    """Return whether the model, not the time, ended its training; True for models without ``complete_``."""
    return getattr(model, "complete_", True)


def share_done(model: Any) -> float:
    """Share of its planned steps that a model was trained for, its ``share_done_``.

    Only models have it whose schedule is stretched over the time, so that even a short training is a whole one.
    """
    return getattr(model, "share_done_", 1.0)


def work_done(model: Any) -> tuple[int, int]:
    """Rows that a model was fitted on, and rounds: iterations, trees, epochs or kernels; 0 where that means nothing."""
    return getattr(model, "n_rows_fitted_", 0), getattr(model, "n_rounds_fitted_", 0)


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
    most: Callable[[Any], int] | None = None,
) -> BaseEstimator:
    """Fit ``model``, raising its parameter ``size`` from ``first`` to the value it has, while the time lasts.

    The model is left with ``size`` at what was reached, so that its parameters describe it, and with the attributes
    ``complete_``, ``n_rows_fitted_`` and ``n_rounds_fitted_``. Where even the first step would take too long on all
    rows, fewer are used. With ``per_call`` a warm start counts ``size`` anew, as solvers count iterations, and they
    are done when they have converged, so that their rounds mean nothing. ``most`` tells after the first step how large
    the model may become; what is smaller for that is complete.
    """
    target = getattr(model, size)
    if target <= first or (deadline.unlimited and most is None):
        fitted = _fitted(model, X, y, sample_weight, complete=True)
        fitted.n_rounds_fitted_ = 0 if per_call else _rounds(fitted, target)
        return fitted
    X, y, sample_weight, every_row = with_affordable_rows(model, size, first, X, y, sample_weight, deadline, seed)
    was_warm = model.warm_start
    reached, step, done, timed = 0, first, False, []
    while step:
        limit = step if per_call else reached + step
        started = time.monotonic()
        _fitted(model.set_params(**{size: limit, "warm_start": True}), X, y, sample_weight, complete=False)
        timed.append((step, max(time.monotonic() - started, 1e-6)))
        reached += step
        if most is not None:
            target = min(target, max(reached, most(model)))
        done = reached >= target or int(np.max(getattr(model, "n_iter_", limit))) < limit  # early stopping, convergence
        step = 0 if done else _next_step(timed, reached, target, deadline)
    model.complete_ = done and every_row
    model.n_rounds_fitted_ = 0 if per_call else _rounds(model, reached)
    return model.set_params(**{size: reached, "warm_start": was_warm})


def _rounds(model: Any, limit: int) -> int:
    return int(np.max(getattr(model, "n_iter_", limit)))  # fewer where it stopped early


def _next_step(timed: list[tuple[int, float]], reached: int, target: int, deadline: Deadline) -> int:
    """Size of the next slice, which ends in time even at half the pace; 0 where none is worth its overhead.

    Each call of ``fit`` costs something, boosting bins its columns again, so slices are as few as the time allows.
    """
    (few, seconds_of_few), (many, seconds) = timed[0], timed[-1]
    slope = (seconds - seconds_of_few) / (many - few) if many != few else 0.0
    each = slope if slope > 0 else seconds / many
    overhead = max(0.0, seconds - each * many)
    rest = target - reached
    affordable = rest if deadline.unlimited else int(max(0.0, deadline.left / MAY_HALVE - overhead) / each)
    step = min(rest, affordable, _GROWTH * reached)
    return 0 if step < min(rest, max(1.0, _LEAST_GROWTH * reached)) else step


def with_affordable_rows(
    model: Any,
    size: str,
    first: int,
    X: np.ndarray,
    y: np.ndarray,
    sample_weight: Any,
    deadline: Deadline,
    seed: int,
) -> tuple[np.ndarray, np.ndarray, Any, bool]:
    """Rows on which ``model`` can be fitted with its ``size`` at ``first`` in a part of the time; are they all of them.

    Where they are not, ``model`` is told not to stop early, which would take a part of the few rows.

    Raises
    ------
    TooSlowError
        If the time is too short even for few rows.
    """
    rows_alone = {"early_stopping": False} if "early_stopping" in model.get_params() else {}
    timed = clone(model).set_params(**{size: first}, **rows_alone)
    try:
        rows = affordable_rows(timed, X, y, sample_weight, deadline, seed, share=0.3)
    except TooSlowError as error:
        others = min(getattr(model, size), _USUAL_ROUNDS) / first - 1
        raise TooSlowError(error.needed * (1 + _PER_ROUND * others), error.left) from None
    if len(rows) == X.shape[0]:
        return X, y, sample_weight, True
    model.set_params(**rows_alone)
    return X[rows], y[rows], None if sample_weight is None else sample_weight[rows], False


def _fitted(model: Any, X: np.ndarray, y: np.ndarray, weight: Any, rows: Any = slice(None), *, complete: bool) -> Any:
    fitted = model.fit(X[rows], y[rows], **({} if weight is None else {"sample_weight": weight[rows]}))
    fitted.complete_ = complete
    fitted.n_rows_fitted_ = len(y[rows])
    return fitted


def fit_affordable_rows(
    model: BaseEstimator, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None, deadline: Deadline, seed: int
) -> BaseEstimator:
    """Fit a model that has no steps, on as many rows as a timed fit on a few says that the deadline allows."""
    rows = affordable_rows(clone(model), X, y, sample_weight, deadline, seed, share=0.6)
    complete = len(rows) == X.shape[0]
    return _fitted(model, X, y, sample_weight, slice(None) if complete else rows, complete=complete)


def affordable_rows(
    model: BaseEstimator,
    X: np.ndarray,
    y: np.ndarray,
    sample_weight: Any,
    deadline: Deadline,
    seed: int,
    share: float,
    small: int = _SMALL,
) -> np.ndarray:
    """Rows on which ``model`` can be fitted in a share of the time left, estimated by timed fits on few.

    Nothing is timed where there are fewer than ``small`` values of X times outputs.

    Raises
    ------
    TooSlowError
        If the time is too short even for the few rows.
    """
    if deadline.unlimited or X.shape[0] < 2 * PROBE_ROWS or X.size * n_outputs(y) < small:
        return np.arange(X.shape[0])
    order = class_first_order(y, seed)
    timed: list[tuple[int, float]] = []
    n_rows = PROBE_ROWS // 2
    while True:
        started = time.monotonic()
        _fitted(model, X, y, sample_weight, order[:n_rows], complete=False)
        timed.append((n_rows, max(time.monotonic() - started, 1e-3)))
        if timed[-1][1] > deadline.left:
            raise TooSlowError(timed[-1][1] * X.shape[0] / n_rows, deadline.left)
        if n_rows < PROBE_ROWS:
            n_rows = PROBE_ROWS
            continue
        (fewer, seconds_before), (_, seconds) = timed[-2:]
        exponent = float(np.clip(np.log(seconds / seconds_before) / np.log(n_rows / fewer), 1.0, 2.5))
        exponent = exponent if seconds > _MEASURABLE else 1.0
        affordable = n_rows * (share * deadline.left / seconds) ** (1 / exponent)
        following = _MORE_ROWS * n_rows  # of few rows, much of the time is overhead that does not grow with them
        worth_it = affordable < X.shape[0] and following <= min(affordable, X.shape[0] / 2)
        if not worth_it or seconds * _MORE_ROWS**exponent > _TRIAL_SHARE * deadline.left:
            return np.sort(order[: int(np.clip(affordable, PROBE_ROWS, X.shape[0]))])
        n_rows = following


def n_outputs(y: np.ndarray) -> int:
    """Number of classes of labels, or of several targets; 1 for numbers."""
    if y.ndim == 2:
        return y.shape[1]
    return 1 if y.dtype.kind == "f" else len(np.unique(y))


def largest(affordable: Callable[[int], bool], fewest: int, most: int) -> int:
    """The largest number from ``fewest`` to ``most`` that is affordable, ``fewest`` if none is.

    Examples
    --------
    >>> from autoarch._training.time_limited import largest
    >>> largest(lambda number: number**2 <= 50, 1, 100)
    7
    """
    return fewest + max(0, bisect_left(range(fewest, most + 1), True, key=lambda number: not affordable(number)) - 1)


def class_first_order(y: np.ndarray, seed: int) -> np.ndarray:
    """A random order of rows that begins with two of each label, so that no class is lost by cutting it."""
    order = np.random.default_rng(seed).permutation(len(y))
    if y.dtype.kind == "f":
        return order
    if y.ndim == 2:  # two with each of several labels, and two without
        have = y[order] == 1
        with_it, without = ((rows & (rows.cumsum(axis=0) <= 2)).any(axis=1) for rows in (have, ~have))
        return order[np.argsort(~(with_it | without), kind="stable")]
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

    Parameters
    ----------
    n_steps : int
        Steps that are planned.
    deadline : Deadline
        End of the training.
    least_share : float, default=0.0
        Share of the steps that must be foreseeable once a few are timed; else the training ends at once.
    """

    def __init__(self, n_steps: int, deadline: Deadline, least_share: float = 0.0):
        self.n_steps, self.step = n_steps, 0
        self._began = self._timed_from = time.monotonic()
        self._limit = max(deadline.left, 1e-9)  # infinite without a limit
        self._untimed = 0
        self._least_steps = 0.0 if deadline.unlimited else least_share * n_steps

    @property
    def progress(self) -> float:
        """Progress from 0 to 1 and beyond; a function of the step alone where there is no deadline."""
        return max(self.step / self.n_steps, (time.monotonic() - self._began) / self._limit)

    @property
    def over(self) -> bool:
        """Return whether the training is to stop; one step is always taken."""
        return self.step > 0 and self.progress >= 1

    def advance(self) -> None:
        """Count a step, and look ahead once enough of them were timed.

        Raises
        ------
        TooSlowError
            If too few steps could be done in time.
        """
        self.step += 1
        if self.step >= self._least_steps:
            return
        now = time.monotonic()
        timed, seconds = self.step - self._untimed, now - self._timed_from
        if now - self._began < self._limit:
            if self.step == _UNTIMED_STEPS:
                self._timed_from, self._untimed = now, self.step
            if self._untimed == 0 or timed < _TIMED_STEPS or seconds < _MEASURABLE:
                return
        pace = seconds / timed if timed else now - self._began
        if self.step + (self._began + self._limit - now) / pace < self._least_steps:
            raise TooSlowError(pace * self.n_steps, self._limit)
        self._least_steps = 0.0


def undecided(model: Any) -> Any:
    """Return the model that gives the probabilities which fixed thresholds decide on; any other as it is."""
    return model.estimator_ if isinstance(model, (FixedThresholdClassifier, LabelThresholds)) else model


def averaged_models(model: Any) -> list[Any]:
    """Return the pipelines of folds or seeds whose mean a model is; empty for any other model."""
    model = undecided(model)
    if getattr(model, "weights", ()) is None:  # a vote of different candidates has weights
        return list(model.estimators_)
    return list(getattr(model, "models_", ()))
