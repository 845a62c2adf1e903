"""Tables of ``busy.py``: differences to the best simple model, row by row, and how the clock was kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

QUARTER_UP_TO = 20.0  # seconds: for budgets up to this a rival counts if it is done within a quarter of the budget
BOUND = 0.005  # largest upper bound of a cell's mean difference
LEVEL = 0.95  # of that bound, one-sided
WORSE_ERRORS, WORSE_LOSS = 3.0, 0.02  # a run is worse if it is behind by both: standard errors, and loss
FOREIGN = 0.1  # share of the cores that processes of others may have before a run
JUDGED_UP_TO = 2  # busy processes; beside more, overruns are shown and not judged

Row = dict[str, Any]


def admitted(alone: Row, budget: float) -> bool:
    """Whether a rival counts under this budget, from its run beside no busy process."""
    share = 0.25 if budget <= QUARTER_UP_TO else 1.0
    return alone["status"] == "ok" and alone["fit_seconds"] <= share * budget


def late(seconds: float, budget: float, busy: int) -> bool:
    """Whether a fit took more than 5 % + 1 s, or on busy cores 10 % + 2 s, too long."""
    return seconds > (1.05 * budget + 1 if busy == 0 else 1.1 * budget + 2)


def error(losses: np.ndarray, classification: bool) -> float:
    """Error that is never 0: (errors + 0.5) / (rows + 1), or the root of the mean squared error."""
    if classification:
        return (losses.sum() + 0.5) / (len(losses) + 1)
    return float(np.sqrt(max(losses.mean(), 1e-12)))


def best_rival(ours: Row, rivals: list[Row]) -> Row | None:
    """Rival with the least loss on the same data, among those that count: its run under the same load, or alone."""
    same = [row for row in rivals if (row["data"], row["seed"]) == (ours["data"], ours["seed"])]
    found = {row["system"]: row for row in same if row["busy"] == 0 and admitted(row, ours["budget"])}
    loaded = [row for row in same if row["busy"] == ours["busy"] and row["status"] == "ok"]
    found |= {row["system"]: row for row in loaded if row["system"] in found}
    return min(found.values(), key=lambda row: np.mean(row["losses"]), default=None)


def compare(ours: list[Row], rivals: list[Row]) -> pd.DataFrame:
    """One line per run of autoarch; a run without predictions has loss 1 on every row."""
    lines = []
    for row in ours:
        rival = best_rival(row, rivals)
        facts = {name: row[name] for name in ("data", "budget", "busy", "seed", "status")}
        killed = 3 * row["budget"] if row["status"] == "killed" else np.nan
        seconds = row.get("fit_seconds", killed)
        facts |= {"seconds": seconds, "late": late(seconds, row["budget"], row["busy"])}
        facts |= {"score": row.get("score", np.nan), "family": row.get("best_family_", "-")}
        lines.append(facts | {"rival": "-" if rival is None else rival["system"], **_difference(row, rival)})
    return pd.DataFrame(lines)


def _difference(row: Row, rival: Row | None) -> Row:
    if rival is None:
        return {"difference": np.nan, "spread": np.nan, "errors": np.nan, "ratio": np.nan, "worse": False}
    theirs = np.asarray(rival["losses"], dtype=float)
    mine = np.asarray(row.get("losses", np.ones(len(theirs))), dtype=float)
    behind = mine - theirs
    mean, spread = behind.mean(), behind.std(ddof=1) / np.sqrt(len(behind))
    errors = mean / spread if spread > 0 else np.sign(mean) * np.inf if mean else 0.0
    classification = rival["task"] == "classification"
    ratio = error(mine, classification) / error(theirs, classification)
    worse = errors >= WORSE_ERRORS and mean >= WORSE_LOSS
    return {"difference": mean, "spread": spread, "errors": errors, "ratio": ratio, "worse": bool(worse)}


def upper_bounds(differences: np.ndarray, spreads: np.ndarray) -> tuple[float, float]:
    """One-sided bounds of the mean over sets: for other rows of these sets, and, by Student's t, for other sets."""
    n = len(differences)
    rows = differences.mean() + stats.norm.ppf(LEVEL) * np.sqrt((spreads**2).sum()) / n if n else np.nan
    if n < 2:
        return rows, np.nan
    return rows, differences.mean() + stats.t.ppf(LEVEL, n - 1) * differences.std(ddof=1) / np.sqrt(n)


def cells(lines: pd.DataFrame) -> pd.DataFrame:
    """One line per budget and number of busy processes; the seeds of a set are averaged first."""
    table = {}
    for (budget, busy), part in lines.groupby(["budget", "busy"]):
        by_set = part.dropna(subset=["difference"]).groupby("data")
        means = by_set["difference"].mean().to_numpy()
        spreads = by_set["spread"].mean().to_numpy()  # seeds share the test rows, so they do not lower it
        by_rows, by_sets = upper_bounds(means, spreads)
        table[budget, busy] = {
            "sets": len(means),
            "runs": len(part),
            "mean": means.mean() if len(means) else np.nan,
            "bound, rows": by_rows,
            "bound, sets": by_sets,
            "worst (SE)": part["errors"].max(),
            "worse": int(part["worse"].sum()),
            "error ratio": float(np.exp(by_set["ratio"].agg(lambda ratios: np.log(ratios).mean()).mean())),
            "longest": (part["seconds"] / part["budget"]).max(),
            "overruns": int(part["late"].sum()) if busy <= JUDGED_UP_TO else "-",
            "failed": int((part["status"] != "ok").sum()),
        }
    return pd.DataFrame.from_dict(table, orient="index").rename_axis(["budget", "busy"])


def show(ours: list[Row], rivals: list[Row]) -> str:
    """All tables as text."""
    if not ours:
        return "There are no runs with these settings."
    lines = compare(ours, rivals)
    table, by_cell = cells(lines), {"index": "data", "columns": ["budget", "busy"], "sort": False}
    differences = lines.pivot_table(values="difference", **by_cell)
    scores = lines.pivot_table(values="score", aggfunc="min", **by_cell)
    blocks = [
        ("Loss of autoarch less that of the best simple model", table.to_string(float_format="%.4f", na_rep="-")),
        ("Mean difference of each set", differences.to_string(float_format="%.3f", na_rep="-")),
        ("Lowest score of autoarch", scores.to_string(float_format="%.4f", na_rep="-")),
    ]
    judged = lines["late"] & (lines["busy"] <= JUDGED_UP_TO)
    wrong = lines[lines["worse"] | judged | (lines["status"] != "ok")]
    if len(wrong):
        text = wrong.to_string(index=False, float_format="%.3f", na_rep="-")
        blocks.append(("Runs that are worse, late or without a result", text))
    by_rows, by_sets = (int((table[f"bound, {name}"] > BOUND).sum()) for name in ("rows", "sets"))
    others = [row["others"] is not None and row["others"] > FOREIGN for row in [*ours, *rivals]]
    bars = [
        f"bounds above {BOUND:g}: {by_rows} of {len(table)} by the rows, {by_sets} by the sets",
        f"runs worse by {WORSE_ERRORS:g} standard errors and {WORSE_LOSS:g}: {lines['worse'].sum()} of {len(lines)}",
        f"overruns beside at most {JUDGED_UP_TO} busy processes: {judged.sum()}",
        f"runs that began while others had more than {FOREIGN:.0%} of the cores: {sum(others)} of {len(others)}",
    ]
    blocks.append(("Bars", "\n".join(bars)))
    return "\n\n".join(f"{title}\n{text}" for title, text in blocks)
