"""Base classes of transformers of tables with coordinates, and the simplest one: coordinates as points in space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted

from autoarch._core.checks import check_sequence, own_errors
from autoarch._core.quiet import filters_kept
from autoarch._data.array_checks import check_cell_shape, refuse_infinite
from autoarch._data.columns import Category, Coder, Several
from autoarch._data.containers import in_reference, reference_of, without_geometry
from autoarch._data.coordinates import column_position, coordinate_columns, read_places
from autoarch._data.kinds import learn_kinds
from autoarch._data.points import Rows
from autoarch._data.table_encoder import as_fitted, column_names
from autoarch.exceptions import InputError, ParameterError

_MOST_LEVELS = 16  # of a category have a channel of their own; all others share one


class MapTransformer(TransformerMixin, BaseEstimator):
    """Base of transformers that learn the columns of a table with coordinates, and read later tables in their order.

    Subclasses have the parameters ``coordinates`` and ``geographic``.
    """

    coordinates: Sequence[Any]
    geographic: bool | str

    def _learn_columns(self, X: Any) -> Any:
        """Set ``n_features_in_``, ``feature_names_in_`` and ``geographic_``; return the table without geometry."""
        with own_errors(reading="X"):
            return self._learned(X)

    def _learned(self, X: Any) -> Any:
        self._reference = reference_of(X)
        table, coordinates, geographic = without_geometry(X, self.coordinates, self.geographic)
        table = table if hasattr(table, "shape") else np.asarray(table)
        self.geographic_ = read_places(table, coordinates, geographic=geographic).geographic
        self._at = coordinate_columns(table, coordinates)
        self.n_features_in_ = table.shape[1]
        self.__dict__.pop("feature_names_in_", None)
        names = column_names(table) if isinstance(table, pd.DataFrame) else None
        if names is not None:
            self.feature_names_in_ = names
        return table

    def _as_fitted(self, X: Any) -> Any:
        """A later table without geometry, in the reference system of the first one and with its order of columns."""
        with own_errors(reading="X"):
            table, _, _ = without_geometry(in_reference(X, self._reference), None, self.geographic)
        return as_fitted(table, getattr(self, "feature_names_in_", None))


class ChannelReader(MapTransformer):
    """Base of transformers that read a table as places, layers and channels: numbers, and a column for each level.

    Subclasses have the parameters ``layer`` and ``categorical`` as well.
    """

    layer: Any
    categorical: Sequence[Any] | None

    def _learn_attributes(self, table: Any) -> None:
        """Learn the column of layers, and how each other column is encoded."""
        categorical = () if self.categorical is None else self.categorical
        categorical = check_sequence("categorical", categorical, "names or positions of columns, or None")
        layer = None if self.layer is None else column_position(self.layer, table, asked="layer")
        if layer in self._at:
            raise ParameterError(f"layer={self.layer!r} is a coordinate; expected another column, such as the time.")
        self._attributes = [i for i in range(self.n_features_in_) if i not in {*self._at, layer}]
        named = {column_position(name, table, asked="categorical") for name in categorical}
        if not named <= set(self._attributes):
            raise ParameterError(f"categorical={self.categorical!r} names coordinates or layers; expected attributes.")
        frame = _as_frame(table)
        self._layer_at = layer
        self._layers = self._layers_of(frame).unique()
        columns = {i: frame.iloc[:, i] for i in self._attributes}
        typed = {i: column.astype("category") if i in named else column for i, column in columns.items()}
        kinds = learn_kinds(pd.DataFrame(typed), [str(frame.columns[i]) for i in columns])
        self._coders = [
            (i, _fewer_levels(part, columns[i]))
            for i, kind in zip(columns, kinds, strict=True)
            for part in (kind.parts if isinstance(kind, Several) else (kind,))
        ]
        self.channel_names_: list[str] = []
        for _, coder in self._coders:
            names = coder.names_out()
            if isinstance(coder, Category):
                names = [f"{coder.name}={level}" for level in [*coder.levels, *["other"] * coder.shared]]
            self.channel_names_ += names

    def _read(self, X: Any, *, new_layers: bool = False) -> Rows:
        """Places, layers and attributes of the rows of X; layers that are not known have the code -1."""
        frame = _as_frame(self._as_fitted(X))
        check_cell_shape(frame.shape[1:], (self.n_features_in_,), speaker=type(self).__name__)
        places = read_places(frame, self._at, geographic=self.geographic_)
        layers, known = self._layers_of(frame), self._layers
        if new_layers:
            known = known.append(layers[~layers.isin(known)].unique())
        channels = [np.empty((len(frame), 0))]
        for i, coder in self._coders:
            block = coder.encode(frame.iloc[:, i])
            refuse_infinite(block, names=coder.names_out(), speaker=type(self).__name__)
            if isinstance(coder, Category):
                block = np.where(np.isnan(block), np.nan, block == np.arange(coder.cardinality))
            channels.append(block)
        return Rows(places, known.get_indexer(layers), np.concatenate(channels, axis=1))

    def _layers_of(self, frame: pd.DataFrame) -> pd.Index:
        """The layer of each row; one layer where no column holds them."""
        at = self._layer_at
        return pd.Index(np.zeros(len(frame), object) if at is None else frame.iloc[:, at].astype(object))


class MapPoints(TransformerMixin, BaseEstimator):
    """Coordinates alone, in a space where straight lines order distances as the map does.

    Parameters
    ----------
    coordinates : pair of str or int, default=(0, 1)
        Columns with x and y, or longitude and latitude. The points of a GeoDataFrame are taken whatever stands here.
    geographic : bool or "auto", default="auto"
        Whether they are degrees; the result is then in kilometres around the centre of the globe. "auto" goes by their
        names, or by the reference system of a GeoDataFrame.

    Attributes
    ----------
    n_features_in_ : int
        Columns of X.
    geographic_ : bool
        Whether coordinates are degrees.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch.geo import MapPoints
    >>> MapPoints(geographic=True).fit_transform(np.array([[0.0, 90.0]])).round(1).tolist()
    [[0.0, 0.0, 6371.0]]
    """

    def __init__(self, coordinates: Sequence[Any] = (0, 1), *, geographic: bool | str = "auto"):
        self.coordinates = coordinates
        self.geographic = geographic

    @filters_kept
    def fit(self, X: Any, y: Any = None) -> MapPoints:
        """Check the coordinates; there is nothing to learn.

        Parameters
        ----------
        X : DataFrame or array of shape (n, p)
            Rows with coordinates.
        y : None
            Ignored.

        Returns
        -------
        MapPoints
            Itself.
        """
        with own_errors(reading="X"):
            self.geographic_ = read_places(X, self.coordinates, geographic=self.geographic).geographic
            self.n_features_in_ = _width(X)
        self._reference = reference_of(X)
        return self

    @filters_kept
    def transform(self, X: Any) -> np.ndarray:
        """Points of the rows of X.

        Parameters
        ----------
        X : DataFrame or array of shape (n, p)
            Rows with coordinates.

        Returns
        -------
        ndarray of shape (n, 2) or (n, 3)

        Raises
        ------
        InputError
            If a coordinate is missing or impossible, or X has another number of columns than in ``fit``.
        """
        check_is_fitted(self)
        with own_errors(reading="X"):
            check_cell_shape((_width(X),), (self.n_features_in_,), speaker="MapPoints")
            X = in_reference(X, self._reference)
            return read_places(X, self.coordinates, geographic=self.geographic_).space

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns: ``x`` and ``y``, on the globe also ``z``.

        Parameters
        ----------
        input_features : object, default=None
            Ignored.

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self)
        return np.asarray(["x", "y", "z"] if self.geographic_ else ["x", "y"], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.sparse = tags.input_tags.string = True  # in other columns
        return tags


def _width(X: Any) -> int:
    return int(np.shape(X)[1])


def _as_frame(table: Any) -> pd.DataFrame:
    if isinstance(table, pd.DataFrame):
        if not len(table):
            raise InputError(f"Found array with 0 sample(s) (shape={table.shape}) while a minimum of 1 is required.")
        return table.reset_index(drop=True)
    with own_errors():
        return pd.DataFrame(check_array(table, dtype=None, ensure_all_finite=False))


def _fewer_levels(coder: Coder, column: pd.Series) -> Coder:
    """A category with many levels keeps a code for each frequent one."""
    if not isinstance(coder, Category) or coder.cardinality <= _MOST_LEVELS + 1:
        return coder
    counts = np.bincount(coder.encode(column)[:, 0][column.notna().to_numpy()].astype(int), minlength=coder.cardinality)
    kept = np.sort(np.argsort(-counts[: len(coder.levels)], kind="stable")[:_MOST_LEVELS])
    return Category(coder.name, tuple(coder.levels[i] for i in kept), shared=True)
