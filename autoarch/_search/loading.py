"""What a process loads before it fits the first model of a kind: seconds, and many on a slow disk.

Imports: the standard library; ``autoarch._training.device`` where nets are asked for.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterable

_warm: set[str] = set()  # devices on which this process has trained a net


def load(packages: Iterable[str], device: str) -> float:
    """Import packages, and train a tiny net for skorch, unless this process has done so; return the seconds it took."""
    started = time.monotonic()
    for package in packages:
        importlib.import_module(package)
        if package == "skorch" and device not in _warm:
            importlib.import_module("autoarch._training.device").warm_up(device)
            _warm.add(device)
    return time.monotonic() - started
