"""Features of random convolutions: what a CNN could read from a grid, without training one.

Kernels are half Gaussian noise, half differences of patches of the data; their responses are pooled on a coarse grid
(patterns with a place) and over the whole grid (patterns wherever they are), after ROCKET's share and maximum [1]_.

Imports: numpy, torch (inside functions).

References
----------
.. [1] A. Dempster, F. Petitjean, G. I. Webb, "ROCKET", Data Mining and Knowledge Discovery 34, 1454-1495, 2020.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

N_KERNELS = 64
MOST_POSITIONS = 1_600  # larger grids are read with a stride
BATCH_VALUES = 8_000_000


@dataclass(frozen=True)
class Bank:
    """Kernels of one size: ``weights`` of shape (k, C, height, width), dilated by ``dilation``."""

    weights: np.ndarray
    dilation: tuple[int, int]


def random_banks(grid: np.ndarray, rng: np.random.Generator, n_kernels: int = N_KERNELS) -> list[Bank]:
    """Draw kernels that suit the sides of ``grid`` (n, C, H, W): k x k, or 1 x k where one side is a single cell."""
    shapes = _kernel_shapes(grid.shape[2], grid.shape[3])
    counts = [len(part) for part in np.array_split(np.arange(n_kernels), len(shapes))]
    return [
        Bank(_draw(grid, size, dilation, count, rng), dilation)
        for (size, dilation), count in zip(shapes, counts, strict=True)
        if count
    ]


def _kernel_shapes(height: int, width: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Kernel sides with their dilations, none reaching beyond the grid."""
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


def _draw(
    grid: np.ndarray, size: tuple[int, int], dilation: tuple[int, int], count: int, rng: np.random.Generator
) -> np.ndarray:
    """Half Gaussian kernels, half differences of two patches of the data; three in four without a mean; unit norm."""
    n, channels, height, width = grid.shape
    kernels = rng.normal(size=(count, channels, *size))
    reach = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    for kernel in kernels[count // 2 :]:
        patches = []
        for _ in range(2):
            top, left = rng.integers(height - reach[0] + 1), rng.integers(width - reach[1] + 1)
            sample = grid[rng.integers(n)]
            patches.append(sample[:, top : top + reach[0] : dilation[0], left : left + reach[1] : dilation[1]])
        kernel[:] = patches[0] - patches[1] + 1e-6 * kernel  # two flat patches would leave nothing
    if channels > 1:  # every other kernel looks at one channel only
        for kernel in kernels[::2]:
            kernel[np.arange(channels) != rng.integers(channels)] = 0.0
    free = np.arange(count) % 4 != 3
    kernels[free] -= kernels[free].mean(axis=(2, 3), keepdims=True)
    if size[0] * size[1] > 1:
        norms = np.sqrt((kernels**2).sum(axis=(1, 2, 3), keepdims=True))
        kernels /= np.maximum(norms, 1e-6)
    return kernels.astype(np.float32)


def pooled_features(
    grid: np.ndarray, banks: list[Bank], check_clock: Callable[[], None]
) -> tuple[np.ndarray, np.ndarray]:
    """Responses of all kernels, pooled.

    Returns
    -------
    placed : ndarray of shape (n, kernels * places)
        Mean response in each of 3 x 3 parts of the grid (1 x 9 on lines).
    anywhere : ndarray of shape (n, kernels * 3)
        Mean, maximum and share of positive responses over the whole grid.
    """
    import torch
    from torch.nn import functional

    n, _, height, width = grid.shape
    parts = (min(3, height), min(3, width)) if min(height, width) > 1 else (min(9, height), min(9, width))
    step = max(1, ceil((height * width / MOST_POSITIONS) ** (0.5 if min(height, width) > 1 else 1.0)))
    stride = (step if height > 1 else 1, step if width > 1 else 1)
    placed, anywhere = [], []
    with torch.no_grad():
        for bank in banks:
            weights = torch.from_numpy(bank.weights)
            padding = [((k - 1) * d) // 2 for k, d in zip(weights.shape[2:], bank.dilation, strict=True)]
            rows = max(1, int(BATCH_VALUES * step / (len(weights) * height * width)))
            bias = None
            pieces = []
            for start in range(0, n, rows):
                check_clock()
                batch = torch.from_numpy(grid[start : start + rows])
                answer = functional.conv2d(batch, weights, stride=stride, padding=padding, dilation=bank.dilation)
                if bias is None:
                    bias = _biases(answer)
                answer = (answer - bias).relu_()
                means = functional.adaptive_avg_pool2d(answer, parts).flatten(1)
                flat = answer.flatten(2)
                pieces.append((means, torch.cat([flat.mean(2), flat.amax(2), (flat > 0).float().mean(2)], 1)))
            placed.append(torch.cat([piece[0] for piece in pieces]))
            anywhere.append(torch.cat([piece[1] for piece in pieces]))
    return torch.cat(placed, 1).numpy(), torch.cat(anywhere, 1).numpy()


def _biases(answer: Any) -> Any:
    """One threshold per kernel, at quantiles between 0.1 and 0.9 of its responses to the first rows."""
    import torch

    values = answer[:64].transpose(0, 1).flatten(1)
    values = values[:, :: max(1, values.shape[1] // 2_000)].sort(dim=1).values
    quantiles = torch.linspace(0.1, 0.9, len(values))[torch.arange(len(values)) * 7 % max(1, len(values))]
    place = (quantiles * (values.shape[1] - 1)).long()
    return values.gather(1, place[:, None])[None, :, :, None]
