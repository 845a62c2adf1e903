"""The columns of X as the user knows them: names, places on a grid, and which encoded columns stand for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autoarch._data.canonical import Canonicaliser
from autoarch._data.layout import Layout
from autoarch.exceptions import LayoutError


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of a table, or cells of a grid.

    Parameters
    ----------
    names : tuple of str
        As the user knows them.
    blocks : tuple of ndarray of int
        For each of these, the columns of the pool that stand for it; none where it was dropped.
    shaped : bool
        Whether X had three or four axes.
    cells : ndarray of int of shape (channels, height, width) or None
        Which of the names stands at each cell, -1 where none does; None without a grid.
    """

    names: tuple[str, ...]
    blocks: tuple[np.ndarray, ...]
    shaped: bool = False
    cells: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def off_grid(self) -> np.ndarray:
        """Columns that stand at no cell."""
        return np.arange(len(self)) if self.cells is None else np.setdiff1d(np.arange(len(self)), self.cells)

    def behind(self, columns: np.ndarray) -> np.ndarray:
        """Columns of the pool that stand for some of the names."""
        return np.concatenate([np.empty(0, dtype=int), *(self.blocks[column] for column in columns)])

    def owners(self, n_columns: int) -> np.ndarray:
        """For each column of the pool, which of the names it stands for."""
        owner = np.full(n_columns, -1)
        for column, block in enumerate(self.blocks):
            owner[block] = column
        return owner

    def to_grid(self, values: np.ndarray) -> np.ndarray:
        """Values (n, p) of the names as (n, channels, height, width); a cell without a column has 0."""
        assert self.cells is not None
        return np.where(self.cells >= 0, values[:, np.maximum(self.cells, 0)], 0.0)


def of_canonical(canonical: Canonicaliser, layout: Layout | None) -> Columns:
    """Columns of X as ``fit`` got it."""
    shape, blocks = canonical.cell_shape_, canonical.blocks_
    if canonical.kind_ == "frame" and not hasattr(canonical, "feature_names_in_"):
        names = [f"x{column}" for column in range(canonical.n_features_in_)]
    elif canonical.kind_ == "frame":
        names = [str(name) for name in canonical.feature_names_in_]
    else:
        names = canonical.feature_names_out_
    columns = Columns(tuple(names), tuple(blocks), shaped=len(shape) > 1)
    return columns if layout is None else _on_grid(columns, layout, sum(map(len, blocks)))


def of_plain(names: list[str], shape: tuple[int, ...], layout: Layout | None) -> Columns:
    """Columns of X that nobody has encoded."""
    columns = Columns(tuple(names), tuple(np.arange(len(names))[:, None]), shaped=len(shape) > 1)
    return columns if layout is None else _on_grid(columns, layout, len(names))


def _on_grid(columns: Columns, layout: Layout, n_columns: int) -> Columns:
    if layout.n_columns != n_columns:
        raise LayoutError(
            f"layout={layout} describes {layout.n_columns} columns, but the model sees {n_columns}. Pass the layout_ "
            "of the estimator, or layout=None to explain columns one by one."
        )
    owner, places = columns.owners(n_columns), layout.columns
    cells = np.where(places >= 0, owner[np.maximum(places, 0)], -1).reshape(layout.shape)
    return Columns(columns.names, columns.blocks, columns.shaped, cells)


def grid_of(asked: Any, own: Layout | None, n_columns: int) -> Layout | None:
    """The layout that is asked for; "auto" is the estimator's own, unless that is the mere row of its columns."""
    if asked is None or isinstance(asked, Layout):
        return asked
    if isinstance(asked, str) and asked == "auto":
        return None if own is None or own.is_bare_line else own
    return Layout.of(asked, n_columns=n_columns)
