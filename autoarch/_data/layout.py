"""Cells of a grid that the columns of a flat matrix stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isqrt, prod

import numpy as np

from autoarch.exceptions import LayoutError

_LONGEST = 2**31 - 1  # cells along a side, and columns


@dataclass(frozen=True)
class Layout:
    """Columns of a flat matrix read as ``channels`` grids of ``height`` x ``width`` cells.

    Parameters
    ----------
    height, width : int
        Cells along a column and along a row of the grid.
    channels : int, default=1
        Values per cell.
    origin : {"given", "shape", "names", "inferred", "recovered"}, default="given"
        Source of the layout: declared by the user, implied by the shape of X, given by the names of the columns, or
        found in the data, in the order of the columns ("inferred") or in another one ("recovered").
    channels_last : bool, default=False
        True if neighbouring columns are the channels of one cell; else each channel is a block of columns.
    order : tuple of int, optional
        Column of each cell, channel by channel and row by row, -1 for a cell that has none. Columns that are not in it
        belong to no grid. Default: every column, in the order that the sides imply.
    n_columns : int, optional
        Columns of the flat matrix. Default: as many as there are cells.
    confidence : float, optional
        Confidence in the layout, from 0 to 1, where it was found and not given.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch import Layout
    >>> layout = Layout(height=2, width=3)
    >>> layout.to_grid(np.arange(6.0).reshape(1, 6))[0, 0]
    array([[0., 1., 2.],
           [3., 4., 5.]])
    >>> Layout(height=1, width=2, order=(2, 0), n_columns=3).to_grid(np.array([[5.0, 6.0, 7.0]]))
    array([[[[7., 5.]]]])
    """

    height: int
    width: int
    channels: int = 1
    origin: str = "given"
    channels_last: bool = False
    order: tuple[int, ...] | None = None
    n_columns: int = 0
    confidence: float | None = None

    def __post_init__(self) -> None:
        sides = (self.height, self.width, self.channels)
        if not all(map(_is_side, sides)):
            raise LayoutError(
                f"a layout of height, width and channels {', '.join(map(_told, sides))} was asked for; expected "
                "positive whole numbers."
            )
        if isinstance(self.n_columns, int) and not self.n_columns:
            object.__setattr__(self, "n_columns", prod(self.shape))
        if not _is_side(self.n_columns):
            raise LayoutError(f"n_columns={_told(self.n_columns)} was given; expected a whole number of at least 0.")
        if self.order is not None:
            _check_order(self.order, prod(sides), self.n_columns)

    @classmethod
    def of(cls, shape: Sequence[int], *, n_columns: int | None = None, origin: str = "given") -> Layout:
        """Read ``(H, W)`` or ``(C, H, W)`` and check it against the number of columns.

        Raises
        ------
        LayoutError
            If ``shape`` is no such tuple, or its cells do not add up to ``n_columns``.
        """
        sides = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
        if isinstance(shape, np.ndarray) and shape.ndim == 1:
            sides = tuple(shape.tolist())
        if n_columns is not None and not _is_side(n_columns):
            raise LayoutError(f"n_columns={_told(n_columns)} was given; expected a positive whole number, or None.")
        if len(sides) not in (2, 3) or not all(map(_is_side, sides)):
            raise LayoutError(
                f"layout={_told(shape)} was given; expected (height, width) or (channels, height, width) as positive "
                "whole numbers, 'auto', or None for 'there is no grid'."
            )
        sides = tuple(int(s) for s in sides)
        if n_columns is not None and prod(sides) != n_columns:
            raise LayoutError(
                f"layout={sides} has {prod(sides)} cells but X has {n_columns} columns. Grids that fit: "
                f"{_grids_that_fit(n_columns)}. Pass one of these, or layout='auto' to let the shape of X decide."
            )
        return cls(sides[-2], sides[-1], prod(sides[:-2]), origin)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return self.channels, self.height, self.width

    @property
    def columns(self) -> np.ndarray:
        """Column of each cell, channel by channel and row by row; -1 for a cell that has none."""
        if self.order is not None:
            return np.asarray(self.order, dtype=np.intp)
        cells = np.arange(prod(self.shape))
        if not self.channels_last:
            return cells
        return cells.reshape(self.height, self.width, self.channels).transpose(2, 0, 1).ravel()

    @property
    def foreign(self) -> np.ndarray:
        """Columns that belong to no cell."""
        if self.order is None:
            return np.empty(0, dtype=np.intp)
        return np.setdiff1d(np.arange(self.n_columns), self.columns)

    @property
    def in_order(self) -> bool:
        """Return whether the columns stand as the cells do, so that a grid is a view of the matrix."""
        return self.order is None and (not self.channels_last or self.channels == 1)

    @property
    def is_bare_line(self) -> bool:
        """Return whether this is the row in which flat columns happen to stand, where no grid was declared or found."""
        return self.height == 1 and self.channels == 1 and self.origin == "shape"

    def within(self, columns: np.ndarray, n_columns: int) -> Layout:
        """Translate to a wider matrix, of which this layout's columns are the ``columns``.

        Examples
        --------
        >>> import numpy as np
        >>> from autoarch import Layout
        >>> Layout(height=1, width=2).within(np.array([1, 3]), 4).order
        (1, 3)
        """
        if np.array_equal(columns, np.arange(n_columns)):
            return self
        own = self.columns
        order = np.where(own >= 0, np.asarray(columns)[np.maximum(own, 0)], -1)
        return replace(self, order=tuple(order.tolist()), n_columns=n_columns)

    def to_grid(self, X: np.ndarray) -> np.ndarray:
        """Reshape ``(n, p)`` to ``(n, channels, height, width)``; a view where the columns stand as the cells do.

        Cells without a column are NaN.

        Raises
        ------
        LayoutError
            If X is no matrix with as many columns.
        """
        if not isinstance(X, np.ndarray) or X.ndim != 2 or X.shape[1] != self.n_columns:
            raise LayoutError(
                f"X is {_shape_of(X)}; expected one of shape (n, {self.n_columns}), the columns of {self}."
            )
        if self.in_order:
            return np.asarray(X).reshape(len(X), *self.shape)
        columns = self.columns
        grid = np.take(X, np.maximum(columns, 0), axis=1)
        if (columns < 0).any():
            grid = grid.astype(np.result_type(X.dtype, np.float32), copy=False)
            grid[:, columns < 0] = np.nan
        return grid.reshape(len(X), *self.shape)

    def to_flat(self, grid: np.ndarray) -> np.ndarray:
        """Put ``(n, channels, height, width)`` back as ``(n, p)``; columns that belong to no cell are NaN.

        Raises
        ------
        LayoutError
            If the grids have other sides.
        """
        if not isinstance(grid, np.ndarray) or grid.shape[1:] != self.shape:
            raise LayoutError(f"the grids are {_shape_of(grid)}; expected one of shape (n, *{self.shape}).")
        cells = grid.reshape(len(grid), -1)
        if self.in_order:
            return cells
        columns = self.columns
        outside = self.n_columns > np.count_nonzero(columns >= 0)
        dtype = np.result_type(grid.dtype, np.float32) if outside else grid.dtype
        flat = np.full((len(grid), self.n_columns), np.nan if outside else 0, dtype)
        flat[:, columns[columns >= 0]] = cells[:, columns >= 0]
        return flat

    def __repr__(self) -> str:
        text = f"Layout(height={self.height}, width={self.width}, channels={self.channels}, origin={self.origin!r}"
        if self.channels_last:
            text += ", channels_last=True"
        if self.order is not None:
            text += f", order=<{len(self.order)} of {self.n_columns} columns>"
        if self.confidence is not None:
            text += f", confidence={self.confidence:.2f}"
        return f"{text})"

    def __str__(self) -> str:
        cells = f"{self.height} x {self.width}"
        return cells if self.channels == 1 else f"{self.channels} x {cells}"


def _shape_of(given: object) -> str:
    return (
        f"an array of shape {given.shape}" if isinstance(given, np.ndarray) else f"a {type(given).__name__}, no array"
    )


def _is_side(side: object) -> bool:
    return isinstance(side, (int, np.integer)) and not isinstance(side, bool) and bool(1 <= side <= _LONGEST)


def _is_plain(side: object) -> bool:
    return isinstance(side, (float, str, np.integer)) or (isinstance(side, int) and abs(side) <= _LONGEST)


def _told(side: object) -> str:
    if isinstance(side, (tuple, list)):
        items = [repr(item) if _is_plain(item) else f"<{type(item).__name__}>" for item in side[:8]]
        return f"({', '.join(items)}{', ...' if len(side) > 8 else ''})"
    return repr(side) if _is_plain(side) else f"<{type(side).__name__}>"


def _check_order(order: Sequence[int], n_cells: int, n_columns: int) -> None:
    whole = isinstance(order, (tuple, list, np.ndarray)) and all(isinstance(one, (int, np.integer)) for one in order)
    columns = np.asarray(order if whole else [-2])
    there = columns[columns >= 0] if columns.ndim == 1 and columns.dtype.kind in "iu" else None
    if there is None or len(columns) != n_cells or columns.min() < -1 or columns.max() >= n_columns:
        raise LayoutError(
            f"order is a {type(order).__name__} that does not fit; expected a tuple of columns from 0 to "
            f"{n_columns - 1}, or -1, for each of the {n_cells} cells."
        )
    if len(np.unique(there)) < len(there):
        raise LayoutError("order names a column for two cells; expected each column once at most.")


def _grids_that_fit(n_columns: int, most: int = 4) -> str:
    """The squarest factorisations of ``n_columns``, as ``28 x 28, 16 x 49``."""
    sides = [h for h in range(isqrt(n_columns), 0, -1) if n_columns % h == 0][:most]
    return ", ".join(f"{h} x {n_columns // h}" for h in sides)
