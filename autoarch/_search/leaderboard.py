"""Leaderboard of a search, the reason for its end, and what the user has to be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from autoarch._core.clock import Budget
from autoarch._core.quiet import warn_user
from autoarch._search.job import TrialResult
from autoarch._search.loop import History, Search
from autoarch.exceptions import SearchInterruptedWarning
from autoarch.families.base import Family

_ORDER = {"ok": 0, "baseline": 1, "pruned": 2, "failed": 3, "skipped": 4}
COLUMNS = ("rank", "family", "params", "score", "score_std", "seconds", "status", "reason")


def leaderboard(
    results: Sequence[TrialResult], left_out: Mapping[str, str], *, baseline_won: bool = False
) -> pd.DataFrame:
    """Every trial, best first, then what was stopped, what failed, and the families that were left out.

    The baseline, judged on less than the others, stands behind all that were judged in full unless it was chosen.
    """
    rows = [
        {
            "family": result.family,
            "params": result.params,
            "score": result.score,
            "score_std": float(np.std(result.scores)) if len(result.scores) > 1 else np.nan,
            "seconds": result.seconds,
            "status": result.status,
            "reason": result.reason,
            "tie": result.tie,
        }
        for result in results
    ]
    rows += [
        {"family": name, "params": {}, "score": np.nan, "seconds": 0.0, "status": "skipped", "reason": reason}
        for name, reason in left_out.items()
    ]
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


def stopped_by(search: Search, history: History, budget: Budget) -> str:
    if history.interrupted:
        return "interrupt"
    if search.out_of_patience and not budget.trials_spent:
        return "patience"
    cut = any(result.cut or "out of time" in result.reason for result in history.results[search.n_before :])
    return "n_trials" if budget.trials_spent and not cut else "time_budget"


def never_tried(families: Sequence[Family], history: History) -> dict[str, str]:
    tried = {result.family for result in history.results}
    return {family.name: "the search ended before it was tried" for family in families if family.name not in tried}
