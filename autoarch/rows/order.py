"""Does it matter when a row was measured: by a date, by a column that the user names, or by the order of the rows?

Time is cut into blocks. Does the label of the nearest row of the same block agree better than that of the nearest row
of another block, among as many? It does where the label or its relation to the features drifts, and where neighbours in
time are alike in both. Null: times permuted over the rows; for the order of the rows within rows of one class (or of
neighbouring labels), because files are sorted by their label. A file that is sorted by a feature is not asked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, rankdata

from autoarch.rows.neighbours import N_PERMUTATIONS, Neighbours, over_null
from autoarch.rows.table import RowTable

ALPHA, LEAST_EFFECT = 0.001, 0.05
_LEAST_OF_ROWS = 0.15  # where nothing but the order of the rows says that they have a time
OWN_ORDER = "the order of the rows"
FEWEST_ROWS = 60
_BLOCKS = 5
_SORTED = 0.8  # rank correlation of a feature with the order of the rows
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
    table: RowTable, rng: np.random.Generator, declared: tuple[str, np.ndarray] | None, apart: np.ndarray | None
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

    Returns
    -------
    Order or None
        None where nothing can be asked.
    """
    if table.y is None or len(table) < FEWEST_ROWS or not table.features.shape[1]:
        return None
    dates = [(column.name, column.codes) for column in table.columns if column.kind == "date"][:_MOST_DATES]
    asked = [declared] if declared is not None else dates
    own_order = not asked
    if own_order:
        if _sorted_by_feature(table):
            return None
        asked = [(OWN_ORDER, np.arange(len(table)))]
    neighbours = Neighbours(table.features, rng, apart)
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
    block = np.minimum((position * _BLOCKS).astype(int), _BLOCKS - 1)
    steps = (1, 2)
    observed = [_lead(table, neighbours, block, step, rng) for step in steps]
    null = []
    for _ in range(N_PERMUTATIONS):
        drawn = block[_permuted_within(strata, rng)]
        null.append([_lead(table, neighbours, drawn, step, rng) for step in steps])
    near, far = (over_null(observed[place], [each[place] for each in null]) for place in (0, 1))
    growth = over_null(observed[1] - observed[0], [each[1] - each[0] for each in null])
    effect, z = max(near, far)
    p_value = min(1.0, 2 * n_asked * float(norm.sf(z)))
    return Order(name, position, effect, p_value, bool(growth[1] > _DRIFT_Z))


def _lead(table: RowTable, neighbours: Neighbours, block: np.ndarray, step: int, rng: np.random.Generator) -> float:
    """Lead of the nearest row of the same block over the nearest row ``step`` blocks away."""
    away = np.where(block + step < _BLOCKS, block + step, block - step)
    return neighbours.lead(table, neighbours.of_code(block, block, rng), neighbours.of_code(block, away, rng))


def _permuted_within(strata: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Row numbers, permuted among rows of one stratum."""
    order = np.lexsort((rng.random(len(strata)), strata))
    rows = np.argsort(strata, kind="stable")
    permuted = np.empty(len(strata), dtype=int)
    permuted[rows] = order
    return permuted


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
            if size > 1e-9 and abs(float(own @ rest)) > _SORTED * size * spread:
                return True
    return False
