"""The middle of a table: what stands in for a value that is taken away."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np


def typical_row(
    values: np.ndarray, categorical: Collection[int] = (), together: Sequence[np.ndarray] = ()
) -> np.ndarray:
    """Means of numbers, the most frequent code of categories; columns of one date are those of the middle date.

    Parameters
    ----------
    values : ndarray of shape (n, p)
        Numbers and codes, NaN where they are missing.
    categorical : collection of int
        Columns that hold codes.
    together : sequence of ndarray of int
        Columns of one date, that with its days first.

    Returns
    -------
    ndarray of shape (p,), float64
        NaN for a column without any value.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._data.typical import typical_row
    >>> typical_row(np.array([[1.0, 2.0], [3.0, 0.0], [np.nan, 2.0]]), categorical=(1,))
    array([2., 2.])
    """
    row = values.mean(axis=0, dtype=np.float64)
    for column in np.flatnonzero(np.isnan(row)):
        there = values[:, column][~np.isnan(values[:, column])]
        row[column] = there.mean(dtype=np.float64) if len(there) else np.nan
    for coded in categorical:
        codes = values[:, coded][~np.isnan(values[:, coded])].astype(np.intp)
        row[coded] = np.bincount(codes).argmax() if len(codes) else np.nan
    for columns in together:
        days = values[:, columns[0]]
        dated = np.flatnonzero(~np.isnan(days))
        if len(dated):
            row[columns] = values[dated[np.argsort(days[dated], kind="stable")[(len(dated) - 1) // 2]], columns]
    return row
