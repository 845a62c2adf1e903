"""Four ways to use a pretrained net on new rows: as it is, frozen, fine-tuned, or its architecture from scratch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator

from autoarch._core.clock import Deadline
from autoarch._data.layout import Layout
from autoarch._search.scoring import Predictions, Scorer
from autoarch._training.conv_net import ConvNet
from autoarch._training.device import seeded
from autoarch._training.loop import ArrayNetClassifier, ArrayNetRegressor, batch_norms
from autoarch._training.pretrained.adapt import adapt, channels_of, random_twin, sizings
from autoarch._training.pretrained.fine_tuning import (
    INPUTS,
    FineTuneClassifier,
    FineTuneRegressor,
    scaler_for,
    transfer_net,
)
from autoarch._training.pretrained.inspect import TransferNet, examine, features_of, outputs_of
from autoarch._training.pretrained.measures import log_maximum_evidence
from autoarch._training.pretrained.source import Pretrained
from autoarch._training.scalers import GridScaler
from autoarch.exceptions import ParameterError
from autoarch.families.net_settings import TRAINING, lengths
from autoarch.transfer.references import Predict, linear_head, predictor

AS_IS, FROZEN, FINE_TUNED, FROM_SCRATCH = "as is", "frozen", "fine-tuned", "from scratch"
WAYS = (AS_IS, FROZEN, FINE_TUNED, FROM_SCRATCH)

_RATE_WITH_NORMS, _RATE_WITHOUT = 1e-2, 1e-3  # nets without batch norm diverge at the rates that others like best
_ENOUGH_ROWS = 500  # to choose how inputs are brought to the net
_CLEARLY = 3.0  # of log-evidence, odds of 20 to 1


@dataclass(frozen=True, eq=False)
class Setting:
    """The net, the data's shape and the effort, which all ways on all splits share.

    Parameters
    ----------
    source : Pretrained
        The net.
    layout : Layout
        Cells behind the columns.
    classes : ndarray or None
        Sorted labels; None for a regression.
    kept_outputs : ndarray of int or None
        Outputs of the net that stand for ``classes``; None where it cannot be taken as it is.
    channels, inputs, sizing : str
        How the net is fitted to the grids; "auto" for what the training rows say.
    steps : int or None
        Of each training.
    seconds : float or None
        Of each training.
    seed : int
        Of all that is random.
    scoring : str, callable or None
        What the net as it is is compared by.
    """

    source: Pretrained
    layout: Layout
    classes: np.ndarray | None
    kept_outputs: np.ndarray | None = None
    channels: str = "auto"
    inputs: str = "auto"
    sizing: str = "auto"
    steps: int | None = None
    seconds: float | None = None
    seed: int = 0
    scoring: Any = None


@dataclass(frozen=True, eq=False)
class Prepared:
    """Scale and sides in which the rows of one split are brought to the net, for one of the ways.

    Parameters
    ----------
    inputs : {"source", "own", "sample"}
        Scaled as its own data were (or left as they are), by the statistics of these, or each sample by its own.
    sizing : str
        One of those of ``adapt``.
    scaler : fitted transformer
        Flat rows to inputs.
    net : TransferNet
        The net, with its own head where that stands for the labels.
    logme : float
        LogME of its features on the training rows; from scratch, of those that it has with random weights.
    """

    inputs: str
    sizing: str
    scaler: GridScaler
    net: TransferNet
    logme: float


def kept_outputs(
    source: Pretrained, shape: tuple[int, int, int], labels: np.ndarray | None, classes: Sequence[Any] | None
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Outputs that stand for the labels, in their order, and the assumptions and omissions that this took."""
    ways = sizings(source, shape)
    anatomy = examine(source.module, (channels_of(source), *next(iter(ways.values()))))
    n_outputs = anatomy.n_outputs
    if labels is not None and n_outputs == 1 and source.y_mean is None:
        n_outputs = 2  # a single logit, that of the second label
    if classes is not None and len(classes) != n_outputs:
        raise ParameterError(f"classes={list(classes)!r} names {len(classes)} labels; the net has {n_outputs} outputs.")
    if labels is None:
        if n_outputs == 1 and source.classes is None and anatomy.squash is None:
            return np.zeros(1, dtype=int), ()
        return None, ("as it is: the net predicts classes, y holds numbers",)
    known = source.classes if classes is None else np.asarray(classes)
    doubts: tuple[str, ...] = ()
    if known is None and n_outputs == len(labels):
        known, doubts = labels, ("the net does not tell its labels; its outputs were taken for those of y, sorted",)
    if known is None:
        return None, (f"as it is: the net has {n_outputs} outputs, y has {len(labels)} classes",)
    place = {label: number for number, label in enumerate(known.tolist())}
    unknown = [label for label in labels.tolist() if label not in place]
    if unknown:
        return None, (f"as it is: the net does not know {len(unknown)} of the labels, such as {unknown[0]!r}",)
    return np.array([place[label] for label in labels.tolist()]), doubts


def keeps_head(setting: Setting, prepared: Prepared) -> bool:
    """Tell whether the outputs of the net are those of the labels, all of them and in their order."""
    kept = setting.kept_outputs
    return kept is not None and np.array_equal(kept, np.arange(prepared.net.anatomy.n_outputs))


def changes_of(setting: Setting, prepared: Prepared) -> tuple[str, ...]:
    """List the changes for fine-tuning, which replaces a head whose outputs are not the labels in their order."""
    if setting.kept_outputs is None or keeps_head(setting, prepared):
        return prepared.net.changes
    n_outputs = 1 if setting.classes is None else len(setting.classes)
    return (*prepared.net.changes, f"a new last layer: {prepared.net.anatomy.n_outputs} outputs became {n_outputs}")


def prepare(setting: Setting, X: np.ndarray, y: np.ndarray) -> dict[str, Prepared]:
    """Choose scale and sides for each way, by what the training rows say.

    The net as it is takes those with which it scores best on these rows, none of which it has been trained on here; its
    features those with which they carry most information about the labels (LogME); from scratch, likewise with random
    weights, on a scale of these data.
    """
    source, layout = setting.source, setting.layout
    rows = np.random.default_rng(setting.seed).permutation(len(X))[:_ENOUGH_ROWS]
    kinds = INPUTS if setting.inputs == "auto" else (setting.inputs,)
    own_kinds = [kind for kind in kinds if kind != "source"] or ["own"]
    scalers = {kind: scaler_for(kind, layout, source).fit(X) for kind in dict.fromkeys((*kinds, *own_kinds))}
    grids = {kind: scaler.transform(X[rows]) for kind, scaler in scalers.items()}
    nets = _nets(setting, next(iter(grids.values())).shape[1:])

    def evidence(features: np.ndarray) -> float:
        return log_maximum_evidence(features, y[rows], classification=setting.classes is not None)

    features = {(kind, sizing): features_of(net, grids[kind]) for kind in kinds for sizing, net in nets.items()}
    known = {place: evidence(values) for place, values in features.items()}
    places = dict.fromkeys((FROZEN, FINE_TUNED), _best(known, len(rows)))
    if setting.kept_outputs is not None:
        places[AS_IS] = max(features, key=lambda place: _fit_as_is(setting, nets[place[1]], features[place], y[rows]))
    sizing = places[FROZEN][1]
    with seeded(setting.seed):
        twin = random_twin(nets[sizing])
    of_twin = {(kind, sizing): evidence(features_of(twin, grids[kind])) for kind in own_kinds}
    places[FROM_SCRATCH] = _best(of_twin, len(rows))
    return {
        name: Prepared(*place, scalers[place[0]], nets[place[1]], (of_twin if name == FROM_SCRATCH else known)[place])
        for name, place in places.items()
    }


def mean_logme(prepared: Sequence[dict[str, Prepared]]) -> tuple[float, float]:
    """LogME of the net's features and of those of random weights, mean over the splits."""
    with_net, at_random = (float(np.mean([of[way].logme for of in prepared])) for way in (FROZEN, FROM_SCRATCH))
    return with_net, at_random


def _nets(setting: Setting, shape: tuple[int, ...]) -> dict[str, TransferNet]:
    """The net fitted to grids of this shape, for each way to bring them to its sides."""
    n_outputs = 1 if setting.classes is None else len(setting.classes)
    head = "new" if setting.kept_outputs is None else "keep"
    asked = list(sizings(setting.source, setting.layout.shape)) if setting.sizing == "auto" else [setting.sizing]
    nets = {}
    for sizing in asked:
        with seeded(setting.seed):
            nets[sizing] = adapt(
                setting.source,
                (shape[0], shape[1], shape[2]),
                n_outputs,
                n_cells=setting.layout.channels,
                channels=setting.channels,
                sizing=sizing,
                head=head,
            )
    return nets


def _best(evidence: dict[tuple[str, str], float], n_rows: int) -> tuple[str, str]:
    """Scale and sides of the largest evidence; a scale of each sample takes levels away, so it must be clearly best."""
    handicap = _CLEARLY / n_rows
    return max(evidence, key=lambda place: evidence[place] - (handicap if place[0] == "sample" else 0.0))


def _fit_as_is(setting: Setting, net: TransferNet, features: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Score of the net's own outputs, and what decides between equal scores."""
    head: Any = net.net.get_submodule(net.anatomy.head)
    weight = head.weight.detach().numpy().astype(np.float64)
    bias = 0.0 if head.bias is None else head.bias.detach().numpy()
    classes = setting.classes
    task = "regression" if classes is None else "classification"
    scorer = Scorer(setting.scoring, task, features, y, None, classes)
    predicted = Predictions(np.arange(len(y)), _read_outputs(setting, features @ weight.T + bias))
    score = scorer.score_or_nan(predicted)
    return (score if np.isfinite(score) else -np.inf), scorer.tie_break(predicted)


def _read_outputs(setting: Setting, outputs: np.ndarray) -> np.ndarray:
    """Outputs of the net as numbers in the units of y, or as probabilities of ``setting.classes``."""
    if setting.classes is None:
        return outputs[:, 0] * (setting.source.y_scale or 1.0) + (setting.source.y_mean or 0.0)
    if outputs.shape[1] == 1:  # that of the second label
        outputs = np.column_stack([np.zeros(len(outputs)), outputs])
    return softmax(outputs[:, setting.kept_outputs], axis=1)


def fit_way(name: str, setting: Setting, prepared: dict[str, Prepared], X: np.ndarray, y: np.ndarray) -> Predict:
    """Fit one of the ways on flat rows; the result turns rows into numbers, or probabilities of ``setting.classes``."""
    scaler, net = prepared[name].scaler, prepared[name].net
    if name == AS_IS:
        return lambda rows: _read_outputs(setting, outputs_of(net, scaler.transform(rows)))

    def inputs(rows: np.ndarray) -> np.ndarray:
        grids = scaler.transform(rows)
        return features_of(net, grids).astype(np.float64) if name == FROZEN else grids

    if name == FROZEN:
        model = linear_head(inputs(X), y, classification=setting.classes is not None, seed=setting.seed)
    else:
        model = _net(name, setting, prepared[name], len(X)).fit(inputs(X), y, deadline=Deadline(setting.seconds))
    return predictor(model, inputs, setting.classes)


def _net(name: str, setting: Setting, prepared: Prepared, n_rows: int) -> BaseEstimator:
    """The net to be trained; from scratch, ours is built anew for the shape, others keep the sides they can take."""
    source, classification = setting.source, setting.classes is not None
    builder: Any = transfer_net
    module: dict[str, Any] = {"source": source, "n_cells": setting.layout.channels}
    if name == FINE_TUNED:
        head = "keep" if keeps_head(setting, prepared) else "new"
        module |= {"channels": setting.channels, "sizing": prepared.sizing, "head": head}
        kind: Any = FineTuneClassifier if classification else FineTuneRegressor
    else:
        kind = ArrayNetClassifier if classification else ArrayNetRegressor
        if isinstance(source.module, ConvNet):
            builder = ConvNet
            module = {k: v for k, v in source.module.settings.items() if k not in ("input_shape", "n_outputs")}
        else:
            sizing = "native" if "native" in sizings(source, setting.layout.shape) else prepared.sizing
            module |= {"channels": "new", "sizing": sizing, "head": "new", "from_random": True}
    batch, _, n_epochs = lengths(n_rows, setting.steps)
    return kind(
        builder,
        lr=_RATE_WITH_NORMS if batch_norms(prepared.net) else _RATE_WITHOUT,
        max_epochs=n_epochs,
        batch_size=batch,
        seed=setting.seed,
        optimizer__weight_decay=TRAINING["decay"],
        **({"criterion__label_smoothing": TRAINING["smoothing"]} if classification else {}),
        **{f"module__{key}": value for key, value in module.items()},
    )
