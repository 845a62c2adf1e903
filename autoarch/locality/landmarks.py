"""Cheap cross-validated stand-ins for each family: how well would a CNN, an MLP, trees, a linear model do here?

At most 1,000 rows, three folds, the same for all. ``cnn``: ridge on random convolutions; ``cnn_shuffled``: the same after
one permutation of the cells (what the layout itself is worth); ``mlp``: a small net; ``tree``: extra trees and small
gradient boosting; ``linear``: ridge. Where a landmark has variants (scalings, feature sets), the variant for one fold is
chosen on the other folds, so that choosing among many does not flatter it.

Imports: numpy, scikit-learn (inside functions), ``ridge``, ``convolutions``, ``minimlp``, ``report``, ``autoarch._data``.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np

from autoarch._data.layout import Layout
from autoarch.locality import convolutions, minimlp
from autoarch.locality.report import Landmark
from autoarch.locality.ridge import gram, out_of_fold
from autoarch.locality.statistics import standardise

MOST_ROWS = 1_000
FEW_ROWS = 500  # where time is short, or a row is long
MOST_VALUES = 1_500_000
FEWEST_ROWS = 30  # below this nothing but noise separates the families
SMALL_ROWS = 100  # below this, noise between rows outweighs what longer training would add
N_FOLDS = 3
MOST_LEVELS = 20
MANY_CLASSES = 100
MOST_BOOSTING_SECONDS = 2.0
TORCH_IMPORT_SECONDS = 5.0
ORDER = ("linear", "tree", "cnn", "mlp", "cnn_shuffled")


class _OutOfTimeError(Exception):
    """The limit was reached inside a landmark."""


class Clock:
    """Seconds left of an optional limit; without a limit it never runs out and nothing depends on it."""

    def __init__(self, seconds: float | None, *, started: float | None = None) -> None:
        self._started = monotonic() if started is None else started
        self._end = None if seconds is None else self._started + seconds

    @property
    def limited(self) -> bool:
        """Whether there is a limit."""
        return self._end is not None

    def elapsed(self) -> float:
        """Seconds since the start."""
        return monotonic() - self._started

    def left(self) -> float:
        """Seconds until the limit; infinite without one."""
        return float("inf") if self._end is None else self._end - monotonic()

    def check(self) -> None:
        """Raise when the limit has passed."""
        if self._end is not None and monotonic() > self._end:
            raise _OutOfTimeError


@dataclass(frozen=True)
class Task:
    """The rows that all landmarks share."""

    scaled: np.ndarray  # (n, p) float32, per column
    raw: np.ndarray  # (n, p) float32, one scale for all columns, missing = that column's mean
    missing: np.ndarray  # (n, p) bool
    one_hot: np.ndarray  # (n, q) float32: numbers scaled, categories as indicator columns
    categorical: tuple[int, ...]
    codes: np.ndarray  # (n, p) for the categorical columns, -1 = missing
    target: np.ndarray  # (n,) codes, or standardised float
    n_classes: int  # 0 for regression
    folds: np.ndarray  # (n,)
    layout: Layout | None
    seed: int
    n_jobs: int | None


def measure_landmarks(
    values: np.ndarray,
    y: np.ndarray,
    *,
    task: str,
    layout: Layout | None,
    categorical: tuple[int, ...] = (),
    clock: Clock,
    seed: int = 0,
    n_jobs: int | None = None,
) -> tuple[dict[str, Landmark], tuple[str, ...], int]:
    """Score every landmark that the data and the time allow.

    Returns
    -------
    landmarks : dict of str to Landmark
        Those that were run, of ``ORDER``.
    skipped : tuple of str
        One sentence for each that was not.
    n_rows : int
        Rows used.
    """
    known = np.isfinite(y) if y.dtype.kind == "f" else np.ones(len(y), dtype=bool)
    limit = _row_limit(values.shape[1], clock)
    if task == "classification" and len(np.unique(y)) > MANY_CLASSES:
        limit = min(limit, FEW_ROWS)
    rows = choose_rows(y, np.nonzero(known)[0], limit, seed)
    if task == "classification" and len(np.unique(y[rows])) < 2:
        return {}, ("landmarks: y has a single class",), 0
    if len(rows) < 2 * N_FOLDS or (task == "regression" and np.ptp(y[rows]) == 0):
        return {}, (f"landmarks: {len(rows)} rows or a constant y leave nothing to compare",), 0
    shared = _prepare(values[rows], y[rows], task, layout, categorical, seed, n_jobs)
    landmarks: dict[str, Landmark] = {}
    skipped: list[str] = []
    pace = 1.0
    for name in ORDER:
        reason = _why_not(name, shared, landmarks, clock, pace)
        if reason is None:
            started = monotonic()
            try:
                losses = RUNNERS[name](shared, clock.check)
            except _OutOfTimeError:
                reason = "time ran out"
            else:
                spent = monotonic() - started
                if name == "linear" and clock.limited:  # a machine slower than ours shows here
                    pace = max(1.0, spent / _expected_seconds(name, shared))
                landmarks[name] = _summary(losses, shared, spent)
        if reason:
            skipped.append(f"{name}: {reason}")
    return landmarks, tuple(skipped), len(rows)


def _row_limit(n_columns: int, clock: Clock) -> int:
    """Rows that the landmarks may use."""
    limit = MOST_ROWS if MOST_ROWS * n_columns <= MOST_VALUES else FEW_ROWS
    limit = min(limit, max(60, MOST_VALUES * 10 // n_columns))
    if clock.limited and clock.left() < 8:
        limit = FEW_ROWS if clock.left() > 2 else 200
    return limit


def choose_rows(y: np.ndarray, rows: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Take at most ``most`` rows, spread evenly over the sorted target so that classes keep their shares.

    The result is sorted by y (ties in random order): every third row makes a stratified fold.
    """
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(rows)
    ordered = shuffled[np.argsort(y[shuffled], kind="stable")]
    if len(ordered) <= most:
        return ordered
    return ordered[((np.arange(most) + rng.random()) * len(ordered) / most).astype(int)]


def _prepare(
    values: np.ndarray,
    y: np.ndarray,
    task: str,
    layout: Layout | None,
    categorical: tuple[int, ...],
    seed: int,
    n_jobs: int | None,
) -> Task:
    """Scale and encode the chosen rows once for all landmarks."""
    scaled = standardise(values[:, None, None, :])[0][:, 0, 0]
    missing = np.isnan(values)
    if layout is not None:
        largest = max(float(np.nanmax(np.abs(values), initial=0.0)), 1e-300)
        raw = values / largest
        raw[missing] = np.nan
        mean = np.nan_to_num(np.nansum(raw, axis=0) / np.maximum((~missing).sum(axis=0), 1))
        raw = np.where(missing, mean, raw)
        raw = ((raw - raw.mean()) / max(float(raw.std()), 1e-12)).astype(np.float32)
    else:
        raw = scaled
    codes = np.where(missing[:, categorical], -1, values[:, categorical]) if categorical else values[:, :0]
    numeric = np.setdiff1d(np.arange(values.shape[1]), categorical)
    indicators = [scaled[:, numeric], *(_indicators(codes[:, k]) for k in range(codes.shape[1]))]
    if task == "classification":
        classes, target = np.unique(y, return_inverse=True)
        n_classes = len(classes)
    else:
        centred = y.astype(np.float64) / max(float(np.abs(y).max()), 1e-300)
        centred -= centred.mean()
        target, n_classes = centred / max(float(centred.std()), 1e-300), 0
    return Task(
        scaled=scaled,
        raw=raw,
        missing=missing,
        one_hot=np.hstack(indicators) if categorical else scaled,
        categorical=categorical,
        codes=codes,
        target=target,
        n_classes=n_classes,
        folds=np.arange(len(y)) % N_FOLDS,
        layout=layout,
        seed=seed,
        n_jobs=n_jobs,
    )


def _indicators(codes: np.ndarray) -> np.ndarray:
    """Standardised 0/1 columns for the most frequent levels of one categorical column."""
    levels, counts = np.unique(codes[codes >= 0], return_counts=True)
    kept = levels[np.argsort(-counts, kind="stable")[:MOST_LEVELS]]
    flags = (codes[:, None] == kept[None, :]).astype(np.float64)
    return standardise(flags[:, None, None, :])[0][:, 0, 0]


def _why_not(name: str, task: Task, done: dict[str, Landmark], clock: Clock, pace: float) -> str | None:
    """The reason to leave a landmark out, or None."""
    convolution = name in ("cnn", "cnn_shuffled")
    if convolution and task.layout is None:
        return "the columns have no layout"
    if convolution and max(task.layout.height, task.layout.width) < 3:
        return "no side has three cells"
    if name in ("cnn", "mlp", "cnn_shuffled") and len(task.target) < FEWEST_ROWS:
        return f"{len(task.target)} rows are too few to compare nets (at least {FEWEST_ROWS})"
    if name == "cnn_shuffled" and "cnn" not in done:
        return "nothing to compare it with"
    if not clock.limited:
        return None
    expected = pace * _expected_seconds(name, task)
    if name in ("cnn", "mlp", "cnn_shuffled") and "torch" not in sys.modules:
        expected += TORCH_IMPORT_SECONDS
    if expected > clock.left():
        return f"about {expected:.1f} s expected, {max(0.0, clock.left()):.1f} s left"
    return None


def _expected_seconds(name: str, task: Task) -> float:
    """Seconds on a slow core, rounded up generously; only read where there is a limit."""
    n, p = task.scaled.shape
    outputs = max(1, task.n_classes)
    solve = 4 * (n**3 + n**2 * outputs) / 1e10
    if name == "linear":
        return 0.02 + solve + n * n * task.one_hot.shape[1] / 1e10
    if name == "tree":
        return 0.3 + _forest_seconds(task) + (2 * _boosting_seconds(task) if _boosts(task) else 0.0)
    if name == "mlp":
        return 0.3 + 6 * minimlp.STEPS * minimlp.BATCH * 128 * (task.one_hot.shape[1] + 128) * 6 / 1e10
    return 0.2 + 6 * solve + 2 * n * convolutions.N_KERNELS * min(p, 3 * convolutions.MOST_POSITIONS) * 60 / 1e10


def _forest_seconds(task: Task) -> float:
    """Expected seconds of the extra trees."""
    n, p = task.scaled.shape
    tried = np.sqrt(p) if task.n_classes else p / 3
    return N_FOLDS * 80 * n * np.log2(n) * tried * (2 + 0.2 * task.n_classes) / 1e8


def _boosting_seconds(task: Task) -> float:
    """Expected seconds of the gradient boosting."""
    n, p = task.scaled.shape
    trees = 30 * (task.n_classes if task.n_classes > 2 else 1)
    return N_FOLDS * trees * (5e-4 + p * (n * 1e-8 + 6e-6))


def _boosts(task: Task) -> bool:
    """Whether gradient boosting is cheap enough to be tried beside the extra trees."""
    return len(task.target) >= 60 and _boosting_seconds(task) < MOST_BOOSTING_SECONDS


def _run_linear(task: Task, check: Callable[[], None]) -> np.ndarray:
    """Ridge on scaled columns."""
    return _losses(out_of_fold(gram(task.one_hot), _ridge_targets(task), task.folds), task)


def _run_cnn(task: Task, check: Callable[[], None]) -> np.ndarray:
    """Ridge on random convolutions of the grid."""
    return _convolve(task, np.arange(task.scaled.shape[1]), check)


def _run_shuffled(task: Task, check: Callable[[], None]) -> np.ndarray:
    """The same after one permutation of the cells, the same for all samples and channels."""
    layout = task.layout
    assert layout is not None
    cells = np.random.default_rng([task.seed, 1]).permutation(layout.height * layout.width)
    columns = np.arange(layout.channels)[:, None] * len(cells) + cells[None, :]
    return _convolve(task, columns.ravel(), check)


def _convolve(task: Task, columns: np.ndarray, check: Callable[[], None]) -> np.ndarray:
    """Best of two scalings and three feature sets."""
    layout = task.layout
    assert layout is not None
    targets = _ridge_targets(task)
    cells = gram(task.scaled)
    variants = []
    for number, values in enumerate((task.raw, task.scaled)):
        grid = np.ascontiguousarray(values[:, columns]).reshape(len(values), *layout.shape)
        banks = convolutions.random_banks(grid, np.random.default_rng([task.seed, 2, number]))
        placed, anywhere = (gram(part) for part in convolutions.pooled_features(grid, banks, check))
        for kernel in (placed, anywhere, (placed + anywhere + cells) / 3):
            check()
            variants.append(_losses(out_of_fold(kernel, targets, task.folds), task))
    return _best_variant(variants, task.folds)


def _run_mlp(task: Task, check: Callable[[], None]) -> np.ndarray:
    """A small net, on grids under both scalings."""
    inputs = [task.one_hot] if task.layout is None else [task.raw, task.scaled]
    steps = minimlp.STEPS if len(task.target) >= SMALL_ROWS else minimlp.STEPS // 2
    answers = minimlp.out_of_fold_mlp(inputs, task.target, task.folds, task.n_classes, task.seed, check, steps)
    return _best_variant([_losses(answer, task) for answer in answers], task.folds)


def _run_tree(task: Task, check: Callable[[], None]) -> np.ndarray:
    """Extra trees and, where cheap, small gradient boosting; both see categories as codes."""
    from sklearn import ensemble

    table = task.scaled.copy()
    table[task.missing] = table.min() - 1.0
    if task.categorical:
        table[:, task.categorical] = task.codes
    many = 80 if len(task.target) >= SMALL_ROWS else 20 if len(task.target) >= FEWEST_ROWS else 10
    boosting = {
        "max_iter": 30, "learning_rate": 0.2, "max_leaf_nodes": 8, "early_stopping": False, "random_state": task.seed,
        "min_samples_leaf": 5, "categorical_features": list(task.categorical) or None,
    }  # fmt: skip
    if task.n_classes:
        models = [ensemble.ExtraTreesClassifier(many, random_state=task.seed, n_jobs=task.n_jobs)]
        models += [ensemble.HistGradientBoostingClassifier(**boosting)] if _boosts(task) else []
    else:
        forest = ensemble.ExtraTreesRegressor(many, max_features=1 / 3, random_state=task.seed, n_jobs=task.n_jobs)
        models = [forest, *([ensemble.HistGradientBoostingRegressor(**boosting)] if _boosts(task) else [])]
    return _best_variant([_losses(_cross_predict(model, table, task, check), task) for model in models], task.folds)


def _cross_predict(model: Any, table: np.ndarray, task: Task, check: Callable[[], None]) -> np.ndarray:
    """Class probabilities, or values, of every row by ``model`` fitted on the other folds."""
    answer = np.zeros((len(task.target), max(1, task.n_classes)))
    for fold in np.unique(task.folds):
        check()
        test = task.folds == fold
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # "many classes for so few rows" is known here
            model.fit(table[~test], task.target[~test])
        if task.n_classes:
            answer[np.ix_(test, model.classes_)] = model.predict_proba(table[test])
        else:
            answer[test, 0] = model.predict(table[test])
    return answer


RUNNERS: dict[str, Callable[[Task, Callable[[], None]], np.ndarray]] = {
    "linear": _run_linear,
    "tree": _run_tree,
    "cnn": _run_cnn,
    "mlp": _run_mlp,
    "cnn_shuffled": _run_shuffled,
}


def _ridge_targets(task: Task) -> np.ndarray:
    """One column per class as -1 / +1, or the value."""
    if not task.n_classes:
        return task.target[:, None]
    return np.where(task.target[:, None] == np.arange(task.n_classes), 1.0, -1.0)


def _losses(answer: np.ndarray, task: Task) -> np.ndarray:
    """Loss of each row: 1 for a wrong class, or the squared error in units of the target's variance."""
    answer = np.nan_to_num(answer, nan=0.0, posinf=0.0, neginf=0.0)
    if task.n_classes:
        return (answer.argmax(axis=1) != task.target).astype(np.float64)
    lowest, highest = task.target.min(), task.target.max()
    return (np.clip(answer[:, 0], lowest, highest) - task.target) ** 2


def _best_variant(variants: list[np.ndarray], folds: np.ndarray) -> np.ndarray:
    """Per fold, the losses of the variant that did best on the other folds."""
    stacked = np.stack(variants)
    chosen = np.empty(stacked.shape[1])
    for fold in np.unique(folds):
        here = folds == fold
        chosen[here] = stacked[stacked[:, ~here].mean(axis=1).argmin(), here]
    return chosen


def _summary(losses: np.ndarray, task: Task, seconds: float) -> Landmark:
    """Accuracy or R2 with its standard error over rows."""
    n = len(losses)
    score = 1.0 - float(losses.mean())
    if task.n_classes:
        shrunk = (losses.sum() + 1) / (n + 2)  # not 0 where every row is right
        error = float(np.sqrt(shrunk * (1 - shrunk) / (n + 2)))
    else:
        error = float(np.std(losses - (1 - score) * task.target**2) / np.sqrt(n))
    return Landmark(score=max(score, -1.0), std_error=error, seconds=seconds)
