"""Votes of the nearest training rows on the map, for points with coordinates."""

from __future__ import annotations

from collections.abc import Sequence

from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from autoarch.families.base import Family, Params, Problem, Steps, Trial
from autoarch.geo.points import MapPoints

_MOST = 200  # neighbours


class Neighbors(Family):
    """Means over the k nearest training rows, by coordinates alone: what any use of attributes has to beat."""

    name = "neighbors"
    anytime = True

    def unfit_for(self, problem: Problem) -> str | None:
        """Give the usual reasons, and: without coordinates there is nothing to measure distances by."""
        if problem.coordinates is None:
            return "it needs coordinates, as in coordinates=('lon', 'lat')"
        return super().unfit_for(problem)

    def defaults(self, problem: Problem) -> Sequence[Params]:
        """Many neighbours, some, few; nearer ones count for more."""
        most = self._most(problem)
        return [{"k": k, "weights": "distance"} for k in dict.fromkeys(min(k, most) for k in (45, 12, 100, 4))]

    def openings(self, problem: Problem) -> int:
        """Two: they take a moment, and the range of the labels' autocorrelation is not known beforehand."""
        return 2

    def suggest(self, trial: Trial, problem: Problem) -> Params:
        """Sample the number of neighbours, and whether nearer ones count for more."""
        return {
            "k": trial.suggest_int("neighbors.k", 1, self._most(problem), log=True),
            "weights": trial.suggest_categorical("neighbors.weights", ["uniform", "distance"]),
        }

    def nominal_seconds(self, params: Params, problem: Problem) -> float:
        """Estimate by the rows: a tree of places is grown, and searched for those that are left out."""
        return 0.005 + problem.n_samples * (5e-6 + 1e-7 * params["k"])

    def build(self, params: Params, problem: Problem, seed: int) -> Steps:
        """Points of the map, then neighbours."""
        assert problem.coordinates is not None  # unfit_for has seen to it
        model = KNeighborsClassifier if problem.classification else KNeighborsRegressor
        return [
            ("places", MapPoints(problem.coordinates.pair, geographic=problem.coordinates.geographic)),
            ("model", model(n_neighbors=params["k"], weights=params["weights"])),
        ]

    def _most(self, problem: Problem) -> int:
        """No more than half of the rows of a small fold."""
        return max(1, min(_MOST, problem.n_samples // 4))
