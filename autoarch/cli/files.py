"""Files that the command line reads: data and models.

A file may be hostile: a few bytes can stand for more values than any memory holds. So sizes are read from the head of a
file and compared with what is there, and with the memory that is free, before anything is read.
"""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np

from autoarch._core.imports import require
from autoarch.exceptions import AutoArchError, InputError

TABLES = (".csv", ".tsv", ".parquet", ".feather")
PICKLES = (".joblib", ".pkl", ".pickle")
_ARCHIVE = b"PK\x03\x04"  # a model file begins with it
_SEPARATORS = ",;\t|"
_SNIFFED = 2**16  # characters of a text that the separator is told from
_CELL_BYTES = 8  # of a number in a table
_CSV_GROWTH = 3  # bytes of memory for each byte of text, while a table is read


def read_data(path: str | Path, target: str | None = None, texts: Collection[str] = ()) -> tuple[Any, Any]:
    """Read features and, where the file has them, labels.

    Parameters
    ----------
    path : str or Path
        ``.npz`` with an array ``X``, ``.npy``, ``.csv``, ``.tsv``, ``.parquet`` or ``.feather``. Of texts, the
        separator and decimal commas are found.
    target : str, optional
        Where the labels are: a column of a table, or several with commas between, an array of a ``.npz`` (``y`` is
        taken unasked), or for a ``.npy`` a second ``.npy`` file.
    texts : collection of str, default=()
        Columns of a table of text that hold texts, even where all of them look like numbers.

    Returns
    -------
    X : ndarray or DataFrame
        The features.
    y : ndarray, Series, DataFrame or None
        The labels.
    """
    path = checked_path(path)
    read_frame = partial(_read_frame, texts=texts)
    readers: dict[str, Any] = {".npz": _read_npz, ".npy": _read_npy, **dict.fromkeys(TABLES, read_frame)}
    if path.suffix.lower() not in readers:
        raise InputError(f"{path} ends in {path.suffix!r}; files that can be read end in {', '.join(readers)}.")
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    return readers[path.suffix.lower()](path, target)


def _read_npz(path: Path, target: str | None) -> tuple[Any, Any]:
    with _reading(path), zipfile.ZipFile(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        if "X" not in names:
            raise InputError(f"{path} holds {_listed(names)}; one array must be named X (numpy.savez(path, X=X, y=y)).")
        if target is not None and target not in names:
            raise _absent(path, "array", target, names)
        labels = "y" if target is None else target
        return _member(archive, "X"), _member(archive, labels) if labels in names else None


def _member(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """An array of an archive, after a look at its size: some kilobytes may unfold to a petabyte."""
    size = archive.getinfo(f"{name}.npy").file_size
    with archive.open(f"{name}.npy") as file:
        _check_head(file, f"the array {name}", size)
    with archive.open(f"{name}.npy") as file:
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


def _read_npy(path: Path, target: str | None) -> tuple[Any, Any]:
    if target is not None and not checked_path(target).is_file():
        raise InputError(f"{path} holds one array, so --target must name a second .npy file; there is no {target}.")
    return _load_array(path), None if target is None else _load_array(Path(target))


def _load_array(path: Path) -> Any:
    with _reading(path), path.open("rb") as file:
        _check_head(file, "the array", path.stat().st_size)
        file.seek(0)
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


def _check_head(file: IO[bytes], what: str, size: int) -> None:
    """Raise unless the head of an array says that it has plain values, as many as there are bytes for, that fit."""
    from autoarch._data.containers import check_room

    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.hasobject:
        raise InputError(f"{what} holds objects, which are not read; save labels as text or numbers, not as objects.")
    if min(shape, default=0) < 0 or prod(shape) * dtype.itemsize > size:
        raise InputError(f"{what} has shape {shape} by its head, but there are only {size} bytes. Save it again.")
    check_room(what, shape, max(1, dtype.itemsize))


def _read_frame(path: Path, target: str | None, texts: Collection[str]) -> tuple[Any, Any]:
    import pandas as pd

    from autoarch._data.containers import check_room

    if path.suffix.lower() == ".feather":
        require("pyarrow", extra="parquet", purpose=f"Reading {path.name}")
        check_room("the table", (path.stat().st_size,), _CSV_GROWTH)
    elif path.suffix.lower() == ".parquet":
        require("pyarrow", extra="parquet", purpose=f"Reading {path.name}")
        from pyarrow import parquet

        with _reading(path), parquet.ParquetFile(path) as file:  # runs of one value take no bytes
            check_room("the table", (file.metadata.num_rows, file.metadata.num_columns), _CELL_BYTES)
    else:
        check_room("the text", (path.stat().st_size,), _CSV_GROWTH)
    with _reading(path):
        readers = {".parquet": pd.read_parquet, ".feather": pd.read_feather}
        frame = readers.get(path.suffix.lower(), partial(_read_text, texts=texts))(path)
    if target is None:
        return frame, None
    names = [target] if target in frame else target.split(",")
    for name in names:
        if name not in frame:
            raise _absent(path, "column", name, frame)
    return frame.drop(columns=names), frame[names[0] if len(names) == 1 else names]


def _read_text(path: Path, texts: Collection[str]) -> Any:
    """Read a table of text, with the separator that its first lines share, and decimal commas where numbers have them.

    Raises
    ------
    InputError
        If it is empty, or no text.
    """
    import pandas as pd

    try:
        with path.open(encoding="utf-8-sig") as file:
            head = file.read(_SNIFFED)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is no text in UTF-8 ({error.reason} at byte {error.start}). Save it as such."
        ) from error
    lines = [line for line in head.splitlines() if line.strip()]
    if not lines:
        raise InputError(f"{path} is empty; expected a line of names and one line for each row.")
    if "\0" in head:
        raise InputError(f"{path} is no text, whatever its name says. Save it as a table of text.")
    counts = {mark: min(line.count(mark) for line in lines[:20]) for mark in _SEPARATORS}
    separator = max(counts, key=lambda mark: (counts[mark], mark == ","))
    separator = separator if counts[separator] else ","
    settings: dict[str, Any] = {"sep": separator, "encoding": "utf-8-sig", "low_memory": False}
    settings["dtype"] = dict.fromkeys(texts, str)
    frame = pd.read_csv(path, **settings)
    others = frame.select_dtypes(exclude="number").columns.difference(list(texts))
    if separator != "," and any(_has_decimal_commas(frame[name]) for name in others):
        frame = pd.read_csv(path, decimal=",", **settings)
    return frame


def _has_decimal_commas(column: Any) -> bool:
    known = column.dropna().astype(str)
    numbers = known.str.fullmatch(r"\s*[-+]?\d*,?\d+(e[-+]?\d+)?\s*", case=False)
    return bool(len(known) and numbers.all() and known.str.contains(",").any())


def text_columns(model: Any) -> list[str]:
    """Columns that a fitted estimator knows as texts: its labels are, or it read no numbers from them."""
    from autoarch._data.columns import Category, Number

    step = model.best_estimator_[0]
    if step._table is None or not hasattr(step, "feature_names_in_"):
        return []
    known = zip(step._table.positions, step._table.coders, strict=True)
    return [
        str(step.feature_names_in_[position])
        for position, coder in known
        if not isinstance(coder, Number)
        and (not isinstance(coder, Category) or all(isinstance(level, str) for level in coder.levels))
    ]


def labels_like(model: Any, y: Any) -> Any:
    """Labels in the type of those that an estimator knows, where a file holds them in another."""
    from autoarch._data.columns import as_text

    classes = getattr(model, "classes_", None)
    if classes is None or getattr(classes, "ndim", 0) != 1:
        return y
    known = {as_text(label): label for label in classes.tolist()}
    same = [known.get(as_text(label), label) for label in np.asarray(y).tolist()]
    return np.array(same, dtype=classes.dtype if all(label in known.values() for label in same) else object)


def read_model(path: str, *, trusted: bool) -> Any:
    """Load a fitted estimator; a pickle, which runs code from the file, where its maker is said to be trusted.

    Raises
    ------
    InputError
        If the maker is not, or there is no estimator in the file.
    """
    import joblib

    path_of_model = checked_path(path)
    if not path_of_model.is_file():
        raise InputError(f"There is no file {path_of_model}.")
    with path_of_model.open("rb") as file:
        if file.read(len(_ARCHIVE)) == _ARCHIVE:
            from autoarch import load

            return load(path_of_model)
    if not trusted:
        raise InputError(
            f"{path} is a pickle, and loading it could run any code. If you made it, or trust who did, add --trust."
        )
    with _reading(path_of_model):
        model = joblib.load(path_of_model)
    if not hasattr(model, "leaderboard_"):
        raise InputError(f"{path} holds a {type(model).__name__}, not an estimator fitted by autoarch fit.")
    return model


def checked_path(path: str | Path) -> Path:
    """Path of a file, or an InputError where that cannot be one."""
    from autoarch._core.paths import checked_path

    return Path(checked_path("the file", path))


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Tell of any error that a damaged or hostile file causes in what reads it."""
    try:
        yield
    except (AutoArchError, OSError):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"{path} cannot be read ({type(error).__name__}: {reason}). Check that it is whole and what its name says; "
            "save labels as text or numbers, not as objects."
        ) from error


def _absent(path: Path, kind: str, target: str, names: Iterable[Any]) -> InputError:
    from autoarch._core.checks import did_you_mean  # loads scikit-learn

    return InputError(f"{path} has no {kind} {target!r}; it holds {_listed(names)}.{did_you_mean(target, names)}")


def _listed(names: Iterable[Any], most: int = 12) -> str:
    first, more = [str(name) for name in names][:most], len(list(names)) - most
    return ", ".join(first) + (f" and {more} more" if more > 0 else "")
