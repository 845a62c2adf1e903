"""Levels of a column, such as groups of rows: means of others within them, and how alike their rows are."""

from __future__ import annotations

import numpy as np


def level_means(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Mean of each column within each code."""
    n = int(codes.max()) + 1
    sums = np.stack([np.bincount(codes, weights=column, minlength=n) for column in values.T], axis=1)
    return sums / np.maximum(np.bincount(codes, minlength=n), 1)[:, None]


def intraclass(features: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Intraclass correlation of each feature, from the analysis of variance.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch._statistics.levels import intraclass
    >>> intraclass(np.array([[1.0, 0.0], [1.0, 1.0], [5.0, 0.0], [5.0, 1.0]]), np.array([0, 0, 1, 1])).round(2)
    array([ 1., -1.])
    """
    n, sizes = len(features), np.bincount(codes)
    k = len(sizes)
    if not features.shape[1] or k >= n or k < 2:
        return np.zeros(features.shape[1])
    means = level_means(features, codes)
    total = np.square(features - features.mean(axis=0)).sum(axis=0)
    between = (sizes[:, None] * np.square(means - features.mean(axis=0))).sum(axis=0)
    size = (n - np.square(sizes).sum() / n) / (k - 1)
    within = np.maximum((total - between) / (n - k), 1e-12)
    variance = between / (k - 1)
    return (variance - within) / (variance + (size - 1) * within)
