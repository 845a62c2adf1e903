"""Checks of paths that users pass, before anything is read or written."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from autoarch._core.checks import own_errors, shown
from autoarch.exceptions import InputError, ParameterError


def check_folder(name: str, value: object) -> Path:
    """Return ``value`` as a path, or raise unless files can stand in a folder of that name."""
    if not isinstance(value, (str, os.PathLike)):
        raise ParameterError(f"{name}={shown(value)} was given; expected the path of a folder, or None.")
    path = Path(checked_path(name, value))
    with own_errors():
        taken = next((part for part in (path, *path.parents) if part.exists()), path)
        if taken.exists() and not taken.is_dir():
            raise ParameterError(f"{name}={shown(value)} was given, and {taken} is a file; expected a folder.")
    return path


def check_place(path: object) -> Path:
    """Return where a file is to be written, or raise if there is no folder for it, or a folder of its name."""
    place = Path(checked_path("path", path))
    if place.is_dir() or not place.parent.is_dir():
        why = f"{place} is a folder" if place.is_dir() else f"there is no folder {place.parent}"
        raise InputError(f"path={str(path)!r} was given, and {why}. Pass the name of a file in a folder that exists.")
    return place


def checked_path(name: str, value: object) -> str:
    """Return the path that ``value`` is, or raise unless it is one that a system can have."""
    try:
        path = os.fsdecode(os.fspath(value))  # type: ignore[call-overload]
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            os.stat(path)  # refuses what no system can have: null bytes, names that are too long or no text
    except Exception as error:  # an object of the user's own may raise anything
        why = f"{type(error).__name__}: {getattr(error, 'strerror', None) or error}"
        raise ParameterError(f"{name}={shown(value)} was given; expected a path that can be ({why}).") from error
    if not path:
        raise ParameterError(f"{name}={shown(value)} was given; expected a path that is not empty.")
    return path
