"""The picture of a transfer report: each way on each fold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoarch._core.imports import require
from autoarch._report.figure import BLUE, LIGHT, ORANGE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from autoarch.transfer.report import TransferReport


def draw(report: TransferReport) -> Figure:
    """One bar per way with its standard error, and a dot for each fold; the chosen way in colour."""
    require("matplotlib", extra="plot", purpose="Drawing a report")
    from matplotlib.figure import Figure

    names = list(report.ways)[::-1]
    figure = Figure(figsize=(6.4, 0.9 + 0.55 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    frame = report.to_frame().set_index("way")
    axes.barh(
        names,
        [report.ways[name].score for name in names],
        xerr=[frame.loc[name, "std_error"] for name in names],
        color=[BLUE if name == report.chosen else LIGHT for name in names],
        capsize=3,
    )
    for place, name in enumerate(names):
        scores = report.ways[name].scores
        axes.plot(scores, [place] * len(scores), "o", ms=3, color=ORANGE)
    every = [score for way in report.ways.values() for score in way.scores]
    margin = 0.15 * max(max(every) - min(every), 0.05)
    axes.set(
        xlim=(min(every) - margin, max(every) + margin), xlabel=f"{report.metric} (error: of the distance to the best)"
    )
    figure.suptitle(f"verdict: {report.verdict}", fontweight="bold")
    return figure
