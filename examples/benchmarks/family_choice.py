"""Train every family in full on 114 tasks and write down what the probe said beforehand; then judge the probe.

    python family_choice.py run --data DIR --out family_choice.csv      # hours on two cores; goes on where it stopped
    python family_choice.py run --data DIR --families cnn --out cnn.csv # one family anew, for judge --table OLD cnn.csv
    python family_choice.py probe --data DIR                            # minutes: the probe's columns anew
    python family_choice.py judge                                       # seconds, from the table in this folder

``run`` fits some defaults of the CNN, the MLP and the trees on the training rows of each task, under three seeds, as
the verdict and the landmarks suggest them (symmetries are not told), and keeps the best one's mean score on the test
rows (accuracy or R2). ``judge`` compares with the probe's chances and recommendations, learns what is to be learned
with each source of data left out in turn, and prints every number that the documentation quotes; ``--write`` stores the
constants in ``autoarch/locality/constants.json`` and prints the offsets of the families.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import csv
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from family_tasks import LIST, Rows, make, name_of, source_of

HERE = Path(__file__).resolve().parent
FAMILIES = ("cnn", "mlp", "tree")
LANDMARKS = ("cnn", "cnn_shuffled", "mlp", "tree", "tree_summaries", "linear")
SEEDS = (0, 1, 2)
CANDIDATES = {"cnn": (0, 2, 99), "mlp": (0, 99), "tree": (0, 1)}  # places in the list of defaults; 99: the last
MOST_SECONDS = 90.0  # for one fit
HOPELESS = 0.02  # behind the other candidate under the first seed: its other seeds are left out
FIELDS = (
    *("task", "source", "kind", "n_train", "n_test", "n_columns", "verdict", "p_value", "lag_r2", "morans_i"),
    *("gain_layout", "gain_layout_error", "landmark_rows", "metric", "probe_seconds", "landmark_seconds"),
    *(f"landmark_{name}{part}" for name in LANDMARKS for part in ("", "_error")),
    *(f"{family}{part}" for family in FAMILIES for part in ("", "_sd")),
)


def main() -> None:
    """Run what is missing, or judge what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run")
    run.add_argument("--data", nargs="+", required=True, metavar="DIR")
    run.add_argument("--out", default=str(HERE / "family_choice.csv"))
    run.add_argument("--part", type=int, nargs=2, default=(0, 1), metavar=("I", "K"), help="every K-th task from I on")
    run.add_argument("--families", nargs="+", default=FAMILIES, choices=FAMILIES)
    again = commands.add_parser("probe")
    again.add_argument("--data", nargs="+", required=True, metavar="DIR")
    again.add_argument("--out", default=str(HERE / "family_choice.csv"))
    scorer = commands.add_parser("judge")
    scorer.add_argument(
        "--table",
        nargs="+",
        default=[str(HERE / "family_choice.csv")],
        help="a number in a later one replaces that of an earlier one",
    )
    scorer.add_argument("--write", action="store_true", help="store the constants in the package")
    arguments = parser.parse_args()
    if arguments.command == "run":
        first, step = arguments.part
        folders = [Path(folder) for folder in arguments.data]
        measure_all(LIST[first::step], folders, Path(arguments.out), arguments.families)
    elif arguments.command == "probe":
        probe_again([Path(folder) for folder in arguments.data], Path(arguments.out))
    else:
        from family_judge import judge_all

        judge_all([Path(path) for path in arguments.table], write=arguments.write)


def measure_all(
    tasks: list[tuple[str, str, int]], folders: list[Path], out: Path, families: Sequence[str] = FAMILIES
) -> None:
    """Append one line per task that the table lacks."""
    done = set()
    if out.is_file():
        with out.open(newline="", encoding="utf-8") as table:
            done = {row["task"] for row in csv.DictReader(table)}
    for task in tasks:
        if name_of(task) in done:
            continue
        started = time.monotonic()
        line = measure(make(task, folders), families)
        line = {"task": name_of(task), "source": source_of(task), **line}
        new = not out.is_file()
        with out.open("a", newline="", encoding="utf-8") as table:
            writer = csv.DictWriter(table, FIELDS, restval="")
            if new:
                writer.writeheader()
            writer.writerow(_rounded(line))
        scores = " ".join(f"{family} {line[family]:.4f}" for family in families if line[family] is not None)
        print(f"{name_of(task)}: {scores} ({time.monotonic() - started:.0f} s)", flush=True)


def probe_again(folders: list[Path], out: Path) -> None:
    """Replace what the probe said by what it says now; what the families reached stays."""
    with out.open(newline="", encoding="utf-8") as table:
        lines = list(csv.DictReader(table))
    tasks = {name_of(task): task for task in LIST}
    for line in lines:
        line |= _rounded(measure(make(tasks[line["task"]], folders), families=()))
        print(f"{line['task']}: {line['probe_seconds']} s", flush=True)
    with out.open("w", newline="", encoding="utf-8") as table:
        writer = csv.DictWriter(table, FIELDS)
        writer.writeheader()
        writer.writerows(lines)


def _rounded(line: dict[str, Any]) -> dict[str, Any]:
    return {key: f"{value:.4g}" if isinstance(value, float) else value for key, value in line.items()}


def measure(rows: Rows, families: Sequence[str] = FAMILIES) -> dict[str, Any]:
    """What the probe says of the training rows, and what the families reach on the test rows."""
    from autoarch._data.canonical import Canonicaliser
    from autoarch.locality import probe_values

    canonical = Canonicaliser().fit(rows.X)
    X, X_test = canonical.transform(rows.X), canonical.transform(rows.X_test)
    task = "classification" if rows.classification else "regression"
    codes = np.unique(rows.y, return_inverse=True)[1] if rows.classification else rows.y
    arguments = {"task": task, "categorical": canonical.categorical_, "random_state": 0}
    started = time.monotonic()
    probe = probe_values(X, canonical.layout_, y=codes, **arguments)
    line: dict[str, Any] = {
        "kind": task,
        "n_train": len(X),
        "n_test": len(X_test),
        "n_columns": X.shape[1],
        "verdict": probe.verdict,
        "p_value": probe.p_value,
        "lag_r2": probe.lag_r2,
        "morans_i": probe.morans_i,
        "landmark_rows": probe.landmark_rows,
        "metric": probe.landmark_metric,
        "probe_seconds": time.monotonic() - started,
        "landmark_seconds": float(sum(mark.seconds for mark in probe.landmarks.values())),
    }
    if "layout" in probe.gains:
        line["gain_layout"], line["gain_layout_error"] = vars(probe.gains["layout"]).values()
    for name, mark in probe.landmarks.items():
        line[f"landmark_{name}"], line[f"landmark_{name}_error"] = mark.score, mark.std_error
    for family in families:
        line[family], line[f"{family}_sd"] = train(family, X, rows.y, X_test, rows.y_test, canonical, task, probe)
    return line


def train(
    name: str,
    X: np.ndarray,
    y: np.ndarray,
    X_test: np.ndarray,
    y_test: np.ndarray,
    canonical: Any,
    task: str,
    probe: Any,
) -> tuple[float | None, float | None]:
    """Mean score of the family's better candidate over the seeds, and its spread; None where it cannot serve."""
    from sklearn.metrics import accuracy_score, r2_score

    from autoarch._core.clock import Deadline
    from autoarch._core.quiet import quiet
    from autoarch._search.evaluate import fit_steps
    from autoarch.families import Problem
    from autoarch.families.registry import resolve_families

    (family,) = resolve_families([name])
    classes, counts = np.unique(y, return_counts=True)
    problem = Problem(
        task=task,
        n_samples=len(X),
        n_features=X.shape[1],
        n_classes=len(classes) if task == "classification" else 0,
        smallest_class=int(counts.min()) if task == "classification" else 0,
        layout=canonical.layout_,
        categorical=canonical.categorical_,
        cardinalities=canonical.cardinalities_,
        has_missing=canonical.has_missing_,
        verdict=probe.verdict,
        symmetries=probe.scores.tells_more,
    )
    if family.unfit_for(problem) is not None:
        return None, None
    defaults = family.defaults(problem)
    score = accuracy_score if task == "classification" else r2_score

    def reach(place: int, seed: int) -> float:
        candidate = defaults[min(place, len(defaults) - 1)]
        fitted = fit_steps(family, candidate, problem, seed, X, y, None, Deadline(MOST_SECONDS))
        return float(score(y_test, fitted.predict(X_test)))

    with quiet("optuna"):
        first = {place: reach(place, SEEDS[0]) for place in CANDIDATES[name]}
        close = [place for place in first if first[place] >= max(first.values()) - HOPELESS]
        reached = [[first[place], *(reach(place, seed) for seed in SEEDS[1:])] for place in close]
    best = max(reached, key=np.mean)
    return float(np.mean(best)), float(np.std(best))


if __name__ == "__main__":
    main()
