"""Turn any accepted X into one float matrix, and say which cell each column is and where each row is.

``Canonicaliser`` is the first step of every pipeline that autoarch hands out, so fitting and predicting read X alike.
Arrays are checked by ``array_checks``, tables of mixed columns are encoded by ``table_encoder`` and ``columns``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from autoarch._core.checks import check_choice, own_errors, shown
from autoarch._core.quiet import warn_user
from autoarch._data import array_checks, findings, table_encoder
from autoarch._data.array_checks import LayoutLike
from autoarch._data.columns import Category, Number
from autoarch._data.containers import in_reference, reference_of, to_plain
from autoarch._data.coordinates import find_map_columns
from autoarch._data.kinds import learn_kinds, notes_on
from autoarch._data.layout import Layout
from autoarch._data.letters import Letters
from autoarch._data.sample_sizes import CommonSize, samples_of, stacked
from autoarch.exceptions import LayoutError, ParameterError


class Canonicaliser(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Turn any accepted X into a float matrix, one row per sample, and say which cell each column stands for.

    Parameters
    ----------
    layout : tuple of int, Layout, "auto" or None, default="auto"
        Cells behind the columns, as ``(height, width)`` or ``(channels, height, width)``. ``"auto"`` takes them from
        the shape of X, and reads flat columns as one line. ``None`` says that there is no grid.
    channels : {"first", "last"}, default="first"
        Where 4-D X has its channels: ``(n, C, H, W)`` or ``(n, H, W, C)``. The output has them first either way.
    coordinates : pair of str or pair of int, or None, default=None
        Columns of a table with the place of each row. Such a table has no layout.

    Attributes
    ----------
    kind_ : {"flat", "grid", "frame"}
        What X was: 2-D numbers, 3-D or 4-D numbers, or columns that are no numbers and are encoded.
    layout_ : Layout or None
        Cell of each output column.
    map_columns_ : MapColumns or None
        Output columns with the place of each row.
    reference_ : object
        Reference system of a GeoDataFrame; later ones are brought into it.
    n_features_in_ : int
        ``X.shape[1]``.
    feature_names_in_ : ndarray of str
        Column names, when X was a DataFrame whose names are all strings.
    cell_shape_ : tuple of int
        ``X.shape[1:]``.
    categorical_ : tuple of int
        Output columns that hold category codes ``0..k-1``.
    cardinalities_ : tuple of int
        Number ``k`` of codes of each of these.
    dropped_ : tuple of str
        Columns of a mixed DataFrame that were left out: constant, or with no value at all (numbers only where there
        are fewer than 16 columns of them).
    sizes_ : CommonSize or None
        What samples of different sizes are brought to.
    letters_ : Letters or None
        Letters that the cells hold: one channel of 0 and 1 for each of them.
    sentinels_ : tuple of Sentinel
        Numbers that stand for "not measured"; those that are certain are missing in the output.
    fills_ : tuple of Sentinel
        The same of single columns of a table, which are their channels.
    has_missing_ : bool
        Whether a cell was missing. Missing cells are NaN in the output.
    centre_ : ndarray of shape (n_columns,)
        What stands in for a value that is taken away: means, the most frequent codes, the middle dates.
    dtype_ : dtype
        Type of the output: float32 where it holds every value of the input's type, and for grids whose values it tells
        apart, else float64.

    Examples
    --------
    >>> import pandas as pd
    >>> from autoarch._data.canonical import Canonicaliser
    >>> X = pd.DataFrame({"colour": ["red", "blue", "red"], "size": [1.5, None, 2.0]})
    >>> Canonicaliser().fit_transform(X)
    array([[1. , 1.5],
           [0. , nan],
           [1. , 2. ]])
    """

    layout_: Layout | None
    _name: str = "Canonicaliser"
    _table: table_encoder.TableCoder | None = None
    _numbers: Sequence[Number] = ()
    letters_: Letters | None = None
    sizes_: CommonSize | None = None
    fills_: tuple[array_checks.Sentinel, ...] = ()

    def __init__(self, layout: LayoutLike = "auto", channels: str = "first", coordinates: Sequence[Any] | None = None):
        self.layout = layout
        self.channels = channels
        self.coordinates = coordinates

    def with_estimator_name(self, estimator: object) -> Canonicaliser:
        """Have messages name ``estimator`` (an object or a name) rather than this step; returns self."""
        self._name = estimator if isinstance(estimator, str) else type(estimator).__name__
        return self

    def fit(self, X: Any, y: object = None) -> Canonicaliser:
        """Learn the shape, the names and the kinds of the columns of X; y is ignored."""
        self.fit_transform(X)
        return self

    @own_errors(reading="X")
    def fit_transform(self, X: Any, y: object = None) -> np.ndarray:
        """Fit, and return the matrix, at the cost of one transform."""
        check_choice("channels", self.channels, ("first", "last"))
        if self.coordinates is not None and not (self.layout is None or isinstance(self.layout, str)):
            raise ParameterError(
                f"coordinates={shown(self.coordinates)} and layout={shown(self.layout)} were given; the cells of a "
                "grid and the places of rows exclude each other. Pass one of them."
            )
        given, X = X, to_plain(X)
        samples = samples_of(X)
        self.sizes_ = None if samples is None else CommonSize.learn(samples, self.channels)
        X = self._as_one(X, samples)
        self._table, self.letters_, self._numbers = None, None, ()
        self.notes_: tuple[str, ...] = ()
        self.sentinels_: tuple[array_checks.Sentinel, ...] = ()
        self.fills_ = ()
        self.categorical_: tuple[int, ...] = ()
        self.cardinalities_: tuple[int, ...] = ()
        self.dropped_: tuple[str, ...] = ()
        names = table_encoder.column_names(X) if isinstance(X, pd.DataFrame) else None
        values = self._fit_frame(X) if isinstance(X, pd.DataFrame) else self._fit_array(X)
        self.__dict__.pop("feature_names_in_", None)  # a second fit forgets the names of the first
        if names is not None:
            self.feature_names_in_ = names
        values = self._without_fills(values)
        self.has_missing_ = bool(np.isnan(values.min()))  # the minimum of anything and NaN is NaN
        dates = [columns for columns in self.blocks_ if self._table is not None and len(columns) > 1]
        self.centre_ = table_encoder.typical_row(values, self.categorical_, dates)
        self.reference_ = reference_of(given)
        self.map_columns_ = None
        if self.coordinates is not None:
            self.layout_ = None
            self.map_columns_ = find_map_columns(given, self.coordinates, self.column_of, self.feature_names_out_)
        return values

    @own_errors(reading="X")
    def transform(self, X: Any) -> np.ndarray:
        """Return the float matrix of X, of shape (n_samples, n_columns), in C order.

        It shares memory with X where nothing has to change: do not write into it.
        """
        check_is_fitted(self, "n_features_in_")
        X = to_plain(in_reference(X, self.reference_))
        X = self._as_one(X, samples_of(X) if self._table is None else None)
        values = array_checks.hide_sentinels(self._matrix_of(self._match_names(X)), self.fills_, len(self.centre_))
        if self.map_columns_ is not None:
            self.map_columns_.places(values)  # a row that is nowhere is refused, whether or not a model would notice
        return values

    def _matrix_of(self, X: Any) -> np.ndarray:
        if self.letters_ is not None:
            texts = np.asarray(X.to_numpy(dtype=object) if isinstance(X, pd.DataFrame) else X)
            array_checks.check_cell_shape(texts.shape[1:], self.cell_shape_, speaker=self._name)
            array_checks.check_rows(texts.shape[:2], least_rows=1, speaker=self._name)
            return self.letters_.encode(texts).reshape(len(texts), -1)
        if self._table is not None:
            frame = X if isinstance(X, pd.DataFrame) else table_encoder.as_frame(X, self._name)
            array_checks.check_cell_shape(frame.shape[1:], self.cell_shape_, speaker=self._name)
            array_checks.check_rows(frame.shape, least_rows=1, speaker=self._name)
            return self._finite(self._table.encode(frame))
        if isinstance(X, pd.DataFrame):
            coders = self._numbers if len(self._numbers) == X.shape[1] else list(map(Number, map(str, X.columns)))
            X = table_encoder.numbers(X, coders)
        array = array_checks.check_numbers(X, least_rows=1, speaker=self._name)
        array_checks.check_cell_shape(array.shape[1:], self.cell_shape_, speaker=self._name)
        values = self._to_matrix(array)
        return array_checks.hide_sentinels(values, self.sentinels_, self._n_channels)

    def findings(self, values: np.ndarray, y: np.ndarray, *, classification: bool) -> list[str]:
        """Sentences about sizes of samples or columns of a table: how they were read, which say nothing or too much.

        ``values`` are those that ``fit_transform`` has returned.
        """
        sizes = [] if self.sizes_ is None else [str(self.sizes_)]
        if sizes or self.kind_ == "grid" or self.letters_ is not None or not self.undeclared_:
            return sizes
        facts: dict[str, Any] = {"classification": classification, "categorical": self.categorical_}
        return findings.sentences(values, y, self.feature_names_out_, self.notes_, self.dropped_, **facts)

    @property
    def _n_channels(self) -> int:
        return 1 if self.layout_ is None else self.layout_.channels

    @property
    def undeclared_(self) -> bool:
        """Return whether the columns came flat, and neither a layout nor coordinates were declared."""
        flat = self.kind_ != "grid" and self.letters_ is None
        return flat and isinstance(self.layout, str) and self.coordinates is None

    @property
    def column_names_(self) -> tuple[str, ...] | None:
        """Names of the output columns, where X had names."""
        return tuple(self.feature_names_out_) if hasattr(self, "feature_names_in_") else None

    @property
    def feature_names_out_(self) -> list[str]:
        """Names of the output columns."""
        if self._table is not None:
            return self._table.names_out()
        cells = array_checks.first_axes(self.cell_shape_, self.channels)
        names = getattr(self, "feature_names_in_", ["x" + "_".join(map(str, cell)) for cell in np.ndindex(*cells)])
        return list(names) if self.letters_ is None else self.letters_.names_out(names)

    @property
    def blocks_(self) -> list[np.ndarray]:
        """Output columns of each column of X (of each cell, where X is a grid): none of one that was dropped."""
        if self.letters_ is not None:
            n_levels = len(self.letters_.levels)
            return list(np.arange(n_levels * np.prod(self.cell_shape_)).reshape(n_levels, -1).T)
        if self._table is None:
            widths = np.ones(np.prod(self.cell_shape_), dtype=int)
        else:
            widths = np.zeros(self.n_features_in_, dtype=int)
            widths[list(self._table.positions)] = [len(coder.names_out()) for coder in self._table.coders]
        return np.split(np.arange(widths.sum()), np.cumsum(widths)[:-1])

    def in_shape_of_row(self, values: np.ndarray) -> np.ndarray:
        """Values, one for each of the ``blocks_``, in the shape of a row of X."""
        shape = array_checks.first_axes(self.cell_shape_, self.channels)
        return np.moveaxis(values.reshape(shape), 0, -1) if shape != self.cell_shape_ else values.reshape(shape)

    def column_of(self, position: int) -> int | None:
        """Output column of the number at a position of X; None where it was dropped, or is no single number."""
        if self._table is None:
            return position if self.letters_ is None else None
        coder_of = dict(zip(self._table.positions, self._table.coders, strict=True))
        return int(self.blocks_[position][0]) if isinstance(coder_of.get(position), Number) else None

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Names of the output columns, as scikit-learn asks for them; ``input_features`` is ignored."""
        check_is_fitted(self, "n_features_in_")
        return np.asarray(self.feature_names_out_, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.sparse = tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _fit_frame(self, frame: pd.DataFrame) -> np.ndarray:
        labels = list(map(str, frame.columns))
        plain = not len(frame) or (table_encoder.is_numeric(frame) and not table_encoder.has_dates(frame))
        coders = [Number(label) for label in labels] if plain else learn_kinds(frame, labels)
        numbers = [coder for coder in coders if isinstance(coder, Number)]
        if len(numbers) == len(coders):
            self._numbers, self.notes_ = numbers, notes_on(frame, coders)
            return self._fit_array(table_encoder.numbers(frame, numbers) if len(frame) else np.empty(frame.shape))
        if all(isinstance(coder, Category) for coder in coders) and self._learn_letters(frame.to_numpy(dtype=object)):
            return self._fit_letters(frame.to_numpy(dtype=object))
        if self.layout is not None and not (isinstance(self.layout, str) and self.layout == "auto"):
            kinds = [f"{c.name!r} ({type(c).__name__.lower()})" for c in coders if not isinstance(c, Number)]
            raise LayoutError(
                f"layout={self.layout!r} was given, but X has columns that are no cells of a grid: "
                f"{', '.join(kinds[:5])}{', ...' if len(kinds) > 5 else ''}. Leave them out, or pass layout=None or "
                "'auto'."
            )
        array_checks.check_rows(frame.shape, least_rows=2, speaker=self._name)
        self._table, values = table_encoder.TableCoder.learn(frame, coders)
        self.kind_, self.dtype_, self.layout_ = "frame", values.dtype, None
        self.cell_shape_, self.n_features_in_ = frame.shape[1:], frame.shape[1]
        codes = self._table.categories()
        self.categorical_, self.cardinalities_ = tuple(codes), tuple(codes.values())
        self.dropped_, self.notes_ = self._table.dropped, notes_on(frame, coders)
        return self._finite(values)

    def _as_one(self, X: Any, samples: list[np.ndarray] | None) -> Any:
        """X as it is, or as one array of the samples that it holds one by one, of one size or brought to one."""
        if self.sizes_ is not None:
            return self.sizes_.bring(list(np.asarray(X)) if samples is None else samples)
        return X if samples is None else stacked(samples)

    def _without_fills(self, values: np.ndarray) -> np.ndarray:
        """Learn which numbers stand for none in single columns, where they are not declared to be cells or places."""
        if self.kind_ == "grid" or self.letters_ is not None or self.coordinates is not None:
            return values
        if self.layout is None or isinstance(self.layout, str):
            columns = np.setdiff1d(np.arange(values.shape[1]), self.categorical_).tolist()
            self.fills_ = array_checks.find_fills(values, columns)
        if self.fills_:
            names = self.feature_names_out_
            said = (f"{fill.value:g} in {fill.share:.1%} of column {names[fill.channels[0]]!r}" for fill in self.fills_)
            self.notes_ += tuple(f"{words} is far from all else there and read as missing" for words in said)
        return array_checks.hide_sentinels(values, self.fills_, values.shape[1])

    def _learn_letters(self, X: Any) -> bool:
        """Learn the letters in the cells of X, if it holds any."""
        if self.layout is not None and self.coordinates is None:
            self.letters_ = Letters.learn(X, declared=not isinstance(self.layout, str))
        return self.letters_ is not None

    def _fit_letters(self, texts: np.ndarray) -> np.ndarray:
        """Read letters as one channel for each of them; trees get the same columns of 0 and 1."""
        array_checks.check_rows(texts.shape[:2], least_rows=2, speaker=self._name)
        layout = array_checks.lay_out(self.layout, texts.shape[1:])
        assert layout is not None
        assert self.letters_ is not None
        self.layout_ = replace(layout, channels=layout.channels * len(self.letters_.levels), n_columns=0)
        self.kind_, self.dtype_ = "frame", np.dtype(np.float32)
        self.cell_shape_, self.n_features_in_ = texts.shape[1:], texts.shape[1]
        return self.letters_.encode(texts).reshape(len(texts), -1)

    def _fit_array(self, X: Any) -> np.ndarray:
        if not hasattr(X, "toarray") and self._learn_letters(X):
            return self._fit_letters(np.asarray(X))
        array = array_checks.check_numbers(X, least_rows=2, speaker=self._name)
        if self.channels == "first":
            array_checks.question_channels(array, self.layout)
        self.layout_ = array_checks.lay_out(self.layout, array_checks.first_axes(array.shape[1:], self.channels))
        self.kind_ = "flat" if array.ndim == 2 else "grid"
        self.cell_shape_, self.n_features_in_ = array.shape[1:], array.shape[1]
        exact = np.can_cast(array.dtype, np.float32) or (array.ndim > 2 and array_checks.float32_tells_apart(array))
        self.dtype_ = np.dtype(np.float32 if exact else np.float64)
        values = self._to_matrix(array)
        if self.coordinates is None:
            declared = self.kind_ == "grid" or not (self.layout is None or isinstance(self.layout, str))
            self.sentinels_ = array_checks.find_sentinels(values, self._n_channels, cells=declared)
        return array_checks.hide_sentinels(values, self.sentinels_, self._n_channels)

    def _to_matrix(self, array: np.ndarray) -> np.ndarray:
        if array.ndim == 4 and self.channels == "last":
            array = np.moveaxis(array, -1, 1)
        with np.errstate(over="ignore"):  # what overflows becomes infinite, and is refused as such
            values = np.ascontiguousarray(array, dtype=self.dtype_).reshape(len(array), -1)
        return self._finite(values) if array.dtype.kind == "f" else values

    def _finite(self, values: np.ndarray) -> np.ndarray:
        names = None if self._table is None else self._table.names_out()
        array_checks.refuse_infinite(values, names=names, speaker=self._name)
        return values

    def _match_names(self, X: Any) -> Any:
        given = table_encoder.column_names(X) if isinstance(X, pd.DataFrame) else None
        fitted = getattr(self, "feature_names_in_", None)
        if given is not None and fitted is not None:
            return table_encoder.in_order(X, fitted, given)
        if fitted is not None:
            warn_user(f"X does not have valid feature names, but {self._name} was fitted with feature names")
        elif given is not None:
            warn_user(f"X has feature names, but {self._name} was fitted without feature names")
        return X
