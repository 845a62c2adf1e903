"""Decide what is fitted next: every decision of the search, and no fit.

Round one gives each family a turn with its strongest defaults on the first split, cheapest first. Then the step with
the largest expected gain per second is taken: the next split of a candidate that may still be best, or the first split
of a new candidate of a family (racing, with the paired comparisons of ``compare``). A candidate that is behind is not
ended but waits, and may come back; none is set aside at less than three standard errors. Whoever leads is judged on all
splits that there is time for before newcomers are begun.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from autoarch._search.companions import companions
from autoarch._search.compare import Comparison, Difference, additive_scores, eligible, leader_of, row_variance
from autoarch._search.entrants import Entrant, Turn
from autoarch._search.first_turns import FEWEST_JUDGED, FirstTurns
from autoarch._search.steps import Candidate, StepResult
from autoarch._search.untimed import UntimedDecisions

_JUDGING = 0.4  # of the time left may go to judging the leader on further splits
_TIGHT = 2.0  # times the seconds of the leader's next splits: with less time left nothing else is begun
_FOR_CONTEST = 0.5  # of the seconds kept for seeds, that may go to candidates which are level with the leader
_FOR_COMPANIONS = 0.3  # of the time left after round one may go to candidates for a mean with the leader
_POOLED = 30  # candidates by which the variance of fits is judged
_STEPS_OF_NEWCOMER = 2.0  # that it is charged for: few are judged on every split
_FRUITLESS_SCALE = 3.0  # candidates of a family that bring nothing, after which less is hoped of the next one
_LEAST_SPREAD = 1 / 12  # of the gap between families: what later candidates may still gain
_MORE_THAN_BEFORE = 1.5  # times the seconds that a candidate was said to need, before it is tried again
_MOMENT = 0.25  # seconds; of steps that take less, those of one candidate cost as much as those of another


class Scheduler(FirstTurns, UntimedDecisions):
    """Choose steps, given what the steps so far have shown; parameters are those of ``FirstTurns``."""

    for_companions: float | None = None
    _best: Candidate | None = None
    _told: tuple[int, int] | None = None

    # What happens

    def begin(self, candidate: Candidate, split: int) -> None:
        """Note that a step has been begun."""
        if candidate not in self.candidates:
            self.candidates.append(candidate)
            self.n_started += candidate.number >= 0
        self.running.add((candidate.number, split))

    def learn(self, candidate: Candidate, result: StepResult) -> None:
        """Take note of a step: record it with its candidate, and see whether anything is better now."""
        first, candidate.attempts = not candidate.attempts, candidate.attempts + 1
        self.running.discard((candidate.number, result.split))
        if result.status != "paused":
            candidate.work[result.split] = result.work
        if result.judgement is not None:
            candidate.steps[result.split], candidate.needed = result.judgement, 0.0
        elif result.status == "failed":
            candidate.status, candidate.reason = "failed", result.reason
        else:
            # Each time it takes more to try again: a plug-in that always runs out of time is not tried for ever
            candidate.needed = max(_MORE_THAN_BEFORE * candidate.needed, result.work.seconds)
            candidate.reason = result.reason
        self.changed()
        self.costs.learn(candidate, result)
        if candidate.family in self.entrants:
            self.entrants[candidate.family].note(result)
        if first and candidate.family in self.entrants:
            entrant = self.entrants[candidate.family]
            entrant.learn(candidate, result)
            entrant.best = leader_of([c for c in self.candidates if c.family == candidate.family], self.weights)
            entrant.fruitless = 0 if entrant.best is candidate else entrant.fruitless + 1
        best = self.leader
        if best is not self._best:
            self.fruitless, self._best = 0, best
        elif candidate.number >= 0 and first and self.timed:
            self.fruitless += 1

    # What is known

    def is_settled(self, candidate: Candidate) -> bool:
        """Return whether one that is far behind will not go on; without a clock, once no decision waits for it."""
        return self.timed or self.has_ended(candidate)

    def n_splits(self, left: float = math.inf) -> int:
        """Number of splits on which the leader is judged: as many as part of the time left allows, all without a clock.

        They are always the first ones, so that no partition of the rows is ever drawn anew. The number is decided when
        a candidate begins to lead, and falls later only if the time turns out to be too short.
        """
        leader, n = self.leader, len(self.weights)
        if not self.timed or leader is None:
            return n
        done, cost = len(leader.steps), self.costs.of_next_step(leader)
        if self._told is None or self._told[0] != leader.number:
            self._told = leader.number, done + int(min(_JUDGING * max(0.0, left) / cost, n))
        affordable = done + int(min(max(0.0, left) / cost, n))
        return int(np.clip(min(self._told[1], affordable), max(1, done), n))

    def why_not(self, name: str) -> str:
        """Return the reason for which a family has had no turn."""
        if not self.timed or self.out_of_trials or self.out_of_patience:
            return "the search ended before it was tried"
        need = self._seconds_of_newcomer(name, None)
        return f"its first step takes about {need:.1f} s at the pace of this machine, which were not left"

    # What is next

    def next(self, left: float = math.inf, kept: float = 0.0, spare: float = 0.0) -> Turn | None:
        """Choose the next step; None when nothing affordable is left.

        Parameters
        ----------
        left : float
            Seconds of search.
        kept : float
            Seconds that are kept back for a refit, which the first turn of a family that can do with little may use.
        spare : float
            Seconds that are kept back for what a better candidate is worth more than: seeds of the one that leads. The
            first turn of each family may use them and, in part, candidates that are level with the leader.
        """
        turn = self._next_timed(left, kept, spare) if self.timed else self.next_untimed()
        if turn is not None and turn.candidate is None:
            defaults = self.entrants[turn.family].defaults
            if turn.default in defaults:
                defaults.remove(turn.default)
        return turn

    def _next_timed(self, left: float, kept: float, spare: float) -> Turn | None:
        leader, m = self.leader, self.n_splits(left)
        finishing = self._seconds_to_finish(leader, m)
        turn = self._next_of_round_one(left + spare, kept, finishing, leader, m) or self._postponed(left)
        turn = turn or (None if finishing else self._companion(left)) or self._race(left, finishing, m)
        while turn is None and m < len(self.weights):  # time is left that nobody else can use
            m += 1
            turn = self._race(left, 0.0, m)
        return turn or self._race(left, 0.0, m, hopeless=True) or self._contest(left + _FOR_CONTEST * spare)

    def _companion(self, left: float) -> Turn | None:
        """Next of the common splits of a candidate that may be averaged with the leader, in a share of the time."""
        leader = self.leader
        entrant = None if leader is None else self.entrants.get(leader.family)
        if leader is None or entrant is None or (most := self.limits.members_beside(entrant.family)) < 2:
            return None
        if self.for_companions is None:
            self.for_companions = _FOR_COMPANIONS * max(left, 0.0)

        common = [split for split in self.order[: self.limits.n_common] if split in leader.steps]

        def lacking(candidate: Candidate) -> float:
            return len(set(common) - candidate.steps.keys()) * self._seconds_of_next(candidate)

        affordable = min(left, self.for_companions)
        for candidate in companions(self.candidates, leader, self.weights, most, common, lacking, affordable):
            begun = {split for number, split in self.running if number == candidate.number}
            if (split := next((s for s in common if s not in candidate.steps and s not in begun), None)) is not None:
                seconds = self._seconds_of_next(candidate)
                self.for_companions -= seconds
                return self._going_on(candidate, split, left, seconds)
        return None

    def _contest(self, left: float) -> Turn | None:
        """Next split of the best of the candidates that are level with the leader, where that is affordable."""
        leader = self.leader
        if leader is None:
            return None
        rivals = [c for c in eligible(self.candidates) if c.status == "open" and c is not leader]
        options = self._level_with(leader, rivals, len(leader.steps), left, left)
        return max(options, key=lambda option: option[0], default=(0.0, None))[1]

    def _seconds_to_finish(self, leader: Candidate | None, m: int) -> float:
        """Seconds of the leader's steps that are still to be done."""
        if leader is None or leader.status != "open":
            return 0.0
        return max(0, m - len(leader.steps)) * self.costs.of_next_step(leader)

    def _race(self, left: float, finishing: float, m: int, *, hopeless: bool = False) -> Turn | None:
        """Return the step that promises the largest gain per second; of families without hope if need be."""
        leader = self.leader
        options = self._next_splits(left, leader, m)
        if finishing and left <= _TIGHT * finishing:
            options = [option for option in options if option[1].candidate is leader] or options
        else:
            options += self.newcomers(left - finishing, self.entrants, self.candidates, leader, hopeless=hopeless)
        return max(options, key=lambda option: (option[0], option[1].candidate is leader))[1] if options else None

    def _next_splits(self, left: float, leader: Candidate | None, m: int) -> list[tuple[float, Turn]]:
        """Next splits of candidates that may still be best, with the gain per second that each promises."""
        waiting = [(c, split) for c in self.candidates if (split := self._next_split(c, m)) is not None]
        lags: dict[int, Difference | None] = {}
        if leader is not None and waiting:
            fullest = sorted(self.candidates, key=lambda c: -len(c.steps))[:_POOLED]
            wanted = {c.number: c for c in eligible([*fullest, *(c for c, _ in waiting)])}
            compared = Comparison(list(wanted.values()), leader, self.weights)
            lags = {number: compared.of(c) for number, c in wanted.items() if c is not leader}
        found: list[tuple[float, float, Turn]] = []
        for candidate, split in waiting:
            cost = self._seconds_of_next(candidate)
            lag = lags.get(candidate.number)
            if cost > left or (lag is not None and lag.behind):
                continue
            found.append(
                (0.0 if lag is None else lag.expected_gain, cost, self._going_on(candidate, split, left, cost))
            )
        most = max((gain for gain, *_ in found), default=0.0)
        return [((most if turn.candidate is leader else gain) / max(cost, _MOMENT), turn) for gain, cost, turn in found]

    def newcomers(
        self,
        left: float,
        entrants: Mapping[str, Entrant],
        candidates: Sequence[Candidate],
        leader: Candidate | None,
        *,
        hopeless: bool = False,
    ) -> list[tuple[float, Turn]]:
        """First steps of new candidates, one for each family, with the gain per second that each promises.

        ``entrants``, ``candidates`` and ``leader`` are what the decision may know.
        """
        able = [name for name in entrants if self._may_begin(entrants[name])]
        expected = expected_differences(entrants, candidates, leader, self.weights) if able else {}
        # One split alone hardly decides: where the leader has seen more, there must be time for a second one
        n_judged = min(FEWEST_JUDGED, len(leader.steps)) if leader is not None else 1
        options = []
        for name in able:
            if expected[name].behind and not hopeless:
                continue
            for default in [*entrants[name].defaults, None]:
                need = self.costs.of_first_step(name, entrants[name].best_params if default is None else default)
                if n_judged * need <= left:
                    turn = self._newcomer(name, default, left, need)
                    options.append((expected[name].expected_gain / (_STEPS_OF_NEWCOMER * max(need, _MOMENT)), turn))
                    break
        return options


def expected_differences(
    entrants: Mapping[str, Entrant], candidates: Sequence[Candidate], leader: Candidate | None, weights: Sequence[float]
) -> dict[str, Difference]:
    """Expect by how much another candidate of each family differs from the leader.

    Its score is taken as normal around the best of its family, as wide as that score is uncertain, less the more
    candidates of the family brought nothing.
    """
    estimate = additive_scores(eligible(candidates), weights)
    best = {name: entrant.best for name, entrant in entrants.items() if entrant.best is not None}
    top = estimate[leader.number] if leader is not None else 0.0
    reached = [estimate[candidate.number] for candidate in best.values()]
    gap = max(0.0, top - float(np.median(reached))) if reached else 1.0
    expected = {}
    for name, entrant in entrants.items():
        spread = max(gap, 1e-6) / 2 * entrant.share
        mean = top - spread
        if name in best:
            spread = max(_standard_error(best[name], weights), _LEAST_SPREAD * gap)
            mean = min(estimate[best[name].number], top)
        spread = max(spread / math.sqrt(1.0 + entrant.fruitless / _FRUITLESS_SCALE), 1e-9)
        expected[name] = Difference(mean - top, spread, 1)
    return expected


def _standard_error(candidate: Candidate, weights: Sequence[float]) -> float:
    """Standard error of the score of a candidate over its rows."""
    share = np.array([weights[split] for split in candidate.splits])
    share /= share.sum()
    variances = [row_variance(candidate.steps[split].losses, 0.0) for split in candidate.splits]
    return math.sqrt(float(np.sum(share**2 * np.array(variances))))
