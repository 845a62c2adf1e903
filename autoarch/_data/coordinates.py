"""Read where the rows of a table are: which columns are coordinates, and the places that they give.

``MapColumns`` says which columns of a canonical matrix hold the place of each row, as ``Layout`` says which cell each
column is. The points of a GeoDataFrame are read as two more columns, its reference system as their kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse

from autoarch._core.checks import check_choice, check_sequence, did_you_mean, own_errors, shown
from autoarch._data.containers import is_geo_frame, to_plain, without_geometry
from autoarch._data.points import Places
from autoarch.exceptions import InputError, ParameterError

LONGITUDES = ("lon", "long", "lng", "longitude")
LATITUDES = ("lat", "latitude")
_PAIRS = (("x", "y"), ("xcoord", "ycoord"), ("coordx", "coordy"), ("easting", "northing"), ("utmx", "utmy"))
_LEAST_DISTINCT = 10  # values of a column that can be a coordinate
_PLANE = (
    "Coordinates in metres are not degrees: name their columns otherwise, such as x and y, or pass geographic=False."
)


@dataclass(frozen=True)
class MapColumns:
    """Columns that say where on a map each row belongs.

    Parameters
    ----------
    x, y : int
        Columns with x and y, or with longitude and latitude.
    geographic : bool, default=False
        Whether these are degrees.
    on_lattice : bool, default=False
        Whether the places stand on a lattice, so that the neighbourhood of one is a grid.
    names : tuple of str, default=("x", "y")
        Names of both columns, for messages.
    """

    x: int
    y: int
    geographic: bool = False
    on_lattice: bool = False
    names: tuple[str, str] = ("x", "y")

    @property
    def pair(self) -> tuple[int, int]:
        """Both columns."""
        return self.x, self.y

    def places(self, values: np.ndarray) -> Places:
        """Read the places of the rows of a canonical matrix; an InputError names a coordinate that is no place."""
        return read_places(pd.DataFrame(values[:, self.pair], columns=self.names), (0, 1), geographic=self.geographic)


def find_map_columns(
    X: Any, coordinates: Sequence[Any], column_of: Callable[[int], int | None], names: Sequence[str]
) -> MapColumns:
    """Find the columns of a canonical matrix that hold the places of the rows of X.

    Parameters
    ----------
    X : DataFrame, GeoDataFrame or array
        What the matrix was made of.
    coordinates : pair of str or pair of int
        Columns of X.
    column_of : callable
        Column of the matrix for a position of X, None for one that is no single number there.
    names : sequence of str
        Names of the columns of the matrix.

    Raises
    ------
    ParameterError
        If ``coordinates`` are not two columns of X.
    InputError
        If X has no columns, a coordinate is missing, infinite or impossible, or all rows are at one place.
    """
    X, coordinates, geographic = without_geometry(X, coordinates, "auto")
    if len(np.shape(X)) != 2:
        raise InputError(
            f"coordinates={shown(coordinates)} was given, and X has samples of shape {np.shape(X)[1:]}; "
            "expected a table with one row per place. For rasters, see autoarch.geo."
        )
    places = read_places(X, coordinates, geographic=geographic)
    same = (places.points == places.points[0]).all(axis=0)
    if same.all():
        raise InputError(
            f"the coordinates {tuple(coordinates)!r} are the same in all {len(places)} rows, so there is no map. Leave "
            "coordinates out."
        )
    x, y = (column_of(position) for position in coordinate_columns(X, coordinates))
    if x is None or y is None:
        why = (
            f"one of them is {places.points[0, same.argmax()]:g} in all rows, and constant columns of a table with "
            "text or dates are dropped. Pass the columns of numbers alone, or leave coordinates out"
            if same.any()
            else "expected columns of numbers. Convert them with pandas.to_numeric"
        )
        raise InputError(f"the coordinates {tuple(coordinates)!r} cannot be used: {why}.")
    return MapColumns(x, y, places.geographic, names=(names[x], names[y]))


def undeclared_coordinates(X: Any) -> str:
    """Say which columns of X look like coordinates and what to pass for them; empty where none do."""
    if is_geo_frame(X):
        what, coordinates = f"the points of {X.geometry.name!r} are", X.geometry.name
    elif found := resembles_coordinates(X):
        what, coordinates = f"the columns {found[0]!r} and {found[1]!r} look like", found
    else:
        return ""
    return (
        f"{what} coordinates, and random folds estimate the score next to training rows. Pass "
        f"coordinates={coordinates!r} to use the neighbourhood of each row and to validate on blocks of the map too"
    )


def resembles_coordinates(X: Any) -> tuple[str, str] | None:
    """Name two columns of a DataFrame that sound like coordinates and hold as many numbers as those do."""
    X = to_plain(X)
    if not isinstance(X, pd.DataFrame):
        return None
    plain = {bare(name): name for name in X.columns}
    for first, second in [*product(LONGITUDES, LATITUDES), *_PAIRS]:
        if first in plain and second in plain and all(_varied(X[plain[name]]) for name in (first, second)):
            return str(plain[first]), str(plain[second])
    return None


def _varied(column: Any) -> bool:
    numbers = isinstance(column, pd.Series) and column.dtype.kind in "iuf"
    return numbers and len(np.unique(column.to_numpy()[:10_000])) >= _LEAST_DISTINCT


def coordinate_columns(X: Any, coordinates: Sequence[Any]) -> tuple[int, int]:
    """Positions of the two coordinates among the columns of X, x (or longitude) first.

    Names that say latitude and longitude are put in that order, whichever way they are given.

    Parameters
    ----------
    X : DataFrame or array of shape (n, p)
        The table.
    coordinates : pair of str or pair of int
        Names or positions of the columns.

    Raises
    ------
    ParameterError
        If they are not two different columns of X.
    """
    expected = "the names or positions of two columns, such as ('lon', 'lat') or (0, 1)"
    coordinates = check_sequence("coordinates", coordinates, expected)
    if len(coordinates) != 2:
        raise ParameterError(f"coordinates={shown(coordinates)} was given; expected {expected}.")
    first, second = (column_position(name, X) for name in coordinates)
    if first == second:
        raise ParameterError(f"coordinates={shown(coordinates)} names one column twice; expected two, such as x and y.")
    return (second, first) if says_degrees(_names(X, (second, first))) else (first, second)


def _names(X: Any, positions: tuple[int, int]) -> list[Any]:
    """Names of columns as messages call them, or positions where there are none."""
    return [X.columns[i] for i in positions] if isinstance(X, pd.DataFrame) else list(positions)


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
            f"{asked} has {shown(name)}; expected a name, or a position from 0 to {n_columns - 1}, of a column of X."
        )
    return int(name) % n_columns


def says_degrees(names: Sequence[Any]) -> bool:
    """Return whether two names are words for longitude and latitude, in that order."""
    words = [bare(name) for name in names]
    return words[0] in LONGITUDES and words[1] in LATITUDES


def bare(name: Any) -> str:
    """The letters of a name, without the unit: ``Lon_deg`` is ``lon``."""
    return "".join(c for c in str(name).lower() if c.isalpha()).removesuffix("deg").removesuffix("degrees")


@own_errors(reading="X")
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
    if issparse(X):
        X, coordinates = X.tocsc()[:, list(coordinate_columns(X, coordinates))].toarray(), (0, 1)
    elif getattr(X, "ndim", 0) != 2:
        X = np.asarray(X)
        if X.ndim != 2:
            raise InputError(f"X has shape {X.shape}; expected a table (n, p) whose rows have coordinates.")
    columns = coordinate_columns(X, coordinates)
    names = _names(X, columns)
    points = np.column_stack([_numbers(X, i, name) for i, name in zip(columns, names, strict=True)])
    degrees = says_degrees(names) if geographic == "auto" else bool(geographic)
    if degrees:
        _refuse_impossible_degrees(points, names)
    return Places(points, degrees)


def _numbers(X: Any, position: int, name: Any) -> np.ndarray:
    column = X.iloc[:, position] if isinstance(X, pd.DataFrame) else X[:, position]
    try:
        if column.dtype.kind in "mMc":
            raise TypeError(f"it is of type {column.dtype}")
        values = pd.Series(pd.to_numeric(column)).to_numpy(dtype=np.float64, na_value=np.nan)
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
        hint = "Longitude and latitude seem to be swapped: pass (longitude, latitude)." if swapped else _PLANE
        raise InputError(
            f"the latitude {names[1]!r} reaches {latitude[np.abs(latitude).argmax()]:.6g}, beyond 90 degrees. {hint}"
        )
    if longitude.min(initial=0.0) < -180 or longitude.max(initial=0.0) > 360:
        raise InputError(
            f"the longitude {names[0]!r} reaches from {longitude.min():.6g} to {longitude.max():.6g}; expected -180 to "
            f"180, or 0 to 360 degrees. {_PLANE}"
        )
