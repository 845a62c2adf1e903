"""Augmentation of training batches: changes of a sample that keep its label, and blends of two samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional as F

_LEAST_SIDE = 4  # cells along which grids are moved: a quarter of them is a cell


@dataclass(frozen=True)
class Augmentation:
    """Changes of the grids of a batch.

    Parameters
    ----------
    shift : tuple of int
        Cells by which each grid is moved down or up and right or left at most, and at most a quarter of a side.
    mirror : tuple of bool
        Whether half of the grids are turned upside down, and half left to right.
    turn : bool
        Whether each grid, which is a square, is turned by a random number of quarters.
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

    @property
    def n_views(self) -> int:
        """Number of arrangements that mirrors and turns make of a grid."""
        return int(2 ** sum(self.mirror) * (4 if self.turn else 1))

    def arrangements(self, sides: tuple[int, int]) -> np.ndarray:
        """Cells that stand at each place of a grid where it is arranged in a way that leaves its label alone.

        As it is first, then mirrored and turned in every way, then moved by one cell to each side.

        Parameters
        ----------
        sides : tuple of int
            Height and width of the grid.

        Returns
        -------
        ndarray of shape (n_arrangements, height * width)
            Numbers of cells, row by row; ``height * width`` for one that lay outside of the grid.
        """
        cells = np.arange(sides[0] * sides[1]).reshape(sides)
        found = [cells]
        for axis in (axis for axis in (0, 1) if self.mirror[axis]):
            found += [np.flip(view, axis) for view in found]
        if self.turn and sides[0] == sides[1]:
            found += [
                np.rot90(view, quarters) for view in found for quarters in ((1,) if all(self.mirror) else (1, 2, 3))
            ]
        for axis in (axis for axis in (0, 1) if self.shift[axis] and sides[axis] >= _LEAST_SIDE):
            rim = [(int(axis == 0),) * 2, (int(axis == 1),) * 2]
            around = (
                np.pad(cells, rim, mode="wrap") if self.wrap[axis] else np.pad(cells, rim, constant_values=cells.size)
            )
            found += [np.take(around, start + np.arange(sides[axis]), axis) for start in (0, 2)]
        return np.stack([view.ravel() for view in found])

    def of(self, batch: Tensor, generator: Generator, views: Tensor | None = None) -> Tensor:
        """Change each grid (n, channels, height, width) at random; other batches are returned as they are.

        ``views`` are numbers of the arrangement of each grid, at random where they are not given.
        """
        if batch.ndim != 4:
            return batch
        if views is None:
            views = torch.randint(self.n_views, (len(batch),), generator=generator)
        views = views.to(batch.device)[:, None, None, None]
        if any(self.shift):
            batch = shifted(batch, self.shift, generator, self.wrap)
        for axis, wanted in zip((2, 3), self.mirror, strict=True):
            if wanted:
                batch = torch.where(views % 2 == 1, batch.flip(axis), batch)
                views = views // 2
        if self.turn:
            turned = [torch.rot90(batch, number, (2, 3)) for number in (1, 2, 3)]
            for number, grids in enumerate(turned, start=1):
                batch = torch.where(views % 4 == number, grids, batch)
        if self.cutout:
            batch = cut_out(batch, self.cutout, generator)
        if self.noise:
            batch = batch + self.noise * torch.randn(batch.shape, generator=generator).to(batch.device)
        return batch


def arranged(batch: Tensor, cells: np.ndarray) -> Tensor:
    """Grids of a batch (n, channels, height, width) in one of ``Augmentation.arrangements``; what is outside is 0."""
    around = F.pad(batch.flatten(2), (0, 1))
    return around[:, :, torch.from_numpy(cells).to(batch.device)].reshape(batch.shape)


def mixed(batch: Tensor, strength: float, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Blend each sample with another one of the batch (mixup [1]_).

    Parameters
    ----------
    batch : Tensor of shape (n, ...)
        Samples.
    strength : float
        Both parameters of the beta distribution that the share of each first sample is drawn from.
    generator : torch.Generator
        Of all that is random.

    Returns
    -------
    blended : Tensor
        Like ``batch``.
    others : Tensor of shape (n,)
        The second sample of each.
    shares : Tensor of shape (n,)
        Of the first ones.

    References
    ----------
    .. [1] H. Zhang, M. Cisse, Y. N. Dauphin, D. Lopez-Paz, "mixup: beyond empirical risk minimization", ICLR 2018.
    """
    rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
    shares = torch.from_numpy(rng.beta(strength, strength, size=len(batch)).astype(np.float32)).to(batch.device)
    others = torch.randperm(len(batch), generator=generator).to(batch.device)
    return torch.lerp(batch[others], batch, shares.reshape(-1, *[1] * (batch.ndim - 1))), others, shares


def shifted(
    batch: Tensor, most: tuple[int, int], generator: Generator, wrap: tuple[bool, bool] = (False, False)
) -> Tensor:
    """Move each grid of a batch by a random number of cells of its own, at most ``most`` along each axis.

    What comes in is 0, or along an axis that wraps what has left on the other side.
    """
    n, _, *sides = batch.shape
    around, starts = batch, []
    for axis, (cells, side) in enumerate(zip(most, sides, strict=True)):
        reach = min(cells, side // 4)
        starts.append(torch.randint(2 * reach + 1, (n,), generator=generator).to(batch.device))
        rim = [0, 0, reach, reach] if axis == 0 else [reach, reach, 0, 0]
        around = F.pad(around, rim, mode="circular" if wrap[axis] and reach else "constant")
    places = around.unfold(2, sides[0], 1).unfold(3, sides[1], 1)  # a view of all of them
    moved = places[torch.arange(n, device=batch.device), :, starts[0], starts[1]]
    return moved.contiguous(memory_format=torch.channels_last)


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
