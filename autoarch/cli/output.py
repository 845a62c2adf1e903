"""Files that the command line writes: a look at where they go before any work, tables, and models."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from autoarch._core.imports import require
from autoarch.cli.arguments import STANDARD_OUTPUT
from autoarch.cli.files import PICKLES, TABLES, checked_path
from autoarch.exceptions import InputError


def write_table(table: Any, path: str | None) -> None:
    """Write a table in the format that the ending of a path names; CSV on standard output without one."""
    import sys

    kind = ".csv" if path is None else Path(path).suffix.lower()
    if kind in (".csv", ".tsv"):
        table.to_csv(path or sys.stdout, index=False, sep="\t" if kind == ".tsv" else ",")
    elif kind == ".npy":
        np.save(str(path), _plain(table.to_numpy()))
    elif kind == ".npz":
        arrays: dict[str, Any] = {str(name): _plain(table[name].to_numpy()) for name in table}
        np.savez(str(path), **arrays)
    elif kind == ".parquet":
        table.to_parquet(path)
    else:
        table.to_feather(path)


def _plain(values: np.ndarray) -> np.ndarray:
    """Texts in place of objects, which would be written as pickles."""
    return values.astype(str) if values.dtype == object else values


def checked_table(path: str) -> Path:
    """Return the path of a table to write, or raise where there is no such folder or format."""
    output = checked_output(path)
    known = (*TABLES, ".npy", ".npz")
    if output.suffix.lower() not in known:
        raise InputError(f"{output} ends in {output.suffix!r}; tables that can be written end in {', '.join(known)}.")
    if output.suffix.lower() in (".parquet", ".feather"):
        require("pyarrow", extra="parquet", purpose=f"Writing {output.name}")
    return output


def checked_model(path: str) -> Path:
    """Return where a model is to go, or raise where it could not be written, before there is a model.

    Raises
    ------
    InputError
        If there is no such folder, or it ends like a file of another kind.
    MissingExtraError
        If it needs the extra ``files``, and that is missing.
    """
    output = checked_output(path)
    if output.suffix.lower() in (*TABLES, ".npy", ".npz", ".html", ".json", ".onnx"):
        raise InputError(f"{output} ends in {output.suffix!r}, which no model does; name it model.autoarch.")
    if output.suffix.lower() not in PICKLES:
        for package in ("skops.io", "safetensors.numpy"):
            require(package, extra="files", purpose=f"Writing {output.name} (model.joblib is a pickle, and needs none)")
    return output


def write_model(model: Any, path: str) -> None:
    """Write a fitted estimator: a pickle where the name ends so, else a model file."""
    import joblib

    if Path(path).suffix.lower() in PICKLES:
        joblib.dump(model, path)
    else:
        model.save(path)


def checked_outputs(outputs: Iterable[str | None], *inputs: str) -> None:
    """Look at all files that are to be written before any work: each can be, by its own name, and is no input.

    Raises
    ------
    InputError
        If one cannot be written, or would take the place of another, or of an input.
    """
    taken = {checked_path(path).resolve(): f"the input {path}" for path in inputs}
    for path in outputs:
        if path is None or path == STANDARD_OUTPUT:
            continue
        place = checked_output(path).resolve()
        if place in taken:
            raise InputError(f"{path} would take the place of {taken[place]}. Name another file.")
        taken[place] = f"{path}, which is written too"


def checked_output(path: str) -> Path:
    """Return the path of a file to write, or raise where it could not be written, before there is anything to write.

    Raises
    ------
    InputError
        If it is a folder, or its folder is not there.
    """
    output = checked_path(path)
    if output.is_dir():
        raise InputError(f"{output} is a folder; expected the name of a file to write.")
    if not output.parent.is_dir():
        raise InputError(f"There is no folder {output.parent} to write {output.name} into. Make it first.")
    if not os.access(output if output.exists() else output.parent, os.W_OK):
        raise InputError(f"{output} may not be written: see who owns it and its folder, or name another place.")
    return output
