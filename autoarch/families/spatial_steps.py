"""What families do with coordinates: those of tables nothing, turn them, or look around; those of grids take pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from autoarch.families.base import Params, Problem, Steps
from autoarch.geo.features import NEIGHBORS, ANGLES, SpatialFeatures
from autoarch.geo.pictures import NeighborhoodPictures

if TYPE_CHECKING:
    import optuna

AROUND = ("neighbours", "turned", "nothing")
WINDOWS = (9, 5)  # cells along each side of a picture


def offered(problem: Problem) -> list[str]:
    """What may be done with the coordinates of this problem; nothing at all where it has none."""
    if problem.coordinates is None:
        return []
    return list(AROUND)


def first(problem: Problem, place: int = 0) -> Params:
    """The parameter for a default: the most that is offered, or what comes ``place`` further down."""
    ways = offered(problem)
    return {"around": ways[min(place, len(ways) - 1)]} if ways else {}


def suggested(trial: optuna.Trial, name: str, problem: Problem) -> Params:
    """The parameter of the family ``name``, sampled."""
    ways = offered(problem)
    return {"around": trial.suggest_categorical(f"{name}.around", ways)} if ways else {}


def spatial_steps(params: Params, problem: Problem, seed: int) -> tuple[Steps, Problem]:
    """The step that ``params`` asks for, if any, and the problem as the steps behind it see it."""
    way = params.get("around", "nothing")
    if way == "nothing" or problem.coordinates is None:
        return [], problem
    neighbors = NEIGHBORS if way == "neighbours" else ()
    step = SpatialFeatures(
        problem.coordinates,
        neighbors=neighbors,
        categorical=problem.categorical,
        geographic=problem.geographic,
        target_type=problem.task,
        random_state=seed,
    )
    n_new = len(ANGLES)
    if neighbors:
        n_targets = problem.n_classes if problem.n_classes > 2 else 1
        n_new += len(neighbors) * (n_targets + 1) + len(problem.numeric) - 2
    return [("around", step)], replace(problem, n_features=problem.n_features + n_new)


def takes_pictures(problem: Problem) -> bool:
    """Whether rows have places, so that what lies around them is the grid."""
    return problem.layout is None and problem.coordinates is not None


def pictures_first(problem: Problem) -> Params:
    """The parameters of pictures for a default."""
    return {"window": WINDOWS[0], "labels": True, "hidden": True} if takes_pictures(problem) else {}


def pictures_whole(problem: Problem) -> Params:
    """What changes where training rows see all of their neighbours, as those between training rows do."""
    return {"hidden": False} if takes_pictures(problem) else {}


def pictures_suggested(trial: optuna.Trial, name: str, problem: Problem) -> Params:
    """Those of the family ``name``, sampled."""
    if not takes_pictures(problem):
        return {}
    only_places = problem.n_features == 2  # which leaves nothing but labels to show
    return {
        "window": trial.suggest_categorical(f"{name}.window", list(WINDOWS)),
        "labels": only_places or trial.suggest_categorical(f"{name}.labels", [True, False]),
        "hidden": trial.suggest_categorical(f"{name}.hidden", [True, False]),
    }


def pictures(params: Params, problem: Problem) -> NeighborhoodPictures:
    """The step that shows what lies around, the labels of training rows with it if ``params`` say so."""
    assert problem.coordinates is not None
    return NeighborhoodPictures(
        problem.coordinates,
        params["window"],
        target_lag=problem.task if params["labels"] else False,
        hide_within="some" if params["hidden"] else 0.0,
        geographic=problem.geographic,
        categorical=problem.categorical or None,
    )
