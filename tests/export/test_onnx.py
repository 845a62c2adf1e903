"""An ONNX graph predicts under onnxruntime alone what the estimator predicts of the same single-precision inputs."""

import numpy as np
import pandas as pd
import pytest
from quick import QuickTree, quick
from sklearn.linear_model import QuantileRegressor, TweedieRegressor
from sklearn.pipeline import Pipeline

import autoarch
from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch._search.averages import voting
from autoarch._training.grid_extents import GridExtent
from autoarch.exceptions import ModelFileError
from autoarch.families.kernels import WrapAround
from autoarch.families.linear import Linear
from autoarch.families.objective import OnTarget
from autoarch.families.random_convolutions import RandomConvolutionClassifier
from autoarch.families.svm import SVM
from autoarch.families.tree import Tree
from export.samples import FAMILIES, LinearLevels, OneKind, coded_shops, sample, shops

pytest.importorskip("onnx", reason="needs the extra onnx")
runtime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")

pytestmark = pytest.mark.usefixtures("probe_without_labels")


def table(n=80):
    """Numbers with gaps, texts with gaps, whole numbers and truth values as labels."""
    X = sample("table", n)[0].drop(columns="seen")
    rng = np.random.default_rng(1)
    X["rank"] = rng.integers(0, 4, n).astype(object)
    X["flag"] = rng.choice([True, False], n).astype(object)
    X[["size", "gap"]] = X[["size", "gap"]].astype(np.float32).astype(float)
    numbers = X["size"].to_numpy() + (X["colour"] == "red") + X["rank"].astype(float) / 2 * X["flag"].astype(float)
    return X, np.asarray(numbers)


def fed(X, session):
    """X as the graph is fed it."""
    if isinstance(X, pd.DataFrame) and [put.name for put in session.get_inputs()] == ["X"]:  # numbers alone
        X = X.to_numpy()
    if not isinstance(X, pd.DataFrame):
        return {"X": X.astype(object) if X.dtype.kind == "U" else X.astype(np.float32)}
    columns = {}
    for put in session.get_inputs():
        column = X[put.name]
        if "double" in put.type:
            since = (column - pd.Timestamp(1970, 1, 1)).dt.total_seconds()
            columns[put.name] = since.to_numpy(np.float64)[:, None]
            continue
        texts = column.astype(object).where(column.notna(), "").to_numpy(object)
        columns[put.name] = (texts if "string" in put.type else column.to_numpy(np.float32))[:, None]
    return columns


def assert_equal(model, X, folder):
    """Labels and probabilities, or values, to 1e-4; of a single row as well."""
    model.to_onnx(folder / "model.onnx")
    session = runtime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    inputs = fed(X, session)
    outputs = dict(zip((put.name for put in session.get_outputs()), session.run(None, inputs), strict=True))
    if hasattr(model, "classes_"):
        np.testing.assert_allclose(outputs["probabilities"], model.predict_proba(X), atol=1e-4)
        np.testing.assert_array_equal(outputs["label"].astype(model.classes_.dtype), model.predict(X))
    else:
        expected = model.predict(X)[:, None]
        np.testing.assert_allclose(outputs["value"], expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    one = session.run(None, {name: value[:1] for name, value in inputs.items()})
    np.testing.assert_allclose(one[-1], outputs[session.get_outputs()[-1].name][:1], rtol=1e-5, atol=1e-5)


SLOW = pytest.mark.slow
ARRAYS = [
    ("cnn", "letters"),
    ("tree", "channels"),
    *(
        pytest.param(*one, marks=SLOW)
        for one in (("linear", "gaps"), ("mlp", "gaps"), ("kernels", "grid"), ("svm", "gaps"))
    ),
]
TABLES = [
    "tree",
    "svm",
    *(
        pytest.param(one, marks=SLOW)
        for one in ("linear", "mlp", OneKind("forest"), OneKind("lightgbm"), OneKind("xgboost"), OneKind("catboost"))
    ),
]


def kind_of(family):
    return family.kind if isinstance(family, OneKind) else family


@pytest.mark.parametrize(("family", "kind"), ARRAYS)
def test_arrays(family, kind, tmp_path):
    """One input in the shape of X."""
    X, y, _, settings = sample(kind)
    X = X if kind == "letters" else X.astype(np.float32).astype(float)
    model = AutoArchClassifier(**quick(families=FAMILIES[family], **settings)).fit(X, y)
    assert_equal(model, X, tmp_path)


@pytest.mark.parametrize("family", TABLES, ids=kind_of)
def test_tables(family, tmp_path):
    """An input for each column, categories and gaps included, labels that were not seen, three classes."""
    if kind_of(family) in ("lightgbm", "xgboost", "catboost"):
        pytest.importorskip(family.kind, reason="needs the extra boost")
    X, numbers = table()
    y = np.digitize(numbers, np.quantile(numbers, [0.3, 0.7]))
    family = FAMILIES.get(family, family) if isinstance(family, str) else family
    model = AutoArchClassifier(**quick(families=family)).fit(X, y)
    X.loc[:3, "colour"], X.loc[2:5, "rank"] = "violet", 9
    assert_equal(model, X, tmp_path)


@pytest.mark.parametrize(
    ("scoring", "way"),
    [
        ("neg_mean_absolute_error", "ranks"),
        pytest.param("neg_mean_absolute_error", "log", marks=SLOW),
        pytest.param("neg_mean_poisson_deviance", "loss", marks=SLOW),
        pytest.param("neg_root_mean_squared_log_error", "log", marks=SLOW),
    ],
)
def test_transformed_targets(scoring, way, tmp_path):
    """Values come back in the units of y."""
    X, numbers = table()
    y = np.exp(numbers)
    model = AutoArchRegressor(**quick(families="tree", scoring=scoring)).fit(X, y)
    name, last = model.best_estimator_.steps[-1]
    assert isinstance(last, OnTarget)
    other = OnTarget(last.regressor, way, last.objective).fit(model.best_estimator_[:-1].transform(X), y)
    model.best_estimator_.steps[-1] = (name, other)
    assert_equal(model, X, tmp_path)


@pytest.mark.usefixtures("probe_without_labels")
@pytest.mark.parametrize("family", ["kernels", pytest.param("cnn", marks=SLOW)])
def test_transformed_targets_of_grids(family, tmp_path):
    """A model that sees a grid is found behind the transformation."""
    X, _, numbers, settings = sample("grid")
    y = np.exp(numbers)
    model = AutoArchRegressor(**quick(families=FAMILIES[family], scoring="neg_mean_absolute_error", **settings)).fit(
        X, y
    )
    assert_equal(model, X.astype(np.float32), tmp_path)


@pytest.mark.usefixtures("probe_without_labels")
def test_coarse_kernels(tmp_path):
    """Those of grids that are large enough."""
    X = np.random.default_rng(0).normal(size=(60, 30, 29)).astype(np.float32)
    model = AutoArchClassifier(**quick(families=FAMILIES["kernels"])).fit(X, X[:, 8:20, 8:20].mean(axis=(1, 2)) > 0)
    assert {bank.cell for bank in model.best_estimator_[-1].banks_} == {1, 2, 4}
    assert_equal(model, X, tmp_path)


@pytest.mark.usefixtures("probe_without_labels")
@pytest.mark.parametrize(
    "step",
    [WrapAround((True, False)), WrapAround((True, True)), GridExtent("middle"), GridExtent("means")],
    ids=["closed-column", "closed", "middle", "means"],
)
def test_steps_that_change_the_sides_of_grids(step, tmp_path):
    """Ends that are continued, or a quarter of the cells, in files of either kind."""
    X = np.random.default_rng(0).normal(size=(60, 11, 12)).astype(np.float32)
    model = AutoArchClassifier(**quick(families=FAMILIES["kernels"])).fit(X, X[:, 2:6, 3:8].mean(axis=(1, 2)) > 0)
    steps = model.best_estimator_.steps
    grids = model.best_estimator_[:2].transform(X)
    last = RandomConvolutionClassifier(48).fit(step.fit_transform(grids), model.predict(X).astype(int))
    steps[:] = [*steps[:2], ("sides", step), ("model", last)]
    assert_equal(model, X, tmp_path)
    model.save(tmp_path / "model.autoarch")
    np.testing.assert_allclose(
        autoarch.load(tmp_path / "model.autoarch").predict_proba(X), model.predict_proba(X), rtol=1e-6
    )


@pytest.mark.parametrize("categories", ["means", "levels"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_categories_of_many_levels(n_classes, categories, tmp_path):
    """Means of the target and counts stand beside the codes, or a slope for each level, also of none that is known."""
    X, numbers = shops()
    model = AutoArchClassifier(**quick(families=LinearLevels(categories))).fit(X, numbers % n_classes)
    X.loc[:5, "shop"] = "unheard of"
    assert_equal(model, X, tmp_path)


@pytest.mark.parametrize("codes", [{}, {"first": 0, "step": 1}], ids=["sparse", "dense"])
@pytest.mark.parametrize("family", ["linear", QuickTree], ids=["linear", "tree"])
def test_whole_numbers_that_name_things(family, codes, tmp_path):
    """Numbers that fit has not seen, also between and below those that it has, are taken for the mean."""
    X, numbers = coded_shops(**codes)
    model = AutoArchRegressor(**quick(families=family)).fit(X, numbers)
    assert "naming" in model.best_estimator_.named_steps
    X["shop"] = X["shop"].astype(float)
    X.loc[:7, "shop"] = [X["shop"].min() - 1, X["shop"].max() + 1, 3.5, 4.0, -7.0, 10.0**7, np.nan, 0.0]
    assert_equal(model, X, tmp_path)


@pytest.mark.parametrize(
    "last", [QuantileRegressor(), TweedieRegressor(power=1, link="log")], ids=lambda last: type(last).__name__
)
def test_linear_models_of_a_loss(last, tmp_path):
    """Quantile regression, and a generalised linear model, whose logarithm is linear."""
    X, _, numbers, _ = sample("single precision")
    model = AutoArchRegressor(**quick(families="linear")).fit(X, numbers)
    steps = model.best_estimator_.steps
    steps[-1] = (steps[-1][0], last.fit(model.best_estimator_[:-1].transform(X), np.exp(numbers)))
    assert_equal(model, X, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("family", TABLES, ids=kind_of)
def test_numbers_of_tables(family, tmp_path):
    """A regression has one output."""
    if kind_of(family) in ("lightgbm", "xgboost", "catboost"):
        pytest.importorskip(family.kind, reason="needs the extra boost")
    X, numbers = table()
    family = FAMILIES.get(family, family) if isinstance(family, str) else family
    assert_equal(AutoArchRegressor(**quick(families=family)).fit(X, 100 * numbers), X, tmp_path)


@pytest.mark.parametrize("layout", ["image", "line", "gaps", "folded", "fine"])
def test_nets_of_every_kind_of_layer(layout, tmp_path):
    """Kernels along axes that close, several scales, attention, lines as channels, strides, masks, arrangements."""
    from autoarch import Layout
    from autoarch._training.augment import Augmentation
    from autoarch._training.conv_net import ConvNet
    from autoarch._training.loop import ArrayNetRegressor
    from autoarch._training.scalers import GridScaler

    settings = {
        "image": {"kernel": (3, 3), "wrap": (True, False), "attention": True, "stages": 3},
        "line": {"kernel": (1, 5), "scales": 3, "wrap": (False, True), "head": "global"},
        "gaps": {"kernel": (3, 3), "stages": 2},
        "folded": {"kernel": (1, 3), "axis_as_channels": True, "stages": 2},
        "fine": {"kernel": (3, 3), "wrap": (False, True), "stem": "pooled", "stages": 1},
    }[layout]
    side = {"line": (1, 40), "fine": (35, 90)}.get(layout, (18, 20))
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, *side)).astype(np.float32).astype(float)
    if layout == "gaps":
        X[rng.random(X.shape) < 0.1] = np.nan
    y = np.nan_to_num(X).mean(axis=(1, 2))
    model = AutoArchRegressor(**quick(families="linear")).fit(X, y)
    scaler = GridScaler(Layout(*side))
    grids = scaler.fit_transform(X.reshape(len(X), -1))
    net = ArrayNetRegressor(
        ConvNet,
        max_epochs=2,
        lr=0.01,
        augmentation={"gaps": Augmentation((1, 1), mirror=(False, True)), "line": Augmentation((0, 1))}.get(layout),
        **{f"module__{name}": value for name, value in {"filters": 8, **settings}.items()},
    )
    model.best_estimator_ = Pipeline([model.best_estimator_.steps[0], ("scale", scaler), ("model", net.fit(grids, y))])
    assert_equal(model, X, tmp_path)


@pytest.mark.parametrize("view", ["summaries", "both"])
def test_trees_on_summaries(view, tmp_path):
    """Parts of grids are summed up in the graph, with gaps and without."""
    from sklearn.ensemble import RandomForestRegressor

    from autoarch import Layout
    from autoarch._training.grid_summaries import GridSummaries

    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 1, 8, 8)).astype(np.float32).astype(float)
    X[::3, :, :3, :2] = np.nan
    y = np.nansum(X, axis=(1, 2, 3))
    model = AutoArchRegressor(**quick(families="linear")).fit(X, y)
    summaries = GridSummaries(Layout(8, 8), view).fit(X.reshape(len(X), -1))
    forest = RandomForestRegressor(5, random_state=0).fit(summaries.transform(X.reshape(len(X), -1)), y)
    steps = [model.best_estimator_.steps[0], ("summaries", summaries), ("model", forest)]
    model.best_estimator_ = Pipeline(steps)
    assert_equal(model, X, tmp_path)


@pytest.mark.parametrize("axes", [("rows",), ("columns",), ("rows", "columns")], ids=str)
def test_trees_on_quantiles(axes, tmp_path):
    """Intervals, differences and spectra, of lines that are flat or have gaps, too."""
    from sklearn.ensemble import ExtraTreesRegressor

    from autoarch import Layout
    from autoarch._training.interval_quantiles import IntervalQuantiles

    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 9, 7)).astype(np.float32).astype(float)
    X[::3, :3, :2] = np.nan
    X[1::3, 4] = 0.1
    model = AutoArchRegressor(**quick(families="linear")).fit(X, np.nanmax(X, axis=(1, 2)))
    quantiles = IntervalQuantiles(Layout(9, 7), axes).fit(X.reshape(len(X), -1))
    made = quantiles.transform(X.reshape(len(X), -1))
    forest = ExtraTreesRegressor(8, random_state=0).fit(made, np.nanmax(X, axis=(1, 2)))
    steps = [model.best_estimator_.steps[0], ("summaries", quantiles), ("model", forest)]
    model.best_estimator_ = Pipeline(steps)
    assert_equal(model, X, tmp_path)


def test_scalers_of_grids(tmp_path):
    """Differences, codes, logarithms, and samples scaled on their own."""
    from autoarch import Layout
    from autoarch._training.difference_scaler import DifferenceScaler
    from autoarch._training.log_scaler import LogScaler
    from autoarch._training.scalers import CodeChannels, SampleScaler
    from autoarch.families.random_convolutions import RandomConvolutionRegressor

    rng = np.random.default_rng(0)
    X = rng.integers(0, 4, size=(40, 6, 6)).astype(float)
    X[::4, 0] = np.nan
    y = np.nansum(X, axis=(1, 2)) / 10
    model = AutoArchRegressor(**quick(families="linear")).fit(X, y)
    flat = X.reshape(len(X), -1)
    for scaler in (
        DifferenceScaler(Layout(6, 6), ("rows", "columns")),
        DifferenceScaler(Layout(6, 6), keep_cells=True),
        CodeChannels(Layout(6, 6)),
        LogScaler(Layout(6, 6)),
        SampleScaler(Layout(6, 6)),
    ):
        ridge = RandomConvolutionRegressor(24, whole=0).fit(scaler.fit_transform(flat), y)
        model.best_estimator_ = Pipeline([model.best_estimator_.steps[0], ("scale", scaler), ("model", ridge)])
        assert_equal(model, X, tmp_path)


@pytest.mark.parametrize("axes", [("rows",), ("columns",), ("rows", "columns")])
def test_random_convolutions_with_quantiles(tmp_path, axes):
    """Quantiles of intervals are features beside the responses."""
    from autoarch import Layout
    from autoarch._training.scalers import SampleScaler
    from autoarch.families.random_convolutions import RandomConvolutionRegressor

    X = np.random.default_rng(0).normal(size=(40, 6, 8)).astype(np.float32).astype(float)
    y = X.max(axis=(1, 2))
    model, scaler = AutoArchRegressor(**quick(families="linear")).fit(X, y), SampleScaler(Layout(6, 8))
    ridge = RandomConvolutionRegressor(24, quantiles=axes).fit(scaler.fit_transform(X.reshape(40, -1)), y)
    model.best_estimator_ = Pipeline([model.best_estimator_.steps[0], ("scale", scaler), ("model", ridge)])
    assert_equal(model, X, tmp_path)


def test_a_mean_with_temperature(tmp_path):
    """Weights, members that miss a class, and the calibration are in the graph."""
    X, y, _, _ = sample("flat")
    X = X.astype(np.float32).astype(float)
    first = AutoArchClassifier(**quick(families="linear")).fit(X, y)
    model = AutoArchClassifier(**quick(families=FAMILIES["tree"])).fit(X, y)
    members = [fitted.best_estimator_[1:] for fitted in (first, model)]
    vote = voting(members, model.classes_, [0.7, 0.3])
    model.best_estimator_ = Pipeline([model.best_estimator_.steps[0], *vote.steps])
    model.temperature_ = 1.7
    assert_equal(model, X, tmp_path)


def test_dates_are_fed_as_seconds(tmp_path):
    """Over centuries with leap years and without, on the eve and on the first of months; missing ones as well."""
    eves = ["1896-02-28", "1900-02-28", "1900-03-01", "1969-12-31 23:59:59", "2000-02-29", "2024-12-31"]
    days = [pd.Timestamp(eve) for eve in eves]
    seen = pd.Series([*days, *pd.date_range("1890-01-01", "2103-12-30", periods=94)])
    X = pd.DataFrame({"seen": seen.astype("M8[s]"), "size": np.float32(np.random.default_rng(0).normal(size=100))})
    X.loc[50, "seen"] = pd.NaT
    numbers = X["seen"].dt.month.fillna(0) + X["seen"].dt.day_of_week.fillna(0) + X["size"]
    model = AutoArchRegressor(**quick(families=FAMILIES["tree"])).fit(X, numbers)
    coder = model.best_estimator_[0]._table.coders[0]
    assert set(coder.fields) == {"year", "month", "day_of_week", "hour"}
    assert_equal(model, X, tmp_path)


def test_what_has_no_counterpart_is_named(tmp_path):
    """Neighbours on a map, lines without an order, times of day; no file is left."""
    X, y, _, settings = sample("map")
    on_map = AutoArchClassifier(**quick(families="linear", **settings)).fit(X, y)
    X, y, _, _ = sample("table")
    X["seen"] = X["seen"] - X["seen"].min()
    spans = AutoArchClassifier(**quick(families="linear")).fit(X, y)
    for model, reason in ((on_map, "neighbours of each row on the map"), (spans, "'seen' is a duration")):
        with pytest.raises(ModelFileError, match=f"cannot be written as ONNX.*{reason}"):
            model.to_onnx(tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_tuned_threshold_decides_in_the_graph(tmp_path):
    """Labels follow the threshold, probabilities stay what they are."""
    X, numbers = table(160)
    y = (numbers > np.quantile(numbers, 0.85)).astype(int)
    model = AutoArchClassifier(**quick(families="linear", scoring="f1")).fit(X, y)
    assert model.decision_threshold_ != 0.5
    assert_equal(model, X, tmp_path)


@pytest.mark.parametrize("kernel", ["features", pytest.param("linear", marks=SLOW), pytest.param("rbf", marks=SLOW)])
def test_kernel_machines_of_numbers(kernel, tmp_path):
    """Kernels around some rows and a linear model on them, and the exact machines."""

    class OneKernel(SVM):
        def defaults(self, problem):
            others = {} if kernel == "linear" else {"gamma": 1.0}
            others |= {} if kernel == "features" else {"epsilon": 0.1}
            return [{"kernel": kernel, "cost": 1.0, "scaling": "standard", **others}]

    X, numbers = table()
    assert_equal(AutoArchRegressor(**quick(families=OneKernel)).fit(X, numbers), X, tmp_path)


@pytest.mark.parametrize("family", [Tree, Linear], ids=["tree", "linear"])
def test_combinations_of_columns(family, tmp_path):
    """Arithmetic, and means of pairs of categories."""

    class Crossed(family):
        def defaults(self, problem):
            found = [params for params in super().defaults(problem) if params.get("view") == "crossed"]
            return [{**params, **({"amount": 1.0} if family is Tree else {})} for params in found]

    X, numbers = table(240)
    X["other"] = np.random.default_rng(2).choice(["a", "b", "c"], len(X))
    X["gaps"] = np.where(np.arange(len(X)) % 30, np.random.default_rng(3).normal(size=len(X)), -999.0)
    y = numbers * X["size"].to_numpy() + 3 * ((X["other"] == "a") == (X["colour"] == "red"))
    model = AutoArchRegressor(**quick(families=Crossed)).fit(X, y)
    step = model.best_estimator_.named_steps["crossed"]
    assert step.made_ and step.crosses_
    X.loc[:3, "colour"], X.loc[5, "size"] = "violet", 0.0
    assert_equal(model, X, tmp_path)
