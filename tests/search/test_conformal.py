"""Intervals and sets hold what their coverage says."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch._search.conformal import LeftOut
from autoarch.exceptions import InputError, ParameterError

LINEAR = {"time_budget": None, "n_trials": 1, "families": "linear", "random_state": 0, "verbose": 0}


def skewed(n, seed):
    """Numbers whose errors have one long tail."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    return X, X[:, 0] + rng.exponential(size=n)


@pytest.fixture(scope="module")
def regressor():
    return AutoArchRegressor(**LINEAR).fit(*skewed(600, 0))


@pytest.mark.parametrize("coverage", [0.5, 0.9, 0.98])
def test_intervals_hold_as_many_new_numbers_as_they_say(regressor, coverage):
    """On new rows, within what as many left-out and new rows allow."""
    X, y = skewed(4000, 1)
    ends = regressor.predict_interval(X, coverage)
    held = np.mean((ends[:, 0] <= y) & (y <= ends[:, 1]))
    assert abs(held - coverage) < 3 * np.sqrt(coverage * (1 - coverage) * (1 / 600 + 1 / 4000)) + 1 / 300


def test_intervals_follow_a_tail(regressor):
    """Errors to one side are larger, and so is that side of the interval."""
    X, _ = skewed(5, 2)
    low, high = (regressor.predict_interval(X) - regressor.predict(X)[:, None]).T
    assert (high > -1.5 * low).all()


def test_intervals_are_wide_where_predictions_are_uncertain():
    """Errors that grow with the prediction get a scale; errors that do not get none."""
    rng = np.random.default_rng(3)
    predicted = rng.uniform(1, 10, 1000)
    growing = LeftOut(predicted, predicted * (1 + 0.3 * rng.normal(size=1000)), 1000).interval(
        np.array([1.0, 10.0]), 0.9
    )
    even = LeftOut(predicted, predicted + rng.normal(size=1000), 1000).interval(np.array([1.0, 10.0]), 0.9)
    assert np.ptp(growing[1]) > 3 * np.ptp(growing[0])
    assert np.ptp(even[1]) == pytest.approx(np.ptp(even[0]))


def test_few_groups_make_wider_intervals():
    """Twenty groups say less of the next one than a thousand rows of the next row."""
    rng = np.random.default_rng(4)
    values, truth = np.zeros(1000), rng.normal(size=1000)
    groups, rows = (np.ptp(LeftOut(values, truth, n).interval(np.zeros(1), 0.8)) for n in (20, 1000))
    assert groups > rows


@pytest.mark.parametrize(("shared", "least", "most"), [(0.0, 300, 1000), (1.0, 20, 40)])
def test_groups_count_as_rows_where_these_err_by_themselves(shared, least, most):
    """And as one row each where all of a group err together; intervals hold as often either way."""
    rng = np.random.default_rng(7)
    who = np.repeat(np.arange(20), 50)

    def draw(k):
        return (shared * 3 * rng.normal(size=(k, 1)) + rng.normal(size=(k, 50))).ravel()

    held, counted = [], []
    for _ in range(60):
        known, new = LeftOut.of_numbers(np.zeros(1000), draw(20), who), draw(100)
        low, high = known.interval(np.zeros(1), 0.9)[0]
        held.append(np.mean((low <= new) & (new <= high)))
        counted.append(known.n_units)
    assert least <= np.median(counted) <= most
    assert 0.88 < np.mean(held) < 0.93


@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_sets_hold_the_class_as_often_as_they_say_and_are_never_empty(coverage):
    """Hard rows get large sets, easy ones a single class."""
    rng = np.random.default_rng(5)

    def draw(n):
        proba = rng.dirichlet([0.5] * 5, n)
        return proba, np.array([rng.choice(5, p=each) for each in proba])

    proba, truth = draw(800)
    new, labels = draw(3000)
    chosen = LeftOut.of_classes(proba, truth, None).sets(new, coverage)
    assert chosen.any(axis=1).all()
    assert chosen[np.arange(3000), labels].mean() > coverage - 3 * np.sqrt(coverage * (1 - coverage) / 800)
    sure = new.max(axis=1)
    assert chosen[sure < 0.5].sum(axis=1).mean() > chosen[sure > 0.9].sum(axis=1).mean()


def test_left_out_predictions_are_in_memory_only():
    """They are as long as y, and intervals and sets work without them."""
    X, y = load_iris(return_X_y=True)
    clf = AutoArchClassifier(**LINEAR).fit(X, y)
    assert clf.left_out_predictions_.shape == (150, 3)
    assert np.mean(clf.left_out_predictions_.argmax(axis=1) == y) > 0.9
    assert "left_out_predictions_" not in clf.__getstate__()
    assert clf.predict_set(X).shape == (150, 3)


def test_what_too_few_rows_cannot_say_is_an_error(regressor):
    """It says how many are needed, and what would do."""
    X, _ = skewed(3, 6)
    with pytest.raises(InputError, match=r"needs 1999 rows that were left out, and 600 were"):
        regressor.predict_interval(X, 0.999)
    with pytest.raises(ParameterError, match="coverage=90"):
        regressor.predict_interval(X, 90)


def test_rows_that_judged_themselves_give_no_intervals():
    """Where each class has a single row none is left out."""
    clf = AutoArchClassifier(**LINEAR).fit(np.arange(6.0).reshape(3, 2), ["a", "b", "c"])
    with pytest.raises(InputError, match="No rows were left out"):
        clf.predict_set(np.zeros((1, 2)))
