"""A search where others are at work, too, and where the system has little to give."""

import os
import sys

import numpy as np
import pytest

from faults.test_signals import told

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="processes of POSIX")]


@pytest.mark.parametrize("where", ["threads", "threading", "loky", "fork", "spawn", "loop"])
def test_a_search_works_wherever_it_is_started(where):
    """In two threads at once, inside joblib, inside a pool, in a running event loop; its worker is its own."""
    assert set(told("placed", where)["found"]) == {"faulty"}


@pytest.mark.parametrize(
    "environment",
    [{"HOME": "/nonexistent"}, {"HOME": ""}, {"TMPDIR": "/nonexistent"}, {"TMPDIR": "/proc"}],
    ids=str,
)
def test_a_search_needs_neither_a_home_nor_a_folder_for_temporary_files(environment):
    """What cannot be written goes another way."""
    assert told("placed", "here", **environment) == {"found": ["faulty"]}


def test_a_system_without_processes_runs_all_in_this_one(monkeypatch):
    """And says so."""
    from sklearn.datasets import load_iris

    from autoarch import AutoArchClassifier
    from faults.faulty import Faulty

    X, y = load_iris(return_X_y=True)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    search = {"time_budget": None, "n_trials": 1, "random_state": 0, "verbose": 0, "cv": 2, "layout": None}
    with pytest.warns(UserWarning, match="no process could be started: its process ended with exit code 1"):
        clf = AutoArchClassifier(families=[Faulty()], **search).fit(X, y)
    assert clf.best_family_ == "faulty"


def test_a_probe_that_breaks_is_done_without(monkeypatch):
    """The search goes on with what is known of the families."""
    from autoarch import AutoArchClassifier

    def broken(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr("autoarch._search.run.measure", broken)
    X = np.random.default_rng(0).normal(size=(60, 9))
    search = {"time_budget": None, "n_trials": 1, "random_state": 0, "verbose": 0, "cv": 2}
    with pytest.warns(UserWarning, match="the probe: MemoryError"):
        clf = AutoArchClassifier(families="linear", **search).fit(X, (X[:, 0] > 0).astype(int))
    assert clf.best_family_ == "linear" and clf.locality_.verdict == "none"
