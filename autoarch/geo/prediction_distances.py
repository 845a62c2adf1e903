"""Fold a map so that validation rows lie as far from training rows as the places that will be predicted do.

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
from dataclasses import replace

import numpy as np
from scipy.stats import wasserstein_distance

from autoarch._core.quiet import warn_user
from autoarch._data.points import Places
from autoarch.exceptions import ParameterError
from autoarch.geo.blocks import Sites
from autoarch.geo.fold_plan import FoldPlan

_MOST_HALVINGS = 14  # of a block as wide as the map
_FINER = (2**-0.5, 2**0.5)  # times the best side, tried afterwards
_BUFFERS = (0.1, 0.25, 0.5, 0.75)  # quantiles of the distances at prediction
_MOST_MEASURED = 3_000  # places whose distance is measured
_NO_MATCH = 0.5  # of the mean distance at prediction, by which folds may miss it without a word


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
