"""What is loaded before a step can begin."""

import os
import subprocess
import sys
from contextlib import nullcontext, suppress

import pytest
from sklearn.datasets import load_iris

from autoarch import AutoArchClassifier
from autoarch._core.clock import Deadline
from autoarch._search import evaluate
from autoarch._search.jobs import Job
from autoarch._training import device
from autoarch.families.base import Problem
from autoarch.families.registry import resolve_families

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def cold(monkeypatch):
    """As in a process that has loaded nothing yet."""
    monkeypatch.setattr(device, "_warm", set())


def test_nets_are_warm_before_their_step(monkeypatch):
    """A tiny net is trained on their device once; the user's random numbers go on as if nothing had been."""
    torch.manual_seed(3)
    expected = torch.rand(3)
    warmed, warm_up = [], device.warm_up
    monkeypatch.setattr(device, "warm_up", lambda name: (warmed.append(name), warm_up(name)))
    torch.manual_seed(3)
    for name in ("mlp", "linear"):
        device.load(resolve_families(name)[0].needs.packages, "cpu")
    assert warmed == ["cpu"]
    assert torch.equal(torch.rand(3), expected)


def test_a_device_that_fails_is_for_the_steps_to_report(monkeypatch):
    """The search goes on with what is no net."""

    def out_of_memory(name):
        raise RuntimeError(f"out of memory on {name}")

    monkeypatch.setattr(device, "warm_up", out_of_memory)
    X, y = load_iris(return_X_y=True)
    clf = AutoArchClassifier(None, n_trials=3, families=["mlp", "linear"], cv=2, random_state=0, verbose=0).fit(X, y)
    board = clf.leaderboard_
    assert board.loc[board["family"] == "mlp", "reason"].str.contains("out of memory").all()
    assert clf.best_family_ == "linear"


@pytest.mark.parametrize(("latest", "left"), [(100.0, 15.0), (12.0, 12.0)])
def test_what_a_worker_loads_is_not_the_time_of_a_candidate(monkeypatch, latest, left):
    """Its deadline moves by as many seconds, but not beyond the end of the search."""
    monkeypatch.setattr(evaluate, "load", lambda packages, device: 5.0)
    problem = Problem(task="regression", n_samples=9, n_features=2)
    job = Job(0, 0, resolve_families("mlp")[0], {}, problem, 0, Deadline(10.0), latest=Deadline(latest))
    moved, seconds = evaluate._load_packages(job)
    assert seconds == 5.0
    assert moved.deadline.left == pytest.approx(left, abs=1.0)


def test_loading_leaves_no_folder_among_temporary_files(tmp_path):
    """torch makes one when its first optimizer is made."""
    code = "from autoarch._training.device import load; load(['skorch'], 'cpu')"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)}, check=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", [evaluate.fit_whole, evaluate.predict_rows], ids=lambda step: step.__name__)
def test_packages_are_loaded_before_threads_are_limited(monkeypatch, step):
    """What is loaded later would take every core, also of a refit and of predictions."""
    order = []
    monkeypatch.setattr(evaluate, "load", lambda packages, device: order.append("load") or 0.0)
    monkeypatch.setattr(evaluate, "limited", lambda threads: order.append("limit") or nullcontext())
    problem = Problem(task="regression", n_samples=9, n_features=2)
    job = Job(0, 0, resolve_families("mlp")[0], {}, problem, 0, Deadline(10.0))
    with suppress(Exception):  # there are no data
        step(None, job, [None], None) if step is evaluate.predict_rows else step(None, job, None)
    assert order == ["load", "limit"]
