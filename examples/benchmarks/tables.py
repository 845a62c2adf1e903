"""Score tables, mean ranks and budget use from the rows that ``run.py`` wrote.

python tables.py results.jsonl --reference autoarch
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def read(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Rows of several files; a later row of the same run replaces an earlier one."""
    lines = [line for path in paths for line in Path(path).read_text(encoding="utf-8").splitlines() if line]
    rows = pd.DataFrame([json.loads(line) for line in lines])
    for column in ("score", "error", "fit_seconds", "kind", "reason"):  # absent where every run failed
        rows[column] = rows.get(column)
    return rows.drop_duplicates(["system", "data", "budget", "seed"], keep="last")


def score_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean score over seeds, a data set per line; a system that did not apply or failed leaves a gap."""
    table = rows.pivot_table(index="data", columns="system", values="score", aggfunc="mean", sort=False)
    return table.reindex(columns=list(rows["system"].unique()))


def mean_ranks(rows: pd.DataFrame) -> pd.Series:
    """Mean rank by error, 1 is best; failed runs share the last places, systems that do not apply are left out."""
    asked = rows[rows["status"] != "skipped"]
    everywhere = asked.groupby("system")["data"].nunique() == rows["data"].nunique()
    asked = asked[asked["system"].map(everywhere)]
    errors = asked.assign(error=asked["error"].astype(float).fillna(np.inf))
    table = errors.pivot_table(index="data", columns="system", values="error", aggfunc="mean")
    return table.rank(axis=1, method="average").mean().sort_values()


def against(rows: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Per system: data sets where ``reference`` does better, worse or the same, and the mean ratio of errors."""
    errors = rows[rows["status"] == "ok"].pivot_table(index="data", columns="system", values="error", aggfunc="mean")
    lines: dict[str, dict[str, Any]] = {}
    for system in errors.columns.drop(reference, errors="ignore"):
        pair = errors[[reference, system]].dropna()
        ours, theirs = pair[reference], pair[system]
        lines[system] = {
            "better": int((ours < theirs).sum()),
            "same": int((ours == theirs).sum()),
            "worse": int((ours > theirs).sum()),
            "error ratio": float(np.exp(np.log(ours / theirs).mean())),
        }
    return pd.DataFrame(lines).T


def budget_use(rows: pd.DataFrame) -> pd.DataFrame:
    """Share of the budget that ``fit`` took, and how often it took more than 5 % + 1 s too long."""
    done = rows[rows["fit_seconds"].notna()]
    share = done["fit_seconds"].astype(float) / done["budget"]
    late = done["fit_seconds"].astype(float) > 1.05 * done["budget"] + 1
    grouped = pd.DataFrame({"system": done["system"], "share": share, "late": late}).groupby("system", sort=False)
    table = grouped["share"].agg(["median", "max"]).join(grouped["late"].sum().rename("overruns"))
    status = rows.pivot_table(index="system", columns="status", values="data", aggfunc="count", fill_value=0)
    return status.join(table, how="left")


def show(rows: pd.DataFrame, reference: str = "autoarch") -> str:
    """All tables of one budget as text."""
    grids = rows[rows["shape"].map(lambda shape: isinstance(shape, list) and len(shape) > 1)]
    blocks = [("Score (accuracy; R2 for regression)", score_table(rows).to_string(float_format="%.4f", na_rep="-"))]
    ranks = {"all": rows, "grids": grids, **{f"kind {kind}": part for kind, part in rows.groupby("kind")}}
    for name, part in ranks.items():
        if len(part):
            title = f"Mean rank, {name} ({part['data'].nunique()} data sets)"
            blocks.append((title, mean_ranks(part).to_string(float_format="%.2f")))
    if (rows["system"] == reference).any():
        blocks.append((f"{reference} against each", against(rows, reference).to_string(float_format="%.3f")))
    blocks.append(("Budget use", budget_use(rows).to_string(float_format="%.2f", na_rep="-")))
    failed = rows[rows["status"].isin(["failed", "killed"])]
    if len(failed):
        blocks.append(("Failures", failed[["system", "data", "seed", "status", "reason"]].to_string(index=False)))
    return "\n\n".join(f"{title}\n{text}" for title, text in blocks)


def main() -> None:
    """Print the tables of every budget in the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--reference", default="autoarch")
    arguments = parser.parse_args()
    for budget, rows in read(arguments.files).groupby("budget"):
        print(f"\n==== {budget:g} s ====\n{show(rows, arguments.reference)}")


if __name__ == "__main__":
    main()
