"""Statistics of a grid that need no target: all questions about its cells, asked of a sample of the rows."""

from __future__ import annotations

from math import prod

import numpy as np

from autoarch._data.layout import Layout
from autoarch._statistics import correlations, permutation_tests
from autoarch.locality.axes import AxisEvidence, measure_axes
from autoarch.locality.correlogram import in_blocks, measure_directions, moran_and_geary, neighbour_map
from autoarch.locality.measurements import GridStatistics, Picture
from autoarch.locality.patterns import count_patterns
from autoarch.locality.stationarity import compare_places

MOST_VALUES = 1_000_000  # values read: 1,000 rows of 28 x 28, 244 of 64 x 64
FEWEST_SAMPLES = 3


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
    return _plain(in_blocks(np.where(there, grid, 0.0).sum(axis=(0, 1)), there.sum(axis=(0, 1))))


def _plain(numbers: np.ndarray) -> Picture:
    """Nested tuples, None for NaN."""
    return tuple(tuple(float(f"{number:.4g}") if np.isfinite(number) else None for number in line) for line in numbers)
