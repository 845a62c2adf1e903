"""The points of a GeoDataFrame as columns of an ordinary table.

geopandas is not imported here: a table that is one of its own proves that it is loaded already.

Imports: pandas, ``autoarch._data.sources``, ``autoarch.exceptions``.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from autoarch._data.sources import to_plain
from autoarch.exceptions import InputError


def without_geometry(X: Any, coordinates: Any, geographic: bool | str) -> tuple[Any, Any, bool | str]:
    """A table without geometry: the points of a GeoDataFrame become its last two columns, everything else stays.

    Parameters
    ----------
    X : DataFrame, GeoDataFrame or array of shape (n, p)
        The table.
    coordinates : pair of str or pair of int
        Columns with coordinates.
    geographic : bool or "auto"
        Whether they are degrees.

    Returns
    -------
    X : DataFrame or array
        The table.
    coordinates : pair of str or pair of int
        As given, or names of the two new columns.
    geographic : bool or "auto"
        As given; for "auto" what the reference system of a GeoDataFrame says.

    Raises
    ------
    InputError
        If the geometry has anything but points.
    """
    X = to_plain(X)
    if not type(X).__module__.startswith("geopandas") or not hasattr(X, "geometry"):
        return X, coordinates, geographic
    points, name = X.geometry, X.geometry.name
    kinds = points.geom_type
    if not (kinds == "Point").all():
        row = int((kinds != "Point").to_numpy().argmax())
        raise InputError(
            f"the geometry {name!r} has a {kinds.iloc[row] or 'missing geometry'} in row {row}; expected points. Take "
            "X.representative_point(), or X.centroid in a projected system."
        )
    frame = pd.DataFrame(X.drop(columns=name))
    names = (f"{name}.x", f"{name}.y")
    frame[names[0]], frame[names[1]] = points.x.to_numpy(), points.y.to_numpy()
    degrees = X.crs is not None and X.crs.is_geographic
    return frame, names, degrees if geographic == "auto" else geographic
