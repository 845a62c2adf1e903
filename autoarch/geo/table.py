"""From a table with coordinates to places, layers and attributes as numbers.

``Reader`` learns the kinds of the columns once and reads any later table in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_array

from autoarch._core.checks import own_errors
from autoarch._data.array_checks import check_cell_shape, refuse_infinite
from autoarch._data.columns import Category, Coder
from autoarch._data.containers import in_reference, reference_of, without_geometry
from autoarch._data.coordinates import column_position, coordinate_columns, read_places
from autoarch._data.table_encoder import TableCoder, as_fitted, column_names, learn_kinds
from autoarch.exceptions import InputError, ParameterError
from autoarch.geo.patches import Rows
from autoarch.geo.window import Spots

_MOST_LEVELS = 16  # of a category have a channel of their own; all others share one


@dataclass(frozen=True)
class Reader:
    """How the columns of a table are read.

    Parameters
    ----------
    names : ndarray of str or None
        Names of the columns, where they have any.
    n_columns : int
        Columns of the table.
    coordinates : tuple of int
        Positions of x and y, or longitude and latitude.
    geographic : bool
        Whether these are degrees.
    layer : int or None
        Position of the column whose values are layers.
    layers : tuple
        Values of this column, in the order of their codes.
    attributes : tuple of int
        Positions of all other columns.
    coders : tuple of Coder
        How each attribute is read.
    reference : object
        Reference system of the GeoDataFrame that was learned from, else None.
    """

    names: np.ndarray | None
    n_columns: int
    coordinates: tuple[int, int]
    geographic: bool
    layer: int | None
    layers: tuple
    attributes: tuple[int, ...]
    coders: tuple[Coder, ...]
    reference: Any = None

    @classmethod
    def learn(
        cls,
        X: Any,
        coordinates: Any,
        *,
        geographic: bool | str = "auto",
        layer: Any = None,
        categorical: Sequence[Any] | None = None,
    ) -> tuple[Reader, Rows]:
        """Learn the kinds of the columns of X and read its rows."""
        reference = reference_of(X)
        frame, coordinates, geographic = _as_frame(X, coordinates, geographic)
        places = read_places(frame, coordinates, geographic=geographic)
        positions = coordinate_columns(frame, coordinates)
        layer_at = None if layer is None else column_position(layer, frame, asked="layer")
        if layer_at in positions:
            raise ParameterError(f"layer={layer!r} is a coordinate; expected another column, such as the time.")
        attributes = tuple(i for i in range(frame.shape[1]) if i not in positions and i != layer_at)
        named = {column_position(name, frame, asked="categorical") for name in categorical or ()}
        if not named <= set(attributes):
            raise ParameterError(f"categorical={categorical!r} names coordinates or layers; expected attributes.")
        columns = [frame.iloc[:, i] for i in attributes]
        table = pd.DataFrame(
            {i: one.astype("category") if i in named else one for i, one in zip(attributes, columns, strict=True)}
        )
        kinds = learn_kinds(table, [str(frame.columns[i]) for i in attributes])
        coders = tuple(_fewer_levels(kind, one) for kind, one in zip(kinds, columns, strict=True))
        layers = () if layer_at is None else tuple(pd.unique(frame.iloc[:, layer_at]))
        reader = cls(
            column_names(frame),
            frame.shape[1],
            positions,
            places.geographic,
            layer_at,
            layers,
            attributes,
            coders,
            reference,
        )
        return reader, reader.read(frame)

    def read(self, X: Any) -> Rows:
        """Places, layers and attributes of the rows of X."""
        frame = self._matched(X)
        places = read_places(frame, self.coordinates, geographic=self.geographic)
        values = self._table.encode(frame) if self.coders else np.empty((len(frame), 0))
        refuse_infinite(values, names=self._table.names_out(), speaker="NeighborhoodGrid")
        return Rows(Spots(places, self._layer_of(frame)), values, self._table.categories())

    def with_layers(self, X: Any) -> Reader:
        """A reader that knows the layers of X as well."""
        if self.layer is None:
            return self
        new = pd.unique(self._matched(X).iloc[:, self.layer])
        return replace(self, layers=tuple(pd.unique(pd.Series([*self.layers, *new], dtype=object))))

    def channel_names(self) -> list[str]:
        """Names of the attributes' channels: each level of a category has one."""
        names: list[str] = []
        for coder in self.coders:
            if isinstance(coder, Category):
                names += [f"{coder.name}={level}" for level in coder.levels] + [f"{coder.name}=other"] * coder.shared
            else:
                names += coder.names_out()
        return names

    @property
    def _table(self) -> TableCoder:
        return TableCoder(self.coders, self.attributes, ())

    def _matched(self, X: Any) -> pd.DataFrame:
        """X as a frame with the columns of fit in their order."""
        frame, _, _ = _as_frame(in_reference(X, self.reference), self.coordinates, self.geographic)
        frame = as_fitted(frame, self.names)
        check_cell_shape(frame.shape[1:], (self.n_columns,), speaker="NeighborhoodGrid")
        return frame

    def _layer_of(self, frame: pd.DataFrame) -> np.ndarray:
        """Codes of the layers; one more for all that were not there in fit."""
        if self.layer is None:
            return np.zeros(len(frame), dtype=np.int64)
        known = pd.Index(self.layers, dtype=object)
        codes = known.get_indexer(pd.Index(frame.iloc[:, self.layer].astype(object)))
        return np.where(codes < 0, len(known), codes)


def _as_frame(X: Any, coordinates: Any, geographic: bool | str) -> tuple[pd.DataFrame, Any, bool | str]:
    X, coordinates, geographic = without_geometry(X, coordinates, geographic)
    if isinstance(X, pd.DataFrame):
        if not len(X):
            raise InputError(f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required.")
        return X.reset_index(drop=True), coordinates, geographic
    with own_errors():
        array = check_array(X, dtype=None, ensure_all_finite=False)
    if isinstance(coordinates[0], str):  # says that an array has no names
        coordinate_columns(array, coordinates)
    return pd.DataFrame(array), coordinates, geographic


def _fewer_levels(coder: Coder, column: pd.Series) -> Coder:
    """A category with many levels keeps a code for each frequent one."""
    if not isinstance(coder, Category) or coder.cardinality <= _MOST_LEVELS + 1:
        return coder
    counts = np.bincount(coder.encode(column)[:, 0][column.notna().to_numpy()].astype(int), minlength=coder.cardinality)
    kept = np.sort(np.argsort(-counts[: len(coder.levels)], kind="stable")[:_MOST_LEVELS])
    return Category(coder.name, tuple(coder.levels[i] for i in kept), shared=True)
