"""Advice from the measurements: families to try first, and settings of a CNN if one is tried."""

from __future__ import annotations

from autoarch._report.text import listed, p_text
from autoarch.locality import family_odds
from autoarch.locality.axes import kernel_shapes
from autoarch.locality.constants import CONSTANTS
from autoarch.locality.correlogram import kernel_side
from autoarch.locality.family_odds import FAMILIES
from autoarch.locality.grid_statistics import Measurements
from autoarch.locality.wording import LANDMARK_NAMES, NAMES, VERDICTS, verdict_clause


def family_probabilities(measured: Measurements) -> dict[str, float]:
    """Chance that each family wins, from the landmarks or, without them, from the verdict; sums to 1."""
    used = measured.used
    return family_odds.win_probabilities(used.scores.landmarks, used.grid.verdict, used.layout is not None)


def recommended_families(measured: Measurements) -> dict[str, float]:
    """Families worth searching, best first, each with its chance to win."""
    used, chances = measured.used, family_probabilities(measured)
    worth = family_odds.worth_searching(used.scores.landmarks, used.grid.verdict, used.layout is not None)
    return {name: chances[name] for name in worth}


def advise(measured: Measurements) -> str:
    """Name the family to try first, the reason, and what would change it."""
    if measured.recovered is not None:
        layout = measured.recovered.layout
        found = f"The given order of the columns shows no structure; rearranged into {layout} cells they score better."
        return f"{found} {advise(measured.recovered)}"
    compared = family_odds.comparable(measured.scores.landmarks)
    first = _from_landmarks(measured) if compared else _from_verdict(measured)
    return f"{first} {_how(measured)}".strip()


def scaling(measured: Measurements) -> tuple[str, ...]:
    """Scalings worth trying, best first: "global" (one scale for all cells) and "per cell".

    With a target the convolutions under both decide; without one, how far levels and scales differ.
    """
    if measured.layout is None:
        return ("per cell",)
    if "scaling" in measured.scores.gains:
        gain = measured.scores.gains["scaling"]
        order = ("per cell", "global") if gain.difference > 0 else ("global", "per cell")
        return order[:1] if abs(gain.difference) > 2 * gain.std_error else order
    cells = measured.grid.marginals.get("cells")
    return ("per cell", "global") if cells is not None and cells.differs_strongly else ("global", "per cell")


def augmentations(measured: Measurements) -> tuple[str, ...]:
    """Changes of a sample that should leave its label alone.

    "shift" needs a target that does not depend on the position of a pattern, "cutout" cells that their neighbours can
    replace, "noise" any dependence at all.
    """
    if measured.grid.verdict == "none":
        return ()
    place = measured.scores.gains.get("place")
    shift = ("shift",) if place is not None and place.is_below(CONSTANTS["place_matters"]) else ()
    return (*shift, *(("cutout",) if measured.grid.patterns.redundant else ()), "noise")


def _how(measured: Measurements) -> str:
    """Say how to build and feed a CNN, where one is worth it."""
    grid = measured.grid
    if "cnn" not in recommended_families(measured) or grid.verdict == "none":
        return ""
    shapes = " and ".join(kernel_shapes(grid.axes, grid.verdict))
    side = kernel_side(grid.directions, grid.dependent_axes)
    allowed = ["shifts" if name == "shift" else name for name in augmentations(measured)]
    return (
        f"For a CNN: kernels {shapes}{f' with k = {side}' if side else ''}, {' or '.join(scaling(measured))} scaling, "
        f"augmentation by {listed(allowed)}."
    )


def _from_verdict(measured: Measurements) -> str:
    """Advise by the verdict alone."""
    first, *others = (NAMES[name] for name in recommended_families(measured))
    also = f", and compare with {listed(others)}" if others else ""
    change = "The families themselves were not compared, for the reasons given above."
    if not measured.skipped:
        change = "Pass y to test whether the layout helps the task: correlated neighbours need not help to predict y."
    elif any("too few" in reason for reason in measured.skipped):
        change = "More rows would allow a comparison of the families themselves."
    clause = _clause(measured)
    if measured.grid.verdict == "none":
        return f"Prefer {first}{also}: {clause}. {change}"
    return f"Try {first}{also}: {clause} ({p_text(measured.grid.p_value)}). {change}"


def _from_landmarks(measured: Measurements) -> str:
    """Advise by the landmarks, and let the verdict explain."""
    chances = recommended_families(measured)
    best, *others = chances
    marks = {name: mark for name, mark in measured.scores.landmarks.items() if name in FAMILIES}
    also = f", then {listed([NAMES[name] for name in others])}" if others else ""
    start = f"{'Try' if best == 'cnn' else 'Prefer'} {NAMES[best]} first{also}"
    if best not in marks:
        return f"{start}: {_clause(measured)}, and its landmark was not run."
    runner_up = max((name for name in marks if name != best), key=lambda name: marks[name].score)
    gap = marks[best].score - marks[runner_up].score
    error = max(marks[best].std_error, marks[runner_up].std_error)
    sure = "a clear lead" if gap > 2 * error else "within one standard error" if gap < error else "a small lead"
    why = (
        f"{LANDMARK_NAMES[best]} {'reach' if best in ('cnn', 'tree') else 'reaches'} {marks[best].score:.3f} against "
        f"{marks[runner_up].score:.3f} for {LANDMARK_NAMES[runner_up]} ({sure})"
    )
    change = f"a gain of {gap:.3f} by {NAMES[runner_up]} once trained in full"
    if others and chances[best] < 0.5:
        change = f"more rows may reverse the order: the probability that {NAMES[best]} wins is {chances[best]:.0%}"
    return f"{start}: {why}; {_layout_clause(measured, best)}. What would change this: {change}."


def _layout_clause(measured: Measurements, best: str) -> str:
    """Say how the verdict fits the best landmark."""
    if measured.layout is None:
        return "there is no grid to convolve over"
    if best != "cnn" and measured.grid.verdict != "none":
        return f"{VERDICTS[measured.grid.verdict]}, but that does not help this task enough"
    if best == "cnn" and measured.grid.verdict == "none":
        return "no dependence between neighbours is seen, so the gain may come from the features, not the layout"
    return _clause(measured)


def _clause(measured: Measurements) -> str:
    return verdict_clause(measured.grid.verdict, measured.grid.significant)
