"""Points on a map in a table: where they are, how far apart, and what follows for models and folds.

Read ``places`` first: every other module speaks of points through it (``geometry`` brings it those of GeoDataFrames).
``lattice``, ``window``, ``links``, ``patches`` and ``table`` make the pictures of ``neighborhood``, which shows each
row what lies around it. ``axes`` and ``longform`` turn long tables into grids, ``raster`` cuts patches out of images.

Names are imported on first touch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autoarch.geo.features import MapPoints, SpatialFeatures
    from autoarch.geo.longform import LongToGrid
    from autoarch.geo.neighborhood import NeighborhoodGrid
    from autoarch.geo.raster import raster_patches

__all__ = [
    "LongToGrid",
    "MapPoints",
    "NeighborhoodGrid",
    "SpatialFeatures",
    "raster_patches",
]

_HOMES = {
    "LongToGrid": "autoarch.geo.longform",
    "MapPoints": "autoarch.geo.features",
    "NeighborhoodGrid": "autoarch.geo.neighborhood",
    "SpatialFeatures": "autoarch.geo.features",
    "raster_patches": "autoarch.geo.raster",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'autoarch.geo' has no attribute {name!r}; it offers {', '.join(__all__)}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value  # the next touch does not come through here
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
