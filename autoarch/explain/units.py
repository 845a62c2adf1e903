"""What is taken away together: cells, patches, rows, columns or channels of a grid, named columns of a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np

from autoarch._core.checks import check_choice, check_whole
from autoarch.exceptions import ParameterError
from autoarch.explain.column_map import Columns

BY = ("auto", "cell", "patch", "row", "column", "channel", "name")
MOST_PATCHES = 64  # that patches of the default size make: 4 x 4 cells of 28 x 28, single cells of 8 x 8


@dataclass(frozen=True, eq=False)
class Unit:
    """Some columns of X (places among the names) that are taken away at once, and what share of its value counts."""

    columns: np.ndarray
    share: float = 1.0


@dataclass(frozen=True, eq=False)
class Cut:
    """How X is cut into units.

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

    @property
    def in_patches(self) -> bool:
        """Whether parts are of several cells, with edges that could be elsewhere."""
        return self.kind == "patch" and self.sides != (1, 1)

    def units(self, most: int = 0) -> tuple[str, list[Unit]]:
        """What is taken away, in words and one by one; columns beside a grid are units of their own.

        The edges of patches fall anywhere, also through what the model looks at. So patches are cut several times, each
        time shifted by some cells, and each cut counts for its share: as often as ``most`` units allow, once at least.
        """
        columns = self.columns
        if self.kind == "name" or columns.cells is None:
            return "name", [Unit(np.array([column])) for column in range(len(columns))]
        beside = [Unit(np.array([column])) for column in columns.off_grid]
        if self.kind == "channel":
            return self.kind, _units(columns.cells, 1.0) + beside
        shifts = [(0, 0)]
        if self.kind == "patch":
            shifts = _shifts(self.sides, columns.cells.shape[1:], most - len(beside))
        units = [unit for shift in shifts for unit in _units(self._tiles(columns.cells, shift), 1.0 / len(shifts))]
        words = self.kind if self.kind != "patch" else "patch of {} x {} cells".format(*self.sides)
        return words + (f", cut in {len(shifts)} ways" if len(shifts) > 1 else ""), units + beside

    def _tiles(self, cells: np.ndarray, shift: tuple[int, int]) -> Iterator[np.ndarray]:
        down, across = (_stretches(*axis) for axis in zip(cells.shape[1:], self.sides, shift, strict=True))
        for top, bottom in down:
            for left, right in across:
                yield cells[:, top:bottom, left:right]


def make_cut(columns: Columns, by: str, patch: Any) -> Cut:
    """The cut that is asked for; "auto" is patches on a grid, else names.

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
        return Cut(columns, "name")
    _, height, width = columns.cells.shape
    by = "patch" if by == "auto" else by
    sides = {"row": (1, width), "column": (height, 1), "patch": _patch(patch, height, width)}
    return Cut(columns, by, sides.get(by, (1, 1)))


def _units(parts: Iterable[np.ndarray], share: float) -> list[Unit]:
    return [Unit(np.unique(cells[cells >= 0]), share) for cells in parts if (cells >= 0).any()]


def _stretches(extent: int, side: int, shift: int) -> list[tuple[int, int]]:
    """An axis cut into stretches of ``side`` cells; the first one ends at ``shift`` where there is one."""
    return list(pairwise([0, *range(shift or side, extent, side), extent]))


def _shifts(sides: tuple[int, int], shape: tuple[int, ...], most: int) -> list[tuple[int, int]]:
    """Shifts of a cut as finely as ``most`` units allow: by every cell, every second one, ..., by the half, or none."""
    room = [side if side < extent else 1 for side, extent in zip(sides, shape, strict=True)]
    ways = [list(product(range(0, room[0], step), range(0, room[1], step))) for step in range(1, max(room))]
    ways += [[(0, 0), (room[0] // 2, room[1] // 2)]] if max(room) > 1 else []
    for shifts in ways:
        cuts = [[_stretches(*axis) for axis in zip(shape, sides, shift, strict=True)] for shift in shifts]
        if sum(len(down) * len(across) for down, across in cuts) <= most:
            return shifts
    return [(0, 0)]


def spread(values: np.ndarray, units: Sequence[Unit], n_columns: int) -> np.ndarray:
    """Values (..., units) in equal parts on the columns of each unit, as (..., n_columns)."""
    spread = np.zeros((*values.shape[:-1], n_columns))
    for place, unit in enumerate(units):
        spread[..., unit.columns] += values[..., place, None] * (unit.share / len(unit.columns))
    return spread


def _patch(patch: Any, height: int, width: int) -> tuple[int, int]:
    if isinstance(patch, str) and patch == "auto":
        down = across = 1
        while -(-height // down) * -(-width // across) > MOST_PATCHES:
            if -(-height // down) >= -(-width // across):
                down += 1
            else:
                across += 1
        return down, across
    sides: Sequence[Any] = (patch, patch) if np.ndim(patch) == 0 else tuple(patch)
    if len(sides) != 2:
        raise ParameterError(f"patch={patch!r} was given; expected 'auto', a number of cells, or (height, width).")
    down, across = (check_whole("patch", side, least=1) for side in sides)
    return min(down, height), min(across, width)
