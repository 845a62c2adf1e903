"""Learn the defaults of a family: candidates that together leave the least regret on many data sets.

    python portfolio.py --family tree --data DIR --candidates 40 --rows 2000 --out tree.jsonl
    python portfolio.py --family tree --out tree.jsonl --size 4            # choose again from the results

Each candidate is a draw from the family's own space, or one of its present defaults, and is fitted once on the training
rows of each set. Its regret there is the logarithm of its error over the least error of all candidates. The portfolio
is grown greedily: the next member is the one that lowers the mean regret of the best member most. What that is worth
on data that had no say is shown by leaving out each set in turn. Results that ``--out`` has already are not computed
again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd

from autoarch.families import Family
from autoarch.families.registry import known_families, resolve_families
from family_defaults import Case
from ledger import Ledger
from tasks import load, names


def main() -> None:
    """Run what is missing, choose, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--data", nargs="+", default=[], metavar="DIR")
    parser.add_argument("--family", choices=sorted(known_families()), required=True)
    parser.add_argument("--candidates", type=int, default=0, help="draws from the family's space")
    parser.add_argument("--rows", type=int, default=2_000, help="training rows at most")
    parser.add_argument("--seconds", type=float, default=60.0, help="after which a set's other candidates are left out")
    parser.add_argument("--size", type=int, default=4, help="members of the portfolio")
    parser.add_argument("--out", default="portfolio.jsonl")
    arguments = parser.parse_args()
    ledger = Ledger(arguments.out)
    family = resolve_families([arguments.family])[0]
    if arguments.candidates:
        folders = [Path(folder) for folder in arguments.data]
        for name in arguments.names or names(folders):
            known = {row["candidate"] for row in ledger.rows if row["data"] == name}
            for row in runs(name, folders, family, arguments, known):
                ledger.add(row)
                print({key: value for key, value in row.items() if key != "params"}, flush=True)
    show(pd.DataFrame(ledger.rows), arguments.size)


def runs(
    name: str, folders: list[Path], family: Family, asked: argparse.Namespace, known: set[str]
) -> Iterator[dict[str, Any]]:
    """Results of all candidates on one set that are not known yet."""
    case = Case(load(name, folders), asked.rows)
    if family.unfit_for(case.problem) is not None:
        return
    spent = 0.0
    for candidate, params in candidates(family, case, asked.candidates):
        if candidate in known:
            continue
        if spent > asked.seconds:
            return
        result = case.fit(family, params, seed=0)
        spent += result["seconds"]
        yield {"data": name, "candidate": candidate, "n_test": len(case.task.y_test), "params": params, **result}


def candidates(family: Family, case: Case, number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The present defaults, then draws; a draw's number means the same parameters wherever the space is the same."""
    for place, params in enumerate(family.defaults(case.problem)):
        yield f"default {place}", dict(params)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    for draw in range(number):
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=draw))
        yield f"draw {draw}", family.suggest(study.ask(), case.problem)


def regrets(rows: pd.DataFrame) -> pd.DataFrame:
    """Logarithm of each candidate's error over the least, by data set; candidates that missed a set are left out."""
    classes = rows.get("log_loss", pd.Series(np.nan, rows.index)).notna()
    wrong = (1 - rows["score"]) * rows["n_test"] + 0.5
    error = np.where(classes, wrong / (rows["n_test"] + 1), (1 - rows["score"]).clip(lower=1e-6))
    table = rows.assign(error=error).pivot_table(index="data", columns="candidate", values="error")
    table = table.dropna(axis=1, thresh=int(0.9 * len(table))).dropna()
    return np.log(table).sub(np.log(table).min(axis=1), axis=0)


def chosen(table: pd.DataFrame, size: int) -> list[str]:
    """The greedy portfolio."""
    members: list[str] = []
    best = pd.Series(np.inf, index=table.index)
    for _ in range(min(size, table.shape[1])):
        gains = table.apply(lambda column, best=best: np.minimum(column, best)).mean()
        members.append(str(gains.idxmin()))
        best = np.minimum(best, table[members[-1]])
    return members


def show(rows: pd.DataFrame, size: int) -> None:
    """Members with their typical parameters, and the regret of portfolios of each size, known sets and new ones."""
    table = regrets(rows)
    members = chosen(table, size)
    present = [name for name in table.columns if name.startswith("default")][:size]
    print(f"{table.shape[1]} candidates on {table.shape[0]} sets")
    for member in members:
        params = rows[rows["candidate"] == member]["params"].iloc[0]
        short = {key: round(value, 4) if isinstance(value, float) else value for key, value in params.items()}
        print(f"  {member}: mean regret alone {table[member].mean():.3f}  {short}")
    new = {name: chosen(table.drop(index=name), size) for name in table.index}
    lines = [
        {
            "members": k,
            "chosen": table[members[:k]].min(axis=1).mean(),
            "chosen without the set": np.mean([table.loc[name, new[name][:k]].min() for name in table.index]),
            "present defaults": table[present[:k]].min(axis=1).mean() if present else np.nan,
        }
        for k in range(1, size + 1)
    ]
    print(pd.DataFrame(lines).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
