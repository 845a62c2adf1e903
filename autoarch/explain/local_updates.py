"""Outputs of random convolutions after a change of some cells, computed anew only where a kernel sees the change.

A kernel sees a changed cell from a few places. Its responses there are computed anew; sums over all others are known.
The outputs are those of reading the whole grid, to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from scipy import ndimage

from autoarch._statistics import random_convolutions
from autoarch._statistics.random_convolutions import GROUP, MOST_POSITIONS, Bank
from autoarch.families.random_convolutions import RandomConvolutions

Box = tuple[slice, slice]  # rows and columns of a grid

_MOST_RESPONSES = 32_000_000  # that are kept at a time: 128 MB of float32
_LARGEST_BOX = 0.1  # of the grid; around more cells than that, nearly all places see one of them


def outputs_after(model: RandomConvolutions, grid: np.ndarray, changed: Sequence[np.ndarray]) -> np.ndarray:
    """Outputs of the ridge for grids after each of some changes, updated locally where few cells change.

    Parameters
    ----------
    model : RandomConvolutions
        Fitted.
    grid : ndarray of shape (n, channels, height, width)
        The grids as they are, float32.
    changed : sequence of ndarray
        All grids after a change, each in the shape of ``grid``.

    Returns
    -------
    ndarray of shape (changes, n, targets)
    """
    outputs = np.empty((len(changed), len(grid), model.ridge_.coef.shape[1]))
    near: dict[int, Box] = {}
    unchanged = cache(lambda: model.outputs(grid))
    for place, after in enumerate(changed):
        differs = (after != grid).any(axis=(0, 1))
        box = next(iter(ndimage.find_objects(differs.astype(np.intp))), None)  # the smallest with all that differ
        if box is not None and differs[box].size <= _LARGEST_BOX * differs.size:
            near[place] = box
        else:
            outputs[place] = unchanged() if box is None else model.outputs(after)
    single: Any = copy(model)  # with numbers of half the size, which are read in half the time
    single.blocks_ = [replace(one, mean=one.mean.astype("f4"), scale=one.scale.astype("f4")) for one in model.blocks_]
    single.ridge_ = replace(model.ridge_, coef=model.ridge_.coef.astype("f4"))
    n_places = min(grid.shape[2] * grid.shape[3], 4 * MOST_POSITIONS)
    rows = max(1, _MOST_RESPONSES // (n_places * sum(len(bank.weights) for bank in model.banks_)))
    for start in range(0, len(grid) if near else 0, rows):
        some = slice(start, start + rows)
        banks = [_Responses(grid[some], bank, model.pools_) for bank in model.banks_]
        for place, box in near.items():
            outputs[place, some] = _updated(single, banks, changed[place][some], box)
    return outputs


def _updated(model: RandomConvolutions, banks: list[_Responses], grid: np.ndarray, box: Box) -> np.ndarray:
    """Outputs for grids after a change within a box."""
    import torch

    pooled = zip(*(bank.features_after(grid, box) for bank in banks), strict=True)
    features = [torch.cat(parts, 1).numpy() for parts in pooled]
    if len(model.cells_):
        features.append(grid.reshape(len(grid), -1)[:, model.cells_])
    scaled = [block.of(part) for block, part in zip(model.blocks_, features, strict=True)]
    return model.ridge_.predict(np.concatenate(scaled, axis=1))


def _within(values: Any, side: slice) -> Any:
    return (values >= side.start) & (values < side.stop)


class _Responses:
    """Responses of one bank to some grids, and their pooled sums, for changes within one box after another.

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
        padding, self._stride = random_convolutions.padding_of(bank), random_convolutions.stride_on(*grid.shape[2:])
        self._answer = self._convolved(grid, padding)
        self._shape = tuple(self._answer.shape[1:3])
        # Cells from the first to the last that are seen.
        reach = [(side - 1) * step for side, step in zip(bank.weights.shape[2:], bank.dilation, strict=True)]
        self._axes = list(zip(padding, self._stride, reach, strict=True))
        self._weights = self._weights_of_parts()
        self._sums = self._summed(self._answer, (slice(0, self._shape[0]), slice(0, self._shape[1])))
        if "anywhere" in pools:
            self._max_of_rows = self._answer.amax(2)
            self._max, self._place_of_max = self._answer.flatten(1, 2).max(1)

    def features_after(self, grid: np.ndarray, box: Box) -> list[Any]:
        """Features of the grids after a change within ``box``, one tensor (n, features) per pool."""
        places = self._places_that_see(box)
        if any(place.stop <= place.start for place in places):
            return self._features(self._sums, lambda: self._max)
        new = self._responses_at(places, grid)
        old_sums = self._summed(self._answer[:, places[0], places[1]].contiguous(), places)
        new_sums = self._summed(new, places)
        sums = {name: total + (new_sums[name] - old_sums[name]) for name, total in self._sums.items()}
        return self._features(sums, lambda: self._maximum(new, places))

    def _convolved(self, grid: np.ndarray, padding: tuple[int, int]) -> Any:
        return random_convolutions.convolve(grid, self._bank, self._stride, padding).permute(0, 2, 3, 1).contiguous()

    def _features(self, sums: dict[str, Any], maximum: Callable[[], Any]) -> list[Any]:
        """Features as ``pooled_features`` makes them of the same responses."""
        import torch

        n_places = self._shape[0] * self._shape[1]
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

    def _summed(self, answer: Any, places: Box) -> dict[str, Any]:
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
        """Weight of each place in the mean of each part of the grid, as (parts, height, width)."""
        import torch
        from torch.nn import functional

        averaged, n_parts = functional.adaptive_avg_pool1d, random_convolutions.parts_of(*self._shape)
        axes = [averaged(torch.eye(extent), n).T for extent, n in zip(self._shape, n_parts, strict=True)]
        return torch.einsum("ph,qw->pqhw", *axes).flatten(0, 1)

    def _places_that_see(self, box: Box) -> Box:
        """Places whose kernels see a cell of the box."""
        places = []
        for side, (padding, step, reach), extent in zip(box, self._axes, self._shape, strict=True):
            start = max(0, -((side.start + padding - reach) // -step))
            places.append(slice(start, min(extent, (side.stop - 1 + padding) // step + 1)))
        return places[0], places[1]

    def _responses_at(self, places: Box, grid: np.ndarray) -> Any:
        """Responses of changed grids at some places."""
        cut, rim = [], []
        for place, (padding, step, reach), extent in zip(places, self._axes, grid.shape[2:], strict=True):
            start = place.start * step - padding
            stop = (place.stop - 1) * step - padding + reach + 1
            cut.append(slice(max(0, start), min(extent, stop)))
            rim.append((max(0, -start), max(0, stop - extent)))
        return self._convolved(np.pad(grid[:, :, cut[0], cut[1]], [(0, 0), (0, 0), *rim]), (0, 0))

    def _maximum(self, new: Any, places: Box) -> Any:
        """Greatest responses: of the new ones, and of those at other places, looked for where they may be lost."""
        import torch

        down, across = places
        outside, width = self._max.clone(), self._shape[1]
        lost = _within(self._place_of_max // width, down) & _within(self._place_of_max % width, across)
        rows, kernels = torch.nonzero(lost, as_tuple=True)
        of_rows = self._max_of_rows[rows, :, kernels]
        beside = self._answer[rows, down, :, kernels]
        beside[:, :, across] = -torch.inf
        of_rows[:, down] = beside.amax(2)
        outside[rows, kernels] = of_rows.amax(1)
        return torch.maximum(outside, new.amax((1, 2)))
