"""Rows that landmark models share, scaled and encoded once, and the losses of predictions out of fold.

Where a landmark has variants (scalings, feature sets, kinds of trees), the variant for one fold is the one that did
best on the other folds, so that choosing among many does not flatter it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from autoarch._data.layout import Layout
from autoarch._statistics.correlations import standardise
from autoarch._statistics.ridge import gram, out_of_fold

Check = Callable[[], None]
Losses = dict[str, np.ndarray]
N_FOLDS = 3
SMALL_ROWS = 100  # below this, noise between rows outweighs what longer training would add
TINY_ROWS = 30  # below this, nothing but noise separates the nets from the rest
MOST_LEVELS = 20
_TEMPERATURES = (-3.0, 5.0)  # natural logarithms
UNEQUAL = 0.8  # where one class has more of the rows than this, classes count alike, not rows


@dataclass(frozen=True)
class Sample:
    """Rows, targets and folds of the landmarks.

    Parameters
    ----------
    per_column : ndarray of shape (n, p), float32
        Every column with mean 0 and variance 1, missing = 0.
    overall : ndarray of shape (n, p), float32
        One shift and scale for all cells, missing = the column's mean; ``per_column`` itself without a layout.
    expanded : ndarray of shape (n, q), float32
        ``per_column`` with each categorical column replaced by indicators.
    ordinal : ndarray of shape (n, p), float32
        ``per_column`` with codes in the categorical columns and missing values below all others: what trees read.
    categorical : tuple of int
        Columns of codes.
    target : ndarray of shape (n,)
        Codes of ``n_classes`` classes, or a standardised float where ``n_classes`` is 0.
    n_classes : int
        0 for regression.
    folds : ndarray of shape (n,)
        Fold of each row.
    layout : Layout or None
        Grid behind the columns.
    seed : int
        Seed of everything random.
    n_jobs : int or None
        Jobs for the trees.
    device : str, default="cpu"
        Where it may be convolved, as torch names it.
    brief : bool, default=False
        Whether time is short: landmarks leave out the dearest of their variants.
    """

    per_column: np.ndarray
    overall: np.ndarray
    expanded: np.ndarray
    ordinal: np.ndarray
    categorical: tuple[int, ...]
    target: np.ndarray
    n_classes: int
    folds: np.ndarray
    layout: Layout | None
    seed: int
    n_jobs: int | None
    device: str = "cpu"
    brief: bool = False

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.target)

    @property
    def shares(self) -> np.ndarray:
        """Share of each class among the rows; empty for regression."""
        return np.bincount(self.target, minlength=self.n_classes) / len(self) if self.n_classes else np.empty(0)

    @property
    def targets(self) -> np.ndarray:
        """Targets of a ridge, (n, k): one column per class as -1 / +1, or the value."""
        target = self.target[:, None]
        return np.where(target == np.arange(self.n_classes), 1.0, -1.0) if self.n_classes else target

    @property
    def constant_score(self) -> float:
        """Mean of ``row_scores`` where all rows are predicted alike."""
        return 1 / self.n_classes if self.unequal else float(np.square(self.shares).sum())

    @property
    def floor(self) -> float:
        """Score of the best constant, as scores of landmarks are measured."""
        return 1 / self.n_classes if self.unequal else float(self.shares.max(initial=0.0))

    @property
    def unequal(self) -> bool:
        """Tell whether one class has so many of the rows that accuracy would only count that class."""
        return bool(self.shares.max(initial=0.0) > UNEQUAL)

    @property
    def metric(self) -> str:
        """Name of the score."""
        if not self.n_classes:
            return "r2"
        return "balanced_accuracy" if self.unequal else "accuracy"

    @cached_property
    def products(self) -> np.ndarray:
        """Gram matrix of ``expanded``: several landmarks rest on it."""
        return gram(self.expanded)

    @property
    def solving_seconds(self) -> float:
        """Estimate the seconds of one ridge on a slow core."""
        return 4 * len(self) ** 2 * (len(self) + self.n_classes) / 1e10

    @property
    def all_cells(self) -> bool:
        """Tell whether every column is a cell of a grid."""
        return self.layout is not None and len(self.layout.foreign) == 0


def choose_rows(y: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Take at most ``most`` rows with a known target, spread evenly over the sorted target.

    Classes keep their shares, and since the result is sorted by y (ties in random order), every third row makes a
    stratified fold.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch.families.landmarks import choose_rows
    >>> y = np.array([0] * 90 + [1] * 10)
    >>> int(y[choose_rows(y, 20, seed=0)].sum())
    2
    """
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(np.nonzero(np.isfinite(y))[0])
    ordered = shuffled[np.argsort(y[shuffled], kind="stable")]
    if len(ordered) <= most:
        return ordered
    return ordered[((np.arange(most) + rng.random()) * len(ordered) / most).astype(int)]


def prepare(
    values: np.ndarray, y: np.ndarray, *, task: str, layout: Layout | None, categorical: tuple[int, ...], **rest: Any
) -> Sample:
    """Scale and encode rows that ``choose_rows`` has sorted; the rest are ``seed``, ``n_jobs`` and ``device``."""
    missing = np.isnan(values)
    per_column = _scaled(values)
    codes = np.where(missing, -1, values)[:, list(categorical)]
    numeric = np.setdiff1d(np.arange(values.shape[1]), categorical)
    indicators = [_scaled(_flags(codes[:, k])) for k in range(len(categorical))]
    ordinal = per_column.copy()
    ordinal[missing] = ordinal.min(initial=0.0) - 1.0
    ordinal[:, list(categorical)] = codes
    if task == "classification":
        classes, target = np.unique(y, return_inverse=True)
        n_classes = len(classes)
    else:
        target, n_classes = _unit(y.astype(np.float64)), 0
    return Sample(
        per_column=per_column,
        overall=_one_scale(values, missing, per_column, layout),
        expanded=np.hstack([per_column[:, numeric], *indicators]) if categorical else per_column,
        ordinal=ordinal,
        categorical=categorical,
        target=target,
        n_classes=n_classes,
        folds=np.arange(len(y)) % N_FOLDS,
        layout=layout,
        **rest,
    )


def _scaled(table: np.ndarray) -> np.ndarray:
    """Standardise each column of a table."""
    return standardise(table[:, None, None, :])[0][:, 0, 0]


def _one_scale(values: np.ndarray, missing: np.ndarray, per_column: np.ndarray, layout: Layout | None) -> np.ndarray:
    """The cells under one shift and scale; columns that are no cells keep their own."""
    if layout is None:
        return per_column
    cells = np.setdiff1d(np.arange(values.shape[1]), layout.foreign)
    if len(cells) == values.shape[1]:
        return _overall(values, missing)
    scaled = per_column.copy()
    scaled[:, cells] = _overall(values[:, cells], missing[:, cells])
    return scaled


def _overall(values: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """One shift and one scale for all columns; missing values take their column's mean."""
    zeroed = np.where(missing, 0.0, values)
    zeroed /= max(float(np.abs(zeroed).max(initial=0.0)), 1e-300)  # squares of 1e200 would overflow
    means = zeroed.sum(axis=0) / np.maximum((~missing).sum(axis=0), 1)
    return _unit(np.where(missing, means, zeroed)).astype(np.float32)


def _unit(numbers: np.ndarray) -> np.ndarray:
    """Shift and scale to mean 0 and variance 1, without overflow."""
    scaled = numbers / max(float(np.abs(numbers).max(initial=0.0)), 1e-300)
    scaled -= scaled.mean()
    return scaled / max(float(scaled.std()), 1e-300)


def _flags(codes: np.ndarray) -> np.ndarray:
    """0/1 columns for the most frequent levels of one categorical column."""
    levels, counts = np.unique(codes[codes >= 0], return_counts=True)
    kept = levels[np.argsort(-counts, kind="stable")[:MOST_LEVELS]]
    return (codes[:, None] == kept[None, :]).astype(np.float64)


def model_losses(model: Any, sample: Sample, check: Check) -> np.ndarray:
    """Losses of a classifier or regressor of scikit-learn, fitted on the other folds; it sees categories as codes."""
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
    return losses_of(answer, sample)


def ridge_losses(kernel: np.ndarray, sample: Sample) -> np.ndarray:
    """Losses of ridge on features with these inner products: one column per class as -1 / +1, or the value."""
    return losses_of(out_of_fold(kernel, sample.targets, sample.folds), sample)


def losses_of(answer: np.ndarray, sample: Sample) -> np.ndarray:
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


def score_and_error(losses: np.ndarray, sample: Sample) -> tuple[float, float]:
    """Score of these losses, -1 at the least, and its standard error over rows."""
    n, score = len(losses), 1.0 - float(losses.mean())
    if sample.n_classes:
        groups = sample.target if sample.unequal else np.zeros(n, dtype=int)  # of rows that count alike
        rows, wrong = np.bincount(groups), np.bincount(groups, weights=losses > 0)
        shrunk = (wrong + 1) / (rows + 2)  # not 0 where every row is right
        error = float(np.sqrt((shrunk * (1 - shrunk) / (rows + 2)).sum()) / len(rows))
    else:
        error = float(np.std(losses - (1 - score) * sample.target**2) / np.sqrt(n))
    return max(score, -1.0), error


def _between_classes(answer: np.ndarray, sample: Sample) -> np.ndarray:
    """Place each answer between the means, on the other folds, of its class (+1/2) and of all other rows (-1/2).

    A rare class's answers are small whatever the model; it is their place between the two means that tells.
    """
    placed = np.empty_like(answer)
    own = sample.target[:, None] == np.arange(sample.n_classes)
    for fold in np.unique(sample.folds):
        here = sample.folds == fold
        others = answer[~here]
        members = (own[~here], ~own[~here])
        inside, outside = ((others * few).sum(axis=0) / np.maximum(few.sum(axis=0), 1) for few in members)
        placed[here] = (answer[here] - (inside + outside) / 2) / np.maximum(inside - outside, 1e-3)
    return placed


def row_scores(sample: Sample, outputs: np.ndarray, *changed: np.ndarray) -> list[np.ndarray]:
    """Score of each row from the outputs of a ridge, then from those for changed copies of the rows.

    The probability of the true class, under one temperature, or 1 less the squared error.
    """
    if not sample.n_classes:
        return [1.0 - losses_of(answer, sample) for answer in (outputs, *changed)]
    answers, target = (outputs, *changed), sample.target
    weight, rows = np.ones(len(sample)), np.arange(len(sample))
    if sample.unequal:  # a rare class's outputs are small: what tells is their place between those of both kinds
        own = target[:, None] == np.arange(sample.n_classes)
        inside, outside = ((outputs * part).sum(axis=0) / np.maximum(part.sum(axis=0), 1) for part in (own, ~own))
        answers = tuple(2 * (each - (inside + outside) / 2) / np.maximum(inside - outside, 1e-3) for each in answers)
        weight = 1 / (sample.n_classes * sample.shares[target])

    def loss(log_temperature: float) -> float:
        return -float(weight @ log_softmax(np.exp(log_temperature) * answers[0], axis=1)[rows, target])

    temperature = np.exp(minimize_scalar(loss, bounds=_TEMPERATURES, method="bounded").x)
    return [weight * softmax(temperature * answer, axis=1)[rows, target] for answer in answers]


def best_variant(variants: list[np.ndarray], folds: np.ndarray) -> np.ndarray:
    """Per fold, the losses of the variant that did best on the other folds."""
    stacked = np.stack(variants)
    chosen = np.empty(stacked.shape[1])
    for fold in np.unique(folds):
        here = folds == fold
        chosen[here] = stacked[stacked[:, ~here].mean(axis=1).argmin(), here]
    return chosen
