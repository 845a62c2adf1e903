"""Points on a plane or on the globe, and how far and in which direction one lies from another.

Everything that asks for neighbours asks :class:`Places`. It gives points in a space where straight lines order them as
the map does: the plane itself, or kilometres around the centre of the globe. So the date line and the poles are places
like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from autoarch.exceptions import InputError, InputTypeError

EARTH_RADIUS_KM = 6371.0088  # of the sphere with the mean radius of the globe
FARTHEST = 1e100  # squares of larger coordinates overflow, on which scipy's trees crash


@dataclass(frozen=True, eq=False)
class Places:
    """Points on a plane, in the units of their coordinates, or on the globe, in degrees.

    Parameters
    ----------
    points : ndarray of shape (n, 2)
        x and y, or longitude and latitude.
    geographic : bool
        Whether they are degrees; distances are kilometres then.

    Raises
    ------
    InputError
        If points are no pairs of numbers, or farther than 1e100.
    """

    points: np.ndarray
    geographic: bool = False

    def __post_init__(self) -> None:
        try:
            points = np.asarray(self.points, dtype=np.float64)
        except Exception as error:  # an object of the user's own may raise anything
            raise InputError(f"points cannot be read as numbers ({type(error).__name__}: {error}).") from error
        if points.ndim != 2 or points.shape[1] != 2:
            raise InputError(f"points have shape {points.shape}; expected (n, 2): x and y, or longitude and latitude.")
        farthest = np.abs(points).max(initial=0.0)
        if not farthest <= FARTHEST:  # of NaN, too
            raise InputError(
                f"a coordinate reaches {farthest:.3g}; distances need numbers of less than {FARTHEST:g}. Use larger "
                "units, and drop places that are not known."
            )
        object.__setattr__(self, "points", points)

    def __len__(self) -> int:
        return len(self.points)

    def take(self, rows: np.ndarray | slice) -> Places:
        """Some of the points."""
        return Places(self.points[rows], self.geographic)

    @property
    def space(self) -> np.ndarray:
        """Shape (n, 2), or (n, 3) on the globe: straight-line distances there grow with those on the map."""
        if not self.geographic:
            return self.points
        radians = np.radians(self.points).T
        (sin_lon, sin_lat), (cos_lon, cos_lat) = np.sin(radians), np.cos(radians)
        return EARTH_RADIUS_KM * np.column_stack([cos_lat * cos_lon, cos_lat * sin_lon, sin_lat])

    def tree(self) -> cKDTree:
        """Search tree of ``space``; turn what it answers into distances with ``distance``."""
        return cKDTree(self.space)

    def distance(self, straight: np.ndarray) -> np.ndarray:
        """Distances along the map, from those in ``space``."""
        if not self.geographic:
            return np.asarray(straight)
        return 2 * EARTH_RADIUS_KM * np.arcsin(np.minimum(np.asarray(straight) / (2 * EARTH_RADIUS_KM), 1.0))

    def straight(self, distance: Any) -> Any:
        """The distances in ``space`` that belong to those along the map; the inverse of ``distance``."""
        if not self.geographic:
            return distance
        return 2 * EARTH_RADIUS_KM * np.sin(np.minimum(distance, np.pi * EARTH_RADIUS_KM) / (2 * EARTH_RADIUS_KM))

    def offsets(self, others: np.ndarray) -> np.ndarray:
        """Measure how far ``others`` lie to the east and to the north of each point, in units of distance.

        On the globe along the great circle from the point, so that direction and distance are both right there.

        Parameters
        ----------
        others : ndarray of shape (n, k, 2)
            k coordinates for each point, of the same kind.

        Returns
        -------
        ndarray of shape (n, k, 2)
        """
        n, k = others.shape[:2]
        there = Places(others.reshape(-1, 2), self.geographic)
        east, north, _ = self.pair_offsets(np.repeat(np.arange(n), k), there.space, np.arange(n * k))
        return np.stack([east, north], axis=-1).reshape(n, k, 2)

    def pair_offsets(
        self, here: np.ndarray, space: np.ndarray, there: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """``offsets`` of many pairs of points: how far east, how far north, and the straight distance.

        Parameters
        ----------
        here : ndarray of shape (pairs,)
            Positions among these points.
        space : ndarray of shape (m, 2) or (m, 3)
            Other points, as their ``space`` has them.
        there : ndarray of shape (pairs,)
            Positions among the others.

        Returns
        -------
        tuple of ndarray of shape (pairs,)
        """
        away = [column[there] - own[here] for column, own in zip(space.T.copy(), self.space.T.copy(), strict=True)]
        straight = np.sqrt(sum(part * part for part in away))
        if not self.geographic:
            return away[0], away[1], straight
        axes = [axis.T.copy() for axis in _frames(self.points)]
        east, north = (sum(part * own[here] for part, own in zip(away, axis, strict=True)) for axis in axes)
        length = np.sqrt(east * east + north * north)
        ratio = np.divide(self.distance(straight), length, out=np.zeros_like(length), where=length > 0)
        return east * ratio, north * ratio, straight

    def around(self, offsets: np.ndarray) -> np.ndarray:
        """Find the points of ``space`` that lie so far to the east and north of each; the inverse of ``offsets``.

        Parameters
        ----------
        offsets : ndarray of shape (n, k, 2)
            Units of distance.

        Returns
        -------
        ndarray of shape (n, k, 2), or (n, k, 3) on the globe
        """
        if not self.geographic:
            return self.points[:, None] + offsets
        length = np.linalg.norm(offsets, axis=-1, keepdims=True)
        units = np.divide(offsets, length, out=np.zeros_like(offsets), where=length > 0)
        direction, angle = units @ np.stack(_frames(self.points), axis=1), length / EARTH_RADIUS_KM
        return np.cos(angle) * self.space[:, None] + EARTH_RADIUS_KM * np.sin(angle) * direction


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a table: their places, their layers as codes, and a column of ``values`` per channel; NaN is missing."""

    places: Places
    layer: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: np.ndarray | slice) -> Rows:
        """Some of the rows."""
        return Rows(self.places.take(rows), self.layer[rows], self.values[rows])


def check_places(places: Any) -> Places:
    """Return ``places``, or raise unless they are.

    Raises
    ------
    InputTypeError
        If something else was given.
    """
    if not isinstance(places, Places):
        raise InputTypeError(
            f"places is a {type(places).__name__}; expected Places. Read a table by read_places(X, coordinates), or "
            "pass Places(points) of an array of shape (n, 2)."
        )
    return places


def _frames(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors to the east and to the north at each point of the globe."""
    radians = np.radians(points).T
    (sin_lon, sin_lat), (cos_lon, cos_lat) = np.sin(radians), np.cos(radians)
    east = np.column_stack([-sin_lon, cos_lon, np.zeros_like(sin_lon)])
    return east, np.column_stack([-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat])
