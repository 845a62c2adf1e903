"""Attribution from inside a model: integrated gradients [1]_ and activation maps of nets, Shapley values of trees [3]_.

Grad-CAM weighs each channel by the mean of its gradients. A net whose last layer tells regions apart has other
gradients in each, and their mean points nowhere; here each place has its own weight, as in [2]_.

References
----------
.. [1] M. Sundararajan, A. Taly, Q. Yan, "Axiomatic attribution for deep networks", ICML 2017.
.. [2] R. L. Draelos, L. Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural
   networks", arXiv:2011.08891, 2020.
.. [3] S. M. Lundberg et al., "From local explanations to global understanding with explainable AI for trees", Nature
   Machine Intelligence 2, 56-67, 2020; by the package shap.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import ensemble, tree

from autoarch._core.imports import require
from autoarch._training.boosters import CodedClassifier
from autoarch._training.grid_extents import GridExtent, middle_of, sides_of
from autoarch.explain.model import Query
from autoarch.explain.pullback import Attribution, Member, UntraceableError, pull_back

if TYPE_CHECKING:
    import torch

FIRST_STEPS, MOST_STEPS = 32, 512  # of the integral: twice as many until it is exact to
WITHIN = 0.008  # of the difference of the outputs, a little better than what is promised,
FLOOR = 1.0  # or of this many logits or deviations of y, where that difference is nearly nothing
LEAST_SIDE = 4  # cells of a map of Grad-CAM; the last maps of nets for 8 x 8 cells have two, and show nothing
MOST_INPUTS = 2**21  # values in one batch of gradients
_MOST_VALUES = 12_000_000  # in all passes through the nets of an ensemble; with more, fewer of them are used
_VOTING = (ensemble.ExtraTreesClassifier, ensemble.RandomForestClassifier, tree.DecisionTreeClassifier)
_AVERAGING = (ensemble.ExtraTreesRegressor, ensemble.RandomForestRegressor, tree.DecisionTreeRegressor)
_BOOSTING = (ensemble.GradientBoostingClassifier, ensemble.GradientBoostingRegressor)
_HISTOGRAM = (ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor)
_PACKAGES = ("lightgbm", "xgboost", "catboost")


class _Net:
    """A fitted net as a differentiable function of its inputs."""

    def __init__(self, member: Member, query: Query, words: str):
        self.member, self.query, self.words = member, query, words
        self.rows, self.model = query.model.rows, member.model
        self.classification = query.model.classes is not None
        self.targets = query.target_among(getattr(self.model, "classes_", None))
        self.module = self.model.module_.eval()
        self.scale = float(getattr(self.model, "y_scale_", 1.0))
        self.shift = float(getattr(self.model, "y_mean_", 0.0))

    def inputs(self, rows: Any) -> torch.Tensor:
        """Inputs of the net for some rows."""
        import torch

        inputs = np.require(self.member.inputs(rows.data), np.float32, ["C", "W"])
        return torch.from_numpy(inputs).to(self.model.device)

    def outputs(self, inputs: torch.Tensor) -> torch.Tensor:
        """Logits, with a column for each class that the net has seen, or numbers in the units of y."""
        import torch

        outputs = self.module(inputs)
        outputs = outputs[0] if isinstance(outputs, tuple) else outputs
        outputs = outputs.reshape(len(outputs), -1)
        if not self.classification:
            return outputs * self.scale + self.shift
        return torch.cat([-outputs, outputs], dim=1) if outputs.shape[1] == 1 else outputs

    def outputs_of(self, inputs: torch.Tensor, columns: np.ndarray) -> torch.Tensor:
        """Outputs in one column for each row, without gradients."""
        import torch

        with torch.no_grad():
            at = torch.as_tensor(columns, device=inputs.device)[:, None]
            return self.outputs(inputs).gather(1, at)[:, 0].double()

    def batches(self, steps: int) -> Iterator[tuple[np.ndarray, torch.Tensor, np.ndarray]]:
        """Rows whose target the net has seen, its inputs for them, and the column of its outputs."""
        known = np.flatnonzero(self.targets >= 0)
        size = max(1, 4 * MOST_INPUTS // (steps * self.rows.n_columns))
        for start in range(0, len(known), size):
            some = known[start : start + size]
            yield some, self.inputs(self.rows.take(some)), self.targets[some]
            self.query.progress.say(f"explaining, {self.words}, row {some[-1] + 1} of {len(self.rows)}")


def _nets_of(query: Query) -> list[_Net]:
    members, skorch = query.model.members(), sys.modules.get("skorch")  # a fitted net has loaded it
    for member in members:
        if skorch is None or not isinstance(member.model, skorch.NeuralNet):
            raise UntraceableError(f"{type(member.model).__name__} has no gradients")
    return [_Net(member, query, f"net {number} of {len(members)}") for number, member in enumerate(members, start=1)]


def reads_by_convolutions(query: Query) -> bool:
    """Tell whether all models are nets with convolutions."""
    try:
        return all(_convolutions(net) for net in _nets_of(query))
    except UntraceableError:
        return False


def with_affordable_nets(query: Query) -> Query:
    """Limit the query to as many models of folds or seeds as gradients are quick for."""
    passes = 3 * FIRST_STEPS * len(query.model.rows) * query.model.rows.n_columns  # backwards costs twice forwards
    return replace(query, model=query.model.limited_to(max(1, _MOST_VALUES // passes)))


def integrated_gradients(query: Query) -> Attribution:
    """Integrated gradients of the logit of the target, or of the prediction.

    Raises
    ------
    UntraceableError
        If the model is no net, or its inputs cannot be pulled back to columns of X.
    MissingExtraError
        If captum is not installed.
    """
    nets, model = _nets_of(query), query.model
    shares = [pull_back(net.member.steps, model.columns.owners, len(model.columns)) for net in nets]
    require("captum", extra="explain", purpose="method='gradients'")
    background, baseline, n_repeats = query.find_background(affordable=False)
    n, parts, weights = len(model.rows), [], []
    outputs = np.zeros((2, n))  # for the rows, and for the baseline
    for net, share in zip(nets, shares, strict=True):
        for _ in range(n_repeats):
            drawn, part = query.rng.integers(len(background), size=n), np.zeros((n, len(model.columns)))
            weights.append(net.member.weight / n_repeats)
            for some, inputs, columns in net.batches(FIRST_STEPS):
                baselines = net.inputs(background.take(drawn[some]))
                ends = [net.outputs_of(rows, columns) for rows in (inputs, baselines)]
                found = _integral(net, inputs, baselines, columns, ends[0] - ends[1])
                part[some] = found.reshape(len(found), -1) @ share
                outputs[:, some] += weights[-1] * np.stack([end.cpu().numpy() for end in ends])
            parts.append(part)
    units = "logit of the target" if model.classes is not None else "units of y"
    sums = outputs[0], outputs[1], np.array(weights)
    return Attribution(np.stack(parts), units, *sums, baseline=baseline, models=model.models)


def _integral(
    net: _Net, inputs: torch.Tensor, baselines: torch.Tensor, columns: np.ndarray, difference: torch.Tensor
) -> np.ndarray:
    """Attributions to the inputs; steps are doubled for the rows where they do not sum to the difference."""
    import torch
    from captum.attr import IntegratedGradients

    target, difference = torch.as_tensor(columns, device=inputs.device), difference.cpu()
    found = torch.zeros(inputs.shape, dtype=torch.float64)
    left, steps = torch.arange(len(inputs)), FIRST_STEPS
    method = IntegratedGradients(net.outputs)
    while len(left) and steps <= MOST_STEPS:
        for some in left.split(max(1, MOST_INPUTS // (steps * max(1, inputs[0].numel())))):
            at = some.to(inputs.device)
            part = method.attribute(inputs[at], baselines[at], target=target[at], n_steps=steps)
            found[some] = part.detach().double().cpu()
        error = (found[left].flatten(1).sum(dim=1) - difference[left]).abs()
        left = left[error > WITHIN * difference[left].abs().clamp(min=FLOOR * net.scale)]
        steps *= 2
    return found.numpy()


def gradcam(query: Query) -> Attribution:
    """Activations times gradients of the target's logit, stretched from the last convolutions over the cells.

    Raises
    ------
    UntraceableError
        If the model is no convolutional net, or its cells are not those of X.
    MissingExtraError
        If captum is not installed.
    """
    nets, model = _nets_of(query), query.model
    layers, cells = [_convolutions(net) for net in nets], model.columns.cells
    if cells is None:
        raise UntraceableError("X has no layout here, and a map needs cells")
    require("captum", extra="explain", purpose="method='gradcam'")
    from captum.attr import LayerActivation, LayerAttribution, LayerGradientXActivation

    n, parts = len(model.rows), []
    outputs = np.zeros(n)
    for net, candidates in zip(nets, layers, strict=True):
        maps = LayerActivation(net.outputs, candidates).attribute(net.inputs(net.rows.take(slice(0, 1))))
        # The last layer whose map still has some cells along its longer side.
        large = [layer for layer, map_ in zip(candidates, maps, strict=True) if max(map_.shape[2:]) >= LEAST_SIDE]
        layer, part = (large or candidates[:1])[-1], np.zeros((n, len(model.columns)))
        for some, inputs, columns in net.batches(1):
            rows, across = _covered(net, tuple(inputs.shape[2:]), cells.shape[1:])
            products = LayerGradientXActivation(net.outputs, layer).attribute(inputs, target=columns.tolist())
            maps = products.sum(dim=1, keepdim=True).relu()
            whole = np.zeros((len(maps), *cells.shape[1:]))
            sides = whole[0, rows, across].shape
            whole[:, rows, across] = LayerAttribution.interpolate(maps, sides, "bilinear")[:, 0].detach().cpu().numpy()
            for plane in cells:  # its channels share the value of a place
                part[np.ix_(some, plane[plane >= 0])] += whole[:, plane >= 0] / len(cells)
            outputs[some] += net.member.weight * net.outputs_of(inputs, columns).cpu().numpy()
        parts.append(part)
    weights = np.array([net.member.weight for net in nets])
    return Attribution(np.stack(parts), "activation times gradient", outputs, weights=weights)


def _covered(net: _Net, sides: tuple[int, ...], whole: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of the grid behind X that the inputs of a net show."""
    step = next((step for step in net.member.steps if isinstance(step, GridExtent)), None)
    if sides != (whole if step is None else sides_of(step.extent, whole)):
        raise UntraceableError(f"the net sees grids of {sides} cells, X has {whole}")
    if step is None or step.extent != "middle":
        return slice(0, whole[0]), slice(0, whole[1])
    return middle_of(whole[0]), middle_of(whole[1])


def _convolutions(net: _Net) -> list[Any]:
    """Layers with maps, the last ones last."""
    import torch

    from autoarch._training.conv_net import ConvNet

    layers: list[Any] = [layer for layer in net.module.modules() if isinstance(layer, torch.nn.Conv2d)]
    if isinstance(net.module, ConvNet):
        layers = list(net.module.blocks.children())
    if not layers:
        raise UntraceableError(f"{type(net.module).__name__} has no convolutions")
    return layers


def tree_shap(query: Query) -> Attribution:
    """Shapley values of the target's margin, or of its probability where forests vote, or of the prediction.

    Raises
    ------
    UntraceableError
        If the model is no tree, or its columns cannot be pulled back to those of X.
    MissingExtraError
        If shap is not installed.
    """
    model, members = query.model, query.model.members()
    voting = {_votes(member) for member in members}
    if len(voting) > 1:
        raise UntraceableError("some of its trees give probabilities and some log-odds")
    shares = [pull_back(member.steps, model.columns.owners, len(model.columns)) for member in members]
    require("shap", extra="explain", purpose="method='shap'")
    found, weights = [], np.array([member.weight for member in members])
    for number, member in enumerate(members, start=1):
        query.progress.say(f"explaining, model {number} of {len(members)}")
        found.append(_shap_values(member, query))
    base = weights @ [expected for _, expected in found]
    outputs = base + weights @ [values.sum(axis=1) for values, _ in found]
    units = f"{'probability' if voting == {True} else 'log-odds'} of the target"
    if model.classes is None:
        units, predicted = "units of y", model.predictions[:, 0]
        if not np.allclose(outputs, predicted, rtol=1e-3, atol=1e-3 * max(float(np.ptp(predicted)), 1e-12)):
            raise UntraceableError("its trees add up to a logarithm of what it predicts, or the like")
    parts = np.stack([values @ share for (values, _), share in zip(found, shares, strict=True)])
    return Attribution(parts, units, outputs, base, weights, baseline="expectation over the paths of the trees")


def _trees(member: Member) -> Any:
    return member.model.estimator_ if isinstance(member.model, CodedClassifier) else member.model


def has_trees(member: Member) -> bool:
    """Tell whether a model is made of trees, which compare columns with thresholds."""
    trees = _trees(member)
    known = isinstance(trees, (*_VOTING, *_AVERAGING, *_BOOSTING, *_HISTOGRAM))
    return known or type(trees).__module__.partition(".")[0] in _PACKAGES


def _votes(member: Member) -> bool:
    """True for trees that vote with probabilities, False for log-odds; raises where shap cannot read them rightly."""
    trees = _trees(member)
    if not has_trees(member):
        raise UntraceableError(f"{type(trees).__name__} has no trees")
    if isinstance(trees, _HISTOGRAM) and getattr(trees, "is_categorical_", None) is not None:
        raise UntraceableError("shap does not read the splits of scikit-learn's boosting on categories")
    return isinstance(trees, _VOTING)


def _shap_values(member: Member, query: Query) -> tuple[np.ndarray, np.ndarray]:
    """Values (n, columns that the trees see) for the target of each row, and the expected output."""
    import shap

    trees = _trees(member)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of shap on its own ways
            explainer = shap.TreeExplainer(trees)
            values = np.asarray(explainer.shap_values(member.inputs(query.model.rows.data)))
    except Exception as error:  # shap raises bare exceptions for models it does not know
        raise UntraceableError(f"shap cannot read {type(trees).__name__}: {error}") from error
    expected = np.atleast_1d(np.asarray(explainer.expected_value, dtype=np.float64))
    if query.model.classes is None:
        return values.reshape(len(values), -1), np.full(len(values), expected[0])
    if values.ndim == 2:  # the margin of the second of two classes
        values, expected = np.stack([-values, values], axis=-1), np.array([-expected[-1], expected[-1]])
    columns = query.target_among(member.model.classes_)
    known = columns >= 0
    return values[np.arange(len(values)), :, columns] * known[:, None], expected[columns] * known
