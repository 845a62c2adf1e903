"""The entrance: any input to a report, repeatably and without side effects."""

import json
import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from autoarch import Layout, LocalityReport, datasets, probe_locality
from autoarch.exceptions import AutoArchError, InputError, ParameterError
from autoarch.locality import landmarks, probe_values


def _timeless(report: LocalityReport) -> LocalityReport:
    """The same report with all seconds set to zero."""
    marks = {name: replace(mark, seconds=0.0) for name, mark in report.landmarks.items()}
    return replace(report, seconds=0.0, scores=replace(report.scores, landmarks=marks))


@pytest.mark.parametrize(
    ("make", "verdict"),
    [
        pytest.param(lambda X, rng: X, "2d", id="as-they-are"),
        pytest.param(lambda X, rng: X[:, :, rng.permutation(8)], "1d-columns", id="columns-shuffled"),
        pytest.param(lambda X, rng: X[:, rng.permutation(8)], "1d-rows", id="rows-shuffled"),
        pytest.param(lambda X, rng: X.reshape(-1, 64)[:, rng.permutation(64)].reshape(X.shape), "none", id="shuffled"),
        pytest.param(lambda X, rng: np.repeat(X[:, None], 2, axis=1), "2d", id="two-channels"),
        pytest.param(lambda X, rng: X.reshape(-1, 64), "2d", id="flat"),
        pytest.param(lambda X, rng: X.reshape(-1, 1, 64), "1d-rows", id="one-line"),
    ],
)
def test_digits_get_the_verdict_that_their_order_deserves(make, verdict):
    """Shuffling one axis of the grid leaves the other one, shuffling all cells leaves nothing."""
    X = datasets.load_digits_grid()[0][:400]

    assert probe_locality(make(X, np.random.default_rng(1)), random_state=0).verdict == verdict


@pytest.mark.parametrize(
    ("X", "y", "layout", "leader"),
    [
        pytest.param(*datasets.make_textures(300, (12, 12), random_state=1), "auto", "cnn", id="textures"),
        pytest.param(
            *datasets.make_alternating_texture(300, (12, 12), random_state=1), "auto", "cnn", id="alternating"
        ),
        pytest.param(*datasets.make_cell_rule(300, (12, 12), random_state=1), "auto", "tree", id="one-cell"),
        pytest.param(*datasets.make_noise(300, 8, random_state=1), None, "tree", id="table"),
    ],
)
def test_the_right_family_comes_first(X, y, layout, leader):
    """Where the truth is known the report names it and says why."""
    report = probe_locality(X, y, layout=layout, random_state=0)

    assert next(iter(report.recommended_families)) == leader
    assert report.family_probabilities[leader] == max(report.family_probabilities.values())
    assert report.recommendation.startswith("Try a CNN" if leader == "cnn" else "Prefer trees")


def test_equal_seeds_give_equal_reports_and_touch_no_global_state():
    """numpy's, Python's and torch's own generators stay where they were."""
    import torch

    X, y = datasets.make_stripes(120, random_state=0)
    before = np.random.get_state()[1].copy(), random.getstate(), torch.get_rng_state(), torch.get_num_threads()

    first, second = (probe_locality(X, y, layout=(8, 8), random_state=3) for _ in range(2))

    assert _timeless(first) == _timeless(second)
    assert (np.random.get_state()[1] == before[0]).all()
    assert random.getstate() == before[1]
    assert (torch.get_rng_state() == before[2]).all()
    assert torch.get_num_threads() == before[3]


def test_input_is_left_alone_and_memory_maps_are_fine(tmp_path):
    """Read-only pages from a file give the report that the array gives."""
    X = datasets.make_textures(60, (6, 6), random_state=0)[0]
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")

    assert _timeless(probe_locality(mapped, random_state=0)) == _timeless(probe_locality(X, random_state=0))


@pytest.mark.parametrize(
    ("values", "layout"),
    [
        pytest.param(np.ones((40, 16)), Layout(4, 4), id="constant"),
        pytest.param(np.full((40, 16), np.nan), Layout(4, 4), id="all-missing"),
        pytest.param(np.random.default_rng(0).normal(size=(1, 16)), Layout(4, 4), id="one-row"),
        pytest.param(np.random.default_rng(0).normal(size=(2, 16)), Layout(4, 4), id="two-rows"),
        pytest.param(np.random.default_rng(0).normal(size=(40, 1)), Layout(1, 1), id="one-cell"),
        pytest.param(np.random.default_rng(0).normal(size=(40, 6)), Layout(1, 1, 6), id="channels-only"),
        pytest.param(np.random.default_rng(0).normal(size=(10, 3000)), Layout(1, 3000), id="more-cells-than-rows"),
        pytest.param(np.random.default_rng(0).normal(size=(40, 16)) * 1e300, Layout(4, 4), id="extreme"),
        pytest.param(np.random.default_rng(0).normal(size=(40, 5)), None, id="no-layout"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_degenerate_input_gives_a_finite_report_without_warnings(values, layout):
    """A verdict with wide uncertainty, never NaN."""
    y = np.arange(len(values)) % 2
    report = probe_values(values, layout, y=y, task="classification", random_state=0)

    json.dumps(report.to_dict(), allow_nan=False)
    assert report.verdict == "none"
    assert sum(report.family_probabilities.values()) == pytest.approx(1.0)
    assert report.recommendation in str(report).replace("\n  ", " ")


@pytest.mark.parametrize(
    "y",
    [
        pytest.param(np.arange(150), id="a-class-per-row"),
        pytest.param(np.r_[np.zeros(147), 1, 2, 3], id="classes-of-one-row"),
        pytest.param(np.r_[np.zeros(149), 1], id="one-row-of-the-other-class"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_odd_labels_give_a_finite_report_without_warnings(y, monkeypatch):
    """Classes may be as many as the rows, or of a single row each; where they are many, a part of the rows is drawn."""
    monkeypatch.setattr(landmarks, "FEW_ROWS", 120)
    X = np.random.default_rng(0).normal(size=(150, 9))

    report = probe_locality(X, y, layout=(3, 3), task="classification", random_state=0)

    json.dumps(report.to_dict(), allow_nan=False)
    assert set(report.landmarks) == {"linear", "tree", "cnn", "mlp", "cnn_shuffled"}
    assert all(np.isfinite([mark.score, mark.std_error]).all() for mark in report.landmarks.values())
    assert report.skipped == ()


@pytest.mark.parametrize(
    "X",
    [
        pytest.param(np.full((30, 4, 4), np.iinfo(np.int64).max) - np.arange(16).reshape(4, 4), id="int64"),
        pytest.param(np.tile(np.array([-128, 127], np.int8), (30, 8)).reshape(30, 4, 4), id="int8"),
        pytest.param(np.random.default_rng(0).normal(size=(30, 4, 4)).astype(np.float32) * 1e30, id="float32"),
        pytest.param(np.random.default_rng(0).normal(size=(30, 2, 9)), id="not-square"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_extreme_numbers_and_odd_shapes_are_probed(X):
    """Nothing overflows; what cannot be told is not told."""
    report = probe_locality(X, random_state=0)

    json.dumps(report.to_dict(), allow_nan=False)
    assert report.verdict == "none"


def test_a_large_memory_map_is_never_copied_whole(tmp_path):
    """Probing 200 MB on disk takes a few MB of memory."""
    import tracemalloc

    mapped = np.lib.format.open_memmap(tmp_path / "X.npy", mode="w+", dtype=np.float32, shape=(200_000, 16, 16))
    mapped[:: len(mapped) // 500] = np.random.default_rng(0).normal(size=(500, 16, 16)).cumsum(axis=2)
    probe_locality(mapped[:50], random_state=0)  # imports are not counted

    tracemalloc.start()
    report = probe_locality(mapped, np.arange(len(mapped)) % 2, time_budget=0.01, random_state=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < mapped.nbytes / 4
    assert report.n_samples_used <= 1_000


def test_missing_cells_do_not_hide_the_layout():
    """A third of the cells missing: still 2-D, and the landmarks still run."""
    X, y = datasets.make_textures(150, (8, 8), random_state=0)
    X[np.random.default_rng(0).random(X.shape) < 0.3] = np.nan

    report = probe_locality(X, y, random_state=0)

    assert report.verdict == "2d"
    assert set(report.landmarks) == {"cnn", "cnn_shuffled", "mlp", "tree", "tree_summaries", "linear"}


@pytest.mark.parametrize(
    ("y", "metric"),
    [
        pytest.param(np.repeat(["a", "b"], 30), "accuracy", id="words"),
        pytest.param(np.repeat([1.0, 2.0], 30), "accuracy", id="whole-floats"),
        pytest.param(np.linspace(0, 1, 60), "r2", id="fractions"),
        pytest.param(np.arange(60), "r2", id="many-integers"),
        pytest.param(np.arange(60) % 5, "accuracy", id="few-integers"),
    ],
)
def test_the_task_is_read_from_the_target(y, metric):
    """Fractions and many different numbers are a regression."""
    X = np.random.default_rng(0).normal(size=(60, 4))

    assert probe_locality(X, y, layout=None, random_state=0).landmark_metric == metric


def test_mixed_tables_are_probed_without_a_grid():
    """A DataFrame with words has no layout; its categories are used all the same."""
    rng = np.random.default_rng(0)
    word = rng.choice(["red", "green", "blue"], 120)
    X = pd.DataFrame({"word": word, "number": rng.normal(size=120)})

    report = probe_locality(X, word == "red", random_state=0)

    assert report.layout is None
    assert report.p_value is None
    assert report.landmarks["linear"].score > 0.95


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        pytest.param({"y": [0, 1]}, InputError, "inconsistent numbers of samples", id="length"),
        pytest.param({"task": "clasification"}, ParameterError, "Did you mean 'classification'", id="task"),
        pytest.param({"time_budget": 0}, ParameterError, "above 0", id="budget"),
        pytest.param({"layout": (3, 5)}, AutoArchError, "15 cells but X has 16", id="layout"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    """The message says what came and what was expected."""
    with pytest.raises(error, match=message):
        probe_locality(np.zeros((30, 16)), **arguments)


def test_a_time_budget_drops_landmarks_by_name():
    """With next to no time the statistics remain, and what is missing is listed."""
    X, y = datasets.make_textures(60, (8, 8), random_state=0)

    report = probe_locality(X, y, time_budget=1e-6, random_state=0)

    assert report.verdict == "2d"
    assert {reason.split(":")[0] for reason in report.skipped} >= {"cnn", "mlp", "cnn_shuffled"}
    assert "Left out" in str(report)


def test_without_a_target_torch_is_not_loaded():
    """The statistics need numpy alone."""
    code = (
        "import sys, numpy as np; from autoarch import probe_locality; "
        "probe_locality(np.random.default_rng(0).normal(size=(30, 6, 6))); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
