"""Rungs of a training, at which one that has fallen behind others is ended; one that goes on keeps its weights.

Successive halving [1]_, asynchronous and by stopping: nobody waits for others to reach a rung, and nothing is trained
twice.

References
----------
.. [1] L. Li et al., "A system for massively parallel hyperparameter tuning", MLSys 2020.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from sklearn.base import BaseEstimator

RUNGS = (0.25, 0.5)  # of a training; later there is little left to save


class FellBehindError(Exception):
    """A training was ended at a rung; the message says by how much it was behind."""


class Race:
    """The rungs of one training.

    Parameters
    ----------
    bars : mapping of float to float
        Scores that must be reached at rungs; rungs without one are only recorded.
    X : ndarray of shape (n, p)
        Rows to judge on, as the first step of the pipeline takes them.
    score : callable
        Score of a model, its last step, on transformed rows.
    """

    def __init__(self, bars: Mapping[float, float], X: np.ndarray, score: Callable[[BaseEstimator, np.ndarray], float]):
        self.bars, self.score = bars, score
        self.scores: dict[float, float] = {}
        self._values = X

    def enter(self, transformers: Sequence[BaseEstimator]) -> Race:
        """Take the rows through the fitted steps before the model."""
        for transformer in transformers:
            self._values = transformer.transform(self._values)
        return self

    def due(self, progress: float) -> bool:
        """Whether a training that has come so far stands at a rung that has not been judged."""
        return len(self.scores) < len(RUNGS) and progress >= RUNGS[len(self.scores)]

    def judge(self, model: BaseEstimator) -> None:
        """Score the model at its rung.

        Raises
        ------
        FellBehindError
            If it does not reach the bar.
        """
        rung = RUNGS[len(self.scores)]
        score = self.scores[rung] = self.score(model, self._values)
        if score < self.bars.get(rung, -np.inf):
            raise FellBehindError(
                f"{score:.4g} after {rung:.0%} of its training, half of its family had {self.bars[rung]:.4g}"
            )
