"""Checks of parameters, in our error form: what came, what was expected, what to do next."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from math import isfinite, prod
from numbers import Integral, Real
from operator import ne
from typing import Any

import numpy as np

from autoarch.exceptions import AutoArchError, InputError, InputTypeError, ParameterError

MOST_SECONDS = 1e9  # 31 years; clocks and locks overflow some way beyond
MOST_WHOLE = 2**31 - 1  # of a count; what is counted here fits into 32 bits
MOST_SEED = 2**32 - 1  # of numpy's RandomState
_ONE_SHAPE = (
    " Pass numbers in rows of one length, as a numpy array or a pandas DataFrame; samples of different sizes as a list "
    "of numpy arrays."
)
_LARGEST_MADE = 10**8  # values of a data set that is made to order: 800 MB
_MOST_LETTERS = 80  # of a value that a message shows


def check_budget(time_budget: float | None, n_trials: int | None) -> None:
    """Raise unless at least one of the two limits is set, and each one that is set makes sense."""
    if time_budget is None and n_trials is None:
        raise ParameterError(
            "time_budget=None and n_trials=None were given, so the search would never end. "
            "Set time_budget (seconds), n_trials (a count), or both."
        )
    if time_budget is not None:
        check_seconds("time_budget", time_budget, absent="None for 'no limit on time'")
    if n_trials is not None:
        check_whole("n_trials", n_trials, least=1, absent="None for 'as many as fit in time_budget'")


def check_training_length(steps: int | None, time_budget: float | None) -> None:
    """Raise unless each of the two limits of a net's training that is set makes sense."""
    if steps is not None:
        check_whole("steps", steps, least=1, absent="None for as many as the cnn family takes")
    if time_budget is not None:
        check_seconds("time_budget", time_budget, absent="None for a number of steps")


def check_positive(name: str, value: object, *, unit: str = "", absent: str = "", or_zero: bool = False) -> float:
    """Return ``value`` as a float, or raise unless it is a finite number above zero, or zero where that is allowed."""
    number = as_float(value)
    if number is None or not isfinite(number) or number < 0 or (number == 0 and not or_zero):
        least = "of at least 0" if or_zero else "above 0"
        kind = f"a finite number of {unit} {least}" if unit else f"a finite number {least}"
        raise ParameterError(f"{name}={shown(value)} was given; expected {kind}{_or(absent)}.")
    return number


def check_seconds(name: str, value: object, *, absent: str = "") -> float:
    """Return ``value`` as a float, or raise unless it is a time that clocks can count."""
    seconds = check_positive(name, value, unit="seconds", absent=absent)
    if seconds > MOST_SECONDS:
        raise ParameterError(
            f"{name}={shown(value)} was given; expected at most {MOST_SECONDS:g} seconds, which are 31 years"
            f"{_or(absent)}."
        )
    return seconds


def check_whole(name: str, value: object, *, least: int, most: int = MOST_WHOLE, absent: str = "") -> int:
    """Return ``value`` as an int, or raise unless it is a whole number from ``least`` to ``most``."""
    number = as_int(value)
    if number is None or number < least:
        raise ParameterError(
            f"{name}={shown(value)} was given; expected a whole number of at least {least}{_or(absent)}."
        )
    if number > most:
        raise ParameterError(f"{name}={shown(value)} was given; expected a whole number of at most {most:,}.")
    return number


def check_flag(name: str, value: object) -> bool:
    """Return ``value`` as a bool, or raise unless it is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ParameterError(f"{name}={shown(value)} was given; expected True or False.")
    return bool(value)


def check_verbose(value: object) -> int:
    """Return how much is shown, 0 or more; True is 1."""
    return check_whole("verbose", int(value) if isinstance(value, (bool, np.bool_)) else value, least=0)


def check_jobs(value: object) -> None:
    """Raise unless ``value`` is None, a number of jobs, or a negative number, as joblib counts processors."""
    if value is None:
        return
    if not (number := as_int(value)) or abs(number) > MOST_WHOLE:
        raise ParameterError(
            f"n_jobs={shown(value)} was given; expected a whole number of jobs, -1 for all processors, or None."
        )


def check_choice(name: str, value: object, choices: Iterable[object]) -> None:
    """Raise unless ``value`` is one of ``choices``; the message names them and the closest one."""
    known = list(choices)
    # Compared by type too: 1 == True, but a choice of True does not offer 1.
    if any(isinstance(value, type(choice)) and (value is choice or value == choice) for choice in known):
        return
    raise ParameterError(
        f"{name}={shown(value)} was given; expected one of {', '.join(map(repr, known))}.{did_you_mean(value, known)}"
    )


def check_sides(name: str, shape: object, *, times: int = 1, least: int = 1, absent: str = "") -> tuple[int, int]:
    """Return the height and width, at least ``least``, of a grid that is to be made ``times`` times, or raise."""
    if isinstance(shape, np.ndarray):
        shape = shape.tolist()
    sides = shape if isinstance(shape, (tuple, list)) else ()
    if len(sides) != 2:
        raise ParameterError(
            f"{name}={shown(shape)} was given; expected (height, width), two whole numbers{_or(absent)}."
        )
    height, width = (check_whole(f"{name}[{place}]", side, least=least) for place, side in enumerate(sides))
    check_made(f"{name}={(height, width)}", times, height, width)
    return height, width


def check_made(what: str, *sides: int) -> None:
    """Raise where a data set of these sides would be larger than any that is made to order."""
    if prod(sides) > _LARGEST_MADE:
        raise ParameterError(
            f"{what} was given, which makes {prod(sides):.3g} values; expected at most {_LARGEST_MADE:g}. Ask for less."
        )


def check_dtype(name: str, value: object) -> None:
    """Raise unless ``value`` is a type of floats of numpy, which can say that a value is missing."""
    try:
        kind = np.dtype(value).kind  # type: ignore[call-overload]
    except Exception:  # an object of the user's own may raise anything
        kind = ""
    if kind != "f":
        raise ParameterError(f"{name}={shown(value)} was given; expected a type of floats, such as numpy.float32.")


def check_seed(random_state: object) -> None:
    """Raise unless ``random_state`` is None, a seed or a RandomState."""
    if random_state is None or isinstance(random_state, np.random.RandomState) or random_state is np.random:
        return
    seed = as_int(random_state)
    if seed is None or not 0 <= seed <= MOST_SEED:
        raise ParameterError(
            f"random_state={shown(random_state)} was given; expected a whole number from 0 to {MOST_SEED:,}, a "
            "numpy.random.RandomState, or None for a seed of the moment."
        )


def seed_of(random_state: Any) -> int:
    """One integer from any kind of ``random_state``; for None a fresh one, and no global state is touched.

    Raises
    ------
    ParameterError
        If it is of no kind that scikit-learn knows.
    """
    from sklearn.utils import check_random_state

    check_seed(random_state)
    if random_state is None:
        return int(np.random.default_rng().integers(2**31))
    return int(check_random_state(random_state).randint(2**31 - 1))


def check_sequence(name: str, value: object, expected: str) -> Sequence[Any]:
    """Return the items of ``value`` as a list, or raise unless it is a list, a tuple or a flat array."""
    if isinstance(value, (list, tuple)):
        return list(value)
    if type(value).__module__.partition(".")[0] in ("numpy", "pandas") and getattr(value, "ndim", 0) == 1:
        return list(value)  # type: ignore[call-overload]
    raise ParameterError(f"{name}={shown(value)} was given; expected {expected}.")


def check_distinct(name: str, value: object, expected: str) -> None:
    """Raise unless ``value`` has several items, each once."""
    items = check_sequence(name, value, expected)
    with own_errors(reading=name):
        if len(set(items)) < len(items):
            raise ParameterError(f"{name}={shown(value)} names an item twice; expected {expected}, each once.")


def shown(value: object) -> str:
    """Short form of a value for messages, whatever its ``repr`` does."""
    try:
        text = _SHORT.repr(value)
    except Exception:  # an object of the user's own may raise anything
        text = f"<{type(value).__name__}>"
    text = " ".join(text.split())
    return text if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}..."


def as_int(value: object) -> int | None:
    """A whole number as an int; None for anything else, truth values among them."""
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else None


def as_float(value: object) -> float | None:
    """A real number as a float; None for anything else, truth values and what no float holds among them."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


class _Short(reprlib.Repr):
    """Short forms that need no more than a glance at large values."""

    def repr_instance(self, x: Any, level: int) -> str:
        """A type and a shape, where there is one that says enough; else as Python has it."""
        shape = getattr(x, "shape", None) if not isinstance(x, type) else None
        return super().repr_instance(x, level) if not shape else f"<{type(x).__name__} of shape {tuple(shape)}>"

    def repr_ndarray(self, x: Any, level: int) -> str:
        """A small array as it is, of a large one type and shape."""
        return repr(x) if x.size <= self.maxlist else f"<array of {x.dtype} of shape {x.shape}>"


_SHORT = _Short()
_SHORT.maxlist = _SHORT.maxtuple = 8
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = _MOST_LETTERS


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
def own_errors(hint: str = "", *, reading: str = "") -> Iterator[None]:
    """Turn what is raised while data of the user's are read into our errors.

    scikit-learn's ``ValueError`` and ``TypeError`` about data keep their words, and ``hint`` is appended where they
    speak of strings. Anything else comes from the object that is read, which may be of any class, and is told with
    ``reading``, its name.
    """
    try:
        yield
    except (AutoArchError, Warning):
        raise
    except (ValueError, OverflowError) as error:
        if isinstance(error, AttributeError):  # both at once is scikit-learn's NotFittedError
            raise
        raise InputError(_with_hint(error, hint)) from error
    except TypeError as error:
        raise InputTypeError(_with_hint(error, hint)) from error
    except MemoryError as error:
        raise InputError(f"{reading or 'The input'} does not fit into memory ({error}). Pass less of it.") from error
    except Exception as error:
        raise InputTypeError(
            f"{reading or 'The input'} cannot be read: {type(error).__name__}: {error}. Pass a numpy array, a pandas "
            "DataFrame, or what converts to one of them."
        ) from error


def _with_hint(error: Exception, hint: str) -> str:
    text = str(error)
    if "string" in text and hint:
        return f"{text}{hint}"
    return f"{text}{_ONE_SHAPE}" if "sequence" in text or "inhomogeneous" in text else text


def _or(absent: str) -> str:
    return f", or {absent}" if absent else ""
