"""Pretrained nets on disk: weights and plain facts, read without running anything that a file says.

A pickle may run any code when it is loaded. ``torch.load(weights_only=True)`` and safetensors cannot; so these are what
is read unless the user asks for more.
"""

from __future__ import annotations

import json
import pickle
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from autoarch._core.imports import require
from autoarch._data.layout import Layout
from autoarch._training.conv_net import ConvNet
from autoarch._training.pretrained.source import Pretrained
from autoarch.exceptions import InputError

_MARK = "autoarch"  # the key of our facts in a file
_WRAPPERS = ("state_dict", "model_state_dict", "model")  # under which training scripts keep the weights
_SAFETENSORS = ".safetensors"


def save_pretrained(model: Any, path: str | Path) -> Path:
    """Write a net's weights and what is known of its data, as a file that is read back without pickle.

    Parameters
    ----------
    model : Pretrained or whatever :meth:`Pretrained.of` reads
        The net.
    path : str or Path
        Where to; safetensors if it ends so, else torch's own format.

    Returns
    -------
    Path
        The file.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from autoarch._training.conv_net import ConvNet
    >>> from autoarch.transfer import load_pretrained, save_pretrained
    >>> with TemporaryDirectory() as folder:
    ...     load_pretrained(save_pretrained(ConvNet((1, 8, 8), 3), Path(folder) / "net.pt"))
    Pretrained(ConvNet, 1 x 8 x 8 cells)
    """
    source, path = Pretrained.of(model), Path(path)
    weights = {name: tensor.detach().contiguous() for name, tensor in source.module.state_dict().items()}
    facts = json.dumps(_facts(source))
    if path.suffix == _SAFETENSORS:
        kind = require("safetensors.torch", extra="safetensors", purpose=f"Writing {path.name}")
        kind.save_file(weights, path, metadata={_MARK: facts})
    else:
        torch.save({_MARK: facts, "state_dict": weights}, path)
    return path


def load_pretrained(path: str | Path, *, module: nn.Module | None = None, allow_pickle: bool = False) -> Pretrained:
    """Read a net from a file, without running code from it unless that is asked for.

    Parameters
    ----------
    path : str or Path
        A file of :func:`save_pretrained`, or of weights alone (``torch.save(net.state_dict(), path)``, safetensors).
    module : torch.nn.Module, optional
        The architecture that the weights belong to, where the file does not tell it. It is not changed.
    allow_pickle : bool, default=False
        Read a whole pickled module. That runs whatever the file says: only for files of your own.

    Returns
    -------
    Pretrained

    Raises
    ------
    InputError
        If there is no such file, it needs a pickle, or its weights do not fit the module.
    MissingExtraError
        If it is a safetensors file and that package is missing.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no file {path}, seen from {Path.cwd()}. Pass a path from there, or a whole one.")
    content = _read(path, allow_pickle)
    if isinstance(content, nn.Module):
        return Pretrained.of(content)
    facts = json.loads(content.pop(_MARK)) if _MARK in content else {}
    weights = next((content[key] for key in _WRAPPERS if isinstance(content.get(key), dict)), content)
    if module is None and not facts.get("settings"):
        raise InputError(
            f"{path} holds weights but not the architecture that they belong to. Pass module=, a net of that "
            "architecture, to load_pretrained."
        )
    source = ConvNet(**_as_tuples(facts["settings"])) if module is None else module
    return _with_facts(_filled(source, weights, path), facts)


def _read(path: Path, allow_pickle: bool) -> Any:
    if path.suffix == _SAFETENSORS:
        package = require("safetensors", extra="safetensors", purpose=f"Reading {path.name}")
        try:
            with package.safe_open(path, framework="pt") as file:
                held = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
                facts = (file.metadata() or {}).get(_MARK)
        except package.SafetensorError as error:
            raise InputError(f"{path} is no safetensors file ({error}).") from error
        return {"state_dict": held} if facts is None else {"state_dict": held, _MARK: facts}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch on files that others wrote
            content = torch.load(path, map_location="cpu", weights_only=not allow_pickle)
    except Exception as error:  # what reads a damaged file may raise anything
        if isinstance(error, pickle.UnpicklingError) and not allow_pickle:
            raise InputError(
                f"{path} is a pickle that holds more than weights, and loading it could run any code. If you made it "
                "yourself, pass load_pretrained(path, allow_pickle=True); else ask for a state_dict or safetensors."
            ) from error
        if "TorchScript" in str(error):
            raise InputError(
                f"{path} holds a scripted module, whose layers cannot be changed; save the module that it was made of, "
                "or its state_dict."
            ) from error
        content = _unpickled(path, error, allow_pickle)
    if not isinstance(content, (dict, nn.Module)):
        raise InputError(f"{path} holds a {type(content).__name__}; expected weights by name, or a module.")
    return content


def _unpickled(path: Path, refusal: Exception, allow_pickle: bool) -> Any:
    """What lies in a plain pickle, where that is allowed and torch has not written the file."""
    if allow_pickle:
        try:
            return pickle.loads(path.read_bytes())
        except Exception as error:  # of a class that is not here, say
            refusal = error
    reason = (str(refusal).splitlines() or [""])[0]
    raise InputError(
        f"{path} cannot be read ({type(refusal).__name__}: {reason}); expected what torch.save wrote, or a safetensors "
        "file whose name ends so."
    ) from refusal


def _filled(module: nn.Module, weights: Any, path: Path) -> nn.Module:
    """A copy of ``module`` with the weights of the file."""
    filled = Pretrained.of(module).module
    try:
        filled.load_state_dict({name.removeprefix("module."): tensor for name, tensor in weights.items()})
    except (RuntimeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"the weights in {path} do not fit {type(module).__name__}: {reason}") from error
    return filled


def _facts(source: Pretrained) -> dict[str, Any]:
    classes = None if source.classes is None else {"labels": source.classes.tolist(), "type": source.classes.dtype.str}
    return {
        "settings": source.module.settings if isinstance(source.module, ConvNet) else None,
        "input_shape": source.input_shape,
        "mean": None if source.mean is None else source.mean.tolist(),
        "scale": None if source.scale is None else source.scale.tolist(),
        "classes": classes,
        "y_mean": source.y_mean,
        "y_scale": source.y_scale,
        "layout": None if source.layout is None else asdict(source.layout),
    }


def _with_facts(module: nn.Module, facts: dict[str, Any]) -> Pretrained:
    if not facts:
        return Pretrained.of(module)
    classes, layout = facts["classes"], facts["layout"]
    return Pretrained(
        module,
        None if facts["input_shape"] is None else tuple(facts["input_shape"]),
        mean=None if facts["mean"] is None else np.array(facts["mean"]),
        scale=None if facts["scale"] is None else np.array(facts["scale"]),
        classes=None if classes is None else np.array(classes["labels"], dtype=classes["type"]),
        y_mean=facts["y_mean"],
        y_scale=facts["y_scale"],
        layout=None if layout is None else Layout(**_as_tuples(layout)),
    )


def _as_tuples(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()}
