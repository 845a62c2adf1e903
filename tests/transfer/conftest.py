"""Small nets that are trained once for all tests of this folder."""

import numpy as np
import pytest
from quick import quick
from sklearn.pipeline import Pipeline

from autoarch import AutoArchClassifier, Layout
from autoarch._training.conv_net import ConvNet
from autoarch._training.loop import ArrayNetClassifier
from autoarch._training.pretrained.source import Pretrained
from autoarch._training.scalers import GridScaler
from autoarch.datasets import load_digits_grid

NET = {"module__filters": 8, "module__stages": 2, "lr": 1e-2, "max_epochs": 12, "batch_size": 32}


def trained(X, y, **changes):
    """A net on ``(n, H, W)`` grids with its scaler, as a source."""
    steps = [
        ("scale", GridScaler(Layout.of(X.shape[1:]))),
        ("model", ArrayNetClassifier(ConvNet, **{**NET, **changes})),
    ]
    return Pretrained.of(Pipeline(steps).fit(X.reshape(len(X), -1), y))


@pytest.fixture(scope="package")
def digits():
    """Grids and labels."""
    return load_digits_grid()


@pytest.fixture(scope="package")
def digit_net(digits):
    """A net that knows the first 900 digits."""
    X, y = digits
    return trained(X[:900], y[:900])


@pytest.fixture(scope="package")
def noise_net(digits):
    """A net that has learned nothing: grids of noise, labels at random."""
    rng = np.random.default_rng(0)
    return trained(rng.normal(size=(300, 8, 8)).astype(np.float32), rng.integers(10, size=300))


@pytest.fixture(scope="package")
def seven(digits):
    """An estimator that knows the digits 0 to 6, fitted on rows 0 to 499."""
    X, y = digits
    rows = np.flatnonzero(y[:500] < 7)
    return AutoArchClassifier(**quick()).fit(X[rows], y[rows])
