"""skorch nets with a training loop of our own: in-memory batches, a schedule that ends with the time, labels kept.

skorch's loop serves any dataset; ours serves arrays, and that lets it skip the per-sample DataLoader. What differs
from skorch: ``fit`` takes ``sample_weight`` and ``deadline``, the learning rate follows one cycle over whichever ends
first, ``max_epochs`` or the deadline, ``predict`` returns the labels (or the units of y) that ``fit`` was given, and
Ctrl-C is not swallowed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from skorch import NeuralNet, NeuralNetClassifier, NeuralNetRegressor

from autoarch._core.clock import Deadline
from autoarch._training.augment import Augmentation, arranged
from autoarch._training.batches import Batch, Batches, Streamed
from autoarch._training.device import bf16_is_faster, seeded
from autoarch._training.labels import classes_of, pairs
from autoarch._training.time_limited import Schedule, one_cycle

_PREDICT_VALUES = 2**17  # input values in one batch of predictions
_FEW_STEPS = 100  # after which running statistics of batch norm can be relied on
_SETTLING_BATCHES = 4


class ArrayTraining(NeuralNet):
    """The parts that the classifier and the regressor share: one loop to train, one to predict."""

    _loss: type[torch.nn.Module]

    def __init__(
        self,
        module: Any,
        *args: Any,
        seed: int = 0,
        augmentation: Augmentation | None = None,
        mixup: float = 0.0,
        least_share: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(module, *args, **{**_DEFAULTS, "criterion": self._loss, **kwargs})
        self.seed = seed
        self.augmentation = augmentation
        self.mixup = mixup
        self.least_share = least_share

    def fit(self, X: Any, y: Any, sample_weight: Any = None, deadline: Deadline | None = None) -> Any:
        """Train until ``max_epochs`` or the deadline, whichever comes first.

        Raises
        ------
        TooSlowError
            If less than ``least_share`` of the training could be done before the deadline.
        """
        with seeded(self.seed, self.device):
            target, weight = self.begin(X, y, sample_weight)
            self.notify("on_train_begin", X=X, y=target)
            self._fit_arrays(self._on_device(X), target.to(self.device), weight, deadline or Deadline())
            self.notify("on_train_end", X=X, y=target)
        self.optimizer_.state.clear()  # twice the size of the weights, and not needed to predict
        return self

    def begin(self, X: Any, y: Any, sample_weight: Any) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Build the net for X and y; return y as its loss wants it, and the weights of the rows."""
        self.input_shape_ = X.shape[1:]
        target = self._target(X, np.asarray(y))
        self.initialize()
        weight = None if sample_weight is None else torch.as_tensor(np.asarray(sample_weight, dtype=np.float32))
        return target, weight

    def _target(self, X: np.ndarray, y: np.ndarray) -> torch.Tensor:
        """Turn y into a tensor for the loss, and set ``n_outputs_``."""
        raise NotImplementedError

    def initialize_module(self, **found: Any) -> Any:
        """Build the module for the shape of X and the outputs that y needs; ``found`` are more of its settings."""
        settings = {"input_shape": self.input_shape_, "n_outputs": self.n_outputs_, **self.get_params_for("module")}
        self.module_ = self.initialized_instance(self.module, settings | found)
        if len(self.input_shape_) == 3:  # convolutions run 1.5 to 1.9 times faster on a CPU in this order
            self.module_ = self.module_.to(memory_format=torch.channels_last)
        return self

    def set_params(self, **kwargs: Any) -> Any:
        """Set parameters; those that already have the value are left alone, so that a fitted net stays fitted."""
        current = self.get_params(deep=False)
        return super().set_params(**{k: v for k, v in kwargs.items() if k not in current or not _same(current[k], v)})

    def _on_device(self, X: Any) -> Any:
        if not isinstance(X, np.ndarray):  # pictures that are too many to be kept at once
            return Streamed(X, self._on_device)
        tensor = torch.from_numpy(np.require(X, np.float32, ["C", "W"])).to(self.device)
        return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor

    def _fit_arrays(self, X: torch.Tensor, y: torch.Tensor, weight: torch.Tensor | None, deadline: Deadline) -> None:
        batches = self.batches(X, y, weight)
        schedule = Schedule(self.max_epochs * len(batches), deadline, self.least_share)
        self.module_.train()
        self.bf16_ = bf16_is_faster(self.module_, X[: batches.size], schedule.n_steps, deadline)
        while not schedule.over:
            self.notify("on_epoch_begin", dataset_train=(X, y), dataset_valid=None)
            losses = []
            for number in batches.epoch(len(self.history)):
                if schedule.over:
                    break
                set_rates(self.optimizer_, self.lr, schedule.progress)
                losses.append(self._step(batches.draw(number)))
                schedule.advance()
            if losses:
                self.record(float(torch.stack(losses).mean()))
            self.notify("on_epoch_end", dataset_train=(X, y), dataset_valid=None)
        self.end(batches, schedule)

    def batches(self, X: torch.Tensor, y: torch.Tensor, weight: torch.Tensor | None) -> Batches:
        """Batches of a training, in an order of the net's own."""
        weight = None if weight is None else (weight / weight.mean()).to(self.device)
        return Batches(X, y, weight, self.batch_size, self.seed, self.augmentation, self.mixup)

    def record(self, loss: float) -> None:
        """Note the mean loss of an epoch.

        Raises
        ------
        FloatingPointError
            If it is not finite: a net that has diverged is no model.
        """
        self.history.record("train_loss", loss)
        if not math.isfinite(loss):
            raise FloatingPointError(f"the training loss became {loss} in epoch {len(self.history)}")

    def end(self, batches: Batches, schedule: Schedule) -> None:
        """Note how much of the training was done; settle the norms after a short one."""
        self.share_done_ = schedule.step / schedule.n_steps
        self.complete_ = self.share_done_ >= 1
        self.n_rounds_fitted_ = round(self.share_done_ * self.max_epochs)
        self.n_rows_fitted_ = min(len(batches.X), schedule.step * batches.size)
        if schedule.step < _FEW_STEPS:
            self._settle_norms(batches.X, batches.order, batches.size)

    def _settle_norms(self, X: torch.Tensor, order: torch.Tensor, size: int) -> None:
        """Average batch statistics anew: after few steps the running ones still remember the random start."""
        norms = batch_norms(self.module_)
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain average over the batches that follow
        with torch.no_grad():
            for start in range(0, min(len(X), _SETTLING_BATCHES * size), size):
                rows = order[start : start + size]
                if len(rows) > 1:
                    self.module_(X[rows])
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum

    def _step(self, batch: Batch) -> torch.Tensor:
        self.optimizer_.zero_grad(set_to_none=True)
        with torch.autocast(batch.inputs.device.type, dtype=torch.bfloat16, enabled=self.bf16_):
            outputs = self.module_(batch.inputs)
        loss = self.loss_of(outputs.float(), batch)
        loss.backward()
        self.optimizer_.step()
        return loss.detach()

    def loss_of(self, outputs: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Mean loss of a batch; the samples that are blended into one have parts of it."""
        parts = [self._mean_loss(outputs, *part) for part in batch.targets]
        return torch.stack(parts).sum() if len(parts) > 1 else parts[0]

    def _mean_loss(self, outputs: torch.Tensor, y: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
        if outputs.ndim == 3:  # each row once per member
            members = outputs.shape[1]
            outputs, y = outputs.flatten(0, 1), y.repeat_interleave(members, dim=0)
            weight = None if weight is None else weight.repeat_interleave(members)
        losses = self.criterion_(outputs, y)
        if weight is None:
            return losses.mean()
        return ((losses.flatten(1).mean(dim=1) if losses.ndim > 1 else losses) * weight).mean()

    def _outputs(self, X: np.ndarray) -> np.ndarray:
        """Raw outputs in batches of one size, the last one padded, so that a row's output does not depend on others."""
        size = int(np.clip(_PREDICT_VALUES // max(1, int(np.prod(self.input_shape_))), 8, 512))
        arrangements = self.arrangements
        self.module_.eval()
        outputs = np.empty((len(X), self.n_outputs_), dtype=np.float32)
        with torch.inference_mode():
            for start in range(0, len(X), size):
                rows = X[start : start + size]
                padded = np.concatenate([rows, np.zeros((size - len(rows), *rows.shape[1:]), rows.dtype)])
                batch = self._on_device(padded)
                seen = [self.module_(arranged(batch, cells)) for cells in arrangements[1:]]
                found = torch.stack([self.module_(batch), *seen]).mean(dim=0)
                outputs[start : start + size] = found[: len(rows)].cpu().numpy()
        return outputs

    @property
    def arrangements(self) -> np.ndarray:
        """Arrangements of a grid over which predictions are averaged: those that leave its label alone."""
        sides = self.input_shape_[1:]
        return (self.augmentation or Augmentation()).arrangements(sides if len(sides) == 2 else (1, 1))


def batch_norms(module: torch.nn.Module) -> list[Any]:
    """Batch norms of a net, in the order in which it names them."""
    return [layer for layer in module.modules() if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm)]


def set_rates(optimizer: torch.optim.Optimizer, lr: float, progress: float) -> None:
    """Set the learning rate of each group of weights.

    0 until it is to ``begin``, then a cycle up to its own ``rate``, in units of ``lr``.
    """
    for group in optimizer.param_groups:
        begin = group.get("begin", 0.0)
        cycle = one_cycle((progress - begin) / (1.0 - begin)) if progress >= begin else 0.0
        group["lr"] = lr * group.get("rate", 1.0) * cycle


def _same(a: Any, b: Any) -> bool:
    """Compare two parameter values, arrays and modules included."""
    try:
        return bool(a is b or a == b)
    except (ValueError, RuntimeError):
        return False


class ArrayNetClassifier(ArrayTraining, NeuralNetClassifier):
    """A skorch classifier that trains on arrays in memory and predicts the labels that it was given.

    Parameters
    ----------
    module : type of torch.nn.Module
        Called with ``input_shape`` and ``n_outputs``.
    seed : int, default=0
        Seed of weights, batches and dropout.
    augmentation : Augmentation, optional
        Changes of grids while training.
    mixup : float
        Strength of :func:`autoarch._training.augment.mixed`; 0 for none.
    least_share : float, default=0.0
        Share of its steps below which a training under a deadline is not worth while.
    *args, **kwargs
        As for ``skorch.NeuralNetClassifier``; ``train_split`` and callbacks default to none.
    """

    _loss: type[torch.nn.Module] = torch.nn.CrossEntropyLoss

    def _target(self, X: np.ndarray, y: np.ndarray) -> torch.Tensor:
        self.classes_inferred_ = np.unique(y)
        self.n_outputs_ = len(self.classes_)  # more than y has where ``classes`` are given
        return torch.from_numpy(np.searchsorted(self.classes_, y))

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probabilities in the order of ``classes_``."""
        return softmax(self._outputs(X).astype(np.float64), axis=1)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Labels as ``fit`` got them."""
        return self.classes_[self._outputs(X).argmax(axis=1)]


class ArrayNetRegressor(ArrayTraining, NeuralNetRegressor):
    """A skorch regressor that trains on arrays in memory and scales its target.

    Parameters
    ----------
    module, seed, augmentation, mixup, least_share, *args, **kwargs
        As for :class:`ArrayNetClassifier`.
    """

    _loss: type[torch.nn.Module] = torch.nn.MSELoss

    def _target(self, X: np.ndarray, y: np.ndarray) -> torch.Tensor:
        y = y.astype(np.float64)
        self.n_outputs_ = 1 if y.ndim == 1 else y.shape[1]
        self.y_mean_, self.y_scale_ = self._units(y)
        scaled = torch.from_numpy(((y - self.y_mean_) / self.y_scale_).astype(np.float32))
        return scaled[:, None] if y.ndim == 1 else scaled

    def _units(self, y: np.ndarray) -> tuple[Any, Any]:
        if y.ndim == 2:
            spread = y.std(axis=0)
            return y.mean(axis=0), np.where(spread > 0, spread, 1.0)
        return float(y.mean()), float(y.std()) or 1.0

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Values in the units of y, one or several for each row as y had them."""
        outputs = self._outputs(X).astype(np.float64)
        return (outputs if np.ndim(self.y_mean_) else outputs[:, 0]) * self.y_scale_ + self.y_mean_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class ArrayNetLabels(ClassifierMixin, ArrayTraining):
    """A skorch net that predicts several labels, each of which a row has or has not.

    Parameters
    ----------
    module, seed, augmentation, mixup, least_share, *args, **kwargs
        As for :class:`ArrayNetClassifier`.
    """

    _loss: type[torch.nn.Module] = torch.nn.BCEWithLogitsLoss

    def _target(self, X: np.ndarray, y: np.ndarray) -> torch.Tensor:
        self.n_outputs_ = y.shape[1]
        self.classes_ = classes_of(y)
        return torch.from_numpy(y.astype(np.float32))

    def predict_proba(self, X: np.ndarray) -> list[np.ndarray]:
        """Probabilities of shape (n, 2) of each label."""
        return pairs(expit(self._outputs(X).astype(np.float64)))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Indicators of shape (n, k)."""
        return (self._outputs(X) > 0).astype(np.int64)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = tags.classifier_tags.multi_label = True
        return tags


_DEFAULTS: dict[str, Any] = {
    "criterion__reduction": "none",
    "optimizer": torch.optim.AdamW,
    "optimizer__fused": True,  # one kernel for all weights: a step of a small dense net takes half the time
    "train_split": None,
    "callbacks": "disable",
    "verbose": 0,
}
