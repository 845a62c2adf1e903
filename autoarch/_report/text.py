"""Words and numbers as every report writes them."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

METRICS = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "r2": "R2"}


def p_text(p_value: float | None) -> str:
    """Write a p-value as people do.

    Examples
    --------
    >>> from autoarch._report.text import p_text
    >>> p_text(0.0312), p_text(1e-9)
    ('p = 0.031', 'p < 0.001')
    """
    if p_value is None:
        return "no test"
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def with_error(value: float, std_error: float, sign: str = "-") -> str:
    """Write a score with its standard error; ``sign="+"`` marks positive ones, too."""
    return f"{value:{sign}.3f} (± {std_error:.3f})"


def listed(names: Sequence[str]) -> str:
    """Join as ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def wrapped(line: str) -> str:
    """Break a line at 110 characters, but never between a sign and its number."""
    for sign in ("p = ", "p < ", "± ", " x "):
        line = line.replace(sign, sign.replace(" ", "\u00a0"))
    return fill(line, 110, subsequent_indent="  ").replace("\u00a0", " ")
