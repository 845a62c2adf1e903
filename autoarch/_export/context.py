"""Models that read their training rows again whenever they predict: their context, and weights by name and digest."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from autoarch._core.imports import require
from autoarch.exceptions import ModelFileError
from autoarch.families.foundation import FoundationModel, TabICL, TabPFN

_FAMILIES: dict[str, type[FoundationModel]] = {"tabicl": TabICL, "tabpfn": TabPFN}
_CLASSES = {
    "tabicl": ("TabICLClassifier", "TabICLRegressor"),
    "tabpfn": ("TabPFNClassifier", "TabPFNRegressor"),
}


def facts_of(model: Any) -> dict[str, Any]:
    """Plain facts that a fitted model of this kind can be made from.

    Raises
    ------
    ModelFileError
        If its estimator is of another package.
    """
    estimator = model.estimator
    package, name = type(estimator).__module__.partition(".")[0], type(estimator).__name__
    if name not in _CLASSES.get(package, ()):
        raise ModelFileError(f"a {package}.{name} is part of the model, and files hold no such objects")
    settings = estimator.get_params(deep=False)
    weights = Path(settings.pop("model_path"))
    X, y = model.context_
    return {
        "package": package,
        "name": name,
        "settings": settings,
        "params": {key: getattr(model, key) for key in ("n_rows", "context_rows", "seed")},
        "weights": weights.name,
        "digest": digest(str(weights.resolve()), weights.stat().st_mtime_ns),
        "X": X,
        "y": y,
    }


def model_of(facts: dict[str, Any], kind: Any) -> Any:
    """The model that such facts are of, with weights from the folder where the package keeps them.

    Raises
    ------
    ModelFileError
        If they are not there, or are others.
    """
    package, name = facts["package"], facts["name"]
    if name not in _CLASSES.get(package, ()):
        raise ModelFileError(f"it names {package}.{name}, which no model file may hold")
    family = _FAMILIES[package]()
    weights = next((path for path in family.known_files() if path.name == facts["weights"]), None)
    if weights is None:
        raise ModelFileError(
            f"it needs the weights {facts['weights']} (SHA-256 {facts['digest']}), which were not found. Put them "
            f"where {package} keeps its weights, or let {family.variable} name their folder"
        )
    if digest(str(weights.resolve()), weights.stat().st_mtime_ns) != facts["digest"]:
        raise ModelFileError(f"it needs other weights than {weights}, with the SHA-256 {facts['digest']}")
    package_here = require(package, extra="foundation", purpose="This model")
    settings = {**facts["settings"], "model_path": str(weights)}
    if str(settings.get("device", "cpu")).startswith("cuda"):
        import torch

        settings["device"] = settings["device"] if torch.cuda.is_available() else "cpu"
    return kind(getattr(package_here, name)(**settings), **facts["params"]).fit(facts["X"], facts["y"])


@lru_cache(maxsize=8)
def digest(path: str, changed: int) -> str:
    """SHA-256 of a file; the time at which it was ``changed`` says when it is to be read again."""
    found = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(2**20), b""):
            found.update(block)
    return found.hexdigest()
