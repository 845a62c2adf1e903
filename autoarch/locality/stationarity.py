"""Stationarity: does a pattern mean the same wherever it stands, and does each column, or row, mean something else?

**Statistic.** The share of all variance that lies between the means of the places (eta squared), and the typical
factor between the scales of two places. **Null.** Each sample could have stood anywhere along the direction: it is
shifted by a random amount, around the end. That keeps the dependence inside a sample, which permuting its cells
would not. Under this null the Fourier coefficients of the mean profile are independent and close to normal, with
variance P(k) = sum over samples of |F_i(k)|^2 / n^2, so that the variance of the mean profile is a weighted sum of
chi-squared variables. Its p-value follows from matching mean and variance [1]_; no draws are needed. **Consequence.**
Places that differ strongly speak against sharing weights, and for scaling each cell by itself.

References
----------
.. [1] F. E. Satterthwaite, "An approximate distribution of estimates of variance components", Biometrics Bulletin 2,
   110-114, 1946.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from autoarch._report.text import p_text
from autoarch.locality.constants import CONSTANTS
from autoarch.locality.measurements import CELLS_PERMUTED, LINES, Finding

MOST_VALUES = 250_000
STATIONARY = "Does a pattern mean the same wherever it stands?"


@dataclass(frozen=True)
class MarginalEvidence:
    """Differences between the places of one kind: all cells, the columns of the grid, or its rows.

    Parameters
    ----------
    between : float
        Share of the variance of all values that lies between the means of the places (eta squared), corrected for the
        samples' noise.
    scale_factor : float
        Typical factor between the scales of two places: exp of the standard deviation of the log standard deviations.
    p_value : float
        P-value of "each sample could stand anywhere along this direction", for the means.
    scale_p_value : float
        The same for the scales.
    """

    between: float = 0.0
    scale_factor: float = 1.0
    p_value: float = 1.0
    scale_p_value: float = 1.0

    @property
    def differs_strongly(self) -> bool:
        """True where level or scale differ by so much that one scale for all places is doubtful."""
        return self.between >= CONSTANTS["between_much"] or self.scale_factor >= CONSTANTS["scale_much"]


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
    for name, summed, side in (("cells", (), 2), ("rows", (2,), grid.shape[3]), ("columns", (3,), grid.shape[2])):
        if side > 1 and grid[0, 0].size > 1:
            found[name] = _compare(values.mean(axis=summed, keepdims=True), deviations.mean(axis=summed, keepdims=True))
    return found


def _centred(grid: np.ndarray) -> np.ndarray:
    """Give every channel mean 0 and variance 1 over all samples and cells; missing cells take their mean."""
    values = np.array(grid, dtype=np.float64)
    missing = np.isnan(values)
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


def unlike_neighbours(grid: np.ndarray) -> float:
    """Typical factor between the scales of two neighbours on a line, where they are unlike quantities, else 0.

    The cells of one line have one unit: where their scales differ at all, they rise and fall along the line. Columns of
    a plain table have units of their own: scales differ widely, between neighbours as much as between any two.

    Parameters
    ----------
    grid : ndarray of shape (n, C, 1, W)
        Values; NaN is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch.locality.stationarity import unlike_neighbours
    >>> noise = np.random.default_rng(0).normal(size=(100, 1, 1, 12))
    >>> unlike_neighbours(noise), unlike_neighbours(noise * np.exp(np.linspace(-3, 3, 12)))
    (0.0, 0.0)
    >>> unlike_neighbours(noise * 10.0 ** np.array([0, 2, -1, 3, 0, 1, -2, 0, 2, 1, 0, 3])) > 10
    True
    """
    with np.errstate(all="ignore"):
        scales = np.log(np.nanstd(grid.astype(np.float64), axis=0)[:, 0])
    scales[~np.isfinite(scales)] = np.nan
    scales = [line[~np.isnan(line)] for line in scales]
    scales = [line for line in scales if len(line) > 3]
    if not scales:
        return 0.0
    steps = np.concatenate([np.diff(line) for line in scales])
    spread = float(np.mean([line.std() for line in scales]))
    factor = float(np.exp(np.median(np.abs(steps))))
    rough = float(np.sqrt(np.square(steps).mean())) / max(2**0.5 * spread, 1e-12)
    unlike = np.exp(spread) >= CONSTANTS["scale_much"] and factor >= CONSTANTS["unlike_factor"]
    return factor if unlike and rough >= CONSTANTS["unlike_roughness"] else 0.0


def lag_finding(lag_r2: float, p_value: float) -> Finding:
    """Stationarity of the correlations: the part that displacement alone explains."""
    level = "mostly not stationary"
    if lag_r2 >= CONSTANTS["lag_r2_some"]:
        level = "largely stationary" if lag_r2 >= CONSTANTS["lag_r2_much"] else "partly stationary"
    return Finding(
        STATIONARY,
        "lag R2: variance of the correlations that displacement explains",
        lag_r2,
        CELLS_PERMUTED,
        p_value,
        max(lag_r2, 0.0),
        f"Correlations are {level}: displacement alone explains {min(max(lag_r2, 0.0), 1.0):.0%} of their variance "
        "(lag R2).",
    )


def marginal_findings(marginals: Mapping[str, MarginalEvidence]) -> Iterator[Finding]:
    """Stationarity of the marginals: equal means and scales of all cells."""
    if "cells" in marginals:
        cells = marginals["cells"]
        differ = "do not differ significantly"
        if cells.p_value <= CONSTANTS["alpha"]:
            differ = "differ strongly" if cells.between >= CONSTANTS["between_much"] else "differ"
        yield Finding(
            STATIONARY,
            "eta squared of the cells' means",
            cells.between,
            "each sample shifted by any amount along both axes",
            cells.p_value,
            cells.between,
            f"Means of the cells {differ} (eta squared {cells.between:.2f}, {p_text(cells.p_value)}); "
            f"typical ratio of their standard deviations {cells.scale_factor:.1f}.",
        )


def axis_marginal_findings(marginals: Mapping[str, MarginalEvidence], dependent: tuple[str, ...]) -> Iterator[Finding]:
    """Heterogeneity of the columns, and of the rows, of the grid; what it means along the ``dependent`` axes."""
    for name, (line, others) in LINES.items():
        if name not in marginals:
            continue
        lines = marginals[name]
        p_value = min(1.0, 2 * min(lines.p_value, lines.scale_p_value))
        reason, differ = "no reason", "no significant difference"
        if p_value <= CONSTANTS["alpha"]:
            reason = "a reason" if lines.differs_strongly else "a small reason"
            differ = "they differ strongly" if lines.differs_strongly else "they differ"
        meaning = f"{reason} against sharing weights along a {line}" if name in dependent else differ
        yield Finding(
            f"Does each place along a {line} mean something else?",
            f"eta squared of the means of the {others}",
            lines.between,
            f"each sample shifted by any amount along a {line}",
            p_value,
            lines.between,
            f"Means of the grid's {others}: eta squared {lines.between:.2f}, typical ratio of standard deviations "
            f"{lines.scale_factor:.1f} ({p_text(p_value)}): {meaning}.",
        )
