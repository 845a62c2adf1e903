"""What threads cost beside the processes of others: fits of every kind, alone and with b busy processes.

    python threads.py                 # b = 0, 1, 2; some three minutes, on a machine that does nothing else
    python threads.py --busy 2 4 --only boosting cnn

With b = 0 each is timed with one thread and with all cores; with more, with the number of threads that the package
chooses at that moment. Printed are median seconds and two ratios: to the same number of threads with b = 0, and to the
better of one thread and all with b = 0. Wanted with b = 2: at most 2.2 and 3.5.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # as the package does before it imports torch

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from autoarch import Layout
from autoarch._core.pace import Work, gain_of_threads, share_of_core, threads_that_pay
from autoarch._core.threads import limited, usable_cores
from autoarch._training.conv_net import ConvNet
from autoarch._training.loop import ArrayNetClassifier
from autoarch.datasets import load_digits_grid
from autoarch.families.random_convolutions import RandomConvolutionClassifier
from autoarch.locality.layout_choice import measure

LEAST_RUNS, SECONDS = 3, 1.5  # of one piece of work: as often as fits, three times at least,
LONG = 3.0  # seconds, or once where it takes so long
BUSY = "while True: pass"


@dataclass(frozen=True)
class Piece:
    """A piece of work: its kind (``None`` always has one thread), its size, and what is done."""

    kind: Work | None
    values: int
    call: Callable[[], object]

    def seconds(self, n_threads: int) -> float:
        """Median wall-clock seconds with so many threads."""
        taken: list[float] = []
        while max(taken, default=0) < LONG and (len(taken) < LEAST_RUNS or sum(taken) < SECONDS):
            with limited(n_threads):
                began = time.perf_counter()
                self.call()
                taken.append(time.perf_counter() - began)
        return statistics.median(taken)

    def threads_now(self) -> int:
        """How many threads the package takes at this moment."""
        return 1 if self.kind is None else threads_that_pay(self.kind, self.values, share_of_core())


def pieces() -> dict[str, Piece]:
    """The table's rows."""
    grids, labels = load_digits_grid()
    grids = np.ascontiguousarray(grids.reshape(-1, 1, 8, 8), dtype=np.float32)
    flat = grids.reshape(len(grids), -1).astype(np.float64)
    rng = np.random.default_rng(0)

    def probe() -> object:
        return measure(flat, Layout(8, 8), y=labels, task="classification", seed=0)

    def convolutions() -> object:
        return RandomConvolutionClassifier().fit(grids, labels)

    def boosting(n: int) -> Piece:
        X = rng.normal(size=(n, 20))
        y = (X[:, 0] * X[:, 1] + rng.normal(size=n) > 0).astype(int)
        model = HistGradientBoostingClassifier(max_iter=40, early_stopping=False)
        return Piece("boosting", X.size, lambda: model.fit(X, y))

    def net(module: type | Callable, X: np.ndarray, batch: int, **settings: object) -> Piece:
        model = ArrayNetClassifier(module, max_epochs=1, batch_size=batch, lr=1e-3, **settings)
        kind: Work = "convolutions" if X.ndim == 4 else "dense net"
        return Piece(kind, batch * X[0].size, lambda: model.fit(X, labels[: len(X)]))

    large = rng.normal(size=(len(grids), 1, 28, 28)).astype(np.float32)
    return {
        "probe of digits": Piece(None, flat.size, probe),
        "boosting, 250 rows": boosting(250),
        "boosting, 2,000 rows": boosting(2_000),
        "boosting, 20,000 rows": boosting(20_000),
        "cnn epoch, 8 x 8": net(ConvNet, grids, 64),
        "cnn epoch, 28 x 28": net(ConvNet, large, 64),
        "random convolutions": Piece("convolutions", flat.size, convolutions),
        "dense net epoch": net(dense, flat.astype(np.float32), 64),
    }


def dense(input_shape: tuple[int, ...], n_outputs: int) -> object:
    """A net of two hidden layers."""
    from torch import nn

    widths = (input_shape[-1], 256, 256)
    hidden = [layer for pair in pairwise(widths) for layer in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(widths[-1], n_outputs))


@contextmanager
def busy(n: int) -> Iterator[None]:
    """Have n other processes that compute without end."""
    processes = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(n)]
    try:
        time.sleep(0.3 * bool(n))  # they start
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", type=int, nargs="+", default=[1, 2], help="numbers of busy processes beside 0")
    parser.add_argument("--only", nargs="+", default=[""], help="how the names of the wanted rows begin")
    arguments = parser.parse_args()
    table = {name: piece for name, piece in pieces().items() if name.startswith(tuple(arguments.only))}
    loads, cores = [b for b in arguments.busy if b], usable_cores()
    idle: dict[str, dict[int, float]] = {}
    print(f"{'':24s}{'b':>3s}{'threads':>9s}{'seconds':>9s}{'/ same idle':>13s}{'/ best idle':>13s}")
    print(f"share of a core {share_of_core():.2f}, gain of {cores} threads {gain_of_threads(cores):.2f}")
    for name, piece in table.items():
        piece.call()  # loads libraries
        idle[name] = {n: piece.seconds(n) for n in sorted({1, cores})}
        chosen = piece.threads_now()
        for n, seconds in idle[name].items():
            ratio = seconds / min(idle[name].values())
            print(
                f"{name:24s}{0:3d}{n:8d}{'*' if n == chosen else ' '}{seconds:9.3f}{1:13.2f}{ratio:13.2f}", flush=True
            )
    for b in loads:
        with busy(b):
            print(f"share of a core {share_of_core():.2f}, gain of {cores} threads {gain_of_threads(cores):.2f}")
            for name, piece in table.items():
                n = piece.threads_now()
                seconds = piece.seconds(n)
                same = seconds / idle[name].get(n, float("nan"))
                best = seconds / min(idle[name].values())
                print(f"{name:24s}{b:3d}{n:8d}*{seconds:9.3f}{same:13.2f}{best:13.2f}", flush=True)


if __name__ == "__main__":
    main()
