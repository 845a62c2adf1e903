"""Values at points: numbers, several numbers, or class labels, as one matrix.

Labels become one 0/1 column per class. A sum of squared differences over the columns then counts points of different
classes, so that what is written for numbers holds for labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from autoarch._core.checks import check_choice, own_errors
from autoarch._data.containers import to_plain
from autoarch._data.target import encode_labels, guess_task, numeric_target
from autoarch.exceptions import InputError

MAX_ATTRIBUTES = 20  # columns of a table that are read together


@dataclass(frozen=True, eq=False)
class Values:
    """One row of numbers per point.

    Parameters
    ----------
    matrix : ndarray of shape (n, q), float64
        Numbers, one column each at variance 1 if there are several; or 0/1 codes of the classes.
    codes : ndarray of shape (n,) or None
        Classes from 0 to k-1, if these are labels.
    names : tuple
        Of the classes, sorted; else empty.
    present : ndarray of shape (n,), bool
        Points with a value; the others hold NaN.
    """

    matrix: np.ndarray
    codes: np.ndarray | None
    names: tuple[Any, ...]
    present: np.ndarray

    def __len__(self) -> int:
        return len(self.matrix)


def read_values(values: Any, n: int, *, labels: bool | str = "auto", name: str = "values") -> Values:
    """Bring numbers or labels at n points to a matrix.

    Parameters
    ----------
    values : array-like of shape (n,) or (n, q)
        Numbers or labels; missing ones as NaN or None.
    n : int
        Points.
    labels : bool or "auto", default="auto"
        Whether they are classes. "auto" decides as ``guess_task``: words, truth values and few whole numbers are.
    name : str, default="values"
        Their name in messages.

    Returns
    -------
    Values

    Raises
    ------
    InputError
        If their number differs from n, or none is there.
    """
    check_choice("labels", labels, (True, False, "auto"))
    with own_errors(reading=name):
        array = _array(to_plain(values))
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim not in (1, 2) or len(array) != n or array.dtype.kind == "c":
        raise InputError(
            f"{name} is {array.dtype} of shape {array.shape}; expected real numbers or labels, one row for each of the "
            f"{n} points."
        )
    codes, classes = None, np.empty(0)
    if array.ndim == 1 and (guess_task(array) == "classification" if labels == "auto" else labels):
        with own_errors(reading=name):
            codes, classes = pd.factorize(array, sort=True)
        present = codes >= 0
        matrix = np.where(present[:, None], codes[:, None] == np.arange(len(classes)), np.nan)
    else:
        matrix = _numbers(array if array.ndim == 2 else array[:, None], name)
        present = np.asarray(np.isfinite(matrix).all(axis=1))
    if not present.any():
        raise InputError(f"{name} is missing at all of the {n} points. Pass at least some values.")
    if codes is None and matrix.shape[1] > 1:
        spread = matrix[present].std(axis=0)
        matrix = matrix / np.where(spread > 0, spread, 1.0)
    return Values(matrix, codes, tuple(classes), present)


def _array(plain: Any) -> np.ndarray:
    """An array; pandas' own numbers, whose missing values no numpy number holds, become floats."""
    if isinstance(plain, (pd.Series, pd.DataFrame)):
        types = plain.dtypes if isinstance(plain, pd.DataFrame) else [plain.dtype]
        if all(kind.kind in "iuf" for kind in types):
            return plain.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(plain)


def _numbers(array: np.ndarray, name: str) -> np.ndarray:
    try:
        return np.asarray(array, dtype=np.float64)
    except Exception as error:  # an object of the user's own may raise anything
        raise InputError(f"{name} holds no numbers ({error}). Pass numbers, or class labels in one column.") from error


def read_attributes(X: Any, columns: tuple[int, int]) -> Values | None:
    """Read the numbers in X beside the coordinates: missing ones stand at the mean, columns are at variance 1.

    Parameters
    ----------
    X : DataFrame or array of shape (n, p)
        The table.
    columns : tuple of int
        Positions of the coordinates.

    Returns
    -------
    Values or None
        The first 20 columns that vary; None if there are none.
    """
    frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(np.asarray(X))
    others = [i for i in range(frame.shape[1]) if i not in columns]
    numeric = frame.iloc[:, others].select_dtypes("number")
    matrix = np.array(numeric.to_numpy(dtype=np.float64, na_value=np.nan))
    matrix[~np.isfinite(matrix)] = np.nan
    matrix = matrix[:, ~np.isnan(matrix).all(axis=0)][:, :MAX_ATTRIBUTES]
    matrix = np.nan_to_num(matrix - np.nanmean(matrix, axis=0))
    spread = matrix.std(axis=0)
    if not (spread > 0).any():
        return None
    return Values(matrix[:, spread > 0] / spread[spread > 0], None, (), np.full(len(matrix), True))


def label_columns(y: Any, n_rows: int, kind: str, estimator_name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """One column of numbers, or one of 0 and 1 for each class; and the classes, None for numbers.

    Parameters
    ----------
    y : array-like of shape (n,)
        Labels or numbers.
    n_rows : int
        Rows of X.
    kind : {"auto", "classification", "regression"}
        Which of these; "auto" guesses.
    estimator_name : str
        The estimator that messages name.

    Returns
    -------
    columns : ndarray of shape (n, 1) or (n, classes)
        Floats.
    classes : ndarray or None
        Sorted.
    """
    if (guess_task(y) if kind == "auto" else kind) == "regression":
        return numeric_target(y, n_samples=n_rows, estimator_name=estimator_name)[:, None], None
    codes, classes = encode_labels(y, n_samples=n_rows, estimator_name=estimator_name, fewest=1)
    return np.eye(len(classes))[codes], classes
