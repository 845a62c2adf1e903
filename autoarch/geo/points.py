"""What transformers of tables with coordinates share, and the simplest of them: coordinates as points in space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from autoarch._data.array_checks import check_cell_shape
from autoarch._data.coordinates import coordinate_columns, read_places
from autoarch._data.table_encoder import as_fitted, column_names
from autoarch.geo.geometry import in_reference, reference_of, without_geometry


class MapTransformer(TransformerMixin, BaseEstimator):
    """Base of transformers that learn the columns of a table with coordinates, and read later tables in their order.

    Subclasses have the parameters ``coordinates`` and ``geographic``.
    """

    coordinates: Sequence[Any]
    geographic: bool | str

    def _learn_columns(self, X: Any) -> Any:
        """Set ``n_features_in_``, ``feature_names_in_`` and ``geographic_``; return the table without geometry."""
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
        table, _, _ = without_geometry(in_reference(X, self._reference), None, self.geographic)
        return as_fitted(table, getattr(self, "feature_names_in_", None))


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

    def fit(self, X: Any, y: Any = None) -> MapPoints:
        """Look at the coordinates; there is nothing to learn.

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
        self.geographic_ = read_places(X, self.coordinates, geographic=self.geographic).geographic
        self.n_features_in_ = _width(X)
        self._reference = reference_of(X)
        return self

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
        check_cell_shape((_width(X),), (self.n_features_in_,), speaker="MapPoints")
        X = in_reference(X, self._reference)
        return read_places(X, self.coordinates, geographic=self.geographic_).space

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns: ``x`` and ``y``, on the globe also ``z``.

        Parameters
        ----------
        input_features : object, default=None
            Not looked at.

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
    return int((X if hasattr(X, "shape") else np.asarray(X)).shape[1])
