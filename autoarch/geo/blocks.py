"""Cut a map into blocks, and deal whole blocks to folds.

``square_blocks`` and ``clusters`` number the blocks of points; ``fitting_size`` finds a side that leaves enough of
them; ``deal`` gives them to folds of nearly equal size and, for classes, of nearly equal make-up; ``training_rows``
are those far enough from the rows of a fold to train beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from sklearn.cluster import KMeans

from autoarch._data.points import EARTH_RADIUS_KM, Places
from autoarch.exceptions import ParameterError

MAX_BLOCKS = 2_000  # more do not make the estimate of any fold less biased
MAX_CLUSTERS = 300  # k-means takes seconds beyond
CLUSTERED_PLACES = 20_000  # places that k-means learns from
LARGE_ACROSS = 3  # blocks across the map; smaller ones hold too few rows whose neighbours are far
STEP = 0.85  # by which a side shrinks until there are enough blocks
MIN_TRAINING = 0.5  # share of the training rows that a buffer may not cut into, where it can be narrower


@dataclass(frozen=True, eq=False)
class Sites:
    """The different places of some rows.

    Parameters
    ----------
    places : Places of length m
        One for each site.
    site : ndarray of shape (n,)
        Site of each row.
    rows : ndarray of shape (m,)
        Rows at each site.
    """

    places: Places
    site: np.ndarray
    rows: np.ndarray

    @classmethod
    def of(cls, places: Places) -> Sites:
        """Group rows by place; on the globe -180 is 180 degrees, and a pole has one longitude."""
        points = places.points + 0.0  # -0.0 is 0.0
        if places.geographic:
            points = points.round(9)  # a tenth of a millimetre: turning by 360 degrees must not part two rows
            points[:, 0] = (points[:, 0] + 180.0).round(9) % 360.0 - 180.0
            points[np.abs(points[:, 1]) == 90.0, 0] = 0.0
        found, site, rows = np.unique(points, axis=0, return_inverse=True, return_counts=True)
        return cls(Places(found, places.geographic), site.reshape(-1), rows)

    def __len__(self) -> int:
        return len(self.places)

    @property
    def extent(self) -> float:
        """Twice the longest distance from the middle of the sites."""
        space = self.places.space
        away = np.linalg.norm(space - space.mean(axis=0), axis=1).max()
        return float(2 * self.places.distance(away))


def square_blocks(places: Places, side: float, shift: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """Number the square of each point.

    On the globe the squares are cells of belts of latitude, each belt divided into the whole number of cells that
    brings their width closest to ``side``. So cells have about one size everywhere, and none ends at the date line for
    being there: a belt's cells go round.

    Parameters
    ----------
    places : Places of length n
        The points.
    side : float
        Of a square; kilometres on the globe.
    shift : pair of float, default=(0.0, 0.0)
        How far the grid is moved to the east and to the north, in sides, from 0 to 1.

    Returns
    -------
    ndarray of shape (n,)
        Numbers from 0 on, one for each square that holds points.
    """
    if not places.geographic:
        return _numbered(np.floor((places.points - places.points.min(axis=0)) / side + shift))
    longitude, latitude = places.points.T
    north = np.radians(latitude + 90.0) * EARTH_RADIUS_KM
    belt = np.floor(north / side + shift[1])
    middle = np.clip((belt + 0.5 - shift[1]) * side / EARTH_RADIUS_KM - np.pi / 2, -np.pi / 2, np.pi / 2)
    around = np.maximum(np.round(2 * np.pi * EARTH_RADIUS_KM * np.cos(middle) / side), 1.0)
    cell = np.floor(longitude % 360.0 / 360.0 * around + shift[0]) % around
    return _numbered(np.column_stack([belt, cell]))


def clusters(sites: Sites, n_clusters: int, seed: int) -> np.ndarray:
    """Number the k-means cluster of each site; fewer than ``n_clusters`` where sites are fewer."""
    space = sites.places.space
    model = KMeans(min(n_clusters, len(space), MAX_CLUSTERS), n_init=1, random_state=seed)
    if len(space) <= CLUSTERED_PLACES:
        return _numbered(model.fit_predict(space)[:, None])
    some = np.random.default_rng(seed).permutation(len(space))[:CLUSTERED_PLACES]
    return _numbered(model.fit(space[some]).predict(space)[:, None])


def _numbered(cells: np.ndarray) -> np.ndarray:
    return np.unique(cells, axis=0, return_inverse=True)[1].reshape(-1)


def folds_of_large_blocks(plane: np.ndarray, n_folds: int, rng: np.random.Generator) -> np.ndarray:
    """A fold for each row, the same for all rows of a block of the map; all 0 where the map is a single block.

    The blocks are squares in a random direction, three across the map.
    """
    angle = rng.uniform(0, np.pi / 2)
    oblique = plane @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    side = np.ptp(oblique, axis=0).max() / LARGE_ACROSS
    if side <= 0:
        return np.zeros(len(plane), dtype=np.intp)
    blocks = _numbered(np.floor((oblique - oblique.min(axis=0)) / side + rng.uniform(0, 1, 2)))
    n_blocks = int(blocks.max()) + 1
    return (rng.permutation(n_blocks) % min(n_folds, n_blocks))[blocks]


def fitting_size(sites: Sites, wanted: float, least: int, n_splits: int, shift: tuple[float, float]) -> float:
    """Side nearest to ``wanted`` that leaves at least ``least`` blocks, and none larger than a fold should be.

    Where sites are too few for that, blocks come to be single sites.
    """
    side = min(wanted, sites.extent)
    least = min(least, len(sites))
    most = max(sites.rows.sum() / n_splits, sites.rows.max())
    while True:
        blocks = square_blocks(sites.places, side, shift)
        if blocks.max() + 1 >= least and np.bincount(blocks, weights=sites.rows).max() <= most:
            break
        side *= STEP
    while square_blocks(sites.places, side, shift).max() + 1 > max(MAX_BLOCKS, least):
        side /= STEP
    return float(side)


def contents_of(block: np.ndarray, codes: np.ndarray | None) -> np.ndarray:
    """Rows of each block, and of each class in it."""
    rows = np.bincount(block)[:, None].astype(np.float64)
    if codes is None:
        return rows
    known = (codes >= 0).astype(np.float64)
    of_classes = coo_array((known, (block, np.maximum(codes, 0))), shape=(len(rows), int(codes.max()) + 1))
    return np.hstack([rows, of_classes.toarray()])


def deal(contents: np.ndarray, n_splits: int, rng: np.random.Generator | None) -> np.ndarray:
    """Deal blocks to folds, large ones first, each to the fold that has least of what the block holds.

    Parameters
    ----------
    contents : ndarray of shape (n_blocks, 1 + n_classes)
        Rows of each block, then rows of each class.
    n_splits : int
        Folds, at most as many as blocks.
    rng : Generator or None
        Shuffles blocks of equal size; None takes them as they come.

    Returns
    -------
    ndarray of shape (n_blocks,)
        The fold of each block. No fold is empty, and a class that stands in two blocks is in two folds.
    """
    n_blocks, n_columns = contents.shape
    share = contents / np.maximum(contents.sum(axis=0), 1.0)
    if n_columns > 1:
        share[:, 1:] /= np.sqrt(n_columns - 1)  # all classes together weigh as much as the rows
    order = np.arange(n_blocks) if rng is None else rng.permutation(n_blocks)
    order = order[np.argsort(-contents[order, 0], kind="stable")]
    held = np.zeros((n_splits, n_columns))
    fold = np.empty(n_blocks, dtype=np.intp)
    for block in order:
        fold[block] = np.argmin(held @ share[block])
        held[fold[block]] += share[block]
    _spread_classes(contents[:, 1:] > 0, contents[:, 0], fold, n_splits)
    return fold


def _spread_classes(holds: np.ndarray, rows: np.ndarray, fold: np.ndarray, n_splits: int) -> None:
    """Move the smallest block of a class of which one fold has all, so that the class can be trained there."""
    for of_class in holds.T:
        blocks = np.flatnonzero(of_class)
        if len(blocks) < 2 or (fold[blocks] != fold[blocks[0]]).any():
            continue
        sizes = np.bincount(fold, weights=rows, minlength=n_splits)
        sizes[fold[blocks[0]]] = np.inf
        fold[blocks[np.argmin(rows[blocks])]] = np.argmin(sizes)


def training_rows(
    sites: Sites,
    site_fold: np.ndarray,
    fold: np.ndarray,
    codes: np.ndarray | None,
    n_splits: int,
    wanted: float,
    shrink: bool,
) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Drop the rows within the buffer of each fold.

    Parameters
    ----------
    sites : Sites
        The places of the rows.
    site_fold, fold : ndarray of shape (n_sites,), (n,)
        The fold of each site and of each row.
    codes : ndarray of shape (n,) or None
        Classes, of which none should be lost; -1 for rows without one.
    n_splits : int
        Folds.
    wanted : float
        The buffer; kilometres on the globe.
    shrink : bool
        Narrow it in each fold until half of the other rows are left, and all of their classes.

    Returns
    -------
    training : tuple of ndarray
        Rows that train, for each fold.
    buffers : ndarray of shape (n_splits,)
        The buffer of each.

    Raises
    ------
    ParameterError
        If no row is left.
    """
    training, buffers = [], np.full(n_splits, wanted)
    for i in range(n_splits):
        others = np.flatnonzero(fold != i)
        if wanted > 0:
            tree = sites.places.take(np.flatnonzero(site_fold == i)).tree()
            distance = sites.places.distance(tree.query(sites.places.space)[0])[sites.site[others]]
            if shrink:
                buffers[i] = min(wanted, _widest_buffer(distance, None if codes is None else codes[others]))
            others = others[distance >= buffers[i]]
        if not len(others):
            raise ParameterError(
                f"buffer={wanted:.6g} leaves no training rows in fold {i}. Pass a smaller buffer, 'auto', or smaller "
                "blocks."
            )
        training.append(others)
    return tuple(training), buffers


def _widest_buffer(distance: np.ndarray, codes: np.ndarray | None) -> float:
    """The widest buffer that leaves enough training rows, and one of each of their classes."""
    dropped = len(distance) - int(np.ceil(MIN_TRAINING * len(distance)))
    most = float(np.partition(distance, dropped)[dropped])
    if codes is None:
        return most
    known = codes >= 0
    return float(np.fmin(most, pd.Series(distance[known]).groupby(codes[known]).max().min()))
