"""Features of the neighbourhood of a row, as columns beside those that it has: for models that read one row at a time.

Trees cut along the axes of the map and know nothing of neighbours. Oblique coordinates let them cut along others; means
over near training rows, of labels too, tell them the rest.

A training row must see its neighbours as a row to predict will see them, and the two do not stand equally far from
training rows when a whole region is to be predicted. So half of the training rows look from within a block of the map
whose other rows are hidden from them, and the distance to what is seen is a column as well: the model learns how far a
neighbour can be trusted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils import gen_batches
from sklearn.utils.validation import FLOAT_DTYPES, check_array, check_is_fitted

from autoarch._core.checks import check_choice, check_seed, check_sequence, check_whole, own_errors, seed_of
from autoarch._core.quiet import filters_kept
from autoarch._data.array_checks import check_cell_shape
from autoarch._data.containers import check_whole_fits
from autoarch._data.coordinates import column_position, read_places
from autoarch._data.points import Places
from autoarch.exceptions import InputError
from autoarch.geo.blocks import folds_of_large_blocks
from autoarch.geo.points import MapTransformer
from autoarch.geo.values import label_columns

ANGLES = (22.5, 45.0, 67.5, 112.5, 135.0, 157.5)  # degrees; 0 and 90 are the coordinates themselves
NEIGHBORS = (8, 64)
_MOST_NEIGHBORS = 100_000
_FOLDS = 5  # random ones, and ones of blocks
_HIDDEN = 0.5  # share of the training rows that look from within a block
_RESOLVED = 1e-3  # of the deviation of y: what a float must tell apart
FOR_ATTRIBUTES = 16  # neighbours whose attributes are averaged
_CHUNK = 20_000  # rows whose neighbours are held in memory at a time,
_VALUES = 12_000_000  # or as many as have so many values around them, some hundred megabytes
_SOFT = 0.1  # of the distance to the last neighbour, which keeps the weight of the nearest one finite


class SpatialFeatures(MapTransformer):
    """Append oblique coordinates, means over near training rows, and how near those are.

    Parameters
    ----------
    coordinates : pair of str or int, default=(0, 1)
        Columns with x and y, or longitude and latitude. The points of a GeoDataFrame are taken whatever stands here.
    neighbors : sequence of int, default=(8, 64)
        How many near training rows the labels are averaged over, weighted by inverse distance; one mean for each class,
        or of the number. Empty for oblique coordinates alone.
    categorical : sequence of str or int, default=()
        Columns that hold codes and have no mean.
    geographic : bool or "auto", default="auto"
        Whether the coordinates are degrees; "auto" goes by their names, or by the reference system of a GeoDataFrame.
    target_type : {"auto", "classification", "regression"}, default="auto"
        Whether y holds labels or numbers; "auto" guesses it from y.
    random_state : int, RandomState instance or None, default=0
        Seed of the blocks and folds that training rows look from.

    Attributes
    ----------
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of str
        Names of the columns, when X was a DataFrame with names.
    geographic_ : bool
        Whether coordinates are degrees.
    classes_ : ndarray
        Labels whose share is averaged, where y holds labels.

    Notes
    -----
    ``fit_transform`` is not ``fit`` followed by ``transform``, as with :class:`sklearn.preprocessing.TargetEncoder`: no
    training row sees its own label, nor those of its fold.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch.geo import SpatialFeatures
    >>> X = np.random.default_rng(0).uniform(size=(100, 3))  # x, y and an attribute
    >>> SpatialFeatures(coordinates=(0, 1), neighbors=(4,)).fit_transform(X, X[:, 0] > 0.5).shape
    (100, 12)
    """

    seconds_per_row = 4e-5  # on one core, to fit; a search does not begin what would take longer than it has

    def __init__(
        self,
        coordinates: Sequence[Any] = (0, 1),
        *,
        neighbors: Sequence[int] = NEIGHBORS,
        categorical: Sequence[int] = (),
        geographic: bool | str = "auto",
        target_type: str = "auto",
        random_state: Any = 0,
    ):
        self.coordinates = coordinates
        self.neighbors = neighbors
        self.categorical = categorical
        self.geographic = geographic
        self.target_type = target_type
        self.random_state = random_state

    @filters_kept
    def fit(self, X: Any, y: Any = None) -> SpatialFeatures:
        """Learn where the training rows are and what they are like.

        Parameters
        ----------
        X : DataFrame or array of shape (n, p)
            Rows with coordinates; numbers, missing ones as NaN.
        y : array-like of shape (n,) or None
            Labels or numbers. Without them, attributes alone are averaged.

        Returns
        -------
        SpatialFeatures
            Itself.

        Raises
        ------
        ParameterError
            If a parameter makes no sense, or names no column.
        InputError
            If a coordinate is missing, a column holds no numbers, y does not fit, or there are less than two rows.
        """
        self._fit(X, y)
        return self

    @filters_kept
    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """Fit, and give training rows the features that they would have if they were to be predicted.

        Parameters
        ----------
        X : DataFrame or array of shape (n, p)
            Training rows.
        y : array-like of shape (n,) or None
            Labels or numbers.

        Returns
        -------
        ndarray of shape (n, p + q)
            X and the new columns, floats.
        """
        places, values = self._fit(X, y)
        rng = np.random.default_rng(seed_of(self.random_state))
        folds = rng.permutation(len(places)) % min(_FOLDS, len(places))
        blocks = folds_of_large_blocks(self._oblique(places, (0.0, 90.0)), _FOLDS, rng)
        hidden = rng.random(len(places)) < _HIDDEN if blocks.any() else np.zeros(len(places), bool)
        rows, around = [], []
        for codes, selected in ((folds, ~hidden), (blocks, hidden)):
            for fold in np.unique(codes[selected]):
                rows.append(np.flatnonzero(selected & (codes == fold)))
                around.append(self._around(places.take(rows[-1]), np.flatnonzero(codes != fold)))
        return self._joined(values, places, np.concatenate(around)[np.argsort(np.concatenate(rows))])

    @filters_kept
    def transform(self, X: Any) -> np.ndarray:
        """Append the features of each row among the training rows.

        Parameters
        ----------
        X : DataFrame or array of shape (n, p)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n, p + q)
            X and the new columns, floats.
        """
        check_is_fitted(self)
        places, values = self._read(X)
        return self._joined(values, places, self._around(places, np.arange(len(self._places))))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns: those of X, then the new ones.

        Parameters
        ----------
        input_features : sequence of str or None
            Names of the columns of X; those of ``fit``, or x0, x1, ..., without them.

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self)
        fitted = getattr(self, "feature_names_in_", [f"x{i}" for i in range(self.n_features_in_)])
        expected = "a name for each column, or None"
        names = list(fitted if input_features is None else check_sequence("input_features", input_features, expected))
        if len(names) != self.n_features_in_:
            raise InputError(f"input_features has {len(names)} names; expected {self.n_features_in_}, one per column.")
        oblique = [f"turned by {angle:g}" for angle in ANGLES]
        around = []
        for k in self.neighbors:
            around += [f"{kind} of {k} near" for kind in self._kinds] + [f"distance to {k} near"]
        if len(self.neighbors):
            around += [f"{names[i]} around" for i in self._averaged]
        return np.asarray([*names, *oblique, *around], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _fit(self, X: Any, y: Any) -> tuple[Places, np.ndarray]:
        check_choice("target_type", self.target_type, ("auto", "classification", "regression"))
        check_seed(self.random_state)
        for k in check_sequence("neighbors", self.neighbors, "several numbers, such as (8, 64)"):
            check_whole("neighbors", k, least=1, most=_MOST_NEIGHBORS)
        categorical = check_sequence("categorical", self.categorical, "names or positions of columns")
        table = self._learn_columns(X)
        left_out = {*self._at, *(column_position(name, table, asked="categorical") for name in categorical)}
        self._averaged = [i for i in range(self.n_features_in_) if i not in left_out]
        places, values = self._read(X)
        if len(places) < 2:
            raise InputError(f"X has {len(places)} rows; neighbours need at least 2. Pass more training rows.")
        self._centre = places.points[len(places) // 2 : len(places) // 2 + 1]
        self._targets, self._kinds = self._read_target(y, len(places))
        self._places, self._attributes = places, values[:, self._averaged]
        return places, values

    def _read(self, X: Any) -> tuple[Places, np.ndarray]:
        """Places and numbers of the rows of X, its columns in the order of ``fit``."""
        table = self._as_fitted(X)
        with own_errors(" Turn text into numbers first, for example with sklearn.preprocessing.OrdinalEncoder."):
            check_whole_fits(table)
            values = check_array(table, dtype=FLOAT_DTYPES, ensure_all_finite="allow-nan")
        check_cell_shape(values.shape[1:], (self.n_features_in_,), speaker="SpatialFeatures")
        return read_places(table, self._at, geographic=self.geographic_), values

    def _read_target(self, y: Any, n: int) -> tuple[np.ndarray, list[str]]:
        """One column for each class, a single one for two, or the number; and their names."""
        self.__dict__.pop("classes_", None)
        if y is None:
            return np.empty((n, 0), dtype=np.float32), []
        columns, classes = label_columns(y, n, self.target_type, "SpatialFeatures")
        if classes is None:
            with np.errstate(over="ignore"):
                told_apart = np.spacing(np.abs(columns).max().astype(np.float32)) <= _RESOLVED * columns.std()
            return (columns.astype(np.float32) if told_apart else columns), ["y"]
        self.classes_ = classes
        shown = slice(1 if len(classes) == 2 else 0, None)
        return columns[:, shown].astype(np.float32), [str(label) for label in classes[shown]]

    def _oblique(self, places: Places, angles: Sequence[float] = ANGLES) -> np.ndarray:
        """Coordinates along axes at some angles, as offsets from one of the training rows."""
        here = Places(self._centre, places.geographic).offsets(places.points[None])[0]
        return here @ np.vstack([np.cos(np.radians(angles)), np.sin(np.radians(angles))])

    def _around(self, places: Places, seen: np.ndarray) -> np.ndarray:
        """Means over the nearest of the training rows that are seen, and the distance to the last of them."""
        if not len(self.neighbors):
            return np.empty((len(places), 0), dtype=self._targets.dtype)
        tree, points = self._places.take(seen).tree(), places.space
        most = min(max(*self.neighbors, FOR_ATTRIBUTES), len(seen))
        values_each = most * max(1, self._targets.shape[1]) + FOR_ATTRIBUTES * self._attributes.shape[1]
        parts = []
        for rows in gen_batches(len(points), min(_CHUNK, max(1, _VALUES // values_each))):
            distance, near = tree.query(points[rows], k=np.arange(1, most + 1))
            parts.append(self._means(places.distance(distance), seen[near]))
        return np.concatenate(parts)

    def _means(self, distance: np.ndarray, near: np.ndarray) -> np.ndarray:
        """Means of the labels by inverse distance, of the attributes by count, for rows and their neighbours."""
        columns = []
        for k in self.neighbors:
            last = distance[:, :k][:, -1:]
            weight = 1 / (distance[:, :k] + _SOFT * last + np.finfo(np.float32).tiny)
            weight /= weight.sum(axis=1, keepdims=True)
            columns += [np.einsum("nk,nkc->nc", weight, self._targets[near[:, :k]]), np.log1p(last)]
        present = self._attributes[near[:, :FOR_ATTRIBUTES]]
        known = ~np.isnan(present)
        count = known.sum(axis=1)
        total = np.where(known, present, 0).sum(axis=1)
        columns.append(np.divide(total, count, out=np.full(total.shape, np.nan, total.dtype), where=count > 0))
        return np.concatenate(columns, axis=1, dtype=np.result_type(self._targets, self._attributes))

    def _joined(self, values: np.ndarray, places: Places, around: np.ndarray) -> np.ndarray:
        dtype = np.result_type(values, around)
        return np.concatenate([values, self._oblique(places), around], axis=1, dtype=dtype)
