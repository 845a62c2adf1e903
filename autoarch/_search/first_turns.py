"""The first round of the search, in which each family has a turn; and what a turn is worth beginning with.

Turns go to the strongest defaults of the families, the cheapest first. A family that makes do with any time has one
even where there is too little, and a dear newcomer waits until more is known of what has been begun.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from autoarch._search.compare import Comparison, Standings, eligible
from autoarch._search.costs import Costs
from autoarch._search.entrants import Entrant, Limits, Turn, entrants_of, first_round
from autoarch._search.steps import Candidate
from autoarch.families.base import Family, Params, Problem

_ROUND_ONE, _ALONE = 0.75, 0.95  # of the time may go to round one, and to the last family that waits for its turn
_LEAST_TURN, _LEAST_PART = 0.1, 0.06  # seconds of a family that makes do with little, and part of its expected ones
_MOST_FOR_IMPORTS = 0.4  # of the time left, where there is not enough
_HOPE = 0.5  # of the seconds that a family is expected to take, with which its first step is tried all the same
_AT_ONCE = 0.2  # of a newcomer's seconds: where the leader's next splits take less they come first, lest it runs over
_DEAR, _CHEAP = 0.25, 0.5  # of the time left, that a newcomer needs; of what it needs, that a second look may take
_LEVEL = 1.0  # standard errors by which a candidate may be behind the leader to be worth a second look
_NEWCOMER = 0.5  # of the time left may go to the first step of a newcomer, whatever its share;
_FAVOURITE = 0.7  # to that of the likeliest family where there is no time for all
_LEEWAY = 2.0  # times the expected seconds that a newcomer may take, where its share of the time is less
FEWEST_JUDGED = 2  # splits for which there must be time before a newcomer is begun, if the leader has seen as many


class FirstTurns(Standings):
    """Turns of the first round, and what they have in common with those that follow.

    Parameters
    ----------
    weights : sequence of float
        Of the splits.
    order : sequence of int or None
        Splits in the order in which they are used; None for that of the plan.
    timed : bool
        Whether a clock runs; without one, no measured second enters any decision.
    """

    def __init__(self, weights: Sequence[float], order: Sequence[int] | None = None, *, timed: bool):
        super().__init__(weights)
        self.timed = timed
        self.order = tuple(range(len(weights)) if order is None else order)
        self.costs = Costs(timed=timed)
        self.limits = Limits()
        self.running: set[tuple[int, int]] = set()
        self.entrants: dict[str, Entrant] = {}
        self.fruitless, self.patient_from = 0, 0
        self.n_started = 0
        self.queue: list[tuple[str, Params | None]] = []
        self.favourite, self.structured = "", False
        self.n_openings: Counter[str] = Counter()

    def enter(
        self, families: Sequence[Family], problem: Problem, odds: Mapping[str, float], left: float = math.inf
    ) -> None:
        """Let families take part, the quickest first.

        Their chances count as well where most of them read cells that tell little, and where a grid has a structure and
        there is no time for all of them: what is quick would leave none for the net that is likeliest to be best.

        Parameters
        ----------
        families : sequence of Family
            Those that can serve.
        problem : Problem
            What they are told of the data.
        odds : mapping of str to float
            Chance of each family to hold the best candidate, as far as it is known.
        left : float
            Seconds of search.
        """
        self.entrants = entrants_of(families, problem, odds)
        self.costs.enter(families, problem)
        most = None if self.limits.n_trials is None else self.limits.n_trials - self.n_started
        turns = first_round(self.entrants, most)
        tight = sum(self._seconds_of_newcomer(*turn) for turn in turns) > left
        self.structured = problem.verdict in ("2d", "1d-rows", "1d-columns")
        count = "differences" in problem.symmetries or (tight and self.structured)
        shares = {name: entrant.share if count else 1.0 for name, entrant in self.entrants.items()}
        self.favourite = max(shares, key=lambda name: shares[name]) if tight and count else ""
        self.queue = sorted(turns, key=lambda turn: self._seconds_of_newcomer(*turn) / shares[turn[0]])
        self.n_openings = Counter(name for name, _ in turns)

    def strike_out(self, family: str, params: Params) -> None:
        """Take a candidate that was begun elsewhere off the lists of what is still to be tried."""
        defaults = self.entrants[family].defaults
        tried = next((d for d in defaults if d == params), None)
        if tried is None:
            tried = next((d for d in defaults if d.items() <= params.items()), None)
        if tried is not None:
            defaults.remove(tried)
        if (family, tried) in self.queue:
            self.queue.remove((family, tried))

    @property
    def out_of_trials(self) -> bool:
        """Return whether as many candidates were begun as are allowed."""
        return self.limits.n_trials is not None and self.n_started >= self.limits.n_trials

    @property
    def out_of_patience(self) -> bool:
        """Return whether the last candidates brought nothing better."""
        return self.limits.patience is not None and self.fruitless >= self.limits.patience

    # What turns have in common

    def _next_split(self, candidate: Candidate, m: int) -> int | None:
        """First of the ``m`` splits that the candidate has neither done nor begun."""
        began = [split for number, split in self.running if number == candidate.number]
        if candidate.status != "open" or (began and not candidate.steps):
            return None
        return next((s for s in self.order[:m] if s not in candidate.steps and s not in began), None)

    def _seconds_of_next(self, candidate: Candidate) -> float:
        """Seconds that must be left for another step: as it is expected to take, or was found to need."""
        return max(self.costs.of_next_step(candidate), candidate.needed)

    def _seconds_of_newcomer(self, name: str, default: Params | None) -> float:
        return self.costs.of_first_step(name, self.entrants[name].next_params if default is None else default)

    def _may_begin(self, entrant: Entrant) -> bool:
        return not (self.out_of_trials or self.out_of_patience or entrant.benched)

    def _going_on(self, candidate: Candidate, split: int, left: float, cost: float) -> Turn:
        seconds = left
        if candidate.cut:  # its other trainings were shortened, and are compared with this one
            seconds = min(left, max(cost, max(work.seconds for work in candidate.work.values())))
        return Turn(candidate.family, split, seconds, candidate)

    def _newcomer(
        self, name: str, default: Params | None, left: float, need: float, fraction: float = _NEWCOMER
    ) -> Turn:
        most = _FAVOURITE if name == self.favourite and not self.costs.known(name) else _NEWCOMER
        seconds = max(fraction * left, min(_LEEWAY * need, most * left)) if self.timed else math.inf
        return Turn(name, self.order[0], seconds, None, default)

    def _level_with(
        self, leader: Candidate, others: Sequence[Candidate], m: int, left: float, affordable: float
    ) -> Iterator[tuple[float, Turn]]:
        """Lags, in standard errors, and next steps of those that are level with the leader, if affordable."""
        compared = Comparison(others, leader, self.weights)
        for candidate in others:
            lag, split, cost = compared.of(candidate), self._next_split(candidate, m), self._seconds_of_next(candidate)
            if lag is not None and lag.standardised >= -_LEVEL and split is not None and cost <= affordable:
                yield lag.standardised, self._going_on(candidate, split, left, cost)

    # The first round

    def _next_of_round_one(
        self, left: float, kept: float, finishing: float, leader: Candidate | None, m: int
    ) -> Turn | None:
        if leader is not None and leader.family == self.favourite:
            kept = 0.0  # all rows are worth more to it than others, which are less likely, on few of them
        for place, (name, default) in enumerate(self.queue):
            if not self._may_begin(self.entrants[name]):
                continue
            need = self._seconds_of_newcomer(name, default)
            if need > left - finishing and self._makes_do(name, default):
                known = self.costs.known(name)  # its other models have had their share
                seconds = min(_LEEWAY * need, _NEWCOMER * left if known else self._share_of(name, left + kept))
                loading = self.costs.loading(name)
                too_short = seconds < max(_LEAST_TURN, _LEAST_PART * (need - loading))
                if too_short or loading > _MOST_FOR_IMPORTS * (left + kept):
                    continue
                del self.queue[place]
                return Turn(name, self.order[0], seconds, None, default)
            if self._hope(name, default) * need > left - finishing:
                if finishing:  # the leader comes first, then there may be time
                    return None
                continue
            split = None if leader is None or not 0 < finishing <= _AT_ONCE * need else self._next_split(leader, m)
            if leader is not None and split is not None:
                return self._going_on(leader, split, left, self.costs.of_next_step(leader))
            if need > _DEAR * left and (turn := self._second_look(left, need) or self._likelier(name, left, need)):
                return turn
            del self.queue[place]
            share = self.entrants[name].share
            waiting = share + sum(self.entrants[other].share for other, _ in self.queue)
            return self._newcomer(name, default, left - finishing, need, _ROUND_ONE * share / waiting)
        return None

    def _postponed(self, left: float) -> Turn | None:
        """First step of a simple model for which there was no time at first."""
        for candidate in self.candidates:
            if candidate.attempts or any(number == candidate.number for number, _ in self.running):
                continue
            if self.costs.of_first_step(candidate.family, candidate.params) <= left:
                return Turn(candidate.family, self.order[0], left, candidate)
        return None

    def _second_look(self, left: float, need: float) -> Turn | None:
        """Second split of a candidate that is level with the leader, where that is cheap beside a dear newcomer.

        One split alone may suit a candidate by luck; two of them tell more than one more candidate does.
        """
        leader = self.leader
        seen_once = [c for c in eligible(self.candidates) if c.status == "open" and len(c.steps) == 1]
        if leader is None or len(leader.steps) < FEWEST_JUDGED:
            return None
        affordable = min(left, _CHEAP * need)
        level = self._level_with(leader, seen_once, FEWEST_JUDGED, left, affordable)
        return next((turn for _, turn in level), None)

    def _likelier(self, name: str, left: float, need: float) -> Turn | None:
        """Another default of the likeliest family where cells have a structure, if no dearer than a dear newcomer.

        That would leave no time for what the probe speaks for. A net can do with a part of its seconds.
        """
        able = {other: entrant for other, entrant in self.entrants.items() if self._may_begin(entrant)}
        likeliest = max(able, key=lambda other: able[other].share)
        entrant = able[likeliest]
        begun = sum(candidate.family == likeliest for candidate in self.candidates)
        enough = not self.structured or likeliest == name or begun != self.n_openings[likeliest]
        if enough or entrant.share <= able[name].share or not entrant.defaults:
            return None
        seconds = self._seconds_of_newcomer(likeliest, entrant.defaults[0])
        if _HOPE * seconds > min(left, need):
            return None
        return self._newcomer(likeliest, entrant.defaults[0], left, seconds)

    def _hope(self, name: str, default: Params | None) -> float:
        """Share of the expected seconds that must be left for the first step of a kind of model to be tried."""
        return 1.0 if self._timed(name, default) else _HOPE

    def _makes_do(self, name: str, default: Params | None) -> bool:
        """Return whether a kind of model has not been seen yet, and can do with the rows or rounds of any time."""
        return self.entrants[name].family.anytime and not self._timed(name, default)

    def _timed(self, name: str, default: Params | None) -> bool:
        return self.costs.known(name, self.entrants[name].next_params if default is None else default)

    def _share_of(self, name: str, left: float) -> float:
        """Share the seconds that are left among the families that wait and make do, where there is not enough.

        The imports of a family come on top of its fits.
        """
        left -= self.costs.loading(name)
        waiting = {name, *(other for other, default in self.queue if self._makes_do(other, default))}
        part = _ROUND_ONE if len(waiting) > 1 else _ALONE
        return part * left * self.entrants[name].share / sum(self.entrants[other].share for other in waiting)
