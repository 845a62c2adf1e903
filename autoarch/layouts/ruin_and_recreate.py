"""Best layout of a box or of a line: repeated growth, then ruin and recreate; a line is seriated by spectra as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh
from scipy.ndimage import label

from autoarch.layouts.local_search import KING, Offsets, pseudo_likelihood, reassign, swap_nearby
from autoarch.layouts.partial_correlation import Affinity, candidate_affinities
from autoarch.layouts.region_growing import fill, grow, seeds

N_SEEDS = 3  # squares to grow from, per affinity
MOST_IMPROVED = 2  # shapes; the best one begins best or second best
N_ROUNDS = 150  # times that a part is ruined and rebuilt, at most
PATIENCE = 35  # such times in a row without success after which the search gives up
CORNER_WEIGHTS = (0.25, 0.5, 1.0)  # the last one helps to rebuild, hardly ever to begin
LEAST_GAIN = 1e-7  # nats per item; less is rounding
STRENGTHS = (0.1, 0.25, 0.4, 0.6)  # of the median link: weaker squares are ruined
LINE = tuple((0, step) for step in (1, -1, 2, -2, 3, -3, 4, -4))  # as many neighbours as in a grid, to compare both
MOST_SPECTRAL = 1_000  # columns; eigenvectors cost the cube
MOST_REVERSALS = 100
LEAST_LINK_GAIN = 1e-4  # of summed affinity; less is rounding


class Arrangement(NamedTuple):
    """A layout of a box.

    Parameters
    ----------
    cells : ndarray of int, shape (H, W)
        Item of each cell, -1 for none.
    likelihood : float
        Mean information that the neighbours of an item have about it, in nats.
    """

    cells: np.ndarray
    likelihood: float


class Arranger:
    """Search for the layout that explains columns with given correlations best.

    Parameters
    ----------
    C : ndarray of shape (p, p)
        Correlations.
    n_rows : int
        Rows behind them.
    rng : Generator
        Source of all that is random.
    effort : float
        Share of the usual number of growths and repairs.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch.layouts.ruin_and_recreate import Arranger
    >>> shuffled = np.array([3, 0, 4, 1, 2])
    >>> C = 0.8 ** abs(np.subtract.outer(shuffled, shuffled)).astype(np.float32)
    >>> found = Arranger(C, 100, np.random.default_rng(0), 1.0).line(5)
    >>> shuffled[found.cells[0]].tolist() in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0])
    True
    """

    def __init__(self, C: np.ndarray, n_rows: int, rng: np.random.Generator, effort: float) -> None:
        self.C, self.rng, self.effort = C, rng, effort
        self.affinities = candidate_affinities(C, n_rows)

    def best(self, shapes: Sequence[tuple[int, int]]) -> Arrangement | None:
        """The layout of the shape that explains most; shapes that begin badly are not worth improving."""
        begun = [one for one in map(self._first, shapes) if one is not None]
        begun.sort(key=lambda one: -one.likelihood)
        return max(map(self._improved, begun[:MOST_IMPROVED]), key=lambda one: one.likelihood, default=None)

    def _first(self, shape: tuple[int, int]) -> Arrangement | None:
        """Grow from many squares and return the best layout; None where no affinity holds a square to grow from."""
        found = [
            self._grown(affinity, square, shape, weight)
            for affinity in self.affinities
            for square in seeds(affinity, max(1, round(N_SEEDS * self.effort)))
            for weight in CORNER_WEIGHTS[:2]
        ]
        return max(found, key=lambda one: one.likelihood, default=None)

    def _improved(self, found: Arrangement) -> Arrangement:
        """Ruin the weak parts and a random window, rebuild by growth, keep what explains more; at last, swap cells."""
        patience = failures_left = max(8, round(PATIENCE * self.effort))
        for _ in range(max(10, round(N_ROUNDS * self.effort))):
            if not failures_left:
                break
            failures_left -= 1
            affinity = self.affinities[self.rng.integers(len(self.affinities))]
            start = _ruin(found.cells, affinity.direct, self.rng)
            if (start < 0).all():
                continue
            rebuilt = self._grown(affinity, start, found.cells.shape, self.rng.choice(CORNER_WEIGHTS))
            if rebuilt.likelihood > found.likelihood + LEAST_GAIN:
                found, failures_left = rebuilt, patience
        return self._rated(swap_nearby(found.cells, self.C, rounds=4))

    def _grown(self, affinity: Affinity, start: np.ndarray, shape: tuple[int, int], weight: float) -> Arrangement:
        cells = fill(grow(affinity, start, *shape, weight), self.C)
        return self._rated(reassign(cells, affinity.signed, 3, self.rng))

    def _rated(self, cells: np.ndarray, offsets: Offsets = KING) -> Arrangement:
        return Arrangement(cells, pseudo_likelihood(cells, self.C, offsets))

    def line(self, length: int) -> Arrangement:
        """Order all columns by spectra and growth, and return the best line of ``length`` cells; p is at least 3."""
        orders = [self._grown_line(affinity) for affinity in self.affinities]
        if len(self.C) <= MOST_SPECTRAL:
            shared = np.stack([affinity.direct for affinity in self.affinities]).mean(axis=0)
            orders += [_spectral(shared), _spectral(np.maximum(self.C, 0.0) ** 4)]
            straight = self._best_line(orders).cells[0]
            orders = [straight, _uncrossed(straight, shared)]
        best = self._best_line(orders).cells
        found = self._best_line([best[0], swap_nearby(best, self.C, rounds=5)[0]])
        return found._replace(cells=np.pad(found.cells, ((0, 0), (0, length - len(self.C))), constant_values=-1))

    def _best_line(self, orders: list[np.ndarray]) -> Arrangement:
        return max((self._rated(order[None], LINE) for order in orders), key=lambda one: one.likelihood)

    def _grown_line(self, affinity: Affinity) -> np.ndarray:
        """Order in which both ends grow from the strongest pair."""
        pair = np.unravel_index(int(affinity.signed.argmax()), self.C.shape)
        return fill(grow(affinity, np.array([pair]), 1, len(self.C), 0.0), self.C)[0]


def _ruin(cells: np.ndarray, A: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The largest part whose 2 x 2 squares hang together, without a random window."""
    across, down = _links(A, cells[:, :-1], cells[:, 1:]), _links(A, cells[:-1], cells[1:])
    links = np.concatenate([across.ravel(), down.ravel()])
    weakest = np.minimum(np.minimum(across[:-1], across[1:]), np.minimum(down[:, :-1], down[:, 1:]))
    median = np.median(links[links > 0]) if (links > 0).any() else 0.0
    good = weakest > rng.choice(STRENGTHS) * median
    good[tuple(_stretch(side, rng) for side in cells.shape)] = False
    parts, count = label(good)
    if not count:
        return np.full(cells.shape, -1)
    largest = np.pad(parts == np.bincount(parts.ravel())[1:].argmax() + 1, 1)
    kept = largest[1:, 1:] | largest[1:, :-1] | largest[:-1, 1:] | largest[:-1, :-1]
    return np.where(kept, cells, -1)


def _links(A: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Affinity of items in neighbouring cells; none to an empty cell."""
    return np.where((first >= 0) & (second >= 0), A[first, second], 0.0)


def _stretch(side: int, rng: np.random.Generator) -> slice:
    """A random stretch of up to half a side, which may stick out."""
    length = int(rng.integers(min(3, side), max(4, side // 2 + 1)))
    start = int(rng.integers(-(length // 2), max(side - length // 2, 1)))
    return slice(max(start, 0), start + length)


def _spectral(A: np.ndarray) -> np.ndarray:
    """Order by the second eigenvector of the normalised Laplacian."""
    p = len(A)
    A = A + 1e-4 * A.mean() + 1e-12  # links the parts of a graph that falls apart
    scale = 1.0 / np.sqrt(A.sum(axis=1, dtype=np.float64))
    _, vectors = eigh(A * scale[:, None] * scale, subset_by_index=[p - 2, p - 2])
    return np.argsort(vectors[:, 0] * scale, kind="stable")


def _uncrossed(order: np.ndarray, A: np.ndarray) -> np.ndarray:
    """Reverse stretches of the line while that strengthens its links, the best first."""
    order, p = order.copy(), len(order)
    B = np.pad(A[np.ix_(order, order)], 1)  # beyond both ends there is nothing to link to
    backwards = np.tril(np.full((p, p), -np.inf, np.float32), -1)
    for _ in range(MOST_REVERSALS):
        # Reversing i..j links what was before i to j, and i to what was after j.
        link = np.diag(B, 1)
        gain = B[:p, 1:-1] + B[1:-1, 2:] - link[:p, None] - link[None, 1:] + backwards
        i, j = np.unravel_index(int(gain.argmax()), gain.shape)
        if gain[i, j] <= LEAST_LINK_GAIN:
            break
        order[i : j + 1] = order[i : j + 1][::-1]
        B[i + 1 : j + 2] = B[i + 1 : j + 2][::-1].copy()
        B[:, i + 1 : j + 2] = B[:, i + 1 : j + 2][:, ::-1].copy()
    return order
