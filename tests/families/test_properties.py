"""Properties that every quick built-in family shares: what is sampled can be built, and rows are predicted alone."""

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from strategies import SEEDS, layouts

from autoarch import Layout
from autoarch._core.clock import Deadline
from autoarch.families import Problem
from autoarch.families.registry import resolve_families

optuna.logging.set_verbosity(optuna.logging.WARNING)
QUICK = ["linear", "tree", "kernels"]
BUILT = [*QUICK, "mlp", "cnn"]


@st.composite
def problems(draw):
    """A description of data: grids, lines and tables, labels and numbers, with categories or without."""
    task = draw(st.sampled_from(["classification", "regression"]))
    layout = draw(st.none() | layouts())
    n_features = draw(st.integers(1, 20)) if layout is None else layout.n_columns
    categorical = tuple(range(0, n_features, 3)) if layout is None and draw(st.booleans()) else ()
    n_classes = draw(st.integers(2, 5)) if task == "classification" else 0
    return Problem(
        task=task,
        n_samples=draw(st.integers(10, 100_000)),
        n_features=n_features,
        n_classes=n_classes,
        smallest_class=5 if n_classes else 0,
        layout=layout,
        categorical=categorical,
        cardinalities=tuple(2 + column % 4 for column in categorical),
        has_missing=draw(st.booleans()),
        verdict=draw(st.sampled_from(["2d", "1d-rows", "1d-columns", "none"])),
        symmetries=draw(
            st.sampled_from([(), ("wandering", "not shift"), ("exchangeable_rows",), ("symmetric", "codes")])
        ),
    )


def family_of(name):
    """A built-in family."""
    (family,) = resolve_families([name])
    return family


def fitted(family, problem, X, y, weight=None):
    """A pipeline of the family's quickest candidate."""
    *steps, (_, model) = family.build(family.smoke_params(problem), problem, 0)
    before = Pipeline(steps).fit(X, y) if steps else None
    ready = X if before is None else before.transform(X)
    family.fit(model, ready, y, sample_weight=weight, deadline=Deadline(), seed=0)
    return lambda rows: model.predict(rows if before is None else before.transform(rows))


@given(problem=problems())
def test_columns_hold_numbers_or_categories(problem):
    """Each column is one of both."""
    assert sorted([*problem.numeric, *problem.categorical]) == list(range(problem.n_features))
    assert problem.classification == (problem.n_classes > 0)


@pytest.mark.parametrize("name", BUILT)
@settings(max_examples=15)
@given(problem=problems(), seed=st.integers(0, 10_000))
def test_whatever_is_sampled_can_be_built_and_asked_for_again(name, problem, seed):
    """A trial with the sampled values gives the same parameters; the steps are a pipeline that can be cloned."""
    family = family_of(name)
    if family.unfit_for(problem) is not None:
        assert family.needs.grid and problem.layout is None
        return
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed)).ask()

    params = family.suggest(trial, problem)

    assert all(parameter.startswith(f"{name}.") for parameter in trial.params)
    assert family.suggest(optuna.trial.FixedTrial(trial.params), problem) == params
    steps = family.build(params, problem, seed)
    assert steps[-1][0] == "model"
    assert [step for step, _ in clone(Pipeline(steps)).steps] == [step for step, _ in steps]


@pytest.mark.parametrize("name", BUILT)
@settings(max_examples=25)
@given(problem=problems())
def test_defaults_lie_in_the_space_that_is_sampled(name, problem):
    """Optuna would take each one under its name, without adding anything."""
    family = family_of(name)
    if family.unfit_for(problem) is not None:
        return
    defaults = list(family.defaults(problem))

    for params in defaults:
        enqueued = {f"{name}.{key}": value for key, value in params.items()}
        assert family.suggest(optuna.trial.FixedTrial(enqueued), problem) == dict(params)
    assert len(defaults) >= 1 and family.openings(problem) >= 1


@pytest.mark.parametrize("name", QUICK)
@settings(max_examples=3)
@given(seed=SEEDS)
def test_a_row_is_predicted_alone_and_weights_of_one_change_nothing(name, seed):
    """Whatever rows stand beside it, in any order."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(30, 16)).astype(np.float32)
    y = X[:, 0] + 0.1 * rng.normal(size=30)
    problem = Problem("regression", 30, 16, layout=Layout(4, 4))
    family, rows = family_of(name), rng.permutation(30)[:11]

    predict = fitted(family, problem, X, y)
    weighted = fitted(family, problem, X, y, np.ones(30))

    np.testing.assert_allclose(predict(X[rows]), predict(X)[rows], atol=1e-5)
    np.testing.assert_allclose(weighted(X), predict(X), atol=1e-5)
