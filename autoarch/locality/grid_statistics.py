"""Statistics of a grid, which need no target, and all measurements of a probe together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Self

import numpy as np

from autoarch._data.layout import Layout
from autoarch._statistics import correlations, permutation_tests
from autoarch.locality.axes import VERDICTS, AxisEvidence, measure_axes, significant_axes
from autoarch.locality.correlogram import DirectionEvidence, blocks, measure_directions, moran_and_geary, neighbour_map
from autoarch.locality.measurements import LandmarkScores, Picture, Reading
from autoarch.locality.patterns import PatternEvidence, count_patterns
from autoarch.locality.stationarity import MarginalEvidence, compare_places
from autoarch.locality.symmetry import Symmetry, find_symmetries, symmetric

MOST_VALUES = 1_000_000  # values read: 1,000 rows of 28 x 28, 244 of 64 x 64
FEWEST_SAMPLES = 3


@dataclass(frozen=True)
class GridStatistics:
    """Statistics of the cells and their neighbours, which need no target.

    Parameters
    ----------
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
    symmetries : mapping of str to Symmetry
        Answers that need no target: ``"exchangeable_rows"``, ``"exchangeable_columns"``, ``"symmetric"``,
        ``"circular_rows"``, ``"circular_columns"``, ``"wandering"``; what was not asked is missing.
    """

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
    symmetries: Mapping[str, Symmetry] = field(default_factory=dict)

    @property
    def p_value(self) -> float | None:
        """Smallest p-value of an axis, in [0, 1]: of "the order of the cells carries nothing".

        1 where no axis has enough lines to test, None without a layout.
        """
        if not self.axes:
            return None
        return min((axis.p_value for axis in self.axes.values() if axis.p_value is not None), default=1.0)

    @property
    def testable(self) -> bool:
        """True where an axis has enough lines to test their order."""
        return any(axis.tested for axis in self.axes.values())

    @property
    def verdict(self) -> str:
        """One of "2d", "1d-rows" (cells depend along a row), "1d-columns" (along a column) and "none"."""
        alive = self.dependent_axes
        return "2d" if len(alive) == 2 else f"1d-{alive[0]}" if alive else "none"

    @property
    def clause(self) -> str:
        """The meaning of the verdict."""
        if self.unlike:
            return "the columns are quantities of different units, not cells of a line"
        if self.axes and not self.testable:
            return "too few lines to test whether their order matters"
        return VERDICTS[self.verdict]

    @property
    def dependent_axes(self) -> tuple[str, ...]:
        """Axes along which neighbours depend on each other, by the tests of the axes alone."""
        return significant_axes(self.axes)

    @property
    def unlike(self) -> float:
        """For columns of a plain table in units of their own: typical factor between two neighbours' scales, else 0."""
        return max((axis.unlike for axis in self.axes.values()), default=0.0)


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
    symmetries : mapping of str to Symmetry
        Answers found while the values were read: ``"sentinel"``.
    notes : tuple of str
        What was found out about rows and values before any test, in sentences.
    """

    layout: Layout | None = None
    grid: GridStatistics = field(default_factory=GridStatistics)
    n_samples_used: int = 0
    scores: LandmarkScores = field(default_factory=LandmarkScores)
    skipped: tuple[str, ...] = ()
    readings: tuple[Reading, ...] = ()
    recovered: Self | None = None
    seconds: float = 0.0
    symmetries: Mapping[str, Symmetry] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

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
        return GridStatistics(axes={name: AxisEvidence(side=side) for name, side in sides.items()}), len(grid)
    scaled, active = correlations.standardise(grid)
    morans_i, gearys_c = moran_and_geary(scaled)
    scaled = correlations.clip_tails(scaled)
    cells = correlations.cell_correlations(scaled, active)
    test = permutation_tests.compare_orders(cells, rng)
    lines = {
        "rows": correlations.line_correlations(scaled, active),
        "columns": correlations.line_correlations(scaled.swapaxes(2, 3), active.swapaxes(1, 2)),
    }
    mirrored = symmetric(grid)
    same_things = mirrored is not None and mirrored.answer == "yes"
    axes = measure_axes(lines, sides, test, rng, same_things=same_things)
    orders = {name: (axes[name].effect, axes[name].p_value or 0.0) for name in significant_axes(axes)}
    found = GridStatistics(
        neighbour_size=test.neighbours,
        expected_size=test.expected,
        morans_i=morans_i,
        gearys_c=gearys_c,
        axes=axes,
        directions=measure_directions(cells, lines, axes, test),
        lag_r2=correlations.lag_r2(cells),
        lag_r2_p_value=test.structure,
        marginals=compare_places(grid),
        patterns=count_patterns(cells, int(active.any(axis=0).sum()), rng),
        neighbour_map=_plain(neighbour_map(scaled, active)),
        symmetries=find_symmetries(grid, scaled, orders, mirrored, rng),
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
