"""What coordinates mean for a search: where rows are, what resembles its neighbours, and which rows judge.

Imports: numpy, ``located``, ``survey``, ``plan``, ``evidence``, ``autoarch._data``, ``autoarch.exceptions``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autoarch._data.canonical import Canonicaliser
from autoarch._data.splits import SplitPlan
from autoarch.exceptions import ParameterError
from autoarch.geo.evidence import SpatialEvidence
from autoarch.geo.located import Located, locate, resembles_coordinates
from autoarch.geo.plan import spatial_plan
from autoarch.geo.survey import survey


@dataclass(frozen=True, eq=False)
class Space:
    """Rows on a map, or the advice to say that they are on one.

    Parameters
    ----------
    located : Located or None
        Where they are.
    evidence : tuple of SpatialEvidence
        Of the label and the attributes.
    plan : SplitPlan or None
        Splits over space, where the label resembles its neighbours and the user leaves the splits open.
    hint : str
        Without coordinates: which columns look like them, and what to pass. Empty where none do.
    """

    located: Located | None = None
    evidence: tuple[SpatialEvidence, ...] = ()
    plan: SplitPlan | None = None
    hint: str = ""


def look_over(
    X: Any,
    coordinates: Sequence[Any] | None,
    canonical: Canonicaliser,
    values: np.ndarray,
    y: np.ndarray,
    *,
    task: str,
    seed: int,
    open_splits: bool,
    hurried: bool,
) -> Space:
    """Find the places of the rows of X and look over the map; without coordinates, see whether X has some.

    Raises
    ------
    ParameterError
        If coordinates are no columns of X, or given together with a layout.
    InputError
        If a place is missing or impossible.
    """
    if coordinates is None:
        return Space(hint=_hint(X))
    if canonical.layout is not None and canonical.layout != "auto":
        raise ParameterError(
            f"coordinates={coordinates!r} and layout={canonical.layout!r} were given; the cells of a grid and the "
            "places of rows exclude each other. Pass one of them."
        )
    located = locate(X, coordinates, canonical)
    left = [i for i in range(values.shape[1]) if i not in {*located.columns, *canonical.categorical_}]
    names = [canonical.feature_names_out_[i] for i in left]
    evidence = survey(located.places, values[:, left], names, y, labels=task == "classification", seed=seed)
    plan = None
    if open_splits and evidence and evidence[0].alike:
        plan = spatial_plan(located.places, y, task=task, seed=seed, hurried=hurried)
    return Space(located, evidence, plan)


def _hint(X: Any) -> str:
    found = resembles_coordinates(X)
    if found is None:
        return ""
    return (
        f"the columns {found[0]!r} and {found[1]!r} look like coordinates, and random folds ask for what stands next "
        f"to training rows. Pass coordinates={found!r} to look around each row and to judge on blocks of the map"
    )
