"""A whole table of mixed columns as one float matrix: which kind each column is, and which say nothing at all.

``kinds.learn_kinds`` decides the kinds, ``TableCoder.learn`` drops the columns that cannot help, ``TableCoder.encode``
repeats on new rows what was learned.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_array

from autoarch._core.checks import own_errors
from autoarch._data.columns import Coder, Number, codes_of
from autoarch._data.dates import DateStyle
from autoarch.exceptions import InputError, InputTypeError

_ENOUGH_FOR_A_GRID = 16  # columns of numbers
_LEAST_DIGITS = 1.9e7  # of numbers that may be dates


@dataclass(frozen=True)
class TableCoder:
    """Coders of the columns worth keeping, with the position of each in the table."""

    coders: tuple[Coder, ...]
    positions: tuple[int, ...]
    dropped: tuple[str, ...]

    @classmethod
    def learn(cls, frame: pd.DataFrame, coders: Sequence[Coder]) -> tuple[TableCoder, np.ndarray]:
        """Keep the coders whose columns vary in ``frame``; return them with the encoded table.

        Among many numbers a constant one stays too: it may be a cell at the border of a grid.

        Raises
        ------
        InputError
            If no column varies.
        """
        blocks = [coder.encode(frame.iloc[:, i]) for i, coder in enumerate(coders)]
        varying = {i for i, block in enumerate(blocks) if not _says_nothing(block)}
        numbers = {i for i, coder in enumerate(coders) if isinstance(coder, Number)}
        kept = sorted(varying | (numbers if len(numbers) >= _ENOUGH_FOR_A_GRID else set()))
        if not varying:
            raise InputError(
                f"Each of the {len(coders)} columns of X is constant or has no value at all, so there is nothing to "
                "learn from. Pass columns that differ between rows."
            )
        dropped = tuple(coder.name for i, coder in enumerate(coders) if i not in set(kept))
        table = cls(tuple(coders[i] for i in kept), tuple(kept), dropped)
        return table, _side_by_side([blocks[i] for i in kept])

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        """Float64 matrix of a table with the same columns."""
        pairs = zip(self.coders, self.positions, strict=True)
        return _side_by_side([coder.encode(frame.iloc[:, position]) for coder, position in pairs])

    def names_out(self) -> list[str]:
        """Names of the columns of the matrix."""
        return [name for coder in self.coders for name in coder.names_out()]

    def categories(self) -> dict[int, int]:
        """Columns of the matrix that hold codes, and how many codes each."""
        codes: dict[int, int] = {}
        column = 0
        for coder in self.coders:
            codes |= {column + place: n_codes for place, n_codes in codes_of(coder).items()}
            column += len(coder.names_out())
        return codes


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
    >>> from autoarch._data.table_encoder import typical_row
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


def is_numeric(frame: pd.DataFrame) -> bool:
    """Return whether every column holds plain numpy numbers or booleans, judged by dtype alone."""
    return all(isinstance(dtype, np.dtype) and dtype.kind in "biuf" for dtype in frame.dtypes.unique())


def has_dates(frame: pd.DataFrame) -> bool:
    """Return whether some of many columns of plain numbers count seconds since 1970, or are digits of dates."""
    with np.errstate(all="ignore"):
        lowest = frame.min().to_numpy(dtype=np.float64)
    large = np.flatnonzero(lowest >= _LEAST_DIGITS)
    if not 0 < len(large) <= max(1, frame.shape[1] // 2):  # columns that all are alike are cells
        return False
    return any(DateStyle.of_numbers(frame.iloc[:, i].to_numpy(dtype=np.float64)) is not None for i in large)


def numbers(frame: pd.DataFrame, coders: Sequence[Number]) -> np.ndarray:
    """Columns of numbers as one array, of the narrowest type that holds them all."""
    if not is_numeric(frame):
        return _side_by_side([coder.encode(frame.iloc[:, i]) for i, coder in enumerate(coders)])
    if not frame.shape[1]:
        return np.empty(frame.shape)
    # The type is named, because pandas makes objects of booleans beside numbers.
    return np.asarray(frame.to_numpy(dtype=np.result_type(*frame.dtypes.unique())))


def as_frame(X: Any, speaker: str) -> pd.DataFrame:
    """Read an array by position, when it was a table that was learned."""
    with own_errors():
        array = check_array(X, dtype=None, ensure_all_finite=False, ensure_min_samples=0, estimator=speaker)
    if isinstance(X, (list, tuple)):  # numpy made texts of the numbers beside a text
        array = np.array(X, dtype=object)
    return pd.DataFrame(array).infer_objects()


def _says_nothing(block: np.ndarray) -> bool:
    """Return whether each column of a block is constant with nothing missing, or missing throughout."""
    constant = (block == block[:1]).all(axis=0)
    return bool((constant | np.isnan(block).all(axis=0)).all())


def _side_by_side(blocks: list[np.ndarray]) -> np.ndarray:
    return np.ascontiguousarray(np.concatenate(blocks, axis=1))


def column_names(frame: pd.DataFrame) -> np.ndarray | None:
    """Names of the columns, or None when they are no strings and positions count, as in scikit-learn.

    Raises
    ------
    InputTypeError
        If only some of the names are strings.
    """
    kinds = {type(name).__name__ for name in frame.columns}
    texts = [isinstance(name, str) for name in frame.columns]
    if not any(texts):
        return None
    if not all(texts):
        raise InputTypeError(
            "Feature names are only supported if all input features have string names, but your input has "
            f"{sorted(kinds)} as feature name / column name types. If you want feature names to be stored and "
            "validated, you must convert them all to strings, by using X.columns = X.columns.astype(str)."
        )
    return np.asarray(frame.columns, dtype=object)


def as_fitted(X: Any, fitted: np.ndarray | None) -> Any:
    """A table in the order of the ``fitted`` names, where both have names; anything else as it came.

    Raises
    ------
    InputTypeError, InputError
        As ``column_names`` and ``in_order``.
    """
    given = column_names(X) if isinstance(X, pd.DataFrame) else None
    return X if given is None or fitted is None else in_order(X, fitted, given)


def in_order(frame: pd.DataFrame, fitted: np.ndarray, given: np.ndarray) -> pd.DataFrame:
    """Columns of ``frame`` in the order of the ``fitted`` names.

    Raises
    ------
    InputError
        If names are missing, unseen or ambiguous; it lists them in scikit-learn's words.
    """
    if np.array_equal(given, fitted):
        return frame
    unseen, missing = sorted(set(given) - set(fitted)), sorted(set(fitted) - set(given))
    if not unseen and not missing and len(set(fitted)) == len(fitted) == len(given):
        return frame[list(fitted)]
    message = "The feature names should match those that were passed during fit.\n"
    message += _listed("Feature names unseen at fit time:", unseen)
    message += _listed("Feature names seen at fit time, yet now missing:", missing)
    if not unseen and not missing:
        message += "Names that occur more than once must stand in the same order as they were in fit.\n"
    raise InputError(message)


def _listed(title: str, names: list[str], most: int = 5) -> str:
    lines = [title, *(f"- {name}" for name in names[:most]), *(["- ..."] if len(names) > most else [])]
    return "\n".join(lines) + "\n" if names else ""
