"""Fits that find room: forests of many rows or classes, and rows that take much memory or time to prepare."""

import time

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesClassifier, RandomForestRegressor
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from autoarch._core.clock import Deadline
from autoarch._search.evaluate import fit_steps
from autoarch._training import room
from autoarch._training.room import fit_forest, preparable_rows, trees_with_room
from autoarch.families.base import Problem
from autoarch.families.linear import Linear

N = 600
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(N, 5)), RNG.integers(2, size=N)


@pytest.fixture
def little(monkeypatch):
    """Limits that the data of a test exceed."""
    for name, value in {"MOST_BYTES": 2**16, "_SMALL": 100, "_TIMED_ROWS": 50, "_MOST_PREPARED": 200 * 40}.items():
        monkeypatch.setattr(room, name, value)


@pytest.mark.parametrize("deadline", [None, 1e6])
@pytest.mark.parametrize(("model", "y"), [(ExtraTreesClassifier(100), Y), (RandomForestRegressor(100), X[:, 0])])
def test_a_forest_finds_room(little, model, y, deadline):
    """Fewer trees, each of a part of the rows; the parameters say so, and it is complete."""
    fitted = fit_forest(clone(model), X, y, None, Deadline(deadline), first=2, seed=0)
    nodes = sum(tree.tree_.node_count for tree in fitted.estimators_)
    assert 2 < len(fitted.estimators_) == fitted.n_estimators < 100
    assert nodes * 88 < 2**16 * 1.3
    assert 0 < fitted.max_samples < 1
    assert fitted.complete_


def test_a_forest_that_has_room_is_left_as_it_is():
    """The same trees as those of a plain fit."""
    plain = ExtraTreesClassifier(10, random_state=0).fit(X, Y)
    ours = fit_forest(ExtraTreesClassifier(10, random_state=0), X, Y, None, Deadline(), first=2, seed=0)
    np.testing.assert_array_equal(ours.predict_proba(X), plain.predict_proba(X))
    assert trees_with_room(1_000, 2) > 100 > trees_with_room(1_000, 1_000)


def test_rows_that_are_wide_when_prepared_are_fewer(little):
    """As many as find room; all where they do, or where nothing is prepared."""
    rows = preparable_rows([StandardScaler()], X, Y, Deadline(), seed=0)
    assert len(rows) == 200
    assert (np.diff(rows) > 0).all()
    codes = RNG.integers(10, size=(N, 5)).astype(float)
    assert len(preparable_rows([OneHotEncoder(sparse_output=False)], codes, Y, Deadline(), seed=0)) == 50
    assert preparable_rows([], X, Y, Deadline(), seed=0) is None
    assert preparable_rows([StandardScaler()], X[:, :1], Y, Deadline(), seed=0) is None


def test_rows_that_take_long_to_prepare_are_fewer(little, monkeypatch):
    """Four tenths of the time left go to the preparation."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def slow(values):
        now[0] += 0.01 * len(values)
        return values[:, :1]

    rows = preparable_rows([FunctionTransformer(slow)], X, Y, Deadline(10.5), seed=0)
    assert len(rows) == 400


def test_a_candidate_of_fewer_rows_says_so(little):
    """Its training is no complete one, and it tells its rows."""
    problem = Problem("classification", N, 5, n_classes=2, smallest_class=100)
    params = Linear().defaults(problem)[0]
    model = fit_steps(Linear(), params, problem, 0, X, Y, np.ones(N), Deadline())
    assert (model[-1].complete_, model[-1].n_rows_fitted_) == (False, 200)
