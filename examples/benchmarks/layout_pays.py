"""What a found layout is worth in the end: nets on recovered pictures, and whole searches with and without one.

    python layout_pays.py nets --data DIR              # a CNN on the true, the permuted and the recovered layout
    python layout_pays.py searches --data DIR --budget 20

``nets`` takes ten splits of each set of pictures, 1,000 rows to train on and to recover from, and compares accuracies
split by split. ``searches`` runs ``layout="auto"`` beside ``layout=None`` on tables, series and noise, where a wrong
layout could do harm; rows that are in ``--out`` already are not run again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from autoarch import AutoArchClassifier, AutoArchRegressor, Layout
from autoarch._core.clock import Deadline
from autoarch._search.evaluate import fit_steps
from autoarch.families import Problem
from autoarch.families.registry import resolve_families
from autoarch.locality import recover_layout
from layout_recovery import clusters, factors, series
from ledger import Ledger
from tasks import load, names

PICTURES = ("digits", "mnist5k", "fashion_mnist")
N_TRAIN, MOST_TEST = 1_000, 2_000


def main() -> None:
    """Run what is missing, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("nets", "searches"))
    parser.add_argument("--data", nargs="*", default=[], metavar="DIR")
    parser.add_argument("--budget", type=float, default=20.0)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument(
        "--part", type=int, nargs=2, default=(0, 1), metavar=("I", "K"), help="every K-th set from I on"
    )
    parser.add_argument("--out", default="layout_pays.jsonl")
    arguments = parser.parse_args()
    folders = [Path(folder) for folder in arguments.data]
    if arguments.what == "nets":
        print(nets(folders, arguments.splits).to_string(index=False))
    else:
        print(searches(folders, arguments.budget, Path(arguments.out), arguments.part).to_string(index=False))


def nets(folders: list[Path], n_splits: int) -> pd.DataFrame:
    """Accuracy of one default CNN on three layouts, and the paired loss with its 95 % interval."""
    rows = []
    known = names(folders)
    for name in (name for name in PICTURES if name == "digits" or name in known):
        task = load(name, folders if name in known else [])
        X, y = np.concatenate([task.X, task.X_test]).astype(np.float32), np.concatenate([task.y, task.y_test])
        height, width = X.shape[1:]
        flat = X.reshape(len(X), -1)
        reached: dict[str, list[float]] = {"true": [], "permuted": [], "recovered": []}
        for split in range(n_splits):
            train, test = train_test_split(np.arange(len(y)), train_size=N_TRAIN, random_state=split, stratify=y)
            scrambled = flat[:, np.random.default_rng(split).permutation(flat.shape[1])]
            found = recover_layout(scrambled[train], random_state=split).layout
            given = Layout(height, width)
            variants = {"true": (flat, given), "permuted": (scrambled, given), "recovered": (scrambled, found or given)}
            for kind, (values, layout) in variants.items():
                reached[kind].append(accuracy(values, y, layout, train, test[:MOST_TEST], split))
        scores = {kind: np.array(values) for kind, values in reached.items()}
        row: dict[str, Any] = {"data": name, **{kind: values.mean().round(4) for kind, values in scores.items()}}
        for rival in ("true", "permuted"):
            gain = scores["recovered"] - scores[rival]
            half = 2.26 * gain.std(ddof=1) / np.sqrt(n_splits)  # Student's t with nine degrees of freedom
            row[f"recovered - {rival}"] = f"{gain.mean():+.4f} ± {half:.4f}"
        rows.append(row)
        print(row, flush=True)
    return pd.DataFrame(rows)


def accuracy(X: np.ndarray, y: np.ndarray, layout: Layout, train: np.ndarray, test: np.ndarray, seed: int) -> float:
    """Of the family's first default, trained in full."""
    (cnn,) = resolve_families(["cnn"])
    problem = Problem(
        task="classification",
        n_samples=len(train),
        n_features=X.shape[1],
        n_classes=int(y.max()) + 1,
        smallest_class=int(np.bincount(y[train]).min()),
        layout=layout,
        verdict="2d",
    )
    model = fit_steps(cnn, cnn.defaults(problem)[0], problem, seed, X[train], y[train], None, Deadline())
    return float((model.predict(X[test]) == y[test]).mean())


def searches(folders: list[Path], budget: float, out: Path, part: tuple[int, int]) -> pd.DataFrame:
    """Held-out score with a layout looked for and without one, and the probe's share of the budget."""
    ledger = Ledger(out)
    for number, (name, X, y, X_test, y_test) in enumerate(harmless(folders)):
        if number % part[1] != part[0] or ledger.has(data=name):
            continue
        row: dict[str, Any] = {"data": name}
        for kind, layout in (("auto", "auto"), ("none", None)):
            estimator = AutoArchRegressor if y.dtype.kind == "f" else AutoArchClassifier
            started = time.monotonic()
            model = estimator(time_budget=budget, layout=layout, random_state=0, verbose=0).fit(X, y)
            row |= {kind: float(model.score(X_test, y_test)), f"{kind}_seconds": time.monotonic() - started}
            if kind == "auto":
                row |= {"layout": str(model.layout_), "origin": getattr(model.layout_, "origin", "")}
                row |= {"probe_share": model.locality_.seconds / budget, "family": model.best_family_}
        ledger.add(row)
        print(f"{name}: {row['auto']:.4f} auto, {row['none']:.4f} none", flush=True)
    table = pd.DataFrame(ledger.rows)
    difference = table["auto"] - table["none"]
    error = difference.std() / np.sqrt(len(table))
    print(
        f"{len(table)} sets: auto - none {difference.mean():+.4f} ± {error:.4f}; probe {table['probe_share'].max():.3f}"
    )
    return table.round(4)


def harmless(folders: list[Path]) -> Iterator[tuple[str, Any, np.ndarray, Any, np.ndarray]]:
    """Tables of a folder, whole and in part, and generated tables, series and noise: fifty and more sets."""
    for name in names(folders):
        task = load(name, folders)
        if len(task.shape) != 1 or len(task.y) > 60_000:
            continue
        yield name, task.X, task.y, task.X_test, task.y_test
        if task.shape[0] >= 12:  # the same columns in another order: a table has no order to lose
            order = np.random.default_rng(0).permutation(task.shape[0])
            take = (lambda X, o=order: X.iloc[:, o]) if hasattr(task.X, "iloc") else (lambda X, o=order: X[:, o])
            yield f"{name}, columns shuffled", take(task.X), task.y, take(task.X_test), task.y_test
    makers = {
        "noise": lambda rng, n, p: rng.normal(size=(n, p)),
        "factors": factors,
        "clusters": clusters,
        "series": series,
    }
    for name, make in makers.items():
        for n, p in ((300, 40), (600, 100), (1_000, 60), (1_500, 200)):
            rng = np.random.default_rng(p)
            X = make(rng, 2 * n, p).astype(np.float32)
            signal = X[:, rng.permutation(X.shape[1])[:5]] @ rng.normal(size=5)
            y = (signal + rng.normal(size=2 * n) * signal.std() / 2 > 0).astype(int)
            yield f"{name} {n} x {p}", X[:n], y[:n], X[n:], y[n:]


if __name__ == "__main__":
    main()
