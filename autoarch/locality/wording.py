"""Words for families and verdicts, and the record that holds one answer of the probe."""

from __future__ import annotations

from dataclasses import dataclass

NAMES = {"cnn": "a CNN", "mlp": "an MLP", "tree": "trees", "linear": "a linear model"}
LANDMARK_NAMES = {
    "cnn": "random convolutions",
    "cnn_shuffled": "convolutions on shuffled cells",
    "mlp": "a small MLP",
    "tree": "small trees",
    "linear": "a linear model",
}
VERDICTS = {
    "2d": "cells depend on their neighbours along rows and along columns",
    "1d-rows": "cells depend on their neighbours along a row only",
    "1d-columns": "cells depend on their neighbours along a column only",
    "none": "no dependence between neighbouring cells was found",
}
DIRECTIONS = {"rows": "a row", "columns": "a column", "diagonals": "a diagonal"}
LINES = {"rows": ("row", "columns"), "columns": ("column", "rows")}  # a line along each axis, and the lines across it
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
