"""What random convolutions say of grids that differ from known ones in a box of cells, without reading all of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autoarch._statistics.random_convolutions import MOST_POSITIONS, pooled_features
from autoarch.families.random_convolutions import RandomConvolutions
from autoarch.locality.boxes import Box, KnownResponses

Change = tuple[np.ndarray, Box]

_MOST_RESPONSES = 16_000_000  # that are kept at a time: 64 MB of float32
_LARGEST_BOX = 0.1  # of the grid; around more cells than that, nearly all places see one of them


@dataclass(frozen=True, eq=False)
class _Part:
    """The share of the outputs that comes from some features: which of them count, their scale, and their slopes."""

    kept: Any
    mean: Any
    scale: Any
    limit: float
    coef: Any

    def of(self, features: Any) -> Any:
        """Shares (n, targets) of the outputs."""
        return ((features[:, self.kept] - self.mean) / self.scale).clamp_(-self.limit, self.limit) @ self.coef


def outputs_after(model: RandomConvolutions, grid: np.ndarray, changed: Sequence[np.ndarray]) -> np.ndarray:
    """Outputs of the ridge for grids after each of some changes, by what differs where that is little.

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
    boxes = [Box.around((after != grid).any(axis=(0, 1))) for after in changed]
    most = _LARGEST_BOX * grid.shape[2] * grid.shape[3]
    near = {place: (changed[place], box) for place, box in enumerate(boxes) if box is not None and box.area <= most}
    outputs = np.empty((len(changed), len(grid), model.ridge_.coef.shape[1]))
    if near:
        outputs[list(near)] = _of_boxes(model, grid, list(near.values()))
    if None in boxes:
        outputs[[box is None for box in boxes]] = model.outputs(grid)
    for place, box in enumerate(boxes):
        if box is not None and place not in near:
            outputs[place] = model.outputs(changed[place])
    return outputs


def _of_boxes(model: RandomConvolutions, grid: np.ndarray, changed: Sequence[Change]) -> np.ndarray:
    import torch

    outputs = np.zeros((len(changed), len(grid), model.ridge_.coef.shape[1]))
    with torch.no_grad():
        for bank, parts in zip(model.banks_, _parts_by_bank(model, grid), strict=True):
            n_places = min(grid.shape[2] * grid.shape[3], 4 * MOST_POSITIONS)
            rows = max(1, _MOST_RESPONSES // (len(bank.weights) * n_places))
            for start in range(0, len(grid), rows):
                some = slice(start, start + rows)
                known = KnownResponses(grid[some], bank, model.pools_)
                for place, (after, box) in enumerate(changed):
                    pooled = known.changed(after[some], box)
                    shares = [part.of(features) for part, features in zip(parts, pooled, strict=True)]
                    outputs[place, some] += torch.stack(shares).sum(0).numpy()
    if len(model.cells_):
        outputs += _of_cells(model, grid, changed)
    return outputs + model.ridge_.intercept


def _parts_by_bank(model: RandomConvolutions, grid: np.ndarray) -> list[list[_Part]]:
    """For each bank, how its features of each pool count; features stand pool by pool, and in each bank by bank."""
    import torch

    by_bank: list[list[_Part]] = [[] for _ in model.banks_]
    of_one = [pooled_features(grid[:1], [bank], lambda: None, model.pools_) for bank in model.banks_]
    first = 0
    for place, block in enumerate(model.blocks_[: len(model.pools_)]):
        begin = 0
        for parts, pooled in zip(by_bank, of_one, strict=True):
            end = begin + pooled[place].shape[1]
            inside = slice(*np.searchsorted(block.kept, (begin, end)))
            coef = model.ridge_.coef[first + inside.start : first + inside.stop]
            numbers = (part.astype(np.float32) for part in (block.mean[inside], block.scale[inside], coef))
            mean, scale, slopes = map(torch.from_numpy, numbers)
            parts.append(_Part(torch.from_numpy(block.kept[inside] - begin), mean, scale, block.limit, slopes))
            begin = end
        first += len(block.kept)
    return by_bank


def _of_cells(model: RandomConvolutions, grid: np.ndarray, changed: Sequence[Change]) -> np.ndarray:
    """The share that comes from the cells themselves, which are the last of the blocks."""
    block, shape = model.blocks_[-1], grid.shape[1:]
    cells = model.cells_[block.kept]
    _, down, across = np.unravel_index(cells, shape)
    coef = model.ridge_.coef[len(model.ridge_.coef) - len(cells) :]

    def scaled(values: np.ndarray, some: np.ndarray) -> np.ndarray:
        flat = values.reshape(len(values), -1)[:, cells[some]]
        return np.clip((flat - block.mean[some]) / block.scale[some], -block.limit, block.limit)

    known = scaled(grid, np.arange(len(cells))) @ coef
    found = np.repeat(known[None], len(changed), axis=0)
    for place, (after, box) in enumerate(changed):
        inside = (down >= box.top) & (down < box.bottom) & (across >= box.left) & (across < box.right)
        some = np.flatnonzero(inside)
        found[place] += (scaled(after, some) - scaled(grid, some)) @ coef[some]
    return found
