"""The sentences of a report. Each one is a function of the report's numbers and of nothing else.

Imports: ``report`` (types only), ``beliefs``.
"""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

from autoarch.locality.beliefs import CONSTANTS, FAMILIES, comparable

if TYPE_CHECKING:
    from autoarch.locality.report import AxisEvidence, LocalityReport

NAMES = {"cnn": "a CNN", "mlp": "an MLP", "tree": "trees", "linear": "a linear model"}
STAND_INS = {
    "cnn": "random convolutions",
    "cnn_shuffled": "the same on shuffled cells",
    "mlp": "a small MLP",
    "tree": "small trees",
    "linear": "a linear model",
}
VERDICTS = {
    "2d": "cells depend on their neighbours along rows and along columns",
    "1d-rows": "cells depend on their neighbours along a row only",
    "1d-columns": "cells depend on their neighbours along a column only",
    "none": "no sign that neighbouring cells belong together",
}


def headline(report: LocalityReport) -> str:
    """Say the verdict in one line."""
    grid = "no layout" if report.layout is None else f"{report.layout} cells"
    return f"{report.verdict}: {_verdict_clause(report)} ({grid})"


def _verdict_clause(report: LocalityReport) -> str:
    """Say what the verdict means."""
    if report.verdict == "none" and report.p_value is not None and report.p_value <= CONSTANTS["alpha"]:
        return "the order of the cells matters, but along neither axis do neighbours clearly belong together"
    return VERDICTS[report.verdict]


def findings(report: LocalityReport) -> tuple[str, ...]:
    """Say all findings, in the order in which they matter."""
    said = [_about_the_layout(report)]
    shown = () if report.axes_are_a_guess else report.dependent_axes
    said += [_about_an_axis(name, axis, name in shown) for name, axis in report.axes.items() if axis.side > 1]
    if report.axes_are_a_guess:
        said.append("No axis is certain by itself at this size: the verdict follows the larger effects.")
    if report.verdict != "none":
        said.append(_about_position(report.lag_r2))
    if report.landmarks:
        said.append(_about_landmarks(report))
    if {"cnn", "cnn_shuffled"} <= set(report.landmarks):
        said.append(_about_the_counterfactual(report))
    said.append(_about_chances(report))
    return tuple(said)


def _about_the_layout(report: LocalityReport) -> str:
    """Say what the test of the whole layout found."""
    if report.layout is None or report.p_value is None:
        return "The columns have no layout, so there are no neighbours to compare."
    if report.p_value == 1.0:
        return "Shuffled cells look no different from the given ones; too few of them or of the rows vary to tell."
    if report.p_value > CONSTANTS["alpha"]:
        return f"Shuffled cells look no different from the given ones (p = {report.p_value:.3f}): no layout is seen."
    return f"The order of the cells matters: shuffled cells look different (p = {report.p_value:.3f})."


def _about_an_axis(name: str, axis: AxisEvidence, dependent: bool) -> str:
    """Say what one axis shows against its own null."""
    line, others = ("row", "columns") if name == "rows" else ("column", "rows")
    start = f"Along a {line} ({axis.side} cells)"
    numbers = f"neighbours correlate by {axis.sizes[0]:.2f} in size"
    if axis.correlations[0] < -0.5 * axis.sizes[0] and dependent:
        numbers += f", with alternating signs ({axis.correlations[0]:+.2f})"
    if axis.p_value is not None:
        compared = "more than" if dependent else "not clearly more than"
        against = f"with the {others} reordered ({axis.expected:.2f}, p = {axis.p_value:.3f})"
        return f"{start} {numbers}, {compared} {against}."
    orders = "one order" if axis.n_orders == 1 else f"{axis.n_orders} orders"
    counts = "counts as dependence" if dependent else "does not count as dependence"
    against = f"against {axis.expected:.2f} {'for any order' if axis.n_orders > 1 else 'overall'}"
    return (
        f"{start} there is too little to tell: {orders}, no test. By size of effect alone: {numbers} {against}, "
        f"which {counts}."
    )


def _about_position(lag_r2: float) -> str:
    """Say how far dependence is a matter of displacement only."""
    share = f"displacement alone explains {max(lag_r2, 0.0):.0%} of the differences between correlations"
    if lag_r2 >= 0.7:
        return f"A pattern means much the same wherever it stands: {share}."
    if lag_r2 >= 0.2:
        return f"What a pattern means depends in part on where it stands: {share}."
    return f"What a pattern means depends mostly on where it stands: {share}."


def _about_landmarks(report: LocalityReport) -> str:
    """List the scores of the stand-ins, best first."""
    metric = "accuracy" if report.landmark_metric == "accuracy" else "R2"
    ranked = sorted(report.landmarks.items(), key=lambda item: -item[1].score)
    scores = ", ".join(f"{STAND_INS[name]} {mark.score:.3f} (± {mark.std_error:.3f})" for name, mark in ranked)
    return f"Quick stand-ins on {report.landmark_rows} rows, cross-validated {metric}: {scores}."


def _about_the_counterfactual(report: LocalityReport) -> str:
    """Say what the layout is worth to the convolution."""
    true, shuffled = report.landmarks["cnn"], report.landmarks["cnn_shuffled"]
    gain = true.score - shuffled.score
    if gain > max(0.01, true.std_error):
        return f"Shuffling the cells costs the convolutions {gain:.3f}: they use the layout."
    return f"Shuffling the cells changes the convolutions by only {gain:+.3f}: they gain nothing sure from the layout."


def _about_chances(report: LocalityReport) -> str:
    """List the chance of each family to win."""
    chances = report.family_probabilities
    listed = ", ".join(f"{NAMES[name]} {chances[name]:.0%}" for name in sorted(FAMILIES, key=lambda f: -chances[f]))
    basis = "the stand-ins" if comparable(report.landmarks) else "the verdict alone"
    return f"Chance to win, by {basis}: {listed}."


def advice(report: LocalityReport) -> str:
    """Say what to try first, why, and what would change it."""
    return _advice_from_landmarks(report) if comparable(report.landmarks) else _advice_from_verdict(report)


def _advice_from_verdict(report: LocalityReport) -> str:
    """Advise by the verdict alone."""
    first, *others = (NAMES[name] for name in report.recommended_families)
    also = f", and compare with {_listed(others)}" if others else ""
    if not report.skipped:
        change = "Pass y to see whether the layout helps the task: neighbours may agree and still not matter for y."
    elif any("too few" in reason for reason in report.skipped):
        change = "More rows would allow a comparison of the families themselves."
    else:
        change = "The families themselves were not compared, for the reasons given above."
    if report.verdict == "none":
        return f"Prefer {first}{also}: {_verdict_clause(report)}. {change}"
    return f"Try {first}{also}: {_verdict_clause(report)} (p = {report.p_value:.3f}). {change}"


def _advice_from_landmarks(report: LocalityReport) -> str:
    """Advise by the landmarks, and let the verdict explain."""
    best, *others = report.recommended_families
    marks = {name: mark for name, mark in report.landmarks.items() if name in FAMILIES}
    runner_up = max((name for name in marks if name != best), key=lambda name: marks[name].score)
    gap = marks[best].score - marks[runner_up].score
    verb = "Try" if best == "cnn" else "Prefer"
    also = f", then {_listed([NAMES[name] for name in others])}" if others else ""
    why = (
        f"{STAND_INS[best]} reach {marks[best].score:.3f} against {marks[runner_up].score:.3f} for "
        f"{STAND_INS[runner_up]}"
        if best in ("cnn", "tree")
        else f"{STAND_INS[best]} reaches {marks[best].score:.3f} against {marks[runner_up].score:.3f} for "
        f"{STAND_INS[runner_up]}"
    )
    error = max(marks[best].std_error, marks[runner_up].std_error)
    sure = "a clear lead" if gap > 2 * error else "within the noise of so few rows" if gap < error else "a small lead"
    if others and report.family_probabilities[best] < 0.5:
        change = f"more rows may well reverse the order: the chance that {NAMES[best]} wins is "
        change += f"{report.family_probabilities[best]:.0%}"
    else:
        change = f"a gain of {gap:.3f} by {NAMES[runner_up]} once trained in full"
    clause = _layout_clause(report, best)
    return f"{verb} {NAMES[best]} first{also}: {why} ({sure}); {clause}. What would change this: {change}."


def _layout_clause(report: LocalityReport, best: str) -> str:
    """Say how the verdict fits the best landmark."""
    if report.layout is None:
        return "there is no grid to convolve over"
    if best == "cnn":
        if report.verdict == "none":
            return "no dependence between neighbours is seen, so the gain may come from the features, not the layout"
        return _verdict_clause(report)
    if report.verdict == "none":
        return _verdict_clause(report)
    return f"{VERDICTS[report.verdict]}, but that does not help this task enough"


def _listed(names: list[str]) -> str:
    """Join as ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def as_text(report: LocalityReport) -> str:
    """Write the whole report for a terminal."""
    lines = [headline(report), *(f"- {sentence}" for sentence in report.sentences)]
    lines += [f"- Left out: {reason}." for reason in report.skipped]
    lines.append(f"=> {report.recommendation}")
    lines.append(f"({report.n_samples_used} rows looked at, {report.seconds:.1f} s)")
    return "\n".join(_wrapped(line) for line in lines)


def _wrapped(line: str) -> str:
    """Break a line at 110 characters, but never between a sign and its number."""
    tied = line.replace("p = ", "p\u00a0=\u00a0").replace("± ", "±\u00a0")
    return fill(tied, 110, subsequent_indent="  ").replace("\u00a0", " ")
