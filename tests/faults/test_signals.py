"""Ctrl-C, SIGTERM, kill -9 and forks, in processes of their own."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

HERE = Path(__file__).parent
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="signals of POSIX")]


def started(*asked, **environment):
    """A process that does what is asked."""
    variables = {**os.environ, **environment, "PYTHONPATH": os.pathsep.join([str(HERE.parent), *sys.path])}
    command = [sys.executable, str(HERE / "child.py"), *map(json.dumps, asked)]
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True)


def told(*asked, **environment):
    """What such a process prints."""
    return json.loads(started(*asked, **environment).communicate(timeout=300)[0].splitlines()[-1])


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize(
    ("where", "once", "twice"),
    [
        ("autoarch._search.run.plan_for_score", "raised", "raised"),  # nothing has been fitted by then
        ("autoarch._search.run.probe", "interrupt", "interrupt"),
        ("autoarch._search.study.ask", "interrupt", "interrupt"),
        ("autoarch._search.run.finish", "interrupt", "raised"),
        ("autoarch._search.ensemble.fit_members", "interrupt", "interrupt"),
    ],
)
def test_ctrl_c_keeps_the_model_that_there_is(where, once, twice, times, n_jobs):
    """Or is raised at once; the settings of the process are as before, and no thread is left."""
    found = told("interrupted", where, times, n_jobs)
    outcome = once if times == 1 else twice

    assert found["pressed"] >= 1 and found["changed"] == found["threads"] == []
    assert found["stopped_by"] == outcome
    assert outcome == "raised" or found["right"] > 0.3


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_of_a_killed_process(number, n_jobs):
    """Its workers end with it, also one whose model hangs."""
    mark = uuid.uuid4().hex
    process = started("searching", n_jobs, AUTOARCH_TEST_MARK=mark)
    process.stdout.readline()
    while len(marked(mark)) < 2:  # until its worker is there
        time.sleep(0.1)
    process.send_signal(number)
    process.wait()
    ends = time.monotonic() + 60
    while marked(mark) and time.monotonic() < ends:
        time.sleep(0.1)
    assert not marked(mark)


def marked(mark):
    """Processes with the mark in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"AUTOARCH_TEST_MARK={mark}".encode() in (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize("family", ["linear", "tree", "mlp", "cnn", "kernels", "neighbors", "svm"])
def test_a_forked_child_predicts_what_its_parent_does(family):
    """The pools of threads that the parent has used are not waited for."""
    assert told("forked", family, OMP_NUM_THREADS="2") == {"status": 0}
