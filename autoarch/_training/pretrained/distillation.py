"""A trained net goes on to new rows and new outputs without forgetting what it knew.

Two things hold it: old rows that are trained along (rehearsal), and the outputs that the old net gives for every row,
which the new one is asked to keep (distillation [1]_). Batch norms keep their statistics.

References
----------
.. [1] Z. Li, D. Hoiem, "Learning without forgetting", ECCV 2016.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from autoarch._core.clock import Deadline
from autoarch._training.pretrained.adapt import TransferNet, adapt
from autoarch._training.pretrained.fine_tuning import FineTuneClassifier, FineTuneRegressor, _FineTuning, outputs_of
from autoarch._training.pretrained.source import Pretrained

_TEMPERATURE = 2.0  # of distillation, as in the reference


class SteadyNet(TransferNet):
    """A net whose batch norms keep the statistics that they have."""

    def train(self, mode: bool = True) -> SteadyNet:
        super().train(mode)
        for layer in self.modules():
            if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                layer.eval()
        return self


def grown_net(
    input_shape: tuple[int, int, int],
    n_outputs: int,
    source: Pretrained,
    places: tuple[int, ...],
    sizing: str = "native",
) -> SteadyNet:
    """The net with more outputs; the old ones stand at ``places`` with the weights that they had."""
    net = adapt(source, input_shape, n_outputs, sizing=sizing, head="new")
    old: Any = source.module.get_submodule(net.anatomy.head)
    new: Any = net.net.get_submodule(net.anatomy.head)
    with torch.no_grad():
        new.weight.mul_(0.1)  # new outputs do not speak before they have learned to
        new.bias.fill_(float(old.bias.min()))
        new.weight[list(places)] = old.weight
        new.bias[list(places)] = old.bias
    return SteadyNet(net.fit_sides, net.net, net.anatomy, net.changes, True).eval()


class KeepingLoss(nn.Module):
    """Cross-entropy or squared error, and the distance of the old outputs from those of the old net.

    Parameters
    ----------
    places : tuple of int
        Old classes among the outputs; empty for a regression.
    strength : float
        Weight of the second part.
    reduction : str
        Ignored; a loss for each row is returned.
    """

    def __init__(self, places: tuple[int, ...] = (), strength: float = 1.0, reduction: str = "none"):
        super().__init__()
        self.places, self.strength = places, strength

    def forward(self, outputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        truth, teacher = target[:, 0], target[:, 1:]
        if not self.places:
            return (outputs[:, 0] - truth) ** 2 + self.strength * (outputs[:, 0] - teacher[:, 0]) ** 2
        loss = F.cross_entropy(outputs, truth.long(), reduction="none")
        kept = F.log_softmax(outputs[:, list(self.places)] / _TEMPERATURE, dim=1)
        asked = F.softmax(teacher / _TEMPERATURE, dim=1)
        return loss + self.strength * _TEMPERATURE**2 * F.kl_div(kept, asked, reduction="none").sum(1)


class _Rehearsing(_FineTuning):
    """What both share: targets that carry the old net's outputs, and no new statistics."""

    _loss: type[nn.Module] = KeepingLoss

    def _train(
        self, X: np.ndarray, target: torch.Tensor, n_outputs: int, sample_weight: Any, deadline: Deadline | None
    ) -> None:
        teacher = torch.from_numpy(outputs_of(self.module__source.module, X).astype(np.float32))
        told = torch.cat([target.float().reshape(len(target), 1), teacher], dim=1)
        super()._train(X, told, n_outputs, sample_weight, deadline)

    def _settle_norms(self, X: torch.Tensor, order: torch.Tensor, size: int) -> None:
        return


class RehearsingClassifier(_Rehearsing, FineTuneClassifier):
    """A classifier that goes on from another one.

    Parameters
    ----------
    labels : ndarray
        Old and new ones, sorted.
    *args, **kwargs
        As for :class:`autoarch._training.pretrained.fine_tuning.FineTuneClassifier`.
    """

    def __init__(self, module: Any = grown_net, *args: Any, labels: Any = None, **kwargs: Any):
        super().__init__(module, *args, **kwargs)
        self.labels = labels

    def fit(
        self, X: np.ndarray, y: np.ndarray, sample_weight: Any = None, deadline: Deadline | None = None
    ) -> RehearsingClassifier:
        """Train until ``max_epochs`` or the deadline, whichever comes first."""
        self.classes_inferred_ = np.asarray(self.labels)
        codes = torch.from_numpy(np.searchsorted(self.classes_inferred_, y))
        self._train(X, codes, len(self.classes_inferred_), sample_weight, deadline)
        return self


class RehearsingRegressor(_Rehearsing, FineTuneRegressor):
    """A regressor that goes on from another one, in its units.

    Parameters
    ----------
    units : tuple of float
        Mean and deviation that the old one scaled y by.
    *args, **kwargs
        As for :class:`autoarch._training.pretrained.fine_tuning.FineTuneRegressor`.
    """

    def __init__(self, module: Any = grown_net, *args: Any, units: tuple[float, float] = (0.0, 1.0), **kwargs: Any):
        super().__init__(module, *args, **kwargs)
        self.units = units

    def fit(
        self, X: np.ndarray, y: np.ndarray, sample_weight: Any = None, deadline: Deadline | None = None
    ) -> RehearsingRegressor:
        """Train until ``max_epochs`` or the deadline, whichever comes first."""
        self.y_mean_, self.y_scale_ = self.units
        target = torch.from_numpy((np.asarray(y, dtype=np.float64) - self.y_mean_) / self.y_scale_)
        self._train(X, target, 1, sample_weight, deadline)
        return self
