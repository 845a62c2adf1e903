"""Cross-validation over space: whole blocks of the map are held out, and what lies close to them is not trained on.

Neighbours are alike, so a random fold asks a model for what it has seen next door. ``SpatialBlockKFold`` asks for
places that it has not seen: blocks as wide as values are alike, with a strip around them left out of the training.

Imports: numpy, scikit-learn, ``places``, ``values``, ``variogram``, ``blocks``, ``buffers``,
``autoarch._checks``, ``autoarch._data.sources``, ``autoarch.exceptions``.

References
----------
.. [1] D. R. Roberts et al., "Cross-validation strategies for data with temporal, spatial, hierarchical, or phylogenetic
   structure", Ecography 40, 913-929, 2017.
.. [2] R. Valavi et al., "blockCV: an R package for generating spatially or environmentally separated folds", Methods in
   Ecology and Evolution 10, 225-232, 2019.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import BaseCrossValidator

from autoarch._checks import check_choice, check_positive, check_whole, seed_of
from autoarch._data.sources import to_plain
from autoarch.exceptions import AutoArchWarning, InputError, ParameterError
from autoarch.geo.blocks import Sites, clusters, contents_of, deal, fitting_size, square_blocks
from autoarch.geo.buffers import training_rows
from autoarch.geo.coordinates import coordinate_columns, read_places
from autoarch.geo.places import Places
from autoarch.geo.values import Values, read_attributes, read_values
from autoarch.geo.variogram import fit_variogram

BLOCKS_PER_FOLD = 5  # at least, with block_size="auto": fewer make folds that differ in more than chance
SIDE_IN_RANGES = 1.0
BUFFER_IN_RANGES = 1.0
BLOCKS_WITHOUT_RANGE = 10  # per fold, where nothing says how far values are alike
FARTHEST = 1e100  # squares of larger numbers overflow
FEWEST_VALUES = 10  # of y that a variogram needs


@dataclass(frozen=True, eq=False)
class FoldPlan:
    """Which block and fold each row is in, and how close to a fold's rows training may come.

    Parameters
    ----------
    fold, block : ndarray of shape (n,)
        Of each row, from 0 on.
    training : tuple of ndarray
        For each fold, the rows that train.
    block_size : float
        Side of a block, in kilometres on the globe; clusters are as many as there are such blocks.
    buffers : ndarray of shape (n_splits,)
        For each fold, the distance within which rows do not train.
    range : float or None
        Distance over which values are alike, as in ``Variogram``; None also where it was not asked for.
    geographic : bool
        Whether distances are kilometres.
    """

    fold: np.ndarray
    block: np.ndarray
    training: tuple[np.ndarray, ...]
    block_size: float
    buffers: np.ndarray
    range: float | None
    geographic: bool


class SpatialBlockKFold(BaseCrossValidator, BaseEstimator):
    """K-fold over blocks of a map, with a strip around the validation rows that does not train.

    Each row is validated once. Rows at one place stay together. For class labels the folds are of nearly equal make-up,
    and each class is trained in each fold where the map allows it.

    Parameters
    ----------
    coordinates : pair of str or pair of int, default=("lon", "lat")
        Columns of X with x and y, or with longitude and latitude.
    n_splits : int, default=5
        Folds; at least 2.
    block_size : float or "auto", default="auto"
        Side of a block, in kilometres on the globe, else in the units of the coordinates. "auto" takes the distance
        over which y is alike (the range of its variogram), or smaller blocks where these would be fewer than five per
        fold. Without y the other numbers in X stand in for it; where nothing is alike there are about ten blocks per
        fold.
    buffer : float or "auto", default="auto"
        Rows closer than this to any validation row do not train; 0 for none. "auto" takes the range of the variogram,
        in each fold no more than leaves half of the other rows and all their classes; a warning says so.
    kind : "blocks" or "clusters", default="blocks"
        Squares, or as many k-means clusters as there would be squares.
    geographic : bool or "auto", default="auto"
        Whether coordinates are degrees. "auto" goes by their names (``lon``, ``latitude``, ...).
    shuffle : bool, default=True
        Move the grid at random and deal blocks of equal size in random order.
    random_state : int, RandomState instance or None, default=None
        Seed. Pass an int for the same folds in each call.

    References
    ----------
    .. [1] D. R. Roberts et al., "Cross-validation strategies for data with temporal, spatial, hierarchical, or
       phylogenetic structure", Ecography 40, 913-929, 2017.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from autoarch.geo import SpatialBlockKFold
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"lon": rng.uniform(5, 15, 300), "lat": rng.uniform(45, 55, 300)})
    >>> folds = SpatialBlockKFold(n_splits=3, block_size=200, buffer=50, random_state=0)
    >>> for train, test in folds.split(X):
    ...     print(len(train), len(test))
    170 101
    179 99
    178 100
    """

    def __init__(
        self,
        coordinates: Sequence[Any] = ("lon", "lat"),
        n_splits: int = 5,
        block_size: float | str = "auto",
        buffer: float | str = "auto",
        *,
        kind: str = "blocks",
        geographic: bool | str = "auto",
        shuffle: bool = True,
        random_state: Any = None,
    ) -> None:
        self.coordinates = coordinates
        self.n_splits = n_splits
        self.block_size = block_size
        self.buffer = buffer
        self.kind = kind
        self.geographic = geographic
        self.shuffle = shuffle
        self.random_state = random_state

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Count the folds.

        Parameters
        ----------
        X, y, groups : object, default=None
            Not looked at.

        Returns
        -------
        int
        """
        return self.n_splits

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows that train and the rows that validate, fold by fold.

        Parameters
        ----------
        X : DataFrame or array of shape (n, p)
            With the coordinates among its columns.
        y : array-like of shape (n,), default=None
            Says how far values are alike, and of classes which must be trained.
        groups : object, default=None
            Not looked at; a warning says so.

        Yields
        ------
        train, test : ndarray
            Positions of rows.

        Raises
        ------
        ParameterError
            If a parameter makes no sense, or leaves fewer blocks than folds or a fold without training rows.
        InputError
            If coordinates are missing, infinite or impossible, or at fewer places than there are folds.
        """
        if groups is not None:
            warnings.warn(
                f"groups is not looked at by {type(self).__name__}: rows stay together by place.",
                AutoArchWarning,
                stacklevel=2,
            )
        plan = self.plan(X, y)
        for fold, training in enumerate(plan.training):
            yield training, np.flatnonzero(plan.fold == fold)

    def plan(self, X: Any, y: Any = None) -> FoldPlan:
        """Lay the folds, and say how wide blocks and buffers are.

        Parameters
        ----------
        X : DataFrame or array of shape (n, p)
            As for ``split``.
        y : array-like of shape (n,), default=None
            As for ``split``.

        Returns
        -------
        FoldPlan

        Raises
        ------
        ParameterError, InputError
            As for ``split``.
        """
        self._check()
        X = to_plain(X) if hasattr(X, "shape") else np.asarray(X)
        places = read_places(X, self.coordinates, geographic=self.geographic)
        sites = Sites.of(places)
        _enough_sites(sites, self.n_splits, self.coordinates)
        target = None if y is None else read_values(y, len(places), name="y")
        seed = seed_of(self.random_state) if self.shuffle else 0
        rng = np.random.default_rng(seed)
        shift = (float(rng.random()), float(rng.random())) if self.shuffle else (0.0, 0.0)
        automatic = "auto" in (self.block_size, self.buffer)
        reach = self._range(X, places, target, seed) if automatic else None
        side = self._side(sites, reach, shift)
        block = square_blocks(sites.places, side, shift)
        if self.kind == "clusters":
            block = clusters(sites, int(block.max()) + 1, seed)
        if block.max() + 1 < self.n_splits:
            raise ParameterError(
                f"block_size={self.block_size!r} leaves {block.max() + 1} blocks with points for "
                f"n_splits={self.n_splits}; the points span about {sites.extent:.3g}. Pass smaller blocks, "
                "block_size='auto', or fewer splits."
            )
        codes = None if target is None else target.codes
        contents = contents_of(block[sites.site], codes)
        site_fold = deal(contents, self.n_splits, rng if self.shuffle else None)[block]
        fold = site_fold[sites.site]
        wanted = _wanted(self.buffer, reach, sites)
        training, buffers = training_rows(sites, site_fold, fold, codes, self.n_splits, wanted, self.buffer == "auto")
        _say_if_narrower(buffers, wanted, self.buffer, places.geographic)
        return FoldPlan(fold, block[sites.site], training, side, buffers, reach, places.geographic)

    def _check(self) -> None:
        check_whole("n_splits", self.n_splits, least=2)
        check_choice("kind", self.kind, ("blocks", "clusters"))
        check_choice("shuffle", self.shuffle, (True, False))
        if self.block_size != "auto":
            check_positive("block_size", self.block_size, absent="'auto'")
        if self.buffer != "auto" and self.buffer != 0:
            check_positive("buffer", self.buffer, absent="0 for none, or 'auto'")
        if not self.shuffle and self.random_state is not None:
            raise ParameterError(
                f"random_state={self.random_state!r} was given with shuffle=False, where nothing is random. Leave it "
                "at None, or set shuffle=True."
            )

    def _range(self, X: Any, places: Places, target: Values | None, seed: int) -> float | None:
        """How far y, or else the rest of X, is alike."""
        if target is None:
            target = read_attributes(X, coordinate_columns(X, self.coordinates))
        if target is None or target.present.sum() < FEWEST_VALUES:
            return None
        if target.codes is None:
            return fit_variogram(places, target.matrix, labels=False, random_state=seed).range
        labels = np.where(target.present, target.codes, np.nan)
        return fit_variogram(places, labels, labels=True, random_state=seed).range

    def _side(self, sites: Sites, reach: float | None, shift: tuple[float, float]) -> float:
        if self.block_size != "auto":
            return float(self.block_size)
        if reach is None:
            return fitting_size(sites, np.inf, BLOCKS_WITHOUT_RANGE * self.n_splits, self.n_splits, shift)
        return fitting_size(sites, SIDE_IN_RANGES * reach, BLOCKS_PER_FOLD * self.n_splits, self.n_splits, shift)


def _enough_sites(sites: Sites, n_splits: int, coordinates: Sequence[Any]) -> None:
    farthest = np.abs(sites.places.points).max(initial=0.0)
    if farthest > FARTHEST:
        raise InputError(
            f"a coordinate reaches {farthest:.3g}; distances need less than {FARTHEST:g}. Use larger units."
        )
    if len(sites) >= n_splits:
        return
    n = len(sites.site)
    if len(sites) == 1 and n > 1:
        raise InputError(
            f"the coordinates {tuple(coordinates)!r} are constant: all {n} rows are at one place, and folds over space "
            "need several. Check which columns hold the coordinates, or use KFold."
        )
    raise InputError(
        f"X has {n} rows at {len(sites)} different places, fewer than n_splits={n_splits}, and rows at one place stay "
        f"together. Pass n_splits of at most {len(sites)}, or use KFold."
    )


def _wanted(buffer: float | str, reach: float | None, sites: Sites) -> float:
    if buffer != "auto":
        return float(buffer)
    return 0.0 if reach is None else min(BUFFER_IN_RANGES * reach, sites.extent)


def _say_if_narrower(buffers: np.ndarray, wanted: float, buffer: float | str, geographic: bool) -> None:
    shrunk = buffers < wanted
    if buffer != "auto" or not shrunk.any():
        return
    unit = " km" if geographic else ""
    warnings.warn(
        f"A buffer of {wanted:.3g}{unit} would leave too little to train on in {shrunk.sum()} of {len(buffers)} folds, "
        f"so it is down to {buffers.min():.3g}{unit} there. Scores may be somewhat high. Pass buffer and block_size as "
        "numbers to decide yourself.",
        AutoArchWarning,
        stacklevel=4,
    )
