"""How often the verdict of ``check_transfer`` is right, and what following it costs, over pairs of source and target.

    python transfer_pairs.py --data DIR [DIR ...]
    python transfer_pairs.py --data DIR --rows 100 --out few.jsonl

A small CNN is trained on each source: data sets of the folder, digits of scikit-learn, or crops of its two
photographs, of which it tells how they were turned. ``check_transfer`` sees ``--rows`` rows of the target. Then each
way, and each plain model of the floor, is fitted on all of these rows and scored on up to 700 others. The regret is the
best of these scores less that of what was chosen. A verdict is right where what it chose is the best or lies within one
standard error of it, over the other rows.
Results in ``--out`` are not computed again.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_sample_images
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from autoarch import Layout
from autoarch._training.conv_net import ConvNet
from autoarch._training.loop import ArrayNetClassifier
from autoarch._training.scalers import GridScaler
from autoarch.families.net_settings import batch_rows, epochs
from autoarch.transfer import Pretrained, check_transfer
from autoarch.transfer.comparison import NONE, VERDICTS
from autoarch.transfer.references import REFERENCES, fit_reference
from autoarch.transfer.strategies import Setting, fit_way, kept_outputs, prepare
from ledger import Ledger
from tasks import load

PAIRS = (
    ("mnist5k", "mnist5k"),
    ("mnist5k", "mnist5k, shuffled"),
    ("digits", "mnist5k"),
    ("mnist5k", "digits"),
    ("fashion_mnist", "mnist5k"),
    ("mnist5k", "fashion_mnist"),
    ("fashion_mnist", "texture_patches"),
    ("fashion_mnist", "letter_sounds"),
    ("fashion_mnist", "har_watch"),
    ("photographs", "texture_patches"),
    ("photographs", "landsat_patches"),
    ("photographs", "har_watch"),
    ("photographs", "lfw_faces"),
    ("photographs", "fashion_mnist"),
    ("texture_patches", "landsat_patches"),
    ("letter_sounds", "japanese_vowels"),
    ("har_watch", "har_watch"),
    ("photographs", "digits, shuffled"),
)
SOURCE_ROWS, TEST_ROWS = 3_000, 700
CROPS, CROP_SIDE = 3_000, 24
FOLDS = 4
SOURCE_SEED = 0


def main() -> None:
    """Run what is missing, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", required=True, type=Path, metavar="DIR")
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0, help="of the rows of the targets, the folds and the weights")
    parser.add_argument("--out", type=Path, default=Path("transfer_pairs.jsonl"))
    arguments = parser.parse_args()
    ledger = Ledger(arguments.out)
    sources: dict[str, Pretrained] = {}
    for source, target in PAIRS:
        if ledger.has(source=source, target=target):
            continue
        if source not in sources:
            sources[source] = trained_on(source, arguments.data)
        ledger.add(measure(source, sources[source], target, arguments))
        print(ledger.rows[-1], flush=True)
    print_table(pd.DataFrame(ledger.rows))


def trained_on(name: str, folders: list[Path]) -> Pretrained:
    """A net of 16 filters and three stages, trained as the family's first default, twice as long."""
    X, y = turned_crops() if name == "photographs" else rows_of(name, folders, "train", SOURCE_ROWS, SOURCE_SEED)[:2]
    layout = Layout.of(X.shape[1:])
    n = len(X)
    training = {"lr": 1e-2, "max_epochs": epochs(n, 2.0), "batch_size": batch_rows(n, largest=128)}
    training |= {"optimizer__weight_decay": 3e-2, "criterion__label_smoothing": 0.05, "seed": SOURCE_SEED}
    net = ArrayNetClassifier(ConvNet, module__filters=16, module__stages=3, module__dropout=0.2, **training)
    return Pretrained.of(Pipeline([("scale", GridScaler(layout)), ("model", net)]).fit(X.reshape(n, -1), y))


def turned_crops() -> tuple[np.ndarray, np.ndarray]:
    """Crops of two photographs, each turned by 0 to 3 right angles, which is its label."""
    rng = np.random.default_rng(SOURCE_SEED)
    images = load_sample_images().images
    crops, labels = [], []
    for _ in range(CROPS):
        image = images[rng.integers(len(images))]
        top, left = (int(rng.integers(side - CROP_SIDE)) for side in image.shape[:2])
        turns = int(rng.integers(4))
        crop = np.rot90(image[top : top + CROP_SIDE, left : left + CROP_SIDE], turns)
        crops.append(np.moveaxis(crop, -1, 0))
        labels.append(turns)
    return np.array(crops, dtype=np.float32), np.array(labels)


def rows_of(
    name: str, folders: list[Path], part: str, most: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Some training rows, or some test rows, with their groups where these are training rows."""
    name, _, change = name.partition(", ")
    task = load(name, [] if name == "digits" else folders)
    X, y = (task.X, task.y) if part == "train" else (task.X_test, task.y_test)
    groups = task.groups if part == "train" else None
    if len(X) > most:
        kept = train_test_split(np.arange(len(X)), train_size=most, stratify=y, random_state=seed)[0]
        X, y, groups = X[kept], y[kept], None if groups is None else groups[kept]
    X = np.asarray(X, dtype=np.float32)
    if change == "shuffled":
        order = np.random.default_rng(0).permutation(int(np.prod(X.shape[1:])))
        X = X.reshape(len(X), -1)[:, order].reshape(X.shape)
    return X, y, groups


def measure(name: str, source: Pretrained, target: str, asked: argparse.Namespace) -> dict[str, Any]:
    """The verdict on some rows of the target, and what each way reaches on others."""
    groups, folders, n_rows, seed = None, asked.data, asked.rows, asked.seed
    if name == target:  # what the source has not seen
        X, y, _ = rows_of(target, folders, "test", n_rows + TEST_ROWS, seed)
        X, X_test, y, y_test = train_test_split(X, y, train_size=n_rows, stratify=y, random_state=seed)
    else:
        X, y, groups = rows_of(target, folders, "train", n_rows, seed)
        X_test, y_test, _ = rows_of(target, folders, "test", TEST_ROWS, seed)
    started = time.monotonic()
    report = check_transfer(source, X, y, cv=FOLDS, groups=groups, steps=asked.steps, random_state=seed)
    seconds = time.monotonic() - started
    layout, classes = Layout.of(X.shape[1:]), np.unique(y)
    kept, _ = kept_outputs(source, layout.shape, classes, None)
    setting = Setting(source, layout, classes, kept, steps=asked.steps, seed=seed)
    flat = X.reshape(len(X), -1)
    prepared = prepare(setting, flat, y)
    fitted = {way: fit_way(way, setting, prepared, flat, y) for way in report.ways}
    fitted |= {name: fit_reference(name, flat, y, classes, seconds=None, seed=seed) for name in REFERENCES}
    flat_test = X_test.reshape(len(X_test), -1)
    right = {name: classes[predict(flat_test).argmax(axis=1)] == y_test for name, predict in fitted.items()}
    scores = {way: float(hits.mean()) for way, hits in right.items()}
    best = max(scores, key=lambda way: scores[way])
    behind = right[best].astype(float) - right[report.chosen]
    error = float(behind.std(ddof=1) / np.sqrt(len(behind)))
    return {
        "source": name,
        "target": target,
        "verdict": report.verdict,
        "sure": report.sure,
        "shift": report.shift.word,
        **scores,
        "chosen": report.chosen,
        "best": best,
        "regret": float(behind.mean()),
        "error": error,
        "right": bool(VERDICTS.get(best, NONE) == report.verdict or behind.mean() <= error),
        "logme_gain": report.logme - report.logme_random,
        "folds": {way: list(found.scores) for way, found in report.ways.items()},
        "test_share": report.test_share,
        "changes": list(report.changes),
        "seconds": seconds,
    }


def print_table(table: pd.DataFrame) -> None:
    """One line per pair, and the sums: verdicts that were right, regret of them and of always doing the same."""
    shown = ["source", "target", *VERDICTS, *REFERENCES, "verdict", "sure", "regret", "right", "shift", "logme_gain"]
    print(table[shown].round(3).to_string(index=False))
    best = table[[*VERDICTS, *REFERENCES]].max(axis=1)
    always = {way: f"{(best - table[way]).mean():.3f}" for way in ("frozen", "fine-tuned", "from scratch")}
    regret = table["regret"]
    print(f"right: {table['right'].sum()} of {len(table)}")
    print(f"regret {regret.mean():.4f} on average, {regret.max():.3f} at most")
    print(f"regret of always doing the same: {always}; median check {table['seconds'].median():.0f} s")


if __name__ == "__main__":
    main()
