"""What can be done with a pretrained net on new rows: take it as it is, frozen, fine-tuned, or its architecture alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from autoarch._core.clock import Deadline
from autoarch._data.layout import Layout
from autoarch._search.evaluate import aligned
from autoarch._training.conv_net import ConvNet
from autoarch._training.device import seeded
from autoarch._training.loop import ArrayNetClassifier, ArrayNetRegressor
from autoarch._training.pretrained.adapt import adapt, random_twin, sizings
from autoarch._training.pretrained.fine_tuning import (
    FineTuneClassifier,
    FineTuneRegressor,
    scaler_for,
    transfer_net,
)
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
    """What all ways on all splits share.

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

    @property
    def n_outputs(self) -> int:
        """What a head for these data gives."""
        return 1 if self.classes is None else len(self.classes)


@dataclass(frozen=True, eq=False)
class Prepared:
    """How the rows of one split are brought to the net, and how much its features tell there.

    Parameters
    ----------
    inputs : {"source", "own"}
        Scaled as its own data were (or left as they are), or by the statistics of these.
    sizing : str
        One of those of ``adapt``.
    scaler : fitted transformer
        Flat rows to inputs.
    net : TransferNet
        The net with a new head.
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
    """Whether the outputs of the net are those of the labels, all of them and in their order."""
    kept = setting.kept_outputs
    return kept is not None and np.array_equal(kept, np.arange(prepared.net.anatomy.n_outputs))


def prepare(setting: Setting, X: np.ndarray, y: np.ndarray) -> Prepared:
    """Choose scale and sides so that the net's features tell most about the labels of the training rows (LogME)."""
    source, layout = setting.source, setting.layout
    kinds = ("source", "own") if setting.inputs == "auto" else (setting.inputs,)
    ways = list(sizings(source, layout.shape)) if setting.sizing == "auto" else [setting.sizing]
    rows = np.random.default_rng(setting.seed).permutation(len(X))[:_ENOUGH_ROWS]
    tried = []
    for kind in kinds:
        scaler = scaler_for(kind, layout, source).fit(X)
        grids = scaler.transform(X[rows])
        for way in ways:
            with seeded(setting.seed):
                net = _with_new_head(setting, grids.shape[1:], way)
            tried.append((_telling(setting, net, grids, y[rows]), kind, way, scaler, net, grids))
    logme, kind, way, scaler, net, grids = max(tried, key=lambda one: one[0])
    with seeded(setting.seed):
        twin = random_twin(net)
    return Prepared(kind, way, scaler, net, logme, _telling(setting, twin, grids, y[rows]))


def _with_new_head(setting: Setting, shape: Any, sizing: str) -> TransferNet:
    cells = setting.layout.channels
    return adapt(
        setting.source, shape, setting.n_outputs, n_cells=cells, channels=setting.channels, sizing=sizing, head="new"
    )


def _telling(setting: Setting, net: TransferNet, grids: np.ndarray, y: np.ndarray) -> float:
    return log_maximum_evidence(features_of(net, grids), y, classification=setting.classes is not None)


def fit_way(name: str, setting: Setting, prepared: Prepared, X: np.ndarray, y: np.ndarray) -> Predict:
    """Fit one of the ways on flat rows; the result turns rows into numbers, or probabilities of ``setting.classes``."""
    if name == AS_IS:
        return _as_is(setting, prepared)
    if name == FROZEN:
        return _frozen(setting, prepared, X, y)
    net = _fine_tuning(setting, prepared, len(X)) if name == FINE_TUNED else _from_scratch(setting, prepared, len(X))
    scaler = prepared.scaler if name == FINE_TUNED else GridScaler(setting.layout).fit(X)
    deadline = Deadline(setting.seconds)
    net.fit(scaler.transform(X), y, deadline=deadline)
    if setting.classes is None:
        return lambda rows: net.predict(scaler.transform(rows))
    classes = setting.classes
    return lambda rows: aligned(net.predict_proba(scaler.transform(rows)), net.classes_, classes)


def _as_is(setting: Setting, prepared: Prepared) -> Predict:
    source, scaler, kept = setting.source, prepared.scaler, setting.kept_outputs
    assert kept is not None
    net = adapt(
        source,
        scaler.transform(np.zeros((1, setting.layout.n_columns), dtype=np.float32)).shape[1:],
        prepared.net.anatomy.n_outputs,
        n_cells=setting.layout.channels,
        channels=setting.channels,
        sizing=prepared.sizing,
        head="keep",
    )
    if setting.classes is None:
        level, unit = source.y_mean or 0.0, source.y_scale or 1.0
        return lambda rows: outputs_of(net, scaler.transform(rows))[:, 0] * unit + level

    def proba(rows: np.ndarray) -> np.ndarray:
        logits = outputs_of(net, scaler.transform(rows))
        if logits.shape[1] == 1:  # that of the second label
            logits = np.column_stack([np.zeros(len(logits)), logits])
        return softmax(logits[:, kept], axis=1)

    return proba


def _frozen(setting: Setting, prepared: Prepared, X: np.ndarray, y: np.ndarray) -> Predict:
    scaler, net, classes = prepared.scaler, prepared.net, setting.classes
    features = features_of(net, scaler.transform(X)).astype(np.float64)
    head = linear_head(features, y, classification=classes is not None, seed=setting.seed)
    if classes is None:
        return lambda rows: head.predict(features_of(net, scaler.transform(rows)).astype(np.float64))
    return lambda rows: aligned(
        head.predict_proba(features_of(net, scaler.transform(rows)).astype(np.float64)), head.classes_, classes
    )


def linear_head(features: np.ndarray, y: np.ndarray, *, classification: bool, seed: int) -> Any:
    """A linear model of standardised features; its strength is chosen on a fifth of the rows."""
    if not classification:
        return make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 5, 13))).fit(features, y)
    order = np.random.default_rng(seed).permutation(len(y))
    judge, rest = order[: len(y) // 5], order[len(y) // 5 :]
    heads = {
        strength: make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=200))
        for strength in _STRENGTHS
    }
    strength = _STRENGTHS[1]
    if len(judge) and len(np.unique(y[rest])) > 1:
        strength = max(
            heads, key=lambda each: heads[each].fit(features[rest], y[rest]).score(features[judge], y[judge])
        )
    return heads[strength].fit(features, y)


def _training(setting: Setting, n_rows: int, rate: float) -> dict[str, Any]:
    batch, _, n_epochs = lengths(n_rows, setting.steps)
    loss = {} if setting.classes is None else {"criterion__label_smoothing": TRAINING["smoothing"]}
    return {
        "lr": rate,
        "max_epochs": n_epochs,
        "batch_size": batch,
        "seed": setting.seed,
        "optimizer__weight_decay": TRAINING["decay"],
        **loss,
    }


def _rate(net: nn.Module) -> float:
    normed = any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in net.modules())
    return _RATE_WITH_NORMS if normed else _RATE_WITHOUT


def _fine_tuning(setting: Setting, prepared: Prepared, n_rows: int) -> BaseEstimator:
    kind = FineTuneRegressor if setting.classes is None else FineTuneClassifier
    return kind(
        transfer_net,
        module__source=setting.source,
        module__n_cells=setting.layout.channels,
        module__channels=setting.channels,
        module__sizing=prepared.sizing,
        module__head="keep" if keeps_head(setting, prepared) else "new",
        **_training(setting, n_rows, _rate(prepared.net)),
    )


def _from_scratch(setting: Setting, prepared: Prepared, n_rows: int) -> BaseEstimator:
    """Our own nets are built anew for the shape; others keep the sides that they can take."""
    kind = ArrayNetRegressor if setting.classes is None else ArrayNetClassifier
    training = _training(setting, n_rows, _rate(prepared.net))
    module: Any = setting.source.module
    if isinstance(module, ConvNet):
        settings: dict[str, Any] = {k: v for k, v in module.settings.items() if k not in ("input_shape", "n_outputs")}
        return kind(ConvNet, **{f"module__{name}": value for name, value in settings.items()}, **training)
    ways = sizings(setting.source, setting.layout.shape)
    return kind(
        transfer_net,
        module__source=setting.source,
        module__n_cells=setting.layout.channels,
        module__channels="new",
        module__sizing="native" if "native" in ways else prepared.sizing,
        module__head="new",
        module__from_random=True,
        **training,
    )
