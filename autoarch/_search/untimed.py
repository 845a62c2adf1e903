"""Decide what is fitted next where no clock runs, by rules that give the same candidates for any number of workers.

Results come in any order then, so what a decision may know is fixed by numbers: one about candidate ``i`` knows the
candidates up to ``i - LAG`` as they ended, and waits until they have. Whoever opened the search is known to all by its
first split, and the best of those by all splits. A candidate that is set aside may come back once all others have
ended.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from autoarch._core.failures import same_kind
from autoarch._search.compare import Comparison, Standings, eligible, leader_of
from autoarch._search.entrants import Entrant, Turn
from autoarch._search.steps import Candidate
from autoarch.families.base import Params

LAG = 4  # candidates that are under way at a time, at most
_POOLED = 30  # candidates by which the variance of fits is judged


class UntimedDecisions(Standings, ABC):
    """Decisions of the scheduler without a clock; what it keeps and offers for them is declared here.

    Parameters
    ----------
    weights : sequence of float
        Of the splits.
    """

    order: tuple[int, ...]
    queue: list[tuple[str, Params | None]]
    n_openings: Counter[str]
    running: set[tuple[int, int]]
    entrants: dict[str, Entrant]
    fruitless: int
    patient_from: int

    def __init__(self, weights: Sequence[float]):
        super().__init__(weights)
        self._set_aside: set[int] = set()

    @property
    @abstractmethod
    def out_of_trials(self) -> bool:
        """Return whether as many candidates were begun as are allowed."""

    @abstractmethod
    def newcomers(
        self,
        left: float,
        entrants: Mapping[str, Entrant],
        candidates: Sequence[Candidate],
        leader: Candidate | None,
        *,
        hopeless: bool = False,
    ) -> list[tuple[float, Turn]]:
        """First steps of new candidates, one for each family, with the gain per second that each promises."""

    def next_untimed(self) -> Turn | None:
        """Choose the next step; None where nothing is left, or others have to end first."""
        for candidate in self.candidates:
            if not candidate.attempts and candidate.status == "open" and not self._runs(candidate):
                return self._turn_of(candidate, self.order[0])
        if self.queue and not self.out_of_trials:
            name, default = self.queue.pop(0)
            return Turn(name, self.order[0], math.inf, None, default, self._next_number - LAG)
        if any(self._runs(candidate) and not candidate.attempts for candidate in self._openings()):
            return None
        leader = self._opening_leader()
        if leader is not None and not self.has_ended(leader):
            split = self._following_split(leader)
            return None if split is None else self._turn_of(leader, split)
        return self._further_step() or self._further_candidate() or self._second_chance()

    def has_ended(self, candidate: Candidate) -> bool:
        """Return whether a candidate has done all that it will do; what was no step is not tried again."""
        done = len(candidate.steps)
        over = done == len(self.weights) or candidate.attempts > done
        return over or candidate.status != "open" or candidate.number in self._set_aside

    @property
    def _next_number(self) -> int:
        return max((candidate.number for candidate in self.candidates), default=-1) + 1

    def _turn_of(self, candidate: Candidate, split: int) -> Turn:
        return Turn(candidate.family, split, math.inf, candidate)

    def _runs(self, candidate: Candidate) -> bool:
        return any(number == candidate.number for number, _ in self.running)

    def _following_split(self, candidate: Candidate) -> int | None:
        began = [split for number, split in self.running if number == candidate.number]
        return next((split for split in self.order if split not in candidate.steps and split not in began), None)

    def _openings(self) -> list[Candidate]:
        """Candidates whose first split all others know: simple models, and those of round one."""
        left, found = Counter(self.n_openings), []
        for candidate in sorted(self.candidates, key=lambda c: c.number):
            if candidate.number < 0 or left[candidate.family] > 0:
                found.append(candidate)
                left[candidate.family] -= candidate.number >= 0
        return found

    def _opening_leader(self) -> Candidate | None:
        judged = [c for c in eligible(self._openings()) if self.order[0] in c.steps]
        best = leader_of([self._seen_once(c) for c in judged], self.weights)
        return None if best is None else next(c for c in judged if c.number == best.number)

    def _seen_once(self, candidate: Candidate) -> Candidate:
        first = self.order[0]
        return replace(candidate, steps={first: candidate.steps[first]}, status="open")

    def _known_to(self, number: int) -> list[Candidate] | None:
        """Candidates as a decision about this one knows them; None while it has to wait."""
        leader, openings, known = self._opening_leader(), self._openings(), []
        for candidate in self.candidates:
            if candidate.number <= number - LAG and not self.has_ended(candidate):
                return None
            if candidate is leader or candidate.number <= number - LAG:
                known.append(candidate)
            elif candidate in openings and candidate.number != number and self.order[0] in candidate.steps:
                known.append(self._seen_once(candidate))
        return known

    def _further_step(self) -> Turn | None:
        """Next split of the first candidate that may go on; those that are behind are set aside."""
        for candidate in sorted(self.candidates, key=lambda c: c.number):
            if self.has_ended(candidate) or self._runs(candidate):
                continue
            known = self._known_to(candidate.number)
            if known is None:
                continue
            if self._is_behind(candidate, eligible(known)):
                self._set_aside.add(candidate.number)
                continue
            split = self._following_split(candidate)
            if split is not None:
                return self._turn_of(candidate, split)
        return None

    def _second_chance(self) -> Turn | None:
        """Next split of the first candidate that was set aside and is not behind the winner once all have ended."""
        if self.running:
            return None
        behind = self.behind()
        for candidate in sorted(self.candidates, key=lambda c: c.number):
            waits = candidate.number in self._set_aside and candidate.status == "open"
            split = self._following_split(candidate) if waits and candidate.number not in behind else None
            if split is not None:
                return self._turn_of(candidate, split)
        return None

    def _is_behind(self, candidate: Candidate, known: Sequence[Candidate]) -> bool:
        leader = leader_of(known, self.weights)
        if leader is None or not candidate.steps or leader.number == candidate.number:
            return False
        fullest = sorted(known, key=lambda c: -len(c.steps))[:_POOLED]
        pooled = {c.number: c for c in (*fullest, leader, candidate)}
        lag = Comparison(list(pooled.values()), pooled[leader.number], self.weights).of(candidate)
        return lag is not None and lag.behind

    def _further_candidate(self) -> Turn | None:
        number = self._next_number
        known = self._known_to(number)
        if known is None:
            return None
        leader = leader_of(known, self.weights)
        ended = [c.number for c in known if self.patient_from <= c.number <= number - LAG]
        self.fruitless = sum(leader is None or other > leader.number for other in ended)
        entrants = _as_known(self.entrants, known, self.weights)
        for hopeless in (False, True):
            options = self.newcomers(math.inf, entrants, known, leader, hopeless=hopeless)
            if options:
                return replace(max(options, key=lambda option: option[0])[1], seen=number - LAG)
        return None


def _as_known(
    entrants: Mapping[str, Entrant], known: Sequence[Candidate], weights: Sequence[float]
) -> dict[str, Entrant]:
    """Families as far as these candidates tell of them."""
    found = {}
    for name, entrant in entrants.items():
        own = [c for c in known if c.family == name]
        best = leader_of(own, weights)
        failures = [c.reason for c in own if c.status == "failed" and not c.steps]
        fruitless = sum(best is None or c.number > best.number for c in own)
        in_a_row: list[str] = []
        for candidate in sorted(own, key=lambda c: c.number):
            if candidate.steps:
                in_a_row.clear()
            if candidate.status == "failed":
                in_a_row.append(same_kind(candidate.reason))
        found[name] = replace(entrant, best=best, failures=failures, in_a_row=in_a_row, fruitless=fruitless)
    return found
