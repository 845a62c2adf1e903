"""Views of a report: lines of text, a block of HTML for notebooks, and a figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from autoarch._report import html
from autoarch._report.display import Display, given_axes, new_figure
from autoarch._report.figure import BLUE, DARK, LIGHT, ORANGE
from autoarch._report.text import METRICS, wrapped
from autoarch.families.registry import LANDMARK_TITLES, TITLES
from autoarch.locality.grid_statistics import GridStatistics, Measurements
from autoarch.locality.measurements import LandmarkScores, Picture

_COLOURS = {"rows": BLUE, "columns": ORANGE, "diagonals": DARK}


def as_text(measured: Measurements, sentences: Sequence[str], recommendation: str) -> str:
    """Write the whole report for a terminal."""
    lines = [_headline(measured), *(f"- {line}" for line in _lines(measured, sentences))]
    return "\n".join(map(wrapped, [*lines, f"=> {recommendation}", f"({_rows_and_time(measured)})"]))


def as_html(measured: Measurements, sentences: Sequence[str], recommendation: str, chances: Mapping[str, float]) -> str:
    """Verdict, advice, bars, pictures and findings as one block with its own style."""
    chance_bars = [(TITLES[name], chance, 0.0, html.BLUE) for name, chance in chances.items()]
    pictures = "".join(html.picture(cells, title) for cells, title in _mean_samples(measured))
    return (
        f'<div style="{html.BOX}"><div style="{html.TITLE}">{escape(_headline(measured))}</div>'
        f"<p><b>{escape(recommendation)}</b></p>{_landmark_bars(measured.used.scores)}"
        f"{html.bars('Probability of being the best family', chance_bars)}"
        f"{pictures}"
        f'<ul style="margin:8px 0 0 18px;padding:0">{html.items(_lines(measured, sentences))}</ul>'
        f'<div style="{html.QUIET}">{_rows_and_time(measured)}</div></div>'
    )


class LocalityDisplay(Display):
    """Correlograms, the map of neighbour correlations and the landmarks of a report.

    Attributes
    ----------
    ax_, figure_ : Axes and Figure of matplotlib
        Where it is drawn.
    """

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> LocalityDisplay:
        """Draw what the probe of a fitted estimator found.

        Parameters
        ----------
        estimator : AutoArchClassifier or AutoArchRegressor
            Fitted.
        ax : Axes or None, default=None
            Where to draw the map of neighbours alone (the landmarks, where there is no grid); None for a new figure
            with all of it.

        Returns
        -------
        LocalityDisplay
        """
        check_is_fitted(estimator, "locality_")
        return draw(estimator.locality_, ax)


def draw(measured: Measurements, ax: Any = None) -> LocalityDisplay:
    """Draw what was measured, side by side; without a grid the landmarks only.

    Of columns that were rearranged it shows the mean sample before and after, and the map of the new neighbours.
    """
    used = measured.used
    if ax is not None:
        ax = given_axes(ax)
        if used.grid.directions:
            _neighbour_map(used.grid, ax)
        elif used.scores.landmarks:
            _landmarks(used.scores, ax)
        return LocalityDisplay.on(ax)
    parts: list[Callable[[Any], None]] = [partial(_mean_sample, *shown) for shown in _mean_samples(measured)]
    if used.grid.directions:
        parts += [partial(_correlograms, used.grid), partial(_neighbour_map, used.grid)]
    if used.scores.landmarks:
        parts.append(partial(_landmarks, used.scores))
    figure = new_figure((4.2 * max(len(parts), 1), 3.6), purpose="Drawing a report")
    rearranged = "" if measured.recovered is None else f"; rearranged: {used.grid.verdict}"
    figure.suptitle(f"verdict: {measured.grid.verdict}{rearranged}", fontweight="bold")
    for place, part in enumerate(parts, start=1):
        part(figure.add_subplot(1, len(parts), place))
    return LocalityDisplay(figure, figure.axes[0] if parts else figure.add_subplot())


def _headline(measured: Measurements) -> str:
    """Say the verdict in one line."""
    grid = "no layout" if measured.layout is None else f"{measured.layout} cells"
    return f"{measured.grid.verdict}: {measured.grid.clause} ({grid})"


def _lines(measured: Measurements, sentences: Sequence[str]) -> list[str]:
    return [*sentences, *(f"Left out: {reason}." for reason in measured.skipped)]


def _rows_and_time(measured: Measurements) -> str:
    n_rows = measured.n_samples_used or measured.used.scores.landmark_rows
    return f"{n_rows} rows used, {measured.seconds:.1f} s" if n_rows else f"{measured.seconds:.1f} s"


def _mean_samples(measured: Measurements) -> list[tuple[Picture, str]]:
    """The mean sample before and after the columns were laid out, with titles; a line makes no picture."""
    pictures = []
    for reading in measured.readings:
        if reading.kept:
            pictures += [(reading.before, "mean sample, as given")]
            pictures += [(reading.after, f"mean sample on {reading.layout} cells")]
    return [(cells, title) for cells, title in pictures if len(cells) > 1]


def _landmark_bars(scores: LandmarkScores) -> str:
    """Scores with their standard errors; the counterfactual in grey."""
    if not scores.landmarks:
        return ""
    rows = [
        (LANDMARK_TITLES[name], mark.score, mark.std_error, html.GREY if name == "cnn_shuffled" else html.BLUE)
        for name, mark in scores.landmarks.items()
    ]
    return html.bars(f"Landmark models, {METRICS[scores.landmark_metric]}", rows)


def _mean_sample(cells: Picture, title: str, axes: Any) -> None:
    axes.imshow(np.array(cells, dtype=float), cmap="gray")
    axes.set(title=title, xticks=[], yticks=[])


def _correlograms(grid: GridStatistics, axes: Any) -> None:
    """Mean size and mean sign of correlation against distance."""
    for name, direction in grid.directions.items():
        lags = range(1, len(direction.sizes) + 1)
        axes.plot(lags, direction.sizes, "o-", ms=3, color=_COLOURS[name], label=f"along {name}")
        axes.plot(lags, direction.correlations, ":", color=_COLOURS[name])
    axes.axhline(grid.expected_size, color=LIGHT, lw=6, zorder=0, label="any two cells")
    axes.set(xlabel="lag (cells)", title="mean |r| (dotted: mean r)")
    axes.legend(frameon=False, fontsize=8)


def _neighbour_map(grid: GridStatistics, axes: Any) -> None:
    """Mean correlation of every cell with its neighbours."""
    cells = np.array(grid.neighbour_map, dtype=float)
    height, width = cells.shape
    # a line of cells would be a hair: let it fill the box
    aspect = "equal" if max(cells.shape) <= 8 * min(cells.shape) else "auto"
    picture = axes.imshow(cells, cmap="PuOr_r", vmin=-1, vmax=1, aspect=aspect)
    axes.set(title=f"mean r with neighbours, {height} x {width}", xticks=[], yticks=[])
    axes.figure.colorbar(picture, ax=axes, shrink=0.8)


def _landmarks(scores: LandmarkScores, axes: Any) -> None:
    """Scores of the landmarks with their standard errors, the best on top."""
    ranked = sorted(scores.landmarks.items(), key=lambda item: item[1].score)
    values, errors = [mark.score for _, mark in ranked], [mark.std_error for _, mark in ranked]
    colours = [LIGHT if name == "cnn_shuffled" else BLUE for name, _ in ranked]
    axes.barh([LANDMARK_TITLES[name] for name, _ in ranked], values, xerr=errors, color=colours, capsize=3)
    low, high = min(values) - max(errors), max(values) + max(errors)
    margin = 0.15 * max(high - low, 0.05)
    axes.set(xlim=(low - margin, high + margin), title=f"landmarks, cross-validated {METRICS[scores.landmark_metric]}")
