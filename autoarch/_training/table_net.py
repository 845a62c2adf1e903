"""The dense net for columns without an order: numbers are embedded, and several members share one set of weights."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

_FREQUENCIES = 16  # waves per number
_LEAST = torch.iinfo(torch.int64).min
_LEAST_PROBABILITY = 1e-7
_WIDTH = 4  # values that a number becomes, itself among them


class PeriodicEmbedding(nn.Module):
    """Each number beside a linear map of waves of it, with frequencies that are learned [1]_.

    Parameters
    ----------
    n_numbers : int
        Columns to embed.
    sigma : float
        Deviation of the frequencies before training, in waves per standard deviation of a column.

    References
    ----------
    .. [1] Y. Gorishniy, I. Rubachev, A. Babenko, "On embeddings for numerical features in tabular deep learning",
       NeurIPS 2022; in the form of D. Holzmueller, L. Grinsztajn, I. Steinwart, "Better by default", NeurIPS 2024.
    """

    def __init__(self, n_numbers: int, sigma: float):
        super().__init__()
        self.frequencies = nn.Parameter(sigma * torch.randn(n_numbers, _FREQUENCIES))
        self.phases = nn.Parameter(math.pi * (2 * torch.rand(n_numbers, _FREQUENCIES) - 1))
        bound = 1 / math.sqrt(_FREQUENCIES)
        self.weight = nn.Parameter(bound * (2 * torch.rand(n_numbers, _FREQUENCIES, _WIDTH - 1) - 1))
        self.bias = nn.Parameter(bound * (2 * torch.rand(n_numbers, _WIDTH - 1) - 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        waves = torch.cos(2 * math.pi * x[..., None] * self.frequencies + self.phases)
        mapped = torch.einsum("npf,pfw->npw", waves, self.weight) + self.bias
        return torch.cat([x[..., None], mapped], dim=-1).flatten(1)


class Dropout(nn.Module):
    """Dropout to a 256th: of each random number of 64 bits every byte decides on one unit.

    On a CPU one random number per unit, as torch draws them, takes a third of a training step of a small dense net.

    Parameters
    ----------
    p : float
        Share of units dropped while training.
    """

    def __init__(self, p: float):
        super().__init__()
        self.dropped = round(256 * p)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.dropped == 0:
            return x
        words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device).random_(_LEAST, None)
        kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= self.dropped
        return x * (kept.to(x.dtype) * (256 / (256 - self.dropped)))


class SharedLinear(nn.Module):
    """One linear map for all members, each with a bias of its own."""

    def __init__(self, n_in: int, n_out: int, members: int):
        super().__init__()
        self.linear = nn.Linear(n_in, n_out, bias=False)
        self.bias = nn.Parameter(1 / math.sqrt(n_in) * (2 * torch.rand(members, n_out) - 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x) + self.bias


class MemberNorm(nn.BatchNorm1d):
    """Batch norm whose batch is the rows of all members."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.flatten(0, 1)).view(x.shape)


class TableNet(nn.Module):
    """Several dense nets that share their weights; their answers are averaged.

    The members differ in the signs and scales that they give to the columns, in their biases and in their last layer,
    as in TabM-mini [1]_. While training, the output has shape (n, members, n_outputs); afterwards
    it is the logarithm of the mean probabilities, the log-odds of these, or the mean.

    Parameters
    ----------
    input_shape : tuple of int
        Columns, or channels, height and width, which are flattened.
    n_outputs : int
        Classes, labels or numbers.
    units, layers : int
        Width and number of the hidden layers.
    dropout : float
        Share of units dropped after each of them.
    members : int
        Nets that share weights.
    n_numbers : int
        Columns, the first ones, that are embedded.
    sigma : float
        Deviation of the embedding's frequencies.
    norm : bool
        Whether batch norm follows each hidden layer.
    outputs : {"classes", "numbers", "labels"}
        Of several outputs: logarithms of the probabilities of classes, numbers, or log-odds of labels.

    References
    ----------
    .. [1] Y. Gorishniy, A. Kotelnikov, A. Babenko, "TabM: advancing tabular deep learning with parameter-efficient
       ensembling", ICLR 2025.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        n_outputs: int,
        units: int = 256,
        layers: int = 3,
        dropout: float = 0.1,
        members: int = 8,
        n_numbers: int = 0,
        sigma: float = 0.1,
        norm: bool = False,
        outputs: str = "classes",
    ):
        super().__init__()
        n_in = int(torch.Size(input_shape).numel()) + (_WIDTH - 1) * n_numbers
        self.n_numbers = n_numbers
        self.outputs = outputs
        self.embedding = PeriodicEmbedding(n_numbers, sigma) if n_numbers else None
        signs = torch.where(torch.rand(members, n_in) < 0.5, -1.0, 1.0)
        self.scale = nn.Parameter(signs if members > 1 else torch.ones(1, n_in))
        blocks: list[nn.Module] = []
        for _ in range(layers):
            blocks += [SharedLinear(n_in, units, members), MemberNorm(units) if norm else nn.Identity()]
            blocks += [nn.SiLU(), Dropout(dropout)]
            n_in = units
        self.blocks = nn.Sequential(*blocks)
        self.weight = nn.Parameter(torch.randn(members, n_in, n_outputs) * 0.3 / math.sqrt(n_in))
        self.bias = nn.Parameter(torch.zeros(members, n_outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.flatten(1)
        if self.embedding is not None:
            x = torch.cat([self.embedding(x[:, : self.n_numbers]), x[:, self.n_numbers :]], dim=1)
        x = self.blocks(x[:, None] * self.scale)
        answers = torch.einsum("nmi,mio->nmo", x, self.weight) + self.bias
        if self.training:
            return answers
        if answers.shape[-1] == 1 or self.outputs == "numbers":
            return answers.mean(dim=1)
        if self.outputs == "labels":
            return torch.logit(torch.sigmoid(answers).mean(dim=1), eps=_LEAST_PROBABILITY)
        return torch.logsumexp(F.log_softmax(answers, dim=-1), dim=1)
