"""Comparable columns, their correlations, and the affinity of columns that may belong side by side.

Plain correlation reaches far; partial correlation, with all other columns held fixed, is close to nothing beyond the
four neighbours of a cell. With few rows the full inverse is mostly noise, hence the local version: each column is set
against its likeliest partners only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from scipy.linalg import LinAlgError, lapack

from autoarch._data.array_checks import check_numbers, refuse_infinite
from autoarch._data.containers import check_room, take_rows
from autoarch.exceptions import InputError

MOST_ROWS = 20_000  # beyond, more rows make correlations no better than lattices need
LARGEST = 1e15  # of float32 values; sums of their squares stay finite
RARE = 0.02  # share of rows; a column that leaves its median in fewer rows is near-constant,
ENOUGH = 5  # unless it does so in that many rows
BLOCK = 512  # rows at a time
TWO_HOP_LINKS = 6  # strongest links of a column that a path of two steps may take


class Columns(NamedTuple):
    """Columns ready for correlations.

    Parameters
    ----------
    values : ndarray of shape (n, a + r), float32
        Active columns, then near-constant ones, with mean zero and spread one. Missing cells are zero, which weakens
        all correlations a little; those of the rows where both are present would be no correlations of anything, and
        regressions on them explain more than all there is.
    numbers : ndarray of int, shape (a + r,)
        Their places in X.
    n_active : int
        Number of active columns.
    constant : ndarray of int
        Columns of X that never vary, or are always missing.
    """

    values: np.ndarray
    numbers: np.ndarray
    n_active: int
    constant: np.ndarray

    def halved_correlations(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of the active columns: over all rows, and over two halves of them drawn at random."""
        rows = rng.permutation(len(self.values))
        halves = np.sort(rows[: len(rows) // 2]), np.sort(rows[len(rows) // 2 :])
        first, second = (Z.T @ Z for Z in (self.values[half, : self.n_active] for half in halves))
        return to_correlations(first + second), to_correlations(first), to_correlations(second)


def to_correlations(products: np.ndarray) -> np.ndarray:
    """Scale mean products by the spreads of their columns, in place."""
    spread = np.sqrt(np.diag(products))  # in a half of the rows a column has a spread of its own, which may be none
    scale = np.where(spread > 1e-3 * spread.max(initial=0.0), 1.0 / np.maximum(spread, 1e-12), 0.0)
    products *= scale.astype(np.float32)[:, None]
    products *= scale.astype(np.float32)
    np.clip(products, -1.0, 1.0, out=products)
    np.fill_diagonal(products, 1.0)
    return products


def prepare_columns(X: Any, rng: np.random.Generator) -> Columns:
    """Read X, subtract each column's minimum, take roots where X is non-negative, standardise.

    Parameters
    ----------
    X : array-like of shape (n, p)
        Real numbers; NaN where a cell is missing.
    rng : Generator
        Draws the rows where there are more than 20,000, and the order of the columns.

    Returns
    -------
    Columns
        In an order that depends on their values alone: the given one must not help, as it often is the answer.

    Raises
    ------
    InputError
        If X is no table of real numbers, or has fewer than two rows.
    """
    hint = "\nA layout is recovered from numbers only: encode or drop the other columns."
    values = check_numbers(X, least_rows=2, speaker="recover_layout", hint=hint)
    if values.ndim != 2:
        raise InputError(
            f"X has {values.ndim} dimensions, {values.shape}; expected (rows, columns). Flatten every row first: "
            "X.reshape(len(X), -1)."
        )
    if len(values) > MOST_ROWS:
        values = take_rows(values, np.sort(rng.choice(len(values), MOST_ROWS, replace=False)))
    check_room("X", values.shape, values.dtype.itemsize)  # a view may have a shape that no memory holds
    refuse_infinite(values, speaker="recover_layout")
    with np.errstate(invalid="ignore"):
        largest = np.fmax.reduce(np.abs(values), axis=0, initial=0.0)
    if float(largest.max()) > LARGEST:  # squares would overflow; only relative values matter
        values = values / np.maximum(largest / LARGEST, 1.0)
    values = values.astype(np.float32)
    lowest = np.nan_to_num(np.fmin.reduce(values, axis=0))
    values -= lowest
    if (lowest >= 0).all():
        np.sqrt(values, out=values)
    missing = np.isnan(values)
    active, rare, constant = _by_variation(values, missing)
    count: Any = np.maximum((~missing).sum(axis=0), 1) if missing.any() else len(values)
    values[missing] = 0.0
    values -= (values.sum(axis=0, dtype=np.float64) / count).astype(np.float32)
    values[missing] = 0.0
    values /= np.maximum(np.sqrt(np.einsum("ij,ij->j", values, values) / count), 1e-12).astype(np.float32)
    key = rng.normal(size=len(values)).astype(np.float32) @ values
    numbers = np.concatenate([kind[np.argsort(key[kind], kind="stable")] for kind in (active, rare)])
    return Columns(np.ascontiguousarray(values[:, numbers]), numbers, len(active), constant)


def _by_variation(values: np.ndarray, missing: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns that often leave their median, rarely, never."""
    if missing.any():  # columns that are always missing have no median
        median = np.nanmedian(np.where(missing.all(axis=0), np.float32(0.0), values), axis=0)
    else:
        median = np.median(values[:: max(1, len(values) // 2_000)], axis=0)
    count = (np.abs(values - median) > 1e-6 * np.fmax.reduce(values, axis=0)).sum(axis=0)
    constant, rare = count == 0, count < min(ENOUGH, RARE * len(values))
    return np.flatnonzero(~rare), np.flatnonzero(rare & ~constant), np.flatnonzero(constant)


@dataclass(frozen=True)
class Affinity:
    """One candidate for the strength of links between columns.

    Parameters
    ----------
    signed : ndarray of shape (p, p), float32
        Partial correlations, zero on the diagonal.
    """

    signed: np.ndarray

    @cached_property
    def direct(self) -> np.ndarray:
        """Affinity of cells that share an edge."""
        return np.maximum(self.signed, 0.0)

    @cached_property
    def diagonal(self) -> np.ndarray:
        """Affinity of cells that share a corner: paths of two steps, of which a lattice has two for each such pair."""
        links = strongest(self.direct, TWO_HOP_LINKS)
        roots = np.sqrt(np.take_along_axis(self.direct, links, axis=1))
        p, k = links.shape
        steps = sparse.csr_array((roots.ravel(), links.ravel(), np.arange(0, p * k + 1, k)), shape=(p, p))
        steps = steps.maximum(steps.T)
        paths = (steps @ steps).toarray().astype(np.float32, copy=False)
        np.fill_diagonal(paths, 0.0)
        return paths


def candidate_affinities(C: np.ndarray, n_rows: int) -> list[Affinity]:
    """Affinities that suit clean and noisy, long and short tables; the likelihood of the layouts decides."""
    wide, ranked = partial_correlations(C, 2.0), partial_correlations(C, 0.1)
    once = local_partial_correlations(C, ranked, 15, 0.03)
    rankings = (once + 1e-3 * ranked, 15, 0.03), (wide, 20, 0.03), (wide, 30, 0.3)
    found = [local_partial_correlations(C, *ranking) for ranking in rankings]
    if n_rows >= 5 * len(C):
        found.insert(0, (partial_correlations(C, 0.003) + partial_correlations(C, 0.01)) / 2)
    return [Affinity(signed) for signed in found]


def partial_correlations(C: np.ndarray, shrinkage: float) -> np.ndarray:
    """Correlations of pairs of columns with all other columns held fixed.

    Parameters
    ----------
    C : ndarray of shape (p, p)
        Correlations.
    shrinkage : float
        Added to the diagonal before C is inverted; more of it for fewer rows or more noise.

    Returns
    -------
    ndarray of shape (p, p), float32
        Zero on the diagonal.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch.layouts.partial_correlation import partial_correlations
    >>> distance = abs(np.subtract.outer(np.arange(4), np.arange(4)))
    >>> chain = partial_correlations(0.8**distance, 1e-6)  # each link is felt by its neighbours alone
    >>> bool(chain[0, 1] > 0.5), bool(abs(chain[0, 2]) < 0.01)
    (True, True)
    """
    for _ in range(40):  # until C and the ridge are positive definite: pairwise correlations need not be
        ridged = np.array(C, dtype=np.float32, order="F")
        ridged[np.diag_indices_from(ridged)] += np.float32(shrinkage)
        factor, failed = lapack.spotrf(ridged, lower=1, overwrite_a=1)
        if not failed:
            break
        shrinkage = 2.0 * max(shrinkage, 1e-4)
    else:
        raise LinAlgError("correlations hold values that are not finite")
    lower = np.tril(lapack.spotri(factor, lower=1, overwrite_c=1)[0])
    P = lower + np.tril(lower, -1).T
    scale = 1.0 / np.sqrt(np.diag(P))
    P *= -scale[:, None]
    P *= scale
    np.fill_diagonal(P, 0.0)
    return P


def local_partial_correlations(C: np.ndarray, ranking: np.ndarray, partners: int, shrinkage: float) -> np.ndarray:
    """Partial correlations of each column with its likeliest partners, only these held fixed.

    Parameters
    ----------
    C : ndarray of shape (p, p)
        Correlations.
    ranking : ndarray of shape (p, p)
        Larger for likelier partners.
    partners : int
        Number of columns that each is set against.
    shrinkage : float
        Added to the diagonals.

    Returns
    -------
    ndarray of shape (p, p), float32
        Mean of the two directions; zero where neither column chose the other.
    """
    p = len(C)
    chosen = strongest(ranking, min(partners, p - 1))
    group = np.concatenate([np.arange(p)[:, None], chosen], axis=1)
    blocks = C[group[:, :, None], group[:, None, :]]
    k = np.arange(group.shape[1])
    blocks[:, k, k] = 1.0 + shrinkage
    P = np.linalg.inv(blocks)
    scale = np.sqrt(np.abs(P[:, :1, 0] * P[:, k[1:], k[1:]]))
    found = np.zeros((p, p), np.float32)
    np.put_along_axis(found, chosen, -P[:, 0, 1:] / np.maximum(scale, 1e-12), axis=1)
    return (found + found.T) / 2


def strongest(A: np.ndarray, k: int) -> np.ndarray:
    """Columns with the ``k`` largest values of each row, without the diagonal, in no particular order."""
    k = min(k, len(A) - 1)
    chosen = np.zeros((len(A), k), np.intp)
    for start in range(0, len(A) if k else 0, BLOCK):  # places of all rows at once would take twice the memory of A
        ranked = -A[start : start + BLOCK]
        here = np.arange(len(ranked))
        ranked[here, start + here] = np.inf
        chosen[start : start + BLOCK] = np.argpartition(ranked, k - 1, axis=1)[:, :k]
    return chosen
