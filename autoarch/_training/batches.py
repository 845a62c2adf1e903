"""Batches of a training on arrays in memory: rows in a random order, changed and blended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from autoarch._training.augment import Augmentation, mixed

Targets = tuple[torch.Tensor, torch.Tensor | None]  # y, and weights of its rows where they differ


class Streamed:
    """Rows that are computed, and moved to the device, when they are taken."""

    def __init__(self, source: Any, move: Callable[[np.ndarray], torch.Tensor]):
        self.source, self.move = source, move

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, rows: Any) -> torch.Tensor:
        return self.move(self.source[rows if isinstance(rows, slice) else rows.cpu().numpy()])


@dataclass(frozen=True)
class Batch:
    """Inputs of a step, and what is wanted of them; twice, with weights, where two samples are blended into one.

    Parameters
    ----------
    inputs : Tensor of shape (n, ...)
        Samples.
    targets : tuple of pairs
        Values of y, and their weights or None.
    """

    inputs: torch.Tensor
    targets: tuple[Targets, ...]


class Batches:
    """Batches of one net, the same for the same seed.

    Parameters
    ----------
    X, y : Tensor
        Rows; of X also those that are computed when they are taken.
    weight : Tensor or None
        Of the rows.
    size : int
        Rows of a batch at most; a last one with half of them or fewer is left out.
    seed : int
        Of all that is random.
    augmentation : Augmentation or None
        Changes of grids; another arrangement of each one in each epoch.
    mixup : float
        Strength of :func:`autoarch._training.augment.mixed`; 0 for none.
    """

    def __init__(
        self,
        X: Any,
        y: torch.Tensor,
        weight: torch.Tensor | None,
        size: int,
        seed: int,
        augmentation: Augmentation | None,
        mixup: float,
    ):
        n = len(X)
        self.X, self.y, self.weight, self.size = X, y, weight, min(size, n)
        self.augmentation, self.mixup = augmentation, mixup
        self.starts = [s for s in range(0, n, self.size) if n - s > self.size // 2 or s == 0]
        self.generator = torch.Generator().manual_seed(seed)
        n_views = 1 if augmentation is None else augmentation.n_views
        views = torch.randint(n_views, (n,), generator=self.generator) if n_views > 1 else torch.zeros(n).long()
        self.views, self.n_epochs = views.to(y.device), 0

    def __len__(self) -> int:
        return len(self.starts)

    def epoch(self, number: int) -> range:
        """Shuffle the rows for the epoch of that number; return the numbers of its batches."""
        self.order = torch.randperm(len(self.X), generator=self.generator).to(self.y.device)
        self.n_epochs = number
        return range(len(self.starts))

    def draw(self, number: int) -> Batch:
        """Draw the batch of that number in this epoch."""
        rows = self.order[self.starts[number] : self.starts[number] + self.size]
        inputs = self.X[rows]
        if self.augmentation is not None:
            views = (self.views[rows] + self.n_epochs) % self.augmentation.n_views
            inputs = self.augmentation.of(inputs, self.generator, views)
        weight = None if self.weight is None else self.weight[rows]
        if not self.mixup:
            return Batch(inputs, ((self.y[rows], weight),))
        inputs, others, share = mixed(inputs, self.mixup, self.generator)
        second = 1.0 - share if self.weight is None else (1.0 - share) * self.weight[rows[others]]
        first = share if weight is None else share * weight
        return Batch(inputs, ((self.y[rows], first), (self.y[rows[others]], second)))
