"""What the defaults of each family reach, fitted once on the training rows: score, log-loss and seconds.

    python family_defaults.py --data DIR --rows 2000            # all sets, all families, all defaults
    python family_defaults.py digits wine --families kernels mlp --most 2
    python family_defaults.py --data DIR --folds --out folds.jsonl
    python family_defaults.py --data DIR --families linear --most 1 --change view=crossed scaling=robust

The layout is the one that the probe infers; no search, no budget. ``--folds`` compares a fit on all rows with the mean
of the models of five folds (three above 2,000 rows). ``--change`` gives parameters of every default another value,
"crossed" where columns can be crossed. Results that ``--out`` has already are not computed again.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from autoarch._core.clock import Deadline
from autoarch._data.canonical import Canonicaliser
from autoarch._data.row_splits import plan_splits
from autoarch._search.evaluate import fit_steps
from autoarch._search.predicted import predict_values
from autoarch.families import Family, Problem
from autoarch.families.categories import can_cross
from autoarch.families.registry import known_families, resolve_families
from autoarch.locality import LayoutSearch, probe_values
from ledger import Ledger
from tasks import Task, load, names


def main() -> None:
    """Run what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--data", nargs="+", default=[], metavar="DIR")
    parser.add_argument("--families", nargs="+", default=sorted(known_families()))
    parser.add_argument("--most", type=int, default=9, help="defaults of each family at most")
    parser.add_argument("--rows", type=int, default=2_000, help="training rows at most")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--change", nargs="+", default=[], metavar="NAME=VALUE", help="parameters that are changed")
    parser.add_argument("--folds", action="store_true", help="the mean of the folds' models, too")
    parser.add_argument("--out", default="family_defaults.jsonl")
    arguments = parser.parse_args()
    folders, ledger = [Path(folder) for folder in arguments.data], Ledger(arguments.out)
    changed = {name: _value(text) for name, _, text in (change.partition("=") for change in arguments.change)}
    for name in arguments.names or names(folders):
        case = Case(load(name, folders), arguments.rows)
        for family, place, params in case.candidates(arguments.families, arguments.most):
            for seed in arguments.seeds:
                run = {"data": name, "family": family.name, "place": place, "seed": seed, "changed": changed}
                if ledger.has(**run) or ("crossed" in changed.values() and not can_cross(case.problem)):
                    continue
                params = {**params, **changed}
                row = {**run, "params": params}
                row |= case.folds(family, params, seed) if arguments.folds else case.fit(family, params, seed)
                ledger.add(row)
                print({key: value for key, value in row.items() if key != "params"}, flush=True)
    show(pd.DataFrame(ledger.rows), folds=arguments.folds)


def _value(text: str) -> Any:
    """A value as JSON, or the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


class Case:
    """One data set as the families see it."""

    def __init__(self, task: Task, most_rows: int):
        rows = np.sort(np.random.default_rng(0).permutation(len(task.y))[:most_rows])
        canonical = Canonicaliser(layout="auto")
        self.task, self.y = task, task.y[rows]
        self.X = canonical.fit_transform(task.X.iloc[rows] if hasattr(task.X, "iloc") else task.X[rows])
        self.X_test = canonical.transform(task.X_test)
        self.classes = np.unique(self.y) if task.classification else None
        search = LayoutSearch(infer=canonical.undeclared_, names=canonical.column_names_)
        arguments: dict[str, Any] = {"categorical": canonical.categorical_, "random_state": 0, "search": search}
        used = probe_values(self.X, canonical.layout_, y=None, task=None, **arguments).used
        counts = np.unique(self.y, return_counts=True)[1]
        self.problem = Problem(
            task="classification" if task.classification else "regression",
            n_samples=len(self.y),
            n_features=self.X.shape[1],
            n_classes=len(counts) if task.classification else 0,
            smallest_class=int(counts.min()) if task.classification else 0,
            layout=canonical.layout_ if used.layout is None else used.layout,
            categorical=canonical.categorical_,
            cardinalities=canonical.cardinalities_,
            has_missing=canonical.has_missing_,
            verdict=used.verdict,
        )

    def candidates(self, asked: str | list[str], most: int) -> Iterator[tuple[Family, int, dict[str, Any]]]:
        """Families that the search would use here, with their defaults."""
        layout = self.problem.layout
        orderless = layout is not None and layout.is_bare_line and self.problem.verdict == "none"
        for family in resolve_families(asked):
            if family.unfit_for(self.problem) is None and not (family.needs.grid and orderless):
                yield from ((family, place, dict(p)) for place, p in enumerate(family.defaults(self.problem)[:most]))

    def fit(self, family: Family, params: dict[str, Any], seed: int) -> dict[str, float]:
        """Score, log-loss and seconds of the processor of one fit on all rows."""
        started = time.process_time()
        values = self._predict(family, params, seed, np.arange(len(self.y)))
        return {**self._score(values), "seconds": round(time.process_time() - started, 2)}

    def folds(self, family: Family, params: dict[str, Any], seed: int) -> dict[str, float]:
        """The same, and what the mean of the folds' models reaches."""
        codes = self.y if self.classes is None else np.searchsorted(self.classes, self.y)
        plan = plan_splits(codes, task=self.problem.task, random_state=seed)
        parts = [self._predict(family, params, seed, train) for train, _ in plan.splits]
        averaged = self._score(np.mean(parts, axis=0))
        return self.fit(family, params, seed) | {f"{key}_averaged": value for key, value in averaged.items()}

    def _predict(self, family: Family, params: dict[str, Any], seed: int, rows: np.ndarray) -> np.ndarray:
        model = fit_steps(family, params, self.problem, seed, self.X[rows], self.y[rows], None, Deadline())
        return predict_values(model, self.X_test, self.classes)

    def _score(self, values: np.ndarray) -> dict[str, float]:
        truth = self.task.y_test
        if self.classes is None:
            return {"score": round(1 - float(np.mean((truth - values) ** 2) / np.var(truth)), 4)}
        places = np.searchsorted(self.classes, truth)
        proba = np.clip(values[np.arange(len(truth)), np.minimum(places, len(self.classes) - 1)], 1e-6, 1.0)
        right = self.classes[values.argmax(axis=1)] == truth
        return {"score": round(float(right.mean()), 4), "log_loss": round(-float(np.log(proba).mean()), 4)}


def show(rows: pd.DataFrame, *, folds: bool) -> None:
    """Each default's score by data set, or what averaging gains by family."""
    if folds:
        gain = rows.assign(gain=rows["score_averaged"] - rows["score"])
        if "log_loss" in rows:
            gain["less_log_loss"] = rows["log_loss"] - rows["log_loss_averaged"]
        print(gain.groupby("family")[[c for c in ("gain", "less_log_loss") if c in gain]].agg(["mean", "sem", "count"]))
        return
    changes = rows["changed"].map(lambda changed: "".join(f" {name}={value}" for name, value in changed.items()))
    rows["default"] = rows["family"] + " " + rows["place"].astype(str) + changes
    print(rows.pivot_table(index="data", columns="default", values="score").round(4).to_string())
    print(rows.groupby("default")["seconds"].agg(["median", "max"]).T.to_string())


if __name__ == "__main__":
    main()
