"""Nets and random convolutions as parts of a graph, in single precision."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autoarch._export.onnx_graph import Graph
from autoarch._export.onnx_steps import quantiles_of
from autoarch._statistics.random_convolutions import GROUP, padding_of, parts_of, stride_of
from autoarch.exceptions import ModelFileError
from autoarch.families.convolution_ridge import quantiles_step

_SINGLE = np.float32


def net_outputs(graph: Graph, net: Any, values: str) -> str:
    """Raw outputs of a fitted net, as it predicts."""
    from autoarch._training.conv_net import ConvNet
    from autoarch._training.table_net import TableNet

    module, shape = net.module_, tuple(net.input_shape_)
    if isinstance(module, ConvNet):
        return _mean_of_arrangements(graph, net, graph.cast(values, _SINGLE), shape)
    if isinstance(module, TableNet):
        flat = graph.reshape(graph.cast(values, _SINGLE), int(np.prod(shape)))
        return _table_net(graph, module, flat)
    raise ModelFileError(f"its net is a {type(module).__name__} of somebody else's layers; export it with torch.onnx")


def _array(tensor: Any) -> np.ndarray:
    return tensor.detach().cpu().contiguous().numpy()


def _single(graph: Graph, kind: str, value: str, other: Any) -> str:
    return graph.binary(kind, value, other, _SINGLE)


def _table_net(graph: Graph, net: Any, x: str) -> str:
    if net.embedding is not None:
        e = net.embedding
        numbers = graph.take(x, np.arange(net.n_numbers))
        column = graph.reshape(numbers, net.n_numbers, 1)
        turns = _single(graph, "Mul", column, 2 * math.pi * _array(e.frequencies)[None])
        waves = graph.op("Cos", _single(graph, "Add", turns, _array(e.phases)[None]))
        by_column = graph.op("Transpose", waves, perm=[1, 0, 2])  # (columns, rows, waves)
        mapped = graph.op("MatMul", by_column, graph.const(_array(e.weight)))
        mapped = _single(graph, "Add", graph.op("Transpose", mapped, perm=[1, 0, 2]), _array(e.bias)[None])
        width = 1 + e.weight.shape[2]
        embedded = graph.reshape(graph.concat([column, mapped], axis=2), net.n_numbers * width)
        rest = np.arange(net.n_numbers, net.scale.shape[1] - net.n_numbers * (width - 1))
        x = graph.concat([embedded, *([graph.take(x, rest)] if len(rest) else [])])
    n_in = net.scale.shape[1]
    x = _single(graph, "Mul", graph.reshape(x, 1, n_in), _array(net.scale)[None])  # (rows, members, columns)
    for layer in net.blocks:
        x = _table_layer(graph, layer, x)
    x = graph.op("Transpose", x, perm=[1, 0, 2])
    x = graph.op("MatMul", x, graph.const(_array(net.weight)))
    x = _single(graph, "Add", x, _array(net.bias)[:, None])  # (members, rows, outputs)
    if net.bias.shape[1] == 1:
        return graph.reduce("ReduceMean", x, 0)
    return graph.reduce("ReduceLogSumExp", graph.op("LogSoftmax", x, axis=2), 0)


def _table_layer(graph: Graph, layer: Any, x: str) -> str:
    name = type(layer).__name__
    if name == "SharedLinear":
        return _single(
            graph, "Add", graph.op("MatMul", x, graph.const(_array(layer.linear.weight).T)), _array(layer.bias)[None]
        )
    if name == "MemberNorm":
        factor, shift = _norm(layer)
        return _single(graph, "Add", _single(graph, "Mul", x, factor), shift)
    if name == "SiLU":
        return graph.op("Mul", x, graph.op("Sigmoid", x))
    if name in ("Identity", "Dropout"):
        return x
    raise ModelFileError(f"its net has a layer {name}, which has no counterpart here")


def _norm(layer: Any) -> tuple[np.ndarray, np.ndarray]:
    """Factor and shift of a batch norm that predicts."""
    factor = _array(layer.weight) / np.sqrt(_array(layer.running_var) + layer.eps)
    return factor, _array(layer.bias) - _array(layer.running_mean) * factor


def _mean_of_arrangements(graph: Graph, net: Any, x: str, shape: tuple[int, ...]) -> str:
    """Raw outputs, averaged over the arrangements of the grid that the net looks at."""
    first, *others = net.arrangements
    total = _conv_net(graph, net.module_, x, shape)
    if not others:
        return total
    flat = graph.reshape(x, shape[0], len(first))
    around = graph.op("Concat", flat, graph.op("Sub", *[graph.take(flat, [0], 2)] * 2), axis=2)  # and a cell that is 0
    for cells in others:
        view = graph.reshape(graph.take(around, cells, 2), *shape)
        total = graph.op("Add", total, _conv_net(graph, net.module_, view, shape))
    return _single(graph, "Div", total, float(len(others) + 1))


def _conv_net(graph: Graph, net: Any, x: str, shape: tuple[int, ...]) -> str:
    if net.folded is not None:  # the lines along an axis become channels
        others = 3 if net.folded == 2 else 2
        x = graph.op("Transpose", x, perm=[0, 1, net.folded, others])
        sides = [1, shape[others - 1]] if net.folded == 2 else [shape[others - 1], 1]
        shape = (shape[0] * shape[net.folded - 1], *sides)
        x = graph.reshape(x, *shape)
    x, shape = _layer(graph, net.stem, x, shape)
    x, shape = _layer(graph, net.blocks, x, shape)
    if net.head == "global":
        features = graph.concat([graph.reduce("ReduceMean", x, 2, 3), graph.reduce("ReduceMax", x, 2, 3)])
    else:
        features = graph.reshape(pooled_regions(graph, x, shape, net.regions), shape[0] * int(np.prod(net.regions)))
    return _linear(graph, net.output, features)


def _linear(graph: Graph, layer: Any, x: str) -> str:
    return graph.op("Gemm", x, graph.const(_array(layer.weight)), graph.const(_array(layer.bias)), transB=1)


def _layer(graph: Graph, layer: Any, x: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """A layer of a convolutional net, and the shape of what it makes."""
    name = type(layer).__name__
    if name == "Sequential":
        for one in layer:
            x, shape = _layer(graph, one, x, shape)
        return x, shape
    if name in ("Conv2d", "WrappingConv2d"):
        return _convolution(graph, layer, x, shape)
    if name == "MultiScale":
        made, shapes = zip(*(_convolution(graph, part, x, shape) for part in layer.parts), strict=True)
        return graph.concat(list(made)), (sum(one[0] for one in shapes), *shapes[0][1:])
    if name == "BatchNorm2d":
        factor, shift = (part[None, :, None, None] for part in _norm(layer))
        return _single(graph, "Add", _single(graph, "Mul", x, factor), shift), shape
    if name == "ResidualBlock":
        return _block(graph, layer, x, shape)
    if name == "ChannelAttention":
        first, _, last, _ = layer.weigh
        inner = graph.op("Relu", _linear(graph, first, graph.reduce("ReduceMean", x, 2, 3)))
        weights = _single(graph, "Mul", graph.op("Sigmoid", _linear(graph, last, inner)), 2.0)
        return graph.op("Mul", x, graph.reshape(weights, shape[0], 1, 1)), shape
    if name == "AvgPool2d":
        steps = [layer.kernel_size] * 2 if isinstance(layer.kernel_size, int) else list(layer.kernel_size)
        made = graph.op("AveragePool", x, kernel_shape=steps, strides=steps, ceil_mode=1)
        return made, (shape[0], *(-(-side // step) for side, step in zip(shape[1:], steps, strict=True)))
    if name == "ReLU":
        return graph.op("Relu", x), shape
    if name in ("Identity", "Dropout"):
        return x, shape
    raise ModelFileError(f"its net has a layer {name}, which has no counterpart here")


def _block(graph: Graph, block: Any, x: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    inner, made = _layer(graph, block.conv1, x, shape)
    inner, made = _layer(graph, block.norm1, inner, made)
    inner, made = _layer(graph, block.conv2, graph.op("Relu", inner), made)
    for layer in (block.norm2, block.attention):
        inner, made = _layer(graph, layer, inner, made)
    short, shrunk = _layer(graph, block.shrink, x, shape)
    short, _ = _layer(graph, block.project, short, shrunk)
    return graph.op("Relu", graph.op("Add", inner, short)), made


def _convolution(graph: Graph, layer: Any, x: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    padding, sides = layer.padding, list(shape[1:])
    for axis, width in enumerate(getattr(layer, "rim", (0, 0))):
        if width:  # axes that close on themselves
            x = graph.take(x, np.arange(-width, sides[axis] + width) % sides[axis], axis + 2)
            sides[axis] += 2 * width
    settings: dict[str, Any] = {
        "strides": list(layer.stride),
        "dilations": list(layer.dilation),
        "pads": [*padding, *padding],
    }
    bias = [] if layer.bias is None else [graph.const(_array(layer.bias))]
    made = graph.op("Conv", x, graph.const(_array(layer.weight)), *bias, **settings)
    out = [
        (side + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1
        for side, pad, dilation, kernel, stride in zip(
            sides, padding, layer.dilation, layer.kernel_size, layer.stride, strict=True
        )
    ]
    return made, (layer.out_channels, *out)


def pooled_regions(graph: Graph, x: str, shape: tuple[int, ...], regions: tuple[int, int]) -> str:
    """Means over regions that cover the grid as evenly as can be: (rows, channels, regions)."""
    weights = []
    for side, count in zip(shape[1:], regions, strict=True):
        table = np.zeros((side, count), _SINGLE)
        for place in range(count):
            start, end = place * side // count, -(-(place + 1) * side // count)
            table[start:end, place] = 1.0 / (end - start)
        weights.append(table)
    flat = graph.reshape(x, shape[0], shape[1] * shape[2])
    return graph.op("MatMul", flat, graph.const(np.kron(*weights)))


def random_convolutions(graph: Graph, model: Any, grid: str, shape: tuple[int, ...]) -> str:
    """Outputs of a ridge on random convolutions of scaled grids."""
    x = graph.cast(grid, _SINGLE)
    by_pool: dict[str, list[str]] = {pool: [] for pool in model.pools_}
    for bank in model.banks_:
        stride, padding, kernel = stride_of(bank, *shape[1:]), padding_of(bank), bank.weights.shape[2:]
        steps: dict[str, Any] = {"strides": list(stride), "pads": [*padding] * 2, "dilations": list(bank.dilation)}
        answer = graph.op("Conv", x, graph.const(bank.weights), **steps)
        count = len(bank.weights)
        out = tuple(
            (side + 2 * pad - step * (cells - 1) - 1) // way + 1
            for side, pad, step, cells, way in zip(shape[1:], padding, bank.dilation, kernel, stride, strict=True)
        )
        beyond = graph.op("Relu", _single(graph, "Sub", answer, bank.thresholds[None, :, None, None]))
        for pool in model.pools_:
            by_pool[pool].append(_pooled(graph, pool, answer, beyond, bank.slack, (count, *out)))
    parts = [graph.concat(by_pool[pool]) for pool in model.pools_]
    if model.quantiles:
        step = quantiles_step(shape, model.quantiles)
        parts.append(graph.cast(quantiles_of(graph, step, graph.cast(x, np.float64)), _SINGLE))
    if len(model.cells_):
        parts.append(graph.take(graph.reshape(x, int(np.prod(shape))), model.cells_))
    features = graph.concat([_of_block(graph, block, part) for block, part in zip(model.blocks_, parts, strict=True)])
    product = graph.op("MatMul", graph.cast(features, np.float64), graph.const(model.ridge_.coef, np.float64))
    return graph.binary("Add", product, np.asarray(model.ridge_.intercept)[None])


def _of_block(graph: Graph, block: Any, part: str) -> str:
    centred = _single(graph, "Sub", graph.take(part, block.kept), block.mean[None])
    scaled = _single(graph, "Div", centred, block.scale[None])
    limit = 10.0 / float(np.sqrt(max(1, len(block.kept))))
    return graph.clip(scaled, -limit, limit, _SINGLE)


def _pooled(graph: Graph, pool: str, answer: str, beyond: str, slack: float, shape: tuple[int, ...]) -> str:
    count, height, width = shape
    if pool == "placed":
        regions = parts_of(height, width)
        return graph.reshape(pooled_regions(graph, beyond, shape, regions), count * int(np.prod(regions)))
    if pool == "anywhere":
        flat = graph.reshape(beyond, count, height * width)
        shares = graph.reduce("ReduceMean", graph.op("Sign", flat), 2)
        return graph.concat([graph.reduce("ReduceMean", flat, 2), graph.reduce("ReduceMax", flat, 2), shares])
    n_groups = count // GROUP
    kept = graph.take(answer, np.arange(n_groups * GROUP))
    grouped = graph.reshape(kept, n_groups, GROUP, height * width)
    most, least = (graph.reduce(kind, grouped, 2, keepdims=True) for kind in ("ReduceMax", "ReduceMin"))
    behind = graph.op("Sub", grouped, _single(graph, "Sub", most, slack))
    wins = graph.op(
        "Mul", _single(graph, "Add", graph.op("Sign", behind), 1.0), _single(graph, "Div", graph.op("Relu", most), 2.0)
    )
    above = graph.op("Sub", _single(graph, "Add", least, slack), grouped)
    loses = _single(graph, "Div", _single(graph, "Add", graph.op("Sign", above), 1.0), 2.0)
    counts = [graph.reshape(graph.reduce("ReduceMean", one, 3), n_groups * GROUP) for one in (wins, loses)]
    return graph.op("Sqrt", graph.concat(counts))
