"""Rank the grids that a row of columns could be, strangers among the columns included."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from autoarch.layouts.infer.hypotheses import FEWEST_LINES, Hypothesis, hypotheses
from autoarch.layouts.infer.outlier_columns import N_PERIODS, belonging, lonely_columns, period_gains, removals
from autoarch.layouts.infer.pseudo_likelihood import NEIGHBOURS, Equations, Lags, roughness

FEWEST_ROWS = 10  # with fewer, leaving out the right columns lets chance look like a grid
SHORT_LIST = 30  # of many columns, grids whose channels are looked at
VISIBLE_PERIOD = 0.02  # gain that makes a period worth a search for strangers
WITH_CHANNELS = 0.4  # weight of what the other channels add to the score; they may replace neighbours otherwise
SEAM = 1.35  # least factor by which cells differ more across the seam of two channels than within a channel or place
INTERLEAVED = 1.08  # least factor by which colours side by side explain more than one wide grid and than one colour,
FAINT_SEAM = 1.2  # and by which cells differ more across their seams than within a colour
TIE_BREAK = 0.01  # share of the score by which leaving out a stranger is better than leaving out a cell
CLEARLY_BETTER = 0.05  # share by which a grid without some columns must beat the best one with all of them


@dataclass(frozen=True)
class Found:
    """A hypothesis and how well it predicts the cells.

    Parameters
    ----------
    grid : Hypothesis
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

    grid: Hypothesis
    left_out: tuple[int, ...]
    score: float
    neighbours: float
    everything: float
    across: float
    down: float

    def weighted(self, share: float) -> Found:
        """The same, where only a share of all columns was looked at."""
        return replace(self, score=share * self.score)


def rank_grids(scaled: np.ndarray, active: np.ndarray) -> list[Found]:
    """Best first, for standardised columns (n, p) in one order.

    A few columns are left out where that lets the others form a much better grid.
    """
    if scaled.shape[1] < FEWEST_LINES or not active.any():
        return []
    ranked = _rank(scaled, active, ())
    gains = period_gains(scaled)
    best = ranked[0] if ranked else None
    if best is not None and not best.grid.is_line and gains[best.grid.down] >= 0.5 * gains.max():
        return ranked
    if gains.max(initial=0.0) >= VISIBLE_PERIOD and len(scaled) >= FEWEST_ROWS:
        left_out = _best_removal(scaled, active, gains, 0.0 if best is None else best.score)
        if left_out:
            return _rank(scaled, active, left_out)
    if best is None or best.grid.is_line:
        lonely = lonely_columns(scaled, active)
        if lonely:
            return _rank(scaled, active, lonely)
    return ranked


def _best_removal(scaled: np.ndarray, active: np.ndarray, gains: np.ndarray, to_beat: float) -> tuple[int, ...]:
    """Columns without which the rest repeat with one of the clearest periods; empty if that is no clear progress."""
    periods = _peaks(gains)
    best = to_beat + CLEARLY_BETTER * abs(to_beat)
    chosen: tuple[int, ...] = ()
    share = belonging(scaled, active, periods[0])
    for left_out in removals(active, share):
        n_cells = scaled.shape[1] - len(left_out)
        fitting = [g for g in hypotheses(n_cells) if not g.is_line and g.down in periods] if left_out else []
        if fitting:
            ranked = _rank(scaled, active, left_out, fitting)
            score = ranked[0].score * (1 - TIE_BREAK * share[list(left_out)].mean()) if ranked else 0.0
            if score > best:
                best, chosen = score, left_out
    return chosen


def _peaks(gains: np.ndarray) -> list[int]:
    """The periods with the largest gains."""
    return [int(period) for period in np.argsort(-gains)[:N_PERIODS] if gains[period] > 0]


def _rank(
    scaled: np.ndarray, active: np.ndarray, left_out: tuple[int, ...], grids: list[Hypothesis] | None = None
) -> list[Found]:
    kept = np.setdiff1d(np.arange(scaled.shape[1]), left_out)
    share = int(active[kept].sum()) / max(1, int(active.sum()))
    lags = Lags(scaled[:, kept] if left_out else scaled)
    grids = hypotheses(len(kept)) if grids is None else grids
    if not lags.dense:
        grids = sorted(grids, key=lambda grid: -Equations(lags, grid, NEIGHBOURS).explained())[:SHORT_LIST]
    found = [_measure(lags, grid, left_out, share) for grid in grids if _has_seams(lags, grid)]
    ranked = sorted(found, key=lambda one: -one.score)
    if ranked and ranked[0].grid.channels == 1 and not ranked[0].grid.is_line:
        colours = _interleaved(lags, ranked[0], grids, share)
        if colours is not None:
            return [colours, *(one for one in ranked if one.grid != colours.grid)]
    return ranked


def _interleaved(lags: Lags, wide: Found, grids: list[Hypothesis], share: float) -> Found | None:
    """Channels side by side that look like one wide grid; None if there are none.

    Of few rows the next colour predicts a cell better than the next cell of its own colour, so that the neighbours
    alone speak for the wide grid. All together speak for the colours then, and so do the seams.
    """
    fitting = [one for one in grids if one.channels_last and not one.is_line and one.down == wide.grid.down]
    showing = [one for one in fitting if _seam(lags, one) >= FAINT_SEAM * roughness(lags, one, across=1)]
    measured = [_measure(lags, one, wide.left_out, share) for one in showing]
    best = max(measured, key=lambda one: one.everything, default=None)
    if best is None or best.everything < INTERLEAVED * max(wide.everything, best.neighbours):
        return None
    return best


def measure(scaled: np.ndarray, grid: Hypothesis) -> Found:
    """Evidence for one grid that takes all columns."""
    return _measure(Lags(scaled), grid, (), 1.0)


def _measure(lags: Lags, grid: Hypothesis, left_out: tuple[int, ...], share: float) -> Found:
    equations = Equations(lags, grid)
    everything, neighbours = equations.explained(), equations.explained(NEIGHBOURS)
    return Found(
        grid,
        left_out,
        score=share * (WITH_CHANNELS * everything + (1 - WITH_CHANNELS) * neighbours),
        neighbours=neighbours,
        everything=everything,
        across=neighbours - equations.explained(("down",)),
        down=neighbours - equations.explained(("across",)),
    )


def _has_seams(lags: Lags, grid: Hypothesis) -> bool:
    """Whether cells side by side in the row of columns but not in the grid differ more than those beside each other.

    Every picture can be read as several channels, every second pixel or the upper and the lower half; its seams do not
    show.
    """
    if grid.channels == 1:
        return True
    axis = _axis_of_seams(grid)
    return _seam(lags, grid) >= SEAM * min(roughness(lags, grid, **{axis: 1}), roughness(lags, grid, between=1))


def _axis_of_seams(grid: Hypothesis) -> str:
    return "across" if grid.channels_last or grid.is_line else "down"


def _seam(lags: Lags, grid: Hypothesis) -> float:
    """How much two cells side by side in the row of columns differ where one channel ends and the next begins."""
    axis = _axis_of_seams(grid)
    back = {axis: 1, "between": 1 - grid.channels} if grid.channels_last else {axis: 1 - grid.along(axis), "between": 1}
    return roughness(lags, grid, **back)
