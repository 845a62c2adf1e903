"""Splits in time: train on earlier rows and judge on later ones, or hold out whole stretches."""

from __future__ import annotations

import numpy as np

from autoarch._data.row_splits import Split, SplitPlan

LATER_ROWS, NEW_STRETCHES = "later rows", "new stretches of time"
_MANY = 2_000  # rows, above which fewer splits do
_MOST_SPLITS, _FEWER_SPLITS = 5, 3
_MOST_UNITS, _LEAST_IN_UNIT = 50, 10  # stretches of time, and rows in one
_FIRST = 0.5  # share of the rows on which the first split trains


def later_splits(
    y: np.ndarray, position: np.ndarray, *, task: str, groups: np.ndarray | None = None, what: str = ""
) -> SplitPlan | None:
    """Plan splits that train on earlier rows and judge on the stretch that follows.

    The first one trains on half of the rows, so that no split is far from what the final model knows. Rows of one time
    stay together.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Codes of classes, or numbers.
    position : ndarray of shape (n,)
        Order in time; equal values are one time.
    task : {"classification", "regression"}
        What y is.
    groups : ndarray of shape (n,) or None
        Codes; rows of a group that is judged do not train, copies for example.
    what : str
        What orders the rows, for the description.

    Returns
    -------
    SplitPlan or None
        None where times are too few, or no split trains on two classes.
    """
    edges = np.linspace(_FIRST, 1.0, 1 + _n_splits(len(y)))
    stretch = _stretches(position, edges)
    splits = [(np.flatnonzero(stretch < i), np.flatnonzero(stretch == i)) for i in range(1, len(edges))]
    kept = _usable(splits, y, task, groups)
    if not kept:
        return None
    description = (
        f"{len(kept)} splits in time, trained on earlier rows and judged on later ones{what and f', by {what}'}"
    )
    units = {LATER_ROWS: _units(position)}
    return SplitPlan(kept, description, "user", (LATER_ROWS,) * len(kept), units=units)


def stretch_splits(
    y: np.ndarray, position: np.ndarray, *, task: str, groups: np.ndarray | None = None, what: str = ""
) -> SplitPlan | None:
    """Plan folds that hold out whole stretches of time, and train on what comes before and after; see ``later_splits``.

    Parameters
    ----------
    y, position, task, groups, what
        As for ``later_splits``.

    Returns
    -------
    SplitPlan or None
        None where times are too few, or no fold trains on two classes.
    """
    n = _n_splits(len(y))
    stretch = _stretches(position, np.linspace(0, 1, 1 + 2 * n)[1:]) % n  # two stretches in each fold
    splits = [(np.flatnonzero(stretch != i), np.flatnonzero(stretch == i)) for i in range(n)]
    kept = _usable(splits, y, task, groups)
    if len(kept) < 2:
        return None
    kind = "kfold" if len(kept) == n and groups is None else "user"
    description = f"{len(kept)} folds of whole stretches of time{what and f', by {what}'}"
    units = {NEW_STRETCHES: _units(position)}
    return SplitPlan(kept, description, kind, (NEW_STRETCHES,) * len(kept), units=units)


def _units(position: np.ndarray) -> np.ndarray:
    """Stretches of time that are taken as independent of each other."""
    return _stretches(position, np.linspace(0, 1, 1 + min(_MOST_UNITS, max(1, len(position) // _LEAST_IN_UNIT)))[1:])


def _n_splits(n: int) -> int:
    return _FEWER_SPLITS if n > _MANY else _MOST_SPLITS


def _stretches(position: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Number of the stretch of each row, whose ends are shares of the rows; rows of one time are not parted."""
    times, code, counts = np.unique(position, return_inverse=True, return_counts=True)
    before = (np.cumsum(counts) - counts / 2) / len(position)  # share of the rows before the middle of each time
    return np.minimum(np.searchsorted(edges, before), len(edges) - 1)[code.reshape(-1)] if len(times) else code


def _usable(splits: list[Split], y: np.ndarray, task: str, groups: np.ndarray | None) -> tuple[Split, ...]:
    """Splits with rows on both sides, and two classes to train on; groups that are judged do not train."""
    kept = []
    for train, valid in splits:
        if groups is not None:
            train = train[~np.isin(groups[train], groups[valid])]
        enough = len(np.unique(y[train])) > 1 if task == "classification" else len(train) > 1
        if enough and len(valid) > 1:
            kept.append((train, valid))
    return tuple(kept)
