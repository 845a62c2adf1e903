"""Facts by which the same can be fitted again: versions, parameters that are not the defaults, code and command."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

FLAGS = {"time_budget": "budget", "n_trials": "trials", "n_jobs": "jobs", "random_state": "seed"}
_PLAIN = (str, int, float, type(None))


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


def code_of(estimator: Any) -> str:
    """Python that fits with the same parameters, data apart."""
    shown = ", ".join(f"{name}={value!r}" for name, value in passed_params(estimator).items())
    name = type(estimator).__name__
    return f"from autoarch import {name}\nmodel = {name}({shown}).fit(X, y)"


def flag_of(name: str) -> str:
    """Argument of the command line that carries a parameter."""
    return f"--{FLAGS.get(name, name).replace('_', '-')}"


def command_of(parameters: Mapping[str, Any], *, task: str) -> str | None:
    """The command that fits with such parameters of an estimator; None where a shell cannot carry one of them."""
    parts = [f"autoarch fit DATA --target LABEL --task {task} --out model.autoarch"]
    for name, value in parameters.items():
        texts = value if isinstance(value, (tuple, list)) else [value]
        if isinstance(value, dict) and name == "class_weight":
            texts = [",".join(f"{label}={weight}" for label, weight in value.items())]
        if not all(isinstance(text, _PLAIN) for text in texts):
            return None
        words = ["none" if text is None else str(text) for text in texts]
        if name == "warm_start":
            parts += [flag_of(name)] if value else []
        else:
            words = ["x".join(words)] if name == "layout" else words
            parts.append(f"{flag_of(name)} {' '.join(map(shlex.quote, words))}")
    return " ".join(parts)
