"""Does a column, or do several together, name groups of rows (patients, stations, plots) that the others betray?

Rows of one level resemble each other wherever a categorical feature is good. A group is a leak only if the *other*
columns tell which level a row belongs to. So the column is left out, with all that is constant within its levels and
all that names them more finely; among the rest, does the label of the nearest row agree better than that of the
nearest row of another level, and that of a row of the level better than that of another one as near as it? Nearest by
all columns, or by those that betray the level, each by its intraclass correlation. Null: levels permuted over the
rows. Where a group has no column of its own but measurements that are constant within it (longitude, latitude and
height of a station), these are what betrays it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.stats import norm, rankdata

from autoarch._statistics.levels import intraclass, level_means
from autoarch.rows.neighbours import MOST_ROWS, Neighbours
from autoarch.rows.table import Column, RowTable, dense, joint

FEWEST_LEVELS = 10
_LEAST_ROWS_PER_LEVEL = 2.0  # on average
_MOST_TESTED, _MOST_PAIRED = 12, 16
ALPHA = 0.001
LEAST_GAP, LEAST_CORRELATION = 0.05, 0.03
LEAST_EFFECT, _LEAST_Z = 0.05, 3.0
CLEAR_GAP, CLEAR_CORRELATION = 0.008, 0.2  # columns that tell levels apart so well need not gain as much
_QUANTITY_Z = 4.0  # standard deviations by which levels next to each other are more alike than any two
_LINKED = 0.5  # times the different pairs of values that two columns would give by chance
_NESTED = 0.75  # share of the rows of a level, on average, that hold the same name
_TOGETHER = 1.1  # times the levels of one column that pairs of two may have, which change together
_METRICS = 2  # by which rows are near
_BETRAYS_Z = 5.0  # of the F test, from which on a column betrays levels
_MANY_COPIES = 4.0  # rows in a level on average; a class that was over-sampled has fewer
_ROWS_OF_A_COPY = 1.5  # different rows in a level on average, up to which copies are what a group consists of
_READINGS, _SAME_RANGE = 8, 0.25  # other columns that have a range, and how far from it theirs may be, as part of it
_MONOTONE = 0.98  # rank correlation of two columns that say the same


@dataclass(frozen=True, eq=False)
class Group:
    """Levels of a column, or of several together, and what they say about the rows.

    Parameters
    ----------
    name : str
        Columns that name the levels.
    codes : ndarray of shape (n,)
        Level of each row.
    gap : float
        What random folds promise too much, on the scale of accuracy or R2, as far as near rows tell.
    p_value : float
        Of levels that do not matter, adjusted for the number of columns.
    correlation : float
        Median intraclass correlation of the other columns, or of those that tell levels apart if that is more.
    effect, z : float
        How much better labels agree within a level than with other rows as near, and that over its standard error.
    """

    name: str
    codes: np.ndarray
    gap: float
    p_value: float
    correlation: float
    effect: float = 0.0
    z: float = 0.0

    @property
    def certain(self) -> bool:
        """Return whether the levels are groups."""
        enough = self.gap > LEAST_GAP and self.correlation > LEAST_CORRELATION
        clear = self.gap > CLEAR_GAP and self.correlation > CLEAR_CORRELATION
        matters = self.effect > LEAST_EFFECT and self.z > _LEAST_Z
        return self.p_value <= ALPHA and matters and (enough or clear)

    @property
    def n_levels(self) -> int:
        """Number of groups."""
        return int(self.codes.max()) + 1


def find_groups(table: RowTable, rng: np.random.Generator, apart: np.ndarray | None = None) -> list[Group]:
    """Test every column, and every set of columns, that could name groups; the largest gap first.

    Parameters
    ----------
    table : RowTable
        The rows.
    rng : Generator
        Of the rows that are looked at, and of permutations.
    apart : ndarray of shape (n,) or None
        Codes of copies, which are never compared.
    """
    named = _candidates(table)
    tests = [(column.name, column.codes, *_betrayed(column, table)) for column in named]
    tests += _entities(table, named)
    found: list[tuple[str, np.ndarray, float, float, float, tuple[float, float]]] = []
    known: dict[bytes, Neighbours] = {}
    for name, codes, outputs, correlation in tests[: 2 * _MOST_TESTED]:
        features = table.without(outputs)
        weights = _betraying(features, codes)
        correlation = max(correlation, _of_betraying(weights))
        if not features.shape[1] or table.y is None or correlation <= LEAST_CORRELATION:
            found.append((name, codes, 0.0, 0.0, correlation, (0.0, 0.0)))
            continue
        compared = None if apart is None or _are_copies(codes, apart) else apart
        among = _whole_levels(codes, rng)
        best, effect = (-np.inf, 0.0), (0.0, -np.inf)
        for metric in (None, weights) if weights.any() else (None,):
            key = np.sort(outputs).tobytes() + among.tobytes() + (b"" if compared is None else b"apart")
            key += b"" if metric is None else metric.tobytes()
            if key not in known:
                scaled = features if metric is None else features[:, metric > 0] * metric[metric > 0]
                known[key] = Neighbours(scaled, rng, compared, among)
            best = max(best, known[key].gap(table, codes, rng))
            effect = max(effect, known[key].level_effect(table, codes), key=lambda each: each[1])
        found.append((name, codes, *best, correlation, effect))
    order = sorted(found, key=lambda each: -each[3])
    groups, largest = [], 0.0
    for place, (name, codes, gap, z, correlation, effect) in enumerate(order):  # Holm's step-down adjustment
        largest = max(largest, min(1.0, float(norm.sf(z)) * _METRICS * (len(order) - place)))
        groups.append(Group(name, codes, gap, largest, correlation, *effect))
    return sorted(groups, key=lambda group: (not group.certain, -group.gap))


def _whole_levels(codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """All rows or, of many rows, those of some levels, so that each of these is complete."""
    if len(codes) <= MOST_ROWS:
        return np.arange(len(codes))
    sizes = np.bincount(codes)
    order = rng.permutation(len(sizes))
    taken = order[: max(2, int(np.searchsorted(np.cumsum(sizes[order]), MOST_ROWS)))]
    return np.flatnonzero(np.isin(codes, taken))


def _are_copies(codes: np.ndarray, copies: np.ndarray) -> bool:
    """Return whether a level is hardly more than one row and its many copies: then these are what it consists of."""
    n_levels = int(codes.max()) + 1
    return int(copies.max()) + 1 <= _ROWS_OF_A_COPY * n_levels and len(codes) >= _MANY_COPIES * n_levels


def _candidates(table: RowTable) -> list[Column]:
    """Columns whose levels repeat and that are no quantities."""
    found, readings = [], _readings(table)
    for column in table.columns:
        if column.kind not in ("name", "whole") or not _may_be_groups(column.codes):
            continue
        if column.kind == "whole" and (column.name in readings or _is_quantity(column, table)):
            continue
        found.append(column)
    return found[:_MOST_TESTED]


def _readings(table: RowTable) -> set[str]:
    """Names of whole numbers that are readings of one kind, as pixels are: many columns share their range."""
    whole = [column for column in table.columns if column.kind == "whole" and len(column.outputs) == 1]
    if len(whole) <= _READINGS:
        return set()
    cells = table.values[:, [int(column.outputs[0]) for column in whole]]
    low, high = np.nanmin(cells, axis=0), np.nanmax(cells, axis=0)
    apart = np.abs(low[:, None] - low) + np.abs(high[:, None] - high)
    alike = apart <= _SAME_RANGE * np.maximum(high - low, 1)[:, None]
    return {column.name for column, n in zip(whole, alike.sum(axis=1), strict=True) if n > _READINGS}


def _may_be_groups(codes: np.ndarray) -> bool:
    """Return whether there are enough levels of more than one row, and none that holds most rows."""
    sizes = np.bincount(codes)
    evenly = len(codes) ** 2 / float(np.square(sizes, dtype=float).sum())  # levels, if they were of one size
    return evenly >= FEWEST_LEVELS and len(sizes) <= len(codes) / _LEAST_ROWS_PER_LEVEL


def _is_quantity(column: Column, table: RowTable) -> bool:
    """Return whether levels next to each other are more alike than any two, in what the label does not explain."""
    features = table.without(column.outputs)
    if not features.shape[1]:
        return False
    rest = features - level_means(features, table.strata)[table.strata]
    levels = level_means(rest, column.codes)
    sizes = np.bincount(column.codes)
    levels = levels[sizes >= np.median(sizes)]  # means of few rows are noise
    if len(levels) < FEWEST_LEVELS:
        return False
    ranks = rankdata(levels, axis=0) / len(levels)
    ranks -= ranks.mean(axis=0)
    spread = np.maximum(np.square(ranks).sum(axis=0), 1e-12)
    next_to = (ranks[:-1] * ranks[1:]).sum(axis=0) / spread
    z = (next_to + 1 / len(levels)) * np.sqrt(len(levels))  # of lag-one correlations of a random order
    return bool(z.max() > _QUANTITY_Z)


def _betrayed(column: Column, table: RowTable) -> tuple[np.ndarray, float]:
    """Outputs to leave out when a column is tested, and the median intraclass correlation of the others."""
    outputs = [column.outputs]
    for other in table.columns:
        if other is column or not len(other.outputs):
            continue
        finer = other.n_levels <= len(table) / 2 and column.is_constant_in(other.codes)
        if finer or other.is_constant_in(column.codes) or _is_coarser(other, column.codes):
            outputs.append(other.outputs)
    left_out = np.concatenate(outputs)
    correlations = intraclass(table.without(left_out), column.codes)
    return left_out, float(np.median(correlations)) if len(correlations) else 0.0


def _is_coarser(other: Column, codes: np.ndarray) -> bool:
    """Return whether a column of names is a coarser one, as a brand is of models, but for some rows."""
    if other.kind != "name" or other.n_levels > (int(codes.max()) + 1) / 2:
        return False
    counts = np.bincount(joint(codes, other.codes))
    first = np.unique(joint(codes, other.codes), return_index=True)[1]
    most = np.zeros(int(codes.max()) + 1)
    np.maximum.at(most, codes[first], counts)
    return most.sum() > _NESTED * len(codes) and np.bincount(other.codes).max() < _NESTED * len(codes) / 2


def _betraying(features: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Weight of each feature among those that tell levels apart beyond chance; zeros where none does."""
    if not features.shape[1]:
        return np.zeros(0)
    n, k = len(features), int(codes.max()) + 1
    correlations = intraclass(features, codes)
    chance = np.sqrt(2.0 / max(k - 1, 1)) * k / n  # deviation of the correlation where levels do not matter
    return np.sqrt(np.where(correlations > _BETRAYS_Z * chance, np.clip(correlations, 0, 1), 0.0)).astype(np.float32)


def _of_betraying(weights: np.ndarray) -> float:
    """Intraclass correlation of the columns that tell levels apart; of one alone it says little."""
    used = np.sort(np.square(weights[weights > 0]))
    return float(np.median(used)) if len(used) > 1 else 0.0


def _entities(table: RowTable, named: Sequence[Column]) -> list[tuple[str, np.ndarray, np.ndarray, float]]:
    """Groups that measurements constant within them betray: keys, with two constant measurements, or one and a name."""
    n = len(table)
    measured = [c for c in table.columns if c.kind in ("whole", "number") and 5 <= c.n_levels <= n / 2]
    measured = sorted(measured, key=lambda c: (c.kind != "number", -c.n_levels))[:_MOST_PAIRED]
    keys = [(column.name, column.codes, [column]) for column in named if column.kind == "name"]
    keys += [(c.name, c.codes, [c]) for c in measured]
    for one, other in combinations(measured, 2):
        if max(one.n_levels, other.n_levels) > n / 4:
            continue
        both = joint(one.codes, other.codes)
        shuffled = joint(one.codes, np.roll(other.codes, n // 3 + 1))
        if both.max() + 1 < _LINKED * (shuffled.max() + 1):
            keys.append((f"{one.name} and {other.name}", both, [one, other]))
    found: dict[bytes, tuple[str, np.ndarray, np.ndarray, float]] = {}
    for _, codes, members in keys:
        if not _may_be_groups(codes):
            continue
        constant = [c for c in measured if c not in members and c.is_constant_in(codes)]
        constant = _different([c for c in members if c.kind != "name"], constant)
        together = int(codes.max()) + 1 < _TOGETHER * max(c.n_levels for c in members)  # such as x and y of a place
        if len(members) + len(constant) < (3 if len(members) > 1 and not together else 2):
            continue
        known = [*(c for c in members if c.kind != "name"), *constant]
        if not any(c.kind == "number" for c in known) and len(known) < 3:
            continue
        identity = dense(codes).astype(np.int64)
        first = np.unique(identity, return_index=True)[1]
        key = np.argsort(np.argsort(first))[identity].tobytes()  # the same partition under any numbers
        if key not in found:
            named_by = [*members, *constant]
            name = ", ".join(c.name for c in named_by[:4]) + (", ..." if len(named_by) > 4 else "")
            names = np.concatenate([c.outputs for c in members if c.kind == "name"] or [np.zeros(0, dtype=int)])
            found[key] = (name, codes, names, 1.0)
    return sorted(found.values(), key=lambda each: int(each[1].max()))[:_MOST_TESTED]


def _different(kept: Sequence[Column], others: Sequence[Column]) -> list[Column]:
    """Columns that do not repeat an earlier one in another unit."""
    kept, added = list(kept), []
    for column in others:
        if all(abs(np.corrcoef(rankdata(column.codes), rankdata(c.codes))[0, 1]) < _MONOTONE for c in kept):
            kept.append(column)
            added.append(column)
    return added
