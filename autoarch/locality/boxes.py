"""Features of random convolutions of grids that differ from known ones in a box of cells.

A kernel sees a changed cell from a few places only. Its responses there are computed anew; what is pooled from all the
others is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autoarch._statistics import random_convolutions
from autoarch._statistics.random_convolutions import GROUP, Bank


@dataclass(frozen=True)
class Box:
    """Rows ``top`` to ``bottom`` and columns ``left`` to ``right`` of a grid, the ends not included."""

    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def around(cls, differs: np.ndarray) -> Box | None:
        """The smallest box with all cells of (height, width) that differ; None where none does."""
        rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
        return cls(rows[0], rows[-1] + 1, columns[0], columns[-1] + 1) if len(rows) else None

    @property
    def area(self) -> int:
        """Cells."""
        return (self.bottom - self.top) * (self.right - self.left)


class KnownResponses:
    """Responses of one bank to some grids, and what is pooled from them, for one box after another to change.

    Parameters
    ----------
    grid : ndarray of shape (n, channels, height, width)
        The grids as they are, float32.
    bank : Bank
        Kernels.
    pools : sequence of {"placed", "anywhere", "winners"}
        As for :func:`~autoarch._statistics.random_convolutions.pooled_features`.
    """

    def __init__(self, grid: np.ndarray, bank: Bank, pools: Sequence[str]):
        # Kernels stand last, those of a group far apart: sums over places and contests then run along memory.
        n_kernels = len(bank.weights)
        self._n_grouped = n_kernels - n_kernels % GROUP
        order = np.arange(n_kernels)
        order[: self._n_grouped] = order[: self._n_grouped].reshape(-1, GROUP).T.ravel()
        self._back = np.argsort(order)
        self._bank = replace(bank, weights=bank.weights[order], thresholds=bank.thresholds[order])
        self._pools = pools
        self._stride = random_convolutions.stride_on(*grid.shape[2:])
        self._answer = self._convolved(grid, random_convolutions.padding_of(bank))
        self._height, self._width = self._answer.shape[1:3]
        self._weights = self._weights_of_parts()
        whole = slice(0, self._height), slice(0, self._width)
        self._sums = self._summed(self._answer, whole)
        if "anywhere" in pools:
            self._max_of_rows = self._answer.amax(2)
            self._max, self._place_of_max = self._answer.flatten(1, 2).max(1)

    def changed(self, grid: np.ndarray, box: Box) -> list[Any]:
        """Features of the grids after a change within ``box``, one tensor (n, features) per pool."""
        places = self._places(box)
        if places is None:
            return self._features(self._sums, lambda: self._max)
        new = self._anew(grid, places)
        old_sums = self._summed(self._answer[:, places[0], places[1]].contiguous(), places)
        new_sums = self._summed(new, places)
        sums = {name: total + (new_sums[name] - old_sums[name]) for name, total in self._sums.items()}
        return self._features(sums, lambda: self._maximum(new, places))

    def _convolved(self, grid: np.ndarray, padding: tuple[int, int]) -> Any:
        return random_convolutions.convolve(grid, self._bank, self._stride, padding).permute(0, 2, 3, 1).contiguous()

    def _features(self, sums: dict[str, Any], maximum: Callable[[], Any]) -> list[Any]:
        """What ``pooled_features`` makes of the same responses."""
        import torch

        n_places = self._height * self._width
        found = []
        for pool in self._pools:
            if pool == "placed":
                found.append(sums["placed"][:, :, self._back].transpose(1, 2).flatten(1))
            elif pool == "anywhere":
                beyond = random_convolutions.beyond_thresholds(maximum(), self._bank, axis=1)
                parts = sums["beyond"] / n_places, beyond, sums["share"] / n_places
                found.append(torch.cat([part[:, self._back] for part in parts], 1))
            else:
                counts = [sums[name].transpose(1, 2).flatten(1) for name in ("wins", "losses")]
                found.append((torch.cat(counts, 1) / n_places).clamp_(min=0).sqrt_())
        return found

    def _summed(self, answer: Any, places: tuple[slice, slice]) -> dict[str, Any]:
        """Sums over some ``places``, where the responses are ``answer``; of "placed" the means in each part."""
        beyond, sums = random_convolutions.beyond_thresholds(answer, self._bank, axis=3), {}
        if "placed" in self._pools:
            sums["placed"] = self._weights[:, places[0], places[1]].flatten(1) @ beyond.flatten(1, 2)
        if "anywhere" in self._pools:
            sums["beyond"] = beyond.sum((1, 2))
            sums["share"] = beyond.sign_().sum((1, 2))
        if "winners" in self._pools:
            grouped = answer[..., : self._n_grouped].unflatten(3, (GROUP, -1))
            wins, losses = random_convolutions.contests(grouped, 3, self._bank.slack)
            sums["wins"], sums["losses"] = wins.sum((1, 2)), losses.sum((1, 2))
        return sums

    def _weights_of_parts(self) -> Any:
        """What each place counts for in the mean of each part of the grid, as (parts, height, width)."""
        import torch

        axes = []
        extents = self._height, self._width
        for extent, n_parts in zip(extents, random_convolutions.parts_of(*extents), strict=True):
            axis = torch.zeros(n_parts, extent)
            for part in range(n_parts):
                start, stop = part * extent // n_parts, -((part + 1) * extent // -n_parts)
                axis[part, start:stop] = 1 / (stop - start)
            axes.append(axis)
        return torch.einsum("ph,qw->pqhw", *axes).flatten(0, 1)

    def _places(self, box: Box) -> tuple[slice, slice] | None:
        """From where the box is seen, or None."""
        places = []
        for axis, (first, last) in enumerate([(box.top, box.bottom - 1), (box.left, box.right - 1)]):
            padding, step = random_convolutions.padding_of(self._bank)[axis], self._stride[axis]
            start = max(0, -((first + padding - self._reach(axis)) // -step))
            stop = min((self._height, self._width)[axis], (last + padding) // step + 1)
            if start >= stop:
                return None
            places.append(slice(start, stop))
        return places[0], places[1]

    def _reach(self, axis: int) -> int:
        """Cells from the first to the last that a kernel sees."""
        return (self._bank.weights.shape[2 + axis] - 1) * self._bank.dilation[axis]

    def _anew(self, grid: np.ndarray, places: tuple[slice, slice]) -> Any:
        """Responses at some places."""
        cut, rim = [], []
        for axis, place in enumerate(places):
            padding, step = random_convolutions.padding_of(self._bank)[axis], self._stride[axis]
            start, extent = place.start * step - padding, grid.shape[2 + axis]
            stop = (place.stop - 1) * step - padding + self._reach(axis) + 1
            cut.append(slice(max(0, start), min(extent, stop)))
            rim.append((max(0, -start), max(0, stop - extent)))
        return self._convolved(np.pad(grid[:, :, cut[0], cut[1]], [(0, 0), (0, 0), *rim]), (0, 0))

    def _maximum(self, new: Any, places: tuple[slice, slice]) -> Any:
        """Greatest responses: of the new ones, and of those at other places, looked for where they may be lost."""
        import torch

        down, across = places
        outside = self._max.clone()
        row, column = self._place_of_max // self._width, self._place_of_max % self._width
        lost = (row >= down.start) & (row < down.stop) & (column >= across.start) & (column < across.stop)
        rows, kernels = torch.nonzero(lost, as_tuple=True)
        of_rows = self._max_of_rows[rows, :, kernels]
        beside = self._answer[rows, down, :, kernels]
        beside[:, :, across] = -torch.inf
        of_rows[:, down] = beside.amax(2)
        outside[rows, kernels] = of_rows.amax(1)
        return torch.maximum(outside, new.amax((1, 2)))
