"""Search on in the time that was kept back for fitting the winner and turns out not to be needed for it.

While a search runs, nobody knows which candidates the final model will consist of, and time is kept back for those that
lead. Once they have been chosen, the time that their fits take is known better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from autoarch._search.dispatch import Dispatch
from autoarch._search.loop import Reserved, Search
from autoarch._search.refit import reserved_for
from autoarch._search.steps import Candidate

_WORTH_IT = 0.08  # of the budget that must be left for it
_MOST_ROUNDS = 2  # as each of them chooses members anew


def go_on(search: Search, choose: Callable[[], Sequence[Candidate]]) -> None:
    """Search on as long as what would be chosen now leaves enough of the time.

    Parameters
    ----------
    search : Search
        That has ended; ``reserve`` is changed.
    choose : callable
        Returns the members of the final model, as far as is known now, the first with the largest weight.
    """
    for _ in range(_MOST_ROUNDS):
        if not _may_go_on(search):
            return
        chosen = choose()
        left = search.budget.left - reserved_for(chosen, search).total
        if left < _WORTH_IT * (search.budget.seconds or 0.0):
            return
        search.progress.event(f"{left:.1f} s more for the search: what was chosen is fitted in less than was kept back")
        search.reserve = _kept_for(chosen)
        Dispatch(search).run()


def _may_go_on(search: Search) -> bool:
    """Return whether nothing but the time has ended the search."""
    scheduler = search.scheduler
    ended = scheduler.out_of_trials or scheduler.out_of_patience or search.progress.stop_requested
    return scheduler.timed and scheduler.leader is not None and not ended


def _kept_for(chosen: Sequence[Candidate]) -> Callable[[Search], Reserved]:
    """Keep back what these need or, where that takes longer, who leads by then."""

    def reserve(search: Search) -> Reserved:
        leader = [] if search.scheduler.leader is None else [search.scheduler.leader]
        return max(reserved_for(chosen, search), reserved_for(leader, search), key=lambda reserved: reserved.total)

    return reserve
