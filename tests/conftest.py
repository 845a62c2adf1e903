"""One thread for every test: two test processes side by side must not wait for each other's spinning threads.

Set before numpy and torch are imported, and passed on to the processes that tests start.
"""

import os

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import pytest  # noqa: E402  # the threads come first
from hypothesis import settings  # noqa: E402

settings.register_profile("untimed", deadline=None, derandomize=True)  # a slow machine is no broken property
settings.load_profile("untimed")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Hand each process one stretch of the tests, so that few fixtures of modules are made twice.

    A process that ends early takes over tests of the others. Another ``--dist`` than the usual one is obeyed.
    """
    if config.getoption("dist") != "load":
        return None
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)


@pytest.fixture(autouse=True)
def _no_leftover_files(tmp_path, monkeypatch):
    """Each test runs in a folder of its own, so that a stray file is seen and never lands in the tree."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _families_of_tests_run_here(request, monkeypatch):
    """Families that tests define run in the test's process, where it sees what they do; the faults have their own."""
    if "faults" not in request.node.path.parts:
        monkeypatch.setattr("autoarch._search.plug_ins.is_foreign", lambda family: False)
        monkeypatch.setattr("autoarch._search.workers.is_foreign", lambda family: False)
        monkeypatch.setattr("autoarch._search.loop.is_foreign", lambda family: False)


@pytest.fixture
def probe_without_labels(monkeypatch):
    """Searches probe the cells alone, as they do in the shortest budgets, for tests of what comes after the probe.

    Landmarks take most of the time of a fit of one quick candidate.
    """
    from autoarch._search import run

    whole = run.measure
    monkeypatch.setattr(run, "measure", lambda *args, **settings: whole(*args, **{**settings, "y": None}))
