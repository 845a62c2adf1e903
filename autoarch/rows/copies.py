"""Are rows copies of others, beyond the equal rows that a table of few distinct values holds by chance?

How many equal pairs chance gives follows from pairs that are almost equal: where columns agree by chance, pairs that
differ in one or two of them are far more frequent. With N0, N1, N2 pairs that differ in none, one and two columns,
independent columns give N0 of about N1 ** 2 / (2 N2), whatever their frequencies, and mixtures of such tables more. A
row of few distinct values that is very frequent (nothing bought, all answers "no") is a value of the table, not a
copy. Columns that number the rows are left out.

Rows may be copies but for small noise: rounded to fewer digits, stored as short floats, or augmented. Where rows are
drawn from a density, pairs within ten times a distance are ten times as many as pairs within it, or more: a factor of
ten for each dimension. Copies with noise are as many within both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree
from scipy.stats import poisson
from sklearn.utils import gen_batches

from autoarch._data.records import first_of_equal, hashes_of

_STEP = 1e-5  # in units of a column's spread, into which values are rounded: coarser than the noise of float32
_QUERIES, _MOST_COLUMNS = 400, 64
_CELLS = 20_000_000
_BLOCK = 2**20  # values that are rounded at a time
_FEW_VALUES, _COMMON, _LEAST_COMMON = 20, 0.02, 20  # values of a column; share and number of rows that are one value
_MIXED = 2.0  # times as many equal pairs as independent columns give, in tables of few distinct values
_NOISE, _WIDER = 5e-3, 10.0  # of a column's spread, up to which values may differ; times this, for comparison
_MOST_NEAR = 3.0  # rows near to a row, on average, beyond which all are near
_LEAST = 0.02  # share of the rows that have a near copy
_MOST_BY_CHANCE = 0.25  # of near pairs, as a density in one dimension gives them
_DIMENSIONS = 8  # of projections in which pairs are looked for
_CLIQUE = 0.5  # share of the pairs of joined rows that must be near: a series of small steps is none


@dataclass(frozen=True, eq=False)
class Copies:
    """Equal rows of a table.

    Parameters
    ----------
    groups : ndarray of shape (n,)
        Codes; equal rows share one.
    share : float
        Of the rows, those that repeat an earlier one.
    by_chance : float
        Of these, the share that columns which agree by chance would give as well.
    p_value : float
        Of so many equal pairs where columns agree by chance.
    near : float
        Share of the rows that repeat an earlier one but for small noise.
    """

    groups: np.ndarray
    share: float
    by_chance: float
    p_value: float
    near: float = 0.0

    @property
    def excess(self) -> float:
        """Share of the rows that are copies beyond chance."""
        return self.share * (1.0 - self.by_chance)

    @property
    def n(self) -> int:
        """Rows that repeat an earlier one."""
        return round(self.share * len(self.groups))


def find_copies(values: np.ndarray, seed: int, numbering: np.ndarray | None = None) -> Copies | None:
    """Find rows that are equal up to the noise of numbers; None where no two are.

    Parameters
    ----------
    values : ndarray of shape (n, p)
        Canonical matrix.
    seed : int
        Of the rows whose near copies are counted.
    numbering : ndarray of int or None
        Columns that only number or name the rows.
    """
    if numbering is not None and 0 < len(numbering) < values.shape[1]:
        values = np.delete(values, numbering, axis=1)
    n = len(values)
    scale = _scale_of(values)
    groups = _equal_rows(values, scale, 0.0)
    if not (values[:100] == np.round(values[:100])).all():  # whole numbers have no noise
        again = _equal_rows(values, scale, 0.5)
        sides = int(groups.max()) + 1, int(again.max()) + 1
        ends = groups.astype(np.int32), (again + sides[0]).astype(np.int32)
        both = csr_array((np.ones(n), ends), shape=(sum(sides),) * 2)
        groups = connected_components(both, directed=False)[1][groups]
    groups = np.unique(groups, return_inverse=True)[1]
    n_equal = n - int(groups.max()) - 1
    near = _near_copies(values, groups, seed)
    if near is not None:  # with numbers that differ by so little, equal rows are none by chance
        n_copies = n - int(near[0].max()) - 1
        return Copies(near[0], n_copies / n, near[1], 0.0, (n_copies - n_equal) / n)
    return Copies(groups, n_equal / n, *_by_chance(_rounded(values, scale, 0.0), groups, seed)) if n_equal else None


def _equal_rows(values: np.ndarray, scale: tuple[np.ndarray, np.ndarray], shift: float) -> np.ndarray:
    """Codes of the rows that are equal when rounded; a large table is never copied as a whole."""
    hashes = [hashes_of(_rounded(values[rows], scale, shift)) for rows in _blocks(values)]
    return first_of_equal(np.concatenate(hashes))[1]


def _blocks(values: np.ndarray) -> list[slice]:
    return list(gen_batches(len(values), max(1, _BLOCK // max(1, values.shape[1]))))


def _scale_of(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least value and standard deviation of each column; 1 where it has one value."""
    n, total, squares = (np.zeros(values.shape[1]) for _ in range(3))
    for rows in _blocks(values):
        known = ~np.isnan(values[rows])
        n += known.sum(axis=0)
        total += np.where(known, values[rows], 0.0).sum(axis=0, dtype=np.float64)
    mean = total / np.maximum(n, 1)
    for rows in _blocks(values):
        squares += np.square(np.nan_to_num(values[rows] - mean, nan=0.0)).sum(axis=0)
    spread = np.sqrt(squares / np.maximum(n, 1))
    spread[spread == 0] = 1.0
    return np.nan_to_num(np.fmin.reduce(values, axis=0)), spread


def _rounded(values: np.ndarray, scale: tuple[np.ndarray, np.ndarray], shift: float) -> np.ndarray:
    least, spread = scale
    return np.nan_to_num(np.floor((values - least) / (_STEP * spread) + shift + 0.25), nan=-1.0)


def _by_chance(rounded: np.ndarray, groups: np.ndarray, seed: int) -> tuple[float, float]:
    """Of the equal pairs of rows, the share that columns which agree by chance would give; and the p-value of more."""
    rng = np.random.default_rng(seed)
    columns = rng.permutation(rounded.shape[1])[:_MOST_COLUMNS]
    columns = columns[(rounded[:, columns] != rounded[0, columns]).any(axis=0)]
    sizes = np.bincount(groups)
    few = max((len(np.unique(rounded[:, column])) for column in columns), default=0) <= _FEW_VALUES
    usual = sizes > max(_COMMON * len(groups), _LEAST_COMMON) if few else np.zeros(len(sizes), dtype=bool)
    again = np.maximum(sizes - 1, 0)
    by_default = float(again[usual].sum() / max(1, again.sum()))
    repeats, alone = (np.flatnonzero(part[groups] & ~usual[groups]) for part in (sizes > 1, sizes == 1))
    if not len(repeats):
        return by_default, 1.0
    expected = [_expected(rounded[:, columns], part, rng) * len(part) for part in (repeats, alone) if len(part)]
    equal, by_chance = float(again[groups[repeats]].sum()), float(sum(expected))
    p_value = float(poisson.sf(equal / 2 - 1, by_chance / 2)) if by_chance else 0.0
    return by_default + (1 - by_default) * min(1.0, by_chance / equal), p_value


def _expected(rounded: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> float:
    """Rows equal to one of some rows where columns agree by chance, on average over these rows."""
    most = max(1, _CELLS // 2 // max(1, rounded.shape[1]) // len(rounded))
    queries = np.sort(rng.permutation(rows)[: min(_QUERIES // 2, most)])
    apart = np.zeros((len(queries), len(rounded)), dtype=np.int16)
    for column in rounded.T:
        apart += column[queries][:, None] != column
    one, two = (float((apart == d).sum()) for d in (1, 2))
    return _MIXED * one**2 / max(2 * two, 1.0) / len(queries)


def _near_copies(values: np.ndarray, groups: np.ndarray, seed: int) -> tuple[np.ndarray, float] | None:
    """Join groups of equal rows that are equal but for small noise; None where there are none.

    Parameters
    ----------
    values : ndarray of shape (n, p)
        Canonical matrix.
    groups : ndarray of shape (n,)
        Codes of rows that are equal.
    seed : int
        Of the rows that are looked at, and of projections.

    Returns
    -------
    groups : ndarray of shape (n,)
        Codes of rows that are equal or nearly so.
    by_chance : float
        Of the near pairs, the share that a density gives as well.
    """
    if values.size > _CELLS // 4:  # a few such matrices are held at a time
        return None
    scaled = _scaled(values[np.unique(groups, return_index=True)[1]])
    if scaled is None:
        return None
    rng = np.random.default_rng(seed)
    some = scaled[:, rng.permutation(scaled.shape[1])[:_MOST_COLUMNS]]
    near, wider = _counted(some, rng.permutation(len(some))[:_QUERIES])
    by_chance = float(wider.mean()) / _WIDER / max(float(near.mean()), 1e-12)
    if (near > 0).mean() < _LEAST or near.mean() > _MOST_NEAR or by_chance > _MOST_BY_CHANCE:
        return None
    pairs = _pairs(scaled, rng).astype(np.int32)  # scipy's graphs take no wider places
    graph = csr_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(scaled),) * 2)
    joined = connected_components(graph, directed=False)[1]
    sizes = np.bincount(joined)
    if len(pairs) < _CLIQUE * float((sizes * (sizes - 1) / 2).sum()):
        return None
    return np.unique(joined[groups], return_inverse=True)[1], by_chance


def _scaled(values: np.ndarray) -> np.ndarray | None:
    """Columns in units of what noise may change: rows are near where none differs by more than 1; None without noise.

    Whole numbers and codes have no noise. Missing values are near to missing ones alone.
    """
    known = ~np.isnan(values)
    n = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0.0).sum(axis=0, dtype=np.float64) / n
    spread = np.sqrt(np.square(np.where(known, values - mean, 0.0)).sum(axis=0, dtype=np.float64) / n)
    varies = (spread > 0) | (n < len(values))
    values, known, mean, spread = values[:, varies], known[:, varies], mean[varies], spread[varies]
    whole = (~known | (values == np.round(values))).all(axis=0)
    if whole.all():
        return None
    unit = np.where(whole, np.minimum(_NOISE * spread, 0.5 / _WIDER), _NOISE * spread)  # the next number is far away
    scaled = (values - mean) / np.where(unit > 0, unit, 1.0)
    beyond = np.where(known, np.abs(scaled), 0.0).max(axis=0) + 2 * _WIDER
    return np.where(known, scaled, beyond)


def _counted(scaled: np.ndarray, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count the rows that are near to each of some, and those within the wider distance."""
    near, wider = np.zeros(len(queries)), np.zeros(len(queries))
    for place, query in enumerate(queries):
        rows = np.arange(len(scaled))
        furthest = np.zeros(len(scaled))
        for column in range(scaled.shape[1]):
            apart = np.abs(scaled[rows, column] - scaled[query, column])
            kept = apart <= _WIDER
            rows, furthest = rows[kept], np.maximum(furthest[kept], apart[kept])
            if len(rows) == 1:
                break
        near[place], wider[place] = (furthest <= 1).sum() - 1, len(rows) - 1
    return near, wider


def _pairs(scaled: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pairs of rows that are near, found among those that are so in a few projections."""
    p, reach, seen = scaled.shape[1], 1.0, scaled
    if p > _DIMENSIONS:
        seen = scaled @ (rng.normal(size=(p, _DIMENSIONS)) / np.sqrt(p))
        reach = 4.0  # deviations of what near rows differ by at most
    found = KDTree(seen).query_pairs(reach, p=np.inf, output_type="ndarray")
    near = np.ones(len(found), dtype=bool)
    for column in scaled.T:
        near &= np.abs(column[found[:, 0]] - column[found[:, 1]]) <= 1
    return found[near]
