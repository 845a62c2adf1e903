"""Grids and series as they are met: a search beside boosting, logistic regression and a small net on the same data.

    python field_grids.py                          # every source, a search of 60 s
    python field_grids.py --only letters_order board_line --budget 30

Two sources of each kind, none of them a file: events at any hour of days, series whose level wanders, boards, maps and
sequences of codes, letters, pictures with missing clouds, and few large pictures. The net sees a channel for each code
and, of missing cells, a mask; boosting and logistic regression see columns, those of codes one-hot for the latter.
Accuracies are those on samples that were drawn apart.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from autoarch import AutoArchClassifier
from plain_cnn import PlainCNN

Sample = tuple[np.ndarray, np.ndarray]
N_TRAIN, N_TEST, FEW, FEW_TEST = 800, 1_000, 60, 150
LARGE, CNN_SECONDS, CORES = 512, 30.0, 2


def main() -> None:
    """Draw, fit, and print a line for each source."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=list(SOURCES), choices=SOURCES, metavar="SOURCE")
    parser.add_argument("--budget", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for place, name in enumerate(arguments.only):
        make, codes = SOURCES[name]
        large = name.startswith("large")
        n, more = (FEW, FEW_TEST) if large else (N_TRAIN, N_TEST)
        X, y = make(np.random.default_rng(arguments.seed), n + more)
        found = rivals(X, y, n, codes)
        row = {"source": name, **found, **searched(X, y, n, arguments)}
        row["against best"] = row["autoarch"] - max(found.values())
        line = pd.DataFrame([row]).to_string(index=False, float_format="%.3f", header=place == 0)
        print(line, flush=True)


def rivals(X: np.ndarray, y: np.ndarray, n: int, codes: int) -> dict[str, float]:
    """Accuracies of models that are fitted on the first ``n`` samples."""
    flat = X.reshape(len(X), -1)
    numbers = flat if codes else flat.astype(np.float32)
    if X.shape[1] == LARGE:  # boosting on a quarter of a million columns takes hours
        numbers = X.reshape(len(X), 32, LARGE // 32, 32, LARGE // 32).mean(axis=(2, 4)).reshape(len(X), -1)
    coded = np.unique(flat, return_inverse=True)[1].reshape(flat.shape) if codes else numbers
    before = [OneHotEncoder(handle_unknown="ignore")] if codes else [SimpleImputer(), StandardScaler()]
    logistic = make_pipeline(*before, LogisticRegression(max_iter=500, C=0.1))
    boosting = HistGradientBoostingClassifier(random_state=0)
    net = PlainCNN(int(y.max()) + 1, seconds=CNN_SECONDS, seed=0, threads=CORES)
    images, part = channels(X, codes), 4 * n // 5
    net.fit(images[:part], y[:part], images[part:n], y[part:n])
    return {
        "boosting": boosting.fit(coded[:n], y[:n]).score(coded[n:], y[n:]),
        "logistic": logistic.fit(numbers[:n], y[:n]).score(numbers[n:], y[n:]),
        "cnn": float(np.mean(net.predict(images[n:]) == y[n:])),
    }


def channels(X: np.ndarray, codes: int) -> np.ndarray:
    """Pictures with a channel for each code, or with a mask of the missing cells, as the net takes them."""
    grid = X[:, None, :] if X.ndim == 2 else X
    if codes:
        return np.stack([grid == value for value in np.unique(grid)], axis=1).astype(np.float32)
    missing = np.isnan(grid)
    values = np.where(missing, np.nanmean(grid), grid).astype(np.float32)
    return np.stack([values, missing.astype(np.float32)], axis=1) if missing.any() else values


def searched(X: np.ndarray, y: np.ndarray, n: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Accuracy of a search; letters come in a table, as they are met."""
    given: Any = X
    if X.dtype.kind == "U":
        given = pd.DataFrame(X, columns=[f"pos{place}" for place in range(X.shape[1])])
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = AutoArchClassifier(time_budget=arguments.budget, random_state=arguments.seed, verbose=0)
        model.fit(given[:n], y[:n])
    seconds = time.perf_counter() - began
    facts = {"seconds": seconds, "verdict": model.locality_.verdict, "family": model.best_family_}
    return {"autoarch": model.score(given[n:], y[n:]), **facts}


def labels(rng: np.random.Generator, n: int) -> np.ndarray:
    """Two classes, as often as each other in the mean."""
    return rng.integers(0, 2, n)


def hours_shape(rng: np.random.Generator, n: int) -> Sample:
    """28 days of 24 hours: a burst of four hours, which rises or falls, on three days at any hour."""
    y, X = labels(rng, n), rng.gamma(2.0, 0.5, (n, 28, 24))
    for grid, label in zip(X, y, strict=True):
        for day in rng.choice(28, 3, replace=False):
            hour = rng.integers(0, 21)
            grid[day, hour : hour + 4] += np.array([1, 2, 3, 4])[:: 1 if label else -1]
    return X, y


def hours_pair(rng: np.random.Generator, n: int) -> Sample:
    """28 days of 24 hours: two peaks three hours apart on one day at any hour, against six hours apart."""
    y, X = labels(rng, n), rng.normal(0, 0.5, (n, 28, 24))
    for grid, label in zip(X, y, strict=True):
        for day in rng.choice(28, 4, replace=False):
            hour = rng.integers(0, 17)
            grid[day, [hour, hour + (3 if label else 6)]] += 3.0
    return X, y


def walk_bump(rng: np.random.Generator, n: int) -> Sample:
    """A random walk of 200 steps from a level of its own, with a bump of 16 steps upwards or downwards anywhere."""
    y, X = labels(rng, n), 0.2 * rng.normal(size=(n, 200)).cumsum(1) + 4 * rng.normal(size=(n, 1))
    bump = 1.5 * np.sin(np.linspace(0, np.pi, 16)) ** 2
    for row, label in zip(X, y, strict=True):
        start = rng.integers(0, 184)
        row[start : start + 16] += bump if label else -bump
    return X[:, None, :], y


def walk_pace(rng: np.random.Generator, n: int) -> Sample:
    """Oscillations of a period of nine or thirteen steps on a level that wanders."""
    y, X = labels(rng, n), 0.4 * rng.normal(size=(n, 160)).cumsum(1) + 5 * rng.normal(size=(n, 1))
    period = np.where(y == 1, 9.0, 13.0)[:, None] * rng.uniform(0.95, 1.05, (n, 1))
    X += 0.6 * np.sin(2 * np.pi * (np.arange(160) / period + rng.random((n, 1))))
    return X[:, None, :], y


def board_line(rng: np.random.Generator, n: int) -> Sample:
    """Boards of 6 x 7 with two kinds of pieces: three of the first in a row somewhere, or none."""
    X, y = [], []
    while len(y) < n:
        board = rng.choice(3, (6, 7), p=[0.45, 0.275, 0.275])
        mine = board == 1
        row = bool((mine[:, :-2] & mine[:, 1:-1] & mine[:, 2:]).any())
        if y.count(row) <= n // 2:
            X.append(board)
            y.append(row)
    order = rng.permutation(n)  # the last ones are all of the class that was rarer
    return np.array(X)[order], np.array(y, dtype=int)[order]


def board_guard(rng: np.random.Generator, n: int) -> Sample:
    """Boards of 8 x 8 with six kinds of pieces: a piece of kind 1 stands diagonally below one of kind 2, or beside."""
    y, X = labels(rng, n), rng.choice(7, (n, 8, 8), p=[0.6, 0.0, 0.0, 0.1, 0.1, 0.1, 0.1])
    for board, label in zip(X, y, strict=True):
        down, across = rng.integers(0, 7, 2)
        board[down, across] = 2
        board[down + bool(label), across + 1] = 1
    return X, y


def codes_patch(rng: np.random.Generator, n: int) -> Sample:
    """Maps of 14 x 14 cells of eight kinds of land: a patch of 3 x 3 with a rim of one kind around another, or not."""
    y, X = labels(rng, n), rng.integers(0, 8, (n, 14, 14))
    for grid, label in zip(X, y, strict=True):
        down, across = rng.integers(0, 12, 2)
        patch = np.full(9, 5)
        patch[4 if label else rng.choice([0, 1, 2, 3, 5, 6, 7, 8])] = 2
        grid[down : down + 3, across : across + 3] = patch.reshape(3, 3)
    return X, y


def codes_states(rng: np.random.Generator, n: int) -> Sample:
    """Sequences of 60 states of five kinds, of which 1 is followed by 3 or 3 by 1 six times, anywhere."""
    y, X = labels(rng, n), rng.integers(0, 5, (n, 60))
    for row, label in zip(X, y, strict=True):
        for start in 2 * rng.choice(29, 6, replace=False):
            row[start : start + 2] = (1, 3) if label else (3, 1)
    return X[:, None, :], y


def letters_motif(rng: np.random.Generator, n: int) -> Sample:
    """60 letters with a motif of seven anywhere, one of which may be wrong, or without it."""
    y, X = labels(rng, n), rng.integers(0, 4, (n, 60))
    for row, label in zip(X, y, strict=True):
        if label:
            motif, start = np.array([2, 0, 3, 3, 1, 0, 2]), rng.integers(0, 54)
            if rng.random() < 0.5:
                motif[rng.integers(7)] = rng.integers(4)
            row[start : start + 7] = motif
    return np.array(list("ACGT"))[X], y


def letters_order(rng: np.random.Generator, n: int) -> Sample:
    """72 letters with two motifs of five, the first one before or behind the second."""
    y, X = labels(rng, n), rng.integers(0, 4, (n, 72))
    for row, label in zip(X, y, strict=True):
        first, second = rng.integers(0, 31), rng.integers(36, 67)
        motifs = ([0, 2, 2, 1, 3], [3, 1, 0, 0, 2])[:: 1 if label else -1]
        row[first : first + 5], row[second : second + 5] = motifs
    return np.array(list("ACGT"))[X], y


def clouds_over(rng: np.random.Generator, n: int) -> Sample:
    """24 x 24 pictures of stripes across or down under missing clouds."""
    y = labels(rng, n)
    wave = np.sin(2 * np.pi * (np.arange(24) / 6 + rng.random((n, 1))))
    X = np.where(y[:, None, None] == 1, wave[:, :, None], wave[:, None, :]) + rng.normal(0, 1.5, (n, 24, 24))
    X[gaussian_filter(rng.normal(size=X.shape), (0, 2, 2)) > 0.06] = np.nan
    return X, y


def clouds_tell(rng: np.random.Generator, n: int) -> Sample:
    """24 x 24 pictures of noise, whose missing cells are one large disc or four small ones."""
    y, X = labels(rng, n), rng.normal(size=(n, 24, 24))
    down, across = np.indices((24, 24))
    for grid, label in zip(X, y, strict=True):
        for _ in range(4 if label else 1):
            radius = 2.5 if label else 5.0
            centre = rng.uniform(radius, 24 - radius, 2)
            grid[np.hypot(down - centre[0], across - centre[1]) < radius] = np.nan
    return X, y


def large_stripes(rng: np.random.Generator, n: int) -> Sample:
    """Pictures of 512 x 512 with stripes 24 cells wide in one of two directions, in noise."""
    y, places = labels(rng, n), np.arange(LARGE)
    X = rng.normal(0, 1.5, (n, LARGE, LARGE)).astype(np.float32)
    for grid, label in zip(X, y, strict=True):
        along = places[:, None] + (1 if label else -1) * places
        grid += np.sin(2 * np.pi * (along / 68 + rng.random())).astype(np.float32)
    return X, y


def large_rings(rng: np.random.Generator, n: int) -> Sample:
    """Pictures of 512 x 512 with a disc or a ring of the same brightness anywhere."""
    y, (down, across) = labels(rng, n), np.indices((LARGE, LARGE))
    X = rng.normal(0, 1.0, (n, LARGE, LARGE)).astype(np.float32)
    for grid, label in zip(X, y, strict=True):
        far = np.hypot(*(axis - rng.uniform(80, LARGE - 80) for axis in (down, across)))
        grid += 2.0 * ((far < 48) if label else (far < 72) & (far > 53.7))
    return X, y


SOURCES: dict[str, tuple[Callable[[np.random.Generator, int], Sample], int]] = {
    "hours_shape": (hours_shape, 0),
    "hours_pair": (hours_pair, 0),
    "walk_bump": (walk_bump, 0),
    "walk_pace": (walk_pace, 0),
    "board_line": (board_line, 3),
    "board_guard": (board_guard, 7),
    "codes_patch": (codes_patch, 8),
    "codes_states": (codes_states, 5),
    "letters_motif": (letters_motif, 4),
    "letters_order": (letters_order, 4),
    "clouds_over": (clouds_over, 0),
    "clouds_tell": (clouds_tell, 0),
    "large_stripes": (large_stripes, 0),
    "large_rings": (large_rings, 0),
}

if __name__ == "__main__":
    main()
