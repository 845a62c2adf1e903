"""Sentences about rows that have places on a map: who resembles its neighbours, and what that does to scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from autoarch.locality.measurements import Finding
from autoarch.locality.wording import listed, p_text

if TYPE_CHECKING:
    from autoarch.geo.autocorrelation import SpatialEvidence
    from autoarch.locality.report import LocalityReport

_NAMED = 5  # attributes at most


def nearby(evidence: SpatialEvidence) -> Finding:
    """Whether one attribute, or the label, resembles its neighbours on the map."""
    verb = "resembles" if evidence.alike else "does not resemble"
    return Finding(
        "Do rows that stand near each other on the map resemble each other?",
        f"Moran's I of {evidence.name}",
        evidence.morans_i,
        "the values at any place",
        evidence.p_value,
        evidence.morans_i - evidence.expected,
        f"{evidence.name} {verb} its neighbours on the map ({_numbers(evidence)}).",
    )


def over_space(report: LocalityReport) -> Iterator[str]:
    """What the map says of the label, of the attributes and of scores."""
    yield from (about_the_label(evidence) for evidence in report.space if evidence.name == "y")
    attributes = [evidence for evidence in report.space if evidence.name != "y"]
    if attributes:
        yield about_attributes(attributes)
    if len(report.fold_scores) == 2:
        yield about_scores(report)


def about_the_label(evidence: SpatialEvidence) -> str:
    """Whether places that are near have like labels, and what follows for folds."""
    numbers = _numbers(evidence)
    if not evidence.alike:
        return f"On the map, the label does not resemble that of its neighbours ({numbers}): random folds are honest."
    far = f", {evidence.distance}" if evidence.distance else ""
    return (
        f"On the map, the label resembles that of its neighbours{far} ({numbers}): random folds ask for what stands "
        "next to training rows, blocks of the map for places that were never seen."
    )


def _numbers(evidence: SpatialEvidence) -> str:
    return f"Moran's I {evidence.morans_i:.2f}, {p_text(evidence.p_value)}"


def about_attributes(attributes: list[SpatialEvidence]) -> str:
    """Which attributes say something of what stands around."""
    alike = sorted((each for each in attributes if each.alike), key=lambda each: -each.morans_i)
    if not alike:
        return f"None of the {len(attributes)} attributes resembles its neighbours on the map."
    named = [f"{each.name} {each.morans_i:.2f}" for each in alike[:_NAMED]]
    more = f" and {len(alike) - _NAMED} more" if len(alike) > _NAMED else ""
    names = ", ".join(named) + more if more else listed(named)
    return f"{len(alike)} of {len(attributes)} attributes resemble their neighbours (Moran's I: {names})."


def about_scores(report: LocalityReport) -> str:
    """The winner on blocks of the map and on random rows."""
    blocks, random = (next(s for s in report.fold_scores if s.estimand == of) for of in ("new places", "new rows"))
    gap = random.score - blocks.score
    error = (blocks.std_error**2 + random.std_error**2) ** 0.5
    numbers = (
        f"The winner scores {blocks.score:.3f} (± {blocks.std_error:.3f}) on blocks of the map and {random.score:.3f} "
        f"(± {random.std_error:.3f}) on random rows"
    )
    if gap > 2 * error:
        return f"{numbers}: {gap:.3f} of the latter comes from neighbours, and is gone where there are none."
    return f"{numbers}: neighbours make no clear difference ({gap:+.3f})."
