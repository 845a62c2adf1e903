"""Write a fitted estimator to a model file, and read it back."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from autoarch._core.imports import require
from autoarch._core.paths import check_place, checked_path
from autoarch._core.quiet import warn_user
from autoarch._core.reproduce import passed_params, versions_of
from autoarch._export import trusted
from autoarch._export.archive import read_archive, write_archive
from autoarch._export.reader import Reader
from autoarch._export.writer import Writer, writes
from autoarch.exceptions import InputError, ModelFileError

_NOT_IN_FILES = ("study_", "_past")  # nor what no pickle holds: large, and no prediction needs them
_PACKAGES = ("autoarch", "numpy", "pandas", "scikit-learn", "scipy", "torch", "lightgbm", "xgboost", "catboost")
_COMPARED = ("scikit-learn",)  # whose models may predict otherwise in another version, without saying so


def save(estimator: BaseEstimator, path: Any) -> None:
    """Write a fitted estimator, without its search and without any pickle.

    Raises
    ------
    NotFittedError
        If it is not fitted.
    InputError
        If there is no folder for the file.
    MissingExtraError
        If skops or safetensors is missing.
    ModelFileError
        If a part of the model is of a type that files may not hold.
    """
    check_is_fitted(estimator, "best_estimator_")
    place = check_place(path)
    safetensors = require("safetensors.numpy", extra="files", purpose="A model file")
    require("skops.io", extra="files", purpose="A model file")
    writer = Writer()
    changed = passed_params(estimator)
    unwritten = [key for key, value in changed.items() if not writes(value)]
    if unwritten:
        warn_user(
            f"The file does not hold what was passed as {', '.join(unwritten)}: objects and functions are left out. "
            "The loaded model predicts alike; for another fit, pass them again."
        )
    left_out = {*_NOT_IN_FILES, *estimator.get_params(deep=False)}
    state = {key: value for key, value in estimator.__getstate__().items() if key not in left_out}
    model = {
        "type": trusted.name_of(type(estimator)),
        "params": {key: writer.write(value) for key, value in changed.items() if key not in unwritten},
        "state": {key: writer.write(value) for key, value in state.items()},
    }
    parts = {"model.json": json.dumps(model, separators=(",", ":"), allow_nan=False).encode()}
    parts["arrays.safetensors"] = safetensors.save(writer.arrays)
    facts = {"python": platform.python_version(), "packages": versions_of(_PACKAGES)}
    write_archive(place, {**parts, **writer.blobs}, facts)


def load(path: Any) -> Any:
    """Read an estimator that :meth:`AutoArchClassifier.save` has written; no code of the file is run.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    AutoArchClassifier or AutoArchRegressor
        Fitted, on the CPU where the device that nets were trained on is not here. It predicts what the saved one did.

    Raises
    ------
    ModelFileError
        If it is no such file, of a later version, damaged or changed; the message says which.
    InputError
        If there is no file of that name.
    MissingExtraError
        If a package is missing that the file needs; the message names the extra.

    Examples
    --------
    >>> import tempfile, autoarch
    >>> from autoarch.datasets import make_stripes
    >>> X, y = make_stripes(n_samples=120, shape=(8, 8), random_state=0)
    >>> clf = autoarch.AutoArchClassifier(time_budget=None, n_trials=1, families="linear", verbose=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     clf.save(f"{folder}/stripes.autoarch")
    ...     loaded = autoarch.load(f"{folder}/stripes.autoarch")
    >>> bool((loaded.predict(X) == clf.predict(X)).all())
    True
    """
    place = Path(checked_path("path", path))
    if not place.is_file():
        kind = "is a folder" if place.is_dir() else "is not there"
        raise InputError(f"{place} {kind}; expected a file that save() has written. Seen from {Path.cwd()}.")
    safetensors = require("safetensors.numpy", extra="files", purpose="Loading this model")
    try:
        contents, parts = read_archive(place)
        _warn_of_versions(place, contents.get("packages"))
        try:
            return _estimator(parts, safetensors)
        except (ModelFileError, ImportError):
            raise
        except Exception as error:  # whatever a file with consistent digests can hold
            raise ModelFileError(f"its parts do not fit together ({type(error).__name__}: {error})") from error
    except ModelFileError as error:
        raise ModelFileError(f"{place} cannot be loaded: {error}.") from error


def _estimator(parts: dict[str, bytes], safetensors: Any) -> Any:
    model = json.loads(parts["model.json"])
    if model["type"] not in trusted.ESTIMATORS:
        raise ModelFileError(f"it holds a {model['type']!r}")
    blobs = {name: data for name, data in parts.items() if name.startswith("parts/")}
    reader = Reader(safetensors.load(parts["arrays.safetensors"]), blobs)
    kind: Any = trusted.resolved(model["type"])
    estimator = kind(**{str(key): reader.read(value) for key, value in model["params"].items()})
    for key, value in model["state"].items():
        if callable(getattr(kind, key, None)):
            raise ModelFileError(f"it would replace the method {key!r}")
        vars(estimator)[key] = reader.read(value)
    check_is_fitted(estimator, "best_estimator_")
    return estimator


def _warn_of_versions(place: Path, written: Any) -> None:
    here = versions_of(_PACKAGES)
    for package in _COMPARED:
        before = written.get(package) if isinstance(written, dict) else None
        if before is not None and before != here.get(package):
            warn_user(
                f"{place.name} was saved with {package} {before}, and {here.get(package)} is installed here: compare "
                "some predictions before you rely on it."
            )
