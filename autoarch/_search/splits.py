"""Plan the rows on which candidates are trained and validated: the only module that asks how the rows hang together.

Whatever it finds (overlapping windows, groups, places), the search is handed pairs of rows, each with a weight and a
word for what it estimates.

A model may be asked for what lies between training rows or for places far from all of them, and one that is best at the
first may fail at the second. So over a map candidates are judged at both, on random rows first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autoarch._core.checks import shown
from autoarch._data.canonical import Canonicaliser
from autoarch._data.coordinates import undeclared_coordinates
from autoarch._data.overlaps import find_windows
from autoarch._data.points import Places
from autoarch._data.records import Windows
from autoarch._data.row_splits import NEW_ROWS, Split, SplitPlan, is_plain, plan_splits
from autoarch._search.scoring import Scorer
from autoarch.exceptions import InputError, ParameterError
from autoarch.geo.autocorrelation import MOST_COLUMNS, SpatialEvidence, spatial_evidence
from autoarch.geo.blocks import Sites
from autoarch.geo.fold_plan import spatial_folds
from autoarch.geo.values import read_values

NEW_PLACES = "new places"
# Of the score on each estimand, in that by which candidates are compared: blocks of a map are few and differ by much
# more than candidates do, so that a larger part for them makes the choice worse on random rows and no better on blocks
# (docs/guide/geo.md).
_WEIGHTS = {NEW_ROWS: 0.8, NEW_PLACES: 0.2}
_FOLDS = 4  # into which rows and blocks of a map are dealt
_ALL_FOLDS_UP_TO = 2_000  # rows; with more, half of the folds are used


@dataclass(frozen=True, eq=False)
class SearchSplits:
    """The splits of a search, and what was found out about the rows on the way.

    Parameters
    ----------
    plan : SplitPlan
        Pairs of rows.
    evidence : tuple of SpatialEvidence
        Spatial autocorrelation of the label and the attributes, where rows have places.
    skipped : tuple of str
        What was not looked at, and why.
    warnings : tuple of str
        What the user should know.
    windows : Windows, None or "auto"
        Overlaps of the rows. "auto": nobody has looked for them.
    """

    plan: SplitPlan
    evidence: tuple[SpatialEvidence, ...] = ()
    skipped: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    windows: Windows | str | None = "auto"


def plan_search(
    X: Any,
    values: np.ndarray,
    y: np.ndarray,
    canonical: Canonicaliser,
    *,
    cv: Any,
    groups: Any,
    task: str,
    seed: int,
) -> SearchSplits:
    """Plan the splits of a search.

    Parameters
    ----------
    X : array-like
        As the user gave it, for splitters that look at it.
    values : ndarray of shape (n, p)
        What ``canonical`` made of it.
    y : ndarray of shape (n,)
        Codes of classes, or numbers.
    canonical : Canonicaliser
        Which cell each column is, and which columns hold places.
    cv, groups
        As for the estimators; either takes precedence over what is found in the rows.
    task : {"classification", "regression"}
        What y is.
    seed : int
        Of all that is drawn.
    """
    undecided = groups is None and is_plain(cv)
    evidence: tuple[SpatialEvidence, ...] = ()
    skipped: tuple[str, ...] = ()
    plan, warnings = None, []
    windows: Windows | str | None = "auto"
    columns = canonical.map_columns_
    if columns is not None:
        places = columns.places(values)
        others = [i for i in range(values.shape[1]) if i not in columns.pair]
        evidence, skipped = _autocorrelation(values, y, canonical, places, others, task, seed)
        if groups is None and isinstance(cv, str) and evidence and evidence[0].autocorrelated:
            plan = spatial_splits(places, y, evidence[0].range, task=task, seed=seed)
    elif hint := undeclared_coordinates(X):
        skipped = (f"the neighbourhood of each row: {hint}",)
        warnings += [f"{hint}."] if undecided else []
    if plan is None:
        windows = find_windows(values, canonical.layout_, seed) if undecided else windows
        groups = windows.groups if isinstance(windows, Windows) else groups
        plan = plan_splits(y, cv=cv, groups=groups, task=task, random_state=seed, X=X)
        if isinstance(windows, Windows):
            plan = replace(plan, description=f"{plan.description}; {windows}")
            warnings.append(
                f"{windows}. Folds keep those of one record on one side, and so should a test set. Pass groups, or a "
                "splitter as cv, if you know better."
            )
    return SearchSplits(plan, evidence, skipped, tuple(warnings), windows)


def _autocorrelation(
    values: np.ndarray, y: np.ndarray, canonical: Canonicaliser, places: Places, others: list[int], task: str, seed: int
) -> tuple[tuple[SpatialEvidence, ...], tuple[str, ...]]:
    """Measure what resembles its neighbours, and name what was not looked at."""
    evidence = spatial_evidence(
        places,
        values[:, others],
        [canonical.feature_names_out_[i] for i in others],
        y,
        labels=task == "classification",
        categorical={position for position, i in enumerate(others) if i in canonical.categorical_},
        seed=seed,
    )
    if len(others) <= MOST_COLUMNS:
        return evidence, ()
    return evidence, (
        f"neighbours on the map, of attributes after the first {MOST_COLUMNS} of {len(others)}: for time",
    )


def spatial_splits(
    places: Places, y: np.ndarray, variogram_range: float | None, *, task: str, seed: int
) -> SplitPlan | None:
    """Plan random folds, and folds of blocks of the map with a strip around them that does not train.

    Parameters
    ----------
    places : Places of length n
        Where the rows are.
    y : ndarray of shape (n,)
        Codes of classes, or numbers.
    variogram_range : float or None
        Range of spatial autocorrelation.
    task : {"classification", "regression"}
        What y is.
    seed : int
        Of the grid, of the deal and of the random folds.

    Returns
    -------
    SplitPlan or None
        None where there are too few places for folds.
    """
    sites = Sites.of(places)
    if len(sites) < _FOLDS:
        return None
    try:
        folds = spatial_folds(
            sites, read_values(y, len(y), labels=task == "classification"), variogram_range, _FOLDS, seed=seed
        )
    except ParameterError:
        return None
    random = plan_splits(y, cv=_FOLDS, task=task, random_state=seed).splits
    n = min(_FOLDS if len(places) <= _ALL_FOLDS_UP_TO else _FOLDS // 2, len(random))
    blocks = [(train, np.flatnonzero(folds.fold == fold)) for fold, train in enumerate(folds.training)]
    unit = " km" if places.geographic else ""
    wide, away = (f"{length:.3g}{unit}" for length in (folds.block_size, np.median(folds.buffers)))
    return SplitPlan(
        (*random[:n], *blocks[:n]),
        f"{n} folds of random rows, and {n} of blocks of the map {wide} wide, {away} away from training rows",
        "mixed",
        (NEW_ROWS,) * n + (NEW_PLACES,) * n,
        (_WEIGHTS[NEW_ROWS] / n,) * n + (_WEIGHTS[NEW_PLACES] / n,) * n,
    )


def folds_to_compare(codes: np.ndarray, cv: Any, groups: Any, task: str, seed: int, X: Any) -> SplitPlan:
    """Plan two folds or more, on each of which a classifier can be trained.

    Raises
    ------
    ParameterError, InputError
        If there is one fold, or one that trains on a single class.
    """
    plan = plan_splits(codes, cv=cv, groups=groups, task=task, random_state=seed, X=X)
    if len(plan) < 2:
        raise ParameterError(f"cv={shown(cv)} gives one split; a standard error needs two or more, such as cv=5.")
    poor = [number for number, (train, _) in enumerate(plan.splits) if len(np.unique(codes[train])) < 2]
    if poor and task == "classification":
        raise InputError(
            f"fold {poor[0]} of {len(plan)} trains on rows of a single class. Pass more rows, other groups, or cv with "
            "folds that leave two classes to train on."
        )
    return plan


def plan_for_score(plan: SplitPlan, scorer: Scorer) -> tuple[SplitPlan, str]:
    """Pool or leave out splits on whose validation rows the score is undefined; say so in a message.

    Such a split is pooled with another one of its estimand: what either leaves out is left out by both. Where too few
    rows would be left to train, it is left out.

    Raises
    ------
    ParameterError
        If the score does not work at all.
    """
    undefined = [place for place, (_, valid) in enumerate(plan.splits) if not scorer.defined_on(valid)]
    if not undefined:
        return plan, ""
    if len(undefined) == len(plan):
        scorer.check(np.concatenate([valid for _, valid in plan.splits]))
    splits, dropped = dict(enumerate(plan.splits)), []
    for place in undefined:
        others = [p for p in splits if p != place and plan.estimands[p] == plan.estimands[place]]
        pooled = next((p for p in others if _can_pool(splits[p], splits[place], scorer)), None)
        own = splits.pop(place)
        if pooled is None:
            dropped.append(place)
        else:
            train, valid = (np.intersect1d(splits[pooled][0], own[0]), np.union1d(splits[pooled][1], own[1]))
            splits[pooled] = (train, valid)
    if not splits:
        scorer.check(plan.splits[0][1])
    kept = sorted(splits)
    total = sum(plan.weights[place] for place in kept)
    message = (
        f"scoring={scorer.name} is undefined on the validation rows of {len(undefined)} of {len(plan)} splits (they "
        f"lack what it needs, such as a second class): {len(undefined) - len(dropped)} were pooled with other splits, "
        f"{len(dropped)} left out"
    )
    pooled_plan = replace(
        plan,
        splits=tuple(splits[place] for place in kept),
        description=f"{plan.description}; {len(kept)} of them used: {message}",
        kind=plan.kind if not dropped else "user",
        estimands=tuple(plan.estimands[place] for place in kept),
        weights=tuple(plan.weights[place] / total for place in kept),
    )
    return pooled_plan, f"{message}. Pass another score, or cv with splits that have what it needs."


def _can_pool(one: Split, other: Split, scorer: Scorer) -> bool:
    """Return whether two splits together have a defined score, and half of the rows are still there to train."""
    train, valid = np.intersect1d(one[0], other[0]), np.union1d(one[1], other[1])
    return len(train) >= len(valid) and scorer.defined_on(valid)


def splits_used(judged: Sequence[int], plan: SplitPlan) -> str:
    """Describe the splits, and how many of them there was time for."""
    if len(judged) == len(plan):
        return plan.description
    return f"{plan.description}; the first {len(judged)} of {len(plan)} were used, which the time allowed"
