"""Kernel machines predict what libsvm does, with probabilities that rows which were left out bear out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris, load_wine
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC, SVR

from autoarch._core.clock import Deadline, TooSlowError
from autoarch._training import kernel_machine
from autoarch._training.kernel_machine import KernelFeatures, KernelMachineClassifier, KernelMachineRegressor
from autoarch._training.pair_probabilities import PairProbabilities, spread

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 4))
SCORE = X[:, 0] + X[:, 1] * X[:, 2]


def labels(n_classes):
    """Classes of equal size."""
    return np.digitize(SCORE, np.quantile(SCORE, np.linspace(0, 1, n_classes + 1)[1:-1]))


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_decisions_are_those_of_libsvm(n_classes, kernel, monkeypatch):
    """With the products of all rows at once, and where there is no room for them."""
    y = labels(n_classes)
    shared = KernelMachineClassifier(kernel, cost=3.0).fit(X, y)
    monkeypatch.setattr(kernel_machine, "_MOST_KERNEL", 0)
    model = KernelMachineClassifier(kernel, cost=3.0).fit(X, y)
    svc = SVC(kernel=kernel, C=3.0, gamma=model.gamma_, decision_function_shape="ovo").fit(X, y)
    expected = svc.decision_function(X)
    expected = -expected[:, None] if n_classes == 2 else expected
    np.testing.assert_allclose(model._sums(X), expected, atol=1e-8)
    np.testing.assert_allclose(shared._sums(X), expected, atol=0.02)
    if kernel == "rbf":  # products do not fit these labels, and left-out rows say so
        assert np.mean(model.predict(X) == svc.predict(X)) > 0.95


def test_numbers_are_those_of_libsvm_in_units_of_y():
    """A change of units changes nothing but units."""
    y = 1e9 + 1e-3 * SCORE
    model = KernelMachineRegressor(cost=3.0).fit(X, y)
    svr = SVR(C=3.0, gamma=model.gamma_).fit(X, (y - y.mean()) / y.std())
    np.testing.assert_allclose((model.predict(X) - y.mean()) / y.std(), svr.predict(X), atol=0.02)


@pytest.mark.parametrize("load", [load_iris, load_wine])
def test_probabilities_hold_on_new_rows(load):
    """Their log-loss is small, and no overconfidence costs more than a tenth of it."""
    values, y = load(return_X_y=True)
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    given_rows, new, y_given, y_new = train_test_split(values, y, test_size=0.4, random_state=0, stratify=y)
    proba = KernelMachineClassifier(cost=3.0).fit(given_rows, y_given).predict_proba(new)
    assert log_loss(y_new, proba) < 0.2
    softer = proba**0.7
    assert log_loss(y_new, proba) < 1.1 * log_loss(y_new, softer / softer.sum(axis=1, keepdims=True))


def test_weights_count_like_copies_of_rows():
    """Decisions with a row twice are those with a weight of two."""
    y = labels(2)
    twice = np.where(np.arange(len(y)) < 40, 2.0, 1.0)
    # the mean weight is taken out, so that the cost is by row
    copies = KernelMachineRegressor(cost=2.0, gamma=1.0).fit(X, SCORE, sample_weight=twice)
    rows = np.repeat(np.arange(len(y)), twice.astype(int))
    machine = SVR(C=2.0 / twice.mean(), gamma=copies.gamma_).fit(X[rows], ((SCORE - SCORE.mean()) / SCORE.std())[rows])
    found = (copies.predict(X) - SCORE.mean()) / SCORE.std()
    np.testing.assert_allclose(found, machine.predict(X), atol=0.02)


def test_a_class_of_one_row_is_kept():
    """It is in no fold but its own, and has a probability all the same."""
    y = labels(3)
    y[y == 2] = 1
    y[7] = 2
    model = KernelMachineClassifier().fit(X, y)
    proba = model.predict_proba(X)
    assert list(model.classes_) == [0, 1, 2] and np.isfinite(proba).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)


class SecondsLeft:
    """A deadline that stands still."""

    unlimited = False

    def __init__(self, left):
        self.left = left


def test_where_time_is_short_rows_are_fewer():
    """As many as the products between them allow, with every class among them; none at all is too slow."""
    wide = RNG.normal(size=(400, 3_000))
    y = np.r_[np.zeros(398, dtype=int), 1, 1]
    cut = KernelMachineClassifier("linear").fit(wide, y, deadline=SecondsLeft(0.05))
    assert cut.n_rows_fitted_ == 100 and not cut.complete_
    assert list(cut.classes_) == [0, 1]
    assert KernelMachineClassifier("linear").fit(wide, y, deadline=Deadline()).complete_
    with pytest.raises(TooSlowError):
        KernelMachineClassifier("linear").fit(wide, y, deadline=SecondsLeft(0.001))


def test_features_are_kernels_in_other_coordinates():
    """Their products are the kernels between the rows that were taken."""
    step = KernelFeatures(n_components=150, gamma=1.0).fit(X)
    found = step.transform(X)
    gamma = 1.0 / (4 * X.var())
    distances = ((X[:, None] - X[None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(found @ found.T, np.exp(-gamma * distances), atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(n_classes=st.integers(2, 6), seed=st.integers(0, 99))
def test_probabilities_of_pairs_add_up_and_follow_the_decisions(n_classes, seed):
    """A class that wins all its pairs clearly is the likeliest, whatever was learned."""
    rng = np.random.default_rng(seed)
    y = rng.integers(n_classes, size=60)
    n_pairs = n_classes * (n_classes - 1) // 2
    fitted = PairProbabilities.fit(rng.normal(size=(60, n_pairs)), y, np.ones(60), n_classes)
    proba = fitted.of(rng.normal(size=(5, n_pairs)) * 1e3)
    assert np.isfinite(proba).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    even = PairProbabilities(1.0, 1.0, np.zeros(n_classes))
    assert even.of(np.full((1, n_pairs), 3.0)).argmax() == 0


def test_a_class_that_was_not_seen_loses():
    """Decisions between the others stay."""
    found = spread(np.array([[0.3]]), np.array([1, 2]), 3)
    np.testing.assert_array_equal(found, [[-1.0, -1.0, 0.3]])
