"""Splits: which rows train and which ones judge."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, KFold, LeaveOneGroupOut, LeaveOneOut, ShuffleSplit, TimeSeriesSplit

from autoarch._data.row_splits import SplitPlan, plan_splits
from autoarch.exceptions import InputError, InputTypeError, ParameterError

RNG = np.random.default_rng(0)
FEW, SOME, MANY = 100, 3_000, 12_000


def plan(y, task="classification", random_state=0, **options):
    """Plan that has been checked for what holds of every plan."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = plan_splits(np.asarray(y), task=task, random_state=random_state, **options)
    assert isinstance(made, SplitPlan)
    assert len(made) == len(made.splits) > 0
    for train, valid in made.splits:
        assert len(train)
        assert len(valid)
        assert train.dtype == valid.dtype == np.int64
        assert max(train.max(), valid.max()) < len(y)
    return made


def targets(task, n):
    """Balanced codes or a skewed number per row."""
    return RNG.integers(0, 3, n) if task == "classification" else RNG.exponential(size=n)


TASKS = pytest.mark.parametrize("task", ["classification", "regression"])


@TASKS
@pytest.mark.parametrize(
    ("n", "kind", "n_splits"), [(FEW, "kfold", 5), (2_000, "kfold", 5), (SOME, "kfold", 3), (MANY, "holdout", 1)]
)
def test_many_rows_are_split_once_and_few_in_turn(task, n, kind, n_splits):
    """A holdout of many rows is precise enough; of few, every row judges once."""
    y = targets(task, n)
    made = plan(y, task)

    assert made.kind == kind
    assert len(made) == n_splits
    judges = np.concatenate([valid for _, valid in made.splits])
    assert len(np.unique(judges)) == len(judges)
    assert len(judges) == (n if kind == "kfold" else 2_400)
    for train, valid in made.splits:
        assert sorted([*train, *valid]) == list(range(n))
        assert abs(y[train].mean() - y[valid].mean()) < 0.25  # strata make the sides alike


def test_a_holdout_stops_growing():
    """Ten thousand rows judge well enough; the others had better train."""
    made = plan(RNG.integers(0, 3, 100_000))

    assert len(made.splits[0][1]) == 10_000
    assert made.description == "holdout of 10000 of 100000 rows, stratified by class"


@pytest.mark.parametrize("cv", ["auto", 5, 10])
def test_a_rare_class_lowers_the_number_of_folds(cv):
    """Each fold needs one of its rows, and the description says so."""
    made = plan(np.repeat([0, 1], [97, 3]), cv=cv)

    assert len(made) == 3
    assert made.description == "3 folds, stratified by class: the rarest class has 3 rows"


@pytest.mark.parametrize("n", [60, MANY])
def test_a_class_with_one_row_only_trains(n):
    """It cannot do both."""
    y = np.concatenate([targets("classification", n - 2), [7, 8]])
    made = plan(y)

    assert len(made) == (1 if n == MANY else 5)
    for train, valid in made.splits:
        assert {n - 2, n - 1} <= set(train)
        assert set(y[valid]) == {0, 1, 2}


@pytest.mark.parametrize("n", [3, MANY])
def test_classes_with_one_row_each_are_judged_on_what_they_trained(n):
    """There is no other way, and the description says so."""
    made = plan(np.arange(n))

    assert made.splits[0][0].tolist() == made.splits[0][1].tolist() == list(range(n))
    assert "no rows held out" in made.description


def test_more_classes_than_rows_to_hold_out():
    """Six thousand pairs still leave each class in training."""
    y = np.repeat(np.arange(6_000), 2)
    train, valid = plan(y).splits[0]

    assert set(y[valid]) <= set(y[train])


@given(y=st.lists(st.integers(0, 4), min_size=2, max_size=40), cv=st.sampled_from(["auto", None, 2, 4, 50]))
def test_planning_for_classes_never_fails(y, cv):
    """Whatever the classes, each one that judges also trains."""
    y = np.array(y)
    for train, valid in plan(y, cv=cv).splits:
        assert set(y) == set(y[train]) | set(y[valid])
        assert set(y[valid]) <= set(y[train])


@given(y=st.lists(st.floats(-1e9, 1e9) | st.just(0.0), min_size=2, max_size=40), cv=st.sampled_from(["auto", 2, 4, 50]))
def test_planning_for_numbers_never_fails(y, cv):
    """Whatever the numbers, two rows judge, so that R2 is defined."""
    for _, valid in plan(np.array(y), "regression", cv=cv).splits:
        assert len(valid) >= 2


@TASKS
@pytest.mark.parametrize("n", [FEW, SOME, MANY])
@pytest.mark.parametrize("convert", [np.asarray, lambda g: pd.Series(g).astype(str)])
def test_no_group_stands_on_both_sides(task, n, convert):
    """Rows of one group are never told apart."""
    groups = RNG.integers(0, n // 8, n)
    made = plan(targets(task, n), task, groups=convert(groups))

    assert "whole groups" in made.description
    for train, valid in made.splits:
        assert not set(groups[train]) & set(groups[valid])


@TASKS
def test_few_groups_make_few_folds(task):
    """There are no more folds than groups."""
    made = plan(targets(task, FEW), task, groups=np.arange(FEW) % 2)

    assert len(made) == 2
    assert "there are 2 groups" in made.description


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        pytest.param(np.zeros(FEW), "a single group, .*0", id="one"),
        pytest.param([1, 2], r"inconsistent numbers of samples: \[100, 2\]", id="length"),
        pytest.param([None] + [1, 2, 3] * 33, "groups contains NaN", id="missing"),
    ],
)
def test_senseless_groups_are_refused(groups, message):
    """The message says what to pass instead."""
    with pytest.raises(InputError, match=message):
        plan(targets("classification", FEW), groups=groups)


@TASKS
@pytest.mark.parametrize("n", [FEW, MANY])
@pytest.mark.parametrize("groups", [None, np.arange])
def test_equal_seeds_give_equal_splits(task, n, groups):
    """And other seeds others; the global random state is left alone."""
    y, groups = targets(task, n), None if groups is None else groups(n) // 10
    np.random.seed(3)
    before = np.random.get_state()[1].copy()

    first, second, other = (plan(y, task, seed, groups=groups) for seed in (1, 1, 2))
    unseeded = [plan(y, task, None, groups=groups) for _ in range(10)]  # ten groups leave 45 first folds
    by_instance = [plan(y, task, np.random.RandomState(1), groups=groups) for _ in range(2)]

    assert all(np.array_equal(a[1], b[1]) for a, b in zip(first.splits, second.splits, strict=True))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(*(p.splits for p in by_instance), strict=True))
    assert not np.array_equal(first.splits[0][1], other.splits[0][1])
    assert not all(np.array_equal(first.splits[0][1], drawn.splits[0][1]) for drawn in unseeded)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("n", [FEW, MANY])
def test_a_number_asks_for_so_many_folds(n):
    """Also of many rows; None is five, as in scikit-learn."""
    assert len(plan(targets("classification", n), cv=4)) == 4
    assert len(plan(targets("classification", n), cv=np.int64(2))) == 2
    assert len(plan(targets("classification", n), cv=None)) == 5


@pytest.mark.parametrize(
    ("cv", "n_splits"),
    [
        pytest.param(KFold(4), 4, id="splitter"),
        pytest.param(TimeSeriesSplit(3), 3, id="time-series"),
        pytest.param([(np.arange(50), np.arange(50, 100))], 1, id="pairs"),
        pytest.param(((range(i), range(i, 100)) for i in (20, 40)), 2, id="generator"),
        pytest.param([(np.arange(100) < 80, np.arange(100) >= 80)], 1, id="masks"),
        pytest.param([([0, 1], [-1])], 1, id="counted-from-the-end"),
    ],
)
def test_splits_of_the_users_own_are_taken(cv, n_splits):
    """Splitters and pairs of row numbers, as scikit-learn takes them."""
    made = plan(targets("classification", FEW), cv=cv)

    assert made.kind == "user"
    assert len(made) == n_splits


def test_groups_reach_the_users_splitter_as_they_are():
    """A splitter may read the groups' values."""
    groups = np.repeat(["a", "b", "c", "d"], FEW // 4)
    made = plan(targets("classification", FEW), cv=LeaveOneGroupOut(), groups=groups)

    assert len(made) == 4
    assert set(groups[made.splits[0][1]]) == {"a"}


def test_the_users_splitter_sees_the_rows():
    """A splitter may look at the rows."""
    seen = []

    class Splitter(KFold):
        def split(self, X, y=None, groups=None):
            seen.append(X)
            return super().split(X, y, groups)

    X = np.zeros((FEW, 2))
    plan(targets("classification", FEW), cv=Splitter(2), X=X)

    assert seen[0] is X


def test_an_unseeded_splitter_leaves_the_global_random_state_alone():
    """scikit-learn's splitters draw from it; it is put back."""
    before = np.random.get_state()[1].copy()

    plan(targets("classification", FEW), cv=ShuffleSplit(2))

    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("cv", [1, 0, -3, True, 2.5, "kfold", object()])
def test_what_is_no_cv_is_refused(cv):
    """The message says what cv may be."""
    with pytest.raises(ParameterError, match="expected 'auto', a whole number of at least 2"):
        plan(targets("classification", FEW), cv=cv)


def test_a_misspelled_cv_gets_a_hint():
    """The only word is 'auto'."""
    with pytest.raises(ParameterError, match="Did you mean 'auto'"):
        plan(targets("classification", FEW), cv="Auto")


@pytest.mark.parametrize(
    ("cv", "error", "message"),
    [
        pytest.param([], InputError, "gives 0 splits", id="none"),
        pytest.param([([0, 1], [])], InputError, "needs rows for training and for validation", id="no-judges"),
        pytest.param([([0, 1], [100])], InputError, "X has 100 rows, numbered from 0", id="beyond-the-end"),
        pytest.param([([0.5, 1], [2])], InputError, "expected a 1-D array of row numbers", id="floats"),
        pytest.param([([[0, 1]], [2])], InputError, "expected a 1-D array of row numbers", id="2-d"),
        pytest.param([(0, 1, 2)], InputError, "unpack", id="triples"),
        pytest.param([3, 4], InputTypeError, "unpack", id="numbers"),
        pytest.param(KFold(101), InputError, "Cannot have number of splits", id="too-many"),
        pytest.param(GroupKFold(2), InputError, "groups", id="groups-missing"),
    ],
)
def test_splits_that_do_not_fit_are_refused(cv, error, message):
    """Before any long work."""
    with pytest.raises(error, match=message):
        plan(targets("classification", FEW), cv=cv)


def test_leaving_one_out_is_the_users_choice():
    """Splits of the user's own are not second-guessed."""
    assert len(plan(targets("regression", 10), "regression", cv=LeaveOneOut())) == 10
