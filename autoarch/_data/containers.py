"""Conversion of containers of other packages (torch, polars, pyarrow, geopandas, scipy.sparse) to numpy and pandas.

None of these packages is imported here: a value that is one of theirs proves that its package is loaded already. What
has a shape, a type of numbers and slices of rows (zarr, h5py, others) is read block by block, and only the rows that
are asked for are kept.
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

_BLOCK_BYTES = 2**26  # read at a time from what is sliced
_WITHOUT_BLOCKS = ("numpy", "pandas", "scipy")  # whose containers are read as they are


def to_plain(data: Any) -> Any:
    """Bring tensors, masked and sliced arrays to numpy, other tables to pandas; all else is as it came."""
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
    if package == "pyarrow" and hasattr(data, "to_pandas"):
        return data.to_pandas()
    if is_sliced(data):
        return _read_rows(data, np.arange(data.shape[0]))
    if is_geo_frame(data):
        return _from_geopandas(data)
    if isinstance(data, np.ma.MaskedArray):
        return np.ma.filled(data.astype(np.result_type(data.dtype, np.float32)), np.nan)
    return data


def is_geo_frame(data: Any) -> bool:
    """Tell a geopandas table with a geometry from other data."""
    return type(data).__module__.partition(".")[0] == "geopandas" and hasattr(data, "geometry") and data.ndim == 2


def is_sliced(data: Any) -> bool:
    """Tell what has a shape, a type of numbers and slices of rows, and is no array of numpy or table: zarr, h5py."""
    package = type(data).__module__.partition(".")[0]
    if package in _WITHOUT_BLOCKS or isinstance(data, np.ndarray) or hasattr(data, "iloc"):
        return False
    shape = getattr(data, "shape", None)
    if not isinstance(shape, tuple) or not shape or not hasattr(type(data), "__getitem__"):
        return False
    with suppress(TypeError, AttributeError):
        return np.dtype(data.dtype).kind in "biuf"
    return False


def indexable(X: Any) -> Any:
    """Bring what rows cannot be taken of as it is, sparse matrices and tensors of some kinds, to what allows it."""
    if hasattr(X, "tocsr") and getattr(X, "format", "") != "csr":
        check_room("X", (X.shape[0],), 8)  # a place for each row, of which there may be more than values
        return X.tocsr()
    if type(X).__module__.partition(".")[0] == "torch" and (str(X.layout) != "torch.strided" or X.is_quantized):
        return _from_torch(X)
    return X


def take_rows(X: Any, rows: np.ndarray | slice) -> Any:
    """Take rows of any container without converting or copying the others; row numbers need not be sorted."""
    X = indexable(X)
    package = type(X).__module__.partition(".")[0]
    if package == "pyarrow":
        return X.take(rows) if isinstance(rows, np.ndarray) else X.slice(rows.start, rows.stop - rows.start)
    if hasattr(X, "iloc"):
        return X.iloc[rows]
    if is_sliced(X):
        return _read_rows(X, rows if isinstance(rows, np.ndarray) else np.arange(rows.start, rows.stop))
    if package in ("polars", "torch") or isinstance(X, np.ma.MaskedArray):
        return X[rows]
    if hasattr(X, "tocsr"):
        return X[rows]
    if not isinstance(rows, slice):
        check_room("X", (len(rows), *np.shape(X)[1:]), getattr(getattr(X, "dtype", None), "itemsize", 1))
    return np.asarray(X)[rows]


def check_room(
    name: str, shape: Sequence[int], item_bytes: int, *, advice: str = "Pass fewer rows or columns."
) -> None:
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
            f"of memory are free. {advice}"
        )


def _read_rows(data: Any, rows: np.ndarray) -> np.ndarray:
    """Rows of what is sliced, in this order; blocks without any are not read.

    Raises
    ------
    InputError
        If they would be larger than the memory that is free.
    """
    cells, dtype = tuple(map(int, data.shape[1:])), np.dtype(data.dtype)
    check_room("X", (len(rows), *cells), dtype.itemsize)
    out = np.empty((len(rows), *cells), dtype)
    order = np.argsort(rows, kind="stable")
    wanted = rows[order]
    step = max(1, _BLOCK_BYTES // max(1, prod(cells) * dtype.itemsize))
    with suppress(TypeError, AttributeError, IndexError, ZeroDivisionError):  # whole chunks, where it is stored in such
        step = step // int(data.chunks[0]) * int(data.chunks[0]) or step
    for start in np.unique(wanted // step) * step:
        stop = min(start + step, data.shape[0])
        first, last = np.searchsorted(wanted, (start, stop))
        block = np.asarray(data[int(start) : int(stop)])
        out[order[first:last]] = block[wanted[first:last] - start]
    return out


def to_dense(X: Any) -> np.ndarray:
    """Make a scipy sparse matrix dense if it fits into memory.

    Raises
    ------
    InputError
        If X is not 2-D, or would be larger than the memory that is free.
    """
    if X.ndim != 2:
        raise InputError(f"Expected 2D input, got sparse input with shape {X.shape}. Reshape it to (rows, columns).")
    advice = (
        "Reduce its columns first, for example with sklearn.decomposition.TruncatedSVD, or pass fewer rows or columns."
    )
    check_room("X, made dense,", X.shape, X.dtype.itemsize, advice=advice)
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
