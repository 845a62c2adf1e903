"""The landmarks: which family leads where the truth is known, and how they behave on odd targets."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from autoarch import Layout, datasets
from autoarch._core.clock import Deadline
from autoarch._statistics import ridge
from autoarch.families import landmarks
from autoarch.families.registry import WITH_LANDMARK
from autoarch.locality.landmarks import ProbeInput, measure_landmarks

_SETTINGS = {"categorical": (), "seed": 0, "n_jobs": None}


def _scores(X, y, layout, task="classification", **more):
    """Landmark scores by name."""
    values = X.reshape(len(X), -1)
    measured = measure_landmarks(ProbeInput(values, y, task, **more), layout)
    return {name: mark.score for name, mark in measured.landmarks.items()}


def test_out_of_fold_predictions_equal_separate_fits():
    """One inverse gives what three ridge fits with a free intercept give."""
    rng = np.random.default_rng(0)
    X, folds = rng.normal(size=(60, 8)), np.arange(60) % 3
    y = X @ rng.normal(size=(8, 2)) + 5 + 0.5 * rng.normal(size=(60, 2))
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    found = ridge.out_of_fold(ridge.gram(X), y, folds)

    def fitted(alpha):
        answer = np.empty_like(y)
        for fold in range(3):
            train = folds != fold
            answer[~train] = Ridge(alpha=alpha * 8).fit(X[train], y[train]).predict(X[~train])
        return answer

    assert min(np.abs(found - fitted(alpha)).max() for alpha in ridge.ALPHAS) < 1e-3


def test_rows_keep_the_shares_of_the_classes_and_folds_are_stratified():
    """Half of the rows hold half of every class, and so does each fold."""
    y = np.array([0] * 600 + [1] * 240 + [2] * 60)

    rows = landmarks.choose_rows(y, 450, seed=0)

    np.testing.assert_allclose(np.bincount(y[rows]), [300, 120, 30], atol=1)
    for fold in range(3):
        np.testing.assert_allclose(np.bincount(y[rows][fold::3]), [100, 40, 10], atol=1)


def test_convolutions_lead_on_textures_and_lose_without_the_layout():
    """The counterfactual: the same cells in another order are worth much less."""
    X, y = datasets.make_textures(300, (12, 12), random_state=0)

    scores = _scores(X, y, Layout(12, 12))

    assert scores["cnn"] > max(scores["mlp"], scores["tree"], scores["linear"], scores["cnn_shuffled"]) + 0.1


def test_trees_lead_where_one_cell_decides():
    """Smooth neighbours do not help when a single cell carries the label."""
    X, y = datasets.make_cell_rule(300, (12, 12), random_state=0)

    scores = _scores(X, y, Layout(12, 12))

    assert scores["tree"] > max(scores["cnn"], scores["mlp"], scores["linear"]) + 0.02


def test_regression_is_scored_by_r2_and_lines_take_kernels_along_them():
    """A linear target on a line: the linear model explains nearly all, in either direction of the line."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 20)).cumsum(axis=1)
    y = 1e6 + X @ rng.normal(size=20)

    lying, standing = (_scores(X, y, layout, "regression") for layout in (Layout(1, 20), Layout(20, 1)))

    assert lying["linear"] > 0.95
    assert lying["cnn"] == pytest.approx(standing["cnn"], abs=0.05)
    assert {"mlp", "tree", "cnn_shuffled"} <= set(lying)


def test_categories_are_levels_and_not_numbers():
    """A label that depends on single levels is learned by the linear model only because it sees indicators."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 7, 200), rng.normal(size=200)]).astype(float)
    y = np.isin(X[:, 0], [1, 3, 5]).astype(int)
    X[::20, 0] = np.nan

    scores = _scores(X, y, None, categorical=(0,))

    assert scores["linear"] > 0.9
    assert scores["tree"] > 0.9
    assert "cnn" not in scores


@pytest.mark.parametrize(
    ("y", "task"),
    [
        pytest.param(np.r_[np.zeros(37), 1, 2, 3].astype(int), "classification", id="singleton-classes"),
        pytest.param(np.arange(40), "classification", id="every-row-a-class"),
        pytest.param(np.linspace(-1, 1, 40) * 1e200, "regression", id="huge-target"),
        pytest.param(np.where(np.arange(40) == 3, np.nan, np.arange(40.0)), "regression", id="missing-target"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_odd_targets_give_scores_without_warnings(y, task):
    """Rare classes and extreme numbers are compared like all others."""
    X = np.random.default_rng(0).normal(size=(40, 6))

    scores = _scores(X, y, Layout(2, 3), task)

    assert len(scores) == 5
    assert all(-1 <= score <= 1 for score in scores.values())


def test_few_rows_leave_the_nets_out_and_say_so():
    """Ten rows cannot tell nets apart; the reason is given for each."""
    X = np.random.default_rng(0).normal(size=(10, 3))

    measured = measure_landmarks(ProbeInput(X, np.arange(10) % 2), Layout(1, 3))

    assert set(measured.landmarks) == {"linear", "tree"}
    assert [reason.split(":")[0] for reason in measured.skipped] == ["cnn", "mlp", "cnn_shuffled"]
    assert measured.landmark_rows == 10
    assert measured.gains == {}


def test_convolutions_tell_the_same_on_an_accelerator():
    """The device "cpu:0" takes its way where that is quicker; one that is not here is the CPU."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 64)), np.arange(120) % 2
    X[:, 20:24] += y[:, None]
    scores = [_scores(X, y, Layout(8, 8), device=device) for device in ("cpu", "cpu:0", "cuda:7")]
    assert scores[1] == pytest.approx(scores[0], abs=0.02) and scores[2] == scores[0]


def test_no_time_means_no_landmarks_and_each_is_named():
    """What the limit does not allow is left out by name, with the seconds that were missing."""
    X, y = datasets.make_noise(100, 5, random_state=0)

    measured = measure_landmarks(ProbeInput(X, y, clock=Deadline(1e-9)), None)

    assert not measured.landmarks
    assert any(reason.startswith("mlp: about") for reason in measured.skipped)


@pytest.mark.slow
def test_where_a_pattern_stands_matters_only_where_it_carries_the_label():
    """Bumps on the left against bumps on the right need places; textures, which are everywhere alike, do not."""
    rng = np.random.default_rng(0)
    y = np.arange(300) % 2
    bumps = rng.normal(size=(300, 12, 12)) * 0.3
    for row, side in zip(bumps, y, strict=True):
        top, left = rng.integers(8), rng.integers(3) + 6 * side
        row[top : top + 3, left : left + 3] += 1.0

    def place(X, y):
        values = X.reshape(len(X), -1)
        return measure_landmarks(ProbeInput(values, y), Layout(12, 12)).gains["place"]

    sides, textures = place(bumps, y), place(*datasets.make_textures(300, (12, 12), random_state=0))

    assert sides.difference > 4 * sides.std_error
    assert textures.difference < 2 * textures.std_error


def test_very_unequal_classes_count_alike():
    """With 5 % of one class, calling every row the other one scores one half, not 0.95."""
    rng = np.random.default_rng(0)
    y = (np.arange(400) % 20 == 0).astype(int)
    X = rng.normal(size=(400, 6))
    signal = X + 1.5 * y[:, None]

    blind = measure_landmarks(ProbeInput(X, y), None)
    seeing = measure_landmarks(ProbeInput(signal, y), None)

    assert blind.landmark_metric == seeing.landmark_metric == "balanced_accuracy"
    assert all(abs(mark.score - 0.5) < 5 * mark.std_error for mark in blind.landmarks.values())
    assert all(mark.score > 0.8 for mark in seeing.landmarks.values())


def test_many_columns_are_rotated_without_loss():
    """Distances between rows stay in proportion, so a net can learn from the rotated columns what it could before."""
    from autoarch.families.mlp import _MOST_INPUTS, _rotated

    values = np.random.default_rng(0).normal(size=(20, _MOST_INPUTS + 1)).astype(np.float32)

    rotated = _rotated(values)

    assert rotated.shape == (20, 20)
    ratio = (rotated @ rotated.T) / (values @ values.T)
    np.testing.assert_allclose(ratio, np.full((20, 20), ratio[0, 0]), rtol=0.05)


def test_trees_leave_boosting_out_where_it_would_take_most_of_the_time(monkeypatch):
    """The forest alone counts then; the other landmarks keep their time."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 6)), np.sort(rng.integers(2, size=120))
    trees = type(WITH_LANDMARK["tree"])
    monkeypatch.setattr(trees, "landmark_seconds", lambda self, sample: 1.0 if sample.brief else 1e6)

    measured = measure_landmarks(ProbeInput(X, y, clock=Deadline(1e5)), None, wanted=("tree",))
    sample = landmarks.prepare(X[measured.rows], y[measured.rows], task="classification", layout=None, **_SETTINGS)
    alone = WITH_LANDMARK["tree"].landmark(replace(sample, brief=True), lambda: None)["tree"]

    np.testing.assert_array_equal(measured.losses["tree"], alone)
    assert (alone != WITH_LANDMARK["tree"].landmark(sample, lambda: None)["tree"]).any()
