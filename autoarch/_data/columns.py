"""One column of a table as numbers: a small coder per kind of column (number, duration, category, date, letters).

A coder is plain data, learned once by ``table_encoder``; ``encode`` turns any later column into a float64 block of
shape (n, number of output columns). A missing cell is NaN whatever the kind.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from autoarch.exceptions import InputError, InputTypeError


@dataclass(frozen=True)
class Number:
    """A column of numbers or booleans."""

    name: str

    def names_out(self) -> list[str]:
        """Names of the columns that ``encode`` makes."""
        return [self.name]

    def encode(self, column: pd.Series) -> np.ndarray:
        """Column as floats, shape (n, 1)."""
        if isinstance(column.dtype, pd.CategoricalDtype):
            column = column.astype(object)
        try:
            if types.is_complex_dtype(column.dtype):
                raise TypeError("Complex data not supported")
            if types.is_datetime64_any_dtype(column.dtype) or types.is_timedelta64_dtype(column.dtype):
                raise TypeError(f"{column.dtype} is no number")
            numbers = column if types.is_numeric_dtype(column.dtype) else pd.to_numeric(column)
            return numbers.to_numpy(dtype=np.float64, na_value=np.nan)[:, None]
        except (TypeError, ValueError, OverflowError) as error:
            raise _not_as_fitted(self.name, "numbers", error) from error


@dataclass(frozen=True)
class Duration:
    """A column of time spans, in seconds."""

    name: str

    def names_out(self) -> list[str]:
        """Names of the columns that ``encode`` makes."""
        return [self.name]

    def encode(self, column: pd.Series) -> np.ndarray:
        """Column as seconds, shape (n, 1)."""
        try:
            spans = (
                column.astype("timedelta64[ns]") if isinstance(column.dtype, pd.ArrowDtype) else pd.to_timedelta(column)
            )
        except (TypeError, ValueError) as error:
            raise _not_as_fitted(self.name, "time spans", error) from error
        return spans.dt.total_seconds().to_numpy(dtype=np.float64)[:, None]


@dataclass(frozen=True)
class Category:
    """A column of labels, as codes 0, 1, ... in the order of ``levels``; ``shared`` gives all other labels one more."""

    name: str
    levels: tuple[Hashable, ...]
    shared: bool = False

    @property
    def cardinality(self) -> int:
        """Number of codes."""
        return len(self.levels) + self.shared

    def names_out(self) -> list[str]:
        """Names of the columns that ``encode`` makes."""
        return [self.name]

    def encode(self, column: pd.Series) -> np.ndarray:
        """Column as codes, shape (n, 1); a label that was not there when the levels were learned is missing."""
        row_levels, row_codes = levels_and_codes(column, self.name)
        codes = pd.Index(self.levels, dtype=object).get_indexer(row_levels).astype(np.float64)
        # Where rare labels share a code, a label so rare that it was not seen at all takes it too.
        codes[codes < 0] = len(self.levels) if self.shared else np.nan
        return np.append(codes, np.nan)[row_codes][:, None]  # row code -1, "missing", takes the NaN at the end


@dataclass(frozen=True)
class Date:
    """A column of dates: days since ``origin``, and some calendar fields (names of ``Series.dt``)."""

    name: str
    origin: pd.Timestamp
    fields: tuple[str, ...]
    timezone: Any = None

    def names_out(self) -> list[str]:
        """Names of the columns that ``encode`` makes."""
        return [f"{self.name}.days", *(f"{self.name}.{field}" for field in self.fields)]

    def encode(self, column: pd.Series) -> np.ndarray:
        """Column as days and calendar fields, shape (n, 1 + number of fields)."""
        dates = as_dates(column, self.name, self.timezone)
        days = (dates - self.origin).dt.total_seconds() / 86_400
        parts = [days, *(getattr(dates.dt, field) for field in self.fields)]
        return np.column_stack([part.to_numpy(dtype=np.float64, na_value=np.nan) for part in parts])


Coder = Number | Duration | Category | Date

_MOST_LETTERS, _LONGEST = 64, 3  # different ones, characters
_FEWEST_CELLS, _FEWEST_LETTERS, _LEAST_SHARED = 9, 3, 0.5  # where nobody said that columns are cells


@dataclass(frozen=True)
class Letters:
    """Cells of a grid that share a set of letters or short codes: one channel of 0 and 1 for each of ``levels``.

    A missing cell is NaN in all channels, a letter that was not there when the levels were learned 0 in all.
    """

    levels: tuple[str, ...]

    @classmethod
    def learn(cls, cells: Any, *, declared: bool) -> Letters | None:
        """Levels of an array of texts; None where these are no letters.

        Columns of a table, where no layout was declared, must be several, and share most of three letters or more:
        those of a questionnaire with yes and no are no line of cells.
        """
        texts, missing = _texts(cells)
        if texts is None or texts.ndim not in (2, 3) or missing.all():
            return None
        levels = np.unique(texts[~missing])
        if len(levels) > _MOST_LETTERS or max(map(len, levels.tolist())) > _LONGEST or not _are_texts(levels):
            return None
        if texts.ndim == 2 and not declared:
            shared = np.mean([(texts == level).any(axis=0) for level in levels])
            one_character = max(map(len, levels.tolist())) == 1
            if texts.shape[1] < _FEWEST_CELLS or len(levels) < _FEWEST_LETTERS:
                return None
            if not one_character or shared < _LEAST_SHARED:
                return None
        return cls(tuple(levels.tolist()))

    def names_out(self, cells: Iterable[str]) -> list[str]:
        """Names of the columns that ``encode`` makes of cells with these names."""
        names = list(cells)
        return [f"{name}={level}" for level in self.levels for name in names]

    def encode(self, cells: Any) -> np.ndarray:
        """Cells as channels, shape (n, number of levels, number of cells), float32.

        Raises
        ------
        InputError
            If a cell holds anything but text.
        """
        texts, missing = _texts(cells)
        if texts is None:
            raise _not_as_fitted("of cells", "letters", TypeError("some cells are no text"))
        texts, missing = texts.reshape(len(texts), 1, -1), missing.reshape(len(texts), 1, -1)
        channels = (texts == np.array(self.levels)[:, None]).astype(np.float32)
        channels[np.broadcast_to(missing, channels.shape)] = np.nan
        return channels


def _texts(cells: Any) -> tuple[np.ndarray | None, np.ndarray]:
    """Cells as an array of texts, and which are missing; None in place of texts where others are none."""
    cells = cells if isinstance(cells, np.ndarray) else np.asarray(cells, dtype=object)
    if cells.dtype.kind in "US":
        return cells.astype(str), np.zeros(cells.shape, dtype=bool)
    if cells.dtype != object or cells.ndim < 2:
        return None, np.zeros(cells.shape, dtype=bool)
    missing = np.asarray(pd.isna(cells))
    if not all(isinstance(cell, str) for cell in cells[~missing]):
        return None, missing
    return np.where(missing, "", cells).astype(str), missing


def _are_texts(levels: np.ndarray) -> bool:
    """Return whether some level is no number."""
    try:
        levels.astype(float)
    except ValueError:
        return True
    return False


def as_dates(column: pd.Series, name: str, timezone: Any = None) -> pd.Series:
    """Column as datetimes without a time zone: the wall clock of ``timezone``, else of the column's own."""
    try:
        if isinstance(column.dtype, pd.PeriodDtype):
            column = column.dt.to_timestamp()
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            return (column if timezone is None else column.dt.tz_convert(timezone)).dt.tz_localize(None)
        if types.is_numeric_dtype(column.dtype) and column.notna().any():  # would be read as nanoseconds
            raise TypeError(f"{column.dtype} is no date")
        if isinstance(column.dtype, np.dtype) and column.dtype.kind == "M":
            return column
        return pd.to_datetime(column.astype(object), format="ISO8601", utc=True).dt.tz_localize(None)
    except (TypeError, ValueError, OverflowError) as error:
        raise _not_as_fitted(name, "dates", error) from error


def levels_and_codes(column: pd.Series, name: str) -> tuple[pd.Index, np.ndarray]:
    """Distinct labels of a column, and for each row the number of its label, -1 where it is missing."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.categories.astype(object), column.cat.codes.to_numpy()
    try:
        codes, levels = pd.factorize(column.astype(object))
    except TypeError as error:  # not hashable: lists, dicts, arrays
        culprit = next((value for value in column if not isinstance(value, Hashable)), error)
        raise InputTypeError(
            f"Column {name!r} of X holds a {type(culprit).__name__}; the argument must be a string or a real number, a "
            "boolean, a date or missing. Turn it into columns of these first."
        ) from error
    return pd.Index(levels, dtype=object), codes


def _not_as_fitted(name: str, kind: str, error: Exception) -> InputError:
    return InputError(f"Column {name!r} of X should hold {kind}, as in fit, but does not: {error}. Convert it first.")
