"""Look over the map: Moran's I of the label and of every attribute, and how far the label is alike."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from autoarch._data.points import Places
from autoarch.exceptions import InputError
from autoarch.geo.autocorrelation import SpatialEvidence, morans_i, morans_i_of_columns
from autoarch.geo.moran import MoranResult
from autoarch.geo.variogram import fit_variogram

LEAST_PLACES = 20  # with fewer rows than this nothing can be said
_MOST_ROWS = 5_000  # looked at; more only make a clear case clearer
MOST_COLUMNS = 100  # of 5,000 rows: a second where each has gaps of its own, a tenth of it where none has


def survey(
    places: Places,
    columns: np.ndarray,
    names: Sequence[str],
    y: np.ndarray,
    *,
    labels: bool,
    categorical: Collection[int] = (),
    seed: int,
) -> tuple[SpatialEvidence, ...]:
    """Measure how far the label and each attribute resemble their neighbours.

    Parameters
    ----------
    places : Places of length n
        Where the rows are.
    columns : ndarray of shape (n, p)
        Attributes; NaN where missing. The first 100 are looked at.
    names : sequence of str
        Theirs.
    y : ndarray of shape (n,)
        Codes of classes, or numbers.
    labels : bool
        Whether they are codes.
    categorical : collection of int, default=()
        Positions of the attributes that are codes.
    seed : int
        Of the sample of rows.

    Returns
    -------
    tuple of SpatialEvidence
        The label, named ``"y"``, first; empty where there are too few rows or places.
    """
    if len(np.unique(places.points, axis=0)) < LEAST_PLACES:
        return ()
    rows = np.sort(np.random.default_rng(seed).permutation(len(places))[:_MOST_ROWS])
    here, target = places.take(rows), y[rows]
    unit = "km" if places.geographic else ""
    try:
        about_y = morans_i(here, target, labels=labels)
        reach = fit_variogram(here, target, labels=labels, random_state=seed).range
    except InputError:  # a label that hardly varies
        return ()
    found = morans_i_of_columns(here, columns[rows, :MOST_COLUMNS], labels=categorical)
    return (
        _evidence("y", about_y, reach, unit),
        *(_evidence(str(names[position]), result, None, unit) for position, result in found.items()),
    )


def _evidence(name: str, moran: MoranResult, reach: float | None, unit: str) -> SpatialEvidence:
    return SpatialEvidence(name, float(moran.statistic), float(moran.expected), float(moran.p_value), reach, unit)
