"""Features of random convolutions: what a CNN could read from a grid, without training one.

Kernels are half Gaussian noise, half differences of patches of the data; their responses are pooled on a coarse grid
(patterns with a place) and over the whole grid (patterns wherever they are), after ROCKET's share and maximum [1]_.
Where kernels compete, eight to a group as in Hydra [2]_, it is counted which of them responds most and least. Coarse
kernels see large grids as from afar: each of their weights is that of a square of cells.

References
----------
.. [1] A. Dempster, F. Petitjean, G. I. Webb, "ROCKET", Data Mining and Knowledge Discovery 34, 1454-1495, 2020.
.. [2] A. Dempster, D. F. Schmidt, G. I. Webb, "Hydra: competing convolutional kernels for fast and accurate time series
   classification", Data Mining and Knowledge Discovery 37, 1779-1805, 2023.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np

Sides = tuple[int, int]  # down and across
Shape = tuple[Sides, Sides, int]  # weights along each side of a kernel, dilations, cells along the square of a weight

N_KERNELS = 64
GROUP = 8  # kernels that compete with each other
MOST_POSITIONS = 1_600  # larger grids are read with a stride
BATCH_VALUES = 1_000_000  # responses at a time: what is pooled several times stays near the processor,
_ON_ACCELERATOR = 32  # and times as many elsewhere, where each call takes long to begin
THRESHOLD_ROWS = 64
_SLACK = 1e-5  # of the greatest response; single precision errs by a tenth of it
_LARGEST = 10.0  # standard deviations
_FLOOR = 0.05  # of the typical deviation in a block: features that hardly vary would be blown up
_COARSE_CELLS = (2, 4)  # along the squares of coarse kernels, of which there are
_COARSE_SQUARES = 5  # along a side of each
_COARSE_ROOM = 7  # squares that fit along a grid, at least
PER_KERNEL = {"placed": 9, "anywhere": 3, "winners": 2}  # features of one kernel, at most


@dataclass(frozen=True)
class Bank:
    """Kernels of one size: ``weights`` of shape (k, C, height, width), dilated, and from where on a response counts.

    Responses that differ by ``slack`` or less are taken to be the same: on flat areas they are, but for rounding.
    Kernels that are ``whole`` along an axis cover it, and move along the other one alone. Coarse ones have one weight
    for each square of ``cell`` by ``cell``.
    """

    weights: np.ndarray
    dilation: tuple[int, int]
    thresholds: np.ndarray
    slack: float = 0.0
    whole: int | None = None
    cell: int = 1


def random_banks(
    grid: np.ndarray,
    rng: np.random.Generator,
    n_kernels: int = N_KERNELS,
    whole: int | None = None,
    parts: Sequence[int] = (),
    coarse: bool = False,
) -> list[Bank]:
    """Draw kernels that suit the sides of ``grid``.

    Parameters
    ----------
    grid : ndarray of shape (n, channels, height, width)
        Samples.
    rng : numpy.random.Generator
        Of all that is random.
    n_kernels : int, default=64
        Kernels.
    whole : {0, 1}, optional
        The axis, down or across, whose lines are read as channels; without it kernels are k x k, or 1 x k where one
        side is a single cell.
    parts : sequence of int, default=()
        Numbers of channels, the first ones, that show the same cells in several ways. The kernels of a group read one
        of these ways, and whatever channels follow.
    coarse : bool, default=False
        Whether some kernels see large grids as from afar.

    Returns
    -------
    list of Bank
    """
    shapes = _kernel_shapes(grid.shape[2], grid.shape[3], whole, coarse)
    counts = [len(part) for part in np.array_split(np.arange(n_kernels), len(shapes))]
    some = np.ascontiguousarray(grid[:: max(1, len(grid) // THRESHOLD_ROWS)][:THRESHOLD_ROWS])
    banks: list[Bank] = []
    for (size, dilation, cell), count in zip(shapes, counts, strict=True):
        if count:
            read = _read(parts, grid.shape[1], count, len(banks))
            weights = _draw(grid, (size, dilation, cell), count, rng, whole, read)
            bank = Bank(weights, dilation, np.zeros(count, np.float32), whole=whole, cell=cell)
            answer = responses(some, bank)
            slack = _SLACK * float(answer.abs().max())
            banks.append(replace(bank, thresholds=_thresholds(answer) + np.float32(slack), slack=slack))
    return banks


def whole_groups(n_kernels: int, height: int, width: int, whole: int | None = None, coarse: bool = False) -> int:
    """The number of kernels next to ``n_kernels`` that makes every bank a number of whole groups."""
    n_banks = len(_kernel_shapes(height, width, whole, coarse))
    return n_banks * GROUP * max(1, round(n_kernels / (n_banks * GROUP)))


def coarse_cells(height: int, width: int) -> tuple[int, ...]:
    """Cells along the squares of coarse kernels that suit a grid; none on small ones and on lines."""
    return tuple(cell for cell in _COARSE_CELLS if cell * _COARSE_ROOM <= min(height, width))


def _kernel_shapes(height: int, width: int, whole: int | None, coarse: bool) -> list[Shape]:
    """Sides, dilations and cells of the squares of kernels, none reaching beyond the grid."""
    if whole is not None:
        covered = (height, width)[whole]
        lines = _fine_shapes(1, width) if whole == 0 else _fine_shapes(height, 1)
        return [((covered, k[1]) if whole == 0 else (k[0], covered), dilation, 1) for k, dilation in lines]
    cells = coarse_cells(height, width) if coarse else ()
    far: list[Shape] = [((_COARSE_SQUARES,) * 2, (1, 1), cell) for cell in cells]
    return [*((size, dilation, 1) for size, dilation in _fine_shapes(height, width)), *far]


def _fine_shapes(height: int, width: int) -> list[tuple[Sides, Sides]]:
    if min(height, width) == 1:
        length = max(height, width)
        sides = [(3, 1), (5, 1), (9, 1), *((9, 2**k) for k in range(1, 8)), (3, 2)]
        fitting = [(k, d) for k, d in sides if (k - 1) * d < length] or [(min(2, length), 1)]
        return [((1, k), (1, d)) if height == 1 else ((k, 1), (d, 1)) for k, d in fitting]
    square = [(3, 1), (5, 1), (3, 2)] if min(height, width) >= 8 else [(3, 1), (2, 1), (3, 2)]
    return [
        ((min(k, height), min(k, width)), (d if (k - 1) * d < height else 1, d if (k - 1) * d < width else 1))
        for k, d in square
    ]


def _read(parts: Sequence[int], n_channels: int, count: int, n_before: int) -> np.ndarray:
    """Channels that each kernel reads, (count, channels): of the parts one for each group, in turn over the banks."""
    channels = np.arange(n_channels)
    if len(parts) < 2:
        return np.ones((count, n_channels), bool)
    part_of = np.searchsorted(np.cumsum(parts), channels, side="right")
    turn = (np.arange(count) // GROUP + n_before) % len(parts)
    return (part_of == turn[:, None]) | (part_of == len(parts))


def _draw(
    grid: np.ndarray, shape: Shape, count: int, rng: np.random.Generator, whole: int | None, read: np.ndarray
) -> np.ndarray:
    """Half Gaussian kernels, half differences of two patches of the data; three in four without a mean; unit norm."""
    n, channels, height, width = grid.shape
    size, dilation, cell = shape
    kernels = rng.normal(size=(count, channels, *size))
    reach = [((k - 1) * d + 1) * cell for k, d in zip(size, dilation, strict=True)]
    for kernel in kernels[count // 2 :]:
        patches = []
        for _ in range(2):
            top, left = rng.integers(height - reach[0] + 1), rng.integers(width - reach[1] + 1)
            sample = grid[rng.integers(n)]
            patch = sample[:, top : top + reach[0] : dilation[0], left : left + reach[1] : dilation[1]]
            patches.append(patch.reshape(channels, size[0], cell, size[1], cell).mean((2, 4)) if cell > 1 else patch)
        kernel[:] = patches[0] - patches[1] + 1e-6 * kernel  # two flat patches would leave nothing
    kernels *= read[:, :, None, None]
    if whole is not None:
        kernels *= _few_lines(kernels.shape, whole, rng)
    elif channels > 1:  # every other kernel looks at one channel only
        for kernel, own in zip(kernels[::2], read[::2], strict=True):
            own_channels = np.flatnonzero(own)
            kernel[np.arange(channels) != own_channels[rng.integers(len(own_channels))]] = 0.0
    free = np.arange(count) % 4 != 3
    kernels[free] -= kernels[free].mean(axis=(2, 3) if whole is None else 3 - whole, keepdims=True)
    if size[0] * size[1] > 1:
        kernels /= np.maximum(np.sqrt((kernels**2).sum(axis=(1, 2, 3), keepdims=True)), 1e-6)
    return (kernels.repeat(cell, 2).repeat(cell, 3) / cell).astype(np.float32)


def _few_lines(shape: tuple[int, ...], whole: int, rng: np.random.Generator) -> np.ndarray:
    """Lines of the channels that each kernel reads: one, some or up to as many as it has weights along a line."""
    count, channels, n_lines = shape[0], shape[1], shape[2 + whole]
    most = min(n_lines, max(2, shape[3 - whole]))
    chosen = np.zeros((count, channels, n_lines), bool)
    for kernel in chosen:
        kernel[:, rng.permutation(n_lines)[: int(2 ** rng.uniform(0, np.log2(most + 1)))]] = True
    return chosen[:, :, :, None] if whole == 0 else chosen[:, :, None, :]


def pooled_features(
    grid: np.ndarray,
    banks: list[Bank],
    check_clock: Callable[[], None],
    pools: Sequence[str] = ("placed", "anywhere"),
    device: str = "cpu",
) -> tuple[np.ndarray, ...]:
    """Responses of all kernels, pooled in each of these ways.

    Parameters
    ----------
    grid : ndarray of shape (n, channels, height, width)
        Samples, float32.
    banks : list of Bank
        Kernels.
    check_clock : callable
        Called before each batch; may raise.
    pools : sequence of {"placed", "anywhere", "winners"}
        "placed": mean response in each of 3 x 3 parts of the grid (1 x 9 on lines), (n, kernels * parts) features.
        "anywhere": mean, maximum and share of responses beyond the threshold over the whole grid, (n, kernels * 3).
        "winners": sum of the responses where a kernel's is the greatest of its group, and how often it is the least,
        (n, kernels * 2); kernels that fill no group are left out.
    device : str, default="cpu"
        Where it is computed, as torch names it.

    Returns
    -------
    tuple of ndarray
        One per pool.
    """
    import torch

    by_bank = []
    at_once = BATCH_VALUES * (1 if device == "cpu" else _ON_ACCELERATOR)
    with torch.no_grad(), _in_full_precision(device):
        for bank in banks:
            per_row = len(bank.weights) * min(int(np.prod(places_of(bank, *grid.shape[2:]))), 4 * MOST_POSITIONS)
            rows = max(1, at_once // per_row)
            batches = []
            for start in range(0, len(grid), rows):
                check_clock()
                answer = responses(grid[start : start + rows], bank, device)
                beyond = beyond_thresholds(answer, bank)
                batches.append([_pooled(pool, answer, beyond, bank.slack).cpu() for pool in pools])
            by_bank.append([torch.cat(parts) for parts in zip(*batches, strict=True)])
    return tuple(torch.cat(parts, 1).numpy() for parts in zip(*by_bank, strict=True))


def _in_full_precision(device: str) -> AbstractContextManager[Any]:
    """Keep an accelerator from rounding, which would move responses over their thresholds."""
    import torch

    cudnn = torch.backends.cudnn
    return nullcontext() if device == "cpu" else cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)


def responses(grid: np.ndarray, bank: Bank, device: str = "cpu") -> Any:
    """Responses (rows, kernels, height, width) of the kernels at each place, or every few places of a large grid."""
    return convolve(grid, bank, stride_of(bank, *grid.shape[2:]), padding_of(bank), device)


def convolve(
    grid: np.ndarray, bank: Bank, stride: tuple[int, int], padding: tuple[int, int], device: str = "cpu"
) -> Any:
    """Responses every ``stride`` places of a grid with a rim of zeros."""
    import torch

    batch, weights = torch.from_numpy(grid).to(device), torch.from_numpy(bank.weights).to(device)
    return torch.nn.functional.conv2d(batch, weights, stride=stride, padding=padding, dilation=bank.dilation)


def places_of(bank: Bank, height: int, width: int) -> Sides:
    """Places down and across at which a kernel stands on a grid."""
    return (1 if bank.whole == 0 else height), (1 if bank.whole == 1 else width)


def stride_on(height: int, width: int) -> tuple[int, int]:
    """Places from one response to the next."""
    step = max(1, ceil((height * width / MOST_POSITIONS) ** (0.5 if min(height, width) > 1 else 1.0)))
    return step if height > 1 else 1, step if width > 1 else 1


def stride_of(bank: Bank, height: int, width: int) -> Sides:
    """Places from one response of a bank to the next; half a square, where its kernels are coarse."""
    down, right = stride_on(*places_of(bank, height, width))
    return max(down, bank.cell // 2), max(right, bank.cell // 2)


def n_responses(n_rows: int, shape: tuple[int, int, int]) -> int:
    """Responses of the kernels of a landmark to all channels of so many grids of that shape."""
    channels, height, width = shape
    return n_rows * N_KERNELS * channels * n_places(height, width)


def n_places(height: int, width: int) -> int:
    """Responses of a fine kernel to one grid."""
    down, right = stride_on(height, width)
    return ceil(height / down) * ceil(width / right)


def padding_of(bank: Bank) -> tuple[int, int]:
    """Width of the rim around a grid."""
    sides = zip(bank.weights.shape[2:], bank.dilation, strict=True)
    down, across = (0 if axis == bank.whole else ((k - 1) * d) // 2 for axis, (k, d) in enumerate(sides))
    return down, across


def beyond_thresholds(answer: Any, bank: Bank, axis: int = 1) -> Any:
    """Excess of responses over the threshold of their kernel, which stands along ``axis``."""
    import torch

    thresholds = torch.from_numpy(bank.thresholds).reshape(-1, *[1] * (answer.ndim - 1 - axis))
    return (answer - thresholds.to(answer.device)).relu_()


def parts_of(height: int, width: int) -> tuple[int, int]:
    """Parts of a grid down and across that responses are averaged in."""
    return (min(3, height), min(3, width)) if min(height, width) > 1 else (min(9, height), min(9, width))


def _pooled(pool: str, answer: Any, beyond: Any, slack: float) -> Any:
    """Pool the responses of one bank in one of the ways of ``pooled_features``."""
    import torch

    if pool == "placed":
        return torch.nn.functional.adaptive_avg_pool2d(beyond, parts_of(*answer.shape[2:])).flatten(1)
    if pool == "anywhere":
        flat = beyond.flatten(2)
        shares = flat.sign().mean(2)  # comparisons take four times as long
        return torch.cat([flat.mean(2), flat.amax(2), shares], 1)
    n_groups = answer.shape[1] // GROUP
    grouped = answer[:, : n_groups * GROUP].reshape(len(answer), n_groups, GROUP, -1)
    counts = [part.mean(-1).flatten(1) for part in contests(grouped, 2, slack)]
    return torch.cat(counts, 1).sqrt()  # counts spread as their roots


def contests(grouped: Any, axis: int, slack: float) -> tuple[Any, Any]:
    """Winners and losers among a group's kernels along ``axis``: the greatest response, 1 for the least; else 0.

    Comparisons take four times as long as signs, which are 1 for those within ``slack`` and -1 for the others.
    """
    most, least = grouped.amax(axis, keepdim=True), grouped.amin(axis, keepdim=True)
    wins = (grouped - (most - slack)).sign_().add_(1).mul_(most.clamp(min=0).div_(2))
    return wins, ((least + slack) - grouped).sign_().add_(1).div_(2)


def _thresholds(answer: Any) -> np.ndarray:
    """Thresholds, one per kernel, at quantiles between 0.1 and 0.9 of its responses."""
    import torch

    values = answer.transpose(0, 1).flatten(1)
    values = values[:, :: max(1, values.shape[1] // 2_000)].sort(dim=1).values
    quantiles = torch.linspace(0.1, 0.9, len(values))[torch.arange(len(values)) * 7 % max(1, len(values))]
    place = (quantiles * (values.shape[1] - 1)).long()
    return values.gather(1, place[:, None])[:, 0].numpy()


@dataclass(frozen=True, eq=False)
class Block:
    """Selection, centre and scale of the features of one kind, which together weigh as much as any other kind."""

    kept: np.ndarray
    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def learn(cls, features: np.ndarray) -> Block:
        spread = features.std(axis=0)
        kept = np.flatnonzero(spread > 1e-9)
        if not len(kept):
            return cls(kept, spread[kept], spread[kept])
        spread = np.maximum(spread[kept], _FLOOR * np.median(spread[kept]))
        return cls(kept, features[:, kept].mean(axis=0), spread * np.sqrt(len(kept)))

    def of(self, features: np.ndarray) -> np.ndarray:
        scaled = features[:, self.kept]
        scaled -= self.mean
        scaled /= self.scale
        limit = _LARGEST / float(np.sqrt(max(1, len(self.kept))))
        return np.clip(scaled, -limit, limit, out=scaled)


@dataclass(frozen=True, eq=False)
class Features:
    """Kernels and scales learned from some grids, and the scaled features of these: placed, anywhere, cells."""

    banks: list[Bank]
    blocks: list[Block]
    parts: list[np.ndarray]

    @classmethod
    def learn(cls, grid: np.ndarray, seed: int, check_clock: Callable[[], None]) -> Features:
        banks = random_banks(grid, np.random.default_rng([seed, 2, 0]))
        raw = _raw(grid, banks, check_clock)
        blocks = [Block.learn(part) for part in raw]
        return cls(banks, blocks, [block.of(part) for block, part in zip(blocks, raw, strict=True)])

    def of(self, grid: np.ndarray, check_clock: Callable[[], None]) -> list[np.ndarray]:
        """Scaled features of other grids."""
        return [block.of(part) for block, part in zip(self.blocks, _raw(grid, self.banks, check_clock), strict=True)]

    def kernel(self, kind: Sequence[int], parts: Sequence[np.ndarray]) -> np.ndarray:
        """Mean over some parts of the inner products of these features with those learned from."""
        products = [parts[number] @ self.parts[number].T for number in kind]
        return np.asarray(np.mean(products, axis=0, dtype=np.float64))


def _raw(grid: np.ndarray, banks: list[Bank], check_clock: Callable[[], None]) -> list[np.ndarray]:
    grid = np.ascontiguousarray(grid, dtype=np.float32)
    return [*pooled_features(grid, banks, check_clock), grid.reshape(len(grid), -1)]
