"""Categories with many levels, columns that say nothing, and units: what models of tables read."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from quick import QuickCNN, QuickMLP, QuickTree
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch._core.clock import Deadline
from autoarch._data.canonical import Canonicaliser
from autoarch._search.baseline import Baseline
from autoarch._search.evaluate import fit_steps
from autoarch._training.table_scalers import SmallUnits, WithheldColumns
from autoarch.exceptions import AutoArchWarning
from autoarch.families.base import Problem
from autoarch.families.kernels import Kernels
from autoarch.families.linear import Linear
from autoarch.families.mlp import MLP
from autoarch.families.tree import Tree

pytestmark = pytest.mark.usefixtures("probe_without_labels")

ONCE = {"time_budget": None, "random_state": 0, "verbose": 0}


def described(canonical, X, y):
    """Problem of a canonical matrix."""
    classes = 0 if y.dtype.kind == "f" else len(np.unique(y))
    return Problem(
        task="classification" if classes else "regression",
        n_samples=len(X),
        n_features=X.shape[1],
        n_classes=classes,
        smallest_class=int(np.bincount(y).min()) if classes else 0,
        layout=canonical.layout_,
        categorical=canonical.categorical_,
        cardinalities=canonical.cardinalities_,
        has_missing=canonical.has_missing_,
        verdict="2d" if canonical.kind_ == "grid" else "none",
    )


def predictions(family, params, X, y, X_new):
    """What a default of a family predicts for new rows."""
    canonical = Canonicaliser()
    values = canonical.fit_transform(X)
    problem = described(canonical, values, y)
    params = params if params is not None else family.smoke_params(problem)
    model = fit_steps(family, params, problem, 0, values, y, None, Deadline())
    return model.predict(canonical.transform(X_new)), model


@pytest.fixture(scope="module")
def shops():
    """Ninety shops of ten rows, each with an effect of its own."""
    rng = np.random.default_rng(0)
    shop = rng.integers(0, 300, 3000)
    y = rng.normal(size=300)[shop] + 0.3 * rng.normal(size=3000)
    return pd.DataFrame({"shop": np.char.add("s", shop.astype(str)), "noise": rng.normal(size=3000)}), y


@pytest.mark.parametrize("family", ["linear", pytest.param("tree", marks=pytest.mark.slow)])
def test_no_signal_of_many_levels_is_discarded(shops, family):
    """A linear model and trees come within .02 of ridge on one column for each level."""
    X, y = shops
    ridge = make_pipeline(OneHotEncoder(handle_unknown="ignore"), Ridge()).fit(X[["shop"]][:2200], y[:2200])
    bar = ridge.score(X[["shop"]][2200:], y[2200:]) - 0.02

    model = AutoArchRegressor(families=family, n_trials=2, cv=2, **ONCE).fit(X[:2200], y[:2200])

    assert model.score(X[2200:], y[2200:]) > bar


@pytest.mark.parametrize("written", [str, int, lambda code: 10_000 + 7 * int(code)], ids=["text", "int", "post code"])
@pytest.mark.parametrize("family", ["linear", "svm", QuickMLP, QuickTree], ids=["linear", "svm", "mlp", "tree"])
def test_whole_numbers_that_name_things_are_read_as_names(shops, family, written):
    """As well as text that names them, whichever numbers they are."""
    X, y = shops
    X = X.assign(shop=X["shop"].str[1:].map(written))

    model = AutoArchRegressor(families=family, n_trials=1, cv=2, **ONCE).fit(X[:2200], y[:2200])

    assert model.score(X[2200:], y[2200:]) > 0.8
    far = X[2200:].assign(shop=written(10**6))
    assert model.predict(far).std() < 0.3  # what was never seen is taken for the mean


@pytest.mark.parametrize("n_classes", [2, 4])
def test_trees_read_more_levels_than_they_tell_apart(shops, n_classes):
    """Means for each class stand in place of the codes."""
    X, y = shops
    labels = np.searchsorted(np.quantile(y, np.arange(1, n_classes) / n_classes), y)
    quick = {"kind": "boosting", "leaf_rows": 20, "l2": 1e-3, "rate": 0.3, "leaves": 8, "columns": 1.0, "amount": 9.0}

    found, model = predictions(Tree(), quick, X[:2200], labels[:2200], X[2200:])

    assert (found == labels[2200:]).mean() > 1.5 / n_classes
    assert model["model"].n_features_in_ == 2 + (n_classes if n_classes > 2 else 1)


def test_means_stand_beside_the_codes_of_few_levels(shops):
    """Where a candidate asks for them; the codes remain categories."""
    X, y = shops
    X = X.assign(shop=X["shop"].str.slice(0, 2))
    canonical = Canonicaliser()
    values = canonical.fit_transform(X)
    problem = described(canonical, values, y)
    params = {**Tree().smoke_params(problem), "categories": "means"}

    steps = Tree().build(params, problem, 0)

    assert steps[-1][1].categorical_features == [0]
    assert dict(steps)["means"].fit_transform(values, y).shape == (3000, 4)


@pytest.mark.parametrize("family", [Linear(), MLP()], ids=lambda family: family.name)
def test_crosses_of_categories_reach_models_that_add_columns_up(family):
    """What two categories say together alone, on a table without a number."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.choice(["a", "b", "c"], (600, 3)), columns=["one", "two", "three"])
    y = np.where(X["one"] == X["two"], 1.0, -1.0) + 0.1 * rng.normal(size=600)
    problem = described(Canonicaliser().fit(X), X.to_numpy(), y)
    params = {**family.smoke_params(problem), "view": "crossed"}

    found, _ = predictions(family, params, X[:400], y[:400], X[400:])

    assert np.corrcoef(found, y[400:])[0, 1] > 0.95


def test_withheld_columns_have_no_say_later():
    """Whatever stands in them in new rows, predictions are the same; in a fold, too, where only it is constant."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 5))
    y = X[:, 0] + 0.1 * rng.normal(size=120)
    X[:80, 1], X[:80, 2], X[:80, 3] = 2.0, np.nan, X[:80, 0]
    other = X[80:].copy()
    other[:, 1:4] = 1e6 * rng.normal(size=(40, 3))

    for family in (Linear(), Tree(), MLP()):
        first, model = predictions(family, None, X[:80], y[:80], X[80:])
        canonical = Canonicaliser().fit(X[:80])
        np.testing.assert_allclose(model.predict(canonical.transform(other)), first)
    assert WithheldColumns(only_empty=True).fit(X[:80]).withheld_.tolist() == [2]


UNITS = [pytest.param(1e-13, 0.0, id="tiny"), pytest.param(1e25, 0.0, id="huge"), pytest.param(1.0, 1e9, id="offset")]


@pytest.mark.parametrize(("scale", "shift"), UNITS)
def test_tables_in_any_unit_score_alike(scale, shift):
    """Scaled or shifted inputs give the predictions of the same numbers around 1."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(240, 4))
    y = X[:, 0] * X[:, 1] + X[:, 2] + 0.1 * rng.normal(size=240)
    X[::13, 3] = np.nan
    spread = np.std(y)
    forest = {"kind": "forest", "forest_leaf_rows": 1, "forest_columns": 0.0}
    boosting = {"kind": "boosting", "leaf_rows": 5, "l2": 1e-3, "rate": 0.3, "leaves": 8, "columns": 1.0, "amount": 9.0}
    candidates = [(Tree(), forest), (Tree(), boosting), (Linear(), None), (MLP(), None)]
    candidates += [(Baseline(), params) for params in ({"kind": "forest"}, {"kind": "nearest", "scaled": False})]

    for family, params in candidates:
        found = [predictions(family, params, Z[:160], y[:160], Z[160:])[0] for Z in (X, X * scale + shift)]
        assert np.abs(found[0] - found[1]).mean() < 0.15 * spread, (family.name, params)


@pytest.mark.parametrize(("scale", "shift"), [UNITS[0], pytest.param(1.0, 1e9, id="offset", marks=pytest.mark.slow)])
def test_pictures_in_any_unit_score_alike(scale, shift):
    """Nets on grids and random convolutions, too."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(240, 8, 8)), rng.integers(0, 2, 240)
    X[y == 1, 2:6, 2:6] += 1.2

    for family in (QuickCNN(), Kernels()):
        found = [predictions(family, None, Z[:160], y[:160], Z[160:])[0] for Z in (X, X * scale + shift)]
        accuracies = [(each == y[160:]).mean() for each in found]
        assert abs(accuracies[0] - accuracies[1]) < 0.05, family.name
        assert accuracies[1] > 0.75


def test_forests_read_what_float32_does_not_hold():
    """Numbers beyond its largest, and differences below its precision; new rows may lie anywhere."""
    X = np.array([[0.0], [1.0], [2.0], [3.0]])

    np.testing.assert_allclose(SmallUnits().fit_transform(X + 1e9), SmallUnits().fit_transform(X))
    assert np.isfinite(SmallUnits().fit(X * 1e300).transform(np.array([[1e308], [-1e308]]))).all()
    assert np.isnan(SmallUnits().fit(X).transform(np.array([[np.nan]]))).all()


def test_the_output_that_users_ask_for_changes_nothing_inside():
    """With a global setting of scikit-learn all candidates score as without."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"c": rng.choice(list("xyz"), 150), "a": rng.normal(size=150)})
    y = X["a"] + (X["c"] == "x") > 0.4
    settings = {**ONCE, "families": ["linear", QuickTree], "n_trials": 2, "cv": 2, "ensemble_size": 1}

    plain = AutoArchClassifier(**settings).fit(X, y)
    with config_context(transform_output="pandas"):
        other = AutoArchClassifier(**settings).fit(X, y)
        np.testing.assert_array_equal(other.predict_proba(X), plain.predict_proba(X))
    assert other.leaderboard_["score"].equals(plain.leaderboard_["score"])


@pytest.mark.parametrize("family", ["linear", QuickTree, pytest.param(QuickMLP, marks=pytest.mark.slow)])
def test_a_clone_of_the_best_estimator_fits_the_same_again(family):
    """On the same folds and seeds, whatever holds y and whatever its index."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(150, 3)), columns=list("abc"), index=np.arange(150) * 3 + 7)
    y = pd.Series(np.where(X["a"] + 0.3 * rng.normal(size=150) > 0, "yes", "no"), index=X.index)
    best = AutoArchClassifier(families=family, n_trials=2, cv=3, ensemble_size=2, **ONCE).fit(X, y).best_estimator_

    for labels in (y, y.to_numpy(), list(y)):
        np.testing.assert_allclose(clone(best).fit(X, labels).predict_proba(X), best.predict_proba(X), atol=1e-6)
    assert clone(best).fit(X[:100], y[:100]).score(X[100:], y[100:]) > 0.7


def test_findings_are_said_once():
    """How columns were read, which are withheld and which tell y; not where nothing is to be said."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 100)
    X = pd.DataFrame({"a": rng.normal(size=100), "b": [f"{v:.2f} kg" for v in rng.normal(size=100)], "dead": np.nan})
    settings = {**ONCE, "verbose": 1, "families": "linear", "n_trials": 1, "cv": 2}

    with pytest.warns(AutoArchWarning) as caught:
        AutoArchClassifier(**settings).fit(X.assign(leak=np.where(y, "p", "q")), y)
    said = [str(warning.message) for warning in caught]
    assert sum("'b' is read as numbers" in sentence for sentence in said) == 1
    assert sum("'dead'" in sentence for sentence in said) == 1
    assert sum("tells y without any error: 'leak'" in sentence for sentence in said) == 1


def test_a_problem_without_categories_keeps_its_space(shops):
    """Choices about categories are offered where there are some."""
    import optuna

    X, y = shops
    canonical = Canonicaliser()
    problem = described(canonical, canonical.fit_transform(X), y)
    bare = replace(problem, categorical=(), cardinalities=())
    for family in (Linear(), Tree()):
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        assert "categories" in family.suggest(study.ask(), problem)
        assert "categories" not in family.suggest(study.ask(), bare)
