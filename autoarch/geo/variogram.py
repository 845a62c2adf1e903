"""The semivariogram of an attribute and its range, beyond which values are no longer autocorrelated.

The semivariance of a distance is half the mean squared difference of two points so far apart (Matheron's estimator).
For class labels it is the share of pairs of different classes. A model is fitted to it by least squares; where it
levels off is the range.

References
----------
.. [1] G. Matheron, "Principles of geostatistics", Economic Geology 58, 1246-1266, 1963.
.. [2] N. Cressie, "Fitting variogram models by weighted least squares", Mathematical Geology 17, 563-586, 1985.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize_scalar, nnls
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist

from autoarch._core.checks import check_positive, check_whole, seed_of
from autoarch._data.points import Places, check_places
from autoarch._report.display import Display
from autoarch._report.figure import BLUE, LIGHT, ORANGE, axes_on
from autoarch.exceptions import InputError
from autoarch.geo.moran import moran_of_matrix, nearest_weights
from autoarch.geo.values import read_values

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAR_POINTS = 1_500  # whose pairs are all measured: a million
NEAR_POINTS = 4_000  # whose neighbours are measured too, since few of the pairs above are near
NEIGHBOURS = 12
MIN_PAIRS = 30  # of a lag; fewer say nothing (Journel and Huijbregts)
ENOUGH_PAIRS = 300  # of a lag for half of its full weight: more pairs share points, and add less
DOMAIN = 0.5  # longest lag, as a share of the longest distance; beyond it few points make all pairs
LONGEST = 0.99  # quantile of the distances that counts as the longest, so that one outlier does not decide
_MOST_LAGS = 1_000
SIGNIFICANT = 2.33  # z of Moran's I below which there is no structure: one in a hundred without any
LEAST_SILL = 0.01  # share of the variance that must depend on distance

# Each rises from 0 to 1. Its practical range, where it reaches 95 % (the spherical one all), is 1.
MODELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "spherical": lambda h: np.where(h < 1, 1.5 * h - 0.5 * h**3, 1.0),
    "exponential": lambda h: 1 - np.exp(-3 * h),
    "gaussian": lambda h: 1 - np.exp(-3 * h**2),
}


@dataclass(frozen=True, eq=False)
class Variogram:
    """Semivariances by distance, and the model fitted to them.

    Parameters
    ----------
    lags, semivariances : ndarray of shape (m,)
        Mean distance of the pairs of each lag (kilometres on the globe), and half their mean squared difference.
    counts : ndarray of shape (m,)
        Pairs behind each.
    model : str or None
        ``"spherical"``, ``"exponential"`` or ``"gaussian"``; None without structure.
    nugget, sill : float
        Semivariance at distance 0, and where the model levels off.
    range : float or None
        Distance beyond which values are not autocorrelated: where the model reaches 95 % (the spherical one 100 %) of
        its rise. Infinite if it still rises at the longest lag; None if values do not depend on their neighbours.
    geographic : bool
        Whether distances are kilometres.
    """

    lags: np.ndarray
    semivariances: np.ndarray
    counts: np.ndarray
    model: str | None
    nugget: float
    sill: float
    range: float | None
    geographic: bool = False

    @property
    def nugget_share(self) -> float:
        """Share of the sill that neighbours do not share: 0 for smooth values, 1 without structure."""
        return self.nugget / self.sill if self.sill > 0 else 1.0

    def plot(self, ax: Axes | None = None) -> Display:
        """Draw the semivariances, the model, the sill and the range.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        Display
            With ``ax_`` and ``figure_``.
        """
        ax = axes_on(ax, (4.2, 3.6), purpose="Drawing a variogram")
        ax.plot(self.lags, self.semivariances, "o", ms=4, color=BLUE)
        ax.axhline(self.sill, color=LIGHT, lw=1, zorder=0)
        unit = " km" if self.geographic else ""
        title = "no structure" if self.range is None else "range beyond the longest lag"
        if self.range is not None and np.isfinite(self.range):
            distance = np.linspace(0, self.lags.max(), 200)
            rise = MODELS[str(self.model)](distance / self.range)
            ax.plot(distance, self.nugget + (self.sill - self.nugget) * rise, color=BLUE, lw=1)
            ax.axvline(self.range, color=ORANGE, lw=1)
            title = f"range {self.range:.3g}{unit}"
        title = f"{title}, nugget {self.nugget_share:.0%}"
        ax.set(xlabel=f"distance{' (km)' if unit else ''}", ylabel="semivariance", ylim=(0, None), title=title)
        return Display.on(ax)


def fit_variogram(
    places: Places,
    values: Any,
    *,
    n_lags: int = 20,
    max_distance: float | None = None,
    labels: bool | str = "auto",
    random_state: Any = None,
) -> Variogram:
    """Measure and fit the semivariogram of one attribute.

    Lags grow by a constant factor, so that both a short range and a long one are seen. All pairs of up to 1,500 points
    are measured, and the nearest neighbours of up to 4,000.

    The model is the best of three by squared errors weighted with the pairs of a lag over its distance squared. Its
    range counts where there is significant autocorrelation (Moran's I, one in a hundred).

    Parameters
    ----------
    places : Places of length n
        Where the values stand.
    values : array-like of shape (n,) or (n, q)
        Numbers or class labels; of several columns, each at variance 1, the sum. Points without a value are left out.
    n_lags : int, default=20
        Classes of distance.
    max_distance : float or None, default=None
        Longest distance (kilometres on the globe); None for half of the longest one between two points.
    labels : bool or "auto", default="auto"
        Whether ``values`` are classes; "auto" says so of words, and of whole numbers of few values.
    random_state : int, RandomState instance or None, default=None
        Seed of the pairs, where not all are measured.

    Returns
    -------
    Variogram

    Raises
    ------
    ParameterError
        If ``n_lags`` or ``max_distance`` makes no sense.
    InputError
        If fewer than 10 points have a value, or all stand at one place.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._data.points import Places, check_places
    >>> from autoarch.geo.variogram import fit_variogram
    >>> rng = np.random.default_rng(0)
    >>> points = rng.uniform(0, 100, size=(2000, 2))
    >>> waves = np.sin(points[:, 0] / 5) + np.sin(points[:, 1] / 5)  # half a wave is 16 units long
    >>> found = fit_variogram(Places(points), waves, random_state=0)
    >>> 8 < found.range < 16
    True
    >>> print(fit_variogram(Places(points), rng.normal(size=2000), random_state=0).range)
    None
    """
    n_lags = check_whole("n_lags", n_lags, least=5, most=_MOST_LAGS)
    if max_distance is not None:
        check_positive("max_distance", max_distance, absent="None for half of the map")
    check_places(places)
    read = read_values(values, len(places), labels=labels)
    rng = np.random.default_rng(seed_of(random_state))
    there = np.flatnonzero(read.present)
    if len(there) < 10:
        raise InputError(f"{len(there)} points have a value; a variogram needs at least 10.")
    places, matrix = places.take(there), read.matrix[there]
    unit = np.abs(matrix).max() or 1.0  # squares of very large and of very small values are no numbers
    matrix = matrix / unit
    distances, halves = _pairs(places, matrix, rng)
    if not (distances > 0).any():
        raise InputError(f"All {len(there)} points stand at one place; a variogram needs different places.")
    longest = DOMAIN * float(np.quantile(distances[distances > 0], LONGEST))
    longest = longest if max_distance is None else float(max_distance)
    lags, gammas, counts = _by_lag(distances, halves, n_lags, _nearest(places, rng), longest)
    level = float(np.square(matrix - matrix.mean(axis=0)).sum(axis=1).mean())
    with np.errstate(over="ignore", under="ignore"):
        square = float(np.square(unit))
    flat = Variogram(lags, square * gammas, counts, None, square * level, square * level, None, places.geographic)
    if len(lags) < 3 or level == 0 or moran_of_matrix(matrix, nearest_weights(places, 8), 0, rng).z < SIGNIFICANT:
        return flat
    name, scale, nugget, rise = _fit(lags, gammas, counts, longest)
    if rise <= LEAST_SILL * (nugget + rise):
        return flat
    distance = scale if scale < longest else np.inf
    return replace(flat, model=name, nugget=square * nugget, sill=square * (nugget + rise), range=distance)


def _pairs(places: Places, matrix: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Distances of pairs, and half the squared differences of their values."""
    space = places.space
    some = rng.permutation(len(space))[:FAR_POINTS]
    distances, halves = [pdist(space[some])], [pdist(matrix[some], "sqeuclidean") / 2]
    if len(space) > FAR_POINTS:
        near = rng.permutation(len(space))[:NEAR_POINTS]
        straight, found = places.tree().query(space[near], k=NEIGHBOURS + 1)
        others = found != near[:, None]
        distances.append(straight[others])
        halves.append(np.square(matrix[near][:, None] - matrix[found]).sum(axis=2)[others] / 2)
    return places.distance(np.concatenate(distances)), np.concatenate(halves)


def _nearest(places: Places, rng: np.random.Generator) -> float:
    """Median distance to the nearest other place: what is nearer are rows of one place, or nearly so."""
    distinct = np.unique(places.space, axis=0)
    some = rng.permutation(len(distinct))[:NEAR_POINTS]
    return float(np.median(places.distance(cKDTree(distinct).query(distinct[some], k=2)[0][:, 1])))


def _by_lag(
    distances: np.ndarray, halves: np.ndarray, n_lags: int, nearest: float, longest: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means of the lags that have enough pairs."""
    within = distances <= longest
    distances, halves = distances[within], halves[within]
    shortest = min(max(nearest, longest / 1e4), longest / 2)
    edges = np.geomspace(shortest, longest, n_lags)[:-1]
    lag = np.searchsorted(edges, distances)
    counts = np.bincount(lag, minlength=n_lags)
    kept = counts >= min(MIN_PAIRS, max(1, len(distances) // (2 * n_lags)))
    means = [np.bincount(lag, weights=part, minlength=n_lags)[kept] / counts[kept] for part in (distances, halves)]
    return means[0], means[1], counts[kept]


def _fit(lags: np.ndarray, gammas: np.ndarray, counts: np.ndarray, longest: float) -> tuple[str, float, float, float]:
    """Model, practical range, nugget and rise above it; given the range, the other two are linear."""
    root = np.sqrt(counts / (counts + ENOUGH_PAIRS))
    scales = np.geomspace(max(lags[lags > 0].min() / 2, longest / 1e4), 4 * longest, 40)

    def solve(model: Callable[[np.ndarray], np.ndarray], scale: float) -> tuple[np.ndarray, float]:
        design = np.column_stack([np.ones_like(lags), model(lags / scale)])
        return nnls(design * root[:, None], gammas * root)

    fitted = []
    for name, model in MODELS.items():
        i = int(np.argmin([solve(model, scale)[1] for scale in scales]))
        bounds = np.log(scales[max(i - 1, 0)]), np.log(scales[min(i + 1, len(scales) - 1)])
        finer = minimize_scalar(
            lambda log_scale, model=model: solve(model, np.exp(log_scale))[1], bounds=bounds, method="bounded"
        )
        fitted.append((float(finer.fun), name, float(np.exp(finer.x))))
    _, name, scale = min(fitted, key=lambda each: each[0])
    nugget, rise = solve(MODELS[name], scale)[0]
    return name, scale, float(nugget), float(rise)
