"""The words between the parent, which asks, and the workers, who answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from autoarch._core.clock import Deadline
from autoarch._search.scoring import Judge, Predictions
from autoarch.families.base import Family, Params, Problem

Split = tuple[np.ndarray, np.ndarray]

# Of the score on each kind of splits, in that by which candidates are compared: blocks of a map are few and differ by
# much more than candidates do, so that a larger part for them makes the choice worse on random rows and no better on
# blocks (docs/guide/geo.md).
KIND_WEIGHTS = {"random": 0.8, "blocks": 0.2}


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What every trial is fitted on: canonical values, labels as the user gave them, weights, splits, the judge.

    ``folds`` says whether the splits are three folds or more, so that their models have seen all rows between them;
    ``kinds`` names the kind of each split where there are several, one kind after the other.
    """

    X: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray | None
    splits: tuple[Split, ...]
    judge: Judge
    folds: bool = False
    kinds: tuple[str, ...] = ()


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
    rival : tuple of float
        The best candidate's score on each split; a job that cannot come near is stopped.
    thresholds : mapping of float to float
        What half of its family had reached at the rungs of their training; a training that has not is ended there.
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
    rival: tuple[float, ...] = ()
    thresholds: Mapping[float, float] = field(default_factory=dict)
    most_rows: int | None = None
    n_splits: int | None = None


@dataclass(eq=False)
class TrialResult:
    """What became of a job.

    Parameters
    ----------
    status : {"ok", "pruned", "failed"}
        Judged on all splits, stopped because it could not win, or broken.
    reason : str
        Why it was not judged on all splits.
    scores, ties : list of float
        One per split that was finished.
    kinds : tuple of str
        Kind of each split, where there are several.
    kind_scores : mapping of str to float
        The score on all rows of each kind, once all splits are finished.
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
    kinds: tuple[str, ...] = ()
    kind_scores: dict[str, float] = field(default_factory=dict)
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
        """Mean over the splits; over their kinds, where there are several, by weight."""
        if self.kind_scores:
            return float(sum(KIND_WEIGHTS[kind] * score for kind, score in self.kind_scores.items()))
        return float(np.mean(self.scores)) if self.scores else float("nan")

    def of_kind(self, kind: str) -> list[Predictions]:
        """Predictions of the splits of one kind."""
        return [part for part, of in zip(self.predictions, self.kinds, strict=True) if of == kind]

    @property
    def tie(self) -> float:
        """Mean tie-break over the splits."""
        return float(np.mean(self.ties)) if self.ties else float("-inf")

    @property
    def key(self) -> tuple[float, float]:
        """What candidates are ordered by: the score, then the tie-break."""
        return self.score, self.tie
