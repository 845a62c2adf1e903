"""Findings of a report: one record per question, each with its statistic, null, p-value, effect and sentence.

Each sentence is a function of the measured numbers and of nothing else. Questions about the grid have modules of their
own; here are those about the layout as a whole, about y, and about rows on a map.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from autoarch._report.text import METRICS, listed, p_text, with_error
from autoarch._training.grid_extents import EXTENTS
from autoarch.families.registry import LANDMARK_TITLES, TITLES
from autoarch.locality.axes import axis_findings, significant_axes
from autoarch.locality.constants import CONSTANTS
from autoarch.locality.correlogram import direction_findings
from autoarch.locality.grid_statistics import GridStatistics, Measurements
from autoarch.locality.measurements import CELLS_PERMUTED, LINES, Finding, Reading
from autoarch.locality.patterns import pattern_findings
from autoarch.locality.stationarity import STATIONARY, axis_marginal_findings, lag_finding, marginal_findings

if TYPE_CHECKING:
    from autoarch.geo.autocorrelation import SpatialEvidence
    from autoarch.locality.symmetry import Symmetry

_MOST_NAMED = 5  # attributes of rows on a map


def grid_findings(grid: GridStatistics) -> list[Finding]:
    """Findings about the cells and their neighbours, which need no target."""
    if not grid.axes:
        return []
    dependent = grid.dependent_axes
    found = [_whole(grid), *direction_findings(grid.directions, dependent)]
    found += [*axis_findings(grid.axes, significant_axes(grid.axes)), *_belonging(grid)]
    if dependent:
        found.append(lag_finding(grid.lag_r2, grid.lag_r2_p_value))
    if grid.marginals:
        found += marginal_findings(grid.marginals)
        found += pattern_findings(grid.patterns, ordered=bool(dependent))
        found += axis_marginal_findings(grid.marginals, dependent)
    return found


def _whole(grid: GridStatistics) -> Finding:
    """Dependence between neighbouring cells along any axis."""
    numbers = (
        f"mean |r| between neighbours {grid.neighbour_size:.2f}, between any two cells {grid.expected_size:.2f}; "
        f"Moran's I {grid.morans_i:.2f}, Geary's C {grid.gearys_c:.2f}"
    )
    sentence = f"No dependence between neighbouring cells was found ({p_text(grid.p_value)}): {numbers}."
    if not grid.testable:
        sentence = "Dependence between neighbouring cells was not tested: too few lines to test, or too few rows vary."
    elif grid.unlike:
        sentence = (
            f"A typical column differs from the next one by a factor of {grid.unlike:.1f} in scale: the columns are "
            f"quantities of different units, not cells of a line. That neighbours correlate ({p_text(grid.p_value)}) "
            "is a matter of how the table was written down; a plain table."
        )
    elif grid.dependent_axes:
        sentence = f"Neighbouring cells depend on each other ({p_text(grid.p_value)}): {numbers}."
    return Finding(
        "Are neighbouring cells dependent?",
        "mean |r| between neighbours",
        grid.neighbour_size,
        "whole lines permuted along each axis, one permutation for all samples",
        grid.p_value,
        (grid.neighbour_size - grid.expected_size) / max(1.0 - grid.expected_size, 1e-6),
        sentence,
    )


def _belonging(grid: GridStatistics) -> Iterator[Finding]:
    """Lines whose cells share something, though the order of the lines carries nothing."""
    level, usual = CONSTANTS["alpha"], grid.expected_size
    lines = {LINES[name][1]: axis for name, axis in grid.axes.items() if axis.belongs(level, usual)}
    if not lines or grid.unlike:
        return
    each = [f"within a {others.removesuffix('s')} {axis.within:.2f}" for others, axis in lines.items()]
    ordered = "lines" if len(lines) == 2 else next(iter(lines))
    p_value = max(axis.within_p_value for axis in lines.values())
    largest = max(axis.within for axis in lines.values())
    orders = min(axis.p_value or 0.0 for axis in lines.values())
    yield Finding(
        "Do the cells of a line belong together?",
        "mean |r| between cells of a line",
        largest,
        CELLS_PERMUTED,
        p_value,
        (largest - usual) / max(1.0 - usual, 1e-6),
        f"The cells of a {ordered.removesuffix('s')} belong together, the order of the {ordered} carries nothing: "
        f"mean |r| {listed(each)}, between any two cells {usual:.2f} (cells permuted, {p_text(p_value)}; {ordered} "
        f"permuted, {p_text(orders)}).",
    )


_PARTS = {"middle": "The middle of the grid", "means": "A coarser look"}


def symmetry_sentences(symmetries: Mapping[str, Symmetry]) -> Iterator[str]:
    """Tell what may be done to a sample, as far as it was shown; lines that are alike are told once."""
    shown = {symmetry.sentence: None for symmetry in symmetries.values() if symmetry.answer == "yes"}
    yield from shown


def gain_findings(measured: Measurements) -> Iterator[Finding]:
    """Value of the place of a pattern, and of the layout, for predicting y."""
    gains = measured.used.scores.gains
    if "place" in gains:
        gain = gains["place"]
        state = "may be informative (not significant)"
        if gain.exceeds(0.005):
            state = "is informative"
        elif gain.is_below(CONSTANTS["place_matters"]):
            state = "is not informative"
        yield Finding(
            STATIONARY,
            "score of convolutions that know places less that of convolutions that do not",
            gain.difference,
            "no difference between the rows' losses",
            gain.p_value,
            gain.difference,
            f"The position of a pattern {state}: convolutions pooled by position score "
            f"{with_error(gain.difference, gain.std_error, '+')} against the same pooled over the whole grid.",
        )
    if (part := measured.used.scores.better_part) is not None:
        gain, what = gains[part], EXTENTS[part]
        yield Finding(
            "Which part of the grid matters?",
            f"score of convolutions on {what} less that on all cells",
            gain.difference,
            "no difference between the rows' losses",
            gain.p_value,
            gain.difference,
            f"{_PARTS[part]} tells more than all cells: convolutions on {what} score "
            f"{with_error(gain.difference, gain.std_error, '+')}.",
        )
    if "layout" in gains:
        gain = gains["layout"]
        effect = "the layout helps" if gain.exceeds(0.01) else "no significant effect of the layout"
        yield Finding(
            "Does locality help this task?",
            "score of random convolutions less that on shuffled cells",
            gain.difference,
            "the same convolutions on shuffled cells",
            gain.p_value,
            gain.difference,
            f"Random convolutions score {with_error(gain.difference, gain.std_error, '+')} on the layout against "
            f"shuffled cells: {effect}.",
        )


def reading_sentence(reading: Reading) -> str:
    """Say what another layout of the columns is worth, and whether it is used."""
    layout, gain = reading.layout, reading.gain
    cells = f"{layout} cells" if layout.height > 1 or layout.channels > 1 else f"a line of {layout.width} cells"
    n_foreign = len(layout.foreign)
    beside = f", {n_foreign} columns set aside" if n_foreign > 1 else ", one column set aside" if n_foreign else ""
    origin = {"recovered": "Recovered layout", "names": "Layout by column names"}.get(layout.origin, "Inferred layout")
    start = f"{origin}: {cells}{beside} ({reading.reason.rstrip('.')})"
    used = "this layout is used" if reading.kept else "the columns are left as given"
    if gain is None:
        return f"{start}; convolutions were not compared, {used}."
    return f"{start}; convolutions score {with_error(gain.difference, gain.std_error, '+')} on it, {used}."


def score_sentences(measured: Measurements, chances: Mapping[str, float]) -> Iterator[str]:
    """The landmarks, and what they make of the families."""
    scores = measured.used.scores
    if scores.landmarks:
        ranked = sorted(scores.landmarks.items(), key=lambda item: -item[1].score)
        numbers = ", ".join(
            f"{LANDMARK_TITLES[name]} {with_error(mark.score, mark.std_error)}" for name, mark in ranked
        )
        rearranged = ", columns rearranged" if measured.recovered is not None else ""
        start = f"Landmark models on {scores.landmark_rows} rows{rearranged}"
        yield f"{start}, cross-validated {METRICS[scores.landmark_metric]}: {numbers}."
    ordered = sorted(chances.items(), key=lambda item: -item[1])
    yield f"Probability of being the best family: {', '.join(f'{TITLES[name]} {p:.0%}' for name, p in ordered)}."


def map_finding(evidence: SpatialEvidence) -> Finding:
    """Spatial autocorrelation of one attribute, or of the label."""
    verb = "is" if evidence.autocorrelated else "is not"
    return Finding(
        "Do rows that stand near each other on the map resemble each other?",
        f"Moran's I of {evidence.name}",
        evidence.morans_i,
        "the values at any place",
        evidence.p_value,
        evidence.morans_i - evidence.expected,
        f"{evidence.name} {verb} spatially autocorrelated ({_moran(evidence)}).",
    )


def map_sentences(space: Sequence[SpatialEvidence]) -> Iterator[str]:
    """Spatial autocorrelation of the label and of the attributes."""
    for label in (each for each in space if each.name == "y"):
        if label.autocorrelated:
            far = f" {label.distance}" if label.distance else ""
            yield (
                f"The label is spatially autocorrelated{far} ({_moran(label)}): random folds estimate the score next "
                "to training rows, blocks of the map that at new places."
            )
        else:
            yield f"The label is not spatially autocorrelated ({_moran(label)}): random folds are unbiased."
    attributes = [each for each in space if each.name != "y"]
    alike = sorted((each for each in attributes if each.autocorrelated), key=lambda each: -each.morans_i)
    if alike:
        named = [f"{each.name} {each.morans_i:.2f}" for each in alike[:_MOST_NAMED]]
        more = [f"{len(alike) - _MOST_NAMED} more"] if len(alike) > _MOST_NAMED else []
        start = f"{len(alike)} of {len(attributes)} attributes are spatially autocorrelated"
        yield f"{start} (Moran's I: {listed([*named, *more])})."
    elif attributes:
        yield f"None of the {len(attributes)} attributes is spatially autocorrelated."


def _moran(evidence: SpatialEvidence) -> str:
    return f"Moran's I {evidence.morans_i:.2f}, {p_text(evidence.p_value)}"
