"""The picture around a row: how many cells, how large, on which lattice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autoarch._core.checks import check_choice, check_positive, check_whole
from autoarch._data.points import EARTH_RADIUS_KM, Places
from autoarch.exceptions import InputError, ParameterError
from autoarch.geo.lattice import Lattice, find_lattice

_LARGEST_SIZE = 181
_SAMPLE = 10_000  # places whose spacing is measured
_KM_PER_DEGREE = np.pi * EARTH_RADIUS_KM / 180


@dataclass(frozen=True, eq=False)
class Window:
    """``size`` x ``size`` cells around a row; the first line of cells is the one in the north.

    Parameters
    ----------
    size : int
        Cells along a side; odd, so that the row has a cell of its own.
    method : {"lattice", "bin", "idw", "nearest"}
        Content of a cell: its lattice point, the places within, the nearest eight by the inverse of their squared
        distance, the nearest one.
    cell_size : float
        Side of a cell in units of distance; on a lattice of no consequence.
    local : bool
        Whether the side follows the density around each row instead, up to ``cell_size``.
    lattice : Lattice or None
        With method "lattice".
    layered : bool
        Whether rows see their own layer only.
    """

    size: int
    method: str
    cell_size: float
    local: bool = False
    lattice: Lattice | None = None
    layered: bool = False

    def positions(self, places: Places) -> np.ndarray:
        """Coordinates, or cells of the lattice: equal for rows at one place."""
        return places.points if self.lattice is None else self.lattice.whole_cells(places.points)

    def reach(self, places: Places) -> float:
        """From a row to the corner of its picture, in units of distance, roughly where places are on the globe."""
        side = self.cell_size
        if self.lattice is not None:
            side = max(self.lattice.steps) * (_KM_PER_DEGREE if places.geographic else 1.0)
        return float(self.size / 2 * side * np.sqrt(2))

    def offsets(self) -> np.ndarray:
        """Middle of each cell in cells to the east and north of the row, shape (size * size, 2)."""
        steps = np.arange(self.size) - self.size // 2
        return np.column_stack([np.tile(steps, self.size), np.repeat(-steps, self.size)]).astype(np.float64)


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


def _spacings(places: Places, near: int) -> np.ndarray:
    """Side of the square that holds one of the ``near`` nearest places on average, around at most 10,000 places."""
    rows = np.random.default_rng(0).permutation(len(places))[:_SAMPLE]
    near = min(near, len(places) - 1)
    straight = places.tree().query(places.space[rows], k=[near + 1])[0][:, 0]
    return np.asarray(places.distance(straight) * np.sqrt(np.pi / near))
