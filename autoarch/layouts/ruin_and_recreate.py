"""Best layout of a box or of a line: repeated growth, then ruin and recreate; a line is seriated by spectra as well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.ndimage import label

from autoarch.layouts.local_search import KING, Offsets, pseudo_likelihood, reassign, swap_nearby
from autoarch.layouts.partial_correlation import Affinity
from autoarch.layouts.region_growing import fill, grow, seeds

CORNER_WEIGHTS = (0.25, 0.5, 1.0)  # the last one helps to rebuild, hardly ever to begin
LEAST_GAIN = 1e-7  # nats per item; less is rounding
STRENGTHS = (0.1, 0.25, 0.4, 0.6)  # of the median link: weaker squares are ruined
LINE = tuple((0, step) for step in (1, -1, 2, -2, 3, -3, 4, -4))  # as many neighbours as in a grid, to compare both
MOST_SPECTRAL = 1_000  # columns; eigenvectors cost the cube
MOST_REVERSALS = 100
LEAST_LINK_GAIN = 1e-4  # of summed affinity; less is rounding


@dataclass(frozen=True)
class Effort:
    """Length of the search.

    Parameters
    ----------
    seeds : int
        Squares to grow from, per affinity.
    rounds : int
        Times that a part is ruined and rebuilt, at most.
    patience : int
        Such times in a row without success after which the search gives up.
    """

    seeds: int
    rounds: int
    patience: int

    @classmethod
    def of(cls, n_columns: int, share: float) -> Effort:
        """Scale the usual effort to the number of columns; ``share`` of it where the result is only compared."""
        room = share * min(1.0, 1_000 / max(n_columns, 1))
        return cls(max(1, round(3 * room)), max(10, round(150 * room)), max(8, round(35 * room)))


@dataclass(frozen=True)
class Arrangement:
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


def _rated(cells: np.ndarray, C: np.ndarray, offsets: Offsets = KING) -> Arrangement:
    return Arrangement(cells, pseudo_likelihood(cells, C, offsets))


def first_layout(
    C: np.ndarray, affinities: list[Affinity], shape: tuple[int, int], rng: np.random.Generator, effort: Effort
) -> Arrangement | None:
    """Grow from many squares and return the best layout; None where no affinity holds a square to grow from."""
    found = [
        _rated(_grown(C, affinity, square, shape, weight, rng), C)
        for affinity in affinities
        for square in seeds(affinity, effort.seeds)
        for weight in CORNER_WEIGHTS[:2]
    ]
    return max(found, key=lambda one: one.likelihood, default=None)


def improve(
    C: np.ndarray, affinities: list[Affinity], found: Arrangement, rng: np.random.Generator, effort: Effort
) -> Arrangement:
    """Ruin the weak parts and a random window, rebuild by growth, keep what explains more; at last, swap cells."""
    failures = 0
    for _ in range(effort.rounds):
        if failures == effort.patience:
            break
        failures += 1
        affinity = affinities[rng.integers(len(affinities))]
        start = _ruin(found.cells, affinity.direct, rng)
        if (start < 0).all():
            continue
        weight = CORNER_WEIGHTS[rng.integers(len(CORNER_WEIGHTS))]
        rebuilt = _rated(_grown(C, affinity, start, found.cells.shape, weight, rng), C)
        if rebuilt.likelihood > found.likelihood + LEAST_GAIN:
            found, failures = rebuilt, 0
    return _rated(swap_nearby(found.cells, C, rounds=4), C)


def _grown(
    C: np.ndarray,
    affinity: Affinity,
    start: np.ndarray,
    shape: tuple[int, int],
    weight: float,
    rng: np.random.Generator,
) -> np.ndarray:
    return reassign(fill(grow(affinity, start, *shape, weight), C), affinity.signed, 3, rng)


def _ruin(cells: np.ndarray, A: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The largest part whose 2 x 2 squares hang together, without a random window."""
    across, down = _links(A, cells[:, :-1], cells[:, 1:]), _links(A, cells[:-1], cells[1:])
    links = np.concatenate([across.ravel(), down.ravel()])
    weakest = np.minimum(np.minimum(across[:-1], across[1:]), np.minimum(down[:, :-1], down[:, 1:]))
    median = np.median(links[links > 0]) if (links > 0).any() else 0.0
    good = weakest > rng.choice(STRENGTHS) * median
    good[tuple(_stretch(side, rng) for side in cells.shape)] = False
    parts, count = label(good)
    kept = np.zeros(cells.shape, bool)
    if count:
        largest = parts == np.bincount(parts.ravel())[1:].argmax() + 1
        for r in (0, 1):
            for c in (0, 1):
                kept[r : cells.shape[0] - 1 + r, c : cells.shape[1] - 1 + c] |= largest
    return np.where(kept, cells, -1)


def _links(A: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Affinity of items in neighbouring cells; none to an empty cell."""
    return np.where((first >= 0) & (second >= 0), A[first, second], 0.0)


def _stretch(side: int, rng: np.random.Generator) -> slice:
    """A random stretch of up to half a side, which may stick out."""
    length = int(rng.integers(min(3, side), max(4, side // 2 + 1)))
    start = int(rng.integers(-(length // 2), max(side - length // 2, 1)))
    return slice(max(start, 0), start + length)


def arrange_line(C: np.ndarray, affinities: list[Affinity], length: int) -> Arrangement:
    """The best order of all columns that spectra and growth find.

    Parameters
    ----------
    C : ndarray of shape (p, p)
        Correlations.
    affinities : list of Affinity
        Between the columns.
    length : int
        Cells of the line, at least p.

    Returns
    -------
    Arrangement
        With ``cells`` of shape (1, length).

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch.layouts.partial_correlation import candidate_affinities
    >>> shuffled = np.array([3, 0, 4, 1, 2])
    >>> C = 0.8 ** abs(np.subtract.outer(shuffled, shuffled)).astype(np.float32)
    >>> order = shuffled[arrange_line(C, candidate_affinities(C, 100), 5).cells[0]]
    >>> order.tolist() in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0])
    True
    """
    orders = [_grown_line(C, affinity) for affinity in affinities]
    if len(C) <= MOST_SPECTRAL:
        shared = np.stack([affinity.direct for affinity in affinities]).mean(axis=0)
        best = _best_line([*orders, _spectral(shared), _spectral(np.maximum(C, 0.0) ** 4)], C).cells[0]
        orders = [best, _uncrossed(best, shared)]
    found = _best_line(orders, C)
    swapped = _rated(swap_nearby(found.cells, C, rounds=5), C, LINE)
    found = max(found, swapped, key=lambda one: one.likelihood)
    cells = np.full((1, length), -1)
    cells[:, : len(C)] = found.cells
    return Arrangement(cells, found.likelihood)


def _best_line(orders: list[np.ndarray], C: np.ndarray) -> Arrangement:
    return max((_rated(order[None], C, LINE) for order in orders), key=lambda one: one.likelihood)


def _grown_line(C: np.ndarray, affinity: Affinity) -> np.ndarray:
    """Order in which both ends grow from the strongest pair."""
    pair = np.unravel_index(int(affinity.signed.argmax()), C.shape)
    start = np.array([pair]) if len(C) > 1 else np.zeros((1, 1), int)
    return fill(grow(affinity, start, 1, len(C), 0.0), C)[0]


def _spectral(A: np.ndarray) -> np.ndarray:
    """Order by the second eigenvector of the normalised Laplacian."""
    p = len(A)
    if p < 3:
        return np.arange(p)
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
