"""Find near rows, and compare how far labels agree: of the nearest row at all, and of the nearest of another kind.

The null costs next to nothing: the neighbours stay where they are while codes are permuted over the rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from autoarch.rows.table import RowTable

N_NEIGHBOURS = 64
MOST_ROWS = 10_000  # among which neighbours are looked for
_MOST_QUERIES = 800
_MOST_STEPS = 6  # away from where neighbours of a code end and others begin
N_PERMUTATIONS = 40
_CHUNK = 4_000_000  # distances at a time


class Neighbours:
    """The nearest rows of some rows.

    Parameters
    ----------
    features : ndarray of shape (n, q)
        Coordinates.
    rng : Generator
        Of the rows that are looked at where there are many.
    apart : ndarray of shape (n,) or None
        Codes; rows of one code are never neighbours, copies for example.
    among : ndarray of int or None
        Rows that are looked at; None draws them.

    Attributes
    ----------
    rows : ndarray of shape (m,)
        Rows whose neighbours are known.
    nearest : ndarray of shape (m, k)
        Their neighbours, the nearest one first.
    """

    def __init__(
        self,
        features: np.ndarray,
        rng: np.random.Generator,
        apart: np.ndarray | None = None,
        among: np.ndarray | None = None,
    ):
        self.features, self.apart = features, apart
        self.among = np.sort(rng.permutation(len(features))[:MOST_ROWS]) if among is None else among
        self.rows = np.sort(rng.permutation(self.among)[:_MOST_QUERIES])
        k = min(N_NEIGHBOURS, len(self.among) - 1)
        found = []
        for _, distances in self._distances(self.rows):
            near = np.argpartition(distances, k - 1, axis=1)[:, :k]
            order = np.argsort(np.take_along_axis(distances, near, axis=1), axis=1, kind="stable")
            found.append(self.among[np.take_along_axis(near, order, axis=1)])
        self.nearest = np.concatenate(found)

    def _distances(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Squared distances of some rows to all that may be neighbours, infinite to themselves, chunk by chunk."""
        others = self.features[self.among]
        sizes = np.square(others).sum(axis=1)
        step = max(1, _CHUNK // len(others))
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            distances = sizes - 2 * (self.features[part] @ others.T)
            forbidden = part[:, None] == self.among
            if self.apart is not None:
                forbidden |= self.apart[part][:, None] == self.apart[self.among]
            distances[forbidden] = np.inf
            yield part, distances

    def other(self, codes: np.ndarray) -> np.ndarray:
        """Nearest row of another code, of each row; -1 where there is none."""
        found = self.other_nearby(codes)
        missing = np.flatnonzero(found < 0)
        if not len(missing):
            return found
        exact = []
        for part, distances in self._distances(self.rows[missing]):
            distances[codes[part][:, None] == codes[self.among]] = np.inf
            best = distances.argmin(axis=1)
            exact.append(np.where(np.isfinite(distances[np.arange(len(part)), best]), self.among[best], -1))
        found[missing] = np.concatenate(exact)
        return found

    def other_nearby(self, codes: np.ndarray) -> np.ndarray:
        """Nearest row of another code, of each row; -1 where there is none among the neighbours."""
        return self._first(codes[self.nearest] != codes[self.rows][:, None])

    def of_code(self, codes: np.ndarray, wanted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Nearest row of the code that each row of the table wants; where none is among the neighbours, a random one.

        -1 where no row has that code.
        """
        found = self._first(codes[self.nearest] == wanted[self.rows][:, None])
        missing = np.flatnonzero(found < 0)
        sought = wanted[self.rows[missing]]
        for code in np.unique(sought):
            rows = np.flatnonzero(codes == code)
            if len(rows):
                found[missing[sought == code]] = rng.choice(rows, int((sought == code).sum()))
        return found

    def _first(self, suits: np.ndarray) -> np.ndarray:
        found = self.nearest[np.arange(len(self.rows)), suits.argmax(axis=1)]
        return np.where(suits.any(axis=1), found, -1)

    def gap(self, table: RowTable, codes: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
        """Agreement of labels with the nearest row at all less that with the nearest of another code, and its z.

        Both are over what codes give that are permuted over the rows.
        """
        nearest = self.nearest[:, 0]
        observed = self.lead(table, nearest, self.other(codes))
        null, drawn = [], codes.copy()
        for _ in range(N_PERMUTATIONS):
            drawn[self.among] = rng.permutation(codes[self.among])
            null.append(self.lead(table, nearest, self.other_nearby(drawn)))
        return over_null(observed, null)

    def level_effect(self, table: RowTable, codes: np.ndarray) -> tuple[float, float]:
        """Agreement of labels with a row of the same code less that with one of another, as near as it is; and its z.

        What follows from the features alone is the same for both. Codes are what is independent of each other.
        """
        same = codes[self.nearest] == codes[self.rows][:, None]
        row, place = np.nonzero(same[:, :-1] != same[:, 1:])  # one of two neighbours in a row is of the code
        pairs: list[tuple[np.ndarray, ...]] = []
        kept = np.ones(len(row), dtype=bool)
        for step in range(_MOST_STEPS):  # and those before and after them, as long as they are of one kind
            before, after = place - step, place + 1 + step
            kept &= (before >= 0) & (after < same.shape[1])
            before, after = np.maximum(before, 0), np.minimum(after, same.shape[1] - 1)
            kept &= (same[row, before] == same[row, place]) & (same[row, after] != same[row, place])
            ends = self.nearest[row[kept], before[kept]], self.nearest[row[kept], after[kept]]
            pairs.append((row[kept], *ends, same[row, place][kept]))
        row, one, two, first = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
        only = np.flatnonzero(same.all(axis=1))
        if len(only):
            away = self.other(codes)
            only = only[away[only] >= 0]
            row, first = np.r_[row, only], np.r_[first, np.ones(len(only), dtype=bool)]
            one, two = np.r_[one, self.nearest[only, -1]], np.r_[two, away[only]]
        if not len(row):
            return 0.0, 0.0
        agreement = table.agreement(self.rows[row], one) - table.agreement(self.rows[row], two)
        n_pairs = np.bincount(row, minlength=len(self.rows))
        sums = np.bincount(row, weights=np.where(first, agreement, -agreement), minlength=len(self.rows))
        there = np.flatnonzero(n_pairs)
        lead = sums[there] / n_pairs[there]
        of_code = np.bincount(codes[self.rows[there]], weights=lead - lead.mean())
        return float(lead.mean()), float(lead.sum() / max(np.sqrt(np.square(of_code).sum()), 1e-12))

    def lead(self, table: RowTable, near: np.ndarray, other: np.ndarray) -> float:
        """Mean agreement of labels with some neighbours less that with others, where there are both."""
        there = (near >= 0) & (other >= 0)
        if not there.any():
            return 0.0
        rows = self.rows[there]
        return float((table.agreement(rows, near[there]) - table.agreement(rows, other[there])).mean())


def over_null(observed: float, null: list[float]) -> tuple[float, float]:
    """Return how far a statistic lies above its null, as it is and in standard deviations."""
    excess = observed - float(np.mean(null))
    return excess, excess / max(float(np.std(null, ddof=1)), 1e-4)
