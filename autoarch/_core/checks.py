"""Checks of parameters, in our error form: what came, what was expected, what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from math import isfinite
from numbers import Integral, Real
from operator import ne
from typing import Any

import numpy as np

from autoarch.exceptions import AutoArchError, InputError, InputTypeError, ParameterError


def check_budget(time_budget: float | None, n_trials: int | None) -> None:
    """Raise unless at least one of the two limits is set, and each one that is set makes sense."""
    if time_budget is None and n_trials is None:
        raise ParameterError(
            "time_budget=None and n_trials=None were given, so the search would never end. "
            "Set time_budget (seconds), n_trials (a count), or both."
        )
    if time_budget is not None:
        check_positive("time_budget", time_budget, unit="seconds", absent="None for 'no limit on time'")
    if n_trials is not None:
        check_whole("n_trials", n_trials, least=1, absent="None for 'as many as fit in time_budget'")


def check_training_length(steps: int | None, time_budget: float | None) -> None:
    """Raise unless each of the two limits of a net's training that is set makes sense."""
    if steps is not None:
        check_whole("steps", steps, least=1, absent="None for as many as the cnn family takes")
    if time_budget is not None:
        check_positive("time_budget", time_budget, unit="seconds", absent="None for a number of steps")


def check_positive(name: str, value: object, *, unit: str = "", absent: str = "") -> float:
    """Return ``value`` as a float, or raise unless it is a finite number above zero."""
    if not isinstance(value, Real) or isinstance(value, bool) or not isfinite(value) or value <= 0:
        kind = f"a finite number of {unit} above 0" if unit else "a finite number above 0"
        raise ParameterError(f"{name}={value!r} was given; expected {kind}{_or(absent)}.")
    return float(value)


def check_whole(name: str, value: object, *, least: int, absent: str = "") -> int:
    """Return ``value`` as an int, or raise unless it is a whole number of at least ``least``."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ParameterError(f"{name}={value!r} was given; expected a whole number of at least {least}{_or(absent)}.")
    return int(value)


def check_choice(name: str, value: object, choices: Iterable[object]) -> None:
    """Raise unless ``value`` is one of ``choices``; the message names them and the closest one."""
    known = list(choices)
    # Compared by type too: 1 == True, but a choice of True does not offer 1.
    if any(type(value) is type(choice) and value == choice for choice in known):
        return
    raise ParameterError(
        f"{name}={value!r} was given; expected one of {', '.join(map(repr, known))}.{did_you_mean(value, known)}"
    )


def seed_of(random_state: Any) -> int:
    """One integer from any kind of ``random_state``; for None a fresh one, and no global state is touched."""
    from sklearn.utils import check_random_state

    if random_state is None:
        return int(np.random.default_rng().integers(2**31))
    return int(check_random_state(random_state).randint(2**31 - 1))


def did_you_mean(value: object, choices: Iterable[object]) -> str:
    """``" Did you mean 'first'?"`` when a choice is spelled much like ``value``, else nothing."""
    if not isinstance(value, str):
        return ""
    typed, names = value.lower(), [choice for choice in choices if isinstance(choice, str)]
    closest = get_close_matches(typed, names, n=1)
    if not closest:  # difflib misses a slip in the middle of equal letters
        alike = [name for name in names if len(name) == len(typed)]
        closest = [name for name in alike if sum(map(ne, name, typed)) == 1]
    return f" Did you mean {closest[0]!r}?" if closest else ""


@contextmanager
def own_errors(hint: str = "") -> Iterator[None]:
    """Turn scikit-learn's ``ValueError`` and ``TypeError`` about data into ours, in the same words.

    ``hint`` is appended where they speak of strings.
    """
    try:
        yield
    except AutoArchError:
        raise
    except TypeError as error:
        raise InputTypeError(_with_hint(error, hint)) from error
    except (ValueError, OverflowError) as error:
        raise InputError(_with_hint(error, hint)) from error


def _with_hint(error: Exception, hint: str) -> str:
    return f"{error}{hint}" if "string" in str(error) else str(error)


def _or(absent: str) -> str:
    return f", or {absent}" if absent else ""
