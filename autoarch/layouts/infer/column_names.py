"""What the names of columns say about the grid behind them: ``pixel0``, ``r3c4``, ``x_1_2``, ``b2_row1_col3``."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

FEWEST_NAMED = 4
LEAST_SHARE = 0.5  # of the columns must follow the pattern
MOST_CHANNELS = 12
MOST_DIGITS = 9
ROLES = {
    "row": frozenset({"r", "row", "rows", "y", "line", "h", "i"}),
    "column": frozenset({"c", "col", "cols", "column", "x", "w", "j"}),
    "channel": frozenset({"b", "band", "bands", "ch", "chan", "channel", "sensor", "layer"}),
}


@dataclass(frozen=True)
class NamedCells:
    """Columns in the order that their names spell.

    Parameters
    ----------
    columns : tuple of int
        Columns that follow the pattern, channel by channel and row by row.
    channels, height, width : int or None
        Sides that the names give; None where they give none.
    """

    columns: tuple[int, ...]
    channels: int | None = None
    height: int | None = None
    width: int | None = None

    @property
    def is_grid(self) -> bool:
        """Whether the names give every side."""
        return self.height is not None and self.width is not None


def read_names(names: Sequence[str]) -> NamedCells | None:
    """Order columns by the numbers in their names; None where these follow no common pattern.

    One number per name gives an order, two give rows and columns (or a channel and a place, where the word before the
    number says so), three give channels as well. Several words with the same numbers are channels: ``red0``, ``blue0``.

    Examples
    --------
    >>> from autoarch.layouts.infer.column_names import read_names
    >>> read_names(["r1c2", "r2c1", "r1c1", "r2c2", "id"])
    NamedCells(columns=(2, 0, 1, 3), channels=1, height=2, width=2)
    >>> read_names(["age", "height", "weight"]) is None
    True
    """
    members = _members([str(name) for name in names])
    if not members or sum(map(len, members.values())) < max(FEWEST_NAMED, LEAST_SHARE * len(names)):
        return None
    columns = np.array([column for family in members.values() for column, _ in family])
    numbers = np.array([number for family in members.values() for _, number in family])
    roles = [_role(word) for word in next(iter(members))[: numbers.shape[1]]]
    varying = [k for k in range(numbers.shape[1]) if len(np.unique(numbers[:, k])) > 1]
    places, roles = numbers[:, varying], [roles[k] for k in varying]
    if len(members) > 1:
        family = np.repeat(np.arange(len(members)), len(columns) // len(members))
        places, roles = np.column_stack([family, places]), ["channel", *roles]
    axes = _axes(places, roles)
    if axes is None or len(np.unique(places, axis=0)) < len(places):
        return None
    return _arrange(columns, places, axes)


def _members(names: list[str]) -> dict[tuple[str, ...], list[tuple[int, tuple[int, ...]]]]:
    """Columns and numbers of each pattern of words; of several patterns only if all have the same numbers."""
    found: dict[tuple[str, ...], list[tuple[int, tuple[int, ...]]]] = defaultdict(list)
    for column, name in enumerate(names):
        pieces = re.split(r"(\d+)", name.lower())
        numbers = pieces[1::2]
        if numbers and max(map(len, numbers)) <= MOST_DIGITS:
            found[tuple(pieces[0::2])].append((column, tuple(map(int, numbers))))
    if not found:
        return {}
    size = max(map(len, found.values()))
    largest = {words: members for words, members in found.items() if len(members) == size}
    spelled = {tuple(sorted(numbers for _, numbers in members)) for members in largest.values()}
    return largest if size > 1 and len(spelled) == 1 and len(largest) <= MOST_CHANNELS else {}


def _role(word: str) -> str:
    """What the number behind a word counts, as far as the word says."""
    last = (re.findall(r"[a-z]+", word) or [""])[-1]
    return next((role for role, known in ROLES.items() if last in known), "")


def _axes(places: np.ndarray, roles: list[str]) -> list[int | None] | None:
    """Which number is the channel, the row and the column; a lone place counts as column."""
    if not 1 <= len(roles) <= 3:
        return None
    if len(roles) == 1:
        return [None, None, 0]
    channel = roles.index("channel") if roles.count("channel") == 1 else None
    if channel is None and len(roles) == 3:
        first, *_, last = (len(np.unique(places[:, axis])) for axis in range(3))
        channel = 2 if last < first and last <= MOST_CHANNELS else 0
    rest = [axis for axis in range(len(roles)) if axis != channel]
    if len(rest) == 1:
        return [channel, None, rest[0]]
    if [roles[axis] for axis in rest] == ["column", "row"]:
        rest.reverse()
    return [channel, *rest]


def _arrange(columns: np.ndarray, places: np.ndarray, axes: list[int | None]) -> NamedCells | None:
    """Sort the columns by channel, row and column; None where the numbers leave cells of the grid empty."""
    order = np.lexsort([places[:, axis] for axis in reversed(axes) if axis is not None])
    channels, height, width = (None if axis is None else len(np.unique(places[:, axis])) for axis in axes)
    if prod(side for side in (channels, height, width) if side is not None) != len(places):
        return None
    ordered = tuple(columns[order].tolist())
    if height is None:
        return NamedCells(ordered, channels)
    return NamedCells(ordered, channels or 1, height, width)
