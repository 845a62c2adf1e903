"""Coordinates of a table as points between which straight lines measure: a step for models of neighbours.

Imports: numpy, scikit-learn, ``autoarch.geo.places``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from autoarch.geo.places import read_places


class MapPoints(TransformerMixin, BaseEstimator):
    """Coordinates alone, in a space where straight lines order distances as the map does.

    Parameters
    ----------
    coordinates : pair of str or int, default=(0, 1)
        Columns with x and y, or longitude and latitude.
    geographic : bool or "auto", default="auto"
        Whether they are degrees; the result is then in kilometres around the centre of the globe.

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
        read_places(X, self.coordinates, geographic=self.geographic)
        self.n_features_in_ = X.shape[1]
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
        """
        return read_places(X, self.coordinates, geographic=self.geographic).space
