"""Small grids and tables with known truth, and the digits that scikit-learn ships.

Each ``make_*`` returns ``(X, y)`` and says in its docstring which family must win and why; ``make_planted`` returns a
third array, the cells that the label depends on. All draw from ``random_state`` alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autoarch.datasets.synthetic import (
    Samples,
    generator_of,
    make_alternating_texture,
    make_cell_rule,
    make_noise,
    make_planted,
    make_stripes,
    make_textures,
)

__all__ = [
    "load_digits_grid",
    "load_digits_scrambled",
    "make_alternating_texture",
    "make_cell_rule",
    "make_noise",
    "make_planted",
    "make_stripes",
    "make_textures",
]


def load_digits_grid() -> Samples:
    """Load scikit-learn's handwritten digits as 8 x 8 matrices.

    Returns
    -------
    X : ndarray of shape (1797, 8, 8), float32
    y : ndarray of shape (1797,), int64

    Examples
    --------
    >>> from autoarch.datasets import load_digits_grid
    >>> load_digits_grid()[0].shape
    (1797, 8, 8)
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images.astype(np.float32), digits.target.astype(np.int64)


def load_digits_scrambled(*, random_state: Any = 0) -> Samples:
    """Load the same digits as 64 columns in a scrambled order, the same for all samples.

    Parameters
    ----------
    random_state : int, RandomState instance, Generator or None, default=0
        Seed of the order.

    Returns
    -------
    X : ndarray of shape (1797, 64), float32
    y : ndarray of shape (1797,), int64

    Examples
    --------
    >>> from autoarch.datasets import load_digits_scrambled
    >>> load_digits_scrambled()[0].shape
    (1797, 64)
    """
    X, y = load_digits_grid()
    order = generator_of(random_state).permutation(64)
    return np.ascontiguousarray(X.reshape(len(X), 64)[:, order]), y
