"""What stands around a row, as columns beside those that it has: for models that look at one row at a time.

Trees cut along the axes of the map and know nothing of neighbours. Turned coordinates let them cut along others; means
of what stands near, labels of training rows included, tell them the rest.

A training row must see its neighbours as a row to predict will see them, and the two do not stand equally far from
training rows when a whole region is to be predicted. So half of the training rows look from within a block of the map
whose other rows are hidden from them, and the distance to what is seen is a column as well: the model learns how far a
neighbour can be trusted.

Imports: numpy, scikit-learn, ``autoarch.geo.places``, ``autoarch._checks``, ``autoarch.exceptions``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import check_is_fitted

from autoarch._checks import check_choice, seed_of
from autoarch.exceptions import InputError
from autoarch.geo.places import Places, read_places

TURNS = (22.5, 45.0, 67.5, 112.5, 135.0, 157.5)  # degrees; 0 and 90 are the coordinates themselves
NEIGHBORS = (8, 64)
_FOR_ATTRIBUTES = 16  # neighbours whose attributes are averaged
_FOLDS = 5  # random ones, and ones of blocks
_BLOCKS_ACROSS = 3  # of the map; smaller ones teach too little of how useless far neighbours are
_HIDDEN = 0.5  # share of the training rows that look from within a block
_CHUNK = 20_000  # rows whose neighbours are held in memory at a time
_SOFT = 0.1  # of the distance to the last neighbour, which keeps the weight of the nearest one finite


class SpatialFeatures(TransformerMixin, BaseEstimator):
    """Append turned coordinates, means over near training rows, and how near those are.

    Parameters
    ----------
    coordinates : pair of str or int, default=(0, 1)
        Columns with x and y, or longitude and latitude.
    neighbors : sequence of int, default=(8, 64)
        How many near training rows the labels are averaged over, weighted by inverse distance; one mean for each class,
        or of the number. Empty for turned coordinates alone.
    categorical : sequence of int, default=()
        Columns that hold codes and have no mean.
    geographic : bool or "auto", default="auto"
        Whether the coordinates are degrees; "auto" goes by their names.
    target_type : {"auto", "labels", "numbers"}, default="auto"
        What y holds; "auto" takes floats for numbers.
    random_state : int, RandomState instance or None, default=0
        Seed of the blocks and folds that training rows look from.

    Attributes
    ----------
    n_features_in_ : int
        Columns of X.
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
        InputError
            If a coordinate is missing, or there are less than two rows.
        """
        places, values = self._read(X)
        if len(places) < 2:
            raise InputError(f"X has {len(places)} rows; neighbours need at least 2. Pass more training rows.")
        self.n_features_in_ = values.shape[1]
        self.centre_ = places.points[len(places) // 2 : len(places) // 2 + 1]
        self._places = places
        self._attributes = values[:, self._averaged(values.shape[1])].astype(np.float32)
        self._targets = self._read_target(y, len(places))
        return self

    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """Fit, and give training rows what they would see if they were to be predicted.

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
        self.fit(X, y)
        places, values = self._read(X)
        rng = np.random.default_rng(seed_of(self.random_state))
        folds = rng.permutation(len(places)) % min(_FOLDS, len(places))
        blocks = _block_folds(self._turned(places, (0.0, 90.0)), rng)
        hidden = rng.random(len(places)) < _HIDDEN if blocks.any() else np.zeros(len(places), bool)
        around = np.empty((len(places), self._n_around), dtype=np.float32)
        for codes, rows in ((folds, ~hidden), (blocks, hidden)):
            for fold in np.unique(codes[rows]):
                look = np.flatnonzero(rows & (codes == fold))
                around[look] = self._around(places.take(look), np.flatnonzero(codes != fold))
        return self._joined(values, places, around)

    def transform(self, X: Any) -> np.ndarray:
        """Append what stands around each row among the training rows.

        Parameters
        ----------
        X : DataFrame or array of shape (n, p)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n, p + q)
            X and the new columns, floats.
        """
        check_is_fitted(self, "centre_")
        places, values = self._read(X)
        around = self._around(places, np.arange(len(self._places)))
        return self._joined(values, places, around)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the columns: those of X, then the new ones.

        Parameters
        ----------
        input_features : sequence of str or None
            Names of the columns of X; x0, x1, ... without them.

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self, "centre_")
        names = [f"x{i}" for i in range(self.n_features_in_)] if input_features is None else list(input_features)
        turned = [f"turned by {turn:g}" for turn in TURNS]
        kinds = getattr(self, "classes_", ["y"]) if self._targets.shape[1] > 1 else ["y"]
        around = []
        for k in self.neighbors:
            around += [f"{kind} of {k} near" for kind in kinds[: self._targets.shape[1]]] + [f"distance to {k} near"]
        if self.neighbors:
            around += [f"{names[i]} around" for i in self._averaged(self.n_features_in_)]
        return np.asarray([*names, *turned, *around], dtype=object)

    def _read(self, X: Any) -> tuple[Places, np.ndarray]:
        places = read_places(X, self.coordinates, geographic=self.geographic)
        values = np.asarray(X)
        return places, values if values.dtype.kind == "f" else values.astype(np.float64)

    def _read_target(self, y: Any, n: int) -> np.ndarray:
        """One column for each class, a single one for two, or the number."""
        if y is None:
            return np.empty((n, 0), dtype=np.float32)
        check_choice("target_type", self.target_type, ("auto", "labels", "numbers"))
        y = np.asarray(y)
        if self.target_type == "numbers" or (self.target_type == "auto" and y.dtype.kind == "f"):
            return y.astype(np.float32)[:, None]
        coder = LabelBinarizer().fit(y)
        self.classes_ = coder.classes_
        return coder.transform(y).astype(np.float32)

    def _averaged(self, n_columns: int) -> list[int]:
        """Columns whose means over neighbours say something: not the coordinates, not codes."""
        left_out = {int(c) % n_columns for c in self.coordinates if not isinstance(c, str)} | set(self.categorical)
        return [i for i in range(n_columns) if i not in left_out]

    @property
    def _n_around(self) -> int:
        if not self.neighbors:
            return 0
        return len(self.neighbors) * (self._targets.shape[1] + 1) + self._attributes.shape[1]

    def _turned(self, places: Places, turns: Sequence[float] = TURNS) -> np.ndarray:
        """Coordinates along other directions, as offsets from one of the training rows."""
        here = Places(self.centre_, places.geographic).offsets(places.points[None])[0]
        angles = np.radians(turns)
        return here @ np.vstack([np.cos(angles), np.sin(angles)])

    def _around(self, places: Places, seen: np.ndarray) -> np.ndarray:
        """Means over the nearest of the training rows that are seen, and the distance to the last of them."""
        if not self.neighbors:
            return np.empty((len(places), 0), dtype=np.float32)
        tree = self._places.take(seen).tree()
        most = min(max(*self.neighbors, _FOR_ATTRIBUTES), len(seen))
        points = places.space
        blocks = []
        for first in range(0, len(points), _CHUNK):
            distance, near = tree.query(points[first : first + _CHUNK], k=np.arange(1, most + 1))
            blocks.append(self._means(places.distance(distance), seen[near]))
        return np.concatenate(blocks)

    def _means(self, distance: np.ndarray, near: np.ndarray) -> np.ndarray:
        columns = []
        for k in self.neighbors:
            k = min(k, near.shape[1])
            last = distance[:, k - 1 : k]
            weight = 1 / (distance[:, :k] + _SOFT * last + np.finfo(np.float32).tiny)
            weight /= weight.sum(axis=1, keepdims=True)
            columns += [np.einsum("nk,nkc->nc", weight, self._targets[near[:, :k]]), np.log1p(last)]
        present = self._attributes[near[:, :_FOR_ATTRIBUTES]]
        known = ~np.isnan(present)
        count = known.sum(axis=1)
        total = np.where(known, present, 0).sum(axis=1)
        columns.append(np.divide(total, count, out=np.full(total.shape, np.nan, np.float32), where=count > 0))
        return np.concatenate(columns, axis=1, dtype=np.float32)

    def _joined(self, values: np.ndarray, places: Places, around: np.ndarray) -> np.ndarray:
        return np.concatenate([values, self._turned(places), around], axis=1, dtype=values.dtype)


def _block_folds(plane: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A fold for each row, the same for all rows of a block of the map; all 0 where the map is a single block."""
    angle = rng.uniform(0, np.pi / 2)
    turned = plane @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    side = np.ptp(turned, axis=0).max() / _BLOCKS_ACROSS
    if side <= 0:
        return np.zeros(len(plane), dtype=int)
    cells = np.floor((turned - turned.min(axis=0)) / side + rng.uniform(0, 1, 2)).astype(int)
    blocks = np.unique(cells, axis=0, return_inverse=True)[1].ravel()
    n_blocks = int(blocks.max()) + 1
    return (rng.permutation(n_blocks) % min(_FOLDS, n_blocks))[blocks]
