"""A net that was trained on other data, with the known facts about these; read from models and files.

The public names are :class:`Pretrained`, :func:`load_pretrained` and :func:`save_pretrained`.
"""

from __future__ import annotations

import copy
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
from sklearn.base import is_regressor
from torch import nn

from autoarch._core.checks import check_flag
from autoarch._core.paths import checked_path
from autoarch._data.layout import Layout
from autoarch._training.conv_net import ConvNet
from autoarch._training.difference_scaler import DifferenceScaler
from autoarch._training.grid_extents import EXTENTS, GridExtent
from autoarch._training.log_scaler import LogScaler
from autoarch._training.pretrained.facts import built_net, check_facts, known_facts
from autoarch._training.pretrained.files import read_weights, write_weights
from autoarch._training.pretrained.inspect import FitSides, TransferNet, cut_to_cells
from autoarch._training.scalers import GridScaler
from autoarch._training.time_limited import averaged_models
from autoarch.exceptions import AutoArchError, InputError, InputTypeError


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
        if not isinstance(self.module, nn.Module):
            raise InputTypeError(
                f"module is a {type(self.module).__name__}; expected a torch.nn.Module. Pretrained.of(model) reads "
                "fitted estimators and files."
            )
        check_facts(self)
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
        weights = sorted(self.module.state_dict().items())
        arrays = [self.mean, self.scale, *(tensor.cpu().float().numpy() for _, tensor in weights)]
        copies = [None if array is None else np.array(array, order="C") for array in arrays]  # strides are hashed too
        return joblib.hash([repr(self), [name for name, _ in weights], copies])

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
            return load_pretrained(Path(model))
        if isinstance(model, nn.Module):
            module, _ = _unwrapped(model, None)
            return cls(module, module.settings["input_shape"] if isinstance(module, ConvNet) else None)
        model = getattr(model, "best_estimator_", model)
        if hasattr(model, "steps") or hasattr(model, "module_"):
            return cls._of_steps([step for _, step in model.steps] if hasattr(model, "steps") else [model])
        if isinstance(model, type) or not hasattr(model, "get_params"):
            raise InputTypeError(
                f"a {type(model).__name__} was given; expected a torch module, an initialised skorch net, a fitted "
                "estimator whose winner is a net on grids, or the path of a file with weights."
            )
        raise InputError(
            f"{type(model).__name__} holds no trained net. Pass a torch module, or an estimator of autoarch that was "
            "fitted and whose winner is a net on grids."
        )

    @classmethod
    def _of_steps(cls, steps: list[Any]) -> Pretrained:
        """The net at the end of a pipeline, or the first of those that are averaged, and the scaler before it."""
        last = steps[-1]
        if hasattr(last, "best_estimator_"):
            raise InputError(
                f"the model at the end is {type(last).__name__}, behind steps that change its rows. Pass it alone, "
                "such as pipe[-1], with the rows that pipe[:-1].transform(X) gives."
            )
        if averaged := averaged_models(last):
            return cls._of_steps([step for _, step in averaged[0].steps])
        if not isinstance(getattr(last, "module_", None), nn.Module):
            raise InputError(
                f"the model at the end is a {type(last).__name__}, which is no net on grids. Fit with families='cnn', "
                "or pass a torch module."
            )
        scaler = next((step for step in steps[:-1] if isinstance(step, GridScaler)), None)
        if isinstance(scaler, DifferenceScaler):
            raise InputError(
                "the net reads differences of neighbouring cells, not the cells, and would be adapted to the wrong "
                "thing. Fit a net on the cells, or pass np.diff of the new data to one that was fitted on np.diff too."
            )
        if isinstance(scaler, LogScaler):
            raise InputError(
                "the net reads logarithms of the cells, not the cells, and would be adapted to the wrong thing. Fit a "
                "net on the cells, or pass np.log1p of the new data to one that was fitted on np.log1p too."
            )
        extent = next((step for step in steps[:-1] if isinstance(step, GridExtent)), None)
        if extent is not None:
            raise InputError(
                f"the net reads {EXTENTS[extent.extent]}, not all cells of a grid, and would be adapted to the wrong "
                "thing. Fit a net on these, and pass the same of the new data."
            )
        module, shape = _unwrapped(last.module_, getattr(last, "input_shape_", None))
        if scaler is not None and shape is not None and shape[0] > len(scaler.mean_):
            module = cut_to_cells(module, tuple(shape), len(scaler.mean_))
            shape = (len(scaler.mean_), *shape[1:])
        if shape is not None and len(shape) != 3:
            raise InputError("the net reads columns of a table, not grids. Fit with families='cnn', or pass another.")
        return cls(
            module,
            None if shape is None else (shape[0], shape[1], shape[2]),
            mean=getattr(scaler, "mean_", None),
            scale=getattr(scaler, "scale_", None),
            classes=np.asarray(last.classes_) if hasattr(last, "classes_inferred_") else None,
            y_mean=getattr(last, "y_mean_", 0.0 if is_regressor(last) else None),
            y_scale=getattr(last, "y_scale_", 1.0 if is_regressor(last) else None),
            layout=getattr(scaler, "layout", None),
        )


def _unwrapped(module: nn.Module, shape: Any) -> tuple[nn.Module, Any]:
    """A copy on the CPU in float32; of a net that was fitted to other data, without what brought grids to its sides."""
    try:
        module = copy.deepcopy(module).cpu().float().eval()
    except Exception as error:  # a module of the user's own may hold anything
        raise InputError(
            f"{type(module).__name__} cannot be copied ({type(error).__name__}: {error}), and the net that is given "
            "must not change. Take what is no weight out of it, such as files, locks and outputs of other nets, or "
            "pass its weights by load_pretrained(path, module=...)."
        ) from error
    if not isinstance(module, TransferNet):
        return module, shape
    if shape is not None and isinstance(module.fit_sides, FitSides):
        shape = (shape[0], *module.fit_sides.sides)
    return module.net, shape


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
    path = Path(checked_path("path", path))
    if path.is_dir() or not path.parent.is_dir():
        raise InputError(f"{path} cannot be written: it is a folder, or {path.parent} is none. Pass another path.")
    source = Pretrained.of(model)
    facts = {name: fact.tolist() if isinstance(fact, np.ndarray) else fact for name, fact in vars(source).items()}
    module = facts.pop("module")
    facts["settings"] = module.settings if isinstance(module, ConvNet) else None
    if source.classes is not None:
        facts["classes"] = {"labels": facts["classes"], "type": source.classes.dtype.str}
    if source.layout is not None:
        facts["layout"] = asdict(source.layout)
    write_weights(path, module, facts)
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
    if module is not None and not isinstance(module, nn.Module):
        raise InputTypeError(f"module is a {type(module).__name__}; expected a torch.nn.Module, or None.")
    check_flag("allow_pickle", allow_pickle)
    content, facts = read_weights(Path(checked_path("path", path)), allow_pickle=allow_pickle)
    if isinstance(content, nn.Module):
        return Pretrained.of(content)
    if module is None and not facts.get("settings"):
        raise InputError(
            f"{path} holds weights but not the architecture that they belong to. Pass module=, a net of that "
            "architecture, to load_pretrained."
        )
    source = Pretrained.of(built_net(facts["settings"], content, path) if module is None else module)
    try:
        source.module.load_state_dict({name.removeprefix("module."): tensor for name, tensor in content.items()})
    except (RuntimeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"the weights in {path} do not fit {type(source.module).__name__}: {reason}") from error
    if not facts:
        return source
    try:
        known: dict[str, Any] = {"input_shape": source.input_shape}
        known |= {name: value for name, value in known_facts(facts).items() if value is not None}
        return replace(source, **known)
    except (AutoArchError, TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise InputError(f"{path} says about its net what cannot be ({error}). Ask for the file anew.") from error
