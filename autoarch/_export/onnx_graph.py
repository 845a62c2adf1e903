"""An ONNX graph that is written node by node: names for values, constants written once."""

from __future__ import annotations

from typing import Any

import numpy as np

from autoarch._core.imports import require

ML = "ai.onnx.ml"
_OPSETS = {"": 18, ML: 3}
_IR_VERSION = 9  # which onnxruntime reads since 1.16


class Graph:
    """Nodes and constants of a graph.

    Attributes
    ----------
    inputs : list
        What is fed.
    """

    def __init__(self) -> None:
        self.onnx = require("onnx", extra="onnx", purpose="to_onnx")
        self.inputs: list[Any] = []
        self._nodes: list[Any] = []
        self._constants: dict[tuple[Any, ...], str] = {}
        self._tensors: list[Any] = []

    def feed(self, name: str, dtype: Any, shape: tuple[int, ...]) -> str:
        """Add an input with any number of rows."""
        kind = (
            self.onnx.TensorProto.STRING if dtype is str else self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        )
        self.inputs.append(self.onnx.helper.make_tensor_value_info(name, kind, ["rows", *shape]))
        return name

    def const(self, value: Any, dtype: Any = None) -> str:
        """Name of a constant."""
        array = np.asarray(value, dtype=dtype)
        texts = array.dtype.kind in "UO"
        key = (array.dtype.str, array.shape, tuple(array.ravel()) if texts else array.tobytes())
        if key not in self._constants:
            name = self._constants[key] = f"c{len(self._constants)}"
            if texts:
                kind = self.onnx.TensorProto.STRING
                made = self.onnx.helper.make_tensor(name, kind, array.shape, [str(t).encode() for t in array.ravel()])
            else:
                made = self.onnx.numpy_helper.from_array(np.ascontiguousarray(array), name)
            self._tensors.append(made)
        return self._constants[key]

    def op(self, kind: str, *inputs: str, domain: str = "", outputs: int = 1, **attributes: Any) -> Any:
        """Add a node; return the name of its value, or of its values where it has several."""
        names = [f"v{len(self._nodes)}_{i}" for i in range(outputs)]
        node = self.onnx.helper.make_node(kind, list(inputs), names, domain=domain, **attributes)
        self._nodes.append(node)
        return names[0] if outputs == 1 else names

    def cast(self, value: str, dtype: Any) -> str:
        """Cast to a type of numpy."""
        return self.op("Cast", value, to=self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def take(self, value: str, places: Any, axis: int = 1) -> str:
        """Take entries along an axis."""
        return self.op("Gather", value, self.const(places, np.int64), axis=axis)

    def reshape(self, value: str, *shape: int) -> str:
        """Reshape, with as many rows as there are."""
        return self.op("Reshape", value, self.const([0, *shape], np.int64))

    def concat(self, values: list[str], axis: int = 1) -> str:
        """Concatenate."""
        return values[0] if len(values) == 1 else self.op("Concat", *values, axis=axis)

    def binary(self, kind: str, value: str, other: Any, dtype: Any = np.float64) -> str:
        """Combine a value with a constant."""
        return self.op(kind, value, self.const(other, dtype))

    def clip(self, value: str, low: float, high: float, dtype: Any = np.float64) -> str:
        """Bound from below and above."""
        return self.op("Clip", value, self.const(low, dtype), self.const(high, dtype))

    def reduce(self, kind: str, value: str, *axes: int, keepdims: bool = False) -> str:
        """Reduce along axes."""
        return self.op(kind, value, self.const(axes, np.int64), keepdims=int(keepdims))

    def known(self, value: str, other: Any, dtype: Any = np.float64) -> str:
        """Put a constant in the place of what is missing."""
        return self.op("Where", self.op("IsNaN", value), self.const(other, dtype), value)

    def finish(self, outputs: dict[str, tuple[str, Any, tuple[int, ...]]], facts: dict[str, str]) -> Any:
        """The model, with outputs by name: value, type and shape of each row."""
        made = []
        for name, (value, dtype, shape) in outputs.items():
            kind = (
                self.onnx.TensorProto.STRING
                if dtype is str
                else self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
            )
            self._nodes.append(self.onnx.helper.make_node("Identity", [value], [name]))
            made.append(self.onnx.helper.make_tensor_value_info(name, kind, ["rows", *shape]))
        graph = self.onnx.helper.make_graph(self._nodes, "autoarch", self.inputs, made, self._tensors)
        opsets = [self.onnx.helper.make_opsetid(domain, version) for domain, version in _OPSETS.items()]
        model = self.onnx.helper.make_model(graph, opset_imports=opsets, producer_name="autoarch")
        model.ir_version = _IR_VERSION
        self.onnx.helper.set_model_props(model, facts)
        return model
