"""Cells of a grid that the columns of a flat matrix stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isqrt, prod

import numpy as np

from autoarch.exceptions import LayoutError


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
        if not self.n_columns:
            object.__setattr__(self, "n_columns", prod(self.shape))

    @classmethod
    def of(cls, shape: Sequence[int], *, n_columns: int | None = None, origin: str = "given") -> Layout:
        """Read ``(H, W)`` or ``(C, H, W)`` and check it against the number of columns.

        Raises
        ------
        LayoutError
            If ``shape`` is no such tuple, or its cells do not add up to ``n_columns``.
        """
        sides = tuple(shape) if isinstance(shape, (tuple, list, np.ndarray)) else (shape,)
        integral = all(isinstance(s, (int, np.integer)) and not isinstance(s, bool) and s >= 1 for s in sides)
        if len(sides) not in (2, 3) or not integral:
            raise LayoutError(
                f"layout={shape!r} was given; expected (height, width) or (channels, height, width) as positive whole "
                "numbers, 'auto', or None for 'there is no grid'."
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
        """
        if self.in_order:
            return X.reshape(len(X), *self.shape)
        columns = self.columns
        grid = np.take(X, np.maximum(columns, 0), axis=1)
        if (columns < 0).any():
            grid = grid.astype(np.result_type(X.dtype, np.float32), copy=False)
            grid[:, columns < 0] = np.nan
        return grid.reshape(len(X), *self.shape)

    def to_flat(self, grid: np.ndarray) -> np.ndarray:
        """Put ``(n, channels, height, width)`` back as ``(n, p)``; columns that belong to no cell are NaN."""
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


def _grids_that_fit(n_columns: int, most: int = 4) -> str:
    """The squarest factorisations of ``n_columns``, as ``28 x 28, 16 x 49``."""
    sides = [h for h in range(isqrt(n_columns), 0, -1) if n_columns % h == 0][:most]
    return ", ".join(f"{h} x {n_columns // h}" for h in sides)
