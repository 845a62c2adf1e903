"""Rows in which some columns are taken from other rows: of an array of numbers, or of a table of any kinds.

Every model-agnostic method asks for such rows only, so that categories, dates and missing cells need no encoding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from autoarch._data.containers import to_dense, to_plain
from autoarch.exceptions import InputError, InputTypeError


@dataclass(frozen=True, eq=False)
class Swap:
    """Columns that are to come from the ``rows`` of ``donors``, one for each row that is changed."""

    columns: np.ndarray
    donors: Pool
    rows: np.ndarray


@dataclass(frozen=True, eq=False)
class Numbers:
    """Rows of numbers.

    Parameters
    ----------
    values : ndarray of shape (n, p)
        The cells of a row side by side.
    shape : tuple of int
        What a model wants one row to look like.
    """

    values: np.ndarray
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def n_columns(self) -> int:
        """Columns, whatever the shape of a row."""
        return self.values.shape[1]

    def given(self) -> np.ndarray:
        """The rows as a model takes them."""
        return self.values.reshape(len(self), *self.shape)

    def take(self, rows: np.ndarray | slice) -> Numbers:
        """Some of the rows."""
        return Numbers(self.values[rows], self.shape)

    def swapped(self, swaps: Sequence[Swap]) -> np.ndarray:
        """All rows once for each swap, one below the other, as a model takes them."""
        n, p = self.values.shape
        kinds = {swap.donors.values.dtype for swap in swaps}  # type: ignore[union-attr]
        stacked = np.empty((len(swaps), n, p), np.result_type(self.values.dtype, *kinds))
        stacked[:] = self.values
        for changed, swap in zip(stacked, swaps, strict=True):
            changed[:, swap.columns] = swap.donors.values[np.ix_(swap.rows, swap.columns)]  # type: ignore[union-attr]
        return stacked.reshape(len(swaps) * n, *self.shape)


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of a DataFrame."""

    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def n_columns(self) -> int:
        """Columns."""
        return self.frame.shape[1]

    def given(self) -> pd.DataFrame:
        """The rows as a model takes them."""
        return self.frame

    def take(self, rows: np.ndarray | slice) -> Table:
        """Some of the rows."""
        return Table(self.frame.iloc[rows])

    def swapped(self, swaps: Sequence[Swap]) -> pd.DataFrame:
        """All rows once for each swap, one below the other."""
        n = len(self.frame)
        columns: list[Any] = []
        for place in range(self.n_columns):
            own, rows = self.frame.iloc[:, place], [np.arange(n)] * len(swaps)
            for number, swap in enumerate(swaps):
                if place in swap.columns:
                    donors = swap.donors.frame.iloc[:, place]  # type: ignore[union-attr]
                    rows[number] = len(own) + swap.rows
                    own = pd.concat([own, donors], ignore_index=True)
            columns.append(own.take(np.concatenate(rows)).reset_index(drop=True))
        stacked = pd.concat(columns, axis=1)
        stacked.columns = self.frame.columns
        return stacked


Pool = Numbers | Table


def read_any(X: Any) -> Pool:
    """Rows of an array, a list, a sparse matrix or a frame.

    Raises
    ------
    InputError
        If there are no rows, or no columns.
    """
    X = to_plain(X)
    if isinstance(X, pd.DataFrame):
        pool: Pool = Table(X.reset_index(drop=True))
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
        pool = Numbers(values.reshape(len(values), -1), values.shape[1:])
    if not len(pool) or not pool.n_columns:
        raise InputError(f"X has {len(pool)} rows and {pool.n_columns} columns; expected at least one of each.")
    return pool


def alike(rows: Pool, pool: Pool) -> Pool:
    """Other rows with the columns of X in the order of X."""
    if isinstance(rows, Table) is not isinstance(pool, Table):
        kinds = ["a DataFrame" if isinstance(one, Table) else "an array" for one in (pool, rows)]
        raise InputError(f"X is {kinds[0]} and these rows are {kinds[1]}; expected the same kind.")
    if isinstance(rows, Table) and isinstance(pool, Table) and not rows.frame.columns.equals(pool.frame.columns):
        missing = [name for name in pool.frame.columns if name not in rows.frame.columns]
        if missing:
            raise InputError(f"the column {missing[0]!r} of X is missing; expected rows like those of X.")
        return Table(rows.frame[list(pool.frame.columns)])
    return rows
