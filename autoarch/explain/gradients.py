"""What the gradients of nets say: integrated from a baseline to the row [1]_, or at the last convolutions [2]_.

References
----------
.. [1] M. Sundararajan, A. Taly, Q. Yan, "Axiomatic attribution for deep networks", ICML 2017.
.. [2] R. R. Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based localization",
   ICCV 2017.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from autoarch._core.imports import require
from autoarch._core.progress import Progress
from autoarch.explain.background import Donors
from autoarch.explain.model import Subject
from autoarch.explain.pullback import Attribution, Member, UntraceableError, back, is_net, members_of

if TYPE_CHECKING:
    import torch

FIRST_STEPS, MOST_STEPS = 32, 512  # of the integral: twice as many until it is exact to
WITHIN = 0.008  # of the difference of the outputs, a little better than what is promised,
FLOOR = 1.0  # or of this many logits or deviations of y, where that difference is nearly nothing
LEAST_SIDE = 4  # cells of a map of Grad-CAM; the last maps of nets for 8 x 8 cells have two, and show nothing
MOST_INPUTS = 2**21  # values in one batch of gradients


class Net:
    """A fitted net as a differentiable function of what it sees."""

    def __init__(self, member: Member, subject: Subject):
        self.member, self.subject, self.model = member, subject, member.model
        self.module = self.model.module_.eval()
        self.scale = float(getattr(self.model, "y_scale_", 1.0))
        self.shift = float(getattr(self.model, "y_mean_", 0.0))
        self.classes = None if subject.classes is None else np.asarray(self.model.classes_)

    def tensor(self, given: Any) -> torch.Tensor:
        """What the net sees of some rows."""
        import torch

        seen = np.require(self.member.sees(given), np.float32, ["C", "W"])
        return torch.from_numpy(seen).to(self.model.device)

    def outputs(self, seen: torch.Tensor) -> torch.Tensor:
        """Logits, with a column for each class that the net knows, or numbers in the units of y."""
        said = self.module(seen)
        said = said[0] if isinstance(said, tuple) else said
        said = said.reshape(len(said), -1)
        if self.classes is None:
            return said * self.scale + self.shift
        if said.shape[1] == 1:
            import torch

            return torch.cat([-said, said], dim=1)
        return said

    def targets(self, target: np.ndarray) -> np.ndarray:
        """Columns of its outputs, -1 for a class that it has never seen."""
        if self.classes is None or self.subject.classes is None:
            return target
        labels = self.subject.classes[target]
        places = np.searchsorted(self.classes, labels)
        there = np.isin(labels, self.classes)
        return np.where(there, np.minimum(places, len(self.classes) - 1), -1)


def nets_of(subject: Subject) -> list[Net]:
    """The nets behind the answers.

    Raises
    ------
    UntraceableError
        If one of the models is no net.
    """
    members = members_of(subject)
    for member in members:
        if not is_net(member.model):
            raise UntraceableError(f"{type(member.model).__name__} has no gradients")
    return [Net(member, subject) for member in members]


def integrated(
    subject: Subject, donors: Donors, target: np.ndarray, n_repeats: int, rng: np.random.Generator, progress: Progress
) -> Attribution:
    """Integrated gradients of the logit of the target, or of the prediction.

    Raises
    ------
    UntraceableError
        If the winner is no net, or its inputs cannot be handed back to columns of X.
    MissingExtraError
        If captum is not installed.
    """
    nets = nets_of(subject)
    shares = [back(net.member, subject) for net in nets]
    require("captum", extra="explain", purpose="method='gradients'")
    n, parts, weights = len(subject.pool), [], []
    outputs, base = np.zeros(n), np.zeros(n)
    for number, (net, share) in enumerate(zip(nets, shares, strict=True)):
        for _ in range(n_repeats):
            rows, part = donors.rows(n, rng), np.zeros((n, len(subject.columns)))
            for some, seen, chosen in _batches(net, target, FIRST_STEPS):
                stand_ins = net.tensor(donors.pool.take(rows[some]).given())
                found, ends = _integral(net, seen, stand_ins, chosen)
                part[some] = share.T.dot(found.reshape(len(found), -1).T).T
                outputs[some] += net.member.weight / n_repeats * ends[0]
                base[some] += net.member.weight / n_repeats * ends[1]
                progress.say(f"explaining, net {number + 1} of {len(nets)}, row {some[-1] + 1} of {n}")
            parts.append(part)
            weights.append(net.member.weight / n_repeats)
    units = "logit of the target" if subject.classes is not None else "units of y"
    return Attribution(np.stack(parts), np.array(weights), outputs, base, units)


def _integral(
    net: Net, seen: torch.Tensor, stand_ins: torch.Tensor, chosen: np.ndarray
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Attributions and the outputs at both ends; steps are doubled for the rows where these do not agree."""
    import torch
    from captum.attr import IntegratedGradients

    target = torch.as_tensor(chosen, device=seen.device)
    with torch.no_grad():
        ends = [net.outputs(rows).gather(1, target[:, None])[:, 0].double() for rows in (seen, stand_ins)]
    difference, found = ends[0] - ends[1], torch.zeros(seen.shape, dtype=torch.float64)
    left, steps = torch.arange(len(seen)), FIRST_STEPS
    method = IntegratedGradients(net.outputs)
    while len(left):
        for some in left.split(max(1, MOST_INPUTS // (steps * max(1, seen[0].numel())))):
            at = some.to(seen.device)
            part = method.attribute(seen[at], stand_ins[at], target=target[at], n_steps=steps)
            found[some] = part.detach().double().cpu()
        error = (found[left].flatten(1).sum(dim=1) - difference[left].cpu()).abs()
        steps *= 2
        if steps > MOST_STEPS:
            break
        left = left[error > WITHIN * difference[left].cpu().abs().clamp(min=FLOOR * net.scale)]
    return found.numpy(), (ends[0].cpu().numpy(), ends[1].cpu().numpy())


def _batches(net: Net, target: np.ndarray, steps: int) -> Iterator[tuple[np.ndarray, torch.Tensor, np.ndarray]]:
    """Rows whose target the net knows, what it sees of them, and the column of its outputs."""
    columns = net.targets(target)
    known = np.flatnonzero(columns >= 0)
    pool = net.subject.pool
    size = max(1, 4 * MOST_INPUTS // (steps * pool.n_columns))
    for start in range(0, len(known), size):
        some = known[start : start + size]
        yield some, net.tensor(pool.take(some).given()), columns[some]


def gradcam(subject: Subject, target: np.ndarray, progress: Progress) -> Attribution:
    """Grad-CAM of the logit of the target, stretched from the last convolutions over the cells.

    Raises
    ------
    UntraceableError
        If the winner is no convolutional net, or its cells are not those of X.
    MissingExtraError
        If captum is not installed.
    """
    nets = nets_of(subject)
    layers = [_last_convolution(net) for net in nets]
    cells = subject.columns.cells
    if cells is None:
        raise UntraceableError("X has no layout here, and a map needs cells")
    require("captum", extra="explain", purpose="method='gradcam'")
    from captum.attr import LayerAttribution, LayerGradCam

    n, parts = len(subject.pool), []
    outputs = np.zeros(n)
    for number, (net, layer) in enumerate(zip(nets, layers, strict=True)):
        part = np.zeros((n, len(subject.columns)))
        for some, seen, chosen in _batches(net, target, 1):
            if tuple(seen.shape[2:]) != cells.shape[1:]:
                raise UntraceableError(f"the net sees grids of {tuple(seen.shape[2:])} cells, X has {cells.shape[1:]}")
            maps = LayerGradCam(net.outputs, layer).attribute(seen, target=chosen.tolist(), relu_attributions=True)
            maps = LayerAttribution.interpolate(maps, cells.shape[1:], "bilinear")
            maps = maps[:, 0].detach().cpu().numpy().astype(np.float64)
            for plane in cells:  # its channels share the value of a place
                part[np.ix_(some, plane[plane >= 0])] += maps[:, plane >= 0] / len(cells)
            outputs[some] += net.member.weight * _said(net, seen, chosen)
            progress.say(f"explaining, net {number + 1} of {len(nets)}, row {some[-1] + 1} of {n}")
        parts.append(part)
    weights = np.array([net.member.weight for net in nets])
    return Attribution(np.stack(parts), weights, outputs, np.full(n, np.nan), "activation times gradient")


def _said(net: Net, seen: torch.Tensor, chosen: np.ndarray) -> np.ndarray:
    import torch

    with torch.no_grad():
        return net.outputs(seen).cpu().numpy()[np.arange(len(chosen)), chosen]


def _last_convolution(net: Net) -> Any:
    """The last layer whose map still has some cells along its longer side."""
    import torch

    from autoarch._training.conv_net import ConvNet

    layers: list[Any] = [layer for layer in net.module.modules() if isinstance(layer, torch.nn.Conv2d)]
    if isinstance(net.module, ConvNet):
        layers = list(net.module.blocks.children())
    if not layers:
        raise UntraceableError(f"{type(net.module).__name__} has no convolutions")
    sides: dict[Any, int] = {}
    hooks = [
        layer.register_forward_hook(lambda layer, _, maps: sides.update({layer: max(maps.shape[2:])}))
        for layer in layers
    ]
    with torch.no_grad():
        net.outputs(net.tensor(net.subject.pool.take(slice(0, 1)).given()))
    for hook in hooks:
        hook.remove()
    fine = [layer for layer in layers if sides[layer] >= LEAST_SIDE]
    return fine[-1] if fine else layers[0]
