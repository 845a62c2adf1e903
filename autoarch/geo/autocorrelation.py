"""Spatial autocorrelation of attributes at points: Moran's I, its p-value, and the range of the label's variogram."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
import pandas as pd

from autoarch._core.checks import check_positive, check_sequence, check_whole, own_errors, seed_of
from autoarch._data.containers import to_dense, to_plain
from autoarch._data.points import Places, check_places
from autoarch.exceptions import InputError, ParameterError
from autoarch.geo.blocks import Sites
from autoarch.geo.moran import MAX_NEIGHBOURS, MoranResult, Weights, band_weights, moran_of_matrix, nearest_weights
from autoarch.geo.values import read_values
from autoarch.geo.variogram import fit_variogram

ALPHA = 0.01  # level of the test for autocorrelation
MAX_POINTS = 200_000  # of more points a sample is read; 100,000 with 20 attributes take two seconds
LEAST_PLACES = 20  # with fewer, nothing is tested
_MOST_ROWS = 5_000  # tested; more only make a clear case clearer
_MOST_PERMUTATIONS = 1_000_000
MOST_COLUMNS = 100  # of 5,000 rows: a second where each has gaps of its own, a tenth of it where none has


@dataclass(frozen=True)
class SpatialEvidence:
    """Spatial autocorrelation of one attribute, or of the label.

    Parameters
    ----------
    name : str
        Of the column; ``"y"`` is the label.
    morans_i, expected : float
        Moran's I with the eight nearest neighbours, and what it is where places do not matter.
    p_value : float
        Probability of so large a Moran's I where places do not matter.
    range : float or None
        Range of the variogram: the distance beyond which values are not autocorrelated. Infinite where it is longer
        than half of the map, None where it was not measured or there is no autocorrelation.
    unit : str
        Of distances: ``"km"`` on the globe, else nothing.
    """

    name: str
    morans_i: float
    expected: float
    p_value: float
    range: float | None = None
    unit: str = ""

    @property
    def autocorrelated(self) -> bool:
        """True where neighbours are autocorrelated beyond chance."""
        return self.p_value <= ALPHA and self.morans_i > self.expected

    @property
    def distance(self) -> str:
        """Range of the autocorrelation in words; empty where it was not measured."""
        if self.range is None:
            return ""
        if self.range == inf:
            return "over more than half of the map"
        return f"up to a distance of {self.range:.3g}{' ' if self.unit else ''}{self.unit}"


def morans_i(
    places: Places,
    values: Any,
    *,
    k: int = 8,
    distance: float | None = None,
    labels: bool | str = "auto",
    permutations: int = 0,
    random_state: Any = None,
) -> MoranResult:
    """Moran's I of one attribute.

    Parameters
    ----------
    places : Places of length n
        Where the values stand.
    values : array-like of shape (n,) or (n, q)
        Numbers or class labels; of several columns the mean of their statistics. Points without a value are left out.
    k : int, default=8
        Nearest neighbours of each point.
    distance : float or None, default=None
        Take all points within this distance (kilometres on the globe) as neighbours instead.
    labels : bool or "auto", default="auto"
        Whether ``values`` are classes; "auto" says so of words, and of whole numbers of few values.
    permutations : int, default=0
        Orders of the values to draw for ``p_value``; 0 takes the normal distribution.
    random_state : int, RandomState instance or None, default=None
        Seed of the permutations, and of the sample that is read of more than 200,000 points.

    Returns
    -------
    MoranResult

    Raises
    ------
    ParameterError
        If ``k``, ``distance`` or ``permutations`` makes no sense.
    InputError
        If there are fewer than four points with a value.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch.geo.autocorrelation import morans_i
    >>> from autoarch._data.points import Places
    >>> points = np.random.default_rng(0).uniform(size=(500, 2))
    >>> found = morans_i(Places(points), np.sin(6 * points[:, 0]))
    >>> round(found.statistic, 2), found.p_value < 1e-6
    (0.98, True)
    >>> morans_i(Places(points), np.where(points[:, 1] > 0.5, "north", "south")).statistic > 0.8
    True
    """
    _check_neighbours(check_places(places), k, distance, permutations)
    rng = np.random.default_rng(seed_of(random_state))
    read = read_values(values, len(places), labels=labels)
    rows = _sample(np.flatnonzero(read.present), rng)
    weights = _weights(places.take(rows), k, distance)
    return moran_of_matrix(read.matrix[rows], weights, permutations, rng)


@own_errors(reading="the table")
def morans_i_of_columns(
    places: Places,
    table: Any,
    *,
    k: int = 8,
    distance: float | None = None,
    labels: Collection[int] | str = "auto",
    permutations: int = 0,
    random_state: Any = None,
) -> dict[Any, MoranResult]:
    """Moran's I of every column of a table that varies, with one search for neighbours.

    Parameters
    ----------
    places : Places of length n
        Where the rows are.
    table : DataFrame or array of shape (n, p)
        Numbers and labels.
    k : int, default=8
        Nearest neighbours of each point.
    distance : float or None, default=None
        Take all points within this distance (kilometres on the globe) as neighbours instead.
    labels : collection of int or "auto", default="auto"
        Positions of the columns that hold classes; "auto" goes by their values, as ``morans_i``.
    permutations : int, default=0
        Orders of the values to draw for each ``p_value``; 0 takes the normal distribution.
    random_state : int, RandomState instance or None, default=None
        Seed of the permutations and of the sample.

    Returns
    -------
    dict
        From names (positions, for an array, or where a name occurs twice) to results. Columns with fewer than four
        values, or with one value throughout, are left out.

    Raises
    ------
    ParameterError
        If ``k``, ``distance`` or ``permutations`` makes no sense.
    InputError
        If the table has another number of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch.geo.autocorrelation import morans_i_of_columns
    >>> from autoarch._data.points import Places
    >>> points = np.random.default_rng(0).uniform(size=(500, 2))
    >>> table = np.column_stack([points.sum(axis=1), np.random.default_rng(1).normal(size=500)])
    >>> [found.p_value < 0.01 for found in morans_i_of_columns(Places(points), table).values()]
    [True, False]
    """
    _check_neighbours(check_places(places), k, distance, permutations)
    if not (isinstance(labels, str) and labels == "auto"):
        positions = list(labels) if isinstance(labels, (set, frozenset)) else labels
        positions = check_sequence("labels", positions, "positions of columns, or 'auto'")
        labels = [check_whole("labels", position, least=0) for position in positions]
    rng = np.random.default_rng(seed_of(random_state))
    table = to_plain(table)
    frame = pd.DataFrame(to_dense(table) if hasattr(table, "tocsr") else table)
    if len(frame) != len(places):
        raise InputError(f"the table has {len(frame)} rows for {len(places)} points; expected one row per point.")
    rows = _sample(np.arange(len(places)), rng)
    of_all = _weights(places.take(rows), k, distance)
    found: dict[Any, MoranResult] = {}
    names = frame.columns if frame.columns.is_unique else range(frame.shape[1])
    for position, name in enumerate(names):
        column = frame.iloc[rows, position]
        if column.notna().sum() < 4 or column.nunique() < 2:
            continue
        if column.dtype.kind in "mM":
            column = column.astype("int64").where(column.notna()).astype(float)
        are_labels = labels if isinstance(labels, str) else position in labels
        read = read_values(column, len(column), labels=are_labels, name=f"the column {column.name!r}")
        there = np.flatnonzero(read.present)
        weights = of_all if read.present.all() else _weights(places.take(rows[there]), k, distance)
        found[name] = moran_of_matrix(read.matrix[there], weights, permutations, rng)
    return found


def spatial_evidence(
    places: Places,
    columns: np.ndarray,
    names: Sequence[str],
    y: np.ndarray,
    *,
    labels: bool,
    categorical: Collection[int] = (),
    seed: int,
) -> tuple[SpatialEvidence, ...]:
    """Measure the spatial autocorrelation of the label, its range, and the autocorrelation of each attribute.

    Of rows at one place a single one is read: that they are alike says nothing about places close to each other.

    Parameters
    ----------
    places : Places of length n
        Where the rows are.
    columns : ndarray of shape (n, p)
        Attributes; NaN where missing. The first 100 are tested.
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
    order = np.random.default_rng(seed).permutation(len(places))
    _, first = np.unique(Sites.of(places).site[order], return_index=True)
    rows = np.sort(order[np.sort(first)[:_MOST_ROWS]])  # one of each place: a row is no neighbour of itself
    here, target = places.take(rows), y[rows]
    try:
        of_y = morans_i(here, target, labels=labels)
        variogram_range = fit_variogram(here, target, labels=labels, random_state=seed).range
    except InputError:  # a label that hardly varies
        return ()
    of_columns = morans_i_of_columns(here, columns[rows, :MOST_COLUMNS], labels=categorical)
    measured = [("y", of_y, variogram_range), *((str(names[i]), found, None) for i, found in of_columns.items())]
    unit = "km" if places.geographic else ""
    return tuple(
        SpatialEvidence(name, float(moran.statistic), moran.expected, moran.p_value, distance, unit)
        for name, moran, distance in measured
    )


def _sample(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if len(rows) < 4:
        raise InputError(f"{len(rows)} points have a value; Moran's I needs at least 4.")
    return rows if len(rows) <= MAX_POINTS else np.sort(rng.choice(rows, MAX_POINTS, replace=False))


def _check_neighbours(places: Places, k: int, distance: float | None, permutations: int) -> None:
    """Raise where what does not depend on the values makes no sense."""
    check_whole("permutations", permutations, least=0, most=_MOST_PERMUTATIONS)
    check_whole("k", k, least=1)
    if distance is not None and check_positive("distance", distance, absent="None to take the k nearest") and k != 8:
        raise ParameterError(f"k={k} and distance={distance:g} were given; expected one of them. Leave out the other.")
    if distance is None and min(k, len(places)) * min(len(places), MAX_POINTS) > MAX_NEIGHBOURS:
        raise ParameterError(f"k={k} gives more than {MAX_NEIGHBOURS:.2g} neighbours in all. Pass a smaller k.")


def _weights(places: Places, k: int, distance: float | None) -> Weights:
    if distance is None:
        return nearest_weights(places, k)
    return band_weights(places, distance)
