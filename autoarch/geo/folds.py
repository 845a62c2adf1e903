"""Cross-validation over space: whole blocks of the map are held out, and what lies close to them is not trained on.

Neighbours are alike, so a random fold asks a model for what it has seen next door. ``SpatialBlockKFold`` asks for
places that it has not seen: blocks as wide as values are alike, with a strip around them left out of the training.

References
----------
.. [1] D. R. Roberts et al., "Cross-validation strategies for data with temporal, spatial, hierarchical, or phylogenetic
   structure", Ecography 40, 913-929, 2017.
.. [2] R. Valavi et al., "blockCV: an R package for generating spatially or environmentally separated folds", Methods in
   Ecology and Evolution 10, 225-232, 2019.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import BaseCrossValidator

from autoarch._core.checks import check_choice, check_flag, check_positive, check_seed, check_whole, own_errors, seed_of
from autoarch._core.quiet import warn_user
from autoarch._data.containers import to_dense, without_geometry
from autoarch._data.coordinates import coordinate_columns, read_places
from autoarch._data.points import Places
from autoarch.exceptions import InputError, ParameterError
from autoarch.geo.blocks import Sites
from autoarch.geo.fold_plan import FoldPlan, matching_folds, spatial_folds
from autoarch.geo.values import Values, read_attributes, read_values
from autoarch.geo.variogram import fit_variogram

FEWEST_VALUES = 10  # of y that a variogram needs


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
    predict_at : Places, DataFrame or array of shape (m, p), default=None
        Where predictions are wanted, for example the cells of the map to draw, with coordinates as in X. Blocks and
        buffers that are "auto" are then those with which validation rows lie as far from the nearest training row as
        these places do [2]_.
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
    .. [2] J. Linnenbrink, C. Mila, M. Ludwig, H. Meyer, "kNNDM CV: k-fold nearest-neighbour distance matching
       cross-validation for map accuracy estimation", Geoscientific Model Development 17, 5897-5912, 2024.

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
        predict_at: Any = None,
        geographic: bool | str = "auto",
        shuffle: bool = True,
        random_state: Any = None,
    ) -> None:
        self.coordinates = coordinates
        self.n_splits = n_splits
        self.block_size = block_size
        self.buffer = buffer
        self.kind = kind
        self.predict_at = predict_at
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
        return check_whole("n_splits", self.n_splits, least=2)

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows that train and the rows that validate, fold by fold.

        Parameters
        ----------
        X : DataFrame, GeoDataFrame or array of shape (n, p)
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
            warn_user(f"groups is not looked at by {type(self).__name__}: rows stay together by place.")
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
        with own_errors(reading="X"):
            X, coordinates, geographic = without_geometry(X, self.coordinates, self.geographic)
            X = to_dense(X) if hasattr(X, "tocsr") else X if hasattr(X, "shape") else np.asarray(X)
            places = read_places(X, coordinates, geographic=geographic)
        sites = Sites.of(places)
        _enough_sites(sites, self.n_splits, coordinates)
        target = None if y is None else read_values(y, len(places), name="y")
        seed = seed_of(self.random_state) if self.shuffle else None
        if self.predict_at is not None:
            return self._matching(sites, target, seed)
        variogram_range = None
        if isinstance(self.block_size, str) or isinstance(self.buffer, str):
            alike = read_attributes(X, coordinate_columns(X, coordinates)) if target is None else target
            variogram_range = _range(places, alike, seed or 0)
        plan = spatial_folds(
            sites,
            target,
            variogram_range,
            self.n_splits,
            block_size=self.block_size,
            buffer=self.buffer,
            kind=self.kind,
            seed=seed,
        )
        if isinstance(self.buffer, str):
            _say_if_narrower(plan)
        return plan

    def _matching(self, sites: Sites, target: Values | None, seed: int | None) -> FoldPlan:
        """Lay folds whose distances resemble those from ``predict_at`` to the rows."""
        where = self.predict_at
        if not isinstance(where, Places):
            with own_errors(reading="predict_at"):
                where, coordinates, geographic = without_geometry(where, self.coordinates, self.geographic)
                where = where if hasattr(where, "shape") else np.asarray(where)
                where = read_places(where, coordinates, geographic=geographic)
        if where.geographic != sites.places.geographic or not len(where):
            kinds = [("degrees" if p.geographic else "numbers of a plane") for p in (where, sites.places)]
            raise ParameterError(
                f"predict_at has {len(where)} places in {kinds[0]}, X in {kinds[1]}; expected one place or more, in "
                "the coordinates of X. Give its columns the same names, or pass geographic."
            )
        fixed = None if isinstance(self.buffer, str) else self.buffer

        def folds(side: float, strip: float | None) -> FoldPlan:
            wide: dict[str, Any] = {"buffer": 0.0 if strip is None else "auto"} if fixed is None else {"buffer": fixed}
            return spatial_folds(
                sites, target, strip, self.n_splits, block_size=side, kind=self.kind, seed=seed, **wide
            )

        sides = None if isinstance(self.block_size, str) else [float(self.block_size)]
        return replace(matching_folds(sites, where, folds, sides, strips=fixed is None), range=None)

    def _check(self) -> None:
        check_whole("n_splits", self.n_splits, least=2)
        check_choice("kind", self.kind, ("blocks", "clusters"))
        check_flag("shuffle", self.shuffle)
        check_seed(self.random_state)
        if not (isinstance(self.block_size, str) and self.block_size == "auto"):
            check_positive("block_size", self.block_size, absent="'auto'")
        if not (isinstance(self.buffer, str) and self.buffer == "auto"):
            check_positive("buffer", self.buffer, absent="'auto'", or_zero=True)
        if not self.shuffle and self.random_state is not None:
            raise ParameterError(
                f"random_state={self.random_state!r} was given with shuffle=False, where nothing is random. Leave it "
                "at None, or set shuffle=True."
            )


def _range(places: Places, alike: Values | None, seed: int) -> float | None:
    """Estimate the range of spatial autocorrelation of y, or else of the rest of X."""
    if alike is None or alike.present.sum() < FEWEST_VALUES:
        return None
    if alike.codes is None:
        return fit_variogram(places, alike.matrix, labels=False, random_state=seed).range
    labels = np.where(alike.present, alike.codes, np.nan)
    return fit_variogram(places, labels, labels=True, random_state=seed).range


def _enough_sites(sites: Sites, n_splits: int, coordinates: Sequence[Any]) -> None:
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


def _say_if_narrower(plan: FoldPlan) -> None:
    shrunk = plan.buffers < plan.wanted
    if not shrunk.any():
        return
    unit = " km" if plan.geographic else ""
    warn_user(
        f"A buffer of {plan.wanted:.3g}{unit} would leave too little to train on in {shrunk.sum()} of {len(shrunk)} "
        f"folds, so it is down to {plan.buffers.min():.3g}{unit} there. Scores may be somewhat high. Pass buffer and "
        "block_size as numbers to decide yourself."
    )
