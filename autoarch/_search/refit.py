"""Fit the winner on all rows when there is time; else keep the models that the search has fitted already."""

from __future__ import annotations

import inspect
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from autoarch._core.clock import Deadline
from autoarch._core.failures import describe
from autoarch._search.averages import fold_ensemble, voting
from autoarch._search.compare import SET_ASIDE, row_variance
from autoarch._search.evaluate import predict_rows
from autoarch._search.importances import IMPORTANCE_SHARE
from autoarch._search.loop import Reserved, Search
from autoarch._search.scoring import Predictions
from autoarch._search.steps import Candidate
from autoarch._search.whole import (
    MOST_SEEDS,
    averages_seeds,
    fitted_whole,
    in_its_place,
    job_on_all_rows,
    more_seeds,
    seeds_at_once,
)
from autoarch._training.time_limited import share_done, undecided, work_done
from autoarch.families.several_targets import OnTargets

_WORTH_IT = 0.8  # of the time that a refit is expected to take; with less it would be worse than the folds' models
_NEARLY = 0.9  # of the part of its schedule that a net went through on the folds, which a refit must reach
_CHECKED_ROWS, _FEWEST_CHECKED = 1_000, 100  # on which a refit is compared with the folds' models,
_CHECKING_SHARE = 0.05  # in so much of the time
_OF_SEARCH = ("fold_members", "fold_rows", "n_fold_rows", "objectives")  # what models remember of the search
EXTRA_SHARE, _EXTRA_LEEWAY = 0.1, 1.5  # of the budget for easier questions; times the seconds that they should take
_MOMENT = 0.05  # seconds around every refit
_REFIT_SHARE = 0.4  # of the budget at most is kept back for the refit,
_SEEDS_SHARE = 0.35  # for fitting the winner with more than one seed,
_LESS_FOR_SEEDS = 0.1  # where that only takes the place of an average over folds,
_MEMBERS_SHARE = 0.2  # for the members beside it,
_CLOSING_SHARE, _CLOSING_SECONDS = 0.04, 2.5  # and for choosing members and estimating the score


def reserved_seconds(search: Search, size: int) -> Reserved:
    """Seconds to be kept back for fitting on all rows what leads now; nothing where the models of folds will do."""
    return reserved_for(search.scheduler.ranking()[:size], search)


def reserved_for(members: Sequence[Candidate], search: Search) -> Reserved:
    """Seconds to be kept back for fitting these on all rows, the first of them alone or in a mean with the others.

    Nothing is kept back for a refit for which the time is too short already: further folds are a better use of it.
    """
    if search.budget.unlimited:
        return Reserved()
    total, left = search.budget.seconds or 0.0, search.budget.left
    closing = min(_CLOSING_SHARE * total, _CLOSING_SECONDS) + IMPORTANCE_SHARE * total
    closing += kept_for_questions(members[0], search) if members else 0.0
    once = refit_seconds(members[0], search) if members else 0.0
    if not members or once > left - closing:
        return Reserved(closing)
    family, with_seeds = search.family(members[0].family), once
    if averages_seeds(family, search.data):
        share = _SEEDS_SHARE if family.averages_seeds else _LESS_FOR_SEEDS
        with_seeds = max(once, min(MOST_SEEDS * once, share * total))
    others = sum(refit_seconds(candidate, search) for candidate in members[1:])
    seconds = min(max(with_seeds, _REFIT_SHARE * total), with_seeds + min(others, _MEMBERS_SHARE * total))
    return Reserved(closing, seconds, with_seeds - once)


def extra_seconds(candidate: Candidate, search: Search) -> float:
    """Expect the seconds in which the candidate answers the easier questions of the plan, one split each."""
    each = _EXTRA_LEEWAY * candidate.mean_idle_seconds("seconds") / search.scheduler.costs.pace + _MOMENT
    return len(search.data.plan.extra) * each


def kept_for_questions(candidate: Candidate, search: Search) -> float:
    """Seconds to be kept back for these questions: none where they would take so long that they are not asked."""
    seconds = extra_seconds(candidate, search)
    return seconds if seconds <= EXTRA_SHARE * (search.budget.seconds or np.inf) else 0.0


def n_fold_models(candidate: Candidate, search: Search) -> int:
    """Number of models that have seen all rows between them, where their mean is as good as a fit on all; else 0."""
    n_folds = search.data.n_folds
    if not n_folds or not search.family(candidate.family).averages_folds:
        return 0
    n_kept = search.models.count(candidate, range(n_folds))
    return n_kept if n_kept == n_folds <= averages_allowed(candidate, search) else 0


def fold_models(candidate: Candidate, search: Search) -> list[Pipeline]:
    """Return these models; none where one that was stored cannot be read any more."""
    n_folds = n_fold_models(candidate, search)
    models = search.models.of(candidate, range(n_folds))
    return models if len(models) == n_folds else []


def averages_allowed(candidate: Candidate, search: Search) -> int:
    """Return how many models may be averaged for predictions to be as quick as the user wants them."""
    if search.max_predict_seconds is None:
        return len(search.data.y)
    return max(1, int(search.max_predict_seconds / max(search.predict_seconds(candidate), 1e-9)))


def final_predict_seconds(candidate: Candidate, search: Search) -> float:
    """Expect the seconds in which the candidate predicts 1,000 rows once it is fitted for good."""
    return max(search.predict_seconds(candidate), 1e-6) * max(1, n_fold_models(candidate, search))


def refit_seconds(candidate: Candidate, search: Search) -> float:
    """Expect the seconds of a fit on all rows, from those of the fits on the splits, at the pace of this moment."""
    if n_fold_models(candidate, search) or not candidate.steps:
        return _MOMENT
    rows = np.mean([len(search.data.splits[split][0]) for split in candidate.splits])
    return (
        1.2
        * candidate.mean_idle_seconds("fit_seconds")
        / search.scheduler.costs.pace
        * len(search.data.y)
        / float(rows)
        + _MOMENT
    )


def refit(candidate: Candidate, search: Search, left: float, *, alone: bool) -> tuple[Pipeline, str]:
    """Fit a candidate on all rows, in the seconds that are left; or keep the models of its folds.

    These are kept where their mean is as good, or where the fit on all rows did less than they did, or is worse than
    they are on rows that it was trained on. One that is ``alone`` is fitted with more seeds where a clock runs, the
    time lasts and its family averages.

    Returns
    -------
    pipeline : Pipeline
        Fitted, on canonical values.
    how : str
        In words, what it was fitted on.
    """
    data, kept = search.data, search.models.of(candidate)
    if fold_models(candidate, search):
        return as_kept(candidate, search)
    expected = refit_seconds(candidate, search)
    if kept and left < _WORTH_IT * expected:
        return as_kept(candidate, search, f" ({left:.1f} s were left, a refit needs {expected:.1f} s)")
    checked, checking = _check_of_refit(candidate, search, left) if kept else (0, 0.0)
    deadline = Deadline(None if np.isinf(left) else max(left - checking, 0.0))
    family = search.family(candidate.family)

    began = time.monotonic()
    try:
        first = fitted_whole(candidate, search, deadline, 0)
    except Exception as error:
        if not kept:
            raise
        return as_kept(candidate, search, f" (the refit broke: {describe(error)})")
    if kept and (why := _falls_short(first, candidate, kept, search, checked)):
        return as_kept(candidate, search, f" ({why})")
    models = [first]
    if alone and not deadline.unlimited and averages_seeds(family, data):
        shortens, most = hasattr(first[-1], "share_done_"), min(MOST_SEEDS, averages_allowed(candidate, search))
        models += more_seeds(
            lambda number, until: fitted_whole(candidate, search, until, number),
            lambda numbers, until: seeds_at_once(candidate, search, until, numbers),
            deadline,
            time.monotonic() - began,
            shortens=shortens,
            most=most,
        )
    rows = rows_in_words(work_done(first[-1])[0] or len(data.y), len(data.y))
    if len(models) == 1:
        return first, rows
    return voting(models, data.scorer.classes, n_targets=data.n_targets), f"{rows}, {len(models)} seeds, averaged"


def rows_in_words(rows: int, n_rows: int) -> str:
    """Say how many of the rows a model has seen."""
    return f"all {n_rows:,} rows" if rows >= n_rows else f"{rows:,} of {n_rows:,} rows"


def _check_of_refit(candidate: Candidate, search: Search, left: float) -> tuple[int, float]:
    """Rows on which a refit is compared with the models of the folds, fewer where that takes long; and the seconds."""
    if np.isinf(left):
        return _CHECKED_ROWS, 0.0
    models = 1 + len(search.models.of(candidate))
    each = models * search.predict_seconds(candidate) / search.scheduler.costs.pace / 1000
    most = _CHECKING_SHARE * left / max(each, 1e-9)
    rows = int(np.clip(most, _FEWEST_CHECKED, _CHECKED_ROWS))
    return rows, rows * each


def _falls_short(
    model: Pipeline, candidate: Candidate, kept: Sequence[Pipeline], search: Search, n_checked: int
) -> str:
    """Return the reason to prefer the models of the folds to the fit on all rows, or an empty string."""
    rows, rounds = work_done(model[-1])
    if rows and rows < candidate.mean_work("rows"):
        return f"the refit saw {rows:,} rows"
    if rounds < candidate.mean_work("rounds") and not candidate.learned:
        return f"the refit did {rounds} rounds"
    if share_done(model[-1]) < _NEARLY * candidate.mean_work("share_done"):
        return f"the refit did {share_done(model[-1]):.0%} of its training"
    data = search.data
    sample = np.sort(np.random.default_rng(search.past.seed).permutation(len(data.y))[:n_checked])
    job = replace(job_on_all_rows(search, candidate, search.budget.deadline()), threads=1)
    try:
        values = in_its_place(search, candidate, predict_rows, job, (model, *kept), sample)
    except Exception as error:
        return f"the predictions of the refit broke: {describe(error)}"
    own, theirs = (
        data.scorer.unit_losses(Predictions(sample, part)) for part in (values[0], np.mean(values[1:], axis=0))
    )
    worse = own - theirs
    if np.nanmean(worse) > SET_ASIDE * np.sqrt(row_variance(worse, 0.0)):
        return "the refit was worse on rows that it was trained on"
    return ""


def as_kept(candidate: Candidate, search: Search, why: str = "") -> tuple[Pipeline, str]:
    """Return what the search has fitted already, in a model and in words: the mean over folds, or one split's model."""
    whole, data = fold_models(candidate, search), search.data
    models = whole or search.models.of(candidate)
    rows = round(candidate.mean_work("rows"))
    if len(models) > 1:
        how = f"{len(models)} folds, averaged ({rows:,} rows each)"
        kept = range(data.n_folds) if whole else search.models.splits_of(candidate)
        folds = [data.splits[split][0] for split in kept]
        return fold_ensemble(models, data.scorer.classes, folds, len(data.y), data.n_targets), f"{how}{why}"
    where = "first split" if min(candidate.splits) == search.scheduler.order[0] else "a split"
    return models[0], f"the {rows:,} rows of the {where}{why}"


def changed_params(pipeline: Pipeline) -> dict[str, Any]:
    """Parameters of each step that differ from its class's defaults, as ``set_params`` of the pipeline takes them."""
    changed: dict[str, Any] = {}
    inner = [(f"{name}__estimator", step.estimator) for name, step in pipeline.steps if undecided(step) is not step]
    inner += [(f"{name}__regressor", step.regressor) for name, step in pipeline.steps if isinstance(step, OnTargets)]
    for name, step in [*pipeline.steps, *inner]:
        defaults = _defaults(type(step))
        for key, value in step.get_params(deep=False).items():
            parts = [(f"{name}__{key}", value)]
            if key == "estimators":  # of a vote, whose members are reached by their own names
                parts = [(f"{name}__{member}", pipeline) for member, pipeline in value]
            for prefix, part in parts:
                if isinstance(part, Pipeline):
                    changed |= {f"{prefix}__{inner}": given for inner, given in changed_params(part).items()}
            if key.startswith("_") or key in _OF_SEARCH or _is_part(value) or _same(value, defaults.get(key)):
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
