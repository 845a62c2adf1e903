"""Attribution of predictions to cells, columns and regions of X, in its shape and under its names.

Read ``rows`` (rows in which some columns come from other rows, and the background that these are), ``column_map``
(names, cells, and the units that are removed together), ``model`` (a fitted estimator and X as one object) and
``pullback`` (from the inputs of a model back to X); then the methods: ``perturbation`` with ``local_updates``, and
``attribution``. ``explanation`` and ``views`` show the result, ``entry`` is the door.

Names are imported on first touch.
"""

from typing import TYPE_CHECKING

from autoarch._core.imports import door

if TYPE_CHECKING:
    from autoarch.explain.entry import explain
    from autoarch.explain.explanation import Explanation

__all__ = ["Explanation", "explain"]

_HOMES = {
    "Explanation": "autoarch.explain.explanation",
    "explain": "autoarch.explain.entry",
}

__getattr__, __dir__ = door(__name__, __all__, _HOMES)
