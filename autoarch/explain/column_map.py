"""Columns of X as the user knows them: names, cells of a grid, and the units that are removed together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from autoarch._core.checks import check_choice, check_whole
from autoarch._data.layout import Layout
from autoarch.exceptions import LayoutError, ParameterError

BY = ("auto", "cell", "patch", "row", "column", "channel", "name")
MOST_PATCHES = 64  # that patches of the default size make: 4 x 4 cells of 28 x 28, single cells of 8 x 8


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of a table, or cells of a grid.

    Parameters
    ----------
    names : tuple of str
        As the user knows them.
    owners : ndarray of int
        For each encoded column, the index of the name that it represents; a dropped name has none.
    shaped : bool
        True where X had three or four axes.
    cells : ndarray of int of shape (channels, height, width) or None
        Index of the name at each cell, -1 where there is none; None without a grid.
    """

    names: tuple[str, ...]
    owners: np.ndarray
    shaped: bool = False
    cells: np.ndarray | None = None

    @classmethod
    def on_layout(
        cls, names: Iterable[Any], owners: np.ndarray, shape: tuple[int, ...], layout: Any, own: Layout | None
    ) -> Columns:
        """Columns of rows of this ``shape``, on the cells of a layout of the encoded columns.

        ``layout="auto"`` is the estimator's own one, unless that is the mere row of its columns.

        Raises
        ------
        LayoutError
            If the layout has another number of columns.
        """
        columns = cls(tuple(map(str, names)), owners, shaped=len(shape) > 1)
        if isinstance(layout, str) and layout == "auto":
            layout = own if own is not None and not own.is_bare_line else None
        if layout is None:
            return columns
        layout = layout if isinstance(layout, Layout) else Layout.of(layout, n_columns=len(owners))
        if layout.n_columns != len(owners):
            raise LayoutError(
                f"layout={layout} describes {layout.n_columns} columns, but the model sees {len(owners)}. Pass the "
                "layout_ of the estimator, or layout=None to explain columns one by one."
            )
        places = layout.columns.reshape(layout.shape)
        return replace(columns, cells=np.where(places >= 0, owners[np.maximum(places, 0)], -1))

    def __len__(self) -> int:
        return len(self.names)

    def encoded(self, columns: np.ndarray) -> np.ndarray:
        """Encoded columns that represent some of the names."""
        return np.flatnonzero(np.isin(self.owners, columns))

    def to_grid(self, values: np.ndarray) -> np.ndarray:
        """Values (n, p) of the names as (n, channels, height, width); a cell without a column has 0."""
        assert self.cells is not None
        return np.where(self.cells >= 0, values[:, np.maximum(self.cells, 0)], 0.0)


@dataclass(frozen=True, eq=False)
class Unit:
    """Some columns of X (indices of their names) that are removed at once, and the weight of the value found."""

    columns: np.ndarray
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Partition:
    """Partition of X into units.

    Parameters
    ----------
    columns : Columns
        Of X.
    kind : str
        One of ``BY``, but not "auto".
    sides : tuple of int
        Cells of a part down and across, where a grid is cut.
    """

    columns: Columns
    kind: str
    sides: tuple[int, int] = (1, 1)

    def units(self, most: int = 0) -> tuple[str, list[Unit]]:
        """Return the kind in words, and the units; columns beside a grid are units of their own.

        The edges of patches fall anywhere, also through the pattern that the model uses. So patches are cut several
        times, each time shifted by some cells, with equal weights: as often as ``most`` units allow, once at least.
        """
        cells, n = self.columns.cells, len(self.columns)
        if self.kind == "name" or cells is None:
            return "name", [Unit(np.array([column])) for column in range(n)]
        beside = [Unit(np.array([column])) for column in np.setdiff1d(np.arange(n), cells)]
        if self.kind == "channel":
            return self.kind, _units(cells, 1.0) + beside
        shifts = _shifts(self.sides, cells.shape[1:], most - len(beside))
        tiles = [tile for shift in shifts for tile in self._tiles(cells, shift)]
        units = _units(tiles, 1.0 / len(shifts))
        words = self.kind if self.kind != "patch" else "patch of {} x {} cells".format(*self.sides)
        return words + (f", cut in {len(shifts)} ways" if len(shifts) > 1 else ""), units + beside

    def _tiles(self, cells: np.ndarray, shift: tuple[int, int]) -> list[np.ndarray]:
        down, across = (_edges(*axis) for axis in zip(cells.shape[1:], self.sides, shift, strict=True))
        return [tile for band in np.split(cells, down, axis=1) for tile in np.split(band, across, axis=2)]


def make_partition(columns: Columns, by: str, patch: Any) -> Partition:
    """Read ``by`` and ``patch``; "auto" is patches on a grid, else names.

    Raises
    ------
    ParameterError
        If the kind is unknown, needs a grid that is not there, or the patch is no size.
    """
    check_choice("by", by, BY)
    if columns.cells is None:
        if by not in ("auto", "name"):
            raise ParameterError(
                f"by={by!r} needs a grid, and X has no layout. Pass layout=(height, width) to explain its columns as "
                "cells, or by='name' to explain them one by one."
            )
        return Partition(columns, "name")
    _, height, width = columns.cells.shape
    by = "patch" if by == "auto" else by
    sides = {"row": (1, width), "column": (height, 1), "patch": _patch_sides(patch, height, width)}
    return Partition(columns, by, sides.get(by, (1, 1)))


def spread_evenly(values: np.ndarray, units: Sequence[Unit], n_columns: int) -> np.ndarray:
    """Values (..., units) in equal parts on the columns of each unit, as (..., n_columns)."""
    spread = np.zeros((*values.shape[:-1], n_columns))
    for place, unit in enumerate(units):
        spread[..., unit.columns] += values[..., place, None] * (unit.weight / len(unit.columns))
    return spread


def _units(parts: Iterable[np.ndarray], weight: float) -> list[Unit]:
    return [Unit(np.unique(cells[cells >= 0]), weight) for cells in parts if (cells >= 0).any()]


def _edges(extent: int, side: int, shift: int) -> range:
    """Places that cut an axis into stretches of ``side`` cells; the first one ends at ``shift`` where there is one."""
    return range(shift or side, extent, side)


def _shifts(sides: tuple[int, int], shape: tuple[int, ...], most: int) -> list[tuple[int, int]]:
    """Shifts of a cut as finely as ``most`` units allow: by every cell, every second one, ..., by the half, or none."""
    room = [side if side < extent else 1 for side, extent in zip(sides, shape, strict=True)]
    candidates = [list(product(range(0, room[0], step), range(0, room[1], step))) for step in range(1, max(room))]
    candidates += [[(0, 0), (room[0] // 2, room[1] // 2)]] if max(room) > 1 else []
    for shifts in candidates:
        cuts = [[_edges(*axis) for axis in zip(shape, sides, shift, strict=True)] for shift in shifts]
        if sum((len(down) + 1) * (len(across) + 1) for down, across in cuts) <= most:
            return shifts
    return [(0, 0)]


def _patch_sides(patch: Any, height: int, width: int) -> tuple[int, int]:
    if isinstance(patch, str) and patch == "auto":
        extents, lengths = np.array([height, width]), np.array([1, 1])
        while (counts := -(-extents // lengths)).prod() > MOST_PATCHES:
            lengths[counts.argmax()] += 1
        return int(lengths[0]), int(lengths[1])
    sides: Sequence[Any] = (patch, patch) if np.ndim(patch) == 0 else tuple(patch)
    if len(sides) != 2:
        raise ParameterError(f"patch={patch!r} was given; expected 'auto', a number of cells, or (height, width).")
    down, across = (check_whole("patch", side, least=1) for side in sides)
    return min(down, height), min(across, width)
