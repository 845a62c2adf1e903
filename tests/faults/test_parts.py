"""The parts that hold faults: calls that are ended, one worker, deadlines, interrupts, memory."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import types

import numpy as np
import pytest

from autoarch._core.clock import Deadline
from autoarch._core.hangs import HangError, StuckError, call_within
from autoarch._core.memory import free_bytes, give_back, used_bytes
from autoarch._core.threads import uninterrupted
from autoarch._core.watch import Watch
from autoarch._search.entrants import Entrant
from autoarch._search.plug_ins import Guarded, fault_of, guarded
from autoarch._search.steps import StepResult
from autoarch._search.worker import CallError, EndedError, Payload, Worker
from autoarch._search.worker_process import cloudpickle
from autoarch.families import Problem
from autoarch.families.linear import Linear
from faults.faulty import Faulty, die, error, greedy, leave, loop, sleep

PROBLEM = Problem("classification", 100, 3, n_classes=2, smallest_class=40)


def test_a_call_that_hangs_is_ended():
    """Its thread is gone, too, where Python code runs in it."""
    before = threading.active_count()
    with pytest.raises(HangError, match=r"within 0\.05 s"):
        call_within(0.05, loop)
    assert threading.active_count() == before


@pytest.mark.parametrize(
    "ended",
    [
        "with suppress(HangError): call_within(0.01, time.sleep, 1000)",  # its error waits as long as the thread does
        "raise_in(threading.get_ident(), None)",
    ],
)
def test_a_debugger_can_follow_what_comes_after_an_ended_call(ended):
    """Python 3.11 would repeat the first instruction of a function for ever while an error waits in any thread."""
    code = (
        "import sys, threading, time\n"
        "from contextlib import suppress\n"
        "from autoarch._core.hangs import HangError, call_within, raise_in\n"
        f"{ended}\n"
        "time.sleep(0)\n"
        "sys.settrace(lambda *event: None)\n"
        "(lambda: None)()\n"
        "print('followed')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "followed\n"


@pytest.mark.parametrize("seconds", [None, 60.0])
def test_a_call_that_ends_is_as_without_a_limit(seconds):
    """It returns what it returns, and raises what it raises, SystemExit too."""
    assert call_within(seconds, divmod, 7, 2) == (3, 1)
    with pytest.raises(ValueError, match="injected"):
        call_within(seconds, error)
    with pytest.raises(SystemExit):
        call_within(seconds, leave)


def test_a_family_of_this_package_is_asked_as_it_is():
    """No guard stands before it."""
    own, other = guarded([Linear(), Faulty()], 10.0)
    assert type(own) is Linear and type(other) is Guarded
    assert other.name == "faulty" and other.needs == Faulty.needs


@pytest.mark.parametrize("answer", [None, 3, ["x"], [{1: 2}]])
def test_a_senseless_answer_is_a_fault(answer):
    """Defaults are a sequence of mappings of names."""
    family = Faulty()
    family.defaults = lambda problem: answer
    assert "its defaults raised TypeError" in fault_of(guarded([family], None)[0], PROBLEM)


def test_a_family_that_has_hung_is_not_asked_again():
    """One hang is enough: the second question is answered at once."""
    family = Guarded(Faulty("defaults", loop), 0.05)
    assert "was ended" in fault_of(family, PROBLEM)
    family.seconds = None
    assert "was ended" in fault_of(family, PROBLEM)


def test_a_family_that_fails_twice_for_one_reason_is_benched():
    """Numbers in a reason do not make it another one; a success in between does."""
    entrant = Entrant(Faulty(), 1.0, [], 1, {})
    for status, reason in (("failed", "took 3.1 s"), ("ok", ""), ("failed", "took 3.2 s")):
        entrant.note(StepResult(0, 0, status, reason))
        assert not entrant.benched
    entrant.note(StepResult(0, 0, "failed", "took 3.3 s"))
    assert entrant.benched and entrant.common_failure == "took 3.3 s"


def test_a_deadline_travels_without_the_time_of_day(monkeypatch):
    """A clock that is set while it is under way changes nothing."""
    sent = pickle.dumps(Deadline(50.0))
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert 45.0 < pickle.loads(sent).left <= 50.0


@pytest.fixture(scope="module")
def worker():
    """A process with an array as its data."""
    data = np.arange(100_000)
    started = Worker(Payload(data))
    started.greet()
    yield started
    started.end(kindly=True)


def test_a_worker_has_the_data_and_answers(worker):
    """The array is read from the file that both have open; an error is told in words."""
    assert worker.call(np.add, 1, seconds=60.0)[-1] == 100_000
    assert not worker.call(lambda data: data.flags.writeable, seconds=60.0)
    with pytest.raises(CallError, match="ValueError: injected"):
        worker.call(lambda data: error(), seconds=60.0)
    with pytest.raises(CallError, match="SystemExit: 3"):
        worker.call(lambda data: leave(), seconds=60.0)
    with pytest.raises(CallError, match="it does not pickle"):
        worker.call(lambda data, lock: None, threading.Lock(), seconds=60.0)


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "reason"), [(die, "exit code 3"), (sleep, "it did not stop"), (loop, "it did not")])
def test_a_worker_that_dies_or_hangs_is_told_from_one_that_answers(fault, reason):
    """Nothing of its group of processes is left."""
    worker = Worker(Payload(np.arange(3)))
    worker.greet()
    with pytest.raises(EndedError, match=reason):
        worker.call(lambda data: fault(), seconds=0.5)
    worker.end(kindly=False)
    with pytest.raises(ProcessLookupError):
        os.killpg(worker.process.pid, 0)


def test_data_that_fit_nowhere_go_through_the_pipe(monkeypatch):
    """A full disk is no reason to have no workers."""
    monkeypatch.setattr("tempfile.TemporaryFile", lambda: (_ for _ in ()).throw(OSError("no space left")))
    payload = Payload(np.arange(100_000))
    assert payload.file is None and len(payload.message) > 800_000


@pytest.fixture
def heard():
    """Interrupts are heard, also where a shell has started the tests in the background, which ignores them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_waits_for_the_end_of_a_block(heard):
    """It is not lost either, and the handler is the one of before."""
    reached = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(reached)
    assert reached == ["the end"] and signal.getsignal(signal.SIGINT) is heard


def interrupted(reached):
    """A block in which Ctrl-C comes."""
    with uninterrupted():
        signal.raise_signal(signal.SIGINT)
        reached.append("the end")


linux = pytest.mark.skipif(not os.path.exists("/proc/meminfo"), reason="memory is read from /proc")


@linux
def test_a_step_that_takes_too_much_memory_ends_with_an_error():
    """What it took is free afterwards, and the next step begins anew."""
    watch = Watch(2e8, list, print)
    before = used_bytes()
    try:
        with pytest.raises(MemoryError), watch.step():
            greedy()
        give_back()
        assert used_bytes() - before < 1e8
        with watch.step():
            pass
    finally:
        watch.close()


def test_a_step_that_never_stops_ends_with_an_error():
    """A loop of Python in this process, some time after its deadline."""
    watch = Watch(None, list, print)
    try:
        with pytest.raises(StuckError, match="did not stop"), watch.step(0.05):
            loop()
        with watch.step(60.0) as step:
            assert step.told < 0
    finally:
        watch.close()


@linux
@pytest.mark.parametrize(("files", "free"), [("2000 500 300", 1800), ("max 500 300", None)])
def test_the_limit_of_a_control_group_is_read(tmp_path, monkeypatch, files, free):
    """What files occupy in a cache counts as free; "max" is no limit."""
    limit, usage, cached = files.split()
    for name, content in {"memory.max": limit, "memory.current": usage}.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "memory.stat").write_text(f"anon 1\ninactive_file {cached}\n")
    machine = free_bytes()
    monkeypatch.setattr("autoarch._core.memory._GROUPS", tmp_path)
    from autoarch._core.memory import _free_of_groups

    found = list(_free_of_groups(tmp_path, "/", "memory.max", "memory.current", "inactive_file"))
    assert found == ([free] if free else []) and machine > 0


def test_modules_that_a_worker_cannot_import_are_sent_along():
    """Of the data as of a call; the registry of cloudpickle is as before."""
    module = types.ModuleType("no_such_module_elsewhere")
    exec(
        "class Here:\n    def __init__(self, value): self.value = value\n    def double(self): return 2 * self.value",
        vars(module),
    )
    sys.modules[module.__name__] = module
    started = Worker(Payload(module.Here(21)))
    try:
        started.greet()
        assert started.call(lambda data: data.double(), seconds=60.0) == 42
        assert type(started.call(lambda data, other: other, module.Here(1), seconds=60.0)) is module.Here
        assert not cloudpickle.list_registry_pickle_by_value()
    finally:
        started.end(kindly=True)
        del sys.modules[module.__name__]
