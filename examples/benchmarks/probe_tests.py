"""How good the probe's tests are: false positives, power, verdicts on shuffled axes, and seconds.

    python probe_tests.py                       # scikit-learn's digits and generated fields
    python probe_tests.py --data DIR --draws 500

With ``--data`` the pictures and tables of a folder are used as well: each ``.npz`` with an X of shape (n, H, W) is a
source of pictures, each with an X of shape (n, p) of at least 36 columns a source of tables. One thread is used.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_digits

from autoarch import probe_locality
from autoarch._data.layout import Layout
from autoarch.datasets import make_alternating_texture
from autoarch.locality import LocalityReport, probe_values

Draw = Callable[[np.random.Generator, int], np.ndarray]


def main() -> None:
    """Measure and print four tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="*", default=[], metavar="DIR")
    parser.add_argument("--draws", type=int, default=200, help="draws per cell of the power table")
    parser.add_argument("--only", nargs="*", choices=("size", "power", "axes", "cost"))
    arguments = parser.parse_args()
    pictures, tables = sources([Path(folder) for folder in arguments.data])
    for name, measure in (
        ("size", lambda: size(pictures, tables, 10 * arguments.draws)),
        ("power", lambda: power(pictures, arguments.draws)),
        ("axes", lambda: axes(pictures, max(100, arguments.draws // 2))),
        ("cost", cost),
    ):
        if not arguments.only or name in arguments.only:
            print(f"\n## {name}\n{measure().to_string(index=False)}", flush=True)


def sources(folders: list[Path]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Real pictures (n, H, W) and tables (n, p)."""
    pictures = {"digits": load_digits().images}
    tables = {"breast_cancer": load_breast_cancer().data}
    for folder in folders:
        for path in sorted(folder.glob("*.npz")):
            with np.load(path, allow_pickle=False) as arrays:
                X = arrays["X"]
            if X.ndim == 3 and len(X) >= 500 and "shuffled" not in path.stem:
                pictures[path.stem] = X
            elif X.ndim == 2 and X.shape[1] >= 36 and len(X) >= 100:
                tables[path.stem] = X
    return pictures, tables


def report(X: np.ndarray, seed: int) -> LocalityReport:
    """Probe (n, H, W) without a target."""
    return probe_values(X.reshape(len(X), -1), Layout(*X.shape[1:]), random_state=seed)


def size(pictures: dict[str, np.ndarray], tables: dict[str, np.ndarray], draws: int) -> pd.DataFrame:
    """How often the verdict sees order where there is none; wanted: 0.005 at most, within chance."""
    rows = []
    for kind, nulls in _nulls(pictures, tables).items():
        rng = np.random.default_rng(0)
        seen = []
        for draw in range(draws // 4):
            make = nulls[draw % len(nulls)]
            seen.append(report(make(rng, (20, 50, 100, 500)[draw // len(nulls) % 4]), draw).verdict != "none")
        rows.append({"null": kind, "draws": len(seen), "false_positives": np.mean(seen)})
    table = pd.DataFrame(rows)
    total = {"null": "all", "draws": table["draws"].sum()}
    total["false_positives"] = np.average(table["false_positives"], weights=table["draws"])
    return pd.concat([table, pd.DataFrame([total])], ignore_index=True)


def _nulls(pictures: dict[str, np.ndarray], tables: dict[str, np.ndarray]) -> dict[str, list[Draw]]:
    def shuffled(X: np.ndarray) -> Draw:
        flat = X.reshape(len(X), -1)
        return lambda rng, n: _rows(flat, rng, n)[:, rng.permutation(flat.shape[1])].reshape(-1, *X.shape[1:])

    def table(X: np.ndarray, grid: bool) -> Draw:
        side = int(min(X.shape[1], 400) ** 0.5) if grid else 1
        width = min(X.shape[1], 400) // side

        def draw(rng: np.random.Generator, n: int) -> np.ndarray:
            return _rows(X, rng, n)[:, rng.permutation(X.shape[1])[: side * width]].reshape(-1, side, width)

        return draw

    return {
        "pictures, cells permuted": [shuffled(X) for X in pictures.values()],
        "tables, columns permuted, as a line": [table(X, False) for X in tables.values()],
        "tables, columns permuted, as a grid": [table(X, True) for X in tables.values()],
        "noise": [lambda rng, n: rng.normal(size=(n, 8, 8)), lambda rng, n: rng.standard_t(3, size=(n, 6, 20))],
    }


def power(pictures: dict[str, np.ndarray], draws: int) -> pd.DataFrame:
    """How often the verdict sees order where there is some, by rows; noise is in units of the signal's spread."""
    rows = []
    for name, signal, noise in _signals(pictures):
        shares = {}
        for n in (20, 50, 100, 500):
            rng = np.random.default_rng(n)
            seen = 0
            for draw in range(draws if n < 500 else max(20, draws // 4)):
                X = signal(rng, n)
                if noise:
                    X = X + noise * X.std() * rng.normal(size=X.shape)
                seen += report(X, draw).verdict != "none"
            shares[f"n={n}"] = seen / (draw + 1)
        rows.append({"data": name, "noise": noise, **shares})
    return pd.DataFrame(rows)


def _signals(pictures: dict[str, np.ndarray]) -> Iterator[tuple[str, Draw, float]]:
    def real(X: np.ndarray, side: int) -> Draw:
        small = _shrink(X, side)
        return lambda rng, n: _rows(small, rng, n)

    def smooth(side: int) -> Draw:
        return lambda rng, n: _smooth_field(rng, n, side)

    def alternating(rng: np.random.Generator, n: int) -> np.ndarray:
        return make_alternating_texture(n, (8, 8), random_state=int(rng.integers(2**31)))[0]

    for noise in (0.0, 2.0, 5.0):
        for name, X in pictures.items():
            for side in (4, 8, 16):
                if side <= min(X.shape[1:]) and (noise or side < 16):
                    yield f"{name} {side}x{side}", real(X, side), noise
        for side in (4, 8):
            yield f"smooth field {side}x{side}", smooth(side), noise
    yield "alternating textures 8x8", alternating, 0.0


def axes(pictures: dict[str, np.ndarray], draws: int) -> pd.DataFrame:
    """How often the verdict is the one that the shuffle leaves, at 100 rows."""
    wanted = {"as it is": "2d", "columns shuffled": "1d-columns", "rows shuffled": "1d-rows", "permuted": "none"}
    made: dict[str, Draw] = {name: lambda rng, n, X=X: _rows(X, rng, n) for name, X in pictures.items()}
    made["smooth field"] = lambda rng, n: _smooth_field(rng, n, 10)
    made["alternating textures"] = lambda rng, n: make_alternating_texture(
        n, (10, 10), random_state=int(rng.integers(2**31))
    )[0]
    rows = []
    for name, make in made.items():
        right = dict.fromkeys(wanted, 0)
        for draw in range(draws):
            rng = np.random.default_rng(draw)
            X = make(rng, 100)
            height, width = X.shape[1:]
            cells = X.reshape(len(X), -1)[:, rng.permutation(height * width)].reshape(X.shape)
            shuffled = (X, X[:, :, rng.permutation(width)], X[:, rng.permutation(height)], cells)
            for kind, variant in zip(wanted, shuffled, strict=True):
                right[kind] += report(variant, draw).verdict == wanted[kind]
        rows.append({"data": name, **{kind: count / draws for kind, count in right.items()}})
    return pd.DataFrame(rows)


def cost() -> pd.DataFrame:
    """Seconds of the probe, median of five; wanted: 0.1 and 0.2 without a target."""
    rng = np.random.default_rng(0)
    rows = []
    for shape in ((60_000, 28, 28), (2_000, 64, 64), (1_000_000, 8, 8), (500, 1, 5_000), (500, 3, 32, 32)):
        X = rng.normal(size=shape[1:]).astype(np.float32) + rng.random(shape, dtype=np.float32)
        seconds = []
        for seed in range(5):
            started = time.perf_counter()
            probe_locality(X, random_state=seed)
            seconds.append(time.perf_counter() - started)
        rows.append({"X": " x ".join(map(str, shape)), "seconds": round(float(np.median(seconds)), 3)})
    return pd.DataFrame(rows)


def _rows(X: np.ndarray, rng: np.random.Generator, n: int) -> np.ndarray:
    return X[rng.choice(len(X), n, replace=n > len(X))]


def _shrink(X: np.ndarray, side: int) -> np.ndarray:
    """Means of blocks, so that ``side`` blocks fill each side; a remainder is cut off."""
    X = X[:5_000].astype(np.float64)
    height, width = (length // side for length in X.shape[1:])
    return X[:, : side * height, : side * width].reshape(len(X), side, height, side, width).mean(axis=(2, 4))


def _smooth_field(rng: np.random.Generator, n: int, side: int) -> np.ndarray:
    """Noise smoothed with a Gaussian of spread 1."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(rng.normal(size=(n, side + 8, side + 8)), (0, 1.0, 1.0))[:, 4:-4, 4:-4]


if __name__ == "__main__":
    main()
