"""A transformer from long tables, one row per cell, to grids, and back."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted

from autoarch._core.checks import check_choice, check_whole, own_errors
from autoarch._data.array_checks import refuse_infinite
from autoarch._data.columns import Number
from autoarch._data.containers import to_plain
from autoarch._data.coordinates import column_position
from autoarch.exceptions import AutoArchWarning, InputError, ParameterError
from autoarch.geo.axes import Axis, distinct, refuse_missing

_MOST_CELLS = 16  # of a grid that "auto" makes, for each row that a sample has
_AGGREGATES = ("mean", "sum", "min", "max", "median", "first", "last")


class LongToGrid(TransformerMixin, BaseEstimator):
    """Turn a table with one row per cell into grids ``(samples, bands, height, width)``, and back.

    The number of rows changes, so it comes before a pipeline, not in it; ``align`` brings labels along. Samples stand
    in the order in which the table first names them, bands, rows and columns in the order of their values. Cells that
    no row names are NaN.

    Parameters
    ----------
    sample, row, column, value : str or int
        Columns of the table: which grid, where in it, and what. Rows and columns may be numbers or words.
    band : str, int or None, default=None
        Column that says which channel; None for a single one.
    shape : (int, int) or "auto", default="auto"
        Height and width. "auto" makes a line for every value of a column, those left out between regular steps
        included. Where that gives more than 16 cells for each row of a sample, coordinates are irregular, and they
        are cut into as many equal intervals as give a cell per row. A given shape cuts intervals too, unless the
        column has as many values.
    aggregate : {"mean", "sum", "min", "max", "median", "first", "last"}, default="mean"
        What becomes of several rows for one cell.
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

    def fit(self, X: Any, y: object = None) -> LongToGrid:
        """Learn samples, bands and the lines of the grids; y is ignored."""
        check_choice("aggregate", self.aggregate, _AGGREGATES)
        sides = self._sides()
        table = self._table(X)
        roles = [self.sample, self.row, self.column, self.value, *([] if self.band is None else [self.band])]
        plain = to_plain(X)
        named = plain.columns if isinstance(plain, pd.DataFrame) else range(np.shape(plain)[1])
        self._names = [role if isinstance(role, str) else named[role] for role in roles]
        self.bands_ = (None,) if self.band is None else tuple(distinct(table["band"]))
        self.rows_, self.columns_ = self._axes(table, sides)
        self.samples_ = np.asarray(table["sample"].unique())
        self.shape_ = (len(self.bands_), len(self.rows_), len(self.columns_))
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Grids of the samples in X, in the order in which it first names them.

        Rows outside of the grid, or of an unknown band, are left out with a warning.
        """
        check_is_fitted(self)
        table = self._table(X)
        codes, samples = pd.factorize(table["sample"])
        cell = [codes, self._channel(table), self.rows_.lines(table["row"]), self.columns_.lines(table["column"])]
        outside = np.any([part < 0 for part in cell], axis=0)
        if outside.any():
            warnings.warn(
                f"{outside.sum()} of {len(outside)} rows lie outside of the grids that fit has learned and are left "
                f"out, the first of them row {int(outside.argmax())}.",
                AutoArchWarning,
                stacklevel=2,
            )
        there = ~outside & table["value"].notna().to_numpy()
        found = table["value"][there].groupby([part[there] for part in cell]).agg(self.aggregate)
        grids = np.full((len(samples), *self.shape_), np.nan, dtype=self.dtype)
        grids[tuple(found.index.get_level_values(i) for i in range(4))] = found.to_numpy()
        return grids

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
        grids = np.asarray(X)
        if grids.ndim != 4 or grids.shape[1:] != self.shape_:
            raise InputError(
                f"X has shape {grids.shape}; inverse_transform expects what transform gives: (n, "
                f"{', '.join(map(str, self.shape_))})."
            )
        if samples is None:
            samples = self.samples_ if len(self.samples_) == len(grids) else np.arange(len(grids))
        names = np.asarray(samples)
        if names.shape != (len(grids),):
            raise InputError(f"samples has shape {names.shape}; expected a name for each of the {len(grids)} grids.")
        cells = np.nonzero(~np.isnan(grids))
        axes = [names, np.asarray(self.bands_), np.asarray(self.rows_.levels), np.asarray(self.columns_.levels)]
        sample, band, row, column = (axis[at] for axis, at in zip(axes, cells, strict=True))
        parts = [sample, row, column, grids[cells], *([] if self.band is None else [band])]
        return pd.DataFrame(dict(zip(self._names, parts, strict=True)))

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
        codes, samples = pd.factorize(self._table(X)["sample"])
        if isinstance(y, Mapping):
            without = [sample for sample in samples if sample not in y]
            if without:
                raise InputError(f"y has no label for the sample {without[0]!r}, nor for {len(without) - 1} others.")
            return np.asarray([y[sample] for sample in samples])
        labels = np.asarray(to_plain(y))
        if pd.isna(labels).any():
            raise InputError(f"y has no label in row {int(pd.isna(labels).argmax())}. Pass a label for each row.")
        if labels.shape != codes.shape:
            raise InputError(
                f"y has shape {labels.shape}, X {len(codes)} rows. Pass a label for each row, or a dict from samples "
                "to labels."
            )
        first = np.unique(codes, return_index=True)[1]
        several = labels != labels[first][codes]
        if several.any():
            raise InputError(f"y has several labels for the sample {samples[codes[several][0]]!r}; expected one.")
        return np.asarray(labels[first])

    def _sides(self) -> tuple[int | None, int | None]:
        if isinstance(self.shape, str):
            check_choice("shape", self.shape, ("auto",))
            return None, None
        if not hasattr(self.shape, "__len__") or len(self.shape) != 2:
            raise ParameterError(f"shape={self.shape!r} was given; expected (height, width), or 'auto'.")
        return check_whole("shape[0]", self.shape[0], least=1), check_whole("shape[1]", self.shape[1], least=1)

    def _table(self, X: Any) -> pd.DataFrame:
        """The columns that are asked for, under their roles."""
        X = to_plain(X)
        if not isinstance(X, pd.DataFrame):
            with own_errors():
                X = check_array(X, dtype=None, ensure_all_finite=False)
        roles = {"sample": self.sample, "row": self.row, "column": self.column, "value": self.value}
        roles |= {} if self.band is None else {"band": self.band}
        at = {role: column_position(name, X, asked=role) for role, name in roles.items()}
        if len(set(at.values())) < len(at):
            raise ParameterError(f"{roles} names a column twice; expected one for each.")
        if not len(X):
            raise InputError(f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required.")
        frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X)
        columns = {role: frame.iloc[:, i].reset_index(drop=True).infer_objects() for role, i in at.items()}
        table = pd.DataFrame({role: column for role, column in columns.items() if role != "value"})
        for role in table:
            refuse_missing(table[role].rename(str(frame.columns[at[role]])))
        value = Number(str(self.value)).encode(columns["value"])
        refuse_infinite(value, names=[str(frame.columns[at["value"]])], speaker="LongToGrid")
        return table.assign(value=value[:, 0])

    def _channel(self, table: pd.DataFrame) -> np.ndarray:
        if self.band is None:
            return np.zeros(len(table), dtype=np.int64)
        return np.asarray(pd.Index(self.bands_).get_indexer(pd.Index(table["band"])))

    def _axes(self, table: pd.DataFrame, sides: tuple[int | None, int | None]) -> tuple[Axis, Axis]:
        """Lines of rows and of columns: as asked for, by values, or by intervals."""
        row, column = table["row"], table["column"]
        if sides[0] is not None and sides[1] is not None:
            return _by_number(row, sides[0]), _by_number(column, sides[1])
        height, width = (Axis.learn(one) or Axis.of_levels(one) for one in (row, column))
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


def _by_number(column: pd.Series, side: int) -> Axis:
    """As many lines as asked for: steps or values where there are so many, else intervals."""
    for axis in (Axis.learn(column), Axis.of_levels(column)):
        if axis is not None and len(axis) == side:
            return axis
    return Axis.of_bins(column, side)
