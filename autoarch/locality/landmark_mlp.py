"""A small multilayer perceptron, trained on all folds at once: the landmark of the dense nets.

Two hidden layers of 128 with batch normalisation and dropout, 150 steps. The folds (and scalings) are independent
models held in batched matrices, so a step costs little more than that of one model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

STEPS = 150
BATCH = 64
HIDDEN = 128
DROPOUT = 0.2
PEAK_RATE = 0.01
MOST_INPUTS = 1_200


def out_of_fold_mlp(
    inputs: list[np.ndarray],
    target: np.ndarray,
    folds: np.ndarray,
    n_classes: int,
    seed: int,
    check_clock: Callable[[], None],
    steps: int = STEPS,
) -> np.ndarray:
    """Predict every row by nets trained on the other folds.

    Parameters
    ----------
    inputs : list of ndarray of shape (n, p), float32
        The same rows under different scalings: one set of nets for each.
    target : ndarray of shape (n,)
        Codes of ``n_classes`` classes, or a standardised float when ``n_classes`` is 0.
    folds : ndarray of shape (n,)
        Fold of each row.
    n_classes, seed : int
        See above.
    check_clock : callable
        Called at every step; raises when time is up.
    steps : int, default=150
        Batches per net.

    Returns
    -------
    ndarray of shape (len(inputs), n, n_classes or 1)
        Scores per class, or the value.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    names = np.unique(folds)
    trains = [torch.from_numpy(np.nonzero(folds != name)[0]) for name in names]
    lengths = torch.tensor([len(rows) for rows in trains])
    table = torch.nn.utils.rnn.pad_sequence(trains, batch_first=True)
    data = torch.from_numpy(np.stack([_rotated(values) for values in inputs]))
    wanted = torch.from_numpy(target if n_classes else target.astype(np.float32))
    which = torch.arange(len(inputs)).repeat_interleave(len(names))
    models = len(which)
    weights = _initial_weights(models, data.shape[2], max(1, n_classes), generator)
    optimiser = torch.optim.AdamW(weights, lr=PEAK_RATE, weight_decay=1e-2, fused=True)
    batch = min(BATCH, int(lengths.min()))
    with torch.enable_grad(), torch.device("cpu"):  # a default device that the user set is not for this
        for step in range(steps):
            check_clock()
            for group in optimiser.param_groups:
                group["lr"] = PEAK_RATE * min(1.0, (step + 1) / 15) * (1 - step / steps)
            picks = (torch.rand(len(names), batch, generator=generator) * lengths[:, None]).long()
            rows = table.gather(1, picks).repeat(len(inputs), 1)
            answer = _forward(data[which[:, None], rows], weights, generator)
            loss = _loss(answer, wanted[rows], n_classes)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    out = np.empty((len(inputs), len(target), max(1, n_classes)), dtype=np.float32)
    with torch.no_grad():
        for model in range(models):
            check_clock()
            source, fold = divmod(model, len(names))
            one = [w[model : model + 1] for w in weights]
            test = np.nonzero(folds == names[fold])[0]
            training, held_out = (data[source][rows][None] for rows in (trains[fold], torch.from_numpy(test)))
            for layer in range(2):  # the training rows' own statistics, then the same for the rows held out
                training, held_out = (torch.bmm(part, one[3 * layer]) for part in (training, held_out))
                moments = training[0].mean(0), training[0].var(0, unbiased=False)
                training, held_out = (_normalise(part, one, layer, moments) for part in (training, held_out))
            out[source, test] = (held_out @ one[-2] + one[-1])[0].numpy()
    return out


def _rotated(values: np.ndarray) -> np.ndarray:
    """Rows of very many columns in coordinates of the space that they span, scaled to a mean square of 1.

    Nothing is lost: a first layer with Gaussian weights starts alike in any coordinates.
    """
    if values.shape[1] <= MOST_INPUTS:
        return values
    squares, axes = np.linalg.eigh((values @ values.T).astype(np.float64))
    scores = axes * np.sqrt(np.maximum(squares, 0.0))
    return (scores / max(float(np.sqrt((scores**2).mean())), 1e-12)).astype(np.float32)


def _initial_weights(models: int, n_inputs: int, n_outputs: int, generator: Any) -> list[Any]:
    """He-scaled matrices with batch-norm gain and shift for two hidden layers, and a linear top."""
    import torch

    weights = []
    for fan_in in (n_inputs, HIDDEN):
        matrix = torch.randn(models, fan_in, HIDDEN, generator=generator, dtype=torch.float32) * (2.0 / fan_in) ** 0.5
        weights += [matrix, torch.ones_like(matrix[:, :1]), torch.zeros_like(matrix[:, :1])]
    top = torch.randn(models, HIDDEN, n_outputs, generator=generator, dtype=torch.float32) * HIDDEN**-0.5
    weights += [top, torch.zeros_like(top[:, :1])]
    return [w.requires_grad_() for w in weights]


def _normalise(values: Any, weights: list[Any], layer: int, moments: Any = None) -> Any:
    """Batch-normalise (models, rows, units), each model by itself, then ReLU; ``moments`` None: those of the rows."""
    import torch
    from torch.nn import functional

    models, rows, units = values.shape
    side_by_side = values.transpose(0, 1).reshape(rows, models * units)
    mean, variance = moments if moments else (None, None)
    gain, shift = weights[3 * layer + 1].flatten(), weights[3 * layer + 2].flatten()
    normal = functional.batch_norm(side_by_side, mean, variance, gain, shift, training=moments is None)
    return torch.relu(normal).reshape(rows, models, units).transpose(0, 1)


def _forward(values: Any, weights: list[Any], generator: Any) -> Any:
    """Scores of a training batch, shape (models, batch, outputs), with dropout."""
    import torch

    for layer in range(2):
        values = _normalise(torch.bmm(values, weights[3 * layer]), weights, layer)
        values = values * (torch.rand(values.shape, generator=generator) >= DROPOUT) * (1 / (1 - DROPOUT))
    return values @ weights[-2] + weights[-1]


def _loss(answer: Any, wanted: Any, n_classes: int) -> Any:
    """Mean loss within a model, summed over models so that they do not share a step size."""
    from torch.nn import functional

    models = len(answer)
    if n_classes:
        return models * functional.cross_entropy(answer.flatten(0, 1), wanted.flatten())
    return models * functional.mse_loss(answer[..., 0], wanted)
