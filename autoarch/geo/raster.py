"""Patches of images around points: arrays, or GeoTIFF files read window by window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd

from autoarch._core.checks import as_float, check_whole, own_errors, shown
from autoarch._core.imports import require
from autoarch._core.paths import checked_path
from autoarch._data.containers import check_room, to_plain
from autoarch._data.coordinates import read_places
from autoarch.exceptions import InputError, ParameterError

_TILE = 256  # cells along a side: patches of one tile are read one after the other, so that a file is decoded once


@dataclass(frozen=True, eq=False)
class _Image:
    """Shape ``(bands, rows, columns)``, a function that reads some rows and columns, and where a file says it lies."""

    shape: tuple[int, int, int]
    read: Callable[[slice, slice], np.ndarray]
    transform: tuple[float, ...] | None = None
    crs: Any = None


def raster_patches(
    raster: Any, points: Any, size: int, *, transform: Sequence[float] | None = None, nodata: float | None = None
) -> np.ndarray:
    """Cut a patch of an image around each point.

    Parameters
    ----------
    raster : ndarray of shape (bands, rows, cols) or (rows, cols), str or Path
        The image, or a file that ``rasterio`` reads, such as a GeoTIFF; of a file, only windows around points are read.
    points : array-like of shape (n, 2), or GeoDataFrame
        Row and column of each point, or x and y where there is a transform; a file has one. A GeoDataFrame is brought
        to the reference system of the file.
    size : int
        Cells along a side of a patch; odd, so that the point lies in the cell in the middle.
    transform : sequence of 6 floats or Affine, default=None
        ``(a, b, c, d, e, f)`` such that the upper left corner of a cell has ``x = a * col + b * row + c`` and
        ``y = d * col + e * row + f``, as rasterio writes it; GDAL has another order. None: that of the file, or none.
    nodata : float, default=None
        Value of cells without data. None: that of the file, or none.

    Returns
    -------
    ndarray of shape (n, bands, size, size), float32
        In the image's own orientation; NaN outside of the image and where it has no data.

    Raises
    ------
    ParameterError
        If ``size`` is even, or ``transform`` has no six numbers, or no area.
    InputError
        If the image has no two or three axes, or points are no pairs of finite numbers.
    MissingExtraError
        If a file is given and rasterio is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch.geo import raster_patches
    >>> image = np.arange(12.0).reshape(3, 4)
    >>> raster_patches(image, [(0, 1)], size=3)[0, 0]
    array([[nan, nan, nan],
           [ 0.,  1.,  2.],
           [ 4.,  5.,  6.]], dtype=float32)
    """
    if check_whole("size", size, least=1) % 2 == 0:
        raise ParameterError(f"size={size} was given; expected an odd number, so that the point's cell is the middle.")
    given = _six_numbers(transform)
    if nodata is not None and as_float(nodata) is None:
        raise ParameterError(f"nodata={shown(nodata)} was given; expected a number, or None.")
    with _opened(raster) as image:
        with own_errors(reading="points"):
            cells = _cells(points, image, given or image.transform)
        check_room("the array of patches", (len(cells), image.shape[0], size, size), 4)
        out = np.full((len(cells), image.shape[0], size, size), np.nan, dtype=np.float32)
        for i in np.lexsort(cells.T // _TILE):
            first = cells[i] - size // 2
            start, stop = np.maximum(first, 0), np.minimum(first + size, image.shape[1:])
            if (start < stop).all():
                rows, columns = (
                    slice(int(low), int(high)) for low, high in zip(start - first, stop - first, strict=True)
                )
                found = image.read(*map(slice, start.tolist(), stop.tolist()))
                out[i, :, rows, columns] = found if nodata is None else np.where(found == nodata, np.nan, found)
    return out


@contextmanager
def _opened(raster: Any) -> Iterator[_Image]:
    """The image; a file stays open as long as it is read."""
    if isinstance(raster, (str, PathLike)):
        path = checked_path("raster", raster)
        rasterio = require("rasterio", extra="geo", purpose="Reading patches from a raster file")
        with own_errors(reading=f"The file {path}"), rasterio.open(path) as file:

            def read(rows: slice, columns: slice) -> np.ndarray:
                found = file.read(window=rasterio.windows.Window.from_slices(rows, columns), masked=True)
                return np.asarray(found.astype(np.float32).filled(np.nan))

            yield _Image((file.count, file.height, file.width), read, tuple(file.transform)[:6], file.crs)
        return
    with own_errors(reading="raster"):
        array = np.asarray(to_plain(raster))
    if array.ndim not in (2, 3) or array.dtype.kind not in "biuf":
        raise InputError(
            f"raster is an array of {array.dtype} with shape {array.shape}; expected numbers of shape (bands, rows, "
            "cols) or (rows, cols), or the path of a file."
        )
    bands = array[None] if array.ndim == 2 else array
    yield _Image(bands.shape, lambda rows, columns: bands[:, rows, columns])


def _six_numbers(transform: Sequence[float] | None) -> tuple[float, ...] | None:
    if transform is None:
        return None
    try:
        numbers = tuple(float(number) for number in islice(transform, 10))
    except Exception:  # an object of the user's own may raise anything
        numbers = ()
    if len(numbers) == 9 and numbers[6:] == (0.0, 0.0, 1.0):  # an Affine writes its last line out
        numbers = numbers[:6]
    if len(numbers) != 6 or not np.isfinite(numbers).all() or numbers[0] * numbers[4] == numbers[1] * numbers[3]:
        raise ParameterError(
            f"transform={shown(transform)} was given; expected six numbers (a, b, c, d, e, f) with x = a * col + b * "
            "row + c and y = d * col + e * row + f. GDAL's order is (c, a, b, f, d, e)."
        )
    return numbers


def _cells(points: Any, image: _Image, transform: tuple[float, ...] | None) -> np.ndarray:
    """Row and column of the cell that each point lies in; far outside, some cell that is outside."""
    if image.crs is not None and hasattr(points, "to_crs") and points.crs is not None:
        points = points.to_crs(image.crs)
    table = points if isinstance(points, pd.DataFrame) else np.asarray(to_plain(points))
    if table.ndim != 2 or (table.shape[1] != 2 and not hasattr(points, "geometry")):
        raise InputError(
            f"points has shape {table.shape}; expected (n, 2): row and column, or x and y where there is a transform."
        )
    pairs = read_places(table, (0, 1), geographic=False).points
    if transform is None:
        if hasattr(points, "geometry"):
            raise InputError("points are a GeoDataFrame, whose x and y need a transform to cells. Pass transform.")
        places = np.floor(pairs + 0.5)
    else:
        a, b, c, d, e, f = transform
        places = np.floor((pairs - [c, f]) @ np.linalg.inv([[a, d], [b, e]]) + 1e-9)[:, ::-1]
    return np.clip(places, -(2.0**40), 2.0**40).astype(np.int64)
