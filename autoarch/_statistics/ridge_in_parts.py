"""A ridge regression of many rows, which are centred and weighted part by part and never held in double precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular


def solved_in_parts(
    rows: Callable[[slice], np.ndarray], parts: Sequence[slice], wanted: np.ndarray, share: np.ndarray, penalty: float
) -> tuple[np.ndarray, np.ndarray]:
    """Slopes, and the error on each row when it is left out.

    Parameters
    ----------
    rows : callable
        Centred and weighted rows of a part.
    parts : sequence of slice
        All rows.
    wanted : ndarray of shape (n, n_targets)
        Centred and weighted targets.
    share : ndarray of shape (n,)
        Weights that sum to 1.
    penalty : float
        Penalty.
    """
    stiff: Any = 0.0
    cross: Any = 0.0
    for part in parts:
        some = rows(part)
        stiff, cross = stiff + some.T @ some, cross + some.T @ wanted[part]
    stiff.flat[:: len(stiff) + 1] += penalty
    factor = cho_factor(stiff, lower=True, overwrite_a=True, check_finite=False)
    coef, errors = cho_solve(factor, cross, check_finite=False), np.empty_like(wanted)
    for part in parts:
        some = rows(part)
        leverage = (solve_triangular(factor[0], some.T, lower=True, check_finite=False) ** 2).sum(axis=0)
        errors[part] = (wanted[part] - some @ coef) / np.maximum(1 - leverage - share[part], 1e-6)[:, None]
    return coef, errors
