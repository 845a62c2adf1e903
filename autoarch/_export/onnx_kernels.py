"""Kernel machines and combinations of columns as parts of a graph."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

import numpy as np

from autoarch._export.onnx_graph import Graph
from autoarch._training.crossed_columns import CrossedColumns
from autoarch._training.kernel_machine import KernelFeatures


def features(graph: Graph, step: KernelFeatures, values: str) -> str:
    """Gaussian kernels around the rows that were taken, in coordinates as good as orthogonal."""
    found = step.features_
    kernels = _gaussians(
        graph, _flat(graph, values), np.asarray(found.components_, dtype=np.float64), float(found.gamma)
    )
    return graph.op("MatMul", kernels, graph.const(found.normalization_.T))


def machine(graph: Graph, model: Any, values: str) -> str:
    """Numbers in the units of y, or probabilities, of a fitted kernel machine."""
    values = _flat(graph, values)
    if model.kernel == "linear":
        kernels = graph.op("MatMul", values, graph.const(model.vectors_.T))
    else:
        kernels = _gaussians(graph, values, model.vectors_, float(model.gamma_))
    if not hasattr(model, "classes_"):
        sums = graph.binary("Add", graph.op("MatMul", kernels, graph.const(model.duals_.T)), model.intercept_[None])
        return graph.binary("Add", graph.binary("Mul", sums, float(model.y_scale_)), float(model.y_mean_))
    return _probabilities(graph, model, _decisions(graph, model, kernels))


def _flat(graph: Graph, values: str) -> str:
    return graph.cast(graph.op("Flatten", values, axis=1), np.float64)


def _gaussians(graph: Graph, values: str, vectors: np.ndarray, gamma: float) -> str:
    squares = graph.reduce("ReduceSum", graph.op("Mul", values, values), 1, keepdims=True)
    products = graph.op("MatMul", values, graph.const(-2.0 * vectors.T))
    distances = graph.binary("Add", graph.op("Add", squares, products), (vectors**2).sum(axis=1)[None])
    return graph.op("Exp", graph.binary("Mul", graph.op("Max", distances, graph.const(0.0)), -gamma))


def _decisions(graph: Graph, model: Any, kernels: str) -> str:
    """Decision of each pair of classes, above 0 for the first of both."""
    n_classes = len(model.classes_)
    if n_classes == 2:
        sums = graph.op("MatMul", kernels, graph.const(-model.duals_.T))
        return graph.binary("Sub", sums, model.intercept_[None])
    parts = []
    for a, b in pairwise(np.cumsum([0, *model.n_support_])):
        duals = graph.const(model.duals_[:, a:b].T)
        parts.append(graph.op("MatMul", graph.take(kernels, np.arange(a, b)), duals))
    every, width = graph.concat(parts), n_classes - 1
    first, second = np.array(list(combinations(range(n_classes), 2))).T
    both = graph.op("Add", graph.take(every, first * width + second - 1), graph.take(every, second * width + first))
    return graph.binary("Add", both, model.intercept_[None])


def _probabilities(graph: Graph, model: Any, decisions: str) -> str:
    """As ``PairProbabilities`` computes them."""
    found, n_classes = model.probabilities_, len(model.classes_)
    first, second = np.array(list(combinations(range(n_classes), 2))).T
    scaled = graph.binary("Mul", decisions, float(found.inner))
    sums = None
    for sign, places in ((1.0, first), (-1.0, second)):  # log(1 / (1 + exp(-z)))
        z = graph.binary("Mul", scaled, -sign)
        # softplus, whose exponential does not overflow
        beyond = graph.op("Max", z, graph.const(0.0))
        small = graph.op("Exp", graph.op("Neg", graph.op("Abs", z)))
        chances = graph.op("Neg", graph.op("Add", beyond, graph.op("Log", graph.binary("Add", small, 1.0))))
        part = graph.op("MatMul", chances, graph.const(np.eye(n_classes)[places]))
        sums = part if sums is None else graph.op("Add", sums, part)
    assert sums is not None
    logits = graph.binary("Add", graph.binary("Mul", sums, float(found.outer)), found.offsets[None])
    return graph.op("Softmax", logits, axis=1)


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


def by_code(graph: Graph, values: str, levels: np.ndarray, table: np.ndarray) -> str:
    """Rows of a table by codes, which are its first rows; then comes that of unknown ones, and of a missing one."""
    most = len(levels)
    place = graph.clip(graph.known(values, float(most + 1)), 0.0, float(most + 1))
    rows, known = graph.reshape(graph.cast(place, np.int64)), graph.known(values, 0.0)
    outside = graph.op("Or", graph.binary("Greater", known, float(most)), graph.binary("Less", known, 0.0))
    unknown = graph.op("Or", outside, graph.op("Not", graph.op("Equal", known, graph.op("Floor", known))))
    rows = graph.op("Where", graph.reshape(unknown), graph.const(most, np.int64), rows)
    return graph.op("Gather", graph.const(table), rows, axis=0)


def by_level(graph: Graph, values: str, levels: np.ndarray, table: np.ndarray) -> str:
    """Likewise by any numbers, each compared with all of them."""
    *of_levels, unknown, missing = table
    is_level = graph.cast(graph.op("Equal", values, graph.const(levels[None])), np.float64)
    found = graph.binary("Add", graph.op("MatMul", is_level, graph.const(np.array(of_levels) - unknown)), unknown[None])
    return graph.op("Where", graph.op("IsNaN", values), graph.const(missing[None]), found)
