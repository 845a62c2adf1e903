"""Augmentation of training batches: changes of a sample that keep its label, and blends of two samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Augmentation:
    """Changes of the grids of a batch.

    Parameters
    ----------
    shift : tuple of int
        Cells by which the grids of a batch are moved down or up and right or left at most, and at most a quarter of a
        side.
    mirror : tuple of bool
        Whether half of the grids are turned upside down, and half left to right.
    turn : bool
        Whether the grids of a batch, which are squares, are turned by a random number of quarters.
    cutout : float
        Share of each side of a rectangle that is set to 0, at a place of its own in each grid; on lines, of a stretch.
    noise : float
        Deviation of what is added to each cell, where the cells of all grids deviate by 1.
    wrap : tuple of bool
        Whether what leaves a grid at the bottom, or on the right, comes in again on the other side.
    """

    shift: tuple[int, int] = (0, 0)
    mirror: tuple[bool, bool] = (False, False)
    turn: bool = False
    cutout: float = 0.0
    noise: float = 0.0
    wrap: tuple[bool, bool] = (False, False)

    def of(self, batch: Tensor, generator: Generator) -> Tensor:
        """Change each grid (n, channels, height, width) at random; other batches are returned as they are."""
        if batch.ndim != 4:
            return batch
        if any(self.shift):
            batch = shifted(batch, self.shift, generator, self.wrap)
        for axis, wanted in zip((2, 3), self.mirror, strict=True):
            if wanted:
                chosen = torch.rand((len(batch), 1, 1, 1), generator=generator).to(batch.device) < 0.5
                batch = torch.where(chosen, batch.flip(axis), batch)
        if self.turn:
            batch = torch.rot90(batch, int(torch.randint(4, (1,), generator=generator)), (2, 3))
        if self.cutout:
            batch = cut_out(batch, self.cutout, generator)
        if self.noise:
            batch = batch + self.noise * torch.randn(batch.shape, generator=generator).to(batch.device)
        return batch


def mixed(batch: Tensor, strength: float, generator: Generator) -> tuple[Tensor, Tensor, float]:
    """Blend each sample with another one of the batch (mixup [1]_).

    Parameters
    ----------
    batch : Tensor of shape (n, ...)
        Samples.
    strength : float
        Both parameters of the beta distribution that the share of the first sample is drawn from.
    generator : torch.Generator
        Of all that is random.

    Returns
    -------
    blended : Tensor
        Like ``batch``.
    others : Tensor of shape (n,)
        The second sample of each.
    share : float
        Of the first one.

    References
    ----------
    .. [1] H. Zhang, M. Cisse, Y. N. Dauphin, D. Lopez-Paz, "mixup: beyond empirical risk minimization", ICLR 2018.
    """
    share = float(np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator))).beta(strength, strength))
    others = torch.randperm(len(batch), generator=generator).to(batch.device)
    return torch.lerp(batch[others], batch, share), others, share


def shifted(
    batch: Tensor, most: tuple[int, int], generator: Generator, wrap: tuple[bool, bool] = (False, False)
) -> Tensor:
    """Move the grids of a batch by the same random number of cells, at most ``most`` along each axis.

    What comes in is 0, or along an axis that wraps what has left on the other side.
    """
    height, width = batch.shape[-2:]
    down, right = (
        int(torch.randint(-min(cells, side // 4), min(cells, side // 4) + 1, (1,), generator=generator))
        for cells, side in zip(most, (height, width), strict=True)
    )
    batch = torch.roll(batch, (down * wrap[0], right * wrap[1]), (2, 3)) if any(wrap) else batch
    down, right = down * (not wrap[0]), right * (not wrap[1])
    return batch if down == right == 0 else F.pad(batch, (right, -right, down, -down))


def cut_out(batch: Tensor, share: float, generator: Generator) -> Tensor:
    """Set a rectangle of each grid to 0, ``share`` of each side long, wherever it may stand."""
    inside = []
    for side in batch.shape[-2:]:
        length = 1 if side == 1 else max(1, round(share * side))
        first = torch.randint(0, side - length + 1, (len(batch), 1), generator=generator)
        places = torch.arange(side)
        inside.append((places >= first) & (places < first + length))
    rectangle = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return batch.masked_fill(rectangle.to(batch.device), 0.0)
