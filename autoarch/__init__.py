"""Pick a CNN, an MLP or a tree for numeric matrices, after testing whether their cells form a grid.

The front door: a short ``__all__`` whose names are imported on first touch, so that ``import autoarch`` loads no torch.
"""

from typing import TYPE_CHECKING

from autoarch._core.imports import door

if TYPE_CHECKING:
    from autoarch._data.layout import Layout
    from autoarch._export.model_file import load
    from autoarch._views.displays import ApplicabilityDisplay, LeaderboardDisplay, SearchHistoryDisplay
    from autoarch.estimators import AutoArchClassifier, AutoArchRegressor
    from autoarch.explain.views import ExplanationDisplay
    from autoarch.locality import LocalityReport, probe_locality
    from autoarch.locality.views import LocalityDisplay
    from autoarch.rows import RowReport, probe_rows

__version__ = "0.1.0"

__all__ = [
    "ApplicabilityDisplay",
    "AutoArchClassifier",
    "AutoArchRegressor",
    "ExplanationDisplay",
    "Layout",
    "LeaderboardDisplay",
    "LocalityDisplay",
    "LocalityReport",
    "RowReport",
    "SearchHistoryDisplay",
    "__version__",
    "load",
    "probe_locality",
    "probe_rows",
]

_HOMES = {
    "ApplicabilityDisplay": "autoarch._views.displays",
    "AutoArchClassifier": "autoarch.estimators",
    "AutoArchRegressor": "autoarch.estimators",
    "ExplanationDisplay": "autoarch.explain.views",
    "Layout": "autoarch._data.layout",
    "LeaderboardDisplay": "autoarch._views.displays",
    "LocalityDisplay": "autoarch.locality.views",
    "SearchHistoryDisplay": "autoarch._views.displays",
    "LocalityReport": "autoarch.locality",
    "load": "autoarch._export.model_file",
    "RowReport": "autoarch.rows",
    "probe_locality": "autoarch.locality",
    "probe_rows": "autoarch.rows",
}

__getattr__, __dir__ = door(__name__, __all__, _HOMES)
