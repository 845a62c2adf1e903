"""Find the regular lattice that points lie on: any two steps, any rotation, gaps allowed.

Read ``find_lattice`` first. The steps come from the differences between near neighbours, as the greatest common divisor
of numbers comes from their differences; a fit over growing circles makes them exact; what decides is the share
of points with a neighbour, because any rounded coordinates lie on some fine lattice. ``Window`` has the cells of the
pictures around rows, which are points of a lattice where there is one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from autoarch._data.points import EARTH_RADIUS_KM, Places

_KM_PER_DEGREE = np.pi * EARTH_RADIUS_KM / 180
_FEWEST = 9  # places; of fewer, chance makes a lattice
_NEAREST = (8, 64, 512)  # neighbours whose differences are read; more where the nearest all stand on one line
_DIFFERENCES = 32_000
_SAME = 0.1  # of the distance to the nearest neighbour: below it, what remains of a difference is noise
_SHORTEST = 0.2  # of the same: steps below it mean that there is no lattice
_OFF = 0.05  # of a step: no point of a lattice is farther off, so that rounded coordinates still are one
_WITH_NEIGHBOUR = 0.9  # of the points; a lattice of which every fourth point is left has that many
_SAMPLE = 20_000
_KM_PER_DEGREE = np.pi * EARTH_RADIUS_KM / 180


@dataclass(frozen=True, eq=False)
class Lattice:
    """Points ``origin + column * basis[0] + row * basis[1]``; columns count to the east, rows to the north.

    Parameters
    ----------
    origin : ndarray of shape (2,)
        The point of column 0 and row 0.
    basis : ndarray of shape (2, 2)
        One step to the next column and one to the next row, in units of the coordinates.
    cut : float or None
        Longitude at which the map is cut open; None on a plane.
    around : int
        Columns once around the globe; 0 where the lattice does not close.
    """

    origin: np.ndarray
    basis: np.ndarray
    cut: float | None = None
    around: int = 0

    @property
    def steps(self) -> tuple[float, float]:
        """Lengths of the steps between columns and between rows."""
        along, up = np.linalg.norm(self.basis, axis=1)
        return float(along), float(up)

    @property
    def rotation(self) -> float:
        """Degrees from the first axis of the map to the columns' axis, counterclockwise."""
        return float(np.degrees(np.arctan2(self.basis[0, 1], self.basis[0, 0])))

    def cells(self, points: np.ndarray) -> np.ndarray:
        """Column and row of points, shape (n, 2), as fractions; whole for the points of the lattice."""
        flat = points if self.cut is None else cut_open(points, self.cut)
        return (flat - self.origin) @ np.linalg.inv(self.basis)

    def whole_cells(self, points: np.ndarray) -> np.ndarray:
        """Column and row of the nearest lattice point, columns counted once around."""
        cells = np.round(self.cells(points))
        if self.around:
            cells[:, 0] %= self.around
        return cells

    def __str__(self) -> str:
        along, up = self.steps
        turned = "" if abs(self.rotation) < 0.005 else f", turned by {self.rotation:.2f} degrees"
        return f"steps of {along:.6g} x {up:.6g}{turned}"


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


def find_lattice(places: Places, *, gaps: bool = False) -> Lattice | None:
    """The lattice that places lie on, None where there is none.

    On the globe, a lattice is one of longitudes and latitudes.

    Parameters
    ----------
    places : Places
        Where the rows are.
    gaps : bool, default=False
        Whether to take a lattice whose points mostly stand alone, as rounded coordinates do.

    Returns
    -------
    Lattice or None

    Examples
    --------
    >>> import numpy as np
    >>> from autoarch.geo.lattice import find_lattice
    >>> from autoarch._data.points import EARTH_RADIUS_KM, Places
    >>> columns, rows = np.meshgrid(np.arange(6), np.arange(5))
    >>> str(find_lattice(Places(np.column_stack([30.0 * columns.ravel(), 20.0 * rows.ravel()]))))
    'steps of 30 x 20'
    """
    if len(places) < _FEWEST:
        return None
    cut = widest_gap(places.points[:, 0]) if places.geographic else None
    points = _distinct(places.points if cut is None else cut_open(places.points, cut))
    if len(points) < _FEWEST:
        return None
    generators = _generators(*_differences(points))
    fitted = None if generators is None else _fitted(points, _oriented(generators))
    if fitted is None:
        return None
    around = 0
    if cut is not None:
        columns, rows = np.array([360.0, 0.0]) @ np.linalg.inv(fitted[1])
        around = round(columns) if abs(rows) < _OFF and abs(columns - round(columns)) < _OFF else 0
    lattice = Lattice(*fitted, cut, around)
    return lattice if gaps or _share_with_neighbour(lattice.whole_cells(points)) >= _WITH_NEIGHBOUR else None


def widest_gap(longitudes: np.ndarray) -> float:
    """The middle of the widest stretch of longitudes without points."""
    around = np.unique(longitudes % 360.0)
    gaps = np.diff(around, append=around[0] + 360.0)
    widest = int(gaps.argmax())
    return float(around[widest] + gaps[widest] / 2) % 360.0


def cut_open(points: np.ndarray, cut: float) -> np.ndarray:
    """Points with longitudes from ``cut`` to 360 degrees beyond."""
    return np.column_stack([cut + (points[:, 0] - cut) % 360.0, points[:, 1]])


def _distinct(points: np.ndarray) -> np.ndarray:
    """Points without repetitions, which differ by the noise of floating-point numbers at most."""
    noise = 1e-9 * max(float(np.ptp(points, axis=0).max()), np.finfo(float).tiny)
    _, first = np.unique(np.round((points - points.min(axis=0)) / noise), axis=0, return_index=True)
    return points[first]


def _differences(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Distinct differences between near neighbours, the shortest first, and the usual distance to the nearest one."""
    tree = cKDTree(points)
    rng = np.random.default_rng(0)  # which points are drawn is of no consequence for a lattice
    for nearest in _NEAREST:
        rows = rng.permutation(len(points))[: _DIFFERENCES // nearest]
        straight, found = tree.query(points[rows], k=min(nearest + 1, len(points)))
        usual = float(np.median(straight[:, 1]))
        away = (points[found[:, 1:]] - points[rows][:, None]).reshape(-1, 2)
        away = away[np.linalg.norm(away, axis=1) > 1e-6 * usual]
        away[(away[:, 0] < 0) | ((away[:, 0] == 0) & (away[:, 1] < 0))] *= -1
        longest = away[np.linalg.norm(away, axis=1).argmax()]
        if np.abs(away @ [-longest[1], longest[0]]).max() > _SAME * usual * np.linalg.norm(longest):
            break  # they do not all lie on one line
    _, first = np.unique(np.round(away / (_SAME * usual)), axis=0, return_index=True)
    away = away[first]
    return away[np.linalg.norm(away, axis=1).argsort(kind="stable")], usual


def _generators(differences: np.ndarray, usual: float) -> np.ndarray | None:
    """Two steps, as short as can be, of which all differences are multiples; None where there are none."""
    basis: list[np.ndarray] = []
    for difference in differences:
        basis = _joined(basis, difference, _SAME * usual)
        if not basis or min(np.linalg.norm(vector) for vector in basis) < _SHORTEST * usual:
            return None
    if len(basis) == 1:  # one line: the other axis stands upright on it
        basis.append(np.array([-basis[0][1], basis[0][0]]))
    return np.array(basis)


def _joined(basis: list[np.ndarray], vector: np.ndarray, noise: float) -> list[np.ndarray]:
    """The shortest steps that give the vectors of ``basis`` and one more: Euclid's algorithm on a plane."""
    vectors = [*basis, vector]
    for _ in range(100):
        vectors = sorted((v for v in vectors if np.linalg.norm(v) > noise), key=np.linalg.norm)
        if len(vectors) < 2:
            return vectors
        times = np.round(vectors[0] @ vectors[1] / (vectors[0] @ vectors[0]))
        if times:
            vectors[1] = vectors[1] - times * vectors[0]
        elif len(vectors) == 2:
            return vectors
        else:
            pair = np.array(vectors[:2])
            vectors[2] = vectors[2] - np.round(vectors[2] @ np.linalg.inv(pair)) @ pair
    return []


def _oriented(basis: np.ndarray) -> np.ndarray:
    """The step that goes most to the east first, then the one that stands to its left."""
    east = np.abs(basis[:, 0]) / np.linalg.norm(basis, axis=1)
    along, up = basis[[int(east.argmax()), 1 - int(east.argmax())]]
    along = along if along[0] >= 0 else -along
    return np.array([along, up if along[0] * up[1] - along[1] * up[0] > 0 else -up])


def _fitted(points: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Origin and steps by least squares, over circles that double: a small error of a step is large far away."""
    middle = np.median(points, axis=0)
    origin = points[((points - middle) ** 2).sum(axis=1).argmin()]
    distance = np.abs(points - origin).max(axis=1)
    radius = 8 * float(np.linalg.norm(basis, axis=1).max())
    while True:
        near = points[distance <= radius]
        cells = (near - origin) @ np.linalg.inv(basis)
        whole = np.round(cells)
        if np.abs(cells - whole).max() > 2 * _OFF:
            return None
        design = np.column_stack([np.ones(len(near)), whole])
        correction = np.linalg.lstsq(design, near - origin - whole @ basis, rcond=None)[0]
        origin, basis = origin + correction[0], basis + correction[1:]
        if len(near) == len(points):
            break
        radius *= 2
    off = np.abs((points - origin) @ np.linalg.inv(basis) - whole).max()
    return (origin, basis) if off <= _OFF else None


def _share_with_neighbour(cells: np.ndarray) -> float:
    """Share of the points with at least one of their eight neighbours."""
    tree = cKDTree(cells)
    rows = np.random.default_rng(0).permutation(len(cells))[:_SAMPLE]
    return float((tree.query_ball_point(cells[rows], 1.5, p=np.inf, return_length=True) > 1).mean())
