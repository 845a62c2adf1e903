"""One column of a table as numbers: a small coder per kind of column (number, span, category, date, several of them).

A coder is plain data, learned once by ``table_encoder``; ``encode`` turns any later column into a float64 block of
shape (n, number of output columns). A missing cell is NaN whatever the kind. Later columns may come in other types
than those of ``fit``: values are matched by what they mean.
"""

from __future__ import annotations

import datetime
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from autoarch._core.quiet import warn_user
from autoarch._data.dates import DateStyle, read_seconds
from autoarch._data.number_text import NumberStyle, is_missing
from autoarch._data.text_view import Serial, Text
from autoarch.exceptions import InputError, InputTypeError

_KNOWN = 0.1  # share of the cells of a column below which nearly nothing of it is known
_FEWEST_CELLS = 5  # that tell


@dataclass(frozen=True)
class Number:
    """A column of numbers or booleans; ``style`` says how text writes them, where some did in ``fit``."""

    name: str
    style: NumberStyle | None = None

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
            if self.style is not None and not types.is_numeric_dtype(column.dtype):
                return self._read(column.astype(object))[:, None]
            numbers = column if types.is_numeric_dtype(column.dtype) else pd.to_numeric(column)
            return numbers.to_numpy(dtype=np.float64, na_value=np.nan)[:, None]
        except (TypeError, ValueError, OverflowError) as error:
            if types.is_numeric_dtype(column.dtype) or column.dtype.kind in "mM":
                raise _not_as_fitted(self.name, "numbers", error) from error
            return self._read(column.astype(object), error)[:, None]

    def _read(self, column: pd.Series, error: Exception | None = None) -> np.ndarray:
        """Numbers of text, each in the style of ``fit``, or in one that suits it where that held no text."""
        cells, codes = distinct_texts(column)
        style = self.style or NumberStyle.learn(cells) or NumberStyle()
        values = np.append(style.read(cells), np.nan)[codes]
        given = [isinstance(cell, (float, int, np.number)) for cell in column]  # beside the texts
        values[given] = column[given].to_numpy(dtype=np.float64, na_value=np.nan)
        there = np.append([not is_missing(cell) for cell in cells], False)[codes]
        if error is not None and there.any() and np.isnan(values[there]).all():
            raise _not_as_fitted(self.name, "numbers", error) from error
        _warn_of_unknown(self.name, column, there, ~np.isnan(values), "numbers")
        return values


@dataclass(frozen=True)
class Duration:
    """A column of time spans or, where ``kind`` is ``"times"``, of times of day; in seconds."""

    name: str
    kind: str = "spans"

    def names_out(self) -> list[str]:
        """Names of the columns that ``encode`` makes."""
        return [self.name]

    def encode(self, column: pd.Series) -> np.ndarray:
        """Column as seconds, shape (n, 1)."""
        try:
            if isinstance(column.dtype, pd.ArrowDtype):
                spans = column.astype("timedelta64[ns]")
            elif types.is_timedelta64_dtype(column.dtype):
                spans = column
            elif types.is_numeric_dtype(column.dtype) and column.notna().any():
                raise TypeError(f"{column.dtype} is no time span")
            else:
                return self._read(column.astype(object))[:, None]
        except (TypeError, ValueError) as error:
            raise _not_as_fitted(self.name, "time spans", error) from error
        return spans.dt.total_seconds().to_numpy(dtype=np.float64)[:, None]

    def _read(self, column: pd.Series) -> np.ndarray:
        values = np.array([_seconds_of(cell) for cell in column], dtype=np.float64)
        cells, codes = distinct_texts(column.where(np.isnan(values), None))
        if cells:
            read = np.append(read_seconds(cells, self.kind), np.nan)[codes]
            values = np.where(np.isnan(values), read, values)
            there = np.append([not is_missing(cell) for cell in cells], False)[codes]
            if there.any() and np.isnan(values).all():
                raise TypeError(f"{cells[0]!r} is no time span")
            _warn_of_unknown(self.name, column, there | ~np.isnan(values), ~np.isnan(values), "times")
        return values


@dataclass(frozen=True)
class Category:
    """A column of labels, as codes 0, 1, ... in the order of ``levels``; ``shared`` gives all other labels one more.

    ``repeated`` says whether labels come again, so that a later column of which nearly nothing is known is suspect.
    """

    name: str
    levels: tuple[Hashable, ...]
    repeated: bool = field(default=False, compare=False)
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
        codes[codes < 0] = np.nan
        if np.isnan(codes).any() and len(codes):
            self._match_by_meaning(row_levels, codes)
        if self.shared:
            codes[np.isnan(codes)] = len(self.levels)
        values = np.append(codes, np.nan)[row_codes]  # row code -1, "missing", takes the NaN at the end
        if self.repeated:
            _warn_of_unknown(self.name, column, row_codes >= 0, ~np.isnan(values), "labels that fit has seen")
        return values[:, None]

    def _match_by_meaning(self, row_levels: pd.Index, codes: np.ndarray) -> None:
        """Find the codes of labels that only differ in type, spaces or the writing of a number."""
        for meaning in (as_text, _as_number, _as_folded):
            known: dict[Any, float] = {}
            for code, level in enumerate(self.levels):
                key = meaning(level)
                known[key] = np.nan if key in known else float(code)  # what may be two of them is neither
            known.pop(None, None)
            for place in np.flatnonzero(np.isnan(codes)):
                codes[place] = known.get(meaning(row_levels[place]), np.nan)


@dataclass(frozen=True)
class Date:
    """A column of dates: days since ``origin``, and some calendar fields (names of ``Series.dt``)."""

    name: str
    origin: pd.Timestamp
    fields: tuple[str, ...]
    timezone: Any = None
    style: DateStyle | None = None

    def names_out(self) -> list[str]:
        """Names of the columns that ``encode`` makes."""
        return [f"{self.name}.days", *(f"{self.name}.{field}" for field in self.fields)]

    def encode(self, column: pd.Series) -> np.ndarray:
        """Column as days and calendar fields, shape (n, 1 + number of fields)."""
        dates = as_dates(column, self.name, self.timezone, self.style)
        days = (dates - self.origin).dt.total_seconds() / 86_400
        parts = [days, *(getattr(dates.dt, field) for field in self.fields)]
        return np.column_stack([part.to_numpy(dtype=np.float64, na_value=np.nan) for part in parts])


@dataclass(frozen=True)
class Several:
    """A column that is read in several ways side by side: text as codes and as what it is about, and the like."""

    name: str
    parts: tuple[Any, ...]

    def names_out(self) -> list[str]:
        """Names of the columns that ``encode`` makes."""
        return [name for part in self.parts for name in part.names_out()]

    def encode(self, column: pd.Series) -> np.ndarray:
        """The blocks of all parts, side by side."""
        return np.concatenate([part.encode(column) for part in self.parts], axis=1)


Coder = Number | Duration | Category | Date | Text | Serial | Several


def codes_of(coder: Coder) -> dict[int, int]:
    """Columns of a coder's block that hold codes, and how many codes each."""
    if isinstance(coder, Category):
        return {0: coder.cardinality}
    if isinstance(coder, Serial):
        return {1: len(coder.prefixes)} if coder.prefixes else {}
    found: dict[int, int] = {}
    column = 0
    for part in coder.parts if isinstance(coder, Several) else ():
        found |= {column + place: codes for place, codes in codes_of(part).items()}
        column += len(part.names_out())
    return found


def as_dates(column: pd.Series, name: str, timezone: Any = None, style: DateStyle | None = None) -> pd.Series:
    """Column as datetimes without a time zone: the wall clock of ``timezone``, else of the column's own.

    ``style`` is how text and numbers write dates; by default text is read in one that suits it.
    """
    try:
        if isinstance(column.dtype, pd.PeriodDtype):
            column = column.dt.to_timestamp()
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            return (column if timezone is None else column.dt.tz_convert(timezone)).dt.tz_localize(None)
        if types.is_numeric_dtype(column.dtype) and column.notna().any():  # would be read as nanoseconds
            if style is None or style.unit is None:
                raise TypeError(f"{column.dtype} is no date")
            dates = style.read_numbers(column.to_numpy(dtype=np.float64, na_value=np.nan))
            return dates.set_axis(column.index)
        if isinstance(column.dtype, np.dtype) and column.dtype.kind == "M":
            return column
        return _dates_of_objects(column.astype(object), name, style)
    except (TypeError, ValueError, OverflowError) as error:
        raise _not_as_fitted(name, "dates", error) from error


def _dates_of_objects(column: pd.Series, name: str, style: DateStyle | None) -> pd.Series:
    texts, codes = distinct_texts(column)
    if not len(texts) or not all(isinstance(cell, str) for cell in column.dropna()):
        return pd.to_datetime(column, format="ISO8601", utc=True).dt.tz_localize(None)
    style = style or DateStyle.learn([text for text in texts if not is_missing(text)])
    if style is None:
        raise TypeError(f"{texts[0]!r} is no date")
    dates = pd.Series(np.append(style.read(texts).to_numpy(), np.datetime64("NaT"))[codes], index=column.index)
    there = np.append([not is_missing(text) for text in texts], False)[codes]
    _warn_of_unknown(name, column, there, dates.notna().to_numpy(), "dates")
    return dates


def distinct_texts(column: pd.Series) -> tuple[list[str], np.ndarray]:
    """Distinct cells as text, and for each row the number of its text, -1 where it is missing."""
    codes, cells = pd.factorize(column)
    return [cell if isinstance(cell, str) else str(cell) for cell in cells], codes


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
            "boolean, a date or missing. Turn it into columns of these first; where each row holds a picture or a "
            f"curve of one size, pass numpy.stack(X[{name!r}]) as X instead of the table, or turn it into features."
        ) from error
    return pd.Index(levels, dtype=object), codes


def as_text(label: Any) -> Any:
    """A label as text: whole numbers without a point, no spaces around."""
    if isinstance(label, (float, np.floating)) and float(label).is_integer():
        label = int(label)
    return str(label).strip()


def _as_number(label: Any) -> Any:
    text = as_text(label).casefold()
    if text in ("true", "false"):
        return float(text == "true")
    try:
        return float(text)
    except ValueError:
        return None


def _as_folded(label: Any) -> Any:
    return " ".join(as_text(label).casefold().split())


def _seconds_of(cell: Any) -> float:
    """Seconds of a time of day or a span that is an object of its own; NaN for all else."""
    if isinstance(cell, datetime.time):
        return 3600.0 * cell.hour + 60.0 * cell.minute + cell.second + cell.microsecond / 1e6
    if isinstance(cell, (datetime.timedelta, np.timedelta64)) and not pd.isna(cell):
        return pd.Timedelta(cell).total_seconds()
    return np.nan


def _warn_of_unknown(name: str, column: pd.Series, there: np.ndarray, known: np.ndarray, kind: str) -> None:
    """Warn of a column of which nearly nothing is known."""
    n_there = int(there.sum())
    if n_there >= _FEWEST_CELLS and (known & there).sum() < _KNOWN * n_there:
        example = column[there & ~known].iloc[0]
        warn_user(
            f"Column {name!r} of X holds nearly nothing that is known: {n_there - int((known & there).sum()):,} of "
            f"{n_there:,} cells are no {kind}, such as {example!r}. They are taken for missing; bring the column into "
            "the form that it had in fit."
        )


def _not_as_fitted(name: str, kind: str, error: Exception) -> InputError:
    return InputError(f"Column {name!r} of X should hold {kind}, as in fit, but does not: {error}. Convert it first.")
