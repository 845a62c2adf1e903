"""Memory and time of fits at the edges: many rows, a picture file, many columns, many classes, few rows.

    python scale.py                          # every case, each in a process of its own; some ten minutes
    python scale.py --only pictures columns --seconds 60
    python scale.py --folder /scratch        # where the file of the pictures (1.6 GB) is written for a while

Printed is a table in Markdown. "memory" is the largest resident memory of the fit less that after the imports, X
included, and what it may be: 1.5 times X as float32 and 1 GB. "private" is the largest anonymous memory of the process,
which leaves out pages of files. "baseline" is the accuracy of a linear model. Linux alone tells these numbers.
"""

from __future__ import annotations

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

MB = 2**20
PREDICTED = 500_000  # rows of the largest table that are predicted at once
LINEAR_ROWS = 5_000
TEST_ROWS = 5_000

Data = tuple[Any, Any, Any, Any]  # X, y, test X, test y


@dataclass(frozen=True)
class Case:
    """Data that are made, and how large X is as float32."""

    title: str
    make: Callable[[Path], Data]
    megabytes: float


def table(folder: Path) -> Data:
    """1,000,000 x 50 numbers; the label depends on products and steps."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1_000_000 + TEST_ROWS, 50), dtype=np.float32)
    logit = X[:, 0] * X[:, 1] + 1.5 * np.sin(X[:, 2]) + X[:, 3] - (X[:, 4] > 0.5)
    y = (logit + 0.5 * rng.standard_normal(len(X), dtype=np.float32) > 0).astype(int)
    return X[:-TEST_ROWS], y[:-TEST_ROWS], X[-TEST_ROWS:].copy(), y[-TEST_ROWS:]


def textures(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise that is smooth along rows or along columns, with a random sign: no cell says anything alone."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n)
    X = rng.standard_normal((n, 64, 64), dtype=np.float32)
    smooth = 0.7 * X + 0.3 * np.where(y[:, None, None] == 0, np.roll(X, 1, axis=2), np.roll(X, 1, axis=1))
    return smooth, y


def pictures(folder: Path) -> Data:
    """100,000 pictures of 64 x 64 in a memory-mapped file."""
    path, n, step = folder / "pictures.npy", 100_000, 2_000
    X, y = np.lib.format.open_memmap(path, "w+", np.float32, (n, 64, 64)), np.empty(n, int)
    for start in range(0, n, step):
        X[start : start + step], y[start : start + step] = textures(step, start)
    X.flush()
    del X
    return np.load(path, mmap_mode="r"), y, *textures(TEST_ROWS, n)


def columns(folder: Path) -> Data:
    """300 rows of 20,000 columns, twenty of which tell something."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((600, 20_000))
    y = (X[:, :20].sum(axis=1) > 0).astype(int)
    return X[:300], y[:300], X[300:], y[300:]


def classes(folder: Path) -> Data:
    """1,000 classes of 20 rows."""
    rng = np.random.default_rng(0)
    centres, y = rng.standard_normal((1_000, 30)), np.repeat(np.arange(1_000), 25)
    X, part = centres[y] + 0.5 * rng.standard_normal((len(y), 30)), np.arange(len(y)) % 25 < 20
    return X[part], y[part], X[~part], y[~part]


def frame(folder: Path) -> Data:
    """500,000 rows of numbers, categories, text and dates."""
    rng, n = np.random.default_rng(0), 500_000 + TEST_ROWS
    cities = np.array([f"city {i}" for i in range(200)])
    city, shop = rng.integers(200, size=n), rng.integers(8, size=n)
    X = pd.DataFrame({f"x{i}": rng.standard_normal(n) for i in range(6)})
    X["city"], X["shop"] = cities[city], pd.Categorical.from_codes(shop, list("abcdefgh"))
    X["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(700, size=n), unit="D")
    X["member"] = rng.random(n) < 0.3
    effect = rng.standard_normal(200)
    logit = X["x0"] * X["x1"] + effect[city] + 0.5 * (shop > 4) + 0.5 * rng.standard_normal(n)
    y = np.where(logit > 0, "yes", "no")
    return X[:-TEST_ROWS], y[:-TEST_ROWS], X[-TEST_ROWS:], y[-TEST_ROWS:]


def few(folder: Path) -> Data:
    """Five rows."""
    X = np.random.default_rng(0).standard_normal((25, 4))
    y = (X[:, 0] > 0).astype(int)
    y[:2] = 0, 1
    return X[:5], y[:5], X[5:], y[5:]


CASES = {
    "table": Case("1,000,000 x 50 float32", table, 190.7),
    "pictures": Case("100,000 x 64 x 64 float32, memory-mapped", pictures, 1562.5),
    "columns": Case("300 x 20,000", columns, 22.9),
    "classes": Case("1,000 classes of 20 rows", classes, 2.3),
    "frame": Case("500,000 x 10 DataFrame", frame, 19.1),
    "few": Case("5 x 4", few, 0.0),
}


class Watch:
    """Largest resident and anonymous memory of this process while it is open."""

    def __enter__(self) -> Watch:
        self.resident = self.anonymous = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.01):
            resident, anonymous = memory()
            self.resident, self.anonymous = max(self.resident, resident), max(self.anonymous, anonymous)


def memory() -> tuple[float, float]:
    """Resident and anonymous memory of this process in MB."""
    facts = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    resident, anonymous = (int(facts[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))
    return resident, anonymous


def linear_score(X: Any, y: np.ndarray, X_test: Any, y_test: np.ndarray) -> float:
    """Accuracy of a logistic regression on some rows, flat and scaled; of a frame, on its numbers."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = np.sort(np.random.default_rng(0).permutation(len(y))[:LINEAR_ROWS])
    if isinstance(X, pd.DataFrame):
        some, test = (part.select_dtypes("number") for part in (X.iloc[rows], X_test))
    else:
        some, test = (np.asarray(part, np.float32).reshape(len(part), -1) for part in (X[rows], X_test))
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=50))
    return float(model.fit(some, y[rows]).score(test, y_test))


def run(name: str, seconds: float, folder: Path) -> dict[str, Any]:
    """Fit one case in this process and measure."""
    from autoarch import AutoArchClassifier

    imported = memory()[0]
    case = CASES[name]
    X, y, X_test, y_test = case.make(folder)
    began = time.perf_counter()
    with Watch() as fitting:
        model = AutoArchClassifier(time_budget=seconds, random_state=0, verbose=0).fit(X, y)
    found: dict[str, Any] = {"seconds": time.perf_counter() - began, "budget": seconds}
    found |= {"memory": fitting.resident - imported, "may": 1.5 * case.megabytes + 1024, "private": fitting.anonymous}
    found |= {"family": model.best_family_, "fitted_on": model.fitted_on_, "accuracy": model.score(X_test, y_test)}
    found["file"] = len(pickle.dumps(model)) / MB
    if name in ("table", "frame"):
        rows, before = X[:PREDICTED], memory()[1]
        began = time.perf_counter()
        with Watch() as predicting:
            model.predict(rows)
        found |= {"predict": time.perf_counter() - began, "predict_memory": predicting.anonymous - before}
    found["linear"] = linear_score(X, y, X_test, y_test)
    return found


def shown(results: dict[str, dict[str, Any]]) -> str:
    """The table."""
    head = ["X", "winner, fitted on", "seconds (budget)", "memory (may be), MB", "private, MB", "accuracy", "baseline"]
    head += ["file, MB", "predict 500,000: seconds, MB"]
    lines = [head, ["---"] * len(head)]
    for name, one in results.items():
        if "error" in one:
            lines.append([CASES[name].title, one["error"], *[""] * (len(head) - 2)])
            continue
        predicted = f"{one['predict']:.1f}, {one['predict_memory']:.0f}" if "predict" in one else ""
        lines.append(
            [
                CASES[name].title,
                f"{one['family']}, {one['fitted_on']}",
                f"{one['seconds']:.1f} ({one['budget']:.0f})",
                f"{one['memory']:.0f} ({one['may']:.0f})",
                f"{one['private']:.0f}",
                f"{one['accuracy']:.3f}",
                f"{one['linear']:.3f}",
                f"{one['file']:.1f}",
                predicted,
            ]
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Run the cases one after the other, each in its own process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--seconds", type=float, default=60.0, help="time budget of each fit")
    parser.add_argument("--folder", help="where files are written for a while")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        print(json.dumps(run(arguments.only[0], arguments.seconds, Path(arguments.folder))))
        return
    results = {}
    for name in arguments.only:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            command = [sys.executable, __file__, "--here", "--only", name, "--folder", folder]
            command += ["--seconds", str(arguments.seconds)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        last = (done.stdout.strip() or "no output").splitlines()[-1]
        failed = {"error": f"ended with {done.returncode}: {(done.stderr.strip() or last).splitlines()[-1]}"}
        results[name] = json.loads(last) if done.returncode == 0 else failed
        print(f"{name}: {results[name]}", file=sys.stderr, flush=True)
    print(shown(results))


if __name__ == "__main__":
    main()
