"""The findings of a report: one record per question, each with its statistic, null, p-value, effect and sentence.

Each sentence is a function of the report's numbers and of nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from autoarch.locality.constants import CONSTANTS
from autoarch.locality.family_odds import FAMILIES
from autoarch.locality.measurements import AxisEvidence, Finding, MarginalEvidence
from autoarch.locality.over_space import nearby, over_space
from autoarch.locality.wording import LANDMARK_NAMES, METRICS, NAMES, about_reading, p_text

if TYPE_CHECKING:
    from autoarch.locality.report import LocalityReport

LINES = {"rows": ("row", "columns"), "columns": ("column", "rows")}
DIRECTIONS = {"rows": "a row", "columns": "a column", "diagonals": "a diagonal"}


def find(report: LocalityReport) -> tuple[Finding, ...]:
    """All findings, in the order of the questions."""
    return (*_on_the_grid(report), *map(nearby, report.space), *_gains(report.used))


def _on_the_grid(report: LocalityReport) -> list[Finding]:
    """What the cells and their neighbours show, whatever is to be predicted."""
    found: list[Finding] = []
    if report.p_value is not None:
        found += [_whole(report), *_directions(report), *_axes(report)]
    if report.dependent_axes:
        found += [_displacement(report)]
    if report.p_value is not None and report.marginals:
        found += [*_places(report), *_patterns(report), *_heterogeneity(report)]
    return found


def sentences(report: LocalityReport) -> tuple[str, ...]:
    """All findings in words, then the stand-ins and the chances of the families."""
    said = [finding.sentence for finding in (*_on_the_grid(report), *_gains(report.used))]
    said += over_space(report)
    if report.p_value is None:
        said.insert(0, "The columns have no layout, so there are no neighbours to compare.")
    if report.axes_are_a_guess:
        said.append("No axis is certain by itself at this size: the verdict follows the larger effects.")
    said += [about_reading(reading) for reading in report.readings]
    landmarks = report.used.landmarks
    if landmarks:
        ranked = sorted(landmarks.items(), key=lambda item: -item[1].score)
        scores = ", ".join(f"{LANDMARK_NAMES[name]} {mark.score:.3f} (± {mark.std_error:.3f})" for name, mark in ranked)
        metric = METRICS[report.landmark_metric]
        rearranged = ", columns rearranged" if report.recovered is not None else ""
        said.append(f"Quick stand-ins on {report.landmark_rows} rows{rearranged}, cross-validated {metric}: {scores}.")
    chances = report.family_probabilities
    ordered = sorted(FAMILIES, key=lambda name: -chances[name])
    said.append(f"Chance to win: {', '.join(f'{NAMES[name]} {chances[name]:.0%}' for name in ordered)}.")
    return tuple(said)


def _whole(report: LocalityReport) -> Finding:
    """Whether neighbours depend on each other at all."""
    assert report.p_value is not None
    numbers = (
        f"direct neighbours correlate by {report.neighbour_size:.2f} in size, any two cells by "
        f"{report.expected_size:.2f}; Moran's I {report.morans_i:.2f}, Geary's C {report.gearys_c:.2f}"
    )
    if report.p_value == 1.0:
        said = "Shuffled cells look no different from the given ones; too few of them or of the rows vary to tell."
    elif report.p_value > CONSTANTS["alpha"]:
        said = f"Shuffled cells look no different from the given ones ({p_text(report.p_value)}): {numbers}."
    else:
        said = f"The order of the cells matters ({p_text(report.p_value)}): {numbers}."
    return Finding(
        "Are neighbouring cells dependent?",
        "mean size of the correlation between direct neighbours",
        report.neighbour_size,
        "the cells in any order, one order for all samples",
        report.p_value,
        (report.neighbour_size - report.expected_size) / max(1.0 - report.expected_size, 1e-6),
        said,
    )


def _directions(report: LocalityReport) -> Iterator[Finding]:
    """How far dependence reaches in each direction."""
    for name, direction in report.directions.items():
        if direction.p_value is None:
            continue
        start = f"In the direction of {DIRECTIONS[name]}"
        size = f"cells one step apart correlate by {direction.sizes[0]:.2f} in size ({p_text(direction.p_value)})"
        fading = "with no excess over any two cells"
        if direction.reach:
            steps = "1 step" if direction.reach == 1 else f"{direction.reach} steps"
            fading = f"an excess that falls under 1/e of itself by {steps}"
            if not direction.fades:
                fading = f"an excess that holds over all {steps} measured"
        yield Finding(
            "Are neighbouring cells dependent?",
            f"mean size of the correlation one step along {DIRECTIONS[name]}",
            direction.sizes[0],
            "the cells in any order, one order for all samples",
            direction.p_value,
            direction.excess,
            f"{start}, {size}, {fading}.",
        )


def _axes(report: LocalityReport) -> Iterator[Finding]:
    """Whether the order along each axis matters."""
    shown = () if report.axes_are_a_guess else report.dependent_axes
    for name, axis in report.axes.items():
        if axis.side > 1:
            line, others = LINES[name]
            yield Finding(
                f"Does the order along a {line} matter?",
                "mean size of the correlation between neighbours",
                axis.sizes[0],
                f"whole {others} in any order, one order for all samples",
                axis.p_value,
                axis.effect,
                _about_an_axis(name, axis, name in shown),
            )


def _about_an_axis(name: str, axis: AxisEvidence, dependent: bool) -> str:
    """Say what one axis shows against its own null."""
    line, others = LINES[name]
    start = f"Along a {line} ({axis.side} cells)"
    numbers = f"neighbours correlate by {axis.sizes[0]:.2f} in size"
    if axis.correlations[0] < -0.5 * axis.sizes[0] and dependent:
        numbers += f", with alternating signs ({axis.correlations[0]:+.2f})"
    if axis.p_value is not None:
        compared = "more than" if dependent else "not clearly more than"
        against = f"with the {others} reordered ({axis.expected:.2f}, {p_text(axis.p_value)})"
        return f"{start} {numbers}, {compared} {against}."
    orders = "one order" if axis.n_orders == 1 else f"{axis.n_orders} orders"
    counts = "counts as dependence" if dependent else "does not count as dependence"
    against = f"against {axis.expected:.2f} {'for any order' if axis.n_orders > 1 else 'overall'}"
    return f"{start} it is too small to tell: {orders}, no test. By effect alone, {numbers} {against}, which {counts}."


def _displacement(report: LocalityReport) -> Finding:
    """Whether dependence is a matter of displacement only."""
    share = f"displacement alone explains {max(report.lag_r2, 0.0):.0%} of the differences between correlations"
    if report.lag_r2 >= CONSTANTS["lag_r2_much"]:
        said = f"Cells depend on each other much alike wherever they stand: {share}."
    elif report.lag_r2 >= CONSTANTS["lag_r2_some"]:
        said = f"How cells depend on each other hangs in part on where they stand: {share}."
    else:
        said = f"How cells depend on each other hangs mostly on where they stand: {share}."
    return Finding(
        "Does a pattern mean the same wherever it stands?",
        "lag R2: variance of the correlations that displacement explains",
        report.lag_r2,
        "the cells in any order, one order for all samples",
        report.lag_r2_p_value,
        max(report.lag_r2, 0.0),
        said,
    )


def _places(report: LocalityReport) -> Iterator[Finding]:
    """Whether all cells have the same mean and scale."""
    if "cells" in report.marginals:
        evidence = report.marginals["cells"]
        yield Finding(
            "Does a pattern mean the same wherever it stands?",
            "variance between the means of the cells, as a share of all variance",
            evidence.between,
            "each sample shifted by any amount along both axes",
            evidence.p_value,
            evidence.between,
            f"Cells {_differ(evidence)} in level: {evidence.between:.0%} of all variance lies between their means "
            f"({p_text(evidence.p_value)}); their scales differ by a factor of {evidence.scale_factor:.1f}.",
        )


def _differ(evidence: MarginalEvidence) -> str:
    """Say how clearly places differ."""
    if evidence.p_value > CONSTANTS["alpha"]:
        return "do not clearly differ"
    return "differ strongly" if evidence.between >= CONSTANTS["between_much"] else "differ"


def _patterns(report: LocalityReport) -> Iterator[Finding]:
    """Whether there are enough patterns to share weights over."""
    counted = report.patterns
    if counted.n_cells > 1:
        enough = counted.effective >= CONSTANTS["enough_patches"] and counted.active >= CONSTANTS["enough_active"]
        yield Finding(
            "Are there enough local patterns?",
            "share of the cells in active neighbourhoods",
            counted.active,
            "the cells in any order, one order for all samples",
            counted.p_value,
            max(counted.active - 0.05, 0.0) / 0.95,
            f"A sample holds about {counted.effective:.1f} independent patches in {counted.n_cells} cells that vary, "
            f"and {counted.active:.0%} of the cells stand in active neighbourhoods ({p_text(counted.p_value)}): "
            f"{'enough' if enough else 'few'} local patterns to share weights over.",
        )


def _heterogeneity(report: LocalityReport) -> Iterator[Finding]:
    """Whether each column, or each row, of the grid means something else."""
    for name, (line, others) in LINES.items():
        if name not in report.marginals:
            continue
        evidence = report.marginals[name]
        p_value = min(1.0, 2 * min(evidence.p_value, evidence.scale_p_value))
        apart = evidence.between >= CONSTANTS["between_much"] or evidence.scale_factor >= CONSTANTS["scale_much"]
        if p_value > CONSTANTS["alpha"]:
            means = "no reason against sharing weights"
        else:
            means = "a reason against sharing weights" if apart else "a small reason against sharing weights"
        yield Finding(
            f"Does each place along a {line} mean something else?",
            f"variance between the means of the {others}, as a share of all variance",
            evidence.between,
            f"each sample shifted by any amount along a {line}",
            p_value,
            evidence.between,
            f"The {others} of the grid differ by {evidence.between:.0%} of all variance in level and by a factor of "
            f"{evidence.scale_factor:.1f} in scale ({p_text(p_value)}): {means} along a {line}.",
        )


def _gains(report: LocalityReport) -> Iterator[Finding]:
    """What the layout and the place of a pattern are worth to the task."""
    if "place" in report.gains:
        gain = report.gains["place"]
        numbers = f"by {gain.difference:+.3f} (± {gain.std_error:.3f})"
        if gain.exceeds(0.005):
            said = f"The position of a pattern carries the label: knowing it changes the convolutions {numbers}."
        elif gain.is_below(CONSTANTS["place_matters"]):
            said = f"The position of a pattern carries no label: knowing it changes the convolutions {numbers} only."
        else:
            said = f"Whether the position of a pattern carries the label is open: knowing it changes them {numbers}."
        yield Finding(
            "Does a pattern mean the same wherever it stands?",
            "score of convolutions that know places less that of convolutions that do not",
            gain.difference,
            "no difference between the rows' losses",
            gain.p_value,
            gain.difference,
            said,
        )
    if "layout" in report.gains:
        gain = report.gains["layout"]
        numbers = f"{abs(gain.difference):.3f} (± {gain.std_error:.3f})"
        if gain.exceeds(0.01):
            said = f"Shuffling the cells costs the convolutions {numbers}: they use the layout."
        else:
            verb = "costs" if gain.difference > 0 else "gains"
            said = f"Shuffling the cells {verb} the convolutions {numbers}: nothing sure comes from the layout."
        yield Finding(
            "Does locality help this task?",
            "score of random convolutions less that on shuffled cells",
            gain.difference,
            "the same convolutions on shuffled cells",
            gain.p_value,
            gain.difference,
            said,
        )
