"""Whether values mean the same at every place: stationarity of the marginals, and heterogeneity along each axis.

**Statistic.** The share of all variance that lies between the means of the places (eta squared), and the typical
factor between the scales of two places. **Null.** Each sample could have stood anywhere along the direction: it is
shifted by a random amount, around the end. That keeps the dependence inside a sample, which permuting its cells
would not. Under this null the Fourier coefficients of the mean profile are independent and close to normal, with
variance P(k) = sum over samples of |F_i(k)|^2 / n^2, so that the variance of the mean profile is a weighted sum of
chi-squared variables. Its p-value follows from matching mean and variance [1]_; no draws are needed.

References
----------
.. [1] F. E. Satterthwaite, "An approximate distribution of estimates of variance components", Biometrics Bulletin 2,
   110-114, 1946.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import chdtrc

from autoarch.locality.measurements import MarginalEvidence

MOST_VALUES = 250_000
DIRECTIONS = ("cells", "rows", "columns")


def compare_places(grid: np.ndarray) -> Mapping[str, MarginalEvidence]:
    """Compare all cells, the cells along a row (its columns) and those along a column (its rows).

    Parameters
    ----------
    grid : ndarray of shape (n, C, H, W)
        Values; NaN is missing.

    Returns
    -------
    mapping of str to MarginalEvidence
        ``"cells"``, ``"rows"``, ``"columns"``; an axis of one cell is left out.
    """
    values = _centred(grid[: max(20, MOST_VALUES // max(1, grid[0].size))])
    deviations = np.square(values - values.mean(axis=0))
    found = {}
    for name, summed, side in zip(DIRECTIONS, ((), (2,), (3,)), (2, grid.shape[3], grid.shape[2]), strict=True):
        if side > 1 and grid[0, 0].size > 1:
            found[name] = _compare(values.mean(axis=summed, keepdims=True), deviations.mean(axis=summed, keepdims=True))
    return found


def _centred(grid: np.ndarray) -> np.ndarray:
    """Give every channel mean 0 and variance 1 over all samples and cells; missing cells take their mean."""
    values = np.array(grid, dtype=np.float64)
    missing = np.isnan(values)
    if missing.any():
        values[missing] = 0.0
        means = values.sum(axis=0) / np.maximum((~missing).sum(axis=0), 1)
        values = np.where(missing, means, values)
    values /= np.maximum(np.abs(values).max(axis=(0, 2, 3), keepdims=True), 1e-300)
    values -= values.mean(axis=(0, 2, 3), keepdims=True)
    return values / np.maximum(values.std(axis=(0, 2, 3), keepdims=True), 1e-12)


def _compare(profiles: np.ndarray, energies: np.ndarray) -> MarginalEvidence:
    """Compare the places of profiles of shape (n, C, h, w) by mean, and by mean squared deviation.

    Values have variance 1, so that the variance between means is a share.
    """
    means, scales = profiles.mean(axis=0), np.sqrt(energies.mean(axis=0))
    noise = profiles.var(axis=0).mean() / max(len(profiles) - 1, 1)
    varying = [scale[scale > 1e-3 * max(scale.max(), 1e-12)] for scale in scales]
    spreads = [np.log(scale).std() for scale in varying if len(scale) > 1]
    return MarginalEvidence(
        between=float(np.clip(means.var(axis=(1, 2)).mean() - noise, 0.0, 1.0)),
        scale_factor=float(np.exp(np.mean(spreads))) if spreads else 1.0,
        p_value=shift_p(profiles),
        scale_p_value=shift_p(energies),
    )


def shift_p(profiles: np.ndarray) -> float:
    """P-value of "each profile could be shifted by any amount", against unequal means of the places.

    Parameters
    ----------
    profiles : ndarray of shape (n, C, h, w)
        One profile per sample; channels are taken together.

    Returns
    -------
    float
        1 where nothing varies or there are fewer than two samples.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch.locality.stationarity import shift_p
    >>> rng = np.random.default_rng(0)
    >>> noise = rng.normal(size=(50, 1, 1, 8))
    >>> shift_p(noise) > 0.05, shift_p(noise + np.arange(8)) < 0.001
    (True, True)
    """
    n = len(profiles)
    if n < 2:
        return 1.0
    coefficients = np.fft.fft2(profiles, axes=(2, 3))
    coefficients[:, :, 0, 0] = 0.0
    observed = float(np.square(np.abs(coefficients.mean(axis=0))).sum())
    power = np.square(np.abs(coefficients)).sum(axis=0) / n**2
    total = float(power.sum())
    if total <= 1e-12 * max(1.0, float(np.square(profiles).sum())) / n**2:
        return 1.0
    freedom = total**2 / float(np.square(power).sum())
    return float(chdtrc(freedom, freedom * observed / total))
