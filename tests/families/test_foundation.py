"""Pretrained table models: searched where package and weights are there, silent elsewhere, never on the network."""

from __future__ import annotations

import dataclasses
import socket
import sys

import numpy as np
import pytest

from autoarch import AutoArchClassifier
from autoarch._core.clock import Deadline
from autoarch._search.evaluate import fit_steps
from autoarch.exceptions import ParameterError
from autoarch.families import Problem
from autoarch.families.foundation import TabICL, TabPFN
from autoarch.families.registry import BUILT_IN, resolve_families
from autoarch.testing import check_family
from families.fake_packages import write_packages, write_weights

FAMILIES = pytest.mark.parametrize("family", [TabPFN, TabICL], ids=lambda family: family.name)
TABLE = Problem("classification", 200, 5, n_classes=2, smallest_class=90)


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """Caches of the packages are in an empty folder, and reaching for the network is an error."""

    def refuse(*args, **kwargs):
        raise AssertionError("something reached for the network")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    for name in ("TABPFN_MODEL_CACHE_DIR", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr(sys, "platform", "linux")


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Fakes of both packages."""
    folder = tmp_path / "packages"
    folder.mkdir()
    write_packages(folder)
    yield from _importable(folder, monkeypatch)


def _importable(folder, monkeypatch):
    real = {name: sys.modules.pop(name) for name in ("tabpfn", "tabicl") if name in sys.modules}
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in ("tabpfn", "tabicl"):
        sys.modules.pop(name, None)
    sys.modules.update(real)


@pytest.fixture
def weights(tmp_path):
    """A folder with files in the place of weights."""
    folder = tmp_path / "weights"
    folder.mkdir()
    write_weights(folder)
    return folder


def table(n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Five columns, two of which decide."""
    X = np.random.default_rng(0).normal(size=(n, 5)).astype(np.float32)
    return X, np.where(X[:, 0] + X[:, 1] > 0, "yes", "no")


@FAMILIES
def test_the_contract_is_kept(family, packages, weights):
    """Pretrained families pass the checks that all others pass."""
    check_family(family(weights))


def test_a_search_includes_them_where_they_can_serve(packages, weights, monkeypatch):
    """Families that the probe does not know have their turn in the first round."""
    monkeypatch.setenv("TABPFN_MODEL_CACHE_DIR", str(weights))
    X, y = table()
    model = AutoArchClassifier(time_budget=None, n_trials=8, layout=None, cv=2, random_state=0).fit(X, y)
    board = model.leaderboard_.set_index("family")
    assert board.loc["tabpfn", "status"] == "ok"
    assert "no weights of a classifier" in board.loc["tabicl", "reason"]


def test_a_pretrained_winner_predicts_and_names_its_weights(packages, weights):
    """The leaderboard says which of the models that were found was used."""
    X, y = table()
    model = AutoArchClassifier(
        families=[TabICL(weights)], time_budget=None, n_trials=2, layout=None, cv=2, random_state=0
    ).fit(X, y)
    assert model.best_family_ == "tabicl" and model.score(X, y) > 0.9
    assert model.best_params_["model__n_rows"] == 200
    assert "tabicl-classifier-v2-20260212.ckpt" in str(model.leaderboard_["params"].iloc[0])


def test_without_the_packages_nothing_is_listed(monkeypatch):
    """Nobody who has not installed them hears of them."""
    for module in ("base", "registry"):
        monkeypatch.setattr(f"autoarch.families.{module}.find_spec", lambda name: None)
    assert [family.name for family in resolve_families("auto")] == [family.name for family in BUILT_IN]
    assert "tabpfn" not in sys.modules and "tabicl" not in sys.modules


@FAMILIES
def test_without_the_package_whoever_asks_is_told(family, monkeypatch):
    """The package is named, and no work begins."""
    monkeypatch.setattr("autoarch.families.base.find_spec", lambda name: None)
    with pytest.raises(ParameterError, match=rf"needs torch, {family.name}, which is not installed"):
        AutoArchClassifier(families=[family.name], time_budget=5).fit(*table())


@pytest.mark.parametrize(
    ("family", "variable", "place"),
    [
        pytest.param("tabpfn", "TABPFN_MODEL_CACHE_DIR", "caches/tabpfn", id="tabpfn"),
        pytest.param("tabicl", "HF_HUB_CACHE", "caches/huggingface/hub/models--jingang--TabICL", id="tabicl"),
    ],
)
def test_without_weights_whoever_asks_is_told_where_they_were_sought(family, variable, place, packages, tmp_path):
    """The message names the folder, a file, the variable and the parameter, and leaves nothing on the disk."""
    with pytest.raises(ParameterError, match="no weights of a classifier") as caught:
        AutoArchClassifier(families=family, time_budget=5).fit(*table())
    for part in (str(tmp_path / place), f"put {family}-v", variable, "weights=..."):
        assert part.replace("tabicl-v", "tabicl-classifier-v") in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["packages"]


@pytest.mark.parametrize(
    ("family", "variable", "folder"),
    [
        pytest.param(TabPFN, "TABPFN_MODEL_CACHE_DIR", "", id="tabpfn"),
        pytest.param(TabPFN, "XDG_CACHE_HOME", "tabpfn", id="tabpfn-cache"),
        pytest.param(TabICL, "HF_HUB_CACHE", "models--jingang--TabICL/snapshots/0a1b", id="hub"),
        pytest.param(TabICL, "HF_HOME", "hub/models--jingang--TabICL/snapshots/0a1b", id="hub-home"),
        pytest.param(TabICL, "XDG_CACHE_HOME", "huggingface/hub/models--jingang--TabICL/snapshots/0a1b", id="cache"),
    ],
)
def test_weights_are_found_where_the_packages_keep_them(family, variable, folder, packages, tmp_path, monkeypatch):
    """The environment variables are those of the packages."""
    place = tmp_path / "elsewhere" / folder
    place.mkdir(parents=True)
    write_weights(place)
    assert family().unfit_for(TABLE) is not None
    monkeypatch.setenv(variable, str(tmp_path / "elsewhere"))
    assert family().unfit_for(TABLE) is None
    assert len(family().models(TABLE)) == 1


@pytest.mark.parametrize(
    ("family", "changes", "reason"),
    [
        pytest.param(TabPFN, {"n_samples": 50_001}, "up to 50,000 rows, and there are 50,001", id="rows"),
        pytest.param(TabPFN, {"n_features": 2_001}, "up to 2,000 columns", id="columns"),
        pytest.param(TabPFN, {"n_classes": 11}, "up to 10 classes", id="classes"),
        pytest.param(TabICL, {"n_samples": 100_001}, "up to 100,000 rows", id="tabicl-rows"),
    ],
)
def test_limits_of_a_model_are_reasons(family, changes, reason, packages, weights):
    """What a model was not made for is left to others."""
    assert reason in family(weights).unfit_for(dataclasses.replace(TABLE, **changes))


def test_a_model_that_knows_one_task_is_not_asked_for_the_other(packages, weights):
    """The name of a file says what it can do."""
    classifier = TabICL(weights / "tabicl-classifier-v2-20260212.ckpt")
    assert classifier.unfit_for(TABLE) is None
    assert "no weights of a regressor" in classifier.unfit_for(Problem("regression", 200, 5))


def test_the_newest_model_that_takes_the_table_comes_first(packages, weights):
    """An old model is kept for sampling, one that is too small for the table is not."""
    for name in ("v2-classifier.ckpt", "v3.5-20260909.safetensors"):
        (weights / f"tabpfn-{name}").touch()
    small, large = (TabPFN(weights).models(dataclasses.replace(TABLE, n_samples=n)) for n in (200, 20_000))
    assert [name.split("-")[1] for name in small] == ["v3.5", "v2.6", "v2"]
    assert [name.split("-")[1] for name in large] == ["v3.5", "v2.6"]
    assert TabPFN(weights).defaults(TABLE)[0]["model"] == small[0]


@pytest.mark.parametrize(("family", "old"), [(TabPFN, "8.5.0"), (TabICL, "0.1.4")], ids=["tabpfn", "tabicl"])
def test_an_old_package_is_a_reason(family, old, weights, tmp_path, monkeypatch):
    """Old versions of tabpfn report to their makers, old ones of tabicl have no regressor."""
    folder = tmp_path / "old"
    folder.mkdir()
    write_packages(folder, **{family.name: old})
    for _ in _importable(folder, monkeypatch):
        assert f"{old} is installed" in family(weights).unfit_for(TABLE)


@FAMILIES
def test_weights_that_vanish_are_not_fetched(family, packages, weights):
    """Where the packages would begin to download, the fit fails."""
    found = family(weights)
    params = found.smoke_params(TABLE)
    steps = found.build(params, TABLE, 0)
    for path in weights.iterdir():
        path.unlink()
    with pytest.raises(FileNotFoundError, match="are gone"):
        found.fit(steps[-1][1], *table(), sample_weight=None, deadline=Deadline(), seed=0)


@FAMILIES
def test_weights_of_rows_are_refused(family, packages, weights):
    """None of the models knows weights."""
    found = family(weights)
    with pytest.raises(ValueError, match="takes no weights"):
        fit_steps(found, found.smoke_params(TABLE), TABLE, 0, *table(), np.ones(200), Deadline())


def test_gaps_are_filled_before_tabicl_sees_them(packages, weights):
    """Numbers with means, codes of categories with a code of their own, which new categories share."""
    problem = dataclasses.replace(TABLE, categorical=(4,), cardinalities=(3,), has_missing=True)
    (_, prepare), _ = TabICL(weights).build(TabICL(weights).smoke_params(problem), problem, 0)
    X = np.c_[table()[0][:, :4], np.arange(200) % 3]
    prepare.fit(X)
    gaps = np.full((2, 5), np.nan)
    gaps[1, 4] = 7  # a category that was not there
    np.testing.assert_allclose(prepare.transform(gaps), np.tile([-1, *X[:, :4].mean(axis=0)], (2, 1)))


def test_a_package_that_cannot_be_imported_is_a_reason(packages, weights):
    """It may not agree with other packages; the search goes on without it."""
    (packages / "tabpfn.py").write_text("raise ImportError('of something old')", encoding="utf-8")
    settings = {"time_budget": None, "n_trials": 2, "layout": None, "cv": 2, "random_state": 0, "verbose": 0}
    model = AutoArchClassifier(families=["linear", TabPFN(weights)], **settings).fit(*table())
    assert model.best_family_ == "linear"
    assert "of something old" in model.leaderboard_.set_index("family").loc["tabpfn", "reason"]


@FAMILIES
def test_a_cut_context_is_kept_for_the_final_fit(family, packages, weights):
    """The final model predicts as it was judged, and as fast; what was not cut is free to use all rows."""
    found = family(weights)
    models = [found.build(found.smoke_params(TABLE), TABLE, 0)[-1][1].set_params(context_rows=n) for n in (50, 60)]
    for model in models:
        model.complete_ = False
    assert found.learned(models) == {"estimator__n_estimators": 1, "context_rows": 60}
    for model in models:
        model.complete_ = True
    assert found.learned(models) == {}


def test_the_real_tabicl_keeps_the_contract(tmp_path):
    """With a small net that nobody has trained."""
    nets = pytest.importorskip("tabicl._model.tabicl", reason="tabicl is not installed")
    torch = pytest.importorskip("torch")
    sizes = {"embed_dim": 16, "col_num_inds": 4, "row_num_cls": 2, "icl_num_blocks": 2}
    sizes |= dict.fromkeys(("col_nhead", "row_nhead", "icl_nhead"), 2)
    sizes |= dict.fromkeys(("col_num_blocks", "row_num_blocks"), 1)
    for kind, classes in (("classifier", 10), ("regressor", 0)):
        config = {**sizes, "max_classes": classes}
        net = nets.TabICL(**config)
        torch.save({"config": config, "state_dict": net.state_dict()}, tmp_path / f"tabicl-{kind}-v2-20260212.ckpt")
    check_family(TabICL(tmp_path))


def test_the_real_tabpfn_keeps_the_contract(tmp_path):
    """With a small net that nobody has trained."""
    pytest.importorskip("tabpfn", reason="tabpfn is not installed")
    torch = pytest.importorskip("torch")
    from tabpfn.architectures import tabpfn_v2_6
    from tabpfn.architectures.shared.bar_distribution import FullSupportBarDistribution
    from tabpfn.constants import ModelVersion
    from tabpfn.inference_config import InferenceConfig

    bars = FullSupportBarDistribution(torch.linspace(-4, 4, 51), ignore_nan_targets=True).state_dict()
    for kind, task, classes in (("classifier", "multiclass", 10), ("regressor", "regression", 0)):
        sizes = {"emsize": 24, "nlayers": 2, "nhead": 2, "num_thinking_rows": 4, "num_buckets": 50}
        config = tabpfn_v2_6.TabPFNV2p6Config(**sizes, max_num_classes=classes)
        state = tabpfn_v2_6.get_architecture(config).state_dict()
        state |= {} if classes else {f"criterion.{name}": value for name, value in bars.items()}
        settings = InferenceConfig.get_default(task, ModelVersion.V2_5)
        checkpoint = {"architecture_name": "tabpfn_v2_6", "state_dict": state, "config": dataclasses.asdict(config)}
        checkpoint["inference_config"] = dataclasses.asdict(settings)
        torch.save(checkpoint, tmp_path / f"tabpfn-v2.6-{kind}-v2.6_default.ckpt")
    check_family(TabPFN(tmp_path))
