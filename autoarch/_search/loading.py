"""What a process loads before it fits the first model of a kind: seconds, and many on a slow disk.

Imports: the standard library; ``autoarch._training.device`` where nets are asked for.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterable

_ready: set[tuple[str, str]] = set()


def load(packages: Iterable[str], device: str) -> float:
    """Import packages, and train a tiny net for skorch, unless this process has done so; return the seconds it took."""
    started = time.monotonic()
    for package in packages:
        if (package, device) not in _ready:
            importlib.import_module(package)
            if package == "skorch":
                importlib.import_module("autoarch._training.device").warm_up(device)
            _ready.add((package, device))
    return time.monotonic() - started
