"""Which columns are no cells: an id in front, a label behind, padding, or a number somewhere between.

``find_period`` looks for the distance at which columns repeat, which hardly depends on a few strangers.
``without_strangers`` then tries to leave out columns at both ends and those that resemble none of their neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

MOST_STRANGERS = 4
N_PERIODS = 3
N_SUSPECTS = 4
SUSPICIOUS = 0.7  # share of the usual resemblance below which a column is tried without
LONELY = 0.15  # the same in series, where it is left out at once
FEWEST_ROWS = 30  # that make a low resemblance no accident
SMOOTH = 0.5  # usual resemblance of neighbours that makes a lonely column remarkable


def lag_sums(scaled: np.ndarray) -> np.ndarray:
    """Mean over rows of the sum over columns of the product with the column L places on, for L = 0 .. p - 1."""
    p = scaled.shape[1]
    length = next_fast_len(2 * p, real=True)
    spectrum = np.zeros(length // 2 + 1)
    for rows in np.array_split(scaled, max(1, scaled.size // 500_000)):  # in pieces, to save memory
        spectrum += (np.abs(rfft(rows, length, axis=1)) ** 2).sum(axis=0)
    return irfft(spectrum, length)[:p] / max(1, len(scaled))


def period_gains(scaled: np.ndarray) -> np.ndarray:
    """How much columns L places away add to direct neighbours when predicting a column, for each L; 0 if impossible.

    The gain is the drop in the log of the share of variance left; it peaks at the width of a grid.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch.datasets import make_textures
    >>> from autoarch.layouts.infer.outlier_columns import period_gains
    >>> X, _ = make_textures(n_samples=50, shape=(9, 13), random_state=0)
    >>> int(period_gains(X.reshape(50, -1)).argmax())
    13
    """
    sums = lag_sums(scaled)
    p = len(sums)
    total = sums[0]
    gains = np.zeros(p)
    far = np.arange(3, (p + 1) // 2)
    if not len(far) or sums[0] <= 1e-9:
        return gains
    twice = np.where(2 * far < p, sums[np.minimum(2 * far, p - 1)], 0.0)
    near_near, near = 2 * (sums[0] + sums[2]), 2 * sums[1]
    far_far, far_right = 2 * (sums[0] + twice), 2 * sums[far]
    cross = 2 * (sums[far - 1] + sums[far + 1])
    alone = near**2 / max(near_near, 1e-12)
    determinant = np.maximum(near_near * far_far - cross**2, 1e-6 * near_near * far_far)
    both = (far_far * near**2 - 2 * cross * near * far_right + near_near * far_right**2) / determinant
    gains[far] = np.log(np.clip(1 - alone / total, 1e-9, 1)) - np.log(np.clip(1 - both / total, 1e-9, 1))
    return gains


def removals(active: np.ndarray, share: np.ndarray) -> Iterator[tuple[int, ...]]:
    """Sets of columns to try without: at both ends, padding, and those that belong least (``share``)."""
    p = len(active)
    front, back = _constant_run(active), _constant_run(active[::-1])
    inside = _suspects(share)
    ends = [(a, b) for a in range(MOST_STRANGERS + 1) for b in range(MOST_STRANGERS + 1) if a + b <= MOST_STRANGERS]
    ends += [(a, b) for a in {0, front} for b in {0, back}]
    seen = set()
    for a, b in ends:
        most = MOST_STRANGERS - min(a + b, MOST_STRANGERS)
        for size in range(most + 1):
            for chosen in combinations([k for k in inside if a <= k < p - b], size):
                found = (*range(a), *chosen, *range(p - b, p))
                if found not in seen and len(found) < p // 2:
                    seen.add(found)
                    yield found


def _constant_run(active: np.ndarray) -> int:
    """Constant columns at the start."""
    return int(np.argmax(active)) if active.any() else 0


def lonely_columns(scaled: np.ndarray, active: np.ndarray) -> tuple[int, ...]:
    """Columns of a series that resemble nothing within two steps, while nearly all others do."""
    strongest = _strongest(scaled, (1, 2))
    usual = float(np.median(strongest[active])) if active.any() else 0.0
    lonely = np.nonzero(active & (strongest < LONELY * usual))[0]
    enough = len(scaled) >= FEWEST_ROWS and usual >= SMOOTH
    return tuple(lonely.tolist()) if enough and len(lonely) <= MOST_STRANGERS else ()


def belonging(scaled: np.ndarray, active: np.ndarray, period: int) -> np.ndarray:
    """How much each column resembles those beside, above and below it, as a share of the median; constant ones: 1."""
    strongest = _strongest(scaled, (1, 2, period - 1, period, period + 1))
    usual = max(float(np.median(strongest[active])), 1e-9) if active.any() else 1.0
    return np.where(active, strongest / usual, 1.0)


def _suspects(share: np.ndarray) -> list[int]:
    """Columns that belong least, in the order of the row."""
    order = np.argsort(share, kind="stable")[:N_SUSPECTS]
    return sorted(int(k) for k in order if share[k] < SUSPICIOUS)


def _strongest(scaled: np.ndarray, steps: tuple[int, ...]) -> np.ndarray:
    """Largest correlation, in size, of each column with those some steps away."""
    p = scaled.shape[1]
    lengths = np.sqrt(np.einsum("np,np->p", scaled, scaled))
    strongest = np.zeros(p)
    for step in steps:
        if step < p:
            products = np.abs(np.einsum("np,np->p", scaled[:, :-step], scaled[:, step:]))
            sizes = products / np.maximum(lengths[:-step] * lengths[step:], 1e-9)
            strongest[:-step] = np.maximum(strongest[:-step], sizes)
            strongest[step:] = np.maximum(strongest[step:], sizes)
    return strongest
