"""Decide which kind each column of a table is, as a person would see who reads its cells.

``learn_kinds`` decides, ``notes_on`` says what is not obvious in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from autoarch._data.columns import (
    Category,
    Coder,
    Date,
    Duration,
    Number,
    Several,
    as_dates,
    as_text,
    distinct_texts,
    levels_and_codes,
)
from autoarch._data.dates import DateStyle, learn_seconds
from autoarch._data.number_text import NumberStyle, is_missing
from autoarch._data.text_view import Serial, Text
from autoarch.exceptions import InputError

_DATE_FIELDS = ("year", "month", "day_of_week", "hour")
_FEWEST_TEXTS, _ALL_DIFFERENT, _WORDS = 20, 0.5, 1.8  # different ones; share of the cells; words of letters in each
_FEWEST_REPEATS = 5  # of a word among numbers that is worth a level of its own


def learn_kinds(frame: pd.DataFrame, labels: Sequence[str]) -> list[Coder]:
    """One coder per column of ``frame``, in its order."""
    return [_learn(frame.iloc[:, i], label) for i, label in enumerate(labels)]


def _learn(column: pd.Series, name: str) -> Coder:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _learn_category(column, name)
    _refuse_complex(dtype, name)
    if types.is_bool_dtype(dtype):
        return Number(name)
    if types.is_numeric_dtype(dtype):
        return _learn_numbers(column, name)
    if types.is_datetime64_any_dtype(dtype) or isinstance(dtype, pd.PeriodDtype):
        return _learn_date(column, name)
    if types.is_timedelta64_dtype(dtype):
        return Duration(name)
    return _learn_objects(column.astype(object), name)


def _learn_numbers(column: pd.Series, name: str) -> Coder:
    style = DateStyle.of_numbers(column.to_numpy(dtype=np.float64, na_value=np.nan))
    return Number(name) if style is None else _learn_date(column, name, style)


def _learn_objects(column: pd.Series, name: str) -> Coder:
    kind = types.infer_dtype(column.dropna())  # skipna=True does not skip every kind of missing value
    if kind in ("datetime", "datetime64", "date"):
        return _learn_date(column, name)
    if kind in ("timedelta", "timedelta64", "time"):
        return Duration(name, "times" if kind == "time" else "spans")
    if kind.startswith("mixed"):
        levels_and_codes(column, name)  # raises for lists and dicts; pandas reads empty ones as missing numbers
    try:
        values = pd.to_numeric(column)
    except (TypeError, ValueError, OverflowError):
        pass
    else:
        _refuse_complex(values.dtype, name)
        return Number(name) if types.is_bool_dtype(values.dtype) else _learn_numbers(values, name)
    return _learn_text(column, name, all_text=kind == "string")


def _learn_text(column: pd.Series, name: str, *, all_text: bool) -> Coder:
    """Numbers, dates or times that text writes; else labels, or what the text is about, or both."""
    texts, codes = distinct_texts(column)
    counts = np.bincount(codes[codes >= 0], minlength=len(texts))
    number = NumberStyle.learn(texts, counts)
    if number is not None:
        words = _words_among(texts, counts, number)
        parts = (Number(name, number), Category(f"{name}.word", words))
        return Several(name, parts) if len(words) > 1 else parts[0]
    if not all_text:
        return _learn_category(column, name)
    known = [place for place, text in enumerate(texts) if not is_missing(text)]
    there, n_there = [texts[place] for place in known], counts[known]
    date = DateStyle.learn(there, n_there)
    if date is not None:
        try:
            return _learn_date(column, name, date)
        except InputError:  # looks like dates, but lies beyond what pandas holds
            pass
    seconds = learn_seconds(there, n_there)
    if seconds is not None:
        return Duration(name, seconds)
    category = _learn_category(column, name)
    lengths = np.array([sum(word.isalpha() for word in text.split()) for text in texts])
    different = len(texts) / max(1, counts.sum())
    if len(texts) < _FEWEST_TEXTS or (different < _ALL_DIFFERENT and lengths.mean() < _WORDS):
        return category
    serial = Serial.learn(there, name) if different > _ALL_DIFFERENT else None
    if serial is not None:
        return serial
    view = Text.learn(column, name)
    if view is None:
        return category
    return view if different > _ALL_DIFFERENT else Several(name, (category, view))


def _words_among(texts: Sequence[str], counts: np.ndarray, style: NumberStyle) -> tuple[str, ...]:
    """Words in a column of numbers that come again, and do not only say that a value is missing."""
    odd = np.isnan(style.read(texts)) & (counts >= _FEWEST_REPEATS)
    return tuple(sorted(texts[place] for place in np.flatnonzero(odd).tolist() if not is_missing(texts[place])))


def _refuse_complex(dtype: Any, name: str) -> None:
    if types.is_complex_dtype(dtype):
        raise InputError(f"Complex data not supported: column {name!r} of X. Pass real and imaginary parts instead.")


def _in_one_form(column: pd.Series) -> pd.Series:
    """Labels of which some are text and some numbers, or that stand between spaces, in one form."""
    if column.dtype != object or not column.map(lambda cell: isinstance(cell, str)).any():
        return column
    return column.map(
        lambda cell: as_text(cell) if isinstance(cell, (str, int, float, np.number)) else cell, na_action="ignore"
    )


def _learn_category(column: pd.Series, name: str) -> Category:
    levels, codes = levels_and_codes(_in_one_form(column), name)
    counts = np.bincount(codes[codes >= 0], minlength=len(levels))
    if isinstance(column.dtype, pd.CategoricalDtype):
        order = np.arange(len(levels))  # the user's own, which may mean something
    else:  # order of appearance would change with the order of rows
        order = np.array(
            sorted(range(len(levels)), key=lambda i: (type(levels[i]).__name__, str(levels[i]))), dtype=int
        )
    order = order[counts[order] > 0]
    return Category(name, tuple(levels[i] for i in order), 2 * len(order) <= counts.sum())


def _learn_date(column: pd.Series, name: str, style: DateStyle | None = None) -> Date:
    timezone = getattr(column.dtype, "tz", None)
    dates = as_dates(column, name, timezone, style).dropna()
    fields = tuple(field for field in _DATE_FIELDS if getattr(dates.dt, field).nunique() > 1)
    origin = dates.min() if len(dates) else pd.Timestamp(0)
    return Date(name, origin, fields, timezone, style)


def notes_on(frame: pd.DataFrame, coders: Sequence[Coder]) -> tuple[str, ...]:
    """Say what was read in a way that is not obvious, in a sentence for each column."""
    notes = (_note_on(frame.iloc[:, i], coder) for i, coder in enumerate(coders))
    return tuple(note for note in notes if note)


def _note_on(column: pd.Series, coder: Coder) -> str:
    if isinstance(coder, Several):
        return " ".join(filter(None, (_note_on(column, part) for part in coder.parts)))
    style = getattr(coder, "style", None)
    if isinstance(coder, Text):
        return f"column {coder.name!r} is read as text"
    if isinstance(coder, Serial):
        return f"column {coder.name!r} differs in nearly every row and is read as serial numbers"
    if isinstance(coder, Duration) and column.dtype == object:
        return f"column {coder.name!r} is read as times, in seconds"
    if style is None:
        return ""
    if isinstance(coder, Date):
        what = "dates"
        if style.unit is not None:
            what += " (numbers of digits)" if style.unit == "digits" else f" ({style.unit} since 1970)"
        elif not style.certain:
            what += (
                f" in the order {' '.join({'y': 'year', 'm': 'month', 'd': 'day'}[letter] for letter in style.order)}"
            )
            what += ", which no cell contradicts"
    else:
        what = "numbers with decimal commas" if style.comma else "numbers"
    missing = np.isnan(coder.encode(column)[:, 0]) & column.notna().to_numpy()
    if not missing.any():
        return f"column {coder.name!r} is read as {what}"
    example = column[missing].iloc[0]
    return (
        f"column {coder.name!r} is read as {what}; {int(missing.sum()):,} of {len(column):,} cells that are none, such "
        f"as {example!r}, are missing"
    )
