"""What was measured over a map: whether values resemble those nearby, how far, and what that does to scores.

Imports: the standard library.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

ALPHA = 0.01  # level of the test that neighbours are alike


@dataclass(frozen=True)
class SpatialEvidence:
    """Whether one attribute, or the label, resembles its neighbours on the map.

    Parameters
    ----------
    name : str
        Of the column; ``"y"`` is the label.
    morans_i, expected : float
        Moran's I with the eight nearest neighbours, and what it is where places do not matter.
    p_value : float
        How often places that do not matter give as much.
    reach : float or None
        Range of the variogram: distance from which values are strangers. Infinite where it is longer than half of the
        map, None where it was not measured or nothing is alike.
    unit : str
        Of distances: ``"km"`` on the globe, else nothing.
    """

    name: str
    morans_i: float
    expected: float
    p_value: float
    reach: float | None = None
    unit: str = ""

    @property
    def alike(self) -> bool:
        """Whether neighbours are alike beyond chance."""
        return self.p_value <= ALPHA and self.morans_i > self.expected

    @property
    def distance(self) -> str:
        """How far they are alike, in words; empty where it was not measured."""
        if self.reach is None:
            return ""
        if self.reach == inf:
            return "over more than half of the map"
        return f"up to a distance of {self.reach:.3g}{' ' if self.unit else ''}{self.unit}"


@dataclass(frozen=True)
class FoldScore:
    """Score of the winner on one kind of folds.

    Parameters
    ----------
    folds : {"blocks", "random"}
        Whole blocks of the map, or rows drawn at random.
    score, std_error : float
        As the search scores, and its standard error.
    """

    folds: str
    score: float
    std_error: float
