"""Whether cells that stand close together on the grid belong together, and whether that helps the task.

Read ``statistics`` (pure functions on grids), ``nulls`` (what they give on shuffled cells, rows and columns), and
``autocorrelation``, ``correlogram``, ``marginals``, ``patterns`` (more of what a grid shows), all run by ``look``;
``sample``, ``ridge``, ``convolutions``, ``minimlp``, ``stand_ins`` and ``landmarks`` (cheap cross-validated stand-ins
for each model family); ``beliefs`` (from landmarks to the chance that a family wins, with its numbers in
``constants.json``); ``evidence`` and ``report`` (numbers), ``findings``, ``advice``, ``wording``, ``html`` and ``plot``
(words and pictures); ``examine`` and ``arrange`` (other layouts of the columns, which must win on the landmarks);
``probe`` (the entrance). ``inference`` finds the grid behind flat columns, ``recovery`` the one behind shuffled
columns; ``restorer`` makes a transformer of both.

What concerns layouts is imported on first touch: it loads pandas and scikit-learn, which the probe alone need not.
"""

from typing import TYPE_CHECKING

from autoarch._core.imports import door
from autoarch.locality.layout_choice import AS_GIVEN, UNORDERED, LayoutSearch
from autoarch.locality.measurements import (
    AxisEvidence,
    DirectionEvidence,
    Finding,
    Gain,
    Landmark,
    MarginalEvidence,
    PatternEvidence,
    Reading,
)
from autoarch.locality.probe import probe_locality, probe_values
from autoarch.locality.report import LocalityReport

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
