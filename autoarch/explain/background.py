"""What stands in for a value that is taken away: a typical row, a given one, or rows drawn from others."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from autoarch._core.checks import check_choice
from autoarch._data.typical import typical_row
from autoarch.exceptions import InputError, InputTypeError, ParameterError
from autoarch.explain.model import Subject
from autoarch.explain.rows import Numbers, Pool, Table

FEWEST_ROWS = 10  # that values are drawn from by default; fewer are too much alike


@dataclass(frozen=True, eq=False)
class Donors:
    """Rows that values are taken from, and in words what they are; ``drawn`` anew each time, or always the same one."""

    pool: Pool
    words: str
    drawn: bool

    def rows(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """One row for each of ``n``."""
        return rng.integers(len(self.pool), size=n) if self.drawn else np.zeros(n, dtype=int)


def find_donors(subject: Subject, asked: Any, background: Any, affordable: bool) -> Donors:
    """The stand-in that is asked for; "auto" draws from other rows where there are enough and it is ``affordable``.

    Raises
    ------
    ParameterError
        If it is none.
    InputError
        If it does not fit X, or the mean of a single row is asked for.
    """
    others = subject.pool if background is None else _read(subject, background, "background")
    if others.n_columns != subject.pool.n_columns:
        raise InputError(
            f"background has {others.n_columns} columns and X has {subject.pool.n_columns}; expected rows like those "
            "of X."
        )
    whose = "X" if background is None else "background"
    if isinstance(asked, str):
        check_choice("baseline", asked, ("auto", "mean", "rows"))
        if asked == "rows" or (asked == "auto" and affordable and len(others) >= FEWEST_ROWS):
            if len(others) < 2:
                raise InputError("baseline='rows' draws from other rows, and there is one. Pass background=X_train.")
            return Donors(others, f"rows of {whose}", drawn=True)
        if background is None and subject.centre is not None:
            return Donors(subject.centre, "mean of the training rows", drawn=False)
        if len(others) < 2:
            raise InputError(
                "The mean of a single row is that row, and nothing would change. Pass background=X_train, a number or "
                "a row as baseline."
            )
        return Donors(_centre(others), f"mean of {whose}", drawn=False)
    if isinstance(asked, Real) and not isinstance(asked, bool):
        return Donors(_constant(subject.pool, float(asked)), f"the value {asked:g}", drawn=False)
    if np.ndim(asked) < 2:
        raise ParameterError(
            f"baseline={asked!r} was given; expected 'auto', 'mean', 'rows', a number, or one row with all axes of X, "
            "such as X_train[:1]."
        )
    return Donors(_row(subject, asked), "the row given", drawn=False)


def _centre(pool: Pool) -> Pool:
    """Means of numbers; of a table also the most frequent value of other columns."""
    if isinstance(pool, Numbers):
        return Numbers(typical_row(pool.values)[None], pool.shape)
    columns = {}
    for place in range(pool.n_columns):
        column = pool.frame.iloc[:, place]
        columns[place] = column.iloc[:1] if column.isna().all() else _middle(column)
    row = pd.concat([column.reset_index(drop=True) for column in columns.values()], axis=1)
    row.columns = pool.frame.columns
    return Table(row)


def _middle(column: pd.Series) -> pd.Series:
    """One value that is typical of a column, as a column of its kind."""
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        return pd.Series([float(column.mean())])
    if pd.api.types.is_datetime64_any_dtype(column.dtype) or pd.api.types.is_timedelta64_dtype(column.dtype):
        return column.dropna().sort_values().iloc[[(column.notna().sum() - 1) // 2]]
    most = column.value_counts().index[0]
    return column[column == most].iloc[:1]


def _constant(pool: Pool, value: float) -> Pool:
    if isinstance(pool, Numbers):
        return Numbers(np.full((1, pool.n_columns), value, np.result_type(pool.values.dtype, np.float32)), pool.shape)
    kinds = [dtype for dtype in pool.frame.dtypes if not pd.api.types.is_numeric_dtype(dtype)]
    if kinds:
        raise InputError(
            f"baseline={value:g} is a number, and X has columns that hold none ({kinds[0]}). Pass 'mean', 'rows', or a "
            "DataFrame of one row."
        )
    return Table(pd.DataFrame(np.full((1, pool.n_columns), value), columns=pool.frame.columns))


def _read(subject: Subject, rows: Any, name: str) -> Pool:
    try:
        return subject.read(rows)
    except (InputError, InputTypeError) as error:
        raise InputError(f"{name} does not fit the estimator as X does: {error}") from error


def _row(subject: Subject, asked: Any) -> Pool:
    row = _read(subject, asked, "baseline")
    if len(row) != 1 or row.n_columns != subject.pool.n_columns:
        raise InputError(
            f"baseline has {len(row)} rows and {row.n_columns} columns; expected one row like those of X, such as "
            f"X_train[:1], with {subject.pool.n_columns} columns."
        )
    return row
