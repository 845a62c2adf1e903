"""Maps of points: what was predicted, how far off it was, and how sure the model is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autoarch._core.checks import check_choice
from autoarch._data.coordinates import read_places
from autoarch._data.points import Places
from autoarch._report.figure import LIGHT, axes_on
from autoarch.exceptions import InputError
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
) -> Axes:
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
    Axes

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
    >>> plot_map(points, points[:, 0], coordinates=(0, 1)).get_title()
    'prediction'
    """
    ax = axes_on(ax, (5.2, 4.2), purpose="Drawing a map")
    check_choice("kind", kind, tuple(COLOURS))
    places = where if isinstance(where, Places) else read_places(where, coordinates, geographic=geographic)
    read = _to_draw(values, len(places), kind)
    points = _side_by_side(places)[read.present]
    if read.codes is None:
        _numbers(ax, points, read.matrix[read.present, 0], kind)
    else:
        _labels(ax, points, read)
    names = ("longitude", "latitude") if places.geographic else ("x", "y")
    ax.set(title=kind, xlabel=names[0], ylabel=names[1], aspect=_aspect(places))
    return ax


def _to_draw(values: Any, n: int, kind: str) -> Values:
    """One number or label per point."""
    if kind == "prediction":
        read = read_values(values, n)
    else:
        array = np.asarray(values)
        if kind == "uncertainty" and array.ndim == 2 and array.shape[1] > 1:
            array = _unsure(array)
        read = read_values(array, n, labels=False)
    if read.matrix.shape[1] > 1 and read.codes is None:
        raise InputError(f"values has {read.matrix.shape[1]} columns; expected one {kind} for each of the {n} points.")
    return read


def _unsure(columns: np.ndarray) -> np.ndarray:
    columns = columns.astype(np.float64)
    if (columns >= 0).all() and np.allclose(columns.sum(axis=1), 1.0, atol=1e-3):
        return 1.0 - columns.max(axis=1)
    return columns.std(axis=1)


def _side_by_side(places: Places) -> np.ndarray:
    """Points with longitudes turned so that the widest empty stretch lies at the edge of the map."""
    if not places.geographic or not len(places):
        return places.points
    longitude = places.points[:, 0] % 360.0
    around = np.sort(longitude)
    gaps = np.diff(around, append=around[0] + 360.0)
    start = around[(int(np.argmax(gaps)) + 1) % len(around)]
    turned = (longitude - start) % 360.0 + start
    middle = (turned.min() + turned.max()) / 2
    return np.column_stack([turned - 360.0 * np.round(middle / 360.0), places.points[:, 1]])


def _aspect(places: Places) -> float:
    if not places.geographic or not len(places):
        return 1.0
    latitude = places.points[:, 1]
    middle = min(abs(latitude.min() + latitude.max()) / 2, MOST_STRETCHED)
    return float(1.0 / np.cos(np.radians(middle)))


def _numbers(ax: Axes, points: np.ndarray, values: np.ndarray, kind: str) -> None:
    limits: dict[str, Any] = {}
    if kind == "residual":
        most = float(np.quantile(np.abs(values), 0.99)) or 1.0  # a few outliers must not bleach the rest
        limits = {"vmin": -most, "vmax": most}
    drawn: Any
    x, y = points.T
    if len(points) > MANY_POINTS:
        drawn = ax.hexbin(x, y, C=values, gridsize=HEXAGONS, cmap=COLOURS[kind], **limits)
    else:
        drawn = ax.scatter(x, y, c=values, s=_size(len(points)), cmap=COLOURS[kind], linewidths=0, **limits)
    ax.figure.colorbar(drawn, ax=ax, shrink=0.8)


def _labels(ax: Axes, points: np.ndarray, read: Values) -> None:
    """The most frequent classes in a colour each, all others in grey."""
    from matplotlib import colormaps
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.lines import Line2D

    assert read.codes is not None
    codes = read.codes[read.present]
    frequent = np.argsort(-np.bincount(codes, minlength=len(read.names)), kind="stable")[:MAX_NAMED]
    place = np.full(len(read.names), len(frequent))
    place[np.sort(frequent)] = np.arange(len(frequent))
    shown = place[codes]
    palette = colormaps["tab10" if len(frequent) <= 10 else "tab20"]
    names = [str(read.names[i]) for i in np.sort(frequent)]
    colours: list[Any] = [palette(i) for i in range(len(frequent))]
    if len(frequent) < len(read.names):
        names, colours = [*names, "others"], [*colours, LIGHT]
    style: dict[str, Any] = {
        "cmap": ListedColormap(colours),
        "norm": BoundaryNorm(np.arange(len(colours) + 1) - 0.5, len(colours)),
    }
    x, y = points.T
    if len(points) > MANY_POINTS:
        ax.hexbin(x, y, C=shown, gridsize=HEXAGONS, reduce_C_function=_most_frequent, **style)
    else:
        ax.scatter(x, y, c=shown, s=_size(len(points)), linewidths=0, **style)
    named = zip(names, colours, strict=True)
    dots = [Line2D([], [], ls="", marker="o", color=colour, label=name) for name, colour in named]
    ax.legend(handles=dots, frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _most_frequent(codes: np.ndarray | list[float]) -> float:
    return float(np.bincount(np.asarray(codes, dtype=int)).argmax())


def _size(n: int) -> float:
    """Area of a dot: small where there are many."""
    return float(np.clip(6_000 / max(n, 1), 2.0, 24.0))
