"""The simplest models: there at any budget, and limited whatever the size of the data."""

import numpy as np
import optuna
import pytest

from autoarch._core.clock import Deadline
from autoarch._data.layout import Layout
from autoarch._search.baseline import KINDS, Baseline
from autoarch._training.time_limited import work_done
from autoarch.families import Problem


def table(n, p, n_classes):
    """Numbers, a category and gaps; labels or a value that follow from the first column."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, p)).astype(np.float32)
    y = X[:, 0].astype(np.float64)
    if n_classes:
        y = np.array(["low", "high"])[(y > 0).astype(int)]
    X[:, 1] = rng.integers(3, size=n)
    X[::7, 2] = np.nan
    task = "classification" if n_classes else "regression"
    return Problem(task, n, p, n_classes=n_classes, categorical=(1,), cardinalities=(3,), has_missing=True), X, y


def fitted(problem, X, y, kind, deadline, weight=None, scaled=True):
    """The model of one kind, as the family fits it."""
    ((_, model),) = Baseline().build({"kind": kind, "scaled": scaled}, problem, 0)
    return Baseline().fit(model, X, y, sample_weight=weight, deadline=deadline, seed=0)


@pytest.mark.parametrize("n_classes", [0, 2])
@pytest.mark.parametrize("seconds", [None, 0.0, 1e6])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_there_however_little_time_is_left(kind, seconds, n_classes):
    """It predicts, says on how many rows it was fitted, and takes weights."""
    problem, X, y = table(150, 5, n_classes)
    weight = np.r_[np.zeros(20), np.ones(130)]
    model = fitted(problem, X, y, kind, Deadline(seconds), weight)
    assert len(model.predict(X[:9])) == 9
    assert work_done(model)[0] == (150 if kind == "constant" else 100 if (kind, seconds) == ("nearest", 0.0) else 130)


def test_the_kinds_learn_what_they_can():
    """A constant nothing, a forest most, and the nearest row knows its own label."""
    problem, X, y = table(400, 5, 2)
    scores = {kind: fitted(problem, X, y, kind, Deadline()).score(X, y) for kind in KINDS}
    assert scores["constant"] < 0.6 < 0.9 < scores["forest"]
    assert scores["nearest"] == 1.0


@pytest.mark.parametrize(("kind", "rows"), [("forest", 2_000), ("nearest", 3633)])
def test_large_tables_are_read_in_part(kind, rows):
    """So many rows as a second allows, and none without a clock either: results must repeat."""
    problem, X, y = table(20_000, 300, 2)
    model = fitted(problem, X, y, kind, Deadline())
    assert (model.n_rows_fitted_, model.complete_) == (rows, True)


def test_the_cheapest_kind_comes_first_and_all_can_be_sampled():
    """The order of the defaults is that of their costs, and each lies in the space."""
    problem, _, _ = table(50, 5, 2)
    defaults = Baseline().defaults(problem)
    seconds = [Baseline().nominal_seconds(params, problem) for params in defaults]
    assert [params["kind"] for params in defaults] == list(KINDS) and seconds[0] == min(seconds)
    for params in defaults:
        given = {"scaled": True, **params}
        trial = optuna.trial.FixedTrial({f"baseline.{name}": value for name, value in given.items()})
        assert Baseline().suggest(trial, problem) == params


@pytest.mark.parametrize(
    ("changes", "scaled"),
    [
        pytest.param({"layout": Layout(5, 10)}, [False], id="grid"),
        pytest.param({"categorical": (1,), "cardinalities": (3,)}, [True], id="categories"),
        pytest.param({}, [True, False], id="numbers"),
    ],
)
def test_distances_are_those_of_cells_as_they_are_or_of_scaled_columns(changes, scaled):
    """Cells of a grid have one unit, categories need a scale beside them, and of numbers nobody knows."""
    problem = Problem("classification", 100, 50, n_classes=2, smallest_class=40, **changes)
    assert [params["scaled"] for params in Baseline().defaults(problem) if params["kind"] == "nearest"] == scaled
