"""What became of an estimator that went on to new rows, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

_SURE = 2.0  # standard errors by which a rival must be better for a new search to pay
_NAMES = {"r2": "R2"}  # of scores that a sentence calls otherwise


def named(metric: str) -> str:
    """A score in a sentence."""
    return _NAMES.get(metric, metric)


@dataclass(frozen=True)
class FineTuning:
    """What became of an estimator that went on to new rows.

    Scores are those of the estimator's ``scoring``, on rows that were held out of a first training; the final one takes
    all rows.

    Parameters
    ----------
    n_new, n_rehearsed : int
        Rows that were new, and old ones that were trained along.
    new_classes : tuple
        Labels that the estimator did not know.
    new_before, new_after : float
        Score on new rows; NaN where they were too few to hold some out.
    old_before, old_after : float
        Score on rehearsal rows; NaN without them.
    rivals : mapping of str to tuple of float
        How much better than the fine-tuned net quick models of other families are on all held-out rows, and the
        standard error; None where that cannot be judged.
    metric : str
        What the scores are; greater is better.
    seconds : float
        Everything together.
    """

    n_new: int
    n_rehearsed: int
    new_classes: tuple[Any, ...] = ()
    new_before: float = float("nan")
    new_after: float = float("nan")
    old_before: float = float("nan")
    old_after: float = float("nan")
    rivals: Mapping[str, tuple[float, float]] | None = None
    metric: str = "accuracy"
    seconds: float = 0.0

    @property
    def search_pays(self) -> bool | None:
        """Whether a new search would pay: a quick model of another family is better already. None if unknown."""
        if not self.rivals:
            return None
        return any(gain > _SURE * error for gain, error in self.rivals.values())

    @property
    def sentences(self) -> tuple[str, ...]:
        """Gain on new rows, what was forgotten, and whether to search anew."""
        said = [f"{self.n_new} new rows, {self.n_rehearsed} old ones rehearsed."]
        if self.new_classes:
            said.append(f"New classes: {', '.join(map(str, self.new_classes))}.")
        if np.isfinite(self.new_after):
            said.append(f"On new rows {named(self.metric)} {self.new_before:.3f} before, {self.new_after:.3f} after.")
        if np.isfinite(self.old_after):
            said.append(f"On old rows {named(self.metric)} {self.old_before:.3f} before, {self.old_after:.3f} after.")
        elif not self.n_rehearsed:
            said.append("What was forgotten is not known: pass rehearsal=(X_old, y_old).")
        else:
            said.append("What was forgotten is not known: too few rows, or rows that this score cannot judge.")
        if self.search_pays:
            name = max(self.rivals or {}, key=lambda each: (self.rivals or {})[each][0])
            gain, error = (self.rivals or {})[name]
            said.append(f"A new search would pay: a quick {name} model is better by {gain:.3f} ± {error:.3f}.")
        elif self.search_pays is False:
            said.append("No quick model of another family is better; a new search is not needed for that.")
        return tuple(said)

    def __str__(self) -> str:
        return "\n".join(self.sentences)
