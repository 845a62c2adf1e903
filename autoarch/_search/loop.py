"""Send candidates to workers, and their results to the study, the policy and the history.

Trials never leave the parent; a worker sees a ``Job``. Whatever happens to a worker or to the user's patience, what
was learned so far is kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from joblib.parallel import get_active_backend

from autoarch._core.clock import Budget
from autoarch._core.progress import Progress
from autoarch._search import study as optuna_side
from autoarch._search.job import Job, TrainingData, TrialResult
from autoarch._search.policy import Policy, Turn
from autoarch.families.base import Family, Problem

if TYPE_CHECKING:
    import optuna

_MOST_RESTARTS = 2  # of a pool whose workers die


@dataclass(eq=False)
class History:
    """All results, and the best few of those that were judged on every split.

    Parameters
    ----------
    size : int
        How many are to be fitted in the end.
    results : list of TrialResult
        In the order in which they came.
    leaders : list of TrialResult
        The best of them, best first.
    partial : TrialResult or None
        While nobody has been judged on every split: the best, on the first split, of those that ran out of time.
    fruitless : int
        Results since the best one came.
    interrupted : bool
        Whether the user ended it.
    """

    size: int = 1
    results: list[TrialResult] = field(default_factory=list)
    leaders: list[TrialResult] = field(default_factory=list)
    partial: TrialResult | None = None
    fruitless: int = 0
    interrupted: bool = False

    @property
    def best(self) -> TrialResult | None:
        """The best one so far."""
        return self.leaders[0] if self.leaders else None

    def add(self, result: TrialResult) -> None:
        """Record a result; only leaders keep their model, only judged ones their predictions."""
        self.results.append(result)
        if result.status == "ok":
            ranked = sorted([*self.leaders, result], key=lambda judged: judged.key, reverse=True)
            self.leaders, self.partial = ranked[: self.size], None
            for beaten in ranked[self.size :]:
                beaten.models = []
        elif not self.leaders and result.scores and (self.partial is None or result.scores > self.partial.scores):
            self.partial = result
        else:
            result.predictions, result.models = [], []
        self.fruitless = 0 if result is self.best else self.fruitless + 1


@dataclass(frozen=True, eq=False)
class Past:
    """State of a search, for one that continues it.

    Parameters
    ----------
    seed : int
        What everything random follows from.
    baseline : TrialResult
        The baseline.
    report : LocalityReport
        Of the probe.
    policy, study, history
        Families and parameters that were tried, and the results.
    key : mapping of str to str
        Hashes of the data and the parameters, by name.
    """

    seed: int
    baseline: TrialResult
    report: Any
    policy: Policy
    study: optuna.Study
    history: History
    key: Mapping[str, str] = field(default_factory=dict)


@dataclass(eq=False)
class Search:
    """Run trials until the budget is spent.

    Parameters
    ----------
    families : sequence of Family
        Those that can serve.
    problem : Problem
        What they are told of the data.
    data : TrainingData
        What they are fitted on.
    past : Past
        Who is next, where trials are asked for and told, and the results; of this search or one that it continues.
    budget : Budget
        Seconds and trials.
    progress : Progress
        The user's line.
    reserve : callable
        Seconds that are to be kept back for the refit of what the history leads with.
    n_jobs : int or None
        Trials at a time.
    evaluator : callable
        ``evaluate``, or the same behind a cache.
    patience : int or None
        Trials without a better one after which to stop.
    """

    families: Sequence[Family]
    problem: Problem
    data: TrainingData
    past: Past
    budget: Budget
    progress: Progress
    reserve: Callable[[History], float]
    n_jobs: int | None
    evaluator: Callable[[TrainingData, Job], TrialResult]
    patience: int | None

    def __post_init__(self) -> None:
        self.history = self.past.history
        self.n_before = len(self.history.results)
        self._lock = threading.RLock()
        self._open: dict[int, tuple[optuna.Trial, Job, float]] = {}

    def run(self) -> None:
        """Search until trials or time are spent, or the user interrupts."""
        n_jobs = self.n_jobs
        for _ in range(_MOST_RESTARTS + 1):
            try:
                self._run_pool(n_jobs)
                break
            except KeyboardInterrupt:
                self.history.interrupted = True
                self._give_up("interrupted by the user")
                break
            except Exception as error:  # a worker that died, a result that does not pickle
                self._give_up(f"its worker broke: {type(error).__name__}: {str(error).partition(chr(10))[0]}")
                n_jobs = 1  # what killed a worker, memory most likely, has less company then

    def _run_pool(self, n_jobs: int | None) -> None:
        if joblib.effective_n_jobs(n_jobs) == 1 or not get_active_backend()[0].supports_return_generator:
            for job in self._jobs():
                self._tell(self.evaluator(self.data, job))
            return
        parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered", pre_dispatch="n_jobs", batch_size=1)
        answers = parallel(joblib.delayed(self.evaluator)(self.data, job) for job in self._jobs())
        try:
            for result in answers:
                with self._lock:
                    self._tell(result)
        finally:
            answers.close()

    def _jobs(self) -> Iterator[Job]:
        """Ask for jobs while there is budget; called by joblib, from other threads too."""
        while True:
            with self._lock:
                keep = self.reserve(self.history)
                if self.budget.trials_spent or self.budget.too_late_for_a_trial(keep) or self.out_of_patience:
                    return
                turn = self.past.policy.next(self.budget.left - keep)
                if turn is None:
                    return
                job = self._ask(turn, keep)
            if job is not None:
                yield job

    def _ask(self, turn: Turn, keep: float) -> Job | None:
        """The next job, or None when a family could not even suggest one, which is told as a failure."""
        family, default = turn.family, turn.default
        self.budget.n_asked += 1
        trial = optuna_side.ask(self.past.study, family, [f.name for f in self.families], default)
        try:
            params = family.suggest(trial, self.problem)
        except Exception as error:
            reason = f"{family.name}.suggest raised {type(error).__name__}: {error}"
            self._record(trial, TrialResult(trial.number, family.name, default or {}, status="failed", reason=reason))
            return None
        best = self.history.best
        job = Job(
            number=trial.number,
            family=family,
            params=params,
            problem=self.problem,
            seed=int(np.random.SeedSequence([self.past.seed, trial.number + 1]).generate_state(1)[0] % (2**31 - 1)),
            deadline=self.budget.deadline(keep=keep, fraction=turn.fraction),
            latest=self.budget.deadline(keep=keep),
            best_scores=tuple(best.scores) if best is not None else (),
            thresholds=self.past.policy.thresholds(family.name),
        )
        self._open[trial.number] = (trial, job, self.budget.elapsed)
        self.progress.begin_step(family.name, params, 1, len(self.data.splits))
        return job

    def _tell(self, result: TrialResult) -> None:
        trial, _, asked_at = self._open.pop(result.number)
        saved = result.seconds - (self.budget.elapsed - asked_at)
        self.budget.charge(saved / joblib.effective_n_jobs(self.n_jobs))
        self._record(trial, result)

    def _record(self, trial: optuna.Trial, result: TrialResult) -> None:
        optuna_side.tell(self.past.study, trial, result)
        self.past.policy.learn(result)
        self.history.add(result)
        if result.status == "ok":
            n_splits = len(result.scores)
            self.progress.end_step(result.family, result.params, n_splits, n_splits, result.score, result.seconds)
        elif result.status == "failed":
            self.progress.fail(result.family, result.params, result.reason)
        else:
            self.progress.pause(result.family, result.params, result.reason)
        if result is self.history.best:
            self.progress.best(result.family, result.score)

    def _give_up(self, reason: str) -> None:
        """Close the trials that will never answer, so that the study and the leaderboard tell the truth."""
        for number, (_, job, _) in sorted(self._open.items()):
            self._tell(TrialResult(number, job.family.name, job.params, status="failed", reason=reason))

    @property
    def out_of_patience(self) -> bool:
        """Return whether the last ``patience`` trials brought nothing better."""
        return self.patience is not None and self.history.fruitless >= self.patience
