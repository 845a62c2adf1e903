"""Advice from the measurements: families to try first, and settings of a CNN if one is tried.

From landmarks to the chance that each family wins, and to the families worth searching.

A landmark is a noisy reading of what the full family would reach. The full family lies above it by an offset of its
own (trees gain most from more rows and rounds), give or take the landmark's sampling error (``std_error``) and a
spread. Offset and spread shrink as scores near 1: they are ``Family.landmark_offset`` and ``landmark_spread`` times
the square root of best x (1 - best). The chance that a normal variable with that mean and spread is the largest of all
is weighed by the family's chance before any landmark, which depends on the verdict: convolutions that score well where
no order matters do so by other means than the layout, which dense nets and trees have, too. Landmarks and verdict tell
partly the same, so that chance counts to the power of ``prior_weight``. Families whose landmark was not measured keep
the share that the verdict alone gives them. No chance is below ``probability_floor``: the search may always be
surprised. A family is worth searching if its chance to win, among those that have a landmark and are not linear, is at
least ``worth_chance``.

The other numbers stand in ``constants.json``. ``examples/benchmarks/family_choice.py`` learns them on tasks whose
families were trained in full, and tests them with each source of data left out in turn; the documentation has its
tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import hypot

import numpy as np
from scipy.special import ndtr

from autoarch._report.text import listed, p_text
from autoarch.families.registry import LANDMARK_TITLES, TITLES, WITH_LANDMARK
from autoarch.locality.axes import VERDICTS, kernel_shapes
from autoarch.locality.constants import CONSTANTS
from autoarch.locality.correlogram import kernel_side
from autoarch.locality.grid_statistics import Measurements
from autoarch.locality.measurements import PARTS, Landmark

CHANGES = {
    "shift": "shifts",
    "mirror_rows": "reversed rows",
    "mirror_columns": "reversed columns",
    "turn": "quarter turns",
}
UNTESTED = "untested"  # in place of a verdict
READINGS = ("codes", "logarithms", "differences")  # symmetries whose "yes" says that the cells are better read so
FAMILIES = tuple(reversed(WITH_LANDMARK))  # of two with equal chances, the more special one comes first


def prior(verdict: str, has_grid: bool) -> dict[str, float]:
    """Chance of each family before any landmark, by the verdict alone; ``UNTESTED`` counts as one axis that matters."""
    n_axes = {"2d": 2, "none": 0}.get(verdict, 1)
    possible = {name: has_grid or not WITH_LANDMARK[name].needs.grid for name in FAMILIES}
    return _bounded({name: WITH_LANDMARK[name].prior_odds[2 - n_axes] * possible[name] for name in FAMILIES})


def win_probabilities(
    landmarks: Mapping[str, Landmark], verdict: str, has_grid: bool, *, margin: float = 0.0
) -> dict[str, float]:
    """Chance that each family is the best one; sums to 1.

    With a ``margin`` above 0: the chance that it leads by more than that, which sums to less.
    """
    shares = prior(verdict, has_grid)
    measured = [name for name in FAMILIES if name in landmarks]
    if not comparable(landmarks):
        return shares
    means = np.array([landmarks[name].score for name in measured])
    best = float(np.clip(means.max(), 0.0, 1.0))
    unit = np.sqrt(best * (1 - best) + 1e-4)
    means = means + unit * np.array([WITH_LANDMARK[name].landmark_offset for name in measured])
    spreads = np.hypot([landmarks[name].std_error for name in measured], CONSTANTS["landmark_spread"] * unit)
    points = np.linspace((means - 5 * spreads).min(), (means + 5 * spreads).max(), 2_001)
    standard = (points[None, :] - means[:, None]) / spreads[:, None]
    density = np.exp(-0.5 * standard**2) / spreads[:, None]
    below = ndtr(standard - margin / spreads[:, None])
    before = np.array([shares[name] for name in measured]) ** CONSTANTS["prior_weight"]
    wins = before * _shares_of_largest(density, below)
    every = before @ _shares_of_largest(density, ndtr(standard)) if margin else wins.sum()
    to_share = sum(shares[name] for name in measured)
    shares |= {name: to_share * float(win / every) for name, win in zip(measured, wins, strict=True)}
    return shares if margin else _bounded(shares)


def _shares_of_largest(density: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Chance of each variable to be the largest, up to a factor, from its density and the others' distributions."""
    return np.array([(one * np.prod(np.delete(below, k, axis=0), axis=0)).sum() for k, one in enumerate(density)])


def comparable(landmarks: Mapping[str, Landmark]) -> bool:
    """Tell whether enough landmarks were run to compare nets with trees."""
    return "tree" in landmarks and ("cnn" in landmarks or "mlp" in landmarks)


def worth_searching(landmarks: Mapping[str, Landmark], verdict: str, has_grid: bool) -> tuple[str, ...]:
    """Families with a fair chance to win, likeliest first; without landmarks by the verdict alone."""
    chances = win_probabilities(landmarks, verdict, has_grid)
    ranked = sorted(FAMILIES, key=lambda name: -chances[name])
    worth = {name: chance >= CONSTANTS["prior_worth_trying"] for name, chance in chances.items()}
    if comparable(landmarks):
        others = {name: mark for name, mark in landmarks.items() if name in FAMILIES and name != "linear"}
        among = win_probabilities(others, verdict, has_grid)
        least = CONSTANTS["worth_chance"] * sum(among[name] for name in others)
        worth |= {name: among[name] >= least for name in others}
        worth |= {"linear": chances["linear"] >= CONSTANTS["worth_chance"], ranked[0]: True}
    return tuple(name for name in ranked if worth[name])


def _bounded(shares: Mapping[str, float]) -> dict[str, float]:
    """Raise every share to the least chance and scale the rest so that all add up to 1."""
    least = CONSTANTS["probability_floor"]
    total = sum(shares.values())
    spare = 1.0 - least * len(shares)
    return {name: least + spare * share / total for name, share in shares.items()}


def at_chance(landmarks: Mapping[str, Landmark], floor: float) -> bool:
    """Tell whether there are landmarks of families, and none beats a constant by two standard errors."""
    leads = [mark.score - floor - 2 * mark.std_error for name, mark in landmarks.items() if name in FAMILIES]
    return max(leads, default=1.0) <= 0


def evidence(measured: Measurements) -> tuple[Mapping[str, Landmark], str, bool]:
    """Landmarks, verdict and whether there is a grid: what the chances of the families follow from.

    A grid that was declared or found, with too few lines to test their order, is one all the same. What convolutions
    gain by another reading of the cells adds to the score of their landmark, and trees count by the better one of
    theirs. Landmarks of which none beats a constant compare nothing: then the verdict alone counts.
    """
    used = measured.used
    untested = used.layout is not None and not used.layout.is_bare_line and not used.grid.testable
    marks = read_in_parts(used.scores.landmarks, used.grid.verdict)
    gain = max((used.scores.symmetries[name].effect for name in READINGS if _holds(name, used)), default=0.0)
    if gain and "cnn" in marks:
        marks["cnn"] = replace(marks["cnn"], score=min(1.0, marks["cnn"].score + gain))
    verdict = UNTESTED if untested else used.grid.verdict
    if at_chance(marks, used.scores.landmark_floor):
        marks, verdict = {}, "2d" if _holds("differences", used) else verdict  # only nets read differences
    return marks, verdict, used.layout is not None


def read_in_parts(landmarks: Mapping[str, Landmark], verdict: str) -> dict[str, Landmark]:
    """Landmarks with the better one of both for trees, which read parts of a grid whose neighbours belong together."""
    marks = dict(landmarks)
    if verdict != "none" and PARTS in marks and "tree" in marks:
        marks["tree"] = max(marks["tree"], marks[PARTS], key=lambda mark: mark.score)
    return marks


def family_probabilities(measured: Measurements) -> dict[str, float]:
    """Chance that each family wins, from the landmarks or, without them, from the verdict; sums to 1."""
    return win_probabilities(*evidence(measured))


def recommended_families(measured: Measurements) -> dict[str, float]:
    """Families worth searching, best first, each with its chance to win."""
    chances = family_probabilities(measured)
    return {name: chances[name] for name in worth_searching(*evidence(measured))}


def advise(measured: Measurements) -> str:
    """Name the family to try first, the reason, and what would change it."""
    if measured.recovered is not None:
        layout = measured.recovered.layout
        found = f"The given order of the columns shows no structure; rearranged into {layout} cells they score better."
        return f"{found} {advise(measured.recovered)}"
    first = _from_landmarks if comparable(evidence(measured)[0]) else _from_verdict
    return f"{first(measured)} {_how(measured)}".strip()


def scaling(measured: Measurements) -> tuple[str, ...]:
    """Scalings worth trying, best first: "global" (one scale for all cells) and "per cell".

    With a target the convolutions under both decide; without one, how far levels and scales differ.
    """
    if measured.layout is None:
        return ("per cell",)
    for reading, name in zip(READINGS, ("per code", "logarithmic", "differences"), strict=True):
        if _holds(reading, measured):
            return (name, "global", "per cell")
    if "scaling" in measured.scores.gains:
        gain = measured.scores.gains["scaling"]
        order = ("per cell", "global") if gain.difference > 0 else ("global", "per cell")
        return order[:1] if abs(gain.difference) > 2 * gain.std_error else order
    cells = measured.grid.marginals.get("cells")
    return ("per cell", "global") if cells is not None and cells.differs_strongly else ("global", "per cell")


def augmentations(measured: Measurements) -> tuple[str, ...]:
    """Changes of a sample that should leave its label alone.

    Shifted, mirrored and turned samples must be as likely and labelled alike, as the landmarks found; "cutout" needs
    cells that their neighbours can replace, "noise" any dependence at all.
    """
    if measured.grid.verdict == "none":
        return ()
    changes = [name for name in CHANGES if _holds(name, measured)]
    return (*changes, *(("cutout",) if measured.grid.patterns.redundant else ()), "noise")


def _holds(name: str, measured: Measurements) -> bool:
    """Tell whether a symmetry that needs y was answered with "yes"."""
    found = measured.scores.symmetries.get(name)
    return found is not None and found.answer == "yes"


def _how(measured: Measurements) -> str:
    """Say how to build and feed a CNN, where one is worth it."""
    grid = measured.grid
    if "cnn" not in recommended_families(measured) or grid.verdict == "none":
        return ""
    shapes = " and ".join(kernel_shapes(grid.axes, grid.verdict))
    side = kernel_side(grid.directions, grid.dependent_axes)
    allowed = [CHANGES.get(name, name) for name in augmentations(measured)]
    return (
        f"For a CNN: kernels {shapes}{f' with k = {side}' if side else ''}, {' or '.join(scaling(measured))} scaling, "
        f"augmentation by {listed(allowed)}."
    )


def _from_verdict(measured: Measurements) -> str:
    """Advise by the verdict alone."""
    first, *others = (TITLES[name] for name in recommended_families(measured))
    also = f", and compare with {listed(others)}" if others else ""
    change = "The families themselves were not compared, for the reasons given above."
    if not _has_target(measured):
        change = "Pass y to test whether the layout helps the task: correlated neighbours need not help to predict y."
    elif at_chance(measured.scores.landmarks, measured.scores.landmark_floor):
        change = "No landmark beats a constant by two standard errors, so they do not tell which family is better."
    elif any("too few" in reason for reason in measured.skipped):
        change = "More rows would allow a comparison of the families themselves."
    grid = measured.grid
    if grid.unlike:
        change = change.replace("whether the layout helps the task: correlated", "the families themselves: correlated")
    if evidence(measured)[1] == UNTESTED:
        return f"Compare {listed([first, *others])}: {grid.clause}. {change}"
    if grid.verdict == "none":
        return f"Prefer {first}{also}: {grid.clause}. {change}"
    return f"Try {first}{also}: {grid.clause} ({p_text(grid.p_value)}). {change}"


def _has_target(measured: Measurements) -> bool:
    """Tell whether y was given: then there are landmarks, or reasons why there are none."""
    asked = {*WITH_LANDMARK, "cnn_shuffled", "landmarks", "convolutions"}
    reasons = any(reason.split(":")[0] in asked for reason in measured.skipped)
    return bool(measured.scores.landmarks) or reasons


def _from_landmarks(measured: Measurements) -> str:
    """Advise by the landmarks, and let the verdict explain."""
    chances = recommended_families(measured)
    best, *others = chances
    found = read_in_parts(measured.scores.landmarks, measured.grid.verdict)
    marks = {name: mark for name, mark in found.items() if name in FAMILIES}
    in_parts = PARTS in found and found["tree"] is found[PARTS]
    titles = LANDMARK_TITLES | ({"tree": LANDMARK_TITLES[PARTS]} if in_parts else {})
    also = f", then {listed([TITLES[name] for name in others])}" if others else ""
    start = f"{'Try' if best == 'cnn' else 'Prefer'} {TITLES[best]} first{also}"
    if best not in marks:
        return f"{start}: {measured.grid.clause}, and its landmark was not run."
    runner_up = max((name for name in marks if name != best), key=lambda name: marks[name].score)
    gap = marks[best].score - marks[runner_up].score
    error = hypot(marks[best].std_error, marks[runner_up].std_error)
    sure = "a clear lead" if gap > 2 * error else "within one standard error" if gap < error else "a small lead"
    if gap < -error:
        sure = "behind, but it gains more once trained in full"
    why = (
        f"{titles[best]} {'reach' if best in ('cnn', 'tree') else 'reaches'} {marks[best].score:.3f} against "
        f"{marks[runner_up].score:.3f} for {titles[runner_up]} ({sure})"
    )
    change = f"a gain of {gap:.3f} by {TITLES[runner_up]} once trained in full"
    if gap <= 0:
        change = f"{TITLES[runner_up]} in the lead once trained in full"
    if others and chances[best] < 0.5:
        change = f"more rows may reverse the order: the probability that {TITLES[best]} wins is {chances[best]:.0%}"
    return f"{start}: {why}; {_layout_clause(measured, best)}. What would change this: {change}."


def _layout_clause(measured: Measurements, best: str) -> str:
    """Say how the verdict fits the best landmark."""
    if measured.layout is None:
        return "there is no grid to convolve over"
    if best != "cnn" and measured.grid.verdict != "none":
        return f"{VERDICTS[measured.grid.verdict]}, but that does not help this task enough"
    if best == "cnn" and measured.grid.verdict == "none":
        gain = measured.scores.gains.get("layout")
        if measured.grid.unlike:
            return measured.grid.clause
        untested = "" if measured.grid.testable else "too few lines to test, "
        if gain is not None and gain.exceeds(0.01):
            return f"{untested}no dependence between neighbours is seen, yet shuffled cells score less"
        return (
            f"{untested}no dependence between neighbours is seen, so the gain may come from the features, not the "
            "layout"
        )
    return measured.grid.clause
