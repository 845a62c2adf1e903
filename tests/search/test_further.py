"""Time that was kept back for the final model and is not needed for it goes to the search."""

from types import SimpleNamespace

import pytest

from autoarch._search import further
from autoarch._search.loop import Reserved


def ended_search(**ended):
    """A search of 100 s with 20 s left, and a leader that takes 3 s to fit."""
    ended = {"out_of_trials": False, "out_of_patience": False, "timed": True} | ended
    return SimpleNamespace(
        scheduler=SimpleNamespace(leader="leader", **ended),
        budget=SimpleNamespace(seconds=100.0, left=20.0),
        progress=SimpleNamespace(stop_requested=False, event=lambda text: None),
        reserve=None,
    )


@pytest.fixture
def rounds(monkeypatch):
    """Seconds that each further round may use, of a search whose rounds use all that they may."""
    seconds = {"leader": 3.0, "quick": 1.0, "dear": 15.0}
    used = []

    class Dispatch:
        def __init__(self, search):
            self.search = search

        def run(self):
            used.append(self.search.budget.left - self.search.reserve(self.search).total)
            self.search.budget.left -= used[-1]

    monkeypatch.setattr(further, "Dispatch", Dispatch)
    monkeypatch.setattr(further, "reserved_for", lambda m, search: Reserved(1.0, sum(seconds[name] for name in m)))
    return used


def test_the_time_that_the_chosen_do_not_need_is_searched(rounds):
    """What is kept back is enough for the chosen, and for a new leader that takes longer than they do."""
    further.go_on(ended_search(), lambda: ["quick"])
    assert rounds == [16.0]


def test_what_the_chosen_need_is_not_touched(rounds):
    """With 15 s to fit and 1 s to close, 4 s of 100 are too few for another round."""
    further.go_on(ended_search(), lambda: ["dear"])
    assert not rounds


@pytest.mark.parametrize("limit", [{"out_of_trials": True}, {"out_of_patience": True}, {"timed": False}])
def test_a_search_that_something_else_has_ended_stays_ended(rounds, limit):
    """Only a clock leaves time over."""
    further.go_on(ended_search(**limit), lambda: ["quick"])
    assert not rounds


def test_rounds_are_few(rounds):
    """Where the choice changes each time for less, the search ends all the same."""
    search, chosen = ended_search(), iter([["quick", "quick"], ["quick"], ["quick"]])

    def choose():
        search.budget.left = 60.0
        return next(chosen)

    further.go_on(search, choose)
    assert len(rounds) == 2
