"""How often the grid behind flat columns is found, how often one is seen where there is none, and seconds.

    python layout_inference.py                       # scikit-learn's digits and photographs, generated fields
    python layout_inference.py --data DIR --seeds 5

With ``--data`` the arrays of a folder are used as well: each ``.npz`` with an X of shape (n, H, W) or (n, C, H, W) is a
source of pictures, (n, p) of tables; series are known by name, see ``layout_sources``. One thread is used.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from autoarch.layouts.decision import LayoutInference
from autoarch.layouts.infer import infer_layout
from layout_sources import Draw, Source, flat, load_arrays, nulls, pictures, series, smooth_fields

ROWS = (10, 20, 50, 200, 1_000)


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="*", default=[], metavar="DIR")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, nargs="*", default=ROWS)
    parser.add_argument("--draws", type=int, default=500, help="draws from all nulls together")
    parser.add_argument("--only", nargs="*", choices=("exact", "lines", "false", "strangers", "cost"))
    parser.add_argument("--verbose", action="store_true", help="print every miss")
    asked = parser.parse_args()
    arrays = load_arrays([Path(folder) for folder in asked.data])
    for name, measure in (
        ("exact", lambda: exact(pictures(arrays), asked.rows, asked.seeds, asked.verbose)),
        ("lines", lambda: exact(series(arrays), asked.rows, asked.seeds, asked.verbose)),
        ("false", lambda: false_grids(nulls(arrays), asked.draws, asked.verbose)),
        ("strangers", lambda: strangers(pictures(arrays), asked.seeds, asked.verbose)),
        ("cost", cost),
    ):
        if not asked.only or name in asked.only:
            print(f"\n## {name}\n{measure().to_string(index=False)}", flush=True)


def exact(sources: dict[str, Source], rows: tuple[int, ...], seeds: int, verbose: bool) -> pd.DataFrame:
    """Share of draws with the right channels, sides and order, by rows and kind; ties count where ranked first."""
    records = []
    for name, source in sources.items():
        for n in rows:
            for seed in range(seeds):
                X = source.draw(np.random.default_rng([seed, n]), n)
                found = infer_layout(flat(X, source.channels_last), random_state=seed)
                right = _is_right(found, X.shape[1:], source.channels_last)
                wanted = "1d" if X.shape[2] == 1 else "2d"
                records.append((source.kind, name, n, right, found.kind == wanted, found.seconds))
                if verbose and not right:
                    print(
                        f"missed: {name}, {n} rows, seed {seed}: {found.kind} {found.best} {found.reason}", flush=True
                    )
    table = pd.DataFrame(records, columns=["kind", "source", "n", "exact", "verdict", "seconds"])
    total = table.assign(kind="all")
    both = pd.concat([table, total]).groupby(["kind", "n"], sort=False)
    summary = both.agg(
        shapes=("source", "nunique"), exact=("exact", "mean"), verdict=("verdict", "mean"), seconds=("seconds", "max")
    )
    return summary.round(3).reset_index()


def _is_right(found: LayoutInference, shape: tuple[int, ...], last: bool) -> bool:
    if found.best is None:
        return False
    wanted = (*shape, last and shape[0] > 1)
    tied = [one.layout for one in found.candidates if one.rank == 1 and found.kind == "2d"]
    return any((*layout.shape, layout.channels_last) == wanted for layout in (found.best, *tied))


def false_grids(kinds: dict[str, dict[str, Draw]], draws: int, verbose: bool) -> pd.DataFrame:
    """How often two axes are seen where there are none; wanted: never."""
    rows = []
    per_kind = -(-draws // len(kinds))
    for kind, made in kinds.items():
        verdicts = []
        for draw in range(per_kind if made else 0):
            name = list(made)[draw % len(made)]
            n = (20, 50, 200, 1_000, 10)[draw // len(made) % 5]
            found = infer_layout(made[name](np.random.default_rng(draw), n), random_state=draw)
            verdicts.append(found.kind)
            if verbose and found.kind == "2d":
                print(f"false: {name}, {n} rows, draw {draw}: {found.reason}", flush=True)
        counts = {f"{k}": verdicts.count(k) for k in ("2d", "1d", "none")}
        rows.append({"null": kind, "draws": len(verdicts), **counts})
    table = pd.DataFrame(rows)
    return pd.concat([table, table.drop(columns="null").sum().to_frame().T.assign(null="all")])


def strangers(sources: dict[str, Source], seeds: int, verbose: bool) -> pd.DataFrame:
    """Share of draws in which the grid and the columns set aside are both right, at 200 rows."""
    places = {
        "id in front": (1, 0, 0),
        "label behind": (0, 0, 1),
        "both ends": (2, 0, 1),
        "inside": (0, 1, 0),
        "all": (1, 1, 1),
    }
    records = []
    for name, source in sources.items():
        for place, (front, inside, back) in places.items():
            for seed in range(min(seeds, 2)):
                rng = np.random.default_rng([seed, 7])
                grid = source.draw(rng, 200)
                X = flat(grid, source.channels_last)
                at = int(rng.integers(1, X.shape[1]))
                X = np.insert(X, [at] * inside, rng.normal(size=(200, inside)), axis=1)
                X = np.hstack([np.arange(200 * front).reshape(200, front), X, rng.integers(0, 9, size=(200, back))])
                wanted = (*range(front), *range(front + at, front + at + inside), *range(X.shape[1] - back, X.shape[1]))
                found = infer_layout(X, random_state=seed)
                right = _is_right(found, grid.shape[1:], source.channels_last)
                records.append((place, right, right and found.foreign == wanted, found.seconds))
                if verbose and found.foreign != wanted:
                    print(f"missed: {name}, {place}, {wanted}: {found.foreign} {found.reason}", flush=True)
    table = pd.DataFrame(records, columns=["strangers", "exact", "and set aside", "seconds"])
    return table.groupby("strangers", sort=False).agg("mean").round(3).reset_index()


def cost() -> pd.DataFrame:
    """Seconds by number of columns, median of three; wanted: 0.5 at 784, 5 at 20,000."""
    rows = []
    for shape in ((1, 8, 8), (1, 28, 28), (3, 32, 32), (1, 100, 100), (1, 100, 200), (10, 40, 50)):
        X = smooth_fields(*shape, 1.5)(np.random.default_rng(0), 300)
        permuted = X.reshape(300, -1)[:, np.random.default_rng(0).permutation(np.prod(shape))]
        for name, values in (("fields", flat(X, False)), ("the same, permuted", permuted)):
            times = [infer_layout(values, random_state=seed).seconds for seed in range(3)]
            found = infer_layout(values, random_state=0)
            rows.append(
                {"p": values.shape[1], "data": name, "verdict": found.kind, "seconds": round(np.median(times), 3)}
            )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
