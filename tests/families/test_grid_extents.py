"""A quarter of the cells of large grids: read alone where it was found to tell more than all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from autoarch import AutoArchClassifier, load
from autoarch._data.layout import Layout
from autoarch._training.grid_extents import EXTENTS, GridExtent, is_large, middle_of, sides_of
from autoarch.families import Problem
from autoarch.families.cnn import CNN
from autoarch.families.kernels import Kernels
from autoarch.locality.landmarks import Measured, ProbeInput, measure_landmarks

torch = pytest.importorskip("torch")


def crosses(n: int, centred: bool, seed: int, side: int = 48) -> tuple[np.ndarray, np.ndarray]:
    """A plus or a saltire in the middle, or anywhere, between as many of both that say nothing, in noise."""
    rng = np.random.default_rng(seed)
    plus = np.zeros((9, 9))
    plus[4, :] = plus[:, 4] = 2.0
    saltire = 2.0 * (np.eye(9) + np.eye(9)[::-1])
    X, y = rng.normal(scale=0.5, size=(n, side, side)), rng.integers(2, size=n)
    for grid, label in zip(X, y, strict=True):
        for corner in (0, side - 9):
            for other in (0, side - 9):
                grid[corner : corner + 9, other : other + 9] += (plus, saltire)[rng.integers(2)] if centred else 0.0
        low, high = (side // 2 - 9, side // 2) if centred else (0, side - 9)
        top, left = rng.integers(low, high + 1, size=2)
        grid[top : top + 9, left : left + 9] += (plus, saltire)[label]
    return X.astype(np.float32), y


def landmarks(X: np.ndarray, y: np.ndarray) -> Measured:
    """Those of convolutions alone."""
    data = ProbeInput(X.reshape(len(X), -1), y, independent=np.arange(0))
    return measure_landmarks(data, Layout(*X.shape[1:]), wanted=("cnn",))


@pytest.mark.parametrize("centred", [True, False], ids=["centred", "anywhere"])
def test_the_landmark_says_whether_the_middle_tells_more(centred: bool) -> None:
    found = landmarks(*crosses(300, centred, 0))
    assert found.gains["middle"].exceeds(0.0) == centred
    assert found.landmarks["cnn"].score > 0.8


def test_small_grids_are_not_asked() -> None:
    assert "middle" not in landmarks(*crosses(60, True, 0, side=40)).gains
    assert is_large((48, 90)) and not is_large((47, 90))


def test_noise_is_averaged_where_that_tells_more() -> None:
    """Wide bars down or across; and stripes of single lines, of which means leave nothing."""
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=200)
    bars = rng.normal(scale=4.0, size=(200, 48, 48))
    for grid, label in zip(bars, y, strict=True):
        top, left = rng.integers(48 - 24), rng.integers(48 - 8)
        (grid.T if label else grid)[left : left + 8, top : top + 24] += 2.0
    lines = np.indices((48, 48))[y] % 2 + rng.normal(size=(200, 48, 48))
    assert landmarks(bars, y).better_part == "means"
    assert landmarks(lines, y).better_part is None


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("family", [CNN(), Kernels()], ids=lambda family: family.name)
def test_families_read_the_better_part_first_and_all_of_it_later(family: CNN | Kernels, extent: str) -> None:
    facts = {"n_samples": 200, "n_features": 64 * 50, "n_classes": 2, "smallest_class": 90, "layout": Layout(64, 50)}
    problem = Problem(task="classification", categorical=(), cardinalities=(), has_missing=False, **facts)
    assert all("extent" not in params for params in family.defaults(problem))
    first, *others = family.defaults(replace(problem, verdict="2d", symmetries=(extent,)))
    assert first["extent"] == extent and "whole" in {params["extent"] for params in others[:3]}
    steps = dict(family.build(first, problem, 0))
    assert steps["extent"].fit_transform(np.zeros((3, 1, 64, 50), np.float32)).shape[2:] == sides_of(extent, (64, 50))
    square = replace(problem, n_features=64 * 64, layout=Layout(64, 64))  # kernels stand on every other cell of it
    assert family.nominal_seconds(first, square) <= family.nominal_seconds({**first, "extent": "whole"}, square)


@pytest.mark.parametrize("side", [1, 2, 3, 8, 9, 50])
def test_the_middle_is_symmetric(side: int) -> None:
    kept = np.zeros(side, bool)
    kept[middle_of(side)] = True
    assert kept.any() and (kept == kept[::-1]).all()
    assert kept.sum() == sides_of("middle", (side, 8))[0]


@pytest.mark.parametrize("shape", [(48, 48), (49, 51), (3, 2)])
def test_means_are_those_of_torch(shape: tuple[int, int]) -> None:
    """Also at the ends of odd sides."""
    X = np.random.default_rng(0).normal(size=(4, 2, *shape)).astype(np.float32)
    expected = torch.nn.functional.avg_pool2d(torch.from_numpy(X), 2, ceil_mode=True)
    found = GridExtent("means").fit_transform(X)
    assert found.dtype == np.float32 and found.shape[2:] == sides_of("means", shape)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["cnn", "kernels"])
def test_a_search_reads_the_middle_and_its_model_is_saved(family: str, tmp_path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    (X, y), (X_test, y_test) = crosses(300, True, 0), crosses(200, True, 1)
    settings = {"time_budget": None, "n_trials": 1, "cv": 2, "random_state": 0, "verbose": 0}
    model = AutoArchClassifier(families=family, **settings).fit(X, y)
    assert "The middle of the grid tells more" in str(model.locality_)
    assert model.best_estimator_.named_steps["extent"].extent == "middle"
    assert model.score(X_test, y_test) > 0.8
    rim = X_test.copy()
    rim[:, :8] = rim[:, -8:] = 0.0  # which it does not read
    np.testing.assert_array_equal(model.predict_proba(rim), model.predict_proba(X_test))
    model.save(tmp_path / "model.autoarch")
    loaded = load(tmp_path / "model.autoarch")
    np.testing.assert_allclose(loaded.predict_proba(X_test), model.predict_proba(X_test), rtol=1e-6)
    model.to_onnx(tmp_path / "model.onnx")
    session = runtime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    proba = session.run(["probabilities"], {session.get_inputs()[0].name: X_test})[0]
    np.testing.assert_allclose(proba, model.predict_proba(X_test), atol=1e-4)
