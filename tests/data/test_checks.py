"""Parameter checks: what came, what was expected, what to do next."""

import math

import numpy as np
import pytest

from autoarch._core.checks import check_budget, check_choice, check_positive, check_whole, did_you_mean, own_errors
from autoarch.exceptions import AutoArchError, InputError, InputTypeError, LayoutError, ParameterError


@pytest.mark.parametrize(("seconds", "trials"), [(1, None), (0.5, 3), (None, 1), (np.float32(2), np.int64(2))])
def test_a_budget_needs_one_limit(seconds, trials):
    """Seconds, trials or both."""
    check_budget(seconds, trials)


@pytest.mark.parametrize(
    ("seconds", "trials", "message"),
    [
        pytest.param(None, None, "time_budget=None and n_trials=None", id="endless"),
        *[
            pytest.param(s, None, "time_budget=.*seconds above 0", id=repr(s))
            for s in (0, -1, math.inf, math.nan, "60")
        ],
        *[pytest.param(60, t, "n_trials=.*at least 1", id=repr(t)) for t in (0, -1, 1.5, True, "3")],
    ],
)
def test_a_senseless_budget_is_refused(seconds, trials, message):
    """The message names the parameter and what it may be."""
    with pytest.raises(ParameterError, match=message):
        check_budget(seconds, trials)


def test_checks_return_plain_numbers():
    """numpy's scalars do not travel on."""
    assert type(check_positive("x", np.float32(2))) is float
    assert type(check_whole("x", np.int8(2), least=1)) is int


def test_a_choice_is_compared_by_type_too():
    """1 is not True, though Python finds them equal."""
    check_choice("shrink", True, (True, False))
    with pytest.raises(ParameterError, match="shrink=1 was given"):
        check_choice("shrink", 1, (True, False))


def test_a_misspelled_choice_gets_a_hint():
    """The nearest name is offered where one is near."""
    assert did_you_mean("CNNs", ["cnn", "tree"]) == " Did you mean 'cnn'?"
    assert did_you_mean("forest", ["cnn", "tree"]) == ""
    assert did_you_mean(3, ["cnn", "tree"]) == ""


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        pytest.param(ValueError("no string"), InputError, id="value"),
        pytest.param(OverflowError("no string"), InputError, id="overflow"),
        pytest.param(TypeError("no string"), InputTypeError, id="type"),
        pytest.param(LayoutError("no string"), LayoutError, id="ours-already"),
    ],
)
def test_errors_about_data_become_ours(raised, expected):
    """The words stay, the cause is kept, and a hint joins where strings are the matter."""
    with pytest.raises(expected, match="no string") as caught, own_errors(hint=" Use a DataFrame."):
        raise raised

    assert (caught.value if isinstance(raised, AutoArchError) else caught.value.__cause__) is raised
    assert ("DataFrame" in str(caught.value)) == (caught.value is not raised)
