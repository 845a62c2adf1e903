"""Drawings of plain values: heat maps with profiles, bars with names, and one block of HTML for notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from autoarch._report.display import Display, given_axes, new_figure
from autoarch._report.figure import DARK, ORANGE
from autoarch._report.html import BAR_WIDTH, BOX, PICTURE_WIDTH, QUIET, TITLE, items
from autoarch._views.facts import importance_grid, importance_names, score_name
from autoarch.exceptions import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = "PuOr_r"  # orange is for the target, violet against it
FOR, AGAINST = ORANGE, "#6b4c9a"
MOST_BARS, MOST_HTML_BARS = 20, 12
MOST_TICKS = 12
MOST_CELLS = 4_096  # of a map in HTML: more squares would make a heavy notebook


class ExplanationDisplay(Display):
    """Values of columns as bars, or of cells as heat maps beside the row that they explain.

    Attributes
    ----------
    ax_, figure_ : Axes and Figure of matplotlib
        Where it is drawn.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from autoarch import AutoArchClassifier, ExplanationDisplay
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> clf = AutoArchClassifier(time_budget=None, n_trials=1, families="linear", verbose=0, random_state=0).fit(X, y)
    >>> [text.get_text() for text in ExplanationDisplay.from_estimator(clf).ax_.get_yticklabels()][0]
    'petal width (cm)'
    """

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> Self:
        """Draw the ``feature_importances_`` of a fitted estimator; :func:`autoarch.explain.explain` explains rows.

        Parameters
        ----------
        estimator : AutoArchClassifier or AutoArchRegressor
            Fitted.
        ax : Axes or None, default=None
            Where to draw; None for a new figure.

        Returns
        -------
        ExplanationDisplay

        Raises
        ------
        InputError
            If the estimator has none.
        """
        check_is_fitted(estimator, "leaderboard_")
        if not hasattr(estimator, "feature_importances_"):
            raise InputError(
                "the estimator has no feature_importances_: the time was too short for them, or no rows were left out. "
                "Draw autoarch.explain.explain(estimator, X).plot() instead."
            )
        title = f"fall of {score_name(estimator)} when permuted"
        heat = importance_grid(estimator)
        if heat is None:
            values = np.asarray(estimator.feature_importances_)
            return cls.of_bars(values.ravel(), None, importance_names(estimator), title=title, ax=ax)
        ax = _axes(6.4, 4.2, "") if ax is None else given_axes(ax)
        _heat(heat, title, ax)
        return cls.on(ax)

    @classmethod
    def of_maps(
        cls,
        picture: np.ndarray,
        heat: np.ndarray,
        *,
        title: str,
        shown: str,
        alone: Mapping[str, np.ndarray],
        ax: Any = None,
    ) -> Self:
        """Draw a picture beside the values of its cells, with their sums over rows and columns.

        Parameters
        ----------
        picture, heat : ndarray of shape (height, width)
            Grey values, and the values explained.
        title, shown : str
            Titles of the figure and of the picture.
        alone : mapping from str to ndarray of shape (height, width)
            Two other maps of the same row, with their titles, or none.
        ax : Axes or None, default=None
            Where to draw the values alone; None for a new figure with all of it.
        """
        if ax is not None:
            _heat(heat, title, given_axes(ax))
            return cls.on(ax)
        figure = _figure(9.2, 8.0 if alone else 4.2, title)
        height, width = heat.shape
        rows: list[Any] = [[0, 1, 2], [".", 3, "."], *([[4, 5, "."]] if alone else [])]
        heights = [4, 1.3, *([4] if alone else [])]
        panels: dict[Any, Any] = figure.subplot_mosaic(rows, width_ratios=[4, 4, 1.3], height_ratios=heights)
        left, heated, beside, below, *others = (panels[number] for number in sorted(panels))
        left.imshow(picture, cmap="gray", aspect=_aspect(heat))
        left.set(title=shown, xticks=[], yticks=[])
        for axes, (name, values) in zip([heated, *others], {"values": heat, **alone}.items(), strict=True):
            _heat(values, name, axes)
        across, down = heat.sum(axis=0), heat.sum(axis=1)
        below.bar(range(width), across, color=_colours(across))
        below.set(xlabel="by column", xticks=_ticks(width))
        beside.barh(range(height), down, color=_colours(down))
        beside.set(xlabel="by row", yticks=_ticks(height), ylim=(height - 0.5, -0.5))
        return cls(figure, heated)

    @classmethod
    def of_bars(
        cls, values: np.ndarray, errors: np.ndarray | None, labels: Sequence[str], *, title: str, ax: Any = None
    ) -> Self:
        """Draw the greatest values as bars, with their standard errors."""
        order = _greatest(values, MOST_BARS)
        axes = _axes(6.4, 1.2 + 0.28 * len(order), title) if ax is None else given_axes(ax)
        xerr = None if errors is None else errors[order]
        axes.barh(range(len(order)), values[order], xerr=xerr, color=_colours(values[order]), capsize=2)
        axes.set(
            yticks=range(len(order)), yticklabels=[labels[place] for place in order], ylim=(len(order) - 0.5, -0.5)
        )
        axes.axvline(0, color=DARK, lw=0.8)
        if ax is not None:
            axes.set_title(title, fontsize=10)
        return cls.on(axes)


def as_html(
    lines: Sequence[str], importances: np.ndarray, names: Sequence[str], heats: Mapping[str, np.ndarray]
) -> str:
    """Lines of text, the most important columns as bars and, on a grid, maps.

    Parameters
    ----------
    lines : sequence of str
        A title, and the items of a list.
    importances : ndarray of shape (p,)
        Sizes of the values over all rows.
    names : sequence of str
        Names of the columns.
    heats : mapping from str to ndarray of shape (height, width)
        Maps with their captions: the importances on the grid, if there is one.
    """
    title, *rest = lines
    maps = "".join(_svg_map(caption, heat) for caption, heat in heats.items())
    return (
        f'<div style="{BOX}"><div style="{TITLE}">{escape(title)}</div>{maps}'
        f'{_svg_bars(importances, names)}<ul style="margin:8px 0 0 18px;padding:0">{items(rest)}</ul></div>'
    )


def _svg_map(caption: str, heat: np.ndarray) -> str:
    """Cells in orange, the strongest in full colour; nothing for lines and for large grids."""
    height, width = heat.shape
    if heat.size > MOST_CELLS or min(height, width) < 2:
        return ""
    side = max(2, min(12, PICTURE_WIDTH // max(width, height)))
    shares = np.clip(heat / max(float(heat.max()), 1e-300), 0.0, 1.0)
    squares = "".join(
        f'<rect x="{side * column}" y="{side * row}" width="{side}" height="{side}" fill="{FOR}" '
        f'fill-opacity="{shares[row, column]:.2f}"/>'
        for row, column in np.ndindex(height, width)
    )
    return (
        f'<div style="{QUIET}">{escape(caption)}</div><svg xmlns="http://www.w3.org/2000/svg" role="img" '
        f'width="{side * width}" height="{side * height}" shape-rendering="crispEdges" '
        f'style="border:1px solid #8886">{squares}</svg>'
    )


def _svg_bars(values: np.ndarray, names: Sequence[str]) -> str:
    order = _greatest(values, MOST_HTML_BARS)
    most = max(float(np.abs(values).max()), 1e-300)
    parts = []
    for number, place in enumerate(order):
        y, length = 22 * number, BAR_WIDTH * abs(values[place]) / most
        name = escape(names[place][:28])
        parts.append(f'<text x="175" y="{y + 15}" text-anchor="end" fill="currentColor">{name}</text>')
        parts.append(f'<rect x="185" y="{y + 4}" width="{length:.1f}" height="14" rx="2" fill="{FOR}"/>')
        parts.append(f'<text x="{191 + length:.1f}" y="{y + 15}" fill="currentColor">{values[place]:.3g}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="580" height="{22 * len(order) + 4}" '
        f'style="font-size:12px;display:block">{"".join(parts)}</svg>'
    )


def _figure(width: float, height: float, title: str) -> Figure:
    figure = new_figure((width, height), purpose="Drawing an explanation")
    figure.suptitle(title, fontsize=10)
    return figure


def _axes(width: float, height: float, title: str) -> Axes:
    return _figure(width, height, title).add_subplot()


def _heat(values: np.ndarray, title: str, axes: Any) -> None:
    """Cells in two colours about 0, with a bar of colours."""
    most = float(np.abs(values).max()) or 1.0
    drawn = axes.imshow(values, cmap=COLOURS, vmin=-most, vmax=most, aspect=_aspect(values))
    axes.set(title=title, xticks=[], yticks=[])
    axes.figure.colorbar(drawn, ax=axes, shrink=0.8)


def _aspect(values: np.ndarray) -> Any:
    return "equal" if max(values.shape) <= 8 * min(values.shape) else "auto"  # a line of cells would be a hair


def _greatest(values: np.ndarray, most: int) -> np.ndarray:
    return np.argsort(-np.abs(values), kind="stable")[:most]


def _colours(values: np.ndarray) -> list[str]:
    return [FOR if value >= 0 else AGAINST for value in values]


def _ticks(n: int) -> range:
    return range(0, n, max(1, -(-n // MOST_TICKS)))
