"""Outputs of random convolutions after a change of some cells are those of computing everything anew."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch.datasets import make_planted
from autoarch.explain import local_updates
from autoarch.explain.local_updates import outputs_after
from autoarch.explain.model import wrap_model
from autoarch.explain.perturbation import predictions_after
from autoarch.explain.rows import Replacement
from autoarch.families.random_convolutions import RandomConvolutionClassifier, RandomConvolutionRegressor

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.usefixtures("probe_without_labels")

SETTINGS = {"rtol": 1e-4, "atol": 1e-5}
SHAPES = [(1, 12, 12), (3, 9, 14), (2, 1, 40), (1, 60, 1), (1, 2, 20), (1, 45, 44)]  # the last is read with a stride


@settings(max_examples=25, deadline=None)
@given(
    shape=st.sampled_from(SHAPES),
    features=st.sampled_from(["all", "patterns", "places"]),
    whole=st.sampled_from([None, 0, 1]),
    coarse=st.booleans(),
    seed=st.integers(0, 999),
)
def test_updated_outputs_are_those_of_the_whole_grid(shape, features, whole, coarse, seed):
    rng = np.random.default_rng(seed)
    grid = rng.normal(size=(20, *shape)).astype(np.float32)
    model = RandomConvolutionClassifier(24, features, whole=whole, coarse=coarse).fit(grid, rng.integers(0, 3, 20))
    changed = []
    for _ in range(3):
        (top, left), (down, across) = rng.integers(shape[1:]), rng.integers(1, 4, size=2)
        for _ in range(3):  # changes of the same cells are read together
            after = grid.copy()
            box = after[:, :, top : top + down, left : left + across]
            box[:] = rng.normal(size=box.shape)
            changed.append(after)
    expected = np.stack([model.outputs(after) for after in changed])
    np.testing.assert_allclose(outputs_after(model, grid, changed), expected, **SETTINGS)


def test_no_change_and_a_change_of_all_cells_give_the_outputs_of_the_model():
    """The first has no box, the second one that is too large."""
    rng = np.random.default_rng(0)
    grid = rng.normal(size=(20, 1, 10, 10)).astype(np.float32)
    model = RandomConvolutionRegressor(24).fit(grid, grid[:, 0, 4, 4])
    found = outputs_after(model, grid, [grid, -grid])
    np.testing.assert_allclose(found, [model.outputs(grid), model.outputs(-grid)], atol=1e-6)


def test_a_maximum_within_the_box_makes_room_for_the_next_one():
    """The greatest response comes from the cell that is removed."""
    grid = np.zeros((12, 1, 20, 20), np.float32)
    grid[:, 0, 3, 3], grid[:, 0, 15, 15] = 9.0, np.arange(12)
    model = RandomConvolutionRegressor(24, "patterns").fit(grid, np.arange(12.0))
    after = grid.copy()
    after[:, 0, 3, 3] = 0.0
    np.testing.assert_allclose(outputs_after(model, grid, [after])[0], model.outputs(after), **SETTINGS)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 20, 20), (2, 1, 100), (5, 30, 50)])
@pytest.mark.parametrize("n", [1, 12])
@pytest.mark.parametrize("coarse", [False, True])
def test_rounding_on_flat_areas_changes_no_output(shape, n, coarse):
    """Most of the grid is one number; a row alone, a row among others and a changed row agree."""
    rng = np.random.default_rng(0)
    grid = np.full((40, *shape), -0.4242, np.float32)
    for row in grid:
        top, left = (rng.integers(max(1, side - 3)) for side in shape[1:])
        row[:, top : top + 3, left : left + 3] = rng.uniform(0, 3)
    model = RandomConvolutionRegressor(64, coarse=coarse).fit(grid, grid.max(axis=(1, 2, 3)))
    after = grid[:n].copy()
    after[:, :, 0, shape[2] // 2] = 1.0
    alone = np.concatenate([model.outputs(after[row : row + 1]) for row in range(n)])
    np.testing.assert_allclose(alone, model.outputs(after), **SETTINGS)
    np.testing.assert_allclose(outputs_after(model, grid[:n], [after])[0], model.outputs(after), **SETTINGS)


def test_many_rows_are_updated_in_parts(monkeypatch):
    """With near, far and no changes in one call."""
    rng = np.random.default_rng(1)
    grid = rng.normal(size=(30, 2, 10, 10)).astype(np.float32)
    model = RandomConvolutionClassifier(24).fit(grid, rng.integers(0, 2, 30))
    near = grid.copy()
    near[3:, :, 4, 5] += 1
    changed = [grid, near, -grid]
    monkeypatch.setattr(local_updates, "_MOST_RESPONSES", 24 * 100 * 7)
    expected = [model.outputs(after) for after in changed]
    np.testing.assert_allclose(outputs_after(model, grid, changed), expected, **SETTINGS)


@pytest.fixture(scope="module")
def planted():
    return make_planted(120, (6, 6), cause="cell", random_state=0)


@pytest.mark.parametrize("kind", ["classifier", "regressor", "ensemble", "with missing cells"])
def test_updated_predictions_are_those_of_the_whole_model(planted, kind):
    """For one model, several that are averaged, and one with a channel of missing cells."""
    X, y = planted[0].copy(), planted[1]
    estimator = AutoArchRegressor if kind == "regressor" else AutoArchClassifier
    if kind == "with missing cells":
        X[::7, 2, 3] = np.nan
    settings = {"time_budget": None, "n_trials": 1, "families": "kernels", "cv": 2, "random_state": 0, "verbose": 0}
    settings |= {"ensemble_size": 3, "n_trials": 3} if kind == "ensemble" else {}
    fitted = estimator(**settings).fit(X[:100], y[:100].astype(float) if kind == "regressor" else y[:100])
    model = wrap_model(fitted, X[100:], "auto")
    backwards = np.arange(len(model.rows))[::-1]
    replacements = [Replacement(np.array([cell]), np.ones(1), model.rows, backwards) for cell in (0, 8, 15, 35)]
    expected = model.predict(model.rows.replaced(replacements))
    np.testing.assert_allclose(predictions_after(model, model.rows, replacements), expected, atol=1e-5)
