"""A search that goes on where an earlier ``fit`` left it, if it is the same one.

Imports: numpy, ``autoarch._search``, ``autoarch.exceptions``.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

from autoarch._search.cache import fingerprint
from autoarch._search.job import TrialResult
from autoarch._search.loop import History
from autoarch._search.policy import Policy
from autoarch.exceptions import AutoArchWarning
from autoarch.locality import LocalityReport

if TYPE_CHECKING:
    import optuna

_FREE = (  # parameters that say how long and how to search, not what
    "time_budget",
    "n_trials",
    "patience",
    "n_jobs",
    "memory",
    "verbose",
    "warm_start",
    "random_state",  # its seed is compared instead
)


@dataclass(frozen=True, eq=False)
class Past:
    """What a search leaves behind for one that goes on.

    Parameters
    ----------
    parts : mapping of str to str
        Hashes of what the search was about.
    seed : int
        What everything random follows from.
    baseline : TrialResult
        The floor.
    report : LocalityReport
        Of the probe.
    policy, study, history
        Who was tried, with what, and what came of it.
    """

    parts: Mapping[str, str]
    seed: int
    baseline: TrialResult
    report: LocalityReport
    policy: Policy
    study: optuna.Study
    history: History


def seed_again(past: Past | None, random_state: Any) -> int | None:
    """The seed of the earlier search, where ``random_state`` names none."""
    return None if past is None or isinstance(random_state, Integral) else past.seed


def parts_of(parameters: Mapping[str, Any], seed: int, **data: Any) -> dict[str, str]:
    """Hashes, by name, of the data and of every parameter that changes the problem."""
    problem = data["problem"]
    data["pretrained"] = None if problem.pretrained is None else problem.pretrained.digest
    data["families"] = [(type(family).__qualname__, vars(family)) for family in data["families"]]
    kept = {name: value for name, value in parameters.items() if name not in (*_FREE, *data)}
    return {name: fingerprint(value) for name, value in {**kept, **data, "random_state": seed}.items()}


def same_search(past: Past | None, parts: Mapping[str, str]) -> Past | None:
    """The past, if it is that of this search; else None, with a warning that says what is new."""
    if past is None:
        return None
    changed = [name for name in parts if parts[name] != past.parts.get(name)]
    if not changed:
        past.history.interrupted, past.history.fruitless = False, 0
        return past
    told = [name for name in changed if name not in ("problem", "splits")] or changed  # these follow from the others
    warnings.warn(
        f"warm_start=True, but {', '.join(told)} changed since the last fit: the search begins anew.",
        AutoArchWarning,
        stacklevel=5,
    )
    return None
