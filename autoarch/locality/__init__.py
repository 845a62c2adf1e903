"""Whether cells that stand close together on the grid belong together, and whether that helps the task.

Read ``statistics`` (pure functions on grids) and ``nulls`` (what they give on shuffled cells, rows and columns);
``sample``, ``ridge``, ``convolutions``, ``minimlp``, ``stand_ins`` and ``landmarks`` (cheap cross-validated stand-ins
for each model family); ``beliefs`` (from landmarks to the chance that a family wins, with its numbers in
``constants.json``); ``report``, ``wording`` and ``html`` (numbers into sentences); ``probe`` (the entrance).

Imports: numpy, scipy, scikit-learn, torch (inside functions), ``autoarch._data``, ``autoarch.exceptions``.
"""

from autoarch.locality.probe import probe_locality, probe_values
from autoarch.locality.report import AxisEvidence, Landmark, LocalityReport

__all__ = ["AxisEvidence", "Landmark", "LocalityReport", "probe_locality", "probe_values"]
