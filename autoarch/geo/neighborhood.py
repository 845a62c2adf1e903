"""A transformer that gives every row the picture of what lies around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.utils import gen_batches
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from autoarch._core.checks import check_choice, check_dtype, check_flag, check_positive, check_whole
from autoarch._core.quiet import filters_kept, warn_user
from autoarch._data.containers import check_room
from autoarch._data.points import Rows
from autoarch.exceptions import InputError
from autoarch.geo.patches import Known, Patches
from autoarch.geo.points import ChannelReader
from autoarch.geo.values import label_columns
from autoarch.geo.window import check_window, choose_window

_HIDE_SOME = 0.5  # of the rows of fit
_CHUNK = 100_000  # rows whose links are held while their pictures are filled,
_LINKS = 20_000_000  # or as many rows as have that many links, some two hundred megabytes


class NeighborhoodGrid(ChannelReader):
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

    @filters_kept
    def fit(self, X: Any, y: Any = None) -> NeighborhoodGrid:
        """Learn where rows are and what is known there; y is needed for ``target_lag`` alone."""
        self._fit(X, y)
        return self

    @filters_kept
    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """The pictures of the rows of ``fit``; ``hide_within`` counts."""
        return self._whole(self._fit(X, y), self._known, True)[0]

    @filters_kept
    def transform(self, X: Any) -> np.ndarray:
        """The pictures of rows, all at once; ``batches`` gives them piece by piece."""
        check_is_fitted(self)
        out, alone = self._whole(*self._read_query(X, False), False)
        _warn_of(alone, len(out))
        return out

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
        rows, known = self._read_query(X, training)
        alone = 0
        for _, part in self._parts(rows, known, training, rows_per_batch):
            alone += part.n_alone
            for batch in gen_batches(len(part), rows_per_batch):
                yield part[batch]
        if not training:
            _warn_of(alone, len(rows))

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
        rows, known = self._read_query(X, training)
        patches = Patches(known, rows, self._hidden(rows, training), self.dtype)
        if not training:
            _warn_of(patches.n_alone, len(rows))
        return patches

    @available_if(lambda self: self.output == "flat")  # type: ignore[untyped-decorator]  # a picture has no columns
    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns that ``output="flat"`` gives: the channel, and cells to the east and north."""
        check_is_fitted(self)
        cells = [f"{east:+.0f}{north:+.0f}" for east, north in self._known.window.offsets()]
        return np.array([f"{name}[{cell}]" for name in self.channel_names_ for cell in cells], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = True
        tags.target_tags.required = bool(self.target_lag)
        return tags

    def _fit(self, X: Any, y: Any) -> Rows:
        self._check_parameters(y)
        self._learn_attributes(self._learn_columns(X))
        rows = self._read(X)
        labels = self._labels(y, len(rows))
        self.n_channels_ = len(self.channel_names_)
        if not self.n_channels_:
            raise InputError(
                "X has no columns but coordinates and layers, so the pictures have nothing to show. Pass attributes, "
                "or target_lag=True to show the labels of neighbours."
            )
        window = choose_window(rows.places, self.size, self.method, self.cell_size, layered=self.layer is not None)
        self.lattice_, self.method_ = window.lattice, window.method
        self.cell_size_ = window.cell_size if window.lattice is None else window.lattice.steps
        self._known = Known.of(window, Rows(rows.places, rows.layer, np.hstack([rows.values, labels])))
        return rows

    def _check_parameters(self, y: Any) -> None:
        check_choice("context", self.context, ("train", "train+query"))
        check_choice("target_lag", self.target_lag, (False, True, "regression", "classification"))
        check_choice("output", self.output, ("grid", "flat"))
        check_dtype("dtype", self.dtype)
        check_window(self.size, self.method, self.cell_size)
        if not (isinstance(self.hide_within, str) and self.hide_within == "some"):
            check_positive("hide_within", self.hide_within, absent="'some'", or_zero=True)
        if self.target_lag and y is None:
            raise InputError(f"y is None, and target_lag={self.target_lag!r} needs it. Pass y, or target_lag=False.")

    def _labels(self, y: Any, n_rows: int) -> np.ndarray:
        """Channels that only neighbours have, shape (n, 0), (n, 1) or (n, classes); learn their names."""
        self.__dict__.pop("target_classes_", None)
        if not self.target_lag:
            return np.empty((n_rows, 0))
        kind = "auto" if self.target_lag is True else str(self.target_lag)
        labels, classes = label_columns(y, n_rows, kind, "NeighborhoodGrid")
        if classes is not None:
            self.target_classes_ = classes
        self.channel_names_ += ["target"] if classes is None else [f"target={label}" for label in classes]
        return labels

    def _read_query(self, X: Any, training: bool) -> tuple[Rows, Known]:
        """Rows of X, and what is known around them."""
        check_flag("training", training)
        if training or self.context == "train":
            return self._read(X), self._known
        rows = self._read(X, new_layers=True)
        return rows, self._known.joined(rows)

    def _hidden(self, rows: Rows, training: bool) -> np.ndarray:
        """Distance around each row within which known places are left out; "some" is the same in every call."""
        if not training or self.hide_within != "some":
            return np.full(len(rows), float(self.hide_within) if training else 0.0)
        rng = np.random.default_rng(0)
        reach = self._known.window.reach(rows.places)
        return np.where(rng.random(len(rows)) < _HIDE_SOME, rng.uniform(0.0, reach, len(rows)), 0.0)

    def _parts(self, rows: Rows, known: Known, training: bool, step: int = 1) -> Iterator[tuple[slice, Patches]]:
        """Slices of rows and their pictures, as many at a time as fit into memory, a multiple of ``step``."""
        hidden = self._hidden(rows, training)
        many = max(1, int(min(_CHUNK, _LINKS / max(1.0, known.per_row(rows).mean()))) // step) * step
        for where in gen_batches(len(rows), many):
            yield where, Patches(known, rows.take(where), hidden[where], self.dtype)

    def _whole(self, rows: Rows, known: Known, training: bool) -> tuple[np.ndarray, int]:
        """All pictures, and how many rows have nothing around them."""
        check_room("the array of pictures", (len(rows), self.n_channels_, self.size, self.size), 4)
        out = np.empty((len(rows), self.n_channels_, self.size, self.size), dtype=self.dtype)
        alone = 0
        for where, part in self._parts(rows, known, training):
            part.fill(out[where])
            alone += part.n_alone
        return out.reshape(len(out), -1) if self.output == "flat" else out, alone


def _warn_of(alone: int, n_rows: int) -> None:
    if alone:
        warn_user(
            f"{alone} of {n_rows} rows have nothing known around them: they lie far from the rows of fit, or in a "
            "layer of their own. Their pictures are NaN but for the middle."
        )
