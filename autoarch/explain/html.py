"""The notebook view of an explanation: one block of HTML with its own style and SVG squares, no script, no link."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from autoarch._report.figure import ORANGE
from autoarch._report.html import BAR_WIDTH, BOX, PICTURE_WIDTH, QUIET, TITLE

if TYPE_CHECKING:
    from autoarch.explain.explanation import Explanation

COLOUR = ORANGE
MOST_BARS = 12
MOST_CELLS = 4_096  # of a map: more squares would make a heavy notebook


def as_html(explanation: Explanation) -> str:
    """What was asked, the most important columns and, on a grid, where they are."""
    title, *rest = str(explanation).split("\n")
    said = "".join(f"<li>{escape(line)}</li>" for line in rest)
    return (
        f'<div style="{BOX}"><div style="{TITLE}">{escape(title)}</div>{_map(explanation)}{_bars(explanation)}'
        f'<ul style="margin:8px 0 0 18px;padding:0">{said}</ul></div>'
    )


def _map(explanation: Explanation) -> str:
    """Mean sizes of the values on the grid, the strongest in full colour."""
    if explanation.columns.cells is None:
        return ""
    overall = explanation.columns.to_grid(explanation.importances[None])[0].sum(axis=0)
    height, width = overall.shape
    if overall.size > MOST_CELLS or min(height, width) < 2:
        return ""
    side = max(2, min(12, PICTURE_WIDTH // max(width, height)))
    shares = np.clip(overall / max(float(overall.max()), 1e-300), 0.0, 1.0)
    squares = "".join(
        f'<rect x="{side * column}" y="{side * row}" width="{side}" height="{side}" fill="{COLOUR}" '
        f'fill-opacity="{shares[row, column]:.2f}"/>'
        for row, column in np.ndindex(height, width)
    )
    return (
        f'<div style="{QUIET}">Over all rows</div><svg xmlns="http://www.w3.org/2000/svg" role="img" '
        f'width="{side * width}" height="{side * height}" shape-rendering="crispEdges" '
        f'style="border:1px solid #8886">{squares}</svg>'
    )


def _bars(explanation: Explanation) -> str:
    """The most important columns as bars."""
    overall = explanation.importances
    order = np.argsort(-np.abs(overall), kind="stable")[:MOST_BARS]
    most = max(float(np.abs(overall).max()), 1e-300)
    parts = []
    for number, place in enumerate(order):
        y, length = 22 * number, BAR_WIDTH * abs(overall[place]) / most
        name = escape(explanation.names[place][:28])
        parts.append(f'<text x="175" y="{y + 15}" text-anchor="end" fill="currentColor">{name}</text>')
        parts.append(f'<rect x="185" y="{y + 4}" width="{length:.1f}" height="14" rx="2" fill="{COLOUR}"/>')
        parts.append(f'<text x="{191 + length:.1f}" y="{y + 15}" fill="currentColor">{overall[place]:.3g}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="580" height="{22 * len(order) + 4}" '
        f'style="font-size:12px;display:block">{"".join(parts)}</svg>'
    )
