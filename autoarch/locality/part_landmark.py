"""The landmark of trees once more, on summaries of a grid's parts: what trees read where neighbours belong together.

On cells alone trees look worse than they are where a pattern stands elsewhere in each sample.
"""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import Any

import numpy as np

from autoarch._core.clock import Deadline, OutOfTimeError
from autoarch._training.grid_summaries import FEWEST_CELLS, GridSummaries, n_summaries
from autoarch._training.interval_quantiles import IntervalQuantiles
from autoarch.families.landmarks import Sample, choose_rows, prepare, score_and_error
from autoarch.families.registry import WITH_LANDMARK
from autoarch.locality.grid_statistics import Measurements
from autoarch.locality.measurements import PARTS, Landmark

_MOST_TIME = 0.5  # of the time left; symmetries are asked after it
_PER_CELL = 4e-7  # seconds that the summaries of a cell take


def with_parts(
    found: Measurements, values: np.ndarray, y: np.ndarray | None, clock: Deadline, **settings: Any
) -> Measurements:
    """Add the landmark where trees would read parts, and there is time; on the recovered layout where there is one."""
    if found.recovered is not None:
        return replace(found, recovered=with_parts(found.recovered, values, y, clock, **settings))
    layout, scores = found.layout, found.scores
    small = layout is None or layout.height * layout.width < FEWEST_CELLS
    if y is None or small or found.grid.verdict == "none" or "tree" not in scores.landmarks:
        return found
    rows = choose_rows(y, scores.landmark_rows, settings["seed"])
    sample = prepare(np.asarray(values[rows]), y[rows], layout=layout, **settings)
    family, step = WITH_LANDMARK["tree"], _step(sample, found.grid.verdict)
    pace = max(1.0, scores.landmarks["tree"].seconds / family.landmark_seconds(sample))
    if not clock.unlimited and pace * _seconds(sample, step) > _MOST_TIME * clock.left:
        sample = replace(sample, brief=True)
    if not clock.unlimited and (expected := pace * _seconds(sample, step)) > _MOST_TIME * clock.left:
        reason = f"{PARTS}: about {expected:.1f} s expected, {max(0.0, clock.left):.1f} s left"
        return replace(found, skipped=(*found.skipped, reason))
    started = monotonic()
    try:
        losses = family.landmark(_summed(sample, step), clock.check)["tree"]
    except OutOfTimeError:
        return replace(found, skipped=(*found.skipped, f"{PARTS}: time ran out"))
    mark = Landmark(*score_and_error(losses, sample), monotonic() - started)
    return replace(found, scores=replace(scores, landmarks={**scores.landmarks, PARTS: mark}))


def _step(sample: Sample, verdict: str) -> GridSummaries | IntervalQuantiles:
    """Choose what trees read: of series of numbers quantiles of intervals, else summaries of parts."""
    assert sample.layout is not None
    if verdict.startswith("1d") and not np.isin(sample.categorical, sample.layout.columns).any():
        return IntervalQuantiles(sample.layout, (verdict.removeprefix("1d-"),))
    return GridSummaries(sample.layout, "summaries")


def _summed(sample: Sample, step: GridSummaries | IntervalQuantiles) -> Sample:
    """The rows as trees see them: summaries, and the columns that are no cells."""
    summaries = step.fit_transform(sample.overall).astype(np.float32)
    return replace(sample, ordinal=np.nan_to_num(summaries), layout=None, categorical=())


def _seconds(sample: Sample, step: GridSummaries | IntervalQuantiles) -> float:
    """Estimate by the number of the summaries, before any is made."""
    if isinstance(step, IntervalQuantiles):
        n, making = step.n_quantiles, len(sample) * step.seconds_per_row
    else:
        n, making = n_summaries(step.layout), _PER_CELL * sample.overall.size
    shape = len(sample), n + len(step.layout.foreign)
    seen = replace(sample, ordinal=np.broadcast_to(np.float32(0), shape), categorical=())
    return WITH_LANDMARK["tree"].landmark_seconds(seen) + making
