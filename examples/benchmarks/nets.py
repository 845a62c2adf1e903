"""How soon the nets for grids learn: the CNN's first default, trained for parts of its usual length.

    python nets.py --data DIR --names mnist5k letter_sounds shapes64 --seeds 0 1 2 --out now.jsonl
    python nets.py --names digits --before then.jsonl --out now.jsonl

No search: the probe's verdict and symmetries, then one fit for each effort and seed. Error, log-loss and processor
seconds of training and prediction on one thread. ``--before`` names the results of another version: the share of the
seconds that it took at an effort of 1 after which the median error here is no larger. ``shapes64``, ``textures64`` and
``textures512`` are pictures made by ``pictures.py``. Results that ``--out`` has already are not computed again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from autoarch._core.threads import limited
from autoarch._search.run import with_findings
from autoarch.families.cnn import CNN
from autoarch.locality import LayoutSearch, probe_values
from family_defaults import Case
from ledger import Ledger
from pictures import shapes, textures
from tasks import Task, load, names

MADE = {
    "shapes64": (shapes, 1500, 1000, 64),
    "textures64": (textures, 1500, 1000, 64),
    "textures512": (textures, 60, 60, 512),
}
SECONDS_TO_PROBE = 12


def main() -> None:
    """Run what is missing, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", nargs="*")
    parser.add_argument("--data", nargs="+", default=[], metavar="DIR")
    parser.add_argument("--rows", type=int, default=5_000, help="training rows at most")
    parser.add_argument("--efforts", type=float, nargs="+", default=[0.125, 0.25, 0.5, 1.0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--out", default="nets.jsonl")
    parser.add_argument("--before", help="results of another version")
    arguments = parser.parse_args()
    folders, ledger, cnn = [Path(folder) for folder in arguments.data], Ledger(arguments.out), CNN()
    for name in arguments.names or [*names(folders), *MADE]:
        runs = [{"data": name, "effort": e, "seed": s} for e in arguments.efforts for s in arguments.seeds]
        runs = [run for run in runs if not ledger.has(**run)]
        with limited(1):
            case = probed(name, folders, arguments.rows) if runs else None
            for run in runs:
                params = {**cnn.defaults(case.problem)[0], "effort": run["effort"]}
                ledger.add({**run, **case.fit(cnn, params, run["seed"])})
                print(ledger.rows[-1], flush=True)
    show(pd.DataFrame(ledger.rows))
    if arguments.before:
        show_shares(pd.DataFrame(Ledger(arguments.before).rows), pd.DataFrame(ledger.rows))


def probed(name: str, folders: list[Path], rows: int) -> Case:
    """The data as the families see them in a search."""
    case = Case(_made(name) if name in MADE else load(name, folders), rows)
    facts = {"categorical": case.problem.categorical, "task": case.problem.task, "search": LayoutSearch(infer=False)}
    clock = {"seconds": SECONDS_TO_PROBE, "random_state": 0}
    case.problem = with_findings(case.problem, probe_values(case.X, case.problem.layout, y=case.y, **facts, **clock))
    return case


def _made(name: str) -> Task:
    make, n_train, n_test, side = MADE[name]
    return Task(name, "grid", True, *make(n_train, side, 0), *make(n_test, side, 1))


def show(rows: pd.DataFrame) -> None:
    """Medians over the seeds, by data set and effort."""
    rows["error"] = 1 - rows["score"]
    for value in ("error", "log_loss", "seconds"):
        if value in rows:
            table = rows.pivot_table(index="data", columns="effort", values=value, aggfunc="median", sort=False)
            print(f"\n{value}\n{table.round(4).to_string()}")


def show_shares(before: pd.DataFrame, now: pd.DataFrame) -> None:
    """Share of the former seconds that it takes to come to the error with which they ended."""
    ended = before[before["effort"] == 1].groupby("data")[["score", "seconds"]].median()
    shares = {}
    for name, runs in now.groupby("data"):
        medians = runs.groupby("effort")[["score", "seconds"]].median().sort_values("seconds")
        there = medians[medians["score"] >= ended.loc[name, "score"]]
        shares[name] = there["seconds"].iloc[0] / ended.loc[name, "seconds"] if len(there) else np.nan
    print(f"\nshare of the seconds\n{pd.Series(shares).round(2).to_string()}")
    print("geometric mean", round(float(np.exp(np.log(pd.Series(shares)).mean())), 3))


if __name__ == "__main__":
    main()
