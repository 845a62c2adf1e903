"""Moran's I of numbers and of class labels, with its moments under permutation.

For one number per point it is the usual statistic. For class labels it is the mean of Moran's I of the
0/1 codes of each class, weighted by their variances: the share of neighbours of one's own class, on the same scale.
Both are one formula, Mantel's statistic of the weights and of the products of centred values, so both have exact
moments under permutation.

References
----------
.. [1] P. A. P. Moran, "Notes on continuous stochastic phenomena", Biometrika 37, 17-23, 1950.
.. [2] A. D. Cliff and J. K. Ord, "Spatial Processes: Models and Applications", Pion, 1981.
.. [3] N. Mantel, "The detection of disease clustering and a generalized regression approach", Cancer Research 27,
   209-220, 1967.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from scipy.stats import norm
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from autoarch._core.checks import check_positive, check_whole
from autoarch._data.points import Places
from autoarch._report.display import Display
from autoarch._report.figure import BLUE, LIGHT, ORANGE, axes_on
from autoarch.exceptions import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_NEIGHBOURS = 50_000_000  # of all points together: 600 MB; a wider band is a slip of the unit
PROBED = 1_000  # points whose neighbours are counted before a band is built
SHOWN_POINTS = 2_000  # kept for the picture
BATCH_CELLS = 4_000_000  # permuted values held at a time


@dataclass(frozen=True, eq=False)
class Weights:
    """Neighbours of every point.

    Parameters
    ----------
    matrix : csr_array of shape (n, n)
        Row i weighs the neighbours of point i; rows sum to 1, or to 0 where there is no neighbour.
    description : str
        What they are, in words.
    """

    matrix: csr_array
    description: str

    @cached_property
    def sums(self) -> tuple[float, float, float]:
        """S0, S1 and S2 of Cliff and Ord: what the moments of Moran's I need to know of the weights."""
        both = self.matrix + self.matrix.T
        s0 = float(self.matrix.sum())
        s1 = float(both.multiply(both).sum()) / 2
        s2 = float(np.square(np.asarray(both.sum(axis=1))).sum())
        return s0, s1, s2


def nearest_weights(places: Places, k: int) -> Weights:
    """Weigh the k nearest other points equally; with fewer points, all others.

    Parameters
    ----------
    places : Places of length n
        The points. Points at one place are neighbours at distance 0.
    k : int
        Neighbours of each point.

    Returns
    -------
    Weights

    Raises
    ------
    ParameterError
        If ``k`` is no whole number of at least 1.
    InputError
        If there are fewer than two points.
    """
    k, n = check_whole("k", k, least=1), _count(places)
    k = min(k, n - 1)
    found = places.tree().query(places.space, k=k + 1)[1]
    # A point is not always the first of those at its place, and with many of them not even among those found.
    itself = found == np.arange(n)[:, None]
    itself[~itself.any(axis=1), -1] = True
    matrix = csr_array((np.full(n * k, 1.0 / k), found[~itself], np.arange(0, n * k + 1, k)), shape=(n, n))
    return Weights(matrix, f"{k} nearest neighbours")


def band_weights(places: Places, distance: float) -> Weights:
    """Weigh all other points within ``distance`` equally.

    Parameters
    ----------
    places : Places of length n
        The points.
    distance : float
        Kilometres on the globe, units of the coordinates on a plane.

    Returns
    -------
    Weights

    Raises
    ------
    ParameterError
        If ``distance`` is no finite number above 0.
    InputError
        If no point has a neighbour, or too many have too many.
    """
    distance, n = check_positive("distance", distance), _count(places)
    band = f"{distance:g}{' km' if places.geographic else ''}"
    radius = places.straight(distance)
    probed = places.space[np.linspace(0, n - 1, min(n, PROBED)).astype(int)]
    expected = np.mean(places.tree().query_ball_point(probed, radius, return_length=True) - 1.0) * n
    if expected > MAX_NEIGHBOURS:
        raise InputError(
            f"distance={band} gives {n} points about {expected:.2g} neighbours in all, more than "
            f"{MAX_NEIGHBOURS:.2g}. Pass a shorter distance, fewer points, or k for the nearest ones."
        )
    graph = NearestNeighbors(radius=radius, algorithm="kd_tree").fit(places.space).radius_neighbors_graph()
    if not graph.nnz:
        raise InputError(
            f"No two of {n} points are within distance={band}. Pass a longer distance, or k for the nearest points."
        )
    return Weights(csr_array(normalize(graph, norm="l1")), f"all within {band}")


def _count(places: Places) -> int:
    if len(places) < 2:
        raise InputError(f"{len(places)} points were given; neighbours need at least 2.")
    return len(places)


@dataclass(frozen=True, eq=False)
class MoranResult:
    """Moran's I, and its mean and variance over all orders of the values.

    Parameters
    ----------
    statistic : float
        Moran's I; above ``expected`` where neighbours are autocorrelated. 0 where nothing varies.
    expected, variance : float
        Its mean and variance over all orders of the values.
    z : float
        Standard deviations between ``statistic`` and ``expected``.
    p_value : float
        Two-sided, in [0, 1]: from the normal distribution, or from permutations where some are drawn.
    n : int
        Points used.
    weights : str
        The neighbours, in words.
    permutations : int
        Orders that were drawn; 0 if ``p_value`` is analytic.
    shown : ndarray of shape (m, 2)
        Some centred values and the means of their neighbours, for the picture.
    """

    statistic: float
    expected: float
    variance: float
    z: float
    p_value: float
    n: int
    weights: str
    permutations: int = 0
    shown: np.ndarray = field(default_factory=lambda: np.empty((0, 2)), repr=False)

    def plot(self, ax: Axes | None = None) -> Display:
        """Draw values against the means of their neighbours; the slope of the line is Moran's I.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        Display
            With ``ax_`` and ``figure_``.
        """
        ax = axes_on(ax, (4.2, 3.6), purpose="Drawing Moran's I")
        value, around = self.shown.T
        ax.plot(value, around, "o", ms=3, alpha=0.4, mew=0, color=BLUE)
        ends = np.array([value.min(initial=0.0), value.max(initial=0.0)])
        ax.plot(ends, self.statistic * ends, color=ORANGE)
        ax.axhline(0.0, color=LIGHT, lw=1, zorder=0)
        ax.axvline(0.0, color=LIGHT, lw=1, zorder=0)
        title = f"Moran's I {self.statistic:.2f}, p {self.p_value:.2g}"
        ax.set(xlabel="value, less the mean", ylabel="mean of the neighbours", title=title)
        return Display.on(ax)


def moran_of_matrix(matrix: np.ndarray, weights: Weights, permutations: int, rng: np.random.Generator) -> MoranResult:
    """Moran's I of the columns of a matrix, weighted by their variances.

    Parameters
    ----------
    matrix : ndarray of shape (n, q)
        Numbers, or 0/1 codes of classes; n of at least 4.
    weights : Weights of n points
        The neighbours.
    permutations : int
        Orders to draw for the p-value; 0 takes the normal distribution.
    rng : Generator
        Draws them, and the points that the picture shows.

    Returns
    -------
    MoranResult
    """
    n = len(matrix)
    unit = float(np.abs(matrix).max()) or 1.0  # squares of very large and of very small values are no numbers
    matrix = matrix / unit
    centred = matrix - matrix.mean(axis=0)
    around = weights.matrix @ centred
    energy = float(np.square(centred).sum())
    if energy <= 1e-24 * float(np.square(matrix).sum()):
        return MoranResult(0.0, -1 / (n - 1), 0.0, 0.0, 1.0, n, weights.description)
    s0, s1, s2 = weights.sums
    scale = n / s0 / energy
    statistic = scale * float(np.vdot(centred, around))
    expected = -1.0 / (n - 1)
    variance = max(0.0, scale**2 * _second_moment(centred, s0, s1, s2) - expected**2)
    z = (statistic - expected) / np.sqrt(variance) if variance > 0 else 0.0
    if permutations:
        drawn = scale * _permuted(centred, weights, permutations, rng)
        as_far = np.abs(drawn - expected) >= abs(statistic - expected) - 1e-12
        p_value = (1 + int(as_far.sum())) / (1 + permutations)
    else:
        p_value = float(2 * norm.sf(abs(z)))
    shown = unit * np.column_stack([centred.ravel(), around.ravel()])
    if len(shown) > SHOWN_POINTS:
        shown = shown[rng.choice(len(shown), SHOWN_POINTS, replace=False)]
    return MoranResult(statistic, expected, variance, float(z), p_value, n, weights.description, permutations, shown)


def _second_moment(centred: np.ndarray, s0: float, s1: float, s2: float) -> float:
    """Mean over all orders of the square of sum_ij w_ij <y_i, y_j>, from the pairs that share 2, 1 and 0 points."""
    n = len(centred)
    own = np.square(centred).sum(axis=1)
    fourth = float(np.square(own).sum())
    two = float(np.square(centred.T @ centred).sum()) - fourth  # sums over different points of the products squared,
    one = fourth - two  # of two products with one point in common (each row of products sums to 0),
    none = float(own.sum()) ** 2 - 2 * two - 4 * one  # and with none
    mean_two, mean_one = two / (n * (n - 1)), one / (n * (n - 1) * (n - 2))
    mean_none = none / (n * (n - 1) * (n - 2) * (n - 3))
    return s1 * mean_two + (s2 - 2 * s1) * mean_one + (s0**2 - s2 + s1) * mean_none


def _permuted(centred: np.ndarray, weights: Weights, permutations: int, rng: np.random.Generator) -> np.ndarray:
    n, q = centred.shape
    together = max(1, BATCH_CELLS // (n * q))
    drawn: list[np.ndarray] = []
    for start in range(0, permutations, together):
        orders = [rng.permutation(n) for _ in range(min(together, permutations - start))]
        batch = centred[np.column_stack(orders)].reshape(n, -1)
        products = (batch * (weights.matrix @ batch)).sum(axis=0)
        drawn.append(products.reshape(-1, q).sum(axis=1))
    return np.concatenate(drawn)
