"""Which points are neighbours: the k nearest, or all within a distance; each point's weights sum to 1.

Imports: numpy, scipy, ``places``, ``autoarch._checks``, ``autoarch.exceptions``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from autoarch._checks import check_positive, check_whole
from autoarch.exceptions import InputError
from autoarch.geo.places import Places

MAX_NEIGHBOURS = 50_000_000  # of all points together: 600 MB; a wider band is a slip of the unit
PROBED = 1_000  # points whose neighbours are counted before a band is built


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
    k, n = check_whole("k", k, least=1), len(places)
    _enough(n)
    k = min(k, n - 1)
    space = places.space
    found = places.tree().query(space, k=k + 1)[1]
    # A point is not always the first of those at its place, and with many of them not even among those found.
    itself = found == np.arange(n)[:, None]
    itself[~itself.any(axis=1), -1] = True
    neighbours = found[~itself].reshape(n, k)
    indptr = np.arange(0, n * k + 1, k)
    matrix = csr_array((np.full(n * k, 1.0 / k), neighbours.ravel(), indptr), shape=(n, n))
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
    distance, n = check_positive("distance", distance), len(places)
    _enough(n)
    tree, radius = places.tree(), places.straight(distance)
    unit = " km" if places.geographic else ""
    probed = np.linspace(0, n - 1, min(n, PROBED)).astype(int)
    expected = np.mean(tree.query_ball_point(places.space[probed], radius, return_length=True) - 1.0) * n
    if expected > MAX_NEIGHBOURS:
        raise InputError(
            f"distance={distance:g}{unit} gives {n} points about {expected:.2g} neighbours in all, more than "
            f"{MAX_NEIGHBOURS:.2g}. Pass a shorter distance, fewer points, or k for the nearest ones."
        )
    pairs = tree.query_pairs(radius, output_type="ndarray")
    if not len(pairs):
        raise InputError(
            f"No two of {n} points are within distance={distance:g}{unit}. Pass a longer distance, or k for the "
            "nearest points."
        )
    rows, columns = np.concatenate([pairs, pairs[:, ::-1]]).T
    counts = np.bincount(rows, minlength=n)
    matrix = csr_array((1.0 / counts[rows], (rows, columns)), shape=(n, n))
    return Weights(matrix, f"all within {distance:g}{unit}")


def _enough(n: int) -> None:
    if n < 2:
        raise InputError(f"{n} points were given; neighbours need at least 2.")
