"""Pick a CNN, an MLP or a tree for numeric matrices, after testing whether their cells form a grid.

The front door: a short ``__all__`` whose names are imported on first touch, so that ``import autoarch`` loads no torch.

Imports: nothing until a name is touched.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autoarch._data.layout import Layout
    from autoarch.estimators import AutoArchClassifier, AutoArchRegressor
    from autoarch.locality import LocalityReport, probe_locality

__version__ = "0.1.0"

__all__ = [
    "AutoArchClassifier",
    "AutoArchRegressor",
    "Layout",
    "LocalityReport",
    "__version__",
    "probe_locality",
]

_HOMES = {
    "AutoArchClassifier": "autoarch.estimators",
    "AutoArchRegressor": "autoarch.estimators",
    "Layout": "autoarch._data.layout",
    "LocalityReport": "autoarch.locality",
    "probe_locality": "autoarch.locality",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'autoarch' has no attribute {name!r}; it offers {', '.join(__all__)}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value  # the next touch does not come through here
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
