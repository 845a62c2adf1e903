"""From ranked grids to one verdict: a grid, a series, or nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from autoarch.layouts.infer.alignment_tests import line_p, ordered_p, shifted_p
from autoarch.layouts.infer.ranking import Found
from autoarch.layouts.infer.results import LEVELS

FEWEST_ROWS = 3  # with two rows every correlation is 1 or -1
FEWEST_ORDERED = 5  # four lines have twelve orders
CLEAR_LEAD = 1.1  # factor by which an aligned grid whose lines may stand in no order must beat the best line,
GREAT_LEAD = 1.2  # and one whose axes have not both been shown to be aligned: true series reach 1.03
NEARLY = {"down": 0.1, "across": 0.06}  # p-values of an axis that few rows or short sides may keep from the level


@dataclass(frozen=True)
class Verdict:
    """What the tests leave of the best grid.

    Parameters
    ----------
    kind : {"2d", "1d", "none"}
        What is significant.
    found : Found or None
        The best grid where both axes are significant; else the best line, where the order of the columns is. A grid
        that falls short of a test is preferred to the line only with a clear lead, or where it falls just short.
    p_values : dict of str to float
        Of the tests that were run; see ``LayoutCandidate``.
    """

    kind: str = "none"
    found: Found | None = None
    p_values: dict[str, float] = field(default_factory=dict)


def judge(scaled: np.ndarray, ranked: list[Found], rng: np.random.Generator) -> Verdict:
    """Test the best of ``ranked``; where one of its axes fails, see whether the columns form a series."""
    if not ranked or len(scaled) < FEWEST_ROWS:
        return Verdict()
    best = ranked[0]
    kept = np.setdiff1d(np.arange(scaled.shape[1]), best.left_out)
    scaled = scaled[:, kept]
    p_values: dict[str, float] = {}
    if not best.grid.is_line:
        p_values = _both_axes(scaled, best, rng)
        if all(p <= LEVELS[test] for test, p in p_values.items()):
            return Verdict("2d", best, p_values)
    lines = [one for one in ranked if one.grid.is_line]
    p_values["order"] = line_p(scaled, rng)
    if p_values["order"] > LEVELS["order"] or not lines:
        return Verdict("none", None, p_values)
    return Verdict("1d", best if _is_more_than_a_line(best, lines[0], p_values) else lines[0], p_values)


def _is_more_than_a_line(best: Found, line: Found, p_values: dict[str, float]) -> bool:
    """Whether a grid that failed a test is still the better reading of the columns."""
    if best.grid.is_line or min(best.grid.height, best.grid.width) < FEWEST_ORDERED:
        return False
    lead = best.score / max(line.score, 1e-9)
    if "rows" in p_values:  # both axes are aligned; their lines may stand in no order, and be channels
        return lead >= CLEAR_LEAD
    if p_values["down"] > NEARLY["down"]:
        return False
    return lead >= GREAT_LEAD or p_values.get("across", 1.0) <= NEARLY["across"]


def _both_axes(scaled: np.ndarray, best: Found, rng: np.random.Generator) -> dict[str, float]:
    """Tests of a grid, cheapest decision first: the first one that fails is the last one run."""
    p_values: dict[str, float] = {}
    for test, run, axis in (
        ("down", shifted_p, "down"),
        ("across", shifted_p, "across"),
        ("rows", ordered_p, "down"),
        ("columns", ordered_p, "across"),
    ):
        p_values[test] = run(scaled, best.grid, axis, rng)
        if p_values[test] > LEVELS[test]:
            break
    return p_values
