"""LogME against the evidence it stands for, and the shift of inputs."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from autoarch._training.pretrained.measures import log_maximum_evidence
from autoarch.transfer import check_transfer


def slow_evidence(features, target, log_alpha, log_beta):
    """Log-density of the target: a normal with covariance 1/beta + F F' / alpha."""
    n = len(features)
    covariance = np.exp(-log_beta) * np.eye(n) + np.exp(-log_alpha) * features @ features.T
    return multivariate_normal(np.zeros(n), covariance, allow_singular=True).logpdf(target)


def slow_maximum(features, target):
    best = minimize(
        lambda logs: -slow_evidence(features, target, *logs), [0.0, 0.0], method="Nelder-Mead",
        options={"xatol": 1e-6, "fatol": 1e-8, "maxiter": 2000},
    )  # fmt: skip
    return -best.fun / len(features)


@pytest.mark.parametrize("shape", [(40, 5), (30, 50), (25, 25)], ids=["tall", "wide", "square"])
def test_logme_is_the_largest_evidence(shape):
    """The fixed point finds what a general optimiser finds on the marginal density itself."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=shape)
    y = features[:, 0] - features[:, 1] + rng.normal(size=shape[0])

    found = log_maximum_evidence(features, y, classification=False)

    assert found == pytest.approx(slow_maximum(features, y), abs=2e-4)


def test_logme_of_classes_is_the_mean_over_them():
    """One 0/1 target for each."""
    rng = np.random.default_rng(1)
    features = rng.normal(size=(30, 4))
    y = np.array(["a", "b", "c"])[rng.integers(3, size=30)]

    found = log_maximum_evidence(features, y, classification=True)

    assert found == pytest.approx(
        np.mean([log_maximum_evidence(features, (y == k).astype(float), classification=False) for k in "abc"])
    )


@pytest.mark.parametrize(
    ("change", "word"),
    [
        pytest.param(lambda X: X, "alike", id="same"),
        pytest.param(lambda X: X + 4.0, "shifted", id="lighter"),
        pytest.param(lambda X: 30.0 * X, "foreign", id="another-unit"),
    ],
)
def test_the_shift_is_named_by_its_size(change, word, digit_net, digits):
    """Level and unit of the inputs, against those that the scaler knows."""
    X, y = digits[0][900:1000], digits[1][900:1000]
    report = check_transfer(digit_net, change(X.astype(np.float32)), y, cv=2, steps=2, inputs="source", random_state=0)

    assert report.shift.word == word
    assert report.shift.of_scaler is not None and len(report.shift.of_norms) == 5
