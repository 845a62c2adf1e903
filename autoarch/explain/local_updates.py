"""Outputs of random convolutions after a change of some cells, computed anew only where a kernel sees the change.

A kernel sees a changed cell from a few places. Its responses there are computed anew; what was pooled of the old ones
there is the difference of a few cumulative sums, which are known for the whole grid. The outputs are those of reading
the whole grid, to rounding.
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
from autoarch.families.convolution_ridge import RandomConvolutions

Box = tuple[slice, slice]  # rows and columns of a grid

_MOST_RESPONSES = 16_000_000  # that are kept at a time, with up to four cumulative sums of them: 320 MB of float32
_LARGEST_BOX = 0.4  # of the grid; around more cells than that, nearly all places see one of them


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
    near: dict[tuple[int, ...], list[int]] = {}  # changes by the edges of their box
    unchanged = cache(lambda: model.outputs(grid))
    for place, after in enumerate(changed):
        differs = (after != grid).any(axis=(0, 1))
        box = next(iter(ndimage.find_objects(differs.astype(np.intp))), None)  # the smallest with all that differ
        if box is not None and differs[box].size <= _LARGEST_BOX * differs.size:
            near.setdefault((box[0].start, box[0].stop, box[1].start, box[1].stop), []).append(place)
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
        for (top, bottom, left, right), places in near.items():
            at_once = max(1, int(_LARGEST_BOX * grid[0, 0].size / ((bottom - top) * (right - left))))
            for few in (places[first : first + at_once] for first in range(0, len(places), at_once)):
                after = np.concatenate([changed[place][some] for place in few])
                found = _updated(single, banks, after, (slice(top, bottom), slice(left, right)))
                outputs[few, some] = found.reshape(len(few), -1, found.shape[1])
    return outputs


def _updated(model: RandomConvolutions, banks: list[_Responses], grid: np.ndarray, box: Box) -> np.ndarray:
    """Outputs for the grids after each of some changes within a box, one below the other."""
    import torch

    pooled = zip(*(bank.features_after(grid, box) for bank in banks), strict=True)
    features = [torch.cat(parts, 1).numpy() for parts in pooled]
    if len(model.cells_):
        features.append(grid.reshape(len(grid), -1)[:, model.cells_])
    scaled = [block.of(part) for block, part in zip(model.blocks_, features, strict=True)]
    return model.ridge_.predict(np.concatenate(scaled, axis=1))


def _within(values: Any, side: slice) -> Any:
    return (values >= side.start) & (values < side.stop)


def _edges_of_parts(extent: int, n_parts: int) -> np.ndarray:
    """First place of each part of an axis and the one behind its last, (parts, 2), as adaptive pooling has them."""
    parts = np.arange(n_parts)
    return np.column_stack([parts * extent // n_parts, -(-(parts + 1) * extent // n_parts)])


def _cumulated(values: Any) -> Any:
    """Sums of (n, height, width, ...) over all places above and left of each, (n, height + 1, width + 1, ...)."""
    import torch

    n, height, width = values.shape[:3]
    sums = torch.zeros((n, height + 1, width + 1, *values.shape[3:]))
    torch.cumsum(values.cumsum(1), 2, out=sums[:, 1:, 1:])
    return sums


def _between(cumulated: Any, down: np.ndarray, across: np.ndarray) -> Any:
    """Sums (n, a, b, ...) over all places between some edges (a, 2) down and (b, 2) across."""

    def at(edge_down: int, edge_across: int) -> Any:
        return cumulated[:, down[:, edge_down, None], across[None, :, edge_across]]

    return (at(1, 1) - at(0, 1)) - (at(1, 0) - at(0, 0))


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
        padding = random_convolutions.padding_of(bank)
        self._stride = random_convolutions.stride_of(bank, *grid.shape[2:])
        self._answer = self._convolved(grid, padding)
        self._shape = tuple(self._answer.shape[1:3])
        # Cells from the first to the last that are seen.
        reach = [(side - 1) * step for side, step in zip(bank.weights.shape[2:], bank.dilation, strict=True)]
        self._axes = list(zip(padding, self._stride, reach, strict=True))
        n_parts = random_convolutions.parts_of(*self._shape)
        self._parts = [_edges_of_parts(extent, n) for extent, n in zip(self._shape, n_parts, strict=True)]
        self._weights = self._weights_of_parts()
        self._cumulated = {name: _cumulated(values) for name, values in self._statistics(self._answer).items()}
        self._sums = self._old_sums((slice(0, self._shape[0]), slice(0, self._shape[1])))
        if "anywhere" in pools:
            self._max_of_rows = self._answer.amax(2)
            self._max, self._place_of_max = self._answer.flatten(1, 2).max(1)

    def features_after(self, grid: np.ndarray, box: Box) -> list[Any]:
        """Features of all grids after each of some changes within ``box``, one tensor (rows, features) per pool."""
        times = len(grid) // len(self._answer)

        def often(values: Any) -> Any:
            return values.repeat(times, *[1] * (values.ndim - 1))

        places = self._places_that_see(box)
        if any(place.stop <= place.start for place in places):
            return self._features({name: often(total) for name, total in self._sums.items()}, lambda: often(self._max))
        new = self._responses_at(places, grid)
        old_sums, new_sums = self._old_sums(places), self._new_sums(new, places)
        sums = {name: often(total - old_sums[name]) + new_sums[name] for name, total in self._sums.items()}
        return self._features(sums, lambda: often(self._maximum_outside(places)).maximum(new.amax((1, 2))))

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

    def _statistics(self, answer: Any) -> dict[str, Any]:
        """Values that are summed over places, each as (n, height, width, ...)."""
        found = {"beyond": random_convolutions.beyond_thresholds(answer, self._bank, axis=3)}
        if "anywhere" in self._pools:
            found["share"] = found["beyond"].sign()
        if "winners" in self._pools:
            grouped = answer[..., : self._n_grouped].unflatten(3, (GROUP, -1))
            found["wins"], found["losses"] = random_convolutions.contests(grouped, 3, self._bank.slack)
        return found

    def _new_sums(self, answer: Any, places: Box) -> dict[str, Any]:
        """Sums over some ``places``, where the responses are ``answer``; of "placed" the means in each part."""
        found = self._statistics(answer)
        sums = {name: values.sum((1, 2)) for name, values in found.items()}
        if "placed" in self._pools:
            sums["placed"] = self._weights[:, places[0], places[1]].flatten(1) @ found["beyond"].flatten(1, 2)
        return sums

    def _old_sums(self, places: Box) -> dict[str, Any]:
        """The same of the grids as they are."""
        import torch

        box = [np.array([[side.start, side.stop]]) for side in places]
        sums = {name: _between(values, *box)[:, 0, 0] for name, values in self._cumulated.items()}
        if "placed" in self._pools:
            seen = [np.clip(edges, *side[0]) for edges, side in zip(self._parts, box, strict=True)]
            sizes = np.outer(*(edges[:, 1] - edges[:, 0] for edges in self._parts)).astype(np.float32)
            means = _between(self._cumulated["beyond"], *seen) / torch.from_numpy(sizes)[..., None]
            sums["placed"] = means.flatten(1, 2)
        return sums

    def _weights_of_parts(self) -> Any:
        """Weight of each place in the mean of each part of the grid, as (parts, height, width)."""
        import torch

        axes = []
        for edges, extent in zip(self._parts, self._shape, strict=True):
            start, stop = edges[:, :1], edges[:, 1:]
            places = np.arange(extent)
            axes.append(torch.from_numpy(((start <= places) & (places < stop)) / (stop - start)).float())
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

    def _maximum_outside(self, places: Box) -> Any:
        """Greatest responses at all other places, looked for where the greatest of all are lost."""
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
        return outside
