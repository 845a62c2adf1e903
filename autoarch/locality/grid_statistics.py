"""Statistics of a grid, which need no target, and all measurements of a probe together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Self

import numpy as np

from autoarch._data.layout import Layout
from autoarch._statistics import correlations, permutation_tests
from autoarch.locality.axes import VERDICTS, AxisEvidence, larger_axes, measure_axes, significant_axes
from autoarch.locality.constants import CONSTANTS
from autoarch.locality.correlogram import DirectionEvidence, blocks, measure_directions, moran_and_geary, neighbour_map
from autoarch.locality.measurements import LandmarkScores, Picture, Reading
from autoarch.locality.patterns import PatternEvidence, count_patterns
from autoarch.locality.stationarity import MarginalEvidence, compare_places

MOST_VALUES = 1_000_000  # values read: 1,000 rows of 28 x 28, 244 of 64 x 64
FEWEST_SAMPLES = 3


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
    def clause(self) -> str:
        """The meaning of the verdict."""
        if self.verdict == "none" and self.significant:
            return "the order of the cells matters, but neither axis shows dependence between neighbours"
        return VERDICTS[self.verdict]

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


def measure_grid(
    values: np.ndarray, layout: Layout, rng: np.random.Generator, *, fast: bool = False
) -> tuple[GridStatistics, int]:
    """Run all statistics and their nulls on a sample of the rows.

    Parameters
    ----------
    values : ndarray of shape (n, p)
        Numbers, NaN where missing.
    layout : Layout
        Grid behind the columns.
    rng : Generator
        Source of rows and permutations.
    fast : bool
        Subsample 20 % of the values.

    Returns
    -------
    grid : GridStatistics
        What they show.
    n_samples : int
        Rows that were read.
    """
    n = len(values)
    most_values, fewest = (MOST_VALUES // 5, 30) if fast else (MOST_VALUES, 100)
    most = int(np.clip(most_values / prod(layout.shape), fewest, correlations.MAX_ROWS))
    chosen = np.sort(rng.choice(n, most, replace=False)) if n > most else slice(None)
    grid = layout.to_grid(np.asarray(values[chosen]))
    sides = {"rows": layout.width, "columns": layout.height}
    if len(grid) < FEWEST_SAMPLES:
        axes = {name: AxisEvidence(side=side) for name, side in sides.items()}
        return GridStatistics(p_value=1.0, axes=axes), len(grid)
    scaled, active = correlations.standardise(grid)
    cells = correlations.cell_correlations(scaled, active)
    test = permutation_tests.compare_orders(cells, rng)
    lines = {
        "rows": correlations.line_correlations(scaled, active),
        "columns": correlations.line_correlations(scaled.swapaxes(2, 3), active.swapaxes(1, 2)),
    }
    morans_i, gearys_c = moran_and_geary(scaled)
    found = GridStatistics(
        p_value=test.p_value,
        neighbour_size=test.neighbours,
        expected_size=test.expected,
        morans_i=morans_i,
        gearys_c=gearys_c,
        axes=measure_axes(lines, sides, test.expected, rng),
        directions=measure_directions(cells, lines, test),
        lag_r2=correlations.lag_r2(cells),
        lag_r2_p_value=test.structure,
        marginals=compare_places(grid),
        patterns=count_patterns(cells, int(active.any(axis=0).sum()), rng),
        neighbour_map=_plain(neighbour_map(scaled, active)),
    )
    return found, len(grid)


def picture(values: np.ndarray, layout: Layout) -> Picture:
    """The mean sample on the grid, averaged over channels; sides above 48 cells are averaged in blocks."""
    most = int(np.clip(MOST_VALUES / prod(layout.shape), 100, correlations.MAX_ROWS))
    grid = layout.to_grid(values[:: max(1, -(-len(values) // most))]).astype(np.float64)
    there = ~np.isnan(grid)
    return _plain(blocks(np.where(there, grid, 0.0).sum(axis=(0, 1)), there.sum(axis=(0, 1))))


def _plain(numbers: np.ndarray) -> Picture:
    """Nested tuples, None for NaN."""
    return tuple(tuple(float(f"{number:.4g}") if np.isfinite(number) else None for number in line) for line in numbers)
