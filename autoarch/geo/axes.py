"""Coordinates of long tables as lines of a grid: one line per level, per step, or per bin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api import types

from autoarch.exceptions import InputError

_OFF = 0.05  # of a step: values of a regular axis are no farther off
_MOST_LINES = 2  # of a regular axis for each value that occurs; 1, 10, 100 are three values, not a hundred steps


@dataclass(frozen=True)
class Axis:
    """Lines of a grid.

    Parameters
    ----------
    levels : tuple
        What stands for each line: values, or middles of intervals.
    width : float
        Of the intervals; 0 where lines are values.
    """

    levels: tuple
    width: float = 0.0

    def __len__(self) -> int:
        return len(self.levels)

    @classmethod
    def learn(cls, column: pd.Series) -> Axis | None:
        """A line for each value, those between regular steps included; None where numbers have too many values."""
        values = distinct(column)
        if not _is_numeric(column):
            return cls(tuple(values))
        steps = np.diff(values.astype(np.float64))
        times = steps / steps.min(initial=np.inf)
        whole = np.round(times)
        if np.abs(times - whole).max(initial=0.0) > _OFF or whole.sum() >= _MOST_LINES * len(values):
            return None
        if not len(steps):
            return cls(tuple(values))
        step = (values[-1] - values[0]) / whole.sum()
        step = int(step) if values.dtype.kind in "iu" and step == int(step) else step
        return cls(tuple(values[0] + step * np.arange(int(whole.sum()) + 1)), float(step))

    @classmethod
    def of_levels(cls, column: pd.Series) -> Axis:
        """A line for each value that occurs."""
        return cls(tuple(distinct(column)))

    @classmethod
    def of_bins(cls, column: pd.Series, n: int) -> Axis:
        """Equal intervals from the least value to the largest."""
        if not _is_numeric(column):
            raise InputError(
                f"{column.name} holds no numbers, so it cannot be cut into {n} intervals. Its "
                f"{len(distinct(column))} values would be lines of their own: pass as many, or shape='auto'."
            )
        low, high = float(column.min()), float(column.max())
        width = (high - low) / n or 1.0
        return cls(tuple(low + width * (np.arange(n) + 0.5)), width)

    def lines(self, column: pd.Series) -> np.ndarray:
        """The line of each value, -1 for those outside."""
        if not self.width:
            return pd.Index(self.levels).get_indexer(pd.Index(column))
        position = (np.asarray(column, dtype=np.float64) - self.levels[0]) / self.width + 0.5
        position[np.abs(position - len(self)) < 1e-9] -= 0.5  # the largest value belongs to the last interval
        position[np.abs(position) < 1e-9] = 0.0
        inside = (position >= 0) & (position < len(self))
        return np.where(inside, np.where(inside, position, 0).astype(np.int64), -1)


def distinct(column: pd.Series) -> np.ndarray:
    """Values of a column, sorted; in the order that a categorical has, by their words where they cannot be compared."""
    values = column.unique()
    if isinstance(column.dtype, pd.CategoricalDtype) and column.cat.ordered:
        return np.asarray([level for level in column.cat.categories if level in values])
    try:
        return np.asarray(sorted(values))
    except TypeError:
        return np.asarray(sorted(values, key=str), dtype=object)


def _is_numeric(column: pd.Series) -> bool:
    return bool(types.is_numeric_dtype(column.dtype) and not types.is_bool_dtype(column.dtype))


def refuse_missing(column: pd.Series) -> None:
    """Raise if a value is missing or infinite."""
    bad = column.isna().to_numpy()
    if _is_numeric(column):
        bad = bad | ~np.isfinite(column.to_numpy(dtype=np.float64, na_value=np.nan))
    if bad.any():
        raise InputError(
            f"the column {column.name!r} is missing or infinite in {bad.sum()} of {len(bad)} rows, the first of them "
            f"row {int(bad.argmax())}. Drop these rows: they belong to no cell."
        )
