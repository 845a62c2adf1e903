"""Splits of a search over places: blocks of the map, and random rows beside them.

A model may be asked for what stands between training rows or for places far from all of them, and one that is best at
the first may fail at the second. So candidates are judged at both, on random rows first.
"""

from __future__ import annotations

import numpy as np

from autoarch._data.points import Places
from autoarch._data.row_splits import SplitPlan, plan_splits
from autoarch.exceptions import ParameterError
from autoarch.geo.blocks import Sites
from autoarch.geo.lay import lay_folds
from autoarch.geo.values import read_values

FOLDS = 4  # into which rows and blocks are dealt
_ALL_FOLDS_UP_TO = 2_000  # rows; with more, half of the folds are judged


def spatial_plan(
    places: Places, y: np.ndarray, reach: float | None, *, task: str, seed: int, hurried: bool = False
) -> SplitPlan | None:
    """Lay random folds, and folds of blocks with a strip around them that does not train.

    Parameters
    ----------
    places : Places of length n
        Where the rows are.
    y : ndarray of shape (n,)
        Codes of classes, or numbers.
    reach : float or None
        How far they are alike.
    task : {"classification", "regression"}
        Which of these.
    seed : int
        Of the grid, of the deal and of the random folds.
    hurried : bool, default=False
        Whether one fold of each kind must do.

    Returns
    -------
    SplitPlan or None
        None where there are too few places for folds.
    """
    sites = Sites.of(places)
    if len(sites) < FOLDS:
        return None
    try:
        plan = lay_folds(sites, read_values(y, len(y), labels=task == "classification"), reach, FOLDS, seed=seed)
    except ParameterError:
        return None
    random = plan_splits(y, cv=FOLDS, task=task, random_state=seed).splits
    n_each = min(1 if hurried else FOLDS if len(places) <= _ALL_FOLDS_UP_TO else FOLDS // 2, len(random))
    blocks = [(train, np.flatnonzero(plan.fold == fold)) for fold, train in enumerate(plan.training)]
    splits = (*random[:n_each], *blocks[:n_each])
    unit = " km" if places.geographic else ""
    wide, away = (f"{length:.3g}{unit}" for length in (plan.block_size, np.median(plan.buffers)))
    words = (
        f"{n_each} folds of random rows, and {n_each} of blocks of the map {wide} wide, {away} away from training rows"
    )
    return SplitPlan(splits, words, "blocks", ("random",) * n_each + ("blocks",) * n_each)
