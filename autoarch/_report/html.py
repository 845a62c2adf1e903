"""Pieces of notebook views: styles, bars and pictures as plain HTML and SVG, no script, no link."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

BOX = "font:14px/1.45 system-ui,sans-serif;max-width:760px;border:1px solid #8886;border-radius:8px;padding:12px 16px"
TITLE = "font-weight:600;font-size:16px;margin-bottom:6px"
QUIET = "opacity:.7;font-size:12px"
BLUE, GREY = "#3b7dd8", "#9aa5b1"
BAR_WIDTH = 300
LABELS = 205  # pixels of the names of bars
PICTURE_WIDTH = 180


def items(lines: Iterable[str]) -> str:
    """Text as the items of a list."""
    return "".join(f"<li>{escape(line)}</li>" for line in lines)


def picture(cells: Sequence[Sequence[float | None]], words: str) -> str:
    """Cells as grey squares above a caption; those without a value are left empty."""
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
        f'<figcaption style="{QUIET}">{escape(words)}</figcaption></figure>'
    )


def _grey(share: float) -> str:
    return f"#{3 * f'{round(255 * share):02x}'}"


def bars(title: str, rows: list[tuple[str, float, float, str]]) -> str:
    """Horizontal bars from 0 to 1, as one SVG picture in the text's own colour.

    Parameters
    ----------
    title : str
        Words above the bars.
    rows : list of tuple
        Label, value, standard error (0 draws none) and colour of each bar.
    """
    parts = []
    for number, (label, value, error, colour) in enumerate(rows):
        y, length = 22 * number, BAR_WIDTH * min(max(value, 0.0), 1.0)
        parts.append(f'<text x="{LABELS}" y="{y + 15}" text-anchor="end" fill="currentColor">{escape(label)}</text>')
        parts.append(f'<rect x="{LABELS + 10}" y="{y + 4}" width="{length:.1f}" height="14" rx="2" fill="{colour}"/>')
        end = LABELS + 10 + length
        if error:
            reach = BAR_WIDTH * min(error, 0.5)
            parts.append(f'<path d="M{end - reach:.1f} {y + 11}H{end + reach:.1f}" stroke="currentColor"/>')
            end += reach
        parts.append(f'<text x="{end + 6:.1f}" y="{y + 15}" fill="currentColor">{value:.3f}</text>')
    width, height = LABELS + 405, 22 * len(rows) + 4
    return (
        f'<div style="{QUIET}">{escape(title)}</div><svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" style="font-size:12px;display:block">{"".join(parts)}</svg>'
    )
