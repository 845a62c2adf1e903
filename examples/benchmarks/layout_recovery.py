"""How much of a grid is recovered from shuffled columns, and whether what has no grid is refused.

    python layout_recovery.py                       # scikit-learn's digits and photographs, generated fields, tables
    python layout_recovery.py --data DIR --only clean noise

With ``--data`` the pictures and tables of a folder are used as well: each ``.npz`` with an X of shape (n, H, W) is a
source of pictures, each with an X of shape (n, p) a table. Every case runs in a process of its own on one thread;
``recovered`` is the share of true neighbouring cells that are neighbours again, ``cpu`` the seconds of the processor,
``peak_mb`` the peak of the whole process.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_sample_images, load_wine

from autoarch.layouts.recover import neighbour_pairs, recover_layout

Make = Callable[[np.random.Generator, int], np.ndarray]
KINDS = ("clean", "noise", "large", "unknown", "colour", "lines", "refused")


@dataclass(frozen=True)
class Case:
    """One measurement: which array, how many rows of it, what is added, what is told."""

    kind: str
    source: str
    n: int
    size: tuple[int, ...] = ()
    noise: float = 0.0
    told: bool = True
    seed: int = 0


def main() -> None:
    """Measure and print one table per kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="*", default=[], metavar="DIR")
    parser.add_argument("--only", nargs="*", choices=KINDS, default=KINDS)
    parser.add_argument("--seeds", type=int, default=1, help="repeats with other rows")
    arguments = parser.parse_args()
    files = {path.stem: str(path) for folder in arguments.data for path in sorted(Path(folder).glob("*.npz"))}
    for kind in arguments.only:
        rows = []
        for case in cases(kind, files, arguments.seeds):
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                rows.append(pool.submit(measure, case, files).result())
            print(rows[-1], flush=True)
        print(f"\n## {kind}\n{pd.DataFrame(rows).to_string(index=False)}", flush=True)


def cases(kind: str, files: dict[str, str], seeds: int) -> list[Case]:
    """What is measured, by kind."""
    found: list[Case] = []
    for seed in range(seeds):
        if kind == "clean":
            sizes = {"fashion_mnist": (20_000, 5_000, 1_000, 500), "mnist5k": (3_500,), "texture_patches": (1_500,)}
            found += [Case(kind, name, n, seed=seed) for name in sizes if name in files for n in sizes[name]]
            found += [Case(kind, "digits", n, seed=seed) for n in (1_797, 1_000)]
            found += [
                Case(kind, "photograph", n, size, seed=seed) for n, size in ((1_000, (16, 16)), (2_000, (28, 28)))
            ]
            found += [Case(kind, "field", 1_000, (16, 16), seed=seed)]
        if kind == "noise" and "fashion_mnist" in files:
            found += [Case(kind, "fashion_mnist", 5_000, noise=noise, seed=seed) for noise in (0.1, 0.2, 0.3, 0.5, 0.8)]
        if kind == "large":
            found += [
                Case(kind, "photograph", 5_000, (64, 64), seed=seed),
                Case(kind, "field", 5_000, (64, 64), seed=seed),
            ]
        if kind == "unknown":
            found += unknown(files, seed)
        if kind == "colour":
            found += [Case(kind, "colour", 2_000, (3, 16, 16), told=told, seed=seed) for told in (True, False)]
            found += [Case(kind, "colour", n, (3, 12, 20), seed=seed) for n in (500, 2_000)]
        if kind == "lines":
            found += [
                Case(kind, "ar", n, (1, p), told=False, seed=seed) for n, p in ((500, 64), (1_000, 144), (2_000, 400))
            ]
            lines = ("sonar", "tecator_fat", "osu_leaf", "italy_power")
            found += [Case(kind, name, 10_000, (), told=False, seed=seed) for name in lines if name in files]
        if kind == "refused":
            found += refused(files, seed)
    return found


def unknown(files: dict[str, str], seed: int) -> list[Case]:
    """Twelve grids as in the notes on the prototype, ten new ones."""
    sizes = [(28, 28, 5_000), (28, 28, 1_000), (20, 35, 3_000), (14, 14, 3_000), (14, 56, 3_000), (12, 24, 2_000)]
    found = [Case("unknown", "fashion_mnist", n, (h, w)) for h, w, n in sizes if "fashion_mnist" in files]
    found += [Case("unknown", "digits", n, (8, 8)) for n in (1_797, 1_000)]
    photographs = [(16, 16, 1_000), (12, 12, 1_000), (10, 24, 1_000), (28, 28, 2_000)]
    new = [(15, 15, 800), (9, 16, 600), (8, 30, 1_000), (20, 20, 1_000), (11, 13, 1_000), (24, 32, 2_000)]
    found += [Case("unknown", "photograph", n, (h, w)) for h, w, n in photographs + new]
    found += [Case("unknown", "field", n, (h, w)) for h, w, n in ((16, 16, 1_000), (10, 40, 1_000), (12, 18, 500))]
    found += [Case("unknown", "mnist5k", 3_500)] if "mnist5k" in files else []
    return [Case(c.kind, c.source, c.n, c.size, told=False, seed=seed) for c in found]


def refused(files: dict[str, str], seed: int) -> list[Case]:
    """Tables, noise and factor models."""
    generated = [("noise", 1_000, 64), ("noise", 300, 144), ("noise", 1_000, 784)]
    generated += [("factors", 1_000, 64), ("factors", 500, 100), ("factors", 2_000, 256), ("clusters", 1_000, 100)]
    found = [Case("refused", name, n, (p,), told=False, seed=seed) for name, n, p in generated]
    found += [Case("refused", name, 10_000, told=False, seed=seed) for name in ("breast_cancer", "wine", "diabetes")]
    tables = ("spambase", "musk", "mdrr_descriptors", "tissue_expression", "thrombin_ecfp", "shuttle")
    return found + [Case("refused", name, 5_000, told=False, seed=seed) for name in tables if name in files]


def measure(case: Case, files: dict[str, str]) -> dict[str, object]:
    """Shuffle the columns, recover, compare with the truth."""
    rng = np.random.default_rng(case.seed)
    X = load(case, files, rng)
    if case.noise:
        X = X / X.max() + case.noise * rng.normal(size=X.shape).astype(np.float32)
    shape = X.shape[1:] if X.ndim > 2 else (1, X.shape[1])
    flat = X.reshape(len(X), -1)
    shuffle = rng.permutation(flat.shape[1])
    active = np.flatnonzero((flat != np.median(flat, axis=0)).mean(axis=0) > 0.005)
    flat = np.ascontiguousarray(flat[:, shuffle])
    rows = len(X)
    del X
    started = time.process_time()
    found = recover_layout(flat, shape if case.told else None, random_state=case.seed)
    cpu = time.process_time() - started
    cells = np.where(found.order >= 0, shuffle[np.maximum(found.order, 0)], -1).reshape(found.shape)
    truth = np.arange(flat.shape[1]).reshape(shape)
    of_active = np.where(np.isin(truth, active), truth, -1)
    noted = f" + noise {case.noise}" if case.noise else ""
    return {
        "data": f"{case.source}{noted}",
        "n": rows,
        "cells": "x".join(map(str, shape)),
        "told": case.told,
        "kind": found.kind,
        "found": "x".join(map(str, found.shape)),
        "recovered": round(shared(truth, cells), 3),
        "of_active": round(shared(of_active, cells), 3),
        "accepted": found.accepted,
        "score": round(found.score, 3),
        "nats": round(found.likelihood, 3),
        "nats_line": round(found.line_likelihood, 3),
        "cpu": round(cpu, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def shared(truth: np.ndarray, cells: np.ndarray) -> float:
    """Share of the true neighbouring pairs that are neighbours in the layout."""
    wanted = neighbour_pairs(truth)
    return float(np.isin(wanted, neighbour_pairs(cells)).mean()) if len(wanted) else float("nan")


def load(case: Case, files: dict[str, str], rng: np.random.Generator) -> np.ndarray:
    """Rows of a source, (n, ...) in their true order."""
    makers: dict[str, Make] = {
        "photograph": lambda rng, n: crops(rng, n, case.size).mean(axis=1),
        "colour": lambda rng, n: crops(rng, n, case.size[1:]),
        "field": lambda rng, n: field(rng, n, case.size),
        "ar": lambda rng, n: series(rng, n, case.size[1]),
        "noise": lambda rng, n: rng.normal(size=(n, *case.size)),
        "factors": lambda rng, n: factors(rng, n, case.size[0]),
        "clusters": lambda rng, n: clusters(rng, n, case.size[0]),
    }
    if case.source in makers:
        return makers[case.source](rng, case.n)
    bundled = {"breast_cancer": load_breast_cancer, "wine": load_wine, "diabetes": load_diabetes}
    if case.source == "digits":
        X = load_digits().images
    elif case.source in bundled:
        X = bundled[case.source]().data
    else:
        with np.load(files[case.source], allow_pickle=False) as arrays:
            X = arrays["X"]
    X = X[rng.choice(len(X), min(case.n, len(X)), replace=False)]
    if X.ndim == 3 and case.size:
        X = resized(X, case.size)
    return X


def resized(X: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """A part of each picture, enlarged by interpolation where it is too small, halved where twice too large."""
    from scipy.ndimage import zoom

    if X.shape[1] >= 2 * size[0] and X.shape[2] >= 2 * size[1]:
        X = X[:, : 2 * size[0], : 2 * size[1]].reshape(len(X), size[0], 2, size[1], 2).mean(axis=(2, 4))
    if X.shape[1:] != tuple(size):
        X = zoom(X.astype(np.float32), (1, size[0] / X.shape[1], size[1] / X.shape[2]), order=1)
    return X


def crops(rng: np.random.Generator, n: int, size: tuple[int, ...]) -> np.ndarray:
    """Random crops of scikit-learn's two photographs, (n, 3, H, W)."""
    images = [image.astype(np.float32).transpose(2, 0, 1) / 255 for image in load_sample_images().images]
    height, width = size
    out = np.empty((n, 3, height, width), np.float32)
    for i in range(n):
        image = images[rng.integers(len(images))]
        top, left = rng.integers(image.shape[1] - height + 1), rng.integers(image.shape[2] - width + 1)
        out[i] = image[:, top : top + height, left : left + width]
    return out


def field(rng: np.random.Generator, n: int, size: tuple[int, ...]) -> np.ndarray:
    """Noise smoothed with a Gaussian of spread 1."""
    height, width = size
    noise = rng.normal(size=(n, height + 8, width + 8)).astype(np.float32)
    return gaussian_filter(noise, (0, 1.0, 1.0))[:, 4:-4, 4:-4]


def series(rng: np.random.Generator, n: int, length: int) -> np.ndarray:
    """First-order autoregressive series with coefficient 0.9."""
    X = rng.normal(size=(n, length))
    for t in range(1, length):
        X[:, t] = 0.9 * X[:, t - 1] + np.sqrt(1 - 0.81) * X[:, t]
    return X


def factors(rng: np.random.Generator, n: int, p: int) -> np.ndarray:
    """Five common factors and noise."""
    return rng.normal(size=(n, 5)) @ rng.normal(size=(5, p)) + rng.normal(size=(n, p))


def clusters(rng: np.random.Generator, n: int, p: int) -> np.ndarray:
    """Groups of ten columns, each about one factor."""
    return np.repeat(rng.normal(size=(n, p // 10)), 10, axis=1) + 0.5 * rng.normal(size=(n, 10 * (p // 10)))


if __name__ == "__main__":
    main()
