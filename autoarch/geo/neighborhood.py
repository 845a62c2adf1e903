"""A transformer that gives every row the picture of what lies around it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from autoarch._core.checks import check_choice, check_positive, check_whole
from autoarch.exceptions import AutoArchWarning, InputError
from autoarch.geo.links import Finder
from autoarch.geo.patches import Known, Patches, Rows, hidden_distances, in_pieces
from autoarch.geo.table import Reader
from autoarch.geo.values import label_columns
from autoarch.geo.window import check_window, choose_window


class NeighborhoodGrid(TransformerMixin, BaseEstimator):
    """Give every row the picture of the attributes around it, as ``(channels, size, size)``.

    The row's own attributes stand in the middle cell. The other cells show what is known around it: on a regular
    lattice the points next to it, otherwise what lies within cells of ``cell_size``. Several rows in a cell are
    averaged. A cell of which nothing is known is NaN. North is up.

    Two rows at one place do not see each other. So ``transform`` gives a row of ``fit`` the picture that a new row at
    its place has, and a row's own label is in none of its cells.

    Parameters
    ----------
    coordinates : pair of str or pair of int, default=("x", "y")
        Columns with x and y, or longitude and latitude. The points of a GeoDataFrame are taken whatever stands here,
        later ones in the reference system of the first.
    size : int, default=9
        Cells along a side, an odd number of at least 3.
    cell_size : float, "auto" or "local", default="auto"
        Side of a cell, in the units of the coordinates, or kilometres for degrees. "auto" is one side for all rows,
        such that the picture around the median place of ``fit`` holds a place per cell: a cell then means the same
        distance everywhere, and what a filter has learned in one place holds in another. "local" goes by the density
        around each row instead, up to the widest spacing of ``fit``: pictures are equally full where points are
        crowded in some places and rare in others, but of different scale. On a lattice, cells are its points.
    method : {"auto", "lattice", "bin", "idw", "nearest"}, default="auto"
        "lattice" needs points on a regular lattice, turned or with gaps. "bin" averages the rows within each cell.
        "idw" averages the nearest eight places by the inverse of their squared distance and "nearest" takes the
        nearest one, none farther than half the picture's side; both are slow. "auto" is "lattice" where there is one
        and ``cell_size`` is "auto", else "bin".
    context : {"train", "train+query"}, default="train"
        Whose attributes are seen around a row in ``transform``: those of the rows of ``fit``, or also those of the
        other rows that are transformed with it. Labels come from the rows of ``fit`` alone.
    target_lag : bool, "regression" or "classification", default=False
        Whether channels show the mean label of neighbours in ``fit``: one channel for numbers, one per class for
        classes. True guesses the kind from y.
    layer : str, int or None, default=None
        Column with times or other layers: rows see only neighbours with the same value. It is no channel.
    hide_within : float or "some", default=0.0
        Distance within which rows of ``fit`` do not see each other in ``fit_transform``, so that their pictures look
        like those of rows that are far from all others. "some" draws one for each of half of the rows, up to the
        corner of its picture, and none for the others: what follows learns from what is near and does without it.
    geographic : bool or "auto", default="auto"
        Whether coordinates are degrees. "auto" goes by their names, or by the reference system of a GeoDataFrame.
    categorical : sequence of str or int, or None, default=None
        Columns of numbers that are categories. Text and pandas categories are known as such. Each level has a channel
        with its share; of more than 17, the 16 most frequent and one for all others.
    output : {"grid", "flat"}, default="grid"
        Shape of what ``transform`` gives: ``(n, channels, size, size)`` or ``(n, channels * size * size)``.
    dtype : dtype, default=numpy.float32
        Of the pictures. Take float64 where values are large and differ by little, such as seconds since 1970.

    Attributes
    ----------
    lattice_ : Lattice or None
        Steps and rotation of the lattice that was found.
    method_ : str
        What "auto" has become.
    cell_size_ : float or tuple of float
        Side of a cell, in units of distance; on a lattice its two steps, in units of the coordinates; with "local" the
        largest.
    channel_names_ : list of str
        Attributes, levels of categories, labels.
    n_channels_ : int
        How many these are.
    geographic_ : bool
        Whether coordinates are degrees.
    target_classes_ : ndarray
        Classes behind the channels of labels.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of str
        Names of the columns, when X was a DataFrame with names.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch.geo import NeighborhoodGrid
    >>> column, row = (part.ravel() for part in np.meshgrid(np.arange(4), np.arange(3)))
    >>> X = np.column_stack([10.0 * column, 20.0 * row, 10 * row + column])
    >>> grid = NeighborhoodGrid(coordinates=(0, 1), size=3).fit(X)
    >>> str(grid.lattice_)
    'steps of 10 x 20'
    >>> grid.transform(X)[0, 0]
    array([[nan, 10., 11.],
           [nan,  0.,  1.],
           [nan, nan, nan]], dtype=float32)
    """

    def __init__(
        self,
        coordinates: Sequence[Any] = ("x", "y"),
        size: int = 9,
        *,
        cell_size: float | str = "auto",
        method: str = "auto",
        context: str = "train",
        target_lag: bool | str = False,
        layer: Any = None,
        hide_within: float | str = 0.0,
        geographic: bool | str = "auto",
        categorical: Sequence[Any] | None = None,
        output: str = "grid",
        dtype: Any = np.float32,
    ):
        self.coordinates = coordinates
        self.size = size
        self.cell_size = cell_size
        self.method = method
        self.context = context
        self.target_lag = target_lag
        self.layer = layer
        self.hide_within = hide_within
        self.geographic = geographic
        self.categorical = categorical
        self.output = output
        self.dtype = dtype

    def fit(self, X: Any, y: Any = None) -> NeighborhoodGrid:
        """Learn where rows are and what is known there; y is needed for ``target_lag`` alone."""
        self._fit(X, y)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """The pictures of the rows of ``fit``; ``hide_within`` counts."""
        return self._whole(self._fit(X, y), self._finder, self._known, True)

    def transform(self, X: Any) -> np.ndarray:
        """The pictures of rows, all at once; ``batches`` gives them piece by piece."""
        check_is_fitted(self)
        return self._whole(*self._asked(X, False), False)

    def batches(self, X: Any, rows_per_batch: int = 1024, *, training: bool = False) -> Iterator[np.ndarray]:
        """The pictures of rows in their order, in arrays of ``(rows_per_batch, channels, size, size)``.

        Parameters
        ----------
        X : DataFrame, GeoDataFrame or array of shape (n, p)
            The rows.
        rows_per_batch : int, default=1024
            Rows of each array but the last.
        training : bool, default=False
            Whether X are the rows of ``fit``, for which ``hide_within`` counts.

        Yields
        ------
        ndarray
        """
        check_is_fitted(self)
        check_whole("rows_per_batch", rows_per_batch, least=1)
        rows, finder, known = self._asked(X, training)
        alone = 0
        for part in in_pieces(finder, known, rows, self._hidden(rows, training), self.dtype, rows_per_batch):
            alone += part.n_alone
            for start in range(0, len(part), rows_per_batch):
                yield part[start : start + rows_per_batch]
        self._warn_of(alone, len(rows), training)

    def patches(self, X: Any, *, training: bool = False) -> Patches:
        """The pictures of rows as an array that computes what is taken from it, with ``shape``, ``dtype`` and ``len``.

        Parameters
        ----------
        X : DataFrame, GeoDataFrame or array of shape (n, p)
            The rows.
        training : bool, default=False
            Whether X are the rows of ``fit``, for which ``hide_within`` counts.

        Returns
        -------
        Patches
        """
        check_is_fitted(self)
        rows, finder, known = self._asked(X, training)
        patches = Patches(finder, known, rows, self._hidden(rows, training), self.dtype)
        self._warn_of(patches.n_alone, len(rows), training)
        return patches

    @available_if(lambda self: self.output == "flat")  # type: ignore[untyped-decorator]  # a picture has no columns
    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns that ``output="flat"`` gives: the channel, and cells to the east and north."""
        check_is_fitted(self)
        cells = [f"{east:+.0f}{north:+.0f}" for east, north in self._finder.window.offsets()]
        return np.array([f"{name}[{cell}]" for name in self.channel_names_ for cell in cells], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.target_tags.required = bool(self.target_lag)
        return tags

    def _fit(self, X: Any, y: Any) -> Rows:
        self._check_parameters(y)
        self._reader, rows = Reader.learn(
            X, self.coordinates, geographic=self.geographic, layer=self.layer, categorical=self.categorical
        )
        self.n_features_in_, self.geographic_ = self._reader.n_columns, self._reader.geographic
        if self._reader.names is not None:
            self.feature_names_in_ = self._reader.names
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        labels, label_names = self._labels(y, len(rows))
        self.channel_names_ = self._reader.channel_names() + label_names
        self.n_channels_ = len(self.channel_names_)
        if not self.n_channels_:
            raise InputError(
                "X has no columns but coordinates and layers, so the pictures have nothing to show. Pass attributes, "
                "or target_lag=True to show the labels of neighbours."
            )
        window = choose_window(rows.spots.places, self.size, self.method, self.cell_size)
        self.lattice_, self.method_ = window.lattice, window.method
        self.cell_size_ = window.cell_size if window.lattice is None else window.lattice.steps
        self._known = Known.of(window, rows.spots, np.concatenate([rows.channels, labels], axis=1))
        self._finder = Finder(window, self._known.spots)
        return rows

    def _check_parameters(self, y: Any) -> None:
        check_window(self.size, self.cell_size, self.method)
        check_choice("context", self.context, ("train", "train+query"))
        check_choice("target_lag", self.target_lag, (False, True, "regression", "classification"))
        check_choice("output", self.output, ("grid", "flat"))
        if isinstance(self.hide_within, str):
            check_choice("hide_within", self.hide_within, ("some",))
        elif self.hide_within != 0:
            check_positive("hide_within", self.hide_within, absent="0 for 'hide nothing', or 'some'")
        if self.target_lag and y is None:
            raise InputError(
                f"target_lag={self.target_lag!r} shows the labels of neighbours, but y is None. Pass y to fit, or "
                "target_lag=False."
            )

    def _labels(self, y: Any, n_rows: int) -> tuple[np.ndarray, list[str]]:
        """Channels that only neighbours have, shape (n, 0), (n, 1) or (n, classes), and their names."""
        self.__dict__.pop("target_classes_", None)
        if not self.target_lag:
            return np.empty((n_rows, 0)), []
        kind = "auto" if self.target_lag is True else str(self.target_lag)
        labels, classes = label_columns(y, n_rows, kind, "NeighborhoodGrid")
        if classes is None:
            return labels, ["target"]
        self.target_classes_ = classes
        return labels, [f"target={label}" for label in classes]

    def _hidden(self, rows: Rows, training: bool) -> np.ndarray:
        if not training:
            return np.zeros(len(rows))
        return hidden_distances(len(rows), self.hide_within, self._finder.window.reach(rows.spots.places))

    def _asked(self, X: Any, training: bool) -> tuple[Rows, Finder, Known]:
        """Rows of X, and what is known around them."""
        if training or self.context == "train":
            return self._reader.read(X), self._finder, self._known
        rows = self._reader.with_layers(X).read(X)
        values = np.full((len(rows), self.n_channels_), np.nan)
        values[:, : rows.channels.shape[1]] = rows.channels
        window = self._finder.window
        known = self._known.joined(window, Known.of(window, rows.spots, values))
        return rows, Finder(window, known.spots), known

    def _whole(self, rows: Rows, finder: Finder, known: Known, training: bool) -> np.ndarray:
        out = np.empty((len(rows), self.n_channels_, self.size, self.size), dtype=self.dtype)
        done = alone = 0
        for part in in_pieces(finder, known, rows, self._hidden(rows, training), self.dtype):
            part.fill(out[done : done + len(part)])
            done, alone = done + len(part), alone + part.n_alone
        self._warn_of(alone, len(rows), training)
        return out.reshape(len(out), -1) if self.output == "flat" else out

    def _warn_of(self, alone: int, n_rows: int, training: bool) -> None:
        if alone and not training:
            warnings.warn(
                f"{alone} of {n_rows} rows have nothing known around them: they lie far from the rows of fit, or in a "
                "layer of their own. Their pictures are NaN but for the middle.",
                AutoArchWarning,
                stacklevel=3,
            )
