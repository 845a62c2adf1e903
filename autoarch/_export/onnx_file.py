"""Write the final model of an estimator as one ONNX graph: inputs as ``predict`` takes them, calibrated outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import ElasticNet, LogisticRegression, QuantileRegressor, Ridge, TweedieRegressor
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from autoarch._core.imports import require
from autoarch._core.paths import check_place
from autoarch._export import onnx_kernels, onnx_nets, onnx_trees
from autoarch._export.onnx_graph import Graph
from autoarch._export.onnx_inputs import canonical_values
from autoarch._export.onnx_steps import converted
from autoarch._search.averages import FoldEnsembleClassifier, FoldEnsembleRegressor
from autoarch._training.boosters import CodedClassifier
from autoarch._training.grid_extents import GridExtent, sides_of
from autoarch._training.kernel_machine import KernelMachineClassifier, KernelMachineRegressor
from autoarch._training.scalers import GridScaler
from autoarch.exceptions import ModelFileError
from autoarch.families.kernels import WrapAround
from autoarch.families.objective import OnTarget
from autoarch.families.random_convolutions import RandomConvolutionClassifier, RandomConvolutionRegressor

_FORESTS = (ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor)
_LOG_LINKED = ("poisson", "gamma", "tweedie")  # losses of boosting whose sums are logarithms
_LEAST = 1e-6  # probability, as in the calibration


def write_onnx(estimator: BaseEstimator, path: Any) -> None:
    """Write the graph of a fitted estimator.

    Raises
    ------
    NotFittedError
        If it is not fitted.
    InputError
        If there is no folder for the file.
    MissingExtraError
        If onnx is missing.
    ModelFileError
        If a part of the model has no counterpart in ONNX.
    """
    check_is_fitted(estimator, "best_estimator_")
    place = check_place(path)
    onnx = require("onnx", extra="onnx", purpose="to_onnx")
    try:
        model = _model(estimator)
    except ModelFileError as error:
        raise ModelFileError(
            f"the model ({estimator.best_family_}) cannot be written as ONNX: {error}. save() keeps it as it is."
        ) from error
    onnx.checker.check_model(model)
    place.write_bytes(model.SerializeToString())


def _model(estimator: Any) -> Any:
    graph = Graph()
    pipeline = estimator.best_estimator_
    if getattr(estimator, "n_targets_", 1) > 1:
        raise ModelFileError("it predicts several targets at once, and graphs have one output")
    values = canonical_values(graph, pipeline[0])
    found = _outputs(graph, pipeline[1:], values)
    facts = {"family": str(estimator.best_family_)}
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        return graph.finish({"value": (graph.cast(found, np.float32), np.float32, (1,))}, facts)
    found = _aligned(graph, _tempered(graph, found, estimator.temperature_), pipeline.classes_, classes)
    place = graph.op("ArgMax", found, axis=1, keepdims=0)
    threshold = getattr(estimator, "decision_threshold_", None)
    if isinstance(threshold, (float, np.floating)):
        beyond = graph.binary("GreaterOrEqual", graph.take(found, [1]), float(threshold))
        place = graph.reshape(graph.cast(beyond, np.int64))
    labels, kind = _labels(classes)
    label = graph.op("Gather", graph.const(labels), place, axis=0)
    outputs = {
        "label": (label, kind, ()),
        "probabilities": (graph.cast(found, np.float32), np.float32, (len(classes),)),
    }
    return graph.finish(outputs, facts)


def _labels(classes: np.ndarray) -> tuple[np.ndarray, Any]:
    if classes.dtype.kind in "biu":
        kind = np.bool_ if classes.dtype.kind == "b" else np.int64
        return classes.astype(kind), kind
    if classes.dtype.kind == "f":
        return classes.astype(np.float64), np.float64
    if all(isinstance(one, str) for one in classes):
        return np.array(classes, dtype=object), str
    raise ModelFileError("its labels are neither texts nor numbers")


def _tempered(graph: Graph, proba: str, temperature: float) -> str:
    if temperature == 1.0:
        return proba
    logs = graph.op("Log", graph.op("Max", proba, graph.const(_LEAST)))
    return graph.op("Softmax", graph.binary("Div", logs, float(temperature)), axis=1)


def _aligned(graph: Graph, proba: str, seen: Any, classes: np.ndarray) -> str:
    """Columns in the order of ``classes``, 0 for a class that a model has not seen."""
    seen = np.asarray(seen)
    if len(seen) == len(classes):
        return proba
    spread = (seen[:, None] == classes).astype(np.float64)
    return graph.op("MatMul", proba, graph.const(spread))


def _outputs(graph: Graph, model: Any, values: str, sides: tuple[int, ...] = ()) -> str:
    """Probabilities (rows, classes) or values (rows, 1) of a fitted model, in double precision.

    ``sides`` are those of the grid that its values stand for, where steps before it have scaled one.
    """
    if isinstance(model, Pipeline):
        for _, step in model.steps[:-1]:
            values = converted(graph, step, values)
            if isinstance(step, GridScaler):
                sides = step.layout.shape[1:]
            elif isinstance(step, WrapAround):
                sides = tuple(side + 2 * cells for side, cells in zip(step.sides_, step.cells_, strict=True))
            elif isinstance(step, GridExtent):
                sides = sides_of(step.extent, step.sides_)
        return _outputs(graph, model[-1], values, sides)
    if isinstance(model, (RandomConvolutionClassifier, RandomConvolutionRegressor)):
        return _of_convolutions(graph, model, values, sides)
    if isinstance(model, (FoldEnsembleClassifier, FoldEnsembleRegressor)):
        return _mean(graph, model.models_, None, values, getattr(model, "classes_", None))
    if isinstance(model, (VotingClassifier, VotingRegressor)):
        classes = None if isinstance(model, VotingRegressor) else model.classes_
        return _mean(graph, model.estimators_, model.weights, values, classes)
    if isinstance(model, (LogisticRegression, Ridge, ElasticNet, QuantileRegressor)):
        return _linear(graph, model, values)
    if isinstance(model, TweedieRegressor) and model.link == "log":
        return graph.op("Exp", _linear(graph, model, values))
    if isinstance(model, (KernelMachineClassifier, KernelMachineRegressor)):
        return onnx_kernels.machine(graph, model, values)
    if isinstance(model, _FORESTS):
        return onnx_trees.forest(graph, model, values)
    if isinstance(model, (HistGradientBoostingClassifier, HistGradientBoostingRegressor)):
        raw = onnx_trees.boosting(graph, model, values)
        if getattr(model, "loss", "") in _LOG_LINKED:
            return graph.op("Exp", raw)
        return _linked(graph, raw, hasattr(model, "classes_"), model.n_trees_per_iteration_)
    name = type(model).__name__
    if name in ("LGBMClassifier", "LGBMRegressor"):
        raw, n_sums = onnx_trees.lightgbm(graph, model, values), model.booster_.num_model_per_iteration()
        if model.objective_ in _LOG_LINKED:
            return graph.op("Exp", raw)
        return _linked(graph, raw, name == "LGBMClassifier", n_sums)
    if name in ("XGBClassifier", "XGBRegressor"):
        n_sums = max(1, len(model.get_booster().get_dump()) // model.get_booster().num_boosted_rounds())
        return _linked(graph, onnx_trees.xgboost(graph, model, values), name == "XGBClassifier", n_sums)
    if name in ("CatBoostClassifier", "CatBoostRegressor"):
        raw = onnx_trees.catboost(graph, model, values)
        if name == "CatBoostRegressor":
            return graph.op("Exp", raw) if str(model.get_all_params().get("loss_function")) == "Poisson" else raw
        return _linked(graph, raw, True, 1 if len(model.classes_) == 2 else len(model.classes_))
    if isinstance(model, OnTarget):
        return _on_target(graph, model, values, sides)
    if isinstance(model, FixedThresholdClassifier):  # decided on the calibrated probabilities, at the end
        return _outputs(graph, model.estimator_, values, sides)
    if isinstance(model, CodedClassifier):
        return _outputs(graph, model.estimator_, values, sides)
    if hasattr(model, "module_"):
        outputs = graph.cast(onnx_nets.net_outputs(graph, model, values), np.float64)
        if hasattr(model, "y_scale_"):
            return graph.binary("Add", graph.binary("Mul", outputs, float(model.y_scale_)), float(model.y_mean_))
        return graph.op("Softmax", outputs, axis=1)
    raise ModelFileError(f"a {name} has no counterpart in ONNX here")


def _on_target(graph: Graph, model: OnTarget, values: str, sides: tuple[int, ...]) -> str:
    """Outputs of a model of a transformed target, back in the units and in the domain of y."""
    found = graph.binary("Add", _outputs(graph, model.regressor_, values, sides), float(model.shift_))
    if model.way == "log":
        exponential = graph.op("Exp", found)
        unit = model.unit_exponential
        found = exponential if unit is None else graph.binary("Mul", graph.binary("Sub", exponential, 1.0), unit)
    elif model.way == "ranks":
        found = _interpolated(graph, found, model.scores_, model.values_)
    else:
        goal = model.goal
        found = graph.binary("Add", graph.binary("Mul", found, float(goal.scale)), float(goal.offset))
    return graph.clip(graph.binary("Mul", found, float(model.factor_)), *map(float, model.bounds))


def _interpolated(graph: Graph, value: str, places: np.ndarray, heights: np.ndarray) -> str:
    """Straight lines between the points, and the outermost heights beyond them."""
    runs = np.diff(places)
    steps = graph.binary("Sub", value, places[None, :-1])
    zero, most = graph.const(np.zeros((1, len(runs)))), graph.const(runs[None])
    inside = graph.op("Min", graph.op("Max", steps, zero), most)
    return graph.binary("Add", graph.op("MatMul", inside, graph.const((np.diff(heights) / runs)[:, None])), heights[0])


def _mean(graph: Graph, models: Sequence[Any], weights: Any, values: str, classes: Any) -> str:
    """Weighted mean of the outputs of several models."""
    shares = np.ones(len(models)) if weights is None else np.asarray(weights, dtype=np.float64)
    total = None
    for model, share in zip(models, shares / shares.sum(), strict=True):
        found = _outputs(graph, model, values)
        if classes is not None:
            found = _aligned(graph, found, model.classes_, np.asarray(classes))
        weighted = graph.binary("Mul", found, float(share))
        total = weighted if total is None else graph.op("Add", total, weighted)
    assert total is not None
    return total


def _linear(graph: Graph, model: Any, values: str) -> str:
    slopes = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64)).T
    product = graph.op("MatMul", graph.cast(values, np.float64), graph.const(slopes))
    outputs = graph.binary("Add", product, np.atleast_1d(np.asarray(model.intercept_, dtype=np.float64))[None])
    return _linked(graph, outputs, isinstance(model, LogisticRegression), slopes.shape[1])


def _linked(graph: Graph, raw: str, classification: bool, n_sums: int) -> str:
    """Probabilities of raw sums: by the logistic function where there is one sum, else by softmax."""
    if not classification:
        return raw
    if n_sums == 1:
        one = graph.op("Sigmoid", raw)
        return graph.concat([graph.op("Sub", graph.const(1.0), one), one])
    return graph.op("Softmax", raw, axis=1)


def _of_convolutions(graph: Graph, model: Any, grid: str, sides: tuple[int, ...]) -> str:
    channels = model.n_features_in_ // int(np.prod(sides))
    outputs = onnx_nets.random_convolutions(graph, model, grid, (channels, *sides))
    if isinstance(model, RandomConvolutionClassifier):
        return graph.op("Softmax", graph.binary("Mul", outputs, float(model.temperature_)), axis=1)
    low, high = model.y_range_
    margin = (high - low) / 2
    return graph.clip(graph.binary("Mul", outputs, float(model.y_scale_)), low - margin, high + margin)
