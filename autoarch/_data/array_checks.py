"""Checks of an array X, and the grid that its shape or the declared layout makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils import assert_all_finite, check_array

from autoarch._core.checks import own_errors
from autoarch._data.containers import to_dense
from autoarch._data.layout import Layout
from autoarch.exceptions import InputError, InputTypeError, LayoutError

LayoutLike = Layout | Sequence[int] | str | None

_MOST_COLOURS = 4  # a last axis no wider than this, behind a wider first one, looks like channels
_TEXT_HINT = "\nPut columns that hold text or dates into a pandas DataFrame: its columns may differ in kind."


def check_numbers(X: Any, *, least_rows: int, speaker: str, hint: str = _TEXT_HINT) -> np.ndarray:
    """Return X as a real array of 2 to 4 axes, in its own type where that is numeric; NaN and infinity pass.

    Raises
    ------
    InputError, InputTypeError
        In scikit-learn's words where it has some; ``speaker`` is the estimator that they name, and ``hint`` follows
        where X holds text.
    """
    if sparse.issparse(X):
        X = to_dense(X)
    elif isinstance(X, np.ndarray) and X.dtype == object:
        X = np.where(pd.isna(X), np.nan, X)  # also None and pandas.NA, which float() would refuse
    with own_errors(hint=hint):
        array = check_array(X, ensure_all_finite=False, allow_nd=True, ensure_min_samples=least_rows, estimator=speaker)
    if array.dtype.kind not in "biuf":
        raise InputTypeError(f"X is an array of {array.dtype}; expected numbers.{hint}")
    if array.ndim > 4:
        raise InputError(
            f"Found array with dim {array.ndim}, while dim <= 4 is required by {speaker}. Expected (n, p), "
            "(n, height, width) or (n, channels, height, width); merge or select axes first."
        )
    if 0 in array.shape:
        raise InputError(f"Found array with 0 feature(s) (shape={array.shape}) while a minimum of 1 is required.")
    return np.asarray(array)


def check_rows(shape: tuple[int, ...], *, least_rows: int, speaker: str) -> None:
    """Raise, in scikit-learn's words, unless there are enough rows."""
    stand_in = np.broadcast_to(0.0, shape)  # takes no memory
    with own_errors():
        check_array(stand_in, ensure_all_finite=False, ensure_min_samples=least_rows, estimator=speaker)


def check_cell_shape(given: tuple[int, ...], fitted: tuple[int, ...], *, speaker: str) -> None:
    """Raise unless rows have the shape that they had in fit."""
    if given[0] != fitted[0]:
        raise InputError(f"X has {given[0]} features, but {speaker} is expecting {fitted[0]} features as input.")
    if given != fitted:
        raise InputError(
            f"X has shape (n, {', '.join(map(str, given))}), but {speaker} is expecting "
            f"(n, {', '.join(map(str, fitted))}), the shape that it was fitted with."
        )


def refuse_infinite(values: np.ndarray, *, names: Sequence[str] | None = None, speaker: str) -> None:
    """Raise if a value is infinite, naming its place."""
    try:
        assert_all_finite(values, allow_nan=True, estimator_name=speaker, input_name="X")
    except ValueError as error:
        row, column = np.argwhere(np.isinf(values))[0].tolist()
        place = f"row {row}, column {column if names is None else repr(names[column])}"
        raise InputError(
            f"{error} The first one is in {place}. Replace it by a finite number, or by NaN if it is missing."
        ) from error


def first_axes(cell_shape: tuple[int, ...], channels: str) -> tuple[int, ...]:
    """Shape of a row with its channels, if any, first."""
    return cell_shape[-1:] + cell_shape[:-1] if len(cell_shape) == 3 and channels == "last" else cell_shape


def lay_out(declared: LayoutLike, cells: tuple[int, ...]) -> Layout | None:
    """Check the declared layout against the cells of a row, or read it off their shape."""
    if isinstance(declared, str) and declared == "auto":
        return Layout.of((1, *cells) if len(cells) == 1 else cells, origin="shape")
    return None if declared is None else Layout.of(_sides(declared), n_columns=prod(cells))  # type: ignore[arg-type]


def refuse_channels_behind(shape: tuple[int, ...], declared: LayoutLike) -> None:
    """Raise if a 4-D X that should have its channels first looks as if it had them last."""
    if len(shape) == 4 and shape[3] <= _MOST_COLOURS < shape[1] and _sides(declared) != shape[1:]:
        raise LayoutError(
            f"X has shape {shape}, which looks like (n, height, width, channels); expected (n, channels, height, "
            f'width). Pass channels="last", or layout={shape[1:]} if the axis of {shape[1]} really holds the channels.'
        )


def _sides(declared: LayoutLike) -> object:
    if isinstance(declared, Layout):
        return declared.shape
    return tuple(declared) if isinstance(declared, (list, tuple)) else declared
