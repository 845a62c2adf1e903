"""Objects as JSON, arrays by name and files of other libraries: what a model file consists of.

Every array and object is written once; where it occurs again, its number is. Whatever is no plain value and not listed
in ``trusted`` is refused, so that a file never needs a pickle.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from types import FunctionType
from typing import Any

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch

from autoarch._core.imports import require
from autoarch._export import context, plain, trees, trusted
from autoarch._export.plain import tagged
from autoarch.exceptions import ModelFileError

_TRAINING = (  # parts of a net that no prediction needs; its module is written by itself
    "optimizer_",
    "criterion_",
    "history_",
    "callbacks_",
    "virtual_params_",
    "module_",
)
_HOOKS = ("_hooks", "_hooks_with_kwargs", "_hooks_always_called", "_pre_hooks")


class Writer:
    """Collects what a file holds.

    Attributes
    ----------
    arrays : dict of str to ndarray
        Numeric arrays in C order.
    blobs : dict of str to bytes
        Files of skops and of trees.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.blobs: dict[str, bytes] = {}
        self._numbers: dict[int, int] = {}
        self._seen: list[Any] = []  # so that no id is given to another object

    def write(self, value: Any) -> Any:
        """JSON of a value.

        Raises
        ------
        ModelFileError
            If it is of no type that a file may hold.
        """
        node = plain.written(value, self.write)
        if node is not NotImplemented:
            return node
        if id(value) in self._numbers:
            return tagged("ref", self._numbers[id(value)])
        number = self._numbers[id(value)] = len(self._seen)
        self._seen.append(value)
        node = self._shared(value)
        if node is NotImplemented:
            kind = value if isinstance(value, (type, FunctionType)) else type(value)
            raise ModelFileError(
                f"a {kind.__module__}.{kind.__qualname__} is part of the model, and files hold no such objects. Keep "
                "the model with joblib.dump instead, which only those can load who trust you."
            )
        return {**node, "id": number}

    def _shared(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, cKDTree):
            box = None if value.boxsize is None else np.asarray(value.boxsize)
            return tagged("tree", self.write(np.asarray(value.data)), leafsize=value.leafsize, box=self.write(box))
        if sparse.issparse(value):
            rows = sparse.csr_array(value)
            parts = [np.asarray(part) for part in (rows.data, rows.indices, rows.indptr)]
            return tagged("sparse", [self.write(part) for part in parts], shape=list(rows.shape))
        if isinstance(value, Bunch):
            return tagged("bunch", [[key, self.write(item)] for key, item in value.items()])
        if isinstance(value, (type, FunctionType)):
            known = trusted.name_of(value) in trusted.CLASSES
            return tagged("type", trusted.name_of(value)) if known else NotImplemented
        name = trusted.name_of(type(value))
        if (packed := trees.packed(value)) is not None:
            return tagged("booster", self._blob(packed, trees.SUFFIXES[trees.package_of(value)]), type=name)
        if name in trusted.IN_CONTEXT:
            fitted = self.write(context.facts_of(value)) if hasattr(value, "context_") else None
            return tagged("context", name, facts=fitted)
        if "torch" in sys.modules and (node := self._of_torch(value, name)) is not NotImplemented:
            return node
        if isinstance(value, BaseEstimator) and name.startswith("sklearn.") and name not in trusted.OBJECTS:
            return self._of_scikit_learn(value)
        return self._object(value, name) if trusted.is_trusted(type(value)) else NotImplemented

    def _array(self, array: np.ndarray) -> Any:
        if not plain.is_numeric(array):
            return plain.array_written(array, self.write)
        turned = array.ndim > 1 and array.flags.f_contiguous and not array.flags.c_contiguous
        name = f"a{len(self.arrays)}"  # products of matrices differ in their last digits where memory lies otherwise
        self.arrays[name] = np.ascontiguousarray(array.T if turned else array).reshape(
            (array.T if turned else array).shape
        )
        return tagged("array", name, **({"order": "F"} if turned else {}))

    def _of_torch(self, value: Any, name: str) -> Any:
        import torch

        if isinstance(value, torch.Tensor):
            tensor, kind = value.detach().cpu(), "parameter" if isinstance(value, torch.nn.Parameter) else "tensor"
            usual = torch.empty(tensor.shape).stride()  # where numbers lie decides how they are summed up
            more = {} if usual == tensor.stride() else {"strides": list(tensor.stride())}
            return tagged(kind, self.write(tensor.contiguous().numpy()), **more)
        if isinstance(value, torch.nn.Module):
            return self._layer(value, name) if trusted.is_layer(name) else NotImplemented
        return self._net(value, name) if name in trusted.NETS else NotImplemented

    def _layer(self, layer: Any, name: str) -> Any:
        """A layer of a net by its attributes; one with hooks would not do the same again."""
        state = dict(vars(layer))
        hooks = [key for key in state if key.endswith(_HOOKS)]
        if any(state.pop(key) for key in hooks):
            raise ModelFileError(f"the net has hooks on a {name}, and files hold no functions. Remove them first.")
        return tagged("layer", name, state={key: self.write(item) for key, item in state.items()})

    def _net(self, net: Any, name: str) -> Any:
        """A net with its settings, its weights and what it needs to predict; one that is not fitted has no weights."""
        usual = type(net)(net.module).get_params(deep=False)
        params = {
            key: item
            for key, item in net.get_params(deep=False).items()
            if not (key.startswith("_") or _same(item, usual.get(key, net)))
        }
        params.pop("module__source", None)  # the weights that the training began with
        known = {*params, *_TRAINING}
        state = {key: item for key, item in vars(net).items() if key.endswith("_") and key not in known}
        return tagged(
            "net",
            name,
            params={key: self.write(item) for key, item in {**params, "module": net.module}.items()},
            state={key: self.write(item) for key, item in state.items()},
            module=self.write(getattr(net, "module_", None)),
        )

    def _of_scikit_learn(self, value: Any) -> Any:
        """A file of skops, which must need no more than the types that are trusted."""
        if trees.is_boosting(value):
            bare, nodes = trees.without_trees(value)
            return {**self._of_scikit_learn(bare), "trees": self.write(nodes)}
        skops = require("skops.io", extra="files", purpose="A model file")
        data = skops.dumps(value)
        if others := trusted.unknown_to_skops(skops.get_untrusted_types(data=data)):
            raise ModelFileError(
                f"{type(value).__name__} needs {', '.join(others)}, and files hold no such objects. Keep the model "
                "with joblib.dump instead, which only those can load who trust you."
            )
        return tagged("skops", self._blob(data, "skops"))

    def _object(self, value: Any, name: str) -> Any:
        state = vars(value)
        if is_dataclass(value):
            state = {field.name: getattr(value, field.name) for field in fields(value)}
        return tagged("object", name, state={key: self.write(item) for key, item in state.items()})

    def _blob(self, data: bytes, suffix: str) -> str:
        name = f"parts/{len(self.blobs)}.{suffix}"
        self.blobs[name] = data
        return name


def _same(value: Any, usual: Any) -> bool:
    try:
        return bool(value is usual or value == usual)
    except (ValueError, RuntimeError):
        return False


def writes(value: Any) -> bool:
    """Tell whether a file may hold a value."""
    write: Callable[[Any], Any] = Writer().write
    try:
        write(value)
    except ModelFileError:
        return False
    return True
