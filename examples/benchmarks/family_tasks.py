"""The tasks on which the probe's choice of a family is judged: real data and generators, each as it is and changed.

A task is a source, a change and a number of training rows. Changes keep what the labels mean and take away, or add, a
reason for convolutions: cells permuted, one axis shuffled, pictures shifted, noise added, few rows; ``cell``,
``texture`` and ``place`` replace the labels of real pictures by one that a single cell, the roughness or the centre of
mass decides. The list stands here in full, so that none is left out for how it came out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from autoarch.datasets import make_alternating_texture, make_cell_rule, make_noise, make_textures
from tasks import load

MANY, FEW = 1_500, 200
MOST_TEST_ROWS = 5_000
PICTURES = ("digits", "mnist5k", "fashion_mnist", "texture_patches", "landsat_patches", "letter_sounds")
SERIES = ("har_watch", "japanese_vowels", "osu_leaf", "sonar", "italy_power", "tecator_fat")
TABLES = (
    *("tissue_expression", "thrombin_ecfp", "mdrr_descriptors", "spambase", "bfi_survey", "adult", "credit_g"),
    *("diamonds", "soybean", "telco_churn", "shuttle", "hotel_rates", "california_housing", "storm_status"),
    *("quakes_mag", "lansing_trees", "sacramento", "optdigits_table", "breast_cancer", "wine", "diabetes"),
)
GENERATED = ("textures", "alternating", "cell_rule", "noise", "blobs", "waves")
LIST = [
    *((source, change, MANY) for source in PICTURES for change in ("true", "permuted", "columns", "noise", "shifted")),
    *((source, "true", FEW) for source in PICTURES),
    *((source, change, MANY) for source in PICTURES[:3] for change in ("cell", "texture", "place")),
    *((source, change, FEW) for source in PICTURES[:3] for change in ("permuted", "rows")),
    *(("lfw_faces", change, MANY) for change in ("true", "permuted")),
    *(("climate_year", change, MANY) for change in ("true", "permuted")),
    *((source, change, MANY) for source in SERIES for change in ("true", "permuted")),
    *((source, "true", MANY) for source in TABLES),
    *((source, "true", FEW) for source in TABLES[3:15]),
    *((source, change, rows) for source in GENERATED for change, rows in (("true", MANY), ("true", FEW))),
    *((source, "permuted", MANY) for source in GENERATED[:2]),
]
OWN_SPLIT = (  # by person, by place, or official: rows that are left over must not join the test rows
    *("texture_patches", "landsat_patches", "har_watch", "japanese_vowels", "osu_leaf", "italy_power"),
    *("tecator_fat", "storm_status", "shuttle", "thrombin_ecfp"),
)
SAME_SOURCE = {"optdigits_table": "digits", "mnist5k": "handwriting"}


@dataclass(frozen=True)
class Rows:
    """Training and test rows of one task."""

    X: Any
    y: np.ndarray
    X_test: Any
    y_test: np.ndarray
    classification: bool


def name_of(task: tuple[str, str, int]) -> str:
    """Write a task as one word."""
    source, change, rows = task
    return f"{source}-{change}-{'few' if rows == FEW else 'many'}"


def source_of(task: tuple[str, str, int]) -> str:
    """Where the rows come from: tasks of one source are judged together."""
    return SAME_SOURCE.get(task[0], task[0])


def make(task: tuple[str, str, int], folders: Sequence[Path]) -> Rows:
    """Load, change and cut one task."""
    source, change, n_rows = task
    rng = np.random.default_rng(0)
    rows = _generate(source, rng) if source in GENERATED else _load(source, folders, rng)
    if change != "true":
        together = np.concatenate([rows.X, rows.X_test]).astype(np.float32)
        changed, labels = CHANGES[change](together, rng)
        y = np.concatenate([rows.y, rows.y_test]) if labels is None else labels
        n = len(rows.X)
        rows = Rows(
            changed[:n], y[:n], changed[n:], y[n:], rows.classification if labels is None else labels.dtype == int
        )
    return _cut(rows, n_rows, leftovers=source not in OWN_SPLIT)


def _load(source: str, folders: Sequence[Path], rng: np.random.Generator) -> Rows:
    bundled = {"breast_cancer", "wine", "diabetes", "digits"}
    task = load(source, [] if source in bundled else folders)
    return Rows(task.X, task.y, task.X_test, task.y_test, task.classification)


def _generate(source: str, rng: np.random.Generator) -> Rows:
    n = MANY + MOST_TEST_ROWS
    makers: dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]] = {
        "textures": lambda: make_textures(n, (16, 16), random_state=0),
        "alternating": lambda: make_alternating_texture(n, (16, 16), random_state=0),
        "cell_rule": lambda: make_cell_rule(n, (16, 16), random_state=0),
        "noise": lambda: make_noise(n, 20, random_state=0),
        "blobs": lambda: _blobs(n, rng),
        "waves": lambda: _waves(n, rng),
    }
    X, y = makers[source]()
    return Rows(X[:MANY], y[:MANY], X[MANY:], y[MANY:], y.dtype.kind != "f")


def _blobs(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """How many small bumps stand in the noise, anywhere: a count, as a regression."""
    X = rng.normal(size=(n, 16, 16)).astype(np.float32) * 0.5
    counts = rng.integers(0, 6, n)
    for sample, count in zip(X, counts, strict=True):
        for _ in range(count):
            top, left = rng.integers(0, 13, 2)
            sample[top : top + 3, left : left + 3] += 1.5
    return X, counts.astype(np.float64) + 0.01 * rng.normal(size=n)


def _waves(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Frequency of a wave of any phase along each row, sensors in no order: a regression on 6 x 60 cells."""
    frequency = rng.uniform(1, 6, n)
    phase = rng.uniform(0, 2 * np.pi, (n, 6, 1))
    time = np.linspace(0, 2 * np.pi, 60)
    X = np.sin(frequency[:, None, None] * time + phase) + 0.5 * rng.normal(size=(n, 6, 60))
    return X.astype(np.float32), frequency


def _flat(X: np.ndarray) -> np.ndarray:
    """Shape (n, C, cells)."""
    cells = X.shape[-1] if X.ndim == 2 else X.shape[-2] * X.shape[-1]
    return X.reshape(len(X), -1, cells)


def _permuted(X: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, None]:
    flat = _flat(X)
    return flat[:, :, rng.permutation(flat.shape[2])].reshape(X.shape), None


def _columns(X: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, None]:
    return X[..., rng.permutation(X.shape[-1])], None


def _rows(X: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, None]:
    return X[..., rng.permutation(X.shape[-2]), :], None


def _noisy(X: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, None]:
    return X + X.std() * rng.normal(size=X.shape).astype(np.float32), None


def _shifted(X: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, None]:
    """Each sample by up to a quarter of its sides, around the edge."""
    moved = np.empty_like(X)
    for place, sample in enumerate(X):
        steps = [int(rng.integers(-(side // 4), side // 4 + 1)) for side in X.shape[-2:]]
        moved[place] = np.roll(sample, steps, axis=(-2, -1))
    return moved, None


def _one_cell(X: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Whether the cell that varies most lies above its median."""
    flat = X.reshape(len(X), -1)
    cell = flat[:, flat.std(axis=0).argmax()]
    return X, (cell > np.median(cell)).astype(int)


def _texture(X: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """How rough a picture is, whatever it shows: a regression."""
    rough = np.abs(np.diff(X, axis=-1)).mean(axis=(-2, -1))
    return X, np.log(rough + 1e-3).astype(np.float64)


def _place(X: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Which quarter of the grid holds the brightest block: position is the label."""
    moved, _ = _shifted(X, rng)
    height, width = (side // 2 for side in X.shape[-2:])
    quarters = [moved[:, a : a + height, b : b + width].sum(axis=(1, 2)) for a in (0, height) for b in (0, width)]
    return moved, np.argmax(quarters, axis=0).astype(int)


CHANGES: dict[str, Callable[[np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray | None]]] = {
    "permuted": _permuted,
    "columns": _columns,
    "rows": _rows,
    "noise": _noisy,
    "shifted": _shifted,
    "cell": _one_cell,
    "texture": _texture,
    "place": _place,
}


def _cut(rows: Rows, n_rows: int, *, leftovers: bool) -> Rows:
    """At most ``n_rows`` training rows, classes in their shares; ``leftovers`` may be test rows too."""
    n = len(rows.y)
    if n <= n_rows:
        return _fewer_test_rows(rows)
    sizes = np.bincount(rows.y) if rows.classification else np.zeros(0, int)
    stratify = rows.y if rows.classification and sizes[sizes > 0].min() > 1 and n_rows > 2 * len(sizes) else None
    train, left = train_test_split(np.arange(n), train_size=n_rows, random_state=0, stratify=stratify)
    left = left if leftovers else left[:0]
    X_left, y_left = _take(rows.X, left), rows.y[left]
    if isinstance(rows.X, pd.DataFrame):
        X_test: Any = pd.concat([rows.X_test, X_left])
    else:
        X_test = np.concatenate([rows.X_test, X_left])
    grown = Rows(
        _take(rows.X, train), rows.y[train], X_test, np.concatenate([rows.y_test, y_left]), rows.classification
    )
    return _fewer_test_rows(grown)


def _fewer_test_rows(rows: Rows) -> Rows:
    if len(rows.y_test) <= MOST_TEST_ROWS:
        return rows
    kept = np.random.default_rng(1).choice(len(rows.y_test), MOST_TEST_ROWS, replace=False)
    return Rows(rows.X, rows.y, _take(rows.X_test, kept), rows.y_test[kept], rows.classification)


def _take(X: Any, rows: np.ndarray) -> Any:
    return X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]


if __name__ == "__main__":
    for each in LIST:
        print(name_of(each))
    print(len(LIST), "tasks,", len({source_of(each) for each in LIST}), "sources")
