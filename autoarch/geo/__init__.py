"""Points on a map in a table: spatial autocorrelation, folds over space, and features of neighbourhoods.

Read ``_data.points`` and ``_data.coordinates`` first: every module here speaks of points through them. Then, in any
order:

- ``values`` (numbers and labels at points), ``moran`` (weights of neighbours, Moran's I), ``variogram`` (the range of
  spatial autocorrelation), ``autocorrelation`` (both, for the label and all attributes of a table);
- ``blocks``, ``fold_plan`` and ``folds``: cross-validation that holds out parts of the map;
- ``points`` (tables with coordinates, as transformers read them) and ``features`` (means over near rows as columns);
- ``lattice`` (points on a regular lattice, and the cells around one), ``window`` (the choice of cells), ``patches``
  (what is known in them), ``neighborhood`` (a picture for each row);
- ``longform`` (long tables as grids), ``raster`` (patches of images), ``plot`` (maps).

Names are imported on first touch: they load pandas and scikit-learn.
"""

from typing import TYPE_CHECKING

from autoarch._core.imports import door

if TYPE_CHECKING:
    from autoarch._data.points import Places
    from autoarch.geo.autocorrelation import morans_i, morans_i_of_columns
    from autoarch.geo.features import SpatialFeatures
    from autoarch.geo.fold_plan import FoldPlan
    from autoarch.geo.folds import SpatialBlockKFold
    from autoarch.geo.longform import LongToGrid
    from autoarch.geo.moran import MoranResult
    from autoarch.geo.neighborhood import NeighborhoodGrid
    from autoarch.geo.plot import plot_map
    from autoarch.geo.points import MapPoints
    from autoarch.geo.raster import raster_patches
    from autoarch.geo.variogram import Variogram, fit_variogram

__all__ = [
    "FoldPlan",
    "LongToGrid",
    "MapPoints",
    "MoranResult",
    "NeighborhoodGrid",
    "Places",
    "SpatialBlockKFold",
    "SpatialFeatures",
    "Variogram",
    "fit_variogram",
    "morans_i",
    "morans_i_of_columns",
    "plot_map",
    "raster_patches",
    "read_places",
]

_HOMES = {
    "FoldPlan": "autoarch.geo.fold_plan",
    "LongToGrid": "autoarch.geo.longform",
    "MapPoints": "autoarch.geo.points",
    "MoranResult": "autoarch.geo.moran",
    "NeighborhoodGrid": "autoarch.geo.neighborhood",
    "Places": "autoarch._data.points",
    "SpatialBlockKFold": "autoarch.geo.folds",
    "SpatialFeatures": "autoarch.geo.features",
    "Variogram": "autoarch.geo.variogram",
    "fit_variogram": "autoarch.geo.variogram",
    "morans_i": "autoarch.geo.autocorrelation",
    "morans_i_of_columns": "autoarch.geo.autocorrelation",
    "plot_map": "autoarch.geo.plot",
    "raster_patches": "autoarch.geo.raster",
    "read_places": "autoarch._data.coordinates",
}

__getattr__, __dir__ = door(__name__, __all__, _HOMES)
