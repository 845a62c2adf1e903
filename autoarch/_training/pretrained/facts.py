"""Facts about the data that a net was trained on: given by hand, or read from a file that may be hostile, and checked.

``check_facts`` holds for both; ``built_net`` and ``known_facts`` make of the plain facts in a file what they stand for.
"""

from __future__ import annotations

import json
from math import isfinite, prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import FLOAT_DTYPES, check_array

from autoarch._core.checks import as_float, check_sequence, check_whole, own_errors, shown
from autoarch._data.containers import check_whole_fits, to_plain
from autoarch._data.layout import Layout
from autoarch._training.conv_net import ConvNet
from autoarch.exceptions import InputError, InputTypeError, ParameterError

MOST_CELLS = 10**8  # of one grid that a net reads


def check_facts(source: Any) -> None:
    """Raise where what is said about the data of a net cannot be; lists of numbers become arrays."""
    shape = source.input_shape
    if shape is not None:
        sides = check_sequence("input_shape", shape, "(channels, height, width), or None")
        if len(sides) != 3 or prod(check_whole("input_shape", side, least=1) for side in sides) > MOST_CELLS:
            raise ParameterError(
                f"input_shape={shown(shape)} was given; expected (channels, height, width) with at most {MOST_CELLS:,} "
                "cells in all, or None."
            )
    for name in ("mean", "scale"):
        if (given := getattr(source, name)) is not None:
            with own_errors(reading=name):
                check_whole_fits(given)
                array = check_array(given, dtype=FLOAT_DTYPES, ensure_2d=False, allow_nd=True, ensure_min_samples=0)
            if array.ndim != 3 or (shape is not None and array.shape not in ((shape[0], 1, 1), tuple(shape))):
                raise InputError(
                    f"{name} has shape {array.shape}; expected (channels, 1, 1) or (channels, height, width), as "
                    "input_shape says."
                )
            if name == "scale" and not array.all():
                raise InputError("scale is 0 somewhere, and inputs are divided by it. Pass 1 where nothing varies.")
            object.__setattr__(source, name, array)
    for name in ("y_mean", "y_scale"):
        given = getattr(source, name)
        if given is not None and ((number := as_float(given)) is None or not isfinite(number)):
            raise ParameterError(f"{name}={shown(given)} was given; expected a finite number, or None.")
    if source.classes is not None:
        with own_errors(reading="classes"):
            labels = np.asarray(to_plain(source.classes))
            if labels.ndim != 1 or len(set(labels.tolist())) < len(labels):
                raise InputError(f"classes={shown(source.classes)} was given; expected different labels, in one row.")
        object.__setattr__(source, "classes", labels)
    if source.layout is not None and not isinstance(source.layout, Layout):
        raise InputTypeError(f"layout is a {type(source.layout).__name__}; expected a Layout, or None.")


def written_facts(facts: dict[str, Any]) -> str:
    """Facts as the text that a file holds.

    Raises
    ------
    InputError
        If labels or numbers among them have no such text.
    """
    try:
        return json.dumps(facts)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"what is known of the net's data cannot be written ({error}). Pass plain labels and numbers."
        ) from error


def read_facts(text: Any, weights: dict[str, Any], path: Path) -> dict[str, Any]:
    """Facts in the text that a file holds; empty where it has none.

    Raises
    ------
    InputError
        If the text is damaged or hostile, or what stands beside it are no weights.
    """
    try:
        facts = json.loads(text or "{}")
        if not isinstance(facts, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in weights.values()):
            raise TypeError("expected weights and facts by name")
    except (TypeError, ValueError, RecursionError) as error:
        reason = f"{type(error).__name__}: {str(error)[:200]}"
        raise InputError(f"{path} is cut off or damaged ({reason}). Copy or download it again.") from error
    return facts


def built_net(settings: Any, weights: dict[str, torch.Tensor], path: Any) -> ConvNet:
    """Build the net that a file says its weights belong to, once it is sure to be no larger than these.

    Raises
    ------
    InputError
        If there is no such net, or it has other weights.
    """
    try:
        settings = {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}
        if prod(settings["input_shape"]) > MOST_CELLS:
            raise ValueError(f"grids of {settings['input_shape']}")
        if max(settings.get("stages", 0), settings.get("scales", 0)) > len(weights):
            raise ValueError("more layers than weights")
        with torch.device("meta"):  # takes no memory, whatever the sizes
            shapes = {name: tensor.shape for name, tensor in ConvNet(**settings).state_dict().items()}
        if shapes != {name.removeprefix("module."): tensor.shape for name, tensor in weights.items()}:
            raise ValueError("its weights have other shapes")
        if any(
            tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes() for tensor in weights.values()
        ):
            raise ValueError("weights that stand for more values than are there")
        return ConvNet(**settings)
    except Exception as error:  # what builds a net from any numbers may raise anything
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} describes a net that cannot be built ({reason}). Ask for the file anew.") from error


def known_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts in a file, as Pretrained has them."""
    known = {name: value for name, value in _as_tuples(facts).items() if name != "settings"}
    known |= {name: np.array(facts[name]) for name in ("mean", "scale") if facts.get(name) is not None}
    if facts.get("classes") is not None:
        labels, kind = np.array(facts["classes"]["labels"]), np.dtype(facts["classes"]["type"])
        if kind.itemsize > max(8, labels.dtype.itemsize) or kind.kind not in "biufUSO":
            raise ValueError(f"labels of type {kind}")
        known["classes"] = labels.astype(kind)
        n_outputs = (facts.get("settings") or {}).get("n_outputs")
        if n_outputs is not None and len(labels) != max(n_outputs, 2):
            raise ValueError(f"{len(labels)} labels for {n_outputs} outputs")
    if facts.get("layout") is not None:
        known["layout"] = Layout(**_as_tuples(facts["layout"]))
    return known


def _as_tuples(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()}
