"""Random convolutions and ridge: seconds on a CPU, and often the best on few samples.

Imports: numpy, scikit-learn, ``autoarch.families``, ``autoarch._training``; torch only when convolutions are computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator

from autoarch._training.deadline import Deadline
from autoarch._training.grids import GridScaler
from autoarch.families import around
from autoarch.families.base import Family, Needs, Params, Problem, Steps
from autoarch.families.randomconv import BLOCKS, RandomConvolutionClassifier, RandomConvolutionRegressor

if TYPE_CHECKING:
    import optuna


_MOMENT_ROWS, _MOMENT_VALUES = 1_500, 2_000_000  # of X, up to which a fit takes a second or two and is not timed first


class Kernels(Family):
    """Features of random convolutions, as in ROCKET and Hydra but on grids as well as on lines, and ridge on them."""

    name = "kernels"
    needs = Needs(grid=True, packages=("torch",))
    averages_seeds = True

    def defaults(self, problem: Problem) -> Sequence[Params]:
        """All features; of places, with neighbours hidden and not; many patterns, many places; the other scaling."""
        base = {"kernels": 256, "features": "all", "scaling": "global", **around.pictures_first(problem)}
        whole, patterns = around.pictures_whole(problem), {**base, "features": "patterns", "kernels": 1024}
        return [
            base,
            *([{**base, **whole}] if whole else []),
            patterns,
            {**base, "features": "places", "kernels": 512},
            *([] if whole else [{**base, "scaling": "cell"}]),
        ]

    def smoke_params(self, problem: Problem) -> Params:
        """A few kernels."""
        return {**self.defaults(problem)[0], "kernels": 32}

    def suggest(self, trial: optuna.Trial, problem: Problem) -> Params:
        """Sample the number of kernels, their features and the scaling."""
        return {
            "kernels": trial.suggest_int("kernels.kernels", 64, 1024, log=True),
            "features": trial.suggest_categorical("kernels.features", list(BLOCKS)),
            "scaling": trial.suggest_categorical("kernels.scaling", ["global", "cell"]),
            **around.pictures_suggested(trial, self.name, problem),
        }

    def build(self, params: Params, problem: Problem, seed: int) -> Steps:
        """Shape and scale, or look around, then convolve and fit."""
        model = RandomConvolutionClassifier if problem.classification else RandomConvolutionRegressor
        ridge = model(n_kernels=params["kernels"], features=params["features"], seed=seed)
        if problem.layout is None:
            return [("around", around.pictures(params, problem)), ("model", ridge)]
        scaler = GridScaler(problem.layout, scaling=params["scaling"], categorical=problem.categorical)
        return [("scale", scaler), ("model", ridge)]

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
        """Fit small data at once: trials on few rows to find out what can be afforded would cost as much."""
        if len(X) <= _MOMENT_ROWS and X.size <= _MOMENT_VALUES:
            return model.fit(X, y, sample_weight=sample_weight)
        return super().fit(model, X, y, sample_weight=sample_weight, deadline=deadline, seed=seed)
