"""Leaderboard of a search, the reason for its end, and what the user has to be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from autoarch._core.quiet import warn_user
from autoarch._search.loop import Search
from autoarch._search.steps import Candidate
from autoarch.exceptions import SearchInterruptedWarning

_ORDER = {"ok": 0, "paused": 1, "excluded": 2, "failed": 3, "skipped": 4}
COLUMNS = (
    "rank",
    "family",
    "params",
    "score",
    "score_std",
    "splits",
    "rows",
    "rounds",
    "seconds",
    "predict_seconds",
    "cut",
    "status",
    "reason",
)


def leaderboard(search: Search, best: Candidate, left_out: Mapping[str, str]) -> pd.DataFrame:
    """Every candidate, the winner first; then what was paused, what failed, and the families that were left out.

    Scores of what was paused are means over fewer splits, hence behind the others whatever they are.
    """
    behind = search.scheduler.behind()
    place = {candidate.number: rank for rank, candidate in enumerate(search.scheduler.ranking())}
    rows = []
    for candidate in search.scheduler.candidates:
        status, reason = _status(candidate, best, search)
        if status == "paused" and (lag := behind.get(candidate.number)):
            reason = (
                f"set aside after {lag.n_splits} of {len(search.data.splits)} splits: {-lag.mean:.3g} behind the "
                f"winner there, {-lag.standardised:.1f} standard errors"
            )
        first = candidate is not best
        rows.append(
            (_ORDER[status], first, place.get(candidate.number, np.inf), _row(candidate, search, status, reason))
        )
    rows += [(_ORDER["skipped"], True, np.inf, _row_of_skipped(name, reason)) for name, reason in left_out.items()]
    rows.sort(key=lambda row: row[:3])
    table = pd.DataFrame([row[3] for row in rows], columns=list(COLUMNS[1:]))
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table


def _status(candidate: Candidate, best: Candidate, search: Search) -> tuple[str, str]:
    if candidate.status == "excluded" or (candidate.status == "failed" and not candidate.steps):
        return candidate.status, candidate.reason
    if candidate.steps and len(candidate.steps) >= len(best.steps):
        return "ok", candidate.reason
    told = f"paused at {len(candidate.steps)} of {len(search.data.splits)} splits"
    return "paused", f"{told}: {candidate.reason}" if candidate.reason else told


def _row(candidate: Candidate, search: Search, status: str, reason: str) -> list[Any]:
    judged = bool(candidate.steps)
    return [
        candidate.family,
        candidate.params,
        search.data.score(candidate),
        candidate.score_std,
        len(candidate.steps),
        round(candidate.mean_work("rows")) if judged else 0,
        round(candidate.mean_work("rounds")) if judged else 0,
        candidate.seconds,
        search.predict_seconds(candidate) if judged else float("nan"),
        candidate.cut,
        status,
        reason,
    ]


def _row_of_skipped(name: str, reason: str) -> list[Any]:
    nan = float("nan")
    return [name, {}, nan, nan, 0, 0, 0, 0.0, nan, False, "skipped", reason]


def warn_about(search: Search, best: Candidate, undefined: str) -> None:
    """Warn of splits without a score, of an interrupt, of families that only failed, or if a baseline is all there is.

    ``undefined`` is the message about the splits, or empty.
    """
    if undefined:
        warn_user(undefined)
    scheduler = search.scheduler
    trials = [candidate for candidate in scheduler.candidates if candidate.number >= 0]
    if search.interrupted:
        warn_user(
            f"The search was interrupted after {len(trials)} candidates; the best one so far, {best.family}, was kept.",
            SearchInterruptedWarning,
        )
        return
    if search.workers.trouble:
        search.troubles["processes"] = f"{search.workers.trouble}; families of others ran in this one"
    if search.troubles:
        told = "; ".join(f"{name}: {why}" for name, why in search.troubles.items())
        warn_user(f"Something broke, and the search did without it: {told}.")
    failed = {name: why for name, entrant in scheduler.entrants.items() if (why := entrant.common_failure)}
    if best.number < 0 and trials and not any(candidate.steps for candidate in trials):
        reasons = "; ".join(f"{c.family}: {c.reason}" for c in trials[:3])
        warn_user(
            f"None of the {len(trials)} candidates gave a model, so the baseline was kept. The first reasons: "
            f"{reasons}. Allow more seconds where time ran out, or leave out families that fail.",
        )
    elif failed:
        reasons = "; ".join(f"{name}: {why}" for name, why in failed.items())
        warn_user(
            f"Some families failed, always for one reason, and were given up: {reasons}. The others were searched; "
            "leave these families out, or mend the reason."
        )


def stopped_by(search: Search) -> str:
    """Name what ended the search."""
    scheduler = search.scheduler
    if search.interrupted:
        return "interrupt"
    if search.progress.stop_requested:
        return "callback"
    if scheduler.out_of_patience and not scheduler.out_of_trials:
        return "patience"
    return "n_trials" if scheduler.out_of_trials and not search.out_of_time else "time_budget"


def never_tried(search: Search) -> dict[str, str]:
    """Give the reason for each family that had no turn."""
    tried = {candidate.family for candidate in search.scheduler.candidates}
    names = [family.name for family in search.families if family.name not in tried]
    return {name: search.scheduler.why_not(name) for name in names}
