"""Several nets of one kind trained at once, as one: on an accelerator a step of a small net is all launches."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from autoarch._core.clock import Deadline
from autoarch._training.batches import Batch, Batches
from autoarch._training.device import TRIAL_STEPS, bf16_is_faster, seconds_of, seeded
from autoarch._training.loop import ArrayNetClassifier, ArrayNetLabels, ArrayNetRegressor, ArrayTraining, set_rates
from autoarch._training.muon import Muon
from autoarch._training.time_limited import Schedule

_FASTER = 0.9  # of the seconds that steps of single nets take, a step of all of them may take at most
_TRIAL_SHARE = 0.05  # of the time left that a few steps of either kind may take


def fit_together(
    nets: Sequence[Any], Xs: Sequence[np.ndarray], y: np.ndarray, sample_weight: Any, deadline: Deadline
) -> bool:
    """Train nets that differ in their seed, each as its own ``fit`` would; not where that takes longer.

    Every net has its own weights, batches and losses, and the steps that it would take alone; only what is drawn by
    dropout differs.

    Parameters
    ----------
    nets : sequence of ArrayTraining
        Not fitted.
    Xs : sequence of ndarray
        Rows as each net reads them.
    y : ndarray of shape (n,) or (n, k)
        Labels or values.
    sample_weight : ndarray of shape (n,) or None
        Weights of the rows.
    deadline : Deadline
        Of all trainings.

    Returns
    -------
    bool
        Whether they were trained. Without a deadline they are not, so that no result hangs on the clock.

    Raises
    ------
    TooSlowError
        If less than the ``least_share`` of a net could be done before the deadline.
    """
    if deadline.unlimited or not _are_alike(nets, Xs):
        return False
    rows = [_begun(net, X, y, sample_weight) for net, X in zip(nets, Xs, strict=True)]
    with seeded(nets[0].seed, nets[0].device):
        if not _is_faster(nets, _batches(nets, rows), deadline):
            return False
        _train(nets, _batches(nets, rows), deadline)
    return True


def _begun(net: ArrayTraining, X: np.ndarray, y: np.ndarray, sample_weight: Any) -> tuple[Any, torch.Tensor, Any]:
    """Build a net for its rows; return these as tensors on its device."""
    with seeded(net.seed, net.device):
        target, weight = net.begin(X, y, sample_weight)
    net.module_.train()
    return net._on_device(X), target.to(net.device), weight


def _batches(nets: Sequence[ArrayTraining], rows: Sequence[tuple[Any, torch.Tensor, Any]]) -> list[Batches]:
    """Batches of each net, from the first one on."""
    return [net.batches(*own) for net, own in zip(nets, rows, strict=True)]


def _are_alike(nets: Sequence[Any], Xs: Sequence[Any]) -> bool:
    """Tell whether nets may be trained as one: of one class of ours and one setting but for the seed, on such rows."""
    kind, known = type(nets[0]), (ArrayNetClassifier, ArrayNetRegressor, ArrayNetLabels)
    if len(nets) < 2 or kind not in known or nets[0].callbacks != "disable":
        return False
    first, *others = (_settings(net) for net in nets)
    arrays = all(isinstance(X, np.ndarray) and X.shape == Xs[0].shape for X in Xs)
    return arrays and all(type(net) is kind for net in nets) and all(other == first for other in others)


def _settings(net: ArrayTraining) -> str:
    settings = net.get_params()
    return repr({name: settings[name] for name in settings if name != "seed" and not name.startswith("callbacks__")})


class StackedNets:
    """Weights of several nets of one architecture, stacked, and an optimizer for all of them.

    Parameters
    ----------
    nets : sequence of ArrayTraining
        With modules of the same shape.
    """

    def __init__(self, nets: Sequence[ArrayTraining]):
        self.nets = nets
        self.weights, self.buffers = torch.func.stack_module_state([net.module_ for net in nets])
        self.module = copy.deepcopy(nets[0].module_).to("meta")
        first = nets[0]
        args, settings = first.get_params_for_optimizer("optimizer", list(self.weights.items()))
        if issubclass(first.optimizer, Muon):
            settings["stacked"] = True
        self.optimizer = first.optimizer(*args, **settings)

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """Outputs of each net for inputs of its own, of shape (nets, n, ...)."""
        return torch.func.vmap(self._of_one, randomness="different")(self.weights, self.buffers, inputs)

    def _of_one(self, weights: Any, buffers: Any, inputs: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = torch.func.functional_call(self.module, (weights, buffers), (inputs,))
        return outputs

    def losses(self, batches: Sequence[Batch], *, bf16: bool = False) -> torch.Tensor:
        """Loss of each net on its batch."""
        inputs = torch.stack([batch.inputs for batch in batches])
        with torch.autocast(inputs.device.type, dtype=torch.bfloat16, enabled=bf16):
            outputs = self(inputs)
        outputs = outputs.float()
        each = zip(self.nets, outputs, batches, strict=True)
        return torch.stack([net.loss_of(own, batch) for net, own, batch in each])

    def give_back(self) -> None:
        """Put the weights into the modules of the nets."""
        with torch.no_grad():
            for place, net in enumerate(self.nets):
                state = {**self.weights, **self.buffers}
                net.module_.load_state_dict({name: values[place] for name, values in state.items()})


def _train(nets: Sequence[ArrayTraining], batches: Sequence[Batches], deadline: Deadline) -> None:
    stacked, first = StackedNets(nets), nets[0]
    schedule = Schedule(first.max_epochs * len(batches[0]), deadline, first.least_share)
    bf16 = bf16_is_faster(first.module_, batches[0].X[: batches[0].size], schedule.n_steps, deadline)
    while not schedule.over:
        for net, each in zip(nets, batches, strict=True):
            net.history.new_epoch()
            each.epoch(len(net.history))
        seen = []
        for number in range(len(batches[0])):
            if schedule.over:
                break
            set_rates(stacked.optimizer, first.lr, schedule.progress)
            stacked.optimizer.zero_grad(set_to_none=True)
            losses = stacked.losses([each.draw(number) for each in batches], bf16=bf16)
            losses.sum().backward()  # each net's own gradients
            stacked.optimizer.step()
            seen.append(losses.detach())
            schedule.advance()
        means = torch.stack(seen).mean(dim=0).tolist() if seen else []
        for net, loss in zip(nets if seen else (), means, strict=True):
            net.record(loss)
    stacked.give_back()
    for net, each in zip(nets, batches, strict=True):
        net.bf16_ = bf16
        net.end(each, schedule)


def _is_faster(nets: Sequence[ArrayTraining], batches: Sequence[Batches], deadline: Deadline) -> bool:
    """Time a few steps of all nets as one, and one after the other; they are left as they were."""
    states = [copy.deepcopy(net.module_.state_dict()) for net in nets]
    for each in batches:
        each.epoch(0)
    stacked, drawn = StackedNets(nets), [each.draw(0) for each in batches]

    def together() -> None:
        stacked.losses(drawn).sum().backward()

    def apart() -> None:
        for net, batch in zip(nets, drawn, strict=True):
            net.loss_of(net.module_(batch.inputs), batch).backward()

    device = str(drawn[0].inputs.device)
    alone = seconds_of(apart, device, most=_TRIAL_SHARE / 2 * deadline.left)
    as_one = seconds_of(together, device, most=TRIAL_STEPS * alone) if math.isfinite(alone) else math.inf
    for net, state in zip(nets, states, strict=True):
        net.module_.load_state_dict(state)  # statistics of norms have moved
        net.module_.zero_grad(set_to_none=True)
    return as_one < _FASTER * alone
