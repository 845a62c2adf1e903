"""Points on a map in a table: where they are, how far apart, and what follows for models and folds.

Read ``places`` and ``coordinates`` first: every other module speaks of points through them (``geometry`` brings those
of GeoDataFrames).
Then, in any order:

- ``values`` (numbers and labels at points), ``weights`` (who are neighbours), ``moran`` and ``autocorrelation``
  (whether neighbours are alike), ``variogram`` (how far), ``survey`` (all of it, as ``evidence``);
- ``blocks``, ``buffers``, ``lay`` and ``folds`` (cross-validation that holds out parts of the map), ``plan`` (that of a
  search);
- ``points`` and ``features`` (what stands around a row, as columns), ``located`` and ``space`` (what coordinates mean
  for a search);
- ``lattice``, ``window``, ``links``, ``patches`` and ``table`` make the pictures of ``neighborhood``, which shows each
  row what lies around it, and ``pictures`` scales them for nets;
- ``axes`` and ``longform`` turn long tables into grids, ``raster`` cuts patches out of images, ``plot`` draws maps.

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
