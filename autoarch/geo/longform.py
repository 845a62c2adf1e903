"""A transformer from long tables, one row per cell, to grids, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted

from autoarch._core.checks import check_choice, check_dtype, check_sides, own_errors
from autoarch._core.quiet import filters_kept, warn_user
from autoarch._data.array_checks import refuse_infinite
from autoarch._data.columns import Number
from autoarch._data.containers import check_room, check_whole_fits, to_plain
from autoarch._data.coordinates import column_position
from autoarch.exceptions import InputError, ParameterError

_MOST_CELLS = 16  # of a grid that "auto" makes, for each row that a sample has
_AGGREGATES = ("mean", "sum", "min", "max", "median", "first", "last")
_OFF = 0.05  # of a step: values of a regular axis are no farther off
_MOST_LINES = 2  # of a regular axis for each value that occurs; 1, 10, 100 are three values, not a hundred steps


@dataclass(frozen=True)
class Axis:
    """Lines of a grid.

    Parameters
    ----------
    levels : tuple
        The value of each line: values, or middles of intervals.
    width : float
        Of the intervals; 0 where lines are values.
    """

    levels: tuple
    width: float = 0.0

    def __len__(self) -> int:
        return len(self.levels)

    @classmethod
    def of_steps(cls, column: pd.Series) -> Axis:
        """A line for each value, those between regular steps included unless these would be too many."""
        values = _distinct(column)
        if column.dtype.kind in "iuf" and len(values) > 1:
            steps = np.diff(values.astype(np.float64))
            times = steps / steps.min()
            whole = np.round(times)
            if np.abs(times - whole).max() <= _OFF and whole.sum() < _MOST_LINES * len(values):
                step = (values[-1] - values[0]) / whole.sum()
                step = int(step) if values.dtype.kind in "iu" and step == int(step) else step
                return cls(tuple(values[0] + step * np.arange(int(whole.sum()) + 1)), float(step))
        return cls(tuple(values))

    @classmethod
    def of_bins(cls, column: pd.Series, n: int) -> Axis:
        """Equal intervals from the least value to the largest."""
        if column.dtype.kind not in "iuf":
            raise InputError(
                f"{column.name} holds no numbers, so it cannot be cut into {n} intervals. Pass a line for each of its "
                f"{column.nunique()} values, or shape='auto'."
            )
        low, high = float(column.min()), float(column.max())
        width = (high - low) / n or 1.0
        return cls(tuple(low + width * (np.arange(n) + 0.5)), width)

    @classmethod
    def of_length(cls, column: pd.Series, n: int) -> Axis:
        """Make as many lines as given: steps or values where there are so many, else intervals."""
        by_value = (cls.of_steps(column), cls(tuple(_distinct(column))))
        return next((axis for axis in by_value if len(axis) == n), None) or cls.of_bins(column, n)

    def lines(self, column: pd.Series) -> np.ndarray:
        """The line of each value, -1 for those outside."""
        if not self.width:
            return pd.Index(self.levels).get_indexer(pd.Index(column))
        position = (np.asarray(column, dtype=np.float64) - self.levels[0]) / self.width + 0.5
        inside = (position > -1e-9) & (position < len(self) + 1e-9)  # the largest value belongs to the last interval
        return np.where(inside, np.clip(position, 0, len(self) - 1).astype(np.int64), -1)


def _distinct(column: pd.Series) -> np.ndarray:
    """Values of a column in their order, or in that of an ordered categorical."""
    return np.asarray(pd.factorize(column, sort=True)[1])


class LongToGrid(TransformerMixin, BaseEstimator):
    """Turn a table with one row per cell into grids ``(samples, bands, height, width)``, and back.

    The number of rows changes, so it comes before a pipeline, not in it; ``align`` brings labels along. Samples stand
    in the order in which the table first names them, bands, rows and columns in the order of their values. Cells that
    no row names are NaN.

    Parameters
    ----------
    sample, row, column, value : str or int
        Columns of the table: the grid, the place in it, and the value. Rows and columns may be numbers or words.
    band : str, int or None, default=None
        Column that says which channel; None for a single one.
    shape : (int, int) or "auto", default="auto"
        Height and width. "auto" makes a line for every value of a column, those left out between regular steps
        included. Where that gives more than 16 cells for each row of a sample, coordinates are irregular, and they
        are cut into as many equal intervals as give a cell per row. A given shape cuts intervals too, unless the
        column has as many values.
    aggregate : {"mean", "sum", "min", "max", "median", "first", "last"}, default="mean"
        How several rows for one cell are aggregated.
    dtype : dtype, default=numpy.float32
        Of the grids.

    Attributes
    ----------
    samples_ : ndarray
        Samples of ``fit`` in the order of the grids.
    bands_ : tuple
        Values of ``band`` in the order of the channels; ``(None,)`` without.
    rows_, columns_ : Axis
        Lines of the grids.
    shape_ : tuple of int
        ``(bands, height, width)``.

    Examples
    --------
    >>> import pandas as pd
    >>> from autoarch.geo import LongToGrid
    >>> wells = pd.DataFrame({"plate": ["p2", "p2", "p1"], "row": ["A", "B", "B"], "column": [1, 3, 2]})
    >>> wells["heat"] = [7, 8, 9]
    >>> grids = LongToGrid("plate", "row", "column", "heat")
    >>> grids.fit_transform(wells)[0, 0]
    array([[ 7., nan, nan],
           [nan, nan,  8.]], dtype=float32)
    >>> grids.samples_.tolist(), grids.align(wells, {"p1": "well", "p2": "ill"}).tolist()
    (['p2', 'p1'], ['ill', 'well'])
    """

    def __init__(
        self,
        sample: Any = "sample",
        row: Any = "row",
        column: Any = "column",
        value: Any = "value",
        band: Any = None,
        *,
        shape: Any = "auto",
        aggregate: str = "mean",
        dtype: Any = np.float32,
    ):
        self.sample = sample
        self.row = row
        self.column = column
        self.value = value
        self.band = band
        self.shape = shape
        self.aggregate = aggregate
        self.dtype = dtype

    @filters_kept
    def fit(self, X: Any, y: object = None) -> LongToGrid:
        """Learn samples, bands and the lines of the grids; y is ignored."""
        check_choice("aggregate", self.aggregate, _AGGREGATES)
        check_dtype("dtype", self.dtype)
        automatic = isinstance(self.shape, str) and self.shape == "auto"
        sides = None if automatic else check_sides("shape", self.shape, absent="'auto'")
        table, self._names = self._table(X)
        self.bands_ = (None,) if self.band is None else tuple(_distinct(table["band"]))
        self.rows_, self.columns_ = self._axes(table, sides)
        self.samples_ = np.asarray(table["sample"].unique())
        self.shape_ = (len(self.bands_), len(self.rows_), len(self.columns_))
        return self

    @filters_kept
    def transform(self, X: Any) -> np.ndarray:
        """Grids of the samples in X, in the order in which it first names them.

        Rows outside of the grid, or of an unknown band, are left out with a warning.
        """
        check_is_fitted(self)
        table, _ = self._table(X)
        codes, samples = pd.factorize(table["sample"])
        bands = pd.Index(self.bands_).get_indexer(pd.Index(table["band"])) if self.band is not None else 0 * codes
        cell = np.stack([codes, bands, self.rows_.lines(table["row"]), self.columns_.lines(table["column"])])
        outside = np.asarray((cell < 0).any(axis=0))
        if outside.any():
            warn_user(
                f"{outside.sum()} of {len(outside)} rows lie outside of the grids that fit has learned and are left "
                f"out, the first of them row {int(outside.argmax())}."
            )
        there = ~outside & table["value"].notna().to_numpy()
        found = table["value"][there].groupby(list(cell[:, there])).agg(self.aggregate)
        check_room("the array of grids", (len(samples), *self.shape_), np.dtype(self.dtype).itemsize)
        grids = np.full((len(samples), *self.shape_), np.nan, dtype=self.dtype)
        grids[tuple(found.index.get_level_values(i) for i in range(4))] = found.to_numpy()
        return grids

    @own_errors(reading="X")
    def inverse_transform(self, X: np.ndarray, samples: Any = None) -> pd.DataFrame:
        """A long table of the cells that are not NaN, grid by grid, line by line.

        Parameters
        ----------
        X : ndarray of shape (n, bands, height, width)
            Grids.
        samples : array-like of shape (n,) or None
            Their names. None: those of ``fit``, or numbers where there is another number of grids.

        Returns
        -------
        DataFrame
            Columns named as those of the table of ``fit``; positions, where that was an array.
        """
        check_is_fitted(self)
        check_whole_fits(X)
        grids = check_array(X, ensure_all_finite="allow-nan", allow_nd=True, ensure_min_samples=0)
        if grids.ndim != 4 or grids.shape[1:] != self.shape_:
            expected = f"what transform gives: (n, {', '.join(map(str, self.shape_))})"
            raise InputError(f"X has shape {grids.shape}; inverse_transform expects {expected}.")
        known = self.samples_ if len(self.samples_) == len(grids) else np.arange(len(grids))
        names = known if samples is None else np.asarray(to_plain(samples))
        if names.shape != (len(grids),):
            raise InputError(f"samples has shape {names.shape}; expected a name for each of the {len(grids)} grids.")
        cells = np.nonzero(~np.isnan(grids))
        lines = (names, self.bands_, self.rows_.levels, self.columns_.levels)
        sample, band, row, column = (np.asarray(line)[at] for line, at in zip(lines, cells, strict=True))
        return pd.DataFrame(dict(zip(self._names, (sample, row, column, grids[cells], band), strict=False)))

    @own_errors(reading="y")
    def align(self, X: Any, y: Any) -> np.ndarray:
        """One label per grid.

        Parameters
        ----------
        X : DataFrame or array of shape (n, p)
            The table whose grids get labels.
        y : array-like of shape (n,), Series or mapping
            Labels of the rows of X, equal within a sample; or a mapping from samples to labels.

        Returns
        -------
        ndarray of shape (samples,)
            In the order of ``transform(X)``.
        """
        codes, samples = pd.factorize(self._table(X)[0]["sample"])
        if isinstance(y, Mapping):
            if without := [sample for sample in samples if sample not in y]:
                raise InputError(f"y has no label for the sample {without[0]!r}, nor for {len(without) - 1} others.")
            return np.asarray([y[sample] for sample in samples])
        labels = np.asarray(to_plain(y))
        if (missing := np.asarray(pd.isna(labels))).any():
            raise InputError(f"y has no label in row {int(missing.argmax())}. Pass a label for each row.")
        if labels.shape != codes.shape:
            sizes = f"y has shape {labels.shape}, X {len(codes)} rows"
            raise InputError(f"{sizes}. Pass a label for each row, or a dict from samples to labels.")
        of_samples = labels[np.unique(codes, return_index=True)[1]]
        if (several := np.asarray(labels != of_samples[codes])).any():
            raise InputError(f"y has several labels for the sample {samples[codes[several][0]]!r}; expected one.")
        return np.asarray(of_samples)

    @own_errors(reading="X")
    def _table(self, X: Any) -> tuple[pd.DataFrame, list[Any]]:
        """The columns that hold sample, row, column, value and band, under these names; and their own names."""
        check_whole_fits(X := to_plain(X))
        X = X if isinstance(X, pd.DataFrame) else check_array(X, dtype=None, ensure_all_finite=False)
        roles = ("sample", "row", "column", "value", *(() if self.band is None else ("band",)))
        at = {role: column_position(getattr(self, role), X, asked=role) for role in roles}
        if len(set(at.values())) < len(at):
            raise ParameterError(f"{', '.join(at)} name a column twice; expected one for each.")
        if X.shape[0] == 0:
            raise InputError(f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required.")
        frame = pd.DataFrame(X).reset_index(drop=True)
        names = dict(zip(at, frame.columns[list(at.values())], strict=True))
        table = pd.DataFrame({role: frame.iloc[:, i].infer_objects() for role, i in at.items()})
        for role, column in table.drop(columns="value").items():
            bad = (column.isna() | column.isin([np.inf, -np.inf])).to_numpy()
            if bad.any():
                raise InputError(
                    f"the column {str(names[role])!r} is missing or infinite in {bad.sum()} of {len(bad)} rows, the "
                    f"first of them row {int(bad.argmax())}. Drop these rows: they belong to no cell."
                )
        table["value"] = Number(str(self.value)).encode(table["value"])[:, 0]
        refuse_infinite(table[["value"]].to_numpy(), names=[str(names["value"])], speaker="LongToGrid")
        return table, list(names.values())

    def _axes(self, table: pd.DataFrame, sides: tuple[int, int] | None) -> tuple[Axis, Axis]:
        """Lines of rows and of columns: as many as given, else by values where these are few, else by intervals."""
        row, column = table["row"], table["column"]
        if sides is not None:
            return Axis.of_length(row, sides[0]), Axis.of_length(column, sides[1])
        height, width = Axis.of_steps(row), Axis.of_steps(column)
        per_sample = max(1.0, table.groupby("sample").size().median() / len(self.bands_))
        if len(height) * len(width) <= _MOST_CELLS * per_sample:
            return height, width
        side = round(np.sqrt(per_sample))
        most = side * np.sqrt(_MOST_CELLS)  # lines that an axis may keep
        if len(height) <= most:
            return height, Axis.of_bins(column, max(1, round(per_sample / len(height))))
        if len(width) <= most:
            return Axis.of_bins(row, max(1, round(per_sample / len(width)))), width
        return Axis.of_bins(row, side), Axis.of_bins(column, side)
