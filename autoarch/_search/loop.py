"""Make jobs of what the scheduler decides, and tell it and the study of their results.

Candidates never leave the parent; a worker sees a ``Job``. Whatever happens to a worker or to the user's patience, what
was learned so far is kept.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from autoarch._core.clock import Budget, Deadline
from autoarch._core.failures import describe
from autoarch._core.progress import Progress
from autoarch._data.row_splits import SplitPlan
from autoarch._search.baseline import Baseline
from autoarch._search.compare import eligible
from autoarch._search.costs import Machine
from autoarch._search.entrants import Limits, Turn
from autoarch._search.jobs import Job, TrainingData
from autoarch._search.journal import Journal
from autoarch._search.kept_models import KeptModels, size_of
from autoarch._search.plug_ins import FamilyError, bare
from autoarch._search.resume import Follower
from autoarch._search.scheduler import Scheduler
from autoarch._search.steps import Candidate, StepResult
from autoarch._search.study import Trials
from autoarch._search.workers import Workers
from autoarch.families.base import Family, Problem, is_foreign
from autoarch.families.objective import bare_model

_FALLBACKS = 2  # simple models that are always fitted: a constant and a forest
_CHEAP, _LEEWAY = 0.35, 1.5  # of the time left may go to a simple model; times its expected seconds that it may take
_FAR_MORE = 3.0  # times the seconds of a turn, that what was sampled may be expected to take
_UNPROVEN_SHARE, _UNPROVEN_LEEWAY = 0.25, 4.0  # of the time left, and times the expected seconds, for what may hang
_WAIT = 0.05  # seconds between two looks at what other processes have done


@dataclass(frozen=True)
class Reserved:
    """Seconds that are kept back for choosing and estimating (``closing``), and for fitting the winner on all rows.

    ``seeds`` of those of the refit are for further seeds of the winner, and may go to finding a better one.
    """

    closing: float = 0.0
    refit: float = 0.0
    seeds: float = 0.0

    @property
    def total(self) -> float:
        """Both together."""
        return self.closing + self.refit


@dataclass(eq=False)
class Past:
    """State of a search, for one that continues it.

    Parameters
    ----------
    seed : int
        What everything random follows from.
    report : LocalityReport
        Of the probe.
    scheduler, trials, models
        Candidates with what they have done, what Optuna knows of them, and fitted models.
    key : mapping of str to str
        Hashes of the data and the parameters, by name.
    """

    seed: int
    report: Any
    scheduler: Scheduler
    trials: Trials
    models: KeptModels
    key: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_nothing(cls, seed: int, plan: SplitPlan, *, timed: bool, n_members: int) -> Past:
        """State of a search that has not begun."""
        scheduler = Scheduler(plan.weights, plan.order, timed=timed)
        return cls(seed, None, scheduler, Trials(seed), KeptModels(n_members))


@dataclass(eq=False)
class Search:
    """Fit steps until the budget is spent.

    Parameters
    ----------
    past : Past
        The scheduler, and where trials are asked for and told; of this search or one that it continues.
    data : TrainingData
        What candidates are fitted on.
    problem : Problem
        What families are told of the data.
    budget : Budget
        Seconds and trials.
    progress : Progress
        The user's line.
    reserve : callable
        Seconds that are to be kept back for what comes after this search.
    evaluator : callable
        ``workers``, or the same behind a cache.
    workers : Workers
        Where steps are fitted that may hang or die.
    n_jobs : int or None
        Steps at a time.
    max_predict_seconds : float or None
        Wall time that predicting 1,000 rows may take.
    trial_timeout : float or None
        Seconds that a step may take at most.
    journal : Journal
        Where steps are written, and read that were done before or by another process.

    Attributes
    ----------
    families : list of Family
        Those that take part, once they have entered.
    left_out : dict of str to str
        Reasons for which others do not.
    troubles : dict of str to str
        What broke beside candidates, by name, to be told to the user.
    interrupted, out_of_time : bool
        Whether the user, or the clock, ended it.
    at_once : int
        Jobs that are under way at the same time.
    lock : RLock
        For whoever asks for jobs or tells of results in a thread.
    """

    past: Past
    data: TrainingData
    problem: Problem
    budget: Budget
    progress: Progress
    reserve: Callable[[Search], Reserved]
    evaluator: Callable[[TrainingData, Job], StepResult]
    workers: Workers
    n_jobs: int | None = None
    max_predict_seconds: float | None = None
    trial_timeout: float | None = None
    journal: Journal = field(default_factory=Journal)

    def __post_init__(self) -> None:
        self.scheduler, self.models = self.past.scheduler, self.past.models
        self.families: list[Family] = []
        self.left_out: dict[str, str] = {}
        self.troubles: dict[str, str] = {}
        timed = not self.budget.unlimited
        self.scheduler.timed = self.scheduler.costs.timed = timed
        self.machine = Machine(timed=timed, n_jobs=self.n_jobs)
        self.interrupted = self.out_of_time = False
        self._by_name: dict[str, Family] = {Baseline.name: Baseline()}
        self.lock = threading.RLock()
        self.at_once = 1
        self._open: dict[tuple[int, int], tuple[Candidate, float]] = {}
        self.follower = Follower(self.past, self.journal, self.family, self.learn, self.settle)

    def enter(self, families: Sequence[Family], probabilities: Mapping[str, float]) -> None:
        """Let families take part; in a search that goes on, those of before do already."""
        self.families = list(families)
        self._by_name |= {family.name: family for family in families}
        if not self.scheduler.entrants:
            left = self.machine.n_jobs * (self.budget.left - self.reserve(self).total)
            self.scheduler.enter(families, self.problem, probabilities, left)

    def limit(self, limits: Limits) -> None:
        """Set limits, of which that of trials counts beside the candidates that there are."""
        scheduler = self.scheduler
        begun = None if limits.n_trials is None else scheduler.n_started + limits.n_trials
        scheduler.limits, scheduler.for_companions = replace(limits, n_trials=begun), None
        scheduler.fruitless, scheduler.patient_from = 0, len(self.past.trials.asked)

    def judge_baselines(self, seconds: float, *, as_fallback: bool) -> None:
        """Fit simple models on the first split, before anything that takes time; each limits itself.

        The first two are always fitted, and as a fallback they do; the nearest row where there is time, or after round
        one. Among pictures the nearest one tells so much that it comes first on part of the rows, too.
        """
        began, family = self.budget.elapsed, self._by_name[Baseline.name]
        self.scheduler.costs.enter([family], self.problem)
        kinds, layout = family.defaults(self.problem), self.problem.layout
        on_grid = layout is not None and not layout.is_bare_line
        for place, params in enumerate(kinds[:_FALLBACKS] if as_fallback else kinds):
            left = math.inf if self.budget.unlimited else seconds - (self.budget.elapsed - began)
            candidate = Candidate(-1 - place, family.name, params, self.past.seed)
            if any(other.number == candidate.number for other in self.scheduler.candidates):
                continue  # it was fitted before
            self.scheduler.costs.pace = self.machine.pace
            cost = self.scheduler.costs.of_first_step(family.name, params)
            cheap = cost <= max(left, _CHEAP * self.budget.left)
            if place >= _FALLBACKS and not cheap and not on_grid:
                self.scheduler.candidates.append(candidate)
                continue
            most = _LEEWAY * cost if cheap else _CHEAP * self.budget.left * self.scheduler.costs.pace
            turn = Turn(family.name, self.scheduler.order[0], max(left, most), candidate)
            self.tell(self.evaluator(self.data, self._begin(turn, candidate)))

    def exclude_baselines(self, reason: str) -> None:
        """Keep simple models for the case that nothing else gives a model."""
        for candidate in self.scheduler.candidates:
            if candidate.number < 0 and candidate.status == "open":
                self.scheduler.exclude(candidate, reason)

    def family(self, name: str) -> Family:
        """The family of that name, that of the baselines included."""
        return self._by_name[name]

    def predict_seconds(self, candidate: Candidate) -> float:
        """Expect the seconds in which the candidate, fitted, predicts 1,000 rows on an idle core."""
        return candidate.mean_idle_seconds("predict_seconds")

    def interrupt(self) -> None:
        """Close what is open after the user has pressed Ctrl-C."""
        self.interrupted = True
        self.give_up("interrupted by the user")
        self.close_trials()

    @property
    def n_attempts(self) -> int:
        """Steps that were begun, by all candidates."""
        return sum(candidate.attempts for candidate in self.scheduler.candidates)

    def jobs(self) -> Iterator[Job]:
        """Give out jobs while there is budget; asked by joblib, from other threads too."""
        while True:
            with self.lock, self.journal.deciding():
                self.scheduler.costs.pace = self.machine.pace
                reserved = self.reserve(self)
                left = self.budget.left - reserved.total
                over = left + reserved.refit <= 0 or self.progress.stop_requested
                if not over:
                    self.follower.take_in(self.problem)
                ends = over or self._has_done_its_share()
                turn = None if ends else self.scheduler.next(left, reserved.refit - reserved.seeds, reserved.seeds)
                waits = turn is None and not over and self._waits_for_others()
                if turn is None and not waits:
                    self.out_of_time = self.scheduler.timed and (left <= 0 or self.scheduler.starved)
                    return
                job = None if turn is None else self._job(turn)
            if job is not None:
                yield job
            elif waits:
                time.sleep(_WAIT)

    def _job(self, turn: Turn) -> Job | None:
        """Begin a step, unless it turns out to be another process's, or its candidate to be none."""
        candidate = turn.candidate or self._newcomer(turn)
        return None if candidate is None or not self._claimed(candidate, turn) else self._begin(turn, candidate)

    def _has_done_its_share(self) -> bool:
        """Return whether only candidates of other processes are left, where no clock says when to end."""
        scheduler, begun_elsewhere = self.scheduler, self.follower.begun_elsewhere
        if scheduler.timed or not scheduler.out_of_trials or not begun_elsewhere:
            return False
        return all(scheduler.has_ended(c) for c in scheduler.candidates if c.number not in begun_elsewhere)

    def _waits_for_others(self) -> bool:
        """Return whether decisions wait for steps of other processes, and no step of this one will end meanwhile."""
        return not self.scheduler.timed and bool(self.follower.elsewhere) and not self._open

    def _claimed(self, candidate: Candidate, turn: Turn) -> bool:
        """Take a step for this process; where another one has it, note that it is under way."""
        step = (candidate.number, turn.split)
        if not self.journal.claim(*step):
            self.scheduler.begin(candidate, turn.split)
            self.follower.elsewhere.add(step)
            return False
        if step in self.follower.take_in(self.problem):  # it was done while this process made up its mind
            self.journal.release(*step)
            return False
        return True

    def _newcomer(self, turn: Turn) -> Candidate | None:
        """A new candidate, or None when a family could not even suggest one, which is told as a failure."""
        self.budget.n_asked += 1
        family, trials = self._by_name[turn.family], self.past.trials
        names = [family.name for family in self.families]
        trial, params = trials.sample(family, names, turn.default, self.problem, turn.seen)
        candidate = Candidate(trials.next_number, family.name, turn.default or {})
        failure = why_not = ""
        if isinstance(params, Exception):
            asked = "" if isinstance(params, FamilyError) else "its suggest raised "
            failure = f"{asked}{describe(params)}"
        else:
            candidate.params = params
            why_not = self._why_not(candidate, turn) if turn.default is None else ""
        if failure or why_not:
            trials.refuse(trial, failure or why_not, failed=bool(failure))
        number = self.journal.add(trial)
        candidate.number = trial.number = trials.next_number if number is None else number
        candidate.seed = trials.seed_of(trial.number)
        trials.asked[trial.number] = trial
        if failure:
            self.scheduler.begin(candidate, turn.split)
            self._record(candidate, StepResult(candidate.number, turn.split, "failed", failure))
        elif why_not:
            self.scheduler.entrants[family.name].repeats += 1
        return None if failure or why_not else candidate

    def _why_not(self, candidate: Candidate, turn: Turn) -> str:
        """Return the reason not to fit what was sampled: it was tried before, or takes far more than there is time."""
        for other in self.scheduler.candidates:
            if other.family == candidate.family and repr(other.params) == repr(candidate.params):
                return f"the parameters of candidate {other.number} again"
        seconds = self.scheduler.costs.of_first_step(candidate.family, candidate.params)
        if self.scheduler.timed and seconds > _FAR_MORE * turn.seconds:
            return f"its first step takes about {seconds:.1f} s at the pace of this machine"
        return ""

    def _begin(self, turn: Turn, candidate: Candidate) -> Job:
        self.scheduler.begin(candidate, turn.split)
        self._open[candidate.number, turn.split] = (candidate, self.budget.elapsed)
        self.progress.begin_step(candidate.family, candidate.params, turn.split + 1, len(self.data.splits))
        family = self._by_name[candidate.family]
        seconds = min(turn.seconds, self.trial_timeout or math.inf)
        entrant = self.scheduler.entrants.get(family.name)
        if self.scheduler.timed and is_foreign(bare(family)) and entrant is not None and entrant.best is None:
            expected = self.scheduler.costs.of_first_step(family.name, candidate.params)
            seconds = min(seconds, max(_UNPROVEN_SHARE * self.budget.left, _UNPROVEN_LEEWAY * expected))
        return Job(
            candidate.number,
            turn.split,
            family,
            candidate.params,
            self.problem,
            candidate.seed,
            Deadline(None if math.isinf(seconds) else seconds),
            self.budget.deadline(keep=self.reserve(self).closing),
            self.machine.threads(family, self.problem),
        )

    def tell(self, result: StepResult) -> None:
        """Take note of what a job has given."""
        candidate, asked_at = self._open.pop((result.number, result.split))
        result.work = replace(result.work, pace=self.machine.pace)
        self._judge_late(result)
        candidate.killed |= result.killed
        saved = result.work.seconds - (self.budget.elapsed - asked_at)
        if result.status == "ok":
            self.budget.charge(saved / self.at_once)
        self._record(candidate, result)
        self._write(candidate, result)

    def _judge_late(self, result: StepResult) -> None:
        """Make a failure of a step that will have no more time than it had."""
        most = self.trial_timeout
        if result.status != "paused" or (self.scheduler.timed and (most is None or result.work.seconds <= most)):
            return
        result.status = "failed"
        if most is not None:
            result.reason = f"it takes longer than trial_timeout={most:g}: {result.reason}"

    def _record(self, candidate: Candidate, result: StepResult) -> None:
        before = self.scheduler.leader
        family, model = self._by_name[candidate.family], result.model
        if model is not None:
            self.models.add(candidate.number, result.split, model)
            fitted = [bare_model(m[-1]) for m in self.models.of(candidate)]
            candidate.learned = family.learned(fitted) or candidate.learned
        self.learn(candidate, result)
        self.settle([candidate])
        leader = self.scheduler.leader
        self._show(candidate, result, leader if leader is not before else None)

    def learn(self, candidate: Candidate, result: StepResult) -> None:
        """Take note of a step, whoever has done it; its model has been kept."""
        self.scheduler.learn(candidate, result)
        if result.judgement is not None:
            self._exclude_if_slow(candidate)
        if candidate.number in self.past.trials.asked:
            self.past.trials.note_end(candidate.number)

    def settle(self, candidates: Sequence[Candidate]) -> None:
        """Drop models that are not worth keeping now, and let the sampler learn from these candidates."""
        for number in self.models.tidy(self.scheduler, self._under_way()):
            self.journal.drop_models(number, len(self.data.splits))
        self._complete(candidates, max(0.0, self.budget.left - self.reserve(self).total))

    def _under_way(self) -> set[int]:
        """Candidates whose models are kept however they stand: without a clock, in whatever order results come."""
        scheduler = self.scheduler
        untimed = [] if scheduler.timed else [c for c in scheduler.candidates if not scheduler.has_ended(c)]
        return {number for number, _ in scheduler.running} | {c.number for c in untimed}

    def _complete(self, candidates: Sequence[Candidate], left: float) -> None:
        """Let the sampler learn from candidates that were judged on every split for which there is time."""
        fewest = max(1, self.scheduler.n_splits(left))
        for candidate in candidates:
            if candidate.number >= 0 and candidate.status != "failed" and len(candidate.steps) >= fewest:
                self.past.trials.scores.setdefault(candidate.number, self.data.score(candidate))

    def _write(self, candidate: Candidate, result: StepResult) -> None:
        """Write a step that was done here, its model where it is kept, and the end of its candidate."""
        if not self.journal.on:
            return
        size = 0
        if result.model is not None and self.models.count(candidate, [result.split]):
            size = size_of(result.model)
            self.journal.write_model(candidate.number, result.split, result.model)
        self.journal.write(candidate, result, size)
        whole = len(candidate.steps) == len(self.data.splits)
        if candidate.number >= 0 and (whole or candidate.status == "failed"):
            self.journal.end(candidate, None if candidate.status == "failed" else self.data.score(candidate))

    def _exclude_if_slow(self, candidate: Candidate) -> None:
        """Exclude a candidate that predicts more slowly than the user allows, unless there is no other."""
        seconds, most = self.predict_seconds(candidate), self.max_predict_seconds
        others = [c for c in eligible(self.scheduler.candidates) if c is not candidate]
        if most is not None and seconds > most and others:
            reason = f"it predicts 1,000 rows in {seconds:.3g} s, max_predict_seconds={most:g}"
            self.scheduler.exclude(candidate, reason)

    def _show(self, candidate: Candidate, result: StepResult, new_leader: Candidate | None) -> None:
        if result.judgement is not None:
            shown = (result.split + 1, len(self.data.splits), result.judgement.score, result.work.seconds)
            self.progress.end_step(candidate.family, candidate.params, *shown)
        elif result.status == "failed":
            self.progress.fail(candidate.family, candidate.params, result.reason)
        else:
            self.progress.pause(candidate.family, candidate.params, result.reason)
        if new_leader is not None:
            self.progress.best(new_leader.family, new_leader.mean_score)

    def take_back(self) -> None:
        """Let the steps that will never answer be begun once more, by whoever is left."""
        for number, split in self._open:
            self.scheduler.running.discard((number, split))
            self.journal.give_back(number, split)
        self._open.clear()

    def give_up(self, reason: str, *, killed: bool = False) -> None:
        """Close the steps that will never answer, so that the study and the leaderboard tell the truth."""
        for (number, split), (candidate, _) in sorted(self._open.items()):
            candidate.killed |= killed
            if candidate.steps:  # what it has done counts all the same
                self.scheduler.running.discard((number, split))
                candidate.reason = reason
                candidate.status = "failed" if killed else candidate.status
            else:
                self._record(candidate, StepResult(number, split, "failed", reason))
        self._open.clear()

    def close_trials(self) -> None:
        """Count candidates as judged that have done what there was time for."""
        self._complete(self.scheduler.candidates, 0.0)
