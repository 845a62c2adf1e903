"""Ridge regression whose penalty is chosen by the leave-one-out error, exact from one eigendecomposition.

With the features' singular vectors ``U`` and eigenvalues ``l`` of their Gram matrix, the hat matrix under a penalty
``a`` is ``U diag(l / (l + a)) U'``; its diagonal turns residuals into leave-one-out residuals, for every ``a`` at once
[1]_.

References
----------
.. [1] R. M. Rifkin, R. A. Lippert, "Notes on regularized least squares", MIT-CSAIL-TR-2007-025, 2007.

Imports: numpy, scipy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

PENALTIES = np.logspace(-5, 2, 15)  # relative to the mean squared length of a row of features
_NOTHING = 1e-10  # eigenvalues below this share of the largest are rounding errors


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
    """

    coef: np.ndarray
    intercept: np.ndarray
    penalty: float
    left_out: np.ndarray

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Values of shape (n, n_targets)."""
        return features @ self.coef + self.intercept


def fit_ridge(features: np.ndarray, targets: np.ndarray, weight: np.ndarray | None = None) -> RidgeFit:
    """Fit with the penalty that predicts left-out rows best.

    Parameters
    ----------
    features : ndarray of shape (n, n_features)
        On comparable scales.
    targets : ndarray of shape (n, n_targets)
        Numbers.
    weight : ndarray of shape (n,), optional
        Positive weights of the rows.

    Returns
    -------
    RidgeFit
    """
    n, n_features = features.shape
    weight = np.ones(n) if weight is None else weight / weight.mean()
    root, share = np.sqrt(weight)[:, None], weight / weight.sum()
    centre, level = share @ features, share @ targets
    rows, wanted = root * (features - centre), root * (targets - level)
    few_rows = n <= n_features
    values, vectors = eigh(rows @ rows.T if few_rows else rows.T @ rows, overwrite_a=True, check_finite=False)
    real = values > _NOTHING * max(float(values[-1]), 1e-30)
    values, vectors = values[real], vectors[:, real]
    basis = vectors if few_rows else rows @ (vectors / np.sqrt(values))
    along = basis.T @ wanted
    scale, squares = float(values.sum()) / n, basis**2
    best, chosen, left_out = np.inf, float(PENALTIES[0]), wanted
    for penalty in PENALTIES:
        kept = values / (values + penalty * scale)
        leverage = np.minimum(squares @ kept + share, 1 - 1e-6)
        errors = (wanted - basis @ (kept[:, None] * along)) / (1 - leverage)[:, None]
        if (error := float(np.mean(errors**2))) < best:
            best, chosen, left_out = error, float(penalty), targets - errors / root
    shrunk = along / (values + chosen * scale)[:, None]
    if few_rows:
        coef = rows.T @ (basis @ shrunk)
    else:
        coef = vectors @ (np.sqrt(values)[:, None] * shrunk)
    return RidgeFit(coef, level - centre @ coef, chosen, left_out)
