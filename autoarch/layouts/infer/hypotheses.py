"""The grids that a row of columns could be, in the order in which the columns stand."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

MOST_CHANNELS = 12
FEWEST_LINES = 4  # three rows of cells are better described as channels ...
SMALL_SIDE = 3  # ... unless the whole grid is about as small as that
SMALL_GRID = 5


@dataclass(frozen=True)
class Hypothesis:
    """``channels`` grids of ``height`` x ``width`` cells, flattened row by row.

    Parameters
    ----------
    channels, height, width : int
        Sides; ``height`` is 1 for a series.
    channels_last : bool, default=False
        Whether the channels of a cell stand side by side; else each channel is a block of columns.

    Examples
    --------
    >>> from autoarch.layouts.infer.hypotheses import Hypothesis
    >>> grid = Hypothesis(channels=3, height=8, width=10, channels_last=True)
    >>> grid.down, grid.across, grid.between
    (30, 3, 1)
    """

    channels: int
    height: int
    width: int
    channels_last: bool = False

    @property
    def n_columns(self) -> int:
        """Columns taken."""
        return self.channels * self.height * self.width

    @property
    def down(self) -> int:
        """Columns from a cell to the one below it."""
        return self.width * self.across

    @property
    def across(self) -> int:
        """Columns from a cell to the next one in its row."""
        return self.channels if self.channels_last else 1

    @property
    def between(self) -> int:
        """Columns from one channel of a cell to the next."""
        return 1 if self.channels_last else self.height * self.width

    @property
    def axes(self) -> tuple[str, str, str]:
        """Names of the axes of a row reshaped to ``sides``."""
        return ("down", "across", "between") if self.channels_last else ("between", "down", "across")

    @property
    def sides(self) -> tuple[int, int, int]:
        """Shape that turns a row of columns into the grid."""
        return tuple(self.along(axis) for axis in self.axes)  # type: ignore[return-value]

    def along(self, axis: str) -> int:
        """Cells along one of ``axes``."""
        return {"down": self.height, "across": self.width, "between": self.channels}[axis]

    @property
    def is_line(self) -> bool:
        """Whether there is only one row."""
        return self.height == 1


def hypotheses(n_columns: int, *, most_channels: int = MOST_CHANNELS) -> list[Hypothesis]:
    """List every grid and every line that takes exactly ``n_columns``.

    A grid of H x W cells flattened column by column is one of W x H flattened row by row, so it is not listed twice.

    Examples
    --------
    >>> from autoarch.layouts.infer.hypotheses import hypotheses
    >>> [(g.channels, g.height, g.width) for g in hypotheses(20)]
    [(1, 1, 20), (1, 4, 5), (1, 5, 4), (2, 1, 10), (2, 1, 10), (4, 1, 5), (4, 1, 5), (5, 1, 4), (5, 1, 4)]
    """
    found = []
    for channels in range(1, most_channels + 1):
        cells, rest = divmod(n_columns, channels)
        if rest or cells < FEWEST_LINES:
            continue
        for height in range(1, cells + 1):
            width, rest = divmod(cells, height)
            if rest or (height > 1 and not _is_grid(height, width)):
                continue
            found += [
                Hypothesis(channels, height, width, last) for last in ((False, True) if channels > 1 else (False,))
            ]
    return found


def _is_grid(height: int, width: int) -> bool:
    shorter, longer = sorted((height, width))
    return shorter >= FEWEST_LINES or (shorter == SMALL_SIDE and longer <= SMALL_GRID)


def positions(grid: Hypothesis) -> list[int]:
    """Place of each cell in the row of columns, channel by channel and row by row.

    Examples
    --------
    >>> from autoarch.layouts.infer.hypotheses import Hypothesis, positions
    >>> positions(Hypothesis(channels=2, height=1, width=3, channels_last=True))
    [0, 2, 4, 1, 3, 5]
    """
    if not grid.channels_last:
        return list(range(grid.n_columns))
    cells = prod((grid.height, grid.width))
    return [cell * grid.channels + channel for channel in range(grid.channels) for cell in range(cells)]
