"""Which rows may train beside a fold: those that are far enough from all rows that validate."""

from __future__ import annotations

import numpy as np

from autoarch.exceptions import ParameterError
from autoarch.geo.blocks import Sites

MIN_TRAINING = 0.5  # share of the training rows that a buffer may not cut into, where it can be narrower


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
            away = np.zeros(len(sites))
            inside = site_fold == i
            tree = sites.places.take(np.flatnonzero(inside)).tree()
            away[~inside] = sites.places.distance(tree.query(sites.places.space[~inside])[0])
            distance = away[sites.site[others]]
            if shrink:
                buffers[i] = min(wanted, _bearable(distance, None if codes is None else codes[others]))
            others = others[distance >= buffers[i]]
        if not len(others):
            raise ParameterError(
                f"buffer={wanted:.6g} leaves no training rows in fold {i}. Pass a smaller buffer, 'auto', or smaller "
                "blocks."
            )
        training.append(others)
    return tuple(training), buffers


def _bearable(distance: np.ndarray, codes: np.ndarray | None) -> float:
    """The widest buffer that leaves enough training rows, and one of each of their classes."""
    dropped = len(distance) - int(np.ceil(MIN_TRAINING * len(distance)))
    most = float(np.partition(distance, dropped)[dropped])
    if codes is None:
        return most
    known = codes >= 0
    farthest = np.full(int(codes.max(initial=-1)) + 1, -np.inf)
    np.maximum.at(farthest, codes[known], distance[known])
    return min(most, float(farthest[np.isfinite(farthest)].min(initial=np.inf)))
