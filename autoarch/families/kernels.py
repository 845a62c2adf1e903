"""Random convolutions and ridge: seconds on a CPU, and often the best on few samples."""

from __future__ import annotations

from collections.abc import Sequence

from autoarch._statistics import random_convolutions
from autoarch.families import preprocessing
from autoarch.families.base import Family, Needs, Params, Problem, Steps, Trial
from autoarch.families.random_convolutions import (
    BLOCKS,
    Pace,
    RandomConvolutionClassifier,
    RandomConvolutionRegressor,
    affordable_kernels,
    per_kernel,
)

_PER_RESPONSE, _OPERATIONS = 4e-9, 5e10  # seconds, and operations in a second, of a core


class Kernels(Family):
    """Features of random convolutions, as in ROCKET and Hydra but on grids as well as on lines, and ridge on them."""

    name = "kernels"
    anytime = True
    needs = Needs(grid=True, packages=("torch",))
    averages_seeds = True

    def defaults(self, problem: Problem) -> Sequence[Params]:
        """All features; of places, with neighbours hidden and not; many patterns, many places; the other scaling.

        Where places carry no label, patterns come first; where levels wander, differences of neighbours come second.
        """
        around = preprocessing.neighborhood_default(problem)
        scaling, *further = preprocessing.grid_scalings(problem)
        base = {"kernels": 256, "features": "all", "scaling": scaling, **around}
        variants: list[Params] = [{"features": "patterns", "kernels": 1024}, {"features": "places", "kernels": 512}]
        if "place_free" in problem.symmetries:
            base["features"] = "patterns"
            variants.insert(1, {"features": "all"})
        others: list[Params] = [{"scaling": other} for other in further if other != "differences"]
        if "differences" in further:
            variants.insert(0, {"scaling": "differences"})
        variants = [{"hidden": False}, *variants] if around else [*variants, *others]
        return [base, *({**base, **variant} for variant in variants)]

    def openings(self, problem: Problem) -> int:
        """The first one and, where nobody knows whether they tell more than the cells, differences of neighbours."""
        return 2 if "differences" in preprocessing.grid_scalings(problem)[1:] else 1

    def smoke_params(self, problem: Problem) -> Params:
        """A few kernels."""
        return {**self.defaults(problem)[0], "kernels": 32}

    def suggest(self, trial: Trial, problem: Problem) -> Params:
        """Sample the number of kernels, their features and the scaling."""
        return {
            "kernels": trial.suggest_int("kernels.kernels", 64, 1024, log=True),
            "features": trial.suggest_categorical("kernels.features", list(BLOCKS)),
            "scaling": trial.suggest_categorical("kernels.scaling", preprocessing.grid_scalings(problem)),
            **preprocessing.suggest_neighborhood(trial, self.name, problem),
        }

    def nominal_seconds(self, params: Params, problem: Problem) -> float:
        """Estimate by the responses of the kernels and the size of the ridge."""
        channels, height, width = preprocessing.grid_shape(params, problem)
        n, features = problem.n_samples, params["features"]
        n_kernels = affordable_kernels(params["kernels"], features, n)
        positions = min(height * width, random_convolutions.MOST_POSITIONS)
        pace = Pace(positions * (1 + channels / 4) * _PER_RESPONSE, _OPERATIONS)
        ridge = pace.ridge(n, n_kernels * per_kernel(features), max(1, problem.n_classes))
        return 0.02 + n * n_kernels * pace.kernel + ridge

    def build(self, params: Params, problem: Problem, seed: int) -> Steps:
        """Make grids, then convolve and fit."""
        model = RandomConvolutionClassifier if problem.classification else RandomConvolutionRegressor
        ridge = model(n_kernels=params["kernels"], features=params["features"], seed=seed)
        return [preprocessing.grid_step(params, problem), ("model", ridge)]
