"""Leaderboard of a search, the reason for its end, and what the user has to be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from autoarch._core.quiet import warn_user
from autoarch._search.job import TrialResult
from autoarch._search.loop import History, Search
from autoarch.exceptions import SearchInterruptedWarning

_ORDER = {"ok": 0, "baseline": 1, "pruned": 2, "failed": 3, "skipped": 4}
COLUMNS = ("rank", "family", "params", "score", "score_std", "seconds", "status", "reason")


def leaderboard(
    results: Sequence[TrialResult], left_out: Mapping[str, str], *, baseline_won: bool = False
) -> pd.DataFrame:
    """Every trial, best first, then what was stopped, what failed, and the families that were left out.

    The baseline, judged on less than the others, stands behind all that were judged in full unless it was chosen.
    """
    skipped = [TrialResult(-1, name, {}, "skipped", reason) for name, reason in left_out.items()]
    rows = [[getattr(result, name) for name in (*COLUMNS[1:], "tie")] for result in (*results, *skipped)]
    table = pd.DataFrame(rows, columns=[*COLUMNS[1:], "tie"])
    baseline = (table["family"] == "baseline") & (table["status"] == "ok")
    table.loc[baseline, "reason"] = "baseline: small forest, first split only"
    table["_order"] = table["status"].where(~baseline, "baseline").map(_ORDER)
    if baseline_won:
        table.loc[baseline, "_order"] = -1
    table = table.sort_values(["_order", "score", "tie"], ascending=[True, False, False], kind="stable")
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table[list(COLUMNS)].reset_index(drop=True)


def warn_about(history: History, best: TrialResult, baseline: TrialResult) -> None:
    """Warn of an interrupt, of too little time, or that no trial gave a model."""
    if history.interrupted:
        warn_user(
            f"The search was interrupted after {len(history.results)} trials; the best candidate so far, "
            f"{best.family}, was kept.",
            SearchInterruptedWarning,
        )
    elif best is history.partial:
        warn_user(
            f"The time was too short to judge any candidate on every split; {best.family}, judged on "
            f"{len(best.scores)}, was kept. Allow more seconds, or ask for fewer splits with cv.",
        )
    elif best is baseline and history.best is None and history.results:
        reasons = "; ".join(f"{r.family}: {r.reason}" for r in history.results[:3])
        warn_user(
            f"None of the {len(history.results)} trials gave a model, so the baseline was kept. The first reasons: "
            f"{reasons}.",
        )


def stopped_by(search: Search) -> str:
    """Name what ended the search."""
    history, budget = search.history, search.budget
    if history.interrupted:
        return "interrupt"
    if search.out_of_patience and not budget.trials_spent:
        return "patience"
    cut = any(result.cut or "out of time" in result.reason for result in history.results[search.n_before :])
    return "n_trials" if budget.trials_spent and not cut else "time_budget"


def never_tried(search: Search) -> dict[str, str]:
    """Give the reason for each family that had no turn."""
    tried = {result.family for result in search.history.results}
    names = [family.name for family in search.families if family.name not in tried]
    return dict.fromkeys(names, "the search ended before it was tried")
