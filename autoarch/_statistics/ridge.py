"""Ridge regression whose penalty is chosen by the leave-one-out error, exact from one Cholesky factor per penalty.

With the Gram matrix ``K`` of centred rows and a penalty ``a``, the slopes in the span of the rows are
``c = (K + a)^-1 y``, and the error on a row that is left out is ``c_i / ((K + a)^-1)_ii`` [1]_. An eigendecomposition
would serve all penalties, but takes ten times as long as a factor; the error has one valley in the penalty, so that
five or six factors find its floor, and of many rows a part finds it.

``out_of_fold`` serves cross-validation: with ``A = (K + a I + c 11')^-1`` (``c`` large: a free intercept) the
residuals of a block of rows that was left out are ``A_bb^-1 (A y)_b``, so three folds cost one inverse, not three fits.

References
----------
.. [1] R. M. Rifkin, R. A. Lippert, "Notes on regularized least squares", MIT-CSAIL-TR-2007-025, 2007.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve, lapack, solve_triangular
from sklearn.utils import gen_batches

from autoarch._core.clock import Deadline, OutOfTimeError
from autoarch._core.threads import limited
from autoarch._statistics.ridge_in_parts import solved_in_parts

PENALTIES = np.logspace(-5, 2, 15)  # relative to the mean squared length of a row of features
_ENOUGH_ROWS = 1_300  # on which the penalty is chosen; a factor of all rows takes the cube of their number
_STRIDE = 2  # penalties between those that are compared first
ALPHAS = (3e-4, 2e-3, 1e-2, 6e-2, 0.3, 2.0)  # relative to the mean squared length of a row of features
_FIRST = 3
_INTERCEPT = 10.0  # inner product of a constant feature
_USUAL_PENALTIES = 6  # that are compared
_MAY_HALVE = 2.0  # the pace of a machine during the last factor, which nothing can stop
_SLOWER = 2.2  # times as long takes an operation of a factor or an inverse as one of a product
_PER_VALUE = 45  # operations that centring, weighting and copying a value come to
_SIDE, _REPEATS = 320, 5  # of the products that are timed
_BLOCK_VALUES = 2**22  # of features that are centred and weighted at a time


@dataclass(frozen=True, eq=False)
class RidgeFit:
    """A ridge regression of several targets.

    Parameters
    ----------
    coef : ndarray of shape (n_features, n_targets)
        Slopes.
    intercept : ndarray of shape (n_targets,)
        Values where all features are 0.
    penalty : float
        The one chosen of ``PENALTIES``.
    left_out : ndarray of shape (n, n_targets)
        What each row is predicted to be by a fit on all others.
    settled : bool, default=True
        Whether there was time to compare penalties until the best was found.
    """

    coef: np.ndarray
    intercept: np.ndarray
    penalty: float
    left_out: np.ndarray
    settled: bool = True

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Values of shape (n, n_targets)."""
        return features @ self.coef + self.intercept


@limited(1)  # a factor takes longer with two threads, and the speed of products would mislead about it
def fit_ridge(
    features: np.ndarray, targets: np.ndarray, weight: np.ndarray | None = None, deadline: Deadline | None = None
) -> RidgeFit:
    """Fit with the penalty that predicts left-out rows best.

    Parameters
    ----------
    features : ndarray of shape (n, n_features)
        On comparable scales.
    targets : ndarray of shape (n, n_targets)
        Numbers.
    weight : ndarray of shape (n,), optional
        Positive weights of the rows.
    deadline : Deadline, optional
        Fewer penalties are compared where the fit would end too late.

    Returns
    -------
    RidgeFit
    """
    n, deadline = len(features), deadline or Deadline()
    weight = np.ones(n) if weight is None else weight / weight.mean()
    root, share = np.sqrt(weight)[:, None], weight / weight.sum()
    many = n > features.shape[1] and features.size > _BLOCK_VALUES
    parts = list(gen_batches(n, max(1, _BLOCK_VALUES // features.shape[1]) if many else n))
    centre, level = sum(share[part] @ features[part] for part in parts), share @ targets

    def rows(part: Any) -> np.ndarray:
        return root[part] * (features[part] - centre)

    wanted = root * (targets - level)
    scale = max(float(sum(np.einsum("ij,ij->", one, one) for one in map(rows, parts))) / n, 1e-30)
    some = slice(None) if n <= _ENOUGH_ROWS else np.random.default_rng(0).permutation(n)[:_ENOUGH_ROWS]
    penalty, settled = _best_penalty(rows(some), wanted[some], share[some] / share[some].sum(), scale, n, deadline)
    if many:
        coef, errors = solved_in_parts(rows, parts, wanted, share, penalty * scale)
    else:
        whole = rows(slice(None))
        coef, errors = _solved(whole, wanted, share, _gram(whole), penalty * scale)
    return RidgeFit(coef, level - centre @ coef, penalty, targets - errors / root, settled)


def ridge_operations(n_rows: int, n_features: int, n_targets: int, n_penalties: int = _USUAL_PENALTIES) -> float:
    """Count what ``fit_ridge`` computes, in multiplications and additions at the speed of a product of matrices.

    Within a third of the truth between 1,000 x 500 and 20,000 x 1,500 values and for 1 to 600 targets; of small
    problems, which take less than a tenth of a second, it says too little.
    """
    some = min(n_rows, _ENOUGH_ROWS)
    products = sum(rows * n_features * min(rows, n_features) for rows in (some, n_rows))
    solving = n_penalties * _solving(some, n_features, n_targets) + _solving(n_rows, n_features, n_targets)
    return products + solving + _PER_VALUE * n_rows * n_features


def _solving(n_rows: int, n_features: int, n_targets: int) -> float:
    """Operations for one penalty."""
    side = min(n_rows, n_features)
    factor = side**3 if n_rows <= n_features else side**3 / 3 + n_features**2 * n_rows
    return _SLOWER * factor + 2 * n_targets * (side**2 + 2 * n_rows * n_features)


@limited(1)
def operations_per_second() -> float:
    """Measure the speed of a product of matrices on one thread, as here and now, in some ten milliseconds."""
    side = np.linspace(0.0, 1.0, _SIDE**2).reshape(_SIDE, _SIDE)
    seconds = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        side @ side
        seconds.append(time.perf_counter() - began)
    return 2 * _SIDE**3 / max(float(np.median(seconds)), 1e-9)


def _best_penalty(
    rows: np.ndarray, wanted: np.ndarray, share: np.ndarray, scale: float, n_rows: int, deadline: Deadline
) -> tuple[float, bool]:
    """Go downhill from the middle of ``PENALTIES``, in long steps, then in short ones, while there is time.

    Of ``n_rows``, all of which are to be fitted afterwards, these ``rows`` are a part.
    """
    size = rows.shape[1], wanted.shape[1]
    last = (n_rows * size[0] * min(n_rows, size[0]) + _solving(n_rows, *size)) / _solving(len(rows), *size)
    gram, slowest = _gram(rows), 0.0
    known: dict[int, float] = {}

    def error(place: int) -> float:
        nonlocal slowest
        if not 0 <= place < len(PENALTIES):
            return np.inf
        if place not in known:
            if known and deadline.left < slowest * (1.0 + _MAY_HALVE * last):
                raise OutOfTimeError
            began = time.monotonic()
            known[place] = float(np.mean(_solved(rows, wanted, share, gram, PENALTIES[place] * scale)[1] ** 2))
            slowest = max(slowest, time.monotonic() - began)
        return known[place]

    place = len(PENALTIES) // 2
    try:
        for step in (_STRIDE, 1):
            while (nearest := min((place - step, place, place + step), key=error)) != place:
                place = nearest
    except OutOfTimeError:
        return float(PENALTIES[min(known, key=lambda place: known[place])]), False
    return float(PENALTIES[place]), True


def _gram(rows: np.ndarray) -> np.ndarray:
    """Products of rows, or of columns where these are fewer."""
    return rows @ rows.T if len(rows) <= rows.shape[1] else rows.T @ rows


def _solved(
    rows: np.ndarray, wanted: np.ndarray, share: np.ndarray, gram: np.ndarray, penalty: float
) -> tuple[np.ndarray, np.ndarray]:
    """Slopes, and the error on each row when it is left out."""
    stiff = gram.copy()
    stiff.flat[:: len(stiff) + 1] += penalty
    factor = cho_factor(stiff, lower=True, overwrite_a=True, check_finite=False)
    if len(rows) <= rows.shape[1]:
        along = cho_solve(factor, wanted, check_finite=False)
        kept = penalty * np.diagonal(lapack.dpotri(factor[0], lower=1)[0])  # one less the leverage
        return rows.T @ along, penalty * along / np.maximum(kept - share, 1e-6)[:, None]
    coef = cho_solve(factor, rows.T @ wanted, check_finite=False)
    leverage = (solve_triangular(factor[0], rows.T, lower=True, check_finite=False) ** 2).sum(axis=0)
    return coef, (wanted - rows @ coef) / np.maximum(1 - leverage - share, 1e-6)[:, None]


def gram(features: np.ndarray) -> np.ndarray:
    """Gram matrix of standardised features, scaled to a mean diagonal of 1.

    Columns are centred and scaled first; columns that do not vary drop out.
    """
    centred = features - features.mean(axis=0)
    spread = np.sqrt(np.einsum("ij,ij->j", centred, centred) / max(1, len(centred)))
    varies = spread > 1e-6 * (1e-30 + np.abs(features).max(axis=0, initial=0.0))
    centred *= np.where(varies, 1.0 / np.where(varies, spread, 1.0), 0.0)
    product = (centred @ centred.T).astype(np.float64)
    return product / max(float(np.trace(product)) / max(1, len(product)), 1e-12)


def out_of_fold(kernel: np.ndarray, targets: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Predict every row by a ridge fit on the other folds, ``alpha`` chosen by the leave-one-out error.

    Parameters
    ----------
    kernel : ndarray of shape (n, n)
        From ``gram``.
    targets : ndarray of shape (n, k)
        One column per target, or per class as -1 / +1.
    folds : ndarray of shape (n,)
        Fold of each row.

    Returns
    -------
    ndarray of shape (n, k)
    """
    _, inverse, solved, _ = _best_alpha(kernel, targets)
    residuals = np.empty_like(solved)
    for fold in np.unique(folds):
        block = np.nonzero(folds == fold)[0]
        residuals[block] = np.linalg.solve(inverse[np.ix_(block, block)], solved[block])
    return targets - residuals


@dataclass(frozen=True, eq=False)
class LeftOut:
    """A ridge on inner products of rows, and what it predicts for each row where it is fitted on all others.

    Parameters
    ----------
    error : float
        Mean squared error of ``outputs``.
    outputs : ndarray of shape (n, k)
        Prediction of each row by the fit on the others.
    inverse : ndarray of shape (n, n)
        Of the system.
    solved : ndarray of shape (n, k)
        ``inverse`` times the targets.
    alpha : float
        Penalty.
    """

    error: float
    outputs: np.ndarray
    inverse: np.ndarray
    solved: np.ndarray
    alpha: float

    @classmethod
    def fit(cls, kernel: np.ndarray, targets: np.ndarray, alpha: float | None = None) -> LeftOut:
        """Fit with the ``alpha`` that predicts rows best that are left out; parameters as of ``out_of_fold``."""
        found = _best_alpha(kernel, targets) if alpha is None else _at_alpha(kernel, targets, alpha)
        error, inverse, solved, alpha = found
        return cls(error, targets - solved / np.diag(inverse)[:, None], inverse, solved, alpha)

    def of_changed(self, kernel: np.ndarray) -> np.ndarray:
        """Predict a changed copy of each row by the fit on all others.

        ``kernel`` holds in row i the inner products of the changed row i with all rows as they are.
        """
        system = kernel + _INTERCEPT
        own = np.einsum("ij,ji->i", system, self.inverse) / np.diag(self.inverse)
        return system @ self.solved - own[:, None] * self.solved


def _best_alpha(kernel: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray, np.ndarray, float]:
    """The solution with the least leave-one-out error."""
    start = best = _at_alpha(kernel, targets, ALPHAS[_FIRST])
    for walk in (ALPHAS[_FIRST - 1 :: -1], ALPHAS[_FIRST + 1 :]):  # the error has one valley: walk down it
        for alpha in walk if best is start else ():
            tried = _at_alpha(kernel, targets, alpha)
            if tried[0] >= best[0]:
                break
            best = tried
    return best


def _at_alpha(kernel: np.ndarray, targets: np.ndarray, alpha: float) -> tuple[float, np.ndarray, np.ndarray, float]:
    """Mean squared leave-one-out error under one alpha, with the inverse, ``inverse @ targets`` and alpha."""
    system = kernel + _INTERCEPT
    system[np.diag_indices_from(system)] += alpha
    factor, failed = lapack.dpotrf(system, lower=1, clean=1)
    if failed:
        inverse = np.linalg.pinv(system, hermitian=True)
    else:
        inverse, _ = lapack.dpotri(factor, lower=1)  # fills the lower triangle; the upper one is zero already
        inverse += np.tril(inverse, -1).T
    solved = inverse @ targets
    return float(np.mean((solved / np.diag(inverse)[:, None]) ** 2)), inverse, solved, alpha
