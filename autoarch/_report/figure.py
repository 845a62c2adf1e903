"""Colours and axes that all figures share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoarch._core.imports import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE, DARK, LIGHT = "#1f6f8b", "#d1713c", "#7a8793", "#c9ced3"


def axes_on(ax: Axes | None, size: tuple[float, float], *, purpose: str) -> Axes:
    """The axes that are given, or those of a new figure, ``size`` inches wide and high.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    require("matplotlib", extra="plot", purpose=purpose)
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained").add_subplot() if ax is None else ax
