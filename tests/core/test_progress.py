"""Events of a search while it runs: told to logging, to people who watch, and to nobody else."""

import io
import logging
import multiprocessing
import sys
import threading
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoarch import AutoArchClassifier
from autoarch._core.clock import Budget
from autoarch._core.progress import Progress, named

pytestmark = pytest.mark.usefixtures("probe_without_labels")

PARAMS = {"penalty": 1.0, "scaling": "standard"}


class Terminal(io.StringIO):
    """A stream that claims to be watched."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Standard error of the module as a terminal; that of the process is pytest's own."""
    stream = Terminal()
    monkeypatch.setattr("autoarch._core.progress.sys", SimpleNamespace(stderr=stream, modules=sys.modules))
    return stream


@pytest.fixture
def clock(monkeypatch):
    """Seconds since the search began, to be set by hand."""
    seconds = [0.0]
    monkeypatch.setattr(Budget, "elapsed", property(lambda self: seconds[0]))
    return seconds


def shown(stream):
    """The line as it stands: what was written after the last return of the carriage, or the last that is not blank."""
    return [line.strip() for line in stream.getvalue().split("\r") if line.strip()][-1]


def tickers():
    """Threads that draw."""
    return [thread for thread in threading.enumerate() if thread.name == "autoarch-progress"]


def all_events(progress):
    """Every event once."""
    progress.event("720 rows, 64 columns")
    progress.say("probing the layout")
    progress.begin_step("linear", PARAMS, 1, 5)
    progress.end_step("linear", PARAMS, 1, 5, 0.96712, 0.31)
    progress.best("linear", 0.96712)
    progress.pause("linear", PARAMS, "behind by three errors")
    progress.fail("tree", {}, "ValueError: too few rows")


def test_the_line_shows_time_best_score_and_step(terminal, clock):
    """All three change with the events and with the clock alone."""
    progress = Progress(1, Budget(60))
    progress.best("kernels", 0.9934)
    progress.begin_step("kernels", {}, 2, 5)
    clock[0] = 15
    progress.tick()
    assert shown(terminal).endswith("15 of 60 s | best 0.9934 (kernels) | kernels, split 2 of 5")
    bar = shown(terminal).split("|")[1]
    clock[0] = 45
    progress.tick()
    assert "45 of 60 s" in shown(terminal)
    assert shown(terminal).split("|")[1].count(" ") < bar.count(" ")  # the bar has grown
    progress.close()


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        pytest.param(Budget(60), "70 of 60 s | probing", id="time-over"),
        pytest.param(Budget(None, 8), "candidate 3 of 8, 70 s | probing", id="candidates"),
        pytest.param(Budget(60, 8), "70 of 60 s | probing", id="both"),
        pytest.param(Budget(), "autoarch  70 s | probing", id="neither"),
    ],
)
def test_the_bar_counts_seconds_or_else_candidates(terminal, clock, budget, words):
    """An overrun is told as it is."""
    progress = Progress(1, budget)
    progress.say("probing")
    budget.n_asked, clock[0] = 3, 70.0
    progress.tick()
    progress.close()
    assert any(line.endswith(words) for line in terminal.getvalue().split("\r"))


def test_nothing_is_shown_and_nothing_runs_after_the_end(terminal):
    """The line is wiped; a late event or tick writes nothing; a second end does no harm."""
    progress = Progress(1, Budget(60))
    progress.say("probing")
    assert len(tickers()) == 1
    progress.close()
    assert not tickers()
    assert terminal.getvalue().split("\r")[-2].strip() == "" and terminal.getvalue().endswith("\r")
    length = len(terminal.getvalue())
    progress.say("more")
    progress.tick()
    progress.close()
    assert len(terminal.getvalue()) == length
    assert not tickers()


def test_a_search_that_nobody_told_anything_about_starts_no_thread(terminal):
    """What fails before the first event leaves nothing behind."""
    Progress(1, Budget(60))
    assert not tickers() and terminal.getvalue() == ""


def test_a_broken_stream_ends_the_line_and_not_the_search(terminal, monkeypatch):
    """A closed notebook or pipe is no reason to lose a model, nor to block another bar."""
    progress = Progress(1, Budget(60))
    progress.say("probing")
    bar = progress._bar

    def broken(*args, **kwargs):
        raise RuntimeError("no display")

    monkeypatch.setattr(bar, "display", broken)
    progress.tick()
    progress.say("more")
    progress.close()
    assert not tickers()
    taken = []

    def draw():
        bar.get_lock().acquire(False)
        bar.get_lock().release()  # raises an error where it was not acquired
        taken.append(True)

    other = threading.Thread(target=draw)
    other.start()
    other.join()
    assert taken == [True]


@pytest.mark.parametrize("verbose", [0, 1])
def test_nothing_is_written_where_nobody_watches(capsys, verbose):
    """A file gets no line, whatever happens."""
    progress = Progress(verbose, Budget(60))
    all_events(progress)
    progress.tick()
    progress.close()
    assert capsys.readouterr() == ("", "") and not tickers()


def test_verbose_0_is_silent_in_a_terminal(terminal):
    """Also where somebody watches."""
    progress = Progress(0, Budget(60))
    all_events(progress)
    progress.close()
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("where", ["thread", "worker", "without stderr"])
def test_a_search_inside_something_else_shows_no_line(terminal, monkeypatch, where):
    """Many lines at once would overwrite each other."""
    made = []
    if where == "worker":
        monkeypatch.setattr(multiprocessing, "parent_process", lambda: "another one")
    if where == "without stderr":
        monkeypatch.setattr("autoarch._core.progress.sys.stderr", None)
    if where == "thread":
        thread = threading.Thread(target=lambda: made.append(Progress(1, Budget(60))))
        thread.start()
        thread.join()
    else:
        made.append(Progress(1, Budget(60)))
    all_events(made[0])
    assert not tickers() and terminal.getvalue() == ""


def test_verbose_2_names_parameters_wherever_it_runs(capsys, clock):
    """One line per step, without a bar, and one for each candidate that leaves."""
    progress = Progress(2, Budget(60))
    clock[0] = 2.34
    all_events(progress)
    progress.close()
    assert capsys.readouterr().err.splitlines() == [
        "autoarch:    2.3 s  720 rows, 64 columns",
        "autoarch:    2.3 s  linear penalty=1 scaling=standard: 0.96712 (split 1 of 5), 0.3 s",
        "autoarch:    2.3 s  linear penalty=1 scaling=standard: paused: behind by three errors",
        "autoarch:    2.3 s  tree: failed: ValueError: too few rows",
    ]


def test_every_event_is_a_record_with_its_facts(caplog):
    """At verbose=0 too; only what went wrong is a warning."""
    with caplog.at_level(logging.DEBUG, "autoarch"):
        all_events(Progress(0, Budget(60)))
    levels = {record.event: record.levelname for record in caplog.records}
    assert levels == {
        "event": "INFO",
        "activity": "DEBUG",
        "step_begins": "DEBUG",
        "step_ends": "INFO",
        "best": "INFO",
        "paused": "INFO",
        "failed": "WARNING",
    }
    ended = next(record for record in caplog.records if record.event == "step_ends")
    assert (ended.family, ended.params, ended.split, ended.n_splits) == ("linear", PARAMS, 1, 5)
    assert (ended.score, ended.seconds) == (0.96712, 0.31)
    assert caplog.records[-1].reason == "ValueError: too few rows"


def test_percent_signs_are_no_format(caplog):
    """A message is text."""
    with caplog.at_level(logging.INFO, "autoarch"):
        Progress(0, Budget()).fail("tree", {"share": "50%s"}, "100 %d")
    assert caplog.messages == ["tree share=50%s: failed: 100 %d"]


@settings(max_examples=40)
@given(st.dictionaries(st.from_regex("[a-z_]+", fullmatch=True), st.floats() | st.integers() | st.none() | st.text()))
def test_a_candidate_is_named_by_all_its_parameters(params):
    """In their order, for any values."""
    words = named("linear", params)
    assert words.startswith("linear")
    at = 0
    for name in params:
        at = words.index(f" {name}=", at) + 1


def test_a_fit_logs_its_steps_and_ends_its_line(terminal, caplog):
    """From the front door: parameters and scores in the records, no thread and no line left."""
    X, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
    clf = AutoArchClassifier(time_budget=None, n_trials=2, families="linear", cv=2, random_state=0)
    with caplog.at_level(logging.DEBUG, "autoarch"), warnings.catch_warnings():
        warnings.simplefilter("error")
        clf.fit(X, y)
    steps = [record for record in caplog.records if record.event == "step_ends"]
    assert {record.family for record in steps} == {"linear", "baseline"}
    assert all("penalty" in record.params for record in steps if record.family == "linear")
    assert "autoarch" in terminal.getvalue() and terminal.getvalue().endswith("\r") and not tickers()
