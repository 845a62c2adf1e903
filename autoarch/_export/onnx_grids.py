"""Changes of the sides of grids as parts of a graph."""

from __future__ import annotations

import numpy as np

from autoarch._export.onnx_graph import Graph
from autoarch._training.grid_extents import SQUARE, GridExtent, middle_of
from autoarch.families.kernels import WrapAround


def part(graph: Graph, grid: str, kept: tuple[slice, ...]) -> str:
    """The rows and columns that the last two slices keep."""
    rows, columns = kept[-2:]
    ends = ([rows.start, columns.start], [rows.stop, columns.stop])
    return graph.op("Slice", grid, *(graph.const(end, np.int64) for end in ends), graph.const([2, 3], np.int64))


def extent(graph: Graph, step: GridExtent, grid: str) -> str:
    """A quarter of the cells of a large grid."""
    if step.extent == "middle":
        return part(graph, grid, tuple(map(middle_of, step.sides_)))
    square = [SQUARE, SQUARE]
    return graph.op("AveragePool", graph.cast(grid, np.float32), kernel_shape=square, strides=square, ceil_mode=1)


def continued(graph: Graph, step: WrapAround, grid: str) -> str:
    """A grid with its first cells behind the last ones, and the last ones before the first, along closed axes."""
    for axis, (cells, side) in enumerate(zip(step.cells_, step.sides_, strict=True), start=2):
        if cells:
            grid = graph.take(grid, np.arange(-cells, side + cells) % side, axis)
    return grid
