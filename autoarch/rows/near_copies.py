"""Are rows copies of others but for small noise: rounded to fewer digits, stored as short floats, or augmented?

Where rows are drawn from a density, pairs within ten times a distance are ten times as many as pairs within it, or
more: a factor of ten for each dimension. Copies with noise are as many within both.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

_NOISE, _WIDER = 5e-3, 10.0  # of a column's spread, up to which values may differ; times this, for comparison
_QUERIES, _MOST_NEAR = 400, 3.0  # rows whose near ones are counted; of these on average, beyond which all are near
_LEAST = 0.02  # share of the rows that have a near copy
_MOST_BY_CHANCE = 0.25  # of near pairs, as a density in one dimension gives them
_MOST_VALUES, _MOST_COLUMNS = 2 * 10**7, 64  # of a matrix; columns that are counted in
_DIMENSIONS = 8  # of projections in which pairs are looked for
_CLIQUE = 0.5  # share of the pairs of joined rows that must be near: a series of small steps is none


def find_near_copies(values: np.ndarray, groups: np.ndarray, seed: int) -> tuple[np.ndarray, float] | None:
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
    if values.size > _MOST_VALUES:
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
    pairs = _pairs(scaled, rng)
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
    """How many rows are near to each of some, and how many within the wider distance."""
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
