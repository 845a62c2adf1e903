"""The picture of an explanation: a sample, a heat map beside it with profiles of its rows and columns, or named bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from autoarch._core.imports import require
from autoarch._report.figure import DARK, ORANGE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from autoarch.explain.explanation import Explanation

COLOURS = "PuOr_r"  # orange speaks for the target, violet against it
FOR, AGAINST = ORANGE, "#6b4c9a"
MOST_BARS = 20
MOST_TICKS = 12


def draw(explanation: Explanation, sample: int) -> Figure:
    """Draw one row, or the data set."""
    require("matplotlib", extra="plot", purpose="Drawing an explanation")
    from matplotlib.figure import Figure

    if explanation.columns.cells is None:
        n_bars = min(MOST_BARS, len(explanation.names))
        figure = Figure(figsize=(6.4, 1.2 + 0.28 * n_bars), layout="constrained")
        _bars(explanation, sample, figure.add_subplot())
    else:
        figure = Figure(figsize=(9.2, 4.2), layout="constrained")
        _maps(explanation, sample, figure)
    figure.suptitle(_title(explanation, sample), fontsize=10)
    return figure


def picture(explanation: Explanation, sample: int) -> np.ndarray:
    """The sample on the grid, its channels averaged; the mean sample where the data set is explained."""
    table = explanation.sample
    if isinstance(table, pd.DataFrame):  # columns beside the grid may hold anything
        table = table.apply(pd.to_numeric, errors="coerce").to_numpy()
    rows = np.asarray(table, dtype=np.float64)
    rows = rows if explanation.of_data_set else rows[sample : sample + 1]
    return explanation.columns.to_grid(rows).mean(axis=(0, 1))


def _title(explanation: Explanation, sample: int) -> str:
    if explanation.of_data_set:
        return f"{explanation.method} over the data set: {explanation.units}"
    target = "" if explanation.target is None else f", target {explanation.target[sample]}"
    return f"{explanation.method} of row {sample}{target}: {explanation.units}"


def _maps(explanation: Explanation, sample: int, figure: Figure) -> None:
    heat = explanation.grid[sample].sum(axis=0)
    height, width = heat.shape
    aspect: Any = "equal" if max(heat.shape) <= 8 * min(heat.shape) else "auto"  # a line of cells would be a hair
    places = figure.add_gridspec(2, 3, width_ratios=[4, 4, 1.3], height_ratios=[4, 1.3])
    shown = figure.add_subplot(places[0, 0])
    shown.imshow(picture(explanation, sample), cmap="gray", aspect=aspect)
    shown.set(title="mean sample" if explanation.of_data_set else "sample", xticks=[], yticks=[])
    heated = figure.add_subplot(places[0, 1])
    most = float(np.abs(heat).max()) or 1.0
    drawn = heated.imshow(heat, cmap=COLOURS, vmin=-most, vmax=most, aspect=aspect)
    heated.set(title="values", xticks=[], yticks=[])
    figure.colorbar(drawn, ax=heated, shrink=0.8)
    across, down = explanation.by_column()[sample], explanation.by_row()[sample]
    below = figure.add_subplot(places[1, 1])
    below.bar(range(width), across, color=_colours(across))
    below.set(xlabel="by column", xticks=_ticks(width))
    beside = figure.add_subplot(places[0, 2])
    beside.barh(range(height), down, color=_colours(down))
    beside.set(xlabel="by row", yticks=_ticks(height), ylim=(height - 0.5, -0.5))


def _bars(explanation: Explanation, sample: int, axes: Any) -> None:
    values = explanation.by_name[sample]
    order = np.argsort(-np.abs(values), kind="stable")[:MOST_BARS]
    errors = None if explanation.std_error_by_name is None else explanation.std_error_by_name[sample][order]
    axes.barh(range(len(order)), values[order], xerr=errors, color=_colours(values[order]), capsize=2)
    axes.set(yticks=range(len(order)), ylim=(len(order) - 0.5, -0.5))
    axes.set_yticklabels([_named(explanation, sample, place) for place in order])
    axes.axvline(0, color=DARK, lw=0.8)


def _named(explanation: Explanation, sample: int, place: int) -> str:
    """The name of a column, with the sample's value."""
    name = explanation.names[place]
    if explanation.of_data_set:
        return name
    table = explanation.sample
    value = table.iloc[sample, place] if isinstance(table, pd.DataFrame) else table[sample, place]
    return f"{name} = {value:.4g}" if isinstance(value, (float, np.floating)) else f"{name} = {value}"


def _colours(values: np.ndarray) -> list[str]:
    return [FOR if value >= 0 else AGAINST for value in values]


def _ticks(n: int) -> range:
    return range(0, n, max(1, -(-n // MOST_TICKS)))
