"""Say what a person would of the columns of a table before learning from it: those without news, suspected leaks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

_MOST_NAMED = 5  # columns
_FEWEST_ROWS = 30  # on which a column that tells y can be told from chance
_LOOKED_AT = 2_000  # rows, before all of them are
_MOST_VALUES = 20_000_000  # of X that are looked through
_RANKS_AGREE = 1 - 1e-9  # correlation of ranks


def sentences(
    values: np.ndarray,
    y: np.ndarray,
    names: Sequence[str],
    notes: Sequence[str] = (),
    dropped: Sequence[str] = (),
    *,
    classification: bool,
    categorical: Sequence[int] = (),
) -> list[str]:
    """Say of a table: how columns were read (``notes``), which are withheld, which tell too much.

    ``dropped`` are columns that are not among the ``values`` any more; the rest is as for ``suspected_leaks``, but y
    may have several columns.
    """
    idle = [f"{listed(dropped)} say nothing"] if dropped else []
    idle += copies_among(values, names)
    said = [f"Columns of X: {'; '.join(notes)}."] if notes else []
    said += [f"Withheld from the models of tables: columns {'; '.join(idle)}."] if idle else []
    each = [y] if y.ndim == 1 else list(y.T) if values.size * y.shape[1] <= _MOST_VALUES else []
    facts: dict[str, Any] = {"classification": classification, "categorical": categorical}
    leaks = list(dict.fromkeys(name for one in each for name in suspected_leaks(values, one, names, **facts)))
    if leaks:
        said.append(
            f"Each of these columns tells y without any error: {listed(leaks)}. Where they are not known when "
            "predictions are wanted, leave them out: the score would be too good."
        )
    return said


def copies_among(values: np.ndarray, names: Sequence[str]) -> list[str]:
    """Sentences about columns that say nothing new: constant, without a value, equal to an earlier one."""
    with np.errstate(all="ignore"):
        low, high = np.fmin.reduce(values, axis=0), np.fmax.reduce(values, axis=0)
    empty, constant = np.isnan(low), (low == high) & ~np.isnan(values).any(axis=0)
    copies = is_copy(values, low, high) & ~empty & ~constant
    found = ((empty, "no value at all"), (constant, "one value throughout"), (copies, "the values of an earlier one"))
    named = [([names[place] for place in np.flatnonzero(columns).tolist()], what) for columns, what in found]
    return [f"{listed(some)} {'have' if len(some) > 1 else 'has'} {what}" for some, what in named if some]


def is_copy(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return whether each column equals one before it; ``low`` and ``high`` are the least and the greatest of each.

    Only those are read through whose least, greatest, first and last value are those of another one: each once.
    """
    ends = pd.DataFrame(np.stack([low, high, values[0], values[-1]]).T + 0.0)  # -0.0 is 0.0
    alike = np.flatnonzero(ends.duplicated(keep=False))
    for rows in (slice(_LOOKED_AT), slice(None)):
        digests = pd.Series([_digest(values[rows, column]) for column in alike.tolist()], dtype=object)
        copied = alike[digests.duplicated()]
        alike = alike[digests.duplicated(keep=False)]
    copies = np.zeros(values.shape[1], dtype=bool)
    copies[copied] = True
    return copies


def _digest(column: np.ndarray) -> bytes:
    """Digest of the values of a column, the same for all kinds of NaN."""
    column = column + 0.0
    column[np.isnan(column)] = np.nan
    return hashlib.sha1(column.tobytes(), usedforsecurity=False).digest()


def suspected_leaks(
    values: np.ndarray, y: np.ndarray, names: Sequence[str], *, classification: bool, categorical: Sequence[int] = ()
) -> list[str]:
    """Names of columns that tell y without any error: copies of it, and what determines it alone.

    A number tells y where both rise or fall together throughout, or where each class has a range of its own; a code
    where rows that share it, which must be most, share y too.

    Parameters
    ----------
    values : ndarray of shape (n, p)
        Canonical values.
    y : ndarray of shape (n,)
        Codes of classes, or numbers.
    names : sequence of str
        Of the columns.
    classification : bool
        What y is.
    categorical : sequence of int
        Columns that hold codes.
    """
    n = len(y)
    if n < _FEWEST_ROWS or values.size > _MOST_VALUES or len(np.unique(y)) < 2:
        return []
    coded, some = set(categorical), slice(None, None, -(-n // _LOOKED_AT))
    leaks = []
    for column, name in enumerate(names):
        tells = _determines if column in coded else _separates if classification else _rises_with
        given = values[:, column]
        # a number that tells y in all rows tells it in some of them: so most columns need no sorting of all rows
        may_tell = column in coded or _told(tells, given[some], y[some], too_few=True)
        if may_tell and _told(tells, given, y, too_few=False):
            leaks.append(name)
    return leaks


def _told(tells: Callable[[np.ndarray, np.ndarray], bool], given: np.ndarray, y: np.ndarray, *, too_few: bool) -> bool:
    """Return whether a column tells y in the rows where it has a value; ``too_few`` where these are."""
    there = ~np.isnan(given)
    if there.sum() < max(_FEWEST_ROWS, 0.5 * len(y)) or len(np.unique(y[there])) < 2:
        return too_few
    return tells(given[there], y[there])


def listed(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    shown = ", ".join(repr(str(name)) for name in names[:_MOST_NAMED])
    return shown + (f" and {len(names) - _MOST_NAMED:,} others" if len(names) > _MOST_NAMED else "")


def _determines(codes: np.ndarray, y: np.ndarray) -> bool:
    """Return whether rows with the same code have the same y, where most codes come again."""
    order = np.lexsort((y, codes))
    codes, y = codes[order], y[order]
    same = codes[1:] == codes[:-1]
    n_levels = len(codes) - int(same.sum())
    return n_levels > 1 and 2 * n_levels <= len(codes) and bool((y[1:] == y[:-1])[same].all())


def _separates(given: np.ndarray, y: np.ndarray) -> bool:
    """Return whether each class has a range of its own."""
    order = np.argsort(given, kind="stable")
    given, y = given[order], y[order]
    changes = y[1:] != y[:-1]
    return int(changes.sum()) == len(np.unique(y)) - 1 and bool((given[1:] > given[:-1])[changes].all())


def _rises_with(given: np.ndarray, y: np.ndarray) -> bool:
    """Return whether both rise together, or one falls as the other rises."""
    if np.ptp(given) == 0 or np.ptp(y) == 0:
        return False
    return abs(float(np.corrcoef(rankdata(given), rankdata(y))[0, 1])) >= _RANKS_AGREE
