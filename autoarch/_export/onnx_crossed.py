"""Combinations of columns as parts of a graph."""

from __future__ import annotations

from autoarch._export.onnx_graph import Graph
from autoarch._training.crossed_columns import CrossedColumns


def arithmetic(graph: Graph, step: CrossedColumns, values: str) -> list[str]:
    """Sums, differences, products and ratios; missing where they have no finite value."""
    made = []
    for operation, columns in step.made_:
        first, *others = (graph.take(values, [column]) for column in columns)
        if operation == "sum":
            value = first
            for other in others:
                value = graph.op("Add", value, other)
        elif operation == "difference":
            value = graph.op("Sub", first, others[0])
        else:
            rest = others[0]
            for other in others[1:]:
                rest = graph.op("Mul", rest, other)
            value = graph.op("Mul" if operation == "product" else "Div", first, rest)
        infinite = graph.op("IsInf", value)
        made.append(graph.op("Where", infinite, graph.const(float("nan")), value))
    return made


def codes(graph: Graph, step: CrossedColumns, values: str) -> str:
    """One code for each pair of categories, missing where one of both is missing or was not seen."""
    found = []
    for i, j in step.crosses_:
        first, second = (graph.take(values, [column]) for column in (i, j))
        seen = [graph.binary("Less", one, float(step.levels_[column])) for one, column in ((first, i), (second, j))]
        code = graph.op("Add", graph.binary("Mul", first, float(step.levels_[j])), second)
        found.append(graph.op("Where", graph.op("And", *seen), code, graph.const(float("nan"))))
    return graph.concat(found)
