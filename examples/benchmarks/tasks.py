"""Data sets by name: from folders of ``.npz`` and ``.parquet`` files, or those that scikit-learn ships.

The format of a folder is described in the documentation's page "Benchmark data". Labels are coded 0..k-1 before any
system sees them; without a fixed split, 30 % of the rows are held out, always the same ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.model_selection import train_test_split

TEST_SHARE = 0.3
SPLIT_SEED = 0


@dataclass(frozen=True)
class Task:
    """Training and test rows of one data set, in their natural shape."""

    name: str
    kind: str  # a letter from datasets.json, or "grid" / "table"
    classification: bool
    X: Any
    y: np.ndarray
    X_test: Any
    y_test: np.ndarray
    groups: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row."""
        return tuple(self.X.shape[1:])

    @property
    def is_grid(self) -> bool:
        """Whether a row is a matrix, so that a plain CNN applies."""
        return len(self.shape) > 1

    @property
    def n_classes(self) -> int:
        """Classes in training and test rows together, 0 for regression."""
        return int(max(self.y.max(), self.y_test.max())) + 1 if self.classification else 0


def names(folders: Sequence[Path] = ()) -> list[str]:
    """Data sets in ``folders``, or scikit-learn's."""
    if not folders:
        return list(BUNDLED)
    return sorted({path.stem for folder in folders for path in folder.iterdir() if path.suffix in (".npz", ".parquet")})


def load(name: str, folders: Sequence[Path] = ()) -> Task:
    """Read one data set and split it."""
    if not folders:
        if name not in BUNDLED:
            raise SystemExit(f"No bundled data set {name!r}; there are {', '.join(BUNDLED)}. Others need --data DIR.")
        return _split(name, *BUNDLED[name]())
    for folder in folders:
        about = _about(folder).get(name, {})
        if (folder / f"{name}.npz").is_file():
            return _from_npz(name, folder / f"{name}.npz", about)
        if (folder / f"{name}.parquet").is_file():
            return _from_parquet(name, folder / f"{name}.parquet", about)
    raise SystemExit(f"No {name}.npz or {name}.parquet in {', '.join(map(str, folders))}.")


def fewer(task: Task, rows: int) -> Task:
    """Keep ``rows`` training rows, always the same ones, classes in proportion where that can be."""
    if rows >= len(task.y):
        return task
    possible = task.classification and np.bincount(task.y)[np.unique(task.y)].min() > 1 and rows >= task.n_classes
    kept, _ = train_test_split(
        np.arange(len(task.y)), train_size=rows, random_state=SPLIT_SEED, stratify=task.y if possible else None
    )
    X = task.X.iloc[kept] if hasattr(task.X, "iloc") else task.X[kept]
    return replace(task, X=X, y=task.y[kept], groups=None if task.groups is None else task.groups[kept])


def _about(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / "datasets.json"
    if not path.is_file():
        return {}
    return {entry["name"]: entry for entry in json.loads(path.read_text(encoding="utf-8"))["datasets"]}


def _from_npz(name: str, path: Path, about: dict[str, Any]) -> Task:
    with np.load(path, allow_pickle=False) as arrays:
        X, y, groups = arrays["X"], arrays["y"], arrays.get("groups")
        fixed = (arrays["X_test"], arrays["y_test"]) if "X_test" in arrays else None
    kind, task = about.get("kind", "grid" if X.ndim > 2 else "table"), about.get("task")
    return _split(name, X, y, kind, task, groups) if fixed is None else _coded(name, kind, task, X, y, *fixed, groups)


def _from_parquet(name: str, path: Path, about: dict[str, Any]) -> Task:
    frame = pd.read_parquet(path)
    y = frame.pop(about.get("target", "target")).to_numpy()
    kind, task = about.get("kind", "table"), about.get("task")
    if not about.get("split_column"):
        return _split(name, frame, y, kind, task)
    test = frame.pop(about["split_column"]).astype(str).str.lower().isin(["test", "1", "true"]).to_numpy()
    return _coded(name, kind, task, frame[~test], y[~test], frame[test], y[test])


def _split(
    name: str, X: Any, y: np.ndarray, kind: str, task: str | None = None, groups: np.ndarray | None = None
) -> Task:
    every = _coded(name, kind, task, X, y, X[:0], y[:0], groups)
    stratify = every.y if every.classification and np.bincount(every.y).min() > 1 else None
    train, test = train_test_split(
        np.arange(len(y)), test_size=TEST_SHARE, random_state=SPLIT_SEED, stratify=stratify, shuffle=True
    )
    rows = (lambda index: X.iloc[index]) if hasattr(X, "iloc") else (lambda index: X[index])
    parts = {"X": rows(train), "y": every.y[train], "X_test": rows(test), "y_test": every.y[test]}
    return replace(every, **parts, groups=None if groups is None else groups[train])


def _coded(
    name: str,
    kind: str,
    task: str | None,
    X: Any,
    y: np.ndarray,
    X_test: Any,
    y_test: np.ndarray,
    groups: np.ndarray | None = None,
) -> Task:
    both = np.concatenate([y, y_test])
    classification = not task.startswith("regr") if task else both.dtype.kind != "f"
    if classification:
        both = np.unique(both.astype(str) if both.dtype == object else both, return_inverse=True)[1]
    both = both.astype(np.int64 if classification else np.float64)
    return Task(name, kind, classification, X, both[: len(y)], X_test, both[len(y) :], groups)


def _digits(shape: tuple[int, ...], *, scrambled: bool = False) -> tuple[np.ndarray, np.ndarray, str]:
    X, y = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(64) if scrambled else np.arange(64)
    return X[:, order].reshape(-1, *shape).astype(np.float32), y, "grid" if len(shape) > 1 else "table"


def _table(loader: Callable[..., Any]) -> tuple[pd.DataFrame, np.ndarray, str]:
    X, y = loader(return_X_y=True, as_frame=True)
    return X, y.to_numpy(), "table"


BUNDLED: dict[str, Callable[[], tuple[Any, np.ndarray, str]]] = {
    "digits": lambda: _digits((8, 8)),
    "digits_flat": lambda: _digits((64,)),
    "digits_scrambled": lambda: _digits((8, 8), scrambled=True),
    "breast_cancer": lambda: _table(datasets.load_breast_cancer),
    "wine": lambda: _table(datasets.load_wine),
    "diabetes": lambda: _table(datasets.load_diabetes),
}
