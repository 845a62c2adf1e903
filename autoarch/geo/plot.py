"""Maps of points: what was predicted, how far off it was, and how sure the model is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from autoarch._core.checks import check_choice, own_errors
from autoarch._data.containers import to_plain
from autoarch._data.coordinates import read_places
from autoarch._data.points import Places
from autoarch._report.display import Display
from autoarch._report.figure import LIGHT, axes_on
from autoarch.exceptions import InputError
from autoarch.geo.lattice import cut_open, widest_gap
from autoarch.geo.values import Values, read_values

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MANY_POINTS = 20_000  # more are drawn as hexagons: single points would cover each other
HEXAGONS = 60  # across the map
MAX_NAMED = 20  # classes with a colour of their own; matplotlib has no more that can be told apart
MOST_STRETCHED = 80.0  # degrees of latitude beyond which the map is not widened further
COLOURS = {"prediction": "viridis", "residual": "PuOr_r", "uncertainty": "magma_r"}


def plot_map(
    where: Any,
    values: Any,
    *,
    coordinates: Sequence[Any] = ("lon", "lat"),
    kind: str = "prediction",
    geographic: bool | str = "auto",
    ax: Axes | None = None,
) -> Display:
    """Draw values at points.

    Numbers get a scale of colours, labels a colour each. More than 20,000 points are drawn as hexagons, with the mean
    or the most frequent label of their points. On the globe a degree to the east is drawn as short as it is at the
    middle latitude, and points on both sides of the date line stand side by side.

    Parameters
    ----------
    where : Places, or DataFrame or array of shape (n, p)
        The points, or a table with their coordinates.
    values : array-like of shape (n,) or (n, k)
        Predictions (numbers or labels), residuals (numbers), or how unsure the model is: numbers, the probabilities of
        k classes, or the predictions of k models.
    coordinates : pair of str or pair of int, default=("lon", "lat")
        Columns of the table.
    kind : "prediction", "residual" or "uncertainty", default="prediction"
        What the values are. Residuals are coloured about 0. Of probabilities, which sum to 1, 1 less the largest is
        drawn; of other columns their standard deviation.
    geographic : bool or "auto", default="auto"
        Whether coordinates of a table are degrees.
    ax : Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Display
        With ``ax_`` and ``figure_``.

    Raises
    ------
    ParameterError
        If ``kind`` is unknown, or ``coordinates`` are not columns.
    InputError
        If values do not fit the points, or the kind.
    MissingExtraError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch.geo import plot_map
    >>> points = np.random.default_rng(0).uniform(size=(100, 2))
    >>> plot_map(points, points[:, 0], coordinates=(0, 1)).ax_.get_title()
    'prediction'
    """
    check_choice("kind", kind, tuple(COLOURS))
    ax = axes_on(ax, (5.2, 4.2), purpose="Drawing a map")
    with own_errors(reading="where"):
        places = where if isinstance(where, Places) else read_places(where, coordinates, geographic=geographic)
    read = _to_draw(values, len(places), kind)
    points, names, aspect = places.points, ("x", "y"), 1.0
    if places.geographic:
        points, names = side_by_side(points), ("longitude", "latitude")
        latitude = abs(points[:, 1].min() + points[:, 1].max()) / 2
        aspect = float(1.0 / np.cos(np.radians(min(latitude, MOST_STRETCHED))))
    if read.codes is None:
        _draw_numbers(ax, points[read.present], read.matrix[read.present, 0], kind)
    else:
        _draw_labels(ax, points[read.present], read)
    ax.set(title=kind, xlabel=names[0], ylabel=names[1], aspect=aspect)
    return Display.on(ax)


def _to_draw(values: Any, n: int, kind: str) -> Values:
    """One number or label per point."""
    if kind == "prediction":
        read = read_values(values, n)
    else:
        with own_errors(reading="values"):
            array = np.asarray(to_plain(values))
            several = kind == "uncertainty" and array.ndim == 2 and array.shape[1] > 1
            array = array.astype(np.float64) if several else array
        if several:
            probabilities = (array >= 0).all() and np.allclose(array.sum(axis=1), 1.0, atol=1e-3)
            array = 1.0 - array.max(axis=1) if probabilities else array.std(axis=1)
        read = read_values(array, n, labels=False)
    if read.matrix.shape[1] > 1 and read.codes is None:
        raise InputError(f"values has {read.matrix.shape[1]} columns; expected one {kind} for each of the {n} points.")
    return read


def side_by_side(points: np.ndarray) -> np.ndarray:
    """Degrees with longitudes turned so that the widest empty stretch lies at the edge of the map."""
    turned = cut_open(points, widest_gap(points[:, 0]))
    middle = (turned[:, 0].min() + turned[:, 0].max()) / 2
    return turned - [360.0 * np.round(middle / 360.0), 0.0]


def _draw_numbers(ax: Axes, points: np.ndarray, values: np.ndarray, kind: str) -> None:
    limits: dict[str, Any] = {}
    if kind == "residual":
        most = float(np.quantile(np.abs(values), 0.99)) or 1.0  # a few outliers must not bleach the rest
        limits = {"vmin": -most, "vmax": most}
    ax.figure.colorbar(_draw(ax, points, values, np.mean, cmap=COLOURS[kind], **limits), ax=ax, shrink=0.8)


def _draw_labels(ax: Axes, points: np.ndarray, read: Values) -> None:
    """The most frequent classes in a colour each, all others in grey."""
    from matplotlib import colormaps
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.lines import Line2D

    assert read.codes is not None
    codes = read.codes[read.present]
    named = np.sort(np.argsort(-np.bincount(codes), kind="stable")[:MAX_NAMED])
    names = [str(read.names[i]) for i in named] + ["others"] * (len(named) < len(read.names))
    palette = colormaps["tab10" if len(named) <= 10 else "tab20"]
    colours: list[Any] = [*map(palette, range(len(named))), LIGHT][: len(names)]
    shown = pd.Index(named).get_indexer(codes) % (len(named) + 1)  # -1, which is not found, is the last one
    norm = BoundaryNorm(np.arange(len(colours) + 1) - 0.5, len(colours))
    _draw(ax, points, shown, _most_frequent, cmap=ListedColormap(colours), norm=norm)
    dots = [
        Line2D([], [], ls="", marker="o", color=colour, label=name) for name, colour in zip(names, colours, strict=True)
    ]
    ax.legend(handles=dots, frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _most_frequent(codes: np.ndarray | list[float]) -> float:
    return float(np.bincount(np.asarray(codes, dtype=int)).argmax())


def _draw(ax: Axes, points: np.ndarray, values: np.ndarray, of_hexagon: Callable[..., float], **style: Any) -> Any:
    """Dots, small where there are many, or hexagons where dots would cover each other."""
    x, y = points.T
    if len(points) > MANY_POINTS:
        return ax.hexbin(x, y, C=values, gridsize=HEXAGONS, reduce_C_function=of_hexagon, **style)
    size = np.clip(6_000 / max(len(points), 1), 2.0, 24.0)
    return ax.scatter(x, y, c=values, s=size, linewidths=0, **style)
