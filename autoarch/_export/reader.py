"""Objects out of the parts of a model file: nothing is called but constructors of plain values and of arrays."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch

from autoarch._core.imports import require
from autoarch._export import context, plain, trees, trusted
from autoarch._export.plain import TAG
from autoarch.exceptions import ModelFileError

_DEVICE = "cuda"


class Reader:
    """Makes objects of JSON.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Arrays of the file.
    blobs : mapping of str to bytes
        Files of skops and of trees.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], blobs: Mapping[str, bytes]):
        self.arrays, self.blobs = arrays, blobs
        self._made: dict[int, Any] = {}

    def read(self, node: Any) -> Any:
        """The value that JSON stands for.

        Raises
        ------
        ModelFileError
            If it names a type that no file may hold.
        """
        value = plain.read(node, self.read)
        if value is not NotImplemented:
            return self._kept(node, value) if isinstance(node, dict) and "id" in node else value
        kind = node[TAG]
        if kind == "ref":
            return self._made[node["v"]]
        if kind in ("object", "layer", "net"):
            return getattr(self, f"_{kind}")(node)
        reader = {
            "array": self._array,
            "booster": lambda node: trees.unpacked(self.blobs[node["v"]], _suffix(node["v"]), str(node["type"])),
            "bunch": lambda node: Bunch(**{str(key): self.read(item) for key, item in node["v"]}),
            "context": self._context,
            "parameter": self._tensor,
            "skops": self._of_scikit_learn,
            "sparse": lambda node: sparse.csr_array(tuple(map(self.read, node["v"])), shape=tuple(node["shape"])),
            "tensor": self._tensor,
            "tree": lambda node: cKDTree(
                self.read(node["v"]), leafsize=int(node["leafsize"]), boxsize=self.read(node["box"])
            ),
            "type": self._type,
        }.get(kind)
        if reader is None:
            raise ModelFileError(f"it holds a {str(kind)[:40]!r}, which this version does not know")
        return self._kept(node, reader(node))

    def _kept(self, node: Any, value: Any) -> Any:
        self._made[node["id"]] = value
        return value

    def _array(self, node: Any) -> np.ndarray:
        array = self.arrays[node["v"]]
        return array.T if node.get("order") == "F" else array

    def _tensor(self, node: Any) -> Any:
        import torch

        tensor = torch.from_numpy(np.require(self.read(node["v"]), requirements=["C", "W"]).copy())
        if strides := node.get("strides"):
            last = sum((side - 1) * step for side, step in zip(tensor.shape, strides, strict=True))
            if min(strides) < 1 or last >= max(1, tensor.numel()):
                raise ModelFileError("its tensors have gaps")
            tensor = torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype).copy_(tensor)
        return torch.nn.Parameter(tensor) if node[TAG] == "parameter" else tensor

    def _object(self, node: Any) -> Any:
        """An object that is made without its constructor; parameters that came later have their defaults."""
        kind: Any = trusted.resolved(node["v"])
        if not isinstance(kind, type):
            raise ModelFileError(f"it names {node['v']!r} as an object")
        value: Any = self._kept(node, object.__new__(kind))
        state = {str(key): self.read(item) for key, item in node["state"].items()}
        vars(value).update((_defaults(kind) if issubclass(kind, BaseEstimator) else {}) | state)
        return value

    def _layer(self, node: Any) -> Any:
        import torch

        kind: Any = trusted.resolved(node["v"])
        if not (isinstance(kind, type) and issubclass(kind, torch.nn.Module)):
            raise ModelFileError(f"it names {node['v']!r} as a layer of a net")
        layer = self._kept(node, kind.__new__(kind))
        torch.nn.Module.__init__(layer)
        vars(layer).update({str(key): self.read(item) for key, item in node["state"].items()})
        return layer

    def _net(self, node: Any) -> Any:
        """A net, on the CPU where the device that it was trained on is not here."""
        import torch

        kind: Any = trusted.resolved(node["v"])
        if node["v"] not in trusted.NETS:
            raise ModelFileError(f"it names {node['v']!r} as a net")
        params = {str(key): self.read(item) for key, item in node["params"].items()}
        if str(params.get("device", "cpu")).startswith(_DEVICE) and not torch.cuda.is_available():
            params["device"] = "cpu"
        net = self._kept(node, kind(**params))
        vars(net).update({str(key): self.read(item) for key, item in node["state"].items()})
        if (module := self.read(node["module"])) is not None:
            net.module_, net.initialized_ = module.to(net.device), True
        return net

    def _type(self, node: Any) -> Any:
        if node["v"] not in trusted.CLASSES:
            raise ModelFileError(f"it names {node['v']!r}, which is no type that a model file may hold")
        return trusted.resolved(node["v"])

    def _context(self, node: Any) -> Any:
        kind: Any = trusted.resolved(node["v"])
        if node["v"] not in trusted.IN_CONTEXT:
            raise ModelFileError(f"it names {node['v']!r} as a model with a context")
        return kind(None) if node["facts"] is None else context.model_of(self.read(node["facts"]), kind)

    def _of_scikit_learn(self, node: Any) -> Any:
        skops = require("skops.io", extra="files", purpose="Loading this model")
        data = self.blobs[node["v"]]
        needed = skops.get_untrusted_types(data=data)
        if others := trusted.unknown_to_skops(needed):
            raise ModelFileError(f"it needs {', '.join(others)}, which no model file may hold")
        model = skops.loads(data, trusted=needed)
        if "trees" in node:
            return trees.with_trees(model, self.read(node["trees"]))
        return trees.checked_trees(model)


def _suffix(name: str) -> str:
    return name.rpartition(".")[2]


def _defaults(kind: type) -> dict[str, Any]:
    parameters = inspect.signature(kind.__init__).parameters.values()  # type: ignore[misc]
    return {one.name: one.default for one in parameters if one.default is not inspect.Parameter.empty}
