"""Steps between canonical values and a model as parts of a graph: scalers, encoders, grids and their summaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from autoarch._data.layout import Layout
from autoarch._export import onnx_grids, onnx_kernels
from autoarch._export.onnx_graph import Graph
from autoarch._training.crossed_columns import CrossedColumns
from autoarch._training.difference_scaler import AXES, DifferenceScaler
from autoarch._training.grid_extents import GridExtent
from autoarch._training.grid_summaries import GridSummaries, parts
from autoarch._training.interval_quantiles import ROUNDING, IntervalQuantiles, quantile_places, regions_of_views
from autoarch._training.kernel_machine import KernelFeatures
from autoarch._training.log_scaler import LogScaler
from autoarch._training.order_free import OrderFreeSummaries
from autoarch._training.scalers import CodeChannels, GridScaler, SampleScaler
from autoarch._training.table_scalers import (
    LARGEST_FLOAT,
    LevelCounts,
    RobustClip,
    SmallUnits,
    ToFloat32,
    WithheldColumns,
)
from autoarch.exceptions import ModelFileError
from autoarch.families.kernels import WrapAround
from autoarch.geo.points import MapTransformer

_CLIP = 10.0  # standard deviations of the columns beside a grid
_FLAT = 1e-6  # of the mean of a sample, as in its scaler
_SPARSE = 4.0  # numbers for each level of an encoder, beyond which a table of all numbers would be mostly empty


def converted(graph: Graph, step: Any, values: str) -> str:
    """Values after a fitted step.

    Raises
    ------
    ModelFileError
        If there is no counterpart of it.
    """
    for kind, convert in _CONVERTERS.items():
        if isinstance(step, kind):
            return convert(graph, step, values)
    if isinstance(step, MapTransformer):
        raise ModelFileError("it looks at the neighbours of each row on the map, which ONNX cannot find")
    if isinstance(step, OrderFreeSummaries):
        raise ModelFileError("it sums up lines without an order by quantiles and eigenvalues, which ONNX has not")
    raise ModelFileError(f"its step {type(step).__name__} has no counterpart in ONNX")


def _columns(graph: Graph, step: ColumnTransformer, values: str) -> str:
    made = []
    for _, transformer, columns in step.transformers_:
        if not len(columns):
            continue
        made.append(converted(graph, transformer, graph.take(values, np.asarray(columns))))
    return graph.concat(made)


def _imputed(graph: Graph, step: SimpleImputer, values: str) -> str:
    filled = graph.known(values, step.statistics_[None])
    if step.indicator_ is None:
        return filled
    gaps = graph.cast(graph.op("IsNaN", graph.take(values, step.indicator_.features_)), np.float64)
    return graph.concat([filled, gaps])


def _standardised(graph: Graph, step: StandardScaler, values: str) -> str:
    return graph.binary("Div", graph.binary("Sub", values, step.mean_[None]), step.scale_[None])


def _clipped(graph: Graph, step: RobustClip, values: str) -> str:
    z = graph.binary("Div", graph.binary("Sub", values, step.median_[None]), step.spread_[None])
    third = graph.binary("Div", z, 3.0)
    return graph.op("Div", z, graph.op("Sqrt", graph.binary("Add", graph.op("Mul", third, third), 1.0)))


def _withheld(graph: Graph, step: WithheldColumns, values: str) -> str:
    if not len(step.withheld_):
        return values
    held = np.isin(np.arange(step.n_features_in_), step.withheld_)[None]
    return graph.op("Where", graph.const(held), graph.const(0.0), values)


def _in_small_units(graph: Graph, step: SmallUnits, values: str) -> str:
    scaled = graph.binary("Div", graph.binary("Sub", values, step.centre_[None]), step.spread_[None])
    held = graph.op("Where", graph.op("IsNaN", scaled), scaled, graph.clip(scaled, -LARGEST_FLOAT, LARGEST_FLOAT))
    return held if step.double else graph.cast(graph.cast(held, np.float32), np.float64)


def _passed(graph: Graph, step: FunctionTransformer, values: str) -> str:
    if step.func is not None:
        raise ModelFileError(f"its step {step} has no counterpart in ONNX")
    return values


def _levels_of(step: Any) -> list[Any]:
    return [range(len(counts)) for counts in step.counts_] if isinstance(step, LevelCounts) else step.categories_


def _encoded(graph: Graph, step: Any, values: str) -> str:
    """Each column of codes through a table of what the encoder makes of its codes, of others, and of a missing one."""
    every = _levels_of(step)
    firsts = [np.append(np.asarray(levels, dtype=np.float64), 0.0)[0] for levels in every]
    made = []
    for column, known in enumerate(every):
        levels = np.asarray(known, dtype=np.float64)
        levels = levels[~np.isnan(levels)]
        beyond = levels.max(initial=0.0) + 1.0  # unknown
        coded = not len(levels) or (levels.min() >= 0 and beyond <= _SPARSE * len(levels))
        levels = np.arange(beyond) if coded else levels
        asked = np.tile(np.array(firsts), (len(levels) + 2, 1))
        asked[:, column] = [*levels, beyond, np.nan]
        found = step.transform(asked)
        table = np.asarray(found.toarray() if issparse(found) else found, dtype=np.float64)
        lookup = onnx_kernels.by_code if coded else onnx_kernels.by_level
        made.append(lookup(graph, graph.take(values, [column]), levels, table[:, _outputs_of(step, column)]))
    return graph.concat(made)


def _crossed(graph: Graph, step: CrossedColumns, values: str) -> str:
    made = [values, *onnx_kernels.arithmetic(graph, step, values)]
    if step.encoder_ is not None:
        made.append(_encoded(graph, step.encoder_, onnx_kernels.codes(graph, step, values)))
    return graph.concat(made)


def _outputs_of(step: Any, column: int) -> slice:
    if isinstance(step, (OrdinalEncoder, LevelCounts)):
        return slice(column, column + 1)
    if isinstance(step, TargetEncoder):
        width = len(step.classes_) if step.target_type_ == "multiclass" else 1
        return slice(width * column, width * (column + 1))
    ends = np.cumsum([0, *step._n_features_outs])
    return slice(int(ends[column]), int(ends[column + 1]))


def to_grid(graph: Graph, layout: Layout, values: str) -> str:
    """Flat values as (rows, channels, height, width); a cell without a column is missing."""
    if layout.in_order:
        return graph.reshape(values, *layout.shape)
    taken = graph.take(values, np.maximum(layout.columns, 0))
    if (layout.columns < 0).any():
        taken = graph.op("Where", graph.const((layout.columns < 0)[None]), graph.const(np.nan), taken)
    return graph.reshape(taken, *layout.shape)


def _scaled_grid(graph: Graph, step: GridScaler, values: str) -> str:
    """Scaled cells, a mask and planes, in single precision."""
    if isinstance(step, SampleScaler):
        values = _each_scaled(graph, step, values)
    given = to_grid(graph, step.layout, values)
    made = [graph.cast(_cells(graph, step, given), np.float32)]
    if step.masked_:
        missing = graph.cast(graph.op("IsNaN", given), np.float32)
        made.append(graph.reduce("ReduceMax", missing, 1, keepdims=True))
    if len(step.planes_):
        planes = graph.cast(_planes(graph, step.planes_, values), np.float32)
        ones = np.ones((1, 1, *step.layout.shape[1:]), np.float32)
        made.append(graph.op("Mul", graph.reshape(planes, len(step.planes_), 1, 1), graph.const(ones)))
    return graph.concat(made)


def _cells(graph: Graph, step: GridScaler, grid: str) -> str:
    if isinstance(step, CodeChannels):
        return graph.cast(graph.binary("Equal", graph.take(grid, step.cell_channels_), step.codes_[None]), np.float64)
    if isinstance(step, DifferenceScaler):
        found = [_differences(graph, grid, AXES[axis], step.layout.shape) for axis in step.axes]
        grid = graph.concat([grid, *found] if step.keep_cells else found)
    if isinstance(step, LogScaler):
        sizes = graph.binary("Add", graph.binary("Div", graph.op("Abs", grid), step.units_[None]), 1.0)
        grid = graph.op("Mul", graph.op("Sign", grid), graph.op("Log", sizes))
    scaled = graph.binary("Div", graph.binary("Sub", grid, step.mean_[None]), step.scale_[None])
    if np.isfinite(step._largest):
        scaled = graph.clip(scaled, -step._largest, step._largest)
    return graph.known(scaled, np.asarray(step._fill)[None])


def _differences(graph: Graph, grid: str, axis: int, shape: tuple[int, int, int], last: float | None = None) -> str:
    """Differences to the next cell along an axis; of the last cell of a line to itself, or ``last``."""
    side = shape[axis - 1]
    following = graph.take(grid, np.minimum(np.arange(1, side + 1), side - 1), axis)
    found = graph.op("Sub", following, grid)
    if last is None:
        return found
    end = np.zeros((1, 1, *shape[1:]), bool)
    np.moveaxis(end, axis, 0)[-1] = True
    return graph.op("Where", graph.const(end), graph.const(last), found)


def _each_scaled(graph: Graph, step: SampleScaler, values: str) -> str:
    """Every channel of every sample by its own mean and deviation."""
    for columns in step.layout.columns.reshape(step.layout.channels, -1):
        there = columns[columns >= 0]
        cells = graph.take(values, there)
        mean, deviation = _moments(graph, cells, (1,))
        floor = graph.binary("Mul", graph.op("Abs", mean), _FLAT)
        varies = graph.op("Greater", deviation, floor)
        scale = graph.op("Where", varies, deviation, graph.const(1.0))
        centred = graph.op("Div", graph.op("Sub", cells, mean), scale)
        scaled = graph.op("Where", varies, centred, graph.binary("Mul", cells, 0.0))
        n = step.layout.n_columns
        place = np.arange(n)
        place[there] = n + np.arange(len(there))
        values = graph.take(graph.concat([values, scaled]), place)
    return values


def _planes(graph: Graph, planes: Any, values: str) -> str:
    made = []
    if len(planes.numbers):
        numbers = graph.binary("Sub", graph.take(values, planes.numbers), planes.mean[None])
        scaled = graph.clip(graph.binary("Div", numbers, planes.scale[None]), -_CLIP, _CLIP)
        made.append(graph.known(scaled, 0.0))
    if planes.levels:
        columns, codes = zip(*planes.levels, strict=True)
        made.append(graph.cast(graph.binary("Equal", graph.take(values, columns), np.array(codes)[None]), np.float64))
    return graph.concat(made)


def _moments(graph: Graph, values: str, axes: tuple[int, ...]) -> tuple[str, str]:
    """Mean and deviation of what is there along axes that are kept; NaN is left out, 0 where nothing is there."""
    missing = graph.op("IsNaN", values)
    there = graph.cast(graph.op("Not", missing), np.float64)
    count = graph.op("Max", graph.reduce("ReduceSum", there, *axes, keepdims=True), graph.const(1.0))
    filled = graph.op("Where", missing, graph.const(0.0), values)
    mean = graph.op("Div", graph.reduce("ReduceSum", filled, *axes, keepdims=True), count)
    away = graph.op("Mul", graph.op("Sub", filled, mean), there)
    squares = graph.reduce("ReduceSum", graph.op("Mul", away, away), *axes, keepdims=True)
    return mean, graph.op("Sqrt", graph.op("Div", squares, count))


def _summarised(graph: Graph, step: GridSummaries, values: str) -> str:
    """Summaries of the parts of a grid, missing where a part has no value."""
    if step.view == "cells":
        return values
    layout = step.layout
    channels, height, width = layout.shape
    grid = to_grid(graph, layout, values)
    changes = [
        graph.op("Abs", _differences(graph, grid, axis, layout.shape, np.nan))
        for axis in (3, 2)
        if layout.shape[axis - 1] > 1
    ]
    made = []
    for part in parts(layout):
        cells = onnx_grids.part(graph, grid, part)
        made += _four(graph, cells, (2, 3))
        made += [_four(graph, onnx_grids.part(graph, change, part), (2, 3))[0] for change in changes]
    if len(changes) == 2:
        for axis, side in ((2, width), (3, height)):
            made += [graph.reshape(one, channels * side) for one in _four(graph, grid, (axis,))[:2]]
    kept = [values] if step.view == "both" else [graph.take(values, layout.foreign)] if len(layout.foreign) else []
    return graph.concat([*kept, *made])


def _quantiled(graph: Graph, step: IntervalQuantiles, values: str) -> str:
    made = quantiles_of(graph, step, to_grid(graph, step.layout, values))
    beside = [graph.take(values, step.layout.foreign)] if len(step.layout.foreign) else []
    return graph.concat([*beside, made])


def quantiles_of(graph: Graph, step: IntervalQuantiles, grid: str) -> str:
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
    found = [lines, *(_steps_along(graph, lines, place, sides[place - 2]) for place in places)]
    if len(places) != 1:
        return found
    side = sides[places[0] - 2]
    if side > 2:
        found.append(_steps_along(graph, found[1], places[0], side - 1))
    flat = graph.reshape(lines, n_lines, side)
    turns = 2 * np.pi * np.outer(np.arange(side), np.arange(1, side // 2 + 1)) / side
    parts = [graph.op("MatMul", flat, graph.const(part)) for part in (np.cos(turns), np.sin(turns))]
    size = graph.op("Sqrt", graph.op("Add", *(graph.op("Mul", part, part) for part in parts)))
    whole = graph.reduce("ReduceSum", graph.op("Abs", flat), 2, keepdims=True)
    spectrum = graph.op("Where", _beyond_rounding(graph, size, whole), size, graph.const(0.0))
    return [*found, graph.reshape(spectrum, n_lines, *(side // 2 if one > 1 else 1 for one in sides))]


def _steps_along(graph: Graph, lines: str, axis: int, side: int) -> str:
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


def _four(graph: Graph, values: str, axes: tuple[int, ...]) -> list[str]:
    """Mean, deviation, least and greatest value of what is there; all missing where nothing is."""
    missing = graph.op("IsNaN", values)
    count = graph.reduce("ReduceSum", graph.cast(graph.op("Not", missing), np.float64), *axes)
    nothing = graph.binary("Equal", count, 0.0)
    mean, deviation = (graph.op("Squeeze", one, graph.const(axes, np.int64)) for one in _moments(graph, values, axes))
    least = graph.reduce("ReduceMin", graph.op("Where", missing, graph.const(np.inf), values), *axes)
    most = graph.reduce("ReduceMax", graph.op("Where", missing, graph.const(-np.inf), values), *axes)
    return [graph.op("Where", nothing, graph.const(np.nan), one) for one in (mean, deviation, least, most)]


def _pipeline(graph: Graph, step: Pipeline, values: str) -> str:
    for _, one in step.steps:
        values = converted(graph, one, values)
    return values


_CONVERTERS: dict[type, Callable[[Graph, Any, str], str]] = {
    Pipeline: _pipeline,
    ColumnTransformer: _columns,
    SimpleImputer: _imputed,
    StandardScaler: _standardised,
    RobustClip: _clipped,
    ToFloat32: lambda graph, step, values: graph.cast(values, np.float32),
    OneHotEncoder: _encoded,
    OrdinalEncoder: _encoded,
    TargetEncoder: _encoded,
    LevelCounts: _encoded,
    WithheldColumns: _withheld,
    SmallUnits: _in_small_units,
    FunctionTransformer: _passed,
    GridScaler: _scaled_grid,
    WrapAround: onnx_grids.continued,
    GridExtent: onnx_grids.extent,
    GridSummaries: _summarised,
    IntervalQuantiles: _quantiled,
    KernelFeatures: onnx_kernels.features,
    CrossedColumns: _crossed,
}
