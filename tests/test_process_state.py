"""No public call changes what belongs to the whole process: it is the same afterwards, in every thread."""

import locale
import os
import random
import signal
import sys
import threading
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from quick import Stump
from threadpoolctl import threadpool_info

from autoarch import AutoArchClassifier, AutoArchRegressor, geo, probe_locality
from autoarch.explain import explain
from autoarch.locality import LayoutRestorer, infer_layout, recover_layout
from autoarch.transfer import check_transfer

RNG = np.random.default_rng(0)
GRIDS = RNG.normal(size=(60, 6, 6)).astype(np.float32)
LABELS = (GRIDS[:, 2, 2] > 0).astype(int)
FLAT = GRIDS.reshape(60, -1)
MAP = pd.DataFrame({"lon": RNG.uniform(5, 6, 60), "lat": RNG.uniform(45, 46, 60), "a": FLAT[:, 0]})
NET = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(32, 2))
ONE = {"time_budget": None, "n_trials": 1, "cv": 2, "verbose": 0}


def shared_state():
    """What code outside of this package may rely on."""
    return {
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "warning filters": [str(item) for item in warnings.filters],
        "how warnings are shown": warnings.showwarning,
        "signals": {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)},
        "random": random.getstate(),
        "random of numpy": [np.asarray(part).tolist() for part in np.random.get_state()[1:]],
        "random of torch": torch.get_rng_state().tolist(),
        "threads": sorted((pool["filepath"], pool["num_threads"]) for pool in threadpool_info()),
        "threads of torch": torch.get_num_threads(),
        "gradients": torch.is_grad_enabled(),
        "numbers of torch": torch.get_default_dtype(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "matmul": torch.get_float32_matmul_precision(),
        "denormals": float(torch.tensor(1e-40) * 1.0) > 0,
        "errors of numpy": np.geterr(),
        "printing": np.get_printoptions(),
        "scikit-learn": sklearn.get_config(),
        "pandas": pd.get_option("mode.string_storage"),
        "recursion": sys.getrecursionlimit(),
        "hooks": (sys.excepthook, threading.excepthook, sys.gettrace()),
        "locale": locale.setlocale(locale.LC_ALL),
        "backend": type(joblib.parallel.get_active_backend()[0]).__name__,
        "umask": _umask(),
    }


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def fit(X=GRIDS, estimator=AutoArchClassifier, **settings):
    """A search of one candidate."""
    return estimator(**{**ONE, **settings}).fit(X, LABELS)


def fit_and_use():
    """Fit and then everything that a fitted estimator does."""
    model = fit(families="linear")
    model.predict(GRIDS)
    model.predict_proba(GRIDS)
    model.score(GRIDS, LABELS)
    explain(model, GRIDS[:3], verbose=0)


CALLS = {
    "fit and use": fit_and_use,
    "a net": lambda: fit(families="cnn", layout=(6, 6)).predict(GRIDS),
    "kernels, a clock": lambda: fit(families="kernels", time_budget=3.0),
    "a foreign family": lambda: fit(families=[Stump]),
    "two jobs": lambda: fit(families="linear", n_jobs=2),
    "a table": lambda: fit(MAP, AutoArchRegressor, families="tree", coordinates=("lon", "lat")),
    "a refused fit": lambda: fit(families="nothing"),
    "probe": lambda: probe_locality(GRIDS, LABELS),
    "infer": lambda: infer_layout(FLAT, random_state=0),
    "recover": lambda: recover_layout(FLAT, (6, 6), random_state=0),
    "restore": lambda: LayoutRestorer(random_state=0).fit_transform(FLAT),
    "transfer": lambda: check_transfer(NET, GRIDS, LABELS, cv=2, steps=1),
    "places": lambda: geo.morans_i(geo.read_places(MAP, ("lon", "lat")), MAP["a"]),
    "features of places": lambda: geo.SpatialFeatures(("lon", "lat")).fit_transform(MAP, LABELS),
}
QUICK = ("a refused fit", "probe", "infer", "recover", "restore", "places")


def called(name):
    """Call, whatever comes of it."""
    try:
        CALLS[name]()
    except ValueError:
        return


@pytest.fixture
def _odd_settings(monkeypatch):
    """Settings that nobody has by chance."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    threads = torch.get_num_threads()
    np.random.seed(3)
    random.seed(3)
    torch.manual_seed(3)
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(threads)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("_odd_settings")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in CALLS]
)
def test_a_call_leaves_the_process_as_it_was(name):
    """All that code outside of the package may rely on."""
    called(name)  # what is imported for the first time brings pools of threads
    before = shared_state()
    called(name)
    after = shared_state()
    assert {key for key in before if before[key] != after[key]} == set()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("_odd_settings")
@pytest.mark.slow
def test_calls_in_several_threads_leave_the_process_as_it_was():
    """In whatever order they begin and end."""
    names = ["fit and use", "a net", "a foreign family", "probe", "transfer", "features of places"]
    for name in names:
        called(name)
    before = shared_state()
    threads = [threading.Thread(target=called, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = shared_state()
    assert {key for key in before if before[key] != after[key]} == set()
