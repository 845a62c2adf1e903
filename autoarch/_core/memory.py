"""Read how much memory is free and how much is used, from Linux's /proc and the limits of control groups.

Elsewhere nothing is known: infinitely much is free, and nothing is used.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_UNLIMITED = 1 << 60  # what version 1 of control groups says where there is no limit, at least


def free_bytes() -> float:
    """Bytes that can still be had: those of the machine, or of the tightest control group; infinite if unknown."""
    machine = _numbers(Path("/proc/meminfo")).get("MemAvailable:")
    found = [] if machine is None else [1024.0 * machine]
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                found += _free_of_groups(_GROUPS, path, "memory.max", "memory.current", "inactive_file")
            elif "memory" in controllers.split(","):
                names = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
                found += _free_of_groups(_GROUPS / "memory", path, *names)
    return max(0.0, min(found, default=float("inf")))


def _free_of_groups(root: Path, path: str, limit: str, usage: str, reclaimable: str) -> Iterator[float]:
    """Free bytes of a group and of those around it; inside a container the path may be that of the host."""
    parts = Path(path.lstrip("/"))
    for folder in dict.fromkeys([root / parts, *(root / part for part in parts.parents), root]):
        with suppress(OSError, ValueError):
            most = int((folder / limit).read_text())  # "max" is no number
            if most < _UNLIMITED:
                cached = _numbers(folder / "memory.stat").get(reclaimable, 0)
                yield most - int((folder / usage).read_text()) + cached


def used_bytes(process: int | str = "self") -> float:
    """Bytes of memory that a process has to itself, without files that it only maps; 0 if unknown."""
    numbers = _numbers(Path(f"/proc/{process}/status"))
    return 1024.0 * (numbers.get("RssAnon:", 0) + numbers.get("RssShmem:", 0))


def _numbers(path: Path) -> Mapping[str, int]:
    """Names and whole numbers of a file that has one of each on a line."""
    found: dict[str, int] = {}
    with suppress(OSError):
        for line in path.read_text().splitlines():
            words = line.split()
            if len(words) > 1 and words[1].isdecimal():
                found[words[0]] = int(words[1])
    return found


def give_back() -> None:
    """Free what nobody holds any more, and give it back to the system where its allocator would keep it."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
