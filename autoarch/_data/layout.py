"""Which cell of a grid each column of a flat matrix stands for.

Imports: numpy, ``autoarch.exceptions``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    origin : {"given", "shape"}, default="given"
        Whether the user declared the layout or the shape of X implied it.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch import Layout
    >>> layout = Layout(height=2, width=3)
    >>> layout.to_grid(np.arange(6.0).reshape(1, 6))[0, 0]
    array([[0., 1., 2.],
           [3., 4., 5.]])
    """

    height: int
    width: int
    channels: int = 1
    origin: str = "given"

    @classmethod
    def of(cls, asked: Sequence[int], *, n_columns: int | None = None, origin: str = "given") -> Layout:
        """Read ``(H, W)`` or ``(C, H, W)`` and check it against the number of columns.

        Raises
        ------
        LayoutError
            If ``asked`` is no such tuple, or its cells do not add up to ``n_columns``.
        """
        sides = tuple(asked) if isinstance(asked, (tuple, list, np.ndarray)) else (asked,)
        integral = all(isinstance(s, (int, np.integer)) and not isinstance(s, bool) and s >= 1 for s in sides)
        if len(sides) not in (2, 3) or not integral:
            raise LayoutError(
                f"layout={asked!r} was given; expected (height, width) or (channels, height, width) as positive whole "
                "numbers, 'auto', or None for 'there is no grid'."
            )
        sides = tuple(int(s) for s in sides)
        if n_columns is not None and prod(sides) != n_columns:
            raise LayoutError(
                f"layout={sides} has {prod(sides)} cells but X has {n_columns} columns. Grids that fit: "
                f"{_grids_that_fit(n_columns)}. Pass one of these, or layout='auto' to let the shape of X decide."
            )
        *channels, height, width = sides
        return cls(height=height, width=width, channels=channels[0] if channels else 1, origin=origin)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return self.channels, self.height, self.width

    @property
    def n_columns(self) -> int:
        """Columns of the flat matrix: channels x height x width."""
        return prod(self.shape)

    def to_grid(self, X: np.ndarray) -> np.ndarray:
        """Reshape ``(n, p)`` to ``(n, channels, height, width)``, without a copy where numpy allows."""
        return X.reshape(len(X), *self.shape)

    def to_flat(self, grid: np.ndarray) -> np.ndarray:
        """Reshape ``(n, channels, height, width)`` back to ``(n, p)``."""
        return grid.reshape(len(grid), self.n_columns)

    def __str__(self) -> str:
        cells = f"{self.height} x {self.width}"
        return cells if self.channels == 1 else f"{self.channels} x {cells}"


def _grids_that_fit(n_columns: int, most: int = 4) -> str:
    """The squarest factorisations of ``n_columns``, as ``28 x 28, 16 x 49``."""
    sides = [h for h in range(isqrt(n_columns), 0, -1) if n_columns % h == 0][:most]
    return ", ".join(f"{h} x {n_columns // h}" for h in sides)
