"""Which cells, columns or regions a fitted model goes by, in the shape and under the names of the X that it was given.

Read ``pool`` (rows in which some columns come from other rows), ``columns`` (names, and their places on a grid),
``units`` (what is taken away together), ``subject`` (a fitted estimator and X as one question) and ``donors`` (what
stands in for what is taken away); then the methods: ``occlusion`` with ``rereading``, ``permutation``, ``trace`` with
``gradients`` and ``treeshap``, all called by ``methods``; ``explanation``, ``plot`` and ``html`` show what came out,
``entrance`` is the door.

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
