"""Everything that can be said about a grid without knowing what is to be predicted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod

import numpy as np

from autoarch._data.layout import Layout
from autoarch._statistics import correlations, permutation_tests
from autoarch.locality.correlogram import along_a_line, along_diagonals, in_blocks, moran_and_geary, neighbour_map
from autoarch.locality.measurements import AxisEvidence, DirectionEvidence, Picture
from autoarch.locality.patterns import count_patterns
from autoarch.locality.report import LocalityReport
from autoarch.locality.stationarity import compare_places

MOST_VALUES = 1_000_000  # values read: 1,000 rows of 28 x 28, 244 of 64 x 64
FEWEST_SAMPLES = 3


def look_at(values: np.ndarray, layout: Layout, rng: np.random.Generator, *, hurried: bool = False) -> LocalityReport:
    """Run all statistics and their nulls on a sample of the rows.

    Parameters
    ----------
    values : ndarray of shape (n, p)
        Numbers, NaN where missing.
    layout : Layout
        Grid behind the columns.
    rng : Generator
        Source of rows and permutations.
    hurried : bool
        Read a fifth of the values.

    Returns
    -------
    LocalityReport
        Without landmarks.
    """
    n = len(values)
    most_values, fewest = (MOST_VALUES // 5, 30) if hurried else (MOST_VALUES, 100)
    most = int(np.clip(most_values / prod(layout.shape), fewest, correlations.MAX_ROWS))
    chosen = np.sort(rng.choice(n, most, replace=False)) if n > most else slice(None)
    grid = layout.to_grid(np.asarray(values[chosen]))
    sides = {"rows": layout.width, "columns": layout.height}
    if len(grid) < FEWEST_SAMPLES:
        axes = {name: AxisEvidence(side=side) for name, side in sides.items()}
        return LocalityReport(layout=layout, p_value=1.0, axes=axes, n_samples_used=len(grid))
    scaled, active = correlations.standardise(grid)
    cells = correlations.cell_correlations(scaled, active)
    test = permutation_tests.compare_orders(cells, rng)
    lines = {
        "rows": correlations.line_correlations(scaled, active),
        "columns": correlations.line_correlations(scaled.swapaxes(2, 3), active.swapaxes(1, 2)),
    }
    morans_i, gearys_c = moran_and_geary(scaled)
    return LocalityReport(
        layout=layout,
        p_value=test.p_value,
        neighbour_size=test.neighbours,
        expected_size=test.expected,
        axes=_adjusted({name: _axis(sides[name], *lines[name], test.expected, rng) for name in sides}),
        directions=_directions(cells, lines, test),
        lag_r2=correlations.lag_r2(cells),
        lag_r2_p_value=test.structure,
        morans_i=morans_i,
        gearys_c=gearys_c,
        marginals=compare_places(grid),
        patterns=count_patterns(cells, int(active.any(axis=0).sum()), rng),
        neighbour_map=_plain(neighbour_map(scaled, active)),
        n_samples_used=len(grid),
    )


def _axis(
    full_side: int, signed: np.ndarray, unsigned: np.ndarray, overall: float, rng: np.random.Generator
) -> AxisEvidence:
    """Evidence along one axis; its p-value is not yet adjusted."""
    side = len(signed)  # constant lines are out
    if side < 2:
        return AxisEvidence(side=full_side)
    share, expected = permutation_tests.line_p(signed, unsigned, rng) if side > 2 else (1.0, overall)
    return AxisEvidence(
        side=full_side,
        n_orders=permutation_tests.n_orders(side),
        p_value=share if side >= permutation_tests.FEWEST_ORDERED else None,
        share_of_orders=share,
        correlations=correlations.lag_means(signed),
        sizes=correlations.lag_means(unsigned),
        expected=expected,
    )


def _adjusted(axes: Mapping[str, AxisEvidence]) -> dict[str, AxisEvidence]:
    """Holm-adjust the p-values of the axes that have one."""
    adjusted = permutation_tests.holm({name: axis.p_value for name, axis in axes.items() if axis.p_value is not None})
    return {name: replace(axis, p_value=adjusted[name]) if name in adjusted else axis for name, axis in axes.items()}


def _directions(
    cells: correlations.CellCorrelations,
    lines: Mapping[str, tuple[np.ndarray, np.ndarray]],
    test: permutation_tests.CellTest,
) -> dict[str, DirectionEvidence]:
    """Correlograms along rows, columns and diagonals, where there is more than one step."""
    correlograms = {name: along_a_line(*matrices) for name, matrices in lines.items()}
    correlograms["diagonals"] = along_diagonals(cells)
    return {
        name: DirectionEvidence(signed, sizes, test.expected, test.directions.get(name))
        for name, (signed, sizes) in correlograms.items()
        if sizes
    }


def picture(values: np.ndarray, layout: Layout) -> Picture:
    """The mean sample on the grid, averaged over channels; sides above 48 cells are averaged in blocks."""
    most = int(np.clip(MOST_VALUES / prod(layout.shape), 100, correlations.MAX_ROWS))
    grid = layout.to_grid(values[:: max(1, -(-len(values) // most))]).astype(np.float64)
    there = ~np.isnan(grid)
    return _plain(in_blocks(np.where(there, grid, 0.0).sum(axis=(0, 1)), there.sum(axis=(0, 1))))


def _plain(numbers: np.ndarray) -> Picture:
    """Nested tuples, None for NaN."""
    return tuple(tuple(float(f"{number:.4g}") if np.isfinite(number) else None for number in line) for line in numbers)
