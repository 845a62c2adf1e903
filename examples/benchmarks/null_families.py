"""How often the verdict sees an order where there is none, misses one, or claims a symmetry that does not hold.

    python null_families.py                          # 20 draws of each family
    python null_families.py --draws 200 --only null --axes

Every family is made by a rule whose truth is known. "null": no order of the cells is better than another. "panel": one
axis stands in order. "power": the order is there to be seen. "symmetry": what may be done to a sample, true and false.
With ``--axes`` verdicts on grids come from the tests of the axes alone, which decide on them, in a tenth of the time;
flat columns are probed in full, since their grid is inferred. One thread is used.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from sklearn.datasets import load_digits

from autoarch import Layout, probe_locality
from autoarch._data.overlaps import independent_rows
from autoarch._statistics import correlations, permutation_tests
from autoarch.datasets import load_digits_scrambled, make_alternating_texture
from autoarch.locality.axes import measure_axes
from autoarch.locality.grid_statistics import FEWEST_SAMPLES, GridStatistics
from autoarch.locality.symmetry import symmetric

Draw = Callable[[np.random.Generator], np.ndarray]
KINDS = ("null", "panel", "power", "symmetry")


def main() -> None:
    """Draw every family and print one table for each kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=20, help="of each family")
    parser.add_argument("--only", nargs="*", choices=KINDS, default=KINDS)
    parser.add_argument("--family", help="families whose name holds this text alone")
    parser.add_argument("--axes", action="store_true", help="run no tests but those that decide")
    arguments = parser.parse_args()
    for kind in arguments.only:
        if kind == "symmetry":
            table = symmetries(arguments.draws, arguments.family)
        else:
            families = {"null": nulls, "panel": panels, "power": powers}[kind]()
            table = verdicts(families, arguments.draws, arguments.family, arguments.axes)
        print(f"\n## {kind}\n{table.to_string(index=False)}", flush=True)


def verdicts(families: dict[str, tuple[str, Draw]], draws: int, part: str | None, axes_only: bool) -> pd.DataFrame:
    """Count the verdicts of each family; "right" is the share wanted."""
    rows = []
    for number, (name, (wanted, draw)) in enumerate(families.items()):
        if part and part not in name:
            continue
        counts: Counter[str] = Counter()
        for seed in range(draws):
            X = draw(np.random.default_rng([seed, number, 7]))  # no two families see the same draws
            alone = axes_only and X.ndim == 3
            counts[axes_alone(X, seed) if alone else probe_locality(X, random_state=seed).verdict] += 1
        right = draws - counts["none"] if wanted == "any" else counts[wanted]
        shown = {verdict: counts[verdict] for verdict in ("none", "1d-rows", "1d-columns", "2d")}
        rows.append({"family": name, "wanted": wanted, **shown, "draws": draws, "right": right / draws})
    table = pd.DataFrame(rows)
    if len(table) > 1:
        sums = table.drop(columns=["family", "wanted", "right"]).sum()
        right = float(np.average(table["right"], weights=table["draws"]))
        table = pd.concat([table, pd.DataFrame([{"family": "all", "wanted": "", **sums, "right": right}])])
    return table


def axes_alone(X: np.ndarray, seed: int) -> str:
    """The verdict on a grid of one channel."""
    kept, _ = independent_rows(X.reshape(len(X), -1), Layout(*X.shape[1:]), seed)
    grid = np.asarray(X if kept is None else X[kept], dtype=float)[:, None]
    if len(grid) < FEWEST_SAMPLES:
        return "none"
    scaled, active = correlations.standardise(grid)
    scaled = correlations.clip_tails(scaled)
    turned = correlations.line_correlations(scaled.swapaxes(2, 3), active.swapaxes(1, 2))
    lines = {"rows": correlations.line_correlations(scaled, active), "columns": turned}
    sides = {"rows": grid.shape[3], "columns": grid.shape[2]}
    mirrored = symmetric(grid)
    same_things = mirrored is not None and mirrored.answer == "yes"
    rng = np.random.default_rng([seed, 1])
    axes = measure_axes(lines, sides, permutation_tests.CellTest(), rng, same_things=same_things)
    return GridStatistics(axes=axes).verdict


def nulls() -> dict[str, tuple[str, Draw]]:
    """Families without any order."""
    found: dict[str, Draw] = {
        "iid, normal, 12 x 24": lambda rng: rng.normal(size=(300, 12, 24)),
        "iid, heavy tails, 8 x 8": lambda rng: rng.standard_t(1.5, (50, 8, 8)),
        "iid, one line of 30": lambda rng: rng.normal(size=(300, 30)),
        "coin-flip graphs": lambda rng: _mirrored(rng.random((300, 16, 16)) < 0.3),
        "correlation matrices": lambda rng: _mirrored(_correlations(rng.normal(size=(300, 12, 20)))),
        "correlation matrices of fixed things": _fixed_correlations,
        "distance matrices": lambda rng: _distances(rng.normal(size=(300, 16, 3))),
        "distance matrices of fixed things": lambda rng: _distances(
            rng.normal(size=(16, 3)) + 0.5 * rng.normal(size=(300, 16, 3))
        ),
        "Latin squares": _latin_squares,
        "row-ranked table": lambda rng: rng.lognormal(0, 1, (300, 24)).argsort(1).argsort(1).astype(float),
        "ranked lines, 12 x 24": lambda rng: rng.normal(size=(300, 12, 24)).argsort(2).argsort(2).astype(float),
        "scrambled digits, 8 x 8": lambda rng: _scrambled_digits(rng).reshape(-1, 8, 8),
        "scrambled digits, flat": _scrambled_digits,
        "scrambled series": lambda rng: rng.normal(size=(300, 60)).cumsum(1)[:, rng.permutation(60)],
    }
    for n in (50, 300):
        for noise in ("lognormal", "normal", "heavy"):
            for fixed in (False, True):
                name = f"exchangeable lines, {noise}, {'fixed' if fixed else 'per sample'}, n={n}"
                found[name] = lambda rng, n=n, noise=noise, fixed=fixed: _lines(rng, n, noise, fixed)
    for shuffled in (False, True):
        for made in ("raw", "standardised", "divided by the last", "differenced"):
            for piece, draw in (("windows", _windows), ("patches", _patches)):
                name = f"{piece} of noise, {made}, {'shuffled' if shuffled else 'in order'}"
                found[name] = lambda rng, draw=draw, made=made, shuffled=shuffled: draw(rng, made, shuffled)
    return {name: ("none", draw) for name, draw in found.items()}


def panels() -> dict[str, tuple[str, Draw]]:
    """Stations in no order, days in order; and turned."""
    found = {}
    for n in (50, 300):
        for noise in ("lognormal", "normal"):
            for fixed in (False, True):
                name = f"stations x days, {noise}, {'fixed' if fixed else 'per sample'}, n={n}"
                found[name] = (
                    "1d-rows",
                    lambda rng, n=n, noise=noise, fixed=fixed: _lines(rng, n, noise, fixed, ordered=True),
                )
    turned = found["stations x days, normal, per sample, n=300"][1]
    found["days x stations, normal, per sample, n=300"] = ("1d-columns", lambda rng: turned(rng).swapaxes(1, 2))
    found["sensors x time, each with a unit"] = (
        "1d-rows",
        lambda rng: rng.lognormal(0, 2, (1, 8, 1)) * gaussian_filter1d(rng.normal(size=(300, 8, 40)), 2, axis=2),
    )
    return found


def powers() -> dict[str, tuple[str, Draw]]:
    """Families whose order is there to be seen."""
    digits = load_digits().images
    found: dict[str, Draw] = {
        "digits, n=20": lambda rng: digits[rng.choice(len(digits), 20, replace=False)],
        "smooth fields 28 x 28, n=20": lambda rng: _field(rng, 20, 28),
        "strokes 28 x 28, n=20": lambda rng: _strokes(rng, 20, 28),
        "alternating textures 12 x 12": lambda rng: _alternating(rng, 300, 12),
        "alternating textures 8 x 8, n=50": lambda rng: _alternating(rng, 50, 8),
        "spectra, 1 x 200, n=60": _spectra,
        "spectrograms, 24 x 40, n=60": _spectrograms,
        "gauges x hours, gauges in order": _gauges,
        "2 x 5000": lambda rng: gaussian_filter1d(rng.normal(size=(60, 2, 5000)), 3, axis=2),
        "circular days x hours": _days_and_hours,
        "6 x 6 fields, n=100": lambda rng: _field(rng, 100, 6),
    }
    return {name: ("any", draw) for name, draw in found.items()}


def symmetries(draws: int, part: str | None) -> pd.DataFrame:
    """How often each symmetry is claimed, where it holds and where it does not."""
    rows = []
    for number, ((question, truth, name), draw) in enumerate(_claims().items()):
        if part and part not in question and part not in name:
            continue
        counts: Counter[str] = Counter()
        for seed in range(draws):
            report = probe_locality(draw(np.random.default_rng([seed, number, 8])), random_state=seed)
            found = report.symmetries.get(question)
            counts["not asked" if found is None else found.answer] += 1
        shown = {answer: counts[answer] for answer in ("yes", "no", "too few rows", "not asked")}
        rows.append({"question": question, "data": name, "holds": "yes" if truth else "no", **shown, "draws": draws})
    return pd.DataFrame(rows)


def _claims() -> dict[tuple[str, bool, str], Draw]:
    """Question, whether it holds, and data."""
    lines = {
        f"{noise} lines, per sample": lambda rng, noise=noise: _lines(rng, 300, noise, fixed=False)
        for noise in ("lognormal", "normal", "heavy")
    }
    fixed = {
        f"{noise} lines, fixed": lambda rng, noise=noise: _lines(rng, 300, noise, fixed=True)
        for noise in ("lognormal", "normal", "heavy")
    }
    found: dict[tuple[str, bool, str], Draw] = {}
    for axis in ("rows", "columns"):
        found |= {(f"exchangeable_{axis}", True, name): draw for name, draw in lines.items()}
        found |= {(f"exchangeable_{axis}", False, name): draw for name, draw in fixed.items()}
    found[("exchangeable_rows", True, "stations x days in order")] = lambda rng: _lines(rng, 300, "normal", False, True)
    found[("exchangeable_columns", False, "stations x days in order")] = lambda rng: _lines(
        rng, 300, "normal", False, True
    )
    found[("exchangeable_rows", False, "smooth fields")] = lambda rng: _field(rng, 300, 12)
    found[("exchangeable_columns", False, "two groups of lines")] = lambda rng: (
        np.repeat(rng.normal(size=(300, 1, 2)), 8, axis=2)[:, :, rng.permutation(16)] * 0.5
        + rng.normal(size=(300, 10, 16))
    )
    found[("exchangeable_rows", True, "coin-flip graphs")] = lambda rng: _mirrored(rng.random((300, 16, 16)) < 0.3)
    found[("exchangeable_rows", False, "distance matrices of fixed things")] = lambda rng: _distances(
        rng.normal(size=(16, 3)) + 0.5 * rng.normal(size=(300, 16, 3))
    )
    for name, draw in (
        ("coin-flip graphs", lambda rng: _mirrored(rng.random((300, 16, 16)) < 0.3)),
        ("distance matrices", lambda rng: _distances(rng.normal(size=(300, 16, 3)))),
        (
            "distances with errors of 10 %",
            lambda rng: _noisy(rng, _distances(rng.normal(size=(300, 16, 3))), 0.1),
        ),
    ):
        found[("symmetric", True, name)] = draw
    found[("symmetric", False, "smooth fields")] = lambda rng: _field(rng, 300, 16)
    found[("symmetric", False, "distances with errors of 40 %")] = lambda rng: _noisy(
        rng, _distances(rng.normal(size=(300, 16, 3))), 0.4
    )
    found[("symmetric", False, "directed graphs")] = lambda rng: (rng.random((300, 16, 16)) < 0.3).astype(float)
    for question, swap in (("circular_rows", False), ("circular_columns", True)):
        for name, truth, draw in (
            ("around a circle", True, lambda rng: _ring(rng, (300, 10, 24), 2.0)),
            ("around a circle, longer reach", True, lambda rng: _ring(rng, (300, 10, 36), 4.0)),
            (
                "along a line",
                False,
                lambda rng: gaussian_filter1d(rng.normal(size=(300, 10, 40)), 2, axis=2)[..., 8:32],
            ),
            ("a random walk", False, lambda rng: rng.normal(size=(300, 10, 24)).cumsum(2)),
        ):
            found[(question, truth, name)] = lambda rng, draw=draw, swap=swap: (
                draw(rng).swapaxes(1, 2) if swap else draw(rng)
            )
    found[("wandering", True, "series from a level of their own")] = lambda rng: (
        gaussian_filter1d(rng.normal(size=(300, 1, 60)), 2, axis=2) + 2 * rng.normal(size=(300, 1, 1))
    )
    found[("wandering", True, "pictures of different exposure")] = lambda rng: (
        _field(rng, 300, 16) * rng.lognormal(0, 0.6, (300, 1, 1))
    )
    found[("wandering", False, "fields of one level")] = lambda rng: _field(rng, 300, 24)
    found[("wandering", False, "noise")] = lambda rng: rng.normal(size=(300, 12, 24))
    return found


def _lines(
    rng: np.random.Generator, n: int, noise: str, fixed: bool = False, ordered: bool = False, shape=(12, 24)
) -> np.ndarray:
    """Effects of lines along both axes, of each sample's own or fixed; days may stand in order."""
    height, width = shape
    stations, days, cells = (
        _noise(rng, noise, (n, height, 1)),
        _noise(rng, noise, (n, 1, width)),
        _noise(rng, noise, (n, height, width)),
    )
    if ordered:
        days = gaussian_filter1d(rng.normal(size=(n, 1, width + 16)), 1.5, axis=2)[..., 8:-8] * 2.5
    if fixed:
        stations = stations + _noise(rng, noise, (1, height, 1))
        if not ordered:
            days = days + _noise(rng, noise, (1, 1, width))
    together = 0.5 * stations + 0.5 * days + 0.3 * cells
    return np.exp(together) if noise == "lognormal" else together


def _noise(rng: np.random.Generator, noise: str, shape: tuple[int, ...]) -> np.ndarray:
    """Noise; that of "lognormal" lines is taken to the power later."""
    return rng.standard_t(2, shape) if noise == "heavy" else rng.normal(size=shape)


def _mirrored(matrices: np.ndarray) -> np.ndarray:
    """Keep what is above the diagonal, and mirror it."""
    upper = np.triu(matrices, 1).astype(float)
    return upper + upper.swapaxes(1, 2)


def _correlations(X: np.ndarray) -> np.ndarray:
    X = X - X.mean(axis=2, keepdims=True)
    X /= np.linalg.norm(X, axis=2, keepdims=True)
    return X @ X.swapaxes(1, 2)


def _fixed_correlations(rng: np.random.Generator) -> np.ndarray:
    """Correlations between things with loadings of their own, over 20 draws a sample."""
    loadings = rng.normal(size=(12, 3))
    strength = rng.lognormal(0, 0.5, (300, 1, 3))
    factors = rng.normal(size=(300, 3, 20))
    return _mirrored(_correlations((loadings * strength) @ factors + rng.normal(size=(300, 12, 20))))


def _distances(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[:, :, None] - points[:, None], axis=-1)


def _noisy(rng: np.random.Generator, X: np.ndarray, share: float) -> np.ndarray:
    return X + share * X.std(axis=0, keepdims=True) * rng.normal(size=X.shape)


def _latin_squares(rng: np.random.Generator, n: int = 300, side: int = 9) -> np.ndarray:
    """Cyclic squares whose rows, columns and symbols are permuted, in each sample on its own."""
    cyclic = np.add.outer(np.arange(side), np.arange(side)) % side
    orders = rng.permuted(np.tile(np.arange(side), (3, n, 1)), axis=2)
    squares = [symbols[cyclic[np.ix_(rows, columns)]] for rows, columns, symbols in orders.swapaxes(0, 1)]
    return np.array(squares, dtype=float)


def _windows(rng: np.random.Generator, made: str, shuffled: bool) -> np.ndarray:
    """Windows of one record of noise, a few cells apart; those that are differenced afterwards, of a walk."""
    walks, width = made == "differenced", 30
    record = 10 + rng.normal(size=1 + width + 299 * 4)
    cut = np.lib.stride_tricks.sliding_window_view(record.cumsum() if walks else record, width + walks)[::4]
    return _made(rng, np.diff(cut) if walks else cut, made, shuffled)


def _patches(rng: np.random.Generator, made: str, shuffled: bool) -> np.ndarray:
    """Patches of one picture of noise, at random places from top to bottom; differenced ones, of a sum over rows."""
    walks, side = made == "differenced", 12
    picture = 10 + rng.normal(size=(64, 64))
    every = np.lib.stride_tricks.sliding_window_view(picture.cumsum(1) if walks else picture, (side, side + walks))
    top, left = rng.integers(every.shape[0], size=300), rng.integers(every.shape[1], size=300)
    cut = every[np.sort(top), left]
    return _made(rng, np.diff(cut) if walks else cut, made, shuffled)


def _made(rng: np.random.Generator, cut: np.ndarray, made: str, shuffled: bool) -> np.ndarray:
    """What people do to windows before they look at them."""
    flat = cut.reshape(len(cut), -1)
    if made == "standardised":
        flat = (flat - flat.mean(axis=1, keepdims=True)) / flat.std(axis=1, keepdims=True)
    elif made == "divided by the last":
        flat = flat / flat[:, -1:]
    order = rng.permutation(len(cut)) if shuffled else slice(None)
    return flat.reshape(cut.shape)[order]


def _scrambled_digits(rng: np.random.Generator) -> np.ndarray:
    X = load_digits_scrambled(random_state=int(rng.integers(2**31)))[0]
    return X[rng.choice(len(X), 300, replace=False)]


def _field(rng: np.random.Generator, n: int, side: int) -> np.ndarray:
    """Noise smoothed with a Gaussian of spread 1."""
    return gaussian_filter(rng.normal(size=(n, side + 8, side + 8)), (0, 1.0, 1.0))[:, 4:-4, 4:-4]


def _strokes(rng: np.random.Generator, n: int, side: int) -> np.ndarray:
    """A few straight strokes on an empty ground, as in handwriting."""
    X = np.zeros((n, side, side))
    steps = np.linspace(0, 1, 4 * side)
    for picture in X:
        for start, end in rng.uniform(4, side - 5, (3, 2, 2)):
            row, column = (start + steps[:, None] * (end - start)).round().astype(int).T
            picture[row, column] = 1.0
    return gaussian_filter(X, (0, 0.7, 0.7))


def _alternating(rng: np.random.Generator, n: int, side: int) -> np.ndarray:
    return make_alternating_texture(n, (side, side), random_state=int(rng.integers(2**31)))[0]


def _spectra(rng: np.random.Generator) -> np.ndarray:
    """Peaks at fixed places with heights of their own, on a baseline."""
    places, heights = rng.uniform(0, 200, 8), rng.lognormal(0, 0.5, (60, 8))
    peaks = np.exp(-0.5 * ((np.arange(200) - places[:, None]) / 4) ** 2)
    return (heights @ peaks + 0.1 * rng.normal(size=(60, 200)))[:, None]


def _spectrograms(rng: np.random.Generator) -> np.ndarray:
    """Tones that rise or fall, over noise."""
    time, frequency = np.arange(40), np.arange(24)[:, None]
    tones = rng.uniform(4, 20, (60, 1, 1)) + rng.uniform(-0.2, 0.2, (60, 1, 1)) * (time - 20)
    return np.exp(-0.5 * ((frequency - tones) / 1.5) ** 2) + 0.2 * rng.normal(size=(60, 24, 40))


def _gauges(rng: np.random.Generator) -> np.ndarray:
    """A wave that runs down a river past ten gauges, over 48 hours."""
    start = rng.uniform(5, 25, (100, 1, 1))
    arrival = start + 1.5 * np.arange(10)[:, None]
    wave = np.exp(-0.5 * ((np.arange(48) - arrival) / 4) ** 2) * rng.lognormal(0, 0.5, (100, 1, 1))
    return wave + 0.1 * rng.normal(size=(100, 10, 48))


def _ring(rng: np.random.Generator, shape: tuple[int, int, int], reach: float) -> np.ndarray:
    return gaussian_filter1d(rng.normal(size=shape), reach, axis=2, mode="wrap")


def _days_and_hours(rng: np.random.Generator) -> np.ndarray:
    """Seven days of 24 hours that close on themselves."""
    return _ring(rng, (200, 7, 24), 2.0) + 0.3 * rng.normal(size=(200, 7, 24))


if __name__ == "__main__":
    main()
