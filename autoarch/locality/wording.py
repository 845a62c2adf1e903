"""Words for families, landmarks and verdicts."""

from autoarch.families.registry import WITH_LANDMARK

NAMES = {name: family.title for name, family in WITH_LANDMARK.items()}
LANDMARK_NAMES = {name: family.landmark_title for name, family in WITH_LANDMARK.items()}
LANDMARK_NAMES["cnn_shuffled"] = "convolutions on shuffled cells"
VERDICTS = {
    "2d": "cells depend on their neighbours along rows and along columns",
    "1d-rows": "cells depend on their neighbours along a row only",
    "1d-columns": "cells depend on their neighbours along a column only",
    "none": "no dependence between neighbouring cells was found",
}


def verdict_clause(verdict: str, significant: bool) -> str:
    """Say what the verdict means; ``significant`` is the test of the whole layout."""
    if verdict == "none" and significant:
        return "the order of the cells matters, but neither axis shows dependence between neighbours"
    return VERDICTS[verdict]
