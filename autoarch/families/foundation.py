"""TabPFN and TabICL: transformers that were trained on very many tables and read a new one as it is, without training.

They are searched where their package is installed and their weights lie on this disk, in the folders and under the
names that the packages use. Nothing is ever downloaded: both get the explicit path of a file that is there.
"""

from __future__ import annotations

import os
import sys
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OrdinalEncoder

from autoarch._core.imports import require
from autoarch._training.in_context import InContextClassifier, InContextRegressor, fit_affordable_context
from autoarch.families.base import Array, Family, Needs, Params, Problem, Steps, Trial

_CPU_CONTEXT = 5_000  # rows; what tabpfn itself takes on a CPU. More rows take minutes there
_PER_CELL, _PER_PAIR = 5e-5, 1e-6  # seconds of a core, for each view
_TABPFN = (  # the newest model first
    *("v3.5-20260909.safetensors", "v3.5-fast-20260909.safetensors"),
    *("v3-{0}-v3_default.ckpt", "v2.6-{0}-v2.6_default.ckpt", "v2.5-{0}-v2.5_default.ckpt"),
)
_TABPFN_2 = {"classifier": ("v2-{0}-finetuned-zk73skhh.ckpt", "v2-{0}.ckpt"), "regressor": ("v2-{0}.ckpt",)}
_TABPFN_FILES = {
    kind: [f"tabpfn-{name.format(kind)}" for name in (*_TABPFN, *version_2)] for kind, version_2 in _TABPFN_2.items()
}
_TABPFN_LIMITS = {  # docs.priorlabs.ai/models; the first whose key is in the name of the file
    "v3.5": {"rows": 1_000_000, "columns": 20_000, "classes": 160},
    "v3": {"rows": 1_000_000, "columns": 2_000, "classes": 160},
    "v2.": {"rows": 50_000, "columns": 2_000, "classes": 10},
    "": {"rows": 10_000, "columns": 500, "classes": 10},
}
_TABICL_FILES = {
    "classifier": ("tabicl-classifier-v2-20260212.ckpt", "tabicl-classifier-v1.1-20250506.ckpt"),
    "regressor": ("tabicl-regressor-v2-20260212.ckpt",),
}
_TABICL_LIMITS = {"": {"rows": 100_000, "columns": 2_000}}  # with good results; it splits many classes itself


class FoundationModel(Family):
    """A pretrained model of tables: it needs weights on this disk, and reads a context instead of being trained.

    Parameters
    ----------
    weights : str, Path or None, default=None
        A file, or a folder with files under their usual names; None for where the package keeps them. A file keeps its
        usual name, from which its version and its task are read.

    Attributes
    ----------
    oldest : int
        Major version of the package that is needed.
    variable : str
        Environment variable that names the folder with weights.
    files : mapping of str to sequence of str
        Files with weights of a "classifier" and of a "regressor", the best first.
    limits : mapping of str to dict
        The most rows, columns and classes of a model, by a part of its file's name; the first that matches counts.
    """

    oldest: int
    variable: str
    files: Mapping[str, Sequence[str]]
    limits: Mapping[str, dict[str, int]]

    def __init__(self, weights: str | Path | None = None):
        self.weights = None if weights is None else Path(weights).expanduser()

    @abstractmethod
    def _place(self) -> Path:
        """The folder where the package keeps weights."""

    @abstractmethod
    def _estimator(self, params: Params, problem: Problem, **common: Any) -> BaseEstimator:
        """The package's own estimator."""

    def _found(self, problem: Problem) -> dict[str, Path]:
        """Files with weights for a task, by their names, the best first."""
        place = self.weights or self._place()
        files = ((place / name, *sorted(place.glob(f"*/{name}"))) for name in self.files[_kind(problem)])
        paths = [place] if place.is_file() else [path for paths in files for path in paths if path.is_file()]
        other = "regressor" if problem.classification else "classifier"
        found: dict[str, Path] = {}
        for path in paths:
            if other not in path.name:
                found.setdefault(path.name, path)
        return found

    def known_files(self) -> list[Path]:
        """Files with weights of either task under their usual names, where they are kept."""
        place = self.weights or self._place()
        names = dict.fromkeys(name for files in self.files.values() for name in files)
        paths = (path for name in names for path in (place / name, *sorted(place.glob(f"*/{name}"))))
        return [path for path in paths if path.is_file()]

    def _exceeded(self, name: str, problem: Problem) -> str | None:
        """Name a limit of the model in this file that the problem exceeds."""
        limits = next(limits for part, limits in self.limits.items() if part in name)
        found = {"rows": problem.n_samples, "columns": problem.n_features, "classes": problem.n_classes}
        for what, most in limits.items():
            if found[what] > most:
                return f"it takes up to {most:,} {what}, and there are {found[what]:,}"
        return None

    def models(self, problem: Problem) -> list[str]:
        """Names of the files whose model takes a problem, the best first."""
        return [name for name in self._found(problem) if self._exceeded(name, problem) is None]

    def smoke_params(self, problem: Problem) -> Params:
        """A single view of the table."""
        return {**self.defaults(problem)[0], "estimators": 1}

    def unfit_for(self, problem: Problem) -> str | None:
        """Give the usual reasons, and: the package is too old, weights are missing, or the table exceeds the limits."""
        if (reason := super().unfit_for(problem) or self._outdated()) or self.models(problem):
            return reason
        if found := list(self._found(problem)):
            return self._exceeded(found[0], problem)
        return (
            f"no weights of a {_kind(problem)} were found at {self.weights or self._place()}, and none are downloaded; "
            f"put {self.files[_kind(problem)][0]} there, let {self.variable} name another folder, or pass "
            f"families=[{type(self).__name__}(weights=...), ...] with a file or a folder"
        )

    def _outdated(self) -> str | None:
        try:
            found = version(self.name)
        except PackageNotFoundError:  # importable, but not from an installation
            return None
        old = int(found.partition(".")[0]) < self.oldest
        return f"it needs {self.name} {self.oldest}.0 or newer, and {found} is installed" if old else None

    def nominal_seconds(self, params: Params, problem: Problem) -> float:
        """Estimate by the views, and the rows and columns of a context that each of them reads."""
        n = problem.n_samples if problem.device.startswith("cuda") else min(problem.n_samples, _CPU_CONTEXT)
        return 1.0 + params["estimators"] * n * (_PER_CELL * problem.n_features + _PER_PAIR * n)

    def build(self, params: Params, problem: Problem, seed: int) -> Steps:
        """Cells as the model wants them, then the model on a context."""
        from autoarch._training.device import resolve_device

        device = resolve_device(problem.device)
        common = {"n_estimators": params["estimators"], "device": device, "random_state": seed}
        estimator = self._estimator(params, problem, model_path=self._found(problem)[params["model"]], **common)
        wrapper = InContextClassifier if problem.classification else InContextRegressor
        context_rows = _CPU_CONTEXT if device == "cpu" else None
        model = wrapper(estimator, n_rows=problem.n_samples, context_rows=context_rows, seed=seed)
        return [*self._prepare(problem), ("model", model)]

    def _prepare(self, problem: Problem) -> Steps:
        return []

    def fit(self, model: BaseEstimator, X: Array, y: Array, **limits: Any) -> BaseEstimator:
        """Take as many rows into the context as fit and prediction can afford."""
        if limits["sample_weight"] is not None:  # refused there
            return super().fit(model, X, y, **limits)
        return fit_affordable_context(model, X, y, limits["deadline"])

    def learned(self, models: Sequence[BaseEstimator]) -> Mapping[str, Any]:
        """Views and context, where they were cut, so that the final model predicts as on the folds, and as fast."""
        cut = [model for model in models if not model.complete_]
        if not cut:
            return {}
        rows = [model.context_rows for model in cut]
        views = max(model.estimator.n_estimators for model in cut)
        return {"estimator__n_estimators": views, "context_rows": None if None in rows else max(rows)}


class TabPFN(FoundationModel):
    """Prior Labs' TabPFN, versions 2 to 3.5; the newest whose weights are there."""

    name = "tabpfn"
    needs = Needs(packages=("torch", "tabpfn"))
    oldest = 9  # the first that reads all versions; 2 to 8.0 report their use over the network
    variable = "TABPFN_MODEL_CACHE_DIR"
    files, limits = _TABPFN_FILES, _TABPFN_LIMITS

    def _place(self) -> Path:
        if given := os.environ.get(self.variable, "").strip():
            return Path(given)
        if sys.platform == "win32":
            return Path(os.environ.get("APPDATA", Path.home())) / "tabpfn"
        return (Path.home() / "Library" / "Caches" if sys.platform == "darwin" else _caches()) / "tabpfn"

    def defaults(self, problem: Problem) -> Sequence[Params]:
        """The package's own settings."""
        model = self.models(problem)[0]
        return [{"model": model, "estimators": 8, "temperature": 0.9, "average": "probabilities"}]

    def suggest(self, trial: Trial, problem: Problem) -> Params:
        """Sample the model, the number of views of the table, how sharp their answers are, and what is averaged."""
        return {
            "model": trial.suggest_categorical("tabpfn.model", self.models(problem)),
            "estimators": trial.suggest_int("tabpfn.estimators", 2, 32, log=True),
            "temperature": trial.suggest_float("tabpfn.temperature", 0.7, 1.2),
            "average": trial.suggest_categorical("tabpfn.average", ["probabilities", "logits"]),
        }

    def _estimator(self, params: Params, problem: Problem, **common: Any) -> BaseEstimator:
        package = require("tabpfn", extra="foundation", purpose="the tabpfn candidate")
        kind = package.TabPFNClassifier if problem.classification else package.TabPFNRegressor
        return kind(
            softmax_temperature=params["temperature"],
            average_before_softmax=params["average"] == "logits",
            categorical_features_indices=list(problem.categorical) or None,  # missing cells it takes as they are
            ignore_pretraining_limits=True,  # unfit_for has looked at them; else 1,000 rows are too many for a CPU
            **common,
        )


class TabICL(FoundationModel):
    """Inria's TabICL, versions 1.1 and 2; version 2 alone has a regressor."""

    name = "tabicl"
    needs = Needs(packages=("torch", "tabicl"))
    oldest = 2  # the first with a regressor
    variable = "HF_HUB_CACHE"
    files, limits = _TABICL_FILES, _TABICL_LIMITS

    def _place(self) -> Path:
        hub = os.environ.get(self.variable) or os.environ.get("HUGGINGFACE_HUB_CACHE")
        home = os.environ.get("HF_HOME") or _caches() / "huggingface"
        return Path(hub or Path(home) / "hub").expanduser() / "models--jingang--TabICL" / "snapshots"

    def defaults(self, problem: Problem) -> Sequence[Params]:
        """The package's own settings."""
        sharpness = {"temperature": 0.9} if problem.classification else {}
        first = {"model": self.models(problem)[0], "estimators": 8, "scaling": "power", "outliers": 4.0}
        return [first | sharpness]

    def suggest(self, trial: Trial, problem: Problem) -> Params:
        """Sample the model, the number of views of the table, the scaling of half of them, and a temperature."""
        params: Params = {
            "model": trial.suggest_categorical("tabicl.model", self.models(problem)),
            "estimators": trial.suggest_int("tabicl.estimators", 2, 32, log=True),
            "scaling": trial.suggest_categorical("tabicl.scaling", ["power", "quantile", "robust"]),
            "outliers": trial.suggest_float("tabicl.outliers", 3.0, 12.0, log=True),
        }
        if problem.classification:
            params["temperature"] = trial.suggest_float("tabicl.temperature", 0.7, 1.2)
        return params

    def _prepare(self, problem: Problem) -> Steps:
        """Codes and means for missing cells, as the package gives them to tables with named columns.

        Not left to the package: of an array it would take means of codes as well, and version 2.0 takes no gaps.
        """
        unknown = {"unknown_value": -1, "encoded_missing_value": -1}
        codes = OrdinalEncoder(handle_unknown="use_encoded_value", **unknown)
        parts = [("codes", codes, list(problem.categorical))] if problem.categorical else []
        if problem.numeric:
            parts.append(("numbers", SimpleImputer(keep_empty_features=True), list(problem.numeric)))
        return [("prepare", ColumnTransformer(parts))]

    def _estimator(self, params: Params, problem: Problem, **common: Any) -> BaseEstimator:
        package = require("tabicl", extra="foundation", purpose="the tabicl candidate")
        common |= {"norm_methods": ["none", params["scaling"]], "outlier_threshold": params["outliers"]}
        common["allow_auto_download"] = False
        if problem.classification:
            return package.TabICLClassifier(softmax_temperature=params["temperature"], **common)
        return package.TabICLRegressor(**common)


def _kind(problem: Problem) -> str:
    return "classifier" if problem.classification else "regressor"


def _caches() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", "").strip() or Path.home() / ".cache")
