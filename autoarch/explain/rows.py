"""Rows of X in which some columns come from other rows: of an array of numbers, or of a DataFrame of any kinds.

Every model-agnostic method predicts such rows only, so that categories, dates and missing cells need no encoding. The
background holds the values that replace those that are removed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy import sparse

from autoarch._core.checks import as_float, check_choice, own_errors, shown
from autoarch._data.containers import take_rows, to_dense, to_plain
from autoarch._data.table_encoder import typical_row
from autoarch.exceptions import InputError, InputTypeError, ParameterError

_HALF = 0.5  # a missing value cannot be mixed with another
FEWEST_ROWS = 10  # that values are drawn from by default; fewer are too much alike


@dataclass(frozen=True, eq=False)
class Replacement:
    """Columns whose values come from the ``rows`` of other ``source`` rows of the same kind, one for each row.

    Numbers do so by their ``shares``, and keep the rest of their own value; all else does wholly or not at all.
    """

    columns: np.ndarray
    shares: np.ndarray
    source: Any
    rows: np.ndarray


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows in the container that a model takes them in."""

    data: Any

    def __len__(self) -> int:
        return len(self.data)

    @property
    def n_columns(self) -> int:
        """Columns, whatever the shape of a row."""
        return math.prod(self.data.shape[1:])

    def take(self, rows: Any) -> Self:
        """Some of the rows, by their numbers or a slice."""
        return type(self)(take_rows(self.data, rows))


class ArrayRows(_Rows):
    """Rows of numbers: an array of shape (n, p), (n, height, width) or (n, channels, height, width)."""

    @property
    def values(self) -> np.ndarray:
        """The cells of a row side by side, (n, columns)."""
        return self.data.reshape(len(self.data), -1)

    def replaced(self, replacements: Sequence[Replacement]) -> np.ndarray:
        """All rows once for each replacement, one below the other."""
        soft = any((one.shares < 1).any() for one in replacements)
        kinds = {one.source.data.dtype for one in replacements} | ({np.dtype(np.float32)} if soft else set())
        dtype = np.result_type(self.data.dtype, *kinds)
        stacked = np.repeat(self.values[None].astype(dtype), len(replacements), axis=0)
        for changed, one in zip(stacked, replacements, strict=True):
            new = one.source.values[np.ix_(one.rows, one.columns)]
            if (one.shares < 1).any():
                own = changed[:, one.columns]
                mixed = own + one.shares * (new - own)
                new = np.where(np.isfinite(mixed), mixed, np.where(one.shares < _HALF, own, new))
            changed[:, one.columns] = new
        return stacked.reshape(-1, *self.data.shape[1:])

    def mean(self) -> ArrayRows:
        """One row of means."""
        return ArrayRows(typical_row(self.values).reshape(1, *self.data.shape[1:]))

    def constant(self, value: float) -> ArrayRows:
        """One row that holds the same number everywhere."""
        return ArrayRows(np.full_like(self.data[:1], value, np.result_type(self.data.dtype, np.float32)))


class FrameRows(_Rows):
    """Rows of a DataFrame."""

    def replaced(self, replacements: Sequence[Replacement]) -> pd.DataFrame:
        """All rows once for each replacement, one below the other."""
        columns = []
        for place in range(self.n_columns):
            own = self.data.iloc[:, place]
            parts = [
                one.source.data.iloc[one.rows, place] if place in one.columns[one.shares >= _HALF] else own
                for one in replacements
            ]
            columns.append(pd.concat(parts, ignore_index=True))
        return pd.concat(columns, axis=1).set_axis(self.data.columns, axis=1)

    def mean(self) -> FrameRows:
        """One row of means of numbers, middle dates, and the most frequent value of other columns."""
        middles = [_middle(column).reset_index(drop=True) for _, column in self.data.items()]
        return FrameRows(pd.concat(middles, axis=1).set_axis(self.data.columns, axis=1))

    def constant(self, value: float) -> FrameRows:
        """One row that holds the same number everywhere.

        Raises
        ------
        InputError
            If a column holds no numbers.
        """
        others = [dtype for dtype in self.data.dtypes if not pd.api.types.is_numeric_dtype(dtype)]
        if others:
            raise InputError(
                f"baseline={value:g} is a number, and X has columns that hold none ({others[0]}). Pass 'mean', 'rows', "
                "or a DataFrame of one row."
            )
        return FrameRows(pd.DataFrame(np.full((1, self.n_columns), value), columns=self.data.columns))


Rows = ArrayRows | FrameRows


def _middle(column: pd.Series) -> pd.Series:
    """One value that is typical of a column, as a column of its kind."""
    if column.isna().all():
        return column.iloc[:1]
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        return pd.Series([float(column.mean())])
    if pd.api.types.is_datetime64_any_dtype(column.dtype) or pd.api.types.is_timedelta64_dtype(column.dtype):
        return column.dropna().sort_values().iloc[[(column.notna().sum() - 1) // 2]]
    return column[column == column.value_counts().index[0]].iloc[:1]


def read_rows(X: Any) -> Rows:
    """Read the rows of an array, a list, a sparse matrix or a frame.

    Raises
    ------
    InputError
        If there are no rows, or no columns.
    """
    X = to_plain(X)
    if isinstance(X, pd.DataFrame):
        rows: Rows = FrameRows(X.reset_index(drop=True))
    else:
        values = to_dense(X) if sparse.issparse(X) else np.asarray(X)
        if values.ndim < 2 or 0 in values.shape:
            raise InputError(
                f"X has shape {values.shape}; expected (n, p), (n, height, width) or (n, channels, height, width) with "
                "at least one row. Use X.reshape(1, -1) or X[None] for a single row."
            )
        if values.dtype.kind not in "biuf":
            raise InputTypeError(
                f"X is an array of {values.dtype}; expected numbers. Put columns that hold text into a DataFrame."
            )
        rows = ArrayRows(np.ascontiguousarray(values))
    if not len(rows) or not rows.n_columns:
        raise InputError(f"X has {len(rows)} rows and {rows.n_columns} columns; expected at least one of each.")
    return rows


def with_columns_of(like: Rows, rows: Rows) -> Rows:
    """Other rows with the columns of X in the order of X.

    Raises
    ------
    InputError
        If they are of another kind, or lack a column.
    """
    if type(rows) is not type(like):
        kinds = ["an array" if isinstance(one, ArrayRows) else "a DataFrame" for one in (like, rows)]
        raise InputError(f"X is {kinds[0]} and these rows are {kinds[1]}; expected the same kind.")
    if isinstance(rows, ArrayRows):
        return rows
    wanted, there = like.data.columns, rows.data.columns
    missing = [name for name in wanted if name not in there]
    if missing:
        raise InputError(f"the column {missing[0]!r} of X is missing; expected rows like those of X.")
    return rows if there.equals(wanted) else FrameRows(rows.data[list(wanted)])


def find_background(
    X: Rows, read: Callable[[Any], Rows], mean_row: Rows | None, baseline: Any, background: Any, affordable: bool
) -> tuple[Rows, str]:
    """Return the rows that ``baseline`` draws from, or its single row, and words for them.

    "auto" draws from other rows where there are enough and it is ``affordable``.

    Raises
    ------
    ParameterError
        If ``baseline`` is nothing that can replace values.
    InputError
        If it does not fit X, or the mean of a single row is wanted.
    """
    others = X if background is None else _read(background, "background", X, read)
    source = "X" if background is None else "background"
    if isinstance(baseline, str):
        check_choice("baseline", baseline, ("auto", "mean", "rows"))
        if baseline == "rows" or (baseline == "auto" and affordable and len(others) >= FEWEST_ROWS):
            if len(others) < 2:
                raise InputError("baseline='rows' draws from other rows, and there is one. Pass background=X_train.")
            return others, f"rows of {source}"
        if background is None and mean_row is not None:
            return mean_row, "mean of the training rows"
        if len(others) < 2:
            raise InputError(
                "The mean of a single row is that row, and nothing would change. Pass background=X_train, a number or "
                "a row as baseline."
            )
        return others.mean(), f"mean of {source}"
    if (number := as_float(baseline)) is not None:
        return X.constant(number), f"the value {number:g}"
    with own_errors(reading="baseline"):
        shape = np.shape(baseline)
    if not isinstance(shape, tuple) or len(shape) < 2:
        raise ParameterError(
            f"baseline={shown(baseline)} was given; expected 'auto', 'mean', 'rows', a number, or one row with all "
            "axes of X, such as X_train[:1]."
        )
    row = _read(baseline, "baseline", X, read)
    if len(row) != 1:
        raise InputError(f"baseline has {len(row)} rows; expected one row like those of X, such as X_train[:1].")
    return row, "the row given"


def _read(given: Any, name: str, X: Rows, read: Callable[[Any], Rows]) -> Rows:
    try:
        with own_errors(reading=name):
            rows = read(given)
    except (InputError, InputTypeError) as error:
        raise InputError(f"{name} does not fit the estimator as X does: {error}") from error
    if rows.n_columns != X.n_columns:
        raise InputError(f"{name} has {rows.n_columns} columns and X has {X.n_columns}; expected rows like those of X.")
    return rows
