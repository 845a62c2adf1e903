"""Other ways to lay the columns out: what is not as the user gave it must prove itself on the landmarks.

Flat columns are read as the grid that ``inference`` finds. Where the given order shows nothing, ``recovery`` looks for
a better one. Either is one more variant: convolutions on it are compared, row by row, with convolutions on the columns
as given. An inferred layout has stood tests of its own and must not lose clearly; a recovered one must win.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from autoarch._core.clock import Deadline
from autoarch._data.layout import Layout
from autoarch._statistics import correlations
from autoarch.locality.grid_statistics import look_at, picture
from autoarch.locality.landmarks import FEW_ROWS, LAYOUT_FREE, ORDER, Measured, measure_landmarks, paired
from autoarch.locality.measurements import Gain, Picture, Reading
from autoarch.locality.report import LocalityReport


@dataclass(frozen=True, eq=False)
class Subject:
    """What is examined, and how long it may take.

    Parameters
    ----------
    values : ndarray of shape (n, p)
        Numbers, NaN where missing, codes in the ``categorical`` columns.
    y : ndarray of shape (n,) or None
        Codes or floats.
    task : {"classification", "regression"}
        Kind of ``y``.
    categorical : tuple of int
        Columns that hold codes of categories.
    clock : Deadline
        The limit, if any.
    seed : int
        Everything random follows from it.
    n_jobs : int or None
        Jobs for the trees among the landmarks.
    """

    values: np.ndarray
    y: np.ndarray | None
    task: str
    categorical: tuple[int, ...]
    clock: Deadline
    seed: int
    n_jobs: int | None

    @property
    def numeric(self) -> np.ndarray:
        """Columns that hold numbers."""
        return np.setdiff1d(np.arange(self.values.shape[1]), self.categorical)

    def measure(self, layout: Layout | None, known: Measured | None = None, wanted: Sequence[str] = ORDER) -> Measured:
        """Landmarks in this layout; none without y."""
        if self.y is None:
            return Measured(metric="r2" if self.task == "regression" else "accuracy")
        return measure_landmarks(
            self.values,
            self.y,
            task=self.task,
            layout=layout,
            categorical=self.categorical,
            clock=self.clock,
            seed=self.seed,
            n_jobs=self.n_jobs,
            known=known,
            wanted=wanted,
        )

    def look(self, layout: Layout | None) -> LocalityReport:
        """Statistics in this layout."""
        if layout is None:
            return LocalityReport()
        return look_at(self.values, layout, np.random.default_rng([self.seed, 0]), hurried=self.clock.left < 1.0)


def completed(report: LocalityReport, measured: Measured) -> LocalityReport:
    """The same report with landmarks."""
    return replace(
        report,
        landmarks=measured.landmarks,
        gains=measured.gains,
        landmark_metric=measured.metric,
        landmark_rows=measured.n_rows,
        skipped=(*report.skipped, *measured.skipped),
    )


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
    """What may be done to columns that nobody has declared a layout of.

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


def examine(subject: Subject, given: Layout | None, search: LayoutSearch) -> LocalityReport:
    """Report on the columns as given or as inferred, and on a recovered order where that is worth more."""
    from autoarch.layouts.recover import FEWEST_TO_RECOVER

    reading, why_not, known = None, "", None
    if search.infer:
        reading, why_not = _inferred(subject, _as_given(subject, given), search.names)
    if reading is not None:
        known = subject.measure(reading.layout)
        rival = subject.measure(_as_given(subject, given), known=known, wanted=(*LAYOUT_FREE, "cnn"))
        gain = _gain(known, rival)
        reading = replace(
            reading, gain=gain, kept=gain is None or gain.difference >= -max(MOST_LOSS, 3 * gain.std_error)
        )
        if reading.kept:
            return completed(replace(subject.look(reading.layout), readings=(reading,)), known)
        known = rival
    report = subject.look(given)
    report = replace(report, readings=(reading,) if reading else (), skipped=(why_not,) if why_not else ())
    if search.recover and report.verdict == "none" and subject.y is not None:
        before = _as_given(subject, given)
        if FEWEST_TO_RECOVER <= len(before.columns) <= MOST_TO_RECOVER and before.channels == 1:
            return _with_recovery(subject, given, before, report, known)
    wanted: tuple[str, ...] = ORDER
    if subject.y is not None and not subject.clock.unlimited and report.verdict == "none" and _is_a_short_line(given):
        wanted = LAYOUT_FREE  # where time is short, convolutions over columns without an order are the first to go
        report = replace(report, skipped=(*report.skipped, UNORDERED))
    return completed(report, subject.measure(given, known=known, wanted=wanted))


def _is_a_short_line(given: Layout | None) -> bool:
    from autoarch.layouts.recover import FEWEST_TO_RECOVER

    return given is not None and given.is_bare_line and given.width < FEWEST_TO_RECOVER


def _inferred(subject: Subject, given: Layout, names: tuple[str, ...] | None) -> tuple[Reading | None, str]:
    """The grid that the columns of numbers show, unless it is the given line; or why none was looked for."""
    from autoarch.layouts.infer import infer_layout

    columns, n_columns = subject.numeric, subject.values.shape[1]
    if len(columns) < FEWEST_TO_INFER:
        return None, ""
    expected, left = 2 * (0.1 + 4e-4 * min(len(columns), 2_500)), subject.clock.left
    if not subject.clock.unlimited and expected > left:
        return None, f"inference of a layout: about {expected:.1f} s expected, {max(0.0, left):.1f} s left"
    chosen = None if names is None else [names[column] for column in columns]
    values = _columns_of(_some_rows(subject.values, 2 * correlations.MAX_ROWS), columns)
    found = infer_layout(values, chosen, random_state=subject.seed)
    if found.best is None:
        return None, ""
    layout = found.best.within(columns, n_columns)
    if layout.shape == given.shape and np.array_equal(layout.columns, given.columns):
        return None, ""
    return Reading(layout, reason=found.reason, seconds=found.seconds, after=picture(subject.values, layout)), ""


def _with_recovery(
    subject: Subject, given: Layout | None, before: Layout, report: LocalityReport, known: Measured | None
) -> LocalityReport:
    """The same report, with what a recovered order of the columns is worth; what that needs is measured first."""
    early = subject.measure(before, known=known, wanted=("linear", "tree", "cnn"))
    reading, why_not = _recovered(subject, before) if early.landmarks else (None, "")
    if why_not:
        report = replace(report, skipped=(*report.skipped, why_not))
    if reading is None:
        return completed(report, subject.measure(given, known=early))
    rearranged = subject.measure(reading.layout, known=early)
    gain = _gain(rearranged, early)
    kept = gain is not None and _wins(gain, reading.layout.confidence or 0.0) and _is_near_the_best(rearranged)
    report = replace(report, readings=(*report.readings, replace(reading, gain=gain, kept=kept)))
    if not kept:
        return completed(report, subject.measure(given, known=early))
    recovered = completed(replace(subject.look(reading.layout), skipped=(CIRCULAR,)), rearranged)
    left_out = (*report.skipped, *rearranged.skipped)
    report = completed(report, subject.measure(given, known=early, wanted=()))
    return replace(report, skipped=left_out, recovered=recovered)


def _recovered(subject: Subject, given: Layout) -> tuple[Reading | None, str]:
    """A layout to be believed, or why none was looked for."""
    from autoarch.layouts.recover import recover_layout

    columns = np.sort(given.columns)
    shape = (given.height, given.width) if min(given.height, given.width) > 1 else None
    most_rows, effort, left = MOST_ROWS, 1.0, subject.clock.left
    if not subject.clock.unlimited:
        most_rows = min(most_rows, int(MOST_PRODUCTS / len(columns) ** 2))
        effort = _affordable_effort(len(columns), shape is None, left)
        if effort < LEAST_EFFORT:
            expected = _recovery_seconds(len(columns), shape is None)
            return None, f"recovery of a scrambled order: about {expected:.0f} s expected, {max(0.0, left):.1f} s left"
    values = _columns_of(_some_rows(subject.values, most_rows), columns)
    found = recover_layout(values, shape, random_state=subject.seed, effort=effort)
    if found.layout is None:
        return None, ""
    layout = found.layout.within(columns, subject.values.shape[1])
    reason = f"{found.score:.0%} of neighbouring cells are expected to be true neighbours"
    before, after = _unsorted_picture(subject.values, layout), picture(subject.values, layout)
    return Reading(layout, reason=reason, seconds=found.seconds, before=before, after=after), ""


def _some_rows(values: np.ndarray, most: int) -> np.ndarray:
    """At most so many rows, spread evenly; a view."""
    return values[:: max(1, -(-len(values) // max(most, 1)))]


def _columns_of(values: np.ndarray, columns: np.ndarray) -> np.ndarray:
    return values if len(columns) == values.shape[1] else values[:, columns]


def _recovery_seconds(n_columns: int, unknown: bool) -> float:
    """What the usual search takes on a slow core."""
    return (0.2 + 4e-3 * n_columns + 7e-6 * n_columns**2) * (1.0 if unknown else 0.6)


def _affordable_effort(n_columns: int, unknown: bool, left: float) -> float:
    """Share of the usual search that fits into half of the time left; a quarter of its cost is there in any case."""
    share = 0.5 * left / _recovery_seconds(n_columns, unknown)
    return min(1.0, (share - 0.25) / 0.75)


def _as_given(subject: Subject, given: Layout | None) -> Layout:
    """The columns as they stand: a line of those that hold numbers, where nobody said anything else."""
    if given is not None:
        return given
    columns = subject.numeric
    return Layout(1, len(columns), origin="shape").within(columns, subject.values.shape[1])


def _gain(measured: Measured, rival: Measured) -> Gain | None:
    if "cnn" not in measured.losses or "cnn" not in rival.losses:
        return None
    return paired(measured.losses["cnn"], rival.losses["cnn"])


def _wins(gain: Gain, confidence: float) -> bool:
    """Whether a recovered order is worth more than the one given."""
    return gain.difference > (0.0 if confidence >= SURE else max(LEAST_GAIN, gain.std_error))


def _is_near_the_best(measured: Measured) -> bool:
    margin = MARGIN_FEW_ROWS if measured.n_rows <= FEW_ROWS else MARGIN
    others = [mark.score for name, mark in measured.landmarks.items() if name != "cnn_shuffled"]
    return measured.landmarks["cnn"].score >= max(others) - margin


def _unsorted_picture(values: np.ndarray, layout: Layout) -> Picture:
    """The cells of the layout in the order in which their columns were given."""
    cells = np.sort(layout.columns[layout.columns >= 0])
    order = np.concatenate([cells, np.full(len(layout.columns) - len(cells), -1)])
    return picture(values, replace(layout, order=tuple(order.tolist())))
