"""Symmetries that need y: does place matter, may a sample be mirrored, shifted, turned, how should cells be read.

**Statistic.** The landmark of the CNN is trained on samples as they are; its score on changed samples is compared with
that on the same samples as they are (``changed_samples``). **Answer.** "yes" where the upper limit of the fall lies
below a margin and the landmark knows enough of y to lose more; "no" where the fall is above the margin and beyond
doubt; else "too few rows". Whether cells hold codes, or logarithms or differences of neighbours tell more than they
do, is asked by the gain of such channels. **Consequence.** Augmentation, pooling and channels of convolutions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from scipy.special import ndtr

from autoarch._core.clock import Deadline, OutOfTimeError
from autoarch._report.text import p_text, with_error
from autoarch._statistics import random_convolutions
from autoarch._training.log_scaler import LONG, share_of_tails
from autoarch.families.landmarks import TINY_ROWS, Sample, choose_rows, prepare
from autoarch.families.registry import WITH_LANDMARK
from autoarch.locality.changed_samples import (
    KINDS,
    MARGIN,
    ORDERS,
    UPPER,
    ChangedSamples,
    lead_of_levels,
    mean_and_error,
    shift_steps,
)
from autoarch.locality.grid_statistics import Measurements
from autoarch.locality.symmetry import Symmetry

FEWEST_CELLS = 3  # of a side that is mirrored or turned
LEVELS = (3, 12)  # different whole numbers that may be codes, at least and at most
MOST_CHANNELS = 48
ENOUGH_ROWS, MOST_VALUES = 300, 800_000  # of rows of many cells, these many are read; 1,000 rows of 28 x 28
_CLEAR = 3.0  # standard errors at which a fall is beyond doubt
_LITTLE = 1 / 3  # of what channels gain: codes may stand in a good order by chance
_LEAST_SECONDS = 0.03  # for a question that takes a ridge on few features
_NO_LABEL = "The levels that wander carry no label (a ridge on them scores {} above a constant)"


def with_symmetries(
    found: Measurements, values: np.ndarray, y: np.ndarray | None, clock: Deadline, **settings: Any
) -> Measurements:
    """Add the answers to what was measured, as far as the time allows; on the recovered layout where there is one."""
    if found.recovered is not None:
        return replace(found, recovered=with_symmetries(found.recovered, values, y, clock, **settings))
    if y is None or found.layout is None or not found.scores.landmark_rows:
        return found
    wandering = found.grid.symmetries.get("wandering")
    axes = found.grid.dependent_axes if wandering is not None and wandering.answer == "yes" else ()
    if "cnn" not in found.scores.landmarks:
        return _by_levels(found, values, y, clock, axes, **settings) if axes else found
    most = max(ENOUGH_ROWS, MOST_VALUES // values.shape[1])  # each row is read in up to nine ways
    rows = choose_rows(y, min(found.scores.landmark_rows, most), settings["seed"])
    values = np.asarray(values[rows])
    sample = prepare(values, y[rows], layout=found.layout, **settings)
    seconds = found.scores.landmarks["cnn"].seconds * len(rows) / found.scores.landmark_rows
    pace = max(1.0, seconds / WITH_LANDMARK["cnn"].landmark_seconds(sample))
    ordered = not (found.layout.is_bare_line and found.grid.verdict == "none")  # else there is nothing to mirror
    changed = ChangedSamples(sample, found.layout.to_grid(values), clock.check)
    answers: dict[str, Symmetry] = {}
    skipped: list[str] = []
    for question in questions(changed, ordered=ordered, axes=axes):
        expected = pace * question.seconds(sample, first=not answers)
        if not clock.unlimited and expected > clock.left:
            skipped.append(f"{question.name}: about {expected:.1f} s expected, {max(0.0, clock.left):.1f} s left")
            continue
        try:
            answers[question.name] = question.answer()
        except OutOfTimeError:
            skipped.append(f"{question.name}: time ran out")
    scores = replace(found.scores, symmetries=answers)
    return replace(found, scores=scores, skipped=(*found.skipped, *skipped))


def _by_levels(
    found: Measurements, values: np.ndarray, y: np.ndarray, clock: Deadline, axes: tuple[str, ...], **settings: Any
) -> Measurements:
    """Ask, where there was no time for convolutions, if the levels that wander carry labels or are in the way."""
    rows = choose_rows(y, min(found.scores.landmark_rows, ENOUGH_ROWS), settings["seed"])
    if len(rows) < TINY_ROWS or np.ptp(y[rows]) == 0 or clock.left < _LEAST_SECONDS:
        return found
    sample = prepare(np.asarray(values[rows]), y[rows], layout=found.layout, **settings)
    grid = np.nan_to_num(found.layout.to_grid(sample.overall)) if found.layout is not None else sample.overall
    lead, error = lead_of_levels(sample, grid, axes)
    if not _tells_nothing(lead, error):
        return found
    sentence = f"{_NO_LABEL.format(with_error(lead, error, '+'))}: differences of neighbours leave them out."
    answers = {**found.scores.symmetries, "differences": Symmetry("yes", 0.0, None, sentence)}
    return replace(found, scores=replace(found.scores, symmetries=answers))


@dataclass(frozen=True)
class Question:
    """A symmetry that is asked for, and the passes of convolutions over all rows and the ridges that it takes."""

    name: str
    answer: Callable[[], Symmetry]
    n_passes: int = 1
    n_fits: int = 0

    def seconds(self, sample: Sample, *, first: bool) -> float:
        """Estimate the seconds on a slow core; the first question pays for the features of samples as they are."""
        assert sample.layout is not None
        responses = random_convolutions.n_responses(len(sample), sample.layout.shape)
        passes, fits = self.n_passes + first, self.n_fits + len(KINDS) * first
        return 0.05 + fits * sample.solving_seconds + passes * 60 * responses / 1e10


def questions(changed: ChangedSamples, *, ordered: bool, axes: tuple[str, ...] = ()) -> Iterator[Question]:
    """Questions that can be asked of these samples; where cells have no order, only whether they hold codes.

    ``axes``: along which differences of neighbours may tell more than the cells, because levels wander.
    """
    if axes:
        yield Question("differences", partial(_of_differences, changed, axes), len(axes), len(KINDS))
    if share_of_tails(changed.cells) > LONG:
        yield Question("logarithms", partial(_of_logarithms, changed), 1, len(KINDS))
    height, width = changed.grid.shape[2:]
    steps = shift_steps((height, width))
    able = {
        "place_free": ordered,
        "mirror_rows": ordered and width >= FEWEST_CELLS,
        "mirror_columns": ordered and height >= FEWEST_CELLS,
        "shift": ordered and any(steps),
        "turn": ordered and height == width >= FEWEST_CELLS,
    }
    change = {
        "mirror_rows": "with each row reversed",
        "mirror_columns": "with each column reversed",
        "shift": f"shifted by {max(steps)} {'cell' if max(steps) == 1 else 'cells'}",
        "turn": "turned by a quarter",
    }
    cost = {"place_free": (0, 0), "shift": (3, 1), "turn": (3, 1)}
    for name in filter(able.get, able):
        answer = partial(_of_falls, changed, name, _said(change.get(name, "")))
        yield Question(name, answer, *cost.get(name, (1, 1)))
    if may_be_codes(changed.cells):
        yield Question("codes", partial(_of_codes, changed), 2 + ORDERS, (1 + ORDERS) * len(KINDS))


def _said(change: str) -> tuple[str, str, str]:
    """Sentences for "yes", "no" and "too few rows" about samples that are changed so, or about places."""
    if not change:
        tested = "pooled over the whole grid instead of by place"
        return (
            f"Where a pattern stands carries no label; {tested}",
            f"Where a pattern stands carries labels; {tested}",
            f"Too few rows to tell whether it matters where a pattern stands; {tested}",
        )
    tested = "trained on samples as they are and tested on changed ones"
    return (
        f"Samples {change} are as likely as others and labelled alike; {tested}",
        f"Samples {change} are less likely than others, or labelled differently; {tested}",
        f"Too few rows to tell whether samples {change} are as likely and labelled alike; {tested}",
    )


def _of_falls(changed: ChangedSamples, name: str, said: tuple[str, str, str]) -> Symmetry:
    """Compare the fall of the score with nothing and with the margin."""
    fall, error = mean_and_error(changed.falls(name))
    p_value = float(ndtr(-fall / error))
    numbers = f"random convolutions score {with_error(-fall, error, '+')}"
    if _can_lose(changed) and fall + UPPER * error < MARGIN:
        limit = f"with 95 % confidence they lose less than {MARGIN:g}"
        return Symmetry("yes", fall, p_value, f"{said[0]}, {numbers}: {limit}.")
    if fall > max(MARGIN, _CLEAR * error):
        return Symmetry("no", fall, p_value, f"{said[1]}, {numbers} ({p_text(p_value)}).")
    why = "" if _can_lose(changed) else ", and know too little of y to lose more"
    return Symmetry("too few rows", fall, p_value, f"{said[2]}, {numbers}{why}.")


def _can_lose(changed: ChangedSamples) -> bool:
    """Tell whether the landmark leads a constant by so much that a change could cost three margins."""
    lead, error = changed.lead
    return lead > 3 * MARGIN + 2 * error


def _of_codes(changed: ChangedSamples) -> Symmetry:
    """Compare a channel for each value, which knows of no order, with the values as numbers."""
    gain, error = mean_and_error(changed.coded())
    p_value = float(ndtr(-gain / error))
    numbers = f"random convolutions score {with_error(gain, error, '+')} with a channel for each value"
    if gain + UPPER * error < MARGIN:
        return Symmetry("no", gain, p_value, f"The values in the cells are taken as numbers: {numbers}.")
    if gain < max(MARGIN, 2 * error):
        return Symmetry("too few rows", gain, p_value, f"Too few rows to tell whether the cells hold codes: {numbers}.")
    lost, lost_error = mean_and_error(changed.ordered())
    if lost > max(lost_error, _LITTLE * gain):
        answer = "no" if lost > _CLEAR * lost_error else "too few rows"
        why = f"in other orders they score {with_error(-lost, lost_error, '+')}"
        return Symmetry(answer, gain, p_value, f"The values in the cells are taken as numbers: {numbers}, but {why}.")
    sentence = f"The cells hold codes, which tell more without the order of numbers: {numbers} ({p_text(p_value)})."
    return Symmetry("yes", gain, p_value, sentence)


def _of_differences(changed: ChangedSamples, axes: tuple[str, ...]) -> Symmetry:
    """Compare differences of neighbouring cells with the cells, and ask if the levels that wander carry labels."""
    gain, error = mean_and_error(changed.differenced(axes))
    p_value = float(ndtr(-gain / error))
    numbers = f"random convolutions score {with_error(gain, error, '+')} on them"
    if gain >= max(MARGIN, 2 * error):
        sentence = f"Differences of neighbours tell more than the cells: {numbers} ({p_text(p_value)})."
        return Symmetry("yes", gain, p_value, sentence)
    lead, lead_error = changed.lead_of_levels(axes)
    if gain >= 0 and _tells_nothing(lead, lead_error):
        levels = _NO_LABEL.format(with_error(lead, lead_error, "+"))
        return Symmetry("yes", gain, p_value, f"{levels}: differences of neighbours leave them out, and {numbers}.")
    if gain + UPPER * error < MARGIN:
        return Symmetry("no", gain, p_value, f"Differences of neighbours tell no more than the cells: {numbers}.")
    start = "Too few rows to tell whether differences of neighbours tell more than the cells"
    return Symmetry("too few rows", gain, p_value, f"{start}: {numbers}.")


def _of_logarithms(changed: ChangedSamples) -> Symmetry:
    """Compare logarithms of the cells, whose values have long tails, with the cells."""
    gain, error = mean_and_error(changed.in_logarithms())
    p_value = float(ndtr(-gain / error))
    numbers = f"random convolutions score {with_error(gain, error, '+')} on them"
    if gain >= max(MARGIN, 2 * error):
        sentence = f"Logarithms tell more than the cells, whose values have long tails: {numbers} ({p_text(p_value)})."
        return Symmetry("yes", gain, p_value, sentence)
    if gain + UPPER * error < MARGIN:
        return Symmetry("no", gain, p_value, f"Logarithms tell no more than the cells: {numbers}.")
    start = "Too few rows to tell whether logarithms tell more than the cells, whose values have long tails"
    return Symmetry("too few rows", gain, p_value, f"{start}: {numbers}.")


def _tells_nothing(lead: float, error: float) -> bool:
    """Claim that what leads a constant by so much carries nothing worth three margins, with 95 % confidence."""
    return lead + UPPER * error < 3 * MARGIN


def may_be_codes(cells: np.ndarray) -> bool:
    """Tell whether the cells of a grid hold few different whole numbers, but more than two."""
    few = cells.ravel()[:: max(1, cells.size // 5_000)]  # most grids have too many, which need no sorting of all
    if len(np.unique(few[~np.isnan(few)])) > LEVELS[1]:
        return False
    levels = np.unique(cells[~np.isnan(cells)])
    suits = LEVELS[0] <= len(levels) <= LEVELS[1] and len(levels) * cells.shape[1] <= MOST_CHANNELS
    return bool(suits and (levels == np.round(levels)).all())
