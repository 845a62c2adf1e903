"""Symmetries that need y: does place matter, may a sample be mirrored, shifted, turned, do the cells hold codes.

**Statistic.** The landmark of the CNN is trained on samples as they are; its score on changed samples is compared with
that on the same samples as they are. Every row, and its changed copy, is predicted by a ridge on all other rows, which
costs one inverse for all. **Answer.** "yes" where the upper 95 % limit of the fall lies below a margin and the landmark
knows enough of y to lose more; "no" where the fall is above the margin and beyond doubt; else "too few rows".
**Consequence.** Augmentation, pooling and channels of convolutions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from scipy.special import ndtr

from autoarch._core.clock import Deadline, OutOfTimeError
from autoarch._report.text import p_text, with_error
from autoarch._statistics import random_convolutions
from autoarch._statistics.random_convolutions import Features
from autoarch._statistics.ridge import LeftOut
from autoarch.families.landmarks import Check, Sample, choose_rows, prepare, row_scores
from autoarch.families.registry import WITH_LANDMARK
from autoarch.locality.grid_statistics import Measurements
from autoarch.locality.symmetry import Symmetry

MARGIN = 0.01  # of the landmark's score: what an invariance may cost
FEWEST_CELLS = 3  # of a side that is mirrored or turned
SHORT = 6  # cells of a side along which nothing is shifted
PART_OF_SIDE = 32  # samples are shifted by one cell or by such a part of the side
LEVELS = (3, 12)  # different whole numbers that may be codes, at least and at most
MOST_CHANNELS = 48
_LIMIT = 1.645  # standard errors to the upper 95 % limit
_SURE = 2.326  # standard errors to the upper 99 % limit
_CLEAR = 3.0  # standard errors at which a fall is beyond doubt
_ONE_ROW = 0.25  # squared deviation added to those of all rows: that none changes is no proof that none would
_KINDS = ((0,), (1,), (0, 1, 2))  # parts of the features: placed; anywhere; both, and the cells themselves
_ANYWHERE = 1


def with_symmetries(
    found: Measurements, values: np.ndarray, y: np.ndarray | None, clock: Deadline, **settings: Any
) -> Measurements:
    """Add the answers to what was measured, as far as the time allows; on the recovered layout where there is one."""
    if found.recovered is not None:
        return replace(found, recovered=with_symmetries(found.recovered, values, y, clock, **settings))
    if y is None or found.layout is None or "cnn" not in found.scores.landmarks:
        return found
    rows = choose_rows(y, found.scores.landmark_rows, settings["seed"])  # those of the landmarks
    values = np.asarray(values[rows])
    sample = prepare(values, y[rows], layout=found.layout, **settings)
    pace = max(1.0, found.scores.landmarks["cnn"].seconds / WITH_LANDMARK["cnn"].landmark_seconds(sample))
    ordered = not (found.layout.is_bare_line and found.grid.verdict == "none")  # else there is nothing to mirror
    changed = ChangedSamples(sample, found.layout.to_grid(values), clock.check)
    answers: dict[str, Symmetry] = {}
    skipped: list[str] = []
    for question in questions(changed, ordered=ordered):
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


@dataclass(frozen=True)
class Question:
    """A symmetry that is asked for, and the passes of convolutions over all rows and the ridges that it takes."""

    name: str
    answer: Callable[[], Symmetry]
    n_passes: int = 1
    n_fits: int = 0

    def seconds(self, sample: Sample, *, first: bool) -> float:
        """Estimate the seconds on a slow core; the first question pays for the features of samples as they are."""
        n, p = sample.overall.shape
        responses = n * random_convolutions.N_KERNELS * min(p, 3 * random_convolutions.MOST_POSITIONS)
        passes, fits = self.n_passes + first, self.n_fits + len(_KINDS) * first
        return 0.05 + fits * sample.solving_seconds + passes * 60 * responses / 1e10


def questions(changed: ChangedSamples, *, ordered: bool) -> Iterator[Question]:
    """Questions that can be asked of these samples; where cells have no order, only whether they hold codes."""
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
    cost = {"place_free": (0, 0), "shift": (2, 2)}
    for name in filter(able.get, able):
        answer = partial(_of_falls, changed, name, _said(change.get(name, "")))
        yield Question(name, answer, *cost.get(name, (1, 1)))
    if may_be_codes(changed.cells):
        yield Question("codes", partial(_of_codes, changed), 4, 2 * len(_KINDS))


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
    """Compare the fall of the score with nothing and with the margin.

    Where the fall is uncertain, its two parts are tested one by one. If samples are labelled alike, the landmark may
    see the mean of both copies and lose less than the margin, in a comparison that is far less noisy; if they are as
    likely, too, the fall on changed ones is surely not three margins (99 %; 95 % where blindness is even a gain).
    """
    falls, blind = changed.falls(name)
    fall, error = mean_and_error(falls)
    p_value = float(ndtr(-fall / error))
    numbers = f"random convolutions score {with_error(-fall, error, '+')}"
    if changed.can_lose:
        if fall + _LIMIT * error < MARGIN:
            limit = f"with 95 % confidence they lose less than {MARGIN:g}"
            return Symmetry("yes", fall, p_value, f"{said[0]}, {numbers}: {limit}.")
        if blind is not None and fall + _LIMIT * error < 3 * MARGIN:
            loss, loss_error = mean_and_error(blind())
            worst = loss + _LIMIT * loss_error
            if worst < 0 or (worst < MARGIN and fall + _SURE * error < 3 * MARGIN):
                limit = f"with 95 % confidence they lose less than {3 * MARGIN:g}"
                alike = f"and where they cannot tell both copies apart less than {MARGIN:g}"
                return Symmetry("yes", fall, p_value, f"{said[0]}, {numbers}: {limit}, {alike}.")
    if fall > max(MARGIN, _CLEAR * error):
        return Symmetry("no", fall, p_value, f"{said[1]}, {numbers} ({p_text(p_value)}).")
    why = "" if changed.can_lose else ", and know too little of y to lose more"
    return Symmetry("too few rows", fall, p_value, f"{said[2]}, {numbers}{why}.")


def _of_codes(changed: ChangedSamples) -> Symmetry:
    """Compare a channel for each value with the values, and with a channel for each step between them.

    Channels for steps ("at least 1", "at least 2") hold the same and suit an order: where they do better, there is one.
    """
    over_values, over_steps = changed.coded()
    gain, error = mean_and_error(over_values)
    p_value = float(ndtr(-gain / error))
    numbers = f"random convolutions score {with_error(gain, error, '+')} with a channel for each value"
    lead, lead_error = mean_and_error(over_steps)
    if gain + _LIMIT * error < MARGIN or lead < -_LIMIT * lead_error:
        return Symmetry("no", gain, p_value, f"The values in the cells are taken as numbers: {numbers}.")
    if gain < max(MARGIN, 2 * error):
        return Symmetry("too few rows", gain, p_value, f"Too few rows to tell whether the cells hold codes: {numbers}.")
    sentence = f"The cells hold codes, the order of their values carries nothing: {numbers} ({p_text(p_value)})."
    return Symmetry("yes", gain, p_value, sentence)


def mean_and_error(differences: np.ndarray) -> tuple[float, float]:
    """Mean over rows and its standard error, which is above 0 even where all differences are equal."""
    mean = float(differences.mean())
    return mean, float(np.sqrt(np.square(differences - mean).sum() + _ONE_ROW) / len(differences))


class ChangedSamples:
    """Falls of each row's score where rows are changed; ``cells`` (n, C, H, W) are their values as they were given."""

    def __init__(self, sample: Sample, cells: np.ndarray, check: Check):
        assert sample.layout is not None
        self.sample, self.cells, self.check = sample, cells, check
        self.grid = np.nan_to_num(sample.layout.to_grid(sample.overall))  # a cell without a column is the mean

    @cached_property
    def features(self) -> Features:
        """Features of the grids as they are."""
        return Features.learn(self.grid, self.sample.seed, self.check)

    @cached_property
    def fits(self) -> list[LeftOut]:
        """The ridge on each kind of features."""
        return self._fits(self.features)

    def _fits(self, features: Features) -> list[LeftOut]:
        return [self._fit(features.kernel(kind, features.parts)) for kind in _KINDS]

    def _fit(self, kernel: np.ndarray) -> LeftOut:
        self.check()
        return LeftOut.fit(kernel, self.sample.targets)

    @cached_property
    def best(self) -> int:
        """The kind of features that predicts best."""
        return min(range(len(_KINDS)), key=lambda kind: self.fits[kind].error)

    @property
    def _kind(self) -> tuple[int, ...]:
        return _KINDS[self.best]

    @cached_property
    def can_lose(self) -> bool:
        """Tell whether the landmark leads a constant by so much that a change could cost three margins."""
        lead, error = mean_and_error(row_scores(self.sample, self.fits[self.best].outputs)[0])
        return lead - self.sample.constant_score > 3 * MARGIN + 2 * error

    def falls(self, name: str) -> tuple[np.ndarray, Callable[[], np.ndarray] | None]:
        """Fall of each row's score for a symmetry; where rows are changed, also where both copies look the same."""
        if name == "place_free":
            return self._without_place(), None
        if name == "shift":
            return self._shifted()
        if name == "turn":  # to the left or to the right
            left = np.random.default_rng([self.sample.seed, 3]).random((len(self.grid), 1, 1, 1)) < 0.5
            changed = np.where(left, np.rot90(self.grid, 1, (2, 3)), np.rot90(self.grid, 3, (2, 3)))
        else:
            changed = np.flip(self.grid, 3 if name == "mirror_rows" else 2)
        return self._fall(self.features, self.fits[self.best], changed)

    def _without_place(self) -> np.ndarray:
        with_place = min((kind for kind in range(len(_KINDS)) if kind != _ANYWHERE), key=lambda k: self.fits[k].error)
        scores = [row_scores(self.sample, self.fits[kind].outputs)[0] for kind in (with_place, _ANYWHERE)]
        return scores[0] - scores[1]

    def _shifted(self) -> tuple[np.ndarray, Callable[[], np.ndarray]]:
        """Train on the middle of each grid, test on a part beside it: true cells, no rim that no sample has."""
        steps, n = shift_steps(self.grid.shape[2:]), len(self.grid)
        middle = _cut(self.grid, steps, np.zeros((n, 2), dtype=int))
        features = Features.learn(middle, self.sample.seed, self.check)
        fit = self._fit(features.kernel(self._kind, features.parts))
        down, across = ((-step, 0, step) if step else (0,) for step in steps)
        moves = np.array([(i, j) for i in down for j in across if i or j])
        chosen = np.random.default_rng([self.sample.seed, 4]).integers(len(moves), size=n)
        return self._fall(features, fit, _cut(self.grid, steps, moves[chosen]))

    def _fall(
        self, features: Features, fit: LeftOut, changed: np.ndarray
    ) -> tuple[np.ndarray, Callable[[], np.ndarray]]:
        parts = features.of(changed, self.check)
        kernel = features.kernel(self._kind, parts)
        before, after = row_scores(self.sample, fit.outputs, fit.of_changed(kernel))

        def blind() -> np.ndarray:
            means = [(own + other) / 2 for own, other in zip(features.parts, parts, strict=True)]
            same = replace(features, parts=means)
            outputs = self._fit(same.kernel(self._kind, means)).outputs
            return before - row_scores(self.sample, outputs)[0]

        return before - after, blind

    def coded(self) -> tuple[np.ndarray, np.ndarray]:
        """Gain of each row's score by a channel for each value: over the values, and over a channel for each step."""
        levels = np.unique(self.cells[~np.isnan(self.cells)])
        each = np.concatenate([self.cells == level for level in levels], axis=1)
        steps = np.concatenate([self.cells >= level for level in levels[1:]], axis=1)
        scores = []
        for channels in (each, steps):
            fits = self._fits(Features.learn(channels.astype(np.float32), self.sample.seed, self.check))
            scores.append(row_scores(self.sample, min(fits, key=lambda fit: fit.error).outputs)[0])
        as_values = row_scores(self.sample, self.fits[self.best].outputs)[0]
        return scores[0] - as_values, scores[0] - scores[1]


def shift_steps(sides: Sequence[int]) -> tuple[int, ...]:
    """Cells by which samples are shifted down or up, and right or left."""
    return tuple(max(1, round(side / PART_OF_SIDE)) if side >= SHORT else 0 for side in sides)


def _cut(grid: np.ndarray, rim: Sequence[int], moves: np.ndarray) -> np.ndarray:
    """The grids without a rim, each cut out at a place of its own."""
    sides = [side - 2 * width for side, width in zip(grid.shape[2:], rim, strict=True)]
    windows = np.lib.stride_tricks.sliding_window_view(grid, sides, axis=(2, 3))
    return windows[np.arange(len(grid)), :, rim[0] + moves[:, 0], rim[1] + moves[:, 1]]


def may_be_codes(cells: np.ndarray) -> bool:
    """Tell whether the cells of a grid hold few different whole numbers, but more than two."""
    few = cells.ravel()[:: max(1, cells.size // 5_000)]  # most grids have too many, which need no sorting of all
    if len(np.unique(few[~np.isnan(few)])) > LEVELS[1]:
        return False
    levels = np.unique(cells[~np.isnan(cells)])
    suits = LEVELS[0] <= len(levels) <= LEVELS[1] and len(levels) * cells.shape[1] <= MOST_CHANNELS
    return bool(suits and (levels == np.round(levels)).all())
