"""Choose the cells of the pictures around rows: a lattice, or squares by the density of places."""

from __future__ import annotations

import numpy as np

from autoarch._core.checks import check_choice, check_positive, check_whole
from autoarch._data.points import Places
from autoarch.exceptions import InputError, ParameterError
from autoarch.geo.lattice import Window, find_lattice

_LARGEST_SIZE = 181
_SAMPLE = 10_000  # places whose spacing is measured


def choose_window(places: Places, size: int, method: str, cell_size: float | str, *, layered: bool) -> Window:
    """The window of pictures around places: on their lattice where they have one, else with cells by their density.

    Parameters
    ----------
    places : Places
        Where the rows are.
    size : int
        Cells along a side.
    method : {"auto", "lattice", "bin", "idw", "nearest"}
        "auto" is "lattice" where there is one and ``cell_size`` is "auto", else "bin".
    cell_size : float, "auto" or "local"
        Side of a cell: given, the median of the spacings, or by each row up to the widest of them.
    layered : bool
        Whether rows see their own layer only.

    Returns
    -------
    Window

    Raises
    ------
    ParameterError
        If size, method or cell_size makes no sense.
    InputError
        If there is no lattice with method "lattice", or a single place.
    """
    check_window(size, method, cell_size)
    if method == "lattice" or (method == "auto" and cell_size == "auto"):
        lattice = find_lattice(places, gaps=method == "lattice")
        if lattice is not None:
            return Window(size, "lattice", 1.0, lattice=lattice, layered=layered)
        if method == "lattice":
            raise InputError(
                'method="lattice" was given, but the points lie on no regular lattice. Pass method="auto", which bins '
                "such points."
            )
    distinct = places.take(np.unique(places.points, axis=0, return_index=True)[1])
    if len(distinct) < 2:
        raise InputError(
            f"all {len(places)} rows lie at one place, {places.points[0].tolist()}, so none has neighbours. Pass rows "
            "at several places, or check that coordinates names the right columns."
        )
    if isinstance(cell_size, str):
        found = _spacings(distinct, size**2)
        side = float(found.max() if cell_size == "local" else np.median(found))
    else:
        side = float(cell_size)
    method = "bin" if method == "auto" else method
    return Window(size, method, side, local=cell_size == "local", layered=layered)


def check_window(size: int, method: str, cell_size: float | str) -> None:
    """Raise a ParameterError where size, method or cell_size makes no sense whatever the places."""
    if check_whole("size", size, least=3) % 2 == 0 or size > _LARGEST_SIZE:
        raise ParameterError(
            f"size={size} was given; expected an odd number of at most {_LARGEST_SIZE}, so that the row has "
            "the cell in the middle."
        )
    if isinstance(cell_size, str):
        check_choice("cell_size", cell_size, ("auto", "local"))
    else:
        check_positive("cell_size", cell_size, absent="'auto', or 'local'")
    check_choice("method", method, ("auto", "lattice", "bin", "idw", "nearest"))


def _spacings(places: Places, near: int) -> np.ndarray:
    """Side of the square that holds one of the ``near`` nearest places on average, around at most 10,000 places."""
    rows = np.random.default_rng(0).permutation(len(places))[:_SAMPLE]
    near = min(near, len(places) - 1)
    straight = places.tree().query(places.space[rows], k=[near + 1])[0][:, 0]
    return np.asarray(places.distance(straight) * np.sqrt(np.pi / near))
