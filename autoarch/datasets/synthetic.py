"""Small grids and tables with known truth; all draw from ``random_state`` alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from autoarch._core.checks import check_choice, check_made, check_positive, check_seed, check_sides, check_whole
from autoarch.exceptions import ParameterError

Shape = tuple[int, int]  # height, width
_LEAST_SIDE = 4  # of a grid that stripes are planted in
Samples = tuple[np.ndarray, np.ndarray]  # X, y


def generator_of(random_state: Any) -> np.random.Generator:
    """Make a generator from an int, RandomState, Generator or None."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    check_seed(random_state)
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(2**31 - 1, size=4)
    return np.random.default_rng(random_state)


def _begin(
    n_samples: int, shape: Shape, random_state: Any, *, least: int = 1
) -> tuple[np.random.Generator, np.ndarray, Shape]:
    """Check what is asked for; return a generator, zeros and ones in equal number, shuffled, and height and width."""
    sides = check_sides("shape", shape, times=check_whole("n_samples", n_samples, least=1), least=least)
    rng = generator_of(random_state)
    return rng, rng.permutation(np.arange(n_samples) % 2), sides


def _smooth_fields(n_samples: int, shape: Shape, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Independent smooth fields on a torus, each with mean 0 and variance 1."""
    fields = gaussian_filter(rng.normal(size=(n_samples, *shape)), sigma=(0, scale, scale), mode="wrap")
    fields -= fields.mean(axis=(1, 2), keepdims=True)
    return fields / np.maximum(fields.std(axis=(1, 2), keepdims=True), 1e-12)


def make_stripes(
    n_samples: int = 200, shape: Shape = (8, 8), *, noise: float = 1.0, random_state: Any = None
) -> Samples:
    """Draw horizontal (0) and vertical (1) stripes with a random phase, as flat rows.

    A convolution sees the direction anywhere; no single cell tells it.

    Parameters
    ----------
    n_samples : int, default=200
        Rows.
    shape : tuple of int, default=(8, 8)
        Height and width of the grid behind the columns.
    noise : float, default=1.0
        Standard deviation of the noise; the stripes have 0.7.
    random_state : int, RandomState instance, Generator or None, default=None
        Seed.

    Returns
    -------
    X : ndarray of shape (n_samples, height * width), float32
    y : ndarray of shape (n_samples,), int64

    Examples
    --------
    >>> from autoarch.datasets import make_stripes
    >>> X, y = make_stripes(n_samples=200, shape=(8, 8), random_state=0)
    >>> X.shape, sorted(set(y.tolist()))
    ((200, 64), [0, 1])
    """
    rng, y, shape = _begin(n_samples, shape, random_state)
    check_positive("noise", noise, or_zero=True)
    phase = rng.uniform(0, 2 * np.pi, size=(n_samples, 1, 1))
    period = rng.uniform(4.0, 8.0, size=(n_samples, 1, 1))
    X = np.sin(2 * np.pi * np.indices(shape)[y] / period + phase) + noise * rng.normal(size=(n_samples, *shape))
    return X.reshape(n_samples, -1).astype(np.float32), y


def make_textures(n_samples: int = 300, shape: Shape = (16, 16), *, random_state: Any = None) -> Samples:
    """Draw smooth random fields; the label is how coarse they are.

    The statistics are the same at every cell (``lag_r2`` near 1) and no cell alone tells the label: a convolution wins.

    Parameters
    ----------
    n_samples : int, default=300
        Rows.
    shape : tuple of int, default=(16, 16)
        Height and width.
    random_state : int, RandomState instance, Generator or None, default=None
        Seed.

    Returns
    -------
    X : ndarray of shape (n_samples, height, width), float32
    y : ndarray of shape (n_samples,), int64

    Examples
    --------
    >>> from autoarch.datasets import make_textures
    >>> make_textures(n_samples=10, shape=(12, 12), random_state=0)[0].shape
    (10, 12, 12)
    """
    rng, y, shape = _begin(n_samples, shape, random_state)
    X = np.empty((n_samples, *shape))
    for label, scale in enumerate((1.0, 1.5)):
        X[y == label] = _smooth_fields(int((y == label).sum()), shape, scale, rng)
    return X.astype(np.float32), y


def make_cell_rule(n_samples: int = 300, shape: Shape = (16, 16), *, random_state: Any = None) -> Samples:
    """Draw smooth random fields; the label is the sign of one fixed cell.

    The grid is as local as that of ``make_textures``, but position is everything: trees win, a convolution with pooling
    loses.

    Parameters
    ----------
    n_samples : int, default=300
        Rows.
    shape : tuple of int, default=(16, 16)
        Height and width.
    random_state : int, RandomState instance, Generator or None, default=None
        Seed; it also picks the cell.

    Returns
    -------
    X : ndarray of shape (n_samples, height, width), float32
    y : ndarray of shape (n_samples,), int64

    Examples
    --------
    >>> from autoarch.datasets import make_cell_rule
    >>> X, y = make_cell_rule(n_samples=50, random_state=0)
    >>> X.shape
    (50, 16, 16)
    """
    shape = check_sides("shape", shape, times=check_whole("n_samples", n_samples, least=1))
    rng = generator_of(random_state)
    X = _smooth_fields(n_samples, shape, 1.0, rng)
    row, column = (int(rng.integers(side)) for side in shape)
    return X.astype(np.float32), (X[:, row, column] > 0).astype(np.int64)


def make_noise(n_samples: int = 300, n_features: int = 30, *, random_state: Any = None) -> Samples:
    """Draw a table of independent columns; the label is 1 where two of them agree in sign.

    The order of the columns carries no information. Trees win: the rule is no sum of columns.

    Parameters
    ----------
    n_samples : int, default=300
        Rows.
    n_features : int, default=30
        Columns, at least two.
    random_state : int, RandomState instance, Generator or None, default=None
        Seed; it also picks the two columns.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features), float32
    y : ndarray of shape (n_samples,), int64

    Examples
    --------
    >>> from autoarch.datasets import make_noise
    >>> make_noise(n_samples=20, n_features=5, random_state=0)[0].shape
    (20, 5)
    """
    check_whole("n_samples", n_samples, least=1)
    check_whole("n_features", n_features, least=2)
    check_made(f"n_samples={n_samples} and n_features={n_features}", n_samples, n_features)
    rng = generator_of(random_state)
    X = rng.normal(size=(n_samples, n_features))
    first, second = rng.choice(n_features, 2, replace=False)
    return X.astype(np.float32), ((X[:, first] > 0) == (X[:, second] > 0)).astype(np.int64)


def make_planted(
    n_samples: int = 300, shape: Shape = (16, 16), *, cause: str = "cell", random_state: Any = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw noise in which the label depends on known cells, and return these: the truth for explanations.

    - "cell": one cell is high or low.
    - "pair": two cells, each high or low, agree or not; neither alone tells the label.
    - "row": one row carries a pattern or its negative.
    - "texture": stripes that run down or across, in a square whose place differs between samples.

    Any family finds the cell and the row, trees and dense nets the pair, and convolutions the texture.

    Parameters
    ----------
    n_samples : int, default=300
        Rows.
    shape : tuple of int, default=(16, 16)
        Height and width; at least 4 each for a texture, and two cells for a pair.
    cause : {"cell", "pair", "row", "texture"}, default="cell"
        What the label depends on.
    random_state : int, RandomState instance, Generator or None, default=None
        Seed; it also picks the cells.

    Returns
    -------
    X : ndarray of shape (n_samples, height, width), float32
    y : ndarray of shape (n_samples,), int64
    truth : ndarray of shape (n_samples, height, width), bool
        Cells that the label depends on.

    Raises
    ------
    ParameterError
        If ``cause`` is unknown.

    Examples
    --------
    >>> from autoarch.datasets import make_planted
    >>> X, y, truth = make_planted(20, (8, 8), cause="row", random_state=0)
    >>> X.shape, truth[0].sum()
    ((20, 8, 8), np.int64(8))
    """
    check_choice("cause", cause, ("cell", "pair", "row", "texture"))
    rng, y, shape = _begin(n_samples, shape, random_state, least=_LEAST_SIDE if cause == "texture" else 1)
    if cause == "pair" and shape == (1, 1):
        raise ParameterError("cause='pair' and shape=(1, 1) were given; expected two cells at least.")
    sign = 2.0 * y - 1.0
    X = rng.normal(size=(n_samples, *shape))
    truth = np.zeros(X.shape, dtype=bool)
    height, width = shape
    if cause == "row":
        row = int(rng.integers(height))
        X[:, row] += sign[:, None] * rng.choice([-1.0, 1.0], size=width)
        truth[:, row] = True
    elif cause == "texture":
        side = max(4, round(0.4 * min(shape)))
        places = rng.integers(0, [height - side + 1, width - side + 1], size=(n_samples, 2))
        wave = 2.0 * np.where(np.arange(side) % 4 < 2, 1.0, -1.0) * np.ones((side, side))
        for sample, (top, left) in enumerate(places):
            square = slice(top, top + side), slice(left, left + side)
            X[sample][square] += wave if y[sample] else wave.T
            truth[sample][square] = True
    else:
        cells = rng.choice(height * width, size=2, replace=False)[: 1 if cause == "cell" else 2]
        signs = sign[:, None]
        if cause == "pair":
            first = rng.choice([-1.0, 1.0], size=n_samples)
            signs = np.column_stack([first, first * sign])
        X.reshape(n_samples, -1)[:, cells] = 2.0 * signs + 0.5 * rng.normal(size=signs.shape)
        truth.reshape(n_samples, -1)[:, cells] = True
    return X.astype(np.float32), y, truth


def make_alternating_texture(n_samples: int = 300, shape: Shape = (16, 16), *, random_state: Any = None) -> Samples:
    """Draw fields whose neighbouring cells take opposite signs; the label is the direction in which they change slowly.

    Smoothness measures such as Moran's I find no locality here; absolute correlations do, and a convolution wins.

    Parameters
    ----------
    n_samples : int, default=300
        Rows.
    shape : tuple of int, default=(16, 16)
        Height and width.
    random_state : int, RandomState instance, Generator or None, default=None
        Seed.

    Returns
    -------
    X : ndarray of shape (n_samples, height, width), float32
    y : ndarray of shape (n_samples,), int64

    Examples
    --------
    >>> from autoarch.datasets import make_alternating_texture
    >>> X, y = make_alternating_texture(n_samples=10, random_state=0)
    >>> bool((X[:, :, 1:] * X[:, :, :-1]).mean() < 0)
    True
    """
    rng, y, shape = _begin(n_samples, shape, random_state)
    noise = rng.normal(size=(n_samples, *shape))
    fields = np.empty_like(noise)
    for label, sigma in enumerate(((0, 1.2, 0.6), (0, 0.6, 1.2))):
        fields[y == label] = gaussian_filter(noise[y == label], sigma=sigma, mode="wrap")
    fields /= np.maximum(fields.std(axis=(1, 2), keepdims=True), 1e-12)
    board = 1 - 2 * (np.indices(shape).sum(axis=0) % 2)
    return (fields * board).astype(np.float32), y
