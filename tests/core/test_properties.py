"""Properties of deadlines, budgets and checks of parameters, for any numbers and words."""

import pickle
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoarch._core.checks import check_choice, check_positive, check_whole, did_you_mean, seed_of
from autoarch._core.clock import Budget, Deadline, OutOfTimeError
from autoarch.exceptions import ParameterError

SECONDS = st.floats(-10, 1e6)
WORDS = st.text(string.ascii_lowercase, min_size=6, max_size=10)


@given(seconds=SECONDS, fraction=st.floats(0, 1))
def test_a_share_of_a_deadline_never_exceeds_what_is_left(seconds, fraction):
    """A share of a time that is over is over; without a limit a share has none either."""
    deadline = Deadline(seconds)
    before = deadline.left

    share = deadline.share(fraction)

    assert share.left <= max(0.0, before) * fraction + 1e-9
    assert not share.unlimited and (seconds > 0 or share.over)
    assert Deadline().share(fraction).unlimited


@given(seconds=SECONDS)
def test_a_deadline_grows_on_no_journey(seconds):
    """From a pickle it has at most the seconds that were left; without a limit it stays without."""
    deadline = Deadline(seconds)

    copy = pickle.loads(pickle.dumps(deadline))

    assert seconds - 5 < copy.left <= seconds + 1e-6
    assert pickle.loads(pickle.dumps(Deadline())).unlimited


@given(seconds=st.floats(-10, -1e-3) | st.floats(60, 1e6) | st.none())
def test_a_check_raises_exactly_when_the_time_is_up(seconds):
    """Over and check agree, and elapsed time is never negative."""
    deadline = Deadline(seconds)

    if seconds is not None and seconds < 0:
        with pytest.raises(OutOfTimeError):
            deadline.check()
    else:
        deadline.check()
    assert deadline.over == (seconds is not None and seconds < 0)
    assert deadline.elapsed >= 0


@given(seconds=st.floats(1, 1e5), keep=st.floats(0, 1e5), fraction=st.floats(0, 1), charged=st.floats(-10, 10))
def test_a_budget_never_hands_out_more_than_it_has(seconds, keep, fraction, charged):
    """What is kept back and what a cache is charged for are not given to a trial; charges are never refunds."""
    budget = Budget(seconds, None)
    before = budget.left
    budget.charge(charged)

    left = budget.left
    deadline = budget.deadline(keep=keep, fraction=fraction)

    assert left <= before - max(0.0, charged) + 1e-6
    assert deadline.left <= max(0.0, left - keep) * fraction + 1e-6


@given(value=st.integers(-20, 20) | st.floats(-9, 9) | st.sampled_from([True, None, "1"]), least=st.integers(-5, 5))
def test_whole_numbers_pass_and_nothing_else_does(value, least):
    """No boolean, no float, no word; numpy's integers are whole numbers too."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        assert check_whole("n", value, least=least) == value
        assert check_whole("n", np.int64(value), least=least) == value
    else:
        with pytest.raises(ParameterError, match="n="):
            check_whole("n", value, least=least)


@given(value=st.floats() | st.integers(-5, 5) | st.booleans() | st.none())
def test_positive_numbers_are_finite_and_above_zero(value):
    """NaN, infinities, zero and booleans are refused."""
    if value is not None and not isinstance(value, bool) and 0 < value < np.inf:
        assert check_positive("x", value) == value
    else:
        with pytest.raises(ParameterError, match="x="):
            check_positive("x", value)


@given(choices=st.lists(WORDS, min_size=1, max_size=4, unique=True), place=st.integers(0, 3), letter=st.integers(0, 5))
def test_a_slip_of_one_letter_is_answered_with_the_word_that_was_meant(choices, place, letter):
    """Each choice passes; a word that is none of them is refused with all of them in the message."""
    word = choices[place % len(choices)]
    check_choice("kind", word, choices)
    wrong = word[:letter] + "Z" + word[letter + 1 :]

    with pytest.raises(ParameterError) as caught:
        check_choice("kind", wrong, choices)

    assert all(repr(choice) in str(caught.value) for choice in choices)
    assert did_you_mean(wrong, [word]) == f" Did you mean {word!r}?"


@given(seed=st.integers(0, 2**32 - 1))
def test_a_seed_gives_one_integer_and_leaves_the_global_state_alone(seed):
    """An int gives the same one each time, a RandomState moves on."""
    before = np.random.get_state()[1].copy()
    state = np.random.RandomState(seed)

    first, second = seed_of(state), seed_of(state)

    assert seed_of(seed) == seed_of(seed) == first != second
    assert 0 <= seed_of(None) < 2**31
    np.testing.assert_array_equal(np.random.get_state()[1], before)
