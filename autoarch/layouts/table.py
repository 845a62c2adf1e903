"""Numbers of a sample of the rows, and the cells that the names of the columns give."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import is_complex_dtype, is_numeric_dtype

from autoarch._data import array_checks
from autoarch._data.containers import take_rows, to_plain
from autoarch._statistics import correlations
from autoarch.exceptions import InputError, LayoutError
from autoarch.layouts.pseudo_likelihood import MOST_CHANNELS

MOST_VALUES = 2_000_000  # 1,000 rows of 2,000 columns, 100 of 20,000
FEWEST_READ = 30  # rows that are read however many columns there are
FEWEST_NAMED = 4
LEAST_SHARE = 0.5  # of the columns must follow the pattern
MOST_DIGITS = 9
ROLES = {
    "row": frozenset({"r", "row", "rows", "y", "line", "h", "i"}),
    "column": frozenset({"c", "col", "cols", "column", "x", "w", "j"}),
    "channel": frozenset({"b", "band", "bands", "ch", "chan", "channel", "sensor", "layer"}),
}


class Table(NamedTuple):
    """Standardised numeric columns.

    Parameters
    ----------
    scaled : ndarray of shape (n, k), float32
        Rows read. Columns have variance 1, and the mean of each row is subtracted; missing values are 0.
    active : ndarray of shape (k,), bool
        Columns that vary.
    numeric : ndarray of shape (k,)
        Their places among all columns.
    n_columns : int
        All columns.
    names : list of str or None
        Names of the numeric columns.
    """

    scaled: np.ndarray
    active: np.ndarray
    numeric: np.ndarray
    n_columns: int
    names: list[str] | None


def read_table(X: Any, feature_names: Sequence[str] | None, rng: np.random.Generator) -> Table:
    """Check X, sample at most as many rows as are needed, and standardise.

    Raises
    ------
    InputError, LayoutError
        If X is no matrix of numbers, or there is not one name per column.
    """
    if not hasattr(X, "shape"):
        X = np.asarray(to_plain(X))
    if len(X.shape) in (3, 4):
        raise LayoutError(
            f"X has shape {tuple(X.shape)}, so its grid is known already; expected (n, p). Pass X as it is where "
            "layout='auto' is accepted, or X.reshape(len(X), -1) to have the grid inferred all the same."
        )
    if len(X.shape) == 2 and 0 not in X.shape:
        most = int(np.clip(MOST_VALUES // X.shape[1], FEWEST_READ, correlations.MAX_ROWS))
        if X.shape[0] > most:  # never copying the other rows
            X = take_rows(X, np.sort(rng.choice(X.shape[0], most, replace=False)))
    X = to_plain(X)
    if isinstance(X, pd.DataFrame):
        numeric = np.flatnonzero([is_numeric_dtype(kind) and not is_complex_dtype(kind) for kind in X.dtypes])
        values = X.iloc[:, numeric].to_numpy(dtype=np.float64, na_value=np.nan)
        if feature_names is None and all(isinstance(label, str) for label in X.columns):
            feature_names = list(X.columns)
    else:
        values = array_checks.check_numbers(X, least_rows=1, speaker="infer_layout")
        numeric = np.arange(values.shape[1])
    array_checks.refuse_infinite(values, speaker="infer_layout")
    names = None if feature_names is None else [str(name) for name in feature_names]
    if names is not None and len(names) != X.shape[1]:
        raise InputError(
            f"{len(names)} feature_names were given, but X has {X.shape[1]} columns; pass one name per column, in "
            "the order of the columns, or leave feature_names out."
        )
    scaled, active = (part[..., 0, 0, :] for part in correlations.standardise(values[:, None, None, :]))
    if active.any():  # brightness makes all columns alike, neighbours or not
        scaled[:, active] -= scaled[:, active].mean(axis=1, keepdims=True)
    return Table(scaled, active, numeric, X.shape[1], names and [names[column] for column in numeric])


class NamedCells(NamedTuple):
    """Columns in the order that their names give.

    Parameters
    ----------
    columns : tuple of int
        Columns that follow the pattern, channel by channel and row by row.
    channels, height, width : int or None
        Sides that the names give; None where they give none. There is no height without a width.
    """

    columns: tuple[int, ...]
    channels: int | None = None
    height: int | None = None
    width: int | None = None


def read_names(names: Sequence[str]) -> NamedCells | None:
    """Order columns by the numbers in their names; None where these follow no common pattern.

    One number per name gives an order, two give rows and columns (or a channel and a place, where the word before the
    number says so), three give channels as well. Several words with the same numbers are channels: ``red0``, ``blue0``.

    Examples
    --------
    >>> from autoarch.layouts.table import read_names
    >>> read_names(["r1c2", "r2c1", "r1c1", "r2c2", "id"])
    NamedCells(columns=(2, 0, 1, 3), channels=1, height=2, width=2)
    >>> read_names(["age", "height", "weight"]) is None
    True
    """
    groups = _group_by_words(names)
    members = [member for group in groups.values() for member in group]
    if len(members) < max(FEWEST_NAMED, LEAST_SHARE * len(names)):
        return None
    columns, numbers = np.array([column for column, _ in members]), np.array([number for _, number in members])
    varying = [k for k in range(numbers.shape[1]) if len(np.unique(numbers[:, k])) > 1]
    words = next(iter(groups))
    places, roles = numbers[:, varying], [_role(words[k]) for k in varying]
    if len(groups) > 1:
        channel = np.repeat(np.arange(len(groups)), len(columns) // len(groups))
        places, roles = np.column_stack([channel, places]), ["channel", *roles]
    if not 1 <= len(roles) <= 3 or len(np.unique(places, axis=0)) < len(places):
        return None
    axes = _axes(places, roles)
    channels, height, width = (None if axis is None else len(np.unique(places[:, axis])) for axis in axes)
    if prod(side for side in (channels, height, width) if side is not None) != len(places):
        return None  # the numbers leave cells of the grid empty
    order = np.lexsort([places[:, axis] for axis in reversed(axes) if axis is not None])
    ordered = tuple(columns[order].tolist())
    return NamedCells(ordered, channels if height is None else channels or 1, height, width if height else None)


def _group_by_words(names: Sequence[str]) -> dict[tuple[str, ...], list[tuple[int, tuple[int, ...]]]]:
    """Columns and numbers by the words around them; of several groups of words only if all have the same numbers."""
    found: dict[tuple[str, ...], list[tuple[int, tuple[int, ...]]]] = defaultdict(list)
    for column, name in enumerate(names):
        pieces = re.split(r"(\d+)", name.lower())
        numbers = pieces[1::2]
        if numbers and max(map(len, numbers)) <= MOST_DIGITS:
            found[tuple(pieces[0::2])].append((column, tuple(map(int, numbers))))
    size = max(map(len, found.values()), default=0)
    largest = {words: members for words, members in found.items() if len(members) == size}
    different = {tuple(sorted(numbers for _, numbers in members)) for members in largest.values()}
    return largest if size > 1 and len(different) == 1 and len(largest) <= MOST_CHANNELS else {}


def _role(word: str) -> str:
    """Row, column or channel, as far as the word before a number tells."""
    last = (re.findall(r"[a-z]+", word) or [""])[-1]
    return next((role for role, known in ROLES.items() if last in known), "")


def _axes(places: np.ndarray, roles: list[str]) -> list[int | None]:
    """Numbers, of one to three, that are the channel, the row and the column; a single one counts as column."""
    channel = roles.index("channel") if len(roles) > 1 and roles.count("channel") == 1 else None
    if channel is None and len(roles) == 3:
        first, *_, last = (len(np.unique(places[:, axis])) for axis in range(3))
        channel = 2 if last < first and last <= MOST_CHANNELS else 0
    rest = [axis for axis in range(len(roles)) if axis != channel]
    if [roles[axis] for axis in rest] == ["column", "row"]:
        rest.reverse()
    return [channel, *[None] * (2 - len(rest)), *rest]
