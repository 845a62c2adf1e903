"""The first step of a pipeline as a graph: cells or columns as they are fed become canonical values (double)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autoarch._data.array_checks import Sentinel
from autoarch._data.canonical import Canonicaliser
from autoarch._data.columns import Category, Date, Number
from autoarch._export.onnx_graph import ML, Graph
from autoarch.exceptions import ModelFileError

INPUT = "X"
_DAY = 86_400.0
_EXACT = 2**24  # up to which whole numbers of single precision are exact


def canonical_values(graph: Graph, step: Canonicaliser) -> str:
    """Feed X and convert it; missing numbers are NaN, missing texts are empty.

    Raises
    ------
    ModelFileError
        If X was of a kind that has no counterpart in ONNX.
    """
    if step.reference_ is not None:
        raise ModelFileError("it reads a GeoDataFrame, whose points have no counterpart in ONNX")
    if step._table is not None:
        table = _of_table(graph, step)
        return _hidden(graph, table, step.fills_, len(step.centre_), len(step.centre_))
    if step.letters_ is not None:
        return _of_letters(graph, step)
    given = graph.cast(graph.feed(INPUT, np.float32, step.cell_shape_), np.float64)
    if step.channels == "last" and len(step.cell_shape_) == 3:
        given = graph.op("Transpose", given, perm=[0, 3, 1, 2])
    values = graph.reshape(given, int(np.prod(step.cell_shape_)))
    n_cells = int(np.prod(step.cell_shape_))
    values = _hidden(graph, values, step.sentinels_, step._n_channels, n_cells)
    return _hidden(graph, values, step.fills_, n_cells, n_cells)


def _hidden(graph: Graph, values: str, sentinels: Sequence[Sentinel], n_channels: int, n_cells: int) -> str:
    """Values with NaN for those that certainly stand for "not measured" in their channels."""
    for sentinel in sentinels:
        if sentinel.certain:
            held = np.repeat(np.isin(np.arange(n_channels), sentinel.channels), n_cells // n_channels)
            equal = graph.binary("Equal", values, np.float64(np.float32(sentinel.value)))
            hidden = graph.op("And", equal, graph.const(held[None]))
            values = graph.op("Where", hidden, graph.const(np.nan), values)
    return values


def _of_letters(graph: Graph, step: Canonicaliser) -> str:
    assert step.letters_ is not None
    levels, n_cells = list(step.letters_.levels), int(np.prod(step.cell_shape_))
    if "" in levels:
        raise ModelFileError("an empty text is one of its letters, and stands for a missing one in ONNX")
    cells = graph.reshape(graph.feed(INPUT, str, step.cell_shape_), 1, n_cells)
    codes = _coded(graph, cells, levels, float(len(levels)))
    channels = graph.cast(graph.binary("Equal", codes, np.arange(float(len(levels)))[:, None]), np.float64)
    missing = graph.binary("Equal", codes, -1.0)
    return graph.reshape(graph.op("Where", missing, graph.const(np.nan), channels), len(levels) * n_cells)


def _coded(graph: Graph, texts: str, levels: list[str], unknown: float) -> str:
    """Codes of texts: -1 for an empty one, which is missing."""
    keys = [*levels, ""]
    values = [*map(float, range(len(levels))), -1.0]
    coded = graph.op("LabelEncoder", texts, domain=ML, keys_strings=keys, values_floats=values, default_float=unknown)
    return graph.cast(coded, np.float64)


def _of_table(graph: Graph, step: Canonicaliser) -> str:
    assert step._table is not None
    names = getattr(step, "feature_names_in_", [f"{INPUT}{i}" for i in range(step.n_features_in_)])
    parts = []
    for position, coder in zip(step._table.positions, step._table.coders, strict=True):
        name = str(names[position])
        if isinstance(coder, Number):
            parts.append(graph.cast(graph.feed(name, np.float32, (1,)), np.float64))
        elif isinstance(coder, Category):
            parts.append(_category(graph, name, coder))
        elif isinstance(coder, Date):
            parts.append(_date(graph, name, coder))
        else:
            kind = type(coder).__name__.lower()
            raise ModelFileError(f"its column {name!r} is a {kind}, and ONNX has none; make numbers of it before fit")
    return graph.concat(parts)


def _category(graph: Graph, name: str, coder: Category) -> str:
    """Codes of labels, which are texts, or numbers (truth values as 0 and 1)."""
    levels: list[Any] = list(coder.levels)
    unknown = float(len(levels)) if coder.shared else np.nan
    if all(isinstance(level, str) for level in levels):
        if "" in levels:
            raise ModelFileError(f"an empty text is a label of its column {name!r}, and is a missing one in ONNX")
        codes = _coded(graph, graph.feed(name, str, (1,)), levels, -2.0)
        codes = graph.op("Where", graph.binary("Equal", codes, -2.0), graph.const(unknown), codes)
        return graph.op("Where", graph.binary("Equal", codes, -1.0), graph.const(np.nan), codes)
    able = all(isinstance(level, (bool, int, float, np.number, np.bool_)) for level in levels)
    if not able or max(abs(float(level)) for level in levels) > _EXACT:
        raise ModelFileError(f"the labels of its column {name!r} are neither texts nor numbers of single precision")
    fed = graph.cast(graph.feed(name, np.float32, (1,)), np.float64)
    numbers = np.array([float(np.float32(level)) for level in levels])
    if len(np.unique(numbers)) < len(numbers):
        raise ModelFileError(f"the labels of its column {name!r} cannot be told apart in single precision")
    equal = graph.cast(graph.binary("Equal", fed, numbers[None]), np.float64)
    found = graph.reduce("ReduceMax", equal, 1, keepdims=True)
    place = graph.cast(graph.op("ArgMax", equal, axis=1, keepdims=1), np.float64)
    codes = graph.op("Where", graph.binary("Equal", found, 1.0), place, graph.const(unknown))
    return graph.op("Where", graph.op("IsNaN", fed), graph.const(np.nan), codes)


def _date(graph: Graph, name: str, coder: Date) -> str:
    """Days since the origin and calendar fields of a date that is fed as seconds since 1970, in double precision.

    Years and months are counted from March, so that the day that leap years add is the last one.
    """
    seconds = graph.feed(name, np.float64, (1,))
    since = float(coder.origin.timestamp())  # of the wall clock, as all dates are
    days = _whole(graph, seconds, _DAY)
    from_march = graph.binary("Add", days, 719_468.0)  # days since the first of March of the year 0
    eras = _whole(graph, from_march, 146_097.0)  # of 400 years
    day = graph.op("Sub", from_march, graph.binary("Mul", eras, 146_097.0))
    added = graph.op("Add", _whole(graph, day, 1_460.0), _whole(graph, day, 146_096.0))
    leaps = graph.op("Sub", _whole(graph, day, 36_524.0), added)
    years = _whole(graph, graph.op("Add", day, leaps), 365.0)
    leaps = graph.op("Sub", _whole(graph, years, 4.0), _whole(graph, years, 100.0))
    passed = graph.op("Add", graph.binary("Mul", years, 365.0), leaps)
    months = _whole(graph, graph.binary("Add", graph.binary("Mul", graph.op("Sub", day, passed), 5.0), 2.0), 153.0)
    late = graph.cast(graph.binary("Greater", months, 9.5), np.float64)  # January and February, of the next year
    found = {
        "year": graph.op("Add", graph.op("Add", years, graph.binary("Mul", eras, 400.0)), late),
        "month": graph.op("Sub", graph.binary("Add", months, 3.0), graph.binary("Mul", late, 12.0)),
        "day_of_week": _rest(graph, graph.binary("Add", days, 3.0), 7.0),
        "hour": _whole(graph, _rest(graph, seconds, _DAY), 3_600.0),
    }
    if unknown := set(coder.fields) - set(found):
        raise ModelFileError(f"it reads {min(unknown)} from the date {name!r}, which has no counterpart in ONNX here")
    ahead = graph.binary("Div", graph.binary("Sub", seconds, since), _DAY)
    return graph.concat([ahead, *(found[field] for field in coder.fields)])


def _whole(graph: Graph, value: str, unit: float) -> str:
    return graph.op("Floor", graph.binary("Div", value, unit))


def _rest(graph: Graph, value: str, unit: float) -> str:
    return graph.op("Sub", value, graph.binary("Mul", _whole(graph, value, unit), unit))
