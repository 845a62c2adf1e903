"""Words for families, landmarks and verdicts."""

NAMES = {"cnn": "a CNN", "mlp": "an MLP", "tree": "trees", "linear": "a linear model"}
LANDMARK_NAMES = {
    "cnn": "random convolutions",
    "cnn_shuffled": "convolutions on shuffled cells",
    "mlp": "a small MLP",
    "tree": "small trees",
    "linear": "a linear model",
}
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
