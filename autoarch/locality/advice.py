"""What follows from a report: what to try first, and how to build and feed a CNN if one is tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoarch.locality.constants import CONSTANTS
from autoarch.locality.family_odds import FAMILIES, comparable
from autoarch.locality.wording import LANDMARK_NAMES, NAMES, VERDICTS, listed, p_text, verdict_clause

if TYPE_CHECKING:
    from autoarch.locality.report import LocalityReport

KERNELS = {"2d": ("k x k",), "1d-rows": ("1 x k",), "1d-columns": ("k x 1",), "none": ()}


def advise(report: LocalityReport) -> str:
    """Say what to try first, why, and what would change it."""
    if report.recovered is not None:
        layout = report.recovered.layout
        return f"The columns stand in no order; rearranged into {layout} cells they serve better. {advise(report.used)}"
    first = _from_landmarks(report) if comparable(report.landmarks) else _from_verdict(report)
    return f"{first} {_how(report)}".strip()


def kernel_shapes(report: LocalityReport) -> tuple[str, ...]:
    """Shapes of kernels worth trying, best first; a long one too where one axis is far stronger than the other."""
    shapes = KERNELS[report.verdict]
    if report.verdict != "2d":
        return shapes
    rows, columns = (max(report.axes[name].effect, 1e-6) for name in ("rows", "columns"))
    if rows >= CONSTANTS["one_axis_stronger"] * columns:
        return (*shapes, "1 x k")
    return (*shapes, "k x 1") if columns >= CONSTANTS["one_axis_stronger"] * rows else shapes


def kernel_side(report: LocalityReport) -> int | None:
    """Odd k that covers the reach of the dependence, between 3 and 7, or 9 along one axis."""
    reaches = [report.directions[name].reach for name in report.dependent_axes if name in report.directions]
    if not reaches:
        return None
    return min(2 * ((max(reaches) + 1) // 2) + 1, 7 if report.verdict == "2d" else 9)


def scaling(report: LocalityReport) -> tuple[str, ...]:
    """Scalings worth trying, best first: "global" (one scale for all cells) and "per cell".

    With a target the convolutions under both decide; without one, how far levels and scales differ.
    """
    if report.layout is None:
        return ("per cell",)
    if "scaling" in report.gains:
        gain = report.gains["scaling"]
        order = ("per cell", "global") if gain.difference > 0 else ("global", "per cell")
        return order[:1] if abs(gain.difference) > 2 * gain.std_error else order
    cells = report.marginals.get("cells")
    if cells is None:
        return ("global", "per cell")
    if cells.between >= CONSTANTS["between_much"] or cells.scale_factor >= CONSTANTS["scale_much"]:
        return ("per cell", "global")
    return ("global", "per cell")


def augmentations(report: LocalityReport) -> tuple[str, ...]:
    """Changes of a sample that should leave its label alone.

    "shift" needs a target of which a pattern's position tells nothing. "cutout" needs cells that their neighbours can
    stand in for, "noise" any dependence at all.
    """
    if report.verdict == "none":
        return ()
    allowed = []
    if "place" in report.gains and report.gains["place"].is_below(CONSTANTS["place_matters"]):
        allowed.append("shift")
    if 0.0 < report.patterns.density <= CONSTANTS["redundant_density"]:
        allowed.append("cutout")
    return (*allowed, "noise")


def _how(report: LocalityReport) -> str:
    """Say how to build and feed a CNN, where one is worth it."""
    if "cnn" not in report.recommended_families or report.verdict == "none":
        return ""
    shapes = " and ".join(report.kernel_shapes)
    size = f" with k = {report.kernel_side}" if report.kernel_side else ""
    allowed = [f"{name}s" if name == "shift" else name for name in report.augmentations]
    return (
        f"For a CNN: kernels {shapes}{size}, {' or '.join(report.scaling)} scaling, augmentation by {listed(allowed)}."
    )


def _from_verdict(report: LocalityReport) -> str:
    """Advise by the verdict alone."""
    first, *others = (NAMES[name] for name in report.recommended_families)
    also = f", and compare with {listed(others)}" if others else ""
    if not report.skipped:
        change = "Pass y to see whether the layout helps the task: neighbours may agree and still not matter for y."
    elif any("too few" in reason for reason in report.skipped):
        change = "More rows would allow a comparison of the families themselves."
    else:
        change = "The families themselves were not compared, for the reasons given above."
    if report.verdict == "none":
        return f"Prefer {first}{also}: {verdict_clause(report)}. {change}"
    return f"Try {first}{also}: {verdict_clause(report)} ({p_text(report.p_value)}). {change}"


def _from_landmarks(report: LocalityReport) -> str:
    """Advise by the landmarks, and let the verdict explain."""
    best, *others = report.recommended_families
    marks = {name: mark for name, mark in report.landmarks.items() if name in FAMILIES}
    verb = "Try" if best == "cnn" else "Prefer"
    also = f", then {listed([NAMES[name] for name in others])}" if others else ""
    if best not in marks:
        return f"{verb} {NAMES[best]} first{also}: {verdict_clause(report)}, and its stand-in was not measured."
    runner_up = max((name for name in marks if name != best), key=lambda name: marks[name].score)
    gap = marks[best].score - marks[runner_up].score
    reach = "reach" if best in ("cnn", "tree") else "reaches"
    why = (
        f"{LANDMARK_NAMES[best]} {reach} {marks[best].score:.3f} against {marks[runner_up].score:.3f} for "
        f"{LANDMARK_NAMES[runner_up]}"
    )
    error = max(marks[best].std_error, marks[runner_up].std_error)
    sure = "a clear lead" if gap > 2 * error else "within the noise of so few rows" if gap < error else "a small lead"
    chance = report.family_probabilities[best]
    if others and chance < 0.5:
        change = f"more rows may well reverse the order: the chance that {NAMES[best]} wins is {chance:.0%}"
    else:
        change = f"a gain of {gap:.3f} by {NAMES[runner_up]} once trained in full"
    clause = _layout_clause(report, best)
    return f"{verb} {NAMES[best]} first{also}: {why} ({sure}); {clause}. What would change this: {change}."


def _layout_clause(report: LocalityReport, best: str) -> str:
    """Say how the verdict fits the best landmark."""
    if report.layout is None:
        return "there is no grid to convolve over"
    if best == "cnn":
        if report.verdict == "none":
            return "no dependence between neighbours is seen, so the gain may come from the features, not the layout"
        return verdict_clause(report)
    if report.verdict == "none":
        return verdict_clause(report)
    return f"{VERDICTS[report.verdict]}, but that does not help this task enough"
