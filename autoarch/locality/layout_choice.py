"""Choice of a layout: other layouts than the one given must prove themselves on the landmarks.

Flat columns are read as the grid that ``infer_layout`` finds. Where the given order shows nothing, ``recover_layout``
looks for a better one. Either is one more variant: convolutions on it are compared, row by row, with convolutions on
the columns as given. An inferred layout has stood tests of its own and must not lose clearly; a recovered one must win.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from autoarch._core.clock import Deadline
from autoarch._core.threads import limited
from autoarch._data.layout import Layout
from autoarch._data.overlaps import independent_rows
from autoarch._data.records import Windows
from autoarch._statistics import correlations
from autoarch.layouts.recover import FEWEST_TO_RECOVER
from autoarch.locality.grid_statistics import MOST_VALUES, Measurements, measure_grid, picture
from autoarch.locality.landmarks import FEW_ROWS, LAYOUT_FREE, Measured, ProbeInput, measure_landmarks, paired
from autoarch.locality.measurements import LandmarkScores, Reading
from autoarch.locality.part_landmark import with_parts
from autoarch.locality.stationarity import unlike_neighbours
from autoarch.locality.symmetry_tests import with_symmetries

FEWEST_TO_INFER = 9  # columns
MOST_TO_RECOVER = 2_500  # columns; more take minutes and gigabytes; ``recover_layout`` has no such limit
LEAST_GAIN = 0.01  # that convolutions must have in a recovered order, and at least one standard error,
SURE = 0.85  # unless so many of its neighbours are expected to be true ones: then any gain will do
UNORDERED = "convolutions: no order was found in so few columns"
MOST_LOSS = 0.02  # that they may have in an inferred layout, whose axes have been tested, or three standard errors
MARGIN, MARGIN_FEW_ROWS = 0.03, 0.05  # behind the best landmark, where a layout is worth a search
LEAST_EFFORT = 0.15  # share of the usual search below which recovery finds too little
MOST_ROWS = 20_000
CIRCULAR = "tests that prove this order: it was chosen on these rows, so the p-values only describe it"
MOST_PRODUCTS = 4e9  # of cells and rows, for correlations, where time is limited


@dataclass(frozen=True)
class LayoutSearch:
    """Searches that are allowed for columns of undeclared layout.

    Parameters
    ----------
    infer : bool
        Read flat columns as the grid that their order shows.
    recover : bool
        Rearrange columns whose order shows nothing.
    names : tuple of str or None
        Names of the columns.
    """

    infer: bool = False
    recover: bool = False
    names: tuple[str, ...] | None = None


AS_GIVEN = LayoutSearch()
KEPT_SECONDS, KEPT_SHARE = 0.25, 0.1  # of the time, kept for what a few features tell of symmetries


def measure(
    values: np.ndarray,
    layout: Layout | None,
    *,
    y: np.ndarray | None = None,
    task: str | None = None,
    seconds: float | None = None,
    search: LayoutSearch = AS_GIVEN,
    **settings: Any,
) -> Measurements:
    """Measure a canonical matrix, in the layout that is chosen; parameters are those of ``ProbeInput`` and two more.

    Parameters
    ----------
    values, y, task, **settings
        As of ``ProbeInput``.
    layout : Layout or None
        Grid behind the columns.
    seconds : float, optional
        Limit. None: no decision depends on the clock, the result is a function of data and seed.
    search : LayoutSearch
        Other layouts than the given one that are tried.

    Returns
    -------
    Measurements
    """
    clock = Deadline(seconds)
    y = None if y is None else np.asarray(y)
    landmark_clock = Deadline(None if seconds is None else seconds - min(KEPT_SECONDS, KEPT_SHARE * seconds))
    data = ProbeInput(values, y, task or "classification", clock=landmark_clock, **settings)
    if y is not None:
        importlib.import_module("torch")  # landmarks use it, and only what is loaded before is limited
    with limited(1):  # many small matrices, and the same digits whatever else the machine does
        rows, note = _independent(data, layout)
        found = choose_layout(replace(data, independent=rows), layout, search)
        common = {"categorical": data.categorical, "seed": data.seed, "n_jobs": data.n_jobs}
        found = with_parts(found, values, y, landmark_clock, task=data.task, **common)
        found = with_symmetries(found, values, y, clock, task=data.task, **common)
        return replace(found, notes=(note,) if note else (), seconds=clock.elapsed)


def _independent(data: ProbeInput, layout: Layout | None) -> tuple[np.ndarray | None, str]:
    """Rows for tests where some are copies of others or overlap them, and a sentence that says so; else None."""
    n, p = data.values.shape
    if isinstance(data.windows, Windows):
        kept, of_sample, found = data.windows.apart, "", str(data.windows)
    else:
        values_read = MOST_VALUES // 5 if data.clock.left < 1.0 else MOST_VALUES
        most = int(np.clip(values_read / p, 100, 2 * correlations.MAX_ROWS))
        some = (
            np.sort(np.random.default_rng([data.seed, 1]).choice(n, most, replace=False)) if n > most else np.arange(n)
        )
        part, found = independent_rows(data.values[some], layout, data.seed, windows=data.windows is not None)
        if part is None:
            return None, ""
        kept, of_sample = some[part], f" of a sample of {most}" if n > most else ""
    alone = "the one that is" if len(kept) == 1 else f"the {len(kept)} rows{of_sample} that are"
    return kept, f"Rows are no independent draws: {found}. Neighbours were tested on {alone} independent."


def choose_layout(data: ProbeInput, given: Layout | None, search: LayoutSearch) -> Measurements:
    """Measure the columns as given or as inferred, and in a recovered order where that is worth more."""
    if given is None and not len(data.numeric):  # there is nothing to lay out
        return _completed(Measurements(), measure_landmarks(data, None))
    before = _as_given(data, given)
    reading, why_not = _inferred(data, before, search.names) if search.infer else (None, "")
    known = None
    if reading is not None:
        known = measure_landmarks(data, reading.layout)
        rival = measure_landmarks(data, before, known=known, wanted=(*LAYOUT_FREE, "cnn"))
        gain = paired(known.losses.get("cnn"), rival.losses.get("cnn"))
        kept = gain is None or gain.difference >= -max(MOST_LOSS, 3 * gain.std_error)
        reading = replace(reading, gain=gain, kept=kept)
        if kept:
            found = _told_apart(_statistics(data, reading.layout), data.values)
            return _completed(replace(found, readings=(reading,)), known)
        known = rival
    found = _statistics(data, given)
    found = _told_apart(found, data.values) if search.infer else found
    found = replace(found, readings=(reading,) if reading else (), skipped=(why_not,) if why_not else ())
    if data.y is not None and found.grid.verdict == "none":
        n_columns = len(before.columns) if before.channels == 1 else 0
        if search.recover and not found.grid.unlike and FEWEST_TO_RECOVER <= n_columns <= MOST_TO_RECOVER:
            return _with_recovery(data, given, found, known)
        if not data.clock.unlimited and given is not None and given.is_bare_line and given.width < FEWEST_TO_RECOVER:
            # where time is short, convolutions over columns without an order are the first to go
            found = replace(found, skipped=(*found.skipped, UNORDERED))
            return _completed(found, measure_landmarks(data, given, known=known, wanted=LAYOUT_FREE))
    return _completed(found, measure_landmarks(data, given, known=known))


def _statistics(data: ProbeInput, layout: Layout | None) -> Measurements:
    """Statistics in this layout, without landmarks."""
    if layout is None:
        return Measurements()
    rng = np.random.default_rng([data.seed, 1])  # [seed, 0] is the stream of seed, which may have made the data
    grid, n_samples = measure_grid(data.draws, layout, rng, fast=data.clock.left < 1.0)
    return Measurements(layout, grid, n_samples)


def _told_apart(found: Measurements, values: np.ndarray) -> Measurements:
    """The same measurements; columns that nobody declared to be cells, and that have units of their own, say so."""
    layout = found.layout
    if layout is None or layout.height > 1 or not found.grid.dependent_axes:
        return found
    part = _part(values, np.arange(values.shape[1]), correlations.MAX_ROWS)
    along = replace(found.grid.axes["rows"], unlike=unlike_neighbours(layout.to_grid(part)))
    return replace(found, grid=replace(found.grid, axes={**found.grid.axes, "rows": along}))


def _as_given(data: ProbeInput, layout: Layout | None) -> Layout:
    """The given layout, else one line of the columns that hold numbers."""
    if layout is not None:
        return layout
    return Layout(1, len(data.numeric), origin="shape").within(data.numeric, data.values.shape[1])


def _completed(found: Measurements, scored: Measured) -> Measurements:
    """The same measurements with landmarks."""
    scores = LandmarkScores(**{each.name: getattr(scored, each.name) for each in fields(LandmarkScores)})
    return replace(found, scores=scores, skipped=(*found.skipped, *scored.skipped))


def _inferred(data: ProbeInput, given: Layout, names: tuple[str, ...] | None) -> tuple[Reading | None, str]:
    """The grid inferred from the columns of numbers, unless it is the given line; or the reason for none."""
    from autoarch.layouts.infer import infer_layout

    columns, n_columns = data.numeric, data.values.shape[1]
    if len(columns) < FEWEST_TO_INFER:
        return None, ""
    expected, left = 2 * (0.1 + 4e-4 * min(len(columns), 2_500)), data.clock.left
    if not data.clock.unlimited and expected > left:
        return None, f"inference of a layout: about {expected:.1f} s expected, {max(0.0, left):.1f} s left"
    chosen = None if names is None else [names[column] for column in columns]
    values = _part(data.draws, columns, 2 * correlations.MAX_ROWS)
    found = infer_layout(values, chosen, random_state=data.seed)
    if found.best is None:
        return None, ""
    layout = found.best.within(columns, n_columns)
    if layout.shape == given.shape and np.array_equal(layout.columns, given.columns):
        return None, ""
    return Reading(layout, reason=found.reason, seconds=found.seconds, after=picture(data.values, layout)), ""


def _with_recovery(data: ProbeInput, given: Layout | None, found: Measurements, known: Measured | None) -> Measurements:
    """The same measurements, with what a recovered order of the columns is worth; what that needs is scored first."""
    before = _as_given(data, given)
    early = measure_landmarks(data, before, known=known, wanted=("linear", "tree", "cnn"))
    reading, why_not = _recovered(data, before) if early.landmarks else (None, "")
    if reading is None:
        skipped = (*found.skipped, why_not) if why_not else found.skipped
        return _completed(replace(found, skipped=skipped), measure_landmarks(data, given, known=early))
    rearranged = measure_landmarks(data, reading.layout, known=early)
    gain = paired(rearranged.losses.get("cnn"), early.losses.get("cnn"))
    sure = (reading.layout.confidence or 0.0) >= SURE
    wins = gain is not None and gain.difference > (0.0 if sure else max(LEAST_GAIN, gain.std_error))
    kept = wins and _is_near_the_best(rearranged)
    found = replace(found, readings=(*found.readings, replace(reading, gain=gain, kept=kept)))
    if not kept:
        return _completed(found, measure_landmarks(data, given, known=early))
    recovered = _completed(replace(_statistics(data, reading.layout), skipped=(CIRCULAR,)), rearranged)
    as_given = _completed(found, measure_landmarks(data, given, known=early, wanted=()))
    return replace(as_given, skipped=(*found.skipped, *rearranged.skipped), recovered=recovered)


def _recovered(data: ProbeInput, given: Layout) -> tuple[Reading | None, str]:
    """The layout recovered from all cells, or the reason why none was looked for."""
    from autoarch.layouts.recover import recover_layout

    columns = np.sort(given.columns)
    shape = (given.height, given.width) if min(given.height, given.width) > 1 else None
    most_rows, effort, left = MOST_ROWS, 1.0, data.clock.left
    if not data.clock.unlimited:
        most_rows = min(most_rows, int(MOST_PRODUCTS / len(columns) ** 2))
        # seconds of the usual search on a slow core, of which half the time left is to suffice; a quarter is fixed cost
        expected = (0.2 + 4e-3 * len(columns) + 7e-6 * len(columns) ** 2) * (1.0 if shape is None else 0.6)
        effort = min(1.0, (0.5 * left / expected - 0.25) / 0.75)
        if effort < LEAST_EFFORT:
            return None, f"recovery of a scrambled order: about {expected:.0f} s expected, {max(0.0, left):.1f} s left"
    values = _part(data.draws, columns, most_rows)
    found = recover_layout(values, shape, random_state=data.seed, effort=effort)
    if found.layout is None:
        return None, ""
    layout = found.layout.within(columns, data.values.shape[1])
    reason = f"{found.score:.0%} of neighbouring cells are expected to be true neighbours"
    cells = np.sort(layout.columns[layout.columns >= 0])  # in the order in which their columns were given
    unsorted = np.concatenate([cells, np.full(len(layout.columns) - len(cells), -1)])
    before = picture(data.values, replace(layout, order=tuple(unsorted.tolist())))
    after = picture(data.values, layout)
    return Reading(layout, reason=reason, seconds=found.seconds, before=before, after=after), ""


def _part(values: np.ndarray, columns: np.ndarray, most: int) -> np.ndarray:
    """At most so many rows of some columns, spread evenly; a view where these are all columns."""
    rows = values[:: max(1, -(-len(values) // max(most, 1)))]
    return rows if len(columns) == values.shape[1] else rows[:, columns]


def _is_near_the_best(measured: Measured) -> bool:
    margin = MARGIN_FEW_ROWS if measured.landmark_rows <= FEW_ROWS else MARGIN
    others = [mark.score for name, mark in measured.landmarks.items() if name != "cnn_shuffled"]
    return measured.landmarks["cnn"].score >= max(others) - margin
