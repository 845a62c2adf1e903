"""Nets on a GPU, where there is one: the same interface, the same results to rounding, predictions anywhere."""

import pickle

import numpy as np
import pytest

from autoarch import AutoArchClassifier
from autoarch.datasets import load_digits_grid

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch can use is present")


@pytest.mark.parametrize("family", ["cnn", "mlp", "kernels"])
def test_a_fit_on_the_gpu_predicts_after_the_trip_to_the_cpu(family):
    """Scores as on the CPU; the pickled model answers where there is no GPU."""
    X, y = load_digits_grid()
    settings = {"time_budget": None, "n_trials": 1, "families": family, "random_state": 0, "verbose": 0}
    scores = {}
    for device in ("cpu", "auto"):
        clf = AutoArchClassifier(device=device, **settings).fit(X[:600], y[:600])
        scores[device] = clf.score(X[600:], y[600:])
    assert abs(scores["auto"] - scores["cpu"]) < 0.03
    again = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(again.predict(X[600:700]), clf.predict(X[600:700]))


def test_workers_share_the_gpu():
    """Two trials at a time on one device."""
    X, y = load_digits_grid()
    clf = AutoArchClassifier(None, n_trials=2, families="cnn", n_jobs=2, random_state=0, verbose=0)
    clf.fit(X[:400], y[:400])
    assert (clf.leaderboard_["status"] == "ok").sum() >= 2


def test_seeds_are_trained_at_once_where_that_is_quicker():
    """Whichever way is taken, several seeds vote, and what comes back is on the CPU's terms."""
    X, y = load_digits_grid()
    holdout = [(np.arange(0, 600, 2), np.arange(1, 600, 2))]
    clf = AutoArchClassifier(60, n_trials=1, families="cnn", cv=holdout, ensemble_size=1, random_state=0, verbose=0)
    clf.fit(X[:600], y[:600])
    assert clf.fitted_on_.endswith("seeds, averaged")
    assert clf.score(X[600:], y[600:]) > 0.95
