"""``fine_tune``: train a fitted estimator further on new rows or new classes, and report the result."""

from __future__ import annotations

import copy
import time
from functools import partial
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import check_is_fitted

from autoarch._base import BaseAutoArch
from autoarch._core.checks import check_positive, check_training_length, seed_of
from autoarch._core.clock import Deadline
from autoarch._core.pace import threads_of_training
from autoarch._core.quiet import quiet, warn_user
from autoarch._core.threads import limited
from autoarch._data.target import encode_labels, numeric_target
from autoarch._search.averages import voting
from autoarch._search.refit import changed_params
from autoarch._training.scalers import GridScaler
from autoarch._training.time_limited import averaged_models, undecided
from autoarch.exceptions import InputError, InputTypeError, ParameterError
from autoarch.families.net_settings import lengths
from autoarch.transfer.fine_tune_report import FineTuning, Rows, held_out_scores, joined

_RATE = 2e-3  # of the head; 5e-3, at which nets are trained from scratch, forgets more
_BODY_RATE = 0.1
_DECAY = 1e-2


def fine_tune(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    rehearsal: tuple[Any, Any] | None = None,
    strength: float = 1.0,
    steps: int | None = None,
    time_budget: float | None = None,
    random_state: Any = 0,
) -> Any:
    """Take a fitted estimator whose winner is a net on grids to new rows or new classes, without forgetting.

    Old rows that are passed as ``rehearsal`` are trained along, each class weighing the same. On all rows the outputs
    for the old classes are held near those of the old net (distillation [1]_), and batch norms keep their statistics.
    Without rehearsal, distillation alone holds what was known: that is little protection where y has only new classes.

    Parameters
    ----------
    estimator : AutoArchClassifier or AutoArchRegressor
        Fitted; it is not changed.
    X : array-like of the cells that ``fit`` saw
        New rows.
    y : array-like of shape (n,)
        Their labels or numbers; labels may be new.
    rehearsal : pair of X and y, optional
        Old rows, some ten of each class at least.
    strength : float, default=1.0
        Weight of the distillation.
    steps : int or None, default=None
        Gradient steps. None takes as many as the cnn family for so many rows.
    time_budget : float or None, default=None
        Seconds for all trainings together. With None nothing depends on the clock.
    random_state : int, RandomState instance or None, default=0
        Seed of batches and of what is held out.

    Returns
    -------
    AutoArchClassifier or AutoArchRegressor
        A new one. ``fine_tuning_`` (a :class:`FineTuning`) says what was gained, what was forgotten, and whether a new
        search would pay; leaderboard and scores remain those of the search.

    Raises
    ------
    InputTypeError
        If the estimator is none of autoarch.
    NotFittedError
        If it is not fitted.
    InputError
        If the winner is no net on grids, or the labels are of another kind than the old ones.
    ParameterError
        If a parameter makes no sense.

    References
    ----------
    .. [1] Z. Li, D. Hoiem, "Learning without forgetting", ECCV 2016.

    Examples
    --------
    >>> from autoarch import AutoArchClassifier
    >>> from autoarch.datasets import load_digits_grid
    >>> from autoarch.transfer import fine_tune
    >>> X, y = load_digits_grid()
    >>> X, y = X[:100], y[:100]
    >>> settings = {"n_trials": 1, "time_budget": None, "families": "cnn", "cv": 2, "random_state": 0, "verbose": 0}
    >>> old = AutoArchClassifier(**settings).fit(X[y < 8], y[y < 8])
    >>> new = fine_tune(old, X[y >= 8], y[y >= 8], rehearsal=(X[y < 8], y[y < 8]), steps=20)
    >>> new.fine_tuning_.new_classes, len(new.classes_)
    ((8, 9), 10)
    """
    started = time.monotonic()
    _check(estimator, rehearsal, strength)
    check_training_length(steps, time_budget)
    models, seed = _models(estimator), seed_of(random_state)
    new = _read(estimator, X, y)
    old = None if rehearsal is None else _read(estimator, *rehearsal)
    classes = getattr(estimator, "classes_", None)
    labels = None if classes is None else _united(classes, new[1], old)
    new_classes = () if classes is None or labels is None else tuple(np.setdiff1d(labels, classes).tolist())
    if classes is not None and old is None and not np.isin(new[1], classes).any():
        warn_user(
            "y has new classes only, and no rehearsal rows were passed: the old classes will be forgotten. Pass "
            "rehearsal=(X_old, y_old), some ten rows of each."
        )
    seconds = None if time_budget is None else time_budget / (len(models) + 1)
    train = partial(_trained, labels=labels, steps=steps, seconds=seconds, criterion__strength=strength)
    cells = lengths(len(new[0]))[0] * new[0].shape[1]  # of a batch
    with quiet(), limited(threads_of_training(cells, time_budget)):
        scores = held_out_scores(estimator, partial(train, models[0], seed=seed), new, old, labels, seed)
        tuned = [train(model, new, old, seed=seed + number) for number, model in enumerate(models)]
    going = copy.deepcopy(estimator)
    last = tuned[0] if len(tuned) == 1 else voting(tuned, labels)
    going.best_estimator_ = Pipeline([going.best_estimator_.steps[0], *last.steps])
    going.best_params_ = changed_params(going.best_estimator_)
    for name in ("_past", "decision_threshold_", "left_out_predictions_"):
        going.__dict__.pop(name, None)
    going._left_out = None  # of another model
    if labels is not None:
        going.classes_ = labels
    if new_classes:
        going.temperature_ = 1.0
    n_old = 0 if old is None else len(old[1])
    going.fine_tuning_ = FineTuning(len(new[1]), n_old, new_classes, **scores, seconds=time.monotonic() - started)
    return going


def _check(estimator: Any, rehearsal: Any, strength: float) -> None:
    check_positive("strength", strength, or_zero=True)
    if not isinstance(estimator, BaseAutoArch):
        raise InputTypeError(
            f"estimator is a {type(estimator).__name__}; expected a fitted AutoArchClassifier or AutoArchRegressor. A "
            "torch module or another net goes on by AutoArchClassifier(pretrained=net).fit(X, y)."
        )
    if rehearsal is not None and not (isinstance(rehearsal, (tuple, list)) and len(rehearsal) == 2):
        raise ParameterError(
            f"rehearsal is a {type(rehearsal).__name__}; expected a pair: rehearsal=(X_old, y_old), or None."
        )
    check_is_fitted(estimator, "best_estimator_")


def _models(estimator: Any) -> list[Pipeline]:
    """Pipelines of scaler and net: the winner, or those that are averaged."""
    *steps, (name, last) = estimator.best_estimator_.steps[1:]
    steps.append((name, undecided(last)))
    models = averaged_models(steps[-1][1]) or [Pipeline(steps)]
    for model in models:
        if len(model.steps) < 2 or not isinstance(model[0], GridScaler) or not hasattr(model[-1], "module_"):
            raise InputError(
                f"the winner is {estimator.best_family_!r}, and only nets on grids can be fine-tuned. Fit the "
                "estimator on old and new rows together, or with families='cnn'."
            )
    return models


def _read(estimator: Any, X: Any, y: Any) -> Rows:
    values = estimator.best_estimator_[0].transform(X)
    if not hasattr(estimator, "classes_"):
        return values, numeric_target(y, n_samples=len(values), estimator_name="fine_tune")
    codes, labels = encode_labels(y, n_samples=len(values), estimator_name="fine_tune", fewest=1)
    return values, labels[codes]


def _united(classes: np.ndarray, y: np.ndarray, old: Rows | None) -> np.ndarray:
    if (classes.dtype.kind in "OUS") != (y.dtype.kind in "OUS"):
        raise InputError(f"the old labels are like {classes[0]!r}, the new ones like {y[0]!r}; expected one kind.")
    if old is not None and not np.isin(old[1], classes).all():
        raise InputError(
            "rehearsal holds labels that the estimator does not know; pass rows with new labels as X and y."
        )
    return np.union1d(classes, y)


def _trained(
    model: Pipeline, new: Rows, old: Rows | None, *, labels: Any, steps: int | None, seconds: Any, **settings: Any
) -> Pipeline:
    """The pipeline with a net that was trained on old and new rows; the steps before it stay.

    Each class weighs the same; for numbers, old and new rows do.
    """
    from autoarch._training.pretrained.fine_tuning import DistillingClassifier, DistillingRegressor, extended_net
    from autoarch._training.pretrained.source import Pretrained

    X, y = joined(new, old)
    before, net = model[:-1], model[-1]
    kind: Any = DistillingRegressor if labels is None else DistillingClassifier
    own: dict[str, Any] = {"units": (net.y_mean_, net.y_scale_)} if labels is None else {"classes": labels}
    groups = y if labels is not None else np.arange(len(y)) < len(new[1])
    places = () if labels is None else tuple(np.searchsorted(labels, net.classes_).tolist())
    batch, _, n_epochs = lengths(len(X), steps)
    going = kind(
        extended_net,
        module__source=Pretrained(copy.deepcopy(net.module_).cpu().eval(), tuple(net.input_shape_)),
        module__old_outputs=places or (0,),
        criterion__old_outputs=places,
        lr=_RATE,
        body_rate=_BODY_RATE,
        max_epochs=n_epochs,
        batch_size=batch,
        optimizer__weight_decay=_DECAY,
        **own,
        **settings,
    )
    going.fit(before.transform(X), y, compute_sample_weight("balanced", groups), Deadline(seconds))
    return Pipeline([*before.steps, ("model", going)])
