"""The notebook view of a report: one block of HTML with its own style and SVG bars, no script, no link."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from autoarch.locality.family_odds import FAMILIES
from autoarch.locality.wording import LANDMARK_NAMES, METRICS, NAMES, headline

if TYPE_CHECKING:
    from autoarch.locality.measurements import Picture, Reading
    from autoarch.locality.report import LocalityReport

BOX = "font:14px/1.45 system-ui,sans-serif;max-width:760px;border:1px solid #8886;border-radius:8px;padding:12px 16px"
TITLE = "font-weight:600;font-size:16px;margin-bottom:6px"
QUIET = "opacity:.7;font-size:12px"
BLUE, GREY = "#3b7dd8", "#9aa5b1"
BAR_WIDTH = 300
PICTURE_WIDTH = 180


def as_html(report: LocalityReport) -> str:
    """Verdict, advice, bars and findings."""
    findings = "".join(f"<li>{escape(sentence)}</li>" for sentence in report.sentences)
    left_out = "".join(f"<li>Left out: {escape(reason)}.</li>" for reason in report.skipped)
    return (
        f'<div style="{BOX}"><div style="{TITLE}">{escape(headline(report))}</div>'
        f"<p><b>{escape(report.recommendation)}</b></p>{_landmark_bars(report.used)}{_chance_bars(report)}"
        f"{''.join(_mean_samples(reading) for reading in report.readings if reading.kept)}"
        f'<ul style="margin:8px 0 0 18px;padding:0">{findings}{left_out}</ul>'
        f'<div style="{QUIET}">{report.n_samples_used} rows looked at, {report.seconds:.1f} s</div></div>'
    )


def _landmark_bars(report: LocalityReport) -> str:
    """Scores with their standard errors; the counterfactual in grey."""
    if not report.landmarks:
        return ""
    metric = METRICS[report.landmark_metric]
    rows = [
        (LANDMARK_NAMES[name], mark.score, mark.std_error, GREY if name == "cnn_shuffled" else BLUE)
        for name, mark in report.landmarks.items()
    ]
    return bars(f"Quick stand-ins, {metric}", rows)


def _chance_bars(report: LocalityReport) -> str:
    """Chance of each family to win."""
    chances = report.family_probabilities
    return bars("Chance to win", [(NAMES[name], chances[name], 0.0, BLUE) for name in FAMILIES])


def _mean_samples(reading: Reading) -> str:
    """The mean sample before and after the columns were laid out."""
    shown = [(reading.before, "columns as given"), (reading.after, f"laid out on {reading.layout} cells")]
    drawn = "".join(_picture(cells, escape(words)) for cells, words in shown if cells and len(cells) > 1)
    return f'<div style="{QUIET}">Mean sample</div>{drawn}' if drawn else ""


def _picture(cells: Picture, words: str) -> str:
    """Cells as grey squares; those without a value are left empty."""
    values = [value for line in cells for value in line if value is not None]
    low, high = min(values, default=0.0), max(values, default=0.0)
    height, width = len(cells), len(cells[0])
    side = max(2, min(12, PICTURE_WIDTH // max(width, height)))
    squares = "".join(
        f'<rect x="{side * column}" y="{side * row}" width="{side}" height="{side}" '
        f'fill="{_grey((value - low) / (high - low) if high > low else 0.5)}"/>'
        for row, line in enumerate(cells)
        for column, value in enumerate(line)
        if value is not None
    )
    return (
        '<figure style="display:inline-block;margin:4px 16px 4px 0"><svg xmlns="http://www.w3.org/2000/svg" role="img" '
        f'width="{side * width}" height="{side * height}" shape-rendering="crispEdges">{squares}</svg>'
        f'<figcaption style="{QUIET}">{words}</figcaption></figure>'
    )


def _grey(share: float) -> str:
    level = round(255 * share)
    return f"#{level:02x}{level:02x}{level:02x}"


def bars(title: str, rows: list[tuple[str, float, float, str]]) -> str:
    """Horizontal bars from 0 to 1, as one SVG picture in the text's own colour."""
    parts = []
    for number, (label, value, error, colour) in enumerate(rows):
        y, length = 22 * number, BAR_WIDTH * min(max(value, 0.0), 1.0)
        parts.append(f'<text x="175" y="{y + 15}" text-anchor="end" fill="currentColor">{escape(label)}</text>')
        parts.append(f'<rect x="185" y="{y + 4}" width="{length:.1f}" height="14" rx="2" fill="{colour}"/>')
        end = 185 + length
        if error:
            reach = BAR_WIDTH * min(error, 0.5)
            parts.append(f'<path d="M{end - reach:.1f} {y + 11}H{end + reach:.1f}" stroke="currentColor"/>')
            end += reach
        parts.append(f'<text x="{end + 6:.1f}" y="{y + 15}" fill="currentColor">{value:.3f}</text>')
    return (
        f'<div style="{QUIET}">{escape(title)}</div><svg xmlns="http://www.w3.org/2000/svg" role="img" width="580" '
        f'height="{22 * len(rows) + 4}" style="font-size:12px;display:block">{"".join(parts)}</svg>'
    )
