"""Time and memory of pictures of the neighbourhood for very many rows, filled batch by batch.

    python spatial_speed.py
    python spatial_speed.py --rows 100000 --only lattice

Ten attributes, 9 x 9 cells: ``fit`` and all batches, on one core, each kind of map in a process of its own.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import resource
import time
from multiprocessing import get_context

import numpy as np

from autoarch.geo import NeighborhoodGrid

MAPS = ("plane", "lattice", "globe", "clusters")
ATTRIBUTES = 10
CLUSTERS = 200


def main() -> None:
    """Measure each kind of map and print a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", nargs="*", default=MAPS, choices=MAPS)
    arguments = parser.parse_args()
    for name in arguments.only:
        with get_context("spawn").Pool(1) as pool:
            seconds, gibibytes = pool.apply(measure, (name, arguments.rows))
        print(f"{name:9} {seconds:5.1f} s of processor time, at most {gibibytes:.2f} GiB", flush=True)


def measure(name: str, n: int) -> tuple[float, float]:
    """Seconds of processor time and the most memory that the process had."""
    rng = np.random.default_rng(0)
    X = np.column_stack([points(name, n, rng), rng.normal(size=(n, ATTRIBUTES)).astype(np.float32)])
    started = time.process_time()
    grid = NeighborhoodGrid((0, 1), geographic=name == "globe").fit(X)
    for _ in grid.batches(X, training=True):
        pass
    return time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def points(name: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Places of n rows."""
    if name == "lattice":
        side = int(np.ceil(np.sqrt(n)))
        return 30.0 * np.column_stack(np.divmod(rng.permutation(side * side)[:n], side))
    if name == "globe":
        return np.column_stack([rng.uniform(-180, 180, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))])
    if name == "clusters":
        return rng.uniform(size=(CLUSTERS, 2))[rng.integers(CLUSTERS, size=n)] + rng.normal(scale=0.005, size=(n, 2))
    return rng.uniform(size=(n, 2))


if __name__ == "__main__":
    main()
