"""Numbers of a report: statistics of the grid, scores of landmarks, and other layouts that were tried.

Nothing here is a sentence; the evidence for each question stands where the question is asked (``axes``,
``correlogram``, ``stationarity``, ``patterns``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import erfc, sqrt
from typing import Self

from autoarch._data.layout import Layout
from autoarch.locality.axes import AxisEvidence, larger_axes, significant_axes
from autoarch.locality.constants import CONSTANTS
from autoarch.locality.correlogram import DirectionEvidence
from autoarch.locality.patterns import PatternEvidence
from autoarch.locality.stationarity import MarginalEvidence

Picture = tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class GridStatistics:
    """Statistics of the cells and their neighbours, which need no target.

    Parameters
    ----------
    p_value : float or None
        P-value of "the order of the cells carries nothing", in [0, 1]: 1 where too little varies to test it,
        None without a layout.
    neighbour_size, expected_size : float
        Mean size of the correlation between direct neighbours, and between any two cells.
    morans_i, gearys_c : float
        Mean over the samples, cells standardised, rook neighbours; Moran's I is blind to alternating patterns.
    axes : mapping of str to AxisEvidence
        Whether the order along a row (``"rows"``) and along a column (``"columns"``) matters.
    directions : mapping of str to DirectionEvidence
        Correlograms along ``"rows"``, ``"columns"`` and ``"diagonals"``.
    lag_r2 : float
        Share of the variation among correlations that displacement alone explains: near 1 where cells depend on each
        other alike wherever they stand.
    lag_r2_p_value : float
        P-value of "correlation does not depend on displacement".
    marginals : mapping of str to MarginalEvidence
        How far the ``"cells"``, the places along ``"rows"`` and those along ``"columns"`` differ in level and scale.
    patterns : PatternEvidence
        How many patterns a sample holds.
    neighbour_map : tuple of tuple of float
        Mean correlation of each cell with its neighbours, shape (H, W), None where nothing varies; sides above 48
        cells are averaged in blocks.
    """

    p_value: float | None = None
    neighbour_size: float = 0.0
    expected_size: float = 0.0
    morans_i: float = 0.0
    gearys_c: float = 1.0
    axes: Mapping[str, AxisEvidence] = field(default_factory=dict)
    directions: Mapping[str, DirectionEvidence] = field(default_factory=dict)
    lag_r2: float = 0.0
    lag_r2_p_value: float = 1.0
    marginals: Mapping[str, MarginalEvidence] = field(default_factory=dict)
    patterns: PatternEvidence = field(default_factory=PatternEvidence)
    neighbour_map: Picture = ()

    @property
    def significant(self) -> bool:
        """True where the test of the whole layout rejects."""
        return self.p_value is not None and self.p_value <= CONSTANTS["alpha"]

    @property
    def verdict(self) -> str:
        """One of "2d", "1d-rows" (cells depend along a row), "1d-columns" (along a column) and "none"."""
        alive = self.dependent_axes
        return "2d" if len(alive) == 2 else f"1d-{alive[0]}" if alive else "none"

    @property
    def dependent_axes(self) -> tuple[str, ...]:
        """Axes along which neighbours depend on each other; empty unless the test of the whole layout rejects.

        An axis test has less power than the test of the whole. Where no axis reaches the level of the whole, a weaker
        one is enough, and where none reaches that either, the larger effects decide (``axes_are_a_guess``).
        """
        return (significant_axes(self.axes) or larger_axes(self.axes)) if self.significant else ()

    @property
    def axes_are_a_guess(self) -> bool:
        """True where the layout as a whole matters but no axis by itself is significant."""
        return bool(self.dependent_axes) and not significant_axes(self.axes)


@dataclass(frozen=True)
class Landmark:
    """Cross-validated score of one landmark: a cheap model that represents a family.

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
    """Difference between two landmarks on the same rows.

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
        """True where the difference is significantly positive and above ``level``."""
        return self.difference > max(level, 2 * self.std_error)

    def is_below(self, level: float) -> bool:
        """True where the difference is significantly below ``level``; undecided differences neither are nor exceed."""
        return self.difference + 2 * self.std_error <= level

    @property
    def p_value(self) -> float:
        """Two-sided, from the normal approximation to the mean of paired differences."""
        return 1.0 if self.std_error <= 0 else erfc(abs(self.difference) / self.std_error / sqrt(2.0))


@dataclass(frozen=True)
class LandmarkScores:
    """Scores of the landmarks.

    Parameters
    ----------
    landmarks : mapping of str to Landmark
        ``"cnn"`` (random convolutions), ``"cnn_shuffled"``, ``"mlp"``, ``"tree"``, ``"linear"``; empty without y.
    gains : mapping of str to Gain
        ``"layout"`` (convolutions against shuffled cells), ``"place"`` (knowing against not knowing where a pattern
        stands), ``"scaling"`` (each cell by itself against all by one scale).
    landmark_metric : {"accuracy", "balanced_accuracy", "r2"}
        What the scores are.
    landmark_rows : int
        Rows behind them.
    """

    landmarks: Mapping[str, Landmark] = field(default_factory=dict)
    gains: Mapping[str, Gain] = field(default_factory=dict)
    landmark_metric: str = "accuracy"
    landmark_rows: int = 0


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


@dataclass(frozen=True)
class Measurements:
    """All measurements of a probe.

    Parameters
    ----------
    layout : Layout or None
        The grid that was tested; None says that there is none.
    grid : GridStatistics
        What its cells show.
    n_samples_used : int
        Rows behind these statistics.
    scores : LandmarkScores
        What the landmarks reached.
    skipped : tuple of str
        What was left out, and why.
    readings : tuple of Reading
        Other layouts of the columns that were tried: inferred from their order, or recovered against it.
    recovered : Measurements or None
        What holds after rearranging the columns, where the order given shows nothing and another one wins on the
        landmarks.
    seconds : float
        Time of the whole probe.
    """

    layout: Layout | None = None
    grid: GridStatistics = field(default_factory=GridStatistics)
    n_samples_used: int = 0
    scores: LandmarkScores = field(default_factory=LandmarkScores)
    skipped: tuple[str, ...] = ()
    readings: tuple[Reading, ...] = ()
    recovered: Self | None = None
    seconds: float = 0.0

    @property
    def used(self) -> Self:
        """Measurements that a search goes by: on the recovered order where there is one, else these."""
        return self if self.recovered is None else self.recovered
