"""LightGBM under the roof of all boosters: its threads obey a limit, and it is silent about names that nobody gave."""

import os
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from autoarch._core.threads import limited, usable_cores
from autoarch._training import boosters

pytest.importorskip("lightgbm")
PARAMS = {"kind": "lightgbm", "leaf_rows": 5, "l2": 1.0, "columns": 1.0, "leaves": 7, "rate": 0.1}


@pytest.fixture
def rows():
    """Enough for LightGBM to use threads."""
    X = np.random.default_rng(0).normal(size=(3000, 8))
    return X, (X[:, 0] > 0).astype(int)


def test_predicting_an_array_after_fitting_one_warns_of_nothing(rows):
    """LightGBM gives names to the columns by itself, and must not miss them later."""
    model = boosters.build(PARAMS, classification=True, seed=0, rounds=2).fit(*rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict_proba(rows[0])


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts the threads as Linux lists them")
@pytest.mark.skipif(usable_cores() == 1, reason="one core has one thread anyway")
def test_a_limit_of_threads_reaches_lightgbm(rows):
    """A fit within a limit of one starts no thread."""

    def started():
        counts = []
        model = boosters.build(PARAMS, classification=True, seed=0, rounds=2)
        before = len(os.listdir("/proc/self/task"))
        with limited(1):
            model.fit(*rows, callbacks=[lambda env: counts.append(len(os.listdir("/proc/self/task")))])
        return max(counts) - before

    with ThreadPoolExecutor(1) as pool:  # a thread without helpers from earlier work
        assert pool.submit(started).result() == 0
