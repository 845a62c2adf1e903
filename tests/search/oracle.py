"""An invented world for the scheduler: scores, losses of rows and seconds of every step, and a loop that plays them."""

from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st
from strategies import SEEDS

from autoarch._search.entrants import Limits
from autoarch._search.scheduler import Scheduler
from autoarch._search.steps import Candidate, Judgement, StepResult, Work
from autoarch.families import Family, Problem

PROBLEM = Problem("classification", 1_000, 10, n_classes=2, smallest_class=400)
ROWS = 60  # judged on each split
MOST_STEPS = 400  # of a search that ends


class Invented(Family):
    """A family with a nominal cost and some defaults, none of which is ever built."""

    anytime = True

    def __init__(self, name, cost=1.0, n_defaults=2, openings=1):
        self.name, self.cost, self.n_defaults, self._openings = name, cost, n_defaults, openings

    def suggest(self, trial, problem):
        raise NotImplementedError

    def build(self, params, problem, seed):
        raise NotImplementedError

    def defaults(self, problem):
        return [{"default": number} for number in range(self.n_defaults)]

    def openings(self, problem):
        return self._openings

    def nominal_seconds(self, params, problem):
        return self.cost


@dataclass(frozen=True)
class Nature:
    """How good a family is, how its steps end, and how long they really take.

    ``ending`` is what a step comes to: "whole", or "cut" or "paused" when its time is too short, "late" where it
    cannot be stopped, or "fails".
    """

    accuracy: float = 0.8
    spread: float = 0.03
    stretch: float = 1.0
    ending: str = "whole"


@dataclass(frozen=True)
class World:
    """Families with their natures, splits, the seed of every score, and accuracies ``known`` of some candidates."""

    families: tuple
    natures: dict
    order: tuple
    weights: tuple
    seed: int = 0
    split_spread: float = 0.02
    fit_spread: float = 0.01
    n_baselines: int = 1
    known: dict = field(default_factory=dict)

    def seconds(self, family, candidate, split):
        """True seconds of a step."""
        noise = np.random.default_rng([self.seed, 1, candidate.number + 9, split]).uniform(0.9, 1.1)
        return family.cost * self.natures[family.name].stretch * noise

    def accuracy(self, candidate):
        """True accuracy of a candidate over all rows that there may be."""
        nature = self.natures[candidate.family]
        own = np.random.default_rng([self.seed, 2, candidate.number + 9]).normal()
        if candidate.number in self.known:
            return float(self.known[candidate.number])
        return float(np.clip(nature.accuracy + nature.spread * own, 0.05, 0.98))

    def losses(self, candidate, split, share_done=1.0):
        """Losses of the validation rows of a split: rows that are hard are so for everybody."""
        shared = np.random.default_rng([self.seed, 3, split])
        hard, of_split = shared.random(ROWS), self.split_spread * shared.normal()
        own = np.random.default_rng([self.seed, 4, candidate.number + 9, split])
        accuracy = self.accuracy(candidate) + of_split + self.fit_spread * own.normal() - 0.3 * (1.0 - share_done)
        wrong = np.where(own.random(ROWS) < 0.7, hard, own.random(ROWS)) > accuracy
        return wrong.astype(np.float32)

    def judged(self, candidate, split, share_done=1.0):
        """What a step comes to if it is judged."""
        losses = self.losses(candidate, split, share_done)
        return Judgement(1.0 - float(losses.mean()), -float(losses.mean()), losses)

    def table(self, candidate):
        """Weighted mean score over all splits, known to nobody in the search."""
        scores = [self.judged(candidate, split).score for split in range(len(self.weights))]
        return float(np.dot(scores, self.weights))

    def result(self, family, candidate, turn):
        """Answer of a worker."""
        needed, ending = self.seconds(family, candidate, turn.split), self.natures[family.name].ending
        result = StepResult(candidate.number, turn.split)
        if ending == "fails":
            result.status, result.reason = "failed", "broken on purpose"
            result.work = Work(seconds=min(0.1 * needed, turn.seconds))
        elif ending == "paused" and needed > turn.seconds:
            result.status, result.reason, result.work = "paused", "too slow", Work(seconds=needed)
        else:
            share = 1.0 if ending == "late" else min(1.0, turn.seconds / needed)
            result.judgement = self.judged(candidate, turn.split, share)
            result.work = Work(rows=800, share_done=share, seconds=share * needed, fit_seconds=share * needed)
        return result


@dataclass
class Played:
    """Record of a search: turns with the seconds that were left, results, and the scheduler at the end."""

    scheduler: Scheduler
    turns: list = field(default_factory=list)
    results: list = field(default_factory=list)
    expected: list = field(default_factory=list)
    spent: float = 0.0

    @property
    def steps(self):
        """Candidate and split of every step that was handed out."""
        return [(result.number, result.split) for result in self.results]


def play(
    world, budget=None, n_trials=None, patience=None, n_jobs=1, haste=1.0, kept=0.0, spare=0.0, ends=None, n_members=1
):
    """Play a world against a scheduler until it has nothing more to do.

    ``haste`` divides every second that passes; ``kept``, ``spare``: seconds beyond the budget, for a refit, for seeds;
    ``ends`` chooses which of so many steps ends next, the first one by default.
    """
    scheduler = Scheduler(world.weights, world.order, timed=budget is not None)
    scheduler.limits = Limits(n_trials, patience, n_members)
    by_name = {family.name: family for family in world.families}
    played, number = Played(scheduler), 0
    baseline = Invented("baseline", 0.01, 0)
    natures = {**world.natures, "baseline": Nature(accuracy=0.6)}
    world = World(**{**world.__dict__, "natures": natures})
    for place in range(world.n_baselines):
        candidate = Candidate(-1 - place, "baseline", {})
        scheduler.begin(candidate, world.order[0])
        result = StepResult(candidate.number, world.order[0], judgement=world.judged(candidate, world.order[0]))
        result.work = Work(rows=100, seconds=0.01, fit_seconds=0.01)
        scheduler.learn(candidate, result)
        played.spent += 0.01
    scheduler.enter(world.families, PROBLEM, {})
    waiting = []
    while len(played.results) < MOST_STEPS:
        left = float("inf") if budget is None else budget - played.spent
        still = kept if budget is None else min(kept, max(0.0, left + kept + spare))
        over = left + kept + spare <= 0
        turn = None if over or len(waiting) >= n_jobs else scheduler.next(left, still, spare)
        if turn is not None:
            played.expected.append((turn, left, *expectation(scheduler, turn)))
            candidate = turn.candidate
            if candidate is None:
                candidate = Candidate(number, turn.family, turn.default or {"sampled": number})
                number += 1
            scheduler.begin(candidate, turn.split)
            played.turns.append((turn.family, turn.split, candidate.number, turn.default))
            waiting.append((candidate, turn))
            if len(waiting) < n_jobs:
                continue
        if not waiting:
            return played
        candidate, turn = waiting.pop(ends(len(waiting)) if ends else 0)
        result = world.result(by_name.get(turn.family, baseline), candidate, turn)
        if haste != 1.0:
            changed = {"seconds": result.work.seconds / haste, "fit_seconds": result.work.fit_seconds / haste}
            result.work = Work(**{**result.work.__dict__, **changed})
        played.spent += 0.05 if result.status == "paused" else max(result.work.seconds, 1e-3)
        played.results.append(result)
        scheduler.learn(candidate, result)
    return played


def expectation(scheduler, turn):
    """Seconds that a turn is expected to take, and whether a step of its family has been timed."""
    costs = scheduler.costs
    if turn.candidate is not None:
        return costs.of_next_step(turn.candidate), True
    params = scheduler.entrants[turn.family].next_params if turn.default is None else turn.default
    return costs.of_first_step(turn.family, params), costs.known(turn.family)


@st.composite
def worlds(draw, endings=("whole", "cut", "paused", "fails")):
    """Up to five families of any cost and quality, one to six splits in any order and with any weights."""
    n_splits = draw(st.integers(1, 6))
    names = ["a", "b", "c", "d", "e"][: draw(st.integers(1, 5))]
    families, natures = [], {}
    for name in names:
        cost = 10 ** draw(st.floats(-0.5, 1))
        families.append(Invented(name, cost, draw(st.integers(0, 3)), draw(st.integers(1, 2))))
        natures[name] = Nature(
            accuracy=draw(st.floats(0.5, 0.95)),
            spread=draw(st.floats(0, 0.1)),
            stretch=10 ** draw(st.floats(-0.3, 1)),
            ending=draw(st.sampled_from(endings)),
        )
    weights = np.array(draw(st.lists(st.floats(0.2, 1), min_size=n_splits, max_size=n_splits)))
    return World(
        families=tuple(families),
        natures=natures,
        order=tuple(draw(st.permutations(range(n_splits)))),
        weights=tuple(float(weight) for weight in weights / weights.sum()),
        seed=draw(SEEDS),
        n_baselines=draw(st.integers(0, 2)),
    )
