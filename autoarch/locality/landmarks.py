"""Cheap cross-validated stand-ins for each family: how well would a CNN, an MLP, trees or a linear model do.

At most 1,000 rows, three folds, the same for all. ``cnn``: ridge on random convolutions; ``cnn_shuffled``: the same
after one permutation of the cells (what the layout itself is worth); ``mlp``: a small net; ``tree``: extra trees and
small gradient boosting; ``linear``: ridge. ``stand_ins`` holds them; here they are chosen, timed and summed up.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

import numpy as np

from autoarch._core.clock import Deadline, OutOfTimeError
from autoarch._data.layout import Layout
from autoarch._statistics import random_convolutions
from autoarch.locality import landmark_mlp, landmark_models
from autoarch.locality.landmark_sample import N_FOLDS, Sample, choose_rows, prepare
from autoarch.locality.measurements import Gain, Landmark

MOST_ROWS = 1_000
FEW_ROWS = 500  # where time is short, or a row is long
VERY_FEW_ROWS = 200
MOST_VALUES = 1_500_000
MANY_CLASSES = 100
WARM_UP = 0.3  # of the first call into a library for linear algebra, whatever the machine
IMPORT_SECONDS = {"torch": 4.0, "sklearn.ensemble": 0.7}
ORDER = ("linear", "tree", "cnn", "mlp", "cnn_shuffled")  # what a comparison needs first comes first
LAYOUT_FREE = ("linear", "tree", "mlp")  # say the same whichever way the columns are laid out


@dataclass(frozen=True)
class Measured:
    """What the landmarks gave.

    Parameters
    ----------
    landmarks : mapping of str to Landmark
        Those that were run, of ``ORDER``.
    gains : mapping of str to Gain
        ``"layout"``: convolutions against the same on shuffled cells; ``"place"``: convolutions that know where a
        pattern stands against those that know only that it is there; ``"scaling"``: each cell scaled by itself against
        one scale for all.
    skipped : tuple of str
        Name and reason of each that was not run.
    n_rows : int
        Rows used.
    metric : str
        What the scores are: "accuracy", "balanced_accuracy" or "r2".
    rows : ndarray of int
        Which rows.
    losses : mapping of str to ndarray of shape (n_rows,)
        Loss of each row, by stand-in.
    layout : Layout or None
        Grid that the convolutions ran on.
    """

    landmarks: Mapping[str, Landmark] = field(default_factory=dict)
    gains: Mapping[str, Gain] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    n_rows: int = 0
    metric: str = "accuracy"
    rows: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.intp), repr=False)
    losses: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)
    layout: Layout | None = None

    def carried_over(self, layout: Layout | None) -> tuple[dict[str, Landmark], dict[str, np.ndarray]]:
        """Landmarks and losses that hold in this layout, too."""
        if layout == self.layout:
            return dict(self.landmarks), dict(self.losses)
        names = [name for name in LAYOUT_FREE if name in self.landmarks]
        return {name: self.landmarks[name] for name in names}, {name: self.losses[name] for name in names}


def measure_landmarks(
    values: np.ndarray,
    y: np.ndarray,
    *,
    task: str,
    layout: Layout | None,
    categorical: tuple[int, ...] = (),
    clock: Deadline,
    seed: int = 0,
    n_jobs: int | None = None,
    known: Measured | None = None,
    wanted: Sequence[str] = ORDER,
) -> Measured:
    """Score every landmark that the data and the time allow.

    Parameters
    ----------
    values : ndarray of shape (n, p)
        Numbers, NaN where missing, codes in the ``categorical`` columns.
    y : ndarray of shape (n,)
        Codes or floats; rows with a missing target are left out.
    task : {"classification", "regression"}
        Kind of ``y``.
    layout : Layout or None
        Grid behind the columns; without one there are no convolutions.
    categorical : tuple of int, default=()
        Columns that hold codes of categories.
    clock : Deadline
        The limit, if any.
    seed : int, default=0
        Seed of rows, kernels, weights and trees.
    n_jobs : int, optional
        Jobs for the trees.
    known : Measured, optional
        Measured before on the same data: its rows are used again, and so is what holds in this layout, too.
    wanted : sequence of str
        Landmarks to run.

    Returns
    -------
    Measured
    """
    n_labels = len(np.unique(y)) if task == "classification" else 0
    limit = _row_limit(values.shape[1], n_labels, clock, convolving=layout is not None and "cnn" in wanted)
    rows = choose_rows(y, limit, seed) if known is None else known.rows
    if len(rows) < 2 * N_FOLDS:
        too_few = f"landmarks: {len(rows)} rows with a target are too few; it takes {2 * N_FOLDS}"
        return Measured(skipped=(too_few,), rows=rows)
    if np.ptp(y[rows]) == 0:
        return Measured(skipped=("landmarks: y holds a single value",), rows=rows)
    sample = prepare(
        np.asarray(values[rows]), y[rows], task=task, layout=layout, categorical=categorical, seed=seed, n_jobs=n_jobs
    )
    landmarks, losses = ({}, {}) if known is None else known.carried_over(layout)
    skipped: list[str] = []
    pace = 1.0
    for name in ORDER:
        if name in landmarks or name not in wanted:
            continue
        reason = _why_not(name, sample, landmarks, clock, pace)
        if reason is None:
            started = monotonic()
            try:
                losses |= landmark_models.STAND_INS[name](sample, clock.check)
            except OutOfTimeError:
                reason = "time ran out"
            else:
                seconds = monotonic() - started
                landmarks[name] = _summary(losses[name], sample, seconds)
                if name == "linear":  # a machine slower than expected shows here
                    pace = max(1.0, (seconds - WARM_UP) / _expected_seconds(name, sample))
        if reason is not None:
            skipped.append(f"{name}: {reason}")
    return Measured(landmarks, _gains(losses), tuple(skipped), len(rows), sample.metric, rows, losses, layout)


def _row_limit(n_columns: int, n_classes: int, clock: Deadline, *, convolving: bool) -> int:
    """Rows that the landmarks may use; where no convolution can win there is less to find out in limited time."""
    limit = MOST_ROWS if MOST_ROWS * n_columns <= MOST_VALUES and n_classes <= MANY_CLASSES else FEW_ROWS
    if not clock.unlimited and (clock.left < 8.0 or not convolving):
        limit = FEW_ROWS if clock.left > 2.0 else VERY_FEW_ROWS
    return min(limit, max(2 * landmark_models.TINY_ROWS, 10 * MOST_VALUES // n_columns))


def _why_not(name: str, sample: Sample, done: dict[str, Landmark], clock: Deadline, pace: float) -> str | None:
    """Give the reason to leave a landmark out, or None."""
    if name in ("cnn", "cnn_shuffled"):
        if sample.layout is None:
            return "the columns have no layout"
        if max(sample.layout.height, sample.layout.width) < 3:
            return "no side has three cells"
    if _needs_torch(name) and len(sample) < landmark_models.TINY_ROWS:
        return f"{len(sample)} rows are too few to compare nets, which takes {landmark_models.TINY_ROWS}"
    if name == "cnn_shuffled" and "cnn" not in done:
        return "nothing to compare it with"
    if (
        not clock.unlimited
        and (expected := pace * _expected_seconds(name, sample) + _import_seconds(name)) > clock.left
    ):
        return f"about {expected:.1f} s expected, {max(0.0, clock.left):.1f} s left"
    return None


def _needs_torch(name: str) -> bool:
    """Whether this landmark runs on torch."""
    return name in ("cnn", "mlp", "cnn_shuffled")


def _import_seconds(name: str) -> float:
    """Seconds that the first import of this landmark's library takes."""
    library = "torch" if _needs_torch(name) else "sklearn.ensemble"
    return 0.0 if name == "linear" or library in sys.modules else IMPORT_SECONDS[library]


def _expected_seconds(name: str, sample: Sample) -> float:
    """Estimate the seconds of a landmark on a slow core, on the generous side; read only where there is a limit."""
    n, p = sample.expanded.shape
    solving = 4 * n * n * (n + sample.n_classes) / 1e10
    if name == "linear":
        return 0.02 + solving + n * n * p / 1e10
    if name == "tree":
        each = 2 + 0.2 * sample.n_classes if sample.n_classes else 6
        forest = landmark_models.n_trees(sample) * landmark_models.features_tried(sample) * each
        boosting = 2 * landmark_models.boosting_seconds(sample) if landmark_models.boosts(sample) else 0.0
        return 0.3 + N_FOLDS * forest * n * np.log2(n) / 1e8 + boosting
    if name == "mlp":
        nets = N_FOLDS * (2 if sample.all_cells else 1)
        products = (
            landmark_mlp.STEPS
            * landmark_mlp.BATCH
            * landmark_mlp.HIDDEN
            * (min(p, landmark_mlp.MOST_INPUTS) + landmark_mlp.HIDDEN)
        )
        return 0.5 + 6 * nets * products / 2e10
    responses = n * random_convolutions.N_KERNELS * min(p, 3 * random_convolutions.MOST_POSITIONS)
    return 0.2 + 6 * solving + 120 * responses / 1e10


def _summary(losses: np.ndarray, sample: Sample, seconds: float) -> Landmark:
    """Score with its standard error over rows."""
    n = len(losses)
    score = 1.0 - float(losses.mean())
    if sample.unequal:
        rows = np.bincount(sample.target, minlength=sample.n_classes)
        wrong = np.bincount(sample.target, weights=losses > 0, minlength=sample.n_classes)
        shrunk = (wrong + 1) / (rows + 2)
        error = float(np.sqrt((shrunk * (1 - shrunk) / (rows + 2)).sum()) / sample.n_classes)
    elif sample.n_classes:
        shrunk = (losses.sum() + 1) / (n + 2)  # not 0 where every row is right
        error = float(np.sqrt(shrunk * (1 - shrunk) / (n + 2)))
    else:
        error = float(np.std(losses - (1 - score) * sample.target**2) / np.sqrt(n))
    return Landmark(score=max(score, -1.0), std_error=error, seconds=seconds)


def _gains(losses: Mapping[str, np.ndarray]) -> dict[str, Gain]:
    """Compare pairs of stand-ins row by row."""
    pairs = {
        "layout": ("cnn", "cnn_shuffled"),
        "place": ("cnn_placed", "cnn_anywhere"),
        "scaling": ("cnn_per_cell", "cnn_overall"),
    }
    gains = {}
    for name, (first, second) in pairs.items():
        if first in losses and second in losses:
            gains[name] = paired(losses[first], losses[second])
    return gains


def paired(losses: np.ndarray, other: np.ndarray) -> Gain:
    """What the first has over the other, from the differences row by row."""
    differences = other - losses
    return Gain(float(differences.mean()), float(differences.std() / np.sqrt(len(differences))))
