"""Anything a user may call flat columns -> numbers of a sample of the rows, and the names of all columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from autoarch._data import array_checks
from autoarch._data.containers import take_rows, to_plain
from autoarch._statistics import correlations
from autoarch.exceptions import InputError, LayoutError

MOST_VALUES = 2_000_000  # 1,000 rows of 2,000 columns, 100 of 20,000
FEWEST_READ = 30  # rows that are read however many columns there are


@dataclass(frozen=True)
class Table:
    """The columns that hold numbers, standardised.

    Parameters
    ----------
    scaled : ndarray of shape (n, k), float32
        Rows read. Columns have variance 1 and what all of them share in a row is taken off; missing values are 0.
    active : ndarray of shape (k,), bool
        Columns that vary.
    numeric : ndarray of shape (k,)
        Their places among all columns.
    n_columns : int
        All columns.
    names : tuple of str or None
        Names of all columns.
    """

    scaled: np.ndarray
    active: np.ndarray
    numeric: np.ndarray
    n_columns: int
    names: tuple[str, ...] | None

    def __len__(self) -> int:
        """Count the rows read."""
        return len(self.scaled)


def read_table(X: Any, feature_names: Sequence[str] | None, rng: np.random.Generator) -> Table:
    """Check X, take at most as many rows as are needed, and standardise.

    Raises
    ------
    InputError, LayoutError
        If X is no matrix of numbers, or there is not one name per column.
    """
    X = to_plain(X)
    if not hasattr(X, "shape"):
        X = np.asarray(X)
    if len(X.shape) in (3, 4):
        raise LayoutError(
            f"X has shape {tuple(X.shape)}, so its grid is known already; expected (n, p). Pass X as it is where "
            "layout='auto' is accepted, or X.reshape(len(X), -1) to have the grid inferred all the same."
        )
    X = _some_rows(X, rng)
    if isinstance(X, pd.DataFrame):
        labels = [str(label) for label in X.columns]
        names = labels if all(isinstance(label, str) for label in X.columns) else None
        numeric = np.array([k for k, kind in enumerate(X.dtypes) if _is_number(kind)], dtype=np.intp)
        values = X.iloc[:, numeric].to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        values = array_checks.check_numbers(X, least_rows=1, speaker="infer_layout")
        names, numeric = None, np.arange(values.shape[1])
    array_checks.refuse_infinite(values, speaker="infer_layout")
    n_columns = X.shape[1]
    if feature_names is not None:
        names = [str(name) for name in feature_names]
        if len(names) != n_columns:
            raise InputError(
                f"{len(names)} feature_names were given, but X has {n_columns} columns; pass one name per column, in "
                "the order of the columns, or leave feature_names out."
            )
    scaled, active = _standardise(values)
    return Table(scaled, active, numeric, n_columns, None if names is None else tuple(names))


def _some_rows(X: Any, rng: np.random.Generator) -> Any:
    """A random sample of the rows, never copying the others."""
    if len(X.shape) != 2 or 0 in X.shape:
        return X
    most = int(np.clip(MOST_VALUES // X.shape[1], FEWEST_READ, correlations.MAX_ROWS))
    if X.shape[0] <= most:
        return X
    return take_rows(X, np.sort(rng.choice(X.shape[0], most, replace=False)))


def _is_number(kind: Any) -> bool:
    return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_complex_dtype(kind)


def _standardise(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scale the columns, then take off each row its mean: brightness makes all columns alike, neighbours or not."""
    scaled, active = correlations.standardise(values[:, None, None, :])
    scaled, active = scaled[:, 0, 0], active[0, 0]
    if active.any():
        scaled[:, active] -= scaled[:, active].mean(axis=1, keepdims=True)
    return scaled, active
