"""What the families of nets share: the skorch class for the task, and how long and in which batches to train.

Imports: numpy, ``autoarch.families.base``; torch and skorch only when a net is made.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from autoarch.families.base import Problem


def epochs(n_samples: int) -> int:
    """Passes over the data that a net needs without a deadline: 100 for 200 rows, 38 for 5,000, 18 for 60,000."""
    return int(np.clip(100 * (n_samples / 200) ** -0.3, 10, 100))


def batch_rows(n_samples: int, *, largest: int) -> int:
    """A power of two near a fiftieth of the rows, so that few rows still give many steps."""
    return int(2 ** np.clip(np.round(np.log2(max(n_samples, 1) / 40)), 4, np.log2(largest)))


def make_net(problem: Problem, module: Any, **settings: Any) -> BaseEstimator:
    """The skorch class for the task around ``module``."""
    from autoarch._training.device import resolve_device
    from autoarch._training.nets import ArrayNetClassifier, ArrayNetRegressor

    net = ArrayNetClassifier if problem.classification else ArrayNetRegressor
    return net(module, device=resolve_device(problem.device), **settings)
