"""What our layers cost: training through skorch against a torch loop by hand, predicting against the bare pipeline.

    python speed.py
    python speed.py --device cuda

Both sides are measured in turns in one process and the median ratio of the turns is printed. Wanted: at most 1.10 each.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from autoarch import AutoArchClassifier
from autoarch._training.conv_net import ConvNet
from autoarch._training.loop import ArrayNetClassifier
from autoarch.datasets import load_digits_grid

ROUNDS, EPOCHS, BATCH = 7, 3, 64


def by_hand(X: np.ndarray, y: np.ndarray, device: str) -> None:
    """The loop that one would write: the same net, optimiser and schedule, batches cut from a tensor."""
    torch.manual_seed(0)
    net = ConvNet(X.shape[1:], 10, filters=16).to(device, memory_format=torch.channels_last).train()
    data = torch.from_numpy(X).to(device).contiguous(memory_format=torch.channels_last)
    target, loss = torch.from_numpy(y).to(device), torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01, fused=True)
    steps = EPOCHS * (len(X) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=steps)
    for _ in range(EPOCHS):
        order = torch.randperm(len(data), device=device)
        for start in range(0, len(data) - BATCH + 1, BATCH):
            rows = order[start : start + BATCH]
            optimizer.zero_grad()
            loss(net(data[rows]), target[rows]).backward()
            optimizer.step()
            schedule.step()
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def through_skorch(X: np.ndarray, y: np.ndarray, device: str) -> None:
    """The same training through our net."""
    settings = {"max_epochs": EPOCHS, "batch_size": BATCH, "lr": 0.01, "device": device}
    ArrayNetClassifier(ConvNet, module__filters=16, **settings).fit(X, y)
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def seconds(call: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def ratio(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float, float]:
    """Median seconds of both sides, measured in turns, and the median of the turns' ratios."""
    ours(), theirs()  # the first calls load libraries
    turns = [(seconds(ours), seconds(theirs)) for _ in range(ROUNDS)]
    return (
        statistics.median(a for a, _ in turns),
        statistics.median(b for _, b in turns),
        statistics.median(a / b for a, b in turns),
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    device = parser.parse_args().device
    rng = np.random.default_rng(0)
    print(f"{'':34s}{'ours, s':>10s}{'other, s':>10s}{'ratio':>8s}")
    for side in (8, 28, 64):
        n = BATCH * 30
        X, y = rng.normal(size=(n, 1, side, side)).astype(np.float32), rng.integers(10, size=n)
        a, b, r = ratio(lambda X=X, y=y: through_skorch(X, y, device), lambda X=X, y=y: by_hand(X, y, device))
        print(f"{f'training, {side} x {side}, {n} rows':34s}{a:10.3f}{b:10.3f}{r:8.2f}")
    X, y = load_digits_grid()
    for family in ("cnn", "tree", "linear"):
        settings = {"time_budget": None, "n_trials": 1, "cv": 2, "device": device, "random_state": 0, "verbose": 0}
        clf = AutoArchClassifier(families=family, **settings).fit(X, y)
        values, bare = clf.best_estimator_[0].transform(X), clf.best_estimator_[1:]
        a, b, r = ratio(lambda clf=clf: clf.predict(X), lambda bare=bare, values=values: bare.predict(values))
        print(f"{f'predicting, {family}, {len(X)} rows':34s}{a:10.4f}{b:10.4f}{r:8.2f}")


if __name__ == "__main__":
    main()
