"""One thread for every test: two test processes side by side must not wait for each other's spinning threads.

Set before numpy and torch are imported, and passed on to the processes that tests start.
"""

import os

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import pytest  # noqa: E402  # the threads come first
from hypothesis import settings  # noqa: E402

settings.register_profile("untimed", deadline=None)  # a slow machine is no broken property
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _no_leftover_files(tmp_path, monkeypatch):
    """Each test runs in a folder of its own, so that a stray file is seen and never lands in the tree."""
    monkeypatch.chdir(tmp_path)
