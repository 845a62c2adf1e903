"""Classifier and regressor: ridge on features of random convolutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.base import ClassifierMixin, RegressorMixin

from autoarch._core.clock import Deadline
from autoarch._training.labels import classes_of, pairs
from autoarch.families.convolution_ridge import RandomConvolutions

_TEMPERATURES = (-3.0, 5.0)  # natural logarithms


class RandomConvolutionClassifier(ClassifierMixin, RandomConvolutions):
    """Ridge on random convolutions of grids, one target per class; its left-out rows calibrate the probabilities.

    Parameters
    ----------
    n_kernels : int, default=256
        Kernels, rounded to whole groups that compete; fewer where so many rows would cost too much memory or time.
    features : {"all", "patterns", "places"}, default="all"
        "patterns": whether and how often a pattern occurs; "places": where, and the cells themselves; or all that.
    seed : int, default=0
        Seed of the kernels.
    whole : {0, 1} or None, default=None
        The axis, down or across, whose lines are read as channels of one line.
    parts : sequence of int, default=()
        Numbers of channels, the first ones, that show the same cells in several ways; a kernel reads one of them.
    device : str, default="cpu"
        Where features are computed, as torch names it, or "auto" for an accelerator that is here and pays.
    quantiles : sequence of {"rows", "columns"}, default=()
        Axes whose order matters, where quantiles of intervals along them are features as well.
    coarse : bool, default=False
        Whether some kernels see large grids as from afar, by the means of squares of 2 or 4 cells a side.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from autoarch.families.random_convolutions import RandomConvolutionClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> grids = (X.reshape(-1, 1, 8, 8) / 16).astype("float32")
    >>> model = RandomConvolutionClassifier(n_kernels=24).fit(grids[:300], y[:300])
    >>> bool(model.score(grids[300:], y[300:]) > 0.9)
    True
    """

    classes_: Any

    def fit(
        self, X: np.ndarray, y: np.ndarray, sample_weight: Any = None, deadline: Deadline | None = None
    ) -> RandomConvolutionClassifier:
        """Fit on grids of shape (n, channels, height, width), on fewer kernels or rows where a deadline needs it."""
        if np.ndim(y) == 2:
            return self._fit_labels(X, np.asarray(y), sample_weight, deadline or Deadline())
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        targets = np.where(codes[:, None] == np.arange(len(self.classes_)), 1.0, -1.0)
        rows = self._learn(X, codes, targets, sample_weight, deadline or Deadline())
        left_out, codes = self.ridge_.left_out, codes[rows]
        weights = None if sample_weight is None else np.asarray(sample_weight)[rows]

        def loss(log_temperature: float) -> float:
            logs = log_softmax(np.exp(log_temperature) * left_out, axis=1)[np.arange(len(codes)), codes]
            return -float(np.average(logs, weights=weights))

        return self._settled(loss)

    def _fit_labels(
        self, X: np.ndarray, y: np.ndarray, sample_weight: Any, deadline: Deadline
    ) -> RandomConvolutionClassifier:
        """Fit on indicators of several labels, each a target of the ridge and a logistic curve of it."""
        self.classes_ = classes_of(y)
        signs = np.where(y == 1, 1.0, -1.0)
        rows = self._learn(X, y, signs, sample_weight, deadline)
        margins, weights = signs[rows] * self.ridge_.left_out, None
        if sample_weight is not None:
            weights = np.asarray(sample_weight)[rows]

        def loss(log_temperature: float) -> float:
            return -float(np.average(log_expit(np.exp(log_temperature) * margins).mean(axis=1), weights=weights))

        return self._settled(loss)

    def _settled(self, loss: Callable[[float], float]) -> RandomConvolutionClassifier:
        """Take the temperature whose logarithm has the least loss, and forget the rows."""
        self.temperature_ = float(np.exp(minimize_scalar(loss, bounds=_TEMPERATURES, method="bounded").x))
        self._forget_rows()
        return self

    def predict_proba(self, X: np.ndarray) -> Any:
        """Probabilities in the order of ``classes_``; of several labels a list with an array for each."""
        outputs = self.outputs(X)
        if not isinstance(self.classes_, list):
            return self.from_outputs(outputs)
        return pairs(expit(self.temperature_ * outputs))

    def from_outputs(self, outputs: np.ndarray) -> np.ndarray:
        """Probabilities from the outputs of the ridge."""
        return softmax(self.temperature_ * outputs, axis=-1)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Labels as ``fit`` got them."""
        if isinstance(self.classes_, list):
            return (self.outputs(X) > 0).astype(np.int64)
        return self.classes_[self.outputs(X).argmax(axis=1)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = tags.classifier_tags.multi_label = True
        return tags


class RandomConvolutionRegressor(RegressorMixin, RandomConvolutions):
    """Ridge on random convolutions of grids.

    Parameters
    ----------
    n_kernels : int, default=256
        Kernels, as for :class:`RandomConvolutionClassifier`.
    features : {"all", "patterns", "places"}, default="all"
        Features of their responses.
    seed : int, default=0
        Seed of the kernels.
    whole : {0, 1} or None, default=None
        The axis, down or across, whose lines are read as channels of one line.
    parts : sequence of int, default=()
        Numbers of channels, the first ones, that show the same cells in several ways; a kernel reads one of them.
    device : str, default="cpu"
        Where features are computed, as torch names it, or "auto" for an accelerator that is here and pays.
    quantiles : sequence of {"rows", "columns"}, default=()
        Axes whose order matters, where quantiles of intervals along them are features as well.
    coarse : bool, default=False
        Whether some kernels see large grids as from afar, by the means of squares of 2 or 4 cells a side.
    """

    def fit(
        self, X: np.ndarray, y: np.ndarray, sample_weight: Any = None, deadline: Deadline | None = None
    ) -> RandomConvolutionRegressor:
        """Fit on grids of shape (n, channels, height, width), on fewer kernels or rows where a deadline needs it."""
        y = np.asarray(y, dtype=np.float64)
        if y.ndim == 2:
            spread = y.std(axis=0)
            self.y_scale_: Any = np.where(spread > 0, spread, 1.0)
            self.y_range_: tuple[Any, Any] = y.min(axis=0), y.max(axis=0)
        else:
            self.y_scale_ = float(y.std()) or 1.0
            self.y_range_ = float(y.min()), float(y.max())
        targets = (y / self.y_scale_).reshape(len(y), -1)
        self._learn(X, y, targets, sample_weight, deadline or Deadline())
        self._forget_rows()
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Values in the units of y, at most half the range of those seen beyond them."""
        values = self.from_outputs(self.outputs(X))
        return values if np.ndim(self.y_scale_) else values[:, 0]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def from_outputs(self, outputs: np.ndarray) -> np.ndarray:
        """Values from the outputs of the ridge."""
        low, high = self.y_range_
        return np.clip(outputs * self.y_scale_, low - (high - low) / 2, high + (high - low) / 2)
