"""Columns of whole numbers that name things: what one number says of y is not what its neighbours say.

Codes of shops, posts or products often come as numbers. A model of numbers looks for an order in them, and finds
little: each level has an effect of its own. Whether it has is asked of y: how far the mean of a level is from a line
between the means of the two levels around it, beyond what chance does to means of so few rows.

Rows that follow each other and depend on each other make means of stretches differ, too, and so years and days seem to
name things: what is left of y must not hang together from one row of a level to the next.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import kurtosis, rankdata

from autoarch._data.row_splits import Split

FEWEST_LEVELS = 16  # fewer are told apart by a few splits of a tree
_FEWEST_ROWS = 2.0  # of a level, in the mean
_MOST_ROWS, _MOST_COLUMNS, _MOST_CLASSES = 100_000, 500, 10  # that are looked at
_LEAST_SHARE, _LEAST_Z = 0.02, 6.0  # of the variance of y, and standard errors, that effects of single levels have
_MOST_ALIKE, _FEWEST_PAIRS = 0.2, 30  # correlation of rows of one level that follow each other, of so many pairs
_KNOWN = 0.9  # of the rows that validate, whose level must be among those that train
_OF_CHAINS = 1.95  # times the variance of independent terms: levels that follow each other share means


def naming_columns(
    values: np.ndarray, y: np.ndarray, *, classification: bool, categorical: Sequence[int] = ()
) -> tuple[int, ...]:
    """Select the columns of whole numbers whose levels differ as names do.

    Parameters
    ----------
    values : ndarray of shape (n, p)
        Numbers, NaN where missing.
    y : ndarray of shape (n,) or (n, k)
        Codes of labels, or numbers; one column for each of several targets.
    classification : bool
        Whether y holds labels.
    categorical : sequence of int, default=()
        Columns that are known to hold codes.

    Returns
    -------
    tuple of int
        Their numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._data.naming_numbers import naming_columns
    >>> rng = np.random.default_rng(0)
    >>> shops, sizes = rng.integers(100, size=(2, 2000))
    >>> naming_columns(np.c_[shops, sizes], rng.normal(size=100)[shops] + sizes / 30, classification=False)
    (0,)
    """
    columns = [column for column in range(values.shape[1]) if column not in set(categorical)]
    if len(columns) > _MOST_COLUMNS:
        return ()
    rows = np.unique(np.linspace(0, len(values) - 1, min(len(values), _MOST_ROWS)).astype(np.intp))
    wanted = _standardised(y[rows], classification=classification)
    return tuple(column for column in columns if _names(values[rows, column], wanted))


def _standardised(y: np.ndarray, *, classification: bool) -> np.ndarray:
    """Ranks of numbers, which outliers do not move, or indicators of the most frequent labels, at variance 1."""
    if not classification:
        parts = [rankdata(column) for column in np.atleast_2d(y.T)]
    elif y.ndim == 2:
        parts = list(y.T)
    else:
        labels, counts = np.unique(y, return_counts=True)
        parts = [y == label for label in labels[np.argsort(-counts, kind="stable")[:_MOST_CLASSES]]]
    table = np.stack(parts, axis=1).astype(np.float64)
    table -= table.mean(axis=0)
    spread = table.std(axis=0)
    return table[:, spread > 0] / spread[spread > 0]


def _names(column: np.ndarray, wanted: np.ndarray) -> bool:
    """Return whether the values of a column are whole, repeat, and have effects of their own on what is wanted."""
    known = np.isfinite(column)
    head = column[known][:1000]
    if not len(head) or (head != np.round(head)).any() or not wanted.shape[1]:
        return False
    levels, codes, counts = np.unique(column[known], return_inverse=True, return_counts=True)
    if not FEWEST_LEVELS <= len(levels) <= known.sum() / _FEWEST_ROWS or (levels != np.round(levels)).any():
        return False
    return any(_differs(levels, codes, counts, one) for one in wanted[known].T)


def _differs(levels: np.ndarray, codes: np.ndarray, counts: np.ndarray, y: np.ndarray) -> bool:
    """Return whether means of levels are further from their neighbours' line than chance and its slope explain."""
    means = np.bincount(codes, weights=y) / counts
    rest = y - means[codes]
    noise = float(np.square(rest).sum() / max(1, len(y) - len(levels)))
    share = (levels[1:-1] - levels[:-2]) / (levels[2:] - levels[:-2])
    line = (1 - share) * means[:-2] + share * means[2:]
    squares = 1 + (1 - share) ** 2 + share**2  # of weights, of effects that have nothing to do with each other
    chance = noise * (1 / counts[1:-1] + (1 - share) ** 2 / counts[:-2] + share**2 / counts[2:])
    off = np.square(means[1:-1] - line)
    effect = np.average((off - chance) / squares, weights=counts[1:-1])
    if noise <= 0:  # each level tells y exactly
        return bool(effect > _LEAST_SHARE)
    spread = 2 + max(0.0, float(kurtosis(y))) / float(np.median(counts))
    z = (off / chance - 1).sum() / np.sqrt(_OF_CHAINS * spread * len(off))
    return bool(effect > _LEAST_SHARE and z > _LEAST_Z and not _hangs_together(codes, rest))


def _hangs_together(codes: np.ndarray, rest: np.ndarray) -> bool:
    """Return whether what is left of y is alike in rows of one level that follow each other."""
    pairs = np.flatnonzero(codes[1:] == codes[:-1])
    if len(pairs) < _FEWEST_PAIRS:
        return False
    return float(np.mean(rest[pairs] * rest[pairs + 1])) > _MOST_ALIKE * float(np.mean(rest**2))


def known_elsewhere(values: np.ndarray, columns: Sequence[int], splits: Sequence[Split]) -> tuple[int, ...]:
    """Select the columns whose values are known from the training rows of each split, or nearly all of them.

    Where whole groups are held out, what names them says nothing of others.
    """
    found = []
    for column in columns:
        parts = ((values[train, column], values[valid, column]) for train, valid in splits)
        if all(np.isin(asked, known).mean() >= _KNOWN for known, asked in parts):
            found.append(column)
    return tuple(found)
