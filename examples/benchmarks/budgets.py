"""How well the time budget is kept: each fit in a process of its own, imports of torch and Optuna included.

Run ``python budgets.py``. Wanted: nothing beyond 5 % + 1 s.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np

CASES = {
    "200 x 10, 2 classes": (200, 10, 2),
    "50,000 x 50, 5 classes": (50_000, 50, 5),
    "50,000 x 100, regression": (50_000, 100, 0),
    "200 x 20,000, regression": (200, 20_000, 0),
    "3,000 x 28 x 28, 10 classes": (3_000, (28, 28), 10),
    "4,000 x 30, 60 classes": (4_000, 30, 60),
}
BUDGETS = (5, 10, 30)


def one(name: str, budget: float) -> dict[str, float]:
    """Fit once, here, and return what it took."""
    from autoarch import AutoArchClassifier, AutoArchRegressor

    n, shape, n_classes = CASES[name]
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, *np.atleast_1d(shape))).astype(np.float32)
    signal = X.reshape(n, -1)[:, :5].sum(axis=1)
    estimator = AutoArchClassifier if n_classes else AutoArchRegressor
    y = signal if not n_classes else np.searchsorted(np.quantile(signal, np.arange(1, n_classes) / n_classes), signal)
    began = time.monotonic()
    model = estimator(time_budget=budget, random_state=0, verbose=0).fit(X, y)
    took = time.monotonic() - began
    return {"took": took, "score": model.best_score_, "trials": len(model.study_.trials)}


def main() -> None:
    """Run every case under every budget and print the table."""
    print(f"{'':30s}{'budget, s':>10s}{'took, s':>10s}{'trials':>8s}{'score':>8s}")
    for name in CASES:
        for budget in BUDGETS:
            run = subprocess.run(
                [sys.executable, __file__, name, str(budget)], capture_output=True, text=True, check=True
            )
            found = json.loads(run.stdout)
            late = "" if found["took"] <= 1.05 * budget + 1 else "  too late"
            print(
                f"{name:30s}{budget:10d}{found['took']:10.2f}{found['trials']:8.0f}{found['score']:8.3f}{late}",
                flush=True,
            )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(one(sys.argv[1], float(sys.argv[2]))))
    else:
        main()
