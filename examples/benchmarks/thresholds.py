"""Does a threshold that is chosen on left-out rows improve F1 over one half, on imbalanced tables?

    python thresholds.py                   # generated tables, one row of the second class in 10 and in 50
    python thresholds.py --data DIR        # and tables of a folder, cut so

Error is 1 - F1 on rows that fit never saw, by the same search with ``threshold="auto"`` and ``"default"``. A line for
each table (means over draws, with the standard error of the difference), then the geometric mean of the ratios.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score

from autoarch import AutoArchClassifier

SETTINGS = {
    "time_budget": None,
    "n_trials": 2,
    "scoring": "f1",
    "families": ["linear", "tree"],
    "layout": None,
    "rows": "independent",
    "random_state": 0,
    "verbose": 0,
}
RATIOS = (10, 50)
TABLES = ("adult", "telco_churn", "credit_g")
TRAINED, TESTED = 2_000, 6_000
Draw = tuple[pd.DataFrame, np.ndarray, pd.DataFrame, np.ndarray]


def main() -> None:
    """Print a line for each table, and the geometric mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    ratios = []
    for name in ("linear score", "interactions", *(TABLES if arguments.data else ())):
        for ratio in RATIOS:
            errors = []
            for draw in range(arguments.draws):
                data = of_table(arguments.data, name, ratio, draw) if name in TABLES else generated(name, ratio, draw)
                errors.append([error(data, threshold) for threshold in ("auto", "default")])
            own, default = np.array(errors).T
            deviation = np.std(own - default, ddof=1) / np.sqrt(len(own)) if len(own) > 1 else np.nan
            ratios.append(own.mean() / default.mean())
            print(
                f"{name:<14} 1:{ratio:<3} error {own.mean():.3f}, at one half {default.mean():.3f}, difference "
                f"{(own - default).mean():+.3f} (± {deviation:.3f}), ratio {ratios[-1]:.2f}",
                flush=True,
            )
    print(f"geometric mean of the ratios {np.exp(np.mean(np.log(ratios))):.3f}")


def error(data: Draw, threshold: str) -> float:
    """1 - F1 of a search on new rows."""
    X, y, Z, z = data
    model = AutoArchClassifier(threshold=threshold, **SETTINGS).fit(X, y)
    return 1.0 - float(f1_score(z, model.predict(Z)))


def generated(name: str, ratio: int, draw: int) -> Draw:
    """Rows of ten numbers, of which some decide with noise."""
    rng = np.random.default_rng([ratio, draw])
    X = rng.normal(size=(TRAINED + TESTED, 10))
    score = X[:, :4].sum(axis=1) if name == "linear score" else X[:, 0] * X[:, 1] + X[:, 2] * np.abs(X[:, 3])
    score = score + score.std() * rng.normal(size=len(X))
    y = (score > np.quantile(score, 1 - 1 / (ratio + 1))).astype(int)
    frame = pd.DataFrame(X).add_prefix("c")
    return frame[:TRAINED], y[:TRAINED], frame[TRAINED:], y[TRAINED:]


def of_table(folder: Path, name: str, ratio: int, draw: int) -> Draw:
    """Halves of a table whose rarer class was thinned out."""
    rng = np.random.default_rng([ratio, draw])
    table = pd.read_parquet(folder / f"{name}.parquet")
    rare = (table["target"] == table["target"].value_counts().index[-1]).to_numpy()
    others = np.flatnonzero(~rare)
    few = rng.permutation(np.flatnonzero(rare))[: max(20, len(others) // ratio)]
    rows = rng.permutation(np.r_[others, few])[: TRAINED + TESTED]
    X, y = table.drop(columns="target").iloc[rows].reset_index(drop=True), rare[rows].astype(int)
    n = min(TRAINED, len(rows) // 2)
    return X[:n], y[:n], X[n:], y[n:]


if __name__ == "__main__":
    main()
