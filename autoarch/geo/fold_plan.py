"""Plan the folds of a map: blocks as wide as values are alike, and a strip around each fold that does not train."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autoarch.exceptions import ParameterError
from autoarch.geo.blocks import Sites, clusters, contents_of, deal, fitting_size, square_blocks, training_rows
from autoarch.geo.values import Values

BLOCKS_PER_FOLD = 5  # at least, with block_size="auto": fewer make folds that differ in more than chance
SIDE_IN_RANGES = 1.0
BUFFER_IN_RANGES = 1.0
BLOCKS_WITHOUT_RANGE = 10  # per fold, where nothing says how far values are alike


@dataclass(frozen=True, eq=False)
class FoldPlan:
    """Block and fold of each row, and how close to a fold's rows training may come.

    Parameters
    ----------
    fold, block : ndarray of shape (n,)
        Of each row, from 0 on.
    training : tuple of ndarray
        For each fold, the rows that train.
    block_size : float
        Side of a block, in kilometres on the globe; clusters are as many as there are such blocks.
    wanted : float
        Distance to the validation rows within which no row should train.
    buffers : ndarray of shape (n_splits,)
        For each fold, the distance within which rows do not train.
    range : float or None
        Distance over which values are alike, as in ``Variogram``; None also where it was not asked for.
    geographic : bool
        Whether distances are kilometres.
    mismatch : float or None, default=None
        By how much distances of validation rows to the nearest training row differ from those at prediction (their
        Wasserstein distance). None where nobody said where predictions are wanted.
    """

    fold: np.ndarray
    block: np.ndarray
    training: tuple[np.ndarray, ...]
    block_size: float
    wanted: float
    buffers: np.ndarray
    range: float | None
    geographic: bool
    mismatch: float | None = None


def spatial_folds(
    sites: Sites,
    target: Values | None,
    variogram_range: float | None,
    n_splits: int,
    *,
    block_size: float | str = "auto",
    buffer: float | str = "auto",
    kind: str = "blocks",
    seed: int | None = 0,
) -> FoldPlan:
    """Deal the blocks of a map to folds.

    Parameters
    ----------
    sites : Sites
        Where the rows are; at least as many different places as folds.
    target : Values of length n, or None
        Class labels are spread over the folds.
    variogram_range : float or None
        How far values are alike, for what is "auto".
    n_splits : int
        Folds.
    block_size, buffer : float or "auto", default="auto"
        As for :class:`SpatialBlockKFold`.
    kind : {"blocks", "clusters"}, default="blocks"
        As for :class:`SpatialBlockKFold`.
    seed : int or None, default=0
        Moves the grid and shuffles blocks; None does neither.

    Returns
    -------
    FoldPlan

    Raises
    ------
    ParameterError
        If there are fewer blocks than folds, or a fold is left without training rows.
    """
    rng = np.random.default_rng(0 if seed is None else seed)
    shift = (0.0, 0.0) if seed is None else (float(rng.random()), float(rng.random()))
    side = float(block_size) if block_size != "auto" else _side(sites, variogram_range, n_splits, shift)
    block = square_blocks(sites.places, side, shift)
    if kind == "clusters":
        block = clusters(sites, int(block.max()) + 1, seed or 0)
    if block.max() + 1 < n_splits:
        raise ParameterError(
            f"block_size={block_size!r} leaves {block.max() + 1} blocks with points for n_splits={n_splits}; the "
            f"points span about {sites.extent:.3g}. Pass smaller blocks, block_size='auto', or fewer splits."
        )
    codes = None if target is None else target.codes
    contents = contents_of(block[sites.site], codes)
    site_fold = deal(contents, n_splits, None if seed is None else rng)[block]
    fold = site_fold[sites.site]
    wanted = _wanted(buffer, variogram_range, sites)
    training, buffers = training_rows(sites, site_fold, fold, codes, n_splits, wanted, buffer == "auto")
    return FoldPlan(fold, block[sites.site], training, side, wanted, buffers, variogram_range, sites.places.geographic)


def _side(sites: Sites, variogram_range: float | None, n_splits: int, shift: tuple[float, float]) -> float:
    if variogram_range is None:
        return fitting_size(sites, np.inf, BLOCKS_WITHOUT_RANGE * n_splits, n_splits, shift)
    return fitting_size(sites, SIDE_IN_RANGES * variogram_range, BLOCKS_PER_FOLD * n_splits, n_splits, shift)


def _wanted(buffer: float | str, variogram_range: float | None, sites: Sites) -> float:
    if buffer != "auto":
        return float(buffer)
    return 0.0 if variogram_range is None else min(BUFFER_IN_RANGES * variogram_range, sites.extent)
