"""Turn structure of the rows into splits: the hardest question that is certain decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from autoarch._data.points import Places
from autoarch._data.row_splits import NEW_ROWS, SplitPlan, is_plain, plan_splits
from autoarch._data.time_splits import later_splits, stretch_splits
from autoarch._report.text import listed
from autoarch.exceptions import InputError, ParameterError
from autoarch.geo.blocks import Sites
from autoarch.geo.fold_plan import FoldPlan, spatial_folds
from autoarch.geo.values import read_values
from autoarch.rows import RowReport, joined

NEW_GROUPS, NEW_PLACES = "new groups", "new places"
SAME_PLACES, PLACES_BETWEEN, NEW_REGIONS = "same places", "new places in between", "new regions"  # where places repeat
# Of the score on each estimand, in that by which candidates are compared: blocks of a map are few and differ by much
# more than candidates do, so that a larger part for them makes the choice worse on random rows and no better on blocks
# (docs/guide/geo.md).
_WEIGHTS = 0.8, 0.2
_FOLDS_OF_EXTRA = 5
_FEWEST_PLACES = 100  # of which a block says something about others
_FOLDS = 4  # into which rows and blocks of a map are dealt
_ALL_FOLDS_UP_TO = 2_000  # rows; with more, half of the folds are used
_TOGETHER = ("copies", "windows", "groups")  # questions whose answer keeps rows together
_TO_DECIDE = "To decide otherwise, pass groups, time or a splitter as cv, or rows='independent'."


def is_time(cv: Any) -> bool:
    """Return whether cv asks for splits in time."""
    return isinstance(cv, str) and cv == "time"


def declared_splits(
    y: np.ndarray, time: tuple[str, np.ndarray] | None, *, cv: Any, groups: Any, task: str, seed: int, X: Any
) -> SplitPlan:
    """Plan the splits that the user asks for: by a splitter, a column of time, or groups.

    Raises
    ------
    InputError
        If times do not divide the rows.
    """
    own = not is_time(cv) and not is_plain(cv)
    if time is None or own:
        plan = plan_splits(y, cv=cv, groups=groups, task=task, random_state=seed, X=X)
        if groups is None:
            return plan
        units = pd.factorize(groups)[0]
        if own:
            return replace(plan, units={NEW_ROWS: units})
        return _easier(replace(plan, estimands=(NEW_GROUPS,) * len(plan), units={NEW_GROUPS: units}), y, task, seed)
    name, values = time
    found = later_splits(y, values, task=task, groups=groups, what=name)
    if found is None:
        raise InputError(
            f"{name} has {len(np.unique(values)):,} different values in {len(y):,} rows, which cannot be split into "
            "earlier rows with two classes or more and later ones. Pass another column as time, or cv='auto'."
        )
    return _easier(found, y, task, seed)


def _easier(plan: SplitPlan, y: np.ndarray, task: str, seed: int, name: str = NEW_ROWS) -> SplitPlan:
    """Add a split of random rows, that the winner alone is asked."""
    split = plan_splits(y, cv=_FOLDS_OF_EXTRA, task=task, random_state=seed).splits[0]
    return replace(plan, extra={**plan.extra, name: split})


def splits_of_structure(
    report: RowReport,
    y: np.ndarray,
    spatial: Callable[[np.ndarray | None], SplitPlan | None],
    site: np.ndarray | None = None,
    **common: Any,
) -> tuple[SplitPlan, str]:
    """Plan the splits for what was found in the rows.

    Parameters
    ----------
    report : RowReport
        What was found.
    y : ndarray of shape (n,)
        Codes of classes, or numbers.
    spatial : callable
        Plans folds over the map that keep groups, if there is a map.
    site : ndarray of shape (n,) or None
        Codes of the places of the rows, where these repeat and stay together.
    **common : dict
        ``cv``, ``task``, ``random_state`` and ``X``, as for ``plan_splits``.

    Returns
    -------
    plan : SplitPlan
        Pairs of rows.
    message : str
        What the user should know; empty where rows are independent.
    """
    found = [each for each in report.evidence if each.certain]
    groups = report.groups if report.groups is not None and report.groups.max() > 0 else None
    if report.of("space") in found and (plan := spatial(groups)) is not None:
        return plan, _message(report, *_TOGETHER)
    time, named = report.of("time"), report.of("groups")
    harder = time is not None and (named not in found or named is None or time.effect > named.effect)
    if time is not None and time in found and harder and report.order is not None:
        plan_in_time = later_splits if report.drifts else stretch_splits
        in_time = plan_in_time(y, report.order, task=common["task"], groups=groups, what=time.name)
        if in_time is not None:
            in_time = _easier(in_time, y, common["task"], common["random_state"])
            return in_time, _message(report, "copies", "groups", "time")
    kinds = [each for each in found if each.question in _TOGETHER]
    if site is not None:
        groups = site if groups is None else joined([groups, site])
    plan = plan_splits(y, groups=groups, **common)
    if groups is None:
        return plan, ""
    if site is not None and all(each.question == "copies" for each in kinds):
        told = f"{plan.description}; the rows of a place are one group"
        plan = replace(plan, description=told, estimands=(PLACES_BETWEEN,) * len(plan), units={PLACES_BETWEEN: groups})
        return _easier(plan, y, common["task"], common["random_state"], SAME_PLACES), _message(report, *_TOGETHER)
    estimand = NEW_ROWS if all(each.question == "copies" for each in kinds) else NEW_GROUPS
    told = next((each.sentence.rstrip(".") for each in kinds if each.question == "windows"), "")
    if not told:
        told = listed([f"groups of {each.name}" if each.question == "groups" else each.question for each in kinds])
    plan = replace(
        plan,
        description=f"{plan.description}; {told}",
        estimands=(estimand,) * len(plan),
        units={estimand: groups},
    )
    if named in found:
        plan = _easier(plan, y, common["task"], common["random_state"])
    return plan, _message(report, *_TOGETHER)


def _message(report: RowReport, *questions: str) -> str:
    """Say what was found in the rows, what follows, and how to decide otherwise."""
    told = [each for each in report.evidence if each.certain and each.question in questions]
    return " ".join([*(f"{each.sentence} {each.consequence}" for each in told), _TO_DECIDE]) if told else ""


def spatial_splits(
    places: Places,
    y: np.ndarray,
    variogram_range: float | None,
    *,
    task: str,
    seed: int,
    groups: np.ndarray | None = None,
) -> SplitPlan | None:
    """Plan random folds, and folds of blocks of the map with a strip around them that does not train.

    Rows of one place, and of one group, are never parted by a random fold.

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
    groups : ndarray of shape (n,) or None
        Codes of rows that belong together.

    Returns
    -------
    SplitPlan or None
        None where there are too few places for folds.
    """
    sites = Sites.of(places)
    folds = _blocks_of_map(sites, y, variogram_range, task, seed)
    if folds is None:
        return None
    repeated = len(sites) < len(places)
    groups = sites.site if groups is None and repeated else groups
    random = plan_splits(y, cv=_FOLDS, groups=groups, task=task, random_state=seed).splits
    n = min(_FOLDS if len(places) <= _ALL_FOLDS_UP_TO else _FOLDS // 2, len(random))
    between, away_from_all = (PLACES_BETWEEN, NEW_REGIONS) if repeated else (NEW_ROWS, NEW_PLACES)
    blocks = [(train, np.flatnonzero(folds.fold == fold)) for fold, train in enumerate(folds.training)]
    unit = " km" if places.geographic else ""
    wide, away = (f"{length:.3g}{unit}" for length in (folds.block_size, np.median(folds.buffers)))
    rows = (
        "random rows" if groups is None else "random places, each with all of its rows," if repeated else "whole groups"
    )
    plan = SplitPlan(
        (*random[:n], *blocks[:n]),
        f"{n} folds of {rows} and {n} of blocks of the map {wide} wide, {away} away from training rows",
        "mixed",
        (between,) * n + (away_from_all,) * n,
        (_WEIGHTS[0] / n,) * n + (_WEIGHTS[1] / n,) * n,
        {away_from_all: folds.block} if groups is None else {between: groups, away_from_all: folds.block},
    )
    return _easier(plan, y, task, seed, SAME_PLACES) if repeated else plan


def with_new_places(
    plan: SplitPlan, places: Places, y: np.ndarray, variogram_range: float | None, *, task: str, seed: int
) -> SplitPlan:
    """Ask the winner, too, what it scores on blocks of the map, whose coordinates nobody declared."""
    sites = Sites.of(places)
    folds = _blocks_of_map(sites, y, variogram_range, task, seed) if len(sites) >= _FEWEST_PLACES else None
    if folds is None:
        return plan
    name = NEW_REGIONS if PLACES_BETWEEN in plan.estimands else NEW_PLACES
    split = folds.training[0], np.flatnonzero(folds.fold == 0)
    return replace(plan, extra={**plan.extra, name: split}, units={**plan.units, name: folds.block})


def _blocks_of_map(sites: Sites, y: np.ndarray, variogram_range: float | None, task: str, seed: int) -> FoldPlan | None:
    """Folds of blocks of the map; None where there are too few places."""
    if len(sites) < _FOLDS:
        return None
    target = read_values(y, len(y), labels=task == "classification")
    try:
        return spatial_folds(sites, target, variogram_range, _FOLDS, seed=seed)
    except ParameterError:
        return None
