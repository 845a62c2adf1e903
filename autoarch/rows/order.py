"""Does it matter when a row was measured: by a date, by a column that the user names, or by the order of the rows?

Time is cut into blocks. Does the label of the nearest row of the same block agree better than that of the nearest row
of another block, among as many? It does where the label or its relation to the features drifts, and where neighbours
in time are alike in both; fine blocks see what comes and goes, such as seasons. Numbers are times where they are
called so and come in the order of the rows, or fill their range evenly. Null: times permuted over the rows; for the
order of the rows within rows of one class (or of neighbouring labels), because files are sorted by their label. A
file that is sorted by a feature is not asked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, rankdata

from autoarch._data.points import Places
from autoarch.rows.neighbours import N_PERMUTATIONS, Neighbours, over_null
from autoarch.rows.table import Column, RowTable

ALPHA, LEAST_EFFECT = 0.001, 0.05
_LEAST_OF_ROWS = 0.15  # where nothing but the order of the rows says that they have a time
OWN_ORDER = "the order of the rows"
FEWEST_ROWS = 60
_BLOCKS = 5
_FINE_BLOCKS, _FINE_STEP, _LEAST_IN_FINE = 20, 3, 20
_TIMES = ("time", "t", "timestamp", "date", "datetime", "day", "week", "epoch", "step", "seconds", "unixtime")
_YEARS, _FIRST_YEAR, _LAST_YEAR = ("year", "yr"), 1700, 2200
_LEAST_TIMES = 20  # values
_IN_ORDER, _EVEN = 0.99, 0.1  # share of the rows; distance from a uniform distribution
_SORTED = 0.8  # rank correlation of a feature with the order of the rows
_STEPS, _ONE_WAY = 50, 0.75  # from one end to the other, and the share of them that go one way where a file is sorted
_CLOSE, _LOOKED_AT = 0.5, 10_000  # times the distance of any two rows; rows
_DRIFT_Z = 3.0
_MOST_DATES = 3


@dataclass(frozen=True, eq=False)
class Order:
    """A column that orders the rows in time, or their own order.

    Parameters
    ----------
    name : str
        What orders the rows.
    position : ndarray of shape (n,)
        Ranks in time, from 0 to 1.
    effect : float
        By how much labels agree better with the nearest row of the same time than with that of another time.
    p_value : float
        Of times that do not matter.
    drifts : bool
        Whether rows that are further apart in time agree less: then what comes later is another question than what lies
        in between.
    """

    name: str
    position: np.ndarray
    effect: float
    p_value: float
    drifts: bool

    @property
    def certain(self) -> bool:
        """Return whether time matters."""
        least = _LEAST_OF_ROWS if self.name == OWN_ORDER else LEAST_EFFECT
        return self.p_value <= ALPHA and self.effect > least


def find_order(
    table: RowTable,
    rng: np.random.Generator,
    declared: tuple[str, np.ndarray] | None,
    apart: np.ndarray | None,
    places: Places | None = None,
) -> Order | None:
    """Test the column that the user names, else every date, else the order of the rows; return the strongest.

    Parameters
    ----------
    table : RowTable
        The rows.
    rng : Generator
        Of the rows that are looked at, and of permutations.
    declared : tuple of str and ndarray, or None
        Name and values of the column that orders the rows.
    apart : ndarray of shape (n,) or None
        Codes of copies and groups, of which no two rows are compared.
    places : Places of length n, or None
        Where the rows are: a file that goes through the map from one end to the other is not asked.

    Returns
    -------
    Order or None
        None where nothing can be asked.
    """
    if table.y is None or len(table) < FEWEST_ROWS or not table.features.shape[1]:
        return None
    dates = [column for column in table.columns if column.kind == "date" or _is_time(column, table)][:_MOST_DATES]
    asked = [declared] if declared is not None else [(column.name, column.codes) for column in dates]
    own_order = not asked
    if own_order:
        if _sorted_by_feature(table) or (places is not None and _follows_places(places)):
            return None
        asked = [(OWN_ORDER, np.arange(len(table)))]
    left_out = np.concatenate([np.zeros(0, dtype=int), *(column.outputs for column in dates)])
    features = table.without(left_out)
    if not features.shape[1]:
        return None
    neighbours = Neighbours(features, rng, apart)
    strata = table.fine_strata if own_order else np.zeros(len(table), dtype=int)
    found = [_tested(name, values, table, neighbours, strata, rng, len(asked)) for name, values in asked]
    return max(found, key=lambda order: order.effect)


def _tested(
    name: str,
    values: np.ndarray,
    table: RowTable,
    neighbours: Neighbours,
    strata: np.ndarray,
    rng: np.random.Generator,
    n_asked: int,
) -> Order:
    position = (rankdata(values, method="average") - 1) / max(1, len(values) - 1)
    fine = (_FINE_BLOCKS, _FINE_STEP) if len(table) >= _FINE_BLOCKS * _LEAST_IN_FINE else (_BLOCKS, 1)
    ways = dict.fromkeys([(_BLOCKS, 1), (_BLOCKS, 2), fine])
    blocks = {n: np.minimum((position * n).astype(int), n - 1) for n, _ in ways}
    observed = [_lead(table, neighbours, blocks[n], step, rng) for n, step in ways]
    null = []
    for _ in range(N_PERMUTATIONS):
        order = _permuted_within(strata, rng)
        null.append([_lead(table, neighbours, blocks[n][order], step, rng) for n, step in ways])
    found = [over_null(value, [each[place] for each in null]) for place, value in enumerate(observed)]
    growth = over_null(observed[1] - observed[0], [each[1] - each[0] for each in null])
    effect, z = max(found, key=lambda each: each[1])
    p_value = min(1.0, len(ways) * n_asked * float(norm.sf(z)))
    return Order(name, position, effect, p_value, bool(growth[1] > _DRIFT_Z))


def _is_time(column: Column, table: RowTable) -> bool:
    """Return whether a column of numbers is called a time, and looks like one."""
    if column.kind not in ("whole", "number") or column.n_levels < _LEAST_TIMES or len(column.outputs) != 1:
        return False
    word = "".join(c for c in column.name.lower() if c.isalpha())
    values = table.values[:, int(column.outputs[0])]
    if np.isnan(values).any():
        return False
    in_order = bool(np.mean(np.diff(values) >= 0) > _IN_ORDER)
    if word in _YEARS:  # a car has one, too
        return in_order and column.kind == "whole" and bool(values.min() >= _FIRST_YEAR and values.max() <= _LAST_YEAR)
    if word not in _TIMES:
        return False
    even = (np.sort(values) - values.min()) / max(float(np.ptp(values)), 1e-300)
    return in_order or float(np.abs(even - np.linspace(0, 1, len(even))).max()) < _EVEN


def _lead(table: RowTable, neighbours: Neighbours, block: np.ndarray, step: int, rng: np.random.Generator) -> float:
    """Lead of the nearest row of the same block over the nearest row ``step`` blocks away."""
    away = np.where(block + step <= block.max(), block + step, block - step)
    return neighbours.lead(table, neighbours.of_code(block, block, rng), neighbours.of_code(block, away, rng))


def _permuted_within(strata: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Row numbers, permuted among rows of one stratum."""
    order = np.lexsort((rng.random(len(strata)), strata))
    rows = np.argsort(strata, kind="stable")
    permuted = np.empty(len(strata), dtype=int)
    permuted[rows] = order
    return permuted


def _follows_places(places: Places) -> bool:
    """Return whether rows that follow each other are places close to each other."""
    space = places.space[: 2 * _LOOKED_AT]
    steps = np.linalg.norm(np.diff(space, axis=0), axis=1)
    any_two = np.linalg.norm(space - np.roll(space, len(space) // 2 + 1, axis=0), axis=1)
    return bool(np.median(steps) < _CLOSE * np.median(any_two))


def _sorted_by_feature(table: RowTable) -> bool:
    """Return whether the rows are in the order of a feature, within rows of one label or at all."""
    order = np.arange(len(table)) / len(table)
    for strata in (np.zeros(len(table), dtype=int), table.strata):
        n = np.maximum(np.bincount(strata), 1)
        rest = order - (np.bincount(strata, weights=order) / n)[strata]
        spread = float(np.sqrt(np.square(rest).sum()))
        for feature in table.features.T:
            own = feature - (np.bincount(strata, weights=feature) / n)[strata]
            size = float(np.sqrt(np.square(own).sum()))
            if size > 1e-9 and abs(float(own @ rest)) > _SORTED * size * spread and _in_steps(feature, strata):
                return True
    return False


def _in_steps(feature: np.ndarray, strata: np.ndarray) -> bool:
    """Return whether a feature goes one way, in steps within a stratum; one that wanders goes up and down."""
    rows = np.argsort(strata, kind="stable")
    step = max(1, len(rows) // (_STEPS * (int(strata.max()) + 1)))
    inside = strata[rows[step:]] == strata[rows[:-step]]
    rise = (feature[rows[step:]] - feature[rows[:-step]])[inside]
    up, down = int((rise > 0).sum()), int((rise < 0).sum())
    return max(up, down) > _ONE_WAY * (up + down)
