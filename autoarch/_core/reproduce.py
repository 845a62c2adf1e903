"""Facts by which the same can be fitted again: versions of packages, and parameters that are not the defaults."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Versions of those packages that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def passed_params(estimator: Any) -> dict[str, Any]:
    """Parameters of an estimator that are other objects than its defaults."""
    usual = type(estimator)().get_params(deep=False)
    return {key: value for key, value in estimator.get_params(deep=False).items() if value is not usual[key]}
