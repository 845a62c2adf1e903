"""Symmetries of the cells: what may be permuted, mirrored or closed without changing what a sample is.

An invariance is claimed only where an equivalence test shows it: the upper 95 % limit of the effect against it lies
below ``MARGIN``, on the scale of correlations, and its own null is not rejected. Few rows claim nothing.

**Exchangeable lines.** Null: the lines of each sample permuted on their own. Effect: how much the lines, and pairs of
lines, differ in level, scale and correlation, beyond what such permutations give. **Symmetric.** Effect: share of the
variance that X - X^T holds. **Circular.** Effect: correlation of neighbours inside less that across the seam, once the
mean of each line is taken off, which cells far apart share without being neighbours. **Wandering.** Effect: correlation
of cells far apart, in level or in size: what all cells of a sample share, or those of a line whose order matters. This
one is no invariance: its "yes" says that the lower limit lies above the margin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr
from scipy.stats import rankdata

from autoarch._report.text import p_text
from autoarch._statistics.permutation_tests import max_t_p, studentise
from autoarch._training.log_scaler import LONG, share_of_tails

MARGIN, LINE_MARGIN = 0.03, 0.3  # the ends of a line also share what is larger than it
UPPER, LOWER = 1.645, 2.326  # normal quantiles: 95 % and 99 %
FEWEST_SAMPLES = 10
FEWEST_LINES = 3
FEWEST_ON_A_CIRCLE = 6
MOST_LINES, MOST_ACROSS, MOST_CHANNELS, MOST_SAMPLES = 32, 24, 2, 400
N_PERMUTATIONS = 99
N_PAIRS = 400


@dataclass(frozen=True)
class Symmetry:
    """Answer to one question about a symmetry.

    Parameters
    ----------
    answer : {"yes", "no", "too few rows"}
        "yes" is a claim: the effect against it lies below a margin with 95 % confidence.
    effect : float
        How far the data are from the symmetry, or show what was asked for; 0 where not at all.
    p_value : float or None
        Of the null that the sentence names; None where there is no test.
    sentence : str
        The answer in words.
    """

    answer: str
    effect: float
    p_value: float | None
    sentence: str


def find_symmetries(
    grid: np.ndarray,
    scaled: np.ndarray,
    orders: Mapping[str, tuple[float, float]],
    mirrored: Symmetry | None,
    rng: np.random.Generator,
) -> dict[str, Symmetry]:
    """Answer every question about symmetries that needs no target.

    Parameters
    ----------
    grid, scaled : ndarray of shape (n, C, H, W)
        Values, NaN where missing; and the same with each cell standardised and without tails.
    orders : mapping of str to (float, float)
        Axes whose order matters, ``"rows"`` or ``"columns"``: effect and p-value.
    mirrored : Symmetry or None
        From ``symmetric``.
    rng : Generator
        Source of permutations and pairs.

    Returns
    -------
    mapping of str to Symmetry
        ``"symmetric"`` of square grids, ``"exchangeable_rows"`` and ``"exchangeable_columns"`` of three lines and more,
        ``"circular_rows"`` and ``"circular_columns"`` of axes whose order matters, ``"wandering"``, ``"long_tails"``.
    """
    found: dict[str, Symmetry] = {} if mirrored is None else {"symmetric": mirrored}
    same_things = mirrored is not None and mirrored.answer == "yes"
    for lines, axis, values in (("rows", "columns", grid), ("columns", "rows", grid.swapaxes(2, 3))):
        if same_things and "exchangeable_rows" in found:
            found["exchangeable_columns"] = found["exchangeable_rows"]
        elif values.shape[2] >= FEWEST_LINES:
            named = "rows and columns" if same_things else lines
            found[f"exchangeable_{lines}"] = _exchangeable(values, named, orders.get(axis), same_things, rng)
    ordered = {axis: scaled if axis == "rows" else scaled.swapaxes(2, 3) for axis in orders}
    for axis, along in ordered.items():
        if along.shape[3] >= FEWEST_ON_A_CIRCLE:
            found[f"circular_{axis}"] = _circular(along, axis.removesuffix("s"))
    if grid[0, 0].size >= 2 * FEWEST_LINES:
        found["wandering"] = _wandering(scaled, ordered, rng)
    found["long_tails"] = _long_tails(grid)
    return found


def symmetric(grid: np.ndarray) -> Symmetry | None:
    """Ask if X equals its transpose, or nearly: are rows and columns the same things? None where it is not square.

    ``grid`` has shape (n, C, H, W); NaN is missing.
    """
    if not grid.shape[2] == grid.shape[3] >= FEWEST_LINES:
        return None
    first, second = np.triu_indices(grid.shape[2], 1)
    largest = np.maximum(np.nan_to_num(np.abs(grid.astype(np.float64)), posinf=0.0).max(), 1e-300)
    above, below = (grid[:, :, a, b] / largest for a, b in ((first, second), (second, first)))
    there = ~(np.isnan(above) | np.isnan(below))
    level = np.where(there, above + below, 0.0).sum(axis=(0, 2)) / np.maximum(2 * there.sum(axis=(0, 2)), 1)
    apart = np.where(there, above - below, 0.0)
    around = np.where(there, (above - level[:, None]) ** 2 + (below - level[:, None]) ** 2, 0.0)
    apart, around = np.square(apart).sum(axis=2), around.sum(axis=2)
    apart, around = (each / np.maximum(around.mean(axis=0), 1e-300) for each in (apart, around))
    varies = around.mean(axis=0) > 0.5
    if not varies.any():
        return Symmetry("no", 1.0, None, "Rows and columns do not vary: nothing to compare across the diagonal.")
    effect = float(apart[:, varies].mean())
    error = _std_error((apart - effect * around)[:, varies].mean(axis=1))
    answer = _claim(effect, error, None, len(grid))
    share = f"the difference holds {min(effect, 1.0):.1%} of the variance"
    text = {
        "yes": f"Each sample equals its mirror image at the diagonal ({share}): rows and columns are the same things, "
        "and a cell is a relation between two of them; consider a graph model.",
        "no": f"Samples do not equal their mirror images at the diagonal: {share}.",
        "too few rows": "Too few rows to tell whether samples equal their mirror images at the diagonal.",
    }
    return Symmetry(answer, effect, None, text[answer])


def _exchangeable(
    grid: np.ndarray, name: str, order: tuple[float, float] | None, same_things: bool, rng: np.random.Generator
) -> Symmetry:
    """Ask if the lines along the third axis of the grid are alike: could each sample have them in any order?"""
    start = f"The {name}"
    if order is not None:
        because = f"{start} are not exchangeable: their order matters ({p_text(order[1])})."
        return Symmetry("no", max(order[0], 0.0), order[1], because)
    lines = _ranked_lines(grid, same_things, rng)
    if len(lines) < FEWEST_SAMPLES or lines.shape[1] < FEWEST_LINES:
        return Symmetry("too few rows", 0.0, None, f"Too few rows to tell whether the {name} are exchangeable.")
    draws = _differences_of_lines(lines, same_things, rng)
    p_value = max_t_p(studentise(draws))
    excess, errors = draws[0] - draws[1:].mean(axis=0), draws[1:].std(axis=0)
    worst = int(np.argmax(excess + UPPER * errors))
    effect = max(float(excess.max()), 0.0)
    answer = _claim(float(excess[worst]), float(errors[worst]), p_value, len(lines))
    null = f"permuted in each sample on their own: {p_text(p_value)}"
    text = {
        "yes": f"{start} are exchangeable: they differ no more than in any order of each sample's own (excess |r| "
        f"{effect:.3f}, less than {MARGIN}; {null}). Summaries over them that ignore their order lose nothing.",
        "no": f"{start} are not exchangeable: each has a level, scale or partners of its own (excess |r| {effect:.2f}; "
        f"{null}).",
        "too few rows": f"Too few rows to tell whether the {name} are exchangeable ({null}).",
    }
    return Symmetry(answer, effect, p_value, text[answer])


def _ranked_lines(grid: np.ndarray, same_things: bool, rng: np.random.Generator) -> np.ndarray:
    """Samples of a few lines, shape (n, lines, cells): ranks within each place across, less the mean of the lines.

    What all lines of a sample share at a place is taken off: it says nothing about their differences.
    """
    missing = np.isnan(grid)
    varies = np.where(missing, -np.inf, grid).max(axis=0) > np.where(missing, np.inf, grid).min(axis=0)
    lines = np.flatnonzero(varies.any(axis=(0, 2)))
    across = np.flatnonzero(varies.any(axis=(0, 1)))
    lines = np.sort(rng.permutation(lines)[:MOST_LINES])
    across = lines if same_things else np.sort(rng.permutation(across)[:MOST_ACROSS])
    part = grid[:MOST_SAMPLES, :MOST_CHANNELS][:, :, lines][:, :, :, across].astype(np.float64)
    n, channels, height, width = part.shape
    if min(n, height, width) == 0:
        return np.empty((0, 0, 0))
    if same_things:  # the diagonal holds no relation between two things
        part[:, :, np.arange(height), np.arange(height)] = np.nan
        flat = part.transpose(1, 0, 2, 3).reshape(channels, -1).T
    else:
        flat = part.transpose(1, 3, 0, 2).reshape(channels * width, -1).T
    ranks = rankdata(flat, axis=0, nan_policy="omit") if np.isnan(flat).any() else rankdata(flat, axis=0)
    there = ~np.isnan(flat)
    ranks = np.where(there, ranks - np.where(there, ranks, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1), 0.0)
    ranks /= np.maximum(np.sqrt(np.square(ranks).mean(axis=0)), 1e-12)
    if same_things:
        return ranks.T.reshape(channels, n, height, width).mean(axis=0)
    values = ranks.T.reshape(channels * width, n, height).transpose(1, 2, 0)
    return values - values.mean(axis=1, keepdims=True)


def _differences_of_lines(lines: np.ndarray, same_things: bool, rng: np.random.Generator) -> np.ndarray:
    """Measure how much lines differ, as given and with the lines of each sample permuted, shape (1 + draws, 5).

    Lines in level, places in level, lines in scale, pairs and neighbours in correlation: mean sizes of deviations.
    """
    n, height, width = lines.shape
    lines = lines.astype(np.float32)  # in units of the spread of all values, what the lines share included
    levels, rows = lines.mean(axis=2).ravel(), lines.reshape(n * height, width)
    products = (lines @ lines.swapaxes(1, 2) / np.float32(width)).ravel()
    one, other = np.triu_indices(height)
    start, share = height * np.arange(n)[:, None], np.full(n, 1 / n, dtype=np.float32)
    order = np.tile(np.arange(height), (n, 1))
    draws = np.empty((1 + N_PERMUTATIONS, 5))
    for draw in draws:
        line = start + order  # many look-ups: the means over samples are products, which cost least
        cells = (height * line)[:, :, None] + order[:, None] if same_things else line
        places = share @ (rows.ravel() if same_things else rows).take(cells.ravel(), axis=0).reshape(n, -1)
        pairs = share @ products.take(height * line.take(one, axis=1) + order.take(other, axis=1))
        scales, between = pairs[one == other], pairs[one < other]
        centre = between.mean()
        draw[:] = (
            np.abs(share @ levels.take(line)).mean(),
            np.abs(places - (places.mean() if same_things else 0.0)).mean(),
            np.abs(scales - scales.mean()).mean() / 2,
            np.abs(between - centre).mean(),
            abs(float(pairs[other == one + 1].mean() - centre)),
        )
        order = rng.permuted(order, axis=1)
    return draws


def _circular(scaled: np.ndarray, line: str) -> Symmetry:
    """Ask if the first and the last cell of a line are neighbours like any two."""
    lines = scaled - scaled.mean(axis=3, keepdims=True)
    lines = lines / np.maximum(np.sqrt(np.square(lines).mean(axis=0)), 1e-6)
    side = lines.shape[3]
    worst: tuple[float, float, float] = (-np.inf, 0.0, 0.0)
    strongest = 0.0
    for lag in (1, 2):
        apart = np.square(lines - np.roll(lines, -lag, axis=3)).mean(axis=(1, 2))
        correlations = 1 - apart / 2  # (n, side): by place of the first cell
        inside, seam = correlations[:, : side - lag].mean(axis=1), correlations[:, side - lag :].mean(axis=1)
        sign = 1.0 if inside.mean() >= 0 else -1.0
        gap = sign * (inside - seam)
        worst = max(worst, (float(gap.mean()), _std_error(gap), float(seam.mean())))
        strongest = max(strongest, abs(float(inside.mean())))
    effect, error, seam_r = worst
    p_value = float(1 - ndtr(effect / max(error, 1e-12)))
    answer = _claim(effect, error, None, len(scaled)) if strongest >= 3 * MARGIN else "too few rows"
    numbers = f"mean r across the seam {seam_r:.2f}, inside {seam_r + effect:.2f}; {p_text(p_value)}"
    text = {
        "yes": f"A {line} closes on itself: its ends are neighbours like any two cells ({numbers}): pad it around.",
        "no": f"A {line} does not close on itself ({numbers}).",
        "too few rows": f"Too few rows to tell whether a {line} closes on itself ({numbers}).",
    }
    return Symmetry(answer, max(effect, 0.0), p_value, text[answer])


def _wandering(scaled: np.ndarray, ordered: Mapping[str, np.ndarray], rng: np.random.Generator) -> Symmetry:
    """Ask if samples, or lines whose order matters, share a level or scale: do cells far apart in them go together?"""
    n = len(scaled)
    effects = _shared(scaled, "samples", *(_far_apart(side, rng) for side in scaled.shape[2:]))
    for axis, lines in ordered.items():  # each line may have a level of its own: that of one sensor, say
        if lines.shape[2] > 1 and lines.shape[3] >= FEWEST_ON_A_CIRCLE:
            line = rng.integers(lines.shape[2], size=N_PAIRS)
            effects |= _shared(lines, axis, (line, line), _far_apart(lines.shape[3], rng))
    margins = {name: MARGIN if name[0] == "samples" else LINE_MARGIN for name in effects}
    who, what = name = max(effects, key=lambda each: effects[each][0] - LOWER * effects[each][1] - margins[each])
    (effect, error), margin = effects[name], margins[name]
    p_value = min(1.0, len(effects) * float(1 - ndtr(effect / max(error, 1e-12))))
    answer = "too few rows" if n < FEWEST_SAMPLES or effect + UPPER * error > 3 * margin else "no"
    if n >= FEWEST_SAMPLES and effect - LOWER * error > margin:
        answer = "yes"
    numbers = f"cells far apart share r {effect:.2f} in {what}, {p_text(p_value)}"
    use = "differences of neighbours" if what == "level" else "one scale for each sample"
    text = {
        "yes": f"{who.capitalize()} differ in {what} as wholes ({numbers}): try {use}.",
        "no": f"Samples do not differ in level or scale as wholes ({numbers}).",
        "too few rows": f"Too few rows to tell whether samples differ in level or scale as wholes ({numbers}).",
    }
    return Symmetry(answer, max(effect, 0.0), p_value, text[answer])


def _long_tails(grid: np.ndarray) -> Symmetry:
    """Ask if few cells hold much of the variance, as powers, counts and concentrations do."""
    share = share_of_tails(grid)
    numbers = f"the hundredth of the cells that lies farthest out holds {share:.0%} of the squared deviations"
    if share > LONG:
        return Symmetry("yes", share, None, f"Values have long tails ({numbers}): try logarithms.")
    return Symmetry("no", share, None, f"Values have no long tails ({numbers}).")


def _shared(scaled: np.ndarray, who: str, *places: tuple[np.ndarray, np.ndarray]) -> dict[tuple[str, str], Any]:
    """Correlation in level and in size between cells, whose rows and columns are ``places``, with standard errors."""
    first, second = (scaled[:, :, rows, columns] for rows, columns in zip(*places, strict=True))
    sizes = [np.abs(each) - np.abs(each).mean(axis=0) for each in (first, second)]
    products = {"level": first * second, "scale": sizes[0] * sizes[1] / max(float(np.square(sizes).mean()), 1e-12)}
    of_samples = {(who, what): product.mean(axis=(1, 2)) for what, product in products.items()}
    return {name: (float(values.mean()), _std_error(values)) for name, values in of_samples.items()}


def _far_apart(side: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random pairs of places at least two thirds of the side apart; the same place where there is only one."""
    least = min(side - 1, -(-2 * side // 3))
    first = (rng.random(N_PAIRS) * (side - least)).astype(int)
    other = first + least + (rng.random(N_PAIRS) * (side - least - first)).astype(int)
    swapped = rng.random(N_PAIRS) < 0.5
    return np.where(swapped, other, first), np.where(swapped, first, other)


def _claim(effect: float, error: float, p_value: float | None, n: int) -> str:
    """Answer a question about an invariance from the effect against it."""
    if n < FEWEST_SAMPLES:
        return "too few rows"
    if p_value is not None and p_value <= 1 / (1 + N_PERMUTATIONS):
        return "no"
    if effect + UPPER * error < MARGIN:
        return "yes"
    return "no" if p_value is None and effect - UPPER * error > MARGIN else "too few rows"


def _std_error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.inf
