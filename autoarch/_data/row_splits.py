"""Split rows into training and validation: a holdout for many rows, folds for few, or the user's own splits."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn import model_selection

from autoarch._core.checks import MOST_WHOLE, did_you_mean, own_errors, shown
from autoarch._core.quiet import global_random_state_kept
from autoarch._data.containers import to_plain
from autoarch.exceptions import InputError, ParameterError

_HOLDOUT_ABOVE = 10_000  # rows; fewer are cheap enough to be used in turn
_THREE_FOLDS_ABOVE = 2_000
_HOLDOUT_SHARE, _LARGEST_SHARE, _LEAST_HOLDOUT, _MOST_HOLDOUT = 0.2, 0.25, 2_000, 10_000
_FEW_GROUPS = 100
_MOST_STRATIFIED_GROUPS = 10_000  # more take seconds to distribute

_MOST_SPLITS = 10_000  # of the user's own; a generator may have no end
NEW_ROWS = "new rows"

Split = tuple[np.ndarray, np.ndarray]
Seed = int | np.random.RandomState


@dataclass(frozen=True, eq=False)
class SplitPlan:
    """Pairs of training and validation rows, each with a weight and a word for what it estimates.

    Parameters
    ----------
    splits : tuple of (train, valid)
        Row numbers, int64. Those of one estimand stand together.
    description : str
        Such as ``"3 folds, stratified: the rarest class has 3 rows"``.
    kind : {"holdout", "kfold", "user", "mixed"}
        One split; folds in which each row validates once; splits of the user's own; splits of several estimands.
    estimands : tuple of str, default=()
        What each split estimates the score on: "new rows", "new places". Empty stands for new rows throughout.
    weights : tuple of float, default=()
        Weight of each split in the score that candidates are compared by. Empty stands for equal weights.
    units : mapping of str to ndarray of shape (n,)
        For each estimand whose rows depend on each other: codes of what is independent (groups, blocks of a map,
        stretches of time).
    extra : mapping of str to (train, valid)
        Easier questions, each with one split that only the winner is asked.
    """

    splits: tuple[Split, ...]
    description: str
    kind: str
    estimands: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    units: Mapping[str, np.ndarray] = field(default_factory=dict)
    extra: Mapping[str, Split] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.splits)
        object.__setattr__(self, "estimands", self.estimands or (NEW_ROWS,) * n)
        object.__setattr__(self, "weights", self.weights or (1 / n,) * n)

    def __len__(self) -> int:
        return len(self.splits)

    @property
    def weight_of(self) -> dict[str, float]:
        """Weight of each estimand."""
        found = dict.fromkeys(self.estimands, 0.0)
        for estimand, weight in zip(self.estimands, self.weights, strict=True):
            found[estimand] += weight
        return found

    @property
    def order(self) -> tuple[int, ...]:
        """Order in which splits are used: the estimands in turn, so that few splits cover them all."""
        return tuple(sorted(range(len(self)), key=lambda n: self.estimands[:n].count(self.estimands[n])))

    @property
    def n_folds(self) -> int:
        """Number of splits, from the first on, that are folds of all rows; 0 where they leave rows out."""
        first = self.estimands.count(self.estimands[0])
        validated = sum(len(valid) for _, valid in self.splits[:first])
        everything = first > 1 and validated == sum(map(len, self.splits[0]))
        return first if self.kind == "kfold" or (self.kind == "mixed" and everything) else 0


def plan_splits(
    y: np.ndarray,
    *,
    cv: Any = "auto",
    groups: Any = None,
    task: str,
    random_state: Seed | None,
    X: Any = None,
) -> SplitPlan:
    """Plan the splits on which candidates are judged.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Codes of classes, or floats.
    cv : "auto", int, None, splitter or iterable, default="auto"
        "auto" takes a holdout above 10,000 rows, 3 folds above 2,000, else 5; a number asks for so many folds; None
        is 5, as in scikit-learn.
    groups : array-like of shape (n,) or None
        Rows of one group stay on one side.
    task : {"classification", "regression"}
        What y is.
    random_state : int, RandomState or None
        Seed; equal ints give equal splits. The global random state is left as it was.
    X : array-like or None
        Handed to splitters that look at it.

    Returns
    -------
    SplitPlan
        At least one split, each with rows on both sides.

    Raises
    ------
    ParameterError
        If ``cv`` is none of the above.
    InputError
        If ``groups`` does not fit, or a splitter refuses the data or gives rows that do not exist.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._data.row_splits import plan_splits
    >>> plan_splits(np.repeat([0, 1], [40, 3]), task="classification", random_state=0).description
    '3 folds, stratified by class: the rarest class has 3 rows'
    """
    n, own = len(y), not is_plain(cv)
    groups = None if groups is None else check_groups(groups, n, coded=not own)
    with global_random_state_kept():
        if own:
            return users_own_splits(cv, y, groups, task, X)
        seed = np.random.RandomState() if random_state is None else random_state
        few = groups is not None and int(groups.max()) < _FEW_GROUPS  # too few to judge on a fifth of them
        if isinstance(cv, str) and n > _HOLDOUT_ABOVE and not few:
            return _holdout(y, groups, task, seed)
        asked = (3 if n > _THREE_FOLDS_ABOVE else 5) if isinstance(cv, str) else 5 if cv is None else int(cv)
        most, reason = _most_folds(y, groups, task)
        if most < 2:
            return _on_training_rows(n, reason)
        splits, manner = _kfold(y, min(asked, most), groups, task, seed)
        return SplitPlan(splits, f"{len(splits)} folds, {manner}" + (f": {reason}" if most < asked else ""), "kfold")


def is_plain(cv: Any) -> bool:
    """Return whether cv is "auto", None or a number of folds, rather than splits of the user's own."""
    whole = isinstance(cv, Integral) and not isinstance(cv, bool) and 2 <= int(cv) <= MOST_WHOLE
    if whole or cv is None or (isinstance(cv, str) and cv == "auto"):
        return True
    if not isinstance(cv, str) and (hasattr(cv, "split") or hasattr(cv, "__iter__")):
        return False
    raise ParameterError(
        f"cv={shown(cv)} was given; expected 'auto', a whole number of at least 2, a splitter such as "
        f"sklearn.model_selection.KFold(), or pairs of training and validation rows.{did_you_mean(cv, ['auto'])}"
    )


def _most_folds(y: np.ndarray, groups: np.ndarray | None, task: str) -> tuple[int, str]:
    """Return the largest number of folds that the data allow, and what limits it."""
    if task == "classification":
        sizes = np.unique(y, return_counts=True)[1]
        if sizes.max() < 2:
            return 1, "every class has a single row"
        least = int(sizes[sizes > 1].min())  # a class with a single row can only train
        rarest = "the rarest class" if sizes.min() > 1 else "the rarest class with more than one row"
        most, reason = least, f"{rarest} has {least} rows"
    else:
        most, reason = len(y) // 2, f"there are only {len(y)} rows"  # R2 needs two rows to judge
    n_groups = most if groups is None else int(groups.max()) + 1
    return (n_groups, f"there are {n_groups} groups") if n_groups < most else (most, reason)


def _kfold(y: np.ndarray, k: int, groups: np.ndarray | None, task: str, seed: Seed) -> tuple[tuple[Split, ...], str]:
    shuffled = {"shuffle": True, "random_state": seed}
    if groups is not None:
        if task == "classification" and groups.max() < _MOST_STRATIFIED_GROUPS:
            splits = _taken(model_selection.StratifiedGroupKFold(k, **shuffled), y, groups)
            if all(len(train) and len(valid) for train, valid in splits):
                return splits, "whole groups, stratified by class"
        return _taken(model_selection.GroupKFold(k, **shuffled), y, groups), "whole groups"
    stratified = model_selection.StratifiedKFold(k, **shuffled)
    if task == "classification":
        return _with_each_class_in_training(_taken(stratified, y), y), "stratified by class"
    strata = _quantile_strata(y, k)
    if strata.any():
        return _taken(stratified, strata), "stratified by quantiles of y"
    return _taken(model_selection.KFold(k, **shuffled), y), "shuffled"


def _holdout(y: np.ndarray, groups: np.ndarray | None, task: str, seed: Seed) -> SplitPlan:
    n = len(y)
    size = int(np.clip(round(_HOLDOUT_SHARE * n), min(_LEAST_HOLDOUT, _LARGEST_SHARE * n), _MOST_HOLDOUT))
    if groups is not None:
        splitter, manner = model_selection.GroupShuffleSplit(1, test_size=size / n, random_state=seed), "whole groups"
        splits = _taken(splitter, y, groups)
    else:
        if task == "classification":
            classes, place, sizes = np.unique(y, return_inverse=True, return_counts=True)
            strata = np.where(sizes[place] < 2, classes[sizes.argmax()], y)  # single rows join the largest class
            manner = "stratified by class"
        else:
            strata, manner = _quantile_strata(y, 2), "stratified by quantiles of y"
        try:
            splits = _taken(model_selection.StratifiedShuffleSplit(1, test_size=size, random_state=seed), strata)
        except ValueError:  # more strata than rows to hold out
            splitter, manner = model_selection.ShuffleSplit(1, test_size=size, random_state=seed), "shuffled"
            splits = _taken(splitter, y)
        if task == "classification":
            splits = _with_each_class_in_training(splits, y)
    if not splits:
        return _on_training_rows(n, "every class has a single row")
    return SplitPlan(splits, f"holdout of {len(splits[0][1])} of {n} rows, {manner}", "holdout")


def users_own_splits(cv: Any, y: np.ndarray, groups: np.ndarray | None, task: str, X: Any) -> SplitPlan:
    """Take the splits of the user's splitter, or those given; an InputError says what is wrong with them."""
    with own_errors(reading="cv"):
        if not hasattr(cv, "split") and len(cv := list(islice(cv, _MOST_SPLITS + 1))) > _MOST_SPLITS:
            raise InputError(f"cv gives more than {_MOST_SPLITS:,} splits. Pass fewer, or a splitter.")
        splitter = model_selection.check_cv(cv, y, classifier=task == "classification")
        pairs = splitter.split(np.zeros((len(y), 1)) if X is None else X, y, groups)
        splits = tuple((_rows(train, len(y)), _rows(valid, len(y))) for train, valid in pairs)
    if not splits or not all(len(train) and len(valid) for train, valid in splits):
        raise InputError(
            f"cv={shown(cv)} gives {len(splits)} splits, and each one needs rows for training and for validation. Pass "
            "other splits, or cv='auto'."
        )
    name = type(cv).__name__ if hasattr(cv, "split") else "splits as given"
    return SplitPlan(splits, f"{len(splits)} splits: {name}", "user")


def _rows(chosen: Any, n: int) -> np.ndarray:
    """Row numbers from row numbers or a mask."""
    rows = np.asarray(chosen)
    if rows.dtype == bool and len(rows) == n:
        return np.flatnonzero(rows)
    if rows.ndim != 1 or (len(rows) and rows.dtype.kind not in "iu"):
        raise InputError(f"cv gives rows as {rows.dtype} of shape {rows.shape}; expected a 1-D array of row numbers.")
    if len(rows) and not -n <= rows.min() <= rows.max() < n:
        raise InputError(f"cv gives rows {rows.min()} to {rows.max()}, but X has {n} rows, numbered from 0.")
    return rows.astype(np.int64) % n


def _taken(splitter: Any, y: np.ndarray, groups: np.ndarray | None = None) -> tuple[Split, ...]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # rare strata: the plan's description speaks of them
        return tuple(splitter.split(np.zeros((len(y), 1)), y, groups))


def _with_each_class_in_training(splits: tuple[Split, ...], y: np.ndarray) -> tuple[Split, ...]:
    """Move rows to the training side whose class is absent there; splits without a judge left are dropped."""
    repaired = []
    for train, valid in splits:
        strange = ~np.isin(y[valid], y[train])
        if strange.any():
            train, valid = np.sort(np.concatenate([train, valid[strange]])), valid[~strange]
        if len(valid):
            repaired.append((train, valid))
    return tuple(repaired)


def _quantile_strata(y: np.ndarray, least: int) -> np.ndarray:
    """Bins of y with about equally many rows, ``least`` or more on average; all 0 where y allows a single one."""
    n_bins = max(1, min(10, len(y) // least))
    return np.searchsorted(np.unique(np.quantile(y, np.linspace(0, 1, n_bins + 1)[1:-1])), y)


def _on_training_rows(n: int, reason: str) -> SplitPlan:
    rows = np.arange(n)
    return SplitPlan(((rows, rows),), f"no rows held out, all train and judge: {reason}", "holdout")


def check_groups(groups: Any, n: int, *, coded: bool) -> np.ndarray:
    """Return groups as an array, or as codes from 0; an InputError says what is wrong with them."""
    with own_errors(reading="groups"):
        values = to_plain(groups)
        values = values if isinstance(values, (pd.Series, pd.Index)) else np.asarray(values)
        if values.ndim != 1:
            raise InputError(f"groups has shape {values.shape}; expected ({n},), one group per row of X.")
        codes, labels = pd.factorize(values)
    if len(codes) != n:
        raise InputError(
            f"Found input variables with inconsistent numbers of samples: {[n, len(codes)]} (X, groups). Pass one "
            "group per row of X."
        )
    if (codes < 0).any():
        raise InputError("Input groups contains NaN: each row needs a group. Give rows on their own a group each.")
    if coded and len(labels) < 2:
        raise InputError(
            f"groups holds a single group, {labels[0]!r}; at least 2 are needed, one to train and one to judge. Pass "
            "more groups, or groups=None."
        )
    return np.asarray(codes if coded else values)
