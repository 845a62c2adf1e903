"""Plan the folds of a map: blocks as wide as values are alike, and a strip around each fold that does not train.

A model that is asked for what lies between training rows, and one that is asked for the next valley, deserve different
folds. Nearest-neighbour distance matching [1]_ makes the distances from validation rows to training rows resemble those
from the places of prediction; with k folds [2]_, by the size of the blocks that are held out. Here a strip around them
follows where no block is large enough.

References
----------
.. [1] C. Mila, J. Mateu, E. Pebesma, H. Meyer, "Nearest neighbour distance matching leave-one-out cross-validation for
   map validation", Methods in Ecology and Evolution 13, 1304-1316, 2022.
.. [2] J. Linnenbrink, C. Mila, M. Ludwig, H. Meyer, "kNNDM CV: k-fold nearest-neighbour distance matching
   cross-validation for map accuracy estimation", Geoscientific Model Development 17, 5897-5912, 2024.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import wasserstein_distance

from autoarch._core.quiet import warn_user
from autoarch._data.points import Places
from autoarch.exceptions import ParameterError
from autoarch.geo.blocks import Sites, clusters, contents_of, deal, fitting_size, square_blocks, training_rows
from autoarch.geo.values import Values

BLOCKS_PER_FOLD = 5  # at least, with block_size="auto": fewer make folds that differ in more than chance
SIDE_IN_RANGES = 1.0
BUFFER_IN_RANGES = 1.0
BLOCKS_WITHOUT_RANGE = 10  # per fold, where nothing says how far values are alike
_MOST_HALVINGS = 14  # of a block as wide as the map
_FINER = (2**-0.5, 2**0.5)  # times the best side, tried afterwards
_BUFFERS = (0.1, 0.25, 0.5, 0.75)  # quantiles of the distances at prediction
_MOST_MEASURED = 3_000  # places whose distance is measured
_NO_MATCH = 0.5  # of the mean distance at prediction, by which folds may miss it without a word


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


def matching_folds(
    sites: Sites,
    predict_at: Places,
    folds: Callable[[float, float | None], FoldPlan],
    sides: Iterable[float] | None,
    *,
    strips: bool,
) -> FoldPlan:
    """Choose the blocks, and the strip around them, whose distances resemble those at prediction.

    Parameters
    ----------
    sites : Sites
        Where the training rows are.
    predict_at : Places
        Where predictions are wanted.
    folds : callable
        Lays folds with blocks of a side and a strip of a width; None for no strip, or the one that the user fixed.
    sides : iterable of float or None
        Sides to try; None tries all.
    strips : bool
        Whether a strip is tried.

    Returns
    -------
    FoldPlan
        With ``mismatch``.
    """
    rng = np.random.default_rng(0)
    wanted = _nearest(sites.places, predict_at.take(_some(len(predict_at), rng)))
    rows = _some(len(sites), rng)
    tried: dict[tuple[float, float | None], FoldPlan] = {}

    def attempt(side: float, strip: float | None) -> None:
        if (side, strip) not in tried:
            try:
                plan = folds(side, strip)
            except ParameterError:  # fewer blocks than folds, or no training row left
                return
            tried[side, strip] = replace(plan, mismatch=_mismatch(sites, plan, rows, wanted))

    for side in _halved(sites) if sides is None else sides:
        attempt(side, None)
    if not tried:
        raise ParameterError(
            "No blocks leave rows to train on and rows to validate on in each fold. Pass fewer splits, a smaller "
            "buffer, or block_size='auto'."
        )
    best = min(tried, key=lambda key: tried[key].mismatch or 0.0)
    if sides is None:
        for factor in _FINER:
            attempt(best[0] * factor, None)
        best = min(tried, key=lambda key: tried[key].mismatch or 0.0)
    for strip in np.quantile(wanted, _BUFFERS) if strips else ():
        attempt(best[0], float(strip))
    plan = min(tried.values(), key=lambda plan: plan.mismatch or 0.0)
    _say_if_far(plan, wanted)
    return plan


def _some(n: int, rng: np.random.Generator) -> np.ndarray:
    return np.sort(rng.permutation(n)[:_MOST_MEASURED])


def _halved(sites: Sites) -> list[float]:
    return [sites.extent / 2**step for step in range(1, _MOST_HALVINGS + 1)]


def _nearest(known: Places, asked: Places) -> np.ndarray:
    return known.distance(known.tree().query(asked.space)[0])


def _mismatch(sites: Sites, plan: FoldPlan, some: np.ndarray, wanted: np.ndarray) -> float:
    """Wasserstein distance between the distances of validation rows to training rows and those at prediction."""
    first = np.unique(sites.site, return_index=True)[1]
    fold = plan.fold[first]
    distances, weights = [], []
    for number, training in enumerate(plan.training):
        held = some[fold[some] == number]
        if len(held):
            known = sites.places.take(np.unique(sites.site[training]))
            distances.append(_nearest(known, sites.places.take(held)))
            weights.append(sites.rows[held])
    return float(wasserstein_distance(np.concatenate(distances), wanted, np.concatenate(weights)))


def _say_if_far(plan: FoldPlan, wanted: np.ndarray) -> None:
    if plan.mismatch is None or plan.mismatch <= _NO_MATCH * wanted.mean():
        return
    unit = " km" if plan.geographic else ""
    warn_user(
        f"The places of predict_at lie {wanted.mean():.3g}{unit} from the nearest training row on average, and the "
        f"folds that come nearest to that miss it by {plan.mismatch:.3g}{unit}: scores are those of other distances. "
        "Read them with that in mind, or pass block_size and buffer as numbers."
    )
