"""Whole numbers that name things, and those that count or measure."""

import numpy as np
import pytest

from autoarch._data.naming_numbers import FEWEST_LEVELS, known_elsewhere, naming_columns

N = 3_000
RNG = np.random.default_rng(0)
CODES = RNG.integers(200, size=N)
EFFECTS = RNG.normal(size=200)


@pytest.mark.parametrize(
    "written",
    [lambda c: c, lambda c: 10_007 + 97 * c, lambda c: 13 * c - 900, lambda c: np.where(np.arange(N) % 9, c, np.nan)],
    ids=["from 0", "with gaps", "negative", "some missing"],
)
@pytest.mark.parametrize("classification", [False, True])
def test_codes_with_effects_of_their_own_are_names(written, classification):
    """Whatever numbers they are; measures, counts and noise beside them are not."""
    y = EFFECTS[CODES] + 0.5 * RNG.normal(size=N)
    y = np.digitize(y, [-0.5, 0.5]) if classification else y
    X = np.c_[RNG.normal(size=N), written(CODES), RNG.integers(200, size=N), RNG.poisson(30, size=N)]
    assert naming_columns(X, y, classification=classification) == (1,)
    assert naming_columns(X, y, classification=classification, categorical=[1]) == ()


@pytest.mark.parametrize(
    "effect",
    [lambda x: x, lambda x: (x - 100) ** 2, np.sqrt, lambda x: np.sin(x / 30), lambda x: x > 120, lambda x: 0 * x],
    ids=["line", "parabola", "root", "waves", "step", "none"],
)
def test_numbers_with_a_smooth_effect_are_numbers(effect):
    """Also where outliers of y, or a step, are among its neighbours."""
    x = RNG.integers(200, size=N)
    y = np.asarray(effect(x), dtype=float)
    y = y / max(y.std(), 1e-9) + RNG.standard_t(2, size=N)
    assert naming_columns(x[:, None].astype(float), y, classification=False) == ()


def test_chance_names_nothing():
    """200 columns of levels that y has nothing to do with, of numbers and of a rare label."""
    X = RNG.integers(60, size=(600, 200)).astype(float)
    assert naming_columns(X, RNG.normal(size=600), classification=False) == ()
    assert naming_columns(X, (RNG.random(600) < 0.03).astype(int), classification=True) == ()


def test_few_levels_and_levels_without_rows_are_left_alone():
    """A tree tells the former apart; of the latter nothing is known."""
    few = RNG.integers(FEWEST_LEVELS - 1, size=N)
    alone = RNG.permutation(N)
    y = EFFECTS[few] + 0.1 * RNG.normal(size=N)
    assert naming_columns(np.c_[few, alone].astype(float), y, classification=False) == ()


def test_levels_that_tell_y_exactly_are_names():
    """Without any noise within them."""
    assert naming_columns(CODES[:, None].astype(float), EFFECTS[CODES], classification=False) == (0,)


@pytest.mark.parametrize("dependent", [False, True])
def test_stretches_of_rows_that_depend_on_each_other_name_nothing(dependent):
    """Years of a record that wanders; rows that are sorted by shop, and have nothing else to do with each other, do."""
    level = np.repeat(np.arange(60), 50)
    y = EFFECTS[level] + RNG.normal(size=N)
    if dependent:
        y = np.zeros(N)
        for row in range(1, N):
            y[row] = 0.97 * y[row - 1] + RNG.normal()
    assert naming_columns(level[:, None].astype(float), y, classification=False) == (() if dependent else (0,))


def test_what_names_the_groups_that_are_held_out_is_of_no_use():
    """Levels that come again in the training rows are."""
    groups = np.arange(N) // 100
    X = np.c_[groups, CODES].astype(float)
    held_out = groups % 3 == 0
    assert known_elsewhere(X, (0, 1), [(np.flatnonzero(~held_out), np.flatnonzero(held_out))]) == (1,)
