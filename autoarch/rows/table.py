"""Rows as the questions read them: ranks of the features, the label, and the columns as they came, one code per value.

A group may be named by text of any number of levels, which the canonical matrix shares out among 254 codes; so columns
are read from X itself where it has columns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from autoarch._data.canonical import Canonicaliser
from autoarch._data.columns import Date, Several
from autoarch._data.containers import to_plain
from autoarch._data.text_view import Serial, Text

MOST_FEATURES = 60  # columns among which neighbours are looked for
_MOST_ONE_HOT = 12  # codes of a category; more say little about who is near
_MISMATCH = np.sqrt(1 / 12)  # so that two categories are as far apart as two random ranks
_MOST_BINS, _FINE = 20, 8  # bins of a label of numbers; rows in a fine one
_COUNTED = 3  # times the number of rows, over which whole numbers that count these may range
_SAME = 0.99  # share of the rows of a level that hold its value
_MANY, _MOSTLY = 100_000, 0.9  # rows; share of them with a value of their own
_LOOKED_AT = 50  # labels of an index, for what they are
_LAST_NUMBER = re.compile(r"\d+\D*$")  # "p03_v12.png" begins with "p03_v"


@dataclass(frozen=True, eq=False)
class Column:
    """A column of X as codes.

    Parameters
    ----------
    name : str
        As sentences name it.
    codes : ndarray of shape (n,)
        From 0, in the order of the values where these are numbers; missing values share a code.
    kind : {"name", "whole", "number", "date"}
        Text or categories, whole numbers, numbers with fractions, points in time.
    outputs : ndarray of int
        Columns of the canonical matrix that hold it.
    """

    name: str
    codes: np.ndarray
    kind: str
    outputs: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=int))

    @cached_property
    def n_levels(self) -> int:
        """Number of different values."""
        return int(self.codes.max()) + 1

    def is_constant_in(self, codes: np.ndarray) -> bool:
        """Return whether rows of one code hold one value."""
        n = int(codes.max()) + 1
        _, first = np.unique(codes, return_index=True)
        of_level = np.empty(n, dtype=self.codes.dtype)
        of_level[codes[first]] = self.codes[first]
        same = self.codes == of_level[codes]
        if same.mean() < _SAME / 2:
            return False
        return joint(self.codes, codes).max() + 1 <= n / _SAME


@dataclass(frozen=True, eq=False)
class RowTable:
    """Rows as the questions look at them.

    Parameters
    ----------
    values : ndarray of shape (n, p)
        Canonical matrix.
    y : ndarray of shape (n,) or None
        Codes of classes, or numbers.
    labels : bool
        Whether y holds codes.
    columns : tuple of Column
        Columns of X, and its index where that repeats; none of a grid.
    usable : ndarray of int
        Columns of the canonical matrix that ``features`` come from, but for those that do not vary.
    categorical : sequence of int
        Columns of the canonical matrix that hold codes.
    """

    values: np.ndarray
    y: np.ndarray | None
    labels: bool
    columns: tuple[Column, ...]
    usable: np.ndarray
    categorical: Sequence[int]

    @classmethod
    def of(
        cls, X: Any, values: np.ndarray, canonical: Canonicaliser, y: np.ndarray | None, *, labels: bool, seed: int
    ) -> RowTable:
        """Read X, which ``canonical`` made ``values`` of, and its label."""
        columns = tuple(read_columns(X, values, canonical))
        dates = [column.outputs for column in columns if column.kind == "date"]
        usable = np.setdiff1d(np.arange(values.shape[1]), np.concatenate(dates) if dates else [])
        if len(usable) > MOST_FEATURES:
            usable = np.sort(np.random.default_rng(seed).permutation(usable)[:MOST_FEATURES])
        y = y if y is None or y.ndim == 1 else y[:, 0]
        return cls(values, y, labels, columns, usable, canonical.categorical_)

    @cached_property
    def _features(self) -> tuple[np.ndarray, np.ndarray]:
        return as_features(self.values, self.usable, self.categorical)

    @property
    def features(self) -> np.ndarray:
        """Coordinates in which rows are near, (n, q): ranks of numbers, and codes one by one."""
        return self._features[0]

    @property
    def owner(self) -> np.ndarray:
        """Column of the canonical matrix that each feature comes from, (q,)."""
        return self._features[1]

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def numbering(self) -> np.ndarray:
        """Columns of the canonical matrix that number or name the rows: no value twice, and no measurement."""
        found = [np.zeros(0, dtype=int)]
        for column in self.columns:
            if column.n_levels < len(self) or column.kind not in ("name", "whole"):
                continue
            if column.kind == "name" or np.ptp(self.values[:, column.outputs]) < _COUNTED * len(self):
                found.append(column.outputs)
        return np.concatenate(found)

    @cached_property
    def strata(self) -> np.ndarray:
        """Codes of rows with the same class, or with neighbouring numbers as label; zeros without a label."""
        return self._binned(min(_MOST_BINS, max(1, len(self) // 10)))

    @cached_property
    def fine_strata(self) -> np.ndarray:
        """The same, with a few numbers only in each: a file may be sorted by them."""
        return self._binned(max(1, len(self) // _FINE))

    def _binned(self, n_bins: int) -> np.ndarray:
        if self.y is None:
            return np.zeros(len(self), dtype=int)
        if self.labels:
            return np.unique(self.y, return_inverse=True)[1]
        order = (rankdata(self.y, method="ordinal") - 1).astype(int)
        return order * n_bins // len(self)

    @cached_property
    def target(self) -> np.ndarray | None:
        """Label to compare: codes, or ranks from 0 to 1."""
        if self.y is None or self.labels:
            return self.y
        return rankdata(self.y) / len(self)

    def agreement(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Agreement of the labels of pairs of rows, on the scale of accuracy, or of R2 of ranks."""
        target = self.target
        assert target is not None
        if self.labels:
            return (target[one] == target[other]).astype(float)
        return 1.0 - (target[one] - target[other]) ** 2 / max(2 * float(target.var()), 1e-12)

    def without(self, outputs: Sequence[int] | np.ndarray) -> np.ndarray:
        """Features that do not come from some columns of the canonical matrix."""
        return self.features[:, ~np.isin(self.owner, outputs)]


def as_features(values: np.ndarray, usable: np.ndarray, categorical: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates in which rows are near, and the column that each comes from."""
    blocks, owner = [np.zeros((len(values), 0), dtype=np.float32)], []
    for column in usable:
        cells = values[:, column]
        known = ~np.isnan(cells)
        if not known.any() or cells[known].min() == cells[known].max():
            continue
        if column in categorical:
            codes, n = np.where(known, cells, -1).astype(int), int(cells[known].max()) + 1
            if n > _MOST_ONE_HOT:
                continue
            block = _MISMATCH * (codes[:, None] == np.arange(n))
        else:
            block = np.zeros((len(cells), 1))
            block[known, 0] = rankdata(cells[known]) / known.sum() - 0.5
        blocks.append(block.astype(np.float32))
        owner += [column] * block.shape[1]
    return np.concatenate(blocks, axis=1), np.array(owner, dtype=int)


def read_columns(X: Any, values: np.ndarray, canonical: Canonicaliser) -> list[Column]:
    """Read the columns of a table, and its index where that repeats; none where X is a grid."""
    if canonical.kind_ == "grid" or canonical.letters_ is not None:
        return []
    X = to_plain(X)
    found: list[Column] = []
    kinds = _kinds(canonical)
    frame = X if isinstance(X, pd.DataFrame) and X.shape[1] == len(canonical.blocks_) else None  # no column of arrays
    for position, outputs in enumerate(canonical.blocks_):
        cells = None if frame is None else frame.iloc[:, position]
        name = f"column {position}" if frame is None else repr(str(frame.columns[position]))
        kind = kinds.get(position)
        if kind in ("name", "text") and cells is not None:
            codes = dense(pd.factorize(cells)[0])
            if kind == "name" or 2 * codes.max() < len(codes):  # long texts that differ name nothing
                found.append(Column(name, codes, "name", outputs))
            found += _starts(cells, name, outputs)
        elif kind == "date":
            found.append(Column(name, dense(values[:, outputs[0]]), "date", outputs))
        elif len(outputs) == 1:
            numbers = values[:, outputs[0]]
            kind = "name" if outputs[0] in canonical.categorical_ else "number"
            whole = kind == "number" and bool(np.all((numbers == np.round(numbers)) | np.isnan(numbers)))
            if kind == "number" and not whole and len(numbers) > _MANY and _is_measured(numbers[:_MANY]):
                continue
            found.append(Column(name, dense(numbers), "whole" if whole else kind, outputs))
    if isinstance(X, pd.DataFrame):
        found += _index_columns(X.index)
    return found


def _is_measured(numbers: np.ndarray) -> bool:
    """Return whether nearly all differ and stand in no order: they name nothing, and many take long to sort."""
    steps = np.diff(numbers)
    return len(np.unique(numbers)) > _MOSTLY * len(numbers) and not ((steps >= 0).all() or (steps <= 0).all())


def _kinds(canonical: Canonicaliser) -> dict[int, str]:
    """Positions of X that hold names, texts that are read as several columns, or dates."""
    if canonical._table is None:
        return {}
    pairs = zip(canonical._table.positions, canonical._table.coders, strict=True)
    numbers = {int(outputs[0]) for outputs in canonical.blocks_ if len(outputs) == 1} - set(canonical.categorical_)
    found = {}
    for position, coder in pairs:
        outputs = canonical.blocks_[position]
        if isinstance(coder, Date):
            found[position] = "date"
        elif isinstance(coder, Serial):
            found[position] = "name"
        elif isinstance(coder, Text) or (isinstance(coder, Several) and isinstance(coder.parts[-1], Text)):
            found[position] = "text"
        elif len(outputs) == 1 and int(outputs[0]) not in numbers:
            found[position] = "name"
    return found


def _starts(cells: pd.Series, name: str, outputs: np.ndarray) -> list[Column]:
    """Find what stands before the last number in texts that name rows: of "p03_v12" and "p03_v13" the same."""
    if 2 * cells.nunique() <= len(cells):
        return []
    texts = cells.astype(str)
    if not texts.str.contains(_LAST_NUMBER).mean() > _SAME:
        return []
    starts = texts.str.replace(_LAST_NUMBER, "", regex=True)
    return [Column(f"the start of {name}", dense(pd.factorize(starts)[0]), "name", outputs)]


def _index_columns(index: pd.Index) -> list[Column]:
    found = []
    for level in range(index.nlevels):
        values = index.get_level_values(level)
        name = "the index" if values.name is None else f"the index {str(values.name)!r}"
        if isinstance(index, pd.RangeIndex):
            continue
        if values.is_unique:
            if _are_names(values):
                found += _starts(pd.Series(values), name, np.zeros(0, dtype=int))
            continue
        if isinstance(values, pd.DatetimeIndex):
            codes = dense(values.asi8)
        elif values.dtype.kind in "iuf":
            codes = dense(values.to_numpy())
        else:
            codes = dense(pd.factorize(values)[0])
        found.append(Column(name, codes, "date" if isinstance(values, pd.DatetimeIndex) else "name"))
    return found


def _are_names(values: pd.Index) -> bool:
    """Return whether labels are texts that stand for neither numbers nor dates."""
    if values.dtype.kind in "biufcmM" or isinstance(values.dtype, pd.DatetimeTZDtype | pd.PeriodDtype):
        return False
    some = pd.Series(values[:_LOOKED_AT]).astype(str)
    numbers = pd.to_numeric(some, errors="coerce")
    dates = pd.to_datetime(some, format="ISO8601", errors="coerce")
    return not (numbers.notna() | dates.notna()).any()


def dense(values: np.ndarray) -> np.ndarray:
    """Codes from 0 without gaps, in the order of the values: NaN comes last, -1 of a missing label first."""
    return np.unique(values, return_inverse=True)[1].reshape(-1)


def joint(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Codes of the pairs that two columns hold."""
    return dense(one.astype(np.int64) * (int(other.max()) + 1) + other)
