"""A model file predicts what the estimator did, and holds nothing else."""

import io
import json
import pickle
import sys
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from families.fake_packages import write_packages, write_weights
from quick import quick
from sklearn.exceptions import NotFittedError
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline

import autoarch
from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch._search.averages import voting
from autoarch.exceptions import AutoArchWarning, InputError, MissingExtraError, ModelFileError
from autoarch.families import Family
from autoarch.families.fine_tuned import FineTuned
from autoarch.families.foundation import TabICL
from export.samples import FAMILIES, KINDS, LinearLevels, OneKind, coded_shops, sample, shops

pytest.importorskip("skops", reason="needs the extra files")
pytest.importorskip("safetensors", reason="needs the extra files")


class Own(GaussianNB):
    """An estimator of a plug-in."""


class Plugged(Family):
    """A family whose model no file may hold."""

    name = "plugged"

    def suggest(self, trial, problem):
        """Nothing."""
        return {}

    def build(self, params, problem, seed):
        """The estimator alone."""
        return [("model", Own())]


def kept(model, folder):
    """The model after a way through a file."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The file does not hold")  # the families of the tests
        model.save(folder / "model.autoarch")
    return autoarch.load(folder / "model.autoarch")


def assert_same(model, loaded, X):
    """Predictions to the last digit, and every attribute but those of the search."""
    np.testing.assert_array_equal(model.predict(X), loaded.predict(X))
    if hasattr(model, "predict_proba"):
        np.testing.assert_array_equal(model.predict_proba(X), loaded.predict_proba(X))
    if model._left_out is not None:
        ask = "predict_set" if hasattr(model, "predict_proba") else "predict_interval"
        np.testing.assert_array_equal(*(getattr(one, ask)(X, coverage=0.5) for one in (model, loaded)))
    assert (loaded._facts, hasattr(loaded, "feature_importances_")) == (
        model._facts,
        hasattr(model, "feature_importances_"),
    )
    assert set(vars(model)) - set(vars(loaded)) <= {"study_", "left_out_predictions_", "_past", "_tested"}
    assert model.locality_.to_dict() == loaded.locality_.to_dict()
    pd.testing.assert_frame_equal(model.leaderboard_, loaded.leaderboard_)
    joblib.dump(loaded, io.BytesIO())


@pytest.fixture(scope="module")
def stored():
    """A model of a table, and that table."""
    X, y, _, _ = sample("table")
    return AutoArchClassifier(**quick(families="linear")).fit(X, y), X


def test_a_table_comes_back(stored, tmp_path):
    """With its parameters, report and leaderboard; a second way through a file changes nothing."""
    model, X = stored
    loaded = kept(model, tmp_path)
    assert_same(model, loaded, X)
    assert_same(model, kept(loaded, tmp_path), X)
    assert loaded.get_params() == model.get_params()
    assert repr(loaded.locality_) == repr(model.locality_)


@pytest.mark.usefixtures("probe_without_labels")
@pytest.mark.parametrize(
    ("family", "kind", "seconds"), [("tree", "gaps", None), ("tree", "flat", 600), ("cnn", "channels", None)]
)
def test_families_come_back(family, kind, seconds, tmp_path):
    """One of each kind of model, with a clock or none to look at in training; the others are slow tests."""
    X, y, _, settings = sample(kind)
    model = AutoArchClassifier(**quick(families=FAMILIES[family], time_budget=seconds, **settings)).fit(X, y)
    assert_same(model, kept(model, tmp_path), X)


@pytest.mark.parametrize("task", [AutoArchClassifier, AutoArchRegressor])
def test_categories_of_many_levels_come_back(task, tmp_path):
    """Their cross-fitted means hold the folds that they were made on."""
    X, numbers = shops()
    model = task(**quick(families=LinearLevels("means"))).fit(X, numbers % 2 if task is AutoArchClassifier else numbers)
    assert_same(model, kept(model, tmp_path), X)


@pytest.mark.parametrize("task", [AutoArchClassifier, AutoArchRegressor])
def test_whole_numbers_that_name_things_come_back(task, tmp_path):
    """Their means, too."""
    X, numbers = coded_shops()
    model = task(**quick(families="linear")).fit(X, (numbers > 300) * 1 if task is AutoArchClassifier else numbers)
    assert "naming" in model.best_estimator_.named_steps
    assert_same(model, kept(model, tmp_path), X)


GRIDS = ("grid", "channels", "letters", "map")
ALL = [(family, kind) for family in FAMILIES for kind in KINDS if family not in ("cnn", "kernels") or kind in GRIDS]


@pytest.mark.slow
@pytest.mark.usefixtures("probe_without_labels")
@pytest.mark.parametrize(("family", "kind"), [*ALL, ("neighbors", "map")])
@pytest.mark.parametrize("task", [AutoArchClassifier, AutoArchRegressor])
def test_every_family_task_and_kind_comes_back(family, kind, task, tmp_path):
    """Equal predictions, and a size near that of the winner's weights."""
    X, y, numbers, settings = sample(kind)
    y = y if task is AutoArchClassifier else numbers
    model = task(**quick(families=FAMILIES.get(family, family), **settings)).fit(X, y)
    assert_same(model, kept(model, tmp_path), X)
    winner = len(pickle.dumps(model.best_estimator_[1:]))
    assert (tmp_path / "model.autoarch").stat().st_size <= 1.2 * winner + 100_000


@pytest.mark.usefixtures("probe_without_labels")
@pytest.mark.parametrize("task", [AutoArchClassifier, AutoArchRegressor])
@pytest.mark.parametrize("package", ["lightgbm", "xgboost", "catboost"])
def test_boosters_come_back(package, task, tmp_path):
    """In the formats of their packages."""
    pytest.importorskip(package, reason="needs the extra boost")
    X, y, numbers, _ = sample("gaps")
    y = y if task is AutoArchClassifier else numbers
    model = task(**quick(families=OneKind(package))).fit(X, y)
    assert model.best_family_ == "tree"
    assert_same(model, kept(model, tmp_path), X)


@pytest.mark.usefixtures("probe_without_labels")
def test_a_mean_of_families_comes_back(stored, tmp_path):
    """Members, weights and temperature."""
    X, y, _, _ = sample("table")
    first, model = stored[0], AutoArchClassifier(**quick(families=FAMILIES["tree"])).fit(X, y)
    members = [fitted.best_estimator_[1:] for fitted in (first, model)]
    vote = voting(members, model.classes_, [0.7, 0.3])
    model.best_estimator_ = Pipeline([model.best_estimator_.steps[0], *vote.steps])
    model.temperature_ = 1.5
    assert_same(model, kept(model, tmp_path), X)


@pytest.mark.usefixtures("probe_without_labels")
def test_a_fine_tuned_net_comes_back(tmp_path):
    """Of layers that torch knows."""
    X, y, _, _ = sample("grid")
    layers = torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    net = torch.nn.Sequential(*layers, torch.nn.Linear(4, 3))
    model = AutoArchClassifier(**quick(families=FineTuned(net))).fit(X, y)
    assert_same(model, kept(model, tmp_path), X)


def test_a_net_of_a_gpu_is_loaded_without_one():
    """The device is a setting; where it is not here, the CPU serves."""
    if torch.cuda.is_available():
        pytest.skip("needs a machine without an accelerator")
    from autoarch._export.reader import Reader
    from autoarch._export.writer import Writer
    from autoarch._training.conv_net import ConvNet
    from autoarch._training.loop import ArrayNetClassifier

    X, y = np.random.default_rng(0).normal(size=(20, 1, 4, 4)).astype("f4"), np.arange(20) % 2
    net = ArrayNetClassifier(ConvNet, module__stages=1, module__filters=4, max_epochs=1, lr=0.01).fit(X, y)
    expected = net.predict_proba(X)
    net.device, writer = "cuda", Writer()
    written = json.loads(json.dumps(writer.write(net)))
    loaded = Reader(writer.arrays, writer.blobs).read(written)
    assert loaded.device == "cpu"
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)


def test_a_foundation_model_keeps_its_context_and_names_its_weights(tmp_path, monkeypatch):
    """Weights are sought by name where their package keeps them, and compared by their digest."""
    write_packages(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = tmp_path / "hub" / "models--jingang--TabICL" / "snapshots" / "one"
    folder.mkdir(parents=True)
    write_weights(folder)
    weights = folder / "tabicl-classifier-v2-20260212.ckpt"
    X, y, _, _ = sample("flat")
    try:
        model = AutoArchClassifier(**quick(families=TabICL())).fit(X, y)
        assert model.best_family_ == "tabicl"
        assert_same(model, kept(model, tmp_path), X)
        weights.write_bytes(b"others")
        with pytest.raises(ModelFileError, match=r"needs other weights than .*SHA-256"):
            autoarch.load(tmp_path / "model.autoarch")
        weights.unlink()
        with pytest.raises(ModelFileError, match=r"needs the weights tabicl-classifier.*HF_HUB_CACHE"):
            autoarch.load(tmp_path / "model.autoarch")
    finally:
        for name in ("tabicl", "tabpfn"):
            sys.modules.pop(name, None)


@pytest.mark.usefixtures("probe_without_labels")
def test_training_rows_are_not_in_the_file(tmp_path):
    """Of a linear model nothing but means and slopes is left of the rows."""
    X, y, _, _ = sample("flat", 3000)
    model = AutoArchClassifier(**quick(families="linear")).fit(X, y)
    model.save(tmp_path / "model.autoarch")
    assert (tmp_path / "model.autoarch").stat().st_size < X.nbytes / 5


def test_what_was_passed_as_an_object_is_left_out_and_said(tmp_path):
    """A callable score is no part of a file."""
    X, y, _, _ = sample("flat")
    scoring = lambda estimator, X, y: float(np.mean(estimator.predict(X) == y))  # noqa: E731  # no function by name
    model = AutoArchClassifier(**quick(families="linear", scoring=scoring)).fit(X, y)
    with pytest.warns(AutoArchWarning, match="what was passed as scoring"):
        model.save(tmp_path / "model.autoarch")
    loaded = autoarch.load(tmp_path / "model.autoarch")
    assert loaded.scoring is None
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_models_of_others_are_refused_by_name(tmp_path):
    """Their classes would have to be imported; nothing is left on the disk."""
    X, y, _, _ = sample("flat")
    model = AutoArchClassifier(**quick(families=Plugged())).fit(X, y)
    with pytest.raises(ModelFileError, match=r"Own.*joblib\.dump"):
        kept(model, tmp_path)
    assert not list(tmp_path.iterdir())


def test_places_are_checked_first(stored, tmp_path):
    """A folder that is not there, a folder of that name, a model that is not fitted."""
    model = stored[0]
    with pytest.raises(InputError, match="there is no folder"):
        model.save(tmp_path / "nowhere" / "model.autoarch")
    with pytest.raises(InputError, match="is a folder"):
        model.save(tmp_path)
    with pytest.raises(NotFittedError):
        AutoArchClassifier().save(tmp_path / "model.autoarch")
    with pytest.raises(InputError, match="is not there"):
        autoarch.load(tmp_path / "model.autoarch")
    with pytest.raises(InputError, match="is a folder"):
        autoarch.load(tmp_path)


def test_a_missing_package_names_the_extra(stored, tmp_path, monkeypatch):
    """Before anything is written."""
    monkeypatch.setitem(sys.modules, "skops.io", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'autoarch\[files\]'"):
        stored[0].save(tmp_path / "model.autoarch")
    assert not list(tmp_path.iterdir())
