"""A table whose rows have places: which canonical columns hold them, and names that sound like coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from autoarch._data.canonical import Canonicaliser
from autoarch._data.containers import to_plain
from autoarch._data.coordinates import LATITUDES, LONGITUDES, bare, coordinate_columns, read_places
from autoarch._data.points import Places
from autoarch.exceptions import InputError
from autoarch.geo.geometry import without_geometry

_PAIRS = (("x", "y"), ("xcoord", "ycoord"), ("coordx", "coordy"), ("easting", "northing"), ("utmx", "utmy"))
_LEAST_DISTINCT = 10  # values of a column that can be a coordinate


@dataclass(frozen=True, eq=False)
class Located:
    """Where the rows are.

    Parameters
    ----------
    places : Places
        One for each row.
    columns : tuple of int
        Columns of the canonical matrix that hold x and y, or longitude and latitude.
    names : tuple of str
        Theirs.
    """

    places: Places
    columns: tuple[int, int]
    names: tuple[str, str]

    @property
    def whereabouts(self) -> Whereabouts:
        """What later rows are asked."""
        return Whereabouts(self.columns, self.names, self.places.geographic)


@dataclass(frozen=True)
class Whereabouts:
    """Where rows to predict say where they are.

    Parameters
    ----------
    columns : tuple of int
        As of ``Located``.
    names : tuple of str
        Theirs.
    geographic : bool
        Whether they hold degrees.
    """

    columns: tuple[int, int]
    names: tuple[str, str]
    geographic: bool

    def check(self, values: np.ndarray) -> None:
        """Raise InputError if a row of the canonical matrix is nowhere, whether or not the winner would notice."""
        table = pd.DataFrame(values[:, self.columns], columns=list(self.names))
        read_places(table, (0, 1), geographic=self.geographic)


def locate(X: Any, coordinates: Sequence[Any], canonical: Canonicaliser) -> Located:
    """Find the places of the rows of X, and their columns in what ``canonical`` has made of it.

    Raises
    ------
    ParameterError
        If ``coordinates`` are not two columns of X.
    InputError
        If X has no columns, a coordinate is missing, infinite or impossible, or all rows stand at one place.
    """
    X, coordinates, geographic = without_geometry(X, coordinates, "auto")
    if len(canonical.cell_shape_) != 1:
        raise InputError(
            f"coordinates={coordinates!r} was given, and X has samples of shape {canonical.cell_shape_}; "
            "expected a table with one row per place. For rasters, see autoarch.geo."
        )
    places = read_places(X, coordinates, geographic=geographic)
    if (places.points == places.points[0]).all():
        raise InputError(
            f"the coordinates {tuple(coordinates)!r} are the same in all {len(places)} rows, so there is no map. Leave "
            "coordinates out."
        )
    x, y = (canonical.column_of(position) for position in coordinate_columns(X, coordinates))
    if x is None or y is None:
        constant = (places.points == places.points[0]).all(axis=0)
        why = (
            f"one of them is {places.points[0, constant.argmax()]:g} in all rows, and constant columns of a table with "
            "text or dates are dropped. Pass the columns of numbers alone, or leave coordinates out"
            if constant.any()
            else "expected columns of numbers. Convert them with pandas.to_numeric"
        )
        raise InputError(f"the coordinates {tuple(coordinates)!r} are no use: {why}.")
    names = canonical.feature_names_out_
    return Located(places, (x, y), (names[x], names[y]))


def resembles_coordinates(X: Any) -> tuple[str, str] | None:
    """Names of two columns of a DataFrame that sound like coordinates and hold as many numbers as those do."""
    X = to_plain(X)
    if not isinstance(X, pd.DataFrame):
        return None
    plain = {bare(name): name for name in X.columns}
    pairs = [*((lon, lat) for lon in LONGITUDES for lat in LATITUDES), *_PAIRS]
    for first, second in pairs:
        if first in plain and second in plain and all(_varied(X[plain[name]]) for name in (first, second)):
            return str(plain[first]), str(plain[second])
    return None


def _varied(column: Any) -> bool:
    return isinstance(column, pd.Series) and column.dtype.kind in "iuf" and _n_distinct(column) >= _LEAST_DISTINCT


def _n_distinct(column: pd.Series) -> int:
    return len(np.unique(column.to_numpy()[:10_000]))
