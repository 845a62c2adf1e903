"""Where a GeoDataFrame says that its rows are: its points as coordinates, its reference system as their kind."""

from __future__ import annotations

from typing import Any

from autoarch._data.containers import is_geo_frame, to_plain


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
    if not is_geo_frame(X):
        return to_plain(X), coordinates, geographic
    frame = to_plain(X)
    degrees = X.crs is not None and bool(X.crs.is_geographic)
    return frame, tuple(frame.columns[-2:]), degrees if geographic == "auto" else geographic


def reference_of(X: Any) -> Any:
    """The reference system of a GeoDataFrame, None of anything else."""
    return X.crs if is_geo_frame(X) else None


def in_reference(X: Any, reference: Any) -> Any:
    """A GeoDataFrame in the reference system that ``fit`` has seen; anything else as it came."""
    if reference is None or not is_geo_frame(X) or X.crs is None or X.crs == reference:
        return X
    return X.to_crs(reference)
