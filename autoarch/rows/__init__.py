"""Ask how the rows hang together: copies, windows of longer records, groups, time, places.

The probe asks how cells hang together; this room asks the same of rows. ``table`` reads the rows, ``neighbours`` finds
which are near, ``copies``, ``groups`` and ``order`` ask one question each, ``probe`` asks them all, ``report`` is what
a user gets.
"""

from autoarch.rows.probe import examine, joined, places_of, probe_rows, time_of
from autoarch.rows.report import QuestionScore, RowEvidence, RowReport

__all__ = ["QuestionScore", "RowEvidence", "RowReport", "examine", "joined", "places_of", "probe_rows", "time_of"]
