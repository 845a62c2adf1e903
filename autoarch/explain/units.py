"""What is taken away together: cells, patches, rows, columns or channels of a grid, named columns of a table.

Imports: numpy, ``autoarch._checks``, ``autoarch.exceptions``, ``columns``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autoarch._checks import check_choice, check_whole
from autoarch.exceptions import ParameterError
from autoarch.explain.columns import Columns

BY = ("auto", "cell", "patch", "row", "column", "channel", "name")
MOST_PATCHES = 64  # that patches of the default size make: 4 x 4 cells of 28 x 28, single cells of 8 x 8


@dataclass(frozen=True, eq=False)
class Unit:
    """Some columns of X (places among the names) that are taken away at once."""

    name: str
    columns: np.ndarray


def make_units(columns: Columns, by: str, patch: Any) -> tuple[str, list[Unit]]:
    """Units of the kind that is asked for, and which kind that is; columns beside a grid are units of their own.

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
        by = "name"
    elif by == "auto":
        by = "patch"
    if by == "name" or columns.cells is None:
        return by, [Unit(columns.names[column], np.array([column])) for column in range(len(columns))]
    _, height, width = columns.cells.shape
    if by == "channel":
        groups = [(f"channel {channel}", cells) for channel, cells in enumerate(columns.cells)]
    else:
        sides = {"cell": (1, 1), "row": (1, width), "column": (height, 1)}
        down, across = _patch(patch, height, width) if by == "patch" else sides[by]
        if by == "patch":
            by = f"patch of {down} x {across} cells"
        groups = [
            (_where(top, left, down, across, height, width), columns.cells[:, top : top + down, left : left + across])
            for top in range(0, height, down)
            for left in range(0, width, across)
        ]
    units = [Unit(name, np.unique(cells[cells >= 0])) for name, cells in groups if (cells >= 0).any()]
    return by, units + [Unit(columns.names[column], np.array([column])) for column in columns.off_grid]


def spread(values: np.ndarray, units: Sequence[Unit], n_columns: int) -> np.ndarray:
    """Values (..., units) in equal parts on the columns of each unit, as (..., n_columns)."""
    spread = np.zeros((*values.shape[:-1], n_columns))
    for place, unit in enumerate(units):
        spread[..., unit.columns] = values[..., place, None] / len(unit.columns)
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


def _where(top: int, left: int, down: int, across: int, height: int, width: int) -> str:
    if across >= width and down == 1:
        return f"row {top}"
    if down >= height and across == 1:
        return f"column {left}"
    if (down, across) == (1, 1):
        return f"row {top}, column {left}"
    return f"rows {top}-{min(top + down, height) - 1}, columns {left}-{min(left + across, width) - 1}"
