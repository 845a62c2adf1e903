"""Detection of rows that are overlapping windows of longer records, or patches of larger pictures.

On shuffled folds such rows are leaked: test rows share cells with training rows, and a model that memorises looks
better than one that generalises. They are detected by equal cells at another place. Every small block of cells is
hashed, wherever it stands; two rows that share several blocks under one and the same shift overlap, and connected
components of overlaps are records. Blocks are sampled by their own content [1]_, so that a block that is sampled in
one row is sampled in all.

References
----------
.. [1] S. Schleimer, D. Wilkerson, A. Aiken, "Winnowing: local algorithms for document fingerprinting", SIGMOD 2003.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components
from scipy.stats import entropy

from autoarch._data.layout import Layout

_BLOCK = 3  # cells along each side of a block,
_LINE_BLOCK = 6  # and along a line
_LEAST_CHANGES = 3  # cells of a block that differ from their left neighbour; constant background is everywhere
_LEAST_BLOCKS, _LEAST_SHARE = 4, 0.05  # blocks, and share of all blocks of a row, that two windows have in common
_SURE_BITS = 20.0  # by which what they share must be rarer than the chance to meet it in any two rows
_SAMPLED_CELLS = 100_000  # from which the entropy of a cell is estimated
_LINKS = 4  # rows further on in the list of those with a block that each is compared with
_LEAST_LINKED = 0.1  # share of rows that must overlap others
_PILOT_ROWS, _PILOT_LINKED = 4_000, 0.005  # rows looked at first, and share of them that makes it worth seeing all
_PILOT_BLOCKS, _FEWEST_PILOT_ROWS = 500_000, 500  # in these rows, however wide; they take a fifth of a second
_MOST_BLOCKS = 4_000_000  # that are sorted
_MOST_SHARE = 0.1  # of all rows in one group; longer records are cut


@dataclass(frozen=True, eq=False)
class Windows:
    """Groups of rows that overlap.

    Parameters
    ----------
    groups : ndarray of shape (n,)
        Codes from 0; rows of one record, or of one part of a long record, share one.
    n_records : int
        Records of two rows or more.
    share : float
        Of the rows, those that overlap another one.
    """

    groups: np.ndarray
    n_records: int
    share: float

    def __str__(self) -> str:
        records = "one longer record" if self.n_records == 1 else f"{self.n_records} longer records"
        return f"{self.share:.0%} of the rows are overlapping windows of {records}"


def find_windows(X: np.ndarray, layout: Layout | None, seed: int) -> Windows | None:
    """Group rows that are overlapping windows of one record; None where few rows overlap.

    Parameters
    ----------
    X : ndarray of shape (n, p)
        Canonical values.
    layout : Layout or None
        Cells behind the columns.
    seed : int
        Seed of the sample of rows that is tested first.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._data.layout import Layout
    >>> from autoarch._data.overlaps import find_windows
    >>> records = np.random.default_rng(0).normal(size=(3, 100))
    >>> X = np.concatenate([np.lib.stride_tricks.sliding_window_view(one, 30)[::10] for one in records])
    >>> print(find_windows(X, Layout(1, 30), seed=0))
    100% of the rows are overlapping windows of 3 longer records
    """
    if layout is None or len(X) < 2:
        return None
    block = (1, _LINE_BLOCK) if layout.height == 1 else (_BLOCK, _BLOCK)
    if layout.height < block[0] or layout.width < block[1] + 1:
        return None
    per_row = (layout.height - block[0] + 1) * (layout.width - block[1] + 1)
    pilot = min(_PILOT_ROWS, max(_FEWEST_PILOT_ROWS, _PILOT_BLOCKS // per_row))
    if len(X) > pilot:
        rows = np.sort(np.random.default_rng(seed).choice(len(X), pilot, replace=False))
        if _components(_overlaps(layout.to_grid(X[rows]), block)[0])[1] < _PILOT_LINKED:
            return None
    graph, shift = _overlaps(layout.to_grid(X), block)
    component, share = _components(graph)
    if share < _LEAST_LINKED:
        return None
    groups = _cut_long_records(component, graph, shift)
    return Windows(groups, int((np.bincount(component) > 1).sum()), share) if groups.max() > 0 else None


def _overlaps(grid: np.ndarray, block: tuple[int, int]) -> tuple[csr_array, np.ndarray]:
    """Graph of overlapping rows, and the shift of the second row of each overlap against the first.

    Rows are linked both ways by the number of their overlap, from 1 on; below 0 from the second row to the first.
    """
    codes = _hashes(grid, block)
    n, height, width = codes.shape
    every = max(1, codes.size // _MOST_BLOCKS)
    row, top, left = np.nonzero((codes != 0) & (codes % np.uint64(every) == 0))
    code = codes[row, top, left]
    order = np.argsort(code, kind="stable")
    code, row, place = code[order], row[order], np.stack([top, left], axis=1)[order]
    run = np.cumsum(np.r_[True, code[1:] != code[:-1]]) - 1
    rare = (np.bincount(run) <= max(height * width, 50))[run]  # no window shows a place of its record twice
    sides = (n, n, 2 * height, 2 * width)
    keys = []
    for ahead in range(1, _LINKS + 1):
        same = rare[ahead:] & (run[ahead:] == run[:-ahead]) & (row[ahead:] != row[:-ahead])
        shift = (place[:-ahead] - place[ahead:])[same]
        moved = (shift != 0).any(axis=1)
        one, other = row[:-ahead][same][moved], row[ahead:][same][moved]
        keys.append(np.ravel_multi_index((one, other, shift[moved, 0] + height, shift[moved, 1] + width), sides))
    least = max(_LEAST_BLOCKS, _LEAST_SHARE * height * width, _significant_overlap(grid) - block[0] * block[1]) / every
    found, counts = np.unique(np.concatenate(keys), return_counts=True)
    found, counts = found[counts >= max(least, 2)], counts[counts >= max(least, 2)]
    found = found[np.argsort(-counts, kind="stable")]
    _, best = np.unique(found // (sides[2] * sides[3]), return_index=True)  # of two shifts, the one that fits more
    first, second, down, across = np.unravel_index(found[best], sides)
    first, second = first.astype(np.int32), second.astype(np.int32)  # all that older graphs of scipy take
    numbers, ends = np.arange(1, len(first) + 1), (np.append(first, second), np.append(second, first))
    graph = csr_array((np.append(numbers, -numbers), ends), shape=(n, n))
    return graph, np.stack([down - height, across - width], axis=1)


def _significant_overlap(grid: np.ndarray) -> float:
    """Number of cells that two rows must share before chance is ruled out: large where cells take few values."""
    steps = np.diff(grid, axis=3)
    step = -(-steps.size // _SAMPLED_CELLS)
    sampled = (steps[:, channel].ravel()[::step] for channel in range(grid.shape[1]))
    entropies = [entropy(np.unique(some, return_counts=True)[1], base=2) for some in sampled]
    pairs = 2 * np.log2(len(grid) * grid[0, 0].size)
    return float((pairs + _SURE_BITS) / max([*entropies, 1e-3]))


def _hashes(grid: np.ndarray, block: tuple[int, int]) -> np.ndarray:
    """Hash of the content of each block, whatever its place, of shape (n, places down, places across).

    0 stands for constant background.
    """
    values = np.ascontiguousarray(grid, dtype=np.float64) + 0.0  # one zero only
    bits = values.view(np.uint64)
    bits ^= bits >> np.uint64(29)
    down, across = (side - cells + 1 for side, cells in zip(grid.shape[2:], block, strict=True))
    codes = np.zeros((len(grid), down, across), dtype=np.uint64)
    changes = np.zeros(codes.shape, dtype=np.int16)
    changed = (values[..., 1:] != values[..., :-1]).any(axis=1)
    factors = np.random.default_rng(0).integers(1, 2**63, size=(grid.shape[1], *block), dtype=np.uint64) | np.uint64(1)
    for i in range(block[0]):
        for j in range(block[1]):
            cells = (slice(i, i + down), slice(j, j + across))
            for channel, factor in enumerate(factors[:, i, j]):
                mixed = bits[:, channel][:, *cells] * factor
                codes += mixed ^ (mixed >> np.uint64(32))
            if j + 1 < block[1]:
                changes += changed[:, *cells]
    codes[changes < _LEAST_CHANGES] = 0
    return codes


def _components(graph: csr_array) -> tuple[np.ndarray, float]:
    """Connected component of each row, and the share of rows that overlap another one."""
    component = connected_components(graph, directed=False)[1]
    return component, float((np.bincount(component)[component] > 1).mean())


def _cut_long_records(component: np.ndarray, graph: csr_array, shift: np.ndarray) -> np.ndarray:
    """Components as groups; those with too many rows cut into neighbourhoods of the record."""
    most = max(2, int(_MOST_SHARE * len(component)))
    groups = component.copy()
    for long in np.flatnonzero(np.bincount(component) > most):
        start = int(np.flatnonzero(component == long)[0])
        for part in _halves(*_places(start, graph, shift), most)[1:]:
            groups[part] = groups.max() + 1
    return groups


def _places(start: int, graph: csr_array, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of one record, and where in it each of them begins."""
    rows, before = breadth_first_order(graph, start, directed=False)
    place = np.zeros((graph.shape[0], 2), dtype=np.int64)
    for row in rows[1:]:
        number = int(graph[before[row], row])
        place[row] = place[before[row]] + np.sign(number) * shift[abs(number) - 1]
    return rows, place[rows]


def _halves(rows: np.ndarray, place: np.ndarray, most: int) -> list[np.ndarray]:
    """Cut along the longer side of the record until no part has more than ``most`` rows."""
    if len(rows) <= most:
        return [rows]
    order = np.argsort(place[:, int(np.ptp(place, axis=0).argmax())], kind="stable")
    return [half for side in np.split(order, [len(rows) // 2]) for half in _halves(rows[side], place[side], most)]
