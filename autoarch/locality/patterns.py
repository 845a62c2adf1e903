"""Local patterns: does a sample hold enough independent patches and active neighbourhoods to share weights over?

**Effective patches.** With the covariance matrix C of the cells, N = (tr C)^2 / tr(C^2) is the number of independent
cells whose sum of squares would vary as much as that of these cells does [1]_. It is the number of cells where all are
independent and 1 where all say the same; smooth pictures lie far below their number of cells. On standardised cells
N = m^2 / sum of r^2. Sampling adds about (1 - r^2)^2 / (n - 1) to each r^2, which is taken off.

**Active neighbourhoods.** A cell's neighbourhood is active if the mean size of the correlation with its rook
neighbours exceeds 95 % of what the neighbourhoods of shuffled cells show. 5 % are active by chance. **Null.** Cells
permuted. **Consequence.** Where cells are redundant, some of them can be cut out of a sample.

References
----------
.. [1] C. S. Bretherton, M. Widmann, V. P. Dymnikov, J. M. Wallace, I. Blade, "The effective number of spatial degrees
   of freedom of a time-varying field", Journal of Climate 12, 1990-2009, 1999.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from autoarch._report.text import p_text
from autoarch._statistics.correlations import CellCorrelations
from autoarch.locality.constants import CONSTANTS
from autoarch.locality.measurements import CELLS_PERMUTED, Finding

N_SHUFFLES = 99
MOST_CELLS = 400  # whose neighbourhoods are compared
CHANCE = 0.05


@dataclass(frozen=True)
class PatternEvidence:
    """Number of local patterns in a sample, and share of the cells that hold them.

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

    @property
    def redundant(self) -> bool:
        """True where neighbours replace a cell that is cut out."""
        return 0.0 < self.density <= CONSTANTS["redundant_density"]

    @property
    def enough(self) -> bool:
        """True where there are enough patterns to share weights over."""
        return self.effective >= CONSTANTS["enough_patches"] and self.active >= CONSTANTS["enough_active"]


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
    >>> round(effective_patches(CellCorrelations(ends, ends, np.zeros(6, int), np.arange(6), 1000)), 2)
    2.0
    """
    m, n = len(correlations), correlations.n_samples
    squares = np.square(correlations.signed, dtype=np.float64)
    np.fill_diagonal(squares, 1.0)
    noise = np.square(1.0 - np.minimum(squares, 1.0)).sum() / max(n - 1, 1)
    return float(np.clip(m * m / max(squares.sum() - noise, m), 1.0, m))


def _active_share(correlations: CellCorrelations, rng: np.random.Generator) -> tuple[float, float]:
    """Share of cells in active neighbourhoods, and its p-value among shuffled grids."""
    number = correlations.numbered(border=1)
    steps = ((0, 1), (2, 1), (1, 0), (1, 2))
    beside = np.stack([number[correlations.row + down, correlations.column + across] for down, across in steps], axis=1)
    cells = np.flatnonzero((beside >= 0).any(axis=1))
    if len(cells) > MOST_CELLS:
        cells = np.sort(rng.choice(cells, MOST_CELLS, replace=False))
    if len(cells) < 4:
        return 0.0, 1.0
    m, present = len(correlations), beside[cells] >= 0
    neighbours = np.maximum(beside[cells], 0)  # any cell where there is none: its weight is 0
    sizes = correlations.unsigned.ravel()
    weights = present / present.sum(axis=1, keepdims=True)
    means = np.empty((1 + N_SHUFFLES, len(cells)))
    order = np.arange(m)
    for draw in range(len(means)):
        means[draw] = np.einsum("ij,ij->i", sizes[order[cells][:, None] * m + order[neighbours]], weights)
        order = rng.permutation(m)
    shares = (means > np.quantile(means[1:], 1 - CHANCE)).mean(axis=1)
    return float(shares[0]), float((shares >= shares[0]).mean())


def pattern_findings(patterns: PatternEvidence, *, ordered: bool) -> Iterator[Finding]:
    """The finding about a grid of which more than one cell varies.

    Where no axis is ``ordered``, neighbours are cells like any other and hold no local patterns: then only the number
    of independent cells is told.
    """
    if patterns.n_cells > 1 and not ordered:
        yield Finding(
            "Are there enough local patterns?",
            "effective number of independent cells",
            patterns.effective,
            "no test",
            None,
            patterns.density,
            f"A sample has about {patterns.effective:.1f} effective independent cells out of {patterns.n_cells}; "
            "local patterns need an axis whose order matters.",
        )
    if patterns.n_cells > 1 and ordered:
        yield Finding(
            "Are there enough local patterns?",
            "share of the cells in active neighbourhoods",
            patterns.active,
            CELLS_PERMUTED,
            patterns.p_value,
            max(patterns.active - CHANCE, 0.0) / (1 - CHANCE),
            f"A sample has about {patterns.effective:.1f} effective independent cells out of {patterns.n_cells}, and "
            f"{min(patterns.active, 1.0):.0%} of the cells correlate with their neighbours above the 95% quantile of "
            f"permuted cells ({p_text(patterns.p_value)}): {'enough' if patterns.enough else 'few'} local patterns to "
            "share weights over.",
        )
