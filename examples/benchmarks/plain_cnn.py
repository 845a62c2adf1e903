"""A convolutional net written by hand: three blocks, Adam with a one-cycle schedule, best validation weights kept."""

from __future__ import annotations

import copy
import time

import numpy as np
import torch
from torch import nn

MOST_EPOCHS, PATIENCE = 40, 10


class PlainCNN:
    """Fit on ``(n, H, W)`` or ``(n, C, H, W)``; ``n_classes`` of 0 means regression."""

    def __init__(
        self,
        n_classes: int,
        *,
        seconds: float,
        seed: int,
        threads: int,
        width: int = 32,
        dropout: float = 0.25,
        lr: float = 3e-3,
    ):
        self.n_classes, self.seconds, self.seed, self.threads = n_classes, seconds, seed, threads
        self.width, self.dropout, self.lr = width, dropout, lr

    def fit(self, X: np.ndarray, y: np.ndarray, X_valid: np.ndarray, y_valid: np.ndarray) -> PlainCNN:
        """Train until the validation loss stops falling, the epochs are done or 9/10 of the time is gone."""
        began = time.monotonic()
        torch.manual_seed(self.seed)
        torch.set_num_threads(self.threads)
        images = _images(X)
        self.mean, self.std = images.mean(), images.std() + 1e-6
        self.center, self.scale = (0.0, 1.0) if self.n_classes else (float(y.mean()), float(y.std()) + 1e-9)
        train, valid = (self._tensors(X, y), self._tensors(X_valid, y_valid))
        self.net = _blocks(images.shape[1:], self.width, self.dropout, max(1, self.n_classes))
        self.loss = nn.CrossEntropyLoss() if self.n_classes else nn.MSELoss()
        size = 64 if len(y) >= 1000 else 32
        end = began + 0.9 * self.seconds
        self._forward(train[0][:size])  # gives the last layer its size
        epochs = self._affordable_epochs(*train, size, end)
        optimizer = torch.optim.Adam(self.net.parameters(), weight_decay=1e-4)
        steps = epochs * max(1, len(y) // size)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=self.lr, total_steps=steps)
        best, state, stale = np.inf, self.net.state_dict(), 0
        for epoch in range(epochs):  # noqa: B007
            self._epoch(*train, size, optimizer, schedule, end)
            loss = float(self.loss(self._forward(valid[0]), valid[1]))
            stale = 0 if loss < best - 1e-4 else stale + 1
            if not stale:
                best, state = loss, copy.deepcopy(self.net.state_dict())
            if stale >= PATIENCE or time.monotonic() > end:
                break
        self.net.load_state_dict(state)
        self.note = f"{epoch + 1} of {epochs} epochs, validation loss {best:.4f}"
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Class codes, or values."""
        out = self._forward(torch.from_numpy((_images(X) - self.mean) / self.std)).numpy()
        return out.argmax(1) if self.n_classes else out[:, 0] * self.scale + self.center

    def _affordable_epochs(self, X: torch.Tensor, y: torch.Tensor, size: int, end: float) -> int:
        """Time a few batches on a throw-away copy, so that the schedule ends before the clock does."""
        copied, took = copy.deepcopy(self.net).train(), []
        for start in range(0, max(1, min(12 * size, len(X)) - size + 1), size):
            began = time.monotonic()
            self.loss(copied(X[start : start + size]), y[start : start + size]).backward()
            took.append(time.monotonic() - began)
        epoch = 1.5 * float(np.median(took)) * (len(X) / size)  # the optimizer and the validation come on top
        return int(np.clip((end - time.monotonic()) / epoch, 1, MOST_EPOCHS))

    def _epoch(self, X: torch.Tensor, y: torch.Tensor, size: int, optimizer, schedule, end: float) -> None:
        self.net.train()
        order = torch.randperm(len(X))
        for step in range(max(1, len(X) // size)):
            rows = order[step * size : (step + 1) * size]
            optimizer.zero_grad()
            self.loss(self.net(X[rows]), y[rows]).backward()
            optimizer.step()
            schedule.step()
            if time.monotonic() > end:
                return

    def _tensors(self, X: np.ndarray, y: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        inputs = torch.from_numpy((_images(X) - self.mean) / self.std)
        if self.n_classes:
            return inputs, torch.from_numpy(np.asarray(y, dtype=np.int64))
        return inputs, torch.from_numpy(((y - self.center) / self.scale).astype(np.float32))[:, None]

    @torch.no_grad()
    def _forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.net.eval()
        return torch.cat([self.net(batch) for batch in inputs.split(512)])


def _images(X: np.ndarray) -> np.ndarray:
    images = np.nan_to_num(np.asarray(X, dtype=np.float32))
    return images[:, None] if images.ndim == 3 else images


def _blocks(shape: tuple[int, ...], width: int, dropout: float, n_out: int) -> nn.Module:
    channels, height, length = shape
    layers: list[nn.Module] = []
    for out in (width, 2 * width, 4 * width):
        for _ in range(2):
            layers += [nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU()]
            channels = out
        pool = (2 if height >= 4 else 1, 2 if length >= 4 else 1)
        layers += [nn.MaxPool2d(pool), nn.Dropout2d(dropout / 2)]
        height, length = height // pool[0], length // pool[1]
    head = [nn.AdaptiveAvgPool2d((min(3, height), min(3, length))), nn.Flatten(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, *head, nn.LazyLinear(n_out))
