"""How often ``check_transfer`` says "none of these": where nothing can be learned or a plain model is as good, and not.

    python transfer_nulls.py
    python transfer_nulls.py --draws 20 --cases "labels dealt at random" "digits, 60 rows"

A small CNN is trained on 900 of scikit-learn's digits, and ``check_transfer`` (three folds, 20 steps for each training)
asked about other rows. In the first cases y has nothing to do with the cells, or a plain model is the truth: any
other verdict than "none of these" is wrong, and should be met in 2 % of the draws at most. In the last ones the net
knows the task, and "none of these" is what too few rows cost.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from autoarch import Layout
from autoarch._training.conv_net import ConvNet
from autoarch._training.loop import ArrayNetClassifier
from autoarch._training.scalers import GridScaler
from autoarch.datasets import load_digits_grid
from autoarch.transfer import Pretrained, check_transfer
from autoarch.transfer.comparison import NONE

SOURCE_ROWS, ROWS, STEPS, FOLDS = 900, 120, 20, 3

Draw = tuple[np.ndarray, np.ndarray, dict[str, Any]]  # X, y, further arguments


def main() -> None:
    """Draw, ask, print a table."""
    cases = {**NULLS, **{f"digits, {n} rows": digits_of(n) for n in (40, 60, 120, 300)}}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--cases", nargs="*", default=list(cases), choices=list(cases))
    arguments = parser.parse_args()
    net, found = trained_on_digits(), []
    for name in arguments.cases:
        began = time.monotonic()
        reports = []
        for seed in range(arguments.draws):
            X, y, more = cases[name](np.random.default_rng(seed))
            reports.append(check_transfer(net, X, y, cv=FOLDS, steps=STEPS, random_state=seed, **more))
        none = [report.verdict == NONE for report in reports]
        leads = [max(report.over_floor(way)[0] for way in report.ways) for report in reports]
        found.append(
            {
                "case": name,
                "none of these": np.mean(none),
                "too few rows": np.mean(["too few" in report.sentence for report in reports]),
                "lead over the floor": np.mean(leads),
                "seconds": (time.monotonic() - began) / arguments.draws,
            }
        )
        print(pd.DataFrame(found[-1:]).round(3).to_string(index=False, header=len(found) == 1), flush=True)


def trained_on_digits() -> Pretrained:
    """A net of eight filters and two stages."""
    X, y = load_digits_grid()
    net = ArrayNetClassifier(
        ConvNet, module__filters=8, module__stages=2, lr=1e-2, max_epochs=12, batch_size=32, seed=0
    )
    steps = [("scale", GridScaler(Layout.of(X.shape[1:]))), ("model", net)]
    return Pretrained.of(Pipeline(steps).fit(X[:SOURCE_ROWS].reshape(SOURCE_ROWS, -1), y[:SOURCE_ROWS]))


def digits_of(n_rows: int) -> Callable[[np.random.Generator], Draw]:
    """Digits that the net has not seen."""

    def draw(rng: np.random.Generator) -> Draw:
        X, y = load_digits_grid()
        by_label = [SOURCE_ROWS + np.flatnonzero(y[SOURCE_ROWS:] == label) for label in range(10)]
        rows = np.concatenate([rng.permutation(some)[: n_rows // 10] for some in by_label])
        return X[rows], y[rows], {}

    return draw


def dealt(rng: np.random.Generator) -> Draw:
    """Digits whose labels are dealt at random."""
    X, y, more = digits_of(ROWS)(rng)
    return X, rng.permutation(y), more


def noise(rng: np.random.Generator) -> Draw:
    """White noise with two labels."""
    return rng.normal(size=(ROWS, 8, 8)), rng.integers(2, size=ROWS), {}


def unbalanced(rng: np.random.Generator) -> Draw:
    """Digits with a label of one in eight, at random."""
    return digits_of(ROWS)(rng)[0], rng.permutation(np.arange(ROWS) % 8 == 0), {}


def numbers(rng: np.random.Generator) -> Draw:
    """Digits with numbers that have nothing to do with them."""
    return digits_of(ROWS)(rng)[0], rng.normal(size=ROWS), {}


def grouped(rng: np.random.Generator) -> Draw:
    """Thirty noisy grids, each with four near copies and a label at random; the groups are given."""
    groups = np.repeat(np.arange(ROWS // 4), 4)
    X = rng.normal(size=(ROWS // 4, 8, 8))[groups] + 0.1 * rng.normal(size=(ROWS, 8, 8))
    return X, (np.arange(ROWS // 4) % 2)[rng.permutation(ROWS // 4)][groups], {"groups": groups}


def unordered(rng: np.random.Generator) -> Draw:
    """Cells in no order, of which four decide."""
    X = rng.normal(size=(ROWS, 8, 8))
    return X, X[:, 0, 7] - X[:, 2, 3] + X[:, 4, 1] + X[:, 6, 5] > 0, {}


NULLS: dict[str, Callable[[np.random.Generator], Draw]] = {
    "labels dealt at random": dealt,
    "noise": noise,
    "one label in eight, at random": unbalanced,
    "numbers at random": numbers,
    "groups, labels at random": grouped,
    "cells in no order": unordered,
}


if __name__ == "__main__":
    main()
