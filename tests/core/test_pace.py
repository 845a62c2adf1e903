"""Threads by the size of the work and by what the machine gives: no measurement where none is needed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoarch._core import pace
from autoarch._core.pace import share_of_core, threads_by_size, threads_of_training, threads_that_pay

WORK = st.sampled_from(["boosting", "convolutions", "dense net", "algebra", "prediction"])
LARGE = 10**9


@pytest.fixture
def machine(monkeypatch):
    """Four cores whose threads gain what the test says; the measurements are counted."""
    measured = []
    said = {"gain": 3.0}
    monkeypatch.setattr(pace, "usable_cores", lambda: 4)
    monkeypatch.setattr(pace, "gain_of_threads", lambda n: measured.append(n) or said["gain"])
    monkeypatch.setattr(pace, "_measured", (0, 0.0, 1.0))
    return said, measured


@given(work=WORK, values=st.integers(0, 2 * LARGE), more=st.integers(0, LARGE))
def test_more_work_never_gets_fewer_threads(work, values, more):
    """At least one, at most all cores."""
    few, many = threads_by_size(work, values), threads_by_size(work, values + more)
    assert 1 <= few <= many <= pace.usable_cores()


def test_a_quiet_machine_gives_all_that_the_work_is_large_enough_for(machine):
    """Two, where there is work for two and cores for four."""
    assert threads_that_pay("boosting", LARGE) == 4
    assert threads_that_pay("boosting", 250_000) == 2
    assert threads_that_pay("boosting", LARGE, share=0.95) == 4


def test_threads_that_gain_nothing_are_not_used(machine):
    """Beside a busy process two threads share one core, though each alone has all of it."""
    machine[0]["gain"] = 1.1
    assert threads_that_pay("algebra", LARGE, share=1.0) == 1


@pytest.mark.parametrize(("values", "share"), [(1_000, None), (1_000, 1.0), (LARGE, 0.6)])
def test_where_the_answer_is_known_nothing_is_measured(machine, values, share):
    """Small work, and cores that others wait for."""
    assert threads_that_pay("convolutions", values, share) == 1
    assert machine[1] == []


def test_calls_in_a_row_measure_once(machine):
    """For the same number of threads."""
    assert [threads_that_pay("prediction", LARGE) for _ in range(3)] == [4, 4, 4]
    assert machine[1] == [4]
    threads_that_pay("prediction", 100_000)
    assert machine[1] == [4, 2]


def test_a_training_without_a_budget_depends_on_no_measurement(machine):
    """Its threads follow from its size, also where they gain nothing; with a budget they do not."""
    machine[0]["gain"] = 0.5
    assert threads_of_training(LARGE, None) == 4
    assert machine[1] == []
    assert threads_of_training(LARGE, 10.0) == 1


def test_a_share_is_one_of_the_quickest_run_so_far(monkeypatch):
    """A core that is slower than it has been, waiting or not, gives a share that much lower."""
    share = share_of_core()
    assert 0 < share <= 1

    monkeypatch.setattr(pace, "_best_kernel", pace._best_kernel / 10)
    assert 0 < share_of_core() <= 0.2


def test_a_gain_is_measured_and_leaves_no_limit():
    """A positive factor, whatever the machine does."""
    assert pace.gain_of_threads(2) > 0
