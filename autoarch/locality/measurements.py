"""What the probe measured, one small record per question; all that follows from them is computed elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt

from autoarch._data.layout import Layout
from autoarch.locality.constants import CONSTANTS

Picture = tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class Finding:
    """One answer of the probe.

    Parameters
    ----------
    question : str
        What was asked.
    statistic : str
        What was measured.
    value : float
        How much of it was found.
    null : str
        What it was compared with.
    p_value : float or None
        How often the null gives as much; None where there is no test.
    effect_size : float
        How much more than the null gives, in the unit of the statistic or as a share of what is possible.
    sentence : str
        The answer in words.
    """

    question: str
    statistic: str
    value: float
    null: str
    p_value: float | None
    effect_size: float
    sentence: str


@dataclass(frozen=True)
class AxisEvidence:
    """Whether the order of the lines across one axis of the grid matters.

    Parameters
    ----------
    side : int
        Cells along this axis.
    n_orders : int
        Different orders that the lines across it could have; below 360 (a side under 6) there is no test.
    p_value : float or None
        Holm-adjusted p-value of "the order along this axis carries nothing"; None where there is no test.
    share_of_orders : float
        Share of the orders compared that look at least as ordered as the one given (unadjusted).
    correlations : tuple of float
        Mean correlation at distance 1, 2, 3 (negative where cells alternate).
    sizes : tuple of float
        Mean size of the correlation at distance 1, 2, 3.
    expected : float
        What ``sizes[0]`` would be if the lines stood in any order.
    """

    side: int
    n_orders: int = 1
    p_value: float | None = None
    share_of_orders: float = 1.0
    correlations: tuple[float, ...] = (0.0, 0.0, 0.0)
    sizes: tuple[float, ...] = (0.0, 0.0, 0.0)
    expected: float = 0.0

    @property
    def effect(self) -> float:
        """How far neighbours exceed what any order gives, as a share of what is possible (1: perfectly correlated)."""
        return (self.sizes[0] - self.expected) / max(1.0 - self.expected, 1e-6)

    def depends(self, level: float) -> bool:
        """Whether the order along this axis matters; a side too short to test is judged by its effect alone."""
        if self.side < 2:
            return False
        if self.p_value is not None:
            return self.p_value <= level
        strongest = self.share_of_orders * self.n_orders < 1.5
        return strongest and self.effect >= CONSTANTS["visible_effect"]


@dataclass(frozen=True)
class DirectionEvidence:
    """Dependence between cells some steps apart in one direction: a correlogram.

    Parameters
    ----------
    correlations : tuple of float
        Mean correlation at distance 1, 2, ... (negative where cells alternate).
    sizes : tuple of float
        Mean size of the correlation at distance 1, 2, ...
    overall : float
        Mean size of the correlation over all pairs of cells of the grid.
    p_value : float or None
        Holm-adjusted p-value of "cells in any order would look the same in this direction", from distances 1 to 3.
    """

    correlations: tuple[float, ...]
    sizes: tuple[float, ...]
    overall: float = 0.0
    p_value: float | None = None

    @property
    def excess(self) -> float:
        """How far direct neighbours exceed all pairs of cells, as a share of what is possible."""
        return (self.sizes[0] - self.overall) / max(1.0 - self.overall, 1e-6)

    @property
    def reach(self) -> int:
        """Distance at which the excess over all pairs has fallen under 1/e of what it is between direct neighbours.

        0 where direct neighbours have no excess; the longest distance measured where it never falls so far.
        """
        if self.sizes[0] <= self.overall:
            return 0
        return self._fallen or len(self.sizes)

    @property
    def fades(self) -> bool:
        """Whether the excess does fall under 1/e within the distances measured."""
        return self._fallen is not None

    @property
    def _fallen(self) -> int | None:
        """First distance at which it has."""
        start = self.sizes[0] - self.overall
        steps = enumerate(self.sizes, start=1)
        return next((lag for lag, size in steps if size - self.overall < start / 2.718281828), None)


@dataclass(frozen=True)
class MarginalEvidence:
    """How far values differ between the places of one kind: all cells, the columns of the grid, or its rows.

    Parameters
    ----------
    between : float
        Share of the variance of all values that lies between the means of the places (eta squared), corrected for the
        samples' noise.
    scale_factor : float
        Typical factor between the scales of two places: exp of the standard deviation of the log standard deviations.
    p_value : float
        P-value of "each sample could stand anywhere along this direction", for the means.
    scale_p_value : float
        The same for the scales.
    """

    between: float = 0.0
    scale_factor: float = 1.0
    p_value: float = 1.0
    scale_p_value: float = 1.0


@dataclass(frozen=True)
class PatternEvidence:
    """How many patterns a sample holds and where they are.

    Parameters
    ----------
    n_cells : int
        Cells that vary and were read.
    effective : float
        Effective number of independent patches in one sample: (sum of variances)^2 / sum of squared covariances.
    active : float
        Share of the cells in active neighbourhoods: those that correlate with their neighbours by more than 95 % of
        the neighbourhoods of shuffled cells do.
    p_value : float
        P-value of "as many neighbourhoods of shuffled cells are active".
    """

    n_cells: int = 0
    effective: float = 0.0
    active: float = 0.0
    p_value: float = 1.0

    @property
    def density(self) -> float:
        """Effective patches per cell: 1 where all cells are independent, near 0 where all say the same."""
        return self.effective / max(self.n_cells, 1)


@dataclass(frozen=True)
class Landmark:
    """Cross-validated score of one cheap stand-in for a family.

    Parameters
    ----------
    score : float
        Accuracy (mean recall of the classes where these are very unequal) or R2.
    std_error : float
        Standard error of ``score`` over rows.
    seconds : float
        Time it took.
    """

    score: float
    std_error: float
    seconds: float = 0.0


@dataclass(frozen=True)
class Gain:
    """Difference between two stand-ins on the same rows.

    Parameters
    ----------
    difference : float
        Score of the first minus score of the second.
    std_error : float
        Standard error of the difference, over rows.
    """

    difference: float
    std_error: float

    def exceeds(self, level: float) -> bool:
        """Whether the difference is surely positive and above ``level``."""
        return self.difference > max(level, 2 * self.std_error)

    def is_below(self, level: float) -> bool:
        """Whether the difference is surely below ``level``; neither this nor ``exceeds`` where it cannot be told."""
        return self.difference + 2 * self.std_error <= level

    @property
    def p_value(self) -> float:
        """Two-sided, from the normal approximation to the mean of paired differences."""
        if self.std_error <= 0:
            return 1.0
        return erfc(abs(self.difference) / self.std_error / sqrt(2.0))


@dataclass(frozen=True)
class Reading:
    """Another way to lay the columns out, and what it is worth.

    Parameters
    ----------
    layout : Layout
        Which cell each column is; its ``origin`` is "inferred", "names" or "recovered".
    kept : bool
        Whether it is used. It must not lose clearly on the landmarks; a recovered one must win.
    gain : Gain or None
        Score of random convolutions on it less that on the columns as they were given; None where these were not run.
    reason : str
        What spoke for it, in words.
    seconds : float
        What it took to find.
    before, after : tuple of tuple of float
        The mean sample: its cells in the order in which their columns were given (for a recovered layout), and as laid
        out. Sides above 48 cells are averaged in blocks.
    """

    layout: Layout
    kept: bool = True
    gain: Gain | None = None
    reason: str = ""
    seconds: float = 0.0
    before: Picture = ()
    after: Picture = ()
