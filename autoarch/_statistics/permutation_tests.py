"""Permutation tests: null distributions of the neighbour statistics when the order of cells or lines carries nothing.

``line_p`` permutes whole columns (or, on the transposed grid, whole rows): "does this axis carry an order". It alone
decides on an order. ``compare_orders`` permutes single cells (one permutation for all samples): "does a cell share more
with some cells than with others". That rejects as soon as the cells of a line share an effect, whatever the order of
the lines. All statistics of one test see the same permutations and are combined by the largest studentised value
(max-T), so a test has its nominal size whatever their correlation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import permutations
from math import factorial

import numpy as np

from autoarch._statistics.correlations import MAX_LAG, CellCorrelations, mean_off_diagonal

N_CELL_PERMUTATIONS = 299  # with the given order 300, so that .01 is a whole number of them
N_LINE_PERMUTATIONS = 1_999  # two axes at .0025 each
N_FIRST_PERMUTATIONS = 199  # where these leave a p-value above CLEARLY_ABOVE, the rest can change nothing
CLEARLY_ABOVE = 0.1
FEWEST_ORDERED = 6  # a shorter side has at most 60 orders, and no p-value below 1/60
PAIRS_PER_LAG = 200  # look-ups per displacement other than the direct neighbours
PAIRS_PER_LINE = 1_000  # look-ups of cells that share a row, and of cells that share a column

Pairs = dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]  # cells and their neighbours at each displacement


def n_orders(side: int) -> int:
    """Different orders of ``side`` lines, a reversed order being the same.

    Examples
    --------
    >>> from autoarch._statistics.permutation_tests import n_orders
    >>> [n_orders(side) for side in (1, 2, 5, 6)]
    [1, 1, 60, 360]
    """
    return max(1, factorial(side) // 2)


@dataclass(frozen=True)
class CellTest:
    """Comparison of the cells as they stand with permuted cells.

    Parameters
    ----------
    neighbours, expected : float
        Mean size of the correlation between rook neighbours, and between any two cells.
    diagonals : float
        P-value of "cells along a diagonal correlate like any two".
    structure : float
        P-value of "correlation does not depend on the displacement".
    together : mapping of str to (float, float)
        For ``"rows"`` and ``"columns"``: mean size of the correlation between cells of one such line, and the
        Holm-adjusted p-value of "it is that of any two cells".
    """

    neighbours: float = 0.0
    expected: float = 0.0
    diagonals: float = 1.0
    structure: float = 1.0
    together: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def every_order(side: int) -> np.ndarray:
    """All orders of ``side`` lines, one of each pair that mirror each other; the given order comes first.

    Examples
    --------
    >>> from autoarch._statistics.permutation_tests import every_order
    >>> every_order(3).tolist()
    [[0, 1, 2], [0, 2, 1], [1, 0, 2]]
    """
    return np.array([order for order in permutations(range(side)) if order[0] <= order[-1]])


def compare_orders(correlations: CellCorrelations, rng: np.random.Generator) -> CellTest:
    """Compare cells as they stand with permuted ones; p-values are 1 where fewer than 4 vary or no two are near."""
    pairs = _near_pairs(correlations, rng)
    if len(correlations) < 4 or not pairs:
        return CellTest(expected=mean_off_diagonal(correlations.unsigned))
    means, counts = _shuffled_means(correlations, pairs, rng)
    down, across = np.abs(np.array(list(pairs))).T
    rook = down + across == 1
    statistics = _lag_statistics(means, counts, rook, 1.0 / (down**2 + across**2))
    diagonal, diagonals = down == across, 1.0
    if diagonal.any():
        steps = down[diagonal]
        diagonals = max_t_p(_lag_statistics(means[:, :, diagonal], counts[diagonal], steps == 1, 1.0 / steps**2))
    return CellTest(
        neighbours=float(means[0, 1, rook] @ counts[rook] / max(counts[rook].sum(), 1)),
        expected=mean_off_diagonal(correlations.unsigned),
        diagonals=diagonals,
        structure=max_t_p(statistics[:, -1:]),
        together=_compare_lines(correlations, rng),
    )


def _compare_lines(correlations: CellCorrelations, rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """Compare cells of one row, and of one column, with any two cells; lines of one cell are left out."""
    p_values, sizes = {}, {}
    for name, line in (("rows", correlations.row), ("columns", correlations.column)):
        pairs = _pairs_within(line, rng)
        if len(np.unique(line)) > 1 and len(pairs[0]):
            means, _ = _shuffled_means(correlations, {(0, 0): pairs}, rng)
            p_values[name] = max_t_p(studentise(means[..., 0]))
            sizes[name] = float(means[0, 1, 0])
    return {name: (sizes[name], p_value) for name, p_value in holm(p_values).items()}


def _pairs_within(line: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random pairs of different cells that stand in the same line."""
    order = np.argsort(line, kind="stable")
    starts, lengths = np.unique(line[order], return_index=True, return_counts=True)[1:]
    start, length = np.repeat(starts, lengths), np.repeat(lengths, lengths)
    place = rng.permutation(np.flatnonzero(length > 1))[:PAIRS_PER_LINE]
    step = 1 + (rng.random(len(place)) * (length[place] - 1)).astype(int)
    other = start[place] + (place - start[place] + step) % length[place]
    return order[place], order[other]


def _shuffled_means(
    correlations: CellCorrelations, pairs: Pairs, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Signed and unsigned mean correlation per displacement, for the given order and for others; and pairs behind."""
    m = len(correlations)
    first = np.concatenate([a for a, _ in pairs.values()])
    second = np.concatenate([b for _, b in pairs.values()])
    counts = np.array([len(a) for a, _ in pairs.values()])
    starts = np.cumsum(counts) - counts
    entries = [matrix.ravel() for matrix in (correlations.signed, correlations.unsigned)]
    means = np.empty((1 + N_CELL_PERMUTATIONS, len(entries), len(counts)))
    order = np.arange(m)
    for draw in means:
        index = order[first] * m + order[second]
        draw[:] = [np.add.reduceat(values[index], starts) for values in entries]
        order = rng.permutation(m)
    return means / counts, counts


def _near_pairs(correlations: CellCorrelations, rng: np.random.Generator) -> Pairs:
    """Pairs of cells per displacement of at most three, all direct neighbours and a sample of the others."""
    row, column = correlations.row, correlations.column
    number = correlations.numbered(border=MAX_LAG)
    pairs = {}
    for down in range(MAX_LAG + 1):
        for across in range(-MAX_LAG if down else 1, MAX_LAG + 1):
            other = number[row + MAX_LAG + down, column + MAX_LAG + across]
            first = np.nonzero(other >= 0)[0]
            if down + abs(across) > 1 and len(first) > PAIRS_PER_LAG:
                first = rng.choice(first, PAIRS_PER_LAG, replace=False)
            if len(first):
                pairs[down, across] = (first, other[first])
    return pairs


def line_p(signed: np.ndarray, unsigned: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """P-value of "the order of the columns carries nothing", and the neighbour correlation shuffled columns give.

    Parameters
    ----------
    signed, unsigned : ndarray of shape (W, W)
        From ``line_correlations``.
    rng : Generator
        Source of the permutations.

    Returns
    -------
    p_value, expected : float
        ``expected`` is the mean of ``unsigned`` between neighbours over all orders. A p-value above .1 may come from
        fewer permutations.
    """
    side = len(signed)
    if side < FEWEST_ORDERED + 1:
        return _share_as_ordered(signed, unsigned, every_order(side)), mean_off_diagonal(unsigned)
    orders, p_value = np.arange(side)[None], 0.0
    for draws in (N_FIRST_PERMUTATIONS, N_LINE_PERMUTATIONS - N_FIRST_PERMUTATIONS):
        if p_value <= CLEARLY_ABOVE:
            orders = np.vstack([orders, rng.permuted(np.tile(np.arange(side), (draws, 1)), axis=1)])
            p_value = _share_as_ordered(signed, unsigned, orders)
    return p_value, mean_off_diagonal(unsigned)


def _share_as_ordered(signed: np.ndarray, unsigned: np.ndarray, orders: np.ndarray) -> float:
    """Share of the orders, the first of which is the given one, that look at least as ordered as it does."""
    side = len(signed)
    lags = range(1, min(MAX_LAG, side - 1) + 1)
    means = np.empty((len(orders), 2, len(lags)))
    for k, lag in enumerate(lags):
        pairs = orders[:, lag:] * side + orders[:, :-lag]
        means[:, 0, k] = signed.take(pairs).mean(axis=1)
        means[:, 1, k] = unsigned.take(pairs).mean(axis=1)
    steps = np.array(lags)
    return max_t_p(_lag_statistics(means, side - steps, steps == 1, 1.0 / steps**2))


def _lag_statistics(means: np.ndarray, counts: np.ndarray, direct: np.ndarray, nearness: np.ndarray) -> np.ndarray:
    """Turn mean correlations per displacement into the statistics of one test; large values speak for a layout.

    Parameters
    ----------
    means : ndarray of shape (draws, 2, displacements)
        Signed and unsigned mean correlation; the given order is draw 0.
    counts : ndarray of shape (displacements,)
        Pairs behind each mean.
    direct : ndarray of shape (displacements,), bool
        Displacements by one cell along one axis.
    nearness : ndarray of shape (displacements,)
        Weight of a displacement in the smooth statistic.
    """
    signed, unsigned = means[:, 0], means[:, 1]
    close, near = counts * direct, counts * nearness
    neighbours = signed @ close / close.sum()
    smooth = signed @ near / near.sum()
    sizes = unsigned @ close / close.sum()
    centre = (signed @ counts / counts.sum())[:, None]
    structure = np.cbrt(((signed - centre) ** 2) @ counts)  # the cube root of a sum of squares is close to normal
    two_sided = (neighbours, smooth)  # alternating cells are dependent as well
    found = [*(np.abs(studentise(values)) for values in two_sided), studentise(sizes), studentise(structure)]
    return np.column_stack(found)


def studentise(values: np.ndarray) -> np.ndarray:
    """Subtract the mean of all draws and divide by their spread; the given order counts as one of the draws.

    What does not differ between draws becomes 0. Statistics of shape (draws, k) are treated column by column.
    """
    spread = values.std(axis=0)
    return (values - values.mean(axis=0)) / np.where(spread > 1e-9, spread, np.inf)


def max_t_p(statistics: np.ndarray) -> float:
    """Rank of the given order's largest statistic among all draws; equal orders (a mirror image) count as equal."""
    largest = statistics.max(axis=1)
    return float(np.mean(largest >= largest[0] - 1e-6))


def holm(p_values: dict[str, float]) -> dict[str, float]:
    """Adjust several p-values so that the chance of any false rejection stays at the level asked for.

    Examples
    --------
    >>> from autoarch._statistics.permutation_tests import holm
    >>> holm({"rows": 0.004, "columns": 0.03})
    {'rows': 0.008, 'columns': 0.03}
    """
    names = sorted(p_values, key=p_values.__getitem__)
    steps = [p_values[name] * (len(names) - rank) for rank, name in enumerate(names)]
    adjusted = dict(zip(names, np.minimum(np.maximum.accumulate(steps), 1.0).tolist(), strict=True))
    return {name: adjusted[name] for name in p_values}


def hochberg(p_values: dict[str, float]) -> dict[str, float]:
    """Adjust like ``holm``, but for p-values that are independent or rise together: all may pass at the level itself.

    Six lines have 360 orders and no p-value below 1/360: twice that would never pass at .005.

    Examples
    --------
    >>> from autoarch._statistics.permutation_tests import hochberg
    >>> hochberg({"rows": 0.003, "columns": 0.004})
    {'rows': 0.004, 'columns': 0.004}
    """
    names = sorted(p_values, key=p_values.__getitem__, reverse=True)
    steps = [p_values[name] * (rank + 1) for rank, name in enumerate(names)]
    adjusted = dict(zip(names, np.minimum.accumulate(steps).tolist(), strict=True)) if names else {}
    return {name: adjusted[name] for name in p_values}
