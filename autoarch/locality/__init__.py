"""Test whether neighbouring cells depend on each other, and whether that helps the task.

Numbers first: ``axes``, ``correlogram``, ``stationarity``, ``patterns`` and ``symmetry`` ask one question each and hold
its evidence, null and sentence; ``grid_statistics`` runs them and groups the numbers; ``landmarks`` scores cheap models
of each family, and ``advice`` turns the scores into the chance that a family wins; ``layout_choice`` tries other
layouts, which must win on the landmarks. Then sentences: ``findings``, ``advice``. Then drawings: ``views``. ``report``
is the public face, ``probe`` the entrance.

What concerns layouts is imported on first touch: it loads pandas and scikit-learn, which the probe alone need not.
"""

from typing import TYPE_CHECKING

from autoarch._core.imports import door
from autoarch.locality.axes import AxisEvidence
from autoarch.locality.correlogram import DirectionEvidence
from autoarch.locality.layout_choice import AS_GIVEN, UNORDERED, LayoutSearch
from autoarch.locality.measurements import Finding, Gain, Landmark, Reading
from autoarch.locality.patterns import PatternEvidence
from autoarch.locality.probe import probe_locality, probe_values
from autoarch.locality.report import LocalityReport
from autoarch.locality.stationarity import MarginalEvidence
from autoarch.locality.symmetry import Symmetry

if TYPE_CHECKING:
    from autoarch.layouts.decision import LayoutCandidate, LayoutInference
    from autoarch.layouts.infer import infer_layout
    from autoarch.layouts.recover import LayoutRecovery, recover_layout
    from autoarch.layouts.restorer import LayoutRestorer

__all__ = [
    "AS_GIVEN",
    "AxisEvidence",
    "DirectionEvidence",
    "Finding",
    "Gain",
    "Landmark",
    "LayoutCandidate",
    "LayoutInference",
    "LayoutRecovery",
    "LayoutRestorer",
    "LayoutSearch",
    "LocalityReport",
    "MarginalEvidence",
    "PatternEvidence",
    "Reading",
    "Symmetry",
    "UNORDERED",
    "infer_layout",
    "probe_locality",
    "probe_values",
    "recover_layout",
]

_HOMES = {
    "LayoutCandidate": "autoarch.layouts.decision",
    "LayoutInference": "autoarch.layouts.decision",
    "LayoutRecovery": "autoarch.layouts.recover",
    "LayoutRestorer": "autoarch.layouts.restorer",
    "infer_layout": "autoarch.layouts.infer",
    "recover_layout": "autoarch.layouts.recover",
}

__getattr__, __dir__ = door(__name__, __all__, _HOMES)
