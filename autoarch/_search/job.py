"""Records that travel between the parent process and its workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from autoarch._core.clock import Deadline
from autoarch._data.row_splits import Split, SplitPlan
from autoarch._search.scoring import Predictions, Scorer
from autoarch.families.base import Family, Params, Problem

_FEWEST_FOLDS = 3  # whose models are worth an average


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Canonical values, labels as the user gave them, weights, splits and the scorer, for all trials."""

    X: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray | None
    plan: SplitPlan
    scorer: Scorer

    @property
    def splits(self) -> tuple[Split, ...]:
        """Pairs of training and validation rows."""
        return self.plan.splits

    @property
    def n_folds(self) -> int:
        """Number of folds whose models have seen all rows between them; 0 for less than three."""
        return self.plan.n_folds if self.plan.n_folds >= _FEWEST_FOLDS else 0


@dataclass(frozen=True, eq=False)
class Job:
    """One candidate to be judged.

    Parameters
    ----------
    number : int
        Of the trial; -1 is the baseline.
    family, params, problem, seed
        What is built.
    deadline : Deadline
        When the whole job must be over, if its worker is ready to begin.
    latest : Deadline
        When it must be over even if its worker has to load something first.
    best_scores : tuple of float
        Score of the best candidate on each split; a job that is far behind is stopped.
    thresholds : mapping of float to float
        Median score of its family at the rungs of a training; a training below is stopped there.
    most_rows : int or None
        Training rows that are used at most.
    n_splits : int or None
        Splits that are used at most.
    """

    number: int
    family: Family
    params: Params
    problem: Problem
    seed: int
    deadline: Deadline
    latest: Deadline = field(default_factory=Deadline)
    best_scores: tuple[float, ...] = ()
    thresholds: Mapping[float, float] = field(default_factory=dict)
    most_rows: int | None = None
    n_splits: int | None = None


@dataclass(eq=False)
class TrialResult:
    """Result of a job.

    Parameters
    ----------
    status : {"ok", "pruned", "failed"}
        Judged on all splits, stopped because it could not win, or broken.
    reason : str
        Why it was not judged on all splits.
    scores, ties : list of float
        One per split that was finished.
    estimands : tuple of str
        What each split estimates the score on.
    weights : mapping of str to float
        Weight of each estimand.
    pooled : mapping of str to float
        The score on all rows of each estimand, once all splits are finished, where there are several.
    predictions : list of Predictions
        One per split that was finished.
    models : list of Pipeline
        The fitted pipelines (without the canonical step), for refits that come too late.
    learned : mapping
        Parameters of the last step that the fits have settled.
    fit_seconds : list of float
        Training time on each split.
    rungs : mapping of float to float
        Scores at rungs of the training on the first split.
    seconds : float
        The whole job, but for what its worker had to load first.
    late : bool
        Whether the job ended after its deadline, so that another time it could come out otherwise.
    cut : bool
        Whether the deadline ended a training early.
    share_done : float
        Of its schedule that the most shortened training went through.
    """

    number: int
    family: str
    params: Params
    status: str = "ok"
    reason: str = ""
    scores: list[float] = field(default_factory=list)
    ties: list[float] = field(default_factory=list)
    estimands: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    pooled: dict[str, float] = field(default_factory=dict)
    predictions: list[Predictions] = field(default_factory=list)
    models: list[Pipeline] = field(default_factory=list)
    learned: Mapping[str, Any] = field(default_factory=dict)
    fit_seconds: list[float] = field(default_factory=list)
    rungs: Mapping[float, float] = field(default_factory=dict)
    seconds: float = 0.0
    late: bool = False
    cut: bool = False
    share_done: float = 1.0

    @property
    def score(self) -> float:
        """Mean over the splits; over their estimands, where there are several, by weight."""
        if self.pooled:
            return float(sum(self.weights[estimand] * score for estimand, score in self.pooled.items()))
        return float(np.mean(self.scores)) if self.scores else float("nan")

    @property
    def score_std(self) -> float:
        """Standard deviation over the splits, where there are several."""
        return float(np.std(self.scores)) if len(self.scores) > 1 else float("nan")

    def predictions_of(self, estimand: str) -> list[Predictions]:
        """Predictions on the splits of one estimand."""
        return [part for part, of in zip(self.predictions, self.estimands, strict=True) if of == estimand]

    @property
    def tie(self) -> float:
        """Mean tie-break over the splits."""
        return float(np.mean(self.ties)) if self.ties else float("-inf")

    @property
    def key(self) -> tuple[float, float]:
        """Sort key of candidates: the score, then the tie-break."""
        return self.score, self.tie
