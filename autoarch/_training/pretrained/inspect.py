"""Where a net's first convolution and its last layer are, found by running it once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from autoarch.exceptions import InputError


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
        What the head takes and gives.
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
    ran, inputs, output = _run(module, shape)
    order = [name for name in ran if _own_weights(module.get_submodule(name))]
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
    alike = [each for each in (logits, logits.log_softmax(1)) if torch.allclose(output, each, rtol=1e-3, atol=1e-5)]
    if squash is None and not alike:
        raise InputError(
            f"{kind} does not return what its last Linear layer gives but changes it, as a softmax or a sigmoid does; "
            "expected logits or numbers. Leave that out of its forward method."
        )
    return Anatomy(order[0], order[-1], tuple(order), head.in_features, head.out_features, squash)


def _run(module: nn.Module, shape: tuple[int, int, int]) -> tuple[list[str], dict[str, Any], Any]:
    """Leaves in the order in which they first ran, what each was fed last, and the output."""
    names = {child: name for name, child in module.named_modules() if name}
    fed: dict[str, Any] = {}
    handles = [
        child.register_forward_pre_hook(lambda child, args: fed.update({names[child]: args[0] if args else None}))
        for child in names
        if _own_weights(child) or not any(True for _ in child.children())
    ]
    was_training = module.training
    grids = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad():
            output = module.eval()(grids)
    except Exception as error:  # a stranger's forward may raise anything
        reason = " ".join(str(error).split())[:200]
        raise SidesError(
            f"{type(module).__name__} cannot take grids of {' x '.join(map(str, shape))} cells "
            f"({type(error).__name__}: {reason})."
        ) from error
    finally:
        module.train(was_training)
        for handle in handles:
            handle.remove()
    return list(fed), fed, output


def _own_weights(module: nn.Module) -> bool:
    return any(True for _ in module.parameters(recurse=False))
