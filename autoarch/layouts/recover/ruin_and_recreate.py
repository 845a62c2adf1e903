"""From affinities to the best layout of a box: many growths, then ruin and rebuild."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import label

from autoarch.layouts.recover.local_search import reassign, swap_nearby
from autoarch.layouts.recover.neighbour_likelihood import pseudo_likelihood
from autoarch.layouts.recover.partial_correlation import Affinity
from autoarch.layouts.recover.region_growing import fill, grow, seeds

CORNER_WEIGHTS = (0.25, 0.5, 1.0)  # the last one helps to rebuild, hardly ever to begin
LEAST_GAIN = 1e-7  # nats per item; less is rounding
STRENGTHS = (0.1, 0.25, 0.4, 0.6)  # of the median link: weaker squares are ruined


@dataclass(frozen=True)
class Effort:
    """How long to search.

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
    def of(cls, n_columns: int, *, share: float = 1.0) -> Effort:
        """For so many columns; ``share`` of the usual where the result is only compared."""
        room = share * min(1.0, 1_000 / max(n_columns, 1))
        return cls(max(1, round(3 * room)), max(10, round(150 * room)), max(8, round(35 * room)))


@dataclass(frozen=True)
class Found:
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


def first_layouts(
    C: np.ndarray, affinities: list[Affinity], shape: tuple[int, int], rng: np.random.Generator, effort: Effort
) -> Found | None:
    """The best of many growths; None where no affinity holds a square to grow from."""
    best = None
    for affinity in affinities:
        for square in seeds(affinity, effort.seeds):
            for weight in CORNER_WEIGHTS[:2]:
                found = _rated(_finished(C, affinity, square, shape, weight, rng), C)
                if best is None or found.likelihood > best.likelihood:
                    best = found
    return best


def improve(C: np.ndarray, affinities: list[Affinity], found: Found, rng: np.random.Generator, effort: Effort) -> Found:
    """Ruin the weak parts and a random window, rebuild by growth, keep what explains more; at last, trade cells."""
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
        rebuilt = _rated(_finished(C, affinity, start, found.cells.shape, weight, rng), C)
        if rebuilt.likelihood > found.likelihood + LEAST_GAIN:
            found, failures = rebuilt, 0
    return _rated(swap_nearby(found.cells, C, rounds=4), C)


def _finished(
    C: np.ndarray,
    affinity: Affinity,
    start: np.ndarray,
    shape: tuple[int, int],
    weight: float,
    rng: np.random.Generator,
) -> np.ndarray:
    cells = fill(grow(affinity, start, *shape, weight), C)
    return reassign(cells, affinity.signed, 3, rng)


def _rated(cells: np.ndarray, C: np.ndarray) -> Found:
    return Found(cells, pseudo_likelihood(cells, C))


def _ruin(cells: np.ndarray, A: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The largest part whose 2 x 2 squares hang together, without a random window."""
    across, down = _links(A, cells[:, :-1], cells[:, 1:]), _links(A, cells[:-1], cells[1:])
    links = np.concatenate([across.ravel(), down.ravel()])
    weakest = np.minimum(np.minimum(across[:-1], across[1:]), np.minimum(down[:, :-1], down[:, 1:]))
    usual = np.median(links[links > 0]) if (links > 0).any() else 0.0
    good = weakest > rng.choice(STRENGTHS) * usual
    window = tuple(_stretch(side, rng) for side in cells.shape)
    good[window] = False
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
