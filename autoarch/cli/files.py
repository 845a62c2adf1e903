"""Data files in, features and labels out: what ``autoarch probe``, ``fit`` and ``predict`` read."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from autoarch._core.imports import require
from autoarch.exceptions import InputError


def read_data(path: str | Path, target: str | None = None) -> tuple[Any, Any]:
    """Read features and, where the file has them, labels.

    Parameters
    ----------
    path : str or Path
        ``.npz`` with an array ``X``, ``.npy``, ``.csv`` or ``.parquet``.
    target : str, optional
        Where the labels are: a column of a table, an array of a ``.npz`` (``y`` is taken unasked), or for a ``.npy``
        a second ``.npy`` file.

    Returns
    -------
    X : ndarray or DataFrame
        The features.
    y : ndarray, Series or None
        The labels.
    """
    path = Path(path)
    readers = {".npz": _read_npz, ".npy": _read_npy, ".csv": _read_frame, ".parquet": _read_frame}
    if path.suffix.lower() not in readers:
        raise InputError(f"{path} ends in {path.suffix!r}; files that can be read end in {', '.join(readers)}.")
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    return readers[path.suffix.lower()](path, target)


def _read_npz(path: Path, target: str | None) -> tuple[Any, Any]:
    arrays = _load(path)
    names = list(arrays.files)
    if "X" not in names:
        raise InputError(f"{path} holds {_listed(names)}; one array must be named X (numpy.savez(path, X=X, y=y)).")
    if target is None:
        return arrays["X"], arrays["y"] if "y" in names else None
    if target not in names:
        raise InputError(f"{path} has no array {target!r}{_nearest(target, names)}; it holds {_listed(names)}.")
    return arrays["X"], arrays[target]


def _read_npy(path: Path, target: str | None) -> tuple[Any, Any]:
    if target is None:
        return _load(path), None
    if not Path(target).is_file():
        raise InputError(f"{path} holds one array, so --target must name a second .npy file; there is no {target}.")
    return _load(path), _load(Path(target))


def _load(path: Path) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except ValueError as error:
        raise InputError(f"{path} cannot be read ({error}); save labels as text or numbers, not as objects.") from error


def _read_frame(path: Path, target: str | None) -> tuple[Any, Any]:
    import pandas as pd

    if path.suffix.lower() == ".csv":
        frame = pd.read_csv(path)
    else:
        require("pyarrow", extra="parquet", purpose=f"Reading {path.name}")
        frame = pd.read_parquet(path)
    if target is None:
        return frame, None
    if target not in frame:
        names = [str(name) for name in frame.columns]
        raise InputError(f"{path} has no column {target!r}{_nearest(target, names)}; it has {_listed(names)}.")
    return frame.drop(columns=target), frame[target]


def _nearest(asked: str, names: list[str]) -> str:
    close = get_close_matches(asked, names, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _listed(names: list[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
