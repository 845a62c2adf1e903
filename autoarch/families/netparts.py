"""What the families of nets share: how they are fitted, the skorch class for the task, epochs and batches.

Imports: numpy, ``autoarch.families.base``; torch and skorch only when a net is made.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from autoarch._training.deadline import Deadline
from autoarch.families.base import Family, Problem


class NetFamily(Family):
    """A family whose models keep the deadline themselves."""

    def fit(
        self,
        model: BaseEstimator,
        X: np.ndarray,
        y: np.ndarray,
        *,
        sample_weight: np.ndarray | None,
        deadline: Deadline,
        seed: int,
    ) -> BaseEstimator:
        """Train; the schedule ends with the time."""
        return model.fit(X, y, sample_weight=sample_weight, deadline=deadline)


def epochs(n_samples: int, effort: float) -> int:
    """Passes over the data at an ``effort`` of 1: 38 for 200 rows, 20 for 1,000, 11 for 5,000, 4 for 60,000."""
    return max(2, round(effort * np.clip(20 * (n_samples / 1000) ** -0.4, 4, 60)))


def batch_rows(n_samples: int, *, largest: int, per_epoch: int = 40) -> int:
    """A power of two that makes some ``per_epoch`` batches of the rows, so that few rows still give many steps."""
    return int(2 ** np.clip(np.round(np.log2(max(n_samples, 1) / per_epoch)), 4, np.log2(largest)))


def make_net(problem: Problem, module: Any, **settings: Any) -> BaseEstimator:
    """The skorch class for the task around ``module``."""
    from autoarch._training.device import resolve_device
    from autoarch._training.nets import ArrayNetClassifier, ArrayNetRegressor

    net = ArrayNetClassifier if problem.classification else ArrayNetRegressor
    return net(module, device=resolve_device(problem.device), **settings)
