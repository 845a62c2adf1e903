"""Weights on disk with plain facts beside them, read without running code from a file.

A pickle may run any code when it is loaded. ``torch.load(weights_only=True)`` and safetensors cannot; so only these
are read unless the user allows more.
"""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from autoarch._core.imports import require
from autoarch._training.pretrained.facts import read_facts, written_facts
from autoarch._training.pretrained.file_kinds import ADVICE, file_kind
from autoarch.exceptions import InputError

_MARK = "autoarch"  # the key of our facts in a file
_WRAPPERS = ("state_dict", "model_state_dict", "model")  # under which training scripts keep the weights
_SAFETENSORS = ".safetensors"
_READ = "Files of torch.save and safetensors are read"


def write_weights(path: Path, module: nn.Module, facts: dict[str, Any]) -> None:
    """Write weights and facts, as safetensors where the name ends so, else in torch's own format."""
    told = written_facts(facts)
    weights = {name: tensor.detach().contiguous() for name, tensor in module.state_dict().items()}
    if path.suffix == _SAFETENSORS:
        package = require("safetensors.torch", extra="files", purpose=f"Writing {path.name}")
        package.save_file(weights, path, metadata={_MARK: told})
    else:
        torch.save({_MARK: told, "state_dict": weights}, path)


def read_weights(path: Path, *, allow_pickle: bool) -> tuple[nn.Module | dict[str, torch.Tensor], dict[str, Any]]:
    """Read weights by name, or a pickled module, and the facts beside them, where there are any.

    Raises
    ------
    InputError
        If there is no such file, or it holds something else; the message says what, and how to hand that over.
    MissingExtraError
        If it is a safetensors file and that package is missing.
    """
    if path.is_dir():
        advice = ADVICE["saved model"] if (path / "saved_model.pb").exists() else "is a folder. Pass a file in it"
        raise InputError(f"{path} {advice}.")
    if not path.is_file():
        raise InputError(f"There is no file {path}, seen from {Path.cwd()}. Pass a path from there, or a whole one.")
    kind = file_kind(path)
    if kind in ADVICE:
        raise InputError(f"{path} {ADVICE[kind]}. {_READ}.")
    content = _read_safetensors(path) if kind == "safetensors" else _read_torch(path, kind, allow_pickle)
    if isinstance(content, nn.Module):
        return content, {}
    if not isinstance(content, dict):
        raise InputError(
            f"{path} holds a {type(content).__name__}; expected weights by name, or a module. If that is a fitted net, "
            "load it yourself and pass it instead of the file."
        )
    weights = next((content[key] for key in _WRAPPERS if isinstance(content.get(key), dict)), content)
    return weights, read_facts(content.pop(_MARK, None), weights, path)


def _read_safetensors(path: Path) -> dict[str, Any]:
    package = require("safetensors", extra="files", purpose=f"Reading {path.name}")
    try:
        with package.safe_open(path, framework="pt") as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
            return {"state_dict": weights, _MARK: (file.metadata() or {}).get(_MARK)}
    except package.SafetensorError as error:
        raise InputError(f"{path} is no safetensors file, or a damaged one ({error}).") from error


def _read_torch(path: Path, kind: str, allow_pickle: bool) -> Any:
    """Read a file of torch; a plain pickle, which torch has not written, where that is allowed."""
    try:
        if kind == "pickle":
            if not allow_pickle:
                raise pickle.UnpicklingError("no file of torch")
            return pickle.loads(path.read_bytes())
        with path.open("rb") as file, warnings.catch_warnings():  # a path would be judged by its name
            warnings.simplefilter("ignore")  # of torch on files that others wrote
            return torch.load(file, map_location="cpu", weights_only=not allow_pickle)
    except (AttributeError, ImportError) as error:  # of a class that is not here
        raise InputError(
            f"{path} holds an object whose class cannot be imported here ({error}). Import or define the class first, "
            "or save net.state_dict() where the class is, and pass module= here."
        ) from error
    except Exception as error:  # what reads a damaged file may raise anything
        if isinstance(error, pickle.UnpicklingError) and not allow_pickle and "truncated" not in str(error):
            raise InputError(
                f"{path} is a pickle that holds more than weights, and loading it could run any code. If you made it "
                "yourself, pass load_pretrained(path, allow_pickle=True); else ask for a state_dict or safetensors."
            ) from error
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(f"{path} {ADVICE['damaged']} ({type(error).__name__}: {reason}).") from error
