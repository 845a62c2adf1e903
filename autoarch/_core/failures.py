"""Put failures into words."""

from __future__ import annotations

import re


class ToldError(RuntimeError):
    """An error whose message says it all."""


def describe(error: BaseException) -> str:
    """Name an error and what it says, in one line."""
    if isinstance(error, ToldError):
        return str(error)
    try:
        said = str(error)
    except Exception:  # whatever a plug-in raises, may raise again
        said = ""
    first = said.partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def same_kind(reason: str) -> str:
    """Return a reason without its numbers, so that two of one kind are equal."""
    return re.sub(r"0x[0-9a-fA-F]+|\d+(\.\d+)?(e[-+]?\d+)?", "#", reason)
