"""Losses that follow the score: what a scorer asks for, targets that are transformed, constants."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression
from sklearn.metrics import get_scorer, make_scorer, mean_pinball_loss, mean_tweedie_deviance

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch._search.baseline import Baseline
from autoarch._search.scoring import resolve_scorer
from autoarch.families.base import Problem
from autoarch.families.linear import Linear
from autoarch.families.objective import Objective, OnTarget, objective_of, with_targets
from autoarch.families.tree import Tree

pytestmark = pytest.mark.usefixtures("probe_without_labels")

SETTINGS = {"time_budget": None, "n_trials": 4, "random_state": 0, "verbose": 0, "cv": 2, "ensemble_size": 1}
PINBALL = make_scorer(mean_pinball_loss, alpha=0.9, greater_is_better=False)
TWEEDIE = make_scorer(mean_tweedie_deviance, power=1.5, greater_is_better=False)


@pytest.fixture(scope="module")
def skewed():
    """Positive numbers with a long tail, two thirds of whose logarithm can be told."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(360, 3))
    return X, np.exp(X[:, 0] + 0.7 * rng.normal(size=360))


@pytest.mark.parametrize(
    ("scoring", "expected"),
    [
        pytest.param("r2", ("squared", -np.inf), id="r2"),
        pytest.param("neg_mean_absolute_error", ("absolute", -np.inf), id="mae"),
        pytest.param("neg_median_absolute_error", ("absolute", -np.inf), id="median"),
        pytest.param(PINBALL, ("quantile", -np.inf), id="pinball"),
        pytest.param("neg_mean_squared_log_error", ("squared log", 0.0), id="msle"),
        pytest.param("neg_mean_absolute_percentage_error", ("percentage", -np.inf), id="percentage"),
        pytest.param("neg_mean_poisson_deviance", ("poisson", 1e-3), id="poisson"),
        pytest.param("neg_mean_gamma_deviance", ("gamma", 1e-3), id="gamma"),
        pytest.param(TWEEDIE, ("tweedie", 1e-3), id="tweedie"),
        pytest.param(lambda estimator, X, y: 0.0, ("squared", -np.inf), id="a-function"),
    ],
)
def test_the_objective_is_read_off_the_scorer(scoring, expected):
    """The loss, and the least prediction that has a score."""
    found = objective_of(resolve_scorer(scoring, "regression"), np.array([1.0, 2.0, 4.0]), classification=False)

    assert (found.loss, found.low) == expected
    assert found.positive == "yes"
    assert found.level == {"quantile": 0.9, "tweedie": 1.5}.get(found.loss, found.level)


def test_only_a_target_that_asks_for_it_changes_the_candidates():
    """Squared error of numbers without a long tail leaves the defaults as they are; a long tail adds to them."""
    rng = np.random.default_rng(0)
    scorer = get_scorer("r2")
    plain = Problem("regression", 200, 3, objective=objective_of(scorer, rng.normal(size=200), classification=False))
    tailed = objective_of(scorer, np.exp(2 * rng.normal(size=200)), classification=False)

    assert with_targets(Tree(), plain) == list(Tree().defaults(plain))
    found = with_targets(Tree(), Problem("regression", 200, 3, objective=tailed))
    assert {params["target"] for params in found} == {"plain", "loss", "log"}
    assert found[0]["target"] == "plain"


@pytest.mark.parametrize("way", ["plain", "log", "ranks"])
@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_targets_come_back_in_the_units_of_y(way, scale):
    """A model that knows y returns it, whatever its unit; a clone does the same."""
    rng = np.random.default_rng(0)
    y = np.exp(rng.normal(size=200)) * scale
    objective = objective_of(get_scorer("neg_mean_absolute_error"), y, classification=False)
    known = np.log(y)[:, None] if way == "log" else y[:, None] / scale
    model = OnTarget(LinearRegression(), way, objective).fit(known, y)

    found = model.predict(known)
    if way == "ranks":
        assert np.corrcoef(np.argsort(np.argsort(found)), np.argsort(np.argsort(y)))[0, 1] > 0.999
    else:
        np.testing.assert_allclose(found, y, rtol=1e-6)
    np.testing.assert_allclose(clone(model).fit(known, y).predict(known), found)


def test_means_that_went_through_logarithms_are_means_again():
    """The exponential of a mean is too small; a factor makes up for it where the score wants means."""
    y = np.random.default_rng(0).lognormal(0, 1, 2000)
    X = np.zeros((2000, 1))

    mean = OnTarget(DummyRegressor(), "log", Objective("squared", positive="yes", skewed=True)).fit(X, y)
    middle = OnTarget(DummyRegressor(), "log", Objective("absolute", positive="yes")).fit(X, y)

    np.testing.assert_allclose(mean.predict(X[:1]), y.mean())
    np.testing.assert_allclose(middle.predict(X[:1]), np.exp(np.log(y).mean()))


def test_predictions_stay_in_the_domain_of_the_score():
    """A linear model of counts predicts less than none; clipped, its deviance is defined."""
    X = np.linspace(-3, 3, 60)[:, None]
    y = np.maximum(np.round(np.exp(X[:, 0])), 0.0)
    objective = objective_of(get_scorer("neg_mean_poisson_deviance"), y, classification=False)

    model = OnTarget(LinearRegression(), "plain", objective).fit(X, y)

    assert LinearRegression().fit(X, y).predict(X).min() < 0
    assert np.isfinite(get_scorer("neg_mean_poisson_deviance")(model, X, y))


def test_absolute_error_is_not_led_astray_by_typing_errors():
    """One row in a hundred is a thousand times too large; on the others the error is that of a robust model."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    y = 100 + 20 * X[:, 0] + rng.normal(size=600)
    y[::100] *= 1000

    model = AutoArchRegressor(scoring="neg_mean_absolute_error", families=["linear"], **SETTINGS)
    found = model.fit(X[:400], y[:400]).predict(X[401:499])

    assert np.abs(found - y[401:499]).mean() < 4  # a constant has 16, models of squared error have hundreds


@pytest.mark.parametrize(
    "scoring",
    [
        pytest.param("neg_mean_absolute_percentage_error", marks=pytest.mark.slow),
        "neg_mean_squared_log_error",
        pytest.param("neg_mean_poisson_deviance", marks=pytest.mark.slow),
        "neg_mean_gamma_deviance",
        pytest.param(PINBALL, id="pinball", marks=pytest.mark.slow),
        pytest.param(TWEEDIE, id="tweedie", marks=pytest.mark.slow),
    ],
)
def test_a_search_is_better_than_any_constant(skewed, scoring):
    """By scores that want no mean, or positive numbers alone; and no candidate fails."""
    X, y = skewed
    scorer = resolve_scorer(scoring, "regression")
    model = AutoArchRegressor(scoring=scoring, families="linear", **SETTINGS).fit(X[:240], y[:240])

    constants = [
        DummyRegressor(strategy="constant", constant=c).fit(X, y) for c in np.quantile(y[:240], (0.3, 0.5, 0.9))
    ]
    constants.append(DummyRegressor().fit(X[:240], y[:240]))
    assert scorer(model, X[240:], y[240:]) > max(scorer(constant, X[240:], y[240:]) for constant in constants)
    assert not (model.leaderboard_["status"] == "failed").any()


def test_the_losses_of_families_are_offered_where_they_have_them():
    """Boosting has most, linear models those of positive numbers, and of absolute errors on few values."""
    counts = Problem("regression", 200, 3, objective=Objective("poisson", low=1e-3, positive="or zero"))
    median = Problem("regression", 200, 3, objective=Objective("absolute"))
    large = Problem("regression", 10**6, 3, objective=Objective("absolute"))

    boosting = {**Tree().smoke_params(counts), "target": "loss"}
    assert Tree().build(boosting, counts, 0)[-1][1].loss == "poisson"
    light = {**Linear().smoke_params(counts), "target": "loss"}
    assert type(Linear().build(light, counts, 0)[-1][1]).__name__ == "TweedieRegressor"
    assert type(Linear().build(light, median, 0)[-1][1]).__name__ == "QuantileRegressor"
    assert not Linear().follows("absolute", light, large)
    assert not Tree().follows("absolute", {"kind": "forest"}, median)


def test_constants_are_those_that_the_score_prefers():
    """The median, a quantile, the middle of the ends; a class alone where labels are scored."""
    X, y = np.zeros((5, 1)), np.array([0.0, 1.0, 2.0, 3.0, 94.0])
    for objective, expected in (
        (Objective(), 20.0),
        (Objective("absolute"), 2.0),
        (Objective("quantile", level=0.75), 3.0),
        (Objective("max"), 47.0),
    ):
        problem = Problem("regression", 5, 1, objective=objective)
        ((_, model),) = Baseline().build(Baseline().defaults(problem)[0], problem, 0)
        fitted = Baseline().fit(model, X, y, sample_weight=None, deadline=None, seed=0)
        np.testing.assert_allclose(fitted.predict(X[:1]), expected)

    labels = Problem("classification", 5, 1, n_classes=2, objective=Objective("labels"))
    assert [params["label"] for params in Baseline().defaults(labels) if "label" in params] == [0, 1]


@pytest.mark.slow
def test_f1_of_a_rare_class_is_not_below_that_of_a_constant():
    """Where nothing can be learned, saying yes throughout scores best."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 2)), (rng.random(300) < 0.2).astype(int)

    model = AutoArchClassifier(scoring="f1", families=["linear"], **{**SETTINGS, "n_trials": 1}).fit(X[:200], y[:200])
    floor = AutoArchClassifier(scoring="f1", families="auto", **{**SETTINGS, "n_trials": 1}).fit(X[:200], y[:200])

    constant = 2 * y[200:].mean() / (1 + y[200:].mean())
    scorer = get_scorer("f1")
    assert scorer(floor, X[200:], y[200:]) >= constant > scorer(model, X[200:], y[200:])
