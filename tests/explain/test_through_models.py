"""Gradients of nets and paths of trees, handed back to the columns of X, against captum and shap called by hand."""

import pickle
import sys
from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from quick import QuickCNN, QuickMLP
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.model_selection import ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from autoarch import AutoArchClassifier, AutoArchRegressor, Layout
from autoarch._search.averages import voting
from autoarch._training.difference_scaler import DifferenceScaler
from autoarch._training.grid_extents import EXTENTS, GridExtent, middle_of
from autoarch._training.scalers import GridScaler
from autoarch.datasets import make_planted
from autoarch.exceptions import MissingExtraError, ParameterError
from autoarch.explain import explain
from autoarch.explain.model import wrap_model
from autoarch.explain.pullback import pull_back

QUICK = {"time_budget": None, "n_trials": 1, "cv": ShuffleSplit(1, random_state=0), "random_state": 0, "verbose": 0}


@pytest.fixture(scope="module")
def captum():
    return pytest.importorskip("captum", reason="the extra 'explain' is optional")


@pytest.fixture(scope="module")
def shap():
    return pytest.importorskip("shap", reason="the extra 'explain' is optional")


@pytest.fixture(scope="module")
def planted():
    return make_planted(400, (6, 6), cause="cell", random_state=0)


@pytest.fixture(scope="module")
def mlp(planted):
    return AutoArchClassifier(families=QuickMLP, **QUICK).fit(planted[0][:300], planted[1][:300])


@pytest.fixture(scope="module")
def cnn(planted):
    return AutoArchClassifier(families=QuickCNN, **QUICK).fit(planted[0][:300], planted[1][:300])


@pytest.fixture(params=["mlp", "cnn"])
def net(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def table():
    """Numbers with gaps, categories, and a target that depends on both."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"kind": rng.choice(["a", "b", "c"], size=300), "far": rng.normal(size=300)})
    frame["near"] = np.where(rng.uniform(size=300) < 0.2, np.nan, rng.normal(size=300))
    return frame, 2.0 * frame["near"].fillna(0.0).to_numpy() + 3.0 * (frame["kind"] == "b").to_numpy()


def test_integrated_gradients_add_up_to_the_difference(captum, net, planted):
    """Within one per cent, and the cell that decides comes first."""
    X, _, truth = planted
    found = explain(net, X[300:340], method="gradients", random_state=0, verbose=0)

    difference = found.outputs - found.base_outputs
    assert (np.abs(found.by_name.sum(axis=1) - difference) <= 0.01 * np.maximum(np.abs(difference), 1.0)).all()
    assert (np.abs(found.values[:, 0]).reshape(40, -1).argmax(axis=1) == truth[0].argmax()).mean() >= 0.95


def test_random_weights_give_another_map(captum, net, planted):
    """The sanity check of Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018."""
    X, _, truth = planted
    random = pickle.loads(pickle.dumps(net))
    for module in random.best_estimator_[-1].module_.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()

    maps = [explain(model, X[300:340], method="gradients", verbose=0).global_.ravel() for model in (net, random)]

    cell = truth[0].ravel().argmax()
    assert maps[0][cell] / maps[0].sum() > 3 * maps[1][cell] / maps[1].sum()


def test_integrated_gradients_are_those_of_captum(captum, planted, cnn):
    """Of one net behind one scaler, by hand."""
    import torch
    from captum.attr import IntegratedGradients

    X = planted[0]
    canonical, scale, skorch_net = (step for _, step in cnn.best_estimator_.steps)
    seen = torch.from_numpy(scale.transform(canonical.transform(X[300:310])))
    zero = torch.from_numpy(scale.transform(canonical.centre_.astype(np.float32)[None]))
    module = deepcopy(skorch_net.module_).cpu().eval()
    by_hand = IntegratedGradients(module).attribute(seen, zero.expand_as(seen), target=1, n_steps=512)

    found = explain(cnn, X[300:310], method="gradients", target=1, verbose=0)

    scale_of = np.abs(by_hand.numpy()).max()
    np.testing.assert_allclose(found.values / scale_of, by_hand.detach().numpy() / scale_of, atol=0.02)


def test_grad_cam_covers_the_grid(captum, planted, cnn):
    """Values are never negative, in the shape of X."""
    found = explain(cnn, planted[0][300:310], method="gradcam", verbose=0)

    assert found.values.shape == (10, 1, 6, 6)
    assert (found.values >= 0).all() and found.values.any()


def test_gradients_of_encoded_columns_come_back_under_their_names(captum, table):
    """Indicators of gaps and levels of categories count for the column they were made of."""
    frame, y = table
    model = AutoArchRegressor(families=QuickMLP, **QUICK).fit(frame, y)
    found = explain(model, frame[:50], method="gradients", verbose=0)

    difference = found.outputs - found.base_outputs
    limit = 0.01 * np.maximum(np.abs(difference), y.std())
    assert found.names == ("kind", "far", "near")
    assert (np.abs(found.by_name.sum(axis=1) - difference) <= limit).all()
    np.testing.assert_allclose(found.outputs, model.predict(frame[:50]), atol=1e-4)
    assert found.importances.argmin() == 1


def test_the_models_of_an_ensemble_are_averaged(captum, net, planted):
    """Two equal nets give the values of one, with standard errors of 0."""
    X = planted[0][300:310]
    alone = explain(net, X, method="gradients", verbose=0)
    steps = net.best_estimator_.steps
    twice = voting([type(net.best_estimator_)(steps[1:])] * 2, net.classes_)
    double = AutoArchClassifier(**QUICK)
    double.__dict__.update(net.__dict__, best_estimator_=type(twice)([steps[0], *twice.steps]))

    found = explain(double, X, method="gradients", verbose=0)

    np.testing.assert_allclose(found.values, alone.values, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.std_error, 0.0, atol=1e-6)
    assert found.n_repeats == 2 and found.stability == pytest.approx(1.0)


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(ExtraTreesClassifier(20, random_state=0), id="forest"),
        pytest.param(GradientBoostingClassifier(n_estimators=20), id="boosting"),
        pytest.param(HistGradientBoostingClassifier(max_iter=20), id="histograms"),
        pytest.param(make_pipeline(StandardScaler(), HistGradientBoostingClassifier(max_iter=20)), id="scaled"),
    ],
)
def test_shapley_values_add_up_to_the_output_of_the_trees(shap, planted, model):
    """To the probability of forests and the log-odds of boosting; the cell that decides comes first."""
    X, y, truth = planted
    X = X.reshape(len(X), -1)
    model.fit(X, y)
    found = explain(model, X[:50], target=1, layout=(6, 6), verbose=0)

    votes = isinstance(model, ExtraTreesClassifier)
    said = model.predict_proba(X[:50])[:, 1] if votes else model.decision_function(X[:50])
    assert found.method == "shap" and ("probability" in found.units) == votes
    np.testing.assert_allclose(found.outputs, said, atol=1e-4)
    np.testing.assert_allclose(found.base_outputs + found.by_name.sum(axis=1), said, atol=1e-4)
    assert (np.abs(found.by_name).argmax(axis=1) == truth[0].argmax()).all()


def test_shapley_values_are_those_of_shap(shap):
    """Of a regression, by hand."""
    X = np.random.default_rng(0).normal(size=(100, 4))
    model = RandomForestRegressor(10, random_state=0).fit(X, X[:, 0])
    found = explain(model, X, verbose=0)
    np.testing.assert_allclose(found.values, shap.TreeExplainer(model).shap_values(X))


@pytest.mark.parametrize(
    "encoder",
    [
        pytest.param(make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough"), id="by-name"),
        pytest.param(
            make_column_transformer((OneHotEncoder(drop="first"), [0]), (StandardScaler(), [1, 2])), id="by-number"
        ),
        pytest.param(
            make_column_transformer(
                (OneHotEncoder(sparse_output=False), ["kind"]),
                (SimpleImputer(add_indicator=True), slice("far", "near")),
            ),
            id="by-slice",
        ),
    ],
)
def test_trees_over_a_table_are_explained_under_its_names(shap, table, encoder):
    """Values of encoded columns are handed back to the column they were made of."""
    frame, y = table
    model = make_pipeline(encoder, HistGradientBoostingRegressor(max_iter=20)).fit(frame, y)
    found = explain(model, frame[:40], verbose=0)

    assert found.method == "shap" and found.names == ("kind", "far", "near")
    np.testing.assert_allclose(found.base_outputs + found.by_name.sum(axis=1), model.predict(frame[:40]), atol=1e-3)
    assert found.importances.argmin() == 1


def test_trees_of_logarithms_are_not_left_to_shap(shap):
    """Their sum is not in the units of y."""
    X = np.random.default_rng(0).normal(size=(100, 3))
    model = HistGradientBoostingRegressor(loss="poisson", max_iter=10).fit(X, np.exp(X[:, 0]))

    assert explain(model, X[:20], verbose=0).method == "occlusion"
    with pytest.raises(ParameterError, match="logarithm"):
        explain(model, X[:20], method="shap", verbose=0)


def test_splits_on_categories_are_not_left_to_shap(shap):
    """It reads them wrongly; "auto" takes occlusion, and method='shap' raises."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=200), rng.integers(0, 5, size=200)])
    model = HistGradientBoostingRegressor(max_iter=20, categorical_features=[1]).fit(X, X[:, 1] % 2)

    assert explain(model, X[:20], verbose=0).method == "occlusion"
    with pytest.raises(ParameterError, match="categories"):
        explain(model, X[:20], method="shap", verbose=0)


def test_shares_of_a_masked_grid_with_columns_beside_it():
    """Each input of the net has one whole share to give, but for holes; a mask is shared by its channels."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2, 3, 4))
    X[rng.uniform(size=X.shape) < 0.1] = np.nan
    model = AutoArchRegressor(families=QuickCNN, **QUICK).fit(X, np.nan_to_num(X).sum(axis=(1, 2, 3)))
    wrapped = wrap_model(model, X, "auto")
    (member,) = wrapped.members()

    shares = pull_back(member.steps, wrapped.columns.owners, len(wrapped.columns))

    assert isinstance(member.steps[0], GridScaler) and member.steps[0].masked_
    assert shares.shape == (3 * 12, 24)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)


def test_a_difference_shares_between_its_two_cells():
    """The last one of a line, which is always 0, between a cell and itself."""
    scaler = DifferenceScaler(Layout(2, 3), ("rows", "columns")).fit(np.random.default_rng(0).normal(size=(9, 6)))

    shares = pull_back([scaler], np.arange(6), 6).toarray()

    np.testing.assert_array_equal(shares[0], [0.5, 0.5, 0, 0, 0, 0])
    np.testing.assert_array_equal(shares[6], [0.5, 0, 0, 0.5, 0, 0])
    np.testing.assert_array_equal(shares[2], [0, 0, 1, 0, 0, 0])
    beside = DifferenceScaler(Layout(2, 3), keep_cells=True).fit(np.random.default_rng(0).normal(size=(9, 6)))
    both = pull_back([beside], np.arange(6), 6).toarray()
    np.testing.assert_array_equal(both[:6], np.eye(6))
    np.testing.assert_array_equal(both[6:], shares[:6])


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("sides", [(8, 12), (5, 7)])
def test_a_quarter_of_the_cells_hands_back_to_the_cells_it_was_made_of(extent, sides):
    """Of two channels; what a model sees is what the shares make of the cells."""
    grid = np.random.default_rng(0).normal(size=(3, 2, *sides))
    step = GridExtent(extent)
    seen = step.fit_transform(grid).reshape(3, -1)
    n = grid[0].size

    shares = pull_back([step], np.arange(n), n)

    if min(side % 2 for side in sides) == 0 or extent == "middle":
        np.testing.assert_allclose(shares @ grid.reshape(3, -1).T, seen.T)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("method", ["gradients", "gradcam"])
def test_nets_that_see_a_quarter_of_the_cells_are_explained_on_all_of_them(planted, cnn, method, extent):
    """Outside of the middle there is nothing to see."""
    pytest.importorskip("captum")
    X, y, _ = planted
    model = deepcopy(cnn)
    *steps, (name, net) = model.best_estimator_.steps
    grids = model.best_estimator_[:-1].transform(X)
    step = GridExtent(extent).fit(grids)
    model.best_estimator_.steps = [*steps, ("extent", step), (name, net.fit(step.transform(grids), y))]

    maps = explain(model, X[:6], method=method, random_state=0).values[:, 0]

    assert maps.shape[1:] == X.shape[1:] and np.abs(maps).sum() > 0
    outside = np.ones(X.shape[1:], bool)
    outside[tuple(map(middle_of, X.shape[1:]))] = False
    assert (np.abs(maps[:, outside]).sum() == 0) == (extent == "middle")


@pytest.mark.parametrize(("method", "package"), [("gradients", "captum"), ("gradcam", "captum"), ("shap", "shap")])
def test_a_missing_package_is_named_with_its_extra(monkeypatch, planted, cnn, method, package):
    """Before any work; "auto" does without."""
    X, y, _ = planted
    model = cnn
    if method == "shap":
        X = X.reshape(len(X), -1)
        model = HistGradientBoostingClassifier(max_iter=5).fit(X, y)
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(MissingExtraError, match=r"autoarch\[explain\]"):
        explain(model, X[:20], method=method, verbose=0)
    assert explain(model, X[:20], verbose=0).method == "occlusion"
