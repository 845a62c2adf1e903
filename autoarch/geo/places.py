"""Where the rows of a table are: coordinates by name or position, on a plane or on the globe.

Everything that asks for neighbours asks :class:`Places`. It gives points in a space where straight lines order them as
the map does: the plane itself, or kilometres around the centre of the globe. So the date line and the poles are places
like any other.

Imports: numpy, pandas, scipy, ``autoarch.geo.geometry``, ``autoarch._checks``, ``autoarch.exceptions``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from autoarch._checks import check_choice, did_you_mean
from autoarch.exceptions import InputError, ParameterError
from autoarch.geo.geometry import without_geometry

EARTH_RADIUS_KM = 6371.0088  # of the sphere with the mean radius of the globe
LONGITUDES = ("lon", "long", "lng", "longitude")
LATITUDES = ("lat", "latitude")


@dataclass(frozen=True, eq=False)
class Places:
    """Points on a plane, in the units of their coordinates, or on the globe, in degrees.

    Parameters
    ----------
    points : ndarray of shape (n, 2)
        x and y, or longitude and latitude.
    geographic : bool
        Whether they are degrees; distances are kilometres then.
    """

    points: np.ndarray
    geographic: bool = False

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
        longitude, latitude = np.radians(self.points).T
        across = np.cos(latitude)
        xyz = np.column_stack([across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)])
        return EARTH_RADIUS_KM * xyz

    def tree(self) -> cKDTree:
        """Of ``space``; turn what it answers into distances with ``distance``."""
        return cKDTree(self.space)

    def distance(self, straight: np.ndarray) -> np.ndarray:
        """Distances along the map, from those in ``space``."""
        if not self.geographic:
            return np.asarray(straight)
        return 2 * EARTH_RADIUS_KM * np.arcsin(np.minimum(np.asarray(straight) / (2 * EARTH_RADIUS_KM), 1.0))

    def straight(self, distance: float) -> float:
        """The distance in ``space`` that belongs to one along the map; the inverse of ``distance``."""
        if not self.geographic:
            return float(distance)
        half_turn = np.pi * EARTH_RADIUS_KM
        return float(2 * EARTH_RADIUS_KM * np.sin(min(float(distance), half_turn) / (2 * EARTH_RADIUS_KM)))

    def offsets(self, others: np.ndarray) -> np.ndarray:
        """How far ``others`` lie to the east and to the north of each point, in units of distance.

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
        """Where in ``space`` the points are that lie so far to the east and north of each; the inverse of ``offsets``.

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
        axes = np.stack(_frames(self.points), axis=1)  # (n, 2, 3)
        length = np.linalg.norm(offsets, axis=-1, keepdims=True)
        direction = np.divide(offsets, length, out=np.zeros_like(offsets), where=length > 0) @ axes
        angle = length / EARTH_RADIUS_KM
        return np.cos(angle) * self.space[:, None] + EARTH_RADIUS_KM * np.sin(angle) * direction


def _frames(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors to the east and to the north at each point of the globe."""
    longitude, latitude = np.radians(points).T
    zero = np.zeros_like(longitude)
    east = np.column_stack([-np.sin(longitude), np.cos(longitude), zero])
    north = np.column_stack(
        [-np.sin(latitude) * np.cos(longitude), -np.sin(latitude) * np.sin(longitude), np.cos(latitude)]
    )
    return east, north


def coordinate_columns(X: Any, coordinates: Sequence[Any]) -> tuple[int, int]:
    """Positions of the two coordinates among the columns of X, x (or longitude) first.

    Names that say latitude and longitude are put in that order, whichever way they are given.

    Parameters
    ----------
    X : DataFrame or array of shape (n, p)
        The table.
    coordinates : pair of str or pair of int
        Names or positions of the columns.

    Returns
    -------
    tuple of int

    Raises
    ------
    ParameterError
        If they are not two different columns of X.
    """
    if isinstance(coordinates, str) or not hasattr(coordinates, "__len__") or len(coordinates) != 2:
        raise ParameterError(
            f"coordinates={coordinates!r} was given; expected the names or positions of two columns, such as "
            "('lon', 'lat') or (0, 1)."
        )
    first, second = (column_position(name, X) for name in coordinates)
    if first == second:
        raise ParameterError(f"coordinates={coordinates!r} names one column twice; expected two, such as x and y.")
    return (second, first) if says_degrees([coordinates[1], coordinates[0]]) else (first, second)


def column_position(name: Any, X: Any, *, asked: str = "coordinates") -> int:
    """Position of a column of X that a parameter names or counts.

    Parameters
    ----------
    name : str or int
        Name or position.
    X : DataFrame or array of shape (n, p)
        The table.
    asked : str, default="coordinates"
        The parameter that messages speak of.

    Returns
    -------
    int

    Raises
    ------
    ParameterError
        If X has no such column, or two.
    """
    n_columns = X.shape[1]
    if isinstance(name, str):
        if not isinstance(X, pd.DataFrame):
            raise ParameterError(
                f"{asked} names the column {name!r}, but X is a {type(X).__name__} without names. Pass positions, "
                "such as (0, 1), or a DataFrame."
            )
        names = list(X.columns)
        if names.count(name) != 1:
            known = ", ".join(map(repr, names[:8])) + (", ..." if len(names) > 8 else "")
            raise ParameterError(
                f"{asked} names the column {name!r}, which X has {names.count(name)} times; its columns are "
                f"{known}.{did_you_mean(name, names)}"
            )
        return names.index(name)
    if isinstance(name, bool) or not isinstance(name, (int, np.integer)) or not -n_columns <= name < n_columns:
        raise ParameterError(
            f"{asked} has {name!r}; expected a name, or a position from 0 to {n_columns - 1}, of a column of X."
        )
    return int(name) % n_columns


def says_degrees(names: Sequence[Any]) -> bool:
    """Whether two names are words for longitude and latitude, in that order."""
    words = [str(name).lower().strip().replace("_", "").replace("deg", "") for name in names]
    return words[0] in LONGITUDES and words[1] in LATITUDES


def read_places(X: Any, coordinates: Sequence[Any], *, geographic: bool | str = "auto") -> Places:
    """The places of the rows of X.

    Parameters
    ----------
    X : DataFrame, GeoDataFrame or array of shape (n, p)
        The table. The points of a GeoDataFrame are its coordinates, whatever ``coordinates`` names.
    coordinates : pair of str or pair of int
        Columns with x and y, or longitude and latitude.
    geographic : bool or "auto", default="auto"
        Whether they are degrees on the globe. "auto" goes by the names (``lon``, ``longitude``, ``lat``, ...), or by
        the reference system of a GeoDataFrame.

    Returns
    -------
    Places

    Raises
    ------
    ParameterError
        If ``coordinates`` are not columns of X.
    InputError
        If a coordinate is no finite number, or no place on the globe.
    """
    check_choice("geographic", geographic, (True, False, "auto"))
    X, coordinates, geographic = without_geometry(X, coordinates, geographic)
    if getattr(X, "ndim", 0) != 2:
        X = np.asarray(X)
        if X.ndim != 2:
            raise InputError(f"X has shape {X.shape}; expected a table (n, p) whose rows have coordinates.")
    columns = coordinate_columns(X, coordinates)
    names = [X.columns[i] for i in columns] if isinstance(X, pd.DataFrame) else list(columns)
    points = np.column_stack([_numbers(X, i, name) for i, name in zip(columns, names, strict=True)])
    degrees = says_degrees(names) if geographic == "auto" else bool(geographic)
    if degrees:
        _refuse_impossible_degrees(points, names)
    return Places(points, degrees)


def _numbers(X: Any, position: int, name: Any) -> np.ndarray:
    column = X.iloc[:, position] if isinstance(X, pd.DataFrame) else X[:, position]
    try:
        values = np.asarray(pd.to_numeric(column), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"the coordinate {name!r} holds no numbers ({error}). Pass coordinates as numbers.") from error
    if not np.isfinite(values).all():
        bad = ~np.isfinite(values)
        what = "missing" if np.isnan(values[bad]).all() else "missing or infinite"
        raise InputError(
            f"the coordinate {name!r} is {what} in {bad.sum()} of {len(values)} rows, the first of them row "
            f"{int(bad.argmax())}. Drop these rows, or find out where they are."
        )
    return values


def _refuse_impossible_degrees(points: np.ndarray, names: Sequence[Any]) -> None:
    longitude, latitude = points.T
    if np.abs(latitude).max(initial=0.0) > 90:
        swapped = np.abs(longitude).max(initial=0.0) <= 90
        hint = " Longitude and latitude seem to be swapped." if swapped else " Coordinates in metres are not degrees."
        raise InputError(
            f"the latitude {names[1]!r} reaches {latitude[np.abs(latitude).argmax()]:.6g}, beyond 90 degrees.{hint} "
            "Pass (longitude, latitude) in degrees, or geographic=False for coordinates on a plane."
        )
    if longitude.min(initial=0.0) < -180 or longitude.max(initial=0.0) > 360:
        raise InputError(
            f"the longitude {names[0]!r} reaches from {longitude.min():.6g} to {longitude.max():.6g}; expected -180 to "
            "180, or 0 to 360 degrees. Coordinates in metres want geographic=False."
        )
