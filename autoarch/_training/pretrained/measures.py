"""Measurements of a pretrained net on other data without training it: LogME of its features, shift of its inputs.

References
----------
.. [1] K. You, Y. Liu, J. Wang, M. Long, "LogME: practical assessment of pre-trained models for transfer learning",
   ICML 2021.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats

from autoarch._report.text import p_text
from autoarch._training.loop import batch_norms
from autoarch._training.pretrained.inspect import TransferNet, recorded_inputs
from autoarch._training.pretrained.source import Pretrained
from autoarch._training.scalers import channel_moments

_MOST_ROUNDS = 100
_CLOSE = 1e-6  # change of the evidence per row at which the rounds end
_ROWS_BEHIND = 500  # that running statistics stand for: with a momentum of 0.1, 19 batches, here taken as small ones
_WORDS = {
    "alike": "The inputs look like those that it was trained on",
    "shifted": "The inputs are shifted against those that it was trained on",
    "foreign": "The inputs are foreign to it",
}
_NEAR, _FAR = 0.25, 1.0  # standard deviations: below, inputs are alike; above, they are foreign


@dataclass(frozen=True)
class InputShift:
    """Distance of inputs from those that a net was trained on.

    Parameters
    ----------
    size : float or None
        Distance of means and deviations, in deviations of what the net saw, averaged over channels; the larger of
        scaler and batch norms. None where the net holds no statistics.
    p_value : float or None
        Of "the means are those that it saw", by the scaler's statistics or else the first batch norm's. The latter
        remember augmented rows too. With many rows, small sizes have small p-values: go by the size.
    of_scaler : float or None
        The size by the scaler's statistics.
    of_norms : tuple of float
        The size at each batch norm, from the first to the last.
    """

    size: float | None = None
    p_value: float | None = None
    of_scaler: float | None = None
    of_norms: tuple[float, ...] = ()

    @property
    def word(self) -> str:
        """One of "alike", "shifted", "foreign" and "unknown"."""
        if self.size is None:
            return "unknown"
        return "alike" if self.size < _NEAR else "shifted" if self.size < _FAR else "foreign"

    @property
    def sentence(self) -> str:
        """The word, with the numbers that it stands on."""
        if self.size is None:
            return "The net holds no statistics of its inputs, so a shift cannot be tested."
        p_value = "" if self.p_value is None else f", {p_text(self.p_value)}"
        return f"{_WORDS[self.word]}: {self.size:.2f} standard deviations apart{p_value}."


def input_shift(source: Pretrained, net: TransferNet, grids: np.ndarray, inputs: np.ndarray) -> InputShift:
    """Compare the rows with the statistics that ``source`` keeps of its own.

    Parameters
    ----------
    source : Pretrained
        Its scaler's statistics, where it has them.
    net : TransferNet
        The net as it is used on these rows.
    grids : ndarray of shape (n, channels, height, width)
        The rows before scaling, missing cells NaN.
    inputs : ndarray of shape (n, channels, height, width)
        The rows as the net is given them.

    Returns
    -------
    InputShift
    """
    of_norms, p_value = _norms(net, inputs)
    of_scaler: float | None = None
    if source.mean is not None and source.scale is not None and len(source.mean) == grids.shape[1]:
        level, spread = channel_moments(source.mean, source.scale)
        cells = np.ma.masked_invalid(grids)
        mean, deviation = (np.asarray(part) for part in (cells.mean(axis=(0, 2, 3)), cells.std(axis=(0, 2, 3))))
        of_scaler = _distance(mean, deviation, level, spread)
        per_row = cells.mean(axis=(2, 3))
        p_value = _p_value(np.where(np.ma.getmaskarray(per_row), level, per_row.data), level)
    sizes = [*([] if of_scaler is None else [of_scaler]), *of_norms[:1]]
    return InputShift(max(sizes, default=None), p_value, of_scaler, of_norms)


def _norms(net: TransferNet, inputs: np.ndarray) -> tuple[tuple[float, ...], float | None]:
    """Sizes at each batch norm, and the p-value at the first one."""
    norms = [layer for layer in batch_norms(net) if layer.running_mean is not None]
    with recorded_inputs(norms) as fed, torch.inference_mode():
        net.eval()(torch.from_numpy(np.ascontiguousarray(inputs, dtype=np.float32)))
    sizes, p_value = [], None
    for layer, values in fed.items():
        values = values.flatten(2).double() if values.ndim > 2 else values.double()[:, :, None]
        mean, deviation = values.mean((0, 2)).numpy(), values.std((0, 2), correction=0).numpy()
        seen = layer.running_mean.double().numpy(), layer.running_var.double().sqrt().numpy()  # type: ignore[operator]
        sizes.append(_distance(mean, deviation, *seen))
        if p_value is None:
            p_value = _p_value(values.mean(2).numpy(), seen[0])
    return tuple(sizes), p_value


def _distance(mean: np.ndarray, deviation: np.ndarray, mean_seen: np.ndarray, deviation_seen: np.ndarray) -> float:
    """Wasserstein distance of two normals in deviations of the second, averaged over channels.

    The unit of a channel is at least a tenth of the largest one, so that a filter that hardly moves decides nothing.
    """
    unit = np.maximum(deviation_seen, 0.1 * max(float(deviation_seen.max()), 1e-12))
    return float(np.mean(np.hypot(mean - mean_seen, deviation - deviation_seen) / unit))


def _p_value(per_row: np.ndarray, mean_seen: np.ndarray) -> float:
    """P-value of equal means, by the channel that differs most, corrected for their number."""
    n = len(per_row)
    if n < 3:
        return 1.0
    error = per_row.std(axis=0, ddof=1) * np.sqrt(1 / n + 1 / _ROWS_BEHIND)
    z = np.abs(per_row.mean(axis=0) - mean_seen) / np.maximum(error, 1e-12)
    return float(min(1.0, len(z) * 2 * stats.norm.sf(z.max())))


def log_maximum_evidence(features: np.ndarray, y: np.ndarray, *, classification: bool) -> float:
    """LogME [1]_: mean log-evidence per row, of Bayesian linear models of the label given the features.

    Parameters
    ----------
    features : ndarray of shape (n, d)
        What a net makes of the rows.
    y : ndarray of shape (n,)
        Labels or numbers. A label counts as one 0/1 target per class, numbers as they are.
    classification : bool
        Which of both.

    Returns
    -------
    float
        Larger is better; comparable between features of the same rows only.

    References
    ----------
    .. [1] K. You, Y. Liu, J. Wang, M. Long, "LogME: practical assessment of pre-trained models for transfer learning",
       ICML 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._training.pretrained.measures import log_maximum_evidence
    >>> rng = np.random.default_rng(0)
    >>> features = rng.normal(size=(100, 5))
    >>> y = features[:, 0] > 0
    >>> informative = log_maximum_evidence(features, y, classification=True)
    >>> informative > log_maximum_evidence(features[:, 1:], y, classification=True)
    True
    """
    features = np.asarray(features, dtype=np.float64)
    left, values, _ = np.linalg.svd(features, full_matrices=False)
    targets = (y[:, None] == np.unique(y)).astype(float) if classification else np.asarray(y, dtype=float)[:, None]
    return float(np.mean([_evidence(left, values**2, features.shape[1], target) for target in targets.T]))


def _evidence(left: np.ndarray, squares: np.ndarray, n_features: int, target: np.ndarray) -> float:
    """Log-evidence per row at the precisions of weights (alpha) and noise (beta) where it is largest.

    The fixed point of MacKay, in the basis of the singular vectors, where every matrix is diagonal.
    """
    n = len(target)
    rotated2 = (left.T @ target) ** 2
    outside = max(float(target @ target - rotated2.sum()), 0.0)  # of the target, what no features could reach
    alpha, beta, reached = 1.0, 1.0, -np.inf
    for _ in range(_MOST_ROUNDS):
        shrunk = alpha + beta * squares
        effective = float((beta * squares / shrunk).sum())
        weights2 = float((beta**2 * squares * rotated2 / shrunk**2).sum())
        residual2 = float((alpha**2 * rotated2 / shrunk**2).sum()) + outside
        log_det = float(np.log(shrunk).sum()) + (n_features - len(squares)) * np.log(alpha)
        evidence = 0.5 * (
            n * np.log(beta / (2 * np.pi)) + n_features * np.log(alpha) - beta * residual2 - alpha * weights2 - log_det
        )
        if abs(evidence - reached) < _CLOSE * n:
            return evidence / n
        reached = evidence
        alpha = float(np.clip(effective / max(weights2, 1e-12), 1e-9, 1e9))
        beta = float(np.clip(max(n - effective, 1e-9) / max(residual2, 1e-12), 1e-9, 1e9))
    return reached / n
