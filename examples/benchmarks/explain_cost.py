"""Seconds that it takes to explain a hundred rows by occlusion, for every family.

    python explain_cost.py
    python explain_cost.py --families kernels --sides 28 28 --rows 100

Each family's first default, of nets and kernels as large as their space allows, is fitted to grids with a planted
texture, and the models of all folds are averaged where it does so. Wanted on two cores, at 28 x 28: at most 10 s in
4 x 4 patches and 60 s in single cells.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import pandas as pd

from autoarch import AutoArchClassifier
from autoarch.datasets import make_planted
from autoarch.explain import explain
from autoarch.families.base import Family, Params
from autoarch.families.registry import resolve_families

FAMILIES = ("cnn", "kernels", "mlp", "tree", "linear")
LARGE: dict[str, Params] = {
    "cnn": {"filters": 64, "stages": 4, "effort": 0.25},
    "kernels": {"kernels": 1024},
    "mlp": {"units": 512, "members": 8, "effort": 0.25},
}


def main() -> None:
    """Fit, explain, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", nargs="*", default=FAMILIES)
    parser.add_argument("--sides", nargs=2, type=int, default=(28, 28))
    parser.add_argument("--rows", type=int, default=100)
    arguments = parser.parse_args()
    X, y, _ = make_planted(300 + arguments.rows, tuple(arguments.sides), cause="texture", random_state=0)
    found = []
    for name in arguments.families:
        model = fitted(resolve_families([name])[0], X[arguments.rows :], y[arguments.rows :])
        row: dict[str, Any] = {"family": name}
        for by in ("patch", "cell"):
            began, used = time.perf_counter(), time.process_time()
            explanation = explain(model, X[: arguments.rows], method="occlusion", by=by)
            row |= {by: time.perf_counter() - began, f"{by}, processor": time.process_time() - used}
            row[f"{by}, asked"] = explanation.models or "all"
        found.append(row)
        print(pd.DataFrame(found).round(1).to_string(index=False), flush=True)


def fitted(family: Family, X: np.ndarray, y: np.ndarray) -> AutoArchClassifier:
    """One large candidate, judged on five folds."""
    first = family.defaults
    large = lambda problem: [{**first(problem)[0], **LARGE.get(family.name, {})}]  # noqa: E731
    setattr(family, "defaults", large)  # noqa: B010  # of this one instance
    return AutoArchClassifier(families=family, n_trials=1, time_budget=None, cv=5, random_state=0, verbose=0).fit(X, y)


if __name__ == "__main__":
    main()
