"""How often a symmetry that needs y is claimed, where it holds and where it does not.

    python landmark_symmetries.py                          # 20 draws of each problem, 300 rows
    python landmark_symmetries.py --draws 100 --rows 600 --problem waves

Each problem is made by a rule, so that it is known what may be done to a sample without changing its label; "noisy"
ones have noise in the cells, wrong labels, or both. Only what the rule settles is counted. One thread is used.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from autoarch import Layout
from autoarch._core.clock import Deadline
from autoarch.locality.grid_statistics import Measurements
from autoarch.locality.measurements import Landmark, LandmarkScores
from autoarch.locality.symmetry import Symmetry
from autoarch.locality.symmetry_tests import with_symmetries

Problem = tuple[np.ndarray, np.ndarray, tuple[str, ...], tuple[str, ...]]  # X, y, symmetries that hold, that do not
MIRRORS = ("mirror_rows", "mirror_columns")
EVERY = ("place_free", *MIRRORS, "shift", "turn")


def main() -> None:
    """Draw every problem and print how often each symmetry was answered how."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=20, help="of each problem")
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--problem", default="", help="problems whose name holds this text alone")
    arguments = parser.parse_args()
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for number, (name, (make, noise, wrong)) in enumerate(PROBLEMS.items()):
        for seed in range(arguments.draws) if arguments.problem in name else ():
            X, y, true, false = make(np.random.default_rng([seed, number, 9]), arguments.rows, noise, wrong)
            found = answers(X, y, seed)
            for holds, questions in (("yes", true), ("no", false)):
                for question in questions:
                    answer = found[question].answer if question in found else "not asked"
                    counts[name, question, holds, answer] += 1
    table = pd.Series(counts, dtype=int).rename_axis(["problem", "question", "holds", "answer"])
    shown = table.unstack(fill_value=0).reindex(columns=["yes", "no", "too few rows", "not asked"], fill_value=0)
    print(shown.to_string())
    print(f"\n{shown.groupby(['question', 'holds']).sum().to_string()}", flush=True)


def answers(X: np.ndarray, y: np.ndarray, seed: int) -> dict[str, Symmetry]:
    """Ask every question, as the probe does once it has a landmark of convolutions."""
    X = X if X.ndim == 4 else X[:, None]
    known = Measurements(
        Layout(*X.shape[2:], channels=X.shape[1]),
        scores=LandmarkScores({"cnn": Landmark(0.9, 0.01, 0.1)}, landmark_rows=len(y)),
    )
    settings = {"task": "regression" if y.dtype.kind == "f" else "classification", "n_jobs": None, "seed": seed}
    found = with_symmetries(known, X.reshape(len(X), -1), y, Deadline(), categorical=(), **settings)
    return dict(found.scores.symmetries)


def _labels(rng: np.random.Generator, y: np.ndarray, wrong: float) -> np.ndarray:
    """Labels, a share of them drawn anew; numbers with so much noise."""
    if y.dtype.kind == "f":
        return (y - y.mean()) / y.std() + wrong * rng.normal(size=len(y))
    return np.where(rng.random(len(y)) < wrong, rng.integers(0, y.max() + 1, len(y)), y)


def _textures(rng: np.random.Generator, n: int, noise: float, wrong: float) -> Problem:
    """Fields without a direction that differ in scale."""
    y = rng.integers(0, 2, n)
    X = np.stack([gaussian_filter(rng.normal(size=(24, 24)), 1.0 + 0.5 * label)[4:-4, 4:-4] for label in y])
    X /= X.std(axis=(1, 2), keepdims=True)
    return X + noise * rng.normal(size=X.shape), _labels(rng, y, wrong), EVERY, ()


def _stripes(rng: np.random.Generator, n: int, noise: float, wrong: float) -> Problem:
    """Stripes along rows or along columns."""
    y = rng.integers(0, 2, n)
    wave = np.sin(np.arange(12) * np.pi / 2 + rng.uniform(0, 2 * np.pi, (n, 1)))
    X = np.where(y[:, None, None] == 1, wave[:, :, None], wave[:, None, :]) + noise * rng.normal(size=(n, 12, 12))
    return X, _labels(rng, y, wrong), ("place_free", *MIRRORS, "shift"), ("turn",)


def _ramps(rng: np.random.Generator, n: int, noise: float, wrong: float) -> Problem:
    """Ramps that rise or fall along rows, wherever they begin."""
    y = rng.integers(0, 2, n)
    ramp = (np.arange(16) + rng.integers(8, size=(n, 1))) % 8 / 8
    X = np.where(y[:, None] == 1, ramp, 7 / 8 - ramp)[:, None, :] + noise * rng.normal(size=(n, 8, 16))
    return X, _labels(rng, y, wrong), ("place_free", "mirror_columns"), ("mirror_rows",)


def _sides(rng: np.random.Generator, n: int, noise: float, wrong: float) -> Problem:
    """A bump on the left or on the right."""
    y = rng.integers(0, 2, n)
    X = noise * rng.normal(size=(n, 12, 12))
    for grid, side in zip(X, y, strict=True):
        top, left = rng.integers(10), rng.integers(3) + 6 * side
        grid[top : top + 3, left : left + 3] += 1.0
    return X, _labels(rng, y, wrong), ("mirror_columns",), ("place_free", "mirror_rows", "turn")


def _levels(rng: np.random.Generator, n: int, noise: float, wrong: float) -> Problem:
    """The left half brighter than the right one, or darker, on smooth fields: seen at the step between them, too."""
    y = rng.integers(0, 2, n)
    X = 2 * gaussian_filter(rng.normal(size=(n, 10, 10)), (0, 1, 1)) + noise * rng.normal(size=(n, 10, 10))
    X[:, :, :5] += np.where(y == 1, 0.6, -0.6)[:, None, None]
    return X, _labels(rng, y, wrong), ("mirror_columns",), ("mirror_rows", "turn")


def _moment(rng: np.random.Generator, n: int, noise: float, wrong: float) -> Problem:
    """A regression on what lies where along a row."""
    X = gaussian_filter(rng.normal(size=(n, 12, 12)), (0, 1.5, 1.5))
    y = (X * np.linspace(-1, 1, 12)).sum(axis=(1, 2))
    noisy = X + noise * X.std() * rng.normal(size=X.shape)
    return noisy, _labels(rng, y, wrong), ("mirror_columns",), ("place_free", "mirror_rows", "turn")


def _roughness(rng: np.random.Generator, n: int, noise: float, wrong: float) -> Problem:
    """A regression on how fast a line fades."""
    y = rng.uniform(0, 0.95, n)
    X = rng.normal(size=(n, 1, 80))
    for step in range(1, 80):
        X[..., step] = y[:, None] * X[..., step - 1] + np.sqrt(1 - y**2)[:, None] * X[..., step]
    return X + noise * rng.normal(size=X.shape), _labels(rng, y, wrong), ("place_free", "mirror_rows", "shift"), ()


def _blobs(rng: np.random.Generator, n: int, noise: float, wrong: float) -> Problem:
    """A bright or a dark blob anywhere, cut off at the rim, too."""
    y, cells = rng.integers(0, 2, n), np.arange(14)
    places = rng.uniform(-2, 15, (2, n, 1))
    down, across = np.exp(-np.square(cells - places) / 5)
    X = 1.5 * np.where(y == 1, 1.0, -1.0)[:, None, None] * down[:, :, None] * across[:, None, :]
    return X + noise * rng.normal(size=X.shape), _labels(rng, y, wrong), EVERY, ()


def _waves(rng: np.random.Generator, n: int, noise: float, wrong: float) -> Problem:
    """Three sensors that swing fast or slowly."""
    y, time = rng.integers(0, 2, n), np.arange(48)
    phase = 2 * np.pi * time / np.where(y == 1, 8, 11)[:, None, None] + rng.uniform(0, 2 * np.pi, (n, 3, 1))
    X = (np.sin(phase) + noise * rng.normal(size=phase.shape))[:, :, None]
    return X, _labels(rng, y, wrong), ("place_free", "mirror_rows", "shift"), ()


def _saws(rng: np.random.Generator, n: int, noise: float, wrong: float) -> Problem:
    """A slow rise and a fast fall, or the reverse."""
    y = rng.integers(0, 2, n)
    rise = (np.arange(48) + rng.integers(12, size=(n, 1))) % 12 / 12
    X = np.where(y[:, None] == 1, rise, 11 / 12 - rise)[:, None] + noise * rng.normal(size=(n, 1, 48))
    return X, _labels(rng, y, wrong), ("place_free",), ("mirror_rows",)


def _board(rng: np.random.Generator, n: int, noise: float, wrong: float) -> Problem:
    """The share of the middle one of three codes."""
    X = rng.integers(0, 3, (n, 5, 5))
    y = ((X == 1).mean(axis=(1, 2)) > 1 / 3).astype(int)
    return X.astype(float), _labels(rng, y, wrong), ("codes",), ()


def _motif(rng: np.random.Generator, n: int, noise: float, wrong: float) -> Problem:
    """Five of four codes in a row, anywhere in one class."""
    X, y = rng.integers(0, 4, (n, 1, 40)), rng.integers(0, 2, n)
    for row, start in zip(np.flatnonzero(y), rng.integers(0, 35, n), strict=False):
        X[row, 0, start : start + 5] = [1, 3, 0, 2, 1]
    return X.astype(float), _labels(rng, y, wrong), ("codes",), ()


def _steps(rng: np.random.Generator, n: int, noise: float, wrong: float) -> Problem:
    """Smooth fields in seven steps, whose order carries all."""
    y = rng.integers(0, 2, n)
    X = np.stack([gaussian_filter(rng.normal(size=(10, 10)), 1.0 + label, mode="wrap") for label in y])
    X = np.clip(np.round(2.5 + 1.5 * X / X.std(axis=(1, 2), keepdims=True)), 0, 6)
    return X, _labels(rng, y, wrong), (), ("codes",)


def _counts(rng: np.random.Generator, n: int, noise: float, wrong: float) -> Problem:
    """Counts of two means."""
    y = rng.integers(0, 2, n)
    X = np.minimum(rng.poisson(np.where(y == 1, 1.2, 0.8)[:, None, None], (n, 8, 8)), 8)
    return X.astype(float), _labels(rng, y, wrong), (), ("codes",)


def _thresholds(rng: np.random.Generator, n: int, noise: float, wrong: float) -> Problem:
    """How many counts are three or more: a step in their order, which channels see, too."""
    X = np.minimum(rng.poisson(1.0, (n, 8, 8)), 8)
    high = (X >= 3).mean(axis=(1, 2))
    return X.astype(float), _labels(rng, (high > np.median(high)).astype(int), wrong), (), ("codes",)


def _answers(rng: np.random.Generator, n: int, noise: float, wrong: float) -> Problem:
    """Answers from 1 to 5 that rise with one trait."""
    trait = rng.normal(size=(n, 1, 1))
    X = np.clip(np.round(3 + trait + rng.normal(size=(n, 6, 6))), 1, 5)
    y = (trait[:, 0, 0] + 0.5 * rng.normal(size=n) > 0).astype(int)
    return X, _labels(rng, y, wrong), (), ("codes",)


def _pieces(rng: np.random.Generator, n: int, noise: float, wrong: float) -> Problem:
    """Pieces of seven kinds, of which two count for and one against, twice."""
    X = rng.integers(0, 7, (n, 6, 6))
    sums = ((X == 3).sum(axis=(1, 2)) + (X == 5).sum(axis=(1, 2))) - 2 * (X == 1).sum(axis=(1, 2))
    return X.astype(float), _labels(rng, (sums > np.median(sums)).astype(int), wrong), ("codes",), ()


# noise in the cells, share of wrong labels (of regressions: noise in y)
PROBLEMS: dict[str, tuple[Callable[[np.random.Generator, int, float, float], Problem], float, float]] = {
    "textures": (_textures, 0.0, 0.0),
    "textures, noisy cells": (_textures, 0.7, 0.0),
    "textures, wrong labels": (_textures, 0.0, 0.3),
    "stripes": (_stripes, 0.5, 0.0),
    "stripes, noisy": (_stripes, 1.2, 0.2),
    "ramps": (_ramps, 0.3, 0.0),
    "ramps, wrong labels": (_ramps, 0.3, 0.3),
    "sides": (_sides, 0.3, 0.0),
    "sides, noisy": (_sides, 0.5, 0.2),
    "levels": (_levels, 1.0, 0.0),
    "levels, noisy": (_levels, 2.0, 0.2),
    "moment": (_moment, 0.0, 0.0),
    "moment, noisy": (_moment, 0.5, 0.5),
    "roughness": (_roughness, 0.0, 0.0),
    "roughness, noisy": (_roughness, 0.0, 0.7),
    "blobs": (_blobs, 0.5, 0.0),
    "blobs, noisy": (_blobs, 0.8, 0.2),
    "waves": (_waves, 0.5, 0.0),
    "waves, noisy": (_waves, 1.0, 0.2),
    "saws": (_saws, 0.5, 0.0),
    "saws, noisy": (_saws, 0.7, 0.2),
    "board": (_board, 0.0, 0.0),
    "board, wrong labels": (_board, 0.0, 0.2),
    "motif": (_motif, 0.0, 0.0),
    "steps": (_steps, 0.0, 0.0),
    "counts": (_counts, 0.0, 0.0),
    "thresholds": (_thresholds, 0.0, 0.0),
    "answers": (_answers, 0.0, 0.0),
    "pieces": (_pieces, 0.0, 0.0),
}


if __name__ == "__main__":
    main()
