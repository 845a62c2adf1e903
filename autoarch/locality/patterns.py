"""How many local patterns a sample holds: effective patches, and the share of cells in active neighbourhoods.

**Effective patches.** With the covariance matrix C of the cells, N = (tr C)^2 / tr(C^2) is the number of independent
cells whose sum of squares would vary as much as that of these cells does [1]_. It is the number of cells where all are
independent and 1 where all say the same; smooth pictures lie far below their number of cells. On standardised cells
N = m^2 / sum of r^2. Sampling adds about (1 - r^2)^2 / (n - 1) to each r^2, which is taken off.

**Active neighbourhoods.** A cell's neighbourhood is active if the mean size of the correlation with its rook
neighbours exceeds 95 % of what the neighbourhoods of shuffled cells show. 5 % are active by chance.

References
----------
.. [1] C. S. Bretherton, M. Widmann, V. P. Dymnikov, J. M. Wallace, I. Blade, "The effective number of spatial degrees
   of freedom of a time-varying field", Journal of Climate 12, 1990-2009, 1999.
"""

from __future__ import annotations

import numpy as np

from autoarch._statistics.correlations import CellCorrelations
from autoarch.locality.measurements import PatternEvidence

N_SHUFFLES = 99
MOST_CELLS = 400  # whose neighbourhoods are compared
CHANCE = 0.05


def count_patterns(correlations: CellCorrelations, n_cells: int, rng: np.random.Generator) -> PatternEvidence:
    """Effective patches and active neighbourhoods.

    Parameters
    ----------
    correlations : CellCorrelations
        Of all varying cells, or of a part of a large grid.
    n_cells : int
        Cells of the whole grid that vary; what a part shows is scaled up to them.
    rng : Generator
        Source of the shuffles.
    """
    m = len(correlations)
    if m < 2:
        return PatternEvidence(n_cells=n_cells, effective=float(n_cells))
    active, p_value = _active_share(correlations, rng)
    return PatternEvidence(n_cells, effective_patches(correlations) * n_cells / m, active, p_value)


def effective_patches(correlations: CellCorrelations) -> float:
    """Compute (tr C)^2 / tr(C^2), corrected for sampling noise; between 1 and the number of cells.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch.locality.patterns import effective_patches
    >>> from autoarch._statistics.correlations import CellCorrelations
    >>> ends = np.kron(np.eye(2), np.ones((3, 3)))  # two groups of three equal cells
    >>> round(effective_patches(CellCorrelations(ends, ends, np.zeros(6, int), np.arange(6), 1000, True)), 2)
    2.0
    """
    m, n = len(correlations), correlations.n_samples
    squares = np.square(correlations.signed, dtype=np.float64)
    np.fill_diagonal(squares, 1.0)
    noise = np.square(1.0 - np.minimum(squares, 1.0)).sum() / max(n - 1, 1)
    return float(np.clip(m * m / max(squares.sum() - noise, m), 1.0, m))


def _active_share(correlations: CellCorrelations, rng: np.random.Generator) -> tuple[float, float]:
    """Share of cells in active neighbourhoods, and its p-value among shuffled grids."""
    cells, neighbours, present = _neighbourhoods(correlations)
    if len(cells) > MOST_CELLS:
        kept = np.sort(rng.choice(len(cells), MOST_CELLS, replace=False))
        cells, neighbours, present = cells[kept], neighbours[kept], present[kept]
    if len(cells) < 4:
        return 0.0, 1.0
    m = len(correlations)
    sizes = correlations.unsigned.ravel()
    weights = present / present.sum(axis=1, keepdims=True)
    means = np.empty((1 + N_SHUFFLES, len(cells)))
    order = np.arange(m)
    for draw in range(len(means)):
        means[draw] = np.einsum("ij,ij->i", sizes[order[cells][:, None] * m + order[neighbours]], weights)
        order = rng.permutation(m)
    shares = (means > np.quantile(means[1:], 1 - CHANCE)).mean(axis=1)
    return float(shares[0]), float((shares >= shares[0]).mean())


def _neighbourhoods(correlations: CellCorrelations) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells with a neighbour, the indices of their four rook neighbours (0 where absent), and which are present."""
    row, column = correlations.row, correlations.column
    number = correlations.numbered(border=1)
    steps = ((0, 1), (2, 1), (1, 0), (1, 2))
    neighbours = np.stack([number[row + down, column + across] for down, across in steps], axis=1)
    present = neighbours >= 0
    cells = np.nonzero(present.any(axis=1))[0]
    return cells, np.maximum(neighbours[cells], 0), present[cells]
