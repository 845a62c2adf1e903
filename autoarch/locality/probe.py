"""Test whether neighbouring cells depend on each other, and whether that helps the task.

``probe_locality`` takes anything a user may hold; ``probe_values`` takes the canonical matrix that ``fit`` has already.
Both run the statistics against their nulls and, given a target, the landmarks, and return a ``LocalityReport``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from autoarch._core.checks import check_choice, check_jobs, check_seconds, own_errors, seed_of
from autoarch._core.clock import Deadline
from autoarch._core.quiet import filters_kept
from autoarch._data.array_checks import Sentinel
from autoarch._data.layout import Layout
from autoarch._data.letters import Letters
from autoarch._data.sample_sizes import CommonSize
from autoarch._report.text import listed
from autoarch._statistics import correlations
from autoarch.families.landmarks import choose_rows
from autoarch.locality.layout_choice import LayoutSearch, measure
from autoarch.locality.report import LocalityReport
from autoarch.locality.symmetry import Symmetry

_MOST_VALUES, _FEWEST_READ = 50_000_000, 30  # that are read of more than 50,000 columns, and rows however many
_NO_SENTINEL = "No value certainly stands for cells that were not measured."


@filters_kept
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
    """Test whether neighbouring cells of ``X`` depend on each other and, given ``y``, which family of models profits.

    Parameters
    ----------
    X : array-like of shape (n, p), (n, H, W) or (n, C, H, W), or DataFrame
        Samples. Missing values are allowed.
    y : array-like of shape (n,), optional
        Labels or numbers to predict. Without it there are no landmarks.
    layout : tuple of int, "auto" or None, default="auto"
        Cells behind flat columns, as ``(height, width)`` or ``(channels, height, width)``. "auto" takes the shape of X;
        for flat columns it is the grid that ``infer_layout`` finds, else one line. None says that there is no grid.
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
    from autoarch._data.containers import take_rows

    if time_budget is not None:
        time_budget = check_seconds("time_budget", time_budget, absent="None for 'no limit'")
    check_choice("task", task, ("auto", "classification", "regression"))
    check_choice("channels", channels, ("first", "last"))
    check_jobs(n_jobs)
    clock = Deadline(time_budget)
    seed = seed_of(random_state)
    with own_errors(reading="X"):
        most = _rows_to_read(X)
        many = len(getattr(X, "shape", ())) > 1 and X.shape[0] > most
    target: np.ndarray | None = None
    if many:  # more rows than are read at all: never copy, check or encode the rest
        if y is not None:
            task, target = _read_target(y, task, X.shape[0])
        rows = choose_rows(np.zeros(X.shape[0]) if target is None else target, most, seed)
        with own_errors(reading="X"):
            X, target = take_rows(X, rows), None if target is None else target[rows]
    canonical = Canonicaliser(layout=layout, channels=channels).with_estimator_name("probe_locality")
    values = canonical.fit_transform(X)
    if y is not None and target is None:
        task, target = _read_target(y, task, len(values))
    labels: dict[str, Any] = {} if target is None else {"y": target, "task": task}
    seconds = None if time_budget is None else max(clock.left, 1e-3)
    search = LayoutSearch(infer=canonical.undeclared_, names=canonical.column_names_)
    common = {"categorical": canonical.categorical_, "seconds": seconds, "n_jobs": n_jobs, "search": search}
    report = probe_values(values, canonical.layout_, random_state=seed, **labels, **common)
    return with_values_read(report, canonical.sentinels_, canonical.letters_, canonical.sizes_)


def _rows_to_read(X: Any) -> int:
    """As many rows as the statistics look at; fewer of very many columns."""
    n_columns = prod(getattr(X, "shape", ())[1:])
    return int(np.clip(_MOST_VALUES // max(n_columns, 1), _FEWEST_READ, correlations.MAX_ROWS))


def with_values_read(
    report: LocalityReport, sentinels: Sequence[Sentinel], letters: Letters | None, sizes: CommonSize | None
) -> LocalityReport:
    """Add what was found when the values were read: those that stand for "not measured", letters, sizes."""
    sure = [str(sentinel) for sentinel in sentinels if sentinel.certain]
    gap = max((sentinel.gap for sentinel in sentinels), default=0.0)
    answer = Symmetry("yes" if sure else "no", gap, None, " ".join(sure) or _NO_SENTINEL)
    hints = [str(sentinel) for sentinel in sentinels if not sentinel.certain]
    answers = {**report.symmetries, "sentinel": answer}
    if letters is not None:
        said = f"The cells hold letters: codes, with a channel for each of {listed(letters.levels)}."
        answers["codes"] = Symmetry("yes", 0.0, None, said)
    resized = () if sizes is None else (str(sizes),)
    return replace(report, symmetries=answers, notes=(*resized, *hints, *report.notes))


def _read_target(y: Any, task: str, n_samples: int) -> tuple[str, np.ndarray]:
    """Labels as codes or numbers as floats, after deciding which they are."""
    from autoarch._data.target import encode_labels, guess_task, numeric_target

    if (guess_task(y) if task == "auto" else task) == "regression":
        return "regression", numeric_target(y, n_samples=n_samples, estimator_name="probe_locality")
    return "classification", encode_labels(y, n_samples=n_samples, estimator_name="probe_locality")[0]


def probe_values(
    values: np.ndarray, layout: Layout | None, *, random_state: Any = None, **settings: Any
) -> LocalityReport:
    """Probe a canonical matrix.

    Parameters
    ----------
    values : ndarray of shape (n, p)
        Numbers, NaN where missing, codes in the ``categorical`` columns.
    layout : Layout or None
        Grid behind the columns.
    random_state : int, RandomState instance or None, default=None
        Seed.
    **settings : dict
        As of ``measure``: ``y``, ``task``, ``categorical``, ``n_jobs``, ``windows``, ``seconds`` and ``search``.

    Returns
    -------
    LocalityReport
    """
    return LocalityReport.of(measure(values, layout, seed=seed_of(random_state), **settings))
