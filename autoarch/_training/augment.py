"""Augmentation of training batches: shifts, cutout and noise, which keep the labels, and blends of two samples."""

from __future__ import annotations

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional as F


def augmented(batch: Tensor, shift: tuple[int, int], cutout: float, noise: float, generator: Generator) -> Tensor:
    """Change each grid of a batch at random; other batches are returned as they are.

    Parameters
    ----------
    batch : Tensor of shape (n, channels, height, width)
        Grids.
    shift : tuple of int
        Cells by which the grids of a batch are moved down or up and right or left at most, and at most a quarter of a
        side.
    cutout : float
        Share of each side of a rectangle that is set to 0, at a place of its own in each grid; on lines, of a stretch.
    noise : float
        Deviation of what is added to each cell, where the cells of all grids deviate by 1.
    generator : torch.Generator
        Of all that is random.
    """
    if batch.ndim != 4:
        return batch
    if any(shift):
        batch = shifted(batch, shift, generator)
    if cutout:
        batch = cut_out(batch, cutout, generator)
    if noise:
        batch = batch + noise * torch.randn(batch.shape, generator=generator).to(batch.device)
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


def shifted(batch: Tensor, most: tuple[int, int], generator: Generator) -> Tensor:
    """Move the grids of a batch by the same random number of cells, at most ``most`` along each axis, over zeros."""
    height, width = batch.shape[-2:]
    down, right = (
        int(torch.randint(-min(cells, side // 4), min(cells, side // 4) + 1, (1,), generator=generator))
        for cells, side in zip(most, (height, width), strict=True)
    )
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
