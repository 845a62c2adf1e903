"""Points on a map in a table: where they are, how far apart, and what follows for models and folds.

Read ``places`` first: every other module speaks of points through it. Then ``values`` (numbers and labels at points),
``weights`` (who are neighbours), ``moran`` and ``autocorrelation`` (whether neighbours are alike), ``variogram`` (how
far), ``blocks`` and ``folds`` (cross-validation that holds out parts of the map), and ``plot`` (maps).

Names are imported on first touch: they load pandas and scikit-learn.

Imports: numpy, pandas, scipy, scikit-learn, ``autoarch._data``, ``autoarch._checks``, ``autoarch._optional``,
``autoarch.exceptions``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autoarch.geo.autocorrelation import morans_i, morans_i_of_columns
    from autoarch.geo.folds import FoldPlan, SpatialBlockKFold
    from autoarch.geo.moran import MoranResult
    from autoarch.geo.places import Places, read_places
    from autoarch.geo.plot import plot_map
    from autoarch.geo.variogram import Variogram, fit_variogram

__all__ = [
    "FoldPlan",
    "MoranResult",
    "Places",
    "SpatialBlockKFold",
    "Variogram",
    "morans_i",
    "morans_i_of_columns",
    "plot_map",
    "read_places",
    "fit_variogram",
]

_HOMES = {
    "FoldPlan": "autoarch.geo.folds",
    "MoranResult": "autoarch.geo.moran",
    "Places": "autoarch.geo.places",
    "SpatialBlockKFold": "autoarch.geo.folds",
    "Variogram": "autoarch.geo.variogram",
    "morans_i": "autoarch.geo.autocorrelation",
    "morans_i_of_columns": "autoarch.geo.autocorrelation",
    "plot_map": "autoarch.geo.plot",
    "read_places": "autoarch.geo.places",
    "fit_variogram": "autoarch.geo.variogram",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'autoarch.geo' has no attribute {name!r}; it offers {', '.join(__all__)}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value  # the next touch does not come through here
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
