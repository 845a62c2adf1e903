"""Conversion of containers of other packages (torch, polars, geopandas, scipy.sparse) to numpy and pandas.

None of these packages is imported here: a value that is one of theirs proves that its package is loaded already.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from math import prod
from typing import Any

import numpy as np
import pandas as pd

from autoarch.exceptions import InputError, InputTypeError


def to_plain(data: Any) -> Any:
    """Bring torch tensors and masked arrays to numpy, polars and geopandas to pandas; all else is as it came."""
    if isinstance(data, np.ndarray) and data.dtype.kind == "V":
        raise InputTypeError(
            f"an array of records of type {str(data.dtype)[:80]} was given; expected one kind of values. Pass "
            "pandas.DataFrame(array), or one of its fields."
        )
    if isinstance(data, Iterator):  # it can be read once, and may have no end
        raise InputTypeError(
            f"a {type(data).__name__} was given; expected an array, a list or a table. Make a list of it."
        )
    package = type(data).__module__.partition(".")[0]
    if package == "torch" and hasattr(data, "detach"):
        return _from_torch(data)
    if package == "polars":
        return _from_polars(data)
    if is_geo_frame(data):
        return _from_geopandas(data)
    if isinstance(data, np.ma.MaskedArray):
        return np.ma.filled(data.astype(np.result_type(data.dtype, np.float32)), np.nan)
    return data


def is_geo_frame(data: Any) -> bool:
    """Tell a geopandas table with a geometry from other data."""
    return type(data).__module__.partition(".")[0] == "geopandas" and hasattr(data, "geometry") and data.ndim == 2


def take_rows(X: Any, rows: np.ndarray) -> Any:
    """Take rows of an array, a memory-map, a frame or a sparse matrix without copying the others."""
    if hasattr(X, "iloc"):
        return X.iloc[rows]
    if hasattr(X, "tocsr"):
        return X.tocsr()[rows]
    if not isinstance(rows, slice):
        check_room("X", (len(rows), *np.shape(X)[1:]), getattr(getattr(X, "dtype", None), "itemsize", 1))
    return np.asarray(X)[rows]


def check_room(name: str, shape: Sequence[int], item_bytes: int) -> None:
    """Raise where an array of this shape would be larger than the memory that is free.

    Raises
    ------
    InputError
        With what it needs and what is free.
    """
    needed, free = prod(shape) * item_bytes, free_bytes()
    if free is not None and needed > free:
        raise InputError(
            f"{name} has shape {tuple(shape)}, which takes {needed / 2**30:.3g} GiB, but only {free / 2**30:.3g} GiB "
            "of memory are free. Pass fewer rows or columns."
        )


def to_dense(X: Any) -> np.ndarray:
    """Make a scipy sparse matrix dense if it fits into memory.

    Raises
    ------
    InputError
        If X is not 2-D, or would be larger than the memory that is free.
    """
    if X.ndim != 2:
        raise InputError(f"Expected 2D input, got sparse input with shape {X.shape}. Reshape it to (rows, columns).")
    needed, free = X.shape[0] * X.shape[1] * X.dtype.itemsize, free_bytes()
    if free is not None and needed > free:
        raise InputError(
            f"X is sparse with shape {X.shape}; as a dense array it takes {needed / 2**30:.3g} GiB, but only "
            f"{free / 2**30:.3g} GiB of memory are free. Reduce its columns first, for example with "
            "sklearn.decomposition.TruncatedSVD, or pass fewer rows."
        )
    return np.asarray(X.toarray(order="C"))


def check_whole_fits(X: Any) -> None:
    """Raise where all values of X, read at once, would be larger than the memory that is free; X may be anything.

    A view may have a shape that no memory holds.
    """
    shape = getattr(X, "shape", None)
    if isinstance(shape, tuple) and all(isinstance(side, int) for side in shape):
        check_room("X", shape, getattr(getattr(X, "dtype", None), "itemsize", 1))


def _from_torch(tensor: Any) -> np.ndarray:
    if tensor.device.type == "meta":
        raise InputError(
            f"a tensor of shape {tuple(tensor.shape)} on the device 'meta' was given, which has no values. Pass one "
            "that holds the data."
        )
    tensor = tensor.detach().cpu()
    if str(tensor.layout) != "torch.strided":
        check_room("The sparse tensor", tensor.shape, tensor.element_size())
        tensor = tensor.to_dense()
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    if str(tensor.dtype).startswith(("torch.bfloat16", "torch.float8")):
        tensor = tensor.float()  # unknown to numpy; float32 holds each of their values
    return np.asarray(tensor.resolve_conj().resolve_neg().numpy())


def _from_polars(data: Any) -> pd.DataFrame | pd.Series:
    kind = type(data).__name__
    if kind == "Series":
        return _polars_column(data)
    if kind != "DataFrame":
        raise InputTypeError(f"A polars {kind} was given; expected a DataFrame or Series. Call .collect() on it first.")
    columns = dict(enumerate(map(_polars_column, data.get_columns())))
    return pd.DataFrame(columns, index=range(data.height)).set_axis(data.columns, axis=1)


def _from_geopandas(data: Any) -> pd.DataFrame:
    """Turn the points of the geometry into the last two columns."""
    points, name = data.geometry, data.geometry.name
    kinds = points.geom_type.to_numpy(dtype=object)
    if (kinds != "Point").any():
        row = int((kinds != "Point").argmax())
        raise InputError(
            f"the geometry {name!r} has {'no point' if pd.isna(kinds[row]) else f'a {kinds[row]}'} in row {row}; "
            "expected points. Drop rows without one; of shapes take X.representative_point(), or X.centroid in a "
            f"projected system. Where places do not matter, pass X.drop(columns={name!r})."
        )
    frame = pd.DataFrame(data.drop(columns=name))
    frame[f"{name}.x"], frame[f"{name}.y"] = points.x.to_numpy(), points.y.to_numpy()
    return frame


def _polars_column(column: Any) -> pd.Series:
    values = pd.Series(column.to_numpy(), name=column.name)  # without pyarrow: nulls are NaN, NaT or None by now
    if str(column.dtype).startswith(("Categorical", "Enum")):
        return values.astype("category")
    timezone = getattr(column.dtype, "time_zone", None)  # numpy has none: what it got is UTC
    return values if timezone is None else values.dt.tz_localize("UTC").dt.tz_convert(timezone)


def free_bytes() -> int | None:
    """Memory available without swapping, else physical memory, or None where the system reports neither."""
    # sysconf counts what the system caches files in as taken, hence /proc first
    with suppress(OSError, StopIteration), open("/proc/meminfo") as facts:
        return next(int(line.split()[1]) * 1024 for line in facts if line.startswith("MemAvailable:"))
    with suppress(AttributeError, OSError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


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
    """Bring a GeoDataFrame into the reference system that ``fit`` has seen; return anything else as it is."""
    if reference is None or not is_geo_frame(X) or X.crs is None or X.crs == reference:
        return X
    return X.to_crs(reference)
