"""Ask whether cells that stand close together also behave alike, and whether that helps the task.

``probe_locality`` takes anything a user may hold; ``probe_values`` takes the canonical matrix that ``fit`` has already.
Both run the statistics against their nulls and, given a target, the landmarks, and return a ``LocalityReport``.

Imports: numpy, scikit-learn, ``autoarch._data``, ``autoarch._checks``, and of this room ``statistics``, ``nulls``,
``clock``, ``landmarks``, ``report``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np

from autoarch._checks import check_choice, check_positive
from autoarch._data.layout import Layout
from autoarch.locality import nulls, statistics
from autoarch.locality.clock import Clock
from autoarch.locality.landmarks import measure_landmarks
from autoarch.locality.report import AxisEvidence, Landmark, LocalityReport

MOST_VALUES = 1_000_000  # values read by the statistics: 1,000 rows of 28 x 28, 244 of 64 x 64
FEWEST_SAMPLES = 3


def probe_locality(
    X: Any,
    y: Any = None,
    layout: Any = "auto",
    *,
    channels: str = "first",
    task: str = "auto",
    time_budget: float | None = None,
    random_state: Any = None,
    n_jobs: int | None = None,
) -> LocalityReport:
    """Test whether neighbouring cells of ``X`` belong together and, given ``y``, which family of models profits.

    Parameters
    ----------
    X : array-like of shape (n, p), (n, H, W) or (n, C, H, W), or DataFrame
        Samples. Missing values are allowed.
    y : array-like of shape (n,), optional
        Labels or numbers to predict. Without it there are no landmarks.
    layout : tuple of int, "auto" or None, default="auto"
        Cells behind flat columns, as ``(height, width)`` or ``(channels, height, width)``. "auto" takes the shape of X;
        flat columns count as one line. None says that there is no grid.
    channels : {"first", "last"}, default="first"
        Where the channels of a 4-D X stand.
    task : {"auto", "classification", "regression"}, default="auto"
        What ``y`` is. "auto": numbers with fractions, or with more than 20 values and more than a tenth
        of the rows, are a regression.
    time_budget : float, optional
        Seconds that are not exceeded; the least useful landmarks are left out first and named in ``skipped``.
    random_state : int, RandomState instance or None, default=None
        Seed of subsampling, permutations and landmarks.
    n_jobs : int, optional
        Jobs for the trees among the landmarks.

    Returns
    -------
    LocalityReport
        ``print`` it, or read ``verdict``, ``p_value``, ``landmarks``, ``recommended_families``.

    Examples
    --------
    >>> from autoarch import probe_locality
    >>> from autoarch.datasets import load_digits_grid, load_digits_scrambled
    >>> X, y = load_digits_grid()
    >>> probe_locality(X, random_state=0).verdict
    '2d'
    >>> X, y = load_digits_scrambled(random_state=0)
    >>> probe_locality(X, layout=(8, 8), random_state=0).verdict
    'none'
    """
    from autoarch._data.canonical import Canonicaliser

    if time_budget is not None:
        check_positive("time_budget", time_budget, unit="seconds", absent="None for 'no limit'")
    check_choice("task", task, ("auto", "classification", "regression"))
    clock = Clock(time_budget)
    canonical = Canonicaliser(layout=layout, channels=channels).fit(X)
    values = canonical.transform(X)
    target: np.ndarray | None = None
    if y is not None:
        task, target = _read_target(y, task, len(values))
    return probe_values(
        values,
        canonical.layout_,
        y=target,
        task=None if target is None else task,
        categorical=canonical.categorical_,
        seconds=None if time_budget is None else max(clock.left(), 1e-3),
        random_state=random_state,
        n_jobs=n_jobs,
    )


def _read_target(y: Any, task: str, n_samples: int) -> tuple[str, np.ndarray]:
    """Labels as codes or numbers as floats, after deciding which they are."""
    from autoarch._data.targets import encode_labels, guess_task, numeric_target

    if (guess_task(y) if task == "auto" else task) == "regression":
        return "regression", numeric_target(y, n_samples=n_samples, estimator_name="probe_locality")
    return "classification", encode_labels(y, n_samples=n_samples, estimator_name="probe_locality")[0]


def probe_values(
    values: np.ndarray,
    layout: Layout | None,
    *,
    y: np.ndarray | None = None,
    task: str | None = None,
    categorical: tuple[int, ...] = (),
    seconds: float | None = None,
    random_state: Any = None,
    n_jobs: int | None = None,
) -> LocalityReport:
    """Probe a canonical matrix.

    Parameters
    ----------
    values : ndarray of shape (n, p)
        Numbers, NaN where missing, codes in the ``categorical`` columns.
    layout : Layout or None
        Grid behind the columns.
    y : ndarray of shape (n,), optional
        Codes (classification) or floats (regression).
    task : {"classification", "regression"}, optional
        Kind of ``y``; needed with it.
    categorical : tuple of int, default=()
        Columns that hold codes of categories.
    seconds : float, optional
        Limit. None: no decision depends on the clock, the result is a function of data and seed.
    random_state : int, RandomState instance or None, default=None
        Seed.
    n_jobs : int, optional
        Jobs for the trees among the landmarks.

    Returns
    -------
    LocalityReport
    """
    clock = Clock(seconds)
    seed = _seed(random_state)
    found = _Found()
    if layout is not None:
        found = _look(values, layout, np.random.default_rng([seed, 0]), hurried=clock.left() < 1.0)
    landmarks: dict[str, Landmark] = {}
    skipped: tuple[str, ...] = ()
    rows = 0
    if y is not None:
        landmarks, skipped, rows = measure_landmarks(
            values,
            np.asarray(y),
            task=task or "classification",
            layout=layout,
            categorical=categorical,
            clock=clock,
            seed=seed,
            n_jobs=n_jobs,
        )
    return LocalityReport(
        layout=layout,
        p_value=found.p_value,
        axes=found.axes,
        lag_r2=found.lag_r2,
        morans_i=found.morans_i,
        landmarks=landmarks,
        landmark_metric="r2" if task == "regression" else "accuracy",
        n_samples_used=found.n_samples,
        landmark_rows=rows,
        seconds=clock.elapsed(),
        skipped=skipped,
    )


def _seed(random_state: Any) -> int:
    """One integer from any kind of ``random_state``; the global state is read, as everywhere, only for None."""
    from sklearn.utils import check_random_state

    if random_state is None:
        return int(np.random.default_rng().integers(2**31))
    return int(check_random_state(random_state).randint(2**31 - 1))


@dataclass(frozen=True)
class _Found:
    """What the statistics say."""

    p_value: float | None = None
    axes: dict[str, AxisEvidence] = field(default_factory=dict)
    lag_r2: float = 0.0
    morans_i: float = 0.0
    n_samples: int = 0


def _look(values: np.ndarray, layout: Layout, rng: np.random.Generator, *, hurried: bool = False) -> _Found:
    """Run all statistics and their nulls on a sample of the rows."""
    n = len(values)
    most_values, fewest = (MOST_VALUES // 5, 30) if hurried else (MOST_VALUES, 100)
    most = int(np.clip(most_values / prod(layout.shape), fewest, statistics.MAX_ROWS))
    chosen = np.sort(rng.choice(n, most, replace=False)) if n > most else slice(None)
    grid = layout.to_grid(np.asarray(values[chosen]))
    lines = {"rows": layout.width, "columns": layout.height}
    if len(grid) < FEWEST_SAMPLES:
        return _Found(1.0, axes={name: AxisEvidence(side=side) for name, side in lines.items()}, n_samples=len(grid))
    scaled, active = statistics.standardise(grid)
    cells = statistics.cell_correlations(scaled, active)
    overall = statistics.mean_off_diagonal(cells.unsigned)
    turned = scaled.swapaxes(2, 3), active.swapaxes(1, 2)
    axes = {
        "rows": _look_along(scaled, active, overall, rng),
        "columns": _look_along(*turned, overall, rng),
    }
    return _Found(
        p_value=nulls.any_layout_p(cells, rng),
        axes=_adjusted(axes),
        lag_r2=statistics.lag_r2(cells),
        morans_i=statistics.morans_i(scaled, active),
        n_samples=len(grid),
    )


def _look_along(scaled: np.ndarray, active: np.ndarray, overall: float, rng: np.random.Generator) -> AxisEvidence:
    """Evidence along the last axis of the grid; its p-value is not yet adjusted."""
    full_side = scaled.shape[3]
    signed, unsigned = statistics.line_correlations(scaled, active)
    side = len(signed)  # constant lines are out
    if side < 2:
        return AxisEvidence(side=full_side)
    share, expected = nulls.line_p(signed, unsigned, rng) if side > 2 else (1.0, overall)
    sizes = statistics.lag_means(unsigned)
    return AxisEvidence(
        side=full_side,
        n_orders=nulls.n_orders(side),
        p_value=share if side >= nulls.FEWEST_ORDERED else None,
        share_of_orders=share,
        correlations=statistics.lag_means(signed),
        sizes=sizes,
        expected=expected,
        excess=(sizes[0] - overall) / max(1.0 - overall, 1e-6),
    )


def _adjusted(axes: dict[str, AxisEvidence]) -> dict[str, AxisEvidence]:
    """Holm-adjust the p-values of the axes that have one."""
    tested = {name: axis.p_value for name, axis in axes.items() if axis.p_value is not None}
    adjusted = nulls.holm(tested)
    return {name: replace(axis, p_value=adjusted[name]) if name in adjusted else axis for name, axis in axes.items()}
