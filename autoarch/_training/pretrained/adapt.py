"""Fit a pretrained net to grids of other channels and sides, and to other outputs; each change is described."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from autoarch._training.conv_net import ConvNet
from autoarch._training.pretrained.inspect import Anatomy, FitSides, SidesError, TransferNet, examine, own_weights, put
from autoarch._training.pretrained.source import Pretrained
from autoarch.exceptions import InputError

CHANNELS = ("auto", "sum", "repeat", "new")
SIZINGS = ("native", "resize", "pad")
_USUAL_SIDES = (28, 32, 64, 96, 128, 224, 256)  # tried where a net refuses the grids and its own sides are unknown


def sizings(source: Pretrained, shape: tuple[int, int, int]) -> dict[str, tuple[int, int]]:
    """Ways in which ``source`` can take grids of ``shape``, with the sides that it is then given.

    Returns
    -------
    dict of str to tuple of int
        Some of ``"native"`` (as they come), ``"resize"`` and ``"pad"`` (to the sides that it was trained on).

    Raises
    ------
    InputError
        If there is none.
    """
    channels, sides, trained = channels_of(source), (shape[1], shape[2]), source.input_shape
    refusal = _refusal(source.module, (channels, *sides))
    ways = {} if refusal is not None else {"native": sides}
    if trained is not None and trained[1:] != sides:
        examine(source.module, trained)
        ways["resize"] = trained[1:]
        if trained[1] >= sides[0] and trained[2] >= sides[1]:
            ways["pad"] = trained[1:]
    elif refusal is not None and trained is None:
        taken = (side for side in _USUAL_SIDES if _refusal(source.module, (channels, side, side)) is None)
        if (side := next(taken, None)) is not None:
            ways["resize"] = (side, side)
    if not ways:
        raise InputError(
            f"{refusal} Nor does it take squares of {', '.join(map(str, _USUAL_SIDES))} cells. Pass "
            "Pretrained(module, input_shape=(channels, height, width)) with the shape that it was trained on."
        ) from refusal
    return ways


def _refusal(module: nn.Module, shape: tuple[int, int, int]) -> SidesError | None:
    try:
        examine(module, shape)
    except SidesError as error:
        return error
    return None


def channels_of(source: Pretrained) -> int:
    """Channels of the grids that the net takes."""
    if source.input_shape is not None:
        return source.input_shape[0]
    first = next((layer for layer in source.module.modules() if isinstance(layer, nn.Conv2d)), None)
    if first is None:
        raise InputError(
            f"{type(source.module).__name__} has no 2-D convolution; expected a net that begins with one. Other nets "
            "cannot be fitted to grids."
        )
    return first.in_channels


def adapt(
    source: Pretrained,
    shape: tuple[int, int, int],
    n_outputs: int,
    *,
    n_cells: int | None = None,
    channels: str = "auto",
    sizing: str | None = None,
    head: str = "auto",
) -> TransferNet:
    """Fit a copy of a pretrained net to other data.

    Parameters
    ----------
    source : Pretrained
        The net; it is not changed.
    shape : tuple of int
        Channels, height, width of the grids that it is to take.
    n_outputs : int
        Outputs that it is to have; ignored where the head is kept.
    n_cells : int, optional
        Channels that hold cells, the first ones; what follows (a mask, say) is new to the net and zero-initialised.
        Default: all.
    channels : {"auto", "sum", "repeat", "new"}, default="auto"
        First convolution of a net that saw another number of channels: its kernels summed over the channels (for one
        channel; the net then does what it did for grey pictures), dealt to the new channels in turn and scaled, or new
        ones. "auto" sums for one channel, else repeats.
    sizing : {"native", "resize", "pad"}, optional
        How grids of other sides are brought to it. Default: the first of these that it can take.
    head : {"auto", "keep", "new"}, default="auto"
        "auto" keeps the last layer where the number of outputs is the same.

    Returns
    -------
    TransferNet
        In evaluation mode.

    Raises
    ------
    InputError
        If the net cannot be fitted to these data; the message says why.
    """
    ways = sizings(source, shape)
    sizing = next(iter(ways)) if sizing is None else sizing
    if sizing not in ways:
        raise InputError(f"sizing={sizing!r} is not possible here; possible are {', '.join(map(repr, ways))}.")
    own = channels_of(source)
    anatomy = examine(source.module, (own, *ways[sizing]))
    net = copy.deepcopy(source.module)
    changes = _fit_channels(net, anatomy, own, shape[0], shape[0] if n_cells is None else n_cells, channels)
    sides = _text(shape)
    fit_sides: nn.Module = nn.Identity()
    if sizing != "native":
        fit_sides = FitSides(ways[sizing], sizing)
        changes.append(f"grids of {sides} are {'resized' if sizing == 'resize' else 'padded'} to {_text(ways[sizing])}")
    elif source.input_shape is not None and source.input_shape[1:] != shape[1:]:
        changes.append(f"grids of {sides} are taken as they are, it was trained on {_text(source.input_shape)}")
    if anatomy.squash is not None:
        name = type(net.get_submodule(anatomy.squash)).__name__.lower()
        put(net, anatomy.squash, nn.Identity())
        changes.append(f"the {name} at its end was taken off")
    if head == "new" or (head == "auto" and n_outputs != anatomy.n_outputs):
        put(net, anatomy.head, nn.Linear(anatomy.n_features, n_outputs))
        changes.append(f"a new last layer: {anatomy.n_outputs} outputs became {n_outputs}")
    else:
        n_outputs = anatomy.n_outputs
    if isinstance(net, ConvNet):  # what the sides were when it was built decides its strides
        built_for = (shape[0], *net.settings["input_shape"][1:])
        net.settings = {**net.settings, "input_shape": built_for, "n_outputs": n_outputs}
    return TransferNet(fit_sides, net.requires_grad_(), anatomy, tuple(changes)).eval()


def _text(shape: Sequence[int]) -> str:
    return "{} x {}".format(*shape[-2:])


def _fit_channels(net: nn.Module, anatomy: Anatomy, own: int, total: int, n_cells: int, how: str) -> list[str]:
    """Change the first convolution in place; channels behind the cells are zero-initialised."""
    if total == own:
        return []
    stem: Any = net.get_submodule(anatomy.stem)
    if stem.in_channels != own or stem.groups != 1:
        raise InputError(
            f"the first convolution of {type(net).__name__} does not read the {own} channels of its grids all at once, "
            f"so it cannot be given {total}. Bring the data to {own} channels."
        )
    how = how if how != "auto" else "sum" if n_cells == 1 else "repeat"
    if how == "sum" and n_cells != 1:
        raise InputError(f"channels='sum' makes one channel of {own}, the data have {n_cells}; pass 'repeat' or 'new'.")
    old = stem.weight.detach()
    fresh = copy.deepcopy(stem)
    fresh.in_channels = total
    fresh.weight = nn.Parameter(old.new_empty(len(old), total, *old.shape[2:]))
    fresh.reset_parameters()
    with torch.no_grad():
        if how == "sum":
            fresh.weight[:, :1] = old.sum(1, keepdim=True)
        elif how == "repeat":
            fresh.weight[:, :n_cells] = old[:, [k % own for k in range(n_cells)]] * (own / n_cells)
        fresh.weight[:, n_cells:] = 0.0
        if stem.bias is not None and how != "new":
            fresh.bias.copy_(stem.bias)
    put(net, anatomy.stem, fresh)
    words = {"sum": "summed", "repeat": "repeated in turn and scaled", "new": "replaced by new ones"}
    changes = []
    if n_cells != own:
        changes.append(f"kernels of the first convolution for {own} channels were {words[how]} for {n_cells}")
    if total > n_cells:
        changes.append(f"{total - n_cells} extra channels are zero-initialised")
    return changes


def random_twin(net: TransferNet) -> TransferNet:
    """Copy the architecture with random weights, under the seed of torch.

    Raises
    ------
    InputError
        If a layer does not know how to begin anew.
    """
    twin = copy.deepcopy(net)
    for name, layer in twin.net.named_modules():
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
        elif own_weights(layer):
            raise InputError(
                f"the layer {name!r} ({type(layer).__name__}) has no method reset_parameters, so a net of this "
                "architecture with random weights cannot be made. Give it that method."
            )
    return twin
