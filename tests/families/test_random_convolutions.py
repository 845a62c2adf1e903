"""Random convolutions with ridge: what they find, and that they treat new rows as they treated the old ones."""

from __future__ import annotations

import numpy as np
import pytest

from autoarch._core.clock import Deadline, TooSlowError
from autoarch._statistics import random_convolutions
from autoarch.families.kernels import Kernels
from autoarch.families.random_convolutions import RandomConvolutionClassifier, RandomConvolutionRegressor


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


def coincidences(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Six lines of noise; a bump in the second one, and another one at once in the fifth, or elsewhere."""
    rng = np.random.default_rng(seed)
    grids = rng.normal(size=(n, 1, 6, 40)).astype(np.float32)
    labels = rng.integers(2, size=n)
    for grid, label in zip(grids, labels, strict=True):
        first, other = rng.permutation(33)[:2]
        grid[0, 1, first : first + 7] += 2
        grid[0, 4, (first if label else other) :][:7] += 2
    return grids, labels


def test_lines_as_channels_are_read_together() -> None:
    """A square kernel sees no two lines that are three apart."""
    (X, y), (X_test, y_test) = coincidences(400, 0), coincidences(400, 1)
    scores = [
        RandomConvolutionClassifier(256, "patterns", whole=whole).fit(X, y).score(X_test, y_test) for whole in (None, 0)
    ]
    assert scores[0] < 0.7 < 0.8 < scores[1]


def test_lines_of_either_axis_are_read_alike() -> None:
    X, y = coincidences(100, 0)
    lines = RandomConvolutionClassifier(24, "patterns", whole=0).fit(X, y)
    turned = RandomConvolutionClassifier(24, "patterns", whole=1).fit(X.swapaxes(2, 3), y)
    assert {bank.weights.shape[2] for bank in lines.banks_} == {bank.weights.shape[3] for bank in turned.banks_} == {6}
    assert turned.score(X.swapaxes(2, 3), y) > 0.9


def test_a_kernel_reads_one_of_the_ways_in_which_cells_are_shown() -> None:
    """And the channel that follows; each way is read, and what is shown again is no cell once more."""
    grid = np.random.default_rng(0).normal(size=(30, 5, 9, 9)).astype(np.float32)
    model = RandomConvolutionRegressor(72, parts=(2, 2)).fit(grid, grid[:, 0, 0, 0])
    read = np.concatenate([(bank.weights != 0).any(axis=(2, 3)) for bank in model.banks_])
    first, second = read[:, :2].any(axis=1), read[:, 2:4].any(axis=1)
    assert first.any() and second.any() and not (first & second).any()
    assert set(model.cells_ // 81) == {0, 1, 4}


def blots(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A square, or a frame of as much ink, somewhere on 40 x 40 cells of so much noise that a cell tells nothing."""
    rng = np.random.default_rng(seed)
    grids = rng.normal(scale=2.0, size=(n, 1, 40, 40)).astype(np.float32)
    labels = rng.integers(2, size=n)
    square = np.zeros((16, 16))
    square[2:14, 2:14] = 1.0
    frame = np.ones((16, 16))
    frame[5:11, 5:11] = 0.0
    for grid, label in zip(grids, labels, strict=True):
        top, left = rng.integers(25, size=2)
        grid[0, top : top + 16, left : left + 16] += (square, frame)[label]
    return grids, labels


def test_coarse_kernels_see_large_things_through_noise() -> None:
    (X, y), (X_test, y_test) = blots(400, 0), blots(300, 1)
    scores = [
        RandomConvolutionClassifier(240, "patterns", coarse=coarse).fit(X, y).score(X_test, y_test)
        for coarse in (False, True)
    ]
    assert scores[0] < scores[1] - 0.05 and scores[1] > 0.8


def test_the_weights_of_a_coarse_kernel_are_those_of_squares() -> None:
    """Of unit norm, as all kernels; each bank is read at every half a square."""
    grid = np.random.default_rng(0).normal(size=(30, 2, 30, 44)).astype(np.float32)
    banks = random_convolutions.random_banks(grid, np.random.default_rng(0), 40, coarse=True)
    assert [bank.cell for bank in banks] == [1, 1, 1, 2, 4]
    for bank in banks[3:]:
        squares = bank.weights[:, :, :: bank.cell, :: bank.cell]
        np.testing.assert_array_equal(squares.repeat(bank.cell, 2).repeat(bank.cell, 3), bank.weights)
        assert squares.shape[2:] == (5, 5)
        np.testing.assert_allclose((bank.weights**2).sum(axis=(1, 2, 3)), 1.0, rtol=1e-5)
        assert random_convolutions.stride_of(bank, 30, 44) == (bank.cell // 2,) * 2


@pytest.mark.parametrize(("height", "width", "cells"), [(13, 40, ()), (14, 14, (2,)), (28, 60, (2, 4)), (1, 90, ())])
def test_only_large_grids_have_coarse_kernels(height: int, width: int, cells: tuple[int, ...]) -> None:
    assert random_convolutions.coarse_cells(height, width) == cells


@pytest.mark.parametrize("settings", [{}, {"whole": 0}, {"whole": 1, "parts": (1,)}, {"coarse": True}], ids=str)
@pytest.mark.parametrize("features", ["all", "patterns", "places"])
def test_a_row_is_predicted_the_same_alone(features: str, settings: dict) -> None:
    X, y = motifs(80, 0) if "coarse" not in settings else blots(80, 0)
    model = RandomConvolutionClassifier(n_kernels=48, features=features, **settings).fit(X, y)
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
    assert not np.array_equal(ridge.coef, RandomConvolutionClassifier(n_kernels=48).fit(X, y).ridge_.coef)
    assert (model.predict(X[twice]) == y[twice]).mean() > 0.9


@pytest.mark.parametrize(
    ("height", "width", "whole"),
    [(1, 30, None), (8, 8, None), (30, 40, None), (4, 4, None), (50, 1, None), (6, 40, 0), (40, 6, 1)],
)
def test_every_bank_holds_whole_groups(height: int, width: int, whole: int | None) -> None:
    grid = np.random.default_rng(0).normal(size=(20, 1, height, width)).astype(np.float32)
    n_kernels = random_convolutions.whole_groups(256, height, width, whole, coarse=True)
    banks = random_convolutions.random_banks(grid, np.random.default_rng(0), n_kernels, whole, coarse=True)
    assert {len(bank.weights) % random_convolutions.GROUP for bank in banks} == {0}
    assert 128 <= n_kernels <= 512


def in_time(model, X, y, deadline, weight=None):
    """The model as the search fits it."""
    return Kernels().fit(model, X, y, sample_weight=weight, deadline=deadline, seed=0)


def test_time_enough_changes_nothing() -> None:
    X, y = motifs(150, 0)
    whole = RandomConvolutionClassifier(n_kernels=48).fit(X, y)
    fitted = in_time(RandomConvolutionClassifier(n_kernels=48), X, y, Deadline(1e6))
    assert (fitted.complete_, fitted.n_rows_fitted_, fitted.n_rounds_fitted_) == (True, 150, 48)
    np.testing.assert_allclose(fitted.predict_proba(X), whole.predict_proba(X), atol=1e-4)


def test_few_rows_are_fitted_on_few_kernels_however_little_time_is_left() -> None:
    X, y = motifs(120, 0)
    model = in_time(RandomConvolutionClassifier(n_kernels=512), X, y, Deadline(0.0), np.ones(120))
    assert (model.complete_, model.n_rows_fitted_) == (False, 120)
    assert 0 < model.n_rounds_fitted_ < 80  # of 512
    assert model.score(X, y) > 0.9


def test_many_rows_without_time_are_an_error_that_says_what_they_need() -> None:
    X, y = motifs(600, 0)
    with pytest.raises(TooSlowError, match=r"needs about .* s, 0\.0 s were left") as told:
        in_time(RandomConvolutionClassifier(n_kernels=24), X, y, Deadline(0.0))
    assert told.value.needed > 0


def test_rows_are_left_out_where_the_pace_drops_and_no_class_is_lost() -> None:
    """Features that were planned for all rows end with those that there is time for."""
    X, y = motifs(1_500, 0)
    y[-2:] = "rare"
    seconds = {"left": 1e6}

    class Counting(RandomConvolutionClassifier):
        n_seen = 0

        def _raw(self, X):
            self.n_seen += len(X)
            seconds["left"] = 1e6 if self.n_seen < 700 else 1e-3
            return super()._raw(X)

    class Left:
        unlimited = False
        left = property(lambda self: seconds["left"])

    model = Counting(n_kernels=24).fit(X, y, sample_weight=np.ones(1_500), deadline=Left())
    assert (model.complete_, model.n_rounds_fitted_) == (False, 24)
    assert 500 <= model.n_rows_fitted_ < 1_500
    assert not model.ridge_.left_out.size  # nothing is kept of single training rows
    assert list(model.classes_) == ["checks", "rare", "slope"] and set(model.predict(X)) <= set(model.classes_)
    assert model.score(X[:-2], y[:-2]) > 0.8


def test_features_are_the_same_in_the_batches_of_an_accelerator() -> None:
    """The device "cpu:0" takes the way of an accelerator; one that is not here any more is the CPU."""
    (X, y), (X_test, _) = motifs(200, 0), motifs(100, 1)
    models = [RandomConvolutionClassifier(64, device=device).fit(X, y) for device in ("cpu", "cpu:0")]
    timed = RandomConvolutionClassifier(64, device="cpu:0").fit(X, y, deadline=Deadline(60.0))

    assert [model.device_ for model in models] == ["cpu", "cpu:0"]
    assert timed.device_ in ("cpu", "cpu:0")
    for model in (models[1], timed):
        np.testing.assert_allclose(model.predict_proba(X_test), models[0].predict_proba(X_test), atol=1e-4)
    models[1].device_ = "cuda:7"
    assert models[1].score(X_test, models[0].predict(X_test)) == 1.0


@pytest.mark.parametrize("deadline", [None, 60.0])
def test_quantiles_tell_what_responses_do_not(deadline: float | None) -> None:
    """The spread of a half of each line, among values that may be huge; rows that come alone get the same answer."""
    rng = np.random.default_rng(0)
    X = rng.standard_t(2, size=(800, 1, 1, 64)).astype(np.float32)
    y = np.quantile(X[:, 0, 0, :32], 0.75, axis=1) - np.quantile(X[:, 0, 0, :32], 0.25, axis=1)
    limit = Deadline(deadline)
    without, beside = (
        RandomConvolutionRegressor(64, quantiles=axes).fit(X[:600], y[:600], deadline=limit) for axes in ((), ("rows",))
    )

    assert beside.score(X[600:], y[600:]) > 0.2 + without.score(X[600:], y[600:])
    alone = np.concatenate([beside.predict(X[row : row + 1]) for row in range(600, 610)])
    np.testing.assert_allclose(alone, beside.predict(X[600:610]), rtol=1e-4, atol=1e-4)
