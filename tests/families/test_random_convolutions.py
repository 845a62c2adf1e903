"""Random convolutions with ridge: what they find, and that they treat new rows as they treated the old ones."""

from __future__ import annotations

import numpy as np
import pytest

from autoarch._core.clock import Deadline
from autoarch._statistics import random_convolutions
from autoarch.families.random_convolutions import Kernels, RandomConvolutionClassifier, RandomConvolutionRegressor


def motifs(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise with one of two motifs, wherever it stands."""
    rng = np.random.default_rng(seed)
    grids = rng.normal(size=(n, 1, 12, 12)).astype(np.float32)
    labels = rng.integers(2, size=n)
    patterns = 3 * np.array([[[1, 1, -1], [1, -1, 1], [-1, 1, 1]], [[1, -1, 1], [-1, 1, -1], [1, -1, 1]]])
    for grid, label in zip(grids, labels, strict=True):
        top, left = rng.integers(10, size=2)
        grid[0, top : top + 3, left : left + 3] += patterns[label]
    return grids, np.array(["slope", "checks"])[labels]


def test_finds_motifs_wherever_they_stand() -> None:
    X, y = motifs(300, 0)
    X_test, y_test = motifs(200, 1)
    model = RandomConvolutionClassifier(n_kernels=192, features="patterns").fit(X, y)
    assert model.score(X_test, y_test) >= 0.9
    proba = model.predict_proba(X_test)
    truth = model.classes_ == y_test[:, None]
    assert -np.log(proba[truth]).mean() < 0.35  # probabilities that left-out rows have calibrated


@pytest.mark.parametrize("features", ["all", "patterns", "places"])
def test_a_row_is_predicted_the_same_alone(features: str) -> None:
    X, y = motifs(80, 0)
    model = RandomConvolutionClassifier(n_kernels=48, features=features).fit(X, y)
    together = model.predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(X[5:6]), together[5:6], rtol=1e-4, atol=1e-6)


def test_regression_stays_near_the_range_of_y() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 2, 1, 30)).astype(np.float32)
    y = 1e6 + 1e3 * X[:, 0, 0].max(axis=1)
    model = RandomConvolutionRegressor(n_kernels=96).fit(X, y)
    assert model.score(X, y) > 0.8
    wild = model.predict(100 * X)
    assert wild.min() >= y.min() - np.ptp(y) / 2 and wild.max() <= y.max() + np.ptp(y) / 2


def test_weights_count_as_repetitions() -> None:
    X, y = motifs(60, 0)
    twice = np.r_[np.arange(60), np.arange(20)]
    weight = np.r_[np.full(20, 2.0), np.ones(40)]
    model = RandomConvolutionClassifier(n_kernels=48).fit(X, y, sample_weight=weight)
    ridge = model.ridge_
    assert not np.allclose(ridge.left_out, RandomConvolutionClassifier(n_kernels=48).fit(X, y).ridge_.left_out)
    assert (model.predict(X[twice]) == y[twice]).mean() > 0.9


@pytest.mark.parametrize(("height", "width"), [(1, 30), (8, 8), (4, 4), (50, 1)])
def test_every_bank_holds_whole_groups(height: int, width: int) -> None:
    grid = np.random.default_rng(0).normal(size=(20, 1, height, width)).astype(np.float32)
    n_kernels = random_convolutions.whole_groups(256, height, width)
    banks = random_convolutions.random_banks(grid, np.random.default_rng(0), n_kernels)
    assert {len(bank.weights) % random_convolutions.GROUP for bank in banks} == {0}
    assert 128 <= n_kernels <= 512


def test_small_data_are_fitted_without_timing_them_first() -> None:
    """However little time is left: what 500 rows cost would be found out in about the time of the fit itself."""
    X, y = motifs(1_100, 0)
    model = RandomConvolutionClassifier(n_kernels=24)
    fitted = Kernels().fit(model, X, y, sample_weight=None, deadline=Deadline(0.0), seed=0)
    assert len(fitted.ridge_.left_out) == 1_100
