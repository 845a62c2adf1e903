"""Packages whose names are imported on first touch, so that importing a package loads nothing of what it offers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from autoarch.exceptions import MissingExtraError


def door(
    package: str, names: Sequence[str], homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the ``__getattr__`` and the ``__dir__`` of a package.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    names : sequence of str
        Its ``__all__``, for the message about a name that it has not.
    homes : mapping of str to str
        Modules that the names are imported from when they are touched.

    Returns
    -------
    tuple of callable
    """

    def touched(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}; it offers {', '.join(names)}")
        value = getattr(import_module(homes[name]), name)
        vars(sys.modules[package])[name] = value  # the next touch does not come through here
        return value

    def offered() -> list[str]:
        return sorted([*vars(sys.modules[package]), *homes])

    return touched, offered


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import ``module`` or say which extra of autoarch installs it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{purpose} needs the package {module!r}, which could not be imported ({error}). "
            f"Install it with: pip install 'autoarch[{extra}]'"
        ) from error
