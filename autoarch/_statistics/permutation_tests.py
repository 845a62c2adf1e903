"""Permutation tests: null distributions of the neighbour statistics when the order of cells or lines carries nothing.

``compare_orders`` permutes single cells (one permutation for all samples): "is there any layout at all". ``line_p``
permutes whole columns (or, on the transposed grid, whole rows): "does this axis carry an order". Permuting cells would
reject a dead axis too, as soon as the other one is alive. All statistics of one test see the same permutations and
are combined by the largest studentised value (max-T), so a test has its nominal size whatever their correlation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import permutations
from math import factorial

import numpy as np

from autoarch._statistics.correlations import MAX_LAG, CellCorrelations, mean_off_diagonal

N_CELL_PERMUTATIONS = 299  # with the given order 300, so that .01 is a whole number of them
N_LINE_PERMUTATIONS = 999
FEWEST_ORDERED = 6  # a shorter side has at most 60 orders, and no p-value below 1/60
PAIRS_PER_LAG = 200  # look-ups per displacement other than the direct neighbours

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
    """Comparison of the given order of the cells with other orders.

    Parameters
    ----------
    p_value : float
        Of "the order of the cells carries nothing".
    neighbours, expected : float
        Mean size of the correlation between rook neighbours, and between any two cells.
    directions : mapping of str to float
        The same test on the cells along rows, columns and diagonals only; Holm-adjusted.
    structure : float
        P-value of "correlation does not depend on the displacement".
    """

    p_value: float = 1.0
    neighbours: float = 0.0
    expected: float = 0.0
    directions: Mapping[str, float] = field(default_factory=dict)
    structure: float = 1.0


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
    """Compare the given order of the cells with others; p-values are 1 where fewer than 4 vary or no two are near."""
    pairs = _near_pairs(correlations, rng)
    if len(correlations) < 4 or not pairs:
        return CellTest(expected=mean_off_diagonal(correlations.unsigned))
    means, counts = _shuffled_means(correlations, pairs, rng)
    down, across = np.abs(np.array(list(pairs))).T
    statistics = _lag_statistics(means, counts, down + across == 1, 1.0 / (down**2 + across**2))
    directions = {}
    for name, chosen in (("rows", down == 0), ("columns", across == 0), ("diagonals", down == across)):
        if chosen.any():
            steps = np.maximum(down, across)[chosen]
            directions[name] = max_t_p(_lag_statistics(means[:, :, chosen], counts[chosen], steps == 1, 1.0 / steps**2))
    rook = down + across == 1
    return CellTest(
        p_value=max_t_p(statistics),
        neighbours=float(means[0, 1, rook] @ counts[rook] / max(counts[rook].sum(), 1)),
        expected=mean_off_diagonal(correlations.unsigned),
        directions=holm(directions),
        structure=max_t_p(statistics[:, -1:]),
    )


def _shuffled_means(
    correlations: CellCorrelations, pairs: Pairs, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Signed and unsigned mean correlation per displacement, for the given order and for others; and pairs behind."""
    m = len(correlations)
    first = np.concatenate([a for a, _ in pairs.values()])
    second = np.concatenate([b for _, b in pairs.values()])
    counts = np.array([len(a) for a, _ in pairs.values()])
    starts = np.cumsum(counts) - counts
    matrices = (correlations.signed, correlations.unsigned, correlations.centred)
    entries = [matrix.ravel() for matrix in matrices if matrix is not None]
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
        ``expected`` is the mean of ``unsigned`` between neighbours over all orders.
    """
    side = len(signed)
    if side < FEWEST_ORDERED + 1:
        orders = every_order(side)
    else:
        draws = N_LINE_PERMUTATIONS if side <= 128 else N_CELL_PERMUTATIONS
        orders = np.vstack([np.arange(side), rng.permuted(np.tile(np.arange(side), (draws, 1)), axis=1)])
    lags = range(1, min(MAX_LAG, side - 1) + 1)
    means = np.empty((len(orders), 2, len(lags)))
    for k, lag in enumerate(lags):
        ahead, behind = orders[:, lag:], orders[:, :-lag]
        means[:, 0, k] = signed[ahead, behind].mean(axis=1)
        means[:, 1, k] = unsigned[ahead, behind].mean(axis=1)
    steps = np.array(lags)
    return max_t_p(_lag_statistics(means, side - steps, steps == 1, 1.0 / steps**2)), mean_off_diagonal(unsigned)


def _lag_statistics(means: np.ndarray, counts: np.ndarray, direct: np.ndarray, nearness: np.ndarray) -> np.ndarray:
    """Turn mean correlations per displacement into the statistics of one test; large values speak for a layout.

    Parameters
    ----------
    means : ndarray of shape (draws, 2 or 3, displacements)
        Signed and unsigned mean correlation, and on small grids the mean of ``centred``; the given order is draw 0.
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
    two_sided = [neighbours, smooth]  # alternating cells are dependent as well
    if means.shape[1] > 2:  # Moran's I: with few cells, what all of them share hides the neighbours
        two_sided.insert(0, means[:, 2] @ close / close.sum())
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
