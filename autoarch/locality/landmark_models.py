"""The landmarks themselves: each takes the shared sample and returns losses of every row, out of fold, by name.

Where a stand-in has variants (scalings, feature sets, kinds of trees), the variant for one fold is the one that did
best on the other folds, so that choosing among many does not flatter it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from autoarch._statistics import random_convolutions
from autoarch._statistics.ridge import gram, out_of_fold
from autoarch.locality import landmark_mlp
from autoarch.locality.landmark_sample import N_FOLDS, Sample

SMALL_ROWS = 100  # below this, noise between rows outweighs what longer training would add
TINY_ROWS = 30  # below this, nothing but noise separates the nets from the rest
N_KINDS = 3  # of features of random convolutions
BOOSTING_ROUNDS = 30
MOST_BOOSTING_SECONDS = 2.0

Check = Callable[[], None]
Losses = dict[str, np.ndarray]


def linear(sample: Sample, check: Check) -> Losses:
    """Ridge on scaled columns, indicators for categories."""
    return {"linear": _ridge_losses(sample.products, sample)}


def cnn(sample: Sample, check: Check) -> Losses:
    """Ridge on random convolutions of the grid; also with one kind of features, and under one scaling, only."""
    variants = _convolve(sample, np.arange(sample.grid.height * sample.grid.width), check)
    kinds = {
        "cnn": variants,
        "cnn_placed": variants[0::N_KINDS],
        "cnn_anywhere": variants[1::N_KINDS],
        "cnn_overall": variants[:N_KINDS],
        "cnn_per_cell": variants[N_KINDS:],
    }
    return {name: _best_variant(chosen, sample.folds) for name, chosen in kinds.items()}


def cnn_shuffled(sample: Sample, check: Check) -> Losses:
    """Ridge on random convolutions after one permutation of the cells, the same for all samples and channels."""
    cells = np.random.default_rng([sample.seed, 1]).permutation(sample.grid.height * sample.grid.width)
    return {"cnn_shuffled": _best_variant(_convolve(sample, cells, check), sample.folds)}


def mlp(sample: Sample, check: Check) -> Losses:
    """Train a small net, under both scalings where every column is a cell; ridge is what a net can always do."""
    inputs = [sample.overall, sample.per_column] if sample.all_cells else [sample.expanded]
    steps = landmark_mlp.STEPS if len(sample) >= SMALL_ROWS else landmark_mlp.STEPS // 2
    answers = landmark_mlp.out_of_fold_mlp(
        inputs, sample.target, sample.folds, sample.n_classes, sample.seed, check, steps=steps
    )
    variants = [*(_losses(answer, sample) for answer in answers), _ridge_losses(sample.products, sample)]
    return {"mlp": _best_variant(variants, sample.folds)}


def tree(sample: Sample, check: Check) -> Losses:
    """Extra trees and, where cheap, small gradient boosting; both see categories as codes."""
    variants = [_losses(_cross_predict(model, sample, check), sample) for model in _tree_models(sample)]
    return {"tree": _best_variant(variants, sample.folds)}


STAND_INS: dict[str, Callable[[Sample, Check], Losses]] = {
    "linear": linear,
    "tree": tree,
    "cnn": cnn,
    "mlp": mlp,
    "cnn_shuffled": cnn_shuffled,
}


def _convolve(sample: Sample, cells: np.ndarray, check: Check) -> list[np.ndarray]:
    """Losses under both scalings (of all cells together, of each cell) and three kinds of features (with their places,
    without, both and all columns themselves), with the cells of each channel in this order.
    """
    layout = sample.grid
    columns = layout.columns.reshape(layout.channels, -1)[:, cells].ravel()
    variants = []
    for number, values in enumerate((sample.overall, sample.per_column)):
        flat = np.where(columns >= 0, values[:, columns], np.float32(0))
        grid = flat.reshape(len(values), *layout.shape)
        banks = random_convolutions.random_banks(grid, np.random.default_rng([sample.seed, 2, number]))
        placed, anywhere = (gram(part) for part in random_convolutions.pooled_features(grid, banks, check))
        for kernel in (placed, anywhere, (placed + anywhere + sample.products) / 3):
            check()
            variants.append(_ridge_losses(kernel, sample))
    return variants


def n_trees(sample: Sample) -> int:
    """Extra trees that the rows deserve."""
    return 80 if len(sample) >= SMALL_ROWS else 20 if len(sample) >= TINY_ROWS else 10


def features_tried(sample: Sample) -> int:
    """Columns that an extra tree looks at in each split."""
    p = sample.ordinal.shape[1]
    return max(1, int(np.sqrt(p)), 0 if sample.n_classes else min(p // 3, 100))


def boosting_seconds(sample: Sample) -> float:
    """Estimate the cost of the gradient boosting, from its rows, columns and trees alone."""
    n, p = sample.ordinal.shape
    trees = BOOSTING_ROUNDS * (sample.n_classes if sample.n_classes > 2 else 1)
    return N_FOLDS * trees * (5e-4 + p * (n * 1e-8 + 6e-6))


def boosts(sample: Sample) -> bool:
    """Whether gradient boosting is tried beside the extra trees."""
    return len(sample) >= 2 * TINY_ROWS and boosting_seconds(sample) < MOST_BOOSTING_SECONDS


def _tree_models(sample: Sample) -> list[Any]:
    """Unfitted models that speak for the trees."""
    from sklearn import ensemble

    forest = {
        "n_estimators": n_trees(sample),
        "max_features": features_tried(sample),
        "random_state": sample.seed,
        "n_jobs": sample.n_jobs,
    }
    boosting = {
        "max_iter": BOOSTING_ROUNDS,
        "learning_rate": 0.2,
        "max_leaf_nodes": 8,
        "min_samples_leaf": 5,
        "early_stopping": False,
        "categorical_features": list(sample.categorical) or None,
        "random_state": sample.seed,
    }
    if sample.n_classes:
        models: list[Any] = [ensemble.ExtraTreesClassifier(**forest)]
        return models + ([ensemble.HistGradientBoostingClassifier(**boosting)] if boosts(sample) else [])
    models = [ensemble.ExtraTreesRegressor(**forest)]
    return models + ([ensemble.HistGradientBoostingRegressor(**boosting)] if boosts(sample) else [])


def _cross_predict(model: Any, sample: Sample, check: Check) -> np.ndarray:
    """Class probabilities, or values, of every row by ``model`` fitted on the other folds."""
    answer = np.zeros((len(sample), max(1, sample.n_classes)))
    for fold in np.unique(sample.folds):
        check()
        test = sample.folds == fold
        seen = np.unique(sample.target[~test])
        if sample.n_classes and len(seen) == 1:  # nothing to learn where the other class's rows are all held out
            answer[test, seen[0]] = 1.0
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # "many classes for so few rows" is known here
            model.fit(sample.ordinal[~test], sample.target[~test])
        if sample.n_classes:
            answer[np.ix_(test, model.classes_)] = model.predict_proba(sample.ordinal[test])
        else:
            answer[test, 0] = model.predict(sample.ordinal[test])
    return answer


def _ridge_losses(kernel: np.ndarray, sample: Sample) -> np.ndarray:
    """Losses of ridge on features with these inner products: one column per class as -1 / +1, or the value."""
    targets = sample.target[:, None]
    if sample.n_classes:
        targets = np.where(targets == np.arange(sample.n_classes), 1.0, -1.0)
    return _losses(out_of_fold(kernel, targets, sample.folds), sample)


def _losses(answer: np.ndarray, sample: Sample) -> np.ndarray:
    """Loss of each row: 1 for a wrong class, or the squared error in units of the target's variance.

    Where classes are very unequal, each class's rows together weigh as much as those of any other.
    """
    answer = np.nan_to_num(answer, nan=0.0, posinf=0.0, neginf=0.0)
    if sample.unequal:
        wrong = _between_classes(answer, sample).argmax(axis=1) != sample.target
        return wrong / (sample.n_classes * sample.shares[sample.target])
    if sample.n_classes:
        return (answer.argmax(axis=1) != sample.target).astype(np.float64)
    lowest, highest = sample.target.min(), sample.target.max()
    return (np.clip(answer[:, 0], lowest, highest) - sample.target) ** 2


def _between_classes(answer: np.ndarray, sample: Sample) -> np.ndarray:
    """Place each answer between the means, on the other folds, of its class (+1/2) and of all other rows (-1/2).

    A rare class's answers are small whatever the model; it is their place between the two means that tells.
    """
    placed = np.empty_like(answer)
    own = sample.target[:, None] == np.arange(sample.n_classes)
    for fold in np.unique(sample.folds):
        here = sample.folds == fold
        among = [np.where(which[~here], answer[~here], 0.0).sum(axis=0) for which in (own, ~own)]
        inside, outside = (
            total / np.maximum(which[~here].sum(axis=0), 1) for total, which in zip(among, (own, ~own), strict=True)
        )
        placed[here] = (answer[here] - (inside + outside) / 2) / np.maximum(inside - outside, 1e-3)
    return placed


def _best_variant(variants: list[np.ndarray], folds: np.ndarray) -> np.ndarray:
    """Per fold, the losses of the variant that did best on the other folds."""
    stacked = np.stack(variants)
    chosen = np.empty(stacked.shape[1])
    for fold in np.unique(folds):
        here = folds == fold
        chosen[here] = stacked[stacked[:, ~here].mean(axis=1).argmin(), here]
    return chosen
