"""Do cells that stand close together on the grid belong together, and does that help the task?

Read ``statistics`` (pure functions on grids), ``nulls`` (what the same statistics give on shuffled cells, rows and
columns), ``ridge``, ``convolutions``, ``minimlp`` and ``landmarks`` (cheap cross-validated stand-ins for each model
family), ``beliefs`` (from landmarks to the chance that a family wins), ``report`` and ``html`` (numbers into sentences),
``probe`` (the entrance: ``probe_locality`` and ``probe_values``). Every fixed number stands in ``constants.json``.

Imports: numpy, scipy, scikit-learn, torch (inside functions), ``autoarch._data``, ``autoarch.exceptions``.
"""

from autoarch.locality.probe import probe_locality, probe_values
from autoarch.locality.report import AxisEvidence, Landmark, LocalityReport

__all__ = ["AxisEvidence", "Landmark", "LocalityReport", "probe_locality", "probe_values"]
