"""Quantiles of the intervals of a grid as parts of a graph, in double precision."""

from __future__ import annotations

import numpy as np

from autoarch._export.onnx_graph import Graph
from autoarch._training.interval_quantiles import AXES, ROUNDING, IntervalQuantiles, quantile_places, regions_of_views


def quantiles(graph: Graph, step: IntervalQuantiles, grid: str) -> str:
    """Quantiles of a grid (rows, channels, height, width), as the step makes them."""
    channels, height, width = step.layout.shape
    if "columns" not in step.axes:
        n_lines, sides = channels * height, (1, width)
    elif "rows" not in step.axes:
        n_lines, sides = channels * width, (height, 1)
        grid = graph.op("Transpose", grid, perm=[0, 1, 3, 2])
    else:
        n_lines, sides = channels, (height, width)
    lines = _filled(graph, graph.reshape(grid, n_lines, *sides))
    made = []
    for view, regions in zip(_views(graph, lines, n_lines, sides, step.axes), regions_of_views(step), strict=True):
        for down, across in regions:
            starts, ends = [down.start, across.start], [down.stop, across.stop]
            places = (graph.const(edge, np.int64) for edge in (starts, ends, [2, 3]))
            n_cells = (down.stop - down.start) * (across.stop - across.start)
            of_part = min(down.stop - down.start, across.stop - across.start) > 1
            cells = graph.reshape(graph.op("Slice", view, *places), n_lines, n_cells)
            made.append(_of_interval(graph, cells, n_lines, n_cells, of_part))
    return graph.concat(made)


def _filled(graph: Graph, lines: str) -> str:
    """The mean of a line in the place of what is missing in it."""
    missing = graph.op("IsNaN", lines)
    there = graph.reduce("ReduceSum", graph.cast(graph.op("Not", missing), np.float64), 2, 3, keepdims=True)
    known = graph.op("Where", missing, graph.const(0.0), lines)
    total = graph.reduce("ReduceSum", known, 2, 3, keepdims=True)
    return graph.op("Where", missing, graph.op("Div", total, graph.op("Max", there, graph.const(1.0))), lines)


def _views(graph: Graph, lines: str, n_lines: int, sides: tuple[int, int], axes: tuple[str, ...]) -> list[str]:
    """Values, differences and, along a single axis, second differences and the spectrum."""
    places = [AXES[axis] for axis in axes if sides[AXES[axis] - 2] > 1]
    found = [lines, *(_differences(graph, lines, place, sides[place - 2]) for place in places)]
    if len(places) != 1:
        return found
    side = sides[places[0] - 2]
    if side > 2:
        found.append(_differences(graph, found[1], places[0], side - 1))
    flat = graph.reshape(lines, n_lines, side)
    turns = 2 * np.pi * np.outer(np.arange(side), np.arange(1, side // 2 + 1)) / side
    parts = [graph.op("MatMul", flat, graph.const(part)) for part in (np.cos(turns), np.sin(turns))]
    size = graph.op("Sqrt", graph.op("Add", *(graph.op("Mul", part, part) for part in parts)))
    whole = graph.reduce("ReduceSum", graph.op("Abs", flat), 2, keepdims=True)
    spectrum = graph.op("Where", _beyond_rounding(graph, size, whole), size, graph.const(0.0))
    return [*found, graph.reshape(spectrum, n_lines, *(side // 2 if one > 1 else 1 for one in sides))]


def _differences(graph: Graph, lines: str, axis: int, side: int) -> str:
    later, earlier = (graph.take(lines, np.arange(side - 1) + first, axis) for first in (1, 0))
    return graph.op("Sub", later, earlier)


def _of_interval(graph: Graph, cells: str, n_lines: int, n_cells: int, of_part: bool) -> str:
    ordered, _ = graph.op("TopK", cells, graph.const([n_cells], np.int64), axis=2, largest=0, sorted=1, outputs=2)
    low, share = quantile_places(n_cells, n_lines, of_part)
    below, above = (graph.take(ordered, np.minimum(low + more, n_cells - 1), 2) for more in (0, 1))
    found = graph.op("Add", below, graph.op("Mul", graph.op("Sub", above, below), graph.const(share)))
    if len(low) > 1:
        mean = graph.reduce("ReduceMean", cells, 2, keepdims=True)
        less = graph.op("Sub", found, mean)
        less = graph.op("Where", _beyond_rounding(graph, graph.op("Abs", less), mean), less, graph.const(0.0))
        found = graph.op("Where", graph.const(np.arange(len(low)) % 2 == 1), less, found)
    return graph.reshape(found, n_lines * len(low))


def _beyond_rounding(graph: Graph, value: str, whole: str) -> str:
    return graph.op("Greater", value, graph.binary("Mul", graph.op("Abs", whole), ROUNDING))
