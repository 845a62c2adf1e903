"""Colours and axes that all figures share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from autoarch._core.imports import require
from autoarch._report.display import Display, given_axes, new_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

BLUE, ORANGE, DARK, LIGHT = "#1f6f8b", "#d1713c", "#7a8793", "#c9ced3"


def axes_on(ax: Axes | None, size: tuple[float, float], *, purpose: str) -> Axes:
    """The axes that are given, or those of a new figure, ``size`` inches wide and high.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    InputTypeError
        If ``ax`` is nothing to draw on.
    """
    if ax is not None:
        require("matplotlib", extra="plot", purpose=purpose)
        return given_axes(ax)
    return new_figure(size, purpose=purpose).add_subplot()


def scores_by_fold(frame: pd.DataFrame, scores: Sequence[Sequence[float]], ax: Axes | None = None) -> Display:
    """Draw one bar for each row of ``frame`` (way, score, std_error, chosen), from the top, and a dot for each fold."""
    axes = axes_on(ax, (6.4, 0.9 + 0.55 * len(frame)), purpose="Drawing a report")
    colours = [BLUE if chosen else LIGHT for chosen in frame["chosen"]]
    axes.barh(frame["way"], frame["score"], xerr=frame["std_error"], color=colours, capsize=3)
    for place, folds in enumerate(scores):
        axes.plot(folds, [place] * len(folds), "o", ms=3, color=ORANGE)
    every = [score for folds in scores for score in folds]
    margin = 0.15 * max(max(every) - min(every), 0.05)
    axes.set(xlim=(min(every) - margin, max(every) + margin))
    axes.invert_yaxis()
    return Display.on(axes)
