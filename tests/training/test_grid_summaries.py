"""Summaries of a grid's parts: what they are, and that trees see patterns through them that cells hide."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import ExtraTreesClassifier

from autoarch import Layout
from autoarch._training.grid_summaries import GridSummaries, parts


def test_of_a_line():
    """Mean, deviation, extremes and roughness of the whole and of its halves."""
    made = GridSummaries(Layout(1, 4), view="summaries").fit_transform(np.array([[1.0, 1, 3, 5]]))

    np.testing.assert_allclose(made[0, :5], [2.5, np.std([1, 1, 3, 5]), 1, 5, 4 / 3])
    np.testing.assert_allclose(made[0, 5:10], [1, 0, 1, 1, 1])  # to the next cell, which is in the other half
    np.testing.assert_allclose(made[0, 10:], [4, 1, 3, 5, 2])


@given(st.integers(1, 3), st.integers(1, 12), st.integers(2, 12), st.integers(0, 3))
@settings(max_examples=30, deadline=None)
def test_the_whole_agrees_with_numpy_and_cells_stay(channels, height, width, seed):
    """Whatever the sides; with cells in front under "both"."""
    X = np.random.default_rng(seed).normal(size=(5, channels * height * width))
    layout = Layout(height, width, channels=channels)

    made = GridSummaries(layout).fit_transform(X)

    np.testing.assert_array_equal(made[:, : X.shape[1]], X)
    grid = X.reshape(5, channels, -1)
    own = made[:, X.shape[1] :]
    np.testing.assert_allclose(own[:, :channels], grid.mean(axis=2), atol=1e-12)
    np.testing.assert_allclose(own[:, 2 * channels : 3 * channels], grid.min(axis=2), atol=1e-12)
    assert np.isfinite(own).all()
    assert len({tuple(map(str, part)) for part in parts(layout)}) == len(list(parts(layout)))


def test_missing_cells_are_passed_over():
    """A part without any value has none."""
    X = np.arange(16.0)[None]
    X[0, [0, 1, 4, 5]] = np.nan

    made = GridSummaries(Layout(4, 4), view="summaries").fit_transform(X)

    assert made[0, 0] == np.mean([2, 3, *range(6, 16)])
    assert np.isnan(made[0, 6]) and np.isfinite(made[0, 12])


def test_foreign_columns_stay():
    """An id in front of the grid is kept under every view."""
    X = np.random.default_rng(0).normal(size=(3, 17))
    layout = Layout(4, 4, order=tuple(range(1, 17)), n_columns=17)

    made = GridSummaries(layout, view="summaries").fit_transform(X)

    np.testing.assert_array_equal(made[:, 0], X[:, 0])


@pytest.mark.parametrize("view", ["summaries", "both"])
def test_trees_see_roughness_through_them(view):
    """Smooth and rough lines of the same mean and spread, which no single cell tells apart."""
    rng = np.random.default_rng(0)
    rough = rng.normal(size=(200, 32))
    smooth = np.array([np.convolve(line, np.ones(3) / np.sqrt(3), "same") for line in rng.normal(size=(200, 32))])
    X, y = np.concatenate([rough, smooth]), np.repeat([0, 1], 200)
    train = np.arange(400) % 2 == 0

    scores = []
    for kind in ("cells", view):
        made = GridSummaries(Layout(1, 32), view=kind).fit_transform(X)
        trees = ExtraTreesClassifier(50, random_state=0).fit(made[train], y[train])
        scores.append(trees.score(made[~train], y[~train]))

    assert scores[0] < 0.8 < 0.95 < scores[1]


def test_missing_cells_raise_no_warning():
    """Nor does anybody have to filter one, which is no business of a transformer."""
    X = np.full((2, 16), np.nan)
    X[1, 3:] = 1.0

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = GridSummaries(Layout(4, 4), view="summaries").fit_transform(X)

    assert np.isnan(made[0]).all()
    assert made[1, :4].tolist() == [1.0, 0.0, 1.0, 1.0]
