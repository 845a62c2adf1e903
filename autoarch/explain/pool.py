"""Rows in which some columns are taken from other rows: of an array of numbers, or of a table of any kinds.

Every model-agnostic method asks for such rows only, so that categories, dates and missing cells need no encoding.

Imports: numpy, pandas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


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
