"""Words that every part of a report uses."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

from autoarch.families.registry import WITH_LANDMARK
from autoarch.locality.constants import CONSTANTS

if TYPE_CHECKING:
    from autoarch.locality.measurements import Reading
    from autoarch.locality.report import LocalityReport

NAMES = {name: family.title for name, family in WITH_LANDMARK.items()}
LANDMARK_NAMES = {name: family.landmark_title for name, family in WITH_LANDMARK.items()}
LANDMARK_NAMES["cnn_shuffled"] = "the same on shuffled cells"
METRICS = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "r2": "R2"}
VERDICTS = {
    "2d": "cells depend on their neighbours along rows and along columns",
    "1d-rows": "cells depend on their neighbours along a row only",
    "1d-columns": "cells depend on their neighbours along a column only",
    "none": "no sign that neighbouring cells belong together",
}


def headline(report: LocalityReport) -> str:
    """Say the verdict in one line."""
    grid = "no layout" if report.layout is None else f"{report.layout} cells"
    return f"{report.verdict}: {verdict_clause(report)} ({grid})"


def verdict_clause(report: LocalityReport) -> str:
    """Say what the verdict means."""
    if report.verdict == "none" and report.p_value is not None and report.p_value <= CONSTANTS["alpha"]:
        return "the order of the cells matters, but along neither axis do neighbours clearly belong together"
    return VERDICTS[report.verdict]


def about_reading(reading: Reading) -> str:
    """Say what another layout of the columns is worth, and whether it is used."""
    layout = reading.layout
    names = f"{layout} cells" if layout.height > 1 or layout.channels > 1 else f"a line of {layout.width} cells"
    n_foreign = len(layout.foreign)
    beside = f", {n_foreign} columns set aside" if n_foreign > 1 else ", one column set aside" if n_foreign else ""
    where = {"recovered": "Rearranged into", "names": "Read, as their names say, as"}.get(layout.origin, "Read as")
    start = f"{where} {names}{beside} ({reading.reason.rstrip('.')})"
    if reading.gain is None:
        left = "so the test alone speaks for it" if reading.kept else "so the columns are left as given"
        return f"{start}: convolutions were not compared, {left}."
    numbers = f"{abs(reading.gain.difference):.3f} (± {reading.gain.std_error:.3f})"
    verb = "gain" if reading.gain.difference >= 0 else "lose"
    used = "this layout is used" if reading.kept else "the columns are left as given"
    return f"{start}, convolutions {verb} {numbers} on the columns as given: {used}."


def p_text(p_value: float | None) -> str:
    """Write a p-value as people do.

    Examples
    --------
    >>> from autoarch.locality.wording import p_text
    >>> p_text(0.0312), p_text(1e-9)
    ('p = 0.031', 'p < 0.001')
    """
    if p_value is None:
        return "no test"
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def listed(names: list[str]) -> str:
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
    tied = (
        line.replace("p = ", "p\u00a0=\u00a0")
        .replace("p < ", "p\u00a0<\u00a0")
        .replace("± ", "±\u00a0")
        .replace(" x ", "\u00a0x\u00a0")
    )
    return fill(tied, 110, subsequent_indent="  ").replace("\u00a0", " ")
