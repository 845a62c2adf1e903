"""Columns of X as the user knows them: names, cells of a grid, and the units that are removed together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from numbers import Integral
from typing import Any

import numpy as np

from autoarch._core.checks import check_choice, check_sequence, check_whole, shown
from autoarch._data.layout import Layout
from autoarch.exceptions import LayoutError, ParameterError

BY = ("auto", "cell", "patch", "row", "column", "channel", "name")
FEWEST_PATCHES, MOST_PATCHES = 25, 64  # of the smaller default size, at most: the root of the cells within these limits
# Of a cut along each axis, at most one for each cell of a patch; the most affordable ones
_SHIFTS = (16, 8, 4, 3, 2, 1)
_SOFT = 0.4  # of the side of a patch, over which its share falls from 1 to 0


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

        ``layout="auto"`` is the estimator's ``own`` one, where it has any.

        Raises
        ------
        LayoutError
            If the layout has another number of columns.
        """
        columns = cls(tuple(map(str, names)), owners, shaped=len(shape) > 1)
        if isinstance(layout, str) and layout == "auto":
            layout = own
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
    """Some columns of X (indices of their names) that are removed at once.

    Parameters
    ----------
    columns : ndarray of int
        The columns.
    shares : ndarray of float
        How far each of them is replaced: less than wholly near the edge of a patch.
    weight : float
        Of the value found.
    size : int or None
        Place of its sides among the sizes of the partition; None for a column beside the grid.
    """

    columns: np.ndarray
    shares: np.ndarray
    weight: float = 1.0
    size: int | None = None

    @classmethod
    def of(cls, column: int) -> Unit:
        """One column."""
        return cls(np.array([column]), np.ones(1))


@dataclass(frozen=True, eq=False)
class Partition:
    """Partition of X into units.

    Parameters
    ----------
    columns : Columns
        Of X.
    kind : str
        One of ``BY``, but not "auto".
    sizes : tuple of (int, int)
        Cells of a part down and across, where a grid is cut; parts of several sizes are averaged.
    """

    columns: Columns
    kind: str
    sizes: tuple[tuple[int, int], ...] = ((1, 1),)

    @property
    def shifted(self) -> bool:
        """Tell whether the grid is cut in several ways."""
        return self.kind == "patch" and any(sides != (1, 1) for sides in self.sizes)

    def units(self, most: int = 0) -> tuple[str, list[Unit]]:
        """Return the kind in words, and the units; columns beside a grid are units of their own.

        The edges of patches fall anywhere, also through the pattern that the model uses. So patches of each size are
        cut twice, the second time shifted by half a patch both ways, and more often where ``most`` units allow it;
        where they do not even allow two cuts, only the smallest size has these. All sizes have equal weights, and so
        have the cuts of one size. Nor is a patch replaced sharply: its edges would be patterns of their own, and
        stronger ones than any in a smooth field.
        """
        cells, n = self.columns.cells, len(self.columns)
        if self.kind == "name" or cells is None:
            return "name", [Unit.of(column) for column in range(n)]
        beside = [Unit.of(column) for column in np.setdiff1d(np.arange(n), cells)]
        if self.kind == "channel":
            whole = np.ones(cells.shape[1:])
            return self.kind, [unit for plane in cells for unit in _units(plane[None], [whole])] + beside
        cuts = self._cuts(cells.shape[1:], most - len(beside))
        units = []
        for size, shifted in enumerate(cuts):
            weight = 1.0 / (len(self.sizes) * len(shifted))
            units += [unit for tiles in shifted for unit in _units(cells, tiles, weight, size)]
        words = [
            ("patch of {} x {} cells".format(*sides) if self.shifted else self.kind.replace("patch", "cell"))
            + (f", cut in {len(shifted)} ways" if len(shifted) > 1 else "")
            for sides, shifted in zip(self.sizes, cuts, strict=True)
        ]
        return " and ".join(words), units + beside

    def _cuts(self, shape: tuple[int, ...], most: int) -> list[list[list[np.ndarray]]]:
        """Tiles of each size, for each shift of its cut."""
        for finest in _SHIFTS:
            shifts = [_shifts(sides, shape, finest) for sides in self.sizes]
            cuts = [_tiles(shape, *of_size, soft=self.shifted) for of_size in zip(self.sizes, shifts, strict=True)]
            if sum(len(tiles) for shifted in cuts for tiles in shifted) <= most:
                return cuts
        return [cuts[0], *(shifted[:1] for shifted in cuts[1:])]


def make_partition(columns: Columns, by: str, patch: Any) -> Partition:
    """Read ``by`` and ``patch``; "auto" is patches on a grid, else names.

    Raises
    ------
    ParameterError
        If the kind is unknown, needs a grid that is not there, or the patch is no size.
    """
    check_choice("by", by, BY)
    if columns.cells is None:
        if by not in ("auto", "name") or not (isinstance(patch, str) and patch == "auto"):
            given = f"patch={patch!r}" if by == "auto" else f"by={by!r}"
            raise ParameterError(
                f"{given} needs a grid, and X has no layout. Pass layout=(height, width) to explain its columns as "
                f"cells, or (1, {len(columns)}) where they are a line; or by='name' alone to explain them one by one."
            )
        return Partition(columns, "name")
    _, height, width = columns.cells.shape
    by = "patch" if by == "auto" else by
    if by == "patch":
        return Partition(columns, by, _patch_sizes(patch, height, width))
    sides = {"row": (1, width), "column": (height, 1)}
    return Partition(columns, by, (sides.get(by, (1, 1)),))


def spread_evenly(values: np.ndarray, units: Sequence[Unit], n_columns: int) -> np.ndarray:
    """Values (..., units) on the columns of each unit, by their shares, as (..., n_columns)."""
    spread = np.zeros((*values.shape[:-1], n_columns))
    for place, unit in enumerate(units):
        spread[..., unit.columns] += values[..., place, None] * (unit.shares * unit.weight / unit.shares.sum())
    return spread


def _units(
    cells: np.ndarray, tiles: Iterable[np.ndarray], weight: float = 1.0, size: int | None = None
) -> Iterator[Unit]:
    """Units of the cells in tiles, which are shares of shape (height, width); a tile without a column makes none."""
    for tile in tiles:
        shares = np.broadcast_to(tile, cells.shape)
        inside = (cells >= 0) & (shares > 0)
        columns, first = np.unique(cells[inside], return_index=True)
        if len(columns):
            yield Unit(columns, shares[inside][first], weight, size)


def _tiles(
    shape: tuple[int, ...], sides: tuple[int, int], shifts: Sequence[tuple[int, int]], *, soft: bool
) -> list[list[np.ndarray]]:
    """Tiles of a grid for each shift of its cut: shares (height, width) that add up to 1 in each cell."""
    found = []
    for shift in shifts:
        down, across = (_stretches(*axis, soft=soft) for axis in zip(shape, sides, shift, strict=True))
        found.append([np.outer(*pair) for pair in product(down, across)])
    return found


def _stretches(extent: int, side: int, shift: int, *, soft: bool) -> np.ndarray:
    """Stretches of ``side`` cells of an axis, as shares (stretches, extent) that add up to 1 in each cell.

    The first one ends at ``shift`` where there is one. The share of a soft stretch is a half at its edges.
    """
    edges = np.arange(shift or side, extent, side)
    width = max(1, round(_SOFT * side)) if soft else 1
    beyond = np.clip(0.5 + (np.arange(extent) + 0.5 - edges[:, None]) / width, 0.0, 1.0)
    return -np.diff(np.vstack([np.ones(extent), beyond, np.zeros(extent)]), axis=0)


def _shifts(sides: tuple[int, int], shape: tuple[int, ...], finest: int) -> list[tuple[int, int]]:
    """Shifts of a cut: at most ``finest`` along each axis, or with 1, none and half a patch along both at once."""
    room = [side if side < extent else 1 for side, extent in zip(sides, shape, strict=True)]
    if finest == 1:
        return sorted({(0, 0), (room[0] // 2, room[1] // 2)})
    down, across = (range(0, side, -(-side // finest)) for side in room)
    return list(product(down, across))


def _patch_sizes(patch: Any, height: int, width: int) -> tuple[tuple[int, int], ...]:
    """Sides of the patches; of the default ones, those of a small size and of twice that."""
    if isinstance(patch, str) and patch == "auto":
        extents, lengths = np.array([height, width]), np.array([1, 1])
        most = int(np.clip(np.sqrt(height * width), FEWEST_PATCHES, MOST_PATCHES))
        while (counts := -(-extents // lengths)).prod() > most:
            lengths[counts == counts.max()] += 1
        small, large = (tuple(np.minimum(times * lengths, extents).tolist()) for times in (1, 2))
        return (small,) if large == (height, width) else (small, large)  # what holds all cells tells nothing
    expected = "'auto', a number of cells, or (height, width)"
    sides = [patch, patch] if isinstance(patch, Integral) else check_sequence("patch", patch, expected)
    if len(sides) != 2:
        raise ParameterError(f"patch={shown(patch)} was given; expected {expected}.")
    down, across = (check_whole("patch", side, least=1) for side in sides)
    return ((min(down, height), min(across, width)),)
