"""Drawings as scikit-learn's: an object with its axes and its figure, drawn through pyplot where that is loaded."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any, Self

from autoarch._core.imports import require
from autoarch.exceptions import InputTypeError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Display:
    """A drawing that stands in a figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Where it stands.
    ax : matplotlib.axes.Axes
        Its axes, or the first of several.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure; ``figure_.savefig(path)`` writes it.
    ax_ : matplotlib.axes.Axes
        The axes, or the first of several (``figure_.axes`` has all).
    """

    def __init__(self, figure: Figure, ax: Axes):
        self.figure_ = figure
        self.ax_ = ax

    @classmethod
    def on(cls, ax: Axes) -> Self:
        """Return a display of what was drawn on some axes."""
        figure: Any = ax.get_figure()
        return cls(figure, ax)

    def _repr_png_(self) -> bytes | None:
        """Notebook view; pyplot shows its own figures by itself."""
        if self.figure_.canvas.manager is not None:
            return None
        stream = io.BytesIO()
        self.figure_.savefig(stream, format="png", bbox_inches="tight")
        return stream.getvalue()


def new_figure(size: tuple[float, float], *, purpose: str = "Drawing") -> Figure:
    """Make a figure of so many inches: one of pyplot, which notebooks and windows show, where that is loaded.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    require("matplotlib", extra="plot", purpose=purpose)
    if (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
        return pyplot.figure(figsize=size, layout="constrained")
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained")


def given_axes(ax: Any) -> Any:
    """Return axes that a user passed, or raise if they are none."""
    if not hasattr(ax, "get_figure"):
        raise InputTypeError(f"ax is a {type(ax).__name__}; expected Axes of matplotlib, or None for a new figure.")
    return ax
