"""What single parts of the families for grids and series are worth: candidates with and without them, fitted once.

    python grid_variants.py --data DIR --names osu_leaf har_watch --seeds 0 1
    python grid_variants.py                                 # the sets that scikit-learn ships

No search and no budget: error (of numbers the share of their variance that is left), log-loss and processor seconds of
fit and prediction on one thread. Results that ``--out`` has already are not computed again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from autoarch._core.threads import limited
from autoarch.families import Family, Problem
from autoarch.families.preprocessing import CELLS_AND_DIFFERENCES, difference_axes
from autoarch.families.registry import resolve_families
from family_defaults import Case
from ledger import Ledger
from tasks import load, names

KERNELS = {"kernels": 256, "features": "all", "scaling": "global", "kernel": "square"}
FOREST = {"kind": "forest", "forest_leaf_rows": 1, "forest_columns": 0.0, "view": "both"}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "kernels": ("kernels", KERNELS),
    "kernels, twice as many": ("kernels", {**KERNELS, "kernels": 512}),
    "kernels, with differences": ("kernels", {**KERNELS, "scaling": CELLS_AND_DIFFERENCES}),
    "lanes": ("kernels", {**KERNELS, "kernel": "row lanes"}),
    "lanes, with differences": ("kernels", {**KERNELS, "kernel": "row lanes", "scaling": CELLS_AND_DIFFERENCES}),
    "forest": ("tree", FOREST),
    "forest, quantiles": ("tree", {**FOREST, "view": "quantiles"}),
    "forest, quantiles, a tenth": ("tree", {**FOREST, "view": "quantiles", "forest_columns": 0.1}),
}


def main() -> None:
    """Run what is missing, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", nargs="*")
    parser.add_argument("--data", nargs="+", default=[], metavar="DIR")
    parser.add_argument("--rows", type=int, default=2_000, help="training rows at most")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--out", default="grid_variants.jsonl")
    arguments = parser.parse_args()
    folders, ledger = [Path(folder) for folder in arguments.data], Ledger(arguments.out)
    for name in arguments.names or names(folders):
        with limited(1):
            case = Case(load(name, folders), arguments.rows)
            for variant, family, params in candidates(case.problem):
                for seed in arguments.seeds:
                    run = {"data": name, "variant": variant, "seed": seed}
                    if not ledger.has(**run):
                        ledger.add({**run, **case.fit(family, params, seed)})
                        print(ledger.rows[-1], flush=True)
    show(pd.DataFrame(ledger.rows))


def candidates(problem: Problem) -> Iterator[tuple[str, Family, dict[str, Any]]]:
    """Variants that make sense on these data."""
    layout, axes = problem.layout, difference_axes(problem)
    if layout is None or not axes:
        return
    lines = problem.verdict.startswith("1d") and min(layout.height, layout.width) > 1
    for variant, (name, params) in VARIANTS.items():
        if "lanes" in variant and not lines:
            continue
        (family,) = resolve_families([name])
        along = {"kernel": f"{axes[0].removesuffix('s')} lanes"} if "lanes" in variant else {}
        yield variant, family, {**params, **along}


def show(rows: pd.DataFrame) -> None:
    """Means over the seeds, by data set and variant."""
    rows["error"] = 1 - rows["score"]
    for value in ("error", "log_loss", "seconds"):
        table = rows.pivot_table(index="data", columns="variant", values=value, sort=False)
        print(f"\n{value}\n{table.round(4).to_string()}")


if __name__ == "__main__":
    main()
