"""Detection of rows that are no draws of their own: overlapping windows of longer records, patches of larger pictures.

On shuffled folds such rows are leaked: test rows share cells with training rows, and a model that memorises looks
better than one that generalises; and a test that counts them as draws rejects far too often. They are detected by equal
cells at another place, whatever was done to each row as a whole: the ratio of two successive differences along a line
is the same for ``x`` and ``a * x + b``, so that windows that were standardised or divided by their last value agree.
Runs of three ratios that occur in two rows at different places name candidates, and a candidate counts where the lines
of the whole overlap correlate perfectly and are too rare to agree by chance. Runs are sampled by their own content
[1]_, so that a run that is sampled in one row is sampled in all. Rows that differ in one parameter, as a sine with a
phase of its own in each, agree so by chance and are told apart by what else there is beside each row.

References
----------
.. [1] S. Schleimer, D. Wilkerson, A. Aiken, "Winnowing: local algorithms for document fingerprinting", SIGMOD 2003.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from autoarch._data.layout import Layout
from autoarch._data.records import Windows, first_of_copies

_RUN = 3  # ratios at least that are compared together,
_CELLS = _RUN + 2  # cells on which they rest
_SPARE_BITS = 8.0  # by which what is compared together must be rarer than once in all rows
_STEPS = 10_000  # into which ratios from 0 to 1 are rounded: coarser than the noise of float32
_LEAST_PART = 0.25  # of either side that two rows must share
_LEAST_ALIKE = 0.75  # of what is rare in the overlap must stand in lines that correlate perfectly
_PERFECT = 1 - 2e-6  # squared correlation
_FEWEST_VALUES = 5  # in a row; with fewer, shapes agree that are no records
_SURE_BITS = 20.0  # by which what they share must be rarer than the chance to meet it in any two rows
_LINKS = 4  # rows further on in the list of those with a run that each is compared with
_LEAST_LINKED = 0.1  # share of rows that must overlap others
_PILOT_CELLS, _PILOT_ROWS, _PILOT_LINKED = 200_000, 4.0, 0.005  # looked at first, rows in units of sqrt(n); their share
_PILOT_BLOCKS = 8  # of successive rows, which overlap first
_MOST_RUNS, _RUNS_KEPT = 1_000_000, 16  # that are sorted, and of those of the smallest overlap
_CHUNK = 1_000_000  # cells compared at a time


def find_windows(X: np.ndarray, layout: Layout | None, seed: int) -> Windows | None:
    """Group rows that are overlapping windows of one record; None where few rows overlap.

    Parameters
    ----------
    X : ndarray of shape (n, p)
        Canonical values.
    layout : Layout or None
        Cells behind the columns. None reads the columns as one line.
    seed : int
        Seed of the sample of rows that is tested first.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._data.layout import Layout
    >>> from autoarch._data.overlaps import find_windows
    >>> records = np.random.default_rng(0).normal(size=(3, 100))
    >>> X = np.concatenate([np.lib.stride_tricks.sliding_window_view(one, 30)[::10] for one in records])
    >>> X = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    >>> found = find_windows(X, Layout(1, 30), seed=0)
    >>> print(found)
    100% of the rows are overlapping windows of 3 longer records
    >>> len(found.apart)
    9
    """
    layout = Layout(1, X.shape[1]) if layout is None else layout
    if len(X) < 2 or max(layout.height, layout.width) < _CELLS:
        return None
    pilot = _pilot_rows(len(X), X.shape[1], seed)
    if len(pilot) < 2:  # of very many columns
        return None
    some = layout.to_grid(X[pilot])
    some = some[first_of_copies(some.reshape(len(some), -1))[0]]
    if len(some) < 2 or np.median(_n_values(some.reshape(len(some), -1))) < _FEWEST_VALUES:
        return None
    turned, share, channel = _most_linked(some)
    if share < _PILOT_LINKED:
        return None
    kept, copy_of = first_of_copies(X)
    lines = _lines(layout.to_grid(X[kept])[:, channel], turned)
    edges, shift = _overlaps(lines)
    shift = shift[:, ::-1] if turned else shift
    found = Windows.of(edges, shift, copy_of, (layout.height, layout.width), least=_LEAST_LINKED)
    if found is None or found.lie_on_one_curve(_centred(lines, np.isfinite(lines)).reshape(len(lines), -1), kept, seed):
        return None
    return found


def independent_rows(
    X: np.ndarray, layout: Layout | None, seed: int, *, windows: bool = True
) -> tuple[np.ndarray | None, str]:
    """Rows of which no two are copies or overlap, and what was found; None where that holds for all rows.

    Equal rows count as copies where columns that differ as much as those of the other rows do not agree by chance.

    Parameters
    ----------
    X : ndarray of shape (n, p)
        Canonical values.
    layout : Layout or None
        Cells behind the columns. None reads the columns as one line.
    seed : int
        Seed of the sample of rows that is tested first.
    windows : bool
        Look for overlapping rows, not for copies alone.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._data.layout import Layout
    >>> from autoarch._data.overlaps import independent_rows
    >>> X = np.repeat(np.random.default_rng(0).normal(size=(4, 30)), 3, axis=0)
    >>> independent_rows(X, Layout(1, 30), seed=0)
    (array([0, 3, 6, 9]), '8 of the 12 rows are copies of others')
    """
    kept, _ = first_of_copies(X)
    found = []
    if len(kept) == len(X) or not _are_rare(X[kept], len(X)):
        kept = np.arange(len(X))
    else:
        found.append(f"{len(X) - len(kept)} of the {len(X)} rows are copies of others")
    overlapping = find_windows(X[kept] if found else X, layout, seed) if windows else None
    if overlapping is not None:
        kept = kept[overlapping.apart]
        found.append(str(overlapping))
    return (kept if found else None), " and ".join(found)


def _are_rare(distinct: np.ndarray, n: int) -> bool:
    """Return whether rows like these would not occur twice among n if their columns were independent."""
    rows = distinct[:: max(1, -(-len(distinct) // 500))]
    if len(rows) < 2 or np.median(_n_values(rows)) < _FEWEST_VALUES:
        return False
    agree = np.mean([(rows == np.roll(rows, step, axis=0)).mean(axis=0) for step in (1, len(rows) // 2)], axis=0)
    return float(-np.log2(np.maximum(agree, 1 / len(rows))).sum()) >= 2 * np.log2(n) + _SURE_BITS


def _n_values(rows: np.ndarray) -> np.ndarray:
    """Different values in each row."""
    return 1 + (np.diff(np.sort(rows, axis=1), axis=1) > 0).sum(axis=1)


def _pilot_rows(n: int, p: int, seed: int) -> np.ndarray:
    """Rows looked at first: blocks of successive rows, since windows often come in order; all rows where they are few.

    However the rows are ordered, some pairs overlap among a few times ``sqrt(n)`` rows if each row overlaps with one.
    """
    wanted = max(min(int(_PILOT_ROWS * np.sqrt(n)), 2 * _PILOT_CELLS // p), _PILOT_CELLS // p)
    if wanted >= n:
        return np.arange(n)
    size = -(-wanted // _PILOT_BLOCKS)
    starts = np.random.default_rng(seed).integers(0, n - size + 1, _PILOT_BLOCKS)
    return np.unique(starts[:, None] + np.arange(size))


def _most_linked(grid: np.ndarray) -> tuple[bool, float, int]:
    """Tell whether lines run along columns, the share of rows that overlap, and the channel that tells most.

    The other direction is tried where the longer side shows nothing: sensors may have scales of their own.
    """
    height, width = grid.shape[2:]
    best = (height > width, 0.0, 0)
    for turned in (height > width, height <= width):
        if (height if turned else width) < _CELLS:
            continue
        few = grid[:: max(1, grid[:, 0].size // 20_000)]
        channel = int(np.argmax([_surprisal(_codes(_lines(one, turned))).mean() for one in few.swapaxes(0, 1)]))
        edges, _ = _overlaps(_lines(grid[:, channel], turned))
        share = len(np.unique(edges)) / len(grid)
        if share > best[1]:
            best = (turned, share, channel)
        if share >= _LEAST_LINKED:
            break
    return best


def _lines(cells: np.ndarray, turned: bool) -> np.ndarray:
    """Lines of each row, of shape (n, lines, cells of a line)."""
    return np.ascontiguousarray(cells.swapaxes(1, 2) if turned else cells, dtype=np.float64)


def _codes(lines: np.ndarray) -> np.ndarray:
    """Rounded ratios of successive differences, from 0 on; the largest code where nothing changes or is missing."""
    steps = np.diff(lines, axis=2)
    size = np.abs(steps)
    with np.errstate(invalid="ignore"):
        ratio = steps[..., :-1] * np.copysign(1.0, steps[..., 1:]) / (size[..., :-1] + size[..., 1:])
    return np.where(np.isnan(ratio), 2 * _STEPS + 1, np.rint(_STEPS * (ratio + 1.0))).astype(np.int32)


def _surprisal(codes: np.ndarray) -> np.ndarray:
    """Bits that each ratio tells, by how often it, its change or the change of that occurs: curves are smooth.

    0 where nothing changes.
    """
    bits = np.full(codes.shape, np.inf, dtype=np.float32)
    for order in range(3):
        seen = np.diff(codes, n=order, axis=2)
        seen = seen - seen.min(initial=0)
        counts = np.bincount(seen.ravel())
        told = -np.log2(np.maximum(counts, 1) / max(1, codes.size)).astype(np.float32)
        bits[..., order:] = np.minimum(bits[..., order:], told[seen])
    return np.where(codes > 2 * _STEPS, np.float32(0.0), bits)


def _overlaps(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows that overlap, of shape (pairs, 2), and the shift of the second against the first, alike."""
    codes, nothing = _codes(lines), np.empty((0, 2), dtype=np.int64)
    told = _surprisal(codes)
    need = 2 * np.log2(lines.size) + _SURE_BITS
    changing = told > 0
    usual = float(told[changing].mean()) if changing.any() else 0.0
    if usual < 0.5:
        return nothing, nothing
    pairs, shift = _candidates(codes, _block(codes, usual), need / usual - 2)
    inner = codes % _STEPS > 0  # at the edge of an even ground one of the differences is 0
    size = max(1, _CHUNK // lines[0].size)
    parts = [slice(i, i + size) for i in range(0, len(pairs), size)]
    true = [_are_alike(lines, told, told * inner, pairs[part], shift[part], need) for part in parts]
    kept = np.concatenate(true) if true else slice(0)
    return pairs[kept], shift[kept]


def _block(codes: np.ndarray, usual: float) -> tuple[int, int]:
    """Lines, and ratios along each, that are rare together where one tells ``usual`` bits: more in coded data."""
    height, width = codes.shape[1:]
    enough = (np.log2(codes.size) + _SPARE_BITS) / usual
    deep = int(np.clip(np.ceil(enough / _RUN), 1, max(1, height // 2)))
    return deep, int(np.clip(np.ceil(enough / deep), _RUN, max(_RUN, width // 4)))


def _candidates(codes: np.ndarray, block: tuple[int, int], least: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows that share about ``least`` blocks under one shift or more, and the shift that most blocks share."""
    n, height, width = codes.shape
    down, across = height - block[0] + 1, width - block[1] + 1
    run = np.zeros((n, down, across), dtype=np.int64)
    changing = np.zeros(run.shape, dtype=np.int16)
    for i, j in product(range(block[0]), range(block[1])):
        part = codes[:, i : i + down, j : j + across]
        run = run * np.int64(6_364_136_223_846_793_005) + part  # wraps around
        changing += part <= 2 * _STEPS
    usable = changing >= max(_RUN, block[0] * block[1] // 2)
    smallest = _LEAST_PART ** (1 + (height > 1)) * height * width  # of the overlaps: some runs of it remain
    every = max(1, int(np.count_nonzero(usable)) // _MOST_RUNS, int(smallest / _RUNS_KEPT))
    if every > 1:
        usable &= (run >> 32) % every == 0
    row, top, left = np.nonzero(usable)
    run = run[usable]
    order = np.argsort(run, kind="stable")
    run, row, place = run[order], row[order], np.stack([top, left], axis=1)[order]
    number = np.cumsum(np.r_[True, run[1:] != run[:-1]]) - 1 if len(run) else np.zeros(0, dtype=np.int64)
    rare = (np.bincount(number) <= max(height * (width + 2), 50))[number]  # no row shows a place of its record twice
    sides = (n, n, 2 * height, 2 * width)
    keys = []
    for ahead in range(1, _LINKS + 1):
        same = rare[ahead:] & (number[ahead:] == number[:-ahead]) & (row[ahead:] != row[:-ahead])
        shift = (place[:-ahead] - place[ahead:])[same]
        moved = (shift != 0).any(axis=1)
        one, other = row[:-ahead][same][moved], row[ahead:][same][moved]
        keys.append(np.ravel_multi_index((one, other, shift[moved, 0] + height, shift[moved, 1] + width), sides))
    found, counts = np.unique(np.concatenate(keys), return_counts=True)
    enough = counts >= max(1.0, least / (2 * every))
    found, counts = found[enough], counts[enough]
    found = found[np.argsort(-counts, kind="stable")]
    _, best = np.unique(found // (sides[2] * sides[3]), return_index=True)
    first, second, down, across = np.unravel_index(found[best], sides)
    return np.stack([first, second], axis=1), np.stack([down - height, across - width], axis=1)


def _are_alike(
    lines: np.ndarray, told: np.ndarray, inner: np.ndarray, pairs: np.ndarray, shift: np.ndarray, need: float
) -> np.ndarray:
    """Return for each pair whether the overlap is the same up to a level and a scale of each line, and no accident.

    Something must change outside of it, too: the same shape, moved on an even ground, is no longer record.
    """
    height, width = lines.shape[1:]
    i, j = np.arange(height) - shift[:, :1], np.arange(width) - shift[:, 1:]
    down, across = (i >= 0) & (i < height), (j >= 0) & (j < width)
    large = (down.sum(axis=1) >= _LEAST_PART * height) & (across.sum(axis=1) >= max(_CELLS, _LEAST_PART * width))
    one = lines[pairs[:, 0]]
    i, j = np.clip(i, 0, height - 1), np.clip(j, 0, width - 1)
    other = lines[pairs[:, 1, None, None], i[:, :, None], j[:, None, :]]
    shared = down[:, :, None] & across[:, None, :] & np.isfinite(one) & np.isfinite(other)
    one, other = _centred(one, shared), _centred(other, shared)
    together = np.einsum("klw,klw->kl", one, other) ** 2
    apart = np.einsum("klw,klw->kl", one, one) * np.einsum("klw,klw->kl", other, other)
    inside = shared[..., :-2] & shared[..., 1:-1] & shared[..., 2:]
    bits = np.einsum("klw,klw->kl", told[pairs[:, 0]], inside)
    same = np.where(together > _PERFECT * apart, bits, 0.0).sum(axis=1)
    all_bits = bits.sum(axis=1)
    goes_on = np.einsum("klw,klw->k", inner[pairs[:, 0]], ~inside) > 1.0
    return large & goes_on & (same >= need) & (same >= _LEAST_ALIKE * all_bits)


def _centred(values: np.ndarray, shared: np.ndarray) -> np.ndarray:
    """Cells of the overlap less the mean of their line there, 0 elsewhere."""
    values = np.where(shared, values, 0.0)
    means = values.sum(axis=2, keepdims=True) / np.maximum(shared.sum(axis=2, keepdims=True), 1)
    return np.where(shared, values - means, 0.0)
