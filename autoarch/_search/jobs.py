"""Records that workers are sent: the data of all steps, and a job for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from autoarch._core.clock import Deadline
from autoarch._data.row_splits import Split, SplitPlan
from autoarch._search.scoring import Scorer
from autoarch._search.steps import Candidate
from autoarch.families.base import Family, Params, Problem

_FEWEST_FOLDS = 3  # whose models are worth an average


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Canonical values, labels as the user gave them, weights, splits and the scorer, for all steps."""

    X: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray | None
    plan: SplitPlan
    scorer: Scorer

    def __sizeof__(self) -> int:
        """Bytes, so that engines see that the data are worth keeping where they were sent."""
        return object.__sizeof__(self) + self.X.nbytes + self.y.nbytes

    @property
    def n_targets(self) -> int:
        """Number of targets of a row."""
        return 1 if self.y.ndim == 1 else self.y.shape[1]

    @property
    def splits(self) -> tuple[Split, ...]:
        """Pairs of training and validation rows."""
        return self.plan.splits

    @property
    def n_folds(self) -> int:
        """Number of folds whose models have seen all rows between them; 0 for less than three."""
        return self.plan.n_folds if self.plan.n_folds >= _FEWEST_FOLDS else 0

    def score(self, candidate: Candidate) -> float:
        """Score of a candidate on the splits that it was judged on: their mean; rows of an estimand are pooled first.

        NaN where it was judged on none.
        """
        estimands = dict.fromkeys(self.plan.estimands)
        if not candidate.steps or len(estimands) == 1:
            return candidate.mean_score
        total = share = 0.0
        for estimand in estimands:
            splits = self.splits_of(candidate.splits, estimand)
            if splits:
                weight = self.plan.weight_of[estimand]
                total += weight * self.scorer.score(self.scorer.decided(candidate.predictions_on(splits)))
                share += weight
        return total / share

    def splits_of(self, splits: Sequence[int], estimand: str) -> tuple[int, ...]:
        """Select those of some splits that are of one estimand."""
        return tuple(split for split in splits if self.plan.estimands[split] == estimand)


@dataclass(frozen=True, eq=False)
class Job:
    """One candidate to be fitted and scored on one split.

    Parameters
    ----------
    number : int
        Of the candidate; negative ones are baselines.
    split : int
        Position of the split in the plan.
    family, params, problem, seed
        What is built.
    deadline : Deadline
        When the step must be over, if its worker is ready to begin.
    latest : Deadline
        When it must be over even if its worker has to load something first.
    threads : int
        That the step may use.
    """

    number: int
    split: int
    family: Family
    params: Params
    problem: Problem
    seed: int
    deadline: Deadline = field(default_factory=Deadline)
    latest: Deadline = field(default_factory=Deadline)
    threads: int = 1
