"""The convolutional net, built from the shape of its input."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

Sides = tuple[int, int]  # height and width
Axes = tuple[bool, bool]  # along a column and along a row

_MOST_CELLS = 256  # cells after the stem; finer grids are strided down first: 28 x 28 to 14 x 14 costs a quarter
_FEWEST_CHANNELS = 4  # of the finest layer
_HEAD_CELLS = 3  # a position-aware head sees at most 3 x 3 regions


def _strides(height: int, width: int, most_cells: int) -> Sides:
    """Powers of two that bring ``height x width`` under ``most_cells``, halving the longer side first."""
    down, right = 1, 1
    while (-(-height // down)) * (-(-width // right)) > most_cells:
        if -(-height // down) > -(-width // right):
            down *= 2
        else:
            right *= 2
    return down, right


def _stem(n_in: int, n_out: int, kernel: Sides, wrap: Axes, steps: list[tuple[Sides, Sides]]) -> nn.Sequential:
    """Convolutions that stride, each with a norm, and with a mean over cells behind it where that has still to follow.

    The kernel along an axis that strides is a cell longer than two strides. Each step has twice the channels of the one
    before, because it has a part of its cells. Without ``steps`` nothing strides.
    """
    layers: list[nn.Module] = []
    steps = steps or [((1, 1), (1, 1))]
    for number, (stride, pool) in enumerate(steps, start=1):
        down, across = (2 * s + 1 if s > 1 else k for k, s in zip(kernel, stride, strict=True))
        width = max(min(n_out, _FEWEST_CHANNELS), n_out // 2 ** (len(steps) - number))
        layers += [_convolution(n_in, width, (down, across), wrap, stride), nn.BatchNorm2d(width), nn.ReLU()]
        layers += [nn.AvgPool2d(pool, ceil_mode=True)] if max(pool) > 1 else []
        n_in = width
    return nn.Sequential(*layers)


def _halvings(stride: Sides) -> list[tuple[Sides, Sides]]:
    """Strides and pools, 2 at most, that make up for a stride."""
    steps = []
    while max(stride) > 1:
        first = (min(2, stride[0]), min(2, stride[1]))
        rest = (stride[0] // first[0], stride[1] // first[1])
        pool = (min(2, rest[0]), min(2, rest[1]))
        steps.append((first, pool))
        stride = (rest[0] // pool[0], rest[1] // pool[1])
    return steps


def _folded(x: torch.Tensor, axis: int | None) -> torch.Tensor:
    """Make the lines along ``axis`` channels; that axis keeps a single cell."""
    # movedim gives (n, channels, lines, cells along each)
    return x if axis is None else x.movedim(axis, 2).flatten(1, 2).unsqueeze(axis)


class WrappingConv2d(nn.Conv2d):
    """A convolution along axes that close on themselves: ``rim`` cells from the other side stand around the grid."""

    def __init__(self, *args: Any, rim: Sides, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.rim = rim

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for axis, width in zip((2, 3), self.rim, strict=True):
            if width:  # in a deep layer it may be wider than the grid
                side = x.shape[axis]
                x = x.index_select(axis, torch.arange(-width, side + width, device=x.device) % side)
        return super().forward(x)


def _convolution(
    n_in: int, n_out: int, kernel: Sides, wrap: Axes, stride: Sides = (1, 1), dilation: int = 1
) -> nn.Module:
    down, across = (k // 2 * dilation for k in kernel)
    settings: dict[str, Any] = {"stride": stride, "dilation": dilation, "bias": False}
    if not any(wrap):
        return nn.Conv2d(n_in, n_out, kernel, padding=(down, across), **settings)
    zeros, rim = (down * (not wrap[0]), across * (not wrap[1])), (down * wrap[0], across * wrap[1])
    return WrappingConv2d(n_in, n_out, kernel, rim=rim, padding=zeros, **settings)


class MultiScale(nn.Module):
    """Convolutions with the same kernel at several dilations, side by side, each with its part of the channels.

    What InceptionTime [1]_ does with kernels of 10, 20 and 40 cells, for the weights of the shortest one.

    References
    ----------
    .. [1] H. Ismail Fawaz et al., "InceptionTime: finding AlexNet for time series classification", Data Mining and
       Knowledge Discovery 34, 1936-1962, 2020.
    """

    def __init__(self, n_in: int, n_out: int, kernel: Sides, wrap: Axes, stride: Sides, scales: int):
        super().__init__()
        widths = [n_out * (k + 1) // scales - n_out * k // scales for k in range(scales)]
        self.parts = nn.ModuleList(
            _convolution(n_in, width, kernel, wrap, stride, 2**k) for k, width in enumerate(widths)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([part(x) for part in self.parts], dim=1)


def _scales_that_fit(scales: int, kernel: Sides, height: int, width: int) -> int:
    """Dilations 1, 2, 4, ... whose kernels are no longer than the grid."""
    reach = [(k - 1) / (side - 1) if side > 1 else 0.0 for k, side in zip(kernel, (height, width), strict=True)]
    while scales > 1 and max(reach) * 2 ** (scales - 1) > 1:
        scales -= 1
    return scales


class ChannelAttention(nn.Module):
    """Weigh the channels of a sample by a small net that sees their means: squeeze and excitation [1]_.

    References
    ----------
    .. [1] J. Hu, L. Shen, G. Sun, "Squeeze-and-excitation networks", CVPR 2018.
    """

    def __init__(self, n_channels: int):
        super().__init__()
        inner = max(4, n_channels // 4)
        self.weigh = nn.Sequential(nn.Linear(n_channels, inner), nn.ReLU(), nn.Linear(inner, n_channels), nn.Sigmoid())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * (2 * self.weigh(x.mean(dim=(2, 3))))[:, :, None, None]


class ResidualBlock(nn.Module):
    """Two convolutions with batch norm and a shortcut; the first one strides, and may look at several scales."""

    def __init__(self, n_in: int, n_out: int, kernel: Sides, wrap: Axes, stride: Sides, scales: int, attention: bool):
        super().__init__()
        first = (n_in, n_out, kernel, wrap, stride)
        self.conv1 = MultiScale(*first, scales) if scales > 1 else _convolution(*first)
        self.norm1 = nn.BatchNorm2d(n_out)
        self.conv2 = _convolution(n_out, n_out, kernel, wrap)
        self.norm2 = nn.BatchNorm2d(n_out)
        self.attention = ChannelAttention(n_out) if attention else nn.Identity()
        self.shrink = nn.AvgPool2d(stride, ceil_mode=True) if max(stride) > 1 else nn.Identity()
        self.project = nn.Conv2d(n_in, n_out, 1, bias=False) if n_in != n_out else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = self.attention(self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x))))))
        return torch.relu(inner + self.project(self.shrink(x)))


class ConvNet(nn.Module):
    """A small residual net whose strides follow the shape of the grid.

    Parameters
    ----------
    input_shape : tuple of int
        Channels, height, width.
    n_outputs : int
        Classes, or 1.
    filters : int
        Channels of the first stage; each further stage doubles them.
    stages : int
        Residual stages; all but the first halve the sides that are long enough.
    kernel : tuple of int
        Odd height and width of the kernels: (3, 3) for grids, (1, 7) along rows, (7, 1) along columns.
    axis_as_channels : bool
        Whether the lines across the kernels (rows for 1 x k, columns for k x 1) are channels of one line, each with
        weights of its own, instead of sharing the weights.
    alone : bool
        Whether kernels see a single cell and nothing is strided, so that the order of the cells is of no consequence
        before the head. With an axis as channels these cells are lines, and the net is a deep set [1]_.
    head : {"regions", "global"}
        Average over at most 3 x 3 regions and keep their positions, or average and maximum over the whole grid.
    dropout : float
        Share of features dropped before the last layer.
    scales : int
        Dilations (1, 2, 4, ...) of the first convolution of each stage, at most; those that fit are used.
    attention : bool
        Whether each block weighs its channels anew for each sample.
    wrap : tuple of bool
        Whether a column, and a row, closes on itself, so that its ends are neighbours.
    stem : {"strided", "pooled"}
        How fine grids are brought to 256 cells: by one convolution with a long kernel and stride, or by strides and
        means of two cells in turn, behind which a fine pattern is still known by what it is made of.

    References
    ----------
    .. [1] M. Zaheer et al., "Deep sets", NeurIPS 2017.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        n_outputs: int,
        filters: int = 32,
        stages: int = 3,
        kernel: Sides = (3, 3),
        axis_as_channels: bool = False,
        alone: bool = False,
        head: str = "regions",
        dropout: float = 0.1,
        scales: int = 1,
        attention: bool = False,
        wrap: Axes = (False, False),
        stem: str = "strided",
    ):
        settings = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        super().__init__()
        self.settings = {**settings, "input_shape": tuple(map(int, input_shape))}  # by which a file's net is built
        self.folded = (2 if kernel[0] == 1 else 3) if axis_as_channels and 1 in kernel else None
        channels, height, width = _folded(torch.empty(0, *input_shape), self.folded).shape[1:]
        stride = (1, 1) if alone else _strides(height, width, _MOST_CELLS)
        kernel = (1, 1) if alone else kernel
        steps = _halvings(stride) if stem == "pooled" else [(stride, (1, 1))]
        self.stem = _stem(channels, filters, kernel, wrap, steps)
        height, width = -(-height // stride[0]), -(-width // stride[1])
        blocks, n_in = [], filters
        for stage in range(stages):
            n_out = filters * 2**stage
            least = 4 if stage and not alone else float("inf")  # of a side that is halved: two cells are kept
            step = (2 if height >= least else 1, 2 if width >= least else 1)
            fitting = _scales_that_fit(scales, kernel, height, width)
            blocks.append(ResidualBlock(n_in, n_out, kernel, wrap, step, fitting, attention))
            height, width, n_in = -(-height // step[0]), -(-width // step[1]), n_out
        self.blocks = nn.Sequential(*blocks)
        self.head = head
        self.regions = (min(height, _HEAD_CELLS), min(width, _HEAD_CELLS))
        features = 2 * n_in if head == "global" else n_in * self.regions[0] * self.regions[1]
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(features, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(self.stem(_folded(x, self.folded)))
        if self.head == "global":
            features = torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)
        else:
            features = F.adaptive_avg_pool2d(x, self.regions).flatten(1)
        return self.output(self.dropout(features))
