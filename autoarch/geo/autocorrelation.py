"""Moran's I of what stands at points: whether neighbours are more alike than chance makes them.

For one number per point it is the statistic that everybody knows. For class labels it is the mean of Moran's I of the
0/1 codes of each class, weighted by their variances: the share of neighbours of one's own class, on the same scale.
Both are one formula, Mantel's statistic of the weights and of the products of centred values, so both have exact
moments under permutation.

Imports: matplotlib (inside ``plot``, extra ``plot``), numpy, pandas, scipy, ``places``, ``values``, ``weights``,
``autoarch._checks``, ``autoarch._optional``, ``autoarch.exceptions``.

References
----------
.. [1] P. A. P. Moran, "Notes on continuous stochastic phenomena", Biometrika 37, 17-23, 1950.
.. [2] A. D. Cliff and J. K. Ord, "Spatial Processes: Models and Applications", Pion, 1981.
.. [3] N. Mantel, "The detection of disease clustering and a generalized regression approach", Cancer Research 27,
   209-220, 1967.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from autoarch._checks import check_whole, seed_of
from autoarch._optional import require
from autoarch.exceptions import InputError, ParameterError
from autoarch.geo.places import Places
from autoarch.geo.values import Values, read_values
from autoarch.geo.weights import Weights, band_weights, nearest_weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_POINTS = 200_000  # of more points a sample is read; 100,000 with 20 attributes take about a second
SHOWN_POINTS = 2_000  # kept for the picture
BATCH_CELLS = 4_000_000  # permuted values held at a time


@dataclass(frozen=True, eq=False)
class MoranResult:
    """Moran's I beside what it is where the values stand in any other order.

    Parameters
    ----------
    statistic : float
        Moran's I; above ``expected`` where neighbours are alike. 0 where nothing varies.
    expected, variance : float
        Its mean and variance over all orders of the values.
    z : float
        Standard deviations between ``statistic`` and ``expected``.
    p_value : float
        Two-sided, in [0, 1]: from the normal distribution, or from permutations where these were asked for.
    n : int
        Points used.
    weights : str
        Who are neighbours, in words.
    permutations : int
        Orders that were drawn; 0 if ``p_value`` is analytic.
    shown : ndarray of shape (m, 2)
        Some centred values and the means of their neighbours, for the picture.
    """

    statistic: float
    expected: float
    variance: float
    z: float
    p_value: float
    n: int
    weights: str
    permutations: int = 0
    shown: np.ndarray = field(default_factory=lambda: np.empty((0, 2)), repr=False)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw values against the means of their neighbours; the slope of the line is Moran's I.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        Axes
        """
        require("matplotlib", extra="plot", purpose="Drawing Moran's I")
        from matplotlib.figure import Figure

        if ax is None:
            ax = Figure(figsize=(4.2, 3.6), layout="constrained").add_subplot()
        value, around = self.shown.T
        ax.plot(value, around, "o", ms=3, alpha=0.4, mew=0, color="#1f6f8b")
        ends = np.array([value.min(initial=0.0), value.max(initial=0.0)])
        ax.plot(ends, self.statistic * ends, color="#d1713c")
        ax.axhline(0.0, color="#c9ced3", lw=1, zorder=0)
        ax.axvline(0.0, color="#c9ced3", lw=1, zorder=0)
        title = f"Moran's I {self.statistic:.2f}, p {self.p_value:.2g}"
        ax.set(xlabel="value, less the mean", ylabel="mean of the neighbours", title=title)
        return ax


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
    >>> from autoarch.geo.places import Places
    >>> points = np.random.default_rng(0).uniform(size=(500, 2))
    >>> found = morans_i(Places(points), np.sin(6 * points[:, 0]))
    >>> round(found.statistic, 2), found.p_value < 1e-6
    (0.98, True)
    >>> morans_i(Places(points), np.where(points[:, 1] > 0.5, "north", "south")).statistic > 0.8
    True
    """
    read = read_values(values, len(places), labels=labels)
    rng = np.random.default_rng(seed_of(random_state))
    rows = _some(np.flatnonzero(read.present), rng)
    weights = _weights(places.take(rows), k, distance)
    return _moran(read.matrix[rows], weights, check_whole("permutations", permutations, least=0), rng)


def morans_i_of_columns(
    places: Places,
    table: Any,
    *,
    k: int = 8,
    distance: float | None = None,
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
    permutations : int, default=0
        Orders of the values to draw for each ``p_value``; 0 takes the normal distribution.
    random_state : int, RandomState instance or None, default=None
        Seed of the permutations and of the sample.

    Returns
    -------
    dict
        From names (positions, for an array) to results. Columns with fewer than four values, or with one value
        throughout, are left out.

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
    >>> from autoarch.geo.places import Places
    >>> points = np.random.default_rng(0).uniform(size=(500, 2))
    >>> table = np.column_stack([points.sum(axis=1), np.random.default_rng(1).normal(size=500)])
    >>> [found.p_value < 0.01 for found in morans_i_of_columns(Places(points), table).values()]
    [True, False]
    """
    frame = pd.DataFrame(table)
    rng = np.random.default_rng(seed_of(random_state))
    permutations = check_whole("permutations", permutations, least=0)
    if len(frame) != len(places):
        raise InputError(f"the table has {len(frame)} rows for {len(places)} points; expected one row per point.")
    rows = _some(np.arange(len(places)), rng)
    every = _weights(places.take(rows), k, distance)
    found = {}
    for position, name in enumerate(frame.columns):
        read = _read_column(frame.iloc[rows, position])
        if read is None:
            continue
        there = np.flatnonzero(read.present)
        weights = every if read.present.all() else _weights(places.take(rows[there]), k, distance)
        found[name] = _moran(read.matrix[there], weights, permutations, rng)
    return found


def _read_column(column: pd.Series) -> Values | None:
    """Numbers or labels, if there are enough of them and they differ."""
    if column.notna().sum() < 4 or column.nunique() < 2:
        return None
    if column.dtype.kind in "mM":
        column = column.astype("int64").where(column.notna()).astype(float)
    return read_values(column, len(column), name=f"the column {column.name!r}")


def _some(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if len(rows) < 4:
        raise InputError(f"{len(rows)} points have a value; Moran's I needs at least 4.")
    return rows if len(rows) <= MAX_POINTS else np.sort(rng.choice(rows, MAX_POINTS, replace=False))


def _weights(places: Places, k: int, distance: float | None) -> Weights:
    if distance is None:
        return nearest_weights(places, k)
    if k != 8:
        raise ParameterError(f"k={k} and distance={distance:g} were given; expected one of them. Leave out the other.")
    return band_weights(places, distance)


def _moran(matrix: np.ndarray, weights: Weights, permutations: int, rng: np.random.Generator) -> MoranResult:
    n = len(matrix)
    centred = matrix - matrix.mean(axis=0)
    around = weights.matrix @ centred
    energy = float(np.square(centred).sum())
    if energy <= 1e-24 * max(float(np.square(matrix).sum()), 1e-300):
        return MoranResult(0.0, -1 / (n - 1), 0.0, 0.0, 1.0, n, weights.description)
    s0, s1, s2 = weights.sums
    scale = n / s0 / energy
    statistic = scale * float(np.vdot(centred, around))
    expected = -1.0 / (n - 1)
    variance = max(0.0, scale**2 * _second_moment(centred, s0, s1, s2) - expected**2)
    z = (statistic - expected) / np.sqrt(variance) if variance > 0 else 0.0
    if permutations:
        drawn = scale * _permuted(centred, weights, permutations, rng)
        as_far = np.abs(drawn - expected) >= abs(statistic - expected) - 1e-12
        p_value = (1 + int(as_far.sum())) / (1 + permutations)
    else:
        p_value = float(2 * norm.sf(abs(z)))
    shown = np.column_stack([centred.ravel(), around.ravel()])
    if len(shown) > SHOWN_POINTS:
        shown = shown[rng.choice(len(shown), SHOWN_POINTS, replace=False)]
    return MoranResult(statistic, expected, variance, float(z), p_value, n, weights.description, permutations, shown)


def _second_moment(centred: np.ndarray, s0: float, s1: float, s2: float) -> float:
    """Mean over all orders of the square of sum_ij w_ij <y_i, y_j>, from the pairs that share 2, 1 and 0 points."""
    n = len(centred)
    own = np.square(centred).sum(axis=1)
    fourth = float(np.square(own).sum())
    two = float(np.square(centred.T @ centred).sum()) - fourth  # sums over different points of the products squared,
    one = fourth - two  # of two products with one point in common (each row of products sums to 0),
    none = float(own.sum()) ** 2 - 2 * two - 4 * one  # and with none
    mean_two, mean_one = two / (n * (n - 1)), one / (n * (n - 1) * (n - 2))
    mean_none = none / (n * (n - 1) * (n - 2) * (n - 3))
    return s1 * mean_two + (s2 - 2 * s1) * mean_one + (s0**2 - s2 + s1) * mean_none


def _permuted(centred: np.ndarray, weights: Weights, permutations: int, rng: np.random.Generator) -> np.ndarray:
    n, q = centred.shape
    together = max(1, BATCH_CELLS // (n * q))
    drawn: list[np.ndarray] = []
    for start in range(0, permutations, together):
        orders = [rng.permutation(n) for _ in range(min(together, permutations - start))]
        batch = centred[np.column_stack(orders)].reshape(n, -1)
        products = (batch * (weights.matrix @ batch)).sum(axis=0)
        drawn.append(products.reshape(-1, q).sum(axis=1))
    return np.concatenate(drawn)
