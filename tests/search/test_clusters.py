"""Steps on the workers of dask and Ray: the same candidates, data sent once, and workers that die."""

import logging
import os
import signal
import sys

import joblib
import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from search.test_storage import X, Y, search

pytestmark = [pytest.mark.slow, pytest.mark.dask]
WAYS = ["family", "params", "score", "splits", "status"]
received = 0  # in a worker: how often the data came


class Accuracy:
    """A score that counts how often it is sent to a worker, as a part of the data."""

    def __call__(self, estimator, X, y):
        return accuracy_score(y, estimator.predict(X))

    def __reduce__(self):
        return receive, ()


def receive():
    """Count, and make the score anew."""
    global received
    received += 1
    return Accuracy()


def times_received():
    """How often the data came to this worker."""
    return received


@pytest.fixture(scope="module")
def client():
    """Two workers of one thread, in processes of their own."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def ray(monkeypatch):
    """Two actors on this machine."""
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # workers import the families of the tests
    ray.init(num_cpus=2, _node_ip_address="127.0.0.1", include_dashboard=False, log_to_driver=False)
    register_ray()
    yield ray
    ray.shutdown()


def candidates(model):
    """What was tried, and what came of it."""
    return model.leaderboard_[WAYS].astype(str).values.tolist()


def test_dask_tries_the_candidates_of_one_worker(client):
    """Whatever order results come in; the data are sent once to each worker."""
    serial = search(9, scoring=Accuracy()).fit(X, Y)
    with joblib.parallel_config(backend="dask"):
        model = search(9, scoring=Accuracy(), n_jobs=2).fit(X, Y)
    assert candidates(model) == candidates(serial)
    assert np.array_equal(model.predict_proba(X), serial.predict_proba(X))
    counts = client.run(times_received).values()
    assert sum(counts) > 0 and max(counts) <= 3  # a start of the pool, and one more where decisions waited


def test_ray_tries_the_candidates_of_one_worker(ray):
    """The same with Ray."""
    serial = search(9).fit(X, Y)
    with joblib.parallel_config(backend="ray"):
        model = search(9, n_jobs=2).fit(X, Y)
    assert candidates(model) == candidates(serial)


class Murder(logging.Handler):
    """Kills a worker when the fifth step has ended."""

    def __init__(self, pid):
        super().__init__(logging.DEBUG)
        self.pid, self.ends = pid, 0

    def emit(self, record):
        """Count steps."""
        self.ends += getattr(record, "event", "") == "step_ends"
        if self.ends == 5 and self.pid:
            os.kill(self.pid, signal.SIGKILL)
            self.pid = 0


def test_a_worker_that_is_killed_takes_no_candidate_with_it(client):
    """Its steps are done by another one."""
    serial = search(9).fit(X, Y)
    handler, logger = Murder(next(iter(client.run(os.getpid).values()))), logging.getLogger("autoarch")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        with joblib.parallel_config(backend="dask"):
            model = search(9, n_jobs=2).fit(X, Y)
    finally:
        logger.removeHandler(handler)
    assert handler.pid == 0 and candidates(model) == candidates(serial)
