"""Records of the search: a step is one candidate on one split; a candidate is plain data, its models lie elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from autoarch._search.scoring import Predictions


@dataclass(frozen=True, eq=False)
class Judgement:
    """Left-out predictions of one step and what they are worth.

    Parameters
    ----------
    score, tie : float
        By the user's scorer and by the tie-break; greater is better.
    losses : ndarray
        Of the units (rows, or blocks of rows) whose mean the score is, its sign turned; NaN where undefined.
    predictions : Predictions
        Of the validation rows.
    """

    score: float
    tie: float
    losses: np.ndarray
    predictions: Predictions | None = None


@dataclass(frozen=True, eq=False)
class Work:
    """Amount of training behind one step, and its cost.

    Parameters
    ----------
    rows, rounds : int
        Training rows that the model saw; boosting rounds, trees or epochs, 0 where there is no such number.
    share_done : float
        Of the planned training, below 1 where the deadline shortened it.
    fit_seconds, predict_seconds, seconds : float
        Wall time of training, of predicting 1,000 rows, of the whole step.
    pace : float
        Share of an idle core that the step had.
    """

    rows: int = 0
    rounds: int = 0
    share_done: float = 1.0
    fit_seconds: float = 0.0
    predict_seconds: float = 0.0
    seconds: float = 0.0
    pace: float = 1.0

    @property
    def cut(self) -> bool:
        """Return whether the deadline shortened the training."""
        return self.share_done < 1.0


@dataclass(eq=False)
class StepResult:
    """Answer of a worker to a job.

    Parameters
    ----------
    number, split : int
        Of the job.
    status : {"ok", "paused", "failed"}
        Judged, out of time, or broken.
    reason : str
        Why it was not judged.
    judgement : Judgement or None
        If it was.
    work : Work
        Training behind it; of a step that was out of time, ``seconds`` is what it would have needed.
    model : Pipeline or None
        The fitted pipeline (without the canonical step).
    late : bool
        Whether it ended after its deadline, so that another time it could come out otherwise.
    killed : bool
        Whether its process died or had to be ended.
    """

    number: int
    split: int
    status: str = "ok"
    reason: str = ""
    judgement: Judgement | None = None
    work: Work = field(default_factory=Work)
    model: Pipeline | None = None
    late: bool = False
    killed: bool = False


@dataclass(eq=False)
class Candidate:
    """A family with parameters, and the steps that it has done.

    Parameters
    ----------
    number : int
        In the order of their beginning; negative ones are baselines, which count for no limit of trials.
    family, params, seed
        What is built.
    steps : dict of int to Judgement
        By split.
    work : dict of int to Work
        By split.
    status : {"open", "paused", "failed", "excluded"}
        Open ones may go on, unless they are behind; excluded ones may not be chosen.
    reason : str
        Why it failed, is behind or waits.
    needed : float
        Seconds that a step was found to need when it was out of time.
    attempts : int
        Steps that were begun and ended, in whatever way.
    learned : mapping
        Parameters of the last step that the fits have settled.
    killed : bool
        Whether one of its steps killed its process, so that it may never run in this one.
    """

    number: int
    family: str
    params: dict[str, Any]
    seed: int = 0
    steps: dict[int, Judgement] = field(default_factory=dict)
    work: dict[int, Work] = field(default_factory=dict)
    status: str = "open"
    reason: str = ""
    needed: float = 0.0
    attempts: int = 0
    learned: Mapping[str, Any] = field(default_factory=dict)
    killed: bool = False

    @property
    def splits(self) -> tuple[int, ...]:
        """Splits on which it was judged."""
        return tuple(sorted(self.steps))

    @property
    def scores(self) -> list[float]:
        """One for each of these splits."""
        return [self.steps[split].score for split in self.splits]

    @property
    def mean_score(self) -> float:
        """Plain mean over its splits."""
        return float(np.mean(self.scores)) if self.steps else float("nan")

    @property
    def score_std(self) -> float:
        """Standard deviation over its splits, where there are several."""
        return float(np.std(self.scores)) if len(self.steps) > 1 else float("nan")

    @property
    def tie(self) -> float:
        """Mean tie-break over its splits."""
        return float(np.mean([step.tie for step in self.steps.values()])) if self.steps else float("-inf")

    @property
    def cut(self) -> bool:
        """Return whether the deadline shortened one of its trainings."""
        return any(work.cut for work in self.work.values())

    @property
    def seconds(self) -> float:
        """Wall time of all its steps."""
        return float(sum(work.seconds for work in self.work.values()))

    def mean_work(self, name: str) -> float:
        """Mean of a field of its work over the steps that were judged."""
        done = [getattr(self.work[split], name) for split in self.steps]
        return float(np.mean(done)) if done else 0.0

    def mean_idle_seconds(self, name: str) -> float:
        """Mean of such seconds over the same steps, as they would have been on an idle core; 0 where there are none."""
        done = [getattr(self.work[split], name) * self.work[split].pace for split in self.steps]
        return float(np.mean(done)) if done else 0.0

    def predictions_on(self, splits: tuple[int, ...]) -> Predictions:
        """Left-out predictions on some splits, joined."""
        return Predictions.joined([self.steps[split].predictions for split in splits])  # type: ignore[misc]
