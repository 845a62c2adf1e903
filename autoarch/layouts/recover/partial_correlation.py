"""How strongly two columns belong side by side, with what the others say taken out.

Plain correlation reaches far; partial correlation, with all other columns held fixed, is close to nothing beyond the
four neighbours of a cell. With few rows the full inverse is mostly noise, hence the local version: each column is set
against its likeliest partners only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.linalg import LinAlgError, lapack

BLOCK = 512  # rows at a time
TWO_HOP_LINKS = 6  # strongest links of a column that a path of two steps may take


@dataclass(frozen=True)
class Affinity:
    """One opinion about which columns are neighbours.

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
    >>> distance = abs(np.subtract.outer(np.arange(4), np.arange(4)))
    >>> chain = partial_correlations(0.8**distance, 1e-6)  # each link is felt by its neighbours alone
    >>> bool(chain[0, 1] > 0.5), bool(abs(chain[0, 2]) < 0.01)
    (True, True)
    """
    P = _inverse(C, shrinkage)
    scale = 1.0 / np.sqrt(np.diag(P))
    P *= -scale[:, None]
    P *= scale
    np.fill_diagonal(P, 0.0)
    return P


def _inverse(C: np.ndarray, shrinkage: float) -> np.ndarray:
    """Of C plus a ridge, which grows until the sum is positive definite: pairwise correlations need not be."""
    for _ in range(40):
        ridged = np.array(C, dtype=np.float32, order="F")
        ridged[np.diag_indices_from(ridged)] += np.float32(shrinkage)
        factor, failed = lapack.spotrf(ridged, lower=1, overwrite_a=1)
        if not failed:
            inverse, failed = lapack.spotri(factor, lower=1, overwrite_c=1)
            lower = np.tril(inverse)
            return lower + np.tril(lower, -1).T
        shrinkage = 2.0 * max(shrinkage, 1e-4)
    raise LinAlgError("correlations hold values that are not finite")


def local_partial_correlations(C: np.ndarray, ranking: np.ndarray, partners: int, shrinkage: float) -> np.ndarray:
    """Partial correlations of each column with its likeliest partners, only these held fixed.

    Parameters
    ----------
    C : ndarray of shape (p, p)
        Correlations.
    ranking : ndarray of shape (p, p)
        Larger for likelier partners.
    partners : int
        How many each column is set against.
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
    for start in range(0, len(A) if k else 0, BLOCK):  # places of all rows at once would take twice the room of A
        ranked = -A[start : start + BLOCK]
        here = np.arange(len(ranked))
        ranked[here, start + here] = np.inf
        chosen[start : start + BLOCK] = np.argpartition(ranked, k - 1, axis=1)[:, :k]
    return chosen


def opinions(C: np.ndarray, n_rows: int) -> list[Affinity]:
    """Affinities that suit clean and noisy, long and short tables; which one does is for the likelihood to say."""
    p = len(C)
    wide = partial_correlations(C, 2.0)
    ranked = partial_correlations(C, 0.1)
    once = local_partial_correlations(C, ranked, 15, 0.03)
    made = [
        local_partial_correlations(C, once + 1e-3 * ranked, 15, 0.03),
        local_partial_correlations(C, wide, 20, 0.03),
        local_partial_correlations(C, wide, 30, 0.3),
    ]
    if n_rows >= 5 * p:
        made.insert(0, (partial_correlations(C, 0.003) + partial_correlations(C, 0.01)) / 2)
    return [Affinity(signed) for signed in made]
