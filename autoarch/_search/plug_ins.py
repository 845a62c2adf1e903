"""Families that others have written: whatever they do in this process is their failure and not the search's.

``guarded`` wraps such a family. Its questions (defaults, suggest, costs) are asked within seconds and answered with a
``FamilyError`` where they raise, hang or answer nonsense; its fits and predictions run in ``workers``.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from autoarch._core.failures import ToldError, describe
from autoarch._core.hangs import HangError, call_within
from autoarch.families.base import Family, Needs, Params, Problem, is_foreign

_QUESTION_SHARE, _QUESTION_SECONDS = 0.05, (1.0, 10.0)  # of the budget that an answer may take, least and most seconds


class FamilyError(ToldError):
    """A family raised an error, hung or gave a senseless answer when it was asked something."""


def guarded(families: Sequence[Family], seconds: float | None) -> list[Family]:
    """Wrap the families of others; ``seconds`` are those of the budget."""
    least, most = _QUESTION_SECONDS
    limit = None if seconds is None else min(max(_QUESTION_SHARE * seconds, least), most)
    return [cast(Family, Guarded(family, limit)) if is_foreign(family) else family for family in families]


def bare(family: Family) -> Family:
    """The family itself, without its guard."""
    return family.family if isinstance(family, Guarded) else family


def faulty(families: Sequence[Family], name: str) -> bool:
    """Return whether the family of that name has raised an error or hung when it was asked something."""
    return any(isinstance(family, Guarded) and family.fault for family in families if family.name == name)


def fault_of(family: Family, problem: Problem) -> str | None:
    """Return what is wrong with the answers of a family to what a search asks first, or None."""
    if not isinstance(family, Guarded):
        return None
    try:
        if not isinstance(family.needs, Needs):
            raise TypeError(f"its needs are {family.needs!r}, which is no Needs")
        _ = family.anytime, family.averages_folds, family.averages_seeds
        family.defaults(problem)
        family.openings(problem)
    except FamilyError:
        return family.fault
    except (Exception, SystemExit) as error:
        family.fault = describe(error)
        return family.fault
    return None


class Guarded:
    """A family of somebody else, asked with care; everything but questions is the family's own.

    Parameters
    ----------
    family : Family
        The family.
    seconds : float or None
        In which it must answer, None without a clock. One that has hung is not asked again.
    """

    def __init__(self, family: Family, seconds: float | None):
        self.family, self.seconds = family, seconds
        self.fault, self._hung = "", False
        self._seconds: dict[str, float] = {}
        self._defaults: tuple[Problem, Sequence[Params]] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["family"], name)

    def __reduce__(self) -> Any:
        return _itself, (self.family,)  # its steps are fitted elsewhere, where nobody needs a guard

    def unfit_for(self, problem: Problem) -> str | None:
        """As the family says; a reason of its own where it cannot say it."""
        try:
            reason = self._ask("unfit_for", problem)
            return None if reason is None else str(reason)
        except FamilyError as error:
            return str(error)

    def unpromising_for(self, problem: Problem) -> str | None:
        """As the family says; it is not left out where that breaks."""
        try:
            reason = self._ask("unpromising_for", problem)
            return None if reason is None else str(reason)
        except FamilyError:
            return None

    def defaults(self, problem: Problem) -> Sequence[Params]:
        """As the family says, asked once for each problem."""
        if self._defaults is None or self._defaults[0] is not problem:
            found = self._ask("defaults", problem, check=lambda answer: [_params(item) for item in answer])
            self._defaults = problem, found
        return self._defaults[1]

    def openings(self, problem: Problem) -> int:
        """As the family says."""
        return int(self._ask("openings", problem, check=int))

    def suggest(self, trial: Any, problem: Problem) -> Params:
        """As the family samples."""
        return cast(Params, self._ask("suggest", trial, problem, check=_params))

    def nominal_seconds(self, params: Params, problem: Problem) -> float:
        """As the family estimates, asked once for each candidate of a problem: the scheduler asks all the time."""
        key = repr((problem.n_samples, problem.n_features, params))
        if key not in self._seconds:
            self._seconds[key] = float(self._ask("nominal_seconds", params, problem, check=float))
        return self._seconds[key]

    def learned(self, models: Sequence[Any]) -> Mapping[str, Any]:
        """As the family reads its models; nothing where that breaks."""
        try:
            return cast(Mapping[str, Any], self._ask("learned", models, check=dict))
        except FamilyError:
            return {}

    def cache_key(self) -> tuple[Any, ...]:
        """As the family says; one that nothing else has where that breaks."""
        try:
            return cast("tuple[Any, ...]", self._ask("cache_key"))
        except FamilyError:
            return type(self.family).__module__, type(self.family).__qualname__, uuid.uuid4().hex

    def _ask(self, question: str, *args: Any, check: Callable[[Any], Any] = lambda answer: answer) -> Any:
        if self._hung:
            raise FamilyError(self.fault)
        try:
            return call_within(self.seconds, lambda: check(getattr(self.family, question)(*args)))
        except HangError as error:
            self.fault, self._hung = f"its {question} was ended: {error}", True
            raise FamilyError(self.fault) from None
        except (Exception, SystemExit) as error:
            self.fault = f"its {question} raised {describe(error)}"
            raise FamilyError(self.fault) from error


def _itself(family: Family) -> Family:
    return family


def _params(answer: Any) -> Params:
    if not isinstance(answer, Mapping) or not all(isinstance(name, str) for name in answer):
        raise TypeError(f"{answer!r} is no mapping of names to parameters")
    return dict(answer)
