"""Plan the rows on which candidates are trained and validated: the only module that asks how the rows hang together.

Whatever it finds (overlapping windows, groups, places), the search is handed pairs of rows, each with a weight and a
word for what it estimates.

A model may be asked for what lies between training rows or for places far from all of them, and one that is best at the
first may fail at the second. So over a map candidates are judged at both, on random rows first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from autoarch._core.checks import check_choice, shown
from autoarch._data.canonical import Canonicaliser
from autoarch._data.coordinates import undeclared_coordinates
from autoarch._data.overlaps import find_windows
from autoarch._data.points import Places
from autoarch._data.records import Windows
from autoarch._data.row_splits import NEW_ROWS, Split, SplitPlan, check_groups, is_plain, plan_splits
from autoarch._search.row_folds import (
    PLACES_BETWEEN,
    declared_splits,
    is_time,
    spatial_splits,
    splits_of_structure,
    with_new_places,
)
from autoarch._search.scoring import Scorer
from autoarch.exceptions import InputError, ParameterError
from autoarch.geo.autocorrelation import MOST_COLUMNS, SpatialEvidence, spatial_evidence
from autoarch.geo.blocks import Sites
from autoarch.rows import RowReport, examine, places_of, time_of
from autoarch.rows.order import OWN_ORDER
from autoarch.rows.table import read_columns


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
    rows : RowReport
        How the rows hang together.
    """

    plan: SplitPlan
    evidence: tuple[SpatialEvidence, ...] = ()
    skipped: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    windows: Windows | str | None = "auto"
    rows: RowReport = field(default_factory=lambda: RowReport(0))


def plan_search(
    X: Any,
    values: np.ndarray,
    y: np.ndarray,
    canonical: Canonicaliser,
    *,
    cv: Any,
    groups: Any,
    time: Any = None,
    rows: str = "auto",
    seconds: float | None = None,
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
    cv, groups, time
        As for the estimators; each of them takes precedence over what is found in the rows.
    rows : {"auto", "independent"}
        Whether questions about the rows are asked.
    seconds : float or None
        That questions about the rows may take.
    task : {"classification", "regression"}
        What y is.
    seed : int
        Of all that is drawn.
    """
    check_choice("rows", rows, ("auto", "independent"))
    decided = groups is not None or time is not None or is_time(cv) or not is_plain(cv)
    declared = _declared_time(X, canonical, values, time, cv)
    evidence: tuple[SpatialEvidence, ...] = ()
    skipped: tuple[str, ...] = ()
    places: Places | None = None
    if canonical.map_columns_ is not None:
        places = canonical.map_columns_.places(values)
        evidence, skipped = _autocorrelation(values, y, canonical, places, task, seed)
    elif hint := undeclared_coordinates(X):
        skipped = (f"the neighbourhood of each row: {hint}",)
    warnings = [f"{hint}."] if places is None and skipped and not decided else []
    known = None if groups is None else check_groups(groups, len(values), coded=False)
    if rows == "independent":
        plan = declared_splits(y, declared, cv=cv, groups=known, task=task, seed=seed, X=X)
        return SearchSplits(plan, evidence, skipped, tuple(warnings), rows=RowReport(len(values)))
    windows = find_windows(values, canonical.layout_, seed)
    codes = None if known is None else pd.factorize(known)[0]
    asked: dict[str, Any] = {
        "labels": task == "classification",
        "groups": codes,
        "time": declared,
        "seconds": seconds,
        "seed": seed,
    }
    named = None if places is not None else places_of(X, values, canonical)
    of_label = evidence
    if named is not None:
        of_label = spatial_evidence(named, values[:, :0], [], y, labels=task == "classification", seed=seed)
    report = examine(X, values, canonical, y, windows=windows, evidence=of_label, **asked)
    if decided:
        plan = declared_splits(y, declared, cv=cv, groups=known, task=task, seed=seed, X=X)
        return SearchSplits(plan, evidence, skipped, tuple(warnings), windows, report)

    def over_map(codes: np.ndarray | None) -> SplitPlan | None:
        if places is None or not (isinstance(cv, str) and evidence):
            return None
        return spatial_splits(places, y, evidence[0].range, task=task, seed=seed, groups=codes)

    alike = report.of("space") is not None and "space" in report.found
    site = _repeated(places if places is not None else named if alike else None)
    plan, message = splits_of_structure(report, y, over_map, site, cv=cv, task=task, random_state=seed, X=X)
    if named is not None and alike and plan.estimands[0] in (NEW_ROWS, PLACES_BETWEEN):
        plan = with_new_places(plan, named, y, of_label[0].range, task=task, seed=seed)
    warnings = [message] if message else warnings
    return SearchSplits(plan, evidence, skipped, tuple(warnings), windows, report)


def _repeated(places: Places | None) -> np.ndarray | None:
    """Codes of the places of the rows, where most rows share theirs with others; None where they do not."""
    if places is None:
        return None
    sites = Sites.of(places)
    return sites.site if 1 < len(sites) <= len(places) / 2 else None


def _declared_time(
    X: Any, canonical: Canonicaliser, values: np.ndarray, time: Any, cv: Any
) -> tuple[str, np.ndarray] | None:
    """Name and values of the column that orders the rows; with cv="time", the only date of X or the rows' own order."""
    if time is not None:
        return time_of(X, time)
    if not is_time(cv):
        return None
    dates = [column for column in read_columns(X, values, canonical) if column.kind == "date"]
    if len(dates) == 1:
        return dates[0].name, dates[0].codes
    return OWN_ORDER, np.arange(len(values))


def _autocorrelation(
    values: np.ndarray, y: np.ndarray, canonical: Canonicaliser, places: Places, task: str, seed: int
) -> tuple[tuple[SpatialEvidence, ...], tuple[str, ...]]:
    """Measure what resembles its neighbours, and name what was not looked at."""
    assert canonical.map_columns_ is not None
    others = [i for i in range(values.shape[1]) if i not in canonical.map_columns_.pair]
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
