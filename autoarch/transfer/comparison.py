"""Scores of the ways to use a pretrained net and of the floor, and the choice that follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

VERDICTS = {"as is": "reuse", "frozen": "reuse", "fine-tuned": "fine-tune", "from scratch": "train from scratch"}
NONE = "none of these"
_TIE = 1.0  # standard errors that the net as it is may lie behind; not more ways, for trainings gain by the full rows
SURE = 2.0  # standard errors by which a margin is more than chance
_NAMES = {"r2": "R2"}  # of scores that a sentence calls otherwise


def named(metric: str) -> str:
    """A score in a sentence."""
    return _NAMES.get(metric, metric)


@dataclass(frozen=True)
class Way:
    """Scores of one way of using a net, or of a plain model of the raw cells.

    Parameters
    ----------
    scores : tuple of float
        On each fold; greater is better.
    seconds : float
        Fitting and predicting, all folds together.
    floor_error : float
        Standard error of the distance to the floor, paired over the rows; NaN where there is none.
    inputs : str
        Scale of the inputs, in words.
    """

    scores: tuple[float, ...]
    seconds: float = 0.0
    floor_error: float = float("nan")
    inputs: str = ""

    @property
    def score(self) -> float:
        """Mean over the folds."""
        return float(np.mean(self.scores))


@dataclass(frozen=True)
class Comparison:
    """The four ways to use a pretrained net beside plain models of the raw cells, and which of all is chosen.

    Parameters
    ----------
    ways : mapping of str to Way
        ``"as is"`` (where the net knows all labels), ``"frozen"``, ``"fine-tuned"``, ``"from scratch"``.
    references : mapping of str to Way
        ``"constant"``, ``"linear"``, ``"forest"``, ``"boosting"``: what was learned from the raw cells alone. The best
        is the floor. Without any, the ways are compared with each other only.
    metric : str
        Name of the score.
    n_samples : int
        Rows of X.
    test_share : float
        Held-out rows for each training row, mean over the folds.
    """

    ways: Mapping[str, Way]
    references: Mapping[str, Way] = field(default_factory=dict)
    metric: str = "accuracy"
    n_samples: int = 0
    test_share: float = 0.25

    @cached_property
    def floor(self) -> str | None:
        """The best of the references, which a way has to beat; None without any."""
        return max(self.references, key=lambda name: self.references[name].score, default=None)

    def over_floor(self, name: str) -> tuple[float, float]:
        """Score of a way less that of the floor, and the standard error of this difference, paired over the rows."""
        if self.floor is None:
            return float("nan"), float("nan")
        return self._every[name].score - self.references[self.floor].score, self._every[name].floor_error

    def beats_floor(self, name: str) -> bool:
        """Tell whether a way is better than the floor by more than two standard errors, or nothing is there to beat."""
        lead, error = self.over_floor(name)
        return self.floor is None or lead > SURE * error

    @cached_property
    def chosen(self) -> str:
        """The best way that beats the floor; the floor where none does.

        The net as it is is preferred where it lies behind by a standard error at most, for it needs no training.
        """
        over = [name for name in self.ways if self.beats_floor(name)]
        if not over:
            return str(self.floor)
        best = self._best(over)
        if "as is" not in over:
            return best
        behind, error = self.difference(best, "as is")
        return "as is" if behind <= _TIE * error else best

    @property
    def verdict(self) -> str:
        """One of "reuse", "fine-tune", "train from scratch" and "none of these"."""
        return VERDICTS.get(self.chosen, NONE)

    @property
    def rival(self) -> str:
        """The best way with another verdict, of those that beat the floor, where there are any."""
        others = [name for name in self.ways if VERDICTS[name] != self.verdict]
        return self._best([name for name in others if self.beats_floor(name)] or others)

    @property
    def margin(self) -> float:
        """Score of the chosen way, or of the floor where none is chosen, less that of the rival."""
        return self._margin[0]

    @property
    def margin_std_error(self) -> float:
        """Its standard error: from its spread over the folds, which share training rows, or over rows for the floor."""
        return self._margin[1]

    @property
    def _margin(self) -> tuple[float, float]:
        if self.verdict != NONE:
            return self.difference(self.chosen, self.rival)
        lead, error = self.over_floor(self.rival)
        return -lead, error

    @property
    def sure(self) -> bool:
        """True if the margin is more than two standard errors."""
        return self.margin > SURE * self.margin_std_error

    @property
    def enough_rows(self) -> float:
        """Rows with which the best way would beat the floor if its lead stayed what it is; infinite where it has none.

        A standard error falls with the root of the number of rows.
        """
        best = self._best(list(self.ways))
        lead, error = self.over_floor(best)
        return self.n_samples * (SURE * error / lead) ** 2 if lead > 0 else float("inf")

    def difference(self, one: str, other: str) -> tuple[float, float]:
        """Mean difference of two ways or references over the folds, and its standard error."""
        by_fold = np.subtract(self._every[one].scores, self._every[other].scores)
        return float(by_fold.mean()), self._std_error(by_fold)

    @property
    def _every(self) -> dict[str, Way]:
        return {**self.ways, **self.references}

    def _best(self, names: Sequence[str]) -> str:
        return max(names, key=lambda name: self._every[name].score)

    def _std_error(self, by_fold: Sequence[float] | np.ndarray) -> float:
        if len(by_fold) < 2:
            return float("nan")
        return float(np.sqrt(np.var(by_fold, ddof=1) * (1 / len(by_fold) + self.test_share)))
