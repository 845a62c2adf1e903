"""Cut a map into blocks, and deal whole blocks to folds.

``square_blocks`` and ``clusters`` number the blocks of points; ``fitting_size`` finds a side that leaves enough of
them; ``deal`` gives them to folds of nearly equal size and, for classes, of nearly equal make-up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans

from autoarch._data.points import EARTH_RADIUS_KM, Places

MAX_BLOCKS = 2_000  # more make no fold more honest
MAX_CLUSTERS = 300  # k-means takes seconds beyond
CLUSTERED_PLACES = 20_000  # places that k-means learns from
LARGE_ACROSS = 3  # blocks across the map; smaller ones teach too little of how useless far neighbours are
STEP = 0.85  # by which a side shrinks until there are enough blocks


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
        cells = np.floor((places.points - places.points.min(axis=0)) / side + shift)
        return _numbered(cells)
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
    rng = np.random.default_rng(seed)
    learnt = space if len(space) <= CLUSTERED_PLACES else space[rng.permutation(len(space))[:CLUSTERED_PLACES]]
    model = KMeans(min(n_clusters, len(space), MAX_CLUSTERS), n_init=1, random_state=seed).fit(learnt)
    return _numbered(model.predict(space)[:, None])


def _numbered(cells: np.ndarray) -> np.ndarray:
    return np.unique(cells, axis=0, return_inverse=True)[1].reshape(-1)


def folds_of_large_blocks(plane: np.ndarray, n_folds: int, rng: np.random.Generator) -> np.ndarray:
    """A fold for each row, the same for all rows of a block of the map; all 0 where the map is a single block.

    The blocks are squares in a random direction, three across the map.
    """
    angle = rng.uniform(0, np.pi / 2)
    turned = plane @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    side = np.ptp(turned, axis=0).max() / LARGE_ACROSS
    if side <= 0:
        return np.zeros(len(plane), dtype=np.intp)
    blocks = _numbered(np.floor((turned - turned.min(axis=0)) / side + rng.uniform(0, 1, 2)))
    n_blocks = int(blocks.max()) + 1
    return (rng.permutation(n_blocks) % min(n_folds, n_blocks))[blocks]


def fitting_size(sites: Sites, wanted: float, least: int, n_splits: int, shift: tuple[float, float]) -> float:
    """Side nearest to ``wanted`` that leaves at least ``least`` blocks, and none larger than a fold should be.

    Where sites are too few for that, blocks come to be single sites.
    """
    side = min(wanted, sites.extent)
    least = min(least, len(sites))
    most = max(sites.rows.sum() / n_splits, sites.rows.max())
    blocks = square_blocks(sites.places, side, shift)
    while blocks.max() + 1 < least or np.bincount(blocks, weights=sites.rows).max() > most:
        side *= STEP
        blocks = square_blocks(sites.places, side, shift)
    while blocks.max() + 1 > max(MAX_BLOCKS, least):
        side /= STEP
        blocks = square_blocks(sites.places, side, shift)
    return float(side)


def contents_of(block: np.ndarray, codes: np.ndarray | None) -> np.ndarray:
    """Rows of each block, and of each class in it."""
    n_blocks = int(block.max()) + 1
    rows = np.bincount(block, minlength=n_blocks)[:, None].astype(np.float64)
    if codes is None:
        return rows
    n_classes, known = int(codes.max()) + 1, codes >= 0
    pairs = np.bincount(block[known] * n_classes + codes[known], minlength=n_blocks * n_classes)
    return np.hstack([rows, pairs.reshape(n_blocks, n_classes)])


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
    """Where one fold has all blocks of a class, move the smallest of them, so that the class can be trained there."""
    for of_class in holds.T:
        blocks = np.flatnonzero(of_class)
        if len(blocks) < 2 or (fold[blocks] != fold[blocks[0]]).any():
            continue
        sizes = np.bincount(fold, weights=rows, minlength=n_splits)
        sizes[fold[blocks[0]]] = np.inf
        fold[blocks[np.argmin(rows[blocks])]] = np.argmin(sizes)
