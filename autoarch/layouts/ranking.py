"""Candidate grids of a row of columns, best first; columns that are no cells (an id, a label, padding) are left out.

Outliers are looked for where the columns repeat with a clear period (``period_gains``) that does not fit their number:
columns at both ends, and those that resemble none of their neighbours, are left out if the rest form a better grid.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from autoarch.layouts.pseudo_likelihood import NEIGHBOURS, Grid, LagProducts, NormalEquations, list_grids, variogram

FEWEST_ROWS = 10  # with fewer, leaving out the right columns lets chance look like a grid
SHORT_LIST = 30  # of many columns, grids whose channels are looked at
VISIBLE_PERIOD = 0.02  # gain that makes a period worth a search for outliers
WITH_CHANNELS = 0.4  # weight of what the other channels add to the score; they may replace neighbours otherwise
SEAM = 1.35  # least factor by which cells differ more across the seam of two channels than within a channel or place
INTERLEAVED = 1.08  # least factor by which colours side by side explain more than one wide grid and than one colour,
FAINT_SEAM = 1.2  # and by which cells differ more across their seams than within a colour
TIE_BREAK = 0.01  # share of the score by which leaving out an outlier is better than leaving out a cell
CLEARLY_BETTER = 0.05  # share by which a grid without some columns must beat the best one with all of them
MOST_OUTLIERS = 4
N_PERIODS = 3
N_DISSIMILAR = 4
DISSIMILAR = 0.7  # share of the median similarity below which a column is tried without
ISOLATED = 0.15  # the same in series, where it is left out at once
FEWEST_ROWS_ISOLATED = 30  # that make a low similarity no accident
SMOOTH = 0.5  # median similarity of neighbours that makes an isolated column remarkable


class ScoredGrid(NamedTuple):
    """A grid and how well it predicts the cells.

    Parameters
    ----------
    grid : Grid
        Sides and order.
    left_out : tuple of int
        Places in the row that belong to no cell.
    score : float
        Weighted mean of ``everything`` and ``neighbours``, over all columns.
    neighbours, everything : float
        Minus the log of the share of variance left by the neighbours in the grid, and by these and the other channels.
    across, down : float
        What the neighbours along one axis add to those along the other.
    """

    grid: Grid
    left_out: tuple[int, ...]
    score: float
    neighbours: float
    everything: float
    across: float
    down: float


def score_grid(products: LagProducts, grid: Grid, left_out: tuple[int, ...] = (), *, share: float = 1.0) -> ScoredGrid:
    """Score one grid; ``share`` of all columns that vary are in it."""
    equations = NormalEquations(products, grid)
    everything, neighbours = equations.information(), equations.information(NEIGHBOURS)
    score = share * (WITH_CHANNELS * everything + (1 - WITH_CHANNELS) * neighbours)
    across, down = (neighbours - equations.information((other,)) for other in ("down", "across"))
    return ScoredGrid(grid, left_out, score, neighbours, everything, across, down)


def rank_grids(scaled: np.ndarray, active: np.ndarray) -> list[ScoredGrid]:
    """Rank the grids of standardised columns (n, p) in one order, the best first.

    A few columns are left out where that lets the others form a much better grid.
    """
    if not active.any():
        return []
    ranked = _rank(scaled, active, (), list_grids(scaled.shape[1]))
    gains = period_gains(scaled)
    best = ranked[0] if ranked else None
    if best is not None and not best.grid.is_line and gains[best.grid.step("down")] >= 0.5 * gains.max():
        return ranked
    left_out: tuple[int, ...] = ()
    if gains.max(initial=0.0) >= VISIBLE_PERIOD and len(scaled) >= FEWEST_ROWS:
        left_out = _best_outliers(scaled, active, gains, 0.0 if best is None else best.score)
    if not left_out and (best is None or best.grid.is_line):
        left_out = _isolated_columns(scaled, active)
    return _rank(scaled, active, left_out, list_grids(scaled.shape[1] - len(left_out))) if left_out else ranked


def _best_outliers(scaled: np.ndarray, active: np.ndarray, gains: np.ndarray, to_beat: float) -> tuple[int, ...]:
    """Columns without which the rest repeat with one of the clearest periods; empty if that is no clear progress."""
    periods = [int(period) for period in np.argsort(-gains)[:N_PERIODS] if gains[period] > 0]
    best = to_beat + CLEARLY_BETTER * abs(to_beat)
    chosen: tuple[int, ...] = ()
    strongest = _strongest_correlation(scaled, (1, 2, periods[0] - 1, periods[0], periods[0] + 1))
    similarity = np.where(active, strongest / max(float(np.median(strongest[active])), 1e-9), 1.0)
    for left_out in _outlier_sets(active, similarity):
        grids = list_grids(scaled.shape[1] - len(left_out))
        fitting = [grid for grid in grids if not grid.is_line and grid.step("down") in periods]
        ranked = _rank(scaled, active, left_out, fitting) if fitting else []
        score = ranked[0].score * (1 - TIE_BREAK * similarity[list(left_out)].mean()) if ranked else 0.0
        if score > best:
            best, chosen = score, left_out
    return chosen


def _rank(scaled: np.ndarray, active: np.ndarray, left_out: tuple[int, ...], grids: list[Grid]) -> list[ScoredGrid]:
    kept = np.setdiff1d(np.arange(scaled.shape[1]), left_out)
    share = int(active[kept].sum()) / max(1, int(active.sum()))
    products = LagProducts(scaled[:, kept] if left_out else scaled)
    if not products.dense:
        grids = sorted(grids, key=lambda one: -NormalEquations(products, one, NEIGHBOURS).information())[:SHORT_LIST]
    scored = [score_grid(products, one, left_out, share=share) for one in grids if _has_seams(products, one)]
    ranked = sorted(scored, key=lambda one: -one.score)
    if ranked and ranked[0].grid.channels == 1 and not ranked[0].grid.is_line:
        colours = _interleaved(products, ranked[0], grids, share)
        if colours is not None:
            return [colours, *(one for one in ranked if one.grid != colours.grid)]
    return ranked


def _interleaved(products: LagProducts, wide: ScoredGrid, grids: list[Grid], share: float) -> ScoredGrid | None:
    """Channels side by side that look like one wide grid; None if there are none.

    Of few rows the next colour predicts a cell better than the next cell of its own colour, so that the neighbours
    alone favour the wide grid. All predictors together favour the colours then, and so do the seams.
    """
    step = wide.grid.step("down")
    fitting = [one for one in grids if one.channels_last and not one.is_line and one.step("down") == step]
    visible = [one for one in fitting if (seam := _seam(products, one))[0] >= FAINT_SEAM * seam[1]]
    scored = [score_grid(products, one, wide.left_out, share=share) for one in visible]
    best = max(scored, key=lambda one: one.everything, default=None)
    clear = best is not None and best.everything >= INTERLEAVED * max(wide.everything, best.neighbours)
    return best if clear else None


def _has_seams(products: LagProducts, grid: Grid) -> bool:
    """Return whether cells side by side among the columns but not in the grid differ more than those beside each other.

    Every picture can be read as several channels, every second pixel or the upper and the lower half; its seams do not
    show.
    """
    seam, within = _seam(products, grid)
    return grid.channels == 1 or seam >= SEAM * min(within, variogram(products, grid, between=1))


def _seam(products: LagProducts, grid: Grid) -> tuple[float, float]:
    """Variogram between columns side by side where one channel ends and the next begins, and within a channel."""
    axis = "across" if grid.channels_last or grid.is_line else "down"
    back = {axis: 1, "between": 1 - grid.channels} if grid.channels_last else {axis: 1 - grid.along(axis), "between": 1}
    return variogram(products, grid, **back), variogram(products, grid, **{axis: 1})


def period_gains(scaled: np.ndarray) -> np.ndarray:
    """Information that columns L places away add to direct neighbours of a column, for each L; 0 if impossible.

    The gain is the drop in the log of the share of variance left; it peaks at the width of a grid.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch.datasets import make_textures
    >>> from autoarch.layouts.ranking import period_gains
    >>> X, _ = make_textures(n_samples=50, shape=(9, 13), random_state=0)
    >>> int(period_gains(X.reshape(50, -1)).argmax())
    13
    """
    sums = _lag_sums(scaled)
    p, total = len(sums), sums[0]
    gains = np.zeros(p)
    far = np.arange(3, (p + 1) // 2)
    if not len(far) or total <= 1e-9:
        return gains
    near_near, near = 2 * (total + sums[2]), 2 * sums[1]
    far_far, far_right = 2 * (total + sums[2 * far]), 2 * sums[far]
    cross = 2 * (sums[far - 1] + sums[far + 1])
    alone = near**2 / max(near_near, 1e-12)
    determinant = np.maximum(near_near * far_far - cross**2, 1e-6 * near_near * far_far)
    both = (far_far * near**2 - 2 * cross * near * far_right + near_near * far_right**2) / determinant
    gains[far] = np.log(np.clip(1 - alone / total, 1e-9, 1)) - np.log(np.clip(1 - both / total, 1e-9, 1))
    return gains


def _lag_sums(scaled: np.ndarray) -> np.ndarray:
    """Mean over rows of the sum over columns of the product with the column L places on, for L = 0 .. p - 1."""
    p = scaled.shape[1]
    length = next_fast_len(2 * p, real=True)
    spectrum = np.zeros(length // 2 + 1)
    for rows in np.array_split(scaled, max(1, scaled.size // 500_000)):  # in pieces, to save memory
        spectrum += (np.abs(rfft(rows, length, axis=1)) ** 2).sum(axis=0)
    return irfft(spectrum, length)[:p] / max(1, len(scaled))


def _outlier_sets(active: np.ndarray, similarity: np.ndarray) -> Iterator[tuple[int, ...]]:
    """Sets of columns to try without: at both ends, padding, and those least similar to their neighbours."""
    p = len(active)
    front, back = (int(np.argmax(side)) for side in (active, active[::-1]))  # constant columns at either end
    least = np.argsort(similarity, kind="stable")[:N_DISSIMILAR]
    inside = sorted(int(k) for k in least if similarity[k] < DISSIMILAR)
    ends = [(a, b) for a in range(MOST_OUTLIERS + 1) for b in range(MOST_OUTLIERS + 1 - a)]
    ends += [(a, b) for a in {0, front} for b in {0, back}]
    seen: set[tuple[int, ...]] = {()}
    for a, b in ends:
        for size in range(max(0, MOST_OUTLIERS - a - b) + 1):
            for chosen in combinations([k for k in inside if a <= k < p - b], size):
                found = (*range(a), *chosen, *range(p - b, p))
                if found not in seen and len(found) < p // 2:
                    seen.add(found)
                    yield found


def _isolated_columns(scaled: np.ndarray, active: np.ndarray) -> tuple[int, ...]:
    """Columns of a series that resemble nothing within two steps, while nearly all others do."""
    strongest = _strongest_correlation(scaled, (1, 2))
    median = float(np.median(strongest[active]))
    isolated = np.nonzero(active & (strongest < ISOLATED * median))[0]
    enough = len(scaled) >= FEWEST_ROWS_ISOLATED and median >= SMOOTH
    return tuple(isolated.tolist()) if enough and len(isolated) <= MOST_OUTLIERS else ()


def _strongest_correlation(scaled: np.ndarray, steps: tuple[int, ...]) -> np.ndarray:
    """Largest absolute correlation of each column with those some steps away."""
    p = scaled.shape[1]
    lengths = np.sqrt(np.einsum("np,np->p", scaled, scaled))
    strongest = np.zeros(p)
    for step in (step for step in steps if step < p):
        products = np.abs(np.einsum("np,np->p", scaled[:, :-step], scaled[:, step:]))
        sizes = products / np.maximum(lengths[:-step] * lengths[step:], 1e-9)
        strongest[:-step] = np.maximum(strongest[:-step], sizes)
        strongest[step:] = np.maximum(strongest[step:], sizes)
    return strongest
