"""Steps of small convolutional nets along orthogonal directions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

_MOMENTUM = 0.9
_QUINTICS = 3 * [(3.4445, -4.7750, 2.0315)]  # polynomials that bring singular values from 0 to 1 near 1, by and by
_RATE = 4.0  # of steps of convolutions, of norms and of biases, in units of AdamW's for the last layer
_MOST_OUTPUTS = 128  # a wider layer is left to AdamW: making its gradient orthogonal costs more than the gradient


class Muon(torch.optim.AdamW):
    """Muon [1]_: the averaged gradient of a convolution, as a matrix with a row for each output, made orthogonal.

    All directions in which the outputs of a layer can change move alike then, where Adam moves along few. AdamW takes
    care of what is no matrix, at a higher rate and without decay, and of the last layer.

    Parameters
    ----------
    params : iterable
        Named parameters or parameters, or groups of them.
    stacked : bool, default=False
        Whether each parameter is that of several nets, along its first axis.
    **settings : Any
        As for ``torch.optim.AdamW``.

    References
    ----------
    .. [1] K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.
    """

    def __init__(self, params: Iterable[Any], stacked: bool = False, **settings: Any):
        super().__init__(params, **settings)
        self.stacked = stacked
        groups, self.param_groups = self.param_groups, []
        for group in groups:
            kinds: dict[str, list[torch.Tensor]] = {"matrix": [], "vector": [], "other": []}
            for weight in group["params"]:
                kinds[_kind_of(weight[0] if stacked else weight)].append(weight)
            matrices, vectors, others = kinds["matrix"], kinds["vector"], kinds["other"]
            self.param_groups += [
                {**group, "params": others},
                {**group, "params": vectors, "rate": _RATE, "weight_decay": 0.0},
                {**group, "params": matrices, "rate": _RATE, "orthogonal": True},
            ]

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Take one step along the gradients, which those of convolutions do not outlive."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if group.get("orthogonal", False) and weights:
                self._orthogonal_step(weights, group["lr"], group["weight_decay"])
                for weight in weights:
                    weight.grad = None  # AdamW passes over it
        super().step()
        return loss

    def _orthogonal_step(self, weights: list[torch.Tensor], rate: float, decay: float) -> None:
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        for weight in weights:
            if "average" not in self.state[weight]:
                self.state[weight]["average"] = torch.zeros_like(weight)
        averages = [self.state[weight]["average"] for weight in weights]
        torch._foreach_lerp_(averages, gradients, 1 - _MOMENTUM)
        ahead = torch._foreach_lerp(gradients, averages, _MOMENTUM)
        torch._foreach_mul_(weights, 1 - rate * decay)
        if not self.stacked:  # all norms at once
            torch._foreach_div_(ahead, torch._foreach_add(torch._foreach_norm(ahead), 1e-7))
        for weight, change in zip(weights, ahead, strict=True):
            *nets, rows, channels, height, width = weight.shape
            matrix = change.movedim(-3, -1).reshape(*nets, rows, channels * height * width)  # as it lies in memory
            if self.stacked:
                matrix = matrix / (torch.linalg.matrix_norm(matrix, keepdim=True) + 1e-7)
            change = orthogonal(matrix).reshape(*nets, rows, height, width, channels).movedim(-1, -3)
            weight.add_(change, alpha=-rate * max(1.0, rows / (channels * height * width)) ** 0.5)


def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """Bring the singular values of a matrix, or of each of several, which are 1 at most, near 1.

    The iterations work on the products of its rows, of which there are fewer than columns; these commute.
    """
    tall = matrix.shape[-2] > matrix.shape[-1]
    matrix = matrix.mT if tall else matrix
    products = matrix @ matrix.mT
    factors: list[torch.Tensor] = []
    for linear, cubic, quintic in _QUINTICS:
        if factors:
            products = factors[-1] @ products @ factors[-1]
        product = torch.addmm if matrix.ndim == 2 else torch.baddbmm
        factors.append(product(products, products, products, beta=cubic, alpha=quintic))
        factors[-1].diagonal(dim1=-2, dim2=-1).add_(linear)
    if matrix.ndim == 2:
        matrix = torch.linalg.multi_dot([*reversed(factors), matrix])
    else:
        for factor in factors:
            matrix = factor @ matrix
    return matrix.mT if tall else matrix


def _kind_of(weight: torch.Tensor) -> str:
    if weight.ndim == 4 and min(len(weight), weight[0].numel()) <= _MOST_OUTPUTS:
        return "matrix"
    return "vector" if weight.ndim == 1 else "other"
