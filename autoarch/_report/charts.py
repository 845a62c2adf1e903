"""Charts of plain values as SVG in the colours of the text, for pages: curves, bands, histograms, tables of counts."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from autoarch._report.html import BLUE, GREY, QUIET

COLOURS = (BLUE, "#d1713c", "#4f9f5f", "#8a63c9", "#b0883a", "#c04f7a", "#3a9aa0", GREY)
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 360, 250, 52, 12, 40

Points = Sequence[tuple[float, float]]


def curves(
    title: str, lines: Sequence[tuple[str, Points]], labels: tuple[str, str], *, diagonal: bool, dots: bool = False
) -> str:
    """Lines in the unit square, each with its name, and where asked the diagonal."""
    frame = _Frame((0.0, 1.0), (0.0, 1.0))
    parts = [_line(frame.path([(0, 0), (1, 1)]), GREY, dashed=True)] if diagonal else []
    for (_, points), colour in zip(lines, COLOURS, strict=False):
        parts.append(_line(frame.path(points), colour))
        parts += _dots(frame, points, colour) if dots else []
    return _figure(title, frame, parts, labels, [name for name, _ in lines])


def scattered(title: str, groups: Sequence[tuple[str, Points]], labels: tuple[str, str], best: Points = ()) -> str:
    """Dots of several groups, and a line of steps; nothing where there are no dots."""
    every = [point for _, points in groups for point in points]
    if not every:
        return ""
    frame = _Frame(_span([x for x, _ in every]), _span([y for _, y in every]))
    stairs = [
        point
        for (x, y), (after, _) in zip(best, [*best[1:], *best[-1:]], strict=True)
        for point in ((x, y), (after, y))
    ]
    parts = [_line(frame.path(stairs), GREY)] if stairs else []
    for (_, points), colour in zip(groups, COLOURS * len(groups), strict=False):
        parts += _dots(frame, points, colour)
    return _figure(title, frame, parts, labels, [name for name, _ in groups])


def bands(title: str, rows: Sequence[Sequence[float]], labels: tuple[str, str]) -> str:
    """Lower end, middle and upper end against a number, about 0."""
    lows, highs = [row[1] for row in rows], [row[3] for row in rows]
    frame = _Frame(_span([row[0] for row in rows]), _span([*lows, *highs, 0.0]))
    around = [(row[0], row[1]) for row in rows] + [(row[0], row[3]) for row in reversed(rows)]
    parts = [f'<path d="{frame.path(around)}Z" fill="{BLUE}" fill-opacity=".2"/>']
    parts.append(_line(frame.path([(frame.x[0], 0.0), (frame.x[1], 0.0)]), GREY, dashed=True))
    parts.append(_line(frame.path([(row[0], row[2]) for row in rows]), BLUE))
    return _figure(title, frame, parts, labels, ["median, and 80 % of the rows"])


def histogram(title: str, counts: Sequence[int], edges: Sequence[float], labels: tuple[str, str]) -> str:
    """Bars of counts between edges."""
    frame = _Frame((edges[0], edges[-1]), (0.0, max(1.0, *map(float, counts))))
    parts = []
    for count, low, high in zip(counts, edges[:-1], edges[1:], strict=True):
        (left, top), (right, foot) = frame.place(low, count), frame.place(high, 0.0)
        size = f'width="{max(right - left - 1, 1):.1f}" height="{foot - top:.1f}"'
        parts.append(f'<rect x="{left:.1f}" y="{top:.1f}" {size} fill="{BLUE}"/>')
    return _figure(title, frame, parts, labels, [])


def heat(title: str, cells: Sequence[Sequence[float]]) -> str:
    """Cells in two colours about 0, the strongest in full colour."""
    most = max((abs(value) for line in cells for value in line), default=0.0) or 1.0
    side = max(1, min(24, 336 // max(len(cells), len(cells[0]))))
    squares = "".join(
        f'<rect x="{side * column}" y="{side * row}" width="{side}" height="{side}" '
        f'fill="{COLOURS[1] if value > 0 else COLOURS[3]}" fill-opacity="{abs(value) / most:.2f}"/>'
        for row, line in enumerate(cells)
        for column, value in enumerate(line)
        if abs(value) >= 0.005 * most
    )
    width, height = side * len(cells[0]), side * len(cells)
    caption = f'<figcaption style="{QUIET}">{escape(title)}</figcaption>'
    return (
        f'<figure><svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(title)}" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" shape-rendering="crispEdges" '
        f'style="border:1px solid #8886">{squares}</svg>{caption}</figure>'
    )


class _Frame:
    """Axes of a chart: spans of x and y, and where their values stand."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float]):
        self.x, self.y = x, y

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Place of a value in the picture."""
        across = (x - self.x[0]) / ((self.x[1] - self.x[0]) or 1.0)
        up = (y - self.y[0]) / ((self.y[1] - self.y[0]) or 1.0)
        width, height = _WIDTH - _LEFT - 10, _HEIGHT - _TOP - _BOTTOM
        return _LEFT + width * across, _TOP + height * (1.0 - up)

    def path(self, points: Points) -> str:
        """Path of a line through points."""
        return "M" + "L".join("{:.1f} {:.1f}".format(*self.place(x, y)) for x, y in points)


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = 0.05 * ((high - low) or abs(high) or 1.0)
    return low - margin, high + margin


def _line(path: str, colour: str, *, dashed: bool = False) -> str:
    dashes = ' stroke-dasharray="4 4"' if dashed else ""
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.8"{dashes}/>'


def _dots(frame: _Frame, points: Points, colour: str) -> list[str]:
    places = [frame.place(x, y) for x, y in points]
    return [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]


def _figure(title: str, frame: _Frame, parts: Sequence[str], labels: tuple[str, str], names: Sequence[str]) -> str:
    left, foot = frame.place(frame.x[0], frame.y[0])
    right, top = frame.place(frame.x[1], frame.y[1])
    middle, centre = (left + right) / 2, (top + foot) / 2
    text = '<text fill="currentColor" font-size="11"'
    turned = f'transform="rotate(-90 12 {centre})"'
    axes = [
        f'<path d="M{left} {top}V{foot}H{right}" fill="none" stroke="currentColor" stroke-opacity=".5"/>',
        f'{text} x="{left}" y="{foot + 15}">{frame.x[0]:.3g}</text>',
        f'{text} x="{right}" y="{foot + 15}" text-anchor="end">{frame.x[1]:.3g}</text>',
        f'{text} x="{left - 4}" y="{foot}" text-anchor="end">{frame.y[0]:.3g}</text>',
        f'{text} x="{left - 4}" y="{top + 9}" text-anchor="end">{frame.y[1]:.3g}</text>',
        f'{text} x="{middle}" y="{foot + 30}" text-anchor="middle">{escape(labels[0])}</text>',
        f'{text} x="12" y="{centre}" text-anchor="middle" {turned}>{escape(labels[1])}</text>',
    ]
    legend = " ".join(
        f'<span style="margin-right:12px;display:inline-block"><span style="color:{colour}">&#9679;</span> '
        f"{escape(name)}</span>"
        for name, colour in zip(names, COLOURS * max(1, len(names)), strict=False)
    )
    return (
        f'<figure><figcaption><b>{escape(title)}</b></figcaption><svg xmlns="http://www.w3.org/2000/svg" role="img" '
        f'aria-label="{escape(title)}" width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}">'
        f'{"".join([*axes, *parts])}</svg><div style="{QUIET};max-width:{_WIDTH}px">{legend}</div></figure>'
    )
