"""Bring into a search what its journal tells: what a killed process has done, and what others are doing now."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from autoarch._search.journal import Begun, Done, Journal
from autoarch._search.steps import Candidate, StepResult
from autoarch.families.base import Family, Problem
from autoarch.families.objective import suggest_target

Events = Sequence[Begun | Done]


class State(Protocol):
    """State of a search, as far as it is brought up to date."""

    seed: int
    scheduler: Any
    trials: Any
    models: Any


class Follower:
    """Takes in the events of a journal.

    Parameters
    ----------
    past : State
        State of the search, which is brought up to date.
    journal : Journal
        What tells of the events.
    family : callable
        The family of a name.
    learn, settle : callable
        Take note of a step, and of what follows from those of some candidates.

    Attributes
    ----------
    elsewhere : set of pairs
        Candidates and splits that other processes work on.
    begun_elsewhere : set of int
        Candidates that other processes have begun since this one runs.
    """

    def __init__(
        self,
        past: State,
        journal: Journal,
        family: Callable[[str], Family],
        learn: Callable[[Candidate, StepResult], None],
        settle: Callable[[Sequence[Candidate]], None],
    ):
        self.past, self.journal, self.family, self.learn, self.settle = past, journal, family, learn, settle
        self.elsewhere: set[tuple[int, int]] = set()
        self.begun_elsewhere: set[int] = set()
        self._waiting: Events = ()

    def restore_baselines(self, problem: Problem) -> int:
        """Take in the simple models of earlier fits; return how many candidates there are beside."""
        events = list(self.journal.news())
        simple = [event for event in events if isinstance(event, Done) and event.result.number < 0]
        self._go_through(simple, problem)
        self._waiting = [event for event in events if event not in simple]
        return _n_begun(self._waiting)

    def restore(self, problem: Problem) -> None:
        """Go through what else was done again, in its order, once the families have entered."""
        self._go_through(self._waiting, problem)
        self._waiting = ()

    def take_in(self, problem: Problem) -> set[tuple[int, int]]:
        """Take in what other processes have begun and done since the last time; return the steps."""
        if not self.journal.on:
            return set()
        events, scheduler = self.journal.news(), self.past.scheduler
        if scheduler.limits.n_trials is not None:  # theirs count for limits of their own
            most = scheduler.limits.n_trials + _n_begun(events)
            scheduler.limits = replace(scheduler.limits, n_trials=most)
        self.begun_elsewhere |= {event.trial.number for event in events if isinstance(event, Begun)}
        self._go_through(events, problem)
        for step in list(self.elsewhere):
            if not self.journal.is_claimed(*step):  # done, or given up by a process that is no more
                self.elsewhere.discard(step)
                scheduler.running.discard(step)
        return {(event.result.number, event.result.split) for event in events if isinstance(event, Done)}

    def _go_through(self, events: Events, problem: Problem) -> None:
        known = {candidate.number: candidate for candidate in self.past.scheduler.candidates} if events else {}
        touched: dict[int, Candidate] = {}
        for event in events:
            if isinstance(event, Begun):
                candidate = self._begin(event, problem)
            else:
                number = event.result.number
                candidate = known.get(number) or (self._simple_model(number, problem) if number < 0 else None)
            if candidate is None:
                continue
            known[candidate.number] = candidate
            if isinstance(event, Done) and event.result.split not in candidate.steps:
                touched[candidate.number] = candidate
                self._learn(candidate, event)
        if touched:
            self.settle(list(touched.values()))

    def _begin(self, event: Begun, problem: Problem) -> Candidate | None:
        """Take in a trial: a candidate, or one that a family could not suggest, or that was refused."""
        from optuna.trial import FixedTrial

        trial, scheduler, trials = copy.copy(event.trial), self.past.scheduler, self.past.trials
        trials.asked[trial.number] = trial
        name, first = trial.params.get("family"), scheduler.order[0]
        if name not in scheduler.entrants:
            return None
        if _was_refused(event):
            scheduler.entrants[name].repeats += 1
            return None
        candidate = Candidate(trial.number, name, {}, trials.seed_of(trial.number))
        try:
            fixed: Any = FixedTrial(trial.params)
            family = self.family(name)
            candidate.params = suggest_target(fixed, family, family.suggest(fixed, problem), problem)
        except Exception as error:  # as it was where it was begun
            scheduler.begin(candidate, first)
            reason = trial.user_attrs.get("reason", f"{name}.suggest raised {type(error).__name__}: {error}")
            self.learn(candidate, StepResult(trial.number, first, "failed", reason))
            return candidate
        scheduler.strike_out(name, candidate.params)
        scheduler.begin(candidate, first)
        scheduler.running.discard((trial.number, first))
        return candidate

    def _simple_model(self, number: int, problem: Problem) -> Candidate:
        family, scheduler = self.family("baseline"), self.past.scheduler
        candidate = Candidate(number, family.name, family.defaults(problem)[-1 - number], self.past.seed)
        scheduler.costs.enter([family], problem)
        scheduler.begin(candidate, scheduler.order[0])
        scheduler.running.discard((number, scheduler.order[0]))
        return candidate

    def _learn(self, candidate: Candidate, event: Done) -> None:
        result = event.result
        self.elsewhere.discard((result.number, result.split))
        candidate.learned = event.learned
        if result.judgement is not None:
            self.past.models.add(result.number, result.split, event.model, event.size)
        self.learn(candidate, result)


def _was_refused(event: Begun) -> bool:
    return event.trial.state.name == "PRUNED"


def _n_begun(events: Events) -> int:
    return sum(isinstance(event, Begun) and not _was_refused(event) for event in events)
