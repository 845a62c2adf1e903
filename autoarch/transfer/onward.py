"""``fine_tune``: a fitted estimator goes on to new rows or new classes, and what came of it.

Imports: numpy, scikit-learn, torch (inside functions), ``autoarch._search``, ``autoarch._training``,
``autoarch.families``.
"""

from __future__ import annotations

import copy
import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from autoarch._checks import check_positive, check_whole, seed_of
from autoarch._data.targets import encode_labels, numeric_target
from autoarch._search.averages import seed_ensemble
from autoarch._search.evaluate import fit_steps
from autoarch._search.quiet import quiet
from autoarch._search.refit import changed_params
from autoarch._training.deadline import Deadline
from autoarch.exceptions import AutoArchWarning, InputError
from autoarch.families.base import Problem
from autoarch.families.gridnets import lengths
from autoarch.families.registry import resolve_families
from autoarch.transfer.outcome import FineTuning

_RATE = 2e-3  # of the head; 5e-3, at which nets are trained from scratch, forgets more
_BODY_RATE = 0.1
_DECAY = 1e-2
_HELD_OUT = 0.2  # of the rows, to judge on
_FEWEST = 10  # rows of which a fifth can be held out
_RIVALS = ("linear", "tree")

Rows = tuple[np.ndarray, np.ndarray]


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
    InputError
        If the winner is no net on grids, or the labels are of another kind than the old ones.

    References
    ----------
    .. [1] Z. Li, D. Hoiem, "Learning without forgetting", ECCV 2016.

    Examples
    --------
    >>> from autoarch import AutoArchClassifier
    >>> from autoarch.datasets import load_digits_grid
    >>> from autoarch.transfer import fine_tune
    >>> X, y = load_digits_grid()
    >>> X, y = X[:400], y[:400]
    >>> settings = {"n_trials": 1, "time_budget": None, "families": "cnn", "cv": 2, "random_state": 0, "verbose": 0}
    >>> old = AutoArchClassifier(**settings).fit(X[y < 8], y[y < 8])
    >>> new = fine_tune(old, X[y >= 8], y[y >= 8], rehearsal=(X[y < 8], y[y < 8]), steps=50)
    >>> new.fine_tuning_.new_classes, len(new.classes_)
    ((8, 9), 10)
    """
    started = time.monotonic()
    if strength:
        check_positive("strength", strength, absent="0 for no distillation")
    if steps is not None:
        check_whole("steps", steps, least=1)
    check_is_fitted(estimator, "best_estimator_")
    models = _models(estimator)
    seed = seed_of(random_state)
    new = _read(estimator, X, y)
    old = None if rehearsal is None else _read(estimator, *rehearsal)
    classes = getattr(estimator, "classes_", None)
    labels = None if classes is None else _united(classes, new[1], old)
    trainer = _Trainer(labels, strength, steps, time_budget, len(models) + 1, seed)
    new_classes = () if classes is None or labels is None else tuple(np.setdiff1d(labels, classes).tolist())
    if classes is not None and old is None and not np.isin(new[1], classes).any():
        warnings.warn(
            "y has new classes only, and no rehearsal rows were passed: the old classes will be forgotten. Pass "
            "rehearsal=(X_old, y_old), some ten rows of each.",
            AutoArchWarning,
            stacklevel=2,
        )
    with quiet():
        scores = _judged(estimator, models[0], trainer, new, old)
        tuned = [trainer.train(model, new, old, trainer.seed + place) for place, model in enumerate(models)]
    going = copy.deepcopy(estimator)
    last = tuned[0] if len(tuned) == 1 else seed_ensemble(tuned, labels, seed)
    going.best_estimator_ = Pipeline([going.best_estimator_.steps[0], *last.steps])
    going.best_params_ = changed_params(going.best_estimator_)
    going.__dict__.pop("_past", None)
    if labels is not None:
        going.classes_ = labels
    if new_classes:
        going.temperature_ = 1.0
    n_old = 0 if old is None else len(old[1])
    going.fine_tuning_ = FineTuning(len(new[1]), n_old, new_classes, **scores, seconds=time.monotonic() - started)
    return going


def _models(estimator: Any) -> list[Pipeline]:
    """Pipelines of scaler and net: the winner, or those that are averaged."""
    steps = estimator.best_estimator_.steps[1:]
    models = list(getattr(steps[-1][1], "models_", None) or [Pipeline(steps)])
    for model in models:
        if len(model.steps) < 2 or not hasattr(model[0], "planes_") or not hasattr(model[-1], "module_"):
            raise InputError(
                f"the winner is {estimator.best_family_!r}, and only nets on grids can be fine-tuned. Fit the "
                "estimator on old and new rows together, or with families='cnn'."
            )
    return models


def _read(estimator: Any, X: Any, y: Any) -> Rows:
    values = estimator.best_estimator_[0].transform(X)
    if not hasattr(estimator, "classes_"):
        return values, numeric_target(y, n_samples=len(values), estimator_name="fine_tune")
    y = np.asarray(y)
    if len(np.unique(y)) > 1:
        codes, labels = encode_labels(y, n_samples=len(values), estimator_name="fine_tune")
        y = labels[codes]
    if len(y) != len(values):
        raise InputError(f"X has {len(values)} rows and y {len(y)}; expected as many.")
    return values, y


def _united(classes: np.ndarray, y: np.ndarray, old: Rows | None) -> np.ndarray:
    if (classes.dtype.kind in "OUS") != (y.dtype.kind in "OUS"):
        raise InputError(f"the old labels are like {classes[0]!r}, the new ones like {y[0]!r}; expected one kind.")
    if old is not None and not np.isin(old[1], classes).all():
        raise InputError(
            "rehearsal holds labels that the estimator does not know; pass rows with new labels as X and y."
        )
    return np.union1d(classes, y)


@dataclass(frozen=True, eq=False)
class _Trainer:
    """How a net goes on."""

    labels: np.ndarray | None
    strength: float
    steps: int | None
    seconds: float | None
    n_trainings: int
    seed: int

    def train(self, model: Pipeline, new: Rows, old: Rows | None, seed: int) -> Pipeline:
        """The pipeline with a net that was trained on old and new rows; the scaler stays."""
        from autoarch._training.transfer.pretrained import Pretrained
        from autoarch._training.transfer.rehearse import (
            KeepingLoss,
            RehearsingClassifier,
            RehearsingRegressor,
            grown_net,
        )

        X, y = _joined(new, old)
        scaler, net = model[0], model[-1]
        batch, _, rounds = lengths(len(X), self.steps)
        places: tuple[int, ...] = ()
        own: dict[str, Any] = {"units": (net.y_mean_, net.y_scale_)} if self.labels is None else {"labels": self.labels}
        if self.labels is not None:
            places = tuple(np.searchsorted(self.labels, net.classes_).tolist())
        kind = RehearsingRegressor if self.labels is None else RehearsingClassifier
        going = kind(
            grown_net,
            module__source=Pretrained(copy.deepcopy(net.module_).cpu().eval(), tuple(net.input_shape_)),
            module__places=places or (0,),
            criterion=KeepingLoss,
            criterion__places=places,
            criterion__strength=self.strength,
            lr=_RATE,
            body_rate=_BODY_RATE,
            max_epochs=rounds,
            batch_size=batch,
            optimizer__weight_decay=_DECAY,
            seed=seed,
            **own,
        )
        deadline = Deadline(None if self.seconds is None else self.seconds / self.n_trainings)
        going.fit(scaler.transform(X), y, _even_weights(y, new, old, self.labels is not None), deadline)
        return Pipeline([("scale", scaler), ("model", going)])


def _joined(new: Rows, old: Rows | None) -> Rows:
    return new if old is None else (np.concatenate([new[0], old[0]]), np.concatenate([new[1], old[1]]))


def _even_weights(y: np.ndarray, new: Rows, old: Rows | None, classification: bool) -> np.ndarray:
    """Each class weighs the same; for numbers, old and new rows do."""
    kinds = y if classification else np.arange(len(y)) < len(new[1])
    _, codes, counts = np.unique(kinds, return_inverse=True, return_counts=True)
    return 1.0 / counts[codes]


def _judged(estimator: Any, model: Pipeline, trainer: _Trainer, new: Rows, old: Rows | None) -> dict[str, Any]:
    """Scores before and after on rows held out of one training, and what quick rivals do there."""
    if len(new[1]) < _FEWEST or (old is not None and len(old[1]) < _FEWEST):
        return {}
    train_new, test_new = _split(new, trainer)
    train_old, test_old = (None, None) if old is None else _split(old, trainer)
    tuned = trainer.train(model, train_new, train_old, trainer.seed)
    scores: dict[str, Any] = {
        "new_before": _score(_good(estimator.best_estimator_[1:], *test_new), test_new[1]),
        "new_after": _score(_good(tuned, *test_new), test_new[1]),
    }
    if test_old is None:
        return scores
    scores["old_before"] = _score(_good(estimator.best_estimator_[1:], *test_old), test_old[1])
    scores["old_after"] = _score(_good(tuned, *test_old), test_old[1])
    scores["rivals"] = _rivals(tuned, trainer, _joined(train_new, train_old), _joined(test_new, test_old))
    return scores


def _split(rows: Rows, trainer: _Trainer) -> tuple[Rows, Rows]:
    X, y = rows
    enough = trainer.labels is not None and np.unique(y, return_counts=True)[1].min() * _HELD_OUT >= 1
    parts = train_test_split(X, y, test_size=_HELD_OUT, random_state=trainer.seed, stratify=y if enough else None)
    return (parts[0], parts[2]), (parts[1], parts[3])


def _good(model: Any, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How good each prediction is: 1 or 0 for labels, the negative squared error for numbers."""
    said = model.predict(X)
    return (said == y).astype(float) if not np.issubdtype(y.dtype, np.floating) else -((said - y) ** 2)


def _score(good: np.ndarray, y: np.ndarray) -> float:
    return float(1 + good.mean() / max(y.var(), 1e-300) if np.issubdtype(y.dtype, np.floating) else good.mean())


def _rivals(tuned: Pipeline, trainer: _Trainer, train: Rows, test: Rows) -> dict[str, tuple[float, float]]:
    """Gains of quick models of other families over the tuned net, with standard errors over the rows."""
    X, y = train
    labels = trainer.labels
    seen = None if labels is None else np.unique(y)
    problem = Problem(
        task="regression" if labels is None else "classification",
        n_samples=len(X),
        n_features=X.shape[1],
        n_classes=0 if seen is None else len(seen),
        smallest_class=0 if seen is None else int(np.unique(y, return_counts=True)[1].min()),
        has_missing=bool(np.isnan(X).any()),
    )
    unit = 1.0 if labels is not None else max(float(test[1].var()), 1e-300)
    own = _good(tuned, *test)
    gains = {}
    for family in resolve_families(_RIVALS):
        rival = fit_steps(family, family.defaults(problem)[0], problem, trainer.seed, X, y, None, Deadline())
        difference = (_good(rival, *test) - own) / unit
        gains[family.name] = (float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(len(difference))))
    return gains
