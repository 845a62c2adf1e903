"""The pictures of a report: correlograms, the map of neighbours, and the landmarks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from autoarch._core.imports import require
from autoarch._report.figure import BLUE, DARK, LIGHT, ORANGE
from autoarch.locality.wording import LANDMARK_NAMES, METRICS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from autoarch.locality.measurements import Picture
    from autoarch.locality.report import LocalityReport

COLOURS = {"rows": BLUE, "columns": ORANGE, "diagonals": DARK}
NULL = LIGHT


def draw(report: LocalityReport) -> Figure:
    """Draw what the report holds, side by side; a report without a grid has its landmarks only.

    Of columns that were rearranged it shows the mean sample before and after, and the map of the new neighbours.
    """
    require("matplotlib", extra="plot", purpose="Drawing a report")
    from matplotlib.figure import Figure

    used = report.used
    parts: list[Callable[[Any], None]] = []
    for reading in report.readings:
        if reading.kept:
            shown = (reading.before, "mean sample, as given"), (reading.after, f"mean sample on {reading.layout} cells")
            parts += [partial(_mean_sample, cells, title) for cells, title in shown if len(cells) > 1]
    if used.directions:
        parts += [partial(_correlograms, used), partial(_map, used)]
    if used.landmarks:
        parts.append(partial(_landmarks, used))
    figure = Figure(figsize=(4.2 * max(len(parts), 1), 3.6), layout="constrained")
    rearranged = "" if report.recovered is None else f"; rearranged: {used.verdict}"
    figure.suptitle(f"verdict: {report.verdict}{rearranged}", fontweight="bold")
    for place, part in enumerate(parts, start=1):
        part(figure.add_subplot(1, len(parts), place))
    return figure


def _mean_sample(cells: Picture, title: str, axes: Any) -> None:
    """The mean of all samples, cell by cell."""
    axes.imshow(np.array(cells, dtype=float), cmap="gray")
    axes.set(title=title, xticks=[], yticks=[])


def _correlograms(report: LocalityReport, axes: Any) -> None:
    """Mean size and mean sign of correlation against distance."""
    for name, direction in report.directions.items():
        steps = range(1, len(direction.sizes) + 1)
        axes.plot(steps, direction.sizes, "o-", ms=3, color=COLOURS[name], label=f"along {name}")
        axes.plot(steps, direction.correlations, ":", color=COLOURS[name])
    axes.axhline(report.expected_size, color=NULL, lw=6, zorder=0, label="any two cells")
    axes.set(xlabel="steps apart", title="correlation (dotted: with its sign)")
    axes.legend(frameon=False, fontsize=8)


def _map(report: LocalityReport, axes: Any) -> None:
    """Mean correlation of every cell with its neighbours."""
    cells = np.array(report.neighbour_map, dtype=float)
    height, width = cells.shape
    # a line of cells would be a hair: let it fill the box
    aspect = "equal" if max(cells.shape) <= 8 * min(cells.shape) else "auto"
    picture = axes.imshow(cells, cmap="PuOr_r", vmin=-1, vmax=1, aspect=aspect)
    axes.set(title=f"correlation with neighbours, {height} x {width}", xticks=[], yticks=[])
    axes.figure.colorbar(picture, ax=axes, shrink=0.8)


def _landmarks(report: LocalityReport, axes: Any) -> None:
    """Scores of the stand-ins with their standard errors."""
    names = sorted(report.landmarks, key=lambda name: report.landmarks[name].score)
    scores = [report.landmarks[name].score for name in names]
    errors = [report.landmarks[name].std_error for name in names]
    colours = [NULL if name == "cnn_shuffled" else COLOURS["rows"] for name in names]
    axes.barh([LANDMARK_NAMES[name] for name in names], scores, xerr=errors, color=colours, capsize=3)
    low, high = min(scores) - max(errors), max(scores) + max(errors)
    margin = 0.15 * max(high - low, 0.05)
    axes.set(xlim=(low - margin, high + margin), title=f"stand-ins, cross-validated {METRICS[report.landmark_metric]}")
