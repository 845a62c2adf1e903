"""The parts of a net that another shape of data concerns, found by running it once, and the net with what fits grids.

Nets are run here: :func:`examine` finds the parts, :func:`features_of` and :func:`outputs_of` take rows in batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from autoarch._training.conv_net import ConvNet
from autoarch.exceptions import InputError

_BATCH = 256


@dataclass(frozen=True)
class Anatomy:
    """The parts of a net that another shape of data concerns.

    Parameters
    ----------
    stem, head : str
        Names of the first convolution and of the last linear layer.
    order : tuple of str
        Modules with weights of their own, in the order in which they run.
    n_features, n_outputs : int
        Inputs and outputs of the head.
    squash : str or None
        Name of a softmax or sigmoid behind the head.
    """

    stem: str
    head: str
    order: tuple[str, ...]
    n_features: int
    n_outputs: int
    squash: str | None = None


class SidesError(InputError):
    """The net cannot take grids of these sides; of others, perhaps."""


def examine(module: nn.Module, shape: tuple[int, int, int]) -> Anatomy:
    """Run ``module`` on two random grids and see which of its layers work in which order.

    Raises
    ------
    SidesError
        If it cannot take grids of this shape.
    InputError
        If its first or last layer is of a kind that cannot be changed.
    """
    kind = type(module).__name__
    inputs, output = _run(module, shape)
    ran = list(inputs)
    order = [name for name in ran if own_weights(module.get_submodule(name))]
    if not order:
        raise InputError(f"{kind} has no weights, so there is nothing to transfer.")
    stem, head = module.get_submodule(order[0]), module.get_submodule(order[-1])
    if not isinstance(stem, nn.Conv2d):
        raise InputError(
            f"the first layer with weights in {kind} is a {type(stem).__name__}; expected Conv2d. Only nets that begin "
            "with a 2-D convolution can be fitted to other grids."
        )
    if not isinstance(head, nn.Linear):
        raise InputError(
            f"the last layer with weights in {kind} is a {type(head).__name__}; expected Linear, which can be replaced "
            "by one for other classes. Put a Linear layer behind it, or pass a net that ends in one."
        )
    fed = inputs[order[-1]]
    if not isinstance(output, torch.Tensor) or fed.ndim != 2 or output.shape != (2, head.out_features):
        got = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise InputError(
            f"{kind} returned {got} for 2 grids; expected one tensor of shape (2, {head.out_features}), what its last "
            "Linear layer gives for each grid. Wrap it in a module that returns that."
        )
    squash = ran[-1] if isinstance(module.get_submodule(ran[-1]), (nn.Softmax, nn.Sigmoid)) else None
    with torch.no_grad():
        logits = head(fed)
    same = [each for each in (logits, logits.log_softmax(1)) if torch.allclose(output, each, rtol=1e-3, atol=1e-5)]
    if squash is None and not same:
        raise InputError(
            f"{kind} does not return what its last Linear layer gives but changes it, as a softmax or a sigmoid does; "
            "expected logits or numbers. Leave that out of its forward method."
        )
    return Anatomy(order[0], order[-1], tuple(order), head.in_features, head.out_features, squash)


def _run(module: nn.Module, shape: tuple[int, int, int]) -> tuple[dict[str, Any], Any]:
    """Inputs of the leaves, in the order in which they first ran, and the output."""
    names = {child: name for name, child in module.named_modules() if name}
    leaves = [child for child in names if own_weights(child) or not any(True for _ in child.children())]
    was_training = module.training
    grids = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    try:
        with recorded_inputs(leaves) as fed, torch.no_grad():
            output = module.eval()(grids)
    except Exception as error:  # a forward method may raise anything
        reason = " ".join(str(error).split())[:200]
        raise SidesError(
            f"{type(module).__name__} cannot take grids of {' x '.join(map(str, shape))} cells "
            f"({type(error).__name__}: {reason})."
        ) from error
    finally:
        module.train(was_training)
    return {names[layer]: value for layer, value in fed.items()}, output


@contextmanager
def recorded_inputs(layers: Iterable[nn.Module]) -> Iterator[dict[nn.Module, Any]]:
    """Record what each layer is fed last inside the block, in the order in which they first run."""
    fed: dict[nn.Module, Any] = {}

    def record(layer: nn.Module, args: tuple[Any, ...]) -> None:
        fed[layer] = args[0] if args else None

    with ExitStack() as hooks:
        for layer in layers:
            hooks.enter_context(layer.register_forward_pre_hook(record))
        yield fed


def own_weights(module: nn.Module) -> bool:
    """Tell whether a layer itself holds weights."""
    return any(True for _ in module.parameters(recurse=False))


class FitSides(nn.Module):
    """Bring grids to ``(height, width)``: by interpolation, or by zeros around them."""

    def __init__(self, sides: tuple[int, int], how: str):
        super().__init__()
        self.sides, self.how = sides, how

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.how == "resize":
            return F.interpolate(x, self.sides, mode="bilinear", antialias=True, align_corners=False)
        down, across = (side - own for side, own in zip(self.sides, x.shape[-2:], strict=True))
        return F.pad(x, (across // 2, across - across // 2, down // 2, down - down // 2))


class TransferNet(nn.Module):
    """A pretrained net behind the module that fits grids to it.

    Parameters
    ----------
    fit_sides : torch.nn.Module
        Grids as they come to grids as the net wants them.
    net : torch.nn.Module
        The net.
    anatomy : Anatomy
        Of the net.
    changes : tuple of str
        Changes, in words.
    """

    def __init__(self, fit_sides: nn.Module, net: nn.Module, anatomy: Anatomy, changes: tuple[str, ...]):
        super().__init__()
        self.fit_sides, self.net, self.anatomy, self.changes = fit_sides, net, anatomy, changes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(self.fit_sides(x))

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Input of the last layer, of shape (n, n_features)."""
        head = self.net.get_submodule(self.anatomy.head)
        with recorded_inputs([head]) as fed:
            self.forward(x)
        return fed[head]


def features_of(net: TransferNet, X: np.ndarray) -> np.ndarray:
    """Input of the last layer, of shape (n, n_features)."""
    return _in_batches(net, net.features, X)


def outputs_of(net: torch.nn.Module, X: np.ndarray) -> np.ndarray:
    """Outputs of the net, of shape (n, n_outputs)."""
    return _in_batches(net, net, X).astype(np.float64)


def _in_batches(net: torch.nn.Module, function: Callable[[torch.Tensor], torch.Tensor], X: np.ndarray) -> np.ndarray:
    net.eval()
    with torch.inference_mode():
        batches = torch.from_numpy(np.ascontiguousarray(X, dtype=np.float32)).split(_BATCH)
        return np.concatenate([function(batch).numpy() for batch in batches])


def cut_to_cells(net: nn.Module, shape: tuple[int, int, int], n_cells: int) -> nn.Module:
    """Take the input channels behind the first ``n_cells`` from a net, in place; what they held is 0 from now on.

    So it does what it did for rows without missing cells and with average columns beside the grid.
    """
    stem: Any = net.get_submodule(examine(net, shape).stem)
    kept = stem.in_channels * n_cells // shape[0]  # where lines are channels, each channel of the grid has several
    stem.weight = nn.Parameter(stem.weight.detach()[:, :kept].clone())
    stem.in_channels = kept
    if isinstance(net, ConvNet):
        net.settings = {**net.settings, "input_shape": (n_cells, *shape[1:])}
    return net


def put(net: nn.Module, name: str, layer: nn.Module) -> None:
    """Replace the layer of this name."""
    parent, _, child = name.rpartition(".")
    setattr(net.get_submodule(parent), child, layer)
