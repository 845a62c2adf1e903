"""Moran's I and Geary's C as everybody defines them: for one sample at a time, then averaged.

Cells are standardised over the samples first (``statistics.standardise``), because otherwise the mean picture, which
any table with unequal column means has, would count as locality. Each sample is then centred; rook neighbours weigh 1.
All cells of the lattice count; those that never vary stand at their mean, 0.

Imports: numpy.

References
----------
.. [1] P. A. P. Moran, "Notes on continuous stochastic phenomena", Biometrika 37, 17-23, 1950.
.. [2] R. C. Geary, "The contiguity ratio and statistical mapping", The Incorporated Statistician 5, 115-145, 1954.
.. [3] A. D. Cliff and J. K. Ord, "Spatial Processes: Models and Applications", Pion, 1981.
"""

from __future__ import annotations

import numpy as np


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
    >>> from autoarch.locality.autocorrelation import moran_and_geary
    >>> checks = np.indices((4, 4)).sum(axis=0) % 2 * 2.0 - 1.0
    >>> moran_and_geary(checks[None, None])
    (-1.0, 1.875)
    """
    n_cells = scaled.shape[2] * scaled.shape[3]
    down, across = scaled[:, :, 1:], scaled[:, :, :, 1:]
    n_pairs = down[0, 0].size + across[0, 0].size if len(scaled) else 0
    if n_pairs == 0:
        return 0.0, 1.0
    centred = scaled - scaled.mean(axis=(2, 3), dtype=np.float64, keepdims=True).astype(scaled.dtype)
    energy = np.einsum("nchw,nchw->nc", centred, centred)
    together = np.einsum("nchw,nchw->nc", centred[:, :, 1:], centred[:, :, :-1])
    together += np.einsum("nchw,nchw->nc", centred[:, :, :, 1:], centred[:, :, :, :-1])
    # (a - b)^2 summed over pairs is the energy times the neighbours that each cell has, less 2ab
    neighbours = _n_neighbours(*scaled.shape[2:]).astype(scaled.dtype)
    apart = np.einsum("nchw,nchw,hw->nc", centred, centred, neighbours) - 2 * together
    some = energy > 1e-9
    if not some.any():
        return 0.0, 1.0
    morans_i = n_cells / n_pairs * (together[some] / energy[some])
    gearys_c = (n_cells - 1) / (2 * n_pairs) * (apart[some] / energy[some])
    return float(morans_i.mean(dtype=np.float64)), float(gearys_c.mean(dtype=np.float64))


def _n_neighbours(height: int, width: int) -> np.ndarray:
    """Rook neighbours that each cell of the lattice has."""
    counts = np.zeros((height, width))
    counts[1:] += 1
    counts[:-1] += 1
    counts[:, 1:] += 1
    counts[:, :-1] += 1
    return counts
