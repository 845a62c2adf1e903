"""Where the weights of pretrained table models lie on this disk, and what these models can take; nothing is fetched.

The folders and names are those of the packages, so that weights that were fetched with them are found.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autoarch.families.base import Problem


@dataclass(frozen=True)
class Limits:
    """What a model was made for, in the words of its authors.

    Parameters
    ----------
    rows, columns, classes : int or None
        The most that it takes; None for no limit.
    """

    rows: int
    columns: int
    classes: int | None = None

    def exceeded_by(self, problem: Problem) -> str | None:
        """Which limit a problem exceeds, in words."""
        found = ("rows", problem.n_samples), ("columns", problem.n_features), ("classes", problem.n_classes)
        for what, number in found:
            most = getattr(self, what)
            if most is not None and number > most:
                return f"it takes up to {most:,} {what}, and there are {number:,}"
        return None


def tabpfn_folder() -> Path:
    """Where the package tabpfn keeps weights: its environment variable, or the platform's folder for caches."""
    if given := os.environ.get("TABPFN_MODEL_CACHE_DIR", "").strip():
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", Path.home())) / "tabpfn"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "tabpfn"
    return _caches() / "tabpfn"


def hub_folder(repository: str) -> Path:
    """Where Hugging Face's client keeps a repository: its environment variables, or its folder among the caches."""
    hub = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    home = os.environ.get("HF_HOME") or _caches() / "huggingface"
    return Path(hub or Path(home) / "hub").expanduser() / f"models--{repository.replace('/', '--')}" / "snapshots"


def _caches() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", "").strip() or Path.home() / ".cache")


def all_found(place: Path, names: Sequence[str]) -> list[Path]:
    """Those of ``names`` that are files in a folder or in one of its folders, in their order; a file is itself."""
    if place.is_file():
        return [place]
    candidates = ((place / name, *sorted(place.glob(f"*/{name}"))) for name in names)
    return [path for paths in candidates for path in paths if path.is_file()]
