"""Cheap cross-validated landmark models of the families: how well would a CNN, an MLP, trees or a linear model do.

At most 1,000 rows, three folds, the same for all. Each family brings its own (``Family.landmark``); here they are
chosen, timed and summed up. A control stands beside them: the landmark of the CNN after one permutation of the cells,
the same for all samples and channels, tells what the layout itself is worth.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

import numpy as np

from autoarch._core.clock import Deadline, OutOfTimeError
from autoarch._core.hangs import call_within
from autoarch._data.layout import Layout
from autoarch._data.records import Windows
from autoarch._training.grid_extents import EXTENTS
from autoarch.families.base import Family, is_foreign
from autoarch.families.landmarks import N_FOLDS, TINY_ROWS, Losses, Sample, choose_rows, prepare, score_and_error
from autoarch.families.registry import WITH_LANDMARK
from autoarch.locality.measurements import Gain, Landmark, LandmarkScores

MOST_ROWS = 1_000
FEW_ROWS = 500  # where time is short, or a row is long
LONG_ROWS, LONG_VALUES = 300, 1_250_000  # of still longer rows fewer, as many as hold so many values
VERY_FEW_ROWS = 200
MOST_VALUES = 1_500_000
MANY_CLASSES = 100
WARM_UP = 0.3  # of the first call into a library for linear algebra, whatever the machine
TORCH_SECONDS = 4.0  # of its first import
_DEAR = 0.4  # of the time left, above which a landmark leaves out what costs most
_LEAST = 1e-3  # seconds that any landmark takes
_GRACE = 0.5  # seconds beyond the time that the landmark of a plug-in has, before it is ended
CONTROL = "cnn_shuffled"
LAYOUT_FREE = tuple(name for name, family in WITH_LANDMARK.items() if not family.needs.grid)  # the same in any layout


def _family(name: str) -> Family:
    return WITH_LANDMARK["cnn" if name == CONTROL else name]


def _on_torch(name: str) -> bool:
    return "torch" in _family(name).needs.packages


# what a comparison needs first comes first: convolutions, then trees, which may take all the time; other nets come last
ORDER = (*sorted(WITH_LANDMARK, key=lambda name: (name in LAYOUT_FREE) * (1 + _on_torch(name))), CONTROL)


@dataclass(frozen=True, eq=False)
class ProbeInput:
    """Data of a probe, and how long it may take.

    Parameters
    ----------
    values : ndarray of shape (n, p)
        Numbers, NaN where missing, codes in the ``categorical`` columns.
    y : ndarray of shape (n,), optional
        Codes or floats; rows with a missing target are left out. Without it there are no landmarks.
    task : {"classification", "regression"}, default="classification"
        Kind of ``y``.
    categorical : tuple of int, default=()
        Columns that hold codes of categories.
    seed : int, default=0
        Everything random follows from it.
    n_jobs : int, optional
        Jobs for the trees among the landmarks.
    device : str, default="cpu"
        Where landmarks may convolve, as torch names it.
    clock : Deadline
        The limit, if any.
    windows : Windows, None or "auto"
        Overlaps of the rows, where they are known.
    independent : ndarray of int, optional
        Rows for tests, which take each row for a draw of its own. Default: all.
    """

    values: np.ndarray
    y: np.ndarray | None = None
    task: str = "classification"
    categorical: tuple[int, ...] = ()
    seed: int = 0
    n_jobs: int | None = None
    device: str = "cpu"
    clock: Deadline = field(default_factory=Deadline)
    windows: Windows | str | None = "auto"
    independent: np.ndarray | None = None

    @property
    def draws(self) -> np.ndarray:
        """Values of the rows for tests."""
        return self.values if self.independent is None else self.values[self.independent]

    @property
    def numeric(self) -> np.ndarray:
        """Columns that hold numbers."""
        return np.setdiff1d(np.arange(self.values.shape[1]), self.categorical)


@dataclass(frozen=True)
class Measured(LandmarkScores):
    """Scores and losses of the landmarks.

    Parameters
    ----------
    landmarks, gains, landmark_metric, landmark_rows, landmark_floor
        As of ``LandmarkScores``, of those that were run.
    skipped : tuple of str
        Name and reason of each that was not run.
    rows : ndarray of int
        Which rows.
    losses : mapping of str to ndarray of shape (landmark_rows,)
        Loss of each row, by landmark model.
    layout : Layout or None
        Grid that the convolutions ran on.
    """

    skipped: tuple[str, ...] = ()
    rows: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.intp), repr=False)
    losses: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)
    layout: Layout | None = None

    def carried_over(self, layout: Layout | None) -> tuple[dict[str, Landmark], dict[str, np.ndarray]]:
        """Landmarks and losses that hold in this layout, too."""
        if layout == self.layout:
            return dict(self.landmarks), dict(self.losses)
        landmarks = {name: self.landmarks[name] for name in LAYOUT_FREE if name in self.landmarks}
        return landmarks, {name: self.losses[name] for name in landmarks}


def measure_landmarks(
    data: ProbeInput, layout: Layout | None, known: Measured | None = None, wanted: Sequence[str] = ORDER
) -> Measured:
    """Score every landmark that the data and the time allow.

    Parameters
    ----------
    data : ProbeInput
        Rows, their targets and the time.
    layout : Layout or None
        Grid behind the columns; without one there are no convolutions.
    known : Measured, optional
        Measured before on the same data: its rows are used again, and so is what holds in this layout, too.
    wanted : sequence of str
        Landmarks to run.

    Returns
    -------
    Measured
    """
    values, y, clock = data.values, data.y, data.clock
    if y is None:
        return Measured(landmark_metric="r2" if data.task == "regression" else "accuracy")
    n_labels = len(np.unique(y)) if data.task == "classification" else 0
    limit = _row_limit(values.shape[1], n_labels, clock, convolving=layout is not None and "cnn" in wanted)
    rows = choose_rows(y, limit, data.seed) if known is None else known.rows
    if len(rows) < 2 * N_FOLDS:
        too_few = f"landmarks: {len(rows)} rows with a target are too few; it takes {2 * N_FOLDS}"
        return Measured(skipped=(too_few,), rows=rows)
    if np.ptp(y[rows]) == 0:
        return Measured(skipped=("landmarks: y holds a single value",), rows=rows)
    common: dict[str, Any] = {"categorical": data.categorical, "seed": data.seed, "n_jobs": data.n_jobs}
    sample = prepare(np.asarray(values[rows]), y[rows], task=data.task, layout=layout, device=data.device, **common)
    landmarks, losses = ({}, {}) if known is None else known.carried_over(layout)
    missing = [name for name in ORDER if name in wanted and name not in landmarks]
    skipped = _run(sample, landmarks, losses, clock, missing)
    extra: dict[str, Any] = {"skipped": skipped, "rows": rows, "losses": losses, "layout": layout}
    extra["landmark_floor"] = sample.floor
    return Measured(landmarks, _gains(losses), sample.metric, len(rows), **extra)


def _run(
    sample: Sample, landmarks: dict[str, Landmark], losses: Losses, clock: Deadline, wanted: Sequence[str]
) -> tuple[str, ...]:
    """Add what is wanted to landmarks and losses; give name and reason of what was left out."""
    skipped: list[str] = []
    pace = 1.0
    for name in wanted:
        reason = None
        try:
            dear = not clock.unlimited and pace * _family(name).landmark_seconds(sample) > _DEAR * clock.left
            used = replace(sample, brief=True) if dear else sample
            reason = _why_not(name, used, landmarks, clock, pace)
            if reason is None:
                started = monotonic()
                found, expected = _losses(name, used, clock), max(_family(name).landmark_seconds(used), _LEAST)
                score, error = score_and_error(found[name], sample)
                landmarks[name] = Landmark(score, error, seconds := monotonic() - started)
                losses |= found
                # Of this machine, now; what it has been before counts less from landmark to landmark
                pace = max(1.0, pace / 2, (seconds - WARM_UP) / expected)
        except OutOfTimeError:
            reason = "time ran out"
        except (Exception, SystemExit) as error:  # a plug-in may raise anything; the others are compared all the same
            reason = f"{type(error).__name__}: {error}"
        if reason is not None:
            skipped.append(f"{name}: {reason}")
    return tuple(skipped)


def _row_limit(n_columns: int, n_classes: int, clock: Deadline, *, convolving: bool) -> int:
    """Rows that the landmarks may use: fewer in limited time where no convolution is among them."""
    limit = MOST_ROWS if MOST_ROWS * n_columns <= MOST_VALUES and n_classes <= MANY_CLASSES else FEW_ROWS
    limit = min(limit, max(LONG_ROWS, LONG_VALUES // n_columns))
    if not clock.unlimited and (clock.left < 8.0 or not convolving):
        limit = FEW_ROWS if clock.left > 2.0 else VERY_FEW_ROWS
    return min(limit, max(2 * TINY_ROWS, 10 * MOST_VALUES // n_columns))


def _losses(name: str, sample: Sample, clock: Deadline) -> Losses:
    """Run a landmark model, the control on shuffled cells."""
    if name != CONTROL or sample.layout is None:
        family = _family(name)
        seconds = None if clock.unlimited or not is_foreign(family) else max(0.0, clock.left) + _GRACE
        return call_within(seconds, family.landmark, sample, clock.check)
    layout = sample.layout
    cells = np.random.default_rng([sample.seed, 1]).permutation(layout.height * layout.width)
    columns = layout.columns.reshape(layout.channels, -1)[:, cells].ravel()
    shuffled = replace(sample, layout=replace(layout, order=tuple(columns.tolist())))
    return {CONTROL: _family(name).landmark(shuffled, clock.check)["cnn"]}


def _why_not(name: str, sample: Sample, done: Mapping[str, Landmark], clock: Deadline, pace: float) -> str | None:
    """Give the reason to leave a landmark out, or None."""
    family = _family(name)
    if family.needs.grid:
        if sample.layout is None:
            return "the columns have no layout"
        if max(sample.layout.height, sample.layout.width) < 3:
            return "no side has three cells"
    if _on_torch(name) and len(sample) < TINY_ROWS:
        return f"{len(sample)} rows are too few to compare nets, which takes {TINY_ROWS}"
    if name == CONTROL and "cnn" not in done:
        return "nothing to compare it with"
    importing = TORCH_SECONDS if _on_torch(name) and "torch" not in sys.modules else 0.0
    if not clock.unlimited and (expected := pace * family.landmark_seconds(sample) + importing) > clock.left:
        return f"about {expected:.1f} s expected, {max(0.0, clock.left):.1f} s left"
    return None


def _gains(losses: Mapping[str, np.ndarray]) -> dict[str, Gain]:
    """Compare pairs of landmark models row by row."""
    pairs = {"layout": ("cnn", CONTROL), "place": ("cnn_placed", "cnn_anywhere")}
    pairs |= {"scaling": ("cnn_per_cell", "cnn_overall")}
    pairs |= {extent: (f"cnn_{extent}", "cnn_overall") for extent in EXTENTS}
    gains = {name: paired(losses.get(first), losses.get(other)) for name, (first, other) in pairs.items()}
    return {name: gain for name, gain in gains.items() if gain is not None}


def paired(losses: np.ndarray | None, other: np.ndarray | None) -> Gain | None:
    """Lead of the first over the other, from the differences row by row; None where one was not run."""
    if losses is None or other is None:
        return None
    differences = other - losses
    return Gain(float(differences.mean()), float(differences.std() / np.sqrt(len(differences))))
