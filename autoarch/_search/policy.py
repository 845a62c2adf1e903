"""Choose the family that is tried next, and its share of the time.

The strongest default of every family that the probe recommends is tried first, in the order and with the share of the
time that its probabilities give; linear models and families that the probe does not know are always among them. After
that, families compete: each draws a score from a normal around the best that it has reached, as wide as that score is
uncertain (Thompson sampling [1]_). The one whose draw promises the largest gain per second is tried, its remaining
defaults before anything sampled; where no draw is a gain, or no clock runs, the highest one. A family that was not
recommended has its turn as often as the probe says that it may still win: nothing is forbidden.

References
----------
.. [1] W. R. Thompson, "On the likelihood that one unknown probability exceeds another in view of the evidence of two
   samples", Biometrika 25, 285-294, 1933.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autoarch._search.job import TrialResult
from autoarch.families.base import Family, Params, Problem

_ALWAYS = ("linear",)  # cheap, and the baseline that others must beat
_EVEN = 0.4  # part of the time that is shared out evenly, whatever the probe says
_FIRST_ROUND = 0.75  # of the search's time may go to the families' first defaults
_LATER_SLICE = 0.5  # of the time left may go to one later trial
_FEWEST_AT_RUNG = 4  # trainings of a family before others are stopped there
_MOMENT = 0.5  # seconds; of trials that take less, those of one family are as good as those of another
_FRUITLESS_SCALE = 3.0  # trials of a family that bring nothing, after which less is hoped of the next one
_LEAST_SPREAD = 0.25  # of the gap between best and worst family: what later trials may still gain


@dataclass(frozen=True)
class Turn:
    """A family, its next default (None to sample), and its fraction of the remaining time."""

    family: Family
    default: Params | None
    fraction: float


class Policy:
    """Choose families and defaults, given what the trials so far have shown."""

    def __init__(
        self,
        families: Sequence[Family],
        problem: Problem,
        probabilities: Mapping[str, float],
        seed: int,
        *,
        recommended: Collection[str] | None = None,
    ):
        prior = {family.name: probabilities.get(family.name, 1.0 / len(families)) for family in families}
        total = sum(prior.values())
        self.share = {name: _EVEN / len(prior) + (1 - _EVEN) * p / total for name, p in prior.items()}
        self.families = {f.name: f for f in sorted(families, key=lambda family: -self.share[family.name])}
        self._defaults = {name: list(family.defaults(problem)) for name, family in self.families.items()}
        first = set(self.families) if recommended is None else {*recommended, *_ALWAYS}
        self._untried = [
            name
            for name, family in self.families.items()
            if name in first or name not in probabilities
            for _ in range(family.openings(problem))
        ]
        self._later = {name: prior[name] / total for name in self.families if name not in self._untried}
        if not self._untried:
            self._untried, self._later = list(self.families), {}
        self._best: dict[str, TrialResult] = {}
        self._fruitless: dict[str, int] = {}
        self._seconds: dict[str, float] = {}
        self._rungs: dict[tuple[str, float], list[float]] = {}
        self._rng = np.random.default_rng(seed)

    def next(self, left: float = math.inf) -> Turn | None:
        """Choose the next family when ``left`` seconds of search are left; None when no trial fits in them."""
        if self._untried:
            share = sum(self.share[name] for name in self._untried)
            name = self._untried.pop(0)
            return self._turn(name, _FIRST_ROUND * self.share[name] / share)
        affordable = [name for name in self.families if name not in self._later and self._needs(name) <= left]
        if self._later and (not affordable or self._rng.random() < sum(self._later.values())):
            chances = np.array(list(self._later.values()))
            name = str(self._rng.choice(list(self._later), p=chances / chances.sum()))
            del self._later[name]  # from now on it competes
        elif affordable:
            name = self._draw(affordable, timed=not math.isinf(left))
        else:
            return None
        return self._turn(name, max(_LATER_SLICE, min(1.0, self._needs(name) / left)))

    def _turn(self, name: str, fraction: float) -> Turn:
        defaults = self._defaults[name]
        return Turn(self.families[name], defaults.pop(0) if defaults else None, fraction)

    def _needs(self, name: str) -> float:
        """Return the seconds that the best candidate of the family took; with less a trial could not match it."""
        best = self._best.get(name)
        return best.seconds if best is not None and best.status == "ok" else 0.0

    def thresholds(self, name: str) -> dict[float, float]:
        """Return the median score of a family at each rung that enough of its trainings have reached."""
        reached = {rung: scores for (family, rung), scores in self._rungs.items() if family == name}
        return {rung: float(np.median(scores)) for rung, scores in reached.items() if len(scores) >= _FEWEST_AT_RUNG}

    def learn(self, result: TrialResult) -> None:
        """Take note of a trial; one that was stopped counts only while its family has none that was not."""
        for rung, score in result.rungs.items():
            self._rungs.setdefault((result.family, rung), []).append(score)
        best = self._best.get(result.family)
        self._seconds[result.family] = (self._seconds.get(result.family, result.seconds) + result.seconds) / 2
        better = result.scores and (
            best is None or (result.status == "ok" and (best.status != "ok" or result.key > best.key))
        )
        self._fruitless[result.family] = 0 if better else self._fruitless.get(result.family, 0) + 1
        if better:
            self._best[result.family] = result

    def _draw(self, names: Sequence[str], *, timed: bool) -> str:
        """Draw a family by the chance that it holds the best candidate; no clock is read where none runs."""
        known = [self._best[name] for name in names if name in self._best]
        if not known:
            weights = np.array([self.share[name] for name in names])
            return str(self._rng.choice(names, p=weights / weights.sum()))
        scores = np.array([result.score for result in known])
        gap = float(np.ptp(scores))
        means, spreads = [], []
        for name in names:
            result = self._best.get(name)  # a family that has only failed so far may still be anything
            means.append(result.score if result is not None else scores.min())
            spread = max(_standard_error(result), _LEAST_SPREAD * gap / 3) if result is not None else gap / 2
            spreads.append(spread / np.sqrt(1.0 + self._fruitless.get(name, 0) / _FRUITLESS_SCALE))
        draws = self._rng.normal(means, np.maximum(spreads, 1e-6))
        gains = draws - scores.max()
        if not timed or gains.max() <= 0:
            return names[int(np.argmax(draws))]
        seconds = [max(self._seconds.get(name, 0.0), _MOMENT) for name in names]
        return names[int(np.argmax(gains / np.asarray(seconds)))]


def _standard_error(result: TrialResult) -> float:
    """Standard error of the score; splits that are the only one of their estimand add nothing to it."""
    scores = np.asarray(result.scores)
    estimands = np.asarray(result.estimands or ("",) * len(scores))[: len(scores)]
    variance = 0.0
    for estimand in np.unique(estimands):
        of_estimand = scores[estimands == estimand]
        if len(of_estimand) > 1:
            variance += result.weights.get(estimand, 1.0) ** 2 * float(np.var(of_estimand, ddof=1)) / len(of_estimand)
    return math.sqrt(variance)
