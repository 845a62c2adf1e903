"""What coordinates mean for a search: where rows are, what resembles its neighbours, and which rows judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autoarch._data.canonical import Canonicaliser
from autoarch._data.containers import is_geo_frame
from autoarch._data.row_splits import SplitPlan
from autoarch.exceptions import ParameterError
from autoarch.geo.autocorrelation import MOST_COLUMNS, SpatialEvidence, spatial_evidence
from autoarch.geo.located import Located, locate, resembles_coordinates
from autoarch.geo.plan import spatial_plan


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
    skipped : tuple of str
        What was not looked at, and why.
    """

    located: Located | None = None
    evidence: tuple[SpatialEvidence, ...] = ()
    plan: SplitPlan | None = None
    hint: str = ""
    skipped: tuple[str, ...] = ()


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
        hint = _hint(X)
        return Space(hint=hint, skipped=(f"what stands around each row: {hint}",) if hint else ())
    if canonical.layout is not None and canonical.layout != "auto":
        raise ParameterError(
            f"coordinates={coordinates!r} and layout={canonical.layout!r} were given; the cells of a grid and the "
            "places of rows exclude each other. Pass one of them."
        )
    located = locate(X, coordinates, canonical)
    left = [i for i in range(values.shape[1]) if i not in located.columns]
    evidence = spatial_evidence(
        located.places,
        values[:, left],
        [canonical.feature_names_out_[i] for i in left],
        y,
        labels=task == "classification",
        categorical={place for place, i in enumerate(left) if i in canonical.categorical_},
        seed=seed,
    )
    skipped: tuple[str, ...] = ()
    if len(left) > MOST_COLUMNS:
        skipped = (f"neighbours on the map, of attributes after the first {MOST_COLUMNS} of {len(left)}: for time",)
    plan = None
    if open_splits and evidence and evidence[0].alike:
        plan = spatial_plan(located.places, y, evidence[0].reach, task=task, seed=seed, hurried=hurried)
    return Space(located, evidence, plan, skipped=skipped)


def _hint(X: Any) -> str:
    if is_geo_frame(X):
        what, coordinates = f"the points of {X.geometry.name!r} are", X.geometry.name
    else:
        found = resembles_coordinates(X)
        if found is None:
            return ""
        what, coordinates = f"the columns {found[0]!r} and {found[1]!r} look like", found
    return (
        f"{what} coordinates, and random folds ask for what stands next to training rows. Pass "
        f"coordinates={coordinates!r} to look around each row and to judge on blocks of the map"
    )
