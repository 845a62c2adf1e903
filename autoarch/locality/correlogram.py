"""Correlograms and maps: how far does dependence between cells reach, and where on the grid do neighbours correlate?

**Statistic.** Mean correlation, and mean size of the correlation, at lag 1, 2, ... in each direction. **Null.** Whole
lines permuted along that axis; on diagonals, single cells. **Consequence.** The side of kernels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from autoarch._report.text import p_text
from autoarch._statistics.correlations import CellCorrelations, lag_means
from autoarch._statistics.permutation_tests import CellTest
from autoarch.locality.axes import AxisEvidence
from autoarch.locality.measurements import CELLS_PERMUTED, LINES, Finding

DIRECTIONS = {"rows": "a row", "columns": "a column", "diagonals": "a diagonal"}
LONGEST = 32  # steps; beyond, every correlogram is flat or the whole grid
WIDEST_MAP = 48  # sides of the map of neighbours that a report keeps


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
        Of the order along that axis, as in ``AxisEvidence``; on diagonals of "cells in any order would look the same",
        from distances 1 to 3.
    """

    correlations: tuple[float, ...]
    sizes: tuple[float, ...]
    overall: float = 0.0
    p_value: float | None = None

    @property
    def excess(self) -> float:
        """Excess of direct neighbours over all pairs of cells, as a share of what is possible."""
        return (self.sizes[0] - self.overall) / max(1.0 - self.overall, 1e-6)

    @property
    def reach(self) -> int:
        """Distance at which the excess over all pairs has fallen under 1/e of what it is between direct neighbours.

        0 where direct neighbours have no excess; the longest distance measured where it never falls so far.
        """
        return 0 if self.sizes[0] <= self.overall else self._fallen or len(self.sizes)

    @property
    def fades(self) -> bool:
        """True where the excess falls under 1/e within the distances measured."""
        return self._fallen is not None

    @property
    def _fallen(self) -> int | None:
        """First distance at which it has."""
        start = self.sizes[0] - self.overall
        steps = enumerate(self.sizes, start=1)
        return next((lag for lag, size in steps if size - self.overall < start / 2.718281828), None)


def measure_directions(
    cells: CellCorrelations,
    lines: Mapping[str, tuple[np.ndarray, np.ndarray]],
    axes: Mapping[str, AxisEvidence],
    test: CellTest,
) -> dict[str, DirectionEvidence]:
    """Correlograms along rows, columns and diagonals, where there is more than one step.

    Parameters
    ----------
    cells : CellCorrelations
        Between the cells of the grid.
    lines : mapping of str to (ndarray, ndarray)
        Signed and unsigned ``line_correlations`` of ``"rows"`` and ``"columns"``.
    axes : mapping of str to AxisEvidence
        P-values of the axes.
    test : CellTest
        P-value of the diagonals.
    """
    found = {}
    for name, matrices in lines.items():
        found[name] = [lag_means(matrix, min(LONGEST, len(matrix) - 1)) for matrix in matrices]
    p_values = {"diagonals": test.diagonals} | {name: axis.p_value for name, axis in axes.items()}
    return {
        name: DirectionEvidence(signed, sizes, test.expected, p_values[name])
        for name, (signed, sizes) in (found | {"diagonals": _along_diagonals(cells)}).items()
        if sizes
    }


def direction_findings(directions: Mapping[str, DirectionEvidence], dependent: tuple[str, ...]) -> Iterator[Finding]:
    """One finding per dependent axis, and one about diagonals where both axes are."""
    for name, direction in directions.items():
        if direction.p_value is None or not (name in dependent or (name == "diagonals" and len(dependent) == 2)):
            continue
        cells = "1 cell" if direction.reach == 1 else f"{direction.reach} cells"
        fading = "in size no more than between any two cells"
        if direction.reach:
            fading = f"fades within {cells}" if direction.fades else f"does not fade within the {cells} measured"
        null = f"{LINES[name][1]} permuted, one permutation for all samples" if name in LINES else CELLS_PERMUTED
        yield Finding(
            "Are neighbouring cells dependent?",
            f"mean |r| at lag 1 along {DIRECTIONS[name]}",
            direction.sizes[0],
            null,
            direction.p_value,
            direction.excess,
            f"Along {DIRECTIONS[name]}, mean |r| at lag 1 is {direction.sizes[0]:.2f} "
            f"({p_text(direction.p_value)}): {fading}.",
        )


def kernel_side(directions: Mapping[str, DirectionEvidence], dependent_axes: tuple[str, ...]) -> int | None:
    """Odd k that covers the reach of the dependence: from 3 to 7, or 9 along one axis, and no longer than the side."""
    along = [directions[name] for name in dependent_axes if name in directions]
    if not along:
        return None
    side = min(len(direction.sizes) + 1 for direction in along)
    most = min(7 if len(dependent_axes) == 2 else 9, max(side - 1 + side % 2, 3))
    return min(max(3, 2 * ((max(direction.reach for direction in along) + 1) // 2) + 1), most)


def moran_and_geary(scaled: np.ndarray) -> tuple[float, float]:
    """Moran's I and Geary's C, averaged over samples and channels.

    Parameters
    ----------
    scaled : ndarray of shape (n, C, H, W)
        From ``standardise``.

    Returns
    -------
    morans_i : float
        Above 0 where neighbours are alike, below 0 where they alternate; 0 where nothing varies.
    gearys_c : float
        Below 1 where neighbours are alike, above 1 where they alternate; 1 where nothing varies.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch.locality.correlogram import moran_and_geary
    >>> checks = np.indices((4, 4)).sum(axis=0) % 2 * 2.0 - 1.0
    >>> moran_and_geary(checks[None, None])
    (-1.0, 1.875)
    """
    height, width = scaled.shape[2:]
    n_cells, n_pairs = height * width, (height - 1) * width + height * (width - 1)
    centred = scaled - scaled.mean(axis=(2, 3), dtype=np.float64, keepdims=True).astype(scaled.dtype)
    energy = np.einsum("nchw,nchw->nc", centred, centred)
    together, apart = np.zeros((2, *energy.shape), dtype=energy.dtype)
    for first, second in ((centred[:, :, 1:], centred[:, :, :-1]), (centred[..., 1:], centred[..., :-1])):
        together += np.einsum("nchw,nchw->nc", first, second)
        apart += np.einsum("nchw,nchw->nc", first - second, first - second)
    some = energy > 1e-9
    if not some.any():
        return 0.0, 1.0
    morans_i = n_cells / n_pairs * (together[some] / energy[some])
    gearys_c = (n_cells - 1) / (2 * n_pairs) * (apart[some] / energy[some])
    return float(morans_i.mean(dtype=np.float64)), float(gearys_c.mean(dtype=np.float64))


def _along_diagonals(correlations: CellCorrelations) -> list[tuple[float, ...]]:
    """Mean correlation and mean size at 1, 2, ... steps along both diagonals, as far as cells stand so."""
    falling = correlations.numbered()
    number = np.stack([falling, falling[:, ::-1]])  # mirrored, the rising diagonals fall
    pairs = []
    for lag in range(1, min(LONGEST, *(side - 1 for side in falling.shape)) + 1):
        first, second = number[:, :-lag, :-lag], number[:, lag:, lag:]
        both = (first >= 0) & (second >= 0)
        if not both.any():
            break
        pairs.append((first[both], second[both]))
    matrices = correlations.signed, correlations.unsigned
    return [tuple(float(matrix[pair].mean()) for pair in pairs) for matrix in matrices]


def neighbour_map(scaled: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Mean correlation of each cell with its rook neighbours, over channels.

    Returns
    -------
    ndarray of shape (H, W), or smaller
        NaN where a cell or all its neighbours never vary. Sides above 48 cells are averaged in blocks.
    """
    total, count = np.zeros((2, *scaled.shape[2:]))
    for axis in (0, 1):
        lines, varies = np.moveaxis(scaled, axis + 2, 2), np.moveaxis(active, axis + 1, 1)
        both = varies[:, 1:] & varies[:, :-1]
        products = np.einsum("nchw,nchw->chw", lines[:, :, 1:], lines[:, :, :-1]) / len(scaled)
        summed, pairs = np.where(both, products, 0.0).sum(axis=0), both.sum(axis=0)
        for whole, part in ((total, summed), (count, pairs)):
            line = np.moveaxis(whole, axis, 0)
            line[1:] += part
            line[:-1] += part
    return blocks(np.where(count > 0, total, 0.0), count)


def blocks(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Ratio of two sums, taken over blocks of cells where a side is too long to show."""
    for axis, side in enumerate(total.shape):
        if side > WIDEST_MAP:
            starts = np.linspace(0, side, WIDEST_MAP, endpoint=False).astype(int)
            total, count = (np.add.reduceat(part, starts, axis=axis) for part in (total, count))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
