"""Random convolutions and ridge: seconds on a CPU, and often the best on few samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from autoarch._statistics import random_convolutions
from autoarch.families import preprocessing
from autoarch.families.base import Family, Needs, Params, Problem, Steps, Trial
from autoarch.families.convolution_ridge import (
    BLOCKS,
    Pace,
    affordable_kernels,
    affords_quantiles,
    per_kernel,
    quantiles_step,
)
from autoarch.families.net_settings import closed_axes
from autoarch.families.random_convolutions import RandomConvolutionClassifier, RandomConvolutionRegressor

_WHOLE: dict[str, int | None] = {"square": None, "row lanes": 0, "column lanes": 1}  # axis whose lines are channels
_MOST_LANES = 128  # channels that they make together
_MOST_AROUND, _PART_AROUND = 8, 4  # cells that are appended to an end, and part of the side, lest they count twice
_PER_RESPONSE, _OPERATIONS = 4e-9, 5e10  # seconds, and operations in a second, of a core


class Kernels(Family):
    """Features of random convolutions, as in ROCKET and Hydra but on grids as well as on lines, and ridge on them."""

    name = "kernels"
    anytime = True
    needs = Needs(grid=True, packages=("torch",))
    averages_seeds = True

    def kernels(self, problem: Problem) -> list[str]:
        """Kernels that the layout allows: squares, and lines of different things as channels."""
        if problem.layout is None or min(problem.layout.height, problem.layout.width) == 1:
            return ["square"]
        channels, height, width = problem.layout.shape
        n_lines = {"row lanes": channels * height, "column lanes": channels * width}
        return ["square", *(kernel for kernel, n in n_lines.items() if n <= _MOST_LANES)]

    def scalings(self, problem: Problem) -> list[str]:
        """Scalings on offer: cells beside differences as well, unless these were found to tell no more."""
        found = preprocessing.grid_scalings(problem)
        shown = problem.layout is not None and preprocessing.difference_axes(problem)
        if not shown or not {"codes", "not differences"}.isdisjoint(problem.symmetries):
            return found
        return [*found, preprocessing.CELLS_AND_DIFFERENCES]

    def defaults(self, problem: Problem) -> Sequence[Params]:
        """All features; of places, with neighbours hidden and not; many patterns, many places; the other scalings.

        Differences beside the cells come third. Some kernels see large grids as from afar; fine ones alone come behind.
        Where lines are of different things, these are channels first, and squares second. Where places carry no label,
        patterns come first; where levels wander, differences of neighbours, all features and patterns of them, and the
        cells second where nobody knows which of both tell more.
        """
        around = preprocessing.neighborhood_default(problem)
        scaling, *further = self.scalings(problem)
        extent = preprocessing.extent_default(problem)
        base = {"kernels": 256, "features": "all", "scaling": scaling, "kernel": "square", **around, **extent}
        many: Params = {"features": "patterns", "kernels": 1024}
        variants: list[Params] = [many, {"features": "places", "kernels": 512}]
        if self._sees_far(problem):
            base["coarse"] = True
            variants.insert(1, {**many, "coarse": False})
        variants[:0] = [{"extent": "whole"}] if extent else []
        if self._reads_quantiles(problem):
            series = problem.verdict.startswith("1d")
            base["quantiles"] = series and not problem.classification
            variants[:0] = [{"quantiles": problem.classification}] if series else []
        if "place_free" in problem.symmetries:
            base["features"] = "patterns"
            variants.insert(1, {"features": "all"})
        along = problem.verdict.removeprefix("1d-")  # after a one-dimensional verdict the lines are different things
        lanes = f"{along[:-1]} lanes"
        if lanes in self.kernels(problem) and f"exchangeable_{along}" not in problem.symmetries:
            base["kernel"] = lanes
            variants.insert(0, {"kernel": "square"})
        rivals = preprocessing.rival_scalings(problem)
        both = preprocessing.CELLS_AND_DIFFERENCES
        others: list[Params] = [{"scaling": other} for other in further if other not in ("differences", both, *rivals)]
        if both in further:
            variants.insert(1 + variants.index(many), {"scaling": both})
        variants = [{"hidden": False}, *variants] if around else [*variants, *others]
        variants[:0] = [{"scaling": name} for name in rivals if name != "differences"]
        if "differences" in further and scaling != "logarithms":
            variants = [{}, {**many, "scaling": "differences"}, *variants]
            base, cells = {**base, "scaling": "differences"}, {"scaling": scaling}
            return [base, *({**base, **cells, **variant} for variant in variants)]
        return [base, *({**base, **variant} for variant in variants)]

    def openings(self, problem: Problem) -> int:
        """The first one; the second one, too, where levels wander, or nobody knows whether logarithms tell more."""
        early = "differences" in preprocessing.grid_scalings(problem) or preprocessing.rival_scalings(problem)
        return 2 if early else 1

    def smoke_params(self, problem: Problem) -> Params:
        """A few kernels."""
        return {**self.defaults(problem)[0], "kernels": 32}

    def suggest(self, trial: Trial, problem: Problem) -> Params:
        """Sample the number of kernels, their features, the scaling and what is a channel."""
        return {
            "kernels": trial.suggest_int("kernels.kernels", 64, 1024, log=True),
            "features": trial.suggest_categorical("kernels.features", list(BLOCKS)),
            "scaling": trial.suggest_categorical("kernels.scaling", self.scalings(problem)),
            "kernel": trial.suggest_categorical("kernels.kernel", self.kernels(problem)),
            **self._suggest_coarse(trial, problem),
            **preprocessing.suggest_extent(trial, self.name, problem),
            **self._suggest_quantiles(trial, problem),
            **preprocessing.suggest_neighborhood(trial, self.name, problem),
        }

    def _sees_far(self, problem: Problem) -> bool:
        """Return whether grids are large enough for coarse kernels beside the fine ones."""
        layout = problem.layout
        return layout is not None and bool(random_convolutions.coarse_cells(layout.height, layout.width))

    def _suggest_coarse(self, trial: Trial, problem: Problem) -> Params:
        return {"coarse": trial.suggest_categorical("kernels.coarse", [True, False])} if self._sees_far(problem) else {}

    def _reads_quantiles(self, problem: Problem) -> bool:
        """Return whether quantiles of intervals may stand beside the responses: of numbers, along ordered axes."""
        axes = preprocessing.difference_axes(problem)
        if not axes or problem.layout is None or "codes" in problem.symmetries:
            return False
        step = quantiles_step(problem.layout.shape, axes)
        return affords_quantiles(step.n_quantiles, problem.n_samples)

    def _suggest_quantiles(self, trial: Trial, problem: Problem) -> Params:
        if not self._reads_quantiles(problem):
            return {}
        return {"quantiles": trial.suggest_categorical("kernels.quantiles", [False, True])}

    def nominal_seconds(self, params: Params, problem: Problem) -> float:
        """Estimate by the responses of the kernels and the size of the ridge."""
        channels, height, width = preprocessing.grid_shape(params, problem)
        n, features = problem.n_samples, params["features"]
        if params["kernel"] == "row lanes":
            channels, height = channels * height, 1
        elif params["kernel"] == "column lanes":
            channels, width = channels * width, 1
        step, axes = None, _quantile_axes(params, problem)
        if axes and problem.layout is not None:
            step = quantiles_step(problem.layout.shape, axes)
        more = 0 if step is None else step.n_quantiles
        n_kernels = affordable_kernels(params["kernels"], features, n, more)
        pace = Pace(random_convolutions.n_places(height, width) * (1 + channels / 4) * _PER_RESPONSE, _OPERATIONS)
        seconds = 0.02 + n * (n_kernels * pace.kernel + (0.0 if step is None else step.seconds_per_row))
        return seconds + pace.ridge(n, n_kernels * per_kernel(features) + more, problem.n_outputs)

    def build(self, params: Params, problem: Problem, seed: int) -> Steps:
        """Make grids, continued around the ends of closed axes, then convolve and fit."""
        whole = _WHOLE[params["kernel"]]
        part = preprocessing.reads_part(params)
        closed = [axis != whole and closes and not part for axis, closes in enumerate(closed_axes(problem))]
        around = [("wrap", WrapAround(tuple(closed)))] if any(closed) and problem.layout is not None else []
        model = RandomConvolutionClassifier if problem.classification else RandomConvolutionRegressor
        settings: Params = {"n_kernels": params["kernels"], "features": params["features"], "whole": whole}
        settings["device"] = problem.device
        settings["quantiles"] = _quantile_axes(params, problem)
        settings["coarse"] = params.get("coarse", False)
        if params["scaling"] == preprocessing.CELLS_AND_DIFFERENCES:
            assert problem.layout is not None  # scalings has seen to it
            settings["parts"] = (problem.layout.channels,) * (1 + len(preprocessing.difference_axes(problem)))
        return [*preprocessing.grid_steps(params, problem), *around, ("model", model(**settings, seed=seed))]


def _quantile_axes(params: Params, problem: Problem) -> tuple[str, ...]:
    """Axes of the quantiles beside the responses: none of codes, nor where there is a channel for each axis besides."""
    axes = preprocessing.difference_axes(problem)
    many = params["scaling"] in ("codes", preprocessing.CELLS_AND_DIFFERENCES)
    many = many or (params["scaling"] == "differences" and len(axes) > 1)
    return () if many or not params.get("quantiles", False) else axes


class WrapAround(TransformerMixin, BaseEstimator):
    """Append the first cells behind the last ones, and the last ones before the first, along closed axes.

    Parameters
    ----------
    axes : (bool, bool), default=(False, True)
        Whether a column, and a row, closes on itself.

    Attributes
    ----------
    sides_ : list of int
        Height and width of the grids.
    cells_ : list of int
        Cells that are appended at either end of each side.

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch.families.kernels import WrapAround
    >>> WrapAround((False, True)).fit_transform(np.arange(4.0).reshape(1, 1, 1, 4)).tolist()
    [[[[3.0, 0.0, 1.0, 2.0, 3.0, 0.0]]]]
    """

    def __init__(self, axes: Sequence[bool] = (False, True)):
        self.axes = axes

    def fit(self, X: np.ndarray, y: Any = None) -> WrapAround:
        """Learn the number of cells from the sides of the grids."""
        self.sides_ = list(X.shape[2:])
        sides = zip(self.sides_, self.axes, strict=True)
        self.cells_ = [min(_MOST_AROUND, side // _PART_AROUND) if closed else 0 for side, closed in sides]
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the continued grids."""
        rims = [(0, 0), (0, 0), *((cells, cells) for cells in self.cells_)]
        return np.pad(X, rims, mode="wrap")
