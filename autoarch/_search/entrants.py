"""Families in the race: what each has still to try and has reached; turns that they are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autoarch._core.failures import same_kind
from autoarch._search.steps import Candidate, StepResult
from autoarch.families.base import Family, Params, Problem
from autoarch.families.objective import with_targets

_EVEN = 0.4  # part of round one's time that is shared out evenly, whatever the probe says
_MOST_FAILURES = 3  # of a family of which nothing else has come
_MOST_ALIKE = 2  # of one kind in a row, whatever else has come: each may cost as much as a hang does
_MOST_REPEATS = 5  # of candidates that were tried before, or take too long
_RESUMABLE = 0.75  # of its training: a candidate that was shortened to less may have another turn in full


@dataclass(eq=False)
class Entrant:
    """A family in the race.

    Parameters
    ----------
    family : Family
        Itself.
    share : float
        Of round one's time.
    defaults : list of dict
        Parameters that it has still to try before any are sampled.
    openings : int
        Defaults that are tried in round one.
    first : dict
        Its first default.
    fruitless : int
        Candidates since its best one.
    best : Candidate or None
        Its best one.
    failures : list of str
        Reasons of candidates that failed.
    in_a_row : list of str
        Kinds of the last failures, since anything else came of it.
    again : set of str
        Parameters that have been put back among the defaults, once each.
    repeats : int
        Candidates that were sampled though they had been tried, or take too long.
    """

    family: Family
    share: float
    defaults: list[Params]
    openings: int
    first: Params
    fruitless: int = 0
    best: Candidate | None = None
    failures: list[str] = field(default_factory=list)
    in_a_row: list[str] = field(default_factory=list)
    again: set[str] = field(default_factory=set)
    repeats: int = 0

    @property
    def next_params(self) -> Params:
        """Parameters by which its next first step is costed: those of the next default, or of its best candidate."""
        return self.defaults[0] if self.defaults else self.best_params

    @property
    def best_params(self) -> Params:
        """Parameters by which the first step of a sampled candidate is costed."""
        return self.best.params if self.best is not None else self.first

    @property
    def benched(self) -> bool:
        """Return whether it fails again and again, or nothing new is to be had."""
        return self.fails_alike or (len(self.failures) >= _MOST_FAILURES and self.best is None) or self._repeats_itself

    @property
    def fails_alike(self) -> bool:
        """Return whether its last steps failed for the same reason."""
        return len(self.in_a_row) >= _MOST_ALIKE and len(set(self.in_a_row[-_MOST_ALIKE:])) == 1

    @property
    def _repeats_itself(self) -> bool:
        return self.repeats >= _MOST_REPEATS

    @property
    def common_failure(self) -> str | None:
        """The reason for which every candidate failed, or the last ones, where it is one and the same."""
        alike = self.best is None and len({same_kind(reason) for reason in self.failures}) == 1
        return self.failures[-1] if self.failures and (alike or self.fails_alike) else None

    def note(self, result: StepResult) -> None:
        """Take note of how a step of one of its candidates has ended."""
        if result.status == "failed":
            self.failures.append(result.reason)
            self.in_a_row.append(same_kind(result.reason))
        elif result.status == "ok":
            self.in_a_row.clear()

    def learn(self, candidate: Candidate, result: StepResult) -> None:
        """Take note of the first step of a candidate; one that was shortened much may be tried in full later."""
        key = repr(sorted(candidate.params.items()))
        shortened = result.status == "ok" and result.work.share_done < _RESUMABLE
        if shortened and key not in self.again:
            self.again.add(key)
            self.defaults.insert(0, candidate.params)


@dataclass(frozen=True)
class Turn:
    """One step to be fitted: of a candidate, or the first one of a new candidate.

    Parameters
    ----------
    family : str
        Whose turn it is.
    split : int
        Position of the split.
    seconds : float
        That it may take at most, infinite where no clock runs.
    candidate : Candidate or None
        None for a new one.
    default : Params or None
        Parameters of a new one; None to sample them.
    seen : int or None
        Last candidate whose score may be known where they are sampled; None for all.
    """

    family: str
    split: int
    seconds: float
    candidate: Candidate | None = None
    default: Params | None = None
    seen: int | None = None


@dataclass(frozen=True)
class Limits:
    """Bounds of a search and of the final model.

    Parameters
    ----------
    n_trials, patience : int or None
        Candidates at most, and those without a better one after which no more are begun.
    n_members : int
        Candidates that the final model may consist of.
    nets_alone : bool
        Whether a net on a grid that wins is the only one.
    n_common : int or None
        Splits, the first ones, whose rows are enough to choose members by; None for all.
    """

    n_trials: int | None = None
    patience: int | None = None
    n_members: int = 1
    nets_alone: bool = True
    n_common: int | None = None

    def members_beside(self, family: Family) -> int:
        """Return how many candidates the final model may consist of where one of that family is the best."""
        return 1 if self.nets_alone and is_net_on_grid(family) else self.n_members


def is_net_on_grid(family: Family) -> bool:
    """Return whether seeds of a family do better together than it does with others."""
    return family.averages_seeds and "skorch" in family.needs.packages


def entrants_of(families: Sequence[Family], problem: Problem, odds: Mapping[str, float]) -> dict[str, Entrant]:
    """Families with their defaults and shares; ``odds`` say how likely each is to hold the best candidate."""
    prior = {family.name: odds.get(family.name, 1.0 / len(families)) for family in families}
    total = sum(prior.values()) or 1.0
    found = {}
    for family in families:
        defaults = with_targets(family, problem)
        share = _EVEN / len(prior) + (1 - _EVEN) * prior[family.name] / total
        openings = max(1, family.openings(problem))
        found[family.name] = Entrant(family, share, defaults, openings, defaults[0] if defaults else {})
    return found


def first_round(entrants: Mapping[str, Entrant], most: int | None) -> list[tuple[str, Params | None]]:
    """Turns of round one: each family's first defaults, those of the likeliest families where only few may be had."""
    names = sorted(entrants, key=lambda name: -entrants[name].share)
    turns: list[tuple[str, Params | None]] = []
    for opening in range(max((entrant.openings for entrant in entrants.values()), default=0)):
        for name in names:
            defaults = entrants[name].defaults
            if opening < min(entrants[name].openings, max(1, len(defaults))):
                turns.append((name, defaults[opening] if defaults else None))
    return turns if most is None else turns[: max(0, most)]
