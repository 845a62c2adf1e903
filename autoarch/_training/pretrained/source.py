"""A net that was trained on other data, and what is known of these."""

from __future__ import annotations

import copy
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import is_regressor
from torch import nn

from autoarch._data.layout import Layout
from autoarch.exceptions import InputError, InputTypeError


@dataclass(frozen=True, eq=False, repr=False)
class Pretrained:
    """A torch module and what is known of the data that it was trained on.

    It is no estimator, so that ``clone`` copies it with its weights.

    Parameters
    ----------
    module : torch.nn.Module
        Takes ``(n, channels, height, width)`` and returns ``(n, n_outputs)``: logits or numbers.
    input_shape : tuple of int, optional
        Channels, height, width of the grids that it was trained on.
    mean, scale : ndarray of shape (channels, 1, 1) or (channels, height, width), optional
        What inputs were centred and scaled by.
    classes : ndarray, optional
        Labels in the order of its outputs.
    y_mean, y_scale : float, optional
        Units of a regressor's single output.
    layout : Layout, optional
        Cell of each column, where the net read flat rows.

    Examples
    --------
    >>> from torch import nn
    >>> from autoarch.transfer import Pretrained
    >>> Pretrained(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(144, 2)), input_shape=(1, 8, 8))
    Pretrained(Sequential, 1 x 8 x 8 cells)
    """

    module: nn.Module
    input_shape: tuple[int, int, int] | None = None
    mean: np.ndarray | None = None
    scale: np.ndarray | None = None
    classes: np.ndarray | None = None
    y_mean: float | None = None
    y_scale: float | None = None
    layout: Layout | None = None

    def __post_init__(self) -> None:
        if isinstance(self.module, torch.jit.ScriptModule):
            raise InputError(
                "a scripted module was given, whose layers cannot be changed; pass the module that it was made of."
            )
        if any(isinstance(weight, nn.UninitializedParameter) for weight in self.module.parameters()):
            raise InputError(
                f"{type(self.module).__name__} has lazy layers without weights; run it once on grids like those that "
                "it is for, and train it."
            )

    def __repr__(self) -> str:
        cells = "" if self.input_shape is None else f", {' x '.join(map(str, self.input_shape))} cells"
        labels = "" if self.classes is None else f", {len(self.classes)} classes"
        return f"Pretrained({type(self.module).__name__}{cells}{labels})"

    @property
    def digest(self) -> str:
        """A hash of weights and scale, which tells one net from another; pickles of equal nets may differ."""
        state = hashlib.sha256(repr(self).encode())
        for part in (self.mean, self.scale):
            state.update(b"" if part is None else np.ascontiguousarray(part).tobytes())
        for name, tensor in sorted(self.module.state_dict().items()):
            state.update(name.encode())
            state.update(np.ascontiguousarray(tensor.detach().cpu().float().numpy()).tobytes())
        return state.hexdigest()

    @classmethod
    def of(cls, model: Any) -> Pretrained:
        """Read a torch module, a skorch net, a fitted estimator or pipeline of autoarch, or a file.

        Parameters
        ----------
        model : Pretrained, torch.nn.Module, fitted net or estimator, str or Path
            A file is read as :func:`autoarch.transfer.load_pretrained` does, never as a pickle.

        Returns
        -------
        Pretrained
            The module is a copy, on the CPU, in float32.

        Raises
        ------
        InputTypeError
            If it is none of these.
        InputError
            If no net can be found in it.
        """
        if isinstance(model, cls):
            return model
        if isinstance(model, (str, os.PathLike)):
            from autoarch._training.pretrained.read import load_pretrained

            return load_pretrained(Path(model))
        if isinstance(model, nn.Module):
            module, _ = _unwrapped(_copied(model), None)
            settings = getattr(module, "settings", {})
            shape = settings.get("input_shape") if isinstance(settings, dict) else None
            return cls(module, None if shape is None else tuple(shape))
        if hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        if hasattr(model, "steps") or hasattr(model, "module_"):
            return cls._of_steps([step for _, step in model.steps] if hasattr(model, "steps") else [model])
        if isinstance(model, type) or not hasattr(model, "get_params"):
            raise InputTypeError(
                f"a {type(model).__name__} was given; expected a torch module, an initialised skorch net, a fitted "
                "estimator whose winner is a net on grids, or the path of a file with weights."
            )
        raise InputError(f"{type(model).__name__} holds no trained net. Fit it first, or pass the torch module itself.")

    @classmethod
    def _of_steps(cls, steps: list[Any]) -> Pretrained:
        """The net at the end of a pipeline, or the first of those that are averaged, and the scaler before it."""
        last = steps[-1]
        if hasattr(last, "best_estimator_"):
            raise InputError(
                f"the model at the end is {type(last).__name__}, behind steps that change its rows. Pass it alone, "
                "such as pipe[-1], with the rows that pipe[:-1].transform(X) gives."
            )
        if hasattr(last, "models_"):
            return cls._of_steps([step for _, step in last.models_[0].steps])
        if not isinstance(getattr(last, "module_", None), nn.Module):
            raise InputError(
                f"the model at the end is a {type(last).__name__}, which is no net on grids. Fit with families='cnn', "
                "or pass a torch module."
            )
        scaler = next((step for step in steps[:-1] if hasattr(step, "planes_")), None)
        module, shape = _unwrapped(_copied(last.module_), getattr(last, "input_shape_", None))
        if scaler is not None and shape is not None and shape[0] > len(scaler.mean_):
            from autoarch._training.pretrained.adapt import cut_to_cells

            module = cut_to_cells(module, tuple(shape), len(scaler.mean_))
            shape = (len(scaler.mean_), *shape[1:])
        if shape is not None and len(shape) != 3:
            raise InputError(
                "the net reads columns of a table, not grids. Fit with families='cnn', or pass another net."
            )
        return cls(
            module,
            None if shape is None else (int(shape[0]), int(shape[1]), int(shape[2])),
            mean=getattr(scaler, "mean_", None),
            scale=getattr(scaler, "scale_", None),
            classes=np.asarray(last.classes_) if hasattr(last, "classes_inferred_") else None,
            y_mean=getattr(last, "y_mean_", 0.0 if is_regressor(last) else None),
            y_scale=getattr(last, "y_scale_", 1.0 if is_regressor(last) else None),
            layout=getattr(scaler, "layout", None),
        )


def _unwrapped(module: nn.Module, shape: Any) -> tuple[nn.Module, Any]:
    """A net that was fitted to other data, without what brought their grids to its sides."""
    from autoarch._training.pretrained.adapt import FitSides, TransferNet

    if not isinstance(module, TransferNet):
        return module, shape
    if shape is not None and isinstance(module.fit_sides, FitSides):
        shape = (shape[0], *module.fit_sides.sides)
    return module.net, shape


def _copied(module: nn.Module) -> nn.Module:
    copied = copy.deepcopy(module).cpu()
    if any(tensor.is_floating_point() and tensor.dtype != torch.float32 for tensor in copied.state_dict().values()):
        copied = copied.float()
    return copied.eval()
