"""Symmetries: "yes" where they hold, never where they do not, and "too few rows" where nobody can tell."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from sklearn.datasets import load_breast_cancer

from autoarch import probe_locality
from autoarch.locality.stationarity import unlike_neighbours


def _panel(rng, n=300, fixed=0.0, shape=(8, 12)):
    """Stations x days in no order: each has an effect in each sample, and some have one of their own in all."""
    stations, days = rng.normal(size=(n, shape[0], 1)), rng.normal(size=(n, 1, shape[1]))
    return 0.5 * stations + 0.5 * days + rng.normal(size=(n, *shape)) + fixed * rng.normal(size=(shape[0], 1))


def _graphs(rng, n=300, things=10):
    """Undirected graphs whose edges are coins."""
    upper = np.triu(rng.random((n, things, things)) < 0.3, 1).astype(float)
    return upper + upper.swapaxes(1, 2)


def _distances(rng, fixed, n=300, things=10):
    """Distances between points, around places of their own where these are ``fixed``."""
    points = fixed * rng.normal(size=(things, 3)) + rng.normal(size=(n, things, 3))
    return np.linalg.norm(points[:, :, None] - points[:, None], axis=-1)


def _ring(rng, mode, n=300):
    """Smooth lines of 24 cells, closed or cut from longer ones."""
    length = 24 if mode == "wrap" else 40
    return gaussian_filter1d(rng.normal(size=(n, 6, length)), 2, axis=2, mode=mode)[..., :24]


def _levels(rng, spread, n=300):
    """Short-ranged series, each from a level of its own."""
    return gaussian_filter1d(rng.normal(size=(n, 1, 40)), 1, axis=2) + spread * rng.normal(size=(n, 1, 1))


def _sensors(rng, spread, n=300):
    """Two short-ranged series in a sample, each from a level of its own."""
    return gaussian_filter1d(rng.normal(size=(n, 2, 40)), 1, axis=2) + spread * rng.normal(size=(n, 2, 1))


@pytest.mark.parametrize(
    ("make", "question", "answer"),
    [
        pytest.param(_panel, "exchangeable_rows", "yes", id="stations"),
        pytest.param(_panel, "exchangeable_columns", "yes", id="days"),
        pytest.param(lambda rng: _panel(rng, fixed=0.5), "exchangeable_rows", "no", id="stations-of-their-own"),
        pytest.param(lambda rng: _panel(rng, fixed=0.5), "exchangeable_columns", "yes", id="days-beside-them"),
        pytest.param(lambda rng: _panel(rng, n=8), "exchangeable_rows", "too few rows", id="eight-rows"),
        pytest.param(_graphs, "symmetric", "yes", id="graphs"),
        pytest.param(_graphs, "exchangeable_rows", "yes", id="nodes"),
        pytest.param(lambda rng: _distances(rng, 0.0), "exchangeable_columns", "yes", id="points"),
        pytest.param(lambda rng: _distances(rng, 2.0), "exchangeable_columns", "no", id="points-with-places"),
        pytest.param(lambda rng: _distances(rng, 2.0), "symmetric", "yes", id="distances"),
        pytest.param(lambda rng: rng.normal(size=(300, 10, 10)), "symmetric", "no", id="noise"),
        pytest.param(lambda rng: _ring(rng, "wrap"), "circular_rows", "yes", id="ring"),
        pytest.param(lambda rng: _ring(rng, "reflect"), "circular_rows", "no", id="line"),
        pytest.param(lambda rng: _levels(rng, 1.0), "wandering", "yes", id="levels"),
        pytest.param(lambda rng: _levels(rng, 0.0), "wandering", "no", id="one-level"),
        pytest.param(lambda rng: _sensors(rng, 1.0), "wandering", "yes", id="levels-of-lines"),
        pytest.param(lambda rng: _sensors(rng, 0.0), "wandering", "no", id="one-level-of-lines"),
        pytest.param(lambda rng: rng.lognormal(0.0, 2.0, size=(300, 8, 8)), "long_tails", "yes", id="powers"),
        pytest.param(lambda rng: rng.exponential(size=(300, 8, 8)), "long_tails", "no", id="exponential"),
    ],
)
def test_a_symmetry_is_claimed_where_it_holds(make, question, answer):
    """Three draws of each."""
    for seed in range(3):
        found = probe_locality(make(np.random.default_rng([seed, 5])), random_state=seed).symmetries[question]

        assert found.answer == answer
        assert found.effect >= 0
        assert found.p_value is None or 0 <= found.p_value <= 1


def test_lines_without_order_belong_together_and_give_no_verdict():
    """Single cells cannot be permuted, whole lines can: an effect of lines is no order of lines."""
    report = probe_locality(_panel(np.random.default_rng(3)), random_state=0)

    assert (report.verdict, report.kernel_shapes) == ("none", ())
    assert "The cells of a line belong together, the order of the lines carries nothing" in " ".join(report.sentences)


def test_things_that_are_rows_and_columns_are_tested_once():
    """Rows of a symmetric matrix permuted alone would break it: both axes share one test."""
    axes = probe_locality(_distances(np.random.default_rng(1), 2.0), random_state=0).axes

    assert axes["rows"].p_value == axes["columns"].p_value > 0.005


def test_a_plain_table_is_no_line():
    """Neighbouring columns correlate, but have units of their own; who says that they are cells is believed."""
    rng = np.random.default_rng(0)
    units = 10.0 ** np.array([0, 2, -1, 3, 0, 1, -2, 0, 2, 1, 0, 3])
    X = rng.normal(size=(300, 12)).cumsum(axis=1) * units + 5 * units

    flat, declared = probe_locality(X, random_state=0), probe_locality(X, layout=(1, 12), random_state=0)

    assert flat.verdict == "none"
    assert flat.unlike > 2
    assert "quantities of different units" in " ".join([*flat.sentences, flat.recommendation])
    assert (declared.verdict, declared.unlike) == ("1d-rows", 0.0)


def test_a_real_table_is_no_line_either():
    """Breast cancer: ten measures of cells, each as mean, error and worst value."""
    assert probe_locality(load_breast_cancer().data, random_state=0).verdict == "none"


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_cells_of_one_unit_are_never_taken_for_a_table(scale):
    """Scales that rise and fall along the line, as in spectra, are those of one quantity."""
    rng = np.random.default_rng(0)
    profile = np.exp(2 * np.sin(np.linspace(0, 6, 50)))

    assert unlike_neighbours(scale * profile * rng.normal(size=(100, 1, 1, 50))) == 0.0
