"""Records of numbers that every part of the probe shares: findings, landmarks and other layouts that were tried.

The evidence for each question about the grid stands where the question is asked (``axes``, ``correlogram``,
``stationarity``, ``patterns``), all of it together in ``grid_statistics``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import erfc, hypot, sqrt

from autoarch._data.layout import Layout
from autoarch._training.grid_extents import EXTENTS
from autoarch.locality.symmetry import Symmetry

Picture = tuple[tuple[float | None, ...], ...]
LINES = {"rows": ("row", "columns"), "columns": ("column", "rows")}  # a line along each axis, and the lines across it
PARTS = "tree_summaries"  # trees on summaries of the parts of a grid
CELLS_PERMUTED = "cells permuted, one permutation for all samples"


@dataclass(frozen=True)
class Finding:
    """One answer of the probe.

    Parameters
    ----------
    question : str
        The question.
    statistic : str
        What was measured.
    value : float
        How much of it was found.
    null : str
        What it was compared with.
    p_value : float or None
        How often the null gives as much; None where there is no test.
    effect_size : float
        How much more than the null gives, in the unit of the statistic or as a share of what is possible.
    sentence : str
        The answer in words.
    """

    question: str
    statistic: str
    value: float
    null: str
    p_value: float | None
    effect_size: float
    sentence: str


@dataclass(frozen=True)
class Landmark:
    """Cross-validated score of one landmark: a cheap model that represents a family.

    Parameters
    ----------
    score : float
        Accuracy (mean recall of the classes where these are very unequal) or R2.
    std_error : float
        Standard error of ``score`` over rows.
    seconds : float
        Time it took.
    """

    score: float
    std_error: float
    seconds: float = 0.0


@dataclass(frozen=True)
class Gain:
    """Difference between two landmarks on the same rows.

    Parameters
    ----------
    difference : float
        Score of the first minus score of the second.
    std_error : float
        Standard error of the difference, over rows.
    """

    difference: float
    std_error: float

    def exceeds(self, level: float) -> bool:
        """True where the difference is significantly positive and above ``level``."""
        return self.difference > max(level, 2 * self.std_error)

    def is_below(self, level: float) -> bool:
        """True where the difference is significantly below ``level``; undecided differences neither are nor exceed."""
        return self.difference + 2 * self.std_error <= level

    @property
    def p_value(self) -> float:
        """Two-sided, from the normal approximation to the mean of paired differences."""
        return 1.0 if self.std_error <= 0 else erfc(abs(self.difference) / self.std_error / sqrt(2.0))


@dataclass(frozen=True)
class LandmarkScores:
    """Scores of the landmarks.

    Parameters
    ----------
    landmarks : mapping of str to Landmark
        ``"cnn"`` (random convolutions), ``"cnn_shuffled"``, ``"mlp"``, ``"tree"``, ``"tree_summaries"`` (trees on parts
        of a grid whose neighbours depend on each other), ``"linear"``; empty without y.
    gains : mapping of str to Gain
        ``"layout"`` (convolutions against shuffled cells), ``"place"`` (knowing against not knowing where a pattern
        stands), ``"scaling"`` (each cell by itself against all by one scale), of large grids ``"middle"`` and
        ``"means"`` (half of each side, and means of 2 x 2 cells, against all cells).
    landmark_metric : {"accuracy", "balanced_accuracy", "r2"}
        What the scores are.
    landmark_rows : int
        Rows behind them.
    landmark_floor : float
        The score of the best constant; 0 for r2, and where there are no landmarks.
    symmetries : mapping of str to Symmetry
        ``"differences"``, ``"place_free"``, ``"mirror_rows"``, ``"mirror_columns"``, ``"shift"``, ``"turn"``,
        ``"codes"``; what was not asked is missing.
    """

    landmarks: Mapping[str, Landmark] = field(default_factory=dict)
    gains: Mapping[str, Gain] = field(default_factory=dict)
    landmark_metric: str = "accuracy"
    landmark_rows: int = 0
    landmark_floor: float = 0.0
    symmetries: Mapping[str, Symmetry] = field(default_factory=dict)

    @property
    def better_part(self) -> str | None:
        """The quarter of a large grid's cells that tells more than all of them, "middle" or "means"; None otherwise."""
        gains = {extent: self.gains[extent] for extent in EXTENTS if extent in self.gains}
        better = [extent for extent, gain in gains.items() if gain.exceeds(0.0)]
        return max(better, key=lambda extent: gains[extent].difference, default=None)

    @property
    def single_cells(self) -> bool:
        """Tell whether trees on cells lead random convolutions by two standard errors, and trees on parts no better.

        Then a few cells tell the label.
        """
        tree, convolutions = self.landmarks.get("tree"), self.landmarks.get("cnn")
        if tree is None or convolutions is None or self.landmarks.get(PARTS, tree).score > tree.score:
            return False
        return tree.score - convolutions.score > 2 * hypot(tree.std_error, convolutions.std_error)

    @property
    def tells_more(self) -> tuple[str, ...]:
        """Name what tells more than patterns of all cells: a part of a large grid, and "single cells"."""
        part = [] if self.better_part is None else [self.better_part]
        return (*part, *(["single cells"] if self.single_cells else []))


@dataclass(frozen=True)
class Reading:
    """Another way to lay the columns out, and what it is worth.

    Parameters
    ----------
    layout : Layout
        Which cell each column is; its ``origin`` is "inferred", "names" or "recovered".
    kept : bool
        Whether it is used. It must not lose clearly on the landmarks; a recovered one must win.
    gain : Gain or None
        Score of random convolutions on it less that on the columns as they were given; None where these were not run.
    reason : str
        What spoke for it, in words.
    seconds : float
        What it took to find.
    before, after : tuple of tuple of float
        The mean sample: its cells in the order in which their columns were given (for a recovered layout), and as laid
        out. Sides above 48 cells are averaged in blocks.
    """

    layout: Layout
    kept: bool = True
    gain: Gain | None = None
    reason: str = ""
    seconds: float = 0.0
    before: Picture = ()
    after: Picture = ()
