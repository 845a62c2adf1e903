"""How much features tell about labels, without training: the log of the maximum evidence of a linear model.

References
----------
.. [1] K. You, Y. Liu, J. Wang, M. Long, "LogME: practical assessment of pre-trained models for transfer learning",
   ICML 2021.
"""

from __future__ import annotations

import numpy as np

_MOST_ROUNDS = 100
_CLOSE = 1e-6  # change of the evidence per row at which the rounds end


def log_maximum_evidence(features: np.ndarray, y: np.ndarray, *, classification: bool) -> float:
    """LogME [1]_: mean log-evidence per row, of Bayesian linear models of the label given the features.

    Parameters
    ----------
    features : ndarray of shape (n, d)
        What a net makes of the rows.
    y : ndarray of shape (n,)
        Labels or numbers. A label counts as one 0/1 target per class, numbers as they are.
    classification : bool
        Which of both.

    Returns
    -------
    float
        Larger is better; comparable between features of the same rows only.

    References
    ----------
    .. [1] K. You, Y. Liu, J. Wang, M. Long, "LogME: practical assessment of pre-trained models for transfer learning",
       ICML 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._training.pretrained.logme import log_maximum_evidence
    >>> rng = np.random.default_rng(0)
    >>> features = rng.normal(size=(100, 5))
    >>> y = features[:, 0] > 0
    >>> telling = log_maximum_evidence(features, y, classification=True)
    >>> telling > log_maximum_evidence(features[:, 1:], y, classification=True)
    True
    """
    features = np.asarray(features, dtype=np.float64)
    left, values, _ = np.linalg.svd(features, full_matrices=False)
    squares = values**2
    targets = (y[:, None] == np.unique(y)).astype(float) if classification else np.asarray(y, dtype=float)[:, None]
    return float(np.mean([_evidence(left, squares, features.shape[1], target) for target in targets.T]))


def _evidence(left: np.ndarray, squares: np.ndarray, n_features: int, target: np.ndarray) -> float:
    """Log-evidence per row at the precisions of weights (alpha) and noise (beta) where it is largest.

    The fixed point of MacKay, in the basis of the singular vectors, where every matrix is diagonal.
    """
    n = len(target)
    rotated = left.T @ target
    rotated2 = rotated**2
    outside = max(float(target @ target - rotated2.sum()), 0.0)  # of the target, what no features could reach
    alpha, beta, reached = 1.0, 1.0, -np.inf
    for _ in range(_MOST_ROUNDS):
        shrunk = alpha + beta * squares
        effective = float((beta * squares / shrunk).sum())
        weights2 = float((beta**2 * squares * rotated2 / shrunk**2).sum())
        residual2 = float((alpha**2 * rotated2 / shrunk**2).sum()) + outside
        log_det = float(np.log(shrunk).sum()) + (n_features - len(squares)) * np.log(alpha)
        evidence = 0.5 * (
            n * np.log(beta / (2 * np.pi)) + n_features * np.log(alpha) - beta * residual2 - alpha * weights2 - log_det
        )
        if abs(evidence - reached) < _CLOSE * n:
            return evidence / n
        reached = evidence
        alpha = float(np.clip(effective / max(weights2, 1e-12), 1e-9, 1e9))
        beta = float(np.clip(max(n - effective, 1e-9) / max(residual2, 1e-12), 1e-9, 1e9))
    return reached / n
