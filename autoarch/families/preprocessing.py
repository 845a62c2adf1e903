"""Steps in front of the models: places on a map become features or grids, cells summaries or scaled grids.

Models of tables may get features of a row's place (parameter ``around``): what its neighbours hold, oblique
coordinates (the map's axes turned, so that a tree can cut along other directions), or nothing. Where the lines of a
grid stand in no order they may see its cells through summaries that need none (parameter ``view``). Models of grids
read the cells behind the columns, or the neighbourhood of each place on a lattice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.preprocessing import StandardScaler
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from autoarch._data.points import Rows
from autoarch._training import order_free
from autoarch._training.difference_scaler import DifferenceScaler
from autoarch._training.grid_extents import EXTENTS, GridExtent, sides_of
from autoarch._training.log_scaler import LogScaler
from autoarch._training.order_free import OrderFreeSummaries
from autoarch._training.scalers import MOST_CODES, CodeChannels, GridScaler, SampleScaler
from autoarch.families.base import Params, Problem, Steps, Trial
from autoarch.geo.features import ANGLES, NEIGHBORS, SpatialFeatures
from autoarch.geo.neighborhood import NeighborhoodGrid
from autoarch.geo.patches import Patches

_LARGEST = 10.0  # standard deviations
_SAMPLE = 5_000  # pictures that means and deviations are learned from
_BLOCK = 4096  # pictures that are scaled at once
_MOST_VALUES = 2**26  # of all pictures, that are kept at once: 256 MiB
_SPATIAL = ("neighbours", "oblique", "nothing")
_WINDOWS = (9, 5)  # cells along each side of a neighbourhood
CELLS_AND_DIFFERENCES = "cells and differences"  # a scaling for features that choose what they read


def spatial_default(problem: Problem, place: int = 0) -> Params:
    """The parameter for a default: neighbours (0), oblique coordinates (1) or nothing (2); empty without a map."""
    return {} if problem.coordinates is None else {"around": _SPATIAL[place]}


def suggest_spatial(trial: Trial, name: str, problem: Problem) -> Params:
    """Sample the parameter of the family ``name``."""
    if problem.coordinates is None:
        return {}
    return {"around": trial.suggest_categorical(f"{name}.around", list(_SPATIAL))}


def spatial_steps(params: Params, problem: Problem, seed: int) -> tuple[Steps, Problem]:
    """The step that ``params`` name, if any, and the problem as the steps behind it see it."""
    kind = params.get("around", "nothing")
    if kind == "nothing" or problem.coordinates is None:
        return [], problem
    neighbors = NEIGHBORS if kind == "neighbours" else ()
    facts: Params = {"geographic": problem.coordinates.geographic, "categorical": problem.categorical}
    facts["target_type"] = problem.task
    step = SpatialFeatures(problem.coordinates.pair, neighbors=neighbors, random_state=seed, **facts)
    n_new = len(ANGLES)
    if neighbors:
        n_targets = problem.n_classes if problem.n_classes > 2 else 1
        n_new += len(neighbors) * (n_targets + 1) + len(problem.numeric) - 2
    return [("around", step)], replace(problem, n_features=problem.n_features + n_new)


def order_free_symmetries(problem: Problem) -> tuple[str, ...]:
    """Symmetries of the cells that call for summaries without an order; none where cells hold codes."""
    if problem.layout is None or np.isin(problem.categorical, problem.layout.columns).any():
        return ()
    return tuple(name for name in order_free.SYMMETRIES if name in problem.symmetries)


def opens_without_order(problem: Problem) -> bool:
    """Return whether summaries without an order are among the candidates that open a search.

    Not on a bare line: columns of a table may happen to be alike, each with a meaning of its own.
    """
    return bool(order_free_symmetries(problem)) and not (problem.layout is not None and problem.layout.is_bare_line)


def with_order_free(
    defaults: Sequence[Params], candidates: Sequence[Params], problem: Problem, openings: int = 1
) -> list[Params]:
    """The defaults and, where lines stand in no order, ``candidates`` on summaries.

    Summaries come first and in turn with the cells or, where they do not open a search, behind ``openings`` defaults.
    """
    if not order_free_symmetries(problem):
        return list(defaults)
    summed = [{**params, "view": order_free.VIEWS[0]} for params in candidates]
    whole = [{"view": "cells", **params} for params in defaults]
    if not opens_without_order(problem):
        return [*whole[:openings], *summed, *whole[openings:]]
    in_turn = [params for pair in zip(summed, whole, strict=False) for params in pair]
    return [*in_turn, *whole[len(summed) :]]


def suggest_view(trial: Trial, name: str, problem: Problem, views: Sequence[str] = ("cells",)) -> Params:
    """Sample the view of the family ``name`` out of its own ``views`` and summaries, where there is a choice."""
    kinds = [*views, *(order_free.VIEWS if order_free_symmetries(problem) else ())]
    return {"view": trial.suggest_categorical(f"{name}.view", kinds)} if len(kinds) > 1 else {}


def view_steps(params: Params, problem: Problem) -> tuple[Steps, Problem]:
    """The summaries without an order that ``params`` ask for, if any, and the problem as the steps behind see it."""
    if params.get("view") not in order_free.VIEWS:
        return [], problem
    assert problem.layout is not None
    step = OrderFreeSummaries(problem.layout, order_free_symmetries(problem), params["view"] != order_free.VIEWS[0])
    kept = np.arange(problem.n_features)
    if not step.keep_cells:
        kept = np.setdiff1d(kept, problem.layout.columns)
    n_features = len(kept) + order_free.n_summaries(step.layout, step.symmetries)
    categorical = tuple(np.searchsorted(kept, problem.categorical).tolist())
    return [("order_free", step)], replace(problem, n_features=n_features, categorical=categorical, layout=None)


def view_seconds(params: Params, problem: Problem) -> float:
    """Estimate the seconds that these summaries take."""
    return sum(problem.n_samples * step.seconds_per_row for _, step in view_steps(params, problem)[0])


def neighborhood_default(problem: Problem) -> Params:
    """Parameters of neighbourhoods for a default; empty where columns are the cells of a grid."""
    return {"window": _WINDOWS[0], "labels": True, "hidden": True} if problem.layout is None else {}


def suggest_neighborhood(trial: Trial, name: str, problem: Problem) -> Params:
    """Sample the parameters of neighbourhoods of the family ``name``."""
    if problem.layout is not None:
        return {}
    only_places = problem.n_features == 2  # which leaves nothing but labels to show
    return {
        "window": trial.suggest_categorical(f"{name}.window", list(_WINDOWS)),
        "labels": only_places or trial.suggest_categorical(f"{name}.labels", [True, False]),
        "hidden": trial.suggest_categorical(f"{name}.hidden", [True, False]),
    }


def grid_scalings(problem: Problem) -> list[str]:
    """Scalings of grids on offer, the likeliest first.

    A channel for each code where cells hold codes, logarithms where values have long tails; where levels wander, a
    scale of its own for each sample, and differences of neighbours, first where they tell more than the cells.
    Logarithms and differences are left out where they were found to tell no more.
    """
    found, wandering = problem.symmetries, "wandering" in problem.symmetries
    first = [name for name in ("codes", "logarithms", "differences") if name in found]
    untested = untested_scalings(problem)
    if "logarithms" in untested:
        first.insert(0, "logarithms")
    others = [name for name in untested if name != "logarithms"]
    return [*first, "global", *others, *(["sample"] if wandering else []), "cell"]


def untested_scalings(problem: Problem) -> list[str]:
    """Scalings for which values call while nobody knows whether they tell more than the cells."""
    found = problem.symmetries
    logarithms = "long_tails" in found and {"codes", "logarithms", "not logarithms"}.isdisjoint(found)
    differences = "wandering" in found and {"differences", "not differences"}.isdisjoint(found)
    differences = differences and bool(difference_axes(problem))
    codes = ["codes"] if "perhaps codes" in found else []
    return [*(["logarithms"] if logarithms else []), *codes, *(["differences"] if differences else [])]


def rival_scalings(problem: Problem) -> list[str]:
    """Scalings that are tried early beside the likeliest one, because nobody knows which of them tells more."""
    untested = untested_scalings(problem)
    return ["global" if name == "logarithms" else name for name in untested]


def difference_axes(problem: Problem) -> tuple[str, ...]:
    """Axes along which neighbours may be subtracted from each other: those whose order matters."""
    return {"2d": ("rows", "columns"), "1d-rows": ("rows",), "1d-columns": ("columns",)}.get(problem.verdict, ())


def extent_default(problem: Problem) -> Params:
    """The parameter for a default: the part of the grid that was found to tell more than all of it; else empty."""
    return next(({"extent": extent} for extent in EXTENTS if extent in problem.symmetries), {})


def suggest_extent(trial: Trial, name: str, problem: Problem) -> Params:
    """Sample how much of a grid the family ``name`` reads, where a part of it tells more."""
    found = extent_default(problem)
    if not found:
        return {}
    return {"extent": trial.suggest_categorical(f"{name}.extent", [found["extent"], "whole"])}


def reads_part(params: Params) -> bool:
    """Tell whether ``params`` ask for a part of the grid."""
    return params.get("extent") in EXTENTS


def grid_shape(params: Params, problem: Problem) -> tuple[int, int, int]:
    """Channels, height and width of what ``grid_steps`` make; of codes, how many there may be."""
    if problem.layout is not None:
        channels, height, width = problem.layout.shape
        if reads_part(params):
            height, width = sides_of(params["extent"], (height, width))
        n_axes = len(difference_axes(problem))
        times = {"codes": MOST_CODES, "differences": n_axes, CELLS_AND_DIFFERENCES: 1 + n_axes}
        return channels * times.get(params["scaling"], 1), height, width
    attributes = max(0, len(problem.numeric) - 2) + sum(problem.cardinalities)
    labels = max(1, problem.n_classes) if params["labels"] else 0
    return attributes + labels + 1, params["window"], params["window"]


def grid_steps(params: Params, problem: Problem) -> Steps:
    """The steps that make scaled grids of the cells behind the columns, or of what lies around each place."""
    if problem.layout is not None:
        part: Steps = [("extent", GridExtent(params["extent"]))] if reads_part(params) else []
        return [("scale", _grid_scaler(params["scaling"], problem)), *part]
    assert problem.coordinates is not None  # unfit_for has seen to it
    facts: Params = {"geographic": problem.coordinates.geographic, "categorical": problem.categorical or None}
    facts["target_lag"] = problem.task if params["labels"] else False
    facts["hide_within"] = "some" if params["hidden"] else 0.0
    return [("around", NeighborhoodPictures(problem.coordinates.pair, params["window"], **facts))]


def _grid_scaler(scaling: str, problem: Problem) -> GridScaler:
    """The scaler of that name, for the cells behind the columns."""
    assert problem.layout is not None
    beside: Params = {"categorical": problem.categorical}
    if scaling == "codes":
        return CodeChannels(problem.layout, **beside)
    if scaling in ("differences", CELLS_AND_DIFFERENCES):
        axes, keep_cells = difference_axes(problem), scaling == CELLS_AND_DIFFERENCES
        return DifferenceScaler(problem.layout, axes, keep_cells=keep_cells, **beside)
    if scaling == "logarithms":
        return LogScaler(problem.layout, **beside)
    if scaling == "sample":
        return SampleScaler(problem.layout, **beside)
    return GridScaler(problem.layout, scaling=scaling, **beside)


@dataclass(frozen=True, eq=False)
class Pictures:
    """Scaled pictures that are computed when rows of them are taken; the last channel says where nothing is known.

    Parameters
    ----------
    patches : Patches
        The pictures as they are.
    mean, scale : ndarray of shape (channels, 1, 1)
        What is subtracted from each channel and what it is divided by.
    """

    patches: Patches
    mean: np.ndarray
    scale: np.ndarray

    ndim = 4
    dtype = np.dtype(np.float32)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Rows, channels, height, width."""
        n, channels, height, width = self.patches.shape
        return n, channels + 1, height, width

    @property
    def size(self) -> int:
        """Values in all of them."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        """Pictures of some rows; what is not known is 0, which is the mean."""
        grid = np.clip((self.patches[rows] - self.mean) / self.scale, -_LARGEST, _LARGEST)
        unknown = np.isnan(grid).all(axis=1, keepdims=True)
        return np.concatenate([np.nan_to_num(grid, copy=False), unknown], axis=1, dtype=self.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        out = np.empty(self.shape, dtype or self.dtype)
        for rows in gen_batches(len(self), _BLOCK):
            out[rows] = self[rows]
        return out


class NeighborhoodPictures(NeighborhoodGrid):
    """:class:`NeighborhoodGrid` with every channel scaled, and one more for cells of which nothing is known.

    ``context``, ``output`` and ``dtype`` are of no consequence.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (channels, 1, 1)
        Of each channel.
    """

    seconds_per_row = 4e-5  # on one core, to find neighbours; a search does not begin what takes longer than it has

    def fit(self, X: Any, y: Any = None) -> NeighborhoodPictures:
        """Learn what is known where, and the scale of each channel."""
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Fit, and return the pictures of the training rows, none of which shows its own label."""
        rows = self._fit(X, y)
        patches = self._exact(rows, self._hidden(rows, True))
        some = np.linspace(0, len(patches) - 1, min(len(patches), _SAMPLE)).astype(int)
        channels = patches[some].transpose(0, 2, 3, 1).reshape(-1, patches.shape[1])
        with np.errstate(invalid="ignore"):  # a channel may be missing throughout
            scaler = StandardScaler().fit(channels)
        self.mean_, self.scale_ = scaler.mean_[:, None, None], scaler.scale_[:, None, None]
        return self._pictures(patches)

    def transform(self, X: Any) -> Any:
        """The pictures of rows, what lies around them taken from the training rows; empty ones cause no warning."""
        check_is_fitted(self)
        return self._pictures(self._exact(self._read(X), 0.0))

    def _exact(self, rows: Rows, hidden: float | np.ndarray) -> Patches:
        """Pictures in double precision, which tells large values with small differences apart."""
        return Patches(self._known, rows, hidden, np.float64)

    def _pictures(self, patches: Patches) -> np.ndarray | Pictures:
        pictures = Pictures(patches, self.mean_, self.scale_)
        return pictures if pictures.size > _MOST_VALUES else np.asarray(pictures)
