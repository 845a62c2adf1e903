"""Four ways to use a pretrained net on new rows: as it is, frozen, fine-tuned, or its architecture from scratch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from autoarch._core.clock import Deadline
from autoarch._data.layout import Layout
from autoarch._search.evaluate import aligned
from autoarch._training.conv_net import ConvNet
from autoarch._training.device import seeded
from autoarch._training.loop import ArrayNetClassifier, ArrayNetRegressor, batch_norms
from autoarch._training.pretrained.adapt import adapt, random_twin, sizings
from autoarch._training.pretrained.fine_tuning import FineTuneClassifier, FineTuneRegressor, scaler_for, transfer_net
from autoarch._training.pretrained.inspect import TransferNet, features_of, outputs_of
from autoarch._training.pretrained.measures import log_maximum_evidence
from autoarch._training.pretrained.source import Pretrained
from autoarch._training.scalers import GridScaler
from autoarch.families.net_settings import TRAINING, lengths

AS_IS, FROZEN, FINE_TUNED, FROM_SCRATCH = "as is", "frozen", "fine-tuned", "from scratch"
WAYS = (AS_IS, FROZEN, FINE_TUNED, FROM_SCRATCH)

_RATE_WITH_NORMS, _RATE_WITHOUT = 1e-2, 1e-3  # nets without batch norm diverge at the rates that others like best
_STRENGTHS = (0.01, 0.1, 1.0)  # of the linear head's weights, LogisticRegression's C
_ENOUGH_ROWS = 500  # to choose how inputs are brought to the net

Predict = Callable[[np.ndarray], np.ndarray]


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


@dataclass(frozen=True, eq=False)
class Prepared:
    """Scale and sides in which the rows of one split are brought to the net, and LogME of its features there.

    Parameters
    ----------
    inputs : {"source", "own"}
        Scaled as its own data were (or left as they are), or by the statistics of these.
    sizing : str
        One of those of ``adapt``.
    scaler : fitted transformer
        Flat rows to inputs.
    net : TransferNet
        The net, with its own head where that stands for the labels.
    logme, logme_random : float
        LogME of its features, and of those of the same architecture with random weights.
    """

    inputs: str
    sizing: str
    scaler: GridScaler
    net: TransferNet
    logme: float
    logme_random: float


def keeps_head(setting: Setting, prepared: Prepared) -> bool:
    """Tell whether the outputs of the net are those of the labels, all of them and in their order."""
    kept = setting.kept_outputs
    return kept is not None and np.array_equal(kept, np.arange(prepared.net.anatomy.n_outputs))


def prepare(setting: Setting, X: np.ndarray, y: np.ndarray) -> Prepared:
    """Choose scale and sides so that the net's features say most about the labels of the training rows (LogME)."""
    source, layout = setting.source, setting.layout
    kinds = ("source", "own") if setting.inputs == "auto" else (setting.inputs,)
    ways = list(sizings(source, layout.shape)) if setting.sizing == "auto" else [setting.sizing]
    rows = np.random.default_rng(setting.seed).permutation(len(X))[:_ENOUGH_ROWS]
    n_outputs = 1 if setting.classes is None else len(setting.classes)

    head = "new" if setting.kept_outputs is None else "keep"
    fitting: dict[str, Any] = {"n_cells": layout.channels, "channels": setting.channels, "head": head}

    def evidence(net: TransferNet, grids: np.ndarray) -> float:
        return log_maximum_evidence(features_of(net, grids), y[rows], classification=setting.classes is not None)

    tried = []
    for kind in kinds:
        scaler = scaler_for(kind, layout, source).fit(X)
        grids = scaler.transform(X[rows])
        for way in ways:
            with seeded(setting.seed):
                net = adapt(source, grids.shape[1:], n_outputs, sizing=way, **fitting)
            tried.append((evidence(net, grids), kind, way, scaler, net, grids))
    logme, kind, way, scaler, net, grids = max(tried, key=lambda one: one[0])
    with seeded(setting.seed):
        twin = random_twin(net)
    return Prepared(kind, way, scaler, net, logme, evidence(twin, grids))


def fit_way(name: str, setting: Setting, prepared: Prepared, X: np.ndarray, y: np.ndarray) -> Predict:
    """Fit one of the ways on flat rows; the result turns rows into numbers, or probabilities of ``setting.classes``."""
    if name == AS_IS:
        return _as_is(setting, prepared)
    classes = setting.classes
    scaler = GridScaler(setting.layout).fit(X) if name == FROM_SCRATCH else prepared.scaler

    def inputs(rows: np.ndarray) -> np.ndarray:
        grids = scaler.transform(rows)
        return features_of(prepared.net, grids).astype(np.float64) if name == FROZEN else grids

    if name == FROZEN:
        model = linear_head(inputs(X), y, classification=classes is not None, seed=setting.seed)
    else:
        model = _net(name, setting, prepared, len(X)).fit(inputs(X), y, deadline=Deadline(setting.seconds))
    if classes is None:
        return lambda rows: model.predict(inputs(rows))
    return lambda rows: aligned(model.predict_proba(inputs(rows)), model.classes_, classes)


def _as_is(setting: Setting, prepared: Prepared) -> Predict:
    source, scaler, net, kept = setting.source, prepared.scaler, prepared.net, setting.kept_outputs
    if setting.classes is None:
        level, unit = source.y_mean or 0.0, source.y_scale or 1.0
        return lambda rows: outputs_of(net, scaler.transform(rows))[:, 0] * unit + level

    def proba(rows: np.ndarray) -> np.ndarray:
        logits = outputs_of(net, scaler.transform(rows))
        if logits.shape[1] == 1:  # that of the second label
            logits = np.column_stack([np.zeros(len(logits)), logits])
        return softmax(logits[:, kept], axis=1)

    return proba


def linear_head(features: np.ndarray, y: np.ndarray, *, classification: bool, seed: int) -> Any:
    """A linear model of standardised features; its strength is chosen on a fifth of the rows."""
    if not classification:
        return make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 5, 13))).fit(features, y)
    order = np.random.default_rng(seed).permutation(len(y))
    held_out, rest = order[: len(y) // 5], order[len(y) // 5 :]

    model = make_pipeline(StandardScaler(), LogisticRegression(C=_STRENGTHS[1], max_iter=200))
    if len(held_out) and len(np.unique(y[rest])) > 1:
        model = GridSearchCV(model, {"logisticregression__C": _STRENGTHS}, cv=[(rest, held_out)])
    return model.fit(features, y)


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
